package handlers

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

// waitData is a page that waits for work in the background.
type waitData struct {
	chrome
	Import   importer.Import
	Progress progressAnswer
}

// showWait shows how far reading ("reading") or checking ("checking") is.
func (s *Server) showWait(c *fiber.Ctx, v visit, imp importer.Import, phase string) error {
	t := s.text(c)
	progress, err := s.progressOf(c.UserContext(), t, v.actor(), imp.ID)
	if err != nil {
		return err
	}
	// It may be over by now: then the page's next look finds another phase,
	// and leads on.
	progress.Phase = phase
	d := waitData{chrome: stepper(t, 3, imp), Import: imp, Progress: progress}
	d.Scripts = []string{"progress.js"}
	if phase == "reading" {
		d.Lead = t.Text("check.reading_lead")
		return s.render(c, "wait", t.Text("check.reading_title", "name", imp.FileName), d)
	}
	d.Lead = t.Text("check.nothing_written")
	return s.render(c, "wait", t.Text("check.checking_title"), d)
}

// checkData is step 3 with the result of the check.
type checkData struct {
	chrome
	Import importer.Import
	Result importer.CheckResult
	// RowLimit is how many rows are imported without registration; 0: all.
	RowLimit int
	// Groups are the findings of this page by column; Blocking and Noted
	// count all findings of either kind, Safe those with a suggestion.
	Groups                []findingGroup
	Blocking, Noted, Safe int
	// Blocked are the columns with values that keep rows out.
	Blocked []blockedColumn
	// All is the number of findings; From and To say which are on the page,
	// from 1; Prev and Next are the first ones of the pages beside it, -1: none.
	All, From, To int
	Prev, Next    int
	// Decided counts the answers given so far.
	Decided int
}

// blockedColumn is a column whose findings can be answered at once.
type blockedColumn struct {
	Column int
	Title  string
	Values int
}

// findingGroup is the findings of one column.
type findingGroup struct {
	Column int
	// Title is the column's name, or the field's where there is no column.
	Title string
	Rows  int
	Items []findingRow
}

// findingRow is one finding of a page; N names its fields in the form.
type findingRow struct {
	importer.Finding
	N int
	// Text says what was found, what will happen and what can be done.
	Text string
	// Decided is the answer given before.
	Decided importer.Action
	// Choices are the values the field knows, if they are not too many.
	Choices []field.Choice
}

// shownChoices is how many values of a field a person chooses from; longer
// lists are typed.
const shownChoices = 60

// choicesOf lists the values that fields know, by the field's name. Without
// an answer of the portal the person types the value.
func (s *Server) choicesOf(c *fiber.Ctx, v visit, imp importer.Import) (map[string][]field.Choice, error) {
	schema, err := s.importer.Schema(c.UserContext(), v.actor(), imp.Target.EntityTypeID)
	if err != nil {
		if _, ok := refusal(err); ok {
			return nil, nil
		}
		return nil, err
	}
	schema.Context.CategoryID = imp.Target.CategoryID
	choices := map[string][]field.Choice{}
	for _, t := range field.Targets(schema.Fields, schema.Context) {
		if len(t.Options) <= shownChoices {
			choices[t.Name] = t.Options
		}
	}
	return choices, nil
}

// findingsPage is how many findings a page holds.
const findingsPage = 50

// checkStep shows the check, or begins it if the mapping has been changed.
func (s *Server) checkStep(c *fiber.Ctx, v visit) error {
	a := v.actor()
	imp, err := s.importer.Import(c.UserContext(), a, c.Params("id"))
	if err != nil {
		return err
	}
	if imp.State == importer.Draft {
		checked, err := s.importer.Check(c.UserContext(), a, imp.ID)
		if err != nil {
			problem, ok := refusal(err)
			if !ok {
				return err
			}
			return s.showColumnsRefused(c, v, imp, problem)
		}
		imp = checked
	}
	return s.showCheck(c, v, imp)
}

func (s *Server) showCheck(c *fiber.Ctx, v visit, imp importer.Import) error {
	switch imp.State {
	case importer.Draft:
		return s.showColumns(c, v, imp, nil)
	case importer.Checking:
		return s.showWait(c, v, imp, "checking")
	case importer.Checked:
	default:
		return s.showProgress(c, v, imp)
	}
	t := s.text(c)
	result, err := s.importer.CheckResult(c.UserContext(), v.actor(), imp.ID)
	if err != nil {
		return err
	}
	from := 0
	if form, err := s.form(c); err == nil {
		from, _ = strconv.Atoi(form.Get("from")) // not a number: the first page
	}
	d := checkData{chrome: stepper(t, 3, imp), Import: imp, Result: result, Decided: len(imp.Decisions)}
	if d.RowLimit, err = s.portals.RowLimit(c.UserContext(), v.Session.Portal); err != nil {
		return err
	}
	choices, err := s.choicesOf(c, v, imp)
	if err != nil {
		return err
	}
	d.page(t, from, choices)
	d.Lead = t.Text("check.nothing_written")
	d.Scripts = []string{"check.js"}
	d.Words = words(t, "client.rows", "client.as_is", "client.leave_out", "client.use", "client.leave_empty", "client.skip", "client.with", "client.what", "client.list")
	return s.render(c, "check", t.Text("check.title"), d)
}

// block counts a finding for its column; findings come by column.
func (d *checkData) block(f importer.Finding) {
	if f.Column < 0 {
		return // the row as a whole
	}
	if last := len(d.Blocked) - 1; last >= 0 && d.Blocked[last].Column == f.Column {
		d.Blocked[last].Values++
		return
	}
	d.Blocked = append(d.Blocked, blockedColumn{Column: f.Column, Title: f.ColumnName, Values: 1})
}

// Page is how many findings a page holds.
func (d checkData) Page() int { return findingsPage }

// page cuts the findings from an index on into groups.
func (d *checkData) page(t locale.Catalogue, from int, choices map[string][]field.Choice) {
	all := d.Result.Findings
	d.All, d.Prev, d.Next = len(all), -1, -1
	for _, f := range all {
		if f.Blocks {
			d.Blocking++
			d.block(f)
		} else {
			d.Noted++
		}
		if f.Closest != "" {
			d.Safe++
		}
	}
	if from < 0 || from >= len(all) {
		from = 0
	}
	to := min(from+findingsPage, len(all))
	if from > 0 {
		d.Prev = max(0, from-findingsPage)
	}
	if to < len(all) {
		d.Next = to
	}
	d.From, d.To = from+1, to
	decided := decisionsOf(d.Import)
	for i, f := range all[from:to] {
		row := findingRow{Finding: f, N: from + i, Text: t.Problem(f.Problem.Code, f.Problem.Args)}
		row.Choices = choices[f.Field]
		row.Decided = decided[decisionKey{f.Column, f.Value}]
		last := len(d.Groups) - 1
		if last < 0 || d.Groups[last].Column != f.Column || (f.Column < 0 && d.Groups[last].Title != f.FieldTitle) {
			title := f.ColumnName
			if title == "" {
				title = f.FieldTitle
			}
			d.Groups = append(d.Groups, findingGroup{Column: f.Column, Title: title})
			last++
		}
		d.Groups[last].Items = append(d.Groups[last].Items, row)
		d.Groups[last].Rows += f.Rows
	}
}
