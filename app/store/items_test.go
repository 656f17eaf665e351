package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/importer"
)

// The rows of an item are found by its id, those of the portal alone, the
// last ones first, and without what is sealed.
func TestItemEntries(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		at := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
		write := func(portal string, entries ...importer.Entry) string {
			t.Helper()
			i := newImport(t, s, portal, importer.Running)
			f := acquire(t, s, "run:"+importer.Lane(portal), "h")
			_, err := s.Write(ctx, f, i.ID, entries, nil)
			check(t, err)
			check(t, s.Release(ctx, f))
			return i.ID
		}
		first := write("p1",
			importer.Entry{Index: 0, Row: 2, State: importer.EntryCreated, ItemID: 7, SentAt: at, Key: "secret"},
			importer.Entry{Index: 1, Row: 3, State: importer.EntryCreated, ItemID: 8, SentAt: at},
			importer.Entry{Index: 2, Row: 4, State: importer.EntryUnchanged, ItemID: 7, SentAt: at},
			importer.Entry{Index: 3, Row: 5, State: importer.EntrySending, SentAt: at})
		second := write("p1",
			importer.Entry{Index: 4, Row: 6, State: importer.EntryUpdated, ItemID: 7, SentAt: at.Add(time.Hour)},
			importer.Entry{Index: 5, Row: 7, State: importer.EntryUpdated, ItemID: 7, SentAt: at.Add(time.Hour)})
		write("p2", importer.Entry{Index: 0, Row: 9, State: importer.EntryCreated, ItemID: 7, SentAt: at.Add(2 * time.Hour)})

		want := []importer.ItemEntry{
			{Import: second, Entry: importer.Entry{Index: 5, Row: 7, State: importer.EntryUpdated, ItemID: 7, SentAt: at.Add(time.Hour)}},
			{Import: second, Entry: importer.Entry{Index: 4, Row: 6, State: importer.EntryUpdated, ItemID: 7, SentAt: at.Add(time.Hour)}},
			{Import: first, Entry: importer.Entry{Index: 0, Row: 2, State: importer.EntryCreated, ItemID: 7, SentAt: at}},
		}
		for limit, want := range map[int][]importer.ItemEntry{100: want, 2: want[:2]} {
			if diff := cmp.Diff(want, must(s.ItemEntries(ctx, "p1", 7, limit))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		}
		for _, nobody := range []struct {
			portal string
			item   int64
		}{{"p1", 0}, {"p1", 9}, {"p3", 7}} {
			if got := must(s.ItemEntries(ctx, nobody.portal, nobody.item, 10)); len(got) != 0 {
				t.Errorf("%v has %v", nobody, got)
			}
		}
	})
}
