package importer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// onceWritten calls f as soon as some rows of the file are on the portal.
func (b *bench) onceWritten(f func()) {
	done := false
	b.onSlice = func() {
		written := 0
		for _, title := range b.titles() {
			if strings.HasPrefix(title, "Contract ") {
				written++
			}
		}
		if !done && written > 10 {
			done = true
			f()
		}
	}
}

// may sets the rights of the bench's clerk.
func (b *bench) may(r emulator.Rights) {
	b.portal.EditUser(7, func(u *emulator.User) { u.Rights = map[int64]emulator.Rights{spa: r} })
}

func readOnly() emulator.Rights {
	return emulator.Rights{Read: emulator.All, Add: emulator.None, Import: emulator.None, Update: emulator.None}
}

// own makes the clerk responsible for the items from one place to another.
func (b *bench) own(from, to int) {
	for _, item := range b.portal.Items(spa)[from:to] {
		b.edit(item.ID, map[string]any{"assignedById": 7})
	}
}

// asks fails unless an import waits for the right, and has written so many rows
// without giving up others than those beside them in a request.
func (b *bench) asks(id string, written int) {
	b.t.Helper()
	imp := b.reload(id)
	c := imp.Counts
	if imp.State != importer.Waiting || imp.Reason == nil || imp.Reason.Code != "right_lost" || c.Created+c.Updated != written || c.Failed > 25 {
		b.t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
	}
}

// goesOn gives the clerk every right, and has an import end by itself when he
// opens the app.
func (b *bench) goesOn(id string, want importer.Counts) {
	b.t.Helper()
	b.may(emulator.FullRights())
	b.must(b.svc.Reopened(b.ctx(), b.actor))
	b.must(b.pump(b.svc))
	if imp := b.reload(id); imp.State != importer.Done || imp.Counts != want {
		b.t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
	}
}

// TestRightToUpdateIsTaken: rows that are refused one after the other, where
// others went in, are kept until it is known whether it is they or the right.
func TestRightToUpdateIsTaken(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.fill(0, 150)
		b.clerk(emulator.FullRights())
		b.portal.SetCost("crm.item.update", 300*time.Millisecond)
		imp := b.aimed(table(150), byKey(importer.UpdateExisting))
		b.onceWritten(func() { b.may(readOnly()) })
		b.run(imp.ID)
		imp = b.reload(imp.ID)
		written := imp.Counts.Updated
		b.asks(imp.ID, written)
		if written == 0 || written > 90 {
			t.Fatalf("%d rows were written", written)
		}
		// He opens the app, and still has no right: nothing has changed.
		b.must(b.svc.Reopened(b.ctx(), b.actor))
		b.must(b.pump(b.svc))
		b.asks(imp.ID, written)
		b.goesOn(imp.ID, importer.Counts{Updated: 150})
		imp = b.undo(imp.ID)
		if imp.Undo.TakenBack != 150 {
			t.Fatalf("%+v", imp.Undo)
		}
	})
}

// TestRightsDifferByItem: items that the person may not change fail by
// themselves, with as few questions as can be.
func TestRightsDifferByItem(t *testing.T) {
	own := emulator.Rights{Read: emulator.All, Update: emulator.Own}
	for name, c := range map[string]struct {
		mine  [][2]int
		asked int
	}{
		"a few between":       {[][2]int{{0, 30}, {70, 200}}, 0},
		"the last ones":       {[][2]int{{0, 185}}, 0},
		"most, at the end":    {[][2]int{{0, 30}}, 1},
		"many, at the end":    {[][2]int{{0, 150}}, 1},
		"most, in the middle": {[][2]int{{0, 30}, {199, 200}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				b.fill(0, 200)
				mine := 0
				for _, m := range c.mine {
					b.own(m[0], m[1])
					mine += m[1] - m[0]
				}
				b.clerk(own)
				imp := b.run(b.aimed(table(200), byKey(importer.UpdateExisting)).ID)
				for range c.asked {
					b.asks(imp.ID, c.mine[0][1])
					_, err := b.svc.Resume(b.ctx(), b.actor, imp.ID)
					b.must(err)
					b.must(b.pump(b.svc))
				}
				imp = b.reload(imp.ID)
				if imp.State != importer.Done || imp.Counts != (importer.Counts{Updated: mine, Failed: 200 - mine}) {
					t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
				}
				rows, err := b.svc.Outcomes(b.ctx(), b.actor, imp.ID, 0, 0)
				b.must(err)
				for _, o := range rows {
					if o.State != importer.EntryFailed || o.Problem.Code != "row_no_right" {
						t.Fatalf("row %d: %s %+v", o.Row, o.State, o.Problem)
					}
				}
			})
		})
	}
}

// TestRightToUpdateIsTakenAmongNewRows: that new items go in says nothing of
// the right to change those there are.
func TestRightToUpdateIsTakenAmongNewRows(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		for i := range 75 {
			b.fill(2*i, 1)
		}
		b.clerk(emulator.FullRights())
		b.portal.SetCost("", 300*time.Millisecond)
		imp := b.aimed(table(150), byKey(importer.UpdateAndAdd))
		b.onceWritten(func() {
			r := emulator.FullRights()
			r.Update = emulator.None
			b.may(r)
		})
		b.run(imp.ID)
		imp = b.reload(imp.ID)
		if imp.State != importer.Waiting || imp.Reason.Code != "right_lost" || imp.Counts.Created != 75 || imp.Counts.Failed != 0 {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
		b.goesOn(imp.ID, importer.Counts{Created: 75, Updated: 75})
	})
}

// TestRightToAddIsTaken where no row is like one that went in.
func TestRightToAddIsTaken(t *testing.T) {
	p := profile()
	for i := range 150 {
		p.Users = append(p.Users, emulator.User{ID: int64(100 + i), Name: fmt.Sprint("U", i)})
	}
	bubble(t, p, func(t *testing.T, b *bench) {
		b.clerk(emulator.FullRights())
		b.portal.SetCost("crm.item.batchImport", 300*time.Millisecond)
		file := "Title;Responsible\n"
		for i := range 150 {
			file += fmt.Sprintf("Contract %d;%d\n", i, 100+i)
		}
		imp := b.checked(file)
		b.onceWritten(func() { b.may(readOnly()) })
		b.run(imp.ID)
		imp = b.reload(imp.ID)
		written := imp.Counts.Created
		b.asks(imp.ID, written)
		b.goesOn(imp.ID, importer.Counts{Created: 150})
	})
}

// TestUndoWithoutAnyRight waits for the right, or for somebody who has it, in
// place of ending every item.
func TestUndoWithoutAnyRight(t *testing.T) {
	noDelete := emulator.Rights{Read: emulator.All, Add: emulator.All, Import: emulator.All, Update: emulator.All, Delete: emulator.None}
	for name, c := range map[string]struct {
		act  func(b *bench, imp string)
		want importer.UndoCounts
	}{
		"the right is given": {func(b *bench, _ string) {
			b.may(emulator.FullRights())
			b.must(b.svc.Reopened(b.ctx(), b.actor))
		}, importer.UndoCounts{TakenBack: 30}},
		"an administrator goes on": {func(b *bench, imp string) {
			admin := b.actor
			admin.User, admin.Admin, admin.Connection.User = 1, true, 1
			_, err := b.svc.Resume(b.ctx(), admin, imp)
			b.must(err)
		}, importer.UndoCounts{TakenBack: 30}},
		"he goes on all the same": {func(b *bench, imp string) {
			b.must(b.svc.Reopened(b.ctx(), b.actor)) // which is not his word
			b.must(b.pump(b.svc))
			_, err := b.svc.Resume(b.ctx(), b.actor, imp)
			b.must(err)
		}, importer.UndoCounts{Impossible: 30}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				b.clerk(noDelete)
				imp := b.run(b.checked(table(30)).ID)
				imp = b.undo(imp.ID)
				if imp.State != importer.Waiting || imp.Reason == nil || imp.Reason.Code != "undo_right" || imp.Undo.Sum() != 0 {
					t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Undo, imp.Reason)
				}
				c.act(b, imp.ID)
				b.must(b.pump(b.svc))
				if imp = b.reload(imp.ID); imp.State != importer.Undone || imp.Undo != c.want {
					t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Undo, imp.Reason)
				}
			})
		})
	}
}

// TestStopWithRowsAside: every row has an outcome, and those that were refused
// say so.
func TestStopWithRowsAside(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.fill(0, 200)
		b.own(0, 30)
		b.clerk(emulator.Rights{Read: emulator.All, Update: emulator.Own})
		imp := b.run(b.aimed(table(200), byKey(importer.UpdateExisting)).ID)
		b.asks(imp.ID, 30)
		failed := b.reload(imp.ID).Counts.Failed
		_, err := b.svc.Stop(b.ctx(), b.actor, imp.ID)
		b.must(err)
		b.must(b.pump(b.svc))
		imp = b.reload(imp.ID)
		if imp.State != importer.Stopped || imp.Counts != (importer.Counts{Updated: 30, Failed: failed, Skipped: 170 - failed}) {
			t.Fatalf("%s, %+v", imp.State, imp.Counts)
		}
		rows, err := b.svc.Outcomes(b.ctx(), b.actor, imp.ID, 0, 0)
		b.must(err)
		if len(rows) != 170 || rows[0].Problem.Code != "row_no_right" || rows[169].Problem.Code != "stopped_by_you" {
			t.Fatalf("%d rows, first %+v, last %+v", len(rows), rows[0].Problem, rows[len(rows)-1].Problem)
		}
		for i, o := range rows {
			if o.Index != 30+i || (o.State == importer.EntryFailed) != (i < failed) {
				t.Fatalf("row %d at %d: %s", o.Row, i, o.State)
			}
		}
	})
}
