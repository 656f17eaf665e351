package importer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/depot"
	"github.com/spa-importer/spa-importer/app/fetch"
	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/bitrix"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// spa is the smart process of these tests.
const spa = 1032

// bench is the importer on real parts: a database, a folder of files, the
// client, and an emulated portal in the same process. Inside a synctest
// bubble hours pass in no time.
type bench struct {
	t      testing.TB
	world  *emulator.World
	portal *emulator.Portal
	client *bitrix.Client
	store  *store.Store
	// front stands before the store, where a test wants to see it used.
	front importer.Store
	depot *depot.Folder
	svc   *importer.Service
	bell  *bell
	actor importer.Actor
	limit int
	// quiet services write no log even where tests are verbose.
	quiet bool
	// released counts connections given back.
	released atomic.Int32
	// processes counts them; holder is the name of the last one.
	processes int
	holder    string
	// onSlice is called after each slice of work.
	onSlice func()
	wire    *wire
	// web is the rest of the world, from which files are fetched.
	web *web
}

// wire is the network: it can lose a connection while the portal goes on
// working on the request, as a killed process or a broken line does.
type wire struct {
	inner http.RoundTripper
	mu    sync.Mutex
	sever map[int]bool // which requests that may write, from 1 since cut
	seen  int
	// onCut is called when a connection is lost; it may be nil.
	onCut func()
	// largest is how many bytes a request may have; 0: any. refused counts
	// those that had more.
	largest int64
	refused int
	work    sync.WaitGroup
}

// writing matches the methods that write, in an address or within a batch.
var writing = regexp.MustCompile(`crm\.item\.(batchImport|import|add|update|delete)`)

// cut has the requests of these numbers, counted from now on, lose their
// connection.
func (w *wire) cut(numbers ...int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen, w.sever = 0, make(map[int]bool, len(numbers))
	for _, n := range numbers {
		w.sever[n] = true
	}
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !writing.MatchString(r.URL.Path) && !writing.Match(body) {
		return w.inner.RoundTrip(r)
	}
	if w.largest > 0 && r.ContentLength > w.largest {
		w.refused++
		return &http.Response{
			StatusCode: http.StatusRequestEntityTooLarge, Request: r, Header: http.Header{},
			Body: io.NopCloser(strings.NewReader("<html>413 Request Entity Too Large</html>")),
		}, nil
	}
	w.mu.Lock()
	w.seen++
	cut := w.sever[w.seen]
	w.mu.Unlock()
	if !cut {
		return w.inner.RoundTrip(r)
	}
	if w.onCut != nil {
		w.onCut()
	}
	// Nobody waits for the answer, but the portal gives up some time, too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Minute)
	alone := r.Clone(ctx)
	alone.Body = io.NopCloser(bytes.NewReader(body))
	w.work.Go(func() {
		defer cancel()
		if answer, err := w.inner.RoundTrip(alone); err == nil {
			answer.Body.Close()
		}
	})
	return nil, io.ErrUnexpectedEOF
}

func profile() emulator.Profile {
	return emulator.Profile{
		MemberID: "0123456789abcdef0123456789abcdef", Domain: "portal.example", Installed: true,
		Users: []emulator.User{
			{ID: 1, Name: "Alma", LastName: "Admin", Admin: true, CRMAdmin: true},
			{ID: 7, Name: "Uma", LastName: "User"},
		},
		Contacts:  []map[string]any{{"name": "Carla", "lastName": "Contact"}},
		Companies: []map[string]any{{"title": "Acme"}},
		Types: []emulator.Type{{
			ID: 7, EntityTypeID: spa, Title: "Contracts", Categories: true, Stages: true, Client: true, Source: true,
			Pipelines: []emulator.Pipeline{
				{ID: 9, Name: "Main", Default: true, Stages: []emulator.Stage{
					{Code: "NEW", Name: "New"}, {Code: "WORK", Name: "In work"}, {Code: "SUCCESS", Name: "Won", Semantics: "S"},
				}},
			},
			Fields: []emulator.Field{
				{Name: "UF_CRM_7_1", Type: "string", Title: "Number"},
				{Name: "UF_CRM_7_2", Type: "integer", Title: "Count"},
				{Name: "UF_CRM_7_3", Type: "date", Title: "Signed"},
				{Name: "UF_CRM_7_4", Type: "enumeration", Title: "Colour", Multiple: true,
					Options: []emulator.Option{{ID: 81, Value: "Red"}, {ID: 82, Value: "Blue"}}},
			},
		}},
	}
}

func newBench(t testing.TB, p emulator.Profile) *bench {
	t.Helper()
	return benchOf(t, p, emulator.Options{})
}

func benchOf(t testing.TB, p emulator.Profile, o emulator.Options) *bench {
	t.Helper()
	b := &bench{t: t, bell: &bell{}, limit: 0}
	b.world = emulator.New(o)
	b.portal = b.world.AddPortal(p)
	b.web = &web{answers: map[string]http.HandlerFunc{}}
	b.wire = &wire{inner: b.world.Transport()}
	id, secret := b.world.Keys()
	b.client = bitrix.New(bitrix.Options{
		Keys: bitrix.Keys{ClientID: id, ClientSecret: secret}, OAuth: []string{"https://oauth.bitrix.info/"},
		AllowPrivate: true, Transport: b.wire,
	})
	b.house()
	b.actor = importer.Actor{
		Portal: b.portal.MemberID(), User: 1, Name: "Alma Admin", Admin: true, Lang: "en", Zone: "Europe/Berlin",
		Connection: importer.Connection{Kind: importer.ByGrant, User: 1},
	}
	b.login(1)
	b.svc = b.service(b.store)
	return b
}

// login gives the store a fresh grant of a user.
func (b *bench) login(user int64) {
	access, refresh := b.portal.Token(user)
	b.must(b.store.SaveGrant(b.ctx(), bitrix.Grant{
		Portal: b.portal.MemberID(), User: user, Access: access, Refresh: refresh,
		Expires: time.Now().Add(time.Hour), Endpoint: b.portal.Endpoint(), Server: "https://oauth.bitrix.info/",
	}))
}

// service makes another process over the same database and files.
func (b *bench) service(j importer.Journal) *importer.Service {
	b.processes++
	b.holder = fmt.Sprint("p", b.processes)
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() && !b.quiet {
		log = slog.New(slog.NewTextHandler(&testWriter{b.t}, nil))
	}
	var front importer.Store = b.store
	if b.front != nil {
		front = b.front
	}
	return importer.New(importer.Options{
		Store: front, Journal: &standstill{Journal: j}, Files: b.depot, Connections: b, Bell: b.bell, Limits: b,
		Log: log, MaxUpload: 1 << 28, Holder: b.holder,
		ReportTitles: [][2]string{{"Row", "Why"}},
		Fetch:        fetch.New(fetch.Options{Transport: b.web}),
	})
}

type testWriter struct{ t testing.TB }

func (w *testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

func (b *bench) ctx() context.Context { return b.t.Context() }

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// Connect implements importer.Connections.
func (b *bench) Connect(_ context.Context, portal string, c importer.Connection) (importer.Caller, error) {
	return b.client.Grant(portal, c.User, b.store), nil
}

// Release implements importer.Connections.
func (b *bench) Release(context.Context, string, importer.Connection) error {
	b.released.Add(1)
	return nil
}

// RowLimit implements importer.Limits.
func (b *bench) RowLimit(context.Context, string) (int, error) { return b.limit, nil }

// bell collects rings.
type bell struct {
	mu    sync.Mutex
	lanes []importer.Lane
}

func (b *bell) Ring(_ context.Context, lane importer.Lane) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.lanes, lane) {
		b.lanes = append(b.lanes, lane)
	}
	return nil
}

func (b *bell) take() []importer.Lane {
	b.mu.Lock()
	defer b.mu.Unlock()
	lanes := b.lanes
	b.lanes = nil
	return lanes
}

// pump does what the queue does, until nothing is left to do: it returns
// the errors of slices.
func (b *bench) pump(svc *importer.Service) error {
	b.t.Helper()
	var failed error
	at := map[importer.Lane]time.Time{}
	var before string
	for n := range 100_000 {
		if n%10_000 == 9_999 {
			now := b.imports(false)
			if now == before {
				break
			}
			before = now
		}
		for _, lane := range b.bell.take() {
			at[lane] = time.Now()
		}
		if len(at) == 0 {
			due, err := svc.Due(b.ctx())
			b.must(err)
			if len(due) == 0 {
				// The sweep: lanes of a dead process run out meanwhile.
				time.Sleep(31 * time.Second)
				if due, err = svc.Due(b.ctx()); err != nil {
					return errors.Join(failed, err)
				}
				if len(due) == 0 && b.waits() {
					continue // nobody was told, and the sweep comes again
				}
				if len(due) == 0 {
					return failed
				}
			}
			for _, lane := range due {
				at[lane] = time.Now()
			}
		}
		var first importer.Lane
		for lane, when := range at {
			if first == "" || when.Before(at[first]) {
				first = lane
			}
		}
		if wait := time.Until(at[first]); wait > 0 {
			time.Sleep(wait) // virtual
		}
		delete(at, first)
		next, err := svc.Slice(b.ctx(), first)
		if errors.Is(err, errCrash) {
			return err
		}
		if b.onSlice != nil {
			b.onSlice()
		}
		failed = errors.Join(failed, err)
		if next.Again {
			at[first] = next.At
			if next.At.IsZero() {
				at[first] = time.Now()
			}
		}
	}
	b.t.Fatalf("the lanes never come to rest; next %v, errors %v, imports %s", at, failed, b.imports(true))
	return nil
}

// imports tells how far all imports are, and on request what only the clock
// moves.
func (b *bench) imports(waits bool) string {
	imports, err := b.store.Imports(b.ctx(), b.actor.Portal, 0)
	b.must(err)
	var s strings.Builder
	for _, i := range imports {
		fmt.Fprintf(&s, "\n%s %s, undoing %t, checked %d, cursor %d, counts %+v, undone %+v",
			i.ID, i.State, i.Undoing, i.CheckedRows, i.Cursor, i.Counts, i.Undo)
		if waits {
			fmt.Fprintf(&s, ", reason %+v until %s, %d failures", i.Reason, i.Until, i.Failures)
		}
	}
	return s.String()
}

// waits reports whether an import goes on by itself later.
func (b *bench) waits() bool {
	imports, err := b.store.Imports(b.ctx(), b.actor.Portal, 0, importer.Running, importer.Waiting)
	b.must(err)
	return slices.ContainsFunc(imports, func(i importer.Import) bool {
		return i.State == importer.Running || !i.Until.IsZero()
	})
}

// upload brings a file in and has it read.
func (b *bench) upload(name, content string) importer.Import {
	b.t.Helper()
	u, err := b.svc.CreateUpload(b.ctx(), b.actor, name, int64(len(content)))
	b.must(err)
	u, err = b.svc.Append(b.ctx(), b.actor, u.ID, 0, strings.NewReader(content))
	b.must(err)
	if u.State != importer.Received {
		b.t.Fatalf("upload is %s: %+v", u.State, u.Problem)
	}
	imp, err := b.svc.Begin(b.ctx(), b.actor, u.ID)
	b.must(err)
	b.must(b.pump(b.svc))
	return imp
}

// checked takes a file through steps 1 to 3 with the proposed mapping, whatever
// comes of the check.
func (b *bench) checked(content string) importer.Import {
	b.t.Helper()
	imp := b.checking(content, importer.Target{})
	b.must(b.pump(b.svc))
	return b.reload(imp.ID)
}

func (b *bench) reload(id string) importer.Import {
	b.t.Helper()
	imp, err := b.svc.Import(b.ctx(), b.actor, id)
	b.must(err)
	return imp
}

// run starts an import and lets it come to rest.
func (b *bench) run(id string) importer.Import {
	b.t.Helper()
	_, err := b.svc.Start(b.ctx(), b.actor, id)
	b.must(err)
	b.must(b.pump(b.svc))
	return b.reload(id)
}

// table makes a file of n rows whose titles are unique.
func table(n int) string {
	var s strings.Builder
	s.WriteString("Title;Number;Count;Signed;Colour\n")
	for i := range n {
		fmt.Fprintf(&s, "Contract %d;N-%04d;%d;%02d.03.2024;Red|Blue\n", i, i, i, i%28+1)
	}
	return s.String()
}

// titles are the titles of the portal's items in order of their ids.
func (b *bench) titles() []string {
	var titles []string
	for _, item := range b.portal.Items(spa) {
		titles = append(titles, fmt.Sprint(item.Fields["title"]))
	}
	return titles
}

// exactly fails unless the portal holds each row of table(n) once.
func (b *bench) exactly(n int, ordered bool) {
	b.t.Helper()
	want := make([]string, n)
	for i := range n {
		want[i] = fmt.Sprintf("Contract %d", i)
	}
	got := b.titles()
	if !ordered {
		slices.Sort(got)
		slices.Sort(want)
	}
	if !slices.Equal(got, want) {
		b.t.Fatalf("portal holds %d items for %d rows:\n%v", len(got), n, got)
	}
}

// standstill is a journal that ends a test in which work turns in a circle:
// writes without end, while no time passes.
type standstill struct {
	importer.Journal
	mu     sync.Mutex
	at     time.Time
	writes int
}

func (s *standstill) Write(ctx context.Context, f importer.Fence, imp string, e []importer.Entry, change func(*importer.Import) error) (importer.Import, error) {
	s.moves(imp, len(e))
	return s.Journal.Write(ctx, f, imp, e, change)
}

func (s *standstill) WriteUndo(ctx context.Context, f importer.Fence, imp string, e []importer.Entry, change func(*importer.Import) error) (importer.Import, error) {
	s.moves(imp, len(e))
	return s.Journal.WriteUndo(ctx, f, imp, e, change)
}

func (s *standstill) moves(imp string, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); !now.Equal(s.at) {
		s.at, s.writes = now, 0
	}
	if s.writes++; s.writes > 2000 {
		panic(fmt.Sprintf("import %s: writes without end at %s, the last one of %d rows", imp, s.at, rows))
	}
}

// errCrash is a process that dies.
var errCrash = errors.New("killed")

var _ io.Writer = (*testWriter)(nil)
