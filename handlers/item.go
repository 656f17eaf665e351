package handlers

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix"
)

// itemData is the tab in the card of an item: which rows of which imports
// have made or changed it, and what can be imported below it.
type itemData struct {
	chrome
	Lines []itemLine
	// EntityTypeID and ID name the item, for a slider of its own.
	EntityTypeID, ID int64
	Children         []bitrix.Type
	KeepDays         int
}

// itemLine is one row that has made or changed the item.
type itemLine struct {
	importer.Import
	Row  int
	When time.Time
	// What and Kind are the text key and the look of what was done.
	What, Kind string
}

// item is the page of the tab.
func (s *Server) item(c *fiber.Ctx, v visit) error {
	if v.Session.ItemID == 0 || v.Session.EntityTypeID == 0 {
		return fiber.ErrNotFound // not opened from an item
	}
	seen, err := s.importer.Item(c.UserContext(), v.actor(), v.Session.EntityTypeID, v.Session.ItemID)
	if err != nil {
		return err
	}
	t := s.text(c)
	d := itemData{
		EntityTypeID: v.Session.EntityTypeID, ID: seen.ID, Children: seen.Children, KeepDays: s.keepDays,
	}
	d.Scripts = []string{"item.js"}
	d.Lead = t.Text("item.lead", "type", seen.Type, "name", seen.Title)
	if seen.Title == "" {
		d.Lead = t.Text("item.lead", "type", seen.Type, "name", strconv.FormatInt(seen.ID, 10))
	}
	for _, trace := range seen.Traces {
		line := itemLine{Import: trace.Import, Row: trace.Row, When: trace.When.In(zone(v.Session.Zone)), What: "item.updated", Kind: "info"}
		if trace.State == importer.EntryCreated {
			line.What, line.Kind = "item.created", "good"
		}
		if trace.Undo == importer.TakenBack {
			line.What, line.Kind = "item.taken_back", ""
		}
		d.Lines = append(d.Lines, line)
	}
	return s.render(c, "item", t.Text("item.title"), d)
}

// importChildren begins step 1 for a smart process below the item. What is
// chosen is judged when the smart process is: the portal says what it has.
func (s *Server) importChildren(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	child, err := strconv.ParseInt(form.Get("type"), 10, 32)
	if err != nil || child <= 0 || v.Session.ItemID == 0 {
		return fiber.ErrBadRequest
	}
	if v.Session, err = s.portals.Below(c.UserContext(), v.Session, child); err != nil {
		return err
	}
	s.enter(c, v)
	return s.fileStep(c, v)
}
