package importer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// undo takes an import back and lets it come to rest.
func (b *bench) undo(id string) importer.Import {
	b.t.Helper()
	_, err := b.svc.Undo(b.ctx(), b.actor, id)
	b.must(err)
	b.must(b.pump(b.svc))
	return b.reload(id)
}

// edit changes an item as somebody in the CRM does.
func (b *bench) edit(id int64, fields map[string]any) {
	b.t.Helper()
	_, err := b.client.Webhook(b.hook(1)).Call(b.ctx(), "crm.item.update", map[string]any{
		"entityTypeId": spa, "id": id, "fields": fields, "useOriginalUfNames": "Y",
	})
	b.must(err)
}

func (b *bench) drop(id int64) {
	b.t.Helper()
	_, err := b.client.Webhook(b.hook(1)).Call(b.ctx(), "crm.item.delete", map[string]any{"entityTypeId": spa, "id": id})
	b.must(err)
}

// look is what a test compares of the portal: every item without its times.
func (b *bench) look() []string {
	var all []string
	for _, item := range b.portal.Items(spa) {
		f := item.Fields
		all = append(all, fmt.Sprint(item.ID, f["title"], f["UF_CRM_7_1"], f["UF_CRM_7_2"], f["UF_CRM_7_3"], f["UF_CRM_7_4"], f["stageId"], f["xmlId"]))
	}
	return all
}

func TestUndo(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.fill(20, 60)
		before := b.look()
		time.Sleep(time.Hour)
		imp := b.run(b.aimed(table(100), byKey(importer.UpdateAndAdd)).ID)
		if imp.Counts != (importer.Counts{Created: 40, Updated: 60}) {
			t.Fatalf("%+v", imp.Counts)
		}
		time.Sleep(time.Hour)
		imp = b.undo(imp.ID)
		if imp.State != importer.Undone || imp.Undo != (importer.UndoCounts{TakenBack: 100}) || imp.Undoing {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Undo, imp.Reason)
		}
		if got := b.look(); !slices.Equal(got, before) {
			t.Fatalf("before:\n%v\nafter:\n%v", before, got)
		}
		if imp.Counts.Sum() != imp.Rows || b.released.Load() != 2 {
			t.Fatalf("%+v of %d rows, released %d times", imp.Counts, imp.Rows, b.released.Load())
		}
		if _, err := b.svc.Undo(b.ctx(), b.actor, imp.ID); !refusedWith(err, "already_ended") {
			t.Fatalf("undone twice: %v", err)
		}
	})
}

// TestUndoKeepsWhatWasEdited and lists it.
func TestUndoKeepsWhatWasEdited(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.fill(0, 4)
		imp := b.run(b.aimed(table(8), byKey(importer.UpdateAndAdd)).ID)
		time.Sleep(time.Minute)
		items := b.portal.Items(spa)
		b.edit(items[0].ID, map[string]any{"title": "edited"}) // updated
		b.drop(items[1].ID)
		b.edit(items[4].ID, map[string]any{"UF_CRM_7_2": 99}) // created
		b.drop(items[5].ID)
		imp = b.undo(imp.ID)
		if imp.State != importer.Undone || imp.Undo != (importer.UndoCounts{TakenBack: 5, Kept: 2, Impossible: 1}) {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Undo, imp.Reason)
		}
		if got := b.titles(); !slices.Equal(got, []string{"edited", "Old 2", "Old 3", "Contract 4"}) {
			t.Fatalf("titles %v", got)
		}
		rows, err := b.svc.UndoOutcomes(b.ctx(), b.actor, imp.ID, 0, 0)
		b.must(err)
		want := []string{"2 kept undo_edited Contract 0", "3 impossible undo_item_gone Contract 1", "6 kept undo_edited Contract 4"}
		got := make([]string, len(rows))
		for i, o := range rows {
			got[i] = fmt.Sprintf("%d %s %s %s", o.Row, o.Undo, o.UndoProblem.Code, o.Cells[0])
		}
		if !slices.Equal(got, want) {
			t.Fatalf("listed %v", got)
		}
	})
}

func TestUndoWithoutTheRight(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.fill(0, 5)
		b.clerk(emulator.Rights{Read: emulator.All, Add: emulator.All, Import: emulator.All, Update: emulator.All, Delete: emulator.None})
		imp := b.run(b.aimed(table(30), byKey(importer.UpdateAndAdd)).ID)
		imp = b.undo(imp.ID)
		if imp.State != importer.Undone || imp.Undo != (importer.UndoCounts{TakenBack: 5, Impossible: 25}) {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Undo, imp.Reason)
		}
		rows, err := b.svc.UndoOutcomes(b.ctx(), b.actor, imp.ID, 0, 0)
		b.must(err)
		if len(rows) != 25 || rows[0].UndoProblem.Code != "undo_no_right" {
			t.Fatalf("%d rows, %+v", len(rows), rows[0].UndoProblem)
		}
	})
}

// TestUndoUnseen: what the person cannot see any more is not called deleted.
func TestUndoUnseen(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.clerk(emulator.FullRights())
		imp := b.run(b.checked(table(5)).ID)
		b.edit(b.portal.Items(spa)[0].ID, map[string]any{"assignedById": 1})
		b.portal.EditUser(7, func(u *emulator.User) {
			u.Rights = map[int64]emulator.Rights{spa: {Read: emulator.Own, Delete: emulator.All}}
		})
		imp = b.undo(imp.ID)
		if imp.Undo != (importer.UndoCounts{TakenBack: 4, Impossible: 1}) || len(b.titles()) != 1 {
			t.Fatalf("%+v, %v", imp.Undo, b.titles())
		}
	})
}

// TestUndoKilled kills the process at every journal step of an undo, on a
// network that loses answers too.
func TestUndoKilled(t *testing.T) {
	for step := 1; ; step++ {
		crashed := false
		t.Run(fmt.Sprint("step ", step), func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				b.fill(0, 30)
				before := b.look()
				imp := b.run(b.aimed(table(60), byKey(importer.UpdateAndAdd)).ID)
				b.portal.SetCost("", 40*time.Millisecond)
				time.Sleep(time.Minute)
				_, err := b.svc.Undo(b.ctx(), b.actor, imp.ID)
				b.must(err)
				for i, kind := range []emulator.Kind{emulator.DropAfter, emulator.HalfThenDrop, emulator.DropBefore} {
					b.portal.Fault(emulator.Fault{Method: "batch", Skip: 1 + 2*i, Kind: kind})
				}
				m := &mortal{Journal: b.store, left: step}
				_ = b.pump(b.service(m)) // its death is the point
				crashed = m.dead
				_ = b.pump(b.svc) // errors of slices are retried by the queue
				b.must(b.pump(b.svc))
				imp = b.reload(imp.ID)
				if imp.State != importer.Undone || imp.Undo != (importer.UndoCounts{TakenBack: 60}) {
					t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Undo, imp.Reason)
				}
				if got := b.look(); !slices.Equal(got, before) {
					t.Fatalf("before:\n%v\nafter:\n%v", before, got)
				}
			})
		})
		if !crashed || t.Failed() {
			return
		}
	}
}

// TestUndoIsARun: it can be paused and stopped, and asked for again.
func TestUndoIsARun(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.run(b.checked(table(600)).ID)
		b.portal.SetCost("", 500*time.Millisecond)
		_, err := b.svc.Undo(b.ctx(), b.actor, imp.ID)
		b.must(err)
		lane := importer.Lane("run:" + b.actor.Portal)
		slice := func() int {
			t.Helper()
			_, err = b.svc.Slice(b.ctx(), lane)
			b.must(err)
			return len(b.titles())
		}
		first := slice()
		_, err = b.svc.Pause(b.ctx(), b.actor, imp.ID)
		b.must(err)
		if n := slice(); n != first || n == 0 || n == 600 {
			t.Fatalf("%d items after the pause, %d before", n, first)
		}
		_, err = b.svc.Resume(b.ctx(), b.actor, imp.ID)
		b.must(err)
		second := slice()
		if second >= first {
			t.Fatalf("%d items, %d before", second, first)
		}
		imp, err = b.svc.Stop(b.ctx(), b.actor, imp.ID)
		b.must(err)
		b.must(b.pump(b.svc))
		imp = b.reload(imp.ID)
		if imp.State != importer.Stopped || imp.Undoing || imp.Undo.TakenBack != 600-second || imp.Counts.Sum() != 600 {
			t.Fatalf("%s, %+v, %+v", imp.State, imp.Undo, imp.Counts)
		}
		b.portal.SetCost("", 0)
		imp = b.undo(imp.ID)
		if imp.State != importer.Undone || imp.Undo.TakenBack != 600 || len(b.titles()) != 0 {
			t.Fatalf("%s, %+v, %d items", imp.State, imp.Undo, len(b.titles()))
		}
	})
}

func TestUndoTooLate(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked(table(3))
		if _, err := b.svc.Undo(b.ctx(), b.actor, imp.ID); !refusedWith(err, "undo_not_yet") {
			t.Fatalf("undo of what has not begun: %v", err)
		}
		imp = b.run(imp.ID)
		if b.svc.MayUndo(imp).IsZero() {
			t.Error("it may not be undone")
		}
		time.Sleep(31 * 24 * time.Hour)
		if _, err := b.svc.Undo(b.ctx(), b.actor, imp.ID); !refusedWith(err, "undo_too_late") {
			t.Fatalf("undo after a month: %v", err)
		}
		if !b.svc.MayUndo(imp).IsZero() {
			t.Error("it may be undone")
		}
	})
}

// TestUndoWithoutAWord: a portal that answers questions and never says what
// became of an update is left alone for longer each time.
func TestUndoWithoutAWord(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.fill(0, 1)
		b.edit(b.portal.Items(spa)[0].ID, map[string]any{"title": "a <b> c"}) // travels in a call of its own
		imp := b.run(b.aimed(table(1), byKey(importer.UpdateExisting)).ID)
		time.Sleep(time.Minute)
		b.portal.Fault(emulator.Fault{Method: "crm.item.update", Times: 4, Kind: emulator.DropBefore})
		_, err := b.svc.Undo(b.ctx(), b.actor, imp.ID)
		b.must(err)
		began := time.Now()
		_, err = b.svc.Slice(b.ctx(), importer.Lane("run:"+b.actor.Portal))
		b.must(err)
		if now := b.reload(imp.ID); now.State != importer.Waiting || !now.Until.After(time.Now()) {
			t.Fatalf("%s until %v after one request", now.State, now.Until)
		}
		b.must(b.pump(b.svc))
		imp = b.reload(imp.ID)
		if waited := time.Since(began); imp.State != importer.Undone || imp.Undo.TakenBack != 1 || waited < time.Minute {
			t.Fatalf("%s, %+v after %v, reason %+v", imp.State, imp.Undo, waited, imp.Reason)
		}
	})
}
