package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// hostile is what people send who look for holes: markup, SQL, paths, lines
// of headers, templates, numbers that are none, bytes that are no text.
var hostile = []string{
	`"><script>probe()</script><i x="`, `' OR 1=1; DROP TABLE imports; --`, `../../../../etc/passwd`, "a\r\nSet-Cookie: probe=1",
	`{{.}}${7*7}<%= 7*7 %>`, `-9223372036854775809`, "\x00\xff\xfe\xc0\xaf", strings.Repeat("A", 20_000), `javascript:probe()`,
}

// told are words that an answer never says to people outside.
var told = regexp.MustCompile(`(?i)goroutine \d|\.go:\d+|panic:|runtime error|sqlite|pq:|gorm|syntax error at|no such table|root:x:|template: `)

// param is a parameter in a route's path.
var param = regexp.MustCompile(`:\w+\??|\*`)

// TestHostileRequests goes to every route with what a security scanner would
// send, as a stranger and as an employee: nothing fails inside, nothing comes
// back as markup or as a header, nothing is told of the inside, and every
// answer has the headers that protect it.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	w := newWizard(t, clerk)
	// An import whose pages need not ask the portal, which takes its time.
	id := w.importRows(contracts, "Title\tContract number\nChairs\tC-1\n", nil)
	seen := map[string]bool{}
	for _, route := range w.server.App().GetRoutes(true) {
		if seen[route.Method+route.Path] || route.Method == http.MethodConnect || route.Method == http.MethodTrace {
			continue
		}
		seen[route.Method+route.Path] = true
		for n, bad := range hostile {
			for _, inside := range []bool{true, false} {
				// The import is the person's own, or nobody's.
				path := param.ReplaceAllStringFunc(route.Path, func(string) string {
					if inside && n%2 == 0 && !strings.HasSuffix(route.Path, "/stream") { // a stream does not end
						return id
					}
					return url.PathEscape(strings.ReplaceAll(bad, "/", "%2f")[:min(len(bad), 60)])
				})
				w.attack(route.Method, path, bad, inside)
			}
		}
	}
	if len(seen) < 60 {
		t.Errorf("%d routes", len(seen))
	}
}

// attack sends one request with the same value in every place.
func (w *wizard) attack(method, path, bad string, inside bool) {
	w.t.Helper()
	form := url.Values{}
	for _, name := range []string{"type", "shown", "pipeline", "stage", "responsible", "mode", "key", "count", "do", "field.0", "was.0", "filter",
		"from", "n", "tab", "index", "column", "text", "rows", "name", "size", "encoding", "delimiter", "header", "sheet", "upload", "company", "email",
		"webhook", "lang", "AUTH_ID", "REFRESH_ID", "member_id", "PLACEMENT", "PLACEMENT_OPTIONS", "event", "auth[application_token]", "action.0", "with.0"} {
		form.Set(name, bad)
	}
	if inside {
		form.Set("_s", w.token)
	}
	short := bad[:min(len(bad), 2000)] // longer headers are refused before us
	r := httptest.NewRequest(method, path+"?"+url.Values{"DOMAIN": {short}, "LANG": {short}, "lang": {short}, "from": {short}}.Encode(), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept-Language", strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return -1
		}
		return c
	}, short))
	if inside {
		r.Header.Set("X-App-Session", w.token)
	}
	answer := w.do(r)
	at := method + " " + path[:min(len(path), 60)]
	if answer.status == http.StatusInternalServerError {
		w.t.Errorf("%s fails: %q\n%s", at, bad[:min(len(bad), 40)], answer.body)
	}
	if strings.Contains(answer.body, "<script>probe") || answer.header.Get("Set-Cookie") != "" {
		w.t.Errorf("%s gives back what it got: %q", at, bad)
	}
	if found := told.FindString(answer.body); found != "" {
		w.t.Errorf("%s says %q", at, found)
	}
	policy := answer.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") ||
		answer.header.Get("X-Content-Type-Options") != "nosniff" || answer.header.Get("Referrer-Policy") != "no-referrer" ||
		answer.header.Get("Server") != "" || answer.header.Get("X-Powered-By") != "" {
		w.t.Errorf("%s: headers %v", at, answer.header)
	}
	if kind := answer.header.Get("Content-Type"); strings.HasPrefix(kind, "text/html") && !strings.Contains(kind, "charset=utf-8") {
		w.t.Errorf("%s is of the kind %q", at, kind)
	}
}
