package importer_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// bubble runs a test in virtual time with a fresh bench.
func bubble(t *testing.T, p emulator.Profile, f func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, p)
		defer b.store.Close()
		f(t, b)
	})
}

func TestImportWritesEveryRowInOrder(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked(table(300))
		if imp.State != importer.Checked || imp.Plan.Created != 300 {
			t.Fatalf("after the check: %s, plan %+v, reason %+v", imp.State, imp.Plan, imp.Reason)
		}
		if n := b.portal.Writes(); n != 0 {
			t.Fatalf("the check wrote %d times", n)
		}
		imp = b.run(imp.ID)
		if imp.State != importer.Done || imp.Counts.Created != 300 || imp.Counts.Sum() != imp.Rows {
			t.Fatalf("after the run: %s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
		b.exactly(300, true)
		item := b.portal.Items(spa)[17].Fields
		for name, want := range map[string]string{
			"title": "Contract 17", "UF_CRM_7_1": "N-0017", "UF_CRM_7_2": "17", "UF_CRM_7_4": "[81 82]",
			"xmlId": imp.ID + ":19", "stageId": "DT1032_9:NEW",
		} {
			if got := fmt.Sprint(item[name]); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if got := fmt.Sprint(item["UF_CRM_7_3"]); !strings.HasPrefix(got, "2024-03-18") {
			t.Errorf("date is %q", got)
		}
		if n := b.released.Load(); n != 1 {
			t.Errorf("connection released %d times", n)
		}
	})
}

// TestFaults: whatever happens to one request, each row exists exactly once.
func TestFaults(t *testing.T) {
	faults := map[string]emulator.Fault{
		"refused by rate":       {Kind: emulator.Refuse503},
		"refused by time":       {Kind: emulator.Refuse429},
		"nobody listens":        {Kind: emulator.ConnRefused},
		"cut before":            {Kind: emulator.DropBefore},
		"cut after":             {Kind: emulator.DropAfter},
		"cut half-way":          {Kind: emulator.HalfThenDrop},
		"502, not executed":     {Kind: emulator.BadGateway},
		"502, executed":         {Kind: emulator.BadGatewayDone},
		"504, executed":         {Kind: emulator.GatewayTimeout},
		"a page with 200":       {Kind: emulator.HTML200},
		"half an answer":        {Kind: emulator.Truncated},
		"500, executed":         {Kind: emulator.InternalError},
		"token expired":         {Kind: emulator.ExpireToken},
		"slow beyond any limit": {Kind: emulator.DelayAfter, Delay: 10 * time.Minute},
		"hangs":                 {Kind: emulator.Hang},
	}
	for name, f := range faults {
		for _, skip := range []int{0, 1, 4} {
			t.Run(fmt.Sprintf("%s, request %d", name, skip+1), func(t *testing.T) {
				bubble(t, profile(), func(t *testing.T, b *bench) {
					imp := b.checked(table(120))
					f.Method, f.Skip = "crm.item.batchImport", skip
					b.portal.Fault(f)
					imp = b.run(imp.ID)
					if imp.State != importer.Done || imp.Counts.Created != 120 {
						t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
					}
					b.exactly(120, false)
				})
			})
		}
	}
}

// TestRequestOutlivesItsConnection: the line breaks while the portal is at
// work on the rows. Who looks at once finds nothing, and doubles them.
func TestRequestOutlivesItsConnection(t *testing.T) {
	for _, nth := range []int{1, 2, 4} {
		t.Run(fmt.Sprint("request ", nth), func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				b.portal.SetCost("crm.item.batchImport", 700*time.Millisecond)
				imp := b.checked(table(60))
				b.wire.cut(nth)
				imp = b.run(imp.ID)
				b.wire.work.Wait()
				if imp.State != importer.Done || imp.Counts.Created != 60 || imp.Rechecked == 0 {
					t.Fatalf("%s, %+v, rechecked %d, reason %+v", imp.State, imp.Counts, imp.Rechecked, imp.Reason)
				}
				b.exactly(60, false)
			})
		})
	}
}

// TestCrashes kills the process at every journal step in turn.
func TestCrashes(t *testing.T) {
	const rows = 50
	for step := 1; ; step++ {
		crashed := false
		t.Run(fmt.Sprint("step ", step), func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				imp := b.checked(table(rows))
				_, err := b.svc.Start(b.ctx(), b.actor, imp.ID)
				b.must(err)
				j := &mortal{Journal: b.store, left: step}
				crashed = b.pump(b.service(j)) != nil
				b.must(b.pump(b.svc))
				imp = b.reload(imp.ID)
				if imp.State != importer.Done || imp.Counts.Created != rows {
					t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
				}
				b.exactly(rows, false)
			})
		})
		if !crashed || t.Failed() {
			return
		}
	}
}

// mortal is a journal whose process dies at a write: at its second one
// before it is done for left 3, after it for left 4, and so on.
type mortal struct {
	importer.Journal
	left int
	dead bool
}

// dies says when the process dies: before or after this write, or not yet.
func (m *mortal) dies() (before, after bool) {
	m.left -= 2
	m.dead = m.dead || m.left <= 0
	return m.left < 0, m.left == 0
}

func (m *mortal) Write(ctx context.Context, f importer.Fence, imp string, e []importer.Entry, change func(*importer.Import) error) (importer.Import, error) {
	return m.write(func() (importer.Import, error) { return m.Journal.Write(ctx, f, imp, e, change) })
}

func (m *mortal) WriteUndo(ctx context.Context, f importer.Fence, imp string, e []importer.Entry, change func(*importer.Import) error) (importer.Import, error) {
	return m.write(func() (importer.Import, error) { return m.Journal.WriteUndo(ctx, f, imp, e, change) })
}

func (m *mortal) write(do func() (importer.Import, error)) (importer.Import, error) {
	before, after := m.dies()
	if before {
		return importer.Import{}, errCrash
	}
	i, err := do()
	if err == nil && after {
		return importer.Import{}, errCrash
	}
	return i, err
}

// Release of a dead process never happens: its lanes run out.
func (m *mortal) Release(ctx context.Context, f importer.Fence) error {
	if m.dead {
		return errCrash
	}
	return m.Journal.Release(ctx, f)
}

// TestLateDeparture: a request that waits for a new token leaves soon after
// its rows were noted as sent, or not at all. Otherwise a process that is
// killed while the portal works on it leaves rows that are looked up, not
// found, and written a second time.
func TestLateDeparture(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked(table(1))
		b.portal.SetCost("crm.item.batchImport", 58*time.Second)
		b.portal.Fault(emulator.Fault{Method: "crm.item.batchImport", Kind: emulator.ExpireToken})
		b.world.Fault(emulator.Fault{Method: "oauth.token", Kind: emulator.DelayAfter, Delay: 18 * time.Second})
		m := &mortal{Journal: b.store, left: 1 << 20}
		b.wire.onCut = func() { m.left = 0 }
		b.wire.cut(2) // the first one meets the expired token
		_, err := b.svc.Start(b.ctx(), b.actor, imp.ID)
		b.must(err)
		if err := b.pump(b.service(m)); !errors.Is(err, errCrash) {
			t.Fatalf("the process lives: %v", err)
		}
		b.rest()
		if imp = b.reload(imp.ID); imp.State != importer.Done || imp.Counts.Created != 1 {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
		b.exactly(1, true)
	})
}

// TestRandomSchedules: many faults, kills and pauses in any order.
func TestRandomSchedules(t *testing.T) {
	kinds := []emulator.Kind{
		emulator.Refuse503, emulator.Refuse429, emulator.ConnRefused, emulator.DropBefore, emulator.DropAfter,
		emulator.HalfThenDrop, emulator.BadGateway, emulator.BadGatewayDone, emulator.GatewayTimeout, emulator.HTML200,
		emulator.Truncated, emulator.InternalError, emulator.ExpireToken, emulator.Hang,
	}
	rapid.Check(t, func(rt *rapid.T) {
		rows := rapid.IntRange(1, 90).Draw(rt, "rows")
		faults := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) emulator.Fault {
			return emulator.Fault{
				Method: rapid.SampledFrom([]string{"crm.item.batchImport", "crm.item.list", ""}).Draw(rt, "method"),
				Skip:   rapid.IntRange(0, 6).Draw(rt, "skip"), Times: rapid.IntRange(1, 2).Draw(rt, "times"),
				Kind: rapid.SampledFrom(kinds).Draw(rt, "kind"),
			}
		}), 0, 4).Draw(rt, "faults")
		severed := rapid.SliceOfN(rapid.IntRange(1, 8), 0, 2).Draw(rt, "severed")
		cost := time.Duration(rapid.IntRange(0, 900).Draw(rt, "cost")) * time.Millisecond
		kills := rapid.SliceOfN(rapid.IntRange(1, 12), 0, 3).Draw(rt, "kills")
		bubble(t, profile(), func(t *testing.T, b *bench) {
			imp := b.checked(table(rows))
			_, err := b.svc.Start(b.ctx(), b.actor, imp.ID)
			b.must(err)
			for _, f := range faults {
				b.portal.Fault(f)
			}
			b.wire.cut(severed...)
			b.portal.SetCost("crm.item.batchImport", cost)
			for _, k := range kills {
				_ = b.pump(b.service(&mortal{Journal: b.store, left: k})) // its death is the point
			}
			_ = b.pump(b.svc) // errors of slices are retried by the queue
			b.must(b.pump(b.svc))
			b.wire.work.Wait()
			if imp = b.reload(imp.ID); imp.State != importer.Done || imp.Counts.Created != rows {
				t.Fatalf("%s, %+v, reason %+v\nfaults %+v kills %v", imp.State, imp.Counts, imp.Reason, faults, kills)
			}
			b.exactly(rows, false)
		})
	})
}

func TestPlanCountsAddUp(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		file := "Title;Count;Colour;Stage\n" +
			"a;1;Red;New\n" +
			"b;x;Blue;New\n" + // no number
			"c;3;Green;In work\n" + // no such colour
			"d;4;Blue;Nowhere\n" + // no such stage
			"e;5;blue;won\n"
		imp := b.checked(file)
		if imp.Plan != (importer.Counts{Created: 2, Failed: 3}) {
			t.Fatalf("plan %+v, state %s, reason %+v", imp.Plan, imp.State, imp.Reason)
		}
		result, err := b.svc.CheckResult(b.ctx(), b.actor, imp.ID)
		b.must(err)
		if len(result.Findings) != 3 {
			t.Fatalf("findings %+v", result.Findings)
		}
		_, err = b.svc.Decide(b.ctx(), b.actor, imp.ID, []importer.Decision{
			{Column: 1, Value: "x", Action: importer.LeaveEmpty},
			{Column: 2, Value: "Green", Action: importer.SkipRows},
			{Column: 3, Value: "Nowhere", Action: importer.UseValue, With: "In work"},
		}, false)
		b.must(err)
		b.must(b.pump(b.svc))
		if imp = b.reload(imp.ID); imp.Plan != (importer.Counts{Created: 4, Skipped: 1}) {
			t.Fatalf("plan after decisions %+v", imp.Plan)
		}
		imp = b.run(imp.ID)
		if imp.Counts != imp.Plan {
			t.Fatalf("plan %+v, outcome %+v", imp.Plan, imp.Counts)
		}
		if got := b.titles(); !slices.Equal(got, []string{"a", "b", "d", "e"}) {
			t.Fatalf("titles %v", got)
		}
		var report bytes.Buffer
		b.must(b.svc.WriteFailed(b.ctx(), b.actor, imp.ID, "Row", "Why", func(p importer.Problem) string { return p.Code }, &report))
		r := csv.NewReader(strings.NewReader(strings.TrimPrefix(report.String(), "\ufeff")))
		r.Comma = ';'
		records, err := r.ReadAll()
		b.must(err)
		want := [][]string{{"Title", "Count", "Colour", "Stage", "Row", "Why"}, {"c", "3", "Green", "In work", "4", "skipped_by_you"}}
		if fmt.Sprint(records) != fmt.Sprint(want) {
			t.Fatalf("report %v", records)
		}
	})
}

func TestRowLimit(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.limit = 100
		imp := b.checked(table(130))
		if imp.Plan != (importer.Counts{Created: 100, Skipped: 30}) {
			t.Fatalf("plan %+v", imp.Plan)
		}
		imp = b.run(imp.ID)
		if imp.Counts != imp.Plan || imp.State != importer.Done {
			t.Fatalf("%s %+v", imp.State, imp.Counts)
		}
		rows, err := b.svc.Outcomes(b.ctx(), b.actor, imp.ID, 0, 0)
		b.must(err)
		if len(rows) != 30 || rows[0].Row != 102 || rows[0].Problem.Code != "over_row_limit" {
			t.Fatalf("%d outcomes, first %+v", len(rows), rows[0])
		}
	})
}

// TestRegisteringLiftsTheLimit: also from a file that is already checked.
func TestRegisteringLiftsTheLimit(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.limit = 100
		imp := b.checked(table(130))
		b.limit = 0
		b.must(b.svc.LiftLimit(b.ctx(), b.actor))
		if imp = b.reload(imp.ID); imp.State != importer.Draft || imp.Limit != 0 {
			t.Fatalf("%s with limit %d", imp.State, imp.Limit)
		}
		_, err := b.svc.Check(b.ctx(), b.actor, imp.ID)
		b.must(err)
		b.must(b.pump(b.svc))
		if imp = b.run(imp.ID); imp.Counts.Created != 130 {
			t.Fatalf("%+v", imp.Counts)
		}
	})
}

// TestReopeningGoesOn: a dead grant makes the import wait; the person opens
// the app again, and it goes on.
func TestReopeningGoesOn(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.portal.SetCost("crm.item.batchImport", 50*time.Millisecond)
		imp := b.checked(table(60))
		_, err := b.svc.Start(b.ctx(), b.actor, imp.ID)
		b.must(err)
		b.portal.Fault(emulator.Fault{Method: "crm.item.batchImport", Skip: 1, Kind: emulator.Deny, Status: 401, Code: "authorization_error"})
		b.must(b.pump(b.svc))
		imp = b.reload(imp.ID)
		if imp.State != importer.Waiting || imp.Reason == nil || imp.Reason.Code != "connection_gone" || !imp.Until.IsZero() {
			t.Fatalf("%s, reason %+v until %v", imp.State, imp.Reason, imp.Until)
		}
		b.login(1)
		b.must(b.svc.Reopened(b.ctx(), b.actor))
		b.must(b.pump(b.svc))
		if imp = b.reload(imp.ID); imp.State != importer.Done {
			t.Fatalf("%s, reason %+v", imp.State, imp.Reason)
		}
		b.exactly(60, true)
	})
}

func TestPauseResumeStop(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.portal.SetCost("crm.item.batchImport", 20*time.Millisecond)
		imp := b.checked(table(6000))
		_, err := b.svc.Start(b.ctx(), b.actor, imp.ID)
		b.must(err)
		_, err = b.svc.Slice(b.ctx(), importer.Lane("run:"+b.actor.Portal))
		b.must(err)
		_, err = b.svc.Pause(b.ctx(), b.actor, imp.ID)
		b.must(err)
		before := len(b.titles())
		b.must(b.pump(b.svc))
		if now := len(b.titles()); now != before || before == 0 {
			t.Fatalf("%d items before the pause, %d after", before, now)
		}
		_, err = b.svc.Resume(b.ctx(), b.actor, imp.ID)
		b.must(err)
		b.bell.take()
		_, err = b.svc.Slice(b.ctx(), importer.Lane("run:"+b.actor.Portal))
		b.must(err)
		imp, err = b.svc.Stop(b.ctx(), b.actor, imp.ID)
		b.must(err)
		b.must(b.pump(b.svc))
		imp = b.reload(imp.ID)
		if imp.State != importer.Stopped || imp.Counts.Created != len(b.titles()) || imp.Counts.Created <= before {
			t.Fatalf("%s, %+v, %d items", imp.State, imp.Counts, len(b.titles()))
		}
	})
}

// TestStopWaitsForTheLastRequest: rows under way when a person stops the
// import still get their outcome, whether the answer comes or is lost.
func TestStopWaitsForTheLastRequest(t *testing.T) {
	for _, lost := range []bool{false, true} {
		t.Run(fmt.Sprint("answer lost: ", lost), func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				b.portal.SetCost("crm.item.batchImport", 400*time.Millisecond)
				imp := b.checked(table(200))
				if lost {
					b.wire.cut(3)
				}
				_, err := b.svc.Start(b.ctx(), b.actor, imp.ID)
				b.must(err)
				pumped := make(chan error)
				go func() { pumped <- b.pump(b.svc) }()
				for len(b.titles()) < 30 {
					time.Sleep(100 * time.Millisecond) // virtual
				}
				stopped, err := b.svc.Stop(b.ctx(), b.actor, imp.ID)
				b.must(err)
				if stopped.State != importer.Waiting || stopped.Reason.Code != "stopping" {
					t.Fatalf("%s, %+v", stopped.State, stopped.Reason)
				}
				if _, err := b.svc.Resume(b.ctx(), b.actor, imp.ID); err == nil {
					t.Error("a stopping import was resumed")
				}
				b.must(<-pumped)
				b.wire.work.Wait()
				imp = b.reload(imp.ID)
				if imp.State != importer.Stopped || imp.Counts.Created != len(b.titles()) || imp.Counts.Created >= 200 {
					t.Fatalf("%s, %+v, %d items", imp.State, imp.Counts, len(b.titles()))
				}
				if n := b.released.Load(); n != 1 {
					t.Errorf("connection released %d times", n)
				}
				rows, err := b.svc.Outcomes(b.ctx(), b.actor, imp.ID, 0, 1000)
				b.must(err)
				if imp.Counts.Sum() != 200 || len(rows) != imp.Counts.Skipped {
					t.Fatalf("%+v of 200 rows, %d are listed", imp.Counts, len(rows))
				}
				for _, r := range rows {
					if r.State != importer.EntrySkipped || r.Problem.Code != "stopped_by_you" || len(r.Cells) == 0 {
						t.Fatalf("row %+v", r)
					}
				}
			})
		})
	}
}

// TestUnprovable: a person who sees only his own items cannot be told that a
// row for somebody else does not exist.
func TestUnprovable(t *testing.T) {
	p := profile()
	p.Users[1].Rights = map[int64]emulator.Rights{spa: {Read: emulator.Own, Add: emulator.All, Import: emulator.All, Update: emulator.All, Delete: emulator.All}}
	bubble(t, p, func(t *testing.T, b *bench) {
		b.actor.User, b.actor.Admin, b.actor.Connection.User = 7, false, 7
		b.login(7)
		imp := b.checked("Title;Responsible\nmine;7\nmine too;7\nhers;1\nhers too;1\n")
		if imp.Plan.Created != 4 {
			t.Fatalf("plan %+v reason %+v", imp.Plan, imp.Reason)
		}
		b.portal.Fault(emulator.Fault{Method: "crm.item.batchImport", Skip: 1, Kind: emulator.DropBefore})
		imp = b.run(imp.ID)
		rows, err := b.svc.Outcomes(b.ctx(), b.actor, imp.ID, 0, 0)
		b.must(err)
		if imp.Counts != (importer.Counts{Created: 2, Failed: 2}) || len(rows) != 2 || rows[0].Problem.Code != "unknown_outcome" {
			t.Fatalf("%+v, %+v", imp.Counts, rows)
		}
		if got := b.titles(); !slices.Equal(got, []string{"mine", "mine too"}) {
			t.Fatalf("titles %v", got)
		}
	})
}

// clerk makes the actor of a bench an employee with rights of his own.
func (b *bench) clerk(rights emulator.Rights) {
	b.actor.User, b.actor.Admin, b.actor.Connection.User = 7, false, 7
	b.portal.EditUser(7, func(u *emulator.User) { u.Rights = map[int64]emulator.Rights{spa: rights} })
	b.login(7)
}

// methods counts the executed calls, inner ones included, by method.
func (b *bench) methods() map[string]int {
	n := map[string]int{}
	for _, c := range b.portal.Calls() {
		if c.Executed {
			n[c.Method]++
		}
	}
	return n
}

// TestNoImportRight: where nothing starts by itself with a new item, adding
// does what importing would; else the person is asked.
func TestNoImportRight(t *testing.T) {
	rights := emulator.Rights{Read: emulator.All, Add: emulator.All, Import: emulator.None}
	t.Run("without rules", func(t *testing.T) {
		bubble(t, profile(), func(t *testing.T, b *bench) {
			b.clerk(rights)
			imp := b.run(b.checked(table(70)).ID)
			if imp.State != importer.Done || imp.Counts.Created != 70 || !imp.Target.AddOnly {
				t.Fatalf("%s, %+v, %+v", imp.State, imp.Counts, imp.Reason)
			}
			b.exactly(70, true)
			if n := b.methods(); n["crm.item.add"] != 70 {
				t.Fatalf("calls %v", n)
			}
		})
	})
	p := profile()
	p.Types[0].Automation = true
	wait := func(t *testing.T, b *bench) importer.Import {
		b.clerk(rights)
		imp := b.run(b.checked(table(40)).ID)
		if imp.State != importer.Waiting || imp.Reason == nil || imp.Reason.Code != "no_import_right_rules" || imp.Counts.Sum() != 0 {
			t.Fatalf("%s, %+v, %+v", imp.State, imp.Reason, imp.Counts)
		}
		return imp
	}
	t.Run("the person lets the rules start", func(t *testing.T) {
		bubble(t, p, func(t *testing.T, b *bench) {
			imp := wait(t, b)
			_, err := b.svc.StartRules(b.ctx(), b.actor, imp.ID)
			b.must(err)
			b.must(b.pump(b.svc))
			b.exactly(40, true)
			for _, item := range b.portal.Items(spa) {
				if !item.Automation {
					t.Fatal("no rules were started")
				}
			}
		})
	})
	t.Run("the right is given", func(t *testing.T) {
		bubble(t, p, func(t *testing.T, b *bench) {
			imp := wait(t, b)
			b.portal.EditUser(7, func(u *emulator.User) { u.Rights = nil })
			_, err := b.svc.Resume(b.ctx(), b.actor, imp.ID)
			b.must(err)
			b.must(b.pump(b.svc))
			b.exactly(40, true)
			if b.portal.Items(spa)[0].Automation {
				t.Fatal("rules were started")
			}
		})
	})
	t.Run("no right to add either", func(t *testing.T) {
		bubble(t, profile(), func(t *testing.T, b *bench) {
			b.clerk(emulator.Rights{Read: emulator.All, Add: emulator.None, Import: emulator.None})
			imp := b.run(b.checked(table(40)).ID)
			if imp.State != importer.Waiting || imp.Reason == nil || imp.Reason.Code != "no_right" || imp.Counts.Sum() != 0 {
				t.Fatalf("%s, %+v, %+v", imp.State, imp.Reason, imp.Counts)
			}
			b.portal.EditUser(7, func(u *emulator.User) { u.Rights = nil })
			_, err := b.svc.Resume(b.ctx(), b.actor, imp.ID)
			b.must(err)
			b.must(b.pump(b.svc))
			b.exactly(40, true)
		})
	})
}

func TestStrangersSeeNothing(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked(table(3))
		for name, a := range map[string]importer.Actor{
			"another portal": {Portal: "ffff", User: 1, Admin: true},
			"another user":   {Portal: b.actor.Portal, User: 7},
		} {
			if _, err := b.svc.Import(b.ctx(), a, imp.ID); err == nil {
				t.Errorf("%s sees a draft", name)
			}
			if _, err := b.svc.Start(b.ctx(), a, imp.ID); err == nil {
				t.Errorf("%s starts it", name)
			}
			if _, err := b.svc.Upload(b.ctx(), a, imp.Upload); err == nil {
				t.Errorf("%s sees the upload", name)
			}
		}
	})
}
