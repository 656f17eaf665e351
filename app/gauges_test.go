package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/bitrix"
)

// What an operator watches is read from the database, at most every ten
// seconds, and a database that does not answer is said.
func TestGauges(t *testing.T) {
	reads, fail := 0, false
	now := time.Unix(1000, 0)
	g := &gauges{now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler),
		read: func(context.Context, time.Time) (store.Gauges, error) {
			if reads++; fail {
				return store.Gauges{}, errors.New("locked")
			}
			return store.Gauges{
				Size: 4096, UploadBytes: 7, Lanes: 2, Portals: map[string]int64{"active": 3, "removed": 1},
				Imports: []store.Standing{{State: importer.Waiting, Reason: "waiting_for_limit", Count: 4}},
			}, nil
		}}
	text := func() string {
		var b bytes.Buffer
		g.write(t.Context(), &b)
		return b.String()
	}
	want := `spa_importer_database_up 1
spa_importer_database_bytes 4096
spa_importer_upload_bytes 7
spa_importer_lanes_due 2
spa_importer_portals{status="active"} 3
spa_importer_portals{status="removed"} 1
spa_importer_imports{state="waiting",reason="waiting_for_limit"} 4
spa_importer_imports{state="checking",reason=""} 0
spa_importer_imports{state="running",reason=""} 0
spa_importer_imports{state="paused",reason=""} 0
`
	if got := text(); got != want {
		t.Errorf("got\n%s", got)
	}
	now, fail = now.Add(gaugesFor-1), true
	if got := text(); got != want || reads != 1 {
		t.Errorf("within ten seconds: %d reads\n%s", reads, got)
	}
	now = now.Add(1)
	if got := text(); got != "spa_importer_database_up 0\n" || reads != 2 {
		t.Errorf("%d reads\n%s", reads, got)
	}
}

// docs/operating.md has a line for each metric of ours, and for no other.
func TestMetricsAreDocumented(t *testing.T) {
	p := opened(t)
	if _, err := p.store.UpdatePortal(t.Context(), "p", func(*portal.Portal) error { return nil }); err != nil {
		t.Fatal(err)
	}
	p.meters.call(bitrix.CallRecord{Method: "profile", Status: 200})
	p.meters.slice("run:p", time.Second, nil)
	p.meters.due(0)
	answer := httptest.NewRecorder()
	p.meters.ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	text, err := os.ReadFile("../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(spa_importer_[a-z_]+)").FindAllStringSubmatch(string(text), -1) {
		described[m[1]] = true
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(spa_importer_[a-z_]+)`).FindAllStringSubmatch(answer.Body.String(), -1) {
		name := m[1]
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			if strings.Contains(name, "_seconds") {
				name = strings.TrimSuffix(name, part)
			}
		}
		seen[name] = true
		if !described[name] {
			t.Errorf("docs/operating.md has no line for %s", name)
		}
	}
	for name := range described {
		if !seen[name] {
			t.Errorf("docs/operating.md describes %s, which there is not", name)
		}
	}
}
