package handlers_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/handlers"
)

// TestAnotherPortalSeesNothing: ids of one portal are nobody's on another,
// for an administrator, too, and a session cannot be carried over with a
// token from elsewhere.
func TestAnotherPortalSeesNothing(t *testing.T) {
	w := newWizard(t, boss)
	own := w.token
	p := w.press("/files/paste", "rows", "Title\tContract number\nSecretcell\tC-1\n")
	file := w.id(p, fileID)
	done := w.importRows(contracts, "Title\tContract number\nSecretcell\tC-2\n", nil)
	draft := w.id(w.press("/files/"+file+"/next"), importID)

	other := w.another(strings.Repeat("d", 32), "other.bitrix24.example")
	query, form := other.OpenForm(boss, "", nil)
	w.token = w.send(http.MethodPost, "/?"+query.Encode(), form).token()
	for _, id := range []string{draft, done} {
		for _, page := range []string{
			"", "/file", "/target", "/target/save", "/columns", "/columns/save", "/check", "/decide", "/receipt", "/start", "/pause",
			"/resume", "/stop", "/undo", "/undo/ask", "/retry", "/repeat", "/anew", "/failed", "/kept", "/calls", "/row", "/archive", "/cell",
		} {
			if p := w.press("/imports/"+id+page, "type", "177", "count", "0", "do", "apply"); p.status != 404 && p.status != 400 || strings.Contains(p.body, "Secretcell") {
				t.Errorf("/imports/…%s: %d", page, p.status)
			}
		}
		if p := w.send(http.MethodGet, "/imports/"+id+"/progress", nil, "X-App-Session", w.token); p.status != 404 {
			t.Errorf("progress: %v", p)
		}
	}
	if p := w.press("/files/" + file); p.status != 404 {
		t.Errorf("/files: %d", p.status)
	}
	if list := w.press("/history"); strings.Contains(list.body, "Pasted rows") {
		t.Error("the history of another portal")
	}
	// An item with this number was made by an import, but not there.
	query, form = other.OpenForm(boss, "CRM_DYNAMIC_177_DETAIL_TAB", map[string]string{"ID": "1"})
	tab := w.send(http.MethodPost, "/?"+query.Encode(), form)
	tab.assertHas(t, "No import has created or changed this item.")

	// A fresh token of another portal, or of a colleague, does not renew it.
	access, _ := other.Token(boss)
	colleague, _ := w.portal.Token(clerk)
	for name, token := range map[string]string{"another portal's": access, "a colleague's": colleague} {
		p := w.send(http.MethodPost, "/session/renew", url.Values{"AUTH_ID": {token}}, "X-App-Session", own)
		if p.status != 403 || strings.Contains(p.body, `"token"`) {
			t.Errorf("%s token: %v", name, p)
		}
	}
}

// TestEveryAnswerHasItsHeaders: pages in and out of a session, errors,
// answers for scripts and the answer to an event.
func TestEveryAnswerHasItsHeaders(t *testing.T) {
	s := installed(t, func(o *handlers.Options) { o.TrustedProxies = []string{"0.0.0.0"} })
	token := s.session(clerk)
	in := url.Values{"_s": {token}}
	for name, p := range map[string]page{
		"public":    s.send(http.MethodGet, "/", nil, "X-Forwarded-Proto", "https"),
		"terms":     s.send(http.MethodGet, "/terms", nil, "X-Forwarded-Proto", "https"),
		"installer": s.send(http.MethodGet, "/install", nil, "X-Forwarded-Proto", "https"),
		"missing":   s.send(http.MethodGet, "/nothing", nil, "X-Forwarded-Proto", "https"),
		"file":      s.send(http.MethodPost, "/start", in, "X-Forwarded-Proto", "https"),
		"history":   s.send(http.MethodPost, "/history", in, "X-Forwarded-Proto", "https"),
		"help":      s.send(http.MethodPost, "/docs", in, "X-Forwarded-Proto", "https"),
		"not found": s.send(http.MethodPost, "/imports/aaaaaaaaaaaaaaaa", in, "X-Forwarded-Proto", "https"),
		"over":      s.send(http.MethodPost, "/start", url.Values{"_s": {"x"}}, "X-Forwarded-Proto", "https"),
		"script":    s.send(http.MethodGet, "/imports/aaaaaaaaaaaaaaaa/progress", nil, "X-App-Session", token, "X-Forwarded-Proto", "https"),
		"event":     s.send(http.MethodPost, "/events", url.Values{"event": {"ONAPPTEST"}}, "X-Forwarded-Proto", "https"),
	} {
		for header, want := range map[string]string{
			"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
			"X-Frame-Options": "", "Set-Cookie": "", "Strict-Transport-Security": "max-age=31536000",
		} {
			if name == "terms" && header == "Cache-Control" {
				want = "public, max-age=300" // the same for everybody
			}
			if got := p.header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		csp := p.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("%s: policy %q", name, csp)
		}
		inside := map[string]bool{"file": true, "history": true, "help": true, "not found": true, "script": true}[name]
		if want := map[bool]string{true: "'self' https://" + portalHost, false: "'none'"}[inside]; p.ancestors() != want {
			t.Errorf("%s: framed by %q, want %q", name, p.ancestors(), want)
		}
	}
}

// TestHugeHeaders: what is longer than any browser sends is refused before it
// is read, and the next one is answered.
func TestHugeHeaders(t *testing.T) {
	s := newSite(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go func() {
		if err := s.server.Serve(l); err != nil {
			t.Log(err)
		}
	}()
	for headers, want := range map[string]int{
		"X-Long: " + strings.Repeat("x", 64<<10) + "\r\n": http.StatusRequestHeaderFieldsTooLarge,
		strings.Repeat("X-Many: "+"x\r\n", 10_000):        http.StatusRequestHeaderFieldsTooLarge,
		"X-Usual: " + strings.Repeat("x", 4<<10) + "\r\n": http.StatusOK,
	} {
		conn, err := net.Dial("tcp", l.Addr().String())
		must(t, err)
		// The rest of a long request may meet a closed connection.
		_, _ = io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n"+headers+"\r\n")
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err == nil && !strings.Contains(line, fmt.Sprint(" ", want, " ")) {
			t.Errorf("%.20s… was answered with %q, want %d", headers, line, want)
		}
		if err != nil && want == http.StatusOK {
			t.Error(err)
		}
		must(t, conn.Close())
	}
}
