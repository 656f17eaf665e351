package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
)

// TestKilled kills the program with -9 in the middle of an import of 2,000
// rows, thirty times: when a request has arrived, when it was executed, when
// it was answered, and at random moments. It is started again each time, once
// alone and once beside another instance that goes on. Then every row exists
// once.
func TestKilled(t *testing.T) {
	for name, c := range map[string]struct {
		database  bool
		instances int
	}{"SQLite": {false, 1}, "PostgreSQL": {true, 1}, "PostgreSQL, two instances": {true, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := ""
			if c.database {
				url = postgres.Database(t)
			}
			s := newSite(t, url)
			imp := s.started(killRows)
			// The import lasts long enough to be killed thirty times, and
			// requests are often under way when it happens.
			s.portal.SetCost("crm.item.batchImport", 3*time.Millisecond)
			running := make([]*process, c.instances)
			for i := range running[1:] {
				running[i+1] = s.start(settles)
			}
			const kills = 30
			written := 0
			for n := range kills {
				at := n % len(running)
				running[at] = s.start(settles)
				victim := running[(n+1)%len(running)]
				// The next kill comes when some more rows are there.
				goal := killRows * (n + 1) / (kills + 2)
				s.waitFor(func() bool { return len(s.portal.Items(siteType)) >= goal })
				s.killAt(point(n%4), victim)
				if now := len(s.portal.Items(siteType)); now < written || now == killRows && n < kills-1 {
					t.Fatalf("after kill %d the portal has %d items", n+1, now)
				} else {
					written = now
				}
			}
			p := s.start(settles)
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

// killAt kills a process at a point of the next request; 0 is any moment in
// the middle of the next requests.
func (s *site) killAt(at point, victim *process) {
	s.t.Helper()
	if at == 0 {
		pause(s.t, time.Duration(rand.IntN(120))*time.Millisecond)
		victim.kill()
		return
	}
	reached := make(chan struct{})
	s.points.next(at, func() { victim.kill(); close(reached) })
	select {
	case <-reached:
	case <-time.After(laneWait):
		s.t.Fatalf("no request came; the last process said:\n%s", s.last.stderr.String())
	}
}

const killRows = 2000

// settles is how long a request may still run: on a machine with much else to
// do, the emulated portal may well begin a second late.
const settles = "SETTLE_SECONDS=3"

// laneWait is longer than a lane may stand still: one that a process took with
// its last breath runs out after half a minute, and the sweep that finds it
// comes within another half.
const laneWait = 3 * time.Minute

// waitFor waits for what another process does.
func (s *site) waitFor(done func() bool) {
	s.t.Helper()
	for until := time.Now().Add(laneWait); !done(); pause(s.t, 10*time.Millisecond) {
		if time.Now().After(until) {
			s.t.Fatalf("waited for %s; the portal has %d items; the last process said:\n%s", laneWait,
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
