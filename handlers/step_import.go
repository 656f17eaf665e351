package handlers

import (
	"context"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

// receiptData is step 4 before the start: what will happen, once more.
type receiptData struct {
	chrome
	Import   importer.Import
	Pipeline string
	// Stage and Responsible say where these come from; Stage is empty where
	// the smart process has no stages.
	Stage, Responsible string
	// Unused names the columns with values that are not imported.
	Unused string
	// Write is how many rows will be written, Left how many will not.
	Write, Left int
}

// receipt is step 4 of a checked import.
func (s *Server) receipt(c *fiber.Ctx, v visit) error {
	imp, err := s.importer.Import(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	if imp.State != importer.Checked {
		return s.showImport(c, v, imp)
	}
	return s.showReceipt(c, v, imp, nil)
}

func (s *Server) showReceipt(c *fiber.Ctx, v visit, imp importer.Import, failures []failure) error {
	t := s.text(c)
	d := receiptData{
		chrome: stepper(t, 4, imp), Import: imp,
		Write: imp.Plan.Created + imp.Plan.Updated, Left: imp.Plan.Skipped + imp.Plan.Failed,
	}
	d.Failures, d.Lead = failures, t.Text("import.receipt_lead")
	d.Scripts = []string{"start.js"}
	person := t.Text("import.you")
	if id := imp.Target.Responsible; id != 0 && id != v.Session.User {
		person = t.Text("import.user", "id", strconv.FormatInt(id, 10))
	}
	d.Responsible = sourceOf(t, imp.Mapping, "assignedById", person)
	view, err := s.importer.Columns(c.UserContext(), v.actor(), imp.ID, nil)
	if err != nil {
		if _, ok := refusal(err); !ok {
			return err
		}
	}
	d.Unused = unused(t, view)
	schema, err := s.importer.Schema(c.UserContext(), v.actor(), imp.Target.EntityTypeID)
	if err != nil {
		if _, ok := refusal(err); !ok {
			return err
		}
	} else {
		for _, category := range schema.Context.Categories {
			if category.ID == imp.Target.CategoryID && schema.Type.Categories {
				d.Pipeline = sourceOf(t, imp.Mapping, "categoryId", category.Name)
			}
		}
		if stages := schema.Context.Stages[imp.Target.CategoryID]; len(stages) > 0 {
			d.Stage = t.Text("target.stage_first")
			for _, stage := range stages {
				if stage.ID == imp.Target.StageID {
					d.Stage = stage.Name
				}
			}
			d.Stage = sourceOf(t, imp.Mapping, "stageId", d.Stage)
		}
	}
	return s.render(c, "receipt", t.Text("import.receipt_title"), d)
}

// sourceOf says where the rows get the value of a field from: the column that
// goes there, and what was said for all rows for those that have none.
func sourceOf(t locale.Catalogue, m importer.Mapping, name, otherwise string) string {
	for _, c := range m.Columns {
		if c.Field == name {
			return t.Text("import.from_file", "otherwise", otherwise)
		}
	}
	if m.Constants[name] != "" {
		return t.Text("columns.by_constant", "value", m.Constants[name])
	}
	return otherwise
}

// unusedShown is how many columns the receipt names.
const unusedShown = 12

// unused names the columns that hold something and go nowhere: who presses
// Start should know what stays behind.
func unused(t locale.Catalogue, view importer.ColumnsView) string {
	var names []string
	for _, c := range view.Columns {
		if c.Mapping.Field == "" && c.Filled > 0 {
			names = append(names, c.Name)
		}
	}
	if len(names) > unusedShown {
		return t.Text("check.rows_and_more", "rows", strings.Join(names[:unusedShown], ", "))
	}
	return strings.Join(names, ", ")
}

// startImport begins to write. Pressing twice starts once.
func (s *Server) startImport(c *fiber.Ctx, v visit) error {
	a, id := v.actor(), c.Params("id")
	imp, err := s.importer.Start(c.UserContext(), a, id)
	if err == nil {
		return s.showProgress(c, v, imp)
	}
	failures, err := told(s.text(c), err, "")
	if err != nil {
		return err
	}
	if imp, err = s.importer.Import(c.UserContext(), a, id); err != nil {
		return err
	}
	if imp.State == importer.Checked {
		c.Status(fiber.StatusUnprocessableEntity)
		return s.showReceipt(c, v, imp, failures)
	}
	return s.showImport(c, v, imp)
}

// steer pauses, resumes or stops an import and shows how it stands.
func (s *Server) steer(how func(Importer, context.Context, importer.Actor, string) (importer.Import, error)) func(*fiber.Ctx, visit) error {
	return func(c *fiber.Ctx, v visit) error {
		a, id := v.actor(), c.Params("id")
		imp, err := how(s.importer, c.UserContext(), a, id)
		if err == nil {
			return s.showImport(c, v, imp)
		}
		failures, err := told(s.text(c), err, "")
		if err != nil {
			return err
		}
		if imp, err = s.importer.Import(c.UserContext(), a, id); err != nil {
			return err
		}
		if open(imp) {
			return s.showImport(c, v, imp)
		}
		return s.showRun(c, v, imp, failures)
	}
}

// runData is step 4 while an import runs, waits or has ended.
type runData struct {
	chrome
	Import   importer.Import
	Progress progressAnswer
	// Control: the person may pause, resume and stop it.
	Control bool
	// Admin: the person may have the log of REST calls.
	Admin bool
	// Written is what reached the portal, Left what did not.
	Written, Left int
	// Reason says why it waits.
	Reason string
	// Rows are the first rows that were not imported.
	Rows []outcomeRow
	// ListURL and ListPath open the items in the CRM; empty: unknown.
	ListURL, ListPath string
}

type outcomeRow struct {
	importer.RowOutcome
	Text string
}

// outcomesShown is how many failed rows the page shows; the file has all.
const outcomesShown = 50

func (s *Server) showProgress(c *fiber.Ctx, v visit, imp importer.Import) error {
	return s.showRun(c, v, imp, nil)
}

func (s *Server) showRun(c *fiber.Ctx, v visit, imp importer.Import, failures []failure) error {
	t, a := s.text(c), v.actor()
	progress, err := s.progressOf(c.UserContext(), t, a, imp.ID)
	if err != nil {
		return err
	}
	if progress.Ended && !imp.State.Ended() { // since it was read
		if imp, err = s.importer.Import(c.UserContext(), a, imp.ID); err != nil {
			return err
		}
	}
	d := runData{
		chrome: stepper(t, 4, imp), Import: imp, Progress: progress,
		Control: a.Admin || imp.User == a.User, Admin: a.Admin,
		Written: imp.Counts.Created + imp.Counts.Updated, Left: imp.Counts.Skipped + imp.Counts.Failed,
	}
	d.Failures = failures
	d.Scripts = []string{"start.js"}
	if imp.Reason != nil {
		d.Reason = t.Problem(imp.Reason.Code, imp.Reason.Args)
	}
	if imp.Target.EntityTypeID > 0 && d.Written > 0 {
		if origin := portalOrigin(v); origin != "" {
			d.ListPath = "/crm/type/" + strconv.FormatInt(imp.Target.EntityTypeID, 10) + "/list/category/" + strconv.FormatInt(imp.Target.CategoryID, 10) + "/"
			d.ListURL = origin + d.ListPath
		}
	}
	if !imp.State.Ended() {
		d.Scripts = append(d.Scripts, "progress.js")
		switch progress.Phase {
		case string(importer.Running):
			d.Lead = t.Text("import.close_window")
		case string(importer.Paused):
			d.Lead = t.Text("import.paused_lead")
		}
		return s.render(c, "run", t.Text("import.title_"+progress.Phase, "name", imp.Target.Title), d)
	}
	if d.Left > 0 {
		rows, err := s.importer.Outcomes(c.UserContext(), a, imp.ID, 0, outcomesShown)
		if _, ok := refusal(err); err != nil && !ok {
			return err
		}
		for _, row := range rows {
			one := outcomeRow{RowOutcome: row}
			if row.Problem != nil {
				one.Text = t.Problem(row.Problem.Code, row.Problem.Args)
			}
			d.Rows = append(d.Rows, one)
		}
	}
	return s.render(c, "run", d.verdict(c, s), d)
}

// verdict is the truth in one sentence.
func (d runData) verdict(c *fiber.Ctx, s *Server) string {
	t, all := s.text(c), d.Import.Rows
	arrived := d.Written + d.Import.Counts.Unchanged
	switch {
	case d.Import.State == importer.Undone:
		return t.Text("import.verdict_undone")
	case d.Import.State == importer.Stopped:
		return t.Text("import.verdict_stopped", "n", arrived, "all", all)
	case arrived == 0:
		return t.Text("import.verdict_none", "all", all)
	case arrived < all:
		return t.Text("import.verdict_some", "n", arrived, "all", all, "left", all-arrived)
	}
	return t.Text("import.verdict_all", "n", arrived)
}
