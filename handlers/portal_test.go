package handlers_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/template/html/v2"

	spaimporter "github.com/spa-importer/spa-importer"
	"github.com/spa-importer/spa-importer/app/depot"
	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/vault"
	"github.com/spa-importer/spa-importer/bitrix"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
	"github.com/spa-importer/spa-importer/handlers"
	"github.com/spa-importer/spa-importer/static"
	"github.com/spa-importer/spa-importer/views"
)

const (
	publicURL  = "https://app.example.com"
	portalHost = "acme.bitrix24.example"
	boss       = 1 // an administrator of the portal
	clerk      = 3 // an employee
)

// site is the whole app but for its queue, in front of an emulated portal.
type site struct {
	t       *testing.T
	now     func() time.Time
	world   *emulator.World
	portal  *emulator.Portal
	store   *store.Store
	portals *portal.Service
	server  *handlers.Server
	calls   *callLog
	log     *logBuffer
}

// callLog notes the hosts that are called.
type callLog struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen map[string]int
}

func (l *callLog) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.seen[r.URL.Hostname()]++
	l.mu.Unlock()
	return l.next.RoundTrip(r)
}

func (l *callLog) to(host string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[host]
}

func (l *callLog) all() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, v := range l.seen {
		n += v
	}
	return n
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newSite builds the app; change may alter its options.
func newSite(t *testing.T, change func(*handlers.Options)) *site {
	t.Helper()
	return newSiteAt(t, publicURL, "https", portalHost, change)
}

// newSiteAt builds the app for other addresses: its own, and the scheme and
// host of the portal. Portals on http are allowed if the app is on http.
func newSiteAt(t *testing.T, publicURL, scheme, portalHost string, change func(*handlers.Options)) *site {
	t.Helper()
	private := strings.HasPrefix(publicURL, "http:")
	s := &site{t: t, now: time.Now, log: &logBuffer{}}
	s.world = emulator.New(emulator.Options{AppURL: publicURL + "/", InstallURL: publicURL + "/install"})
	profile := emulator.DemoProfile()
	profile.Domain, profile.Scheme, profile.Limits = portalHost, scheme, &emulator.Limits{}
	s.portal = s.world.AddPortal(profile)
	s.calls = &callLog{next: s.world.Transport(), seen: map[string]int{}}
	dir := t.TempDir()
	keys, err := vault.New(vault.NewDataKey())
	must(t, err)
	db, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "test.db"), keys)
	must(t, err)
	files, err := depot.OpenFolder(filepath.Join(dir, "files"))
	must(t, err)
	manifest, err := spaimporter.Load()
	must(t, err)
	texts, err := locale.Load()
	must(t, err)
	assets, err := static.Load()
	must(t, err)
	pages := html.NewFileSystem(http.FS(views.FS), ".html")
	must(t, pages.Load())
	s.store = db
	id, secret := s.world.Keys()
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client := bitrix.New(bitrix.Options{Keys: bitrix.Keys{ClientID: id, ClientSecret: secret}, Transport: s.calls, AllowPrivate: private,
		Log: func(c bitrix.CallRecord) { _ = db.LogCalls(context.Background(), []bitrix.CallRecord{c}) }})
	s.portals = portal.New(portal.Options{
		Store: db, Client: client, Manifest: manifest, PublicURL: publicURL, ClientID: id, FreeRows: 100, Log: log,
		Files: noFiles{}, AllowPrivate: private,
	})
	s.portals.Start(t.Context())
	imports := importer.New(importer.Options{
		Store: db, Journal: db, Files: files, Connections: connections{s.portals}, Limits: s.portals, Bell: silentBell{}, MaxUpload: 256 << 20,
		Calls: db,
	})
	o := handlers.Options{
		Importer: imports, Portals: s.portals, Manifest: manifest, Locales: texts, Views: pages, Assets: assets,
		PublicURL: publicURL, MaxUpload: 256 << 20, FreeRows: 100, WebhookFallback: true, KeepDays: 30, LogDays: 7,
		Version: "test", Log: log, AllowPrivate: private,
	}
	if change != nil {
		change(&o)
	}
	s.server, err = handlers.New(o)
	must(t, err)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		must(t, s.portals.Close(ctx))
		must(t, s.server.Shutdown(ctx))
		must(t, files.Close())
		must(t, db.Close())
	})
	return s
}

type noFiles struct{}

func (noFiles) DeleteFiles(context.Context, []string, []string) error { return nil }

type silentBell struct{}

func (silentBell) Ring(context.Context, importer.Lane) error { return nil }

type connections struct{ p *portal.Service }

func (c connections) Connect(ctx context.Context, tenant string, by importer.Connection) (importer.Caller, error) {
	return c.p.Connection(ctx, tenant, by.User, by.Webhook)
}

func (c connections) Release(ctx context.Context, tenant string, by importer.Connection) error {
	return c.p.ReleaseWebhook(ctx, tenant, by.Webhook)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// page is an answer.
type page struct {
	status int
	header http.Header
	body   string
}

var tokenField = regexp.MustCompile(`name="_s" value="([^"]*)"`)

// token is the session's token in the page.
func (p page) token() string {
	m := tokenField.FindStringSubmatch(p.body)
	if m == nil {
		return ""
	}
	return m[1]
}

// send makes a request; headers are pairs.
func (s *site) send(method, target string, form url.Values, headers ...string) page {
	s.t.Helper()
	var body io.Reader = http.NoBody
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req := httptest.NewRequest(method, target, body)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return s.do(req)
}

func (s *site) do(req *http.Request) page {
	s.t.Helper()
	res, err := s.server.App().Test(req, 20_000)
	must(s.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(s.t, err)
	return page{res.StatusCode, res.Header, string(b)}
}

// open opens the app as the portal's page does for a user.
func (s *site) open(path string, user int64, change func(query, form url.Values), headers ...string) page {
	s.t.Helper()
	query, form := s.portal.OpenForm(user, "", nil)
	if change != nil {
		change(query, form)
	}
	return s.send(http.MethodPost, path+"?"+query.Encode(), form, headers...)
}

// installed is a site whose app is installed.
func installed(t *testing.T, change func(*handlers.Options)) *site {
	t.Helper()
	s := newSite(t, change)
	if p := s.open("/install", boss, nil); p.status != 200 {
		t.Fatalf("installer: %d %s", p.status, p.body)
	}
	if err := s.portal.InstallApp(t.Context(), boss); err != nil && !strings.Contains(err.Error(), "app.example.com") {
		t.Fatal(err)
	}
	return s
}

// session opens the app and returns the token of the session.
func (s *site) session(user int64) string {
	s.t.Helper()
	p := s.open("/", user, nil)
	if p.status != 200 || p.token() == "" {
		s.t.Fatalf("open: %d %s", p.status, p.body)
	}
	return p.token()
}

func (p page) assertHas(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			t.Errorf("the page (%d) does not say %q:\n%s", p.status, text, p.body)
		}
	}
}

func (p page) ancestors() string {
	_, after, _ := strings.Cut(p.header.Get("Content-Security-Policy"), "frame-ancestors ")
	return after
}

func (p page) String() string { return fmt.Sprintf("%d %s", p.status, p.body) }
