package handlers_test

import (
	"net/http"
	"net/url"
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
