package handlers

import (
	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
)

// historyData is the list of the portal's imports.
type historyData struct {
	chrome
	Lines []importLine
}

// importLine is one import in a list.
type importLine struct {
	importer.Import
	// Arrived is how many rows the portal has of them.
	Arrived int
}

func lineOf(imp importer.Import) importLine {
	return importLine{Import: imp, Arrived: imp.Counts.Created + imp.Counts.Updated + imp.Counts.Unchanged}
}

// StateText is the text key of the state.
func (l importLine) StateText() string { return "state." + string(l.State) }

// Kind is the look of the state's badge.
func (l importLine) Kind() string {
	switch l.State {
	case importer.Done:
		if l.Counts.Failed > 0 {
			return "warn"
		}
		return "good"
	case importer.Running, importer.Checking, importer.Checked:
		return "info"
	case importer.Waiting, importer.Paused:
		return "warn"
	}
	return ""
}

// historyLimit is how many imports the history shows.
const historyLimit = 200

// history lists the portal's imports, newest first.
func (s *Server) history(c *fiber.Ctx, v visit) error {
	t := s.text(c)
	all, err := s.importer.Imports(c.UserContext(), v.actor(), historyLimit)
	if err != nil {
		return err
	}
	d := historyData{}
	d.Lead = t.Text("history.lead")
	for _, imp := range all {
		d.Lines = append(d.Lines, lineOf(imp))
	}
	return s.render(c, "history", t.Text("history.title"), d)
}
