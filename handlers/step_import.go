package handlers

import (
	"context"
	"strconv"
	"strings"
	"time"

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
	// Key is the title of the field that items are recognised by; empty where
	// rows are only added.
	Key string
	// Bin: what is taken back goes to the smart process's recycle bin.
	Bin bool
	// Until is the last day on which the import can be taken back.
	Until string
	// Told: a message in Bitrix24 says when it is done.
	Told bool
	// Time says how long it will take, Other how long in another order.
	Time, Other string
	// Write is how many rows will be written, Left how many will not.
	Write, Left int
	// Risky asks for a word of consent, which was given if Sure.
	Risky, Sure bool
	// Trial is how many rows a trial would write; 0: none is offered.
	Trial int
}

// What the receipt offers and asks.
const (
	trialRows = 5
	// riskyUpdates is from how many changed items on a person says that he
	// means it.
	riskyUpdates = 1000
)

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
		Risky: imp.Plan.Updated > riskyUpdates, Until: t.Date(s.lastDay(v, s.now())),
	}
	if form, err := s.form(c); err == nil {
		d.Sure = form.Has("sure")
	}
	if d.Write > trialRows {
		d.Trial = trialRows
	}
	d.Failures, d.Lead = failures, t.Text("import.receipt_lead")
	d.Scripts = []string{"start.js"}
	person := t.Text("import.you")
	if id := imp.Target.Responsible; id != 0 && id != v.Session.User {
		person = t.Text("import.user", "id", strconv.FormatInt(id, 10))
	}
	d.Responsible = sourceOf(t, imp.Mapping, "assignedById", person)
	var err error
	if d.Told, err = s.notifies(c, v); err != nil {
		return err
	}
	view, err := s.importer.Columns(c.UserContext(), v.actor(), imp.ID, nil)
	if _, told := refusal(err); err != nil && !told {
		return err
	}
	d.Unused = unused(t, view)
	schema, err := s.importer.Schema(c.UserContext(), v.actor(), imp.Target.EntityTypeID)
	if _, told := refusal(err); err != nil && !told {
		return err
	}
	if err == nil {
		d.place(t, schema)
	}
	if err := s.expect(c, v, &d); err != nil {
		return err
	}
	return s.render(c, "receipt", t.Text("import.receipt_title"), d)
}

// expect says how long it will take, in the order chosen and in the other.
// A portal that cannot be asked now is no reason not to show the rest.
func (s *Server) expect(c *fiber.Ctx, v visit, d *receiptData) error {
	t := s.text(c)
	e, err := s.importer.Expect(c.UserContext(), v.actor(), d.Import.ID)
	if err != nil {
		if _, told := refusal(err); told {
			return nil
		}
		return err
	}
	span := func(r importer.Range) string { return t.Between(r.Low, r.High) }
	chosen, other, key := e.Ordered, e.Any, "import.time_any"
	if d.Import.Target.Fast {
		chosen, other, key = e.Any, e.Ordered, "import.time_ordered"
	}
	if d.Time = span(chosen); !e.Known {
		d.Time = t.Text("import.time_guess", "span", d.Time)
	}
	if span(other) != span(chosen) && d.Import.Plan.Created > 1 {
		d.Other = t.Text(key, "span", span(other))
	}
	return nil
}

// place says where the rows go, as the portal names it.
func (d *receiptData) place(t locale.Catalogue, schema importer.Schema) {
	target := d.Import.Target
	d.Bin = schema.Type.RecycleBin
	for _, category := range schema.Context.Categories {
		if category.ID == target.CategoryID && schema.Type.Categories {
			d.Pipeline = sourceOf(t, d.Import.Mapping, "categoryId", category.Name)
		}
	}
	if stages := schema.Context.Stages[target.CategoryID]; len(stages) > 0 {
		d.Stage = t.Text("target.stage_first")
		for _, stage := range stages {
			if stage.ID == target.StageID {
				d.Stage = stage.Name
			}
		}
		d.Stage = sourceOf(t, d.Import.Mapping, "stageId", d.Stage)
	}
	for _, f := range schema.Fields {
		if target.Key != "" && f.Name == target.Key {
			d.Key = f.Title
		}
	}
}

// ModeText is the text key of what happens with the rows.
func (d receiptData) ModeText() string { return "import.mode_" + string(d.Import.Target.Mode) }

// Button states what the button does.
func (d receiptData) Button(t locale.Catalogue) string {
	create, update := d.Import.Plan.Created, d.Import.Plan.Updated
	switch {
	case create > 0 && update > 0:
		return t.Text("import.start_both", "n", create, "update", t.Number(int64(update)))
	case update > 0:
		return t.Text("import.start_update", "n", update)
	}
	return t.Text("import.start", "n", create)
}

// notifies: a message says when the import is done. A webhook of the person
// has no app behind it that could write.
func (s *Server) notifies(c *fiber.Ctx, v visit) (bool, error) {
	if v.Session.Webhook != "" {
		return false, nil
	}
	return s.portals.Notifies(c.UserContext(), v.Session.Portal)
}

// lastDay is until when something that has ended at a time can be taken back
// and its rows be had.
func (s *Server) lastDay(v visit, ended time.Time) time.Time {
	return ended.AddDate(0, 0, s.keepDays).In(zone(v.Session.Zone))
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

// startImport begins to write: everything, or a trial. Pressing twice starts
// once.
func (s *Server) startImport(start func(Importer, context.Context, importer.Actor, string) (importer.Import, error)) func(*fiber.Ctx, visit) error {
	return func(c *fiber.Ctx, v visit) error {
		a, id := v.actor(), c.Params("id")
		form, err := s.form(c)
		if err != nil {
			return err
		}
		imp, err := s.importer.Import(c.UserContext(), a, id)
		if err != nil {
			return err
		}
		if imp.State == importer.Checked && imp.Plan.Updated > riskyUpdates && !form.Has("sure") {
			c.Status(fiber.StatusUnprocessableEntity)
			return s.showReceipt(c, v, imp, []failure{{Field: "sure", Text: s.text(c).Problem("not_sure", nil)}})
		}
		if imp, err = start(s.importer, c.UserContext(), a, id); err == nil {
			return s.showProgress(c, v, imp)
		}
		return s.notStarted(c, v, id, err)
	}
}

// notStarted says on the receipt why it is not an import yet.
func (s *Server) notStarted(c *fiber.Ctx, v visit, id string, err error) error {
	failures, err := told(s.text(c), err, "")
	if err != nil {
		return err
	}
	imp, err := s.importer.Import(c.UserContext(), v.actor(), id)
	if err != nil {
		return err
	}
	if imp.State == importer.Checked {
		c.Status(fiber.StatusUnprocessableEntity)
		return s.showReceipt(c, v, imp, failures)
	}
	return s.showImport(c, v, imp)
}
