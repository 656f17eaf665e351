package handlers

import (
	"cmp"
	"net/url"
	"slices"
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

// checkHead is what both tabs of the check begin with.
type checkHead struct {
	chrome
	Import importer.Import
	// Sentence says in one line what would happen now.
	Sentence string
	Rows     int
	Plan     importer.Counts
	// Tab is "problems" or "rows"; Problems and All count what is behind them.
	Tab           string
	Problems, All int
	// RowLimit is how many rows are imported without registration; 0: all.
	RowLimit int
}

// checkData is the tab with the findings.
type checkData struct {
	checkHead
	Result importer.CheckResult
	// Refused is why what was asked last was not done.
	Refused string
	// Decisions are those taken, the last first; Answers those remembered from
	// other files.
	Decisions []decisionRow
	Answers   []answerRow
	// Origin is where links into the portal lead.
	Origin string
	// Groups are the findings of this page by column; Blocking and Noted
	// count all findings of either kind, Safe those with a suggestion.
	Groups                []findingGroup
	Blocking, Noted, Safe int
	// Blocked are the columns with values that keep rows out.
	Blocked []blockedColumn
	// From and To say which of all findings are on the page, from 1; Prev and
	// Next are the first ones of the pages beside it, -1: none.
	From, To   int
	Prev, Next int
	// Decided counts the answers given so far.
	Decided int
}

// blockedColumn is a column whose findings can be answered at once.
type blockedColumn struct {
	Column int
	Title  string
	Values int
	// Repeats: some of them are repeated keys.
	Repeats bool
}

// shownDecisions is how many decisions are listed one by one.
const shownDecisions = 100

// decisionRow is a decision that was taken.
type decisionRow struct {
	Column              int
	Title, Value, Words string
}

// answerRow is a remembered answer that was applied.
type answerRow struct {
	Field, Title, Value, Words string
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
	// Choices are the values the field knows, if they are not too many, or
	// what an ambiguous name could mean.
	Choices []field.Choice
}

// Wide: the row has more cells than there are columns.
func (r findingRow) Wide() bool { return r.Problem.Code == "row_too_long_cells" }

// Repeated: the value is a key that stands in several rows.
func (r findingRow) Repeated() bool { return r.Problem.Code == "keys_repeated" }

// Needed: an empty cell would help no more than the one there is.
func (r findingRow) Needed() bool {
	return slices.Contains([]string{"required_empty", "key_empty", "key_not_found", "id_not_found"}, r.Problem.Code)
}

// Open reports whether something can be decided about the finding.
func (r findingRow) Open() bool { return r.Column >= 0 || r.Wide() }

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

// candidate names one of several things, with what tells it apart.
func candidate(t locale.Catalogue, one importer.Candidate) string {
	if one.Title == "" {
		return t.Text("check.candidate_bare", "id", one.ID)
	}
	return t.Text("check.candidate", "title", one.Title, "id", one.ID)
}

// Candidate names one of several things, with what tells it apart.
func (p Page) Candidate(one importer.Candidate) string { return candidate(p.T, one) }

// choicesFor are the values to choose from instead of the one found: what it
// could mean, or what its field knows.
func choicesFor(t locale.Catalogue, f importer.Finding, choices map[string][]field.Choice) []field.Choice {
	if len(f.Candidates) == 0 || f.Candidates[0].With == "" {
		return choices[f.Field]
	}
	var list []field.Choice
	for _, one := range f.Candidates {
		list = append(list, field.Choice{ID: one.With, Label: candidate(t, one)})
	}
	return list
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

// leaveCheck goes back to the columns while the check is under way.
func (s *Server) leaveCheck(c *fiber.Ctx, v visit) error {
	imp, err := s.importer.LeaveCheck(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	return s.showColumns(c, v, imp, nil)
}

func (s *Server) showCheck(c *fiber.Ctx, v visit, imp importer.Import) error {
	return s.showCheckRefused(c, v, imp, importer.Problem{})
}

// showCheckRefused is the check, and why what was asked last was not done.
func (s *Server) showCheckRefused(c *fiber.Ctx, v visit, imp importer.Import, refused importer.Problem) error {
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
	form, err := s.form(c)
	if err != nil {
		form = url.Values{}
	}
	from, _ := strconv.Atoi(form.Get("from")) // not a number: the first page
	head := checkHead{
		chrome: stepper(t, 3, imp), Import: imp, Sentence: sentence(t, result.Plan, imp), Rows: result.Rows, Plan: result.Plan,
		Problems: len(result.Findings), All: result.Rows, Tab: "problems",
	}
	head.Lead, head.Here = t.Text("check.nothing_written"), "/imports/"+imp.ID+"/check"
	if head.RowLimit, err = s.portals.RowLimit(c.UserContext(), v.Session.Portal); err != nil {
		return err
	}
	if form.Get("tab") == "rows" && refused.Code == "" {
		head.Tab = "rows"
		return s.showRows(c, v, head, result, cmp.Or(form.Get("filter"), "all"), max(0, from))
	}
	d := checkData{checkHead: head, Result: result, Decided: len(imp.Decisions), Origin: portalOrigin(v)}
	if refused.Code != "" {
		d.Refused = t.Problem(refused.Code, refused.Args)
	}
	choices, err := s.choicesOf(c, v, imp)
	if err != nil {
		return err
	}
	if err := s.listDecisions(c, v, &d); err != nil {
		return err
	}
	d.page(t, from, choices)
	d.Scripts = []string{"check.js"}
	d.Words = words(t, "client.as_is", "client.leave_out", "client.use", "client.leave_empty", "client.skip", "client.with", "client.what", "client.list",
		"client.keep_first", "client.keep_last", "client.keep_none", "client.undecided", "client.without_cells", "client.see_rows")
	return s.render(c, "check", t.Text("check.title"), d)
}

// sentence says the plan: "Create 1,180 · skip 8". Rows beyond the limit are
// named as what they are.
func sentence(t locale.Catalogue, plan importer.Counts, imp importer.Import) string {
	var parts []string
	over := min(imp.Beyond(), plan.Skipped)
	for _, p := range []struct {
		key string
		n   int
	}{
		{"check.say_create", plan.Created}, {"check.say_update", plan.Updated}, {"check.say_unchanged", plan.Unchanged},
		{"check.say_skip", plan.Skipped - over}, {"check.say_fail", plan.Failed}, {"check.say_over", over},
	} {
		if p.n > 0 {
			parts = append(parts, t.Text(p.key, "n", p.n, "limit", imp.Limit))
		}
	}
	return strings.Join(parts, " · ")
}

// block counts a finding for its column; findings come by column.
func (d *checkData) block(f importer.Finding) {
	if f.Column < 0 {
		return // the row as a whole
	}
	last := len(d.Blocked) - 1
	if last < 0 || d.Blocked[last].Column != f.Column {
		d.Blocked = append(d.Blocked, blockedColumn{Column: f.Column, Title: f.ColumnName})
		last++
	}
	d.Blocked[last].Values++
	d.Blocked[last].Repeats = d.Blocked[last].Repeats || f.Problem.Code == "keys_repeated"
}

// Page is how many findings a page holds.
func (d checkData) Page() int { return findingsPage }

// page cuts the findings from an index on into groups.
func (d *checkData) page(t locale.Catalogue, from int, choices map[string][]field.Choice) {
	all := d.Result.Findings
	d.Prev, d.Next = -1, -1
	for _, f := range all {
		if f.Blocks {
			d.Blocking++
			d.block(f)
		} else {
			d.Noted++
		}
		if f.Safe {
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
		row.Choices = choicesFor(t, f, choices)
		row.Decided = decided[decisionKey{f.Column, f.Value}]
		last := len(d.Groups) - 1
		if last < 0 || d.Groups[last].Column != f.Column || (f.Column < 0 && d.Groups[last].Title != cmp.Or(f.FieldTitle, t.Text("check.whole_row"))) {
			title := cmp.Or(f.ColumnName, f.FieldTitle, t.Text("check.whole_row"))
			d.Groups = append(d.Groups, findingGroup{Column: f.Column, Title: title})
			last++
		}
		d.Groups[last].Items = append(d.Groups[last].Items, row)
		d.Groups[last].Rows += f.Rows
	}
}
