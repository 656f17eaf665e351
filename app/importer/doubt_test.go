package importer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// make makes an item as a person, or another app in his name, does.
func (b *bench) make(user int64, fields map[string]any) int64 {
	b.t.Helper()
	_, err := b.client.Webhook(b.hook(user)).Call(b.ctx(), "crm.item.add", map[string]any{
		"entityTypeId": spa, "fields": fields, "useOriginalUfNames": "Y",
	})
	b.must(err)
	items := b.portal.Items(spa)
	return items[len(items)-1].ID
}

// once calls f the first time that rows are in doubt.
func (b *bench) once(id string, f func()) {
	done := false
	b.onSlice = func() {
		if imp := b.reload(id); !done && imp.State == importer.Waiting && imp.Reason != nil && imp.Reason.Code == "rechecking" {
			done = true
			f()
		}
	}
}

// TestForeignCodes: a row with a code of its own whose answer was lost. In
// the meantime an item with that code was made: only what is surely the
// row's is taken for it, nothing is doubled, and where nobody can tell, the
// person is asked.
func TestForeignCodes(t *testing.T) {
	coded := "Title;External code;Number\none;A-1;N-1\n"
	made := func(user int64, title string) func(*bench) {
		return func(b *bench) {
			b.make(user, map[string]any{"title": title, "xmlId": "A-1", "UF_CRM_7_1": "N-1"})
		}
	}
	const asks, writes = "unknown_outcome", ""
	for name, c := range map[string]struct {
		kind  emulator.Kind
		meets func(*bench)
		ends  string // why the row has failed; empty: it was created
		items []string
	}{
		"nobody":                        {emulator.DropAfter, func(*bench) {}, writes, []string{"one"}},
		"nobody, not executed":          {emulator.DropBefore, func(*bench) {}, writes, []string{"one"}},
		"a colleague's, not executed":   {emulator.DropBefore, made(7, "hers"), writes, []string{"hers", "one"}},
		"a colleague's, executed":       {emulator.DropAfter, made(7, "hers"), writes, []string{"one", "hers"}},
		"the person's own, other words": {emulator.DropBefore, made(1, "by hand"), asks, []string{"by hand"}},
		"his own, executed":             {emulator.DropAfter, made(1, "by hand"), asks, []string{"one", "by hand"}},
		"a colleague's, same words":     {emulator.DropBefore, made(7, "one"), asks, []string{"one"}},
		"twice the same":                {emulator.DropAfter, made(1, "one"), asks, []string{"one", "one"}},
		"in another case":               {emulator.DropBefore, func(b *bench) { b.make(1, map[string]any{"title": "low", "xmlId": "a-1"}) }, writes, []string{"low", "one"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				b.portal.AddItem(spa, map[string]any{"title": "before", "xmlId": "A-1", "assignedById": 1})
				imp := b.checked(coded)
				if imp.Plan.Created != 1 {
					t.Fatalf("plan %+v, reason %+v", imp.Plan, imp.Reason)
				}
				b.portal.Fault(emulator.Fault{Method: "crm.item.batchImport", Kind: c.kind})
				b.once(imp.ID, func() { c.meets(b) })
				imp = b.run(imp.ID)
				if got := b.titles(); imp.State != importer.Done || !slices.Equal(got, append([]string{"before"}, c.items...)) {
					t.Fatalf("%s, %+v, items %v", imp.State, imp.Counts, got)
				}
				rows, err := b.svc.Outcomes(b.ctx(), b.actor, imp.ID, 0, 0)
				b.must(err)
				switch {
				case c.ends == writes:
					entries, err := b.store.Entries(b.ctx(), imp.ID, 0, 0, importer.EntryCreated)
					b.must(err)
					if len(rows) != 0 || len(entries) != 1 {
						t.Fatalf("not created: %+v", rows)
					}
					for _, item := range b.portal.Items(spa) {
						if item.ID == entries[0].ItemID && (item.Fields["title"] != "one" || item.CreatedBy != 1) {
							t.Fatalf("the row has taken over %v", item.Fields)
						}
					}
				case len(rows) != 1 || rows[0].Problem.Code != c.ends:
					t.Fatalf("rows %+v", rows)
				}
			})
		})
	}
}

// TestTwoImportsOfOneCode: two files with the same codes and contents go in
// at the same time; no item is claimed by both.
func TestTwoImportsOfOneCode(t *testing.T) {
	coded := "Title;External code\none;A-1\ntwo;A-2\n"
	bubble(t, profile(), func(t *testing.T, b *bench) {
		first, second := b.checked(coded), b.checked(coded)
		b.portal.Fault(emulator.Fault{Method: "crm.item.batchImport", Kind: emulator.DropBefore})
		_, err := b.svc.Start(b.ctx(), b.actor, first.ID)
		b.must(err)
		_, err = b.svc.Slice(b.ctx(), importer.Lane("run:"+b.actor.Portal)) // the first one's answer is lost
		b.must(err)
		b.run(second.ID)
		claimed := map[int64]string{}
		for _, id := range []string{first.ID, second.ID} {
			imp := b.reload(id)
			entries, err := b.store.Entries(b.ctx(), id, 0, 0, importer.EntryCreated)
			b.must(err)
			for _, e := range entries {
				if claimed[e.ItemID] != "" {
					t.Errorf("item %d is claimed by %s and %s", e.ItemID, claimed[e.ItemID], id)
				}
				claimed[e.ItemID] = id
			}
			if imp.State != importer.Done || imp.Counts.Sum() != 2 {
				t.Errorf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
			}
		}
		if got := b.titles(); len(got) != len(claimed) {
			t.Errorf("%d items, %d claimed", len(got), len(claimed))
		}
	})
}

// TestWitnessWithAForeignCode: that somebody else's item with the code of a
// written row is seen does not prove that the person sees his own.
func TestWitnessWithAForeignCode(t *testing.T) {
	p := profile()
	p.Users[1].Rights = map[int64]emulator.Rights{spa: {Read: emulator.Own, Add: emulator.All, Import: emulator.All}}
	bubble(t, p, func(t *testing.T, b *bench) {
		b.actor.User, b.actor.Admin, b.actor.Connection.User = 7, false, 7
		b.login(7)
		imp := b.checked("Title;Responsible;External code\nhers;1;A-1\nhers too;1;A-2\n")
		b.portal.Fault(emulator.Fault{Method: "crm.item.batchImport", Skip: 1, Kind: emulator.DropBefore})
		b.once(imp.ID, func() { b.make(1, map[string]any{"title": "stranger", "xmlId": "A-1", "assignedById": 7}) })
		imp = b.run(imp.ID)
		if imp.Counts != (importer.Counts{Created: 1, Failed: 1}) {
			t.Fatalf("%+v, titles %v", imp.Counts, b.titles())
		}
	})
}

// TestOldValuesOfALostUpdate: the update was executed, its answer lost, and
// the portal keeps less than was sent, so that the row is sent once more.
// Taken back it gets its first value.
func TestOldValuesOfALostUpdate(t *testing.T) {
	for _, kind := range []emulator.Kind{emulator.DropAfter, emulator.DropBefore, emulator.Refuse503} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				b.portal.SetQuirks(emulator.Quirks{KeyLength: 4})
				b.portal.AddItem(spa, map[string]any{"title": "Old", "UF_CRM_7_1": "N-1", "xmlId": "old"})
				time.Sleep(time.Hour)
				imp := b.aimed("Title;Number;External code\nNew;N-1;abcdefgh\n", byKey(importer.UpdateExisting))
				b.portal.Fault(emulator.Fault{Method: "crm.item.update", Times: 2, Kind: kind})
				imp = b.run(imp.ID)
				if imp.State != importer.Done || imp.Counts.Updated != 1 {
					t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
				}
				time.Sleep(time.Hour)
				imp = b.undo(imp.ID)
				item := b.portal.Items(spa)[0].Fields
				if imp.Undo.TakenBack != 1 || item["xmlId"] != "old" || item["title"] != "Old" {
					t.Fatalf("%+v: %v %v", imp.Undo, item["title"], item["xmlId"])
				}
			})
		})
	}
}

// TestLostUpdateWithoutItsItem: the answer to an update was lost, and by now
// the row's key fits two items. That it was not written nobody may say.
func TestLostUpdateWithoutItsItem(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.portal.AddItem(spa, map[string]any{"title": "Old", "UF_CRM_7_1": "N-1"})
		imp := b.aimed("Title;Number\nNew;N-1\n", byKey(importer.UpdateExisting))
		b.portal.Fault(emulator.Fault{Method: "crm.item.update", Kind: emulator.DropAfter})
		b.once(imp.ID, func() { b.make(1, map[string]any{"title": "twin", "UF_CRM_7_1": "N-1"}) })
		imp = b.run(imp.ID)
		rows, err := b.svc.Outcomes(b.ctx(), b.actor, imp.ID, 0, 0)
		b.must(err)
		if imp.State != importer.Done || len(rows) != 1 || rows[0].State != importer.EntryFailed || rows[0].Problem.Code != "unknown_outcome" {
			t.Fatalf("%s, %+v, rows %+v", imp.State, imp.Counts, rows)
		}
	})
}
