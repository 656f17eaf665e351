package importer_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// TestUndoOfWhatWasEditedAtOnce: somebody finds an item while the request that
// makes it is still under way. No time tells his change from ours, his name
// does.
func TestUndoOfWhatWasEditedAtOnce(t *testing.T) {
	for name, file := range map[string]struct {
		content string
		fields  []string
	}{
		"history": {"Title;Created\none;13.05.1999\ntwo;14.05.1999\nthree;15.05.1999\n", []string{"title", "createdTime"}},
		"history of others": {
			"Title;Created;By\none;13.05.1999;7\ntwo;14.05.1999;7\nthree;15.05.1999;7\n", []string{"title", "createdTime", "createdBy"},
		},
		"new": {"Title\none\ntwo\nthree\n", []string{"title"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, rich(), func(t *testing.T, b *bench) {
				b.portal.SetCost("crm.item.batchImport", time.Second)
				imp := b.mappedWith(file.content, file.fields, nil)
				var edited sync.WaitGroup
				edited.Go(func() {
					for len(b.portal.Items(spa)) < 2 {
						time.Sleep(100 * time.Millisecond)
					}
					_, err := b.client.Webhook(b.hook(8)).Call(b.ctx(), "crm.item.update", map[string]any{
						"entityTypeId": spa, "id": b.portal.Items(spa)[1].ID, "fields": map[string]any{"title": "edited"},
					})
					b.must(err)
				})
				imp = b.run(imp.ID)
				edited.Wait()
				if imp.Counts != (importer.Counts{Created: 3}) || fmt.Sprint(b.titles()) != "[one edited three]" {
					t.Fatalf("%s %+v %+v, items %v", imp.State, imp.Counts, imp.Reason, b.titles())
				}
				time.Sleep(time.Hour)
				imp = b.undo(imp.ID)
				if got := fmt.Sprint(b.titles()); imp.Undo != (importer.UndoCounts{TakenBack: 2, Kept: 1}) || got != "[edited]" {
					t.Fatalf("%+v, items %s", imp.Undo, got)
				}
			})
		})
	}
}

// TestUndoOfHistory: items whose times are those of the file, on a portal
// whose clock goes otherwise than ours: what nobody has edited is taken back,
// and what somebody has edited a moment after the import is kept.
func TestUndoOfHistory(t *testing.T) {
	files := map[string]struct {
		content   string
		fields    []string
		constants map[string]string
	}{
		"created": {"Title;Created\none;13.05.1999\ntwo;14.05.1999\nthree;15.05.1999\n", []string{"title", "createdTime"}, nil},
		"created and updated": {
			"Title;Created;Updated\none;13.05.1999;14.05.1999 10:00\ntwo;14.05.1999;\nthree;15.05.1999;16.05.1999 23:30\n",
			[]string{"title", "createdTime", "updatedTime"}, nil,
		},
		"a constant": {"Title\none\ntwo\nthree\n", []string{"title"}, map[string]string{"createdTime": "13.05.1999"}},
		"none":       {"Title\none\ntwo\nthree\n", []string{"title"}, nil},
	}
	for name, file := range files {
		for _, skew := range []time.Duration{0, 3 * time.Hour, -3 * time.Hour} {
			for _, kind := range []emulator.Kind{emulator.DropAfter, emulator.DropBefore, emulator.Refuse503} {
				t.Run(fmt.Sprint(name, skew, kind), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						b := benchOf(t, rich(), emulator.Options{Now: func() time.Time { return time.Now().Add(skew) }})
						defer b.store.Close()
						time.Sleep(24 * time.Hour)
						b.login(1)
						imp := b.mappedWith(file.content, file.fields, file.constants)
						b.portal.SetCost("crm.item.batchImport", time.Second)
						b.portal.Fault(emulator.Fault{Method: "crm.item.batchImport", Skip: 1, Kind: kind})
						if imp = b.run(imp.ID); imp.Counts != (importer.Counts{Created: 3}) {
							t.Fatalf("%s %+v %+v", imp.State, imp.Counts, imp.Reason)
						}
						time.Sleep(10 * time.Second)
						b.edit(b.portal.Items(spa)[1].ID, map[string]any{"title": "edited"})
						time.Sleep(time.Hour)
						imp = b.undo(imp.ID)
						if got := fmt.Sprint(b.titles()); imp.Undo != (importer.UndoCounts{TakenBack: 2, Kept: 1}) || got != "[edited]" {
							t.Fatalf("%+v, items %s", imp.Undo, got)
						}
					})
				})
			}
		}
	}
}
