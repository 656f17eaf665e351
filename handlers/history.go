package handlers

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
)

// historyData is the list of the portal's imports.
type historyData struct {
	chrome
	Lines []historyLine
	// From and To say which are on the page, counted from 1; Prev and Next
	// are the first ones of the pages beside it, -1: none.
	From, To, Prev, Next int
}

// importLine is one import in a list.
type importLine struct {
	importer.Import
	// Arrived is how many rows the portal has of them, Over how many of the
	// skipped ones lie beyond the row limit.
	Arrived, Over int
}

// historyLine is one import in the history.
type historyLine struct {
	importLine
	When time.Time
	// Until is the last day on which the person can take it back; Again: he
	// can repeat it.
	Until string
	Again bool
}

func lineOf(imp importer.Import) importLine {
	return importLine{
		Import: imp, Arrived: imp.Counts.Created + imp.Counts.Updated + imp.Counts.Unchanged,
		Over: min(imp.Beyond(), imp.Counts.Skipped),
	}
}

// StateText is the text key of the state.
func (l importLine) StateText() string {
	switch {
	case l.Undoing && l.State == importer.Running:
		return "state.undoing"
	case l.Tried():
		return "state.tried"
	}
	return "state." + string(l.State)
}

// Chosen is how many rows were skipped for another reason than the limit.
func (l importLine) Chosen() int { return l.Counts.Skipped - l.Over }

// Begun reports whether anything could have been written.
func (l importLine) Begun() bool { return !open(l.Import) }

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

// historyPage is how many imports a page of the history shows.
const historyPage = 100

// history lists the portal's imports, newest first.
func (s *Server) history(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	from, _ := strconv.Atoi(form.Get("from")) // not a number: the first page
	from = max(0, min(from, 1_000_000))
	all, more, err := s.importer.History(c.UserContext(), v.actor(), from, historyPage)
	if err != nil {
		return err
	}
	t := s.text(c)
	d := historyData{From: from + 1, To: from + len(all), Prev: -1, Next: -1}
	if from > 0 {
		d.Prev = max(0, from-historyPage)
	}
	if more {
		d.Next = from + len(all)
	}
	d.Lead, d.Here = t.Text("history.lead"), "/history"
	for _, imp := range all {
		line := historyLine{importLine: lineOf(imp), When: imp.Created.In(zone(v.Session.Zone))}
		if mayControl(v, imp) && imp.State.Ended() {
			line.Again = true
			if last := s.importer.MayUndo(imp); !last.IsZero() {
				line.Until = t.Date(last.In(zone(v.Session.Zone)))
			}
		}
		d.Lines = append(d.Lines, line)
	}
	return s.render(c, "history", t.Text("history.title"), d)
}
