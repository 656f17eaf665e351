package handlers

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/field"
)

// What step 3 does for files of many columns: it shows some of the rows, and
// writes the list of all fields once instead of once per row.
const (
	// manyColumns is from where on the columns that need a person come first
	// and the others when they are asked for, and columns can be searched.
	manyColumns = 60
	// maxOptions is how many options the page writes at most; beyond it every
	// row has a short list of fields.
	maxOptions = 4000
)

// anotherField is the value of a short list that asks for the whole one.
const anotherField = "+"

// Filters of the columns.
const (
	showAll       = "all"
	showUndecided = "undecided"
	showMapped    = "mapped"
	showNone      = "none"
)

var columnFilters = []struct{ code, label string }{
	{showAll, "columns.filter_all"}, {showUndecided, "columns.filter_undecided"},
	{showMapped, "columns.filter_mapped"}, {showNone, "columns.filter_none"},
}

// columnFilter is a button that shows some of the columns.
type columnFilter struct {
	Code, Text string
	Count      int
	On         bool
}

// Decision is the filter under which a row stands.
func (r columnRow) Decision() string {
	switch {
	case r.Mapping.Field != "":
		return showMapped
	case r.Undecided:
		return showUndecided
	}
	return showNone
}

// arrange chooses what is shown of the columns, and how: show is the filter
// that was chosen, more are the columns whose whole list of fields was asked
// for. A row with an error is never hidden.
func (d *columnsData) arrange(text func(string, ...any) string, show string, more []int) {
	counts := map[string]int{showAll: len(d.Columns), showUndecided: 0, showMapped: 0, showNone: 0}
	for _, r := range d.Columns {
		counts[r.Decision()]++
	}
	d.Many = len(d.Columns) > manyColumns
	if _, known := counts[show]; !known {
		show = showAll
		if d.Many {
			show = showMapped
			if counts[showUndecided] > 0 {
				show = showUndecided
			}
		}
	}
	d.Show = show
	for _, f := range columnFilters {
		d.Filters = append(d.Filters, columnFilter{f.code, text(f.label), counts[f.code], f.code == show})
	}
	fields := 0
	for _, g := range d.Groups {
		fields += len(g.Targets)
	}
	d.Short = fields*len(d.Columns) > maxOptions
	for i := range d.Columns {
		r := &d.Columns[i]
		r.Short = d.Short
		r.Hidden = show != showAll && r.Decision() != show && r.Error == ""
	}
	for _, i := range more {
		if i < len(d.Columns) {
			d.Columns[i].Short, d.Columns[i].Hidden = false, false
		}
	}
	for _, r := range d.Columns {
		if r.Hidden {
			d.HiddenRows++
		}
	}
}

// Others are the fields of a short list that are not suggested: the one that
// the column goes to.
func (r columnRow) Others() []field.Target {
	if r.Target == nil || r.Suggests(r.Target.Name) {
		return nil
	}
	return []field.Target{*r.Target}
}

// UsedByAny says which column goes to a field that takes one.
func (p Page) UsedByAny(by map[string]string, name string) string {
	if column := by[name]; column != "" {
		return p.T.Text("columns.used_by", "column", column)
	}
	return ""
}

// askedForMore lists the columns whose whole list of fields a form asks for.
func askedForMore(form url.Values) []int {
	var more []int
	for name := range form {
		if n, ok := strings.CutPrefix(name, "field."); ok && form.Get(name) == anotherField {
			if i, err := strconv.Atoi(n); err == nil && i >= 0 {
				more = append(more, i)
			}
		}
	}
	return more
}
