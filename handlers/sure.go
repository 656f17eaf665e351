package handlers

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
)

// sureData is a question before something that cannot be taken lightly.
type sureData struct {
	chrome
	Import importer.Import
	// Written is how many items are in, Left how many rows are not.
	Written, Left int
	// Bin: deleted items go to the smart process's recycle bin; Known: the
	// portal said whether it has one.
	Bin, Known bool
	// ListURL and ListPath open the items in the CRM; empty: unknown.
	ListURL, ListPath string
}

// Asked by the page "sure".
const (
	askStop = "stop"
	askUndo = "undo"
)

// ask shows the question: what would happen, and the ways to answer. Scripts
// ask about stopping in a dialog of the page instead.
func (s *Server) ask(what string) func(*fiber.Ctx, visit) error {
	return func(c *fiber.Ctx, v visit) error {
		imp, err := s.importer.Import(c.UserContext(), v.actor(), c.Params("id"))
		if err != nil {
			return err
		}
		undoable := !s.importer.MayUndo(imp).IsZero()
		switch {
		case open(imp), !mayControl(v, imp), what == askStop && imp.State.Ended(), what == askUndo && !undoable:
			return s.showImport(c, v, imp)
		}
		t := s.text(c)
		d := sureData{
			chrome: stepper(t, 4, imp), Import: imp, Written: imp.Counts.Created + imp.Counts.Updated,
			Left: imp.Rows - imp.Counts.Sum(),
		}
		d.Scripts = []string{"start.js"}
		schema, err := s.importer.Schema(c.UserContext(), v.actor(), imp.Target.EntityTypeID)
		if _, told := refusal(err); err != nil && !told {
			return err
		}
		d.Bin, d.Known = schema.Type.RecycleBin, err == nil
		return s.render(c, "sure-"+what, t.Text("sure."+what+"_title", "n", d.Written), d)
	}
}

// mayControl: the owner, and the portal's administrators.
func mayControl(v visit, imp importer.Import) bool {
	return v.Session.Admin || imp.User == v.Session.User
}

// stopBack stops an import and takes back what it has written. While the
// last request is under way that is not known yet: the page then offers it
// when the word is there.
//
//nolint:revive // the order is that of a method of Importer, which it stands beside
func stopBack(i Importer, ctx context.Context, a importer.Actor, id string) (importer.Import, error) {
	imp, err := i.Stop(ctx, a, id)
	if err != nil || imp.State != importer.Stopped || imp.Counts.Created+imp.Counts.Updated == 0 {
		return imp, err
	}
	return i.Undo(ctx, a, id)
}
