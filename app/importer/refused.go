package importer

import (
	"cmp"
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
		return r.setAside(ctx, f, verdicts) // others went in
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

// Rows that are refused for a right although others went in are to blame
// themselves, or the right was taken meanwhile. Until one of the two is known
// they stand aside, and those behind them are tried: the first of their kind,
// updates or new items, that goes in proves that it was the rows. Where so many are refused in a row, the person
// is asked; each time he says to go on, many times as many are tried.
const (
	refusedInARow   = 3 * maxChunk
	refusedAtTheEnd = maxChunk // and nobody was asked
	morePatience    = 4
)

// rightLost is the reason of an import that waits because row after row is
// refused, where others went in.
const rightLost = "right_lost"

// patience is how many rows may stand aside.
func (t Target) patience() int { return cmp.Or(t.Patience, refusedInARow) }

// setAside keeps the rows of a request, all of which were refused.
func (r *run) setAside(ctx context.Context, f *flight, verdicts []verdict) error {
	aside := make([]Entry, len(f.tasks))
	for i, t := range f.tasks {
		aside[i] = asideOf(t.entry, verdicts[i], f)
	}
	r.aside = true
	if err := r.settled(ctx, aside, nil); err != nil {
		return err
	}
	return r.askFrom(ctx, r.imp.Target.patience())
}

// asideOf is a row that was refused for a right, to be tried once more. When its
// request was sent is what later ones are compared with.
func asideOf(e Entry, v verdict, f *flight) Entry {
	p := rowRefused(e, v)
	e = pendingAgain(e)
	e.State, e.Problem, e.SentAt = EntryAside, &p, f.sent
	return e
}

// updates reports whether a row that was taken up writes to an item there is.
func (e Entry) updates() bool { return e.ItemID != 0 }

// askFrom waits for the person if at least n rows stand aside.
func (r *run) askFrom(ctx context.Context, n int) error {
	aside, err := r.s.journal.Entries(ctx, r.imp.ID, 0, r.imp.Target.patience(), EntryAside)
	if err != nil {
		return fmt.Errorf("listing rows set aside: %w", err)
	}
	if len(aside) < n {
		return nil
	}
	return &waitError{reason: problem(rightLost, "rows", rowsArg(len(aside)), "code", aside[0].Problem.Args["code"])}
}

// lastAside decides about rows set aside where there are no others left.
func (r *run) lastAside(ctx context.Context) error {
	if r.aside && r.imp.Target.Patience == 0 {
		if err := r.askFrom(ctx, refusedAtTheEnd); err != nil {
			return err
		}
	}
	return r.asideEnds(ctx, func(Entry) bool { return true })
}

// asideEnds has rows set aside fail, those that are known to be to blame.
func (r *run) asideEnds(ctx context.Context, blamed func(Entry) bool) error {
	return r.eachAside(ctx, func(e *Entry) bool {
		toBlame := blamed(*e)
		e.State = EntryFailed
		return toBlame
	})
}

// asideAgain has rows set aside tried once more.
func (r *run) asideAgain(ctx context.Context) error {
	return r.eachAside(ctx, func(e *Entry) bool {
		e.State, e.Problem = EntryPending, nil
		return true
	})
}

// eachAside changes the rows set aside for which change returns true. A run
// that knows of none asks nobody.
func (r *run) eachAside(ctx context.Context, change func(*Entry) bool) error {
	if !r.aside {
		return nil
	}
	r.aside = false
	for from := 0; ; {
		aside, err := r.s.journal.Entries(ctx, r.imp.ID, from, maxScan, EntryAside)
		if err != nil {
			return fmt.Errorf("listing rows set aside: %w", err)
		}
		if len(aside) == 0 {
			return nil
		}
		from = aside[len(aside)-1].Index + 1
		changed := aside[:0]
		for _, e := range aside {
			if change(&e) {
				changed = append(changed, e)
			} else {
				r.aside = true
			}
		}
		if err := r.settled(ctx, changed, nil); err != nil {
			return err
		}
	}
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
