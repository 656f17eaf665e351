package handlers

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix"
)

// targetData is step 2.
type targetData struct {
	chrome
	Import importer.Import
	// Groups are the smart processes by workplace; Many asks for a search.
	Groups []typeGroup
	Many   bool
	// Chosen is the smart process selected; 0: none. Why says in words why
	// it is, if the person did not choose it.
	Chosen int64
	Why    string
	// What the chosen one offers.
	Pipelines   []bitrix.Category
	Pipeline    int64
	Stages      []bitrix.Status
	Stage       string
	Responsible personField
	Modes       modesData
	// Admin: the person may add items everywhere.
	Admin bool
	// Trouble says why nothing can be chosen now.
	Trouble string
}

type typeGroup struct {
	Name  string
	Types []bitrix.Type
}

// manyTypes is from how many smart processes on a search is offered.
const manyTypes = 8

// targetStep is step 2. A form that comes with a choice is shown with it:
// another smart process has other pipelines.
func (s *Server) targetStep(c *fiber.Ctx, v visit) error {
	imp, err := s.importer.Import(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	if !open(imp) {
		return s.showImport(c, v, imp)
	}
	return s.showTarget(c, v, imp, nil)
}

func (s *Server) showTarget(c *fiber.Ctx, v visit, imp importer.Import, failures []failure) error {
	t := s.text(c)
	d := targetData{chrome: stepper(t, 2, imp), Import: imp, Admin: v.actor().Admin}
	d.Failures = failures
	d.Lead = t.Text("target.lead")
	d.Scripts = []string{"target.js"}
	types, err := s.importer.Types(c.UserContext(), v.actor())
	if err != nil {
		problem, ok := refusal(err)
		var called *bitrix.Error
		switch {
		case ok && problem.Code == "connection_gone" && v.Session.Webhook != "" && s.fallback:
			// It went with the import it was entered for.
			return s.showWebhook(c, webhookData{Reason: t.Problem(problem.Code, problem.Args)})
		case ok:
			d.Trouble = t.Problem(problem.Code, problem.Args)
		case errors.As(err, &called):
			d.Trouble = describe(t, err).text
		default:
			return err
		}
		return s.render(c, "target", t.Text("target.title"), d)
	}
	d.Groups, d.Many = grouped(types), len(types) >= manyTypes
	if err := s.choose(c, v, &d, types); err != nil {
		return err
	}
	if err := s.chooseResponsible(c, v, &d); err != nil {
		return err
	}
	return s.render(c, "target", t.Text("target.title"), d)
}

// chooseResponsible is the person for rows that name nobody: the one in the
// form, the one saved, or who looks at the page.
func (s *Server) chooseResponsible(c *fiber.Ctx, v visit, d *targetData) error {
	f := personField{Name: "responsible", ID: "responsible", Find: "find", Chosen: d.Import.Target.Responsible}
	form, err := s.form(c)
	if err != nil && !isMultipart(c) {
		return err
	}
	if id, err := strconv.ParseInt(form.Get("responsible"), 10, 64); err == nil {
		f.Chosen = id
	}
	if f.Chosen == 0 {
		f.Chosen = v.Session.User
	}
	f.Query = form.Get("who.responsible")
	d.Responsible, err = s.personOf(c.UserContext(), v, s.text(c), f)
	return err
}

// choose selects a smart process: the one in the form, the one saved, the
// one the app was opened from, the only one, or the one that fits the
// headers best.
func (s *Server) choose(c *fiber.Ctx, v visit, d *targetData, types []bitrix.Type) error {
	t, has := s.text(c), map[int64]bool{}
	for _, one := range types {
		has[one.EntityTypeID] = true
	}
	form, err := s.form(c)
	if err != nil && !isMultipart(c) {
		return err
	}
	asked, _ := strconv.ParseInt(form.Get("type"), 10, 64)
	switch {
	case has[asked]:
		d.Chosen = asked
	case has[d.Import.Target.EntityTypeID]:
		d.Chosen = d.Import.Target.EntityTypeID
	case has[v.Session.Child]:
		d.Chosen, d.Why = v.Session.Child, t.Text("target.why_children")
	case has[v.Session.EntityTypeID]:
		d.Chosen, d.Why = v.Session.EntityTypeID, t.Text("target.why_opened")
	case len(types) == 1:
		d.Chosen = types[0].EntityTypeID
	case len(types) > 1:
		fit, err := s.importer.Suggest(c.UserContext(), v.actor(), d.Import.ID, types)
		if _, told := refusal(err); err != nil && !told {
			return err
		}
		if has[fit.EntityTypeID] {
			d.Chosen, d.Why = fit.EntityTypeID, t.Text("target.why_headers", "n", fit.Matched, "all", fit.Of)
			if fit.Template {
				d.Why = t.Text("target.why_template")
			}
		}
	}
	if d.Chosen == 0 {
		return nil
	}
	return s.offer(c, v, d, form)
}

// offer reads the pipelines and stages of the chosen smart process.
func (s *Server) offer(c *fiber.Ctx, v visit, d *targetData, form url.Values) error {
	schema, err := s.importer.Schema(c.UserContext(), v.actor(), d.Chosen)
	if err != nil {
		problem, ok := refusal(err)
		if !ok {
			return err
		}
		d.Failures = append(d.Failures, failure{Field: "type-" + strconv.FormatInt(d.Chosen, 10), Text: s.text(c).Problem(problem.Code, problem.Args)})
		return nil
	}
	if schema.Type.Categories {
		d.Pipelines = schema.Context.Categories
	}
	saved := d.Import.Target.EntityTypeID == d.Chosen
	d.Modes = modes(form, d.Import.Target, schema)
	for _, category := range schema.Context.Categories {
		if category.Default || d.Pipeline == 0 {
			d.Pipeline = category.ID
		}
	}
	if saved && d.Import.Target.CategoryID != 0 {
		d.Pipeline = d.Import.Target.CategoryID
	}
	if id, err := strconv.ParseInt(form.Get("pipeline"), 10, 64); err == nil {
		if _, ok := schema.Context.Stages[id]; ok {
			d.Pipeline = id
		}
	}
	if schema.Type.Stages {
		d.Stages = schema.Context.Stages[d.Pipeline]
	}
	if saved && d.Pipeline == d.Import.Target.CategoryID {
		d.Stage = d.Import.Target.StageID
	}
	if slices.ContainsFunc(d.Stages, func(st bitrix.Status) bool { return st.ID == form.Get("stage") }) {
		d.Stage = form.Get("stage")
	}
	return nil
}

// grouped puts smart processes under their workplaces, those without one
// first.
func grouped(types []bitrix.Type) []typeGroup {
	sorted := slices.Clone(types)
	slices.SortStableFunc(sorted, func(a, b bitrix.Type) int {
		return cmp.Or(cmp.Compare(a.Workplace, b.Workplace), cmp.Compare(a.Title, b.Title))
	})
	var groups []typeGroup
	for _, t := range sorted {
		if n := len(groups); n == 0 || groups[n-1].Name != t.Workplace {
			groups = append(groups, typeGroup{Name: t.Workplace})
		}
		last := &groups[len(groups)-1]
		last.Types = append(last.Types, t)
	}
	return groups
}

// saveTarget ends step 2. "do" says which button was pressed: "show" asks
// for the pipelines of another smart process without scripts.
func (s *Server) saveTarget(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	if do := form.Get("do"); do == "show" || do == "find" {
		return s.targetStep(c, v)
	}
	t, a, id := s.text(c), v.actor(), c.Params("id")
	imp, err := s.importer.Import(c.UserContext(), a, id)
	if err != nil {
		return err
	}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(form.Get(name), 10, 64) // not a number: not chosen
		return n
	}
	target := importer.Target{
		EntityTypeID: number("type"), CategoryID: number("pipeline"), StageID: form.Get("stage"),
		Responsible: number("responsible"),
	}
	readModes(form, &target)
	switch target.EntityTypeID {
	case v.Session.Child:
		target.Parent = importer.Parent{EntityTypeID: v.Session.EntityTypeID, ID: v.Session.ItemID}
	case imp.Target.EntityTypeID:
		target.Parent = imp.Target.Parent
	}
	again := func(f failure) error {
		c.Status(fiber.StatusUnprocessableEntity)
		return s.showTarget(c, v, imp, []failure{f})
	}
	switch {
	case target.EntityTypeID == 0:
		return again(failure{Field: "types", Text: t.Problem("no_target", nil)})
	case target.EntityTypeID != number("shown"):
		// The pipeline in the form belongs to another smart process.
		target.CategoryID, target.StageID = 0, ""
	}
	if who := strings.TrimSpace(form.Get("who.responsible")); who != "" {
		// A name was typed and not searched for.
		found, err := s.importer.People(c.UserContext(), a, who)
		problem, told := refusal(err)
		switch {
		case told:
			return again(failure{Field: "who-responsible", Text: t.Problem(problem.Code, problem.Args)})
		case err != nil:
			return err
		case len(found) == 0:
			return again(failure{Field: "who-responsible", Text: t.Problem("nobody_found", map[string]string{"name": who})})
		case len(found) > 1:
			return again(failure{Field: "responsible", Text: t.Problem("responsible_not_chosen", nil)})
		}
		target.Responsible = found[0].ID
	} else if form.Has("responsible") && target.Responsible <= 0 {
		return again(failure{Field: "responsible", Text: t.Problem("responsible_not_chosen", nil)})
	}
	saved, err := s.importer.SetTarget(c.UserContext(), a, id, target)
	if err != nil {
		problem, ok := refusal(err)
		if !ok {
			return err
		}
		if problem.Code == "pipeline_unknown" {
			problem.Code = "target_pipeline_unknown" // a cell can have the same problem
		}
		return again(failure{Field: "types", Text: t.Problem(problem.Code, problem.Args)})
	}
	return s.showColumns(c, v, saved, nil)
}
