package handlers

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
)

// Names under which a request keeps what was found out about it.
type localKey string

const (
	keyVisit   localKey = "visit"
	keyForm    localKey = "form"
	keyRequest localKey = "request"
	keyFrame   localKey = "frame"
	// keyRead is set when a body was read to its end.
	keyRead localKey = "read"
	// keyRepeat is the import that the next file repeats.
	keyRepeat localKey = "repeat"
)

// SessionHeader carries a session's token in requests of scripts, and
// SessionField in forms.
const (
	SessionHeader = "X-App-Session"
	SessionField  = "_s"
)

// visit is a request inside the app: a session and its token, which the next
// page needs for its forms.
type visit struct {
	Session portal.Session
	Token   string
}

// actor is the person of a visit as package importer knows people.
func (v visit) actor() importer.Actor {
	a := importer.Actor{
		Portal: v.Session.Portal, User: v.Session.User, Name: v.Session.UserName,
		Admin: v.Session.Admin, Lang: v.Session.Lang, Zone: v.Session.Zone,
		Connection: importer.Connection{Kind: importer.ByGrant, User: v.Session.User},
	}
	if v.Session.Webhook != "" {
		a.Connection.Kind, a.Connection.Webhook = importer.ByWebhook, v.Session.Webhook
		// The rights are those of the webhook's owner, who may be another
		// person than the one in the frame.
		a.Connection.User = v.Session.WebhookUser
	}
	return a
}

// inside lets a handler be called only with a session. The token comes in
// the header, or in the form for pages without scripts; multipart bodies are
// not read here: their handlers take _s from the first part (sessionFor).
func (s *Server) inside(h func(c *fiber.Ctx, v visit) error) fiber.Handler {
	return func(c *fiber.Ctx) error {
		token := c.Get(SessionHeader)
		if token == "" && !isMultipart(c) && c.Method() == fiber.MethodPost {
			form, err := s.form(c)
			if err != nil {
				return err
			}
			token = form.Get(SessionField)
		}
		v, err := s.sessionFor(c, token)
		if err != nil {
			return err
		}
		return h(c, v)
	}
}

// sessionFor finds the session of a token and makes the request its visit.
func (s *Server) sessionFor(c *fiber.Ctx, token string) (visit, error) {
	session, err := s.portals.Session(c.UserContext(), token)
	if err != nil {
		return visit{}, fmt.Errorf("finding the session: %w", err)
	}
	v := visit{Session: session, Token: token}
	s.enter(c, v)
	return v, nil
}

// enter makes a request part of a session: pages get its token, and its
// portal may frame them.
func (s *Server) enter(c *fiber.Ctx, v visit) {
	c.Locals(keyVisit, v)
	s.frameBy(c, v.Session.Origin)
}

func visitOf(c *fiber.Ctx) (visit, bool) {
	v, ok := c.Locals(keyVisit).(visit)
	return v, ok
}

// Limits of a form: opens and events have about twenty fields, a mapping a
// few for each of up to a few thousand columns.
const (
	maxForm  = 4 << 20
	maxPairs = 50_000
)

type parsedForm struct {
	values url.Values
	err    error
}

// form reads an urlencoded body, once per request.
func (s *Server) form(c *fiber.Ctx) (url.Values, error) {
	if f, ok := c.Locals(keyForm).(parsedForm); ok {
		return f.values, f.err
	}
	f := parsedForm{}
	f.values, f.err = readForm(c, maxForm)
	c.Locals(keyForm, f)
	return f.values, f.err
}

func readForm(c *fiber.Ctx, limit int) (url.Values, error) {
	if kind := c.Get(fiber.HeaderContentType); kind != "" && !strings.HasPrefix(kind, fiber.MIMEApplicationForm) {
		return nil, fiber.ErrUnsupportedMediaType
	}
	body, err := readBody(c, limit)
	if err != nil {
		return nil, err
	}
	if strings.Count(string(body), "&") >= maxPairs {
		return nil, fiber.ErrRequestEntityTooLarge
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fiber.NewError(fiber.StatusBadRequest, "malformed form")
	}
	return values, nil
}

// readBody reads a body of at most limit bytes. A declared size is judged
// before the first byte is read, and a body that ends early is an error:
// with streaming, Fiber checks neither.
func readBody(c *fiber.Ctx, limit int) ([]byte, error) {
	declared := c.Request().Header.ContentLength()
	if declared > limit {
		return nil, fiber.ErrRequestEntityTooLarge
	}
	stream := c.Context().RequestBodyStream()
	if stream == nil {
		body := c.Body()
		if len(body) > limit {
			return nil, fiber.ErrRequestEntityTooLarge
		}
		return body, nil
	}
	body, err := io.ReadAll(io.LimitReader(stream, int64(limit)+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), err == nil && declared >= 0 && len(body) < declared:
		return nil, fiber.NewError(fiber.StatusBadRequest, "the request was cut off")
	case err != nil:
		return nil, fmt.Errorf("reading the request: %w", err)
	case len(body) > limit:
		return nil, fiber.ErrRequestEntityTooLarge
	}
	c.Locals(keyRead, true)
	return body, nil
}

func isMultipart(c *fiber.Ctx) bool {
	return strings.HasPrefix(c.Get(fiber.HeaderContentType), fiber.MIMEMultipartForm)
}
