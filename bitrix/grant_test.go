package bitrix_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// world is a portal and the OAuth server beside it: tokens are named
// "a<n>"/"r<n>", and a refresh token works once.
type world struct {
	mu        sync.Mutex
	valid     string // access token the portal takes
	refresh   string // refresh token the server takes
	n         int
	refreshes int
	slow      time.Duration
	status    int    // of the token endpoint, if not 200
	body      string // of the token endpoint, instead of a pair
	lose      bool   // the next pair is made and its answer lost
	expired   string // code for refused tokens
	host      string // where the portal is; others redirect there
	info      string // endpoint that app.info names; empty: the host's
	member    string
}

func newWorld() *world {
	return &world{valid: "a1", refresh: "r1", n: 1, expired: "expired_token", host: "portal.example", member: "m1"}
}

func (w *world) grant() bitrix.Grant {
	return bitrix.Grant{
		Portal: "m1", User: 7, Access: "a1", Refresh: "r1",
		Endpoint: "https://portal.example/rest/", Server: "https://oauth.example/",
	}
}

func (w *world) answer(c call) (int, string) {
	if c.host == "oauth.example" {
		return w.oauth(c)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.host != w.host {
		return 302, "https://" + w.host + c.path
	}
	if c.body["auth"] != w.valid {
		return 401, fmt.Sprintf(`{"error":%q,"error_description":"The access token provided has expired."}`, w.expired)
	}
	return 200, `{"result":{"ok":true}}`
}

func (w *world) oauth(c call) (int, string) {
	form, err := url.ParseQuery(c.raw)
	if err != nil {
		return 400, `{"error":"invalid_request"}`
	}
	if c.path == "/rest/app.info" {
		w.mu.Lock()
		defer w.mu.Unlock()
		if form.Get("auth") != w.valid {
			return 401, `{"error":"expired_token"}`
		}
		endpoint := w.info
		if endpoint == "" {
			endpoint = "https://" + w.host + "/rest/"
		}
		return 200, fmt.Sprintf(`{"result":{"client_id":"app.1","scope":"crm,placement","expires":"2026-08-31T23:59:59+00:00","user_id":"7",
			"install":{"installed":true,"version":1,"status":"L","domain":%q,"client_endpoint":%q,"member_id":%q}}}`, w.host, endpoint, w.member)
	}
	wait(w.slow)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refreshes++
	if w.body != "" {
		return w.status, w.body
	}
	if form.Get("client_id") != "app.1" || form.Get("client_secret") != "s3cret" {
		return 400, `{"error":"invalid_client"}`
	}
	if form.Get("refresh_token") != w.refresh {
		return 400, `{"error":"invalid_grant","error_description":"..."}`
	}
	w.n++
	w.valid, w.refresh = fmt.Sprintf("a%d", w.n), fmt.Sprintf("r%d", w.n)
	if w.lose {
		w.lose = false
		return 502, "<html>lost</html>"
	}
	return 200, fmt.Sprintf(`{"access_token":%q,"refresh_token":%q,"expires_in":3600,"client_endpoint":"https://%s/rest/",
		"domain":"oauth.example","member_id":%q,"user_id":7}`, w.valid, w.refresh, w.host, w.member)
}

func (w *world) options(log func(bitrix.CallRecord)) bitrix.Options {
	return bitrix.Options{
		Keys: bitrix.Keys{ClientID: "app.1", ClientSecret: "s3cret"}, OAuth: []string{"https://oauth.example"},
		Transport: &portal{answer: w.answer}, Log: log,
	}
}

func (w *world) client() *bitrix.Client { return bitrix.New(w.options(nil)) }

// TestExpiredTokenIsRefreshed: the call is repeated once with the new pair,
// which has been stored before.
func TestExpiredTokenIsRefreshed(t *testing.T) {
	for _, code := range []string{"expired_token", "EXPIRED_TOKEN", "invalid_token", "NO_AUTH_FOUND"} {
		w := newWorld()
		w.expired = code
		w.valid = "a0"
		grants := newMemory(w.grant())
		if _, err := w.client().Grant("m1", 7, grants).Call(t.Context(), "profile", nil); err != nil {
			t.Fatalf("%s: %v", code, err)
		}
		g, err := grants.Grant(t.Context(), "m1", 7)
		if err != nil || g.Access != "a2" || g.Refresh != "r2" || time.Until(g.Expires) < 59*time.Minute {
			t.Errorf("%s: stored %q %q until %v, %v", code, g.Access, g.Refresh, g.Expires, err)
		}
	}
}

// TestFreshTokenRefused: a portal that refuses fresh tokens too is not asked
// for ever.
func TestFreshTokenRefused(t *testing.T) {
	w := newWorld()
	p := &portal{answer: func(c call) (int, string) {
		if c.host == "portal.example" {
			return 401, `{"error":"expired_token"}`
		}
		return w.answer(c)
	}}
	o := w.options(nil)
	o.Transport = p
	_, err := bitrix.New(o).Grant("m1", 7, newMemory(w.grant())).Call(t.Context(), "profile", nil)
	var e *bitrix.Error
	if !errors.As(err, &e) || !e.Stops() || e.Class != bitrix.Refused || len(p.seen()) != 3 {
		t.Errorf("got %v after %d calls", err, len(p.seen()))
	}
}

// TestRefreshBeforeTheCall: a token that has run out by our clock is not
// sent.
func TestRefreshBeforeTheCall(t *testing.T) {
	w := newWorld()
	g := w.grant()
	g.Expires = time.Now().Add(-time.Second)
	p := &portal{answer: w.answer}
	o := w.options(nil)
	o.Transport = p
	if _, err := bitrix.New(o).Grant("m1", 7, newMemory(g)).Call(t.Context(), "profile", nil); err != nil {
		t.Fatal(err)
	}
	if calls := p.seen(); len(calls) != 2 || calls[0].path != "/oauth/token/" || calls[1].body["auth"] != "a2" {
		t.Errorf("calls: %v", calls)
	}
}

// TestRefreshHappensOnce: many calls in several processes at once spend one
// refresh token; the others use the pair that was stored.
func TestRefreshHappensOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.valid, w.slow = "a0", 3*time.Second
		grants := newMemory(w.grant())
		var all sync.WaitGroup
		for range 3 { // processes
			c := w.client()
			for range 5 {
				all.Go(func() {
					if _, err := c.Grant("m1", 7, grants).Call(t.Context(), "profile", nil); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		if w.refreshes != 1 {
			t.Errorf("%d refreshes, want 1", w.refreshes)
		}
	})
}

// TestOneProcessClaimsOnce: the callers of one process share one refresh and
// do not crowd the store.
func TestOneProcessClaimsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.valid, w.slow = "a0", 3*time.Second
		grants := newMemory(w.grant())
		x := w.client().Grant("m1", 7, grants)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := x.Call(t.Context(), "profile", nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if grants.claims != 1 || grants.saves != 1 {
			t.Errorf("%d claims and %d saves, want one each", grants.claims, grants.saves)
		}
	})
}

// TestRefreshOutlivesItsCaller: a caller that gives up does not lose the new
// pair, nor disturb the others.
func TestRefreshOutlivesItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.valid, w.slow = "a0", 3*time.Second
		grants := newMemory(w.grant())
		c := w.client()
		x := c.Grant("m1", 7, grants)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := x.Call(ctx, "profile", nil)
		if !errors.Is(err, context.DeadlineExceeded) || !bitrix.IsClass(err, bitrix.Refused) {
			t.Errorf("got %v", err)
		}
		if err := c.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain did not wait: %v", err)
		}
		if err := c.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if g, _ := grants.Grant(t.Context(), "m1", 7); g.Access != "a2" {
			t.Errorf("after Drain the stored token is %q", g.Access)
		}
		if _, err := x.Call(t.Context(), "profile", nil); err != nil {
			t.Error(err)
		}
		if w.refreshes != 1 {
			t.Errorf("%d refreshes, want 1", w.refreshes)
		}
	})
}

// TestDeadClaim: a process that died while it refreshed is waited for, then
// replaced.
func TestDeadClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.valid = "a0"
		grants := newMemory(w.grant())
		if ok, err := grants.ClaimRefresh(t.Context(), "m1", 7, time.Now(), time.Now().Add(45*time.Second)); !ok || err != nil {
			t.Fatal(ok, err)
		}
		began := time.Now()
		if _, err := w.client().Grant("m1", 7, grants).Call(t.Context(), "profile", nil); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d < 45*time.Second || d > 46*time.Second {
			t.Errorf("waited %v", d)
		}
	})
}

// TestSpentRefreshToken: when another process has stored a newer pair, that
// one is used; when nobody has, the grant is dead until the app is opened
// again.
func TestSpentRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.valid, w.lose = "a0", true // the pair is rotated and its answer lost
		grants := newMemory(w.grant())
		x := w.client().Grant("m1", 7, grants)
		_, err := x.Call(t.Context(), "profile", nil)
		var e *bitrix.Error
		if !errors.As(err, &e) || e.Class != bitrix.Refused || e.Stops() || e.Method != "profile" {
			t.Fatalf("lost answer: got %v", err)
		}
		for range 2 {
			_, err = x.Call(t.Context(), "profile", nil)
			if !errors.As(err, &e) || e.Code != "INVALID_GRANT" || !e.Stops() || e.Class != bitrix.Refused {
				t.Fatalf("spent token: got %v", err)
			}
		}
		if g, _ := grants.Grant(t.Context(), "m1", 7); g.Dead != "INVALID_GRANT" || w.refreshes != 2 {
			t.Errorf("dead %q after %d refreshes", g.Dead, w.refreshes)
		}
		g := w.grant() // the app is opened again
		g.Access, g.Refresh = w.valid, w.refresh
		if err := grants.SaveGrant(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Call(t.Context(), "profile", nil); err != nil {
			t.Errorf("after the app was opened again: %v", err)
		}
	})
}

// TestNewerPairWins: a pair that an opened frame has brought meanwhile is
// neither overwritten nor declared dead.
func TestNewerPairWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, lost := range []bool{false, true} {
			w := newWorld()
			w.valid, w.slow = "a0", 2*time.Second
			if lost {
				w.refresh = "spent"
			}
			grants := newMemory(w.grant())
			go func() {
				wait(time.Second)
				g := w.grant()
				g.Access, g.Refresh = "frame", "frame-refresh"
				_ = grants.SaveGrant(context.Background(), g)
			}()
			p := &portal{answer: func(c call) (int, string) {
				if c.host == "portal.example" && c.body["auth"] == "frame" {
					return 200, `{"result":true}`
				}
				return w.answer(c)
			}}
			o := w.options(nil)
			o.Transport = p
			if _, err := bitrix.New(o).Grant("m1", 7, grants).Call(t.Context(), "profile", nil); err != nil {
				t.Errorf("lost %v: %v", lost, err)
			}
			if g, _ := grants.Grant(t.Context(), "m1", 7); g.Access != "frame" || g.Dead != "" {
				t.Errorf("lost %v: stored %q, dead %q", lost, g.Access, g.Dead)
			}
		}
	})
}

// TestRefreshFailures: what stops the run, what only delays it, and that a
// failed refresh does not block the next one.
func TestRefreshFailures(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		code       string
		stops      bool
	}{
		{"server away", "<html>502</html>", 502, bitrix.CodeNotJSON, false},
		{"no pair", `{"ok":true}`, 200, bitrix.CodeNotJSON, false},
		{"wrong keys", `{"error":"wrong_client"}`, 200, "WRONG_CLIENT", true},
		{"not installed", `{"error":"invalid_client"}`, 401, "INVALID_CLIENT", true},
		{"not paid", string(sample(t, "embedding/oauth_error_payment_required.json")), 402, "PAYMENT_REQUIRED", true},
		{"another portal", `{"access_token":"x","refresh_token":"y","member_id":"m2"}`, 200, bitrix.CodeWrongGrant, true},
		{"another user", `{"access_token":"x","refresh_token":"y","user_id":8}`, 200, bitrix.CodeWrongGrant, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.valid, w.status, w.body = "a0", c.status, c.body
				grants := newMemory(w.grant())
				x := w.client().Grant("m1", 7, grants)
				_, err := x.Call(t.Context(), "profile", nil)
				var e *bitrix.Error
				if !errors.As(err, &e) || e.Code != c.code || e.Stops() != c.stops || e.Class != bitrix.Refused {
					t.Fatalf("got %v", err)
				}
				if g, _ := grants.Grant(t.Context(), "m1", 7); g.Access != "a1" || g.Refresh != "r1" || g.Dead != "" {
					t.Errorf("the stored pair was changed: %+v", g)
				}
				if c.code == bitrix.CodeWrongGrant {
					return
				}
				w.body = ""
				began := time.Now()
				if _, err := x.Call(t.Context(), "profile", nil); err != nil || time.Since(began) > time.Second {
					t.Errorf("the next call: %v after %v", err, time.Since(began))
				}
			})
		})
	}
}

// TestPairIsStoredBeforeUse: a store that fails for a while is tried again;
// one that fails for good keeps the pair from being used.
func TestPairIsStoredBeforeUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.valid = "a0"
		grants := newMemory(w.grant())
		grants.fail = 3
		if _, err := w.client().Grant("m1", 7, grants).Call(t.Context(), "profile", nil); err != nil {
			t.Error(err)
		}
		w = newWorld()
		w.valid = "a0"
		grants = newMemory(w.grant())
		grants.fail = 100
		p := &portal{answer: w.answer}
		o := w.options(nil)
		o.Transport = p
		_, err := bitrix.New(o).Grant("m1", 7, grants).Call(t.Context(), "profile", nil)
		if bitrix.Code(err) != bitrix.CodeGrantStore {
			t.Errorf("got %v", err)
		}
		for _, c := range p.seen() {
			if c.body["auth"] == "a2" {
				t.Error("a pair was used that is not stored")
			}
		}
	})
}

// TestNoGrant: nothing is sent.
func TestNoGrant(t *testing.T) {
	w := newWorld()
	p := &portal{answer: w.answer}
	o := w.options(nil)
	o.Transport = p
	_, err := bitrix.New(o).Grant("m1", 8, newMemory(w.grant())).Call(t.Context(), "profile", nil)
	var e *bitrix.Error
	if !errors.Is(err, bitrix.ErrNoGrant) || !errors.As(err, &e) || !e.Stops() || e.Class != bitrix.Refused {
		t.Errorf("got %v", err)
	}
	if len(p.seen()) > 0 {
		t.Error("something was sent")
	}
}

// TestOwnKeysOfAPortal: a local app refreshes with its own keys.
func TestOwnKeysOfAPortal(t *testing.T) {
	w := newWorld()
	w.valid = "a0"
	g := w.grant()
	g.Keys = bitrix.Keys{ClientID: "app.1", ClientSecret: "s3cret"}
	o := w.options(nil)
	o.Keys = bitrix.Keys{ClientID: "market", ClientSecret: "other"}
	if _, err := bitrix.New(o).Grant("m1", 7, newMemory(g)).Call(t.Context(), "profile", nil); err != nil {
		t.Error(err)
	}
}

// TestMovedPortal: the POST is repeated at the new address when the OAuth
// server confirms it, and the grant keeps it; the token may have expired
// meanwhile.
func TestMovedPortal(t *testing.T) {
	for _, expired := range []bool{false, true} {
		w := newWorld()
		w.host = "renamed.example"
		if expired {
			w.valid = "a0"
		}
		grants := newMemory(w.grant())
		p := &portal{answer: w.answer}
		o := w.options(nil)
		o.Transport = p
		x := bitrix.New(o).Grant("m1", 7, grants)
		if _, err := x.Call(t.Context(), "crm.item.add", map[string]any{"entityTypeId": 128}); err != nil {
			t.Fatalf("expired %v: %v", expired, err)
		}
		calls := p.seen()
		last := calls[len(calls)-1]
		if last.host != "renamed.example" || last.path != "/rest/crm.item.add" || last.body["entityTypeId"] != 128.0 {
			t.Errorf("expired %v: last call %+v", expired, last)
		}
		g, _ := grants.Grant(t.Context(), "m1", 7)
		if g.Endpoint != "https://renamed.example/rest/" {
			t.Errorf("expired %v: stored endpoint %q", expired, g.Endpoint)
		}
		if _, err := x.Call(t.Context(), "profile", nil); err != nil {
			t.Error(err)
		}
		if calls := p.seen(); calls[len(calls)-2].host == "portal.example" {
			t.Error("the old address was asked again")
		}
	}
}

// TestUnconfirmedMove: without the OAuth server's word no token goes to the
// new address.
func TestUnconfirmedMove(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*world)
		stops  bool
	}{
		{"the server names the old address", func(w *world) { w.info = "https://portal.example/rest/" }, true},
		{"another portal's token", func(w *world) { w.member = "m2" }, true},
		{"not https", func(w *world) { w.info = "http://evil.example/rest/" }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			w.host = "evil.example"
			c.change(w)
			p := &portal{answer: w.answer}
			o := w.options(nil)
			o.Transport = p
			grants := newMemory(w.grant())
			_, err := bitrix.New(o).Grant("m1", 7, grants).Call(t.Context(), "profile", nil)
			var e *bitrix.Error
			if !errors.As(err, &e) || e.Code != bitrix.CodeMoved || e.Class != bitrix.Refused || e.Stops() != c.stops {
				t.Errorf("got %v", err)
			}
			for _, seen := range p.seen() {
				if seen.host == "evil.example" {
					t.Error("the new address was called")
				}
			}
			if g, _ := grants.Grant(t.Context(), "m1", 7); g.Endpoint != "https://portal.example/rest/" {
				t.Errorf("stored endpoint %q", g.Endpoint)
			}
		})
	}
}

// TestWebhookNeverFollows a redirect, wherever it leads.
func TestWebhookNeverFollows(t *testing.T) {
	hook, err := bitrix.ParseWebhook("https://portal.example/rest/1/c0de/", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{301, 302, 307, 308} {
		p := always(status, "https://other.example/rest/1/c0de/profile")
		_, err = bitrix.New(bitrix.Options{Transport: p}).Webhook(hook).Call(t.Context(), "profile", nil)
		var e *bitrix.Error
		if !errors.As(err, &e) || e.Code != bitrix.CodeMoved || !e.Stops() || len(p.seen()) != 1 {
			t.Errorf("%d: got %v after %d calls", status, err, len(p.seen()))
		}
		if strings.Contains(err.Error(), "c0de") {
			t.Errorf("the secret is in the error: %v", err)
		}
	}
}

// TestAppInfo reads the sample, and asks believed servers only.
func TestAppInfo(t *testing.T) {
	var shape struct {
		Response map[string]any `json:"response"`
	}
	mustDecode(t, sample(t, "embedding/app_info_oauth_response_shape.json"), &shape)
	p := always(200, string(mustJSON(shape.Response)))
	c := bitrix.New(bitrix.Options{Transport: p})
	for server, host := range map[string]string{
		"":                                        "oauth.bitrix.info",
		"https://oauth.bitrix.info/rest/":         "oauth.bitrix.info",
		"https://oauth.bitrix24.tech/rest/":       "oauth.bitrix24.tech",
		"https://OAUTH.bitrix24.tech":             "oauth.bitrix24.tech",
		"https://evil.example/rest/":              "oauth.bitrix.info",
		"https://oauth.bitrix.info@evil.example/": "oauth.bitrix.info",
		"::": "oauth.bitrix.info",
	} {
		info, err := c.AppInfo(t.Context(), server, "tok")
		if err != nil {
			t.Fatal(err)
		}
		calls := p.seen()
		last := calls[len(calls)-1]
		if last.host != host || last.path != "/rest/app.info" || last.raw != "auth=tok" {
			t.Errorf("%q: asked %s%s with %s", server, last.host, last.path, last.raw)
		}
		if info.ClientID != "app.xxxxxxxx.yyyyyyyy" || info.User != 1 || info.MemberID != "d897063e1ce7c5eb9f04b9751eef5915" ||
			info.Endpoint != "https://portal.bitrix24.com/rest/" || !info.Installed || info.Status != "L" || info.Version != "1" ||
			len(info.Scopes) != 3 || info.Expires.Year() != 2026 || info.Domain != "portal.bitrix24.com" {
			t.Errorf("info %+v", info)
		}
	}
	for body, code := range map[string]string{
		`{"error":"wrong_client"}`:    "WRONG_CLIENT",
		`{"error":"expired_token"}`:   "EXPIRED_TOKEN",
		`{"result":{"client_id":""}}`: bitrix.CodeNotJSON,
		`<html>`:                      bitrix.CodeNotJSON,
	} {
		if _, err := bitrix.New(bitrix.Options{Transport: always(200, body)}).AppInfo(t.Context(), "", "tok"); bitrix.Code(err) != code {
			t.Errorf("%s: got %v", body, err)
		}
	}
	if _, err := c.AppInfo(t.Context(), "", ""); err == nil {
		t.Error("asked about no token")
	}
}

// overtaken is a store in which another process finishes its refresh between
// our look and our claim.
type overtaken struct{ *memory }

func (o overtaken) ClaimRefresh(ctx context.Context, portal string, user int64, now, until time.Time) (bool, error) {
	g, err := o.Grant(ctx, portal, user)
	if err != nil {
		return false, err
	}
	g.Access, g.Refresh = "a9", "r9"
	if err := o.SaveGrant(ctx, g); err != nil {
		return false, err
	}
	return o.memory.ClaimRefresh(ctx, portal, user, now, until)
}

// TestOvertaken: the pair of the other process is used, no token is spent.
func TestOvertaken(t *testing.T) {
	w := newWorld()
	w.valid, w.refresh = "a9", "r9"
	if _, err := w.client().Grant("m1", 7, overtaken{newMemory(w.grant())}).Call(t.Context(), "profile", nil); err != nil {
		t.Error(err)
	}
	if w.refreshes != 0 {
		t.Errorf("%d refreshes, want none", w.refreshes)
	}
}
