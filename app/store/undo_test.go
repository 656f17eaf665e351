package store_test

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
)

// written journals a row of every state and returns them.
func written(t *testing.T, s *store.Store, f importer.Fence, imp string) []importer.Entry {
	t.Helper()
	entries := []importer.Entry{
		{Index: 0, Row: 2, State: importer.EntryCreated, Key: "k", Access: "1/2", ItemID: 10, Written: time.Unix(5, 6).UTC()},
		{Index: 1, Row: 3, State: importer.EntryUpdated, ItemID: 11, Before: map[string]json.RawMessage{
			"title": json.RawMessage(`"<b>\u0418\/</b>"`), "opportunity": json.RawMessage(`1.10`), "empty": json.RawMessage(`null`),
		}},
		{Index: 2, Row: 4, State: importer.EntryFailed, Problem: &importer.Problem{Code: "c"}},
		{Index: 3, Row: 5, State: importer.EntryCreated, ItemID: 12, Before: map[string]json.RawMessage{}},
		{Index: 4, Row: 6, State: importer.EntryUnchanged, ItemID: 13},
		{Index: 5, Row: 7, State: importer.EntrySkipped},
		{Index: 6, Row: 8, State: importer.EntrySending},
		{Index: 7, Row: 9, State: importer.EntryPending},
		{Index: 8, Row: 10, State: importer.EntryUpdated, ItemID: 14},
	}
	if _, err := s.Write(t.Context(), f, imp, entries, nil); err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestWriteUndo(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		i := newImport(t, s, "p1", importer.Running)
		f := acquire(t, s, "run:p1", "h")
		entries := written(t, s, f, i.ID)
		want := must(s.Import(ctx, "p1", i.ID))
		same := func(what string) {
			t.Helper()
			if diff := cmp.Diff(entries, must(s.Entries(ctx, i.ID, 0, 0))); diff != "" {
				t.Errorf("%s: journal (-want +got)\n%s", what, diff)
			}
			if diff := cmp.Diff(want, must(s.Import(ctx, "p1", i.ID))); diff != "" {
				t.Errorf("%s: import (-want +got)\n%s", what, diff)
			}
		}
		same("before-images as the portal gave them")

		// Sent, with nothing but what is to be written in the entries.
		changed, err := s.WriteUndo(ctx, f, i.ID, []importer.Entry{
			{Index: 0, Undo: importer.UndoSent},
			{Index: 1, Undo: importer.UndoSent, Written: time.Unix(7, 8)},
			{Index: 3, Undo: importer.UndoSent},
		}, func(i *importer.Import) error {
			i.Undoing, i.Cursor = true, 4
			i.ID, i.Portal = "stolen", "p2" // stay what they are
			return nil
		})
		check(t, err)
		entries[0].Undo, entries[1].Undo, entries[3].Undo = importer.UndoSent, importer.UndoSent, importer.UndoSent
		entries[1].Written = time.Unix(7, 8).UTC()
		want.Undoing, want.Cursor = true, 4
		if diff := cmp.Diff(want, changed); diff != "" {
			t.Errorf("returned (-want +got)\n%s", diff)
		}
		same("sent")

		// The answer comes; one was not executed and is to be sent again.
		problem := &importer.Problem{Code: "denied", Args: map[string]string{"message": "a\x00b"}}
		got := must(s.UndoEntries(ctx, i.ID, 0, 0, importer.UndoSent))
		if diff := cmp.Diff([]importer.Entry{entries[0], entries[1], entries[3]}, got); diff != "" {
			t.Errorf("what was sent (-want +got)\n%s", diff)
		}
		got[0].Undo, got[1].Undo, got[1].UndoProblem, got[2].Undo = importer.TakenBack, importer.Impossible, problem, importer.NotUndone
		got[0].State, got[0].Before, got[0].Key, got[0].ItemID = importer.EntryFailed, map[string]json.RawMessage{}, "other", 99 // stay
		_, err = s.WriteUndo(ctx, f, i.ID, got, func(i *importer.Import) error {
			if i.Undo != (importer.UndoCounts{TakenBack: 1, Impossible: 1}) {
				t.Errorf("change sees the counts %+v", i.Undo)
			}
			return nil
		})
		check(t, err)
		entries[0].Undo, entries[1].Undo, entries[1].UndoProblem, entries[3].Undo = importer.TakenBack, importer.Impossible, problem, importer.NotUndone
		want.Undo = importer.UndoCounts{TakenBack: 1, Impossible: 1}
		same("answered")

		if _, err := s.WriteUndo(ctx, f, i.ID, []importer.Entry{{Index: 8, Undo: importer.Kept}}, nil); err != nil {
			t.Fatal(err)
		}
		entries[8].Undo, want.Undo.Kept = importer.Kept, 1
		same("kept")
		for _, tt := range []struct {
			from, limit int
			states      []importer.UndoState
			want        []importer.Entry
		}{
			{0, 0, nil, []importer.Entry{entries[0], entries[1], entries[3], entries[8]}},
			{1, 2, nil, []importer.Entry{entries[1], entries[3]}},
			{0, 0, []importer.UndoState{importer.NotUndone}, []importer.Entry{entries[3]}},
			{0, 2, []importer.UndoState{importer.Kept, importer.NotUndone}, []importer.Entry{entries[3], entries[8]}},
			{1, 1, []importer.UndoState{importer.Kept, importer.Impossible, importer.TakenBack}, []importer.Entry{entries[1]}},
			{0, 0, []importer.UndoState{importer.UndoSent}, []importer.Entry{}},
			{9, 0, nil, []importer.Entry{}},
		} {
			if diff := cmp.Diff(tt.want, must(s.UndoEntries(ctx, i.ID, tt.from, tt.limit, tt.states...))); diff != "" {
				t.Errorf("UndoEntries(%d, %d, %q) (-want +got)\n%s", tt.from, tt.limit, tt.states, diff)
			}
		}
	})
}

func TestWriteUndoRefused(t *testing.T) {
	own := errors.New("own error")
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		mine, other := newImport(t, s, "p1", importer.Running), newImport(t, s, "p2", importer.Running)
		f := acquire(t, s, "run:p1", "h")
		written(t, s, f, mine.ID)
		done := importer.Entry{Index: 0, Undo: importer.TakenBack}
		want, err := s.WriteUndo(ctx, f, mine.ID, []importer.Entry{done}, nil)
		check(t, err)
		journal := must(s.Entries(ctx, mine.ID, 0, 0))
		released := acquire(t, s, "check:"+importer.Lane(mine.ID), "h")
		check(t, s.Release(ctx, released))

		next := importer.Entry{Index: 1, Undo: importer.Kept}
		for name, tt := range map[string]struct {
			fence   importer.Fence
			imp     string
			entries []importer.Entry
			want    error // nil: any
		}{
			"older epoch":        {importer.Fence{Lane: f.Lane, Epoch: 0}, mine.ID, []importer.Entry{next}, importer.ErrFenced},
			"epoch to come":      {importer.Fence{Lane: f.Lane, Epoch: 2}, mine.ID, []importer.Entry{next}, importer.ErrFenced},
			"lane never held":    {importer.Fence{Lane: "run:p3", Epoch: 1}, mine.ID, []importer.Entry{next}, importer.ErrFenced},
			"lane released":      {released, mine.ID, []importer.Entry{next}, importer.ErrFenced},
			"another portal's":   {f, other.ID, []importer.Entry{next}, importer.ErrNotFound},
			"no import":          {f, "nothere", []importer.Entry{next}, importer.ErrNotFound},
			"result changed":     {f, mine.ID, []importer.Entry{next, {Index: 0, Undo: importer.Kept}}, store.ErrSettled},
			"result repeated":    {f, mine.ID, []importer.Entry{next, done}, store.ErrSettled},
			"result reopened":    {f, mine.ID, []importer.Entry{next, {Index: 0, Undo: importer.UndoSent}}, store.ErrSettled},
			"result forgotten":   {f, mine.ID, []importer.Entry{next, {Index: 0}}, store.ErrSettled},
			"failed row":         {f, mine.ID, []importer.Entry{next, {Index: 2, Undo: importer.TakenBack}}, store.ErrNotWritten},
			"unchanged row":      {f, mine.ID, []importer.Entry{next, {Index: 4, Undo: importer.TakenBack}}, store.ErrNotWritten},
			"skipped row":        {f, mine.ID, []importer.Entry{next, {Index: 5, Undo: importer.TakenBack}}, store.ErrNotWritten},
			"row under way":      {f, mine.ID, []importer.Entry{next, {Index: 6, Undo: importer.TakenBack}}, store.ErrNotWritten},
			"row not sent":       {f, mine.ID, []importer.Entry{next, {Index: 7, Undo: importer.TakenBack}}, store.ErrNotWritten},
			"row never reached":  {f, mine.ID, []importer.Entry{next, {Index: 50, Undo: importer.TakenBack}}, store.ErrNotWritten},
			"given twice":        {f, mine.ID, []importer.Entry{next, next}, nil},
			"unknown undo state": {f, mine.ID, []importer.Entry{{Index: 3, Undo: "lost"}}, nil},
			"change refuses":     {f, mine.ID, []importer.Entry{next}, own},
		} {
			var change func(*importer.Import) error
			if tt.want == own {
				change = func(i *importer.Import) error {
					i.State = importer.Undone
					return own
				}
			}
			_, err := s.WriteUndo(ctx, tt.fence, tt.imp, tt.entries, change)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", name, err, tt.want)
			}
			if tt.want == own && err != own {
				t.Errorf("%s: own error came back as %v", name, err)
			}
			if diff := cmp.Diff(want, must(s.Import(ctx, "p1", mine.ID))); diff != "" {
				t.Errorf("%s: the import has changed (-want +got)\n%s", name, diff)
			}
			if diff := cmp.Diff(journal, must(s.Entries(ctx, mine.ID, 0, 0))); diff != "" {
				t.Errorf("%s: the journal has changed (-want +got)\n%s", name, diff)
			}
		}
		for _, e := range []importer.Entry{
			{Index: 9, State: importer.EntryCreated, Undo: importer.UndoSent},
			{Index: 9, State: importer.EntryCreated, UndoProblem: &importer.Problem{}},
		} {
			if _, err := s.Write(ctx, f, mine.ID, []importer.Entry{e}, nil); err == nil {
				t.Errorf("Write has taken %+v", e)
			}
		}
		if _, err := s.WriteUndo(ctx, f, mine.ID, nil, func(i *importer.Import) error {
			i.State, i.Undoing = importer.Undone, false
			return nil
		}); err != nil || must(s.Import(ctx, "p1", mine.ID)).State != importer.Undone {
			t.Errorf("a write without entries: %v", err)
		}
	})
}

func TestWriteUndoMany(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		i := newImport(t, s, "p1", importer.Running)
		f := acquire(t, s, "run:p1", "h")
		entries := make([]importer.Entry, 1_201) // several statements
		for n := range entries {
			entries[n] = importer.Entry{Index: n, Row: n + 2, State: importer.EntryUpdated, Before: map[string]json.RawMessage{"f": json.RawMessage(`[1]`)}}
		}
		check(t, second(s.Write(ctx, f, i.ID, entries, nil)))
		for n := range entries {
			entries[n].Undo = importer.TakenBack
		}
		got, err := s.WriteUndo(ctx, f, i.ID, entries[:1_200], nil)
		if err != nil || got.Undo.TakenBack != 1_200 {
			t.Fatalf("counts %+v, %v", got.Undo, err)
		}
		// The one that was settled is in the last statement: all of it fails.
		if _, err := s.WriteUndo(ctx, f, i.ID, append(entries[1_200:], entries[:1_200]...), nil); !errors.Is(err, store.ErrSettled) {
			t.Errorf("repeating: %v", err)
		}
		left := must(s.UndoEntries(ctx, i.ID, 0, 0, importer.NotUndone))
		if len(left) != 1 || left[0].Index != 1_200 || string(left[0].Before["f"]) != "[1]" {
			t.Errorf("left: %+v", left)
		}
		if back := must(s.UndoEntries(ctx, i.ID, 0, 5_000, importer.TakenBack)); len(back) != 1_200 || string(back[9].Before["f"]) != "[1]" {
			t.Errorf("%d were taken back, such as %+v", len(back), back[9])
		}
	})
}

// Eight writers of two processes take the same rows back: each is counted once.
func TestWriteUndoAtOnce(t *testing.T) {
	const rows, size = 120, 6
	each(t, func(t *testing.T, d database) {
		one, two, ctx := d.open(t), d.open(t), t.Context()
		i := newImport(t, one, "p1", importer.Running)
		f := acquire(t, one, "run:p1", "h")
		entries := make([]importer.Entry, rows)
		for n := range entries {
			entries[n] = importer.Entry{Index: n, State: importer.EntryCreated}
		}
		check(t, second(one.Write(ctx, f, i.ID, entries, nil)))
		results := []importer.UndoState{importer.TakenBack, importer.Kept, importer.Impossible}
		var wg sync.WaitGroup
		for n := range 8 {
			s := []*store.Store{one, two}[n%2]
			wg.Go(func() {
				for from := 0; from < rows; from += size {
					part := make([]importer.Entry, size)
					for x := range part {
						part[x] = importer.Entry{Index: from + x, Undo: results[n%3]}
					}
					if _, err := s.WriteUndo(ctx, f, i.ID, part, nil); err != nil && !errors.Is(err, store.ErrSettled) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var want importer.UndoCounts
		for _, e := range must(one.UndoEntries(ctx, i.ID, 0, 0)) {
			switch e.Undo {
			case importer.TakenBack:
				want.TakenBack++
			case importer.Kept:
				want.Kept++
			case importer.Impossible:
				want.Impossible++
			}
		}
		got := must(one.Import(ctx, "p1", i.ID)).Undo
		if got != want || got.TakenBack+got.Kept+got.Impossible != rows {
			t.Errorf("counted %+v, the rows say %+v", got, want)
		}
	})
}
