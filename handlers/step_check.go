package handlers

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

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
	// Groups are the findings of this page by column; Blocking and Noted
	// count all findings of either kind, Safe those with a suggestion.
	Groups                []findingGroup
	Blocking, Noted, Safe int
	// All is the number of findings; From and To say which are on the page,
	// from 1; Prev and Next are the first ones of the pages beside it, -1: none.
	All, From, To int
	Prev, Next    int
	// Decided counts the answers given so far.
	Decided int
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
const findingsPage = 100

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

// Page is how many findings a page holds.
func (d checkData) Page() int { return findingsPage }

// page cuts the findings from an index on into groups.
func (d *checkData) page(t locale.Catalogue, from int, choices map[string][]field.Choice) {
	all := d.Result.Findings
	d.All, d.Prev, d.Next = len(all), -1, -1
	for _, f := range all {
		if f.Blocks {
			d.Blocking++
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

type decisionKey struct {
	column int
	value  string
}

func decisionsOf(imp importer.Import) map[decisionKey]importer.Action {
	m := make(map[decisionKey]importer.Action, len(imp.Decisions))
	for _, d := range imp.Decisions {
		m[decisionKey{d.Column, d.Value}] = d.Action
	}
	return m
}

// decide takes the answers to findings. "do" is "apply" for the answers in
// the form, "safe" to take every suggestion, or an action and a column
// ("skip:3") for all findings of that column that block.
func (s *Server) decide(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	ctx, a, id := c.UserContext(), v.actor(), c.Params("id")
	var decisions []importer.Decision
	if do := form.Get("do"); do == "apply" {
		decisions = readDecisions(form)
	} else {
		result, err := s.importer.CheckResult(ctx, a, id)
		if err != nil {
			return err
		}
		decisions = decideAll(result.Findings, do)
	}
	imp, err := s.importer.Import(ctx, a, id)
	if err != nil {
		return err
	}
	if len(decisions) > 0 {
		if imp, err = s.importer.Decide(ctx, a, id, decisions); err != nil {
			problem, ok := refusal(err)
			if !ok {
				return err
			}
			return s.showColumnsRefused(c, v, imp, problem)
		}
	}
	return s.showCheck(c, v, imp)
}

// readDecisions reads column.<n>, value.<n>, action.<n> and with.<n>.
// An action that begins with "=" is a value chosen from the field's own.
// Findings without an answer are left out.
func readDecisions(form url.Values) []importer.Decision {
	var list []importer.Decision
	for name := range form {
		n, ok := cutNumber(name, "action.")
		if !ok {
			continue
		}
		column, err := strconv.Atoi(form.Get("column." + n))
		if err != nil {
			continue
		}
		d := importer.Decision{Column: column, Value: form.Get("value." + n)}
		action := form.Get(name)
		if with, chosen := strings.CutPrefix(action, "="); chosen {
			d.Action, d.With = importer.UseValue, with
		}
		switch action {
		case "empty":
			d.Action = importer.LeaveEmpty
		case "skip":
			d.Action = importer.SkipRows
		case "closest":
			d.Action, d.With = importer.UseValue, form.Get("closest."+n)
		case "use":
			d.Action, d.With = importer.UseValue, form.Get("with."+n)
		}
		if d.Action == "" || (d.Action == importer.UseValue && d.With == "") {
			continue
		}
		list = append(list, d)
	}
	return list
}

// cutNumber is what follows a prefix in a field's name, if it is a number.
func cutNumber(name, prefix string) (string, bool) {
	if len(name) <= len(prefix) || name[:len(prefix)] != prefix {
		return "", false
	}
	n := name[len(prefix):]
	_, err := strconv.Atoi(n)
	return n, err == nil
}

// decideAll answers many findings at once.
func decideAll(findings []importer.Finding, do string) []importer.Decision {
	column, action := -1, importer.UseValue
	if do != "safe" {
		for name, one := range map[string]importer.Action{"skip:": importer.SkipRows, "empty:": importer.LeaveEmpty} {
			if n, ok := cutNumber(do, name); ok {
				column, _ = strconv.Atoi(n)
				action = one
			}
		}
		if column < 0 {
			return nil
		}
	}
	var list []importer.Decision
	for _, f := range findings {
		d := importer.Decision{Column: f.Column, Value: f.Value, Action: action}
		switch {
		case f.Column < 0:
			continue // the row as a whole: there is no cell to decide about
		case do == "safe" && f.Closest != "":
			d.With = f.Closest
		case do != "safe" && f.Column == column && f.Blocks:
		default:
			continue
		}
		list = append(list, d)
	}
	return list
}

// findingAnswer is one finding for the windowed list of check.js.
type findingAnswer struct {
	N       int    `json:"n"`
	Column  int    `json:"column"`
	Title   string `json:"title"`
	Value   string `json:"value"`
	Text    string `json:"text"`
	Closest string `json:"closest,omitempty"`
	Rows    int    `json:"rows"`
	First   []int  `json:"first"`
	Blocks  bool   `json:"blocks"`
	Decided string `json:"decided,omitempty"`
	// Choices are ids and labels of the values the field knows.
	Choices [][2]string `json:"choices,omitempty"`
}

// findings answers a stretch of the findings: ?from=0&n=200.
func (s *Server) findings(c *fiber.Ctx, v visit) error {
	t, a := s.text(c), v.actor()
	imp, err := s.importer.Import(c.UserContext(), a, c.Params("id"))
	if err != nil {
		return err
	}
	result, err := s.importer.CheckResult(c.UserContext(), a, imp.ID)
	if err != nil {
		return err
	}
	from := min(max(0, c.QueryInt("from")), len(result.Findings))
	to := min(from+min(max(1, c.QueryInt("n", findingsPage)), 500), len(result.Findings))
	choices, err := s.choicesOf(c, v, imp)
	if err != nil {
		return err
	}
	decided := decisionsOf(imp)
	list := make([]findingAnswer, 0, to-from)
	for i, f := range result.Findings[from:to] {
		title := f.ColumnName
		if title == "" {
			title = f.FieldTitle
		}
		var pairs [][2]string
		for _, choice := range choices[f.Field] {
			pairs = append(pairs, [2]string{choice.ID, choice.Label})
		}
		list = append(list, findingAnswer{
			Choices: pairs,
			N:       from + i, Column: f.Column, Title: title, Value: f.Value, Closest: f.Closest, Rows: f.Rows,
			First: f.First, Blocks: f.Blocks, Text: t.Problem(f.Problem.Code, f.Problem.Args),
			Decided: string(decided[decisionKey{f.Column, f.Value}]),
		})
	}
	body, err := json.Marshal(map[string]any{"all": len(result.Findings), "findings": list})
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
	return c.Send(body)
}
