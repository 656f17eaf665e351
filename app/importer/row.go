package importer

import (
	"fmt"

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
	text, skip := c.cell(row)
	if skip {
		w.last, w.lastSet = nil, false
		w.end(EntrySkipped, problem("skipped_by_you", "column", c.name))
		return
	}
	w.cell(c, c.target, conv, text)
}

func (w *rowWriter) cell(c *plannedColumn, t field.Target, conv *field.Converter, text string) {
	value, trouble := conv.Convert(text, w.lookup)
	w.last, w.lastSet = value.JSON, value.Set
	if trouble != nil {
		if w.found != nil {
			w.found(cellFinding{column: c, target: t, problem: *trouble})
		}
		if trouble.Blocks {
			w.end(EntryFailed, cellProblem(c, t, *trouble))
			return
		}
	}
	if !value.Set {
		return
	}
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
		if w.filled[t.Name] {
			continue
		}
		trouble := field.Problem{Code: "required_empty", Blocks: true}
		c := w.p.columnOf(t.Name)
		if w.plan.State == EntryPending && w.found != nil {
			w.found(cellFinding{column: c, target: t, problem: trouble})
		}
		w.end(EntryFailed, cellProblem(c, t, trouble))
	}
}

func (p *planner) columnOf(name string) *plannedColumn {
	if p.category != nil && p.category.target.Name == name {
		return p.category
	}
	for _, list := range [][]*plannedColumn{p.stages, p.columns} {
		for _, c := range list {
			if c.target.Name == name {
				return c
			}
		}
	}
	return nil
}

// complete adds what every created item gets: key, pipeline, defaults.
func (w *rowWriter) complete(number int, category int64) {
	if w.plan.Key == "" {
		w.plan.Key = rowKey(w.p.imp.ID, number)
	}
	f := w.plan.Fields
	if f == nil {
		return
	}
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
	w.plan.Access = fmt.Sprint(f[fieldResponsible], "/", category)
}
