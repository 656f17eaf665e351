package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
)

func TestWrite(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		i := newImport(t, s, "p1", importer.Running)
		f := acquire(t, s, "run:p1", "h")
		sent := time.Date(2026, 11, 23, 9, 30, 0, 123, time.UTC)
		entries := []importer.Entry{
			{Index: 0, Row: 2, State: importer.EntrySending, Key: "k\x000", Access: "1/2", Attempt: 1, SentAt: sent},
			{Index: 1, Row: 3, State: importer.EntryFailed, Problem: &importer.Problem{Code: "date", Args: map[string]string{"value": "31.02."}}},
			{Index: 2, Row: 5, State: importer.EntryPending, Key: "k2"},
			{Index: 3, Row: 6, State: importer.EntrySkipped},
			{Index: 4, Row: 7, State: importer.EntryUpdated, ItemID: 9},
			{Index: 5, Row: 8, State: importer.EntryUnchanged, ItemID: 10},
		}
		got, err := s.Write(ctx, f, i.ID, entries, func(i *importer.Import) error {
			if i.Counts.Sum() != 4 {
				t.Errorf("change sees the counts %+v", i.Counts)
			}
			i.Cursor, i.SecondsPerRow = 6, 0.25
			i.ID, i.Portal = "stolen", "p2" // stay what they are
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		i.Counts = importer.Counts{Updated: 1, Unchanged: 1, Skipped: 1, Failed: 1}
		i.Cursor, i.SecondsPerRow = 6, 0.25
		if diff := cmp.Diff(i, got); diff != "" {
			t.Errorf("returned (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(i, must(s.Import(ctx, "p1", i.ID))); diff != "" {
			t.Errorf("import (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(entries, must(s.Entries(ctx, i.ID, 0, 0))); diff != "" {
			t.Errorf("entries (-want +got)\n%s", diff)
		}

		// The answer comes: known ones are replaced, as a whole.
		entries[0] = importer.Entry{Index: 0, Row: 2, State: importer.EntryCreated, Access: "1/2", ItemID: 77, Attempt: 1, SentAt: sent}
		if got, err = s.Write(ctx, f, i.ID, entries[:1], nil); err != nil {
			t.Fatal(err)
		}
		if want := (importer.Counts{Created: 1, Updated: 1, Unchanged: 1, Skipped: 1, Failed: 1}); got.Counts != want {
			t.Errorf("counts %+v", got.Counts)
		}
		if diff := cmp.Diff(entries, must(s.Entries(ctx, i.ID, 0, 0))); diff != "" {
			t.Errorf("entries (-want +got)\n%s", diff)
		}
		for _, tt := range []struct {
			from, limit int
			states      []importer.EntryState
			want        []importer.Entry
		}{
			{2, 2, nil, entries[2:4]},
			{0, 0, []importer.EntryState{importer.EntryPending, importer.EntryFailed}, []importer.Entry{entries[1], entries[2]}},
			{2, 1, []importer.EntryState{importer.EntryFailed, importer.EntryUnchanged}, entries[5:]},
			{6, 0, nil, []importer.Entry{}},
			{0, 0, []importer.EntryState{importer.EntrySending}, []importer.Entry{}},
		} {
			if diff := cmp.Diff(tt.want, must(s.Entries(ctx, i.ID, tt.from, tt.limit, tt.states...))); diff != "" {
				t.Errorf("Entries(%d, %d, %v) (-want +got)\n%s", tt.from, tt.limit, tt.states, diff)
			}
		}
	})
}

func TestWriteRefused(t *testing.T) {
	own := errors.New("own error")
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		mine, other := newImport(t, s, "p1", importer.Running), newImport(t, s, "p2", importer.Running)
		f := acquire(t, s, "run:p1", "h")
		settled := importer.Entry{Index: 0, Row: 2, State: importer.EntryCreated, ItemID: 1}
		want, err := s.Write(ctx, f, mine.ID, []importer.Entry{settled}, nil)
		if err != nil {
			t.Fatal(err)
		}
		released := acquire(t, s, "check:"+importer.Lane(mine.ID), "h")
		if err := s.Release(ctx, released); err != nil {
			t.Fatal(err)
		}
		next := importer.Entry{Index: 1, Row: 3, State: importer.EntryFailed}
		for name, tt := range map[string]struct {
			fence   importer.Fence
			imp     string
			entries []importer.Entry
			change  func(*importer.Import) error
			want    error // nil: any
		}{
			"older epoch":      {importer.Fence{Lane: f.Lane, Epoch: 0}, mine.ID, []importer.Entry{next}, nil, importer.ErrFenced},
			"epoch to come":    {importer.Fence{Lane: f.Lane, Epoch: 2}, mine.ID, []importer.Entry{next}, nil, importer.ErrFenced},
			"lane never held":  {importer.Fence{Lane: "run:p3", Epoch: 1}, mine.ID, []importer.Entry{next}, nil, importer.ErrFenced},
			"lane released":    {released, mine.ID, []importer.Entry{next}, nil, importer.ErrFenced},
			"another portal's": {f, other.ID, []importer.Entry{next}, nil, importer.ErrNotFound},
			"no import":        {f, "nothere", []importer.Entry{next}, nil, importer.ErrNotFound},
			"outcome changed":  {f, mine.ID, []importer.Entry{next, {Index: 0, Row: 2, State: importer.EntryFailed}}, nil, store.ErrSettled},
			"outcome repeated": {f, mine.ID, []importer.Entry{next, settled}, nil, store.ErrSettled},
			"outcome reopened": {f, mine.ID, []importer.Entry{next, {Index: 0, Row: 2, State: importer.EntryPending}}, nil, store.ErrSettled},
			"given twice":      {f, mine.ID, []importer.Entry{next, next}, nil, nil},
			"negative index":   {f, mine.ID, []importer.Entry{next, {Index: -1, State: importer.EntryFailed}}, nil, nil},
			"unknown state":    {f, mine.ID, []importer.Entry{next, {Index: 2, State: "lost"}}, nil, nil},
			"change refuses": {f, mine.ID, []importer.Entry{next}, func(i *importer.Import) error {
				i.State = importer.Done
				return own
			}, own},
		} {
			_, err := s.Write(ctx, tt.fence, tt.imp, tt.entries, tt.change)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", name, err, tt.want)
			}
			if tt.want == own && err != own {
				t.Errorf("%s: own error came back as %v", name, err)
			}
			if diff := cmp.Diff(want, must(s.Import(ctx, "p1", mine.ID))); diff != "" {
				t.Errorf("%s: the import has changed (-want +got)\n%s", name, diff)
			}
			if diff := cmp.Diff([]importer.Entry{settled}, must(s.Entries(ctx, mine.ID, 0, 0))); diff != "" {
				t.Errorf("%s: the journal has changed (-want +got)\n%s", name, diff)
			}
		}
		if got := must(s.Entries(ctx, other.ID, 0, 0)); len(got) != 0 {
			t.Errorf("the other portal's journal has %v", got)
		}
	})
}

func TestWriteMany(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		i := newImport(t, s, "p1", importer.Running)
		f := acquire(t, s, "run:p1", "h")
		entries := make([]importer.Entry, 8_000) // more than any database takes parameters
		for n := range entries {
			entries[n] = importer.Entry{Index: n, Row: n + 2, State: importer.EntrySending, Key: fmt.Sprint(i.ID, ":", n)}
		}
		if _, err := s.Write(ctx, f, i.ID, entries, nil); err != nil {
			t.Fatal(err)
		}
		for n := range entries {
			entries[n].State = importer.EntryCreated
		}
		got, err := s.Write(ctx, f, i.ID, entries, nil)
		if err != nil || got.Counts.Created != len(entries) {
			t.Fatalf("counts %+v, %v", got.Counts, err)
		}
		if n := len(must(s.Entries(ctx, i.ID, 0, 0))); n != 1000 {
			t.Errorf("limit 0 lists %d", n)
		}
		late := []importer.Entry{{Index: 60_000, State: importer.EntryPending}, entries[7_999]}
		if _, err := s.Write(ctx, f, i.ID, late, nil); !errors.Is(err, store.ErrSettled) {
			t.Errorf("repeating the last one: %v", err)
		}
	})
}

func TestSeen(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		i, other := newImport(t, s, "p1", importer.Running), newImport(t, s, "p1", importer.Running)
		f := acquire(t, s, "run:p1", "h")
		for _, imp := range []string{i.ID, other.ID} {
			if _, err := s.Write(ctx, f, imp, []importer.Entry{
				{Index: 0, State: importer.EntryCreated, Access: "1/2", ItemID: 30},
				{Index: 1, State: importer.EntryCreated, Access: "1/2", ItemID: 50},
				{Index: 2, State: importer.EntryCreated, Access: "1/3", ItemID: 60},
				{Index: 3, State: importer.EntryUpdated, Access: "1/2", ItemID: 70},
				{Index: 4, State: importer.EntrySending, Access: "1/2"},
				{Index: 5, State: importer.EntryCreated, Access: "1/2", ItemID: 40},
			}, nil); err != nil {
				t.Fatal(err)
			}
		}
		var ids []int64
		for _, e := range must(s.Seen(ctx, i.ID, "1/2", 2)) {
			ids = append(ids, e.ItemID)
		}
		if diff := cmp.Diff([]int64{50, 40}, ids); diff != "" {
			t.Error(diff)
		}
		if got := must(s.Seen(ctx, i.ID, "2/2", 5)); len(got) != 0 {
			t.Errorf("never used access: %v", got)
		}
	})
}

func TestLookups(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		i, other := newImport(t, s, "p1", importer.Checking), newImport(t, s, "p1", importer.Checking)
		var found []importer.Lookup
		keys := []string{"user", "1"}
		want := map[string][]string{"user": {}, "1": {"7"}}
		for n := range 1200 {
			key := fmt.Sprintf("Имя %d\x00", n)
			found = append(found, importer.Lookup{Kind: "user", Key: key, IDs: []string{fmt.Sprint(n), "x"}})
			keys, want[key] = append(keys, key), []string{fmt.Sprint(n), "x"}
		}
		found = append(found,
			importer.Lookup{Kind: "user", Key: "user"},
			importer.Lookup{Kind: "user", Key: "1", IDs: []string{"6"}},
			importer.Lookup{Kind: "use", Key: "ruser", IDs: []string{"no"}}, // kind and key do not run together
			importer.Lookup{Kind: "user", Key: "1", IDs: []string{"7"}},
		)
		for range 2 { // once more replaces
			if err := s.SaveLookups(ctx, i.ID, found); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, must(s.Lookups(ctx, i.ID, "user", append(keys, "never looked for", "1")))); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if got := must(s.Lookups(ctx, other.ID, "user", keys)); len(got) != 0 {
			t.Errorf("another import knows %v", got)
		}
		if got := must(s.Lookups(ctx, i.ID, "user", nil)); len(got) != 0 {
			t.Errorf("no keys find %v", got)
		}
		if err := s.SaveLookups(ctx, "nothere", found); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("SaveLookups: %v", err)
		}
		if _, err := s.Lookups(ctx, "nothere", "user", keys); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("Lookups: %v", err)
		}
	})
}
