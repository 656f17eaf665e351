package handlers

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/field"
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
	// Admin: the person may do everything; of others the portal says it at the
	// first row alone.
	Admin bool
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
	// Over is how many of Left lie beyond the row limit; Reasons say in words
	// why rows are left out.
	Over    int
	Reasons []string
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
		chrome: stepper(t, 4, imp), Import: imp, Admin: v.actor().Admin,
		Write: imp.Plan.Created + imp.Plan.Updated, Left: imp.Plan.Skipped + imp.Plan.Failed,
		Risky: imp.Plan.Updated > riskyUpdates, Until: t.Date(s.lastDay(v, s.now())),
	}
	if form, err := s.form(c); err == nil {
		d.Sure = form.Has("sure")
	}
	d.reasons(t)
	if d.Write > trialRows {
		d.Trial = trialRows
	}
	d.Failures, d.Lead, d.Here = failures, t.Text("import.receipt_lead"), "/imports/"+imp.ID+"/receipt"
	d.Scripts = []string{"start.js"}
	var err error
	if d.Responsible, err = s.responsible(c, v, imp); err != nil {
		return err
	}
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

// responsible says who is responsible for new items, by name.
func (s *Server) responsible(c *fiber.Ctx, v visit, imp importer.Import) (string, error) {
	t := s.text(c)
	otherwise, err := s.called(c, v, strconv.FormatInt(imp.Target.Responsible, 10))
	if err != nil {
		return "", err
	}
	constant := imp.Mapping.Constants["assignedById"]
	if constant != "" {
		if constant, err = s.called(c, v, constant); err != nil {
			return "", err
		}
	}
	return sourceOf(t, imp.Mapping, "assignedById", constant, otherwise), nil
}

// called is the name of the person that a text names: "you", if it is who
// looks at the page. What the portal does not find stays as it was written.
func (s *Server) called(c *fiber.Ctx, v visit, who string) (string, error) {
	t := s.text(c)
	id, err := strconv.ParseInt(who, 10, 64)
	if err != nil {
		return who, nil
	}
	if id == 0 || id == v.Session.User {
		return t.Text("import.you"), nil
	}
	found, err := s.importer.People(c.UserContext(), v.actor(), who)
	if _, told := refusal(err); err != nil && !told {
		return "", err
	}
	for _, p := range found {
		if p.ID == id {
			return p.Name, nil
		}
	}
	return t.Text("import.user", "id", who), nil
}

// reasons words why rows are left out: each group can be helped otherwise.
func (d *receiptData) reasons(t locale.Catalogue) {
	imp := d.Import
	d.Over = min(imp.Beyond(), imp.Plan.Skipped)
	skipped := "import.left_skipped"
	if imp.Target.Key != "" {
		skipped = "import.left_unmatched"
	}
	for _, one := range []counted{
		{"import.left_failed", imp.Plan.Failed}, {skipped, imp.Plan.Skipped - d.Over}, {"import.left_over", d.Over},
	} {
		if one.n > 0 {
			d.Reasons = append(d.Reasons, t.Text(one.key, "n", one.n, "limit", imp.Limit))
		}
	}
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
	constants := d.Import.Mapping.Constants
	labels := map[string]string{}
	schema.Context.CategoryID = target.CategoryID
	for _, f := range field.Targets(schema.Fields, schema.Context) {
		if constants[f.Name] != "" {
			labels[f.Name] = labelOf(f, constants[f.Name])
		}
	}
	d.Bin = schema.Type.RecycleBin
	for _, category := range schema.Context.Categories {
		if category.ID == target.CategoryID && schema.Type.Categories {
			d.Pipeline = sourceOf(t, d.Import.Mapping, "categoryId", labels["categoryId"], category.Name)
		}
	}
	if stages := schema.Context.Stages[target.CategoryID]; len(stages) > 0 {
		d.Stage = t.Text("target.stage_first")
		for _, stage := range stages {
			if stage.ID == target.StageID {
				d.Stage = stage.Name
			}
		}
		d.Stage = sourceOf(t, d.Import.Mapping, "stageId", labels["stageId"], d.Stage)
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
// goes there, the constant, and what was said for all rows for those that have
// none.
func sourceOf(t locale.Catalogue, m importer.Mapping, name, constant, otherwise string) string {
	for _, c := range m.Columns {
		if c.Field == name {
			return t.Text("import.from_file", "otherwise", otherwise)
		}
	}
	if m.Constants[name] != "" {
		return t.Text("columns.by_constant", "value", constant)
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
