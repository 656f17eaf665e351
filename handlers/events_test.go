package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/handlers"
)

func (s *site) event(body string) page {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, "/events", strings.NewReader(body))
	must(s.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.do(req)
}

// TestEvents: true and forged events get the same answer; what they bring
// about is tested with package portal.
func TestEvents(t *testing.T) {
	s := installed(t, nil)
	var bodies []string
	for _, d := range s.portal.Deliveries() {
		bodies = append(bodies, d.Body)
	}
	if len(bodies) == 0 {
		t.Fatal("the portal has sent nothing")
	}
	forged := url.Values{
		"event": {"ONAPPUNINSTALL"}, "auth[member_id]": {s.portal.MemberID()}, "auth[application_token]": {"guess"},
		"auth[client_endpoint]": {"https://evil.example/rest/"}, "auth[domain]": {"evil.example"},
	}
	unknown := url.Values{"event": {"ONAPPUNINSTALL"}, "auth[member_id]": {strings.Repeat("0", 32)}}
	want := s.event(bodies[0])
	if want.status != 200 {
		t.Error(want)
	}
	for name, body := range map[string]string{"forged": forged.Encode(), "unknown portal": unknown.Encode()} {
		if got := s.event(body); got.status != want.status || got.body != want.body {
			t.Errorf("%s: %v", name, got)
		}
	}
	must(t, s.portals.Close(t.Context())) // worked off
	if n := s.calls.to("evil.example"); n != 0 {
		t.Errorf("%d calls to the address an event names", n)
	}
	if _, err := s.portals.Connection(t.Context(), s.portal.MemberID(), boss, ""); err != nil {
		t.Errorf("after forged removals: %v", err)
	}
	if p := s.event(bodies[0]); p.status != 503 {
		t.Errorf("while stopping: %v", p)
	}
}

func TestMalformedEvents(t *testing.T) {
	s := newSite(t, nil)
	for name, body := range map[string]string{
		"nothing": "", "no name": "auth[member_id]=abc", "deep": "event" + strings.Repeat("[a]", 50) + "=1",
		"many": strings.Repeat("a[]=1&", 5000), "not a form": "{\"event\":1}",
	} {
		if p := s.event(body); p.status != 400 {
			t.Errorf("%s: %v", name, p)
		}
	}
	if p := s.event("event=" + strings.Repeat("A", 300<<10)); p.status != 413 {
		t.Error(p)
	}
	if s.calls.all() != 0 {
		t.Errorf("%d calls", s.calls.all())
	}
}

func TestEventsAreRateLimited(t *testing.T) {
	for body, least := range map[string]int{
		"event=ONCRMTYPEADD&auth[member_id]=abc&auth[access_token]=t":        2000,
		"event=ONAPPINSTALL&auth[member_id]=abc&auth[access_token]=invented": 200,
	} {
		s := newSite(t, func(o *handlers.Options) {
			at := time.Now()
			o.Now = func() time.Time { return at } // no time passes
		})
		n := 0
		for ; n < 3000; n++ {
			if p := s.event(body); p.status == 429 {
				break
			}
		}
		if n != least {
			t.Errorf("%s: refused after %d, want %d", body, n, least)
		}
	}
}

// TestRemovalEndsSessions follows a removal from the portal to the pages.
func TestRemovalEndsSessions(t *testing.T) {
	s := installed(t, nil)
	for _, d := range s.portal.Deliveries() {
		s.event(d.Body)
	}
	token := s.session(clerk)
	if err := s.portal.RemoveApp(t.Context(), true); err != nil && !strings.Contains(err.Error(), "app.example.com") {
		t.Fatal(err)
	}
	all := s.portal.Deliveries()
	if p := s.event(all[len(all)-1].Body); p.status != 200 {
		t.Error(p)
	}
	must(t, s.portals.Close(t.Context()))
	if p := s.send(http.MethodPost, "/start", url.Values{"_s": {token}}); p.status != 401 {
		t.Error(p)
	}
	if _, err := s.portals.Connection(t.Context(), s.portal.MemberID(), boss, ""); err != portal.ErrNotFound {
		t.Errorf("connection: %v", err)
	}
	s.open("/", clerk, nil).assertHas(t, "installation is not finished")
}
