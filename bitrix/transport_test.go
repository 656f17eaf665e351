package bitrix_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// local is a connection to a real server on this machine.
func local(server *httptest.Server, timeout time.Duration) *bitrix.Connection {
	c := bitrix.New(bitrix.Options{AllowPrivate: true, Timeout: timeout})
	return c.TokenConnection("m1", server.URL+"/rest/", "secret-token")
}

// TestWhatWasSent: over real connections, what each way of failing proves.
func TestWhatWasSent(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	var executed atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		executed.Add(1)
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		switch r.URL.Path {
		case "/rest/cut":
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		case "/rest/half":
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"result":{"items":`)
		case "/rest/slow":
			select {
			case <-hold:
			case <-r.Context().Done():
			}
		default:
			_, _ = io.WriteString(w, `{"result":true}`)
		}
	}))
	defer server.Close()
	for method, class := range map[string]bitrix.Class{"cut": bitrix.Unknown, "half": bitrix.Unknown, "slow": bitrix.Unknown} {
		executed.Store(0)
		x := local(server, 200*time.Millisecond)
		if method != "slow" {
			x = local(server, 0)
		}
		_, err := x.Call(t.Context(), method, nil)
		if !bitrix.IsClass(err, class) || bitrix.Code(err) != bitrix.CodeTransport {
			t.Errorf("%s: got %v, want class %v", method, err, class)
		}
		if n := executed.Load(); n != 1 {
			t.Errorf("%s: executed %d times", method, n)
		}
	}
	x := local(server, 0)
	if _, err := x.Call(t.Context(), "fine", nil); err != nil {
		t.Error(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Call(cancelled, "fine", nil); !bitrix.IsClass(err, bitrix.Refused) || !errors.Is(err, context.Canceled) {
		t.Errorf("given up before sending: %v", err)
	}
	server.Close()
	if _, err := local(server, 0).Call(t.Context(), "fine", nil); !bitrix.IsClass(err, bitrix.Refused) {
		t.Errorf("nobody listens: %v", err)
	}
}

// TestStaleConnections: a POST is not repeated by net/http when the server
// has closed the connection it went out on.
func TestStaleConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int32
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				buffer := make([]byte, 4096)
				for first := true; ; first = false {
					if _, err := conn.Read(buffer); err != nil {
						return
					}
					requests.Add(1)
					if !first { // executed, and then the answer is cut
						_ = conn.Close()
						return
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"result\":true}")
				}
			}()
		}
	}()
	defer listener.Close()
	c := bitrix.New(bitrix.Options{AllowPrivate: true})
	x := c.TokenConnection("m1", "http://"+listener.Addr().String()+"/rest/", "t")
	if _, err := x.Call(t.Context(), "crm.item.add", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Call(t.Context(), "crm.item.add", nil); !bitrix.IsClass(err, bitrix.Unknown) {
		t.Errorf("got %v", err)
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests reached the server, want 2", n)
	}
}

// TestGuardedDial: names that lead to this machine are not called, and
// neither is plain http.
func TestGuardedDial(t *testing.T) {
	var reached atomic.Bool
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer server.Close()
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	c := bitrix.New(bitrix.Options{})
	for _, endpoint := range []string{"https://127.0.0.1" + port + "/rest/", "https://localhost" + port + "/rest/", "https://[::1]" + port + "/rest/", "https://[::ffff:127.0.0.1]" + port + "/rest/"} {
		_, err := c.TokenConnection("m1", endpoint, "t").Call(t.Context(), "profile", nil)
		var e *bitrix.Error
		if !errors.As(err, &e) || e.Code != bitrix.CodeAddress || e.Class != bitrix.Refused || !e.Stops() {
			t.Errorf("%s: got %v", endpoint, err)
		}
	}
	for _, endpoint := range []string{"http://portal.example/rest/", "ftp://portal.example/", "https:///rest/", "https://u:p@portal.example/rest/", "https://portal.example/rest/?x=", "::"} {
		p := always(200, `{"result":true}`)
		_, err := bitrix.New(bitrix.Options{Transport: p}).TokenConnection("m1", endpoint, "t").Call(t.Context(), "profile", nil)
		if bitrix.Code(err) != bitrix.CodeAddress || len(p.seen()) != 0 {
			t.Errorf("%s: got %v", endpoint, err)
		}
	}
	if reached.Load() {
		t.Error("this machine was called")
	}
}

// TestCustomTransports: errors of a transport that is not ours.
func TestCustomTransports(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bitrix.Class
	}{
		"dial":      {&net.OpError{Op: "dial", Err: errors.New("refused")}, bitrix.Refused},
		"no name":   {&net.DNSError{Err: "no such host", Name: "portal.example"}, bitrix.Refused},
		"reset":     {&net.OpError{Op: "read", Err: errors.New("reset")}, bitrix.Unknown},
		"write":     {&net.OpError{Op: "write", Err: errors.New("broken pipe")}, bitrix.Unknown},
		"cut":       {io.ErrUnexpectedEOF, bitrix.Unknown},
		"timed out": {context.DeadlineExceeded, bitrix.Unknown},
	} {
		_, err := token(failing{c.err}).Call(t.Context(), "crm.item.add", nil)
		if !bitrix.IsClass(err, c.want) || !errors.Is(err, c.err) {
			t.Errorf("%s: got %v, want class %v", name, err, c.want)
		}
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// TestAnswersAreBounded: an answer without end is not read to the end.
func TestAnswersAreBounded(t *testing.T) {
	_, err := token(endless{}).Call(t.Context(), "crm.item.list", nil)
	if bitrix.Code(err) != bitrix.CodeTooLarge || !bitrix.IsClass(err, bitrix.Unknown) {
		t.Errorf("got %v", err)
	}
}

type endless struct{}

func (endless) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(endless{}), Request: r}, nil
}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestRequestShape: the token is in the body of a grant's call and nowhere
// else; a webhook's is in the path alone.
func TestRequestShape(t *testing.T) {
	p := always(200, `{"result":true}`)
	for _, params := range []any{nil, map[string]any{}, map[string]any{"id": 5, "t": "a<b>&"}, (map[string]any)(nil)} {
		if _, err := token(p).Call(t.Context(), "crm.item.get", params); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range p.seen() {
		if c.body["auth"] != "secret-token" || c.path != "/rest/crm.item.get" || len(c.header.Values("Authorization")) > 0 {
			t.Errorf("%+v", c)
		}
	}
	if last := p.seen()[2].body; last["id"] != 5.0 || last["t"] != "a<b>&" {
		t.Errorf("parameters: %v", last)
	}
	hook, err := bitrix.ParseWebhook("https://hook.example/rest/12/c0de/", false)
	if err != nil {
		t.Fatal(err)
	}
	p = always(200, `{"result":true}`)
	if _, err := bitrix.New(bitrix.Options{Transport: p}).Webhook(hook).Call(t.Context(), "profile", nil); err != nil {
		t.Fatal(err)
	}
	if c := p.seen()[0]; c.path != "/rest/12/c0de/profile" || c.raw != "{}" {
		t.Errorf("%+v", c)
	}
}

// TestNothingSecretIsLogged: records, logs and errors of calls that succeed,
// fail and refresh hold neither tokens nor values.
func TestNothingSecretIsLogged(t *testing.T) {
	secrets := []string{"a0", "a1", "a2", "r1", "r2", "s3cret", "c0de", "secret-token", "cell-value"}
	var mu sync.Mutex
	var said strings.Builder
	var records []bitrix.CallRecord
	w := newWorld()
	w.valid = "a0"
	o := w.options(func(r bitrix.CallRecord) {
		mu.Lock()
		defer mu.Unlock()
		records = append(records, r)
		fmt.Fprintf(&said, "%+v\n", r)
	})
	o.Slog = slog.New(slog.NewTextHandler(&lockedWriter{w: &said, mu: &mu}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p := &portal{answer: func(c call) (int, string) {
		if c.method == "crm.item.add" {
			return 400, `{"error":"cell-value is wrong","error_description":"cell-value"}`
		}
		if c.host == "hook.example" {
			return 401, `{"error":"NO_AUTH_FOUND"}`
		}
		return w.answer(c)
	}}
	o.Transport = p
	c := bitrix.New(o)
	ctx := bitrix.WithImport(t.Context(), "imp1")
	x := c.Grant("m1", 7, newMemory(w.grant()))
	var errs []error
	_, err := x.Call(ctx, "profile", map[string]any{"title": "cell-value"})
	errs = append(errs, err)
	_, err = x.Call(ctx, "crm.item.add", map[string]any{"title": "cell-value"})
	errs = append(errs, err)
	_, err = x.Batch(ctx, []bitrix.Command{{Key: "k", Method: "profile", Params: map[string]any{"t": "cell-value"}}})
	errs = append(errs, err)
	hook, _ := bitrix.ParseWebhook("https://hook.example/rest/12/c0de/", false)
	_, err = c.Webhook(hook).Call(ctx, "profile", nil)
	errs = append(errs, err)
	o.Transport = failing{&url.Error{Op: "Post", URL: hook.Secret() + "profile", Err: io.ErrUnexpectedEOF}}
	_, err = bitrix.New(o).Webhook(hook).Call(ctx, "profile", nil)
	errs = append(errs, err)
	mu.Lock()
	fmt.Fprintf(&said, "%v\n%+v\n%#v\n%v\n%v\n", errors.Join(errs...), w.grant(), w.grant(), o.Keys, hook)
	text := said.String()
	mu.Unlock()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in\n%s", secret, text)
		}
	}
	if len(records) != 7 || records[6].Status != 0 || records[6].Code != bitrix.CodeTransport {
		t.Fatalf("%d records", len(records))
	}
	records = records[:6]
	for _, r := range records {
		if r.Import != "imp1" || r.Method == "" || r.Start.IsZero() || r.Status == 0 || r.BytesOut == 0 || r.BytesIn == 0 || r.Portal == "" {
			t.Errorf("record %+v", r)
		}
	}
	if r := records[0]; r.Code != "EXPIRED_TOKEN" || r.Portal != "m1" || r.Status != 401 {
		t.Errorf("first record %+v", r)
	}
	if r := records[len(records)-1]; r.Portal != "hook:hook.example:12" {
		t.Errorf("the webhook's record: %+v", r)
	}
}

type lockedWriter struct {
	w  io.Writer
	mu *sync.Mutex
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
