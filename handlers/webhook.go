package handlers

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/portal"
)

// webhookData is the page that takes an inbound webhook.
type webhookData struct {
	chrome
	// Reason is why the app's own authorisation cannot serve; empty where
	// the person chose the webhook.
	Reason string
	// Framed is true inside a portal; it travels with the form, because not
	// every browser says so.
	Framed bool
	// Problem is what is wrong with the webhook typed before.
	Problem string
	// Lang keeps the portal's language without a session.
	Lang string
}

// publicData is the page for people outside a portal.
type publicData struct {
	webhookData
	FreeRows  int
	MaxUpload int64
	Note      string
}

// FieldProblem is the data of the part "field-error".
func (d webhookData) FieldProblem() fieldError {
	return fieldError{ID: "webhook-problem", Text: d.Problem}
}

// webhook takes a webhook, tries it at once, and goes on with step 1. With a
// session it comes from inside the frame.
func (s *Server) webhook(c *fiber.Ctx) error {
	if err := s.limit(c, s.tries); err != nil {
		return err
	}
	form, err := s.form(c)
	if err != nil {
		return err
	}
	if !s.fallback {
		return &portal.Refusal{Code: portal.CodeHookOff}
	}
	var session *portal.Session
	if token := form.Get(SessionField); token != "" {
		v, err := s.sessionFor(c, token)
		if err != nil {
			return err
		}
		session = &v.Session
	}
	if session == nil && c.Get("Sec-Fetch-Site") == "cross-site" {
		return s.refuseWebhook(c, &portal.Refusal{Code: portal.CodeHookElsewhere}, false, false)
	}
	inFrame := session == nil && form.Get("_framed") == "1"
	token, next, err := s.portals.UseWebhook(c.UserContext(), session, form.Get("webhook"), s.text(c).Lang(), inFrame)
	if err != nil {
		return s.refuseWebhook(c, err, session != nil, inFrame)
	}
	v := visit{next, token}
	s.enter(c, v)
	s.goOn(c, v)
	return s.home(c, v)
}

func (s *Server) refuseWebhook(c *fiber.Ctx, err error, inside, inFrame bool) error {
	var r *portal.Refusal
	if !errors.As(err, &r) {
		return err
	}
	told := refusalReport(s.text(c), r)
	c.Status(told.status)
	// The title says what is wrong, the text what to do about it.
	problem := told.title + ". " + told.text
	d := webhookData{Problem: problem, Framed: inFrame}
	d.Failures = []failure{{Field: "webhook", Text: problem}}
	if inside || inFrame {
		if inFrame {
			s.frameByAny(c)
			c.Locals(keyFrame, true)
		}
		return s.showWebhook(c, d)
	}
	return s.showPublic(c, &d, "")
}

// webhookForm is "Use an inbound webhook instead", inside the frame.
func (s *Server) webhookForm(c *fiber.Ctx, _ visit) error {
	if !s.fallback {
		return &portal.Refusal{Code: portal.CodeHookOff}
	}
	return s.showWebhook(c, webhookData{})
}

func (s *Server) showWebhook(c *fiber.Ctx, d webhookData) error {
	t := s.text(c)
	d.Lead = t.Text("webhook.lead")
	d.Lang = t.Lang()
	return s.render(c, "webhook", t.Text("webhook.title"), d)
}

// showPublic is the page for people outside a portal; hook is what they have
// typed before, nil the first time.
func (s *Server) showPublic(c *fiber.Ctx, hook *webhookData, note string) error {
	t := s.text(c)
	d := publicData{FreeRows: s.freeRows, MaxUpload: s.maxUpload, Note: note}
	if hook != nil {
		d.webhookData = *hook
		d.Instead = "/?lang=" + t.Lang()
	}
	d.Lead = s.manifestText(c, s.manifest.Descriptions)
	d.Lang = t.Lang()
	return s.render(c, "public", t.Text("page.public_title"), d)
}

// manifestText is a text of the manifest in the request's language.
func (s *Server) manifestText(c *fiber.Ctx, texts map[string]string) string {
	if text := texts[s.text(c).Lang()]; text != "" {
		return text
	}
	return strings.TrimSpace(texts["en"])
}
