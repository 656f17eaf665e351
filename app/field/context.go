package field

import (
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// Context is what converting needs to know of the portal.
type Context struct {
	// EntityTypeID is the smart process, CategoryID the pipeline that stages
	// are looked for in; 0 is the default pipeline.
	EntityTypeID, CategoryID int64
	Categories               []bitrix.Category
	// Stages are the stages of each pipeline by its id.
	Stages map[int64][]bitrix.Status
	// Sources is the dictionary SOURCE; Statuses are all dictionaries by
	// their ENTITY_ID.
	Sources  []bitrix.Status
	Statuses map[string][]bitrix.Status
	// Currencies are the ISO codes of the portal; empty if they could not be
	// read: then any ISO code passes. BaseCurrency is meant where a cell
	// names none.
	Currencies   []string
	BaseCurrency string
	// Types are the smart processes of the portal, for links to their items.
	Types []bitrix.Type
	// Key is the field by which rows find the items they update; "id" makes
	// the item's ID a field that a column may go to.
	Key string
	// Admin opens the history fields (created, updated, moved: when and by).
	Admin bool
	// Location is the zone of times written without one; nil is UTC.
	Location *time.Location
	// Lang is the language of the interface, such as "en".
	Lang string
	// HasEmailScope says that users may be looked up by e-mail. Without the
	// scope Bitrix24 drops the filter and answers with everybody.
	HasEmailScope bool
	// HasListsScope says that elements and sections of lists may be looked
	// up by name; without it only their ids are understood.
	HasListsScope bool
	// Files says that the caller fetches the FileSources that file fields
	// convert to. Without it file fields are shown as not importable.
	Files bool
	// Archive lists the files given beside the table; nil: there are none.
	// It is not stored with the rest.
	Archive *Archive `json:"-"`
}

// category is the pipeline that stages are looked for in.
func (c Context) category() int64 {
	if c.CategoryID != 0 {
		return c.CategoryID
	}
	for _, category := range c.Categories {
		if category.Default {
			return category.ID
		}
	}
	if len(c.Categories) == 1 {
		return c.Categories[0].ID
	}
	return 0
}

func (c Context) location() *time.Location {
	if c.Location == nil {
		return time.UTC
	}
	return c.Location
}
