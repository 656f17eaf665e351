package importer

import (
	"context"
	"fmt"
	"strings"
)

// refusedAll deals with a request of which every row was refused for a right:
// the rows may be to blame, or none would fare better.
func (r *run) refusedAll(ctx context.Context, f *flight, verdicts []verdict) error {
	if err := r.settled(ctx, back(f.tasks), nil); err != nil {
		return err
	}
	if !r.widened && len(f.tasks) < maxChunk {
		// One row, or a few, may be refused for a reason of their own, such
		// as a pipeline: more of them tell.
		r.widened = true
		return nil
	}
	fault := verdicts[0].fault
	code := strings.ToUpper(fault.Code)
	method := f.tasks[0].method
	denied := code == "ACCESS_DENIED" || code == "CRM_ITEM_IMPORT_ACCESS_DENIED"
	if denied && (method == methodBatchImport || method == methodImport) && r.imp.Counts.Created == 0 {
		return r.addInstead(ctx)
	}
	gone, err := r.rightGone(ctx, f, reasons[code])
	if err != nil {
		return err
	}
	if r.imp.Counts.Created+r.imp.Counts.Updated > 0 && !gone {
		// Others went in, so it is these rows.
		outcomes := make([]Entry, len(f.tasks))
		for i, t := range f.tasks {
			p := rowRefused(t.entry, verdicts[i])
			outcomes[i] = t.entry
			outcomes[i].State, outcomes[i].Problem = EntryFailed, &p
		}
		return r.settled(ctx, outcomes, nil)
	}
	if method == methodUpdate && denied {
		return &waitError{reason: problem("no_update_right", "code", fault.Code)}
	}
	return &waitError{reason: problem(reasons[code], "code", fault.Code)}
}

// rightGone reports whether what every row of a request was refused for holds
// for others as well: a limit of the plan, or a right with which rows of the
// same responsible, pipeline and stage went in before.
func (r *run) rightGone(ctx context.Context, f *flight, reason string) (bool, error) {
	if reason != "no_right" && reason != "no_import_right" {
		return true, nil
	}
	asked := map[string]bool{}
	for _, t := range f.tasks {
		if t.entry.ItemID != 0 {
			return false, nil // each item has rights of its own
		}
		if asked[t.entry.Access] {
			continue
		}
		asked[t.entry.Access] = true
		seen, err := r.s.journal.Seen(ctx, r.imp.ID, t.entry.Access, 1)
		if err != nil {
			return false, fmt.Errorf("listing written rows: %w", err)
		}
		if len(seen) == 0 {
			return false, nil
		}
	}
	return true, nil
}

// addInstead goes on without the right to import, by adding rows one by one.
// That a person lacks this right no method tells before the first write
// (crm.md 3.1). Adding starts what the portal does with new items; where
// there may be such a thing, the person is asked first.
func (r *run) addInstead(ctx context.Context) error {
	if r.planner.past != nil {
		return &waitError{reason: problem("no_import_right", "code", "ACCESS_DENIED")} // only an import writes history
	}
	if t := r.planner.schema.Type; t.Automation || t.Workflows {
		return &waitError{reason: problem(askRules)}
	}
	_, err := r.write(ctx, nil, func(imp *Import) error {
		imp.Target.AddOnly = true
		return nil
	})
	return err
}

// askRules is the reason of an import that waits for the person's word: it
// can go on only by starting the portal's rules.
const askRules = "no_import_right_rules"
