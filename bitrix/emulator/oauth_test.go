package emulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

const oauth = "https://oauth.bitrix.info"

func refresh(t *testing.T, w *emulator.World, token string, change ...func(url.Values)) (int, body) {
	t.Helper()
	id, secret := w.Keys()
	v := url.Values{"grant_type": {"refresh_token"}, "client_id": {id}, "client_secret": {secret}, "refresh_token": {token}}
	for _, f := range change {
		f(v)
	}
	return form(t, w.Transport(), oauth+"/oauth/token/", v)
}

func TestRefreshRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := demo(t)
		access, first := p.Token(3)
		c := caller{t, p, w.Transport(), access}
		c.result("profile", nil)
		time.Sleep(time.Hour)
		c.refused("profile", nil, 401, "expired_token")

		status, got := refresh(t, w, first)
		for _, miss := range sameShape("answer", sample(t, "embedding/oauth_refresh_response"), got, nil) {
			t.Error(miss)
		}
		if status != 200 || got["domain"] != "oauth.bitrix.info" || got["client_endpoint"] != p.Endpoint() || got["user_id"] != 3.0 {
			t.Fatalf("answered %d %v", status, got)
		}
		c.token = got["access_token"].(string)
		c.result("profile", nil)

		if status, again := refresh(t, w, first); status != 400 || again["error"] != "invalid_grant" {
			t.Errorf("a reused refresh token was answered %d %v", status, again)
		}
		c.result("profile", nil)
		// Renewing a living pair kills the old access token too.
		if status, _ := refresh(t, w, got["refresh_token"].(string)); status != 200 {
			t.Errorf("status %d", status)
		}
		c.refused("profile", nil, 401, "expired_token")
	})
}

func TestRefreshErrors(t *testing.T) {
	w, p := demo(t)
	for _, tt := range []struct {
		name, code string
		change     func(url.Values)
	}{
		{"no token", "invalid_request", func(v url.Values) { v.Del("refresh_token") }},
		{"another grant type", "invalid_request", func(v url.Values) { v.Set("grant_type", "password") }},
		{"wrong secret", "invalid_client", func(v url.Values) { v.Set("client_secret", "x") }},
		{"wrong secret, unknown token", "invalid_client", func(v url.Values) { v.Set("client_secret", "x"); v.Set("refresh_token", "x") }},
		{"unknown token", "invalid_grant", func(v url.Values) { v.Set("refresh_token", "x") }},
	} {
		_, token := p.Token(1)
		if status, got := refresh(t, w, token, tt.change); status != 400 || got["error"] != tt.code {
			t.Errorf("%s: %d %v", tt.name, status, got)
		}
	}
	_, token := p.Token(1)
	p.RequirePayment(true)
	if _, got := refresh(t, w, token); got["error"] != "PAYMENT_REQUIRED" {
		t.Errorf("without payment: %v", got)
	}
	p.RequirePayment(false)
	_, token = p.Token(1)
	if err := p.RemoveApp(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, got := refresh(t, w, token); got["error"] != "invalid_client" {
		t.Errorf("after the removal: %v", got)
	}
}

// TestLostRotation: the pair was renewed, but the answer was lost.
func TestLostRotation(t *testing.T) {
	w, p := demo(t)
	_, token := p.Token(1)
	w.Fault(emulator.Fault{Method: "oauth.token", Kind: emulator.BadGatewayDone})
	id, secret := w.Keys()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, oauth+"/oauth/token/?"+url.Values{
		"grant_type": {"refresh_token"}, "client_id": {id}, "client_secret": {secret}, "refresh_token": {token}}.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := w.Transport().RoundTrip(req)
	if err != nil || res.StatusCode != 502 {
		t.Fatalf("%v %v", res, err)
	}
	if _, got := refresh(t, w, token); got["error"] != "invalid_grant" {
		t.Errorf("answered %v", got)
	}
	if calls := w.Calls(); len(calls) != 2 || !calls[0].Executed || calls[1].Code != "invalid_grant" {
		t.Errorf("calls are %+v", calls)
	}
}

func TestOAuthAppInfo(t *testing.T) {
	w, p := demo(t)
	access, _ := p.Token(3)
	ask := func(token string) (int, body) {
		return form(t, w.Transport(), oauth+"/rest/app.info", url.Values{"auth": {token}})
	}
	status, got := ask(access)
	want := dig(sample(t, "embedding/app_info_oauth_response_shape"), "response")
	for _, miss := range sameShape("answer", want, got, nil) {
		t.Error(miss)
	}
	id, _ := w.Keys()
	if status != 200 || dig(got, "result", "client_id") != id || dig(got, "result", "user_id") != 3.0 || dig(got, "result", "install", "member_id") != p.MemberID() {
		t.Errorf("answered %d %v", status, got)
	}
	foreign, _ := p.TokenFor("app.other.1", 3)
	if _, got := ask(foreign); dig(got, "result", "client_id") != "app.other.1" {
		t.Errorf("another app's token: %v", got)
	}
	if status, got := ask("x"); status != 401 || got["error"] != "NO_AUTH_FOUND" {
		t.Errorf("unknown token: %d %v", status, got)
	}
	p.ExpireToken(access)
	if _, got := ask(access); got["error"] != "expired_token" {
		t.Errorf("expired token: %v", got)
	}
	access, _ = p.Token(3)
	if err := p.RemoveApp(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, got := ask(access); got["error"] != "NOT_INSTALLED" {
		t.Errorf("after the removal: %v", got)
	}
	c := caller{t, p, w.Transport(), access}
	c.refused("profile", nil, 401, "APPLICATION_NOT_FOUND")
}

func TestWhoMayCall(t *testing.T) {
	w, p := demo(t)
	other := w.AddPortal(emulator.Profile{Domain: "other.example.com"})
	stranger, _ := other.Token(1)
	c := as(t, w, p, 3)
	header := func(value string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Endpoint()+"profile", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", value)
		res, err := w.Transport().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	if a, b := header("Bearer "+c.token), header("Basic x"); a != 200 || b != 401 {
		t.Errorf("header: %d and %d", a, b)
	}
	caller{t, p, c.rt, stranger}.refused("profile", nil, 401, "invalid_token")
	c.refused("no.such.method", nil, 404, "ERROR_METHOD_NOT_FOUND")
	c.refused("placement.bind", nil, 403, "ACCESS_DENIED")
	p.SetScopes("crm")
	c.refused("user.get", nil, 403, "insufficient_scope")
	p.EditUser(3, func(u *emulator.User) { u.Extranet = true })
	c.refused("crm.type.list", nil, 403, "allowed_only_intranet_user")
	p.EditUser(3, func(u *emulator.User) { u.NoApp = true })
	c.refused("profile", nil, 403, "user_access_error")
	p.EditUser(3, func(u *emulator.User) { u.Dismissed = true })
	c.refused("profile", nil, 401, "authorization_error")
	admin := as(t, w, p, 1)
	p.Deny(403, "ACCESS_DENIED")
	admin.refused("profile", nil, 403, "ACCESS_DENIED")
	p.Deny(0, "")
	admin.result("profile", nil)
}

func TestRename(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	old := p.Endpoint()
	p.Rename("new.example.com")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, old+"profile.json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.rt.RoundTrip(req)
	if err != nil || res.StatusCode != 302 || res.Header.Get("Location") != "https://new.example.com/rest/profile.json" {
		t.Fatalf("%v %v", res, err)
	}
	c.result("profile", nil)
	_, got := form(t, w.Transport(), oauth+"/rest/app.info", url.Values{"auth": {c.token}})
	if dig(got, "result", "install", "client_endpoint") != "https://new.example.com/rest/" {
		t.Errorf("the OAuth server says %v", got)
	}
}
