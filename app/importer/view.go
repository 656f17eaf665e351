package importer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// RowsView is a stretch of the rows of a checked file: what will happen with
// each, what was read in each cell, how it was understood and why.
type RowsView struct {
	// State is Checking while the rows are being judged again.
	State   State
	Columns []RowColumn
	Rows    []RowView
	// All is how many rows the filter takes, From the place among them of the
	// first one here.
	All, From int
}

// RowColumn is a file column that goes to a field.
type RowColumn struct {
	Column     int
	Name       string
	Field      string
	FieldTitle string
}

// RowView is one row.
type RowView struct {
	// Index is its place among the data rows, Number its number in the file.
	Index, Number int
	// State is the outcome planned: created, updated, unchanged, skipped or
	// failed; Problem says why of the last two.
	State   EntryState
	Problem *Problem
	// Problems concern the row as a whole or a field without a column.
	Problems []Problem
	// Cells are beside the view's Columns.
	Cells []CellView
}

// CellView is one cell.
type CellView struct {
	// Text is the cell as it counts, File as the file has it.
	Text, File string
	// Understood is what the field gets, for people; empty: nothing.
	Understood string
	Why        []Why
	// Old is the value of the item that is updated, where it differs.
	Old     string
	Problem *Problem
	// Blocks: the Problem keeps the row out.
	Blocks bool
	// Edited: a person has corrected the cell. Decided: a decision on its
	// value, of this file or remembered, says what is read in its place.
	Edited, Decided bool
}

// Why is one reason why a cell is understood as it is.
type Why struct {
	// Kind is one of the constants.
	Kind WhyKind
	// With is what a decision puts in place of the cell; empty: nothing.
	With string
	// Evidence is set for WhyEvidence.
	Evidence field.Evidence
}

// WhyKind is the kind of a reason.
type WhyKind string

// Reasons why a cell is understood as it is.
const (
	WhyEvidence WhyKind = "evidence" // the column's values say how they are written
	WhyStyle    WhyKind = "style"    // the person has said so for the column
	WhyDecided  WhyKind = "decided"  // a decision for this file
	WhyAnswer   WhyKind = "answer"   // a remembered one
	WhyEdited   WhyKind = "edited"   // a corrected cell
	WhyBlank    WhyKind = "blank"    // a blank cell: the field's default
)

// maxRowsView is how many rows are shown at a time.
const maxRowsView = 200

// Rows is the table of rows: those a filter takes, from a place among them.
// It asks the portal only for names that the check has not met.
func (s *Service) Rows(ctx context.Context, a Actor, imp string, filter RowFilter, from, n int) (RowsView, error) {
	i, err := s.Import(ctx, a, imp)
	if err != nil {
		return RowsView{}, err
	}
	if i.State != Checking && i.State != Checked {
		return RowsView{}, Refuse("not_checked")
	}
	from, n = max(0, from), min(max(1, n), maxRowsView)
	indexes, all, err := s.filterRows(ctx, i, filter, from, n)
	if err != nil {
		return RowsView{}, err
	}
	v := viewer{s: s, imp: i}
	defer v.close()
	if err := v.open(ctx, a); err != nil {
		return RowsView{}, err
	}
	view := RowsView{State: i.State, Columns: v.columns(), All: all, From: from}
	if err := v.read(ctx, indexes); err != nil {
		return RowsView{}, err
	}
	for k, row := range v.rows {
		one, err := v.row(v.indexes[k], row)
		if err != nil {
			return RowsView{}, err
		}
		view.Rows = append(view.Rows, one)
	}
	return view, nil
}

// viewer plans rows to be looked at.
type viewer struct {
	s        *Service
	imp      Import
	upload   Upload
	table    *rowSource
	closer   interface{ Close() error }
	planner  *planner
	resolver *resolver
	lookup   memoryLookup
	shown    []*plannedColumn
	evidence map[int]Why
	indexes  []int
	rows     []sheet.Row
	// files are the cells of the file under corrected ones.
	files map[[2]int]string
	cells map[*plannedColumn]*CellView
}

func (v *viewer) close() {
	if v.closer != nil {
		v.closer.Close()
	}
}

func (v *viewer) open(ctx context.Context, a Actor) error {
	var err error
	if v.upload, err = v.s.store.Upload(ctx, v.imp.Portal, v.imp.Upload); err != nil {
		return fmt.Errorf("loading upload: %w", err)
	}
	if v.table, v.closer, err = v.s.openRows(ctx, v.imp, v.upload); err != nil {
		v.closer = nil
		return err
	}
	schema, _, err := v.s.loadSchema(ctx, v.imp)
	var refused *Refusal
	if errors.As(err, &refused) { // the first check has just begun
		schema, err = v.s.Schema(ctx, a, v.imp.Target.EntityTypeID)
	}
	if err != nil {
		return err
	}
	if err := v.s.withArchive(ctx, v.imp, &schema); err != nil {
		return err
	}
	repeats, answers, err := v.s.loadRules(ctx, v.imp)
	if err != nil {
		return err
	}
	if v.planner, err = newPlanner(v.imp, schema, v.table.Columns(), answers); err != nil {
		return err
	}
	v.planner.repeats = repeats
	v.planner.watch = v.watch
	caller, err := v.s.connect(ctx, v.imp.Portal, v.imp.Connection)
	if err != nil {
		return err
	}
	v.resolver = v.s.newResolver(v.imp, caller)
	v.shown = slices.Clone(v.planner.each())
	slices.SortFunc(v.shown, func(x, y *plannedColumn) int { return x.index - y.index })
	v.evidence = map[int]Why{}
	for _, c := range v.shown {
		v.why(c)
	}
	return nil
}

// why keeps how the cells of a column are read, and how that is known.
func (v *viewer) why(c *plannedColumn) {
	if c.index >= len(v.upload.Profiles) {
		return
	}
	style, evidence, _ := field.Infer(c.target, v.upload.Profiles[c.index])
	switch {
	case style == c.style && evidence.Code != "":
		v.evidence[c.index] = Why{Kind: WhyEvidence, Evidence: evidence}
	case style != c.style:
		v.evidence[c.index] = Why{Kind: WhyStyle}
	}
}

func (v *viewer) columns() []RowColumn {
	list := make([]RowColumn, len(v.shown))
	for i, c := range v.shown {
		list[i] = RowColumn{Column: c.index, Name: c.name, Field: c.target.Name, FieldTitle: c.target.Title}
	}
	return list
}

// read reads rows by their indexes, which are in order, neighbours together,
// and looks up what they name.
func (v *viewer) read(ctx context.Context, indexes []int) error {
	v.files = map[[2]int]string{}
	for len(indexes) > 0 {
		n := 1
		for n < len(indexes) && indexes[n] == indexes[0]+n {
			n++
		}
		rows, err := readRows(ctx, v.table, indexes[0], n)
		if err != nil {
			return err
		}
		if err := v.original(ctx, indexes[0], n); err != nil {
			return err
		}
		v.rows = append(v.rows, rows...)
		v.indexes = append(v.indexes, indexes[:len(rows)]...)
		indexes = indexes[n:]
	}
	asked := make([]sheet.Row, 0, len(v.rows))
	for k, row := range v.rows {
		if v.imp.Limit == 0 || v.indexes[k] < v.imp.Limit {
			asked = append(asked, row)
		}
	}
	var err error
	if v.lookup, err = v.s.blockLookups(ctx, v.resolver, v.planner, asked); err != nil {
		return portalError("looking up what the rows name", err)
	}
	if err := v.s.find(ctx, v.resolver.caller, v.planner, asked); err != nil {
		return portalError("finding the items of the rows", err)
	}
	return nil
}

// original reads the file's own text of corrected cells.
func (v *viewer) original(ctx context.Context, from, n int) error {
	if !v.table.edited {
		return nil
	}
	edits, err := v.s.store.Edits(ctx, v.imp.ID, from, from+n)
	if err != nil {
		return fmt.Errorf("reading corrected cells: %w", err)
	}
	for _, e := range edits {
		err := v.table.tableReader.Read(ctx, e.Index, 1, func(_ int, row sheet.Row) error {
			text := ""
			if e.Column < len(row.Cells) {
				text = row.Cells[e.Column]
			}
			v.files[[2]int{e.Index, e.Column}] = strings.Clone(text)
			return nil
		})
		if err != nil {
			return fmt.Errorf("reading a corrected row: %w", err)
		}
	}
	return nil
}

func (v *viewer) row(index int, row sheet.Row) (RowView, error) {
	one := RowView{Index: index, Number: row.Number, Cells: make([]CellView, len(v.shown))}
	v.cells = make(map[*plannedColumn]*CellView, len(v.shown))
	for k, c := range v.shown {
		cell := &one.Cells[k]
		if c.index < len(row.Cells) {
			cell.Text = row.Cells[c.index]
		}
		cell.File = cell.Text
		if was, edited := v.files[[2]int{index, c.index}]; edited {
			cell.File, cell.Edited = was, true
			cell.Why = append(cell.Why, Why{Kind: WhyEdited})
		}
		v.cells[c] = cell
	}
	plan, err := v.planner.plan(index, row, v.lookup, false, func(f cellFinding) {
		p := cellProblem(f.column, f.target, f.problem)
		cell := v.cells[f.column]
		if cell == nil {
			one.Problems = append(one.Problems, p)
		} else if cell.Problem == nil || f.problem.Blocks && !cell.Blocks {
			cell.Problem, cell.Blocks = &p, f.problem.Blocks
		}
	})
	if err != nil {
		return one, err
	}
	one.State, one.Problem = plan.outcome(), plan.Problem
	for _, change := range plan.Changes {
		for k, c := range v.shown {
			if c.target.Name == change.Field {
				one.Cells[k].Old = v.oldText(c.target, change.Old)
			}
		}
	}
	return one, nil
}

// oldText is a value of an item for people.
func (v *viewer) oldText(t field.Target, old any) string {
	plain := plainAll(t, v.planner.schema.Context.BaseCurrency, newValues(old))
	for i, s := range plain {
		for _, choice := range t.Options {
			if choice.ID == s {
				plain[i] = choice.Label
			}
		}
	}
	return strings.Join(plain, ", ")
}

// watch notes what became of a cell.
func (v *viewer) watch(s seenCell) {
	cell := v.cells[s.column]
	if cell == nil {
		return // a constant
	}
	cell.Understood = s.value.Text
	if id := strings.Trim(fmt.Sprint(s.value.JSON), "[]"); s.value.Set && id != s.value.Text && s.column.refers(s.given.text) {
		cell.Understood += " (ID " + strings.ReplaceAll(id, " ", ", ") + ")"
	}
	for _, r := range s.given.by {
		why := Why{Kind: WhyDecided, With: r.With}
		if r.remembered {
			why.Kind = WhyAnswer
		}
		cell.Why, cell.Decided = append(cell.Why, why), true
	}
	switch {
	case s.given.text == "":
		if len(s.given.by) == 0 {
			cell.Why = append(cell.Why, Why{Kind: WhyBlank})
		}
	case s.value.Set:
		if why, has := v.evidence[s.column.index]; has {
			cell.Why = append(cell.Why, why)
		}
	}
}

// refers reports whether a text names something that was looked up.
func (c *plannedColumn) refers(text string) bool {
	return c.converter != nil && len(c.converter.Refs(text)) > 0
}
