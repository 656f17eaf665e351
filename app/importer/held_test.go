package importer_test

import (
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// TestHeld: when an import is done, the portal is asked what it holds. What
// comes of it is told, and never holds the import.
func TestHeld(t *testing.T) {
	held := func(b *bench, imp importer.Import, want importer.Held, looked bool) {
		b.t.Helper()
		got, ok, err := b.svc.Held(b.ctx(), b.actor, imp.ID)
		b.must(err)
		if imp.State != importer.Done || imp.Counts.Created != want.Created || ok != looked || looked && got != want {
			b.t.Fatalf("%s, %+v: the portal holds %+v, %v", imp.State, imp.Counts, got, ok)
		}
	}
	t.Run("all", func(t *testing.T) {
		bubble(t, profile(), func(t *testing.T, b *bench) {
			b.fill(0, 30)
			held(b, b.run(b.aimed(table(150), byKey(importer.UpdateAndAdd)).ID), importer.Held{Found: 120, Created: 120}, true)
		})
	})
	t.Run("some deleted meanwhile", func(t *testing.T) {
		bubble(t, profile(), func(t *testing.T, b *bench) {
			b.portal.SetCost("crm.item.batchImport", time.Second)
			imp := b.checked(table(100))
			dropped := false
			b.onSlice = func() {
				if items := b.portal.Items(spa); !dropped && len(items) > 10 {
					dropped = true
					b.drop(items[3].ID)
					b.drop(items[7].ID)
				}
			}
			held(b, b.run(imp.ID), importer.Held{Found: 98, Created: 100}, true)
		})
	})
	t.Run("some not to be seen", func(t *testing.T) {
		bubble(t, profile(), func(t *testing.T, b *bench) {
			b.clerk(emulator.Rights{Read: emulator.Own, Add: emulator.All, Import: emulator.All})
			imp := b.run(b.checked("Title;Responsible\nmine;7\nhers;1\nmine too;7\n").ID)
			held(b, imp, importer.Held{Found: 2, Created: 3}, true)
		})
	})
	t.Run("nobody answers", func(t *testing.T) {
		bubble(t, profile(), func(t *testing.T, b *bench) {
			imp := b.checked(table(5))
			// The first list is for the highest id; then nothing but the count.
			b.portal.Fault(emulator.Fault{Method: "crm.item.list", Skip: 1, Times: 100, Kind: emulator.Deny, Status: 500, Code: "INTERNAL_SERVER_ERROR"})
			held(b, b.run(imp.ID), importer.Held{Created: 5}, false)
			b.exactly(5, true)
		})
	})
	t.Run("nothing created", func(t *testing.T) {
		bubble(t, profile(), func(t *testing.T, b *bench) {
			b.fill(0, 5)
			held(b, b.run(b.aimed(table(5), byKey(importer.UpdateExisting)).ID), importer.Held{}, false)
		})
	})
}

// TestAnew: a trial that did not look right is taken back, and the same file
// goes in with other columns, corrected cells included.
func TestAnew(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked("Title;Number;Count\none;N-1;1\ntwo;N-2;x\nthree;N-3;3\n")
		_, err := b.svc.EditCells(b.ctx(), b.actor, imp.ID, []importer.Edit{{Index: 1, Column: 2, Text: "2"}})
		b.must(err)
		b.must(b.pump(b.svc))
		_, err = b.svc.Try(b.ctx(), b.actor, imp.ID, 1)
		b.must(err)
		b.must(b.pump(b.svc))
		if _, err := b.svc.Anew(b.ctx(), b.actor, imp.ID); !refusedWith(err, "already_ended") {
			t.Fatalf("anew before it was taken back: %v", err)
		}
		imp = b.undo(imp.ID)
		if imp.State != importer.Undone || len(b.titles()) != 0 {
			t.Fatalf("%s, %v", imp.State, b.titles())
		}
		draft, err := b.svc.Anew(b.ctx(), b.actor, imp.ID)
		b.must(err)
		twice, err := b.svc.Anew(b.ctx(), b.actor, imp.ID)
		b.must(err)
		if draft.ID == imp.ID || twice.ID != draft.ID || draft.State != importer.Draft || draft.Target != imp.Target || draft.Upload != imp.Upload {
			t.Fatalf("%+v\n%+v", draft, twice)
		}
		again := b.run(b.with(draft, "UF_CRM_7_1", "title", "UF_CRM_7_2").ID)
		item := b.portal.Items(spa)
		if again.Counts != (importer.Counts{Created: 3}) || item[1].Fields["title"] != "N-2" || item[1].Fields["UF_CRM_7_1"] != "two" {
			t.Fatalf("%s, %+v, %+v", again.State, again.Counts, again.Reason)
		}
	})
}

// TestNotAnew: what was kept would be doubled.
func TestNotAnew(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.run(b.checked(table(3)).ID)
		time.Sleep(time.Minute)
		b.edit(b.portal.Items(spa)[0].ID, map[string]any{"title": "edited"})
		imp = b.undo(imp.ID)
		if _, err := b.svc.Anew(b.ctx(), b.actor, imp.ID); imp.State != importer.Undone || !refusedWith(err, "already_ended") {
			t.Fatalf("%s: %v", imp.State, err)
		}
	})
}
