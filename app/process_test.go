package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/depot"
	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/store/pgtest"
	"github.com/spa-importer/spa-importer/app/vault"
	"github.com/spa-importer/spa-importer/bitrix"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// The tests of this file run the program as it is released, as a process of
// its own, against an emulated portal on real sockets.

var (
	postgres pgtest.Lazy
	program_ builtProgram
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := postgres.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	program_.remove()
	os.Exit(code)
}

// builtProgram builds the program once, the way `make build` does.
type builtProgram struct {
	once sync.Once
	dir  string
	err  error
}

func (b *builtProgram) path(t testing.TB) string {
	t.Helper()
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp("", "spa-importer"); b.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(b.dir, "app"), ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.err = fmt.Errorf("building the program: %w\n%s", err, out)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return filepath.Join(b.dir, "app")
}

func (b *builtProgram) remove() {
	if b.dir != "" {
		os.RemoveAll(b.dir)
	}
}

// site is an emulated portal and OAuth server on sockets, and a data folder
// for the program.
type site struct {
	t        testing.TB
	world    *emulator.World
	portal   *emulator.Portal
	oauth    string
	dir      string
	database string // empty: SQLite in dir
	last     *process
	points   points
}

// points tells a test where a request that may write stands.
type points struct {
	mu    sync.Mutex
	at    point
	then  func()
	inner http.Handler
}

// A request has arrived and nothing was done; all was done and nothing
// answered; the answer is on its way, and nobody has noted it yet.
type point int

const (
	atArrival point = iota + 1
	atExecution
	atAnswer
)

// next calls then at this point of the next request that may write, which
// waits for it.
func (m *points) next(at point, then func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at, m.then = at, then
}

func (m *points) reach(at point) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at == at {
		m.at = 0
		m.then()
	}
}

func (m *points) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.URL.Path, "crm.item.batchImport") && !strings.HasSuffix(strings.TrimSuffix(r.URL.Path, ".json"), "/batch") {
		m.inner.ServeHTTP(w, r)
		return
	}
	m.reach(atArrival)
	// The portal works on, whoever waits for it.
	answer := httptest.NewRecorder()
	m.inner.ServeHTTP(answer, r.WithContext(context.WithoutCancel(r.Context())))
	m.reach(atExecution)
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	if _, err := w.Write(answer.Body.Bytes()); err != nil {
		return // the one who asked is dead, as he should be
	}
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	m.reach(atAnswer)
}

const siteType = 1032

func newSite(t testing.TB, database string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), database: database}
	portalSocket, oauthSocket := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	s.oauth = "http://" + oauthSocket.Listener.Addr().String()
	s.world = emulator.New(emulator.Options{OAuthURL: s.oauth})
	s.portal = s.world.AddPortal(emulator.Profile{
		MemberID: "0123456789abcdef0123456789abcdef", Domain: portalSocket.Listener.Addr().String(), Scheme: "http",
		License: "box", Installed: true,
		Users: []emulator.User{{ID: 1, Name: "Alma", LastName: "Admin", Admin: true, CRMAdmin: true}},
		Types: []emulator.Type{{ID: 7, EntityTypeID: siteType, Title: "Contracts", Fields: []emulator.Field{
			{Name: "UF_CRM_7_1", Type: "string", Title: "Number"},
		}}},
	})
	s.points.inner = s.portal.Handler()
	portalSocket.Config.Handler, oauthSocket.Config.Handler = &s.points, s.world.OAuth()
	portalSocket.Start()
	oauthSocket.Start()
	t.Cleanup(portalSocket.Close)
	t.Cleanup(oauthSocket.Close)
	return s
}

// open opens the program's database and files beside it.
func (s *site) open() (*store.Store, *depot.Folder) {
	s.t.Helper()
	ctx := s.t.Context()
	keys, err := vault.Load("", s.dir)
	s.must(err)
	files, err := depot.OpenFolder(filepath.Join(s.dir, "files"))
	s.must(err)
	var db *store.Store
	if s.database == "" {
		db, err = store.OpenSQLite(ctx, filepath.Join(s.dir, "importer.db"), keys)
	} else {
		db, err = store.OpenPostgres(ctx, pgtest.Pool(s.t, s.database), keys)
	}
	s.must(err)
	return db, files
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) actor() importer.Actor {
	return importer.Actor{
		Portal: s.portal.MemberID(), User: 1, Name: "Alma Admin", Admin: true, Lang: "en",
		Connection: importer.Connection{Kind: importer.ByGrant, User: 1},
	}
}

// started brings an import of n rows to the point where a person presses
// Import, and presses it; the process that will do the work is not there
// yet.
func (s *site) started(n int) (imp importer.Import) {
	s.t.Helper()
	ctx := s.t.Context()
	db, files := s.open()
	defer db.Close()
	_, err := db.UpdatePortal(ctx, s.portal.MemberID(), func(p *portal.Portal) error {
		p.Domain, p.Endpoint, p.Server = strings.TrimPrefix(s.portal.URL(), "http://"), s.portal.Endpoint(), s.oauth+"/"
		p.Status, p.Installed = portal.Active, time.Now()
		return nil
	})
	s.must(err)
	access, refresh := s.portal.Token(1)
	s.must(db.SaveGrant(ctx, bitrix.Grant{
		Portal: s.portal.MemberID(), User: 1, Access: access, Refresh: refresh, Expires: time.Now().Add(time.Hour),
		Endpoint: s.portal.Endpoint(), Server: s.oauth + "/",
	}))
	id, secret := s.world.Keys()
	client := bitrix.New(bitrix.Options{
		Keys: bitrix.Keys{ClientID: id, ClientSecret: secret}, OAuth: []string{s.oauth + "/"}, AllowPrivate: true,
	})
	svc := importer.New(importer.Options{
		Store: db, Journal: db, Files: files, Connections: direct{client, db}, Bell: silent{}, Limits: silent{},
		Log: slog.New(slog.DiscardHandler), MaxUpload: 1 << 28,
	})
	var file strings.Builder
	file.WriteString("Title,Number\n")
	for i := range n {
		fmt.Fprintf(&file, "Contract %d,N-%d\n", i, i)
	}
	a := s.actor()
	u, err := svc.CreateUpload(ctx, a, "contracts.csv", int64(file.Len()))
	s.must(err)
	_, err = svc.Append(ctx, a, u.ID, 0, strings.NewReader(file.String()))
	s.must(err)
	imp, err = svc.Begin(ctx, a, u.ID)
	s.must(err)
	_, err = svc.Slice(ctx, importer.Lane("read:"+u.ID))
	s.must(err)
	_, err = svc.SetTarget(ctx, a, imp.ID, importer.Target{EntityTypeID: siteType})
	s.must(err)
	_, err = svc.SetMapping(ctx, a, imp.ID, importer.Mapping{Columns: []importer.ColumnMapping{
		{Column: 0, Field: "title"}, {Column: 1, Field: "UF_CRM_7_1"},
	}})
	s.must(err)
	_, err = svc.Check(ctx, a, imp.ID)
	s.must(err)
	_, err = svc.Slice(ctx, importer.Lane("check:"+imp.ID))
	s.must(err)
	imp, err = svc.Start(ctx, a, imp.ID)
	s.must(err)
	return imp
}

// direct connects by grants alone.
type direct struct {
	client *bitrix.Client
	grants bitrix.Grants
}

func (d direct) Connect(_ context.Context, portal string, c importer.Connection) (importer.Caller, error) {
	return d.client.Grant(portal, c.User, d.grants), nil
}

func (d direct) Release(context.Context, string, importer.Connection) error { return nil }

// silent rings nobody and limits nothing.
type silent struct{}

func (silent) Ring(context.Context, importer.Lane) error     { return nil }
func (silent) RowLimit(context.Context, string) (int, error) { return 0, nil }

// process is the program running.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	url    string
	stderr output
	ended  chan struct{}
}

// output is what a program has written so far; it may be read while the
// program runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start runs `spa-importer serve` on a free port and waits until it is ready.
func (s *site) start(extra ...string) *process {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	address := l.Addr().String()
	s.must(l.Close())
	id, secret := s.world.Keys()
	p := &process{t: s.t, url: "http://" + address, ended: make(chan struct{})}
	p.cmd = exec.Command(program_.path(s.t), "serve")
	p.cmd.Env = append(append(os.Environ(),
		"LISTEN="+address, "PUBLIC_URL="+p.url, "DATA_DIR="+s.dir, "DATABASE_URL="+s.database,
		"BITRIX24_CLIENT_ID="+id, "BITRIX24_CLIENT_SECRET="+secret, "BITRIX24_OAUTH_URL="+s.oauth,
		"ALLOW_PRIVATE_PORTALS=on", "FREE_ROW_LIMIT=0", "SETTLE_SECONDS=1",
	), extra...)
	p.cmd.Stderr = &p.stderr
	s.must(p.cmd.Start())
	go func() { p.cmd.Wait(); close(p.ended) }()
	s.t.Cleanup(p.kill)
	s.last = p
	p.waitReady()
	return p
}

func (p *process) waitReady() {
	p.t.Helper()
	until := time.Now().Add(30 * time.Second)
	for time.Now().Before(until) {
		select {
		case <-p.ended:
			p.t.Fatalf("the program ended:\n%s", p.stderr.String())
		default:
		}
		answer, err := http.Get(p.url + "/ready")
		if err == nil {
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		pause(p.t, 20*time.Millisecond)
	}
	p.t.Fatalf("the program is not ready:\n%s", p.stderr.String())
}

// kill is kill -9.
func (p *process) kill() {
	p.cmd.Process.Kill() // an error means that it is dead already
	<-p.ended
}

// stop asks the program to end, and waits for it.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	<-p.ended
	if !p.cmd.ProcessState.Success() {
		p.t.Fatalf("the program ended with %v:\n%s", p.cmd.ProcessState, p.stderr.String())
	}
}

// pause waits for another process, whose clock is the real one.
func pause(t testing.TB, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// peak is the most memory the process had resident, in bytes.
func (p *process) peak() int64 { return p.status("VmHWM:") }

// resident is the memory it has resident now.
func (p *process) resident() int64 { return p.status("VmRSS:") }

func (p *process) status(line string) int64 {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for l := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(l, line); ok {
			var kB int64
			if _, err := fmt.Sscan(rest, &kB); err != nil {
				p.t.Fatal(err)
			}
			return kB << 10
		}
	}
	p.t.Fatalf("no %s in the process's status", line)
	return 0
}
