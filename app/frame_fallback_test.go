package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// openFrame opens the app as the portal's page does in a frame.
func (g *guest) openFrame(s *hookSite, user int64, change func(query, form url.Values)) {
	g.t.Helper()
	query, form := s.portal.OpenForm(user, "", nil)
	if change != nil {
		change(query, form)
	}
	g.header.Set("Sec-Fetch-Dest", "iframe")
	g.header.Set("Origin", s.portal.URL())
	g.post("/?"+query.Encode(), form)
	g.header.Set("Origin", g.origin)
}

// ancestors are who may frame the page.
func (p shownPage) ancestors() string {
	_, after, _ := strings.Cut(p.header.Get("Content-Security-Policy"), "frame-ancestors ")
	before, _, _ := strings.Cut(after, ";")
	return before
}

// TestFrameFallback opens the app in a frame where it cannot serve. The
// reason is said, and a webhook serves instead, in the same four steps.
func TestFrameFallback(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		user  int64
		lang  string
		extra []string
		// before makes the app unable to serve, change spoils the form.
		before func(s *hookSite)
		change func(query, form url.Values)
		why    string
	}{
		"no token": {
			user: 1, lang: "en", why: "Bitrix24 has sent no permission for you.",
			change: func(_, form url.Values) { form.Del("AUTH_ID"); form.Del("REFRESH_ID") },
		},
		"not installed": {
			user: 1, lang: "ru", why: "SPA Importer здесь не установлен",
			before: func(s *hookSite) {
				s.world.Fault(emulator.Fault{Method: "oauth.app.info", Kind: emulator.Deny, Status: 401, Code: "NOT_INSTALLED"})
			},
		},
		"no right": {
			user: 2, lang: "en", why: "has not opened SPA Importer for you",
			before: func(s *hookSite) { s.portal.EditUser(2, func(u *emulator.User) { u.NoApp = true }) },
		},
		"no plan": {
			user: 1, lang: "en", why: "Apps need a commercial plan",
			before: func(s *hookSite) {
				s.portal.Fault(emulator.Fault{Kind: emulator.Deny, Status: 403, Code: "ACCESS_DENIED"})
			},
		},
		"no keys": {
			user: 1, lang: "ru", why: "Владелец этого сервера",
			extra: []string{"BITRIX24_CLIENT_ID=", "BITRIX24_CLIENT_SECRET="},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newHookSite(t, contracts())
			p := s.start(c.extra...)
			if c.before != nil {
				c.before(s)
			}
			g := newGuest(t, p, c.lang)
			g.openFrame(s, c.user, func(query, form url.Values) {
				query.Set("LANG", c.lang)
				if c.change != nil {
					c.change(query, form)
				}
			})
			g.ok()
			g.says(c.why)
			if _, inside := g.session(); inside {
				t.Fatal("the open was believed")
			}
			if g.page.ancestors() == "'none'" {
				t.Fatal("the portal's frame does not show the page")
			}
			asked := len(s.asked())
			// A slip first: the page comes again, still in the frame.
			g.connect("https://example.invalid/nothing")
			if g.page.status != http.StatusUnprocessableEntity || g.page.ancestors() == "'none'" || g.page.byID("webhook") == nil {
				t.Errorf("a slip: %d %s %s", g.page.status, g.page.ancestors(), g.page.main())
			}
			webhook := s.portal.Webhook(c.user, "crm", "user_brief")
			g.connect(webhook)
			g.ok()
			rows := hookRows(0, 30)
			g.upload("contracts.csv", hookFile(rows))
			g.ok()
			g.toReceipt(nil)
			g.next()
			g.wait()
			if lang := attr(g.page.all("html")[0], "lang"); lang != c.lang || g.page.ancestors() != "'self' "+s.portal.URL() {
				t.Errorf("language %q, framed by %q", lang, g.page.ancestors())
			}
			s.compare(rows)
			s.mu.Lock()
			s.paths, s.oauth = s.paths[asked:], 0 // the open itself came with a token
			s.mu.Unlock()
			s.onlyThrough(webhook)
			p.stop()
			s.nowhere("after the import", []byte(secretOf(webhook)))
			if strings.Contains(p.stderr.String(), secretOf(webhook)) {
				t.Error("the log holds the webhook's code")
			}
		})
	}
}

// TestFrameForged posts tokens that the OAuth server does not know, or knows
// as another app's: the reason is said, and nothing begins.
func TestFrameForged(t *testing.T) {
	t.Parallel()
	s := newHookSite(t, contracts())
	p := s.start()
	other, _ := s.portal.TokenFor("local.0123456789abcd.01234567", 1)
	for _, token := range []string{strings.Repeat("a", 70), other} {
		g := newGuest(t, p, "en")
		g.openFrame(s, 1, func(_, form url.Values) { form.Set("AUTH_ID", token) })
		if _, inside := g.session(); inside || g.page.status != http.StatusForbidden || g.page.ancestors() == "'none'" {
			t.Errorf("%d, framed by %s", g.page.status, g.page.ancestors())
		}
		g.says("This open could not be confirmed", "Open SPA Importer from the menu of your Bitrix24.")
	}
	if asked := s.asked(); len(asked) != 0 {
		t.Errorf("the portal was asked %q", asked)
	}
}
