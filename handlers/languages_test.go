package handlers_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestReadersChooseTheirLanguage: a public page leads to itself in every
// language, and what was chosen stays chosen, into the webhook's session.
func TestReadersChooseTheirLanguage(t *testing.T) {
	s := newSite(t, nil)
	p := s.send(http.MethodGet, "/docs", nil, "Accept-Language", "kk,ru;q=0.8")
	p.assertHas(t, `<html lang="ru"`)
	choices := regexp.MustCompile(`<a href="(/docs\?lang=(\w+))" lang="([\w-]+)"`).FindAllStringSubmatch(p.body, -1)
	if len(choices) != 6 {
		t.Fatalf("%d languages to choose from: %v", len(choices), choices)
	}
	for _, choice := range choices {
		p := s.send(http.MethodGet, choice[1], nil, "Accept-Language", "ru")
		p.assertHas(t, `<html lang="`+choice[3]+`"`, `href="/about?lang=`+choice[2]+`"`,
			`lang="`+choice[3]+`" hreflang="`+choice[3]+`" aria-current="true"`)
		if got := p.header.Get("Content-Language"); got != choice[3] {
			t.Errorf("%s is said to be in %s", choice[1], got)
		}
	}
	// The Portuguese is that of Brazil, and named so to whoever reads it out.
	s.send(http.MethodGet, "/docs?lang=pt", nil).assertHas(t, `<html lang="pt-BR"`)
	installed(t, nil).open("/", clerk, func(query, _ url.Values) { query.Set("LANG", "br") }).assertHas(t, `<html lang="pt-BR"`, "sample-pt.csv")
	home := s.send(http.MethodGet, "/?lang=fr", nil, "Accept-Language", "ru")
	home.assertHas(t, `<html lang="fr"`, `name="lang" value="fr"`, `href="/docs?lang=fr"`)
	// An answer to a form has no address, and inside the portal its own
	// language holds.
	for name, p := range map[string]page{
		"refused": s.send(http.MethodPost, "/webhook", url.Values{"webhook": {"x"}, "lang": {"fr"}}),
		"inside":  s.open("/", clerk, nil),
	} {
		if strings.Contains(p.body, "hreflang") {
			t.Errorf("%s: offers languages", name)
		}
	}
}
