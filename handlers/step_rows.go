package handlers

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

// rowsPage is how many rows a page without scripts holds.
const rowsPage = 50

// rowsData is the tab of step 3 that shows the rows.
type rowsData struct {
	checkHead
	View importer.RowsView
	// Filter is the filter chosen, Filters what can be chosen.
	Filter  string
	Filters []rowFilter
	// Finding words the finding whose rows are shown.
	Finding string
	// From and To are places from 1; Prev and Next begin the pages beside, -1:
	// none.
	From, To, Prev, Next int
}

// rowFilter is a choice of rows and how many it takes.
type rowFilter struct {
	Value string
	Label string
	Rows  int
}

// rowData is one row as a form.
type rowData struct {
	chrome
	Import importer.Import
	View   importer.RowsView
	Row    importer.RowView
	// Filter and From lead back to the page of rows.
	Filter string
	From   int
	// Typed is what a refused form holds, by column.
	Typed map[int]string
}

// Text is what stands in the field of a cell.
func (d rowData) Text(column int, cell importer.CellView) string {
	if text, ok := d.Typed[column]; ok {
		return text
	}
	return cell.Text
}

// readFilter reads what stands in the field "filter".
func readFilter(s string) importer.RowFilter {
	if n, ok := strings.CutPrefix(s, "f:"); ok {
		id, err := strconv.Atoi(n)
		if err == nil && id > 0 {
			return importer.RowFilter{Finding: id}
		}
	}
	switch s {
	case "problems":
		return importer.RowFilter{Problems: true}
	case "left":
		return importer.RowFilter{States: []importer.EntryState{importer.EntrySkipped, importer.EntryFailed}}
	case "create":
		return importer.RowFilter{States: []importer.EntryState{importer.EntryCreated}}
	case "update":
		return importer.RowFilter{States: []importer.EntryState{importer.EntryUpdated}}
	case "unchanged":
		return importer.RowFilter{States: []importer.EntryState{importer.EntryUnchanged}}
	}
	return importer.RowFilter{}
}

// filters are the choices that take any rows.
func filters(t locale.Catalogue, r importer.CheckResult) []rowFilter {
	all := []rowFilter{
		{"all", t.Text("check.filter_all"), r.Rows},
		{"problems", t.Text("check.filter_problems"), r.Problems},
		{"left", t.Text("check.filter_left"), r.Plan.Skipped + r.Plan.Failed},
		{"create", t.Text("check.filter_create"), r.Plan.Created},
		{"update", t.Text("check.filter_update"), r.Plan.Updated},
		{"unchanged", t.Text("check.filter_unchanged"), r.Plan.Unchanged},
	}
	return slices.DeleteFunc(all, func(f rowFilter) bool { return f.Rows == 0 && f.Value != "all" })
}

// showRows is the tab with the rows, as a table in pages; rows.js puts a
// window over all of them in its place.
func (s *Server) showRows(c *fiber.Ctx, v visit, head checkHead, result importer.CheckResult, filter string, from int) error {
	t := s.text(c)
	view, err := s.importer.Rows(c.UserContext(), v.actor(), head.Import.ID, readFilter(filter), from, rowsPage)
	if err != nil {
		return err
	}
	d := rowsData{checkHead: head, View: view, Filter: filter, Filters: filters(t, result), Prev: -1, Next: -1}
	d.From, d.To = view.From+1, view.From+len(view.Rows)
	if view.From > 0 {
		d.Prev = max(0, view.From-rowsPage)
	}
	if d.To < view.All {
		d.Next = d.To
	}
	if id := readFilter(filter).Finding; id > 0 {
		for _, f := range result.Findings {
			if f.ID == id {
				d.Finding = t.Problem(f.Problem.Code, f.Problem.Args)
				d.Filters = append(d.Filters, rowFilter{filter, t.Text("check.filter_finding", "value", shortened(f)), f.Rows})
			}
		}
	}
	d.Scripts = []string{"rows.js"}
	d.Words = words(t, "client.row", "client.row_plan", "client.rows_grid", "client.cell_in_file", "client.cell_understood", "client.cell_empty",
		"client.cell_old", "client.cell_why", "client.cell_undo", "client.cell_edit", "client.cell_saved", "client.cell_failed", "client.cell_help", "client.rows_none", "client.counting")
	return s.render(c, "rows", t.Text("check.title"), d)
}

// shortened names a finding in a few words.
func shortened(f importer.Finding) string {
	return cut(cmp.Or(f.Value, f.ColumnName), 40)
}

// cut is a text of at most so many letters.
func cut(text string, letters int) string {
	runes := []rune(text)
	if len(runes) <= letters {
		return text
	}
	return string(runes[:letters]) + "…"
}

// rowStep shows one row as a form: what was read, how it was understood, why,
// and a field for each cell.
func (s *Server) rowStep(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	imp, err := s.importer.Import(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	if imp.State != importer.Checked {
		return s.showImport(c, v, imp)
	}
	return s.showRow(c, v, imp, form, nil, nil)
}

// showRow shows the row that a form names; failures are why what was typed was
// not taken.
func (s *Server) showRow(c *fiber.Ctx, v visit, imp importer.Import, form url.Values, typed map[int]string, failures []failure) error {
	index, err := strconv.Atoi(form.Get("index"))
	if err != nil {
		return fiber.NewError(fiber.StatusBadRequest, "index is not a number")
	}
	view, err := s.importer.Rows(c.UserContext(), v.actor(), imp.ID, importer.RowFilter{}, index, 1)
	if err != nil {
		return err
	}
	if len(view.Rows) != 1 {
		return s.showCheck(c, v, imp)
	}
	from, _ := strconv.Atoi(form.Get("from")) // not a number: the first page
	t := s.text(c)
	d := rowData{chrome: stepper(t, 3, imp), Import: imp, View: view, Row: view.Rows[0], Filter: form.Get("filter"), From: from, Typed: typed}
	d.Failures = failures
	d.Lead = t.Text("check.row_lead")
	return s.render(c, "row", t.Text("check.row_title", "row", d.Row.Number), d)
}

// saveRow takes the corrected cells of one row: text.<column>, and was.<column>
// for what stood there.
func (s *Server) saveRow(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	index, err := strconv.Atoi(form.Get("index"))
	if err != nil {
		return fiber.NewError(fiber.StatusBadRequest, "index is not a number")
	}
	var edits []importer.Edit
	typed := map[int]string{}
	for name := range form {
		n, ok := cutNumber(name, "text.")
		if !ok {
			continue
		}
		column, _ := strconv.Atoi(n) // cutNumber has seen that it is one
		text := strings.ReplaceAll(form.Get(name), "\r\n", "\n")
		if file := form.Get("file." + n); form.Get("undo") == n {
			text = file
		}
		if text != strings.ReplaceAll(form.Get("was."+n), "\r\n", "\n") {
			edits = append(edits, importer.Edit{Index: index, Column: column, Text: text})
			typed[column] = text
		}
	}
	a, id := v.actor(), c.Params("id")
	imp, err := s.importer.Import(c.UserContext(), a, id)
	if err != nil {
		return err
	}
	if len(edits) > 0 {
		changed, err := s.importer.EditCells(c.UserContext(), a, id, edits)
		if err != nil {
			return s.rowRefused(c, v, imp, form, typed, err)
		}
		imp = changed
	}
	return s.showCheck(c, v, imp)
}

// rowRefused shows a row again whose corrections were not taken, with what was
// typed; where the import has gone on meanwhile, what has become of it.
func (s *Server) rowRefused(c *fiber.Ctx, v visit, imp importer.Import, form url.Values, typed map[int]string, err error) error {
	problem, ok := refusal(err)
	if !ok {
		return err
	}
	now, err := s.importer.Import(c.UserContext(), v.actor(), imp.ID)
	if err != nil {
		return err
	}
	if now.State != importer.Checked {
		return s.showCheckRefused(c, v, now, problem)
	}
	c.Status(fiber.StatusUnprocessableEntity)
	return s.showRow(c, v, now, form, typed, []failure{{Text: s.text(c).Problem(problem.Code, problem.Args)}})
}

// rowAnswer and cellAnswer are rows for rows.js.
type rowAnswer struct {
	Index  int          `json:"i"`
	Number int          `json:"n"`
	State  string       `json:"s"`
	Label  string       `json:"l"`
	Why    string       `json:"w,omitempty"`
	Cells  []cellAnswer `json:"c"`
}

type cellAnswer struct {
	Text       string   `json:"t"`
	File       *string  `json:"f,omitempty"` // of a corrected cell
	Understood string   `json:"u,omitempty"`
	Why        []string `json:"w,omitempty"`
	Old        string   `json:"o,omitempty"`
	Problem    string   `json:"p,omitempty"`
	Blocks     bool     `json:"b,omitempty"`
	Decided    bool     `json:"d,omitempty"`
}

func answerOf(t locale.Catalogue, row importer.RowView) rowAnswer {
	a := rowAnswer{Index: row.Index, Number: row.Number, State: string(row.State), Label: t.Text(planKey(row.State, row.Problem)), Why: rowWhy(t, row)}
	for _, cell := range row.Cells {
		one := cellAnswer{
			Text: cell.Text, Understood: cell.Understood, Old: cell.Old, Blocks: cell.Blocks, Decided: cell.Decided,
			Why: whyTexts(t, cell),
		}
		if cell.Edited {
			one.File = &cell.File
		}
		if cell.Problem != nil {
			one.Problem = t.Problem(cell.Problem.Code, cell.Problem.Args)
		}
		a.Cells = append(a.Cells, one)
	}
	return a
}

// skipKey is the text of why a row is skipped, in a word or two; empty where
// there is none.
func skipKey(p *importer.Problem) string {
	if p == nil {
		return ""
	}
	return map[string]string{
		"skipped_by_you": "check.row_skip_you", "repeat_skipped": "check.row_skip_you",
		"over_row_limit": "check.row_over", "stopped_by_you": "state.row_stopped",
		"key_empty": "check.row_no_item", "key_not_found": "check.row_no_item",
	}[p.Code]
}

// planKey is the text of what will happen with a row.
func planKey(state importer.EntryState, why *importer.Problem) string {
	switch state {
	case importer.EntryUpdated:
		return "check.row_update"
	case importer.EntryUnchanged:
		return "check.row_unchanged"
	case importer.EntrySkipped:
		return cmp.Or(skipKey(why), "check.row_skip")
	case importer.EntryFailed:
		return "check.row_fail"
	}
	return "check.row_create"
}

// RowWhy says why a row is left out, and what concerns it as a whole.
func (p Page) RowWhy(row importer.RowView) string { return rowWhy(p.T, row) }

func rowWhy(t locale.Catalogue, row importer.RowView) string {
	var list []string
	if row.Problem != nil {
		list = append(list, t.Problem(row.Problem.Code, row.Problem.Args))
	}
	for _, one := range row.Problems {
		if text := t.Problem(one.Code, one.Args); !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return strings.Join(list, " ")
}

// Whys says why a cell is understood as it is.
func (p Page) Whys(cell importer.CellView) []string { return whyTexts(p.T, cell) }

func whyTexts(t locale.Catalogue, cell importer.CellView) (list []string) {
	for _, w := range cell.Why {
		switch w.Kind {
		case importer.WhyEvidence:
			if key := "evidence." + w.Evidence.Code; t.Has(key) {
				list = append(list, t.Text(key, "row", w.Evidence.Row, "value", w.Evidence.Value))
			}
		case importer.WhyStyle:
			list = append(list, t.Text("check.why_style"))
		case importer.WhyDecided:
			list = append(list, t.Text("check.why_decided"))
		case importer.WhyAnswer:
			list = append(list, t.Text("check.why_answer"))
		case importer.WhyEdited:
			list = append(list, t.Text("check.why_edited"))
		case importer.WhyBlank:
			list = append(list, t.Text("check.why_blank"))
		}
	}
	return list
}

// rows answers a stretch of the rows: ?filter=problems&from=0&n=100.
func (s *Server) rows(c *fiber.Ctx, v visit) error {
	t := s.text(c)
	view, err := s.importer.Rows(c.UserContext(), v.actor(), c.Params("id"), readFilter(c.Query("filter")), c.QueryInt("from"), c.QueryInt("n", rowsPage))
	if err != nil {
		return err
	}
	return sendRows(c, t, view)
}

// editCell corrects one cell and answers with its row as it is now.
func (s *Server) editCell(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	index, e1 := strconv.Atoi(form.Get("index"))
	column, e2 := strconv.Atoi(form.Get("column"))
	if e1 != nil || e2 != nil {
		return fiber.NewError(fiber.StatusBadRequest, "index and column are numbers")
	}
	t, a, id := s.text(c), v.actor(), c.Params("id")
	_, err = s.importer.EditCells(c.UserContext(), a, id, []importer.Edit{{Index: index, Column: column, Text: form.Get("text")}})
	if problem, ok := refusal(err); ok {
		return c.Status(fiber.StatusUnprocessableEntity).JSON(fiber.Map{"problem": t.Problem(problem.Code, problem.Args)})
	}
	if err != nil {
		return err
	}
	view, err := s.importer.Rows(c.UserContext(), a, id, importer.RowFilter{}, index, 1)
	if err != nil {
		return err
	}
	return sendRows(c, t, view)
}

func sendRows(c *fiber.Ctx, t locale.Catalogue, view importer.RowsView) error {
	columns := make([]fiber.Map, len(view.Columns))
	for i, column := range view.Columns {
		columns[i] = fiber.Map{"column": column.Column, "name": column.Name, "title": column.FieldTitle}
	}
	list := make([]rowAnswer, len(view.Rows))
	for i, row := range view.Rows {
		list[i] = answerOf(t, row)
	}
	body, err := json.Marshal(fiber.Map{"all": view.All, "from": view.From, "columns": columns, "rows": list})
	if err != nil {
		return fmt.Errorf("writing rows: %w", err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
	return c.Send(body)
}

// planBadge is the data of the part "row-plan".
type planBadge struct{ Kind, Text, Why string }

// PlanBadge is what will happen with a row, as a badge.
func (p Page) PlanBadge(row importer.RowView) planBadge {
	kind := map[importer.EntryState]string{
		importer.EntryCreated: "good", importer.EntryUpdated: "info", importer.EntrySkipped: "warn", importer.EntryFailed: "bad",
	}[row.State]
	return planBadge{kind, p.T.Text(planKey(row.State, row.Problem)), p.RowWhy(row)}
}
