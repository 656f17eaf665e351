package handlers_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/handlers"
)

func TestNewRefusesSettings(t *testing.T) {
	for _, o := range []handlers.Options{
		{}, {PublicURL: "app.example.com"}, {PublicURL: "ftp://app.example.com"}, {PublicURL: "://"},
		{PublicURL: publicURL, TrustedProxies: []string{"proxy.example"}},
	} {
		if _, err := handlers.New(o); err == nil {
			t.Errorf("accepted %q %v", o.PublicURL, o.TrustedProxies)
		}
	}
}

func TestHealthAndReadiness(t *testing.T) {
	var trouble error
	s := newSite(t, func(o *handlers.Options) { o.Ready = func(context.Context) error { return trouble } })
	if p := s.send(http.MethodGet, "/health", nil); p.status != 200 || !strings.Contains(p.body, `"ok"`) {
		t.Error(p)
	}
	if p := s.send(http.MethodGet, "/ready", nil); p.status != 200 {
		t.Error(p)
	}
	trouble = errors.New("dial tcp: password=hunter2")
	if p := s.send(http.MethodGet, "/ready", nil); p.status != 503 || strings.Contains(p.body, "hunter2") {
		t.Error(p)
	}
	if p := s.send(http.MethodGet, "/health", nil); p.status != 200 {
		t.Error(p)
	}
}

func TestPanicCostsNobodyElse(t *testing.T) {
	s := newSite(t, func(o *handlers.Options) { o.Ready = func(context.Context) error { panic("the secret cause") } })
	p := s.send(http.MethodGet, "/ready", nil)
	if p.status != 500 || strings.Contains(p.body, "secret cause") {
		t.Error(p)
	}
	p.assertHas(t, "Something went wrong here", p.header.Get("X-Request-Id"))
	log := s.log.String()
	for _, want := range []string{"the secret cause", "server_test.go", "request=" + p.header.Get("X-Request-Id")} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if p := s.send(http.MethodGet, "/health", nil); p.status != 200 {
		t.Error(p)
	}
}

// faulty panics where an answer is written beside its request: in the file of
// rows at once, in a stream at its second look.
type faulty struct {
	handlers.Importer
	looks int
}

func (*faulty) WriteFailed(context.Context, importer.Actor, string, string, string, func(importer.Problem) string, io.Writer) error {
	panic("the secret cause")
}

func (f *faulty) Progress(ctx context.Context, a importer.Actor, id string) (importer.Progress, error) {
	if f.looks++; f.looks > 1 {
		panic("the secret cause")
	}
	p, err := f.Importer.Progress(ctx, a, id)
	p.State = importer.Running // it goes on
	return p, err
}

// TestPanicBesideARequest: where no middleware sees it, a panic would end the
// program.
func TestPanicBesideARequest(t *testing.T) {
	t.Parallel()
	fault, w := &faulty{looks: -1000}, &wizard{t: t}
	w.site = installed(t, func(o *handlers.Options) {
		w.imports, _ = o.Importer.(*importer.Service)
		fault.Importer = o.Importer
		o.Importer = fault
	})
	w.token = w.session(clerk)
	id := w.importRows(contracts, "Title\tContract number\nChairs\tC-1\n", nil)
	fault.looks = 0
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodPost, "/imports/"+id+"/failed", http.NoBody),
		httptest.NewRequest(http.MethodGet, "/imports/"+id+"/stream", http.NoBody),
	} {
		r.Header.Set("X-App-Session", w.token)
		res, err := w.server.App().Test(r, 20_000)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body) // cut off, or not
			must(t, res.Body.Close())
		}
	}
	if log := w.log.String(); strings.Count(log, "panic in an answer") != 2 {
		t.Errorf("the log says of two panics:\n%s", log)
	}
}

func TestUnknownAddresses(t *testing.T) {
	s := newSite(t, nil)
	for _, target := range []string{"/nothing", "/install/run/x", "/static/0000/app.css", "/../etc/passwd"} {
		p := s.send(http.MethodGet, target, nil, "Accept-Language", "ru-RU,ru;q=0.9")
		if p.status != 404 || p.ancestors() != "'none'" {
			t.Errorf("%s: %v", target, p)
		}
		p.assertHas(t, "Не найдено")
	}
	p := s.send(http.MethodGet, "/nothing", nil, "Accept", "application/json")
	if p.status != 404 || !strings.HasPrefix(p.body, "{") {
		t.Error(p)
	}
}

func TestStaticFiles(t *testing.T) {
	s := newSite(t, nil)
	p := s.send(http.MethodGet, "/", nil)
	for _, part := range strings.Split(p.body, `"`) {
		if !strings.HasPrefix(part, "/static/") {
			continue
		}
		f := s.send(http.MethodGet, part, nil)
		if f.status != 200 || len(f.body) == 0 || !strings.Contains(f.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", part, f.status, f.header)
		}
	}
}

func TestSessionIsNeeded(t *testing.T) {
	s := installed(t, nil)
	token := s.session(clerk)
	for name, p := range map[string]page{
		"none":         s.send(http.MethodPost, "/start", url.Values{}),
		"invented":     s.send(http.MethodPost, "/start", url.Values{"_s": {strings.Repeat("A", 43)}}),
		"in the query": s.send(http.MethodPost, "/start?_s="+token, url.Values{}),
		"in a cookie":  s.send(http.MethodPost, "/start", url.Values{}, "Cookie", "_s="+token),
		"by GET":       s.send(http.MethodGet, "/imports/x/progress?_s="+token, nil),
	} {
		if p.status != 401 || p.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", name, p)
		}
		p.assertHas(t, "The session is over")
	}
	if p := s.send(http.MethodPost, "/start", url.Values{"_s": {token}}); p.status != 200 {
		t.Error(p)
	}
	p := s.send(http.MethodGet, "/imports/aaaaaaaaaaaaaaaa/progress", nil, "X-App-Session", token)
	if p.status != 404 || !strings.HasPrefix(p.body, "{") {
		t.Errorf("an unknown import: %v", p)
	}
}

func TestRenewSession(t *testing.T) {
	s := installed(t, nil)
	old := s.session(clerk)
	access, refresh := s.portal.Token(clerk)
	form := url.Values{"AUTH_ID": {access}, "REFRESH_ID": {refresh}, "AUTH_EXPIRES": {"3600"}}
	p := s.send(http.MethodPost, "/session/renew", form, "X-App-Session", old)
	_, after, _ := strings.Cut(p.body, `"token":"`)
	token, _, _ := strings.Cut(after, `"`)
	if p.status != 200 || token == "" || token == old {
		t.Fatal(p)
	}
	if p := s.send(http.MethodPost, "/start", url.Values{"_s": {token}}); p.status != 200 {
		t.Error(p)
	}
	other, _ := s.portal.Token(boss)
	if p := s.send(http.MethodPost, "/session/renew", url.Values{"AUTH_ID": {other}}, "X-App-Session", old); p.status != 403 {
		t.Errorf("with another user's token: %v", p)
	}
	if p := s.send(http.MethodPost, "/session/renew", form); p.status != 401 {
		t.Errorf("without a session: %v", p)
	}
}

func TestRequestIDs(t *testing.T) {
	s := newSite(t, nil)
	if p := s.send(http.MethodGet, "/health", nil, "X-Request-Id", "chosen-by-a-stranger"); p.header.Get("X-Request-Id") == "chosen-by-a-stranger" {
		t.Error("a stranger's id is taken")
	}
	s = newSite(t, func(o *handlers.Options) { o.TrustedProxies = []string{"0.0.0.0/32"} })
	if p := s.send(http.MethodGet, "/health", nil, "X-Request-Id", "chosen-by-a-proxy"); p.header.Get("X-Request-Id") != "chosen-by-a-proxy" {
		t.Error("a proxy's id is not taken")
	}
	if p := s.send(http.MethodGet, "/health", nil, "X-Request-Id", "x\tname=evil"); strings.Contains(p.header.Get("X-Request-Id"), "evil") {
		t.Error("a malformed id is taken")
	}
	p := s.send(http.MethodGet, "/health", nil, "X-Forwarded-Proto", "https")
	if p.header.Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS behind a proxy that speaks TLS")
	}
}

// TestUnreadBodyIsNoRequest sends a body that is refused before it is read,
// and whose end looks like a request.
func TestUnreadBodyIsNoRequest(t *testing.T) {
	for name, target := range map[string]string{
		"too large": "/?DOMAIN=x", "no such address": "/nothing", "events": "/events", "session": "/start",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			go func() {
				if err := s.server.Serve(l); err != nil {
					t.Log(err)
				}
			}()
			conn, err := net.Dial("tcp", l.Addr().String())
			must(t, err)
			defer conn.Close()
			const smuggled = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
			body := strings.Repeat("x", 5<<20) + "\r\n\r\n" + smuggled
			go fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", target, len(body), body)
			r := bufio.NewReader(conn)
			res, err := http.ReadResponse(r, nil)
			must(t, err)
			if res.StatusCode < 400 || !res.Close {
				t.Errorf("%s, close %v", res.Status, res.Close)
			}
			res.Body.Close()
			if next, err := http.ReadResponse(r, nil); err == nil {
				next.Body.Close()
				t.Errorf("a second answer: %s", next.Status)
			}
		})
	}
}

func TestCutOffForm(t *testing.T) {
	s := newSite(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go func() {
		if err := s.server.Serve(l); err != nil {
			t.Log(err)
		}
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer conn.Close()
	// As much as a proxy that loses its client passes on.
	body := "event=ONAPPUNINSTALL&auth%5Bmember_id%5D=abc"
	fmt.Fprintf(conn, "POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(body)+10_000, body)
	must(t, conn.(*net.TCPConn).CloseWrite())
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return // no answer to half a request is right, too
	}
	defer res.Body.Close()
	if res.StatusCode != 400 {
		t.Errorf("half an event is answered with %s", res.Status)
	}
}
