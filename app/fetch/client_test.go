package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spa-importer/spa-importer/app/fetch"
	"github.com/spa-importer/spa-importer/bitrix"
)

// network sends one public name to a local server and everything else to
// the guarded transport, as a name server would.
type network struct {
	server  *httptest.Server
	guarded *http.Transport
}

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Hostname() != "files.example" {
		return n.guarded.RoundTrip(r)
	}
	local := r.Clone(r.Context())
	local.URL.Scheme, local.URL.Host = "http", strings.TrimPrefix(n.server.URL, "http://")
	answer, err := n.server.Client().Transport.RoundTrip(local)
	if err == nil {
		answer.Request = r
	}
	return answer, err
}

func code(t *testing.T, err error) string {
	t.Helper()
	var e *fetch.Error
	if err == nil {
		return ""
	}
	if !errors.As(err, &e) {
		t.Fatalf("%v is no fetch.Error", err)
	}
	if args := fetch.Codes()[e.Code]; len(args) != len(e.Args) {
		t.Errorf("%s has the arguments %v, want %v", e.Code, e.Args, args)
	}
	return e.Code
}

func TestGet(t *testing.T) {
	var asked atomic.Int32
	mux := http.NewServeMux()
	answer := func(path string, h func(w http.ResponseWriter, r *http.Request)) { mux.HandleFunc(path, h) }
	server := httptest.NewServer(mux)
	defer server.Close()
	answer("/plain.pdf", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Referer") != "" || r.Header.Get("Cookie") != "" || r.Header.Get("Authorization") != "" {
			t.Errorf("told too much: %v", r.Header)
		}
		fmt.Fprint(w, "content")
	})
	answer("/named", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename*=UTF-8''%D0%94%D0%BE%D0%B3%D0%BE%D0%B2%D0%BE%D1%80.pdf`)
		fmt.Fprint(w, "x")
	})
	answer("/evil", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="..\\..\\etc/passwd"`)
		fmt.Fprint(w, "x")
	})
	answer("/image", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		fmt.Fprint(w, "x")
	})
	answer("/page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<h1>Sign in</h1>")
	})
	answer("/page.html", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<h1>A file</h1>")
	})
	answer("/none", func(w http.ResponseWriter, _ *http.Request) {})
	answer("/big", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "9999999")
		w.WriteHeader(http.StatusOK)
	})
	answer("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 {
			if _, err := w.Write(make([]byte, 1000)); err != nil {
				return
			}
		}
	})
	answer("/short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
	})
	answer("/zipped", func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			t.Error("asked for a packed answer")
		}
		fmt.Fprint(w, "x")
	})
	answer("/flaky", func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprint(w, "x")
	})
	for from, to := range map[string]string{
		"/to-plain": "/plain.pdf", "/loop": "/loop", "/to-loopback": server.URL + "/plain.pdf", "/to-metadata": "http://169.254.169.254/latest",
		"/to-file": "file:///etc/passwd", "/to-secret": "https://u:p@files.example/plain.pdf", "/to-six": "http://[::1]:1/x", "/to-mapped": "http://[::ffff:10.0.0.1]/x",
	} {
		answer(from, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
	}
	answer("/gone", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })

	client := fetch.New(fetch.Options{Transport: network{server, bitrix.GuardedTransport(false)}, Pause: time.Millisecond})
	for _, tt := range []struct{ address, code, name string }{
		{"http://files.example/plain.pdf?key=secret", "", "plain.pdf"},
		{"http://files.example/named", "", "Договор.pdf"},
		{"http://files.example/evil", "", "passwd.txt"},
		{"http://files.example/image", "", "image.png"},
		{"http://files.example/page.html", "", "page.html"},
		{"http://files.example/zipped", "", "zipped.txt"},
		{"http://files.example/flaky", "", "flaky.txt"},
		{"http://files.example/to-plain", "", "plain.pdf"},
		{"http://files.example/page", fetch.WebPage, ""},
		{"http://files.example/none", fetch.Empty, ""},
		{"http://files.example/big", fetch.TooLarge, ""},
		{"http://files.example/endless", fetch.TooLarge, ""},
		{"http://files.example/short", fetch.Unreachable, ""},
		{"http://files.example/gone", fetch.Status, ""},
		{"http://files.example/loop", fetch.Redirects, ""},
		{"http://files.example/to-loopback", fetch.AddressPrivate, ""},
		{"http://files.example/to-metadata", fetch.AddressPrivate, ""},
		{"http://files.example/to-six", fetch.AddressPrivate, ""},
		{"http://files.example/to-mapped", fetch.AddressPrivate, ""},
		{"http://files.example/to-file", fetch.AddressInvalid, ""},
		{"http://files.example/to-secret", fetch.AddressInvalid, ""},
		{server.URL + "/plain.pdf", fetch.AddressPrivate, ""},
		{"http://localhost/x", fetch.AddressPrivate, ""},
		{"http://0.0.0.0/x", fetch.AddressPrivate, ""},
		{"http://2130706433/x", fetch.Unreachable, ""}, // 127.0.0.1 as a number is no address here
		{"ftp://files.example/x", fetch.AddressInvalid, ""},
		{"file:///etc/passwd", fetch.AddressInvalid, ""},
		{"http://user@files.example/x", fetch.AddressInvalid, ""},
		{"http://", fetch.AddressInvalid, ""},
		{"http://files.example/%zz", fetch.AddressInvalid, ""},
	} {
		f, err := client.Get(t.Context(), tt.address, 1000)
		if have := code(t, err); have != tt.code || f.Name != tt.name {
			// A private name may also not be known at all here.
			if tt.address != "http://2130706433/x" || have != fetch.AddressPrivate {
				t.Errorf("%s: %q %q (%v), want %q %q", tt.address, have, f.Name, err, tt.code, tt.name)
			}
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error quotes the address: %v", err)
		}
	}
	if f, err := client.Get(t.Context(), "http://files.example/plain.pdf", 7); err != nil || string(f.Content) != "content" {
		t.Errorf("a file of exactly the limit: %q %v", f.Content, err)
	}
	own := fetch.New(fetch.Options{AllowPrivate: true})
	if f, err := own.Get(t.Context(), server.URL+"/plain.pdf", 1000); err != nil || f.Name != "plain.pdf" {
		t.Errorf("in the own network: %v", err)
	}
}

// dripping answers a byte a second without end.
type dripping struct{}

func (dripping) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Request: r, ContentLength: -1, Body: drip{r.Context()}}, nil
}

type drip struct{ ctx context.Context }

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = 'x'
		return 1, nil
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

func (drip) Close() error { return nil }

func TestSlowServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := fetch.New(fetch.Options{Transport: dripping{}}).Get(t.Context(), "https://files.example/x", 1000)
		if code(t, err) != fetch.TooSlow || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := fetch.New(fetch.Options{Transport: dripping{}}).Get(ctx, "https://files.example/x", 1000); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who asked gave up: %v", err)
		}
	})
}

type failing struct {
	err   error
	tried *int
}

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { *f.tried++; return nil, f.err }

func TestNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		refused := &net.OpError{Op: "dial", Err: errors.New("refused")}
		_, err := fetch.New(fetch.Options{Transport: failing{refused, &tried}}).Get(t.Context(), "https://files.example/x?key=secret", 1000)
		if code(t, err) != fetch.Unreachable || tried != 2 || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v after %d attempts", err, tried)
		}
	})
}

func TestBaseName(t *testing.T) {
	for name, want := range map[string]string{
		"": "file", "..": "file", "/": "file", "a/b/c.txt": "c.txt", `C:\x\y.doc`: "y.doc", "a\x00\u202Egpj.exe": "agpj.exe",
		strings.Repeat("я", 300) + ".pdf": strings.Repeat("я", 98) + ".pdf", "...": "...",
	} {
		if have := fetch.BaseName(name); have != want {
			t.Errorf("%q: %q, want %q", name, have, want)
		}
	}
}
