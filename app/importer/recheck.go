package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spa-importer/spa-importer/app/sheet"
)

// recheck settles rows whose request may have been executed: after its
// answer was lost, or after this process took over from a dead one. It
// first waits until no request of theirs can still be running.
func (r *run) recheck(ctx context.Context) error {
	for {
		doubtful, err := r.s.journal.Entries(ctx, r.imp.ID, 0, maxDoubtful, EntrySending)
		if err != nil {
			return fmt.Errorf("listing rows in doubt: %w", err)
		}
		if len(doubtful) == 0 {
			return nil
		}
		var settled time.Time
		for _, e := range doubtful {
			if t := e.SentAt.Add(r.s.settle); t.After(settled) {
				settled = t
			}
		}
		if settled.After(r.s.now()) {
			return &waitError{reason: problem("rechecking", "rows", rowsArg(len(doubtful))), until: settled}
		}
		if err := r.settleDoubts(ctx, doubtful); err != nil {
			return err
		}
	}
}

// maxDoubtful is how many rows are looked up at a time.
const maxDoubtful = 1000

// settleDoubts looks rows up: those that were to be created by their keys,
// those that were to be updated in the items they name.
func (r *run) settleDoubts(ctx context.Context, doubtful []Entry) error {
	var created, updated []Entry
	for _, e := range doubtful {
		if e.ItemID == 0 {
			created = append(created, e)
		} else {
			updated = append(updated, e)
		}
	}
	if len(created) > 0 {
		if err := r.lookUp(ctx, created); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(updated, maxScan) {
		if err := r.lookAgain(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// lookAgain settles updates in doubt by what the items say now: an item that
// is as its row says was written, any other was not. Writing it once more is
// harmless, as an update carries fixed values.
func (r *run) lookAgain(ctx context.Context, doubtful []Entry) error {
	plans, err := r.plansOf(ctx, doubtful, true)
	if err != nil {
		return err
	}
	outcomes := make([]Entry, len(doubtful))
	for i, e := range doubtful {
		now := r.entryOf(e, plans[i])
		switch {
		case now.State == EntryUpdated:
			outcomes[i] = now
		case e.Attempt >= maxAttempts:
			p := problem("gave_up", "attempts", rowsArg(e.Attempt))
			e.State, e.Problem = EntryFailed, &p
			outcomes[i] = e
		default:
			e.State = EntryPending
			outcomes[i] = e
		}
	}
	return r.settled(ctx, outcomes, func(imp *Import) { imp.Rechecked += len(doubtful) })
}

// plansOf plans rows again that were taken up before: those that update with
// the items as they are now, those that create as if there were none.
func (r *run) plansOf(ctx context.Context, entries []Entry, updates bool) ([]rowPlan, error) {
	if r.planner == nil {
		if err := r.open(ctx); err != nil {
			return nil, err
		}
	}
	rows := make([]sheet.Row, 0, len(entries))
	for _, e := range entries {
		one, err := readRows(ctx, r.table, e.Index, 1)
		if err != nil {
			return nil, err
		}
		rows = append(rows, one...)
	}
	return r.plan(ctx, rows, entries, updates)
}

// lookUp asks the portal which of the rows it has, by their keys, among the
// items newer than the import.
func (r *run) lookUp(ctx context.Context, doubtful []Entry) error {
	witnesses, err := r.witnesses(ctx, doubtful)
	if err != nil {
		return err
	}
	keys := make([]string, 0, len(doubtful)+len(witnesses))
	for _, e := range doubtful {
		keys = append(keys, e.Key)
	}
	for _, w := range witnesses {
		keys = append(keys, w.Key)
	}
	claims, err := r.claims(ctx, doubtful)
	if err != nil {
		return err
	}
	found, err := r.itemsByKey(ctx, keys, claims)
	if err != nil {
		return err
	}
	outcomes := slices.Clone(doubtful)
	for i := range outcomes {
		r.settleOne(&outcomes[i], found, claims, witnesses)
	}
	r.s.log.InfoContext(ctx, "rows in doubt looked up", "import", r.imp.ID, "rows", len(doubtful), "found", len(found))
	return r.settled(ctx, outcomes, func(imp *Import) { imp.Rechecked += len(doubtful) })
}

// witnesses are rows known to exist, one for each way the doubtful ones can
// be seen (responsible and pipeline): where the portal does not show us the
// witness, that it does not show a row proves nothing.
func (r *run) witnesses(ctx context.Context, doubtful []Entry) (map[string]Entry, error) {
	witnesses := map[string]Entry{}
	if r.imp.Admin {
		return witnesses, nil // an administrator sees every item
	}
	for _, e := range doubtful {
		if _, has := witnesses[e.Access]; has {
			continue
		}
		seen, err := r.s.journal.Seen(ctx, r.imp.ID, e.Access, 1)
		if err != nil {
			return nil, fmt.Errorf("listing written rows: %w", err)
		}
		if len(seen) > 0 {
			witnesses[e.Access] = seen[0]
		}
	}
	return witnesses, nil
}

func (r *run) settleOne(e *Entry, found map[string][]existing, claims *claims, witnesses map[string]Entry) {
	it, known := claims.ours(*e, found[e.Key])
	if it.id > 0 {
		e.State, e.ItemID = EntryCreated, it.id
		e.Written = r.writtenAt(e.Written, time.Time{}, it.updated)
		return
	}
	w, has := witnesses[e.Access]
	visible := has && slices.ContainsFunc(found[w.Key], func(it existing) bool { return it.id == w.ItemID })
	switch {
	case !known, !r.imp.Admin && !visible:
		p := problem("unknown_outcome")
		e.State, e.Problem = EntryFailed, &p
	case e.Attempt >= maxAttempts:
		p := problem("gave_up", "attempts", rowsArg(e.Attempt))
		e.State, e.Problem = EntryFailed, &p
	default:
		e.State = EntryPending
	}
}

// itemsByKey finds items by xmlId. The bound on the id stands in for the
// index that the field does not have (crm.md 3.7).
func (r *run) itemsByKey(ctx context.Context, keys []string, claims *claims) (map[string][]existing, error) {
	found := make(map[string][]existing, len(keys))
	err := readItems(ctx, r.s.asking(r.imp.Portal, r.caller), r.imp.Target.EntityTypeID, "@"+fieldKey, keys, r.imp.StartID, claims.selected(),
		func(it existing) error {
			var key string
			if err := json.Unmarshal(it.fields[fieldKey], &key); err != nil {
				return fmt.Errorf("reading the code of item %d: %w", it.id, err)
			}
			found[key] = append(found[key], it)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("looking up rows in doubt: %w", err)
	}
	return found, nil
}
