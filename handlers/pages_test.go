package handlers_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/locale"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/handlers"
)

var rawKey = regexp.MustCompile(`\b(page|error|refusal|install|register|webhook|open)\.[a-z_]+(\.[a-z_]+)*\b`)

func TestPublicPages(t *testing.T) {
	s := installed(t, nil)
	token := s.session(clerk)
	texts, err := locale.Load()
	must(t, err)
	and := map[string]string{"en": "and", "ru": "и", "de": "und", "fr": "et", "es": "y", "pt": "e"}
	for _, name := range []string{"docs", "about", "terms", "privacy", "support"} {
		for _, lang := range texts.Languages() {
			word := and[lang]
			t.Run(name+" "+lang, func(t *testing.T) {
				out := s.send(http.MethodGet, "/"+name+"?lang="+lang, nil)
				if out.status != 200 || out.ancestors() != "'none'" || out.header.Get("Content-Disposition") != "" {
					t.Error(out)
				}
				out.assertHas(t, `<html lang="`+texts.For(lang).Tag()+`"`, " "+word+" ", "SPA Importer")
				text := regexp.MustCompile(`<head>(?s:.*?)</head>|<[^>]*>`).ReplaceAllString(out.body, " ")
				if m := rawKey.FindString(text); m != "" {
					t.Errorf("a text is missing: %s", m)
				}
				if strings.ContainsAny(text, "{}") {
					t.Error("a placeholder is not filled")
				}
				if out.token() != "" {
					t.Error("a public page holds a session")
				}
			})
		}
		in := s.send(http.MethodPost, "/"+name, url.Values{"_s": {token}})
		if in.status != 200 || in.token() != token || in.ancestors() != "'self' https://"+portalHost || in.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s inside: %v", name, in)
		}
	}
}

// TestPagesSayWhatHolds: the pages quote the settings and the manifest.
func TestPagesSayWhatHolds(t *testing.T) {
	s := newSite(t, func(o *handlers.Options) {
		o.FreeRows, o.MaxUpload, o.KeepDays, o.LogDays, o.WebhookFallback = 77, 64<<20, 14, 5, false
	})
	s.send(http.MethodGet, "/docs", nil).assertHas(t, "at most 77 rows", "64 MB")
	s.send(http.MethodGet, "/privacy", nil).assertHas(t, "14 days", "5 days", "app.example.com")
	for lang, want := range map[string]string{"en": "Version 1.0 of 23 Nov 2026", "de": "Version 1.0 vom 23.11.2026", "fr": "Version 1.0 du 23/11/2026",
		"es": "Versión 1.0 del 23/11/2026", "pt": "Versão 1.0 de 23/11/2026", "ru": "Версия 1.0 от 23.11.2026"} {
		s.send(http.MethodGet, "/terms?lang="+lang, nil).assertHas(t, want)
	}
	s.send(http.MethodGet, "/about", nil).assertHas(t, "<code>user_brief</code>", "build test", "MIT")
	newSite(t, func(o *handlers.Options) { o.FreeRows = 0 }).send(http.MethodGet, "/terms", nil).
		assertHas(t, "number of rows of an import is not limited")
	if p := s.send(http.MethodGet, "/docs", nil); strings.Contains(p.body, "webhook") {
		t.Error("the documentation explains what is switched off")
	}
}

func TestEveryRefusalHasItsSentence(t *testing.T) {
	texts, err := locale.Load()
	must(t, err)
	for _, lang := range texts.Languages() {
		keys := map[string]bool{}
		for _, key := range texts.Keys(lang) {
			keys[key] = true
		}
		for _, code := range portal.Codes() {
			for _, part := range []string{".title", ".text"} {
				if !keys["refusal."+code+part] {
					t.Errorf("%s: refusal.%s%s is missing", lang, code, part)
				}
			}
		}
		for _, code := range []string{"session", "not_found", "busy", "quarantine", "slow", "internal", "too_large", "too_many", "malformed"} {
			if !keys["error."+code+".title"] || !keys["error."+code+".text"] {
				t.Errorf("%s: error.%s is missing", lang, code)
			}
		}
	}
}

func TestRegister(t *testing.T) {
	s := installed(t, nil)
	token := s.session(clerk)
	form := s.send(http.MethodPost, "/register/form", url.Values{"_s": {token}})
	form.assertHas(t, "at most 100 rows", `name="company"`, `name="terms" value="1.0"`, `name="mailings"`)

	bad := s.send(http.MethodPost, "/register", url.Values{"_s": {token}, "company": {`<b>"Example"</b>`}, "email": {"nobody"}, "mailings": {"1"}})
	if bad.status != 422 {
		t.Error(bad)
	}
	bad.assertHas(t, "Enter your name.", "This is not an e-mail address.", "Read and accept the terms", `aria-invalid="true"`,
		`value="&lt;b&gt;&#34;Example&#34;&lt;/b&gt;"`, `name="mailings" value="1" checked`, `href="#email"`)

	good := s.send(http.MethodPost, "/register", url.Values{
		"_s": {token}, "company": {"Example Ltd"}, "name": {"Maria Example"}, "email": {"maria@example.com"},
		"phone": {"+1 555 0100"}, "country": {"Latvia"}, "terms": {"1.0"},
	})
	if good.status != 200 {
		t.Fatal(good)
	}
	good.assertHas(t, "You are registered", "Example Ltd", "Version 1.0")
	limit, err := s.portals.RowLimit(t.Context(), s.portal.MemberID())
	if err != nil || limit != 0 {
		t.Errorf("row limit %d, %v", limit, err)
	}
	s.send(http.MethodPost, "/register/form", url.Values{"_s": {token}}).assertHas(t, "You are registered")
}
