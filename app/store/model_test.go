package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/vault"
)

// model is what the journal promises, in memory: one portal, its lane and two
// imports.
type model struct {
	epoch   int64
	held    bool
	until   time.Time
	imports map[string]*modelImport
}

type modelImport struct {
	is      importer.Import
	entries map[int]importer.Entry
	lookups map[string][]string
}

func settledState(s importer.EntryState) bool {
	return s != importer.EntryPending && s != importer.EntryAside && s != importer.EntrySending
}

// write is Write, by the book.
func (m *model) write(f importer.Fence, imp string, entries []importer.Entry, refuse error, cursor int) error {
	if f.Epoch != m.epoch || !m.held {
		return importer.ErrFenced
	}
	i := m.imports[imp]
	for _, e := range entries {
		if old, ok := i.entries[e.Index]; ok && settledState(old.State) {
			return store.ErrSettled
		}
	}
	if refuse != nil {
		return refuse
	}
	for _, e := range entries {
		i.entries[e.Index] = e
		for state, n := range map[importer.EntryState]*int{
			importer.EntryCreated: &i.is.Counts.Created, importer.EntryUpdated: &i.is.Counts.Updated,
			importer.EntryUnchanged: &i.is.Counts.Unchanged, importer.EntrySkipped: &i.is.Counts.Skipped,
			importer.EntryFailed: &i.is.Counts.Failed,
		} {
			if e.State == state {
				*n++
			}
		}
	}
	i.is.Cursor = cursor
	return nil
}

func takenBack(u importer.UndoState) bool {
	return u != importer.NotUndone && u != importer.UndoSent
}

// undo is WriteUndo, by the book.
func (m *model) undo(f importer.Fence, imp string, entries []importer.Entry, refuse error) error {
	if f.Epoch != m.epoch || !m.held {
		return importer.ErrFenced
	}
	i := m.imports[imp]
	for _, e := range entries {
		old := i.entries[e.Index]
		if old.State != importer.EntryCreated && old.State != importer.EntryUpdated {
			return store.ErrNotWritten
		}
		if takenBack(old.Undo) {
			return store.ErrSettled
		}
	}
	if refuse != nil {
		return refuse
	}
	for _, e := range entries {
		changed := i.entries[e.Index]
		changed.Undo, changed.UndoProblem = e.Undo, e.UndoProblem
		if !e.Written.IsZero() {
			changed.Written = e.Written
		}
		i.entries[e.Index] = changed
		switch e.Undo {
		case importer.TakenBack:
			i.is.Undo.TakenBack++
		case importer.Kept:
			i.is.Undo.Kept++
		case importer.Impossible:
			i.is.Undo.Impossible++
		}
	}
	return nil
}

func (m *model) undoEntries(imp string, from, limit int, states []importer.UndoState) []importer.Entry {
	all := m.entries(imp, from, 1000, []importer.EntryState{importer.EntryCreated, importer.EntryUpdated})
	all = slices.DeleteFunc(all, func(e importer.Entry) bool { return len(states) > 0 && !slices.Contains(states, e.Undo) })
	return all[:min(limit, len(all))]
}

func (m *model) entries(imp string, from, limit int, states []importer.EntryState) []importer.Entry {
	var out []importer.Entry
	for index, e := range m.imports[imp].entries {
		if index >= from && (len(states) == 0 || slices.Contains(states, e.State)) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b importer.Entry) int { return a.Index - b.Index })
	return out[:min(limit, len(out))]
}

var entryStates = []importer.EntryState{
	importer.EntryPending, importer.EntryAside, importer.EntrySending, importer.EntryCreated, importer.EntryUpdated,
	importer.EntryUnchanged, importer.EntrySkipped, importer.EntryFailed,
}

var undoStates = []importer.UndoState{
	importer.NotUndone, importer.UndoSent, importer.TakenBack, importer.Kept, importer.Impossible,
}

// drawUndo draws an entry to be taken back: one of those the import has, in
// most cases, and with whatever in the fields that WriteUndo leaves alone.
func drawUndo(t *rapid.T, label string, i *modelImport) importer.Entry {
	e := drawEntry(t, label)
	var written []int
	for index, have := range i.entries {
		if have.State == importer.EntryCreated || have.State == importer.EntryUpdated {
			written = append(written, index)
		}
	}
	slices.Sort(written)
	if len(written) > 0 && rapid.IntRange(0, 9).Draw(t, label+" written") > 0 {
		e.Index = rapid.SampledFrom(written).Draw(t, label+" written index")
	}
	e.Undo, e.UndoProblem = rapid.SampledFrom(undoStates).Draw(t, label+" undo"), e.Problem
	return e
}

func drawEntry(t *rapid.T, label string) importer.Entry {
	e := importer.Entry{
		Index: rapid.IntRange(0, 7).Draw(t, label+" index"),
		Row:   rapid.IntRange(0, 99).Draw(t, label+" row"),
		State: rapid.SampledFrom(entryStates).Draw(t, label+" state"),
		Key:   rapid.String().Draw(t, label+" key"), Access: rapid.SampledFrom([]string{"", "1/2", "3/4"}).Draw(t, label+" access"),
		Attempt: rapid.IntRange(0, 3).Draw(t, label+" attempt"), ItemID: rapid.Int64().Draw(t, label+" item"),
	}
	if rapid.Bool().Draw(t, label+" sent") {
		e.SentAt = time.Unix(rapid.Int64Range(1, 9e9).Draw(t, label+" sent at"), 1).UTC()
	}
	if rapid.Bool().Draw(t, label+" written at") {
		e.Written = time.Unix(rapid.Int64Range(1, 9e9).Draw(t, label+" written"), 2).UTC()
	}
	if rapid.Bool().Draw(t, label+" has before") {
		value := must(json.Marshal(rapid.String().Draw(t, label+" before")))
		e.Before = map[string]json.RawMessage{rapid.SampledFrom([]string{"title", "ufCrm_1"}).Draw(t, label+" field"): value}
	}
	if e.State == importer.EntryFailed {
		e.Problem = &importer.Problem{Code: "c", Args: map[string]string{"v": rapid.String().Draw(t, label+" problem")}}
	}
	return e
}

// Random operations of two processes do to the database what they do to the
// model.
func TestJournalFollowsModel(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		c := newClock()
		stores := []*store.Store{d.open(t, store.WithClock(c.Now)), d.open(t, store.WithClock(c.Now))}
		rapid.Check(t, func(rt *rapid.T) { followModel(t, rt, c, stores) })
	})
}

func followModel(t *testing.T, rt *rapid.T, c *clock, stores []*store.Store) {
	ctx, own := t.Context(), errors.New("own error")
	tenant := vault.NewID()
	lane := importer.Lane("run:" + tenant)
	m := &model{imports: make(map[string]*modelImport)}
	var ids []string
	for range 2 {
		i := newImport(t, stores[0], tenant, importer.Running)
		ids = append(ids, i.ID)
		m.imports[i.ID] = &modelImport{is: i, entries: make(map[int]importer.Entry), lookups: make(map[string][]string)}
	}
	// The lane is held and some rows are written: from nothing, a random walk
	// would seldom come far.
	must(stores[0].Acquire(ctx, lane, "h", time.Minute))
	m.epoch, m.held, m.until = 1, true, c.Now().Add(time.Minute)
	for _, id := range ids {
		first := []importer.Entry{
			{Index: 0, State: importer.EntryCreated, ItemID: 1},
			{Index: 1, State: importer.EntryUpdated, ItemID: 2, Before: map[string]json.RawMessage{"title": json.RawMessage(`"old"`)}},
			{Index: 2, State: importer.EntrySending, Key: "k"},
		}
		must(stores[0].Write(ctx, importer.Fence{Lane: lane, Epoch: 1}, id, first, nil))
		if err := m.write(importer.Fence{Epoch: 1}, id, first, nil, 0); err != nil {
			rt.Fatal(err)
		}
	}
	same := func(what string, want, got any) {
		rt.Helper()
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("%s (-model +store)\n%s", what, diff)
		}
	}
	failed := func(what string, want, got error) {
		rt.Helper()
		if (want == nil) != (got == nil) || want != nil && !errors.Is(got, want) {
			rt.Fatalf("%s: store says %v, model %v", what, got, want)
		}
	}
	some := func() *store.Store { return rapid.SampledFrom(stores).Draw(rt, "process") }
	imp := func() string { return ids[rapid.IntRange(0, 1).Draw(rt, "import")] }
	fence := func() importer.Fence {
		return importer.Fence{Lane: lane, Epoch: max(0, m.epoch-rapid.SampledFrom([]int64{0, 0, 0, 0, 1, -1}).Draw(rt, "epochs ago"))}
	}
	takeBack := func(*rapid.T) {
		f, id := fence(), imp()
		var entries []importer.Entry
		seen := make(map[int]bool)
		for n := range rapid.IntRange(0, 3).Draw(rt, "entries") {
			if e := drawUndo(rt, fmt.Sprint("entry ", n), m.imports[id]); !seen[e.Index] {
				seen[e.Index] = true
				entries = append(entries, e)
			}
		}
		var refuse error
		if rapid.IntRange(0, 9).Draw(rt, "refuses") == 0 {
			refuse = own
		}
		got, err := some().WriteUndo(ctx, f, id, entries, func(*importer.Import) error { return refuse })
		failed("WriteUndo", m.undo(f, id, entries, refuse), err)
		if err == nil {
			same("import taken back", m.imports[id].is, got)
		}
	}
	rt.Repeat(map[string]func(*rapid.T){
		"acquire": func(*rapid.T) {
			f, err := some().Acquire(ctx, lane, "h", time.Minute)
			if m.held && m.until.After(c.Now()) {
				failed("Acquire", importer.ErrHeld, err)
				return
			}
			failed("Acquire", nil, err)
			m.epoch, m.held, m.until = m.epoch+1, true, c.Now().Add(time.Minute)
			same("fence", importer.Fence{Lane: lane, Epoch: m.epoch}, f)
		},
		"time passes": func(*rapid.T) { c.Advance(25 * time.Second) },
		"renew": func(*rapid.T) {
			f := fence()
			err := some().Renew(ctx, f, time.Minute)
			if f.Epoch != m.epoch || !m.held {
				failed("Renew", importer.ErrFenced, err)
				return
			}
			failed("Renew", nil, err)
			m.until = c.Now().Add(time.Minute)
		},
		"release": func(*rapid.T) {
			f := fence()
			err := some().Release(ctx, f)
			if f.Epoch != m.epoch || !m.held {
				failed("Release", importer.ErrFenced, err)
				return
			}
			failed("Release", nil, err)
			m.held = false
		},
		"write": func(*rapid.T) {
			var entries []importer.Entry
			seen := make(map[int]bool)
			for n := range rapid.IntRange(0, 3).Draw(rt, "entries") {
				if e := drawEntry(rt, fmt.Sprint("entry ", n)); !seen[e.Index] {
					seen[e.Index] = true
					entries = append(entries, e)
				}
			}
			var refuse error
			if rapid.IntRange(0, 9).Draw(rt, "refuses") == 0 {
				refuse = own
			}
			f, id, cursor := fence(), imp(), rapid.IntRange(0, 99).Draw(rt, "cursor")
			got, err := some().Write(ctx, f, id, entries, func(i *importer.Import) error {
				i.Cursor = cursor
				return refuse
			})
			failed("Write", m.write(f, id, entries, refuse, cursor), err)
			if err == nil {
				same("written import", m.imports[id].is, got)
			}
		},
		"take back":      takeBack,
		"take back more": takeBack, // it needs entries that were written: often, then
		"undo entries": func(*rapid.T) {
			id, from, limit := imp(), rapid.IntRange(0, 12).Draw(rt, "from"), rapid.IntRange(1, 5).Draw(rt, "limit")
			states := rapid.SliceOfN(rapid.SampledFrom(undoStates), 0, 3).Draw(rt, "undo states")
			got, err := some().UndoEntries(ctx, id, from, limit, states...)
			failed("UndoEntries", nil, err)
			same("undo entries", m.undoEntries(id, from, limit, states), got)
		},
		"entries": func(*rapid.T) {
			id, from, limit := imp(), rapid.IntRange(0, 12).Draw(rt, "from"), rapid.IntRange(1, 5).Draw(rt, "limit")
			states := rapid.SliceOfN(rapid.SampledFrom(entryStates), 0, 3).Draw(rt, "states")
			got, err := some().Entries(ctx, id, from, limit, states...)
			failed("Entries", nil, err)
			same("entries", m.entries(id, from, limit, states), got)
		},
		"save look-up": func(*rapid.T) {
			id := imp()
			l := importer.Lookup{
				Kind: rapid.SampledFrom([]string{"a", "ab"}).Draw(rt, "kind"), Key: rapid.SampledFrom([]string{"", "b", "c"}).Draw(rt, "key"),
				IDs: rapid.SliceOfN(rapid.String(), 0, 2).Draw(rt, "ids"),
			}
			failed("SaveLookups", nil, some().SaveLookups(ctx, id, []importer.Lookup{l}))
			m.imports[id].lookups[l.Kind+":"+l.Key] = l.IDs
		},
		"look-ups": func(*rapid.T) {
			id, kind := imp(), rapid.SampledFrom([]string{"a", "ab"}).Draw(rt, "kind")
			got, err := some().Lookups(ctx, id, kind, []string{"", "b", "c", "d"})
			failed("Lookups", nil, err)
			want := make(map[string][]string)
			for _, key := range []string{"", "b", "c"} {
				if found, ok := m.imports[id].lookups[kind+":"+key]; ok {
					want[key] = found
				}
			}
			same("look-ups", want, got)
		},
		"": func(*rapid.T) {
			for _, id := range ids {
				got, err := stores[1].Import(ctx, tenant, id)
				failed("Import", nil, err)
				same("import", m.imports[id].is, got)
				var settled, undone int
				for _, e := range must(stores[1].Entries(ctx, id, 0, 0)) {
					if settledState(e.State) {
						settled++
					}
					if takenBack(e.Undo) {
						undone++
					}
				}
				if got.Counts.Sum() != settled || got.Undo.TakenBack+got.Undo.Kept+got.Undo.Impossible != undone {
					rt.Fatalf("%d rows are settled, %d taken back; counted %+v, %+v", settled, undone, got.Counts, got.Undo)
				}
				same("journal", m.entries(id, 0, 1000, nil), must(stores[1].Entries(ctx, id, 0, 0)))
			}
			epoch, err := stores[0].Epoch(ctx, lane)
			failed("Epoch", nil, err)
			same("epoch", m.epoch, epoch)
			due, err := stores[0].DueLanes(ctx, c.Now())
			failed("DueLanes", nil, err)
			if free := !m.held || !m.until.After(c.Now()); slices.Contains(due, lane) != free {
				rt.Fatalf("lane is due: %v, free: %v", !free, free)
			}
		},
	})
}
