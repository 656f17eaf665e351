package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
)

// TestKilled kills the program with -9 at random moments of an import of
// 2,000 rows, twenty times, and starts it again each time. Then every row
// exists once.
func TestKilled(t *testing.T) {
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			url := ""
			if database == "PostgreSQL" {
				url = postgres.Database(t)
			}
			s := newSite(t, url)
			imp := s.started(killRows)
			// 20 rows at a time take about 60 ms: the import lasts long
			// enough to be killed twenty times, and requests are often under
			// way when it happens.
			s.portal.SetCost("crm.item.batchImport", 3*time.Millisecond)
			const kills = 20
			written := 0
			for n := range kills {
				p := s.start()
				// The next kill comes when some more rows are there, after a
				// random moment in the middle of the next requests.
				goal := killRows * (n + 1) / (kills + 2)
				s.waitFor(func() bool { return len(s.portal.Items(siteType)) >= goal })
				pause(t, time.Duration(rand.IntN(120))*time.Millisecond)
				p.kill()
				if now := len(s.portal.Items(siteType)); now < written || now == killRows && n < kills-1 {
					t.Fatalf("after kill %d the portal has %d items", n+1, now)
				} else {
					written = now
				}
			}
			p := s.start()
			s.waitFor(func() bool { return s.state(imp.ID).State == importer.Done })
			p.stop()
			s.everyRowOnce(killRows)
			done := s.state(imp.ID)
			if done.Counts != (importer.Counts{Created: killRows}) {
				t.Fatalf("counts %+v", done.Counts)
			}
			t.Logf("%d kills, %d rows looked up again", kills, done.Rechecked)
			if done.Rechecked == 0 {
				t.Fatal("no kill hit a request under way: the test proves nothing")
			}
		})
	}
}

const killRows = 2000

// waitFor waits for what another process does.
func (s *site) waitFor(done func() bool) {
	s.t.Helper()
	for until := time.Now().Add(time.Minute); !done(); pause(s.t, 10*time.Millisecond) {
		if time.Now().After(until) {
			s.t.Fatalf("waited for a minute; the portal has %d items; the last process said:\n%s",
				len(s.portal.Items(siteType)), s.last.stderr.String())
		}
	}
}

// state reads an import beside the running program.
func (s *site) state(id string) importer.Import {
	s.t.Helper()
	db, files := s.open()
	defer db.Close()
	defer files.Close()
	imp, err := db.Import(s.t.Context(), s.portal.MemberID(), id)
	s.must(err)
	return imp
}

func (s *site) everyRowOnce(n int) {
	s.t.Helper()
	var got, want []string
	for _, item := range s.portal.Items(siteType) {
		got = append(got, fmt.Sprint(item.Fields["title"], "/", item.Fields["UF_CRM_7_1"]))
	}
	for i := range n {
		want = append(want, fmt.Sprintf("Contract %d/N-%d", i, i))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.t.Fatalf("the portal has %d items for %d rows", len(got), n)
	}
}
