package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
	"github.com/spa-importer/spa-importer/handlers"
)

func TestOpenShowsTheFirstStep(t *testing.T) {
	s := installed(t, nil)
	p := s.open("/", clerk, nil, "Origin", "https://"+portalHost, "Sec-Fetch-Dest", "iframe")
	if p.status != 200 || p.token() == "" {
		t.Fatal(p)
	}
	if got := p.ancestors(); got != "'self' https://"+portalHost {
		t.Errorf("frame-ancestors %s", got)
	}
	for name, want := range map[string]string{
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"X-Frame-Options": "", "Set-Cookie": "",
	} {
		if got := p.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	csp := p.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: https://" + portalHost, "form-action 'self'", "base-uri 'none'"} {
		if !strings.Contains(csp, part+";") {
			t.Errorf("the policy lacks %s: %s", part, csp)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("policy %s", csp)
	}
	for _, secret := range []string{"AUTH_ID", "REFRESH_ID", s.portal.AppToken()} {
		if strings.Contains(p.body, secret) {
			t.Errorf("the page holds %s", secret)
		}
	}
}

func TestOpenSpeaksThePortalsLanguage(t *testing.T) {
	s := installed(t, nil)
	p := s.open("/", clerk, func(query, _ url.Values) { query.Set("LANG", "ru") })
	p.assertHas(t, `lang="ru"`)
	again := s.send(http.MethodPost, "/about", url.Values{"_s": {p.token()}}, "Accept-Language", "en")
	again.assertHas(t, `lang="ru"`, "О приложении")
}

// TestForgedOpens: refused with a page that the frame may show, and without
// one call to an address the form names.
func TestForgedOpens(t *testing.T) {
	evil := func(query, form url.Values) {
		query.Set("DOMAIN", "evil.example")
		form.Set("SERVER_ENDPOINT", "https://evil.example/rest/")
	}
	for _, c := range []struct {
		name   string
		forge  func(s *site, query, form url.Values)
		status int
		code   string
	}{
		{"no token", func(_ *site, _, form url.Values) { form.Del("AUTH_ID") }, 200, "Bitrix24 has sent no permission"},
		{"invented token", func(_ *site, _, form url.Values) { form.Set("AUTH_ID", strings.Repeat("a", 70)) }, 403, "could not be confirmed"},
		{"token of another app", func(s *site, _, form url.Values) {
			access, _ := s.portal.TokenFor("app.feedfacecafe01.12345678", clerk)
			form.Set("AUTH_ID", access)
		}, 403, "could not be confirmed"},
		{"token of another portal", func(s *site, _, form url.Values) {
			other := s.world.AddPortal(emulator.Profile{
				MemberID: strings.Repeat("e", 32), Domain: "other.bitrix24.example", Limits: &emulator.Limits{},
				Users: []emulator.User{{ID: 1, Name: "Eve", Admin: true}},
			})
			access, _ := other.Token(1)
			form.Set("AUTH_ID", access)
		}, 403, "could not be confirmed"},
		{"stranger's member id", func(_ *site, _, form url.Values) { form.Set("member_id", strings.Repeat("0", 32)) }, 403, "could not be confirmed"},
		{"stranger's domain", func(*site, url.Values, url.Values) {}, 403, "could not be confirmed"},
		{"expired", func(s *site, _, form url.Values) { s.portal.ExpireToken(form.Get("AUTH_ID")) }, 200, "fresh permission"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := installed(t, nil)
			p := s.open("/", clerk, func(query, form url.Values) {
				evil(query, form)
				c.forge(s, query, form)
			}, "Sec-Fetch-Dest", "iframe")
			if p.status != c.status || p.token() != "" {
				t.Error(p)
			}
			p.assertHas(t, c.code)
			if n := s.calls.to("evil.example"); n != 0 {
				t.Errorf("%d calls to the address the form names", n)
			}
			if got := p.ancestors(); got != "'self' https:" {
				t.Errorf("frame-ancestors %s", got)
			}
		})
	}
}

func TestOpenMalformed(t *testing.T) {
	s := installed(t, nil)
	before := s.calls.all()
	for name, change := range map[string]func(query, form url.Values){
		"domain with a path":      func(q, _ url.Values) { q.Set("DOMAIN", "evil.example/x") },
		"domain with a directive": func(q, _ url.Values) { q.Set("DOMAIN", "evil.example; script-src *") },
		"no member id":            func(_, f url.Values) { f.Del("member_id") },
		"endless member id":       func(_, f url.Values) { f.Set("member_id", strings.Repeat("a", 1000)) },
		"placement":               func(_, f url.Values) { f.Set("PLACEMENT", "<script>") },
	} {
		t.Run(name, func(t *testing.T) {
			p := s.open("/", clerk, change)
			if p.status != 400 {
				t.Error(p)
			}
			p.assertHas(t, "cannot be read")
		})
	}
	if p := s.open("/", clerk, func(_, f url.Values) { f.Set("PLACEMENT_OPTIONS", strings.Repeat("x", 70<<10)) }); p.status != 413 {
		t.Error(p)
	}
	if n := s.calls.all() - before; n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestOpenFromAnotherOrigin(t *testing.T) {
	s := installed(t, nil)
	before := s.calls.all()
	if p := s.open("/", clerk, nil, "Origin", "https://evil.example"); p.status != 403 {
		t.Error(p)
	}
	if n := s.calls.all() - before; n != 0 {
		t.Errorf("%d calls", n)
	}
	for _, origin := range []string{"null", publicURL, "https://" + strings.ToUpper(portalHost)} {
		if p := s.open("/", clerk, nil, "Origin", origin); p.status != 200 {
			t.Errorf("origin %s: %v", origin, p)
		}
	}
}

// TestReload posts the form of an open again when its token is over: the
// page gets a fresh one from the portal and posts once more, once.
func TestReload(t *testing.T) {
	s := installed(t, nil)
	query, form := s.portal.OpenForm(clerk, "CRM_DYNAMIC_177_LIST_TOOLBAR", map[string]string{"URI": "/crm/type/177/"})
	s.portal.ExpireToken(form.Get("AUTH_ID"))
	p := s.send(http.MethodPost, "/?"+query.Encode(), form)
	p.assertHas(t, "reopen.js", `name="PLACEMENT" value="CRM_DYNAMIC_177_LIST_TOOLBAR"`, `name="member_id"`, `name="_again" value="1"`)
	for _, secret := range []string{form.Get("AUTH_ID"), form.Get("REFRESH_ID"), form.Get("APPLICATION_TOKEN")} {
		if strings.Contains(p.body, secret) {
			t.Error("the page repeats a secret of the form")
		}
	}
	form.Set("_again", "1")
	if p := s.send(http.MethodPost, "/?"+query.Encode(), form); p.status != 401 {
		t.Error(p)
	}
	access, refresh := s.portal.Token(clerk)
	form.Set("AUTH_ID", access)
	form.Set("REFRESH_ID", refresh)
	if p := s.send(http.MethodPost, "/?"+query.Encode(), form); p.status != 200 || p.token() == "" {
		t.Error(p)
	}
}

func TestAuthorisationThatCannotServe(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(s *site)
		says  string
	}{
		{"no REST", func(s *site) { s.portal.Deny(403, "ACCESS_DENIED") }, "commercial plan"},
		{"user kept out", func(s *site) { s.portal.Deny(403, "user_access_error") }, "has not opened SPA Importer for you"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := installed(t, nil)
			c.spoil(s)
			p := s.open("/", clerk, nil)
			p.assertHas(t, c.says, `name="webhook"`, `type="password"`)
			off := installed(t, func(o *handlers.Options) { o.WebhookFallback = false })
			c.spoil(off)
			p = off.open("/", clerk, nil)
			p.assertHas(t, c.says)
			if p.status != 403 || strings.Contains(p.body, `name="webhook"`) {
				t.Errorf("without the fallback: %v", p)
			}
		})
	}
}

func TestOAuthServerAway(t *testing.T) {
	s := installed(t, nil)
	s.world.Fault(emulator.Fault{Method: "oauth.app.info", Kind: emulator.ConnRefused, Times: -1})
	before := s.calls.to(portalHost)
	p := s.open("/", clerk, nil)
	if p.status != 503 || p.header.Get("Retry-After") == "" || s.calls.to(portalHost) != before {
		t.Error(p)
	}
	p.assertHas(t, "authorisation server does not answer")
}

func TestOpenIsRateLimited(t *testing.T) {
	s := newSite(t, nil)
	for range 60 {
		if p := s.open("/", clerk, func(_, f url.Values) { f.Del("AUTH_ID") }); p.status != 200 {
			t.Fatal(p)
		}
	}
	p := s.open("/", clerk, nil)
	if p.status != 429 || s.calls.all() != 0 {
		t.Errorf("%d calls, %v", s.calls.all(), p)
	}
}

// TestForwardedAddresses: a stranger cannot choose the address it is counted
// by, a trusted proxy can.
func TestForwardedAddresses(t *testing.T) {
	for _, trusted := range []bool{false, true} {
		s := newSite(t, func(o *handlers.Options) {
			if trusted {
				o.TrustedProxies = []string{"0.0.0.0"}
			}
		})
		limited := false
		for i := range 61 {
			p := s.open("/", clerk, func(_, f url.Values) { f.Del("AUTH_ID") }, "X-Forwarded-For", "198.51.100."+string(rune('1'+i%9)))
			limited = limited || p.status == 429
		}
		if limited == trusted {
			t.Errorf("trusted %v: limited %v", trusted, limited)
		}
	}
}

// TestForwardedByProxies: what a client notes itself stands before what the
// proxies add, and chooses nothing, in one line or in several.
func TestForwardedByProxies(t *testing.T) {
	for name, note := range map[string]func(r *http.Request, forged string){
		"in one line": func(r *http.Request, forged string) {
			r.Header.Set("X-Forwarded-For", forged+", 198.51.100.7, 10.0.0.2")
		},
		"in several": func(r *http.Request, forged string) {
			r.Header["X-Forwarded-For"] = []string{forged, "198.51.100.7", "10.0.0.2"}
		},
		"beside nonsense": func(r *http.Request, forged string) {
			r.Header.Set("X-Forwarded-For", forged+", nonsense, 198.51.100.7,10.0.0.2")
		},
	} {
		s := newSite(t, func(o *handlers.Options) { o.TrustedProxies = []string{"0.0.0.0", "10.0.0.0/8"} })
		limited := false
		for i := range 61 {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(""))
			note(r, "203.0.113."+strconv.Itoa(i+1))
			limited = limited || s.do(r).status == 429
		}
		if !limited {
			t.Errorf("%s: a client chooses its address", name)
		}
	}
}

func TestRegisteredAddressesAnswerProbes(t *testing.T) {
	s := newSite(t, nil)
	for _, path := range []string{"/", "/install", "/events", "/docs", "/terms", "/privacy"} {
		if p := s.send(http.MethodHead, path, nil); p.status != 200 {
			t.Errorf("HEAD %s: %d", path, p.status)
		}
	}
	for _, path := range []string{"/", "/install", "/?DOMAIN=x&APP_SID=1"} {
		p := s.send(http.MethodGet, path, nil)
		if p.status != 200 || p.ancestors() != "'none'" {
			t.Errorf("GET %s: %v", path, p)
		}
	}
	if s.calls.all() != 0 {
		t.Errorf("%d calls", s.calls.all())
	}
}
