package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spa-importer/spa-importer/app/sheet"
)

// foundItems are the items that the rows of a block name by their keys, as a
// check has read them. A file may need more of the portal's time than it gives
// in ten minutes: the check that goes on after the wait asks for none of them
// again. The run does, for what it writes.
type foundItems struct {
	// Keys are those that were asked for, in order.
	Keys  []string
	Items map[string][]map[string]json.RawMessage
}

func foundDir(imp string) string { return importDir(imp) + "/found" }

func foundName(imp Import, from int) string {
	return fmt.Sprintf("%s/r%d/%d", foundDir(imp.ID), imp.Revision, from)
}

// find hands the items of the rows from an index on to the planner.
func (c *check) find(ctx context.Context, from int, rows []sheet.Row) error {
	if !c.planner.updates() || c.rows <= checkBlock {
		return c.s.find(ctx, c.resolver.caller, c.planner, rows)
	}
	keys, name := c.planner.keysOf(rows), foundName(c.imp, from)
	var kept foundItems
	err := c.s.loadDocument(ctx, name, c.imp.Key, &kept)
	if err == nil && slices.Equal(kept.Keys, keys) {
		c.planner.existing, err = kept.existing()
		return err
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := c.s.find(ctx, c.resolver.caller, c.planner, rows); err != nil {
		return err
	}
	kept = foundItems{Keys: keys, Items: make(map[string][]map[string]json.RawMessage, len(c.planner.existing))}
	for key, items := range c.planner.existing {
		for _, it := range items {
			kept.Items[key] = append(kept.Items[key], it.fields)
		}
	}
	return c.s.saveDocument(ctx, name, c.imp.Key, kept)
}

func (f foundItems) existing() (map[string][]existing, error) {
	all := make(map[string][]existing, len(f.Items))
	for key, items := range f.Items {
		for _, fields := range items {
			it, err := itemOf(fields)
			if err != nil {
				return nil, fmt.Errorf("reading what was found of a block: %w", err)
			}
			all[key] = append(all[key], it)
		}
	}
	return all, nil
}

// forgetFound deletes what the checks of an import have kept. What fails here
// goes with the rest of the import's files.
func (c *check) forgetFound(ctx context.Context) {
	if err := c.s.files.Delete(ctx, foundDir(c.imp.ID)); err != nil {
		c.s.log.WarnContext(ctx, "deleting what a check has found", "import", c.imp.ID, "err", err)
	}
}
