package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestBackLeadsNowhereElse: the page that opens another again names only pages
// of the app, and holds nothing of anybody.
func TestBackLeadsNowhereElse(t *testing.T) {
	s := newSite(t, nil)
	for to, want := range map[string]string{
		"/imports/abc234/check": "/imports/abc234/check", "/imports/abc234": "/imports/abc234", "/files/abc234": "/files/abc234",
		"/history": "/history", "": "/start", "https://evil.example/": "/start", "//evil.example": "/start",
		"/imports/abc234/undo": "/start", "/imports/abc234/start": "/start", "/history\n": "/start", `/history"><b>`: "/start",
	} {
		p := s.send(http.MethodGet, "/back?to="+url.QueryEscape(to), nil)
		p.assertHas(t, `id="back" method="post" action="`+want+`"`, "back.js", `name="_s" value=""`)
		if p.status != 200 || p.header.Get("Cache-Control") != "no-store" || p.token() != "" {
			t.Errorf("%q: %d, %v", to, p.status, p.header)
		}
	}
}

// TestSessionOverInTheFrame: who comes back after a night is led to where the
// form was, and need not look for the app in the menu.
func TestSessionOverInTheFrame(t *testing.T) {
	s := newSite(t, nil)
	for path, to := range map[string]string{
		"/start": "/start", "/imports/abc234/columns/save": "/imports/abc234/columns", "/imports/abc234/decide": "/imports/abc234",
		"/files/abc234/reading": "/files/abc234", "/register": "/start", "/imports/" + strings.Repeat("x", 90) + "/check": "/start",
	} {
		p := s.send(http.MethodPost, path, url.Values{"_s": {"over"}}, "Sec-Fetch-Dest", "iframe")
		if p.status != 401 {
			t.Errorf("%s: %d", path, p.status)
		}
		p.assertHas(t, `href="/back?to=`+url.QueryEscape(to)+`"`, "Open it again here")
	}
	p := s.send(http.MethodPost, "/history", url.Values{"_s": {"over"}}, "Sec-Fetch-Dest", "document")
	if strings.Contains(p.body, "/back?to=") {
		t.Error("outside a frame there is nothing to open it with")
	}
}
