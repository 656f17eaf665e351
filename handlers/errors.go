package handlers

import (
	"context"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/bitrix"
)

// errorData is what a person reads of an error: never the error itself.
type errorData struct {
	chrome
	// Code names the sentence, Request the line in the log.
	Code, Request string
	Text          string
	// Again is the address that opens the app anew in its frame, where the
	// person was; empty: nowhere.
	Again string
}

// report is the sentence for an error and the status it is answered with.
type report struct {
	status      int
	code        string
	title, text string
}

// fail is the one error handler: it finds the sentence for an error and
// answers with a page, or with JSON where a script has asked.
func (s *Server) fail(c *fiber.Ctx, err error) error {
	r := describe(s.text(c), err)
	request, _ := c.Locals(keyRequest).(string)
	if r.status >= 500 {
		s.log.Error("request failed", "request", request, "method", c.Method(), "path", c.Path(), "status", r.status, "error", err)
	}
	c.Status(r.status)
	c.Set(fiber.HeaderCacheControl, "no-store")
	if r.status == fiber.StatusTooManyRequests || r.status == fiber.StatusServiceUnavailable {
		c.Set(fiber.HeaderRetryAfter, "60")
	}
	if wantsJSON(c) {
		return c.JSON(fiber.Map{"code": r.code, "error": r.text, "request": request})
	}
	if c.Locals(keyFrame) == nil && framed(c) {
		s.frameByAny(c)
	}
	if s.fallback && errors.Is(err, portal.ErrSessionOver) && c.Get("Sec-Fetch-Dest") == "document" {
		// Outside a portal the way back in is the webhook.
		if err := s.showPublic(c, nil, r.title+". "+r.text); err == nil {
			return nil
		}
	}
	data := errorData{Code: r.code, Text: r.text, Request: request}
	if errors.Is(err, portal.ErrSessionOver) && framed(c) {
		data.Again = placeOf(c.Path())
	}
	if err := s.render(c, "error", r.title, data); err != nil {
		// The last resort has no template to fail.
		s.log.Error("error page failed", "request", request, "error", err)
		c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
		return c.SendString(r.title + "\n\n" + r.text + "\n\n" + request)
	}
	return nil
}

func wantsJSON(c *fiber.Ctx) bool {
	return c.Get(SessionHeader) != "" || strings.HasPrefix(c.Get(fiber.HeaderAccept), fiber.MIMEApplicationJSON)
}

func describe(t locale.Catalogue, err error) report {
	var refused *portal.Refusal
	var problem *importer.Refusal
	var web *fiber.Error
	var called *bitrix.Error
	switch {
	case errors.As(err, &refused):
		return refusalReport(t, refused)
	case errors.As(err, &problem):
		return report{
			status: fiber.StatusUnprocessableEntity, code: problem.Problem.Code,
			title: t.Text("error.refused.title"), text: t.Problem(problem.Problem.Code, problem.Problem.Args),
		}
	case errors.Is(err, portal.ErrSessionOver):
		return errorReport(t, fiber.StatusUnauthorized, "session")
	case errors.Is(err, portal.ErrNotFound), errors.Is(err, importer.ErrNotFound):
		return errorReport(t, fiber.StatusNotFound, "not_found")
	case errors.Is(err, portal.ErrBusy):
		return errorReport(t, fiber.StatusServiceUnavailable, "busy")
	case errors.Is(err, portal.ErrQuarantined):
		return errorReport(t, fiber.StatusServiceUnavailable, "quarantine")
	case errors.As(err, &web):
		return webReport(t, web.Code)
	case errors.As(err, &called):
		return refusalReport(t, &portal.Refusal{Code: portal.CodePortalAway})
	case errors.Is(err, context.DeadlineExceeded):
		return errorReport(t, fiber.StatusGatewayTimeout, "slow")
	}
	return errorReport(t, fiber.StatusInternalServerError, "internal")
}

func webReport(t locale.Catalogue, status int) report {
	switch status {
	case fiber.StatusNotFound, fiber.StatusMethodNotAllowed:
		return errorReport(t, status, "not_found")
	case fiber.StatusRequestEntityTooLarge:
		return errorReport(t, status, "too_large")
	case fiber.StatusTooManyRequests:
		return errorReport(t, status, "too_many")
	}
	if status >= 400 && status < 500 {
		return errorReport(t, status, "malformed")
	}
	return errorReport(t, status, "internal")
}

func errorReport(t locale.Catalogue, status int, code string) report {
	return report{status: status, code: code, title: t.Text("error." + code + ".title"), text: t.Text("error." + code + ".text")}
}

// refusalReport words a refusal of package portal.
func refusalReport(t locale.Catalogue, r *portal.Refusal) report {
	args := make([]any, 0, 2*len(r.Args))
	for name, value := range r.Args {
		args = append(args, name, value)
	}
	status := fiber.StatusForbidden
	switch r.Code {
	case portal.CodeOAuthAway, portal.CodeNoKeys:
		status = fiber.StatusServiceUnavailable
	case portal.CodePortalAway, portal.CodePortalGone, portal.CodeBind, portal.CodeHookAway:
		status = fiber.StatusBadGateway
	case portal.CodeNoToken, portal.CodeHookEmpty, portal.CodeHookScheme, portal.CodeHookPath, portal.CodeHookHost:
		status = fiber.StatusUnprocessableEntity
	case portal.CodeExpired:
		status = fiber.StatusUnauthorized
	}
	return report{
		status: status, code: r.Code,
		title: t.Text("refusal."+r.Code+".title", args...), text: t.Text("refusal."+r.Code+".text", args...),
	}
}
