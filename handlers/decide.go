package handlers

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

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
// the form, "safe" to take every safe suggestion, "suggest:7" to take that of
// one finding, or an action and a column ("skip:3") for all findings of that
// column that block.
func (s *Server) decide(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	ctx, a, id := c.UserContext(), v.actor(), c.Params("id")
	result, err := s.importer.CheckResult(ctx, a, id)
	if err != nil {
		return err
	}
	imp, err := s.importer.Import(ctx, a, id)
	if err != nil {
		return err
	}
	do := form.Get("do")
	changed := imp
	if what, ok := strings.CutPrefix(do, "forget:"); ok {
		changed, err = s.importer.ForgetAnswers(ctx, a, id, answersNamed(result.Answers, what))
	} else if decisions := decisionsFor(imp, result, do, form); len(decisions) > 0 {
		changed, err = s.importer.Decide(ctx, a, id, decisions, form.Get("remember") == "on")
	}
	if err != nil {
		problem, ok := refusal(err)
		if !ok {
			return err
		}
		return s.showCheckRefused(c, v, imp, problem)
	}
	return s.showCheck(c, v, changed)
}

// decisionsFor are what the form and its button say together: an answer given
// to one finding comes before one for all.
func decisionsFor(imp importer.Import, result importer.CheckResult, do string, form url.Values) []importer.Decision {
	if what, ok := strings.CutPrefix(do, "withdraw:"); ok {
		return withdrawn(imp, what)
	}
	return append(decideAll(result.Findings, do), readDecisions(form)...)
}

// withdrawn takes back the decision "<column>:<value>", or all of them.
func withdrawn(imp importer.Import, what string) (list []importer.Decision) {
	column, value, _ := strings.Cut(what, ":")
	for _, d := range imp.Decisions {
		if what == "all" || (strconv.Itoa(d.Column) == column && d.Value == value) {
			list = append(list, importer.Decision{Column: d.Column, Value: d.Value, Action: importer.Withdraw})
		}
	}
	return list
}

// answersNamed finds the answer "<field>:<value>", or gives all.
func answersNamed(answers []importer.Answer, what string) (list []importer.Answer) {
	name, value, _ := strings.Cut(what, ":")
	for _, a := range answers {
		if what == "all" || (a.Field == name && a.Value == value) {
			list = append(list, a)
		}
	}
	return list
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
		case "first":
			d.Action = importer.KeepFirst
		case "last":
			d.Action = importer.KeepLast
		case "none":
			d.Action = importer.KeepNone
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
	for name, action := range map[string]importer.Action{"first:": importer.KeepFirst, "last:": importer.KeepLast, "none:": importer.KeepNone} {
		if n, ok := cutNumber(do, name); ok {
			column, _ := strconv.Atoi(n) // cutNumber has seen that it is one
			return []importer.Decision{{Column: column, Action: action}}
		}
	}
	if n, ok := cutNumber(do, "suggest:"); ok {
		id, _ := strconv.Atoi(n)
		for _, f := range findings {
			if f.ID == id && f.Column >= 0 && f.Closest != "" {
				return []importer.Decision{{Column: f.Column, Value: f.Value, Action: importer.UseValue, With: f.Closest}}
			}
		}
		return nil
	}
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
		case do == "safe" && f.Safe:
			d.With = f.Closest
		case do != "safe" && f.Column == column && f.Blocks && f.Problem.Code != "keys_repeated":
		default:
			continue
		}
		list = append(list, d)
	}
	return list
}

// listDecisions words what was decided and what was remembered.
func (s *Server) listDecisions(c *fiber.Ctx, v visit, d *checkData) error {
	if len(d.Import.Decisions) == 0 && len(d.Result.Answers) == 0 {
		return nil
	}
	t := s.text(c)
	u, err := s.importer.Upload(c.UserContext(), v.actor(), d.Import.Upload)
	if err != nil {
		return err
	}
	name := func(column int) string {
		if u.Table != nil && column >= 0 && column < len(u.Table.Columns) {
			return u.Table.Columns[column].Name
		}
		return t.Text("check.whole_row")
	}
	for i := len(d.Import.Decisions) - 1; i >= 0 && len(d.Decisions) < shownDecisions; i-- {
		one := d.Import.Decisions[i]
		d.Decisions = append(d.Decisions, decisionRow{one.Column, name(one.Column), one.Value, actionWords(t, one.Action, one.With)})
	}
	columns := map[string]int{}
	for _, m := range d.Import.Mapping.Columns {
		columns[m.Field] = m.Column
	}
	for _, a := range d.Result.Answers[:min(len(d.Result.Answers), shownDecisions)] {
		d.Answers = append(d.Answers, answerRow{a.Field, name(columns[a.Field]), a.Value, actionWords(t, a.Action, a.With)})
	}
	return nil
}

func actionWords(t locale.Catalogue, a importer.Action, with string) string {
	switch a {
	case importer.UseValue:
		return t.Text("check.do_closest", "value", with)
	case importer.LeaveEmpty:
		return t.Text("check.do_empty")
	case importer.SkipRows:
		return t.Text("check.do_skip")
	case importer.KeepFirst:
		return t.Text("check.do_first")
	case importer.KeepLast:
		return t.Text("check.do_last")
	}
	return t.Text("check.do_none")
}

// findingAnswer is one finding for the windowed list of check.js.
type findingAnswer struct {
	N       int    `json:"n"`
	Column  int    `json:"column"`
	Title   string `json:"title"`
	Value   string `json:"value"`
	Text    string `json:"text"`
	Closest string `json:"closest,omitempty"`
	// Where says in words in which rows the value stands.
	Where   string `json:"where"`
	Blocks  bool   `json:"blocks"`
	Decided string `json:"decided,omitempty"`
	// Choices are ids and labels of the values the field knows.
	Choices [][2]string `json:"choices,omitempty"`
	// ID is the finding's own; Kind is "wide", "repeated" or empty; Links are
	// addresses and names of what an ambiguous name could mean.
	ID    int         `json:"id"`
	Kind  string      `json:"kind,omitempty"`
	Links [][2]string `json:"links,omitempty"`
	// Needed: an empty cell would not help.
	Needed bool `json:"needed,omitempty"`
}

func kindOf(f importer.Finding) string {
	switch row := (findingRow{Finding: f}); {
	case row.Wide():
		return "wide"
	case row.Repeated():
		return "repeated"
	}
	return ""
}

func linksOf(t locale.Catalogue, origin string, f importer.Finding) (links [][2]string) {
	for _, one := range f.Candidates {
		if origin != "" && one.Path != "" {
			links = append(links, [2]string{origin + one.Path, candidate(t, one)})
		}
	}
	return links
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
		title := cmp.Or(f.ColumnName, f.FieldTitle, t.Text("check.whole_row"))
		var pairs [][2]string
		for _, choice := range choicesFor(t, f, choices) {
			pairs = append(pairs, [2]string{choice.ID, choice.Label})
		}
		list = append(list, findingAnswer{
			Choices: pairs, ID: f.ID, Kind: kindOf(f), Needed: findingRow{Finding: f}.Needed(), Links: linksOf(t, portalOrigin(v), f),
			N: from + i, Column: f.Column, Title: title, Value: f.Value, Closest: f.Closest,
			Where: t.Text("check.in_rows", "n", f.Rows) + t.Text("format.colon") + " " + rowNumbers(t, f.First, f.Rows), Blocks: f.Blocks, Text: t.Problem(f.Problem.Code, f.Problem.Args),
			Decided: string(decided[decisionKey{f.Column, f.Value}]),
		})
	}
	body, err := json.Marshal(map[string]any{"all": len(result.Findings), "findings": list})
	if err != nil {
		return fmt.Errorf("writing findings: %w", err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
	return c.Send(body)
}
