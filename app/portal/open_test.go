package portal_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/bitrix"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

func TestOpenBelievesTheOAuthServer(t *testing.T) {
	h := newHouse(t)
	o := h.form(admin, "CRM_DYNAMIC_177_LIST_TOOLBAR", map[string]string{"URI": "/crm/type/177/list/category/0/", "import": "abcdefgh234567ab"})
	// What the form says beside the token is not what is believed.
	o.Status, o.Scopes = "P", []string{"everything"}
	opened, err := h.service().Open(t.Context(), o, "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	s := opened.Session
	if s.Portal != h.portal.MemberID() || s.MemberID != h.portal.MemberID() || s.User != admin || !s.Admin {
		t.Errorf("session %+v", s)
	}
	if s.UserName != "Alex Sample" || s.Zone == "" || s.Origin != "https://acme.bitrix24.example" {
		t.Errorf("session %+v", s)
	}
	if s.EntityTypeID != 177 || s.Import != "abcdefgh234567ab" || s.Placement != "CRM_DYNAMIC_177_LIST_TOOLBAR" {
		t.Errorf("session %+v", s)
	}
	if p := h.row(); p.License != "F" || len(p.Scopes) != 6 || p.Endpoint != h.portal.Endpoint() || p.Status != portal.Installing {
		t.Errorf("portal %+v", p)
	}
	if !opened.NeedsInstall || !opened.Finish {
		t.Error("an admin who opens a fresh installation must see the installer")
	}
	g, err := h.store.Grant(t.Context(), s.Portal, admin)
	if err != nil || g.Access != o.AuthID || g.Refresh != o.RefreshID {
		t.Errorf("grant %v, %v", g, err)
	}
	found, err := h.service().Session(t.Context(), opened.Token)
	if err != nil || found.User != admin {
		t.Errorf("the session of the token: %+v, %v", found, err)
	}
}

// TestForgedOpens posts what an attacker can: each is refused, nothing is
// stored, and no address that the form names is called.
func TestForgedOpens(t *testing.T) {
	const evil = "evil.example"
	for _, c := range []struct {
		name  string
		forge func(h *house, o *bitrix.Open)
		want  string
	}{
		{"no token", func(_ *house, o *bitrix.Open) { o.AuthID = "" }, portal.CodeNoToken},
		{"invented token", func(_ *house, o *bitrix.Open) { o.AuthID = strings.Repeat("a", 70) }, portal.CodeForged},
		{"token of another app", func(h *house, o *bitrix.Open) {
			o.AuthID, o.RefreshID = h.portal.TokenFor("app.feedfacecafe01.12345678", plain)
		}, portal.CodeForged},
		{"token of another portal", func(h *house, o *bitrix.Open) {
			other := h.world.AddPortal(emulator.Profile{
				MemberID: "ffffffffffffffffffffffffffffffff", Domain: "other.bitrix24.example",
				Users: []emulator.User{{ID: 1, Name: "Eve", Admin: true}},
			})
			o.AuthID, o.RefreshID = other.Token(1)
		}, portal.CodeForged},
		{"member id of a stranger", func(_ *house, o *bitrix.Open) { o.MemberID = strings.Repeat("0", 32) }, portal.CodeForged},
		{"expired token", func(h *house, o *bitrix.Open) { h.portal.ExpireToken(o.AuthID) }, portal.CodeExpired},
		{"only the address", func(*house, *bitrix.Open) {}, portal.CodeForged},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			o := h.form(plain, "", nil)
			o.Domain, o.Server = evil, "https://"+evil+"/rest/"
			c.forge(h, &o)
			before := h.hosts.count("acme.bitrix24.example")
			_, err := h.service().Open(t.Context(), o, "192.0.2.7")
			if code(err) != c.want {
				t.Errorf("refused with %q, want %q", code(err), c.want)
			}
			if n := h.hosts.count(evil); n != 0 {
				t.Errorf("%d calls to the address the form names", n)
			}
			if n := h.hosts.count("acme.bitrix24.example"); n != before {
				t.Errorf("%d calls to a portal before the token was believed", n-before)
			}
			if portals, err := h.store.Portals(t.Context()); err != nil || len(portals) != 0 {
				t.Errorf("stored: %v, %v", portals, err)
			}
			if strings.Contains(h.log.String(), o.AuthID) && o.AuthID != "" {
				t.Error("the token is in the log")
			}
		})
	}
}

// TestEachClaimIsChecked forges one claim at a time: none is covered by
// another one's check.
func TestEachClaimIsChecked(t *testing.T) {
	for name, forge := range map[string]func(o *bitrix.Open){
		"member id": func(o *bitrix.Open) { o.MemberID = strings.Repeat("0", 32) },
		"domain":    func(o *bitrix.Open) { o.Domain = "evil.example" },
		"port":      func(o *bitrix.Open) { o.Domain += ":8443" },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.install()
			o := h.form(plain, "", nil)
			forge(&o)
			if _, err := h.service().Open(t.Context(), o, ""); code(err) != portal.CodeForged {
				t.Errorf("refused with %q", code(err))
			}
		})
	}
	h := newHouse(t)
	h.install()
	for _, domain := range []string{"acme.bitrix24.example:443", "ACME.bitrix24.example"} {
		o := h.form(plain, "", nil)
		o.Domain = domain
		if _, err := h.service().Open(t.Context(), o, ""); err != nil {
			t.Errorf("%s: %v", domain, err)
		}
	}
}

func TestOpenRefusals(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(h *house)
		want  string
	}{
		{"OAuth server away", func(h *house) {
			h.world.Fault(emulator.Fault{Method: "oauth.app.info", Kind: emulator.ConnRefused, Times: -1})
		}, portal.CodeOAuthAway},
		{"OAuth server out of order", func(h *house) {
			h.world.Fault(emulator.Fault{Method: "oauth.app.info", Kind: emulator.BadGateway, Times: -1})
		}, portal.CodeOAuthAway},
		{"portal away", func(h *house) {
			h.portal.Fault(emulator.Fault{Kind: emulator.ConnRefused, Times: -1})
		}, portal.CodePortalAway},
		{"no REST on this plan", func(h *house) { h.portal.Deny(403, "ACCESS_DENIED") }, portal.CodeRESTOff},
		{"user kept out", func(h *house) { h.portal.Deny(403, "user_access_error") }, portal.CodeUserDenied},
		{"subscription over", func(h *house) { h.portal.RequirePayment(true) }, portal.CodePayment},
		{"keys not set up", func(h *house) { h.change = func(o *portal.Options) { o.ClientID = "" } }, portal.CodeNoKeys},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			o := h.form(admin, "", nil)
			c.spoil(h)
			if _, err := h.service().Open(t.Context(), o, ""); code(err) != c.want {
				t.Errorf("refused with %q, want %q", code(err), c.want)
			}
		})
	}
}

func TestPlainUserBeforeInstallation(t *testing.T) {
	h := newHouse(t)
	_, err := h.service().Open(t.Context(), h.form(plain, "", nil), "")
	if code(err) != portal.CodePending {
		t.Errorf("%v", err)
	}
	if portals, err := h.store.Portals(t.Context()); err != nil || len(portals) != 0 {
		t.Errorf("stored: %v, %v", portals, err)
	}
}

func TestOldFormWithoutServerAndToken(t *testing.T) {
	h := newHouse(t)
	profile := emulator.DemoProfile()
	profile.MemberID, profile.Domain, profile.Scheme = strings.Repeat("b", 32), "box.example:8443", "https"
	profile.Limits = unhurried
	profile.OldForm, profile.Installed = true, true
	box := h.world.AddPortal(profile)
	opened, err := h.service().Open(t.Context(), h.parse(box.OpenForm(plain, "", nil)), "")
	if err != nil {
		t.Fatal(err)
	}
	if opened.Session.Origin != "https://box.example:8443" {
		t.Errorf("origin %q", opened.Session.Origin)
	}
}

func TestHTTPPortalNeedsTheSetting(t *testing.T) {
	h := newHouse(t)
	profile := emulator.DemoProfile()
	profile.MemberID, profile.Domain, profile.Installed = strings.Repeat("c", 32), "intranet.example", true
	lan := h.world.AddPortal(profile)
	if _, err := h.service().Open(t.Context(), h.parse(lan.OpenForm(plain, "", nil)), ""); code(err) != portal.CodeForged {
		t.Errorf("%v", err)
	}
}

// TestReloadKeepsTheNewerGrant posts the same form again after the pair was
// renewed: the old one must not take its place.
func TestReloadKeepsTheNewerGrant(t *testing.T) {
	h := newHouse(t)
	h.install()
	o := h.form(plain, "", nil)
	if _, err := h.service().Open(t.Context(), o, ""); err != nil {
		t.Fatal(err)
	}
	newer := bitrix.Grant{
		Portal: h.portal.MemberID(), User: plain, Access: "new-access", Refresh: "new-refresh",
		Expires: h.clock.Now().Add(2 * time.Hour), Endpoint: h.portal.Endpoint(),
	}
	if err := h.store.SaveRefreshed(t.Context(), o.AuthID, newer); err != nil {
		t.Fatal(err)
	}
	if _, err := h.service().Open(t.Context(), o, ""); err != nil {
		t.Fatal(err)
	}
	g, err := h.store.Grant(t.Context(), h.portal.MemberID(), plain)
	if err != nil || g.Access != "new-access" {
		t.Errorf("grant %v, %v", g.Access, err)
	}
}

func TestMovedPortal(t *testing.T) {
	h := newHouse(t)
	h.install()
	h.portal.Rename("renamed.bitrix24.example")
	opened := h.open(admin)
	if p := h.row(); p.Domain != "renamed.bitrix24.example" || opened.Session.Origin != "https://renamed.bitrix24.example" {
		t.Errorf("portal %+v, origin %s", p, opened.Session.Origin)
	}
}

// A local app is believed beside the common one, and where there is no other.
func TestLocalAppKeys(t *testing.T) {
	for _, common := range []bool{true, false} {
		t.Run(fmt.Sprint("common keys: ", common), func(t *testing.T) { testLocalAppKeys(t, common) })
	}
}

func testLocalAppKeys(t *testing.T, common bool) {
	h := newHouse(t)
	without := portal.CodeForged
	if !common {
		h.change = func(o *portal.Options) { o.ClientID = "" }
		without = portal.CodeNoKeys
	}
	profile := emulator.DemoProfile()
	profile.MemberID, profile.Domain, profile.Scheme = strings.Repeat("d", 32), "local.example", "https"
	profile.Limits = unhurried
	profile.ClientID, profile.ClientSecret, profile.Installed = "local.5f1e.777", "local-secret", true
	local := h.world.AddPortal(profile)
	open := func() error {
		_, err := h.service().Open(t.Context(), h.parse(local.OpenForm(plain, "", nil)), "")
		return err
	}
	if err := open(); code(err) != without {
		t.Errorf("without its keys: %v", err)
	}
	keys := bitrix.Keys{ClientID: "local.5f1e.777", ClientSecret: "local-secret"}
	if err := h.service().SetKeys(t.Context(), local.MemberID(), keys); err != nil {
		t.Fatal(err)
	}
	if err := open(); err != nil {
		t.Error(err)
	}
	// The default app is no longer believed there.
	id, _ := h.world.Keys()
	query, form := local.OpenForm(plain, "", nil)
	access, _ := local.TokenFor(id, plain)
	form.Set("AUTH_ID", access)
	if _, err := h.service().Open(t.Context(), h.parse(query, form), ""); code(err) != portal.CodeForged {
		t.Errorf("with the default app's token: %v", err)
	}
}

func TestSessionEnds(t *testing.T) {
	h := newHouse(t)
	h.install()
	s := h.service()
	opened := h.open(plain)
	for range 11 { // never idle for an hour
		h.clock.add(59 * time.Minute)
		if _, err := s.Session(t.Context(), opened.Token); err != nil {
			t.Fatalf("after %v: %v", h.clock.Now().Sub(opened.Session.Created), err)
		}
	}
	h.clock.add(72 * time.Minute)
	if _, err := s.Session(t.Context(), opened.Token); !errors.Is(err, portal.ErrSessionOver) {
		t.Errorf("after twelve hours: %v", err)
	}

	idle := h.open(plain)
	h.clock.add(portal.SessionIdle)
	for range 2 { // looking at it does not revive it
		if _, err := s.Session(t.Context(), idle.Token); !errors.Is(err, portal.ErrSessionOver) {
			t.Errorf("idle for an hour: %v", err)
		}
	}
}

func TestRenew(t *testing.T) {
	h := newHouse(t)
	h.install()
	s := h.service()
	o := h.form(plain, "CRM_DYNAMIC_177_DETAIL_TAB", map[string]string{"ID": "5"})
	opened, err := s.Open(t.Context(), o, "")
	if err != nil {
		t.Fatal(err)
	}
	h.clock.add(90 * time.Minute) // idle, but not forgotten
	if err := s.Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	access, refresh := h.portal.Token(plain)
	renewed, err := s.Renew(t.Context(), opened.Token, portal.Fresh{AuthID: access, RefreshID: refresh, AuthExpires: time.Hour}, "")
	if err != nil {
		t.Fatal(err)
	}
	if renewed.Session.EntityTypeID != 177 || renewed.Session.ItemID != 5 || renewed.Session.Placement != o.Placement {
		t.Errorf("renewed as %+v", renewed.Session)
	}
	if _, err := s.Session(t.Context(), renewed.Token); err != nil {
		t.Error(err)
	}

	other, _ := h.portal.Token(4)
	if _, err := s.Renew(t.Context(), opened.Token, portal.Fresh{AuthID: other}, ""); code(err) != portal.CodeForged {
		t.Errorf("with another user's token: %v", err)
	}
	if _, err := s.Renew(t.Context(), strings.Repeat("A", 43), portal.Fresh{AuthID: access}, ""); !errors.Is(err, portal.ErrSessionOver) {
		t.Errorf("without a session: %v", err)
	}
}

func FuzzSessionToken(f *testing.F) {
	f.Add("")
	f.Add(strings.Repeat("A", 43))
	f.Add(url.QueryEscape("наличие"))
	f.Fuzz(func(t *testing.T, token string) {
		// Only the form is decided here: a nil store would panic if a
		// malformed token came as far as the database.
		if len(token) == 43 && strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == "" {
			return // well-formed: the database would be asked
		}
		if _, err := portal.New(portal.Options{}).Session(t.Context(), token); !errors.Is(err, portal.ErrSessionOver) {
			t.Errorf("%q: %v", token, err)
		}
	})
}
