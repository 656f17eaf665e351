package importer

import (
	"fmt"
	"strconv"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// rowWriter collects one row.
type rowWriter struct {
	p      *planner
	lookup field.Lookup
	found  func(cellFinding)
	plan   rowPlan
	filled map[string]bool
	// times are those of history, see past.
	times map[string]pastCell
	// troubled are the fields that have a problem of their own.
	troubled map[string]bool
	// findings are told when the row is through: a row that the person skips
	// has none.
	findings []cellFinding
	skipped  bool
	// problems are those of the cell just converted.
	problems []field.Problem
	// last is the value of the column just converted.
	last    any
	lastSet bool
}

// end gives the row an outcome; the first reason stays, except that a
// person's wish to skip wins over a failure.
func (w *rowWriter) end(state EntryState, p Problem) {
	if w.plan.State == EntryPending || (w.plan.State == EntryFailed && state == EntrySkipped) {
		w.plan.State, w.plan.Problem = state, &p
	}
}

func (w *rowWriter) column(c *plannedColumn, conv *field.Converter, row sheet.Row) {
	g := c.cell(row, true)
	if g.skip {
		w.last, w.lastSet, w.skipped = nil, false, true
		g.count(true)
		w.end(EntrySkipped, problem("skipped_by_you", "column", c.name))
		if w.p.watch != nil {
			w.p.watch(seenCell{column: c, target: c.target, given: g})
		}
		return
	}
	if g.remembered && !w.fits(conv, g) {
		g.count(false)
		g = c.cell(row, false)
	}
	w.cell(c, &c.target, conv, g)
}

// fits reports whether an answer to an earlier file still can be written.
func (w *rowWriter) fits(conv *field.Converter, g given) bool {
	good := true
	conv.ConvertEach(g.text, w.lookup, func(p field.Problem) { good = good && !p.Blocks })
	return good
}

func (w *rowWriter) cell(c *plannedColumn, t *field.Target, conv *field.Converter, g given) {
	w.problems = w.problems[:0]
	value := conv.ConvertEach(g.text, w.lookup, func(p field.Problem) { w.problems = append(w.problems, p) })
	g.count(true)
	w.last, w.lastSet = value.JSON, value.Set
	for i := range w.problems {
		trouble := &w.problems[i]
		w.note(cellFinding{column: c, target: *t, problem: *trouble})
		if trouble.Blocks {
			w.end(EntryFailed, cellProblem(c, *t, *trouble))
			if w.troubled == nil {
				w.troubled = map[string]bool{}
			}
			w.troubled[t.Name] = true
		}
	}
	if w.p.watch != nil {
		w.p.watch(seenCell{column: c, target: *t, given: g, value: value, problems: w.problems})
	}
	if !value.Set {
		return
	}
	w.noteTime(t.Name, value, g.raw)
	if len(w.p.required) > 0 {
		if w.filled == nil {
			w.filled = make(map[string]bool, len(w.p.required))
		}
		w.filled[t.Name] = true
	}
	if w.plan.Fields == nil {
		return
	}
	if t.Multiple {
		if more, ok := value.JSON.([]any); ok {
			have, _ := w.plan.Fields[t.Name].([]any)
			w.plan.Fields[t.Name] = append(have, more...)
			return
		}
	}
	w.plan.Fields[t.Name] = value.JSON
}

// note keeps a finding until the row is through.
func (w *rowWriter) note(f cellFinding) {
	if w.found != nil {
		w.findings = append(w.findings, f)
	}
}

func (w *rowWriter) tell() {
	if w.skipped {
		return
	}
	for _, f := range w.findings {
		w.found(f)
	}
}

// seenCell is a cell on its way through the plan: what it says, what is read
// in its place, and what became of it. The problems are used again.
type seenCell struct {
	column   *plannedColumn
	target   field.Target
	given    given
	value    field.Value
	problems []field.Problem
}

// cellProblem is a field's problem as the outcome of a row, with the words
// its sentence needs.
func cellProblem(c *plannedColumn, t field.Target, trouble field.Problem) Problem {
	p := Problem{Code: trouble.Code, Args: make(map[string]string, len(trouble.Args)+3)}
	for k, v := range trouble.Args {
		p.Args[k] = v
	}
	p.Args["field"] = t.Title
	p.Args["value"] = findingValue(trouble.Value)
	if c != nil {
		p.Args["column"] = c.name
	}
	return p
}

func (w *rowWriter) checkRequired() {
	for _, t := range w.p.required {
		if w.filled[t.Name] || w.troubled[t.Name] {
			continue
		}
		trouble := field.Problem{Code: "required_empty", Blocks: true}
		c := w.p.columnOf(t.Name)
		w.note(cellFinding{column: c, target: t, problem: trouble})
		w.end(EntryFailed, cellProblem(c, t, trouble))
	}
}

// width looks at rows with more values than the table has columns: most
// often a mark inside a value was taken for the end of a cell, and then all
// values after it stand in the wrong columns.
func (w *rowWriter) width(row sheet.Row) {
	more := 0
	for _, cell := range row.Cells[min(w.p.width, len(row.Cells)):] {
		if cell != "" {
			more++
		}
	}
	if more == 0 {
		return
	}
	cells := strconv.Itoa(more)
	p := problem("row_too_long_cells", "cells", cells)
	trouble := field.Problem{Code: p.Code, Args: p.Args, Value: cells, Blocks: true}
	switch r := w.p.wide[trouble.Value]; {
	case r == nil:
		w.note(cellFinding{problem: trouble})
		w.end(EntryFailed, p)
	case r.Action == SkipRows:
		w.skipped = true
		w.end(EntrySkipped, p)
	}
}

func (p *planner) columnOf(name string) *plannedColumn {
	for _, c := range p.each() {
		if c.target.Name == name {
			return c
		}
	}
	return nil
}

// each lists all columns that go somewhere.
func (p *planner) each() []*plannedColumn {
	if p.mapped == nil {
		if p.category != nil {
			p.mapped = append(p.mapped, p.category)
		}
		p.mapped = append(append(p.mapped, p.stages...), p.columns...)
	}
	return p.mapped
}

// complete adds what every created item gets: key, pipeline, defaults.
func (w *rowWriter) complete(number int, category int64) {
	f := w.plan.Fields
	if f == nil {
		return
	}
	if w.plan.Key == "" {
		w.plan.Key = rowKey(w.p.imp.ID, number)
	}
	delete(f, fieldID)
	f[fieldKey] = w.plan.Key
	target := w.p.imp.Target
	if category != 0 {
		f[fieldCategory] = category
	}
	// A default stage belongs to the pipeline it was chosen in.
	if _, has := f[fieldStage]; !has && target.StageID != "" && category == target.CategoryID {
		f[fieldStage] = target.StageID
	}
	if _, has := f[fieldResponsible]; !has && target.Responsible != 0 {
		f[fieldResponsible] = target.Responsible
	}
	if _, has := f[fieldAmount]; has {
		f[fieldManual] = "Y"
	}
	stage, _ := f[fieldStage].(string)
	w.plan.Access = fmt.Sprint(f[fieldResponsible], "/", category, "/", stage)
}
