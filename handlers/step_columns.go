package handlers

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

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
}

// columnRow is one file column as step 3 shows it.
type columnRow struct {
	importer.ColumnView
	// Target is where it goes; nil: it is not imported.
	Target *field.Target
	// Suggested are targets worth a first look.
	Suggested []field.Target
	// Style is the column's style, so that what has no control stays.
	Style string
	// What can be asked of the cells of the target's type.
	Dates, Numbers, Lists bool
	Error                 string
}

// Asked reports whether a question is open.
func (r columnRow) Asked(question string) bool { return slices.Contains(r.Open, question) }

// shownExamples is how many examples of a column are shown.
const shownExamples = 3

// Shown are the examples to show.
func (r columnRow) Shown() []string { return r.Examples[:min(len(r.Examples), shownExamples)] }

// Suggests reports whether a target stands among the suggested ones, and so
// need not be listed again.
func (r columnRow) Suggests(name string) bool {
	return slices.ContainsFunc(r.Suggested, func(t field.Target) bool { return t.Name == name })
}

// worded is a column with the language, for the parts of its options.
type worded struct {
	columnRow
	T locale.Catalogue
}

// With puts the language beside a column.
func (p Page) With(r columnRow) worded { return worded{r, p.T} }

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

type constantRow struct {
	Target field.Target
	Value  string
}

// groupLabels are the groups of targets in the order of the list.
var groupLabels = []struct{ group, label string }{
	{"main", "columns.group_main"}, {"own", "columns.group_own"},
	{"links", "columns.group_links"}, {"history", "columns.group_history"},
}

// columnsStep is step 3.
func (s *Server) columnsStep(c *fiber.Ctx, v visit) error {
	imp, err := s.importer.Import(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	switch {
	case !open(imp):
		return s.showImport(c, v, imp)
	case imp.Target.EntityTypeID == 0:
		return s.showTarget(c, v, imp, nil)
	}
	return s.showColumns(c, v, imp, nil)
}

// submitted is what the form of step 3 said and what is wrong with it.
type submitted struct {
	mapping importer.Mapping
	problem importer.Problem
}

func (s *Server) showColumns(c *fiber.Ctx, v visit, imp importer.Import, form *submitted) error {
	t := s.text(c)
	view, err := s.importer.Columns(c.UserContext(), v.actor(), imp.ID)
	if err != nil {
		problem, ok := refusal(err)
		if !ok {
			return err
		}
		return s.showColumnsRefused(c, v, imp, problem)
	}
	if form != nil {
		overlay(&view, *form)
	}
	d := columnsData{chrome: stepper(t, 3, imp), Import: imp, Undecided: view.Undecided}
	d.Lead = t.Text("columns.lead", "target", imp.Target.Title)
	d.Scripts = []string{"mapping.js"}
	d.Words = words(t, "client.used_by", "client.missing", "client.matched")
	byName := map[string]field.Target{}
	for _, target := range view.Targets {
		byName[target.Name] = target
	}
	for _, column := range view.Columns {
		d.Columns = append(d.Columns, rowOf(column, byName))
		if column.Mapping.Field != "" {
			d.Mapped++
		}
	}
	d.Groups, d.Cannot = groupTargets(view.Targets)
	d.Constants, d.Free = constantsOf(view, byName)
	d.Needs = needsOf(t, view, imp.Target)
	if form != nil && form.problem.Code != "" {
		d.accuse(t, form.problem)
	}
	return s.render(c, "columns", t.Text("columns.title"), d)
}

// accuse puts a refusal beside the column it names.
func (d *columnsData) accuse(t locale.Catalogue, p importer.Problem) {
	if p.Code == "style_open" {
		p.Code = "style_open_" + p.Args["question"]
		if !t.Has("problem." + p.Code) {
			p.Code = "style_open"
		}
	}
	f := failure{Field: "mapping", Text: t.Problem(p.Code, p.Args)}
	for i := range d.Columns {
		row := &d.Columns[i]
		if name := p.Args["column"]; name != "" && row.Name == name {
			row.Error = f.Text
			f.Field = "field-" + strconv.Itoa(row.Index)
		}
	}
	if p.Code == "required_missing" {
		f.Field = "needs"
	}
	d.Failures = append(d.Failures, f)
}

// overlay shows what the form said instead of what is saved, so that a
// refusal loses nothing.
func overlay(view *importer.ColumnsView, form submitted) {
	said := map[int]importer.ColumnMapping{}
	for _, m := range form.mapping.Columns {
		said[m.Column] = m
	}
	for i := range view.Columns {
		column := &view.Columns[i]
		m, ok := said[column.Index]
		if !ok {
			continue
		}
		if m.Field != column.Mapping.Field {
			column.Evidence, column.Open = field.Evidence{}, nil
		}
		column.Mapping = m
		if p := form.problem; p.Code == "style_open" && p.Args["column"] == column.Name {
			column.Open = []string{p.Args["question"]}
		}
	}
	view.Constants, view.Undecided = form.mapping.Constants, 0
}

func rowOf(column importer.ColumnView, byName map[string]field.Target) columnRow {
	row := columnRow{ColumnView: column}
	for _, p := range column.Proposals {
		if target, ok := byName[p.Field]; ok && target.Writable && len(row.Suggested) < 3 {
			row.Suggested = append(row.Suggested, target)
		}
	}
	if style, err := json.Marshal(column.Mapping.Style); err == nil {
		row.Style = string(style)
	}
	if target, ok := byName[column.Mapping.Field]; ok {
		row.Target = &target
		row.Lists = target.Multiple
		switch target.Type {
		case "date", "datetime":
			row.Dates = true
		case "double", "money", "integer":
			row.Numbers = true
		}
	}
	return row
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

func constantsOf(view importer.ColumnsView, byName map[string]field.Target) (rows []constantRow, free []field.Target) {
	for name, value := range view.Constants {
		if t, ok := byName[name]; ok {
			rows = append(rows, constantRow{Target: t, Value: value})
		}
	}
	slices.SortFunc(rows, func(a, b constantRow) int { return strings.Compare(a.Target.Title, b.Target.Title) })
	used := map[string]bool{}
	for _, c := range view.Columns {
		used[c.Mapping.Field] = true
	}
	for _, t := range view.Targets {
		if _, constant := view.Constants[t.Name]; t.Writable && !used[t.Name] && !constant {
			free = append(free, t)
		}
	}
	return rows, free
}

// needsOf is the checklist of required fields: what fills each.
func needsOf(t locale.Catalogue, view importer.ColumnsView, target importer.Target) []need {
	by := map[string]string{"categoryId": t.Text("columns.by_step2"), "stageId": t.Text("columns.by_step2"), "assignedById": t.Text("columns.by_step2")}
	for name, value := range view.Constants {
		by[name] = t.Text("columns.by_constant", "value", value)
	}
	for _, c := range view.Columns {
		if c.Mapping.Field != "" {
			by[c.Mapping.Field] = c.Name
		}
	}
	var needs []need
	for _, f := range view.Targets {
		if f.Required && f.Writable {
			needs = append(needs, need{Target: f, By: by[f.Name]})
		}
	}
	return needs
}

// showColumnsRefused is step 3 when it cannot be shown yet or no more.
func (s *Server) showColumnsRefused(c *fiber.Ctx, v visit, imp importer.Import, p importer.Problem) error {
	t := s.text(c)
	switch p.Code {
	case "still_reading":
		return s.showWait(c, v, imp, "reading")
	case "no_target":
		return s.showTarget(c, v, imp, nil)
	}
	return s.showTarget(c, v, imp, []failure{{Text: t.Problem(p.Code, p.Args)}})
}

// saveColumns ends step 3 or, with "do" set to "add", takes up a constant.
func (s *Server) saveColumns(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	ctx, a, id := c.UserContext(), v.actor(), c.Params("id")
	imp, err := s.importer.Import(ctx, a, id)
	if err != nil {
		return err
	}
	if !open(imp) {
		return s.showImport(c, v, imp)
	}
	mapping, err := readMapping(form)
	if err != nil {
		return fiber.NewError(fiber.StatusBadRequest, err.Error())
	}
	if form.Get("do") == "add" {
		// Nothing is judged yet: the form comes back with one line more.
		return s.showColumns(c, v, imp, &submitted{mapping: mapping})
	}
	if _, err = s.importer.SetMapping(ctx, a, id, mapping); err == nil {
		imp, err = s.importer.Check(ctx, a, id)
	}
	if err != nil {
		problem, ok := refusal(err)
		if !ok {
			return err
		}
		c.Status(fiber.StatusUnprocessableEntity)
		return s.showColumns(c, v, imp, &submitted{mapping: mapping, problem: problem})
	}
	return s.showCheck(c, v, imp)
}
