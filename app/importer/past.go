package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spa-importer/spa-importer/app/field"
)

// fieldCreated is when an item was made, by the portal's clock.
const fieldCreated = "createdTime"

// fieldMoved is when an item came into its stage.
const fieldMoved = "movedTime"

// past is what an import of history keeps to (crm.md 3.2): the times of a row
// agree with each other, and no item is created before one that is there
// already. Rows are sent in file order, so a row that is older than one above
// it cannot be written; which ones these are the check finds, and the run
// takes its word.
type past struct {
	now    time.Time
	loc    *time.Location
	newest time.Time // of the items on the portal; zero: there are none
	// last is the newest of the rows so far, and late are those that came
	// too late; finding says that the check is at it.
	last    time.Time
	late    map[int]bool
	finding bool
}

// history prepares a planner whose columns or constants set times of history.
func (p *planner) history(now time.Time) {
	for _, name := range []string{fieldCreated, fieldMoved, fieldUpdated} {
		if p.columnOf(name) != nil || slices.ContainsFunc(p.constant, func(c constant) bool { return c.target.Name == name }) {
			p.past = &past{now: now, loc: p.contextFor(0).Location, late: map[int]bool{}}
			return
		}
	}
}

// mayWritePast: only crm.item.import and batchImport take history, which
// create items and start no automation rules.
func (p *planner) mayWritePast() error {
	target := p.imp.Target
	if !target.Automation && (target.Mode == "" || target.Mode == AddAll) {
		return nil
	}
	for _, c := range p.columns {
		if c.target.AdminOnly {
			return Refuse("history_only_new", "field", c.target.Title)
		}
	}
	for _, c := range p.constant {
		if c.target.AdminOnly {
			return Refuse("history_only_new", "field", c.target.Title)
		}
	}
	return nil
}

// dated reports whether rows say when their items were created.
func (p *planner) dated() bool {
	return p.past != nil && (p.columnOf(fieldCreated) != nil || slices.ContainsFunc(p.constant, func(c constant) bool {
		return c.target.Name == fieldCreated
	}))
}

// findPast begins a check of history: the portal is asked once for the item
// that was made last.
func (s *Service) findPast(ctx context.Context, caller Caller, p *planner) error {
	if err := p.mayWritePast(); err != nil {
		return err
	}
	if p.history(s.now()); p.past == nil {
		return nil
	}
	p.past.finding = true
	if !p.dated() {
		return nil
	}
	reply, err := caller.Call(ctx, "crm.item.list", map[string]any{
		"entityTypeId": p.imp.Target.EntityTypeID, "select": []string{"id", fieldCreated},
		"order": map[string]any{"id": "DESC"}, "start": -1,
	})
	if err != nil {
		return portalError("asking for the newest item", err)
	}
	var page struct {
		Items []struct {
			Created string `json:"createdTime"`
		} `json:"items"`
	}
	if err := json.Unmarshal(reply.Result, &page); err != nil {
		return fmt.Errorf("reading the newest item: %w", err)
	}
	if len(page.Items) == 0 {
		return nil
	}
	if p.past.newest, err = time.Parse(time.RFC3339, page.Items[0].Created); err != nil {
		return errors.New("reading the newest item: its time has an unknown form")
	}
	return nil
}

func pastName(imp string) string { return importDir(imp) + "/past" }

// savePast keeps what a check has found for its run.
func (s *Service) savePast(ctx context.Context, imp Import, p *planner) error {
	if p.past == nil {
		return nil
	}
	return s.saveDocument(ctx, pastName(imp.ID), imp.Key, slices.Sorted(maps.Keys(p.past.late)))
}

// loadPast gives it to the run's planner.
func (s *Service) loadPast(ctx context.Context, imp Import, p *planner) error {
	if p.history(s.now()); p.past == nil {
		return nil
	}
	var late []int
	if err := s.loadDocument(ctx, pastName(imp.ID), imp.Key, &late); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	for _, i := range late {
		p.past.late[i] = true
	}
	return nil
}

// pastCell is a time of history in a row.
type pastCell struct {
	value any
	raw   string
}

// noteTime keeps a time of history of the row.
func (w *rowWriter) noteTime(name string, v field.Value, raw string) {
	if w.p.past == nil || !v.Set || name != fieldCreated && name != fieldMoved && name != fieldUpdated {
		return
	}
	if w.times == nil {
		w.times = map[string]pastCell{}
	}
	w.times[name] = pastCell{v.JSON, raw}
}

// checkPast holds a row to be created to the rules of history.
func (w *rowWriter) checkPast(index int) {
	past := w.p.past
	if past == nil || w.plan.State != EntryPending {
		return
	}
	values := make(map[string]any, len(w.times))
	for name, cell := range w.times {
		values[name] = cell.value
	}
	if trouble := field.CheckHistory(values, past.now); trouble != nil {
		name := trouble.Args["field"]
		trouble.Value = w.times[name].raw
		for _, arg := range []string{"before", "after"} {
			if t, ok := trouble.Args[arg]; ok {
				trouble.Args[arg] = w.p.titleOf(t)
			}
		}
		c := w.p.columnOf(name)
		t := w.p.targetOf(name)
		w.note(cellFinding{column: c, target: t, problem: *trouble})
		w.end(EntryFailed, cellProblem(c, t, *trouble))
		return
	}
	w.checkOrder(index)
}

// checkOrder: no item may be older than one that is there already.
func (w *rowWriter) checkOrder(index int) {
	past := w.p.past
	if !past.finding {
		if past.late[index] {
			w.tooLate("history_unsorted")
		}
		return
	}
	if !w.p.dated() {
		return
	}
	created := past.now // of a row that does not say
	if text, ok := w.times[fieldCreated].value.(string); ok {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return // CheckHistory has said so
		}
		created = t
	}
	switch {
	case created.Before(past.newest):
		past.late[index] = true
		w.tooLate("history_newer_exists", "time", past.newest.In(past.zone()).Format("2006-01-02 15:04:05"))
	case created.Before(past.last):
		past.late[index] = true
		w.tooLate("history_unsorted")
	default:
		past.last = created
	}
}

func (p *past) zone() *time.Location {
	if p.loc == nil {
		return time.UTC
	}
	return p.loc
}

// tooLate is said once for all such rows: what is wrong is their order.
func (w *rowWriter) tooLate(code string, args ...string) {
	t := w.p.targetOf(fieldCreated)
	trouble := field.Problem{Code: code, Blocks: true, Args: problem(code, args...).Args}
	if trouble.Args == nil {
		trouble.Args = map[string]string{}
	}
	trouble.Args["column"] = t.Title
	if c := w.p.columnOf(fieldCreated); c != nil {
		trouble.Args["column"] = c.name
	}
	w.note(cellFinding{target: t, problem: trouble})
	w.end(EntryFailed, cellProblem(nil, t, trouble))
}

// targetOf is a field of the mapping, by its name.
func (p *planner) targetOf(name string) field.Target {
	if c := p.columnOf(name); c != nil {
		return c.target
	}
	for _, c := range p.constant {
		if c.target.Name == name {
			return c.target
		}
	}
	return field.Target{Name: name, Title: name}
}

func (p *planner) titleOf(name string) string { return p.targetOf(name).Title }
