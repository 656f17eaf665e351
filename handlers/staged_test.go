package handlers_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
)

// staged shows imports in states that they are not in: what a page says of a
// state does not depend on how long the way there is.
type staged struct {
	*importer.Service
	// change alters what is known of an import; nil: it is as it is.
	change func(*importer.Import)
	// sent are the calls that would change something, in their order.
	sent []string
	// stayed are the items that were not taken back.
	stayed []importer.RowOutcome
}

func (s *staged) alter(imp importer.Import, err error) (importer.Import, error) {
	if err == nil && s.change != nil {
		s.change(&imp)
	}
	return imp, err
}

func (s *staged) Import(ctx context.Context, a importer.Actor, id string) (importer.Import, error) {
	return s.alter(s.Service.Import(ctx, a, id))
}

func (s *staged) Imports(ctx context.Context, a importer.Actor, limit int) ([]importer.Import, error) {
	all, err := s.Service.Imports(ctx, a, limit)
	for i := range all {
		if s.change != nil {
			s.change(&all[i])
		}
	}
	return all, err
}

func (s *staged) History(ctx context.Context, a importer.Actor, from, n int) ([]importer.Import, bool, error) {
	all, more, err := s.Service.History(ctx, a, from, n)
	for i := range all {
		if s.change != nil {
			s.change(&all[i])
		}
	}
	return all, more, err
}

func (s *staged) Progress(ctx context.Context, a importer.Actor, id string) (importer.Progress, error) {
	i, err := s.Import(ctx, a, id)
	return importer.Progress{
		State: i.State, Rows: i.Rows, CheckedRows: i.CheckedRows, Plan: i.Plan, Counts: i.Counts, Reason: i.Reason,
		Until: i.Until, Tried: i.Tried(), Undoing: i.Undoing, Undo: i.Undo,
	}, err
}

func (s *staged) Outcomes(ctx context.Context, a importer.Actor, id string, from, limit int, states ...importer.EntryState) ([]importer.RowOutcome, error) {
	if s.change == nil {
		return s.Service.Outcomes(ctx, a, id, from, limit, states...)
	}
	if a.User != boss && !a.Admin {
		return nil, importer.Refuse("not_yours", "name", "Maria")
	}
	state, problem := importer.EntryFailed, &importer.Problem{Code: "portal_unreachable"}
	if slices.Contains(states, importer.EntryCreated) {
		state, problem = importer.EntryCreated, nil
	}
	var rows []importer.RowOutcome
	for i := range min(limit, 8) {
		rows = append(rows, importer.RowOutcome{Row: i + 2, Index: i, State: state, ItemID: int64(1400 + i), Problem: problem, Cells: []string{"Chairs", "C-1"}})
	}
	return rows, nil
}

func (s *staged) UndoOutcomes(ctx context.Context, a importer.Actor, id string, from, limit int, states ...importer.UndoState) ([]importer.RowOutcome, error) {
	if s.change == nil {
		return s.Service.UndoOutcomes(ctx, a, id, from, limit, states...)
	}
	return s.stayed, nil
}

// steering notes a call and answers with the import as it is.
func (s *staged) steering(ctx context.Context, a importer.Actor, what, id string) (importer.Import, error) {
	s.sent = append(s.sent, what)
	return s.Import(ctx, a, id)
}

func (s *staged) Try(ctx context.Context, a importer.Actor, id string, rows int) (importer.Import, error) {
	if s.change == nil {
		return s.Service.Try(ctx, a, id, rows)
	}
	return s.steering(ctx, a, "try", id)
}

func (s *staged) Start(ctx context.Context, a importer.Actor, id string) (importer.Import, error) {
	if s.change == nil {
		return s.Service.Start(ctx, a, id)
	}
	return s.steering(ctx, a, "start", id)
}

func (s *staged) Stop(ctx context.Context, a importer.Actor, id string) (importer.Import, error) {
	if s.change == nil {
		return s.Service.Stop(ctx, a, id)
	}
	return s.steering(ctx, a, "stop", id)
}

func (s *staged) Undo(ctx context.Context, a importer.Actor, id string) (importer.Import, error) {
	if s.change == nil {
		return s.Service.Undo(ctx, a, id)
	}
	return s.steering(ctx, a, "undo", id)
}

// states are pages of step 4 that are far from a test's beginning, by name.
func states() map[string]func(*importer.Import) {
	counts := importer.Counts{Created: 1180, Updated: 312, Unchanged: 40, Skipped: 8, Failed: 3}
	written := counts.Created + counts.Updated
	of := func(state importer.State, change func(*importer.Import)) func(*importer.Import) {
		return func(i *importer.Import) {
			i.State, i.Rows, i.Limit, i.Counts, i.Target.Mode, i.Target.Key = state, 1543, 0, counts, importer.UpdateAndAdd, "xmlId"
			i.Cursor, i.Finished = 1543, time.Now()
			if change != nil {
				change(i)
			}
		}
	}
	reason := func(code string) *importer.Problem { return &importer.Problem{Code: code} }
	all := map[string]func(*importer.Import){
		"step4-receipt-updates": of(importer.Checked, func(i *importer.Import) { i.Plan, i.Counts = counts, importer.Counts{} }),
		"step4-receipt-risky": of(importer.Checked, func(i *importer.Import) {
			i.Target.Mode, i.Target.Automation = importer.UpdateExisting, true
			i.Plan, i.Counts = importer.Counts{Updated: 1320, Skipped: 223}, importer.Counts{}
		}),
		"step4-tried": of(importer.Paused, func(i *importer.Import) {
			i.TrialUntil, i.Cursor, i.Counts = 5, 5, importer.Counts{Created: 4, Updated: 1}
		}),
		"step4-no-right":    of(importer.Waiting, func(i *importer.Import) { i.Reason = reason("no_right") }),
		"step4-done-mixed":  of(importer.Done, nil),
		"step4-unchanged":   of(importer.Done, func(i *importer.Import) { i.Counts = importer.Counts{Unchanged: 1543} }),
		"step4-none":        of(importer.Done, func(i *importer.Import) { i.Counts = importer.Counts{Failed: 1543} }),
		"step4-undoing":     of(importer.Running, func(i *importer.Import) { i.Undoing, i.Undo = true, importer.UndoCounts{TakenBack: 620, Kept: 2} }),
		"step4-undo-paused": of(importer.Paused, func(i *importer.Import) { i.Undoing, i.Undo = true, importer.UndoCounts{TakenBack: 620} }),
		"step4-undone":      of(importer.Undone, func(i *importer.Import) { i.Undo = importer.UndoCounts{TakenBack: written} }),
		"step4-undone-some": of(importer.Undone, func(i *importer.Import) {
			i.Undo = importer.UndoCounts{TakenBack: written - 3, Kept: 2, Impossible: 1}
		}),
		"step4-limited": of(importer.Done, func(i *importer.Import) {
			i.Limit, i.Target.Mode, i.Counts = 100, importer.AddAll, importer.Counts{Created: 100, Skipped: 1443}
		}),
	}
	return maps.Clone(all)
}

// stayed are items of the state "step4-undone-some".
func stayed() []importer.RowOutcome {
	row := func(n int, undo importer.UndoState, code string) importer.RowOutcome {
		return importer.RowOutcome{Undo: undo,
			Row: n, ItemID: int64(1400 + n), UndoProblem: &importer.Problem{Code: code}, Cells: []string{"Chairs for the office", "C-1"},
		}
	}
	return []importer.RowOutcome{row(17, importer.Kept, "no_right"), row(19, importer.Kept, "no_right"), row(204, importer.Impossible, "portal_unreachable")}
}

func (s *staged) RetryFailed(ctx context.Context, a importer.Actor, id string) (importer.Import, error) {
	if s.change == nil {
		return s.Service.RetryFailed(ctx, a, id)
	}
	return s.steering(ctx, a, "retry", id)
}

func (s *staged) Repeat(ctx context.Context, a importer.Actor, id, upload string) (importer.Import, error) {
	if s.change == nil {
		return s.Service.Repeat(ctx, a, id, upload)
	}
	return s.steering(ctx, a, "repeat "+upload, id)
}
