package handlers

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

// steer pauses, resumes or stops an import and shows how it stands.
func (s *Server) steer(how func(Importer, context.Context, importer.Actor, string) (importer.Import, error)) func(*fiber.Ctx, visit) error {
	return func(c *fiber.Ctx, v visit) error {
		a, id := v.actor(), c.Params("id")
		imp, err := how(s.importer, c.UserContext(), a, id)
		if err == nil {
			return s.showImport(c, v, imp)
		}
		return s.refused(c, v, id, err)
	}
}

// refused shows an import as it is, with the reason why what was asked for
// has not happened.
func (s *Server) refused(c *fiber.Ctx, v visit, id string, err error) error {
	failures, err := told(s.text(c), err, "")
	if err != nil {
		return err
	}
	imp, err := s.importer.Import(c.UserContext(), v.actor(), id)
	if err != nil {
		return err
	}
	if open(imp) {
		return s.showImport(c, v, imp)
	}
	c.Status(fiber.StatusUnprocessableEntity)
	return s.showRun(c, v, imp, failures)
}

// runData is step 4 while an import runs, waits or has ended.
type runData struct {
	chrome
	Import   importer.Import
	Progress progressAnswer
	// Control: the person may pause, resume, stop and undo it, and see rows.
	Control bool
	// Admin: the person may have the log of REST calls.
	Admin bool
	// Written is what was written to the portal, Left what was not, Fixable
	// the failed rows, which can be taken up again.
	Written, Left, Fixable int
	// Rest is how many rows a trial has not taken up.
	Rest int
	// Rows are the first rows that were not imported, Items the first ones
	// that were; More is how many there are beside these.
	Rows  []outcomeRow
	Items []itemLink
	More  int
	// ListURL and ListPath open the items in the CRM; empty: unknown.
	ListURL, ListPath string
	// Until is the last day on which it can be taken back; empty: it cannot.
	Until string
	// Held says what Bitrix24 has shown of the new items, whole or not; empty:
	// nobody has looked.
	Held  string
	Whole bool
	// Limited is how many rows stayed out because the portal had not
	// registered, RowLimit the limit as it is now; 0: none.
	Limited, RowLimit int
	// Kept are the first items that were not taken back, Stayed how many
	// there are.
	Kept   []keptRow
	Stayed int
}

// Moving reports whether something is being done, or will be by itself.
func (d runData) Moving() bool {
	return d.Progress.Phase == phaseRunning || d.Progress.Phase == phaseUndoing
}

// AskRules reports whether the import waits for the person's word on adding
// items one by one.
func (d runData) AskRules() bool {
	return d.Import.Reason != nil && d.Import.Reason.Code == "no_import_right_rules"
}

// Kind is the look of the state: good, warn, or nothing special.
func (d runData) Kind() string {
	switch {
	case d.Moving():
		return ""
	case d.Import.State == importer.Done && d.Left == 0, d.Import.State == importer.Undone && d.Stayed == 0:
		return "good"
	}
	return "warn"
}

// keptRow is an item that was not taken back.
type keptRow struct {
	importer.RowOutcome
	Text string
	Item itemLink
}

// outcomeRow is a row that was not imported; Label says how it ended in a word
// or two, Text why.
type outcomeRow struct {
	importer.RowOutcome
	Label, Text string
}

// itemLink is an item of the portal; without a URL only its ID is known.
// Title is what its row calls it; empty: no column says.
type itemLink struct {
	ID               int64
	URL, Path, Title string
}

// titleShown is how much of a title is shown beside an ID, in letters.
const titleShown = 40

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
	if origin := portalOrigin(v); origin != "" && imp.Target.EntityTypeID > 0 && d.Written > 0 {
		d.ListPath = "/crm/type/" + strconv.FormatInt(imp.Target.EntityTypeID, 10) + "/list/category/" + strconv.FormatInt(imp.Target.CategoryID, 10) + "/"
		d.ListURL = origin + d.ListPath
	}
	if !imp.State.Ended() {
		d.Scripts = append(d.Scripts, "progress.js")
		if err := s.underWay(c, v, &d); err != nil {
			return err
		}
		return s.render(c, "run", t.Text("import.title_"+progress.Phase, "name", imp.Target.Title, "n", d.Written), d)
	}
	if err := s.ended(c, v, &d); err != nil {
		return err
	}
	return s.render(c, "run", verdict(t, imp), d)
}

// underWay fills what the page of an import says that has not ended.
func (s *Server) underWay(c *fiber.Ctx, v visit, d *runData) error {
	t, key := s.text(c), "import.lead_"+d.Progress.Phase
	switch d.Progress.Phase {
	case phaseTried:
		d.Rest = d.Import.Rows - d.Import.Counts.Sum()
		d.Lead = t.Text(key, "n", d.Written, "rest", d.Rest)
		return s.items(c, v, d, trialRows)
	case phaseRunning, phasePaused, phaseUndoing, phaseUndoPaused:
		d.Lead = t.Text(key)
	}
	if !d.Control {
		d.Lead = t.Text("import.lead_watching", "name", d.Import.UserName)
	}
	return nil
}

// itemsShown is how many items the page of an ended import links.
const itemsShown = 10

// ended fills what the page of an ended import shows beside its counts.
func (s *Server) ended(c *fiber.Ctx, v visit, d *runData) error {
	t := s.text(c)
	d.Lead = account(t, d.Import)
	if !d.Control {
		return nil
	}
	if err := s.held(c, v, d); err != nil {
		return err
	}
	if d.Import.State == importer.Undone {
		return s.kept(c, v, d)
	}
	if last := s.importer.MayUndo(d.Import); !last.IsZero() {
		d.Until = t.Date(last.In(zone(v.Session.Zone)))
	}
	if err := s.items(c, v, d, itemsShown); err != nil {
		return err
	}
	d.Fixable = d.Import.Counts.Failed
	if limit := d.Import.Limit; limit > 0 && d.Import.Rows > limit {
		now, err := s.portals.RowLimit(c.UserContext(), v.Session.Portal)
		if err != nil {
			return err
		}
		d.Limited, d.RowLimit = d.Import.Rows-limit, now
	}
	if d.Left == 0 {
		return nil
	}
	rows, err := s.importer.Outcomes(c.UserContext(), v.actor(), d.Import.ID, 0, outcomesShown)
	if _, told := refusal(err); err != nil && !told {
		return err
	}
	for _, row := range rows {
		one := outcomeRow{RowOutcome: row, Label: t.Text("state.row_failed")}
		if row.State == importer.EntrySkipped {
			one.Label = t.Text(cmp.Or(skipKey(row.Problem), "state.row_skipped"))
		}
		if row.Problem != nil {
			one.Text = t.Problem(row.Problem.Code, row.Problem.Args)
		}
		d.Rows = append(d.Rows, one)
	}
	return nil
}

// held fills what the portal itself holds of the new items.
func (s *Server) held(c *fiber.Ctx, v visit, d *runData) error {
	if d.Import.State != importer.Done {
		return nil
	}
	h, looked, err := s.importer.Held(c.UserContext(), v.actor(), d.Import.ID)
	if err != nil {
		return err
	}
	if !looked {
		if d.Import.Counts.Created > 0 && d.Import.Counts.Created <= importer.MaxHeld && s.now().Sub(d.Import.Finished) < importer.HeldTime {
			d.Whole, d.Held = true, s.text(c).Text("import.held_soon")
		}
		return nil
	}
	key := "import.held_some"
	if d.Whole = h.Found >= h.Created; d.Whole {
		key = "import.held_all"
	}
	d.Held = s.text(c).Text(key, "n", h.Found, "all", h.Created)
	return nil
}

// kept fills what was not taken back.
func (s *Server) kept(c *fiber.Ctx, v visit, d *runData) error {
	t := s.text(c)
	if d.Stayed = d.Import.Undo.Kept + d.Import.Undo.Impossible; d.Stayed == 0 {
		return nil
	}
	rows, err := s.importer.UndoOutcomes(c.UserContext(), v.actor(), d.Import.ID, 0, outcomesShown)
	if _, told := refusal(err); err != nil && !told {
		return err
	}
	for _, row := range rows {
		one := keptRow{RowOutcome: row, Item: linkOf(v, d.Import, row.ItemID)}
		if row.UndoProblem != nil {
			one.Text = t.Problem(row.UndoProblem.Code, row.UndoProblem.Args)
		}
		d.Kept = append(d.Kept, one)
	}
	return nil
}

// items links the first items that were written.
func (s *Server) items(c *fiber.Ctx, v visit, d *runData, n int) error {
	if !d.Control || d.Written == 0 {
		return nil
	}
	rows, err := s.importer.Outcomes(c.UserContext(), v.actor(), d.Import.ID, 0, n, importer.EntryCreated, importer.EntryUpdated)
	if _, told := refusal(err); err != nil && !told {
		return err
	}
	title := slices.IndexFunc(d.Import.Mapping.Columns, func(m importer.ColumnMapping) bool { return m.Field == "title" })
	for _, row := range rows {
		link := linkOf(v, d.Import, row.ItemID)
		if title >= 0 && d.Import.Mapping.Columns[title].Column < len(row.Cells) {
			link.Title = cut(row.Cells[d.Import.Mapping.Columns[title].Column], titleShown)
		}
		d.Items = append(d.Items, link)
	}
	d.More = d.Written - len(d.Items)
	return nil
}

// linkOf is the card of an item in the portal.
func linkOf(v visit, imp importer.Import, item int64) itemLink {
	l := itemLink{ID: item}
	if origin := portalOrigin(v); origin != "" && item > 0 {
		l.Path = "/crm/type/" + strconv.FormatInt(imp.Target.EntityTypeID, 10) + "/details/" + strconv.FormatInt(item, 10) + "/"
		l.URL = origin + l.Path
	}
	return l
}

// verdict is the truth in one sentence.
func verdict(t locale.Catalogue, imp importer.Import) string {
	n, all := imp.Counts, imp.Rows
	written := n.Created + n.Updated
	arrived := written + n.Unchanged
	undone := imp.Undo
	switch {
	case imp.State == importer.Undone && undone.Sum() > 0 && undone.TakenBack == 0:
		return t.Text("import.verdict_kept", "all", undone.Sum())
	case imp.State == importer.Undone && undone.TakenBack < undone.Sum():
		return t.Text("import.verdict_undone_some", "n", undone.TakenBack, "all", undone.Sum())
	case imp.State == importer.Undone:
		return t.Text("import.verdict_undone", "n", undone.TakenBack)
	case imp.State == importer.Stopped && arrived == 0:
		return t.Text("import.verdict_stopped_none", "all", all)
	case imp.State == importer.Stopped:
		return t.Text("import.verdict_stopped", "n", arrived, "all", all)
	case arrived == 0:
		return t.Text("import.verdict_none", "all", all)
	case written == 0 && arrived == all:
		return t.Text("import.verdict_unchanged", "n", all)
	case written == 0:
		return t.Text("import.verdict_unchanged_some", "n", arrived, "left", all-arrived)
	case arrived < all:
		return t.Text("import.verdict_some", "n", arrived, "all", all, "left", all-arrived)
	}
	return t.Text("import.verdict_all", "n", arrived)
}

// account says what became of the rows where the verdict alone does not: how
// many items are new, changed, or were as the file says already.
func account(t locale.Catalogue, imp importer.Import) string {
	n := imp.Counts
	if imp.State == importer.Undone {
		return sentences(t, []counted{{"import.account_kept", imp.Undo.Kept}, {"import.account_impossible", imp.Undo.Impossible}})
	}
	if n.Updated == 0 && (n.Unchanged == 0 || n.Created == 0) {
		return "" // the verdict says it
	}
	return sentences(t, []counted{
		{"import.account_created", n.Created}, {"import.account_updated", n.Updated}, {"import.account_unchanged", n.Unchanged},
	})
}

// counted is a sentence about a number; without one it is not said.
type counted struct {
	key string
	n   int
}

func sentences(t locale.Catalogue, parts []counted) string {
	var said []string
	for _, part := range parts {
		if part.n > 0 {
			said = append(said, t.Text(part.key, "n", part.n))
		}
	}
	return strings.Join(said, " ")
}
