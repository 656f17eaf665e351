package handlers

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/bitrix"
)

// openTime is how long verifying an open may take: the person sees an empty
// frame until then.
const openTime = 30 * time.Second

// front answers a browser that comes by itself: a person outside a portal,
// or the vendor console's probe.
func (s *Server) front(c *fiber.Ctx) error {
	c.Vary(fiber.HeaderAcceptLanguage)
	return s.showPublic(c, nil, "")
}

// open is the POST with which a portal opens the app: its own page, a menu
// item above a list, a tab of a card, a link. Nothing of it is believed
// before the OAuth server has been asked.
func (s *Server) open(c *fiber.Ctx) error {
	opened, err := s.verify(c)
	if err != nil {
		return s.refuseOpen(c, err)
	}
	v := visit{opened.Session, opened.Token}
	if opened.NeedsInstall {
		return s.setUp(c, v, opened.Finish)
	}
	s.goOn(c, v)
	return s.home(c, v)
}

// goOn goes on with imports that waited for their person, who has brought a
// fresh grant or webhook. Where that fails, opening the app again is no worse
// than before.
func (s *Server) goOn(c *fiber.Ctx, v visit) {
	if err := s.importer.Reopened(c.UserContext(), v.actor()); err != nil {
		s.log.Error("going on with imports that waited for their person", "request", c.Locals(keyRequest), "error", err)
	}
}

// verify reads an open and has it verified.
func (s *Server) verify(c *fiber.Ctx) (portal.Opened, error) {
	if err := s.limit(c, s.opens); err != nil {
		return portal.Opened{}, err
	}
	form, err := readForm(c, 64<<10)
	c.Locals(keyForm, parsedForm{form, err})
	if err != nil {
		return portal.Opened{}, err
	}
	query, err := url.ParseQuery(string(c.Request().URI().QueryString()))
	if err != nil {
		return portal.Opened{}, fiber.ErrBadRequest
	}
	o, err := bitrix.ParseOpen(query, form)
	if err != nil {
		s.log.Warn("malformed open", "request", c.Locals(keyRequest), "ip", s.ip(c), "error", err)
		return portal.Opened{}, fiber.ErrBadRequest
	}
	if contradicts(c.Get(fiber.HeaderOrigin), o.Domain, s.publicURL) {
		s.log.Warn("open from another origin", "request", c.Locals(keyRequest), "ip", s.ip(c))
		return portal.Opened{}, &portal.Refusal{Code: portal.CodeForged, Err: errors.New("sent from another origin")}
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), openTime)
	defer cancel()
	opened, err := s.portals.Open(ctx, o, s.ip(c))
	if err != nil {
		return portal.Opened{}, err
	}
	s.enter(c, visit{opened.Session, opened.Token})
	return opened, nil
}

// contradicts reports whether a browser says that the form was sent from a
// page that is neither the portal's nor ours. Browsers that say nothing, or
// "null", contradict nothing.
func contradicts(origin, domain, publicURL string) bool {
	if origin == "" || origin == "null" || strings.EqualFold(origin, publicURL) {
		return false
	}
	u, err := url.Parse(origin)
	if err != nil {
		return true
	}
	host, _, _ := strings.Cut(domain, ":")
	return !strings.EqualFold(u.Hostname(), host)
}

// refuseOpen shows why an open is refused. A token that is over is renewed
// by the frame itself; where the app cannot serve at all, the webhook is
// offered with the reason.
func (s *Server) refuseOpen(c *fiber.Ctx, err error) error {
	var r *portal.Refusal
	if !errors.As(err, &r) {
		return err
	}
	s.frameByAny(c)
	c.Locals(keyFrame, true)
	form, _ := s.form(c) // read before
	switch {
	case r.Code == portal.CodeExpired && form.Get("_again") == "":
		return s.reopen(c, form)
	case s.fallback && r.OffersWebhook():
		c.Status(fiber.StatusOK)
		return s.showWebhook(c, webhookData{Reason: refusalReport(s.text(c), r).text, Framed: true})
	}
	return err
}

// reopenData is a form that opens the app again: the fields of the old one
// without its tokens, which a script gets anew from the portal.
type reopenData struct {
	chrome
	Action string
	Fields []hiddenField
}

type hiddenField struct{ Name, Value string }

// reopened are the fields of an open that are sent again.
var reopened = []string{"member_id", "status", "PLACEMENT", "PLACEMENT_OPTIONS", "SERVER_ENDPOINT", "APPLICATION_SCOPE"}

// reopen answers a reload of the frame: the portal's page sends the same
// form again, with a token that has become too old.
func (s *Server) reopen(c *fiber.Ctx, form url.Values) error {
	t := s.text(c)
	d := reopenData{Action: c.Path() + "?" + string(c.Request().URI().QueryString())}
	d.Scripts = []string{"reopen.js"}
	d.Lead = t.Text("open.renewing")
	for _, name := range reopened {
		if form.Has(name) {
			d.Fields = append(d.Fields, hiddenField{name, form.Get(name)})
		}
	}
	return s.render(c, "reopen", t.Text("open.renewing_title"), d)
}
