package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// recheck settles rows whose request may have been executed: after its
// answer was lost, or after this process took over from a dead one. It
// first waits until no request of theirs can still be running.
func (r *run) recheck(ctx context.Context) error {
	for {
		doubtful, err := r.s.journal.Entries(ctx, r.imp.ID, 0, maxChunk, EntrySending)
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
		if err := r.lookUp(ctx, doubtful); err != nil {
			return err
		}
	}
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
	found, err := r.itemsByKey(ctx, keys)
	if err != nil {
		return err
	}
	outcomes := slices.Clone(doubtful)
	for i := range outcomes {
		r.settleOne(&outcomes[i], found, witnesses)
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

func (r *run) settleOne(e *Entry, found map[string]int64, witnesses map[string]Entry) {
	if id, ok := found[e.Key]; ok {
		e.State, e.ItemID = EntryCreated, id
		return
	}
	w, has := witnesses[e.Access]
	_, visible := found[w.Key]
	switch {
	case !r.imp.Admin && !(has && visible):
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
func (r *run) itemsByKey(ctx context.Context, keys []string) (map[string]int64, error) {
	reply, err := r.caller.Call(ctx, "crm.item.list", map[string]any{
		"entityTypeId": r.imp.Target.EntityTypeID, "select": []string{"id", "xmlId"},
		"filter": map[string]any{">id": r.imp.StartID, "@xmlId": keys},
		"order":  map[string]any{"id": "ASC"}, "start": -1,
	})
	if err != nil {
		return nil, fmt.Errorf("looking up rows in doubt: %w", err)
	}
	var page struct {
		Items []struct {
			ID    json.Number `json:"id"`
			XMLID string      `json:"xmlId"`
		} `json:"items"`
	}
	if err := json.Unmarshal(reply.Result, &page); err != nil {
		return nil, fmt.Errorf("reading the rows found: %w", err)
	}
	found := make(map[string]int64, len(page.Items))
	for _, item := range page.Items {
		if _, twice := found[item.XMLID]; !twice {
			found[item.XMLID] = asInt64(item.ID)
		}
	}
	return found, nil
}
