package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/vault"
	"github.com/spa-importer/spa-importer/bitrix"
)

// get asks an address and returns status and body.
func get(t *testing.T, address string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req)
}

func do(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// The demo starts, opens the app for a person of its portal, counts, and
// leaves nothing behind.
func TestDemo(t *testing.T) {
	var log bytes.Buffer
	anywhere := demoAddresses{"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"}
	metricsAt := freeAddress(t)
	d, err := openDemo(t.Context(), anywhere, nil, env("METRICS_LISTEN", metricsAt), &log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.serve(ctx) }()
	app := d.program.settings.publicURL
	for _, address := range []string{app + "/", app + "/ready", app + "/health", d.portal.URL() + "/"} {
		if status, body := get(t, address); status != http.StatusOK {
			t.Errorf("%s: %d %s", address, status, body)
		}
	}

	// The portal opens the installer in its frame, as an admin.
	query, form := d.portal.OpenForm(1, "DEFAULT", nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app+"/install?"+query.Encode(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, body := do(t, req)
	if status != http.StatusOK || !strings.Contains(body, "<html") {
		t.Errorf("opening the installer: %d %s", status, body)
	}
	if _, err := d.program.store.Portal(t.Context(), d.portal.MemberID()); err != nil {
		t.Errorf("the portal that opened the installer: %v", err)
	}
	if status, body := get(t, "http://"+metricsAt+"/metrics"); status != http.StatusOK ||
		!strings.Contains(body, `spa_importer_rest_requests_total{method="other",result="ok"}`) || !strings.Contains(body, "spa_importer_sweeps_total") {
		t.Errorf("metrics: %d\n%s", status, body)
	}

	stop()
	if err := <-ended; err != nil {
		t.Errorf("serving: %v", err)
	}
	if err := d.close(t.Context()); err != nil {
		t.Errorf("closing: %v", err)
	}
	if _, err := os.Stat(d.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the demo's folder: %v", err)
	}
	for _, secret := range []string{form.Get("AUTH_ID"), form.Get("REFRESH_ID")} {
		if secret == "" || strings.Contains(log.String(), secret) {
			t.Errorf("a token is in the log:\n%s", log.String())
		}
	}
}

func TestDemoSaysWhichAddressIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	_, err = openDemo(t.Context(), demoAddresses{"127.0.0.1:0", taken, "127.0.0.1:0"}, nil, env(), io.Discard)
	if err == nil || !strings.Contains(err.Error(), taken) {
		t.Errorf("error = %v", err)
	}
}

func opened(t *testing.T, pairs ...string) *program {
	t.Helper()
	s, _, err := readSettings(nil, env(append(pairs, "DATA_DIR", filepath.Join(t.TempDir(), "data"))...))
	if err != nil {
		t.Fatal(err)
	}
	p, err := open(t.Context(), s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestOneProcessPerDataFolder(t *testing.T) {
	p := opened(t)
	if _, err := open(t.Context(), p.settings, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second process: %v", err)
	}
	if err := p.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, err := open(t.Context(), p.settings, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if err := again.close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestDataFolderIsPrivate(t *testing.T) {
	p := opened(t)
	info, err := os.Stat(p.settings.dataDir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data folder: %v, %v", info.Mode(), err)
	}
}

func TestOpenDoesNotShowSecrets(t *testing.T) {
	for name, value := range map[string]string{
		"DATABASE_URL": "postgres://u:hush-hush@127.0.0.1:1/x?sslmode=wrong",
		"APP_KEY":      "hush-hush",
	} {
		s, _, err := readSettings(nil, env(name, value, "DATA_DIR", t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		_, err = open(t.Context(), s, slog.New(slog.DiscardHandler))
		if err == nil || strings.Contains(err.Error(), "hush-hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConnections(t *testing.T) {
	p := opened(t, "ALLOW_PRIVATE_PORTALS", "on")
	ctx, c := t.Context(), connections{portals: p.portals, imports: p.store, now: time.Now}
	grant := importer.Connection{Kind: importer.ByGrant, User: 7}
	if _, err := c.Connect(ctx, "nobody", grant); !errors.Is(err, importer.ErrNotFound) {
		t.Errorf("unknown portal: %v", err)
	}

	const member = "0123456789abcdef0123456789abcdef"
	set := func(change func(*portal.Portal)) {
		t.Helper()
		_, err := p.store.UpdatePortal(ctx, member, func(row *portal.Portal) error { change(row); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	set(func(row *portal.Portal) {
		row.Domain, row.Endpoint, row.Status = "a.example", "https://a.example/rest/", portal.Active
	})
	if _, err := c.Connect(ctx, member, grant); !errors.Is(err, importer.ErrNotFound) {
		t.Errorf("user without a grant: %v", err)
	}
	g := bitrix.Grant{Portal: member, User: 7, Access: "a", Refresh: "r", Expires: time.Now().Add(time.Hour), Endpoint: "https://a.example/rest/"}
	if err := p.store.SaveGrant(ctx, g); err != nil {
		t.Fatal(err)
	}
	if caller, err := c.Connect(ctx, member, grant); err != nil || caller == nil {
		t.Errorf("user with a grant: %v", err)
	}
	set(func(row *portal.Portal) { row.QuarantinedAt = time.Now() })
	_, err := c.Connect(ctx, member, grant)
	var wait *bitrix.Error
	if !errors.As(err, &wait) || wait.Class != bitrix.Refused || !wait.ResetAt.After(time.Now()) || wait.Stops() {
		t.Errorf("portal in quarantine: %v", err)
	}
	set(func(row *portal.Portal) { row.QuarantinedAt, row.Status = time.Time{}, portal.Removed })
	if _, err := c.Connect(ctx, member, grant); !errors.Is(err, importer.ErrNotFound) {
		t.Errorf("removed portal: %v", err)
	}
}

// A webhook goes with its import, but not while another one works with it.
func TestWebhookGoesWithItsLastImport(t *testing.T) {
	p := opened(t, "ALLOW_PRIVATE_PORTALS", "on")
	ctx, c := t.Context(), connections{portals: p.portals, imports: p.store, now: time.Now}
	const tenant = "hook:a.example:1"
	hook := portal.Webhook{ID: vault.NewID(), Portal: tenant, User: 1, Host: "a.example", URL: "https://a.example/rest/1/abcdefgh1234/", Created: time.Now()}
	if err := p.store.SaveWebhook(ctx, hook); err != nil {
		t.Fatal(err)
	}
	by := importer.Connection{Kind: importer.ByWebhook, User: 1, Webhook: hook.ID}
	if _, err := c.Connect(ctx, tenant, by); err != nil {
		t.Fatalf("connecting: %v", err)
	}
	if _, err := c.Connect(ctx, tenant, importer.Connection{Kind: importer.ByWebhook}); !errors.Is(err, importer.ErrNotFound) {
		t.Errorf("no webhook named: %v", err)
	}
	other := importer.Import{ID: vault.NewID(), Portal: tenant, Connection: by, State: importer.Running, Key: vault.NewDataKey(), Created: time.Now()}
	if err := p.store.CreateImport(ctx, other); err != nil {
		t.Fatal(err)
	}
	if err := c.Release(ctx, tenant, by); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Connect(ctx, tenant, by); err != nil {
		t.Fatalf("the other import lost its webhook: %v", err)
	}
	_, err := p.store.UpdateImport(ctx, tenant, other.ID, func(i *importer.Import) error { i.State = importer.Done; return nil })
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Release(ctx, tenant, by); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Connect(ctx, tenant, by); !errors.Is(err, importer.ErrNotFound) {
		t.Errorf("after the last import: %v", err)
	}
	if err := c.Release(ctx, tenant, importer.Connection{Kind: importer.ByGrant, User: 1}); err != nil {
		t.Errorf("releasing a grant: %v", err)
	}
}

// Tidying deletes what is older than REST_LOG_DAYS from the log of calls.
func TestTidyPurgesTheRestLog(t *testing.T) {
	p := opened(t, "REST_LOG_DAYS", "3")
	now := time.Now()
	old := bitrix.CallRecord{Portal: "p", Import: "i", Method: "profile", Start: now.Add(-73 * time.Hour)}
	young := bitrix.CallRecord{Portal: "p", Import: "i", Method: "scope", Start: now.Add(-71 * time.Hour)}
	if err := p.store.LogCalls(t.Context(), []bitrix.CallRecord{old, young}); err != nil {
		t.Fatal(err)
	}
	if err := (work{p}).Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := p.store.Calls(t.Context(), "p", "i")
	if err != nil || len(left) != 1 || left[0].Method != "scope" {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestMetricsHaveFewLabels(t *testing.T) {
	m := newMeters("v1", &restLog{})
	for range 3 {
		m.call(bitrix.CallRecord{Method: "crm.item.batchImport", Status: 200, Duration: time.Second, BytesOut: 10})
	}
	m.call(bitrix.CallRecord{Method: "crm.type.list", Status: 503, Code: "QUERY_LIMIT_EXCEEDED"})
	m.call(bitrix.CallRecord{Method: "user.get", Code: ""})
	m.call(bitrix.CallRecord{Method: "user.search", Status: 502})
	m.slice("run:"+importer.Lane(strings.Repeat("a", 32)), time.Second, nil)
	m.slice("read:x", time.Second, importer.ErrHeld)
	m.due(2)
	var out bytes.Buffer
	m.set.WritePrometheus(&out)
	for _, want := range []string{
		`spa_importer_rest_requests_total{method="crm.item.batchimport",result="ok"} 3`,
		`spa_importer_rest_requests_total{method="other",result="limit"} 1`,
		`spa_importer_rest_requests_total{method="user.get",result="no_answer"} 1`,
		`spa_importer_rest_requests_total{method="other",result="error"} 1`,
		`spa_importer_rest_bytes_sent_total 30`,
		`spa_importer_slices_total{kind="run",result="ok"} 1`,
		`spa_importer_slices_total{kind="read",result="held"} 1`,
		`spa_importer_sweep_found_total 2`,
		`spa_importer_info{version="v1"} 1`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "aaaa") {
		t.Error("a portal's id is a label")
	}
}

func TestSettingsSecretsForTheLog(t *testing.T) {
	s, _, err := readSettings(nil, env("APP_KEY", "first-key,second-key", "S3_URL", "https://k:"+url.QueryEscape("p@ss/word")+"@h.example/b",
		"BITRIX24_CLIENT_ID", "app.1", "BITRIX24_CLIENT_SECRET", "the-secret"))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(s.secrets(), "\n")
	for _, want := range []string{"first-key", "second-key", "p@ss/word", "p%40ss%2Fword", "the-secret"} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not among the secrets", want)
		}
	}
}
