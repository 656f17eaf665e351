package portal_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/bitrix"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

func TestWebhookOnThePublicPage(t *testing.T) {
	h := newHouse(t)
	s := h.service()
	address := h.portal.Webhook(plain)
	token, session, err := s.UseWebhook(t.Context(), nil, "  "+address+"profile.json ", "ru", false)
	if err != nil {
		t.Fatal(err)
	}
	if session.Portal != "hook:acme.bitrix24.example:3" || session.MemberID != "" || session.Origin != "" || session.User != plain || session.Lang != "ru" {
		t.Errorf("session %+v", session)
	}
	found, err := s.Session(t.Context(), token)
	if err != nil || found.Webhook == "" {
		t.Fatalf("%+v, %v", found, err)
	}
	conn, err := s.Connection(t.Context(), found.Portal, plain, found.Webhook)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := bitrix.ReadProfile(t.Context(), conn); err != nil || p.ID != plain {
		t.Errorf("profile %+v, %v", p, err)
	}
	// Another tenant cannot use it.
	if _, err := s.Connection(t.Context(), h.portal.MemberID(), plain, found.Webhook); !errors.Is(err, portal.ErrNotFound) {
		t.Errorf("of another tenant: %v", err)
	}
	for range 2 {
		if err := s.ReleaseWebhook(t.Context(), found.Portal, found.Webhook); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Connection(t.Context(), found.Portal, plain, found.Webhook); !errors.Is(err, portal.ErrNotFound) {
		t.Errorf("released: %v", err)
	}
	secret := strings.Split(address, "/")[5]
	if strings.Contains(h.log.String(), secret) {
		t.Error("the secret is in the log")
	}
}

func TestWebhookInsideAFrame(t *testing.T) {
	h := newHouse(t)
	h.install()
	frame := h.open(plain).Session
	_, session, err := h.service().UseWebhook(t.Context(), &frame, h.portal.Webhook(admin), "en", false)
	if err != nil {
		t.Fatal(err)
	}
	if session.Portal != frame.Portal || session.User != plain || session.Admin || session.WebhookUser != admin || session.Origin != frame.Origin {
		t.Errorf("of the frame's portal: %+v", session)
	}

	// An administrator with the webhook of somebody who sees less is no
	// administrator for what is called with it, nor after a renewal.
	s := h.service()
	boss := h.open(admin).Session
	token, session, err := s.UseWebhook(t.Context(), &boss, h.portal.Webhook(plain), "en", false)
	if err != nil || session.User != admin || session.Admin {
		t.Errorf("with a lesser webhook: %+v, %v", session, err)
	}
	access, refresh := h.portal.Token(admin)
	renewed, err := s.Renew(t.Context(), token, portal.Fresh{AuthID: access, RefreshID: refresh, AuthExpires: time.Hour}, "")
	if err != nil || renewed.Session.Webhook == "" || renewed.Session.Admin {
		t.Errorf("renewed with a lesser webhook: %+v, %v", renewed.Session, err)
	}

	profile := emulator.DemoProfile()
	profile.MemberID, profile.Domain, profile.Scheme, profile.Limits = strings.Repeat("a", 32), "second.example", "https", unhurried
	second := h.world.AddPortal(profile)
	_, session, err = h.service().UseWebhook(t.Context(), &frame, second.Webhook(plain), "en", false)
	if err != nil {
		t.Fatal(err)
	}
	if session.Portal != "hook:second.example:3" || session.MemberID != "" || session.Origin != frame.Origin {
		t.Errorf("of another portal: %+v", session)
	}

	// A frame that could not be verified is believed to be the webhook's.
	_, session, err = h.service().UseWebhook(t.Context(), nil, h.portal.Webhook(plain), "en", true)
	if err != nil || session.Origin != "https://acme.bitrix24.example" || session.Portal != "hook:acme.bitrix24.example:3" {
		t.Errorf("in an unverified frame: %+v, %v", session, err)
	}
}

func TestWebhookRefusals(t *testing.T) {
	for _, c := range []struct {
		name string
		raw  func(h *house) string
		want string
	}{
		{"nothing", func(*house) string { return "  " }, portal.CodeHookEmpty},
		{"http", func(h *house) string { return strings.Replace(h.portal.Webhook(plain), "https", "http", 1) }, portal.CodeHookScheme},
		{"not a webhook", func(*house) string { return "https://acme.bitrix24.example/company/personal/" }, portal.CodeHookPath},
		{"no user", func(*house) string { return "https://acme.bitrix24.example/rest/abc/def/" }, portal.CodeHookPath},
		{"private host", func(*house) string { return "https://192.168.0.10/rest/1/abcdefgh/" }, portal.CodeHookHost},
		{"wrong code", func(*house) string { return "https://acme.bitrix24.example/rest/1/abcdefghabcdefgh/" }, portal.CodeHookUnknown},
		{"host unknown", func(*house) string { return "https://nobody.example/rest/1/abcdefghabcdefgh/" }, portal.CodeHookAway},
		{"no crm", func(h *house) string { return h.portal.Webhook(plain, "user_brief") }, portal.CodeHookScope},
		{"no users", func(h *house) string { return h.portal.Webhook(plain, "crm") }, portal.CodeHookScope},
		{"no REST", func(h *house) string { h.portal.Deny(403, "ACCESS_DENIED"); return h.portal.Webhook(plain) }, portal.CodeHookREST},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			raw := c.raw(h)
			_, _, err := h.service().UseWebhook(t.Context(), nil, raw, "en", false)
			if code(err) != c.want {
				t.Errorf("refused with %q, want %q", code(err), c.want)
			}
			var r *portal.Refusal
			if errors.As(err, &r) && c.want == portal.CodeHookScope && !strings.Contains(r.Args["scopes"], strings.TrimPrefix(c.name, "no ")[:3]) && r.Args["scopes"] != "user_brief" {
				t.Errorf("names %q", r.Args["scopes"])
			}
			if err != nil && strings.Contains(err.Error(), "abcdefgh") {
				t.Errorf("the secret is in the error: %v", err)
			}
		})
	}
}

func TestIdleWebhooksGo(t *testing.T) {
	h := newHouse(t)
	s := h.service()
	_, session, err := s.UseWebhook(t.Context(), nil, h.portal.Webhook(plain), "en", false)
	if err != nil {
		t.Fatal(err)
	}
	h.clock.add(portal.WebhookIdle + time.Hour)
	if err := s.Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.store.Webhook(t.Context(), session.Portal, session.Webhook); !errors.Is(err, portal.ErrNotFound) {
		t.Errorf("webhook: %v", err)
	}
}
