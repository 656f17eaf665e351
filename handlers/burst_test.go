package handlers_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
	"github.com/spa-importer/spa-importer/handlers"
)

// another adds a portal on which the app is installed, and returns it with
// the last event that it sent.
func (s *site) another(member, host string) *emulator.Portal {
	s.t.Helper()
	profile := emulator.DemoProfile()
	profile.MemberID, profile.Domain, profile.Scheme, profile.Limits = member, host, "https", &emulator.Limits{}
	p := s.world.AddPortal(profile)
	query, form := p.OpenForm(boss, "", nil)
	if got := s.send(http.MethodPost, "/install?"+query.Encode(), form); got.status != 200 {
		s.t.Fatal(got)
	}
	quietly(s.t, p.InstallApp(s.t.Context(), boss))
	s.event(lastEvent(p))
	return p
}

// quietly passes over that nobody listens at the app's address: the tests
// deliver events themselves.
func quietly(t *testing.T, err error) {
	t.Helper()
	if err != nil && !strings.Contains(err.Error(), "app.example.com") {
		t.Fatal(err)
	}
}

func lastEvent(p *emulator.Portal) string {
	all := p.Deliveries()
	return all[len(all)-1].Body
}

// knocks are events to send, and from where.
type knock struct {
	from, body string
	forged     bool
}

// TestBurstOfEvents: a thousand events at once, true and forged ones in any
// order. All are answered at once, the true ones are all taken and have their
// effect once, and nothing goes because somebody invented it.
func TestBurstOfEvents(t *testing.T) {
	s := installed(t, func(o *handlers.Options) { o.TrustedProxies = []string{"127.0.0.1", "0.0.0.0"} })
	removed := s.another(strings.Repeat("b", 32), "gone.bitrix24.example")
	updated := s.another(strings.Repeat("c", 32), "new.bitrix24.example")
	s.event(s.portal.Deliveries()[0].Body)
	s.settled(removed.MemberID(), updated.MemberID(), s.portal.MemberID())

	ctx := context.WithoutCancel(t.Context())
	quietly(t, s.portal.AddType(ctx, emulator.Type{EntityTypeID: 1050, Title: "Vehicles"}))
	added := lastEvent(s.portal)
	quietly(t, removed.RemoveApp(ctx, true))
	quietly(t, updated.UpdateApp(ctx, boss))
	updated.ResetCounts()
	s.portal.ResetCounts()
	asked := len(s.world.Calls())

	auth := func(p *emulator.Portal, appToken, access string) url.Values {
		return url.Values{
			"auth[member_id]": {p.MemberID()}, "auth[application_token]": {appToken}, "auth[access_token]": {access},
			"auth[domain]": {"evil.example"}, "auth[client_endpoint]": {"https://evil.example/rest/"},
			"auth[server_endpoint]": {"https://evil.example/rest/"}, "ts": {fmt.Sprint(time.Now().Unix())},
		}
	}
	craft := func(name string, v url.Values) string { return "event=" + name + "&" + v.Encode() }
	employees, _ := s.portal.Token(clerk)
	var all []knock
	add := func(n int, from string, forged bool, body func(i int) string) {
		for i := range n {
			all = append(all, knock{from: from, forged: forged, body: body(i)})
		}
	}
	const node = "203.0.113.5"
	add(150, node, false, func(int) string { return added })
	add(50, node, false, func(int) string { return lastEvent(removed) })
	access, refresh := updated.Token(boss)
	v := auth(updated, "the-new-one", access)
	v.Set("auth[refresh_token]", refresh)
	update := craft("ONAPPUPDATE", v)
	add(50, node, false, func(int) string { return update })
	add(50, node, false, func(int) string { return craft("ONAPPPAYMENT", auth(s.portal, "", "")) })
	add(200, "198.51.100.1", true, func(int) string { return craft("ONAPPUNINSTALL", auth(s.portal, "invented", "")) })
	add(100, "198.51.100.2", true, func(int) string { return craft("ONAPPUNINSTALL", auth(s.portal, s.portal.AppToken(), "")) })
	add(100, "198.51.100.3", true, func(int) string { return craft("ONAPPINSTALL", auth(s.portal, "mine", employees)) })
	add(100, "198.51.100.4", true, func(i int) string {
		return craft("ONAPPINSTALL", auth(s.portal, "mine", fmt.Sprintf("%070d", i%10)))
	})
	add(100, "198.51.100.5", true, func(i int) string {
		v := auth(s.portal, "mine", fmt.Sprintf("%070d", i))
		v.Set("auth[member_id]", fmt.Sprintf("%032d", i))
		return craft("ONAPPINSTALL", v)
	})
	add(100, "198.51.100.6", true, func(i int) string { return strings.Repeat("x[", i+1) })
	if len(all) != 1000 {
		t.Fatalf("%d events", len(all))
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	s.knock(all)
	must(t, s.portals.Close(ctx)) // worked off

	if p := s.kept(removed); p.Status != portal.Removed {
		t.Errorf("the removed portal: %+v", p)
	}
	if p := s.kept(updated); p.AppToken != "the-new-one" || executed(updated, "event.bind") != 7 {
		t.Errorf("the updated portal has the token %q, and %d events were bound", p.AppToken, executed(updated, "event.bind"))
	}
	if p := s.kept(s.portal); p.Status != portal.Active || p.AppToken != s.portal.AppToken() || p.Installer != boss || p.Domain != portalHost {
		t.Errorf("the portal that was lied about: %+v", p)
	}
	if n := executed(s.portal, "placement.bind"); n != 2 {
		t.Errorf("menu items of one smart process were bound %d times", n)
	}
	if n := s.calls.to("evil.example"); n != 0 {
		t.Errorf("%d calls to the address that events name", n)
	}
	if n := len(s.world.Calls()) - asked; n > 600 {
		t.Errorf("the OAuth server was asked %d times", n)
	}
	// An open disproves what was said of the portal, and all is as it was.
	token := s.session(clerk)
	if p := s.send(http.MethodPost, "/history", url.Values{"_s": {token}}); p.status != 200 {
		t.Error(p)
	}
	if _, err := s.portals.Connection(ctx, s.portal.MemberID(), clerk, ""); err != nil {
		t.Errorf("the portal's connection: %v", err)
	}
}

// settled waits until the installations are known with their tokens.
func (s *site) settled(members ...string) {
	s.t.Helper()
	for until := time.Now().Add(20 * time.Second); ; {
		open := 0
		for _, m := range members {
			if p, err := s.store.Portal(s.t.Context(), m); err != nil || p.Status != portal.Active || p.AppToken == "" {
				open++
			}
		}
		if open == 0 {
			return
		}
		if time.Now().After(until) {
			s.t.Fatalf("%d portals are not installed", open)
		}
		select {
		case <-s.t.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *site) kept(p *emulator.Portal) portal.Portal {
	s.t.Helper()
	row, err := s.store.Portal(s.t.Context(), p.MemberID())
	must(s.t, err)
	return row
}

// executed counts executed calls of a method.
func executed(p *emulator.Portal, method string) (n int) {
	for _, c := range p.Calls() {
		if c.Method == method && c.Executed {
			n++
		}
	}
	return n
}

// knock sends events from fifty clients at once.
func (s *site) knock(all []knock) {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(s.t, err)
	go func() {
		if err := s.server.Serve(l); err != nil {
			s.t.Log(err)
		}
	}()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50}}
	defer client.CloseIdleConnections()
	todo := make(chan knock)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for k := range todo {
				req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+l.Addr().String()+"/events", strings.NewReader(k.body))
				if err != nil {
					s.t.Error(err)
					continue
				}
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set("X-Forwarded-For", k.from)
				began := time.Now()
				answer, err := client.Do(req)
				if err != nil {
					s.t.Error(err)
					continue
				}
				body, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				if took := time.Since(began); err != nil || took > 5*time.Second {
					s.t.Errorf("answered after %v, %v", took, err)
				}
				if !k.forged && (answer.StatusCode != 200 || string(body) != `{"status":"ok"}`) {
					s.t.Errorf("a true event was answered with %d %s", answer.StatusCode, body)
				}
				if answer.StatusCode >= 500 {
					s.t.Errorf("%d %s for %.60s", answer.StatusCode, body, k.body)
				}
			}
		})
	}
	for _, k := range all {
		todo <- k
	}
	close(todo)
	wg.Wait()
}
