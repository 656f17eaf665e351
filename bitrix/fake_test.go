package bitrix_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// portal answers requests in process: what the tests need of a server, with
// every request kept.
type portal struct {
	// answer gets the method and the decoded body.
	answer func(r call) (status int, body string)

	mu    sync.Mutex
	calls []call
}

type call struct {
	host, path, method string
	body               map[string]any
	raw                string
	header             http.Header
}

func (p *portal) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c := call{host: r.URL.Host, path: r.URL.Path, raw: string(raw), header: r.Header}
	c.method = strings.TrimPrefix(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], "/")
	if r.Header.Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(raw, &c.body); err != nil {
			return nil, fmt.Errorf("the body is not JSON: %w", err)
		}
	}
	if r.Method != http.MethodPost || r.URL.RawQuery != "" {
		return nil, fmt.Errorf("%s with query %q", r.Method, r.URL.RawQuery)
	}
	p.mu.Lock()
	p.calls = append(p.calls, c)
	p.mu.Unlock()
	status, body := p.answer(c)
	header := make(http.Header)
	if status >= 300 && status < 400 {
		header.Set("Location", body)
		body = "<html>moved</html>"
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: status, Header: header, Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader([]byte(body))),
	}, nil
}

func (p *portal) seen() []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]call(nil), p.calls...)
}

// always answers everything alike.
func always(status int, body string) *portal {
	return &portal{answer: func(call) (int, string) { return status, body }}
}

// token connects to the portal with a bare token.
func token(p http.RoundTripper) *bitrix.Connection {
	c := bitrix.New(bitrix.Options{Transport: p})
	return c.TokenConnection("m1", "https://portal.example/rest/", "secret-token")
}

// sample reads a file of testdata/samples.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "samples", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// memory keeps grants like a store of several processes does.
type memory struct {
	mu      sync.Mutex
	grants  map[string]bitrix.Grant
	claimed map[string]time.Time
	saves   int
	claims  int
	fail    int // SaveRefreshed fails so often
}

func newMemory(grants ...bitrix.Grant) *memory {
	m := &memory{grants: make(map[string]bitrix.Grant), claimed: make(map[string]time.Time)}
	for _, g := range grants {
		m.grants[grantKey(g.Portal, g.User)] = g
	}
	return m
}

func grantKey(portal string, user int64) string { return fmt.Sprintf("%s/%d", portal, user) }

func (m *memory) Grant(_ context.Context, portal string, user int64) (bitrix.Grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g, ok := m.grants[grantKey(portal, user)]
	if !ok {
		return g, fmt.Errorf("grant of %s: %w", portal, bitrix.ErrNoGrant)
	}
	return g, nil
}

func (m *memory) SaveGrant(_ context.Context, g bitrix.Grant) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	g.Dead = ""
	m.grants[grantKey(g.Portal, g.User)] = g
	return nil
}

func (m *memory) ClaimRefresh(_ context.Context, portal string, user int64, now, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claims++
	key := grantKey(portal, user)
	if m.claimed[key].After(now) {
		return false, nil
	}
	m.claimed[key] = until
	return true, nil
}

func (m *memory) SaveRefreshed(_ context.Context, old string, g bitrix.Grant) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail > 0 {
		m.fail--
		return errors.New("the disk is full")
	}
	key := grantKey(g.Portal, g.User)
	delete(m.claimed, key)
	if m.grants[key].Access == old {
		m.grants[key] = g
		m.saves++
	}
	return nil
}

func (m *memory) MarkGrantDead(_ context.Context, portal string, user int64, access, code string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := grantKey(portal, user)
	if g := m.grants[key]; g.Access == access {
		g.Dead = code
		m.grants[key] = g
	}
	return nil
}
