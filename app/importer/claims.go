package importer

import (
	"context"
	"fmt"
	"slices"

	"github.com/spa-importer/spa-importer/app/field"
)

// fieldCreatedBy is the person who made an item, fieldUpdatedBy who has
// changed it last.
const (
	fieldCreatedBy = "createdBy"
	fieldUpdatedBy = "updatedBy"
)

// claims tell whether an item with the key of a row in doubt is the row's.
// A key that we have made up nobody else has. A code of the person's own
// may stand on somebody else's item, made meanwhile by hand, by another app
// or by another import: there maker and contents speak.
type claims struct {
	imp     Import
	rows    map[int]rowPlan // of rows with a code of their own, by index
	targets map[string]field.Target
	base    string
	// rival: another import has written codes of its own to the same smart
	// process meanwhile, in the name of the same person.
	rival bool
}

// claims prepares the rows in doubt that have codes of their own.
func (r *run) claims(ctx context.Context, doubtful []Entry) (*claims, error) {
	c := &claims{imp: r.imp}
	var own []Entry
	for _, e := range doubtful {
		if e.Key != rowKey(r.imp.ID, e.Row) {
			own = append(own, e)
		}
	}
	if len(own) == 0 {
		return c, nil
	}
	plans, err := r.plansOf(ctx, own, false)
	if err != nil {
		return nil, err
	}
	c.targets, c.base = r.planner.targets, r.planner.schema.Context.BaseCurrency
	c.rows = make(map[int]rowPlan, len(own))
	for i, e := range own {
		c.rows[e.Index] = plans[i]
	}
	c.rival, err = r.rival(ctx, own)
	return c, err
}

// rival reports whether another import may have made items with codes of its
// own since these rows were sent.
func (r *run) rival(ctx context.Context, own []Entry) (bool, error) {
	since := own[0].SentAt
	for _, e := range own {
		if e.SentAt.Before(since) {
			since = e.SentAt
		}
	}
	others, err := r.s.store.Imports(ctx, r.imp.Portal, maxActive, Running, Waiting, Paused, Done, Stopped, Undone)
	if err != nil {
		return false, fmt.Errorf("listing other imports: %w", err)
	}
	return slices.ContainsFunc(others, func(o Import) bool {
		return o.ID != r.imp.ID && o.Target.EntityTypeID == r.imp.Target.EntityTypeID && o.Connection.User == r.imp.Connection.User &&
			slices.ContainsFunc(o.Mapping.Columns, func(m ColumnMapping) bool { return m.Field == fieldKey }) &&
			(o.Finished.IsZero() || o.Finished.After(since.Add(-r.s.settle)))
	}), nil
}

// selected are the fields that the look-up needs.
func (c *claims) selected() []string {
	names := []string{fieldID, fieldKey}
	if c.imp.sets(fieldCreated) {
		names = append(names, fieldUpdated)
	}
	if len(c.rows) == 0 {
		return names
	}
	for _, plan := range c.rows {
		for name := range plan.Fields {
			if !slices.Contains(names, name) && c.compares(name) {
				names = append(names, name)
			}
		}
	}
	if !slices.Contains(names, fieldCreatedBy) {
		names = append(names, fieldCreatedBy)
	}
	return names
}

// ours is the item of a row among those with its key; the zero one if none of
// them is. known is false where one of them could be.
func (c *claims) ours(e Entry, items []existing) (mine existing, known bool) {
	plan, own := c.rows[e.Index]
	if !own {
		if len(items) > 0 {
			mine = items[0]
		}
		return mine, true
	}
	for _, it := range items {
		byUs, same := c.madeByUs(plan, it), c.same(plan, it)
		switch {
		case plan.State != EntryPending: // the row says something else by now
			return existing{}, false
		case !byUs && !same: // somebody else's
		case byUs && same && mine.id == 0 && !c.rival:
			mine = it
		default:
			return existing{}, false
		}
	}
	return mine, true
}

// madeByUs reports whether an item was made in the name of the person whose
// rights the import has, or of whom its row names as its maker.
func (c *claims) madeByUs(plan rowPlan, it existing) bool {
	if _, named := plan.Fields[fieldCreatedBy]; named {
		return c.same(plan, it)
	}
	return it.number(fieldCreatedBy) == c.imp.Connection.User
}

// same reports whether an item holds what the row says.
func (c *claims) same(plan rowPlan, it existing) bool {
	for name, value := range plan.Fields {
		if c.compares(name) && !sameValue(c.targets[name], c.base, it.fields[name], value) {
			return false
		}
	}
	return true
}

// compares leaves out what the portal may change by itself (crm.md 2.3), and
// files, which do not read back as they were sent.
func (c *claims) compares(name string) bool {
	switch name {
	case fieldResponsible, fieldStage, fieldClose, fieldManual, fieldUpdated, fieldMoved:
		return false
	}
	t, has := c.targets[name]
	return has && t.Type != "file"
}
