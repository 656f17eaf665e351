package handlers

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
	"github.com/spa-importer/spa-importer/app/sheet"
	"github.com/spa-importer/spa-importer/bitrix"
)

// Importer is what the four steps ask of the product; *importer.Service is
// one, and says what each method does.
type Importer interface {
	CreateUpload(ctx context.Context, a importer.Actor, name string, size int64) (importer.Upload, error)
	Append(ctx context.Context, a importer.Actor, id string, offset int64, r io.Reader) (importer.Upload, error)
	FinishUpload(ctx context.Context, a importer.Actor, id string) (importer.Upload, error)
	Upload(ctx context.Context, a importer.Actor, id string) (importer.Upload, error)
	Correct(ctx context.Context, a importer.Actor, id string, r sheet.Reading) (importer.Upload, error)
	DropUpload(ctx context.Context, a importer.Actor, id string) error
	SameFile(ctx context.Context, a importer.Actor, u importer.Upload) (importer.Import, bool, error)

	CreateArchive(ctx context.Context, a importer.Actor, imp, name string, size int64) (importer.Upload, error)
	TakeArchive(ctx context.Context, a importer.Actor, imp, upload string) (importer.Import, error)
	DropArchive(ctx context.Context, a importer.Actor, imp string) (importer.Import, error)
	Archive(ctx context.Context, a importer.Actor, imp string) (importer.ArchiveView, bool, error)

	Begin(ctx context.Context, a importer.Actor, upload string) (importer.Import, error)
	Types(ctx context.Context, a importer.Actor) ([]bitrix.Type, error)
	Suggest(ctx context.Context, a importer.Actor, imp string, types []bitrix.Type) (importer.Suggestion, error)
	People(ctx context.Context, a importer.Actor, query string) ([]importer.Person, error)
	Schema(ctx context.Context, a importer.Actor, entityTypeID int64) (importer.Schema, error)
	SetTarget(ctx context.Context, a importer.Actor, imp string, t importer.Target) (importer.Import, error)

	Columns(ctx context.Context, a importer.Actor, imp string, form *importer.Mapping) (importer.ColumnsView, error)
	KeepMapping(ctx context.Context, a importer.Actor, imp string, m importer.Mapping) (importer.Import, error)
	Propose(ctx context.Context, a importer.Actor, imp string) (importer.Import, error)
	SavedMappings(ctx context.Context, a importer.Actor, imp string) ([]importer.SavedMapping, error)
	ApplyMapping(ctx context.Context, a importer.Actor, imp, id string) (importer.Import, importer.Applied, error)
	SaveMappingAs(ctx context.Context, a importer.Actor, imp, name string, m importer.Mapping) error
	RenameMapping(ctx context.Context, a importer.Actor, imp, id, name string) error
	DeleteMapping(ctx context.Context, a importer.Actor, imp, id string) error
	SetMapping(ctx context.Context, a importer.Actor, imp string, m importer.Mapping) (importer.Import, error)
	Check(ctx context.Context, a importer.Actor, imp string) (importer.Import, error)
	CheckResult(ctx context.Context, a importer.Actor, imp string) (importer.CheckResult, error)
	Decide(ctx context.Context, a importer.Actor, imp string, d []importer.Decision, remember bool) (importer.Import, error)
	ForgetAnswers(ctx context.Context, a importer.Actor, imp string, answers []importer.Answer) (importer.Import, error)
	LeaveCheck(ctx context.Context, a importer.Actor, imp string) (importer.Import, error)
	Rows(ctx context.Context, a importer.Actor, imp string, filter importer.RowFilter, from, n int) (importer.RowsView, error)
	EditCells(ctx context.Context, a importer.Actor, imp string, edits []importer.Edit) (importer.Import, error)

	Start(ctx context.Context, a importer.Actor, imp string) (importer.Import, error)
	Pause(ctx context.Context, a importer.Actor, imp string) (importer.Import, error)
	Resume(ctx context.Context, a importer.Actor, imp string) (importer.Import, error)
	Stop(ctx context.Context, a importer.Actor, imp string) (importer.Import, error)
	Expect(ctx context.Context, a importer.Actor, imp string) (importer.Expected, error)
	Try(ctx context.Context, a importer.Actor, imp string, rows int) (importer.Import, error)
	RetryFailed(ctx context.Context, a importer.Actor, imp string) (importer.Import, error)
	Repeat(ctx context.Context, a importer.Actor, imp, upload string) (importer.Import, error)
	Anew(ctx context.Context, a importer.Actor, imp string) (importer.Import, error)
	Held(ctx context.Context, a importer.Actor, imp string) (importer.Held, bool, error)
	Undo(ctx context.Context, a importer.Actor, imp string) (importer.Import, error)
	MayUndo(imp importer.Import) time.Time
	StartRules(ctx context.Context, a importer.Actor, imp string) (importer.Import, error)
	Import(ctx context.Context, a importer.Actor, id string) (importer.Import, error)
	Imports(ctx context.Context, a importer.Actor, limit int) ([]importer.Import, error)
	History(ctx context.Context, a importer.Actor, from, n int) (list []importer.Import, more bool, err error)
	Reopened(ctx context.Context, a importer.Actor) error
	LiftLimit(ctx context.Context, a importer.Actor) error
	Item(ctx context.Context, a importer.Actor, entityTypeID, id int64) (importer.ItemView, error)
	Progress(ctx context.Context, a importer.Actor, id string) (importer.Progress, error)
	Outcomes(ctx context.Context, a importer.Actor, imp string, from, limit int, states ...importer.EntryState) ([]importer.RowOutcome, error)
	WriteFailed(ctx context.Context, a importer.Actor, imp, rowTitle, whyTitle string, words func(importer.Problem) string, w io.Writer) error
	UndoOutcomes(ctx context.Context, a importer.Actor, imp string, from, limit int, states ...importer.UndoState) ([]importer.RowOutcome, error)
	WriteKept(ctx context.Context, a importer.Actor, imp string, titles importer.KeptTitles, words func(importer.Problem) string, w io.Writer) error
	Calls(ctx context.Context, a importer.Actor, imp string) ([]bitrix.CallRecord, error)
}

var _ Importer = (*importer.Service)(nil)

// wizardRoutes are the four steps, the history and what their scripts call.
// Pages are answers to POST forms, because the session's token must not stand
// in an address; a page can be asked for again at any time.
func (s *Server) wizardRoutes(r fiber.Router) {
	r.Post("/start", s.inside(s.fileStep))
	r.Post("/history", s.inside(s.history))
	r.Post("/item", s.inside(s.item))
	r.Post("/item/children", s.inside(s.importChildren))

	r.Post("/template", s.inside(s.templates))
	r.Post("/template/file", s.inside(s.templateFile))

	r.Post("/uploads", s.inside(s.createUpload))
	r.Head("/uploads/:id", s.inside(s.uploadOffset))
	r.Patch("/uploads/:id", s.inside(s.appendUpload))
	r.Post("/files", s.plainUpload) // takes the session from its first part
	r.Post("/files/paste", s.inside(s.pasteRows))
	r.Post("/files/:id", s.inside(s.readingStep))
	r.Post("/files/:id/reading", s.inside(s.correctReading))
	r.Post("/files/:id/drop", s.inside(s.dropFile))
	r.Post("/files/:id/next", s.inside(s.beginImport))

	r.Post("/imports/:id", s.inside(s.continueImport))
	r.Post("/imports/:id/file", s.inside(s.importFile))
	r.Post("/imports/:id/target", s.inside(s.targetStep))
	r.Post("/imports/:id/target/save", s.inside(s.saveTarget))
	r.Post("/imports/:id/columns", s.inside(s.columnsStep))
	r.Post("/imports/:id/columns/save", s.inside(s.saveColumns))
	r.Post("/imports/:id/archive", s.inside(s.archivePage))
	r.Post("/imports/:id/archive/uploads", s.inside(s.createArchive))
	r.Post("/imports/:id/archive/take", s.inside(s.takeArchive))
	r.Post("/imports/:id/archive/drop", s.inside(s.dropArchive))
	r.Post("/imports/:id/archive/file", s.plainArchive) // takes the session from its first part
	r.Post("/imports/:id/check", s.inside(s.checkStep))
	r.Post("/imports/:id/decide", s.inside(s.decide))
	r.Get("/imports/:id/findings", s.inside(s.findings))
	r.Post("/imports/:id/check/leave", s.inside(s.leaveCheck))
	r.Get("/imports/:id/rows", s.inside(s.rows))
	r.Post("/imports/:id/cell", s.inside(s.editCell))
	r.Post("/imports/:id/row", s.inside(s.rowStep))
	r.Post("/imports/:id/row/save", s.inside(s.saveRow))
	r.Post("/imports/:id/receipt", s.inside(s.receipt))
	r.Post("/imports/:id/start", s.inside(s.startImport(Importer.Start)))
	r.Post("/imports/:id/pause", s.inside(s.steer(Importer.Pause)))
	r.Post("/imports/:id/resume", s.inside(s.steer(Importer.Resume)))
	r.Post("/imports/:id/rules", s.inside(s.steer(Importer.StartRules)))
	r.Post("/imports/:id/stop", s.inside(s.steer(Importer.Stop)))
	r.Post("/imports/:id/stop/ask", s.inside(s.ask(askStop)))
	r.Post("/imports/:id/kept", s.inside(s.keptRows))
	r.Post("/imports/:id/stop/back", s.inside(s.steer(stopBack)))
	r.Post("/imports/:id/undo", s.inside(s.steer(Importer.Undo)))
	r.Post("/imports/:id/undo/ask", s.inside(s.ask(askUndo)))
	r.Post("/imports/:id/try", s.inside(s.startImport(try)))
	r.Post("/imports/:id/retry", s.inside(s.steer(retry)))
	r.Post("/imports/:id/repeat", s.inside(s.repeat))
	r.Post("/imports/:id/anew", s.inside(s.steer(Importer.Anew)))
	r.Post("/imports/:id/failed", s.inside(s.failedRows))
	r.Post("/imports/:id/calls", s.inside(s.restCalls))
	r.Get("/imports/:id/progress", s.inside(s.progressNow))
	r.Get("/imports/:id/stream", s.inside(s.progressStream))
}

// home is the first page after an open: the import that a link named, what
// imports have done with the item in whose card the app stands, or step 1
// with what was going on.
func (s *Server) home(c *fiber.Ctx, v visit) error {
	if id := v.Session.Import; id != "" {
		imp, err := s.importer.Import(c.UserContext(), v.actor(), id)
		switch {
		case err == nil:
			return s.showImport(c, v, imp)
		case !errors.Is(err, importer.ErrNotFound):
			return err
		}
	}
	if v.Session.Child == 0 && v.Session.ItemID != 0 && strings.HasSuffix(v.Session.Placement, "_DETAIL_TAB") {
		return s.item(c, v)
	}
	return s.fileStep(c, v)
}

// continueImport shows an import where it stands.
func (s *Server) continueImport(c *fiber.Ctx, v visit) error {
	imp, err := s.importer.Import(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	return s.showImport(c, v, imp)
}

func (s *Server) showImport(c *fiber.Ctx, v visit, imp importer.Import) error {
	switch {
	case imp.State == importer.Draft && imp.Target.EntityTypeID == 0:
		return s.showTarget(c, v, imp, nil)
	case imp.State == importer.Draft:
		return s.showColumns(c, v, imp, nil)
	case imp.State == importer.Checking, imp.State == importer.Checked:
		return s.showCheck(c, v, imp)
	}
	return s.showProgress(c, v, imp)
}

// refusal finds in an error what a person must be told.
func refusal(err error) (importer.Problem, bool) {
	var r *importer.Refusal
	if errors.As(err, &r) {
		return r.Problem, true
	}
	return importer.Problem{}, false
}

// told turns a refusal into a line of the error summary; any other error is
// returned. Field is the id of the form field it speaks of.
func told(t locale.Catalogue, err error, field string) ([]failure, error) {
	problem, ok := refusal(err)
	if !ok {
		return nil, err
	}
	return []failure{{Field: field, Text: t.Problem(problem.Code, problem.Args)}}, nil
}

// open reports whether target, mapping and decisions can still be changed.
func open(imp importer.Import) bool {
	switch imp.State {
	case importer.Draft, importer.Checking, importer.Checked:
		return true
	}
	return false
}

// stepper draws the four steps with the choices made. The current step is
// counted from 1.
func stepper(t locale.Catalogue, current int, imp importer.Import) chrome {
	steps := []step{
		{Number: 1, Label: "common.step_file", Chosen: imp.FileName, Action: "file"},
		{Number: 2, Label: "common.step_target", Chosen: imp.Target.Title, Action: "target"},
		{Number: 3, Label: "common.step_columns", Action: "columns"},
		{Number: 4, Label: "common.step_import"},
	}
	if imp.Rows > 0 {
		steps[0].Chosen += " · " + t.Text("common.rows", "n", imp.Rows)
	}
	if all := len(imp.Mapping.Columns); all > 0 {
		steps[2].Chosen = t.Text("common.columns_of", "n", mapped(imp.Mapping), "all", all)
	}
	for i := range steps {
		st := &steps[i]
		switch {
		case st.Number < current:
			st.State = "done"
			if imp.ID == "" || !open(imp) {
				st.Action = ""
			} else if st.Action != "" {
				st.Action = "/imports/" + imp.ID + "/" + st.Action
			}
		case st.Number == current:
			st.State, st.Action = "current", ""
		default:
			st.State, st.Action = "upcoming", ""
		}
	}
	c := chrome{Step: current, Steps: steps}
	if imp.ID != "" {
		c.Here = "/imports/" + imp.ID + []string{"/file", "/target", "/columns", ""}[current-1]
	}
	return c
}

// mapped counts the columns that are imported.
func mapped(m importer.Mapping) int {
	n := 0
	for _, c := range m.Columns {
		if c.Field != "" {
			n++
		}
	}
	return n
}

// portalOrigin is where links into the CRM lead: the verified origin, or the
// host of the webhook that the public page works through; empty: unknown.
func portalOrigin(v visit) string {
	if v.Session.Origin != "" {
		return v.Session.Origin
	}
	if rest, ok := strings.CutPrefix(v.Session.Portal, "hook:"); ok {
		if i := strings.LastIndexByte(rest, ':'); i > 0 {
			return "https://" + rest[:i]
		}
	}
	return ""
}
