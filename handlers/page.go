package handlers

import (
	"bytes"
	"fmt"

	"github.com/gofiber/fiber/v2"

	spaimporter "github.com/spa-importer/spa-importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

// Page is what every template gets. A view's own values are in Data.
type Page struct {
	// T is the language, passed by value: templates are shared.
	T     locale.Catalogue
	Title string
	// Token is the session's token for the hidden field _s; empty on
	// public pages.
	Token string
	// View is the name of the template, for the body's class.
	View string
	// Inside is true in the frame of a portal, or in a webhook's session.
	Inside bool
	// Admin is true for administrators of the portal.
	Admin bool
	// Placement is the code the app was opened from, "DEFAULT" for its own
	// page.
	Placement string
	// Fallback is whether the webhook may be offered.
	Fallback  bool
	PublicURL string
	Version   string
	Manifest  spaimporter.Manifest
	Data      any
	// Tongues are the languages to choose from, on public pages; Chosen is
	// the query that keeps the choice in links.
	Tongues []tongue
	Chosen  string

	assets Assets
	repeat string
}

// Asset is the address of a static file.
func (p Page) Asset(name string) string { return p.assets.URL(name) }

// In picks a text of the manifest in the page's language.
func (p Page) In(texts map[string]string) string { return spaimporter.In(texts, p.T.Lang()) }

// render answers with a page. It is written to a buffer first, so that a
// template that fails half way leaves no half page.
func (s *Server) render(c *fiber.Ctx, view, title string, data any) error {
	v, inside := visitOf(c)
	p := Page{
		T: s.locales.For(s.lang(c)), Title: title, View: view, Inside: inside,
		Fallback: s.fallback, PublicURL: s.publicURL, Version: s.version,
		Manifest: s.manifest, Data: data, assets: s.assets,
		repeat: s.repeated(c),
	}
	if inside {
		p.Token, p.Admin, p.Placement = v.Token, v.Session.Admin, v.Session.Placement
	}
	s.offerLanguages(c, &p)
	var b bytes.Buffer
	if err := s.views.Render(&b, view, p); err != nil {
		return fmt.Errorf("rendering %s: %w", view, err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Set(fiber.HeaderContentLanguage, p.T.Tag())
	return c.Send(b.Bytes())
}

// lang is the language of a request: the session's, what the portal or the
// page said (LANG, lang), or what the browser prefers.
func (s *Server) lang(c *fiber.Ctx) string {
	if v, inside := visitOf(c); inside && v.Session.Lang != "" {
		return v.Session.Lang
	}
	for _, name := range []string{"LANG", "lang"} {
		if lang := c.Query(name); lang != "" && len(lang) <= 16 {
			return lang
		}
	}
	if f, ok := c.Locals(keyForm).(parsedForm); ok && f.err == nil {
		if lang := f.values.Get("lang"); lang != "" && len(lang) <= 16 {
			return lang
		}
	}
	return s.locales.Prefers(c.Get(fiber.HeaderAcceptLanguage))
}

// text is the catalogue of a request's language.
func (s *Server) text(c *fiber.Ctx) locale.Catalogue { return s.locales.For(s.lang(c)) }
