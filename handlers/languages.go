package handlers

import (
	"net/url"

	"github.com/gofiber/fiber/v2"
)

// tongue is a language that a reader of a public page can change to.
type tongue struct {
	Tag, Name, URL string
	Current        bool
}

// offerLanguages lets readers of public pages choose: inside a portal its
// language holds, and what answers a form or a mistake has no address to come
// back to. What was chosen goes along in the page's links.
func (s *Server) offerLanguages(c *fiber.Ctx, p *Page) {
	framed, _ := c.Locals(keyFrame).(bool)
	if p.Inside || framed || c.Method() != fiber.MethodGet || c.Response().StatusCode() != fiber.StatusOK {
		return
	}
	for _, lang := range s.locales.Languages() {
		t := s.locales.For(lang)
		p.Tongues = append(p.Tongues, tongue{
			Tag: t.Tag(), Name: t.Text("common.language"), Current: lang == p.T.Lang(),
			URL: c.Path() + "?" + url.Values{"lang": {lang}}.Encode(),
		})
	}
	if c.Query("lang") != "" {
		p.Chosen = "?" + url.Values{"lang": {p.T.Lang()}}.Encode()
	}
}
