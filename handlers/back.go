package handlers

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// backData is a page that stands where a page of the app stood in the
// browser's history, and opens it again.
type backData struct {
	chrome
	// To is the page that stood there.
	To string
}

// returns are the pages that can be opened again.
var returns = regexp.MustCompile(`^/(start|history|files/[a-z0-9]{1,64}|imports/[a-z0-9]{1,64}(/(file|target|columns|check|receipt))?)$`)

// back answers the browser's own Back. Pages of a frame are answers to forms,
// which a browser does not show again without a question that nobody
// understands; so each gives its place in the history this address. It holds
// nothing of anybody: a script gets a session with the portal's tokens.
func (s *Server) back(c *fiber.Ctx) error {
	s.frameByAny(c)
	c.Locals(keyFrame, true)
	t := s.text(c)
	d := backData{To: c.Query("to")}
	if !returns.MatchString(d.To) {
		d.To = "/start"
	}
	d.Scripts, d.Lead = []string{"back.js"}, t.Text("open.renewing")
	return s.render(c, "back", t.Text("open.renewing_title"), d)
}

// placeOf is the address that opens the app again with the page that a form
// came from, as far as its own address says.
func placeOf(path string) string {
	for !returns.MatchString(path) {
		at := strings.LastIndexByte(path, '/')
		if at <= 0 {
			path = "/start"
			break
		}
		path = path[:at]
	}
	return "/back?to=" + url.QueryEscape(path)
}

// Place is the address that the page gives its place in the browser's
// history; empty: it keeps its own.
func (p Page) Place() string {
	around := p.Around()
	if p.Token == "" {
		return around.Instead
	}
	to := around.Here
	if to == "" {
		to = "/start"
	}
	return "/back?to=" + url.QueryEscape(to)
}
