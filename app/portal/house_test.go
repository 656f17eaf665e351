package portal_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	spaimporter "github.com/spa-importer/spa-importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/vault"
	"github.com/spa-importer/spa-importer/bitrix"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

const (
	public = "https://app.example.com"
	admin  = 1 // an administrator of the demo's portal
	plain  = 3 // an employee of it
)

// unhurried portals have no limits of time: the clock of these tests stands.
var unhurried = &emulator.Limits{}

// house is a portal, the OAuth server, a database and what is needed to make
// services for them.
type house struct {
	t      *testing.T
	clock  *clock
	world  *emulator.World
	portal *emulator.Portal
	store  *store.Store
	hosts  *hosts
	files  *files
	log    *bytes.Buffer
	// change alters the options of the services made from now on.
	change func(*portal.Options)
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// hosts notes where requests go.
type hosts struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen []string
}

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.seen = append(h.seen, r.URL.Host)
	h.mu.Unlock()
	return h.next.RoundTrip(r)
}

func (h *hosts) count(host string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, s := range h.seen {
		if strings.EqualFold(s, host) {
			n++
		}
	}
	return n
}

func (h *hosts) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen = nil
}

type files struct{ uploads, imports []string }

func (f *files) DeleteFiles(_ context.Context, uploads, imports []string) error {
	f.uploads, f.imports = append(f.uploads, uploads...), append(f.imports, imports...)
	return nil
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, clock: &clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}, files: &files{}, log: &bytes.Buffer{}}
	h.world = emulator.New(emulator.Options{
		Now: h.clock.Now, Sleep: func(context.Context, time.Duration) error { return nil }, AppURL: public,
	})
	profile := emulator.DemoProfile()
	profile.Domain, profile.Scheme = "acme.bitrix24.example", "https"
	profile.Limits = unhurried
	h.portal = h.world.AddPortal(profile)
	h.hosts = &hosts{next: h.world.Transport()}
	v, err := vault.New(vault.NewDataKey())
	if err != nil {
		t.Fatal(err)
	}
	h.store, err = store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "test.db"), v)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// service makes a service, as a start of the process would.
func (h *house) service() *portal.Service {
	h.t.Helper()
	id, secret := h.world.Keys()
	manifest, err := spaimporter.Load()
	if err != nil {
		h.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&lockedWriter{w: h.log}, nil))
	o := portal.Options{
		Store: h.store, Files: h.files, Manifest: manifest, PublicURL: public,
		ClientID: id, FreeRows: 100, Now: h.clock.Now, Log: log,
		Client: bitrix.New(bitrix.Options{
			Keys: bitrix.Keys{ClientID: id, ClientSecret: secret}, Transport: h.hosts, Now: h.clock.Now, Slog: log,
		}),
	}
	if h.change != nil {
		h.change(&o)
	}
	return portal.New(o)
}

type lockedWriter struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// form is what the portal posts for a user, parsed.
func (h *house) form(user int64, placement string, options map[string]string) bitrix.Open {
	h.t.Helper()
	return h.parse(h.portal.OpenForm(user, placement, options))
}

func (h *house) parse(query, form url.Values) bitrix.Open {
	h.t.Helper()
	o, err := bitrix.ParseOpen(query, form)
	if err != nil {
		h.t.Fatal(err)
	}
	return o
}

func (h *house) open(user int64) portal.Opened {
	h.t.Helper()
	opened, err := h.service().Open(h.t.Context(), h.form(user, "", nil), "192.0.2.7")
	if err != nil {
		h.t.Fatal(err)
	}
	return opened
}

// install does what the installer page does, and installFinish.
func (h *house) install() portal.Opened {
	h.t.Helper()
	opened := h.open(admin)
	if _, err := h.service().Install(h.t.Context(), opened.Session); err != nil {
		h.t.Fatal(err)
	}
	if err := h.portal.InstallApp(h.t.Context(), admin); err != nil && !strings.Contains(err.Error(), "app.example.com") {
		h.t.Fatal(err) // nobody listens at the events' address
	}
	h.deliver("ONAPPINSTALL")
	return opened
}

// deliver gives the last event of that name, as the portal wrote it, to a
// service and works it off.
func (h *house) deliver(name string) {
	h.t.Helper()
	all := h.portal.Deliveries()
	i := slices.IndexFunc(all, func(d emulator.Delivery) bool { return d.Event == name })
	if i < 0 {
		h.t.Fatalf("the portal has sent no %s", name)
	}
	for j, d := range all {
		if d.Event == name {
			i = j
		}
	}
	h.event(all[i].Body)
}

func (h *house) event(body string) {
	h.t.Helper()
	e, err := bitrix.ParseEvent([]byte(body))
	if err != nil {
		h.t.Fatal(err)
	}
	s := h.service()
	s.Start(h.t.Context())
	if err := s.Event(h.t.Context(), e); err != nil {
		h.t.Error(err)
	}
	if err := s.Close(h.t.Context()); err != nil {
		h.t.Error(err)
	}
}

func (h *house) row() portal.Portal {
	h.t.Helper()
	p, err := h.store.Portal(h.t.Context(), h.portal.MemberID())
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func code(err error) string {
	var r *portal.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
