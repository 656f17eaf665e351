package main

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// hookSite is a portal on a line that can be cut, and notes what it is asked
// by the address asked.
type hookSite struct {
	*site
	address string
	server  *http.Server

	mu    sync.Mutex
	paths []string
	oauth int
}

// newHookSite is a portal with one smart process, or with none.
func newHookSite(t testing.TB, types ...emulator.Type) *hookSite {
	t.Helper()
	s := &hookSite{site: &site{t: t, dir: t.TempDir()}}
	oauth := httptest.NewUnstartedServer(nil)
	s.site.oauth = "http://" + oauth.Listener.Addr().String()
	s.world = emulator.New(emulator.Options{OAuthURL: s.site.oauth})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	s.address = l.Addr().String()
	s.portal = s.world.AddPortal(emulator.Profile{
		MemberID: "fedcba9876543210fedcba9876543210", Domain: s.address, Scheme: "http", License: "box", Installed: true,
		Users: []emulator.User{
			{ID: 1, Name: "Alma", LastName: "Admin", Admin: true, CRMAdmin: true},
			{ID: 2, Name: "Carl", LastName: "Clerk"},
		},
		Types: types,
	})
	oauth.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.oauth++
		s.mu.Unlock()
		s.world.OAuth().ServeHTTP(w, r)
	})
	oauth.Start()
	t.Cleanup(oauth.Close)
	s.serve(l)
	t.Cleanup(func() { s.server.Close() })
	return s
}

// contracts is a smart process with a field of each common kind.
func contracts() emulator.Type {
	return emulator.Type{ID: 7, EntityTypeID: siteType, Title: "Contracts", Fields: []emulator.Field{
		{Name: "UF_CRM_7_1", Type: "string", Title: "Number"},
		{Name: "UF_CRM_7_2", Type: "double", Title: "Weight"},
		{Name: "UF_CRM_7_3", Type: "date", Title: "Signed on"},
		{Name: "UF_CRM_7_4", Type: "enumeration", Title: "Kind", Options: []emulator.Option{{ID: 41, Value: "Lease"}, {ID: 42, Value: "Аренда"}}},
	}}
}

func (s *hookSite) serve(l net.Listener) {
	portal := s.portal.Handler()
	s.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.paths = append(s.paths, r.URL.Path)
		s.mu.Unlock()
		portal.ServeHTTP(w, r)
	})}
	go s.server.Serve(l)
}

// cut ends the line to the portal: nobody listens, and open connections
// break.
func (s *hookSite) cut() {
	s.t.Helper()
	s.must(s.server.Close())
}

// mend lets the portal listen at its address again.
func (s *hookSite) mend() {
	s.t.Helper()
	var l net.Listener
	var err error
	for range 100 {
		if l, err = net.Listen("tcp", s.address); err == nil {
			s.serve(l)
			return
		}
		pause(s.t, 20*time.Millisecond)
	}
	s.t.Fatal(err)
}

// onlyThrough fails unless everything the portal was asked came through a
// webhook, and the OAuth server was asked nothing.
func (s *hookSite) onlyThrough(webhooks ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.paths) == 0 || s.oauth != 0 {
		s.t.Errorf("the portal was asked %d times, the OAuth server %d", len(s.paths), s.oauth)
	}
	for _, path := range s.paths {
		if !slices.ContainsFunc(webhooks, func(w string) bool { return strings.HasPrefix(s.portal.URL()+path, w) }) {
			s.t.Errorf("asked %s, not through a webhook", path)
		}
	}
}

// asked is what the portal was asked so far.
func (s *hookSite) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.paths)
}

// secretOf is the code in a webhook's address.
func secretOf(webhook string) string { return strings.Split(webhook, "/")[5] }

// nowhere fails where a file of the data folder holds one of the secrets.
func (s *hookSite) nowhere(when string, secrets ...[]byte) {
	s.t.Helper()
	found, files, size := s.traces(secrets...)
	for _, name := range found {
		s.t.Errorf("%s: the webhook is in %s", when, name)
	}
	s.t.Logf("%s: looked into %d files, %d KB", when, files, size>>10)
}

// traces are the files of the data folder that hold a secret, as it is or in
// a common spelling.
func (s *hookSite) traces(secrets ...[]byte) (found []string, files, size int) {
	s.t.Helper()
	var wanted [][]byte
	for _, secret := range secrets {
		wanted = append(wanted, spellings(secret)...)
	}
	s.must(filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since the folder was listed
		}
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files, size = files+1, size+len(b)
		if slices.ContainsFunc(wanted, func(w []byte) bool { return bytes.Contains(b, w) }) {
			found = append(found, strings.TrimPrefix(path, s.dir))
		}
		return err
	}))
	return found, files, size
}

// spellings are a secret as it is, in hex, and in base64 at each of the three
// places it can begin.
func spellings(secret []byte) [][]byte {
	all := [][]byte{secret, []byte(hex.EncodeToString(secret))}
	for lead := range 3 {
		coded := base64.RawStdEncoding.EncodeToString(append(make([]byte, lead), secret...))
		// The first and last letters hold bits of what stands beside it.
		all = append(all, []byte(coded[4:len(coded)-3]))
	}
	return all
}

// sealed is the webhook as the running program keeps it, encrypted.
func (s *hookSite) sealed() [][]byte {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "importer.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	s.must(err)
	defer db.Close()
	rows, err := db.QueryContext(s.t.Context(), "SELECT url FROM webhooks")
	s.must(err)
	defer rows.Close()
	var all [][]byte
	for rows.Next() {
		var b []byte
		s.must(rows.Scan(&b))
		all = append(all, b)
	}
	s.must(rows.Err())
	return all
}

// hookRow is a row of the file, and the item it must become.
type hookRow struct{ title, number, weight, signed, kind string }

// hookRows are rows with what spreadsheets hold: marks, quotes, letters of
// other alphabets, line ends, empty cells.
func hookRows(first, n int) []hookRow {
	rows := make([]hookRow, n)
	for i := range rows {
		k := first + i
		rows[i] = hookRow{
			title: fmt.Sprintf("Contract %d", k), number: fmt.Sprintf("N-%03d", k), weight: fmt.Sprintf("%d.25", k),
			signed: fmt.Sprintf("%02d.%02d.2025", 1+k%28, 1+k%12), kind: []string{"Lease", "Аренда", ""}[k%3],
		}
		switch k % 7 {
		case 1:
			rows[i].title += ` "quoted", and cut`
		case 2:
			rows[i].title = fmt.Sprintf("Договор № %d", k)
		case 3:
			rows[i].number += "\nsecond line"
		case 4:
			rows[i].weight = ""
		case 5:
			rows[i].number = fmt.Sprintf("=1+%d", k)
		}
	}
	return rows
}

func hookFile(rows []hookRow) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Write([]string{"Title", "Number", "Weight", "Signed on", "Kind"})
	for _, r := range rows {
		w.Write([]string{r.title, r.number, r.weight, r.signed, r.kind})
	}
	w.Flush()
	return b.String()
}

// compare compares the portal's items with rows, cell by cell.
func (s *hookSite) compare(rows []hookRow) {
	s.t.Helper()
	items := s.portal.Items(siteType)
	byTitle := map[string]emulator.Item{}
	for _, item := range items {
		byTitle[fmt.Sprint(item.Fields["title"])] = item
	}
	if len(items) != len(rows) || len(byTitle) != len(rows) {
		s.t.Errorf("%d items with %d titles for %d rows", len(items), len(byTitle), len(rows))
	}
	wrong := 0
	for _, r := range rows {
		item, ok := byTitle[r.title]
		cells := map[string]string{
			"UF_CRM_7_1": r.number, "UF_CRM_7_2": r.weight, "UF_CRM_7_3": r.signed[6:] + "-" + r.signed[3:5] + "-" + r.signed[:2],
			"UF_CRM_7_4": map[string]string{"Lease": "41", "Аренда": "42"}[r.kind],
		}
		for name, want := range cells {
			got := ""
			if v := item.Fields[name]; v != nil {
				got = fmt.Sprint(v)
			}
			if name == "UF_CRM_7_3" {
				got, _, _ = strings.Cut(got, "T")
			}
			if wrong++; (!ok || got != want) && wrong < 1000 {
				wrong += 100
				s.t.Errorf("%q (there: %v): %s is %q, want %q", r.title, ok, name, got, want)
			}
		}
	}
}

// TestWebhookImport is a person outside any portal, without scripts: a
// webhook, a file, the four steps. The webhook leaves no trace.
func TestWebhookImport(t *testing.T) {
	t.Parallel()
	s := newHookSite(t, contracts())
	webhook := s.portal.Webhook(1, "crm", "user_brief")
	p := s.start()
	g := newGuest(t, p, "en")
	g.get("/")
	g.ok()
	g.connect(webhook)
	g.ok()
	sealed := s.sealed()
	if len(sealed) != 1 || len(sealed[0]) < 32 {
		t.Fatalf("the program keeps %d webhooks", len(sealed))
	}
	if found, _, _ := s.traces(sealed[0]); len(found) == 0 {
		t.Fatal("the sealed webhook is in no file: the test looks in the wrong place")
	}
	// Two rows are refused, and one is skipped by a decision.
	rows := hookRows(0, 150)
	bad := slices.Clone(rows)
	bad[20].weight, bad[33].signed = "heavy", "31.02.2025"
	g.upload("contracts.csv", hookFile(bad))
	g.ok()
	g.says("150 rows", "5 columns")
	g.toReceipt(nil)
	g.says("148")
	if s.portal.Writes() != 0 {
		t.Error("something was written before the start")
	}
	s.portal.SetCost("crm.item.batchImport", 5*time.Millisecond)
	g.next()
	if g.page.phase() != "running" {
		t.Fatalf("phase %q: %s", g.page.phase(), g.page.main())
	}
	s.nowhere("while it runs", []byte(secretOf(webhook)))
	g.wait()
	g.says("148 of 150 rows were imported", "“heavy” is not a number", "There is no such day")
	s.compare(slices.Delete(slices.Delete(slices.Clone(rows), 33, 34), 20, 21))
	g.failedRows(func(table [][]string) {
		if len(table) != 3 || !slices.Contains(table[1], "heavy") || !slices.Contains(table[2], "31.02.2025") {
			t.Errorf("the file of failed rows: %q", table)
		}
		// Three cells above it hold two lines: row 22 of a spreadsheet program
		// begins in line 25 of the text.
		if !slices.Contains(table[1], bad[20].title) || table[1][5] != "22" {
			t.Errorf("the first failed row: %q", table[1])
		}
	})
	s.onlyThrough(webhook)
	// It goes when the import has ended, not when the program does: from the
	// log of the database as well.
	s.waitFor(func() bool {
		found, _, _ := s.traces(sealed[0])
		return len(found) == 0
	})
	if left := s.sealed(); len(left) != 0 {
		t.Errorf("%d webhooks are kept after the import", len(left))
	}
	s.nowhere("when the import has ended", []byte(secretOf(webhook)), sealed[0])
	if strings.Contains(g.page.body, secretOf(webhook)) {
		t.Error("the page shows the webhook")
	}
	p.stop()
	s.nowhere("after the import", []byte(secretOf(webhook)), sealed[0])
	if strings.Contains(p.stderr.String(), secretOf(webhook)) {
		t.Error("the log holds the webhook's code")
	}
	if p.stderr.String() == "" {
		t.Error("the program logs nothing: the test proves nothing")
	}
}

// failedRows downloads the file of the rows that were not imported.
func (g *guest) failedRows(look func(table [][]string)) string {
	g.t.Helper()
	back := g.page
	g.press(g.button("/failed"))
	got := g.page
	g.page = back
	if kind := got.header.Get("Content-Disposition"); got.status != http.StatusOK || !strings.HasPrefix(kind, "attachment") {
		g.t.Fatalf("%d %q %s", got.status, kind, got.body)
	}
	table, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(got.body, "\ufeff"))).ReadAll()
	g.must(err)
	look(table)
	return got.body
}
