package handlers

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

// columnsData is step 3: one row per file column.
type columnsData struct {
	chrome
	Import  importer.Import
	Columns []columnRow
	Groups  []targetGroup
	// Needs is the checklist of required fields.
	Needs []need
	// Constants are fields with one value for all rows; Free are the targets
	// that could become one.
	Constants []constantRow
	Free      []field.Target
	// Undecided counts columns without a decision, Mapped those imported.
	Undecided, Mapped int
	// Cannot are the fields that cannot be imported, with the reason.
	Cannot []field.Target
	// Saved are the portal's named mappings, Name the name typed for a new
	// one.
	Saved []savedRow
	Name  string
	// Memory, Template and Gone say where the proposals come from.
	Memory   *importer.SavedMapping
	Template bool
	Gone     string
	// Said is what was done with the last click.
	Said []string
	// Files: a column goes to a file field, and Archive: there is a ZIP.
	Files, Archive bool
	// Filters choose the rows that are shown, Show is the chosen one, and
	// HiddenRows counts the others. Many: there are so many that one searches.
	Filters    []columnFilter
	Show       string
	HiddenRows int
	Many       bool
	// Short: the rows have short lists of fields, and the page the whole one
	// once. By says which column goes to a field that takes one.
	Short bool
	By    map[string]string

	Currencies         []string
	BaseCurrency, Zone string
}

// savedRow is a named mapping; Mine says that the person may change it.
type savedRow struct {
	importer.SavedMapping
	Mine bool
}

// columnRow is one file column as step 3 shows it.
type columnRow struct {
	importer.ColumnView
	// Target is where it goes; nil: it is not imported.
	Target *field.Target
	// Suggested are targets worth a first look.
	Suggested []suggested
	// Style is the column's style, so that what has no control stays.
	Style string
	// By says which other column a field goes to, for fields that take one.
	By    map[string]string
	Error string
	// Short: the list of fields is a short one. Hidden: the filter leaves the
	// row out.
	Short, Hidden bool
}

// suggested is a target with the reason and how sure it is.
type suggested struct {
	field.Target
	Why        string
	Confidence float64
}

// Asked reports whether a question is open.
func (r columnRow) Asked(question string) bool { return slices.Contains(r.Open, question) }

// What can be said about the cells of the target's type.

func (r columnRow) kind(types ...string) bool {
	return r.Target != nil && slices.Contains(types, r.Target.Type)
}

// Dates: the order of day and month matters.
func (r columnRow) Dates() bool {
	o := r.Profile.Order
	return r.kind("date", "datetime") && o.DMY.Count+o.MDY.Count+o.YMD.Count+o.Dots.Count+o.Either.Count > 0
}

// Excel: there are numbers that can be Excel's day numbers.
func (r columnRow) Excel() bool { return r.kind("date", "datetime") && r.Profile.ExcelDays > 0 }

// Numbers: marks of decimals or thousands matter.
func (r columnRow) Numbers() bool {
	m := r.Profile.Marks
	return r.kind("double", "money", "integer") && m.Dot.Count+m.Comma.Count+m.DotGroup.Count+m.CommaGroup.Count+
		m.DotEither.Count+m.CommaEither.Count+m.Space.Count+m.Apostrophe.Count > 0
}

// Money: there are amounts without a currency.
func (r columnRow) Money() bool { return r.kind("money") && r.Profile.Units < r.Profile.Numbers }

// Percent: there are percentages.
func (r columnRow) Percent() bool { return r.kind("double", "integer") && r.Profile.Percents > 0 }

// Lists: cells can hold several values.
func (r columnRow) Lists() bool { return r.Target != nil && r.Target.Multiple && r.Profile.Filled > 0 }

// Blanks: there are blank cells, and the field can be empty.
func (r columnRow) Blanks() bool {
	return r.Target != nil && r.Profile.Filled > 0 && r.Profile.Blank > 0 && !r.Target.Required && !r.kind("boolean")
}

// Zoned: times are read in a time zone.
func (r columnRow) Zoned() bool { return r.kind("datetime") }

// Optional reports whether there is anything to set that is not asked.
func (r columnRow) Optional() bool {
	return r.Dates() && !r.Asked(field.OpenDateOrder) || r.Excel() || r.Numbers() || r.Money() || r.Percent() ||
		r.Lists() && !r.Asked(field.OpenList) || r.Blanks()
}

// shownExamples is how many examples of a column are shown.
const shownExamples = 3

// Shown are the examples to show.
func (r columnRow) Shown() []string { return r.Examples[:min(len(r.Examples), shownExamples)] }

// Suggests reports whether a target stands among the suggested ones, and so
// need not be listed again.
func (r columnRow) Suggests(name string) bool {
	return slices.ContainsFunc(r.Suggested, func(t suggested) bool { return t.Name == name })
}

// Confidence is how sure the present target is; 0: a person chose it.
func (r columnRow) Confidence() float64 {
	if r.Mapping.Why == "" {
		return 0
	}
	for _, p := range r.Proposals {
		if p.Field == r.Mapping.Field {
			return p.Confidence
		}
	}
	return 0
}

// worded is a column with the language and the portal's currencies, for the
// parts of its options.
type worded struct {
	columnRow
	T                  locale.Catalogue
	Currencies         []string
	BaseCurrency, Zone string
}

// With puts the language beside a column.
func (p Page) With(r columnRow) worded {
	d, _ := p.Data.(columnsData)
	return worded{r, p.T, d.Currencies, d.BaseCurrency, d.Zone}
}

// Err is the error of a column's select.
func (p Page) Err(index int, text string) fieldError {
	return fieldError{ID: "err-" + strconv.Itoa(index), Text: text}
}

// Why says why a target was proposed; nothing where the person chose it.
func (p Page) Why(code string) string {
	if key := "columns.why_" + code; p.T.Has(key) {
		return p.T.Text(key)
	}
	return ""
}

// Sure says how sure a proposal is.
func (p Page) Sure(confidence float64) string {
	switch {
	case confidence <= 0:
		return ""
	case confidence >= 0.9:
		return p.T.Text("columns.sure")
	case confidence >= field.Certain:
		return p.T.Text("columns.quite_sure")
	}
	return p.T.Text("columns.unsure")
}

// Hint says what to know of a target before a column goes there.
func (p Page) Hint(t field.Target) string {
	if t.Note == "" {
		return ""
	}
	return p.T.Text("columns.note_" + t.Note)
}

// Evidence says by which cell the dates or numbers of a column were
// understood.
func (p Page) Evidence(r columnRow) string {
	if key := "evidence." + r.ColumnView.Evidence.Code; p.T.Has(key) {
		return p.T.Text(key, "row", r.ColumnView.Evidence.Row, "value", r.ColumnView.Evidence.Value)
	}
	return ""
}

// Reason says why a field cannot be imported.
func (p Page) Reason(code string) string { return p.T.Text("reason." + code) }

type targetGroup struct {
	Label   string // a text key
	Targets []field.Target
}

type need struct {
	Target field.Target
	// By says in words what fills it; empty: nothing does.
	By string
}

// constantRow is a field with one value for all rows.
type constantRow struct {
	Target field.Target
	Value  string
	// Person is set for fields that hold somebody.
	Person *personField
	Error  string
}

// Err is the error of a constant's field.
func (r constantRow) Err() fieldError {
	return fieldError{ID: "err-constant-" + r.Target.Name, Text: r.Error}
}

// wordedConstant is a constant with the language.
type wordedConstant struct {
	constantRow
	T locale.Catalogue
}

// Constant puts the language beside a constant.
func (p Page) Constant(r constantRow) wordedConstant { return wordedConstant{r, p.T} }

// UsedBy says which other column goes to a field that takes one; nothing
// where none does.
func (p Page) UsedBy(r columnRow, name string) string {
	if by := r.By[name]; by != "" && by != r.Name {
		return p.T.Text("columns.used_by", "column", by)
	}
	return ""
}

// Mine reports whether a saved mapping may be changed here.
func (d columnsData) Mine() bool {
	return slices.ContainsFunc(d.Saved, func(r savedRow) bool { return r.Mine })
}

// groupLabels are the groups of targets in the order of the list.
var groupLabels = []struct{ group, label string }{
	{"main", "columns.group_main"}, {"own", "columns.group_own"},
	{"links", "columns.group_links"}, {"history", "columns.group_history"},
}

// fill takes over what the product says of the columns.
func (d *columnsData) fill(t locale.Catalogue, view importer.ColumnsView, imp importer.Import) {
	d.Memory, d.Template, d.Gone = view.Memory, view.Template, strings.Join(view.Gone, ", ")
	d.Archive = imp.Archive != ""
	targets, by := map[string]field.Target{}, map[string]string{}
	for _, target := range view.Targets {
		targets[target.Name] = target
	}
	for _, column := range view.Columns {
		if target, ok := targets[column.Mapping.Field]; ok && !target.Multiple {
			by[target.Name] = column.Name
		}
	}
	for _, column := range view.Columns {
		row := rowOf(column, targets)
		row.By = by
		if column.Mapping.Field != "" {
			d.Mapped++
			d.Files = d.Files || row.kind("file")
		}
		d.Columns = append(d.Columns, row)
	}
	d.By = by
	d.Groups, d.Cannot = groupTargets(view.Targets)
	d.Needs = needsOf(t, view)
}

func rowOf(column importer.ColumnView, byName map[string]field.Target) columnRow {
	row := columnRow{ColumnView: column}
	for _, p := range column.Proposals {
		if target, ok := byName[p.Field]; ok && target.Writable && len(row.Suggested) < 3 {
			row.Suggested = append(row.Suggested, suggested{target, p.Why, p.Confidence})
		}
	}
	if style, err := json.Marshal(column.Mapping.Style); err == nil {
		row.Style = string(style)
	}
	if target, ok := byName[column.Mapping.Field]; ok {
		row.Target = &target
	}
	return row
}

// accuse puts a refusal beside the field it speaks of; at is its id where
// the problem itself does not say.
func (d *columnsData) accuse(t locale.Catalogue, p importer.Problem, at string) {
	if p.Code == "style_open" {
		p.Code = "style_open_" + p.Args["question"]
		if !t.Has("problem." + p.Code) {
			p.Code = "style_open"
		}
	}
	f := failure{Field: "mapping", Text: t.Problem(p.Code, p.Args)}
	if at != "" {
		f.Field = at
	}
	for i := range d.Columns {
		row := &d.Columns[i]
		if name := p.Args["column"]; name != "" && row.Name == name {
			row.Error = f.Text
			f.Field = "field-" + strconv.Itoa(row.Index)
		}
	}
	switch p.Code {
	case "required_missing":
		f.Field = "needs"
	case "constant_wrong":
		for i := range d.Constants {
			if d.Constants[i].Target.Title == p.Args["field"] {
				d.Constants[i].Error = f.Text
				f.Field = "constant-" + d.Constants[i].Target.Name
			}
		}
	}
	d.Failures = append(d.Failures, f)
}

// groupTargets sorts what can be imported into groups, and lists apart what
// cannot.
func groupTargets(targets []field.Target) (groups []targetGroup, cannot []field.Target) {
	by := map[string][]field.Target{}
	for _, t := range targets {
		if t.Writable {
			by[t.Group] = append(by[t.Group], t)
		} else {
			cannot = append(cannot, t)
		}
	}
	for _, g := range groupLabels {
		if len(by[g.group]) > 0 {
			groups = append(groups, targetGroup{Label: g.label, Targets: by[g.group]})
		}
	}
	return groups, cannot
}
