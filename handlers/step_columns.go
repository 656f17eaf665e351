package handlers

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

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

// submitted is what the form of step 3 said, and what there is to say of it.
type submitted struct {
	mapping importer.Mapping
	// asked are fields that are to get a constant and have none yet.
	asked []string
	// who are names searched for, by the field of the constant.
	who map[string]string
	// name is the name to save a mapping under.
	name    string
	problem importer.Problem
	// at is the id of the form field that the problem speaks of; empty: it
	// follows from the problem.
	at string
	// said is what was done, in words.
	said []string
	// show is the filter of the columns, more are those whose whole list of
	// fields was asked for.
	show string
	more []int
}

// saveColumns takes the form of step 3. "do" says what is wanted: to check
// the file (the default), or something that comes back to the step.
func (s *Server) saveColumns(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	imp, err := s.importer.Import(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	if !open(imp) {
		return s.showImport(c, v, imp)
	}
	said := submitted{name: form.Get("mapping_name"), who: map[string]string{}, show: form.Get("show"), more: askedForMore(form)}
	if said.mapping, said.asked, err = readMapping(form); err != nil {
		return fiber.NewError(fiber.StatusBadRequest, err.Error())
	}
	for name := range form {
		if to, ok := strings.CutPrefix(name, "who.constant-"); ok {
			if who := strings.TrimSpace(form.Get(name)); who != "" {
				said.who[to] = who
			}
		}
	}
	open, err := s.foundPeople(c, v, &said)
	if err != nil {
		return err
	}
	do, of, _ := strings.Cut(form.Get("do"), ":")
	if do == "" || do == "check" {
		if open || len(said.more) > 0 || form.Get("new_field") != "" && len(said.asked) > 0 {
			return s.again(c, v, imp, &said, nil) // a constant was begun
		}
		return s.checkColumns(c, v, imp, &said)
	}
	return s.changeColumns(c, v, imp, &said, do, of, form)
}

// foundPeople fills in the people that constants name and whom a search finds
// alone; open: somebody must still be chosen.
func (s *Server) foundPeople(c *fiber.Ctx, v visit, said *submitted) (open bool, err error) {
	for name, who := range said.who {
		found, err := s.importer.People(c.UserContext(), v.actor(), who)
		if _, told := refusal(err); err != nil && !told {
			return false, err
		}
		if len(found) != 1 {
			open = true
			said.asked = append(said.asked, name)
			continue
		}
		said.mapping.Constants[name] = strconv.FormatInt(found[0].ID, 10)
		delete(said.who, name)
	}
	return open, nil
}

// checkColumns ends step 3.
func (s *Server) checkColumns(c *fiber.Ctx, v visit, imp importer.Import, said *submitted) error {
	ctx, a := c.UserContext(), v.actor()
	_, err := s.importer.SetMapping(ctx, a, imp.ID, said.mapping)
	if err == nil {
		imp, err = s.importer.Check(ctx, a, imp.ID)
	}
	if err != nil {
		return s.again(c, v, imp, said, err)
	}
	return s.showCheck(c, v, imp)
}

// again shows step 3 once more with all that was said, and the reason.
func (s *Server) again(c *fiber.Ctx, v visit, imp importer.Import, said *submitted, err error) error {
	if err != nil {
		problem, ok := refusal(err)
		if !ok {
			return err
		}
		said.problem = problem
		c.Status(fiber.StatusUnprocessableEntity)
	}
	return s.showColumns(c, v, imp, said)
}

// changeColumns does what comes back to step 3. What was said is kept: a
// reload, or another step, loses nothing.
func (s *Server) changeColumns(c *fiber.Ctx, v visit, imp importer.Import, said *submitted, do, of string, form url.Values) error {
	ctx, a, t := c.UserContext(), v.actor(), s.text(c)
	switch do {
	case "use":
		changed, applied, err := s.importer.ApplyMapping(ctx, a, imp.ID, form.Get("saved"))
		if err != nil {
			said.at = "saved"
			return s.again(c, v, imp, said, err)
		}
		return s.showColumns(c, v, changed, &submitted{mapping: changed.Mapping, said: appliedWords(t, applied), show: said.show})
	case "propose":
		changed, err := s.importer.Propose(ctx, a, imp.ID)
		if err != nil {
			return s.again(c, v, imp, said, err)
		}
		return s.showColumns(c, v, changed, nil)
	case "clear":
		for i := range said.mapping.Columns {
			said.mapping.Columns[i] = importer.ColumnMapping{Column: said.mapping.Columns[i].Column}
		}
	case "show":
		said.show = of
	case "constant":
		said.asked = append(said.asked, of)
	case "remove":
		delete(said.mapping.Constants, of)
		said.asked = slices.DeleteFunc(said.asked, func(name string) bool { return name == of })
	}
	imp, err := s.importer.KeepMapping(ctx, a, imp.ID, said.mapping)
	if err != nil {
		return s.again(c, v, imp, said, err)
	}
	switch do {
	case "back":
		return s.showTarget(c, v, imp, nil)
	case "archive":
		return s.showArchive(c, v, imp, nil)
	case "save":
		said.at = "mapping-name"
		if err := s.importer.SaveMappingAs(ctx, a, imp.ID, said.name, said.mapping); err != nil {
			return s.again(c, v, imp, said, err)
		}
		said.said, said.name = []string{t.Text("columns.saved", "name", strings.TrimSpace(said.name))}, ""
	case "rename":
		said.at = "rename-" + of
		if err := s.importer.RenameMapping(ctx, a, imp.ID, of, form.Get("rename."+of)); err != nil {
			return s.again(c, v, imp, said, err)
		}
		said.said = []string{t.Text("columns.renamed", "name", strings.TrimSpace(form.Get("rename."+of)))}
	case "delete":
		said.at = "saved"
		if err := s.importer.DeleteMapping(ctx, a, imp.ID, of); err != nil {
			return s.again(c, v, imp, said, err)
		}
		said.said = []string{t.Text("columns.deleted")}
	}
	return s.showColumns(c, v, imp, said)
}

// appliedWords say what became of a saved mapping on this file.
func appliedWords(t locale.Catalogue, a importer.Applied) []string {
	words := []string{t.Text("columns.applied", "name", a.Name, "n", a.Mapped, "all", a.All)}
	if len(a.Absent) > 0 {
		words = append(words, t.Text("columns.applied_absent", "columns", strings.Join(a.Absent, ", ")))
	}
	if len(a.Gone) > 0 {
		words = append(words, t.Text("columns.memory_gone", "columns", strings.Join(a.Gone, ", ")))
	}
	return words
}

func (s *Server) showColumns(c *fiber.Ctx, v visit, imp importer.Import, form *submitted) error {
	ctx, t := c.UserContext(), s.text(c)
	var mapping *importer.Mapping
	if form != nil {
		mapping = &form.mapping
	} else {
		form = &submitted{}
	}
	view, err := s.importer.Columns(ctx, v.actor(), imp.ID, mapping)
	if err != nil {
		problem, ok := refusal(err)
		if !ok {
			return err
		}
		return s.showColumnsRefused(c, v, imp, problem)
	}
	saved, err := s.importer.SavedMappings(ctx, v.actor(), imp.ID)
	if err != nil {
		return err
	}
	d := columnsData{chrome: stepper(t, 3, imp), Import: imp, Undecided: view.Undecided, Name: form.name, Said: form.said,
		Currencies: view.Currencies, BaseCurrency: view.BaseCurrency, Zone: view.Zone}
	d.Lead = t.Text("columns.lead", "target", imp.Target.Title)
	d.Scripts = []string{"mapping.js"}
	d.fill(t, view, imp)
	d.Steps[2].Chosen = t.Text("common.columns_of", "n", d.Mapped, "all", len(d.Columns))
	for _, m := range saved {
		d.Saved = append(d.Saved, savedRow{SavedMapping: m, Mine: m.MayChange(v.actor())})
	}
	if d.Constants, d.Free, err = s.constantsOf(c, v, view, form); err != nil {
		return err
	}
	d.namePeople(t)
	switch {
	case form.problem.Code != "":
		d.accuse(t, form.problem, form.at)
	case imp.Reason != nil && len(form.said) == 0:
		d.accuse(t, *imp.Reason, "") // why a check or a start has come back here
	}
	d.arrange(t.Text, form.show, form.more)
	return s.render(c, "columns", t.Text("columns.title"), d)
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
