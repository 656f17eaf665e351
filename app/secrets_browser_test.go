//go:build browser

package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/proto"
)

// witness stands between browser and app and keeps everything it sees.
type witness struct {
	server *httptest.Server
	mu     sync.Mutex
	seen   []exchangeSeen
}

// exchangeSeen is a request's address and the answer to it.
type exchangeSeen struct {
	method, address, kind, body string
	user                        int
}

// newWitness passes requests on to the app's own address, once that is known.
func newWitness(t *testing.T, app func() string, user func() int) *witness {
	w := &witness{}
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		target, err := url.Parse(app())
		if err != nil {
			t.Error(err)
			return
		}
		proxy := httputil.NewSingleHostReverseProxy(target)
		proxy.FlushInterval = -1
		proxy.ErrorHandler = func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) }
		proxy.ModifyResponse = func(res *http.Response) error {
			// What has come so far is what a cut stream has shown.
			res.Body = &listened{ReadCloser: res.Body, done: func(body string) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.seen = append(w.seen, exchangeSeen{r.Method, r.URL.String(), res.Header.Get("Content-Type"), body, user()})
			}}
			return nil
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.server.Close)
	return w
}

type listened struct {
	io.ReadCloser
	b    bytes.Buffer
	done func(string)
}

func (l *listened) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	l.b.Write(p[:n])
	return n, err
}

func (l *listened) Close() error {
	l.done(l.b.String())
	return l.ReadCloser.Close()
}

func (w *witness) all() []exchangeSeen {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

// holders are the places that hold one of the words in some spelling.
func holders(words []string, places map[string][]byte) (found []string) {
	for name, text := range places {
		for _, word := range words {
			for _, spelling := range spellings([]byte(word)) {
				if bytes.Contains(text, spelling) {
					found = append(found, fmt.Sprintf("%s in %s", word, name))
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

// onDisk reads every file below the folders, the database and its log among
// them; the file with the app's key is the one place for a secret.
func onDisk(t testing.TB, dirs ...string) map[string][]byte {
	t.Helper()
	places := map[string][]byte{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil //nolint:nilerr // it went while we looked
			}
			if text, err := os.ReadFile(path); err == nil && filepath.Base(path) != "app.key" {
				places[path] = text
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return places
}

// The cells of the files: words that stand nowhere else.
const (
	cellTitle  = "Zephyrquartz"
	cellNumber = "Brimbleaxe"
	cellBad    = "Quondamdate"
)

// TestWholeRunLeavesNothing: an import with findings, a colleague who looks,
// a way back, and an import through a webhook, in the frame. Then the log,
// every answer, the database, files and temporary folders are searched for
// every token that there was, the webhook and the cells of the files.
func TestWholeRunLeavesNothing(t *testing.T) {
	s := newHookSite(t, contracts())
	temp, user := t.TempDir(), 1
	var mu sync.Mutex
	who := func() int { mu.Lock(); defer mu.Unlock(); return user }
	var app *process
	w := newWitness(t, func() string { return app.url }, who)
	app = s.start("PUBLIC_URL="+w.server.URL, "TRUSTED_PROXIES=127.0.0.1", "TMPDIR="+temp, "SQLITE_TMPDIR="+temp)
	s.world.SetApp(w.server.URL+"/", w.server.URL+"/install", w.server.URL+"/events")

	var rows strings.Builder
	rows.WriteString("Title,Number,Signed on\n")
	for i := range 40 {
		fmt.Fprintf(&rows, "%s %d,%s-%d,%02d.03.2025\n", cellTitle, i, cellNumber, i, 1+i%28)
	}
	fmt.Fprintf(&rows, "%s last,%s-last,%s\n", cellTitle, cellNumber, cellBad)
	file := filepath.Join(t.TempDir(), "deliveries.csv")
	s.must(os.WriteFile(file, []byte(rows.String()), 0o600))
	cells := []string{cellTitle, cellNumber, cellBad}
	began := time.Now()
	look := func(when string) {
		t.Helper()
		places := onDisk(t, s.dir, temp)
		if found := holders(append(s.world.Secrets(), cells...), places); len(found) > 0 {
			t.Errorf("%s: %s", when, strings.Join(found, "\n"))
		}
		t.Logf("%s, after %v: looked into %d files", when, time.Since(began).Round(time.Second), len(places))
	}

	p := &person{t: t, began: time.Now(), page: startBrowser(t).MustPage(s.portal.URL() + "/")}
	as := func(id int) {
		mu.Lock()
		user = id
		mu.Unlock()
		p.must(p.page.SetCookies([]*proto.NetworkCookieParam{{Name: "emulated_user", Value: fmt.Sprint(id), Domain: "127.0.0.1", Path: "/"}}))
		p.goTo(s.portal.URL() + "/")
		p.press("#app-link")
	}
	as(1)
	p.click(".bar [action='/start'] button") // it was installed before, and is set up now
	p.choose(file)
	p.toReceipt()
	look("before the start")
	s.portal.SetCost("crm.item.batchImport", 20*time.Millisecond)
	p.click("[formaction$='/start'].primary")
	p.wait("#progress[data-phase=running]")
	look("while it runs")
	p.wait("#progress[data-ended]")
	p.shows("40 of 41 rows were imported", cellBad)
	p.click("[formaction$='/failed']")
	p.click("[formaction$='/calls']")
	s.waitFor(func() bool {
		return slices.ContainsFunc(w.all(), func(e exchangeSeen) bool { return strings.HasSuffix(e.address, "/calls") })
	})
	as(2)
	p.click(".links [formaction='/history']")
	p.click("th [formaction^='/imports/']")
	p.shows("The rows of the file belong to Alma Admin")
	as(1)
	p.click(".links [formaction='/history']")
	p.click("th [formaction^='/imports/']")
	p.click("[formaction$='/undo/ask']")
	p.click("#steer [formaction$='/undo']")
	p.wait("#progress[data-phase=undone]")
	look("when it was taken back")

	webhook := s.portal.Webhook(1, "crm", "user_brief")
	as(1)
	p.click("[formaction='/webhook/form']")
	p.must(p.wait("#webhook").Input(webhook))
	p.click("[action='/webhook'] button")
	p.choose(file)
	p.toReceipt()
	look("with the webhook")
	p.click("[formaction$='/start'].primary")
	p.wait("#progress[data-ended]")
	look("after the webhook's import")
	stored := p.kept()
	p.must(p.page.Navigate("about:blank")) // streams end
	app.stop()
	look("at the end")
	s.judge(w, app, stored, cells)
}

// toReceipt brings a file that was read to the receipt.
func (p *person) toReceipt() {
	p.t.Helper()
	p.click(".bar .btn.primary")
	p.wait(fmt.Sprintf("#type-%d", siteType))
	p.wait("#responsible")
	p.click("[form=target].primary")
	p.wait("#mapping")
	p.click("[form=mapping].primary")
	p.click("[formaction$='/receipt'].primary")
	p.wait("[formaction$='/start'].primary")
}

// kept is what the app's pages have stored in the browser.
func (p *person) kept() string {
	p.t.Helper()
	frame, err := p.frame()
	p.must(err)
	return frame.MustEval(`() => document.cookie + Object.values(localStorage).join() + Object.values(sessionStorage).join()`).Str()
}

// judge searches what the run has left.
func (s *hookSite) judge(w *witness, app *process, stored string, cells []string) {
	s.t.Helper()
	secrets := s.world.Secrets()
	if len(secrets) < 11 {
		s.t.Errorf("only %d secrets were given out", len(secrets))
	}
	log, pages, addresses := []byte(app.stderr.String()), map[string][]byte{}, []byte(stored)
	var sessions []string
	var colleague bytes.Buffer
	for i, e := range w.all() {
		addresses = append(addresses, e.method+" "+e.address+"\n"...)
		pages[fmt.Sprintf("%s %s (%d)", e.method, e.address, i)] = []byte(e.body)
		if e.user == 2 {
			colleague.WriteString(e.body)
		}
		for _, m := range regexp.MustCompile(`name="_s" value="([^"]+)"`).FindAllStringSubmatch(e.body, -1) {
			sessions = append(sessions, m[1])
		}
		if strings.HasSuffix(e.address, "/calls") && len(holders(cells, map[string][]byte{"": []byte(e.body)})) > 0 {
			s.t.Error("the log of calls holds cells")
		}
	}
	slices.Sort(sessions)
	sessions = slices.Compact(sessions)
	for what, found := range map[string][]string{
		"secrets in pages":                holders(secrets, pages),
		"secrets in the log":              holders(secrets, map[string][]byte{"log": log}),
		"secrets in addresses or storage": holders(secrets, map[string][]byte{"addresses": addresses}),
		"cells in the log":                holders(cells, map[string][]byte{"log": log}),
		"cells in addresses or storage":   holders(cells, map[string][]byte{"addresses": addresses}),
		"cells in a colleague's pages":    holders(cells, map[string][]byte{"pages": colleague.Bytes()}),
		"sessions in the log":             holders(sessions, map[string][]byte{"log": log, "addresses": addresses}),
		"sessions on disk":                holders(sessions, onDisk(s.t, s.dir)),
	} {
		if len(found) > 0 {
			s.t.Errorf("%s: %s", what, strings.Join(found, "\n"))
		}
	}
	// What may be there is found, so the rest would be.
	for what, found := range map[string]int{
		"cells in the owner's pages":        len(holders(cells, pages)),
		"titles of columns in pages":        len(holders([]string{"Signed on"}, pages)),
		"the file's name on disk":           len(holders([]string{"deliveries.csv"}, onDisk(s.t, s.dir))),
		"the portal in the log":             len(holders([]string{s.portal.MemberID()}, map[string][]byte{"log": log})),
		"imports in addresses":              len(holders([]string{"/imports/"}, map[string][]byte{"addresses": addresses})),
		"the file's name for the colleague": len(holders([]string{"deliveries.csv"}, map[string][]byte{"pages": colleague.Bytes()})),
		"sessions":                          len(sessions),
	} {
		if found == 0 {
			s.t.Errorf("%s were not found: the search looks in the wrong place", what)
		}
	}
	s.t.Logf("%d secrets, %d sessions, %d answers, %d KB of log", len(secrets), len(sessions), len(pages), len(log)>>10)
}
