package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// Names of system fields that the plan itself writes or depends on.
const (
	fieldKey         = "xmlId"
	fieldCategory    = "categoryId"
	fieldStage       = "stageId"
	fieldResponsible = "assignedById"
	fieldAmount      = "opportunity"
	fieldManual      = "isManualOpportunity"
	fieldClose       = "closedate"
)

// planner turns rows into what will happen with them. It is pure: what must
// be asked of the portal is in the lookup it is given.
type planner struct {
	imp      Import
	schema   Schema
	category *plannedColumn   // converted first: stages depend on it
	stages   []*plannedColumn // converted with the row's own pipeline
	columns  []*plannedColumn // all others, in file order
	mapped   []*plannedColumn // see each
	constant []constant
	required []field.Target
	// key is the column by which rows must differ; nil: they need not.
	key *plannedColumn
	// repeats are the rows whose key another row has, too; rules what a
	// person has decided about them, by key ("": about all of them).
	repeats repeats
	rules   map[string]Action
	// wide are the rulings on rows with more cells than columns, and width
	// the number of columns; 0: not looked at.
	wide  rulings
	width int
	// existing are the items of the rows at hand by their keys, where rows
	// update: see Service.find.
	existing map[string][]existing
	targets  map[string]field.Target
	// past is what history keeps to; nil: none is imported.
	past *past
	// watch is told of each cell of a row, for the table of rows.
	watch func(seenCell)
}

// plannedColumn is a file column on its way to a field.
type plannedColumn struct {
	index     int
	name      string
	target    field.Target
	style     field.Style
	converter *field.Converter
	// byCategory holds the converters of a stage column, one per pipeline.
	byCategory map[int64]*field.Converter
	rulings    rulings
}

// constant is a value for every row.
type constant struct {
	target field.Target
	text   string
	conv   *field.Converter
}

// rowPlan is what will happen with one row: State is EntryPending for a row
// to be written, else its outcome.
type rowPlan struct {
	State   EntryState
	Problem *Problem
	// Key is what a created item gets as its External code; Match is the key
	// by which the row looked for its item.
	Key, Match string
	Access     string
	// Fields are what is sent: of an update only what changes.
	Fields map[string]any
	// ItemID is the item to update, or the one that is as the row says; 0
	// for a row that creates. Category is its pipeline, 0 if there is none.
	ItemID, Category int64
	// Changes are what an update does, Before the old values of all fields
	// that it changes, by itself or through others.
	Changes []Change
	Before  map[string]json.RawMessage
	// Updated is the item's own time of its last change.
	Updated time.Time
}

// Change is one field of an item that an update changes. Old is as the
// portal answers it, New as it is sent.
type Change struct {
	Field    string
	Old, New any
}

// outcome is what the plan says of a row: one to be written is created or
// updated.
func (p *rowPlan) outcome() EntryState {
	switch {
	case p.State != EntryPending:
		return p.State
	case p.ItemID != 0:
		return EntryUpdated
	default:
		return EntryCreated
	}
}

// cellFinding is one thing to say about one cell.
type cellFinding struct {
	column  *plannedColumn
	target  field.Target
	problem field.Problem
}

// newPlanner prepares the columns. Its Refusals name what no longer fits.
func newPlanner(imp Import, schema Schema, columns []sheet.Column, answers []Answer) (*planner, error) {
	imp.Target = pipelineOf(imp, schema)
	by := rulingsOf(imp, answers)
	schema.Context.Key = imp.Target.Key
	targets := targetsByName(schema)
	p := &planner{
		imp: imp, schema: schema, targets: targets,
		rules: map[string]Action{}, wide: by[wholeRow], width: len(columns),
	}
	covered := map[string]bool{}
	for _, m := range imp.Mapping.Columns {
		if m.Field == "" {
			continue
		}
		t, ok := targets[m.Field]
		if m.Column < 0 || m.Column >= len(columns) {
			return nil, Refuse("column_gone", "column", strconv.Itoa(m.Column+1))
		}
		if !ok || !t.Writable {
			return nil, Refuse("column_field_gone", "field", cmpOr(t.Title, m.Field), "column", columns[m.Column].Name)
		}
		covered[m.Field] = true
		c := &plannedColumn{index: m.Column, name: columns[m.Column].Name, target: t, style: m.Style, rulings: by[m.Column]}
		if err := p.add(c); err != nil {
			return nil, err
		}
	}
	for name, text := range imp.Mapping.Constants {
		t, ok := targets[name]
		if !ok || !t.Writable {
			return nil, Refuse("field_gone", "field", name)
		}
		conv, err := field.NewConverter(t, field.Style{}, p.contextFor(imp.Target.CategoryID))
		if err != nil {
			return nil, fmt.Errorf("preparing the constant for %s: %w", name, err)
		}
		covered[name] = true
		p.constant = append(p.constant, constant{target: t, text: text, conv: conv})
	}
	for name, t := range targets {
		if t.Required && t.Writable && covered[name] {
			p.required = append(p.required, t)
		}
	}
	if err := p.findKey(); err != nil {
		return nil, err
	}
	for _, d := range imp.Decisions {
		if d.Action.aboutRepeats() && p.key != nil && d.Column == p.key.index {
			p.rules[d.Value] = d.Action
		}
	}
	return p, nil
}

// findKey finds the column by which rows must differ: their key where they
// update, else the External code that they bring along.
func (p *planner) findKey() error {
	p.key = p.columnOf(fieldKey)
	name := p.imp.Target.Key
	if name == "" {
		return nil
	}
	t := p.targets[name]
	if !mayBeKey(t) {
		return Refuse("key_unsuitable", "field", cmpOr(t.Title, name))
	}
	if p.key != nil && name != fieldKey && p.imp.Target.Mode == UpdateAndAdd {
		return Refuse("key_beside_code", "field", t.Title, "code", p.key.target.Title)
	}
	if p.key = p.columnOf(name); p.key == nil {
		return Refuse("key_not_mapped", "field", t.Title)
	}
	return nil
}

// updates reports whether rows may find items to update.
func (p *planner) updates() bool { return p.imp.Target.Key != "" }

func (p *planner) add(c *plannedColumn) error {
	switch c.target.Name {
	case fieldStage:
		c.byCategory = map[int64]*field.Converter{}
		p.stages = append(p.stages, c)
		return nil
	case fieldCategory:
		p.category = c
	default:
		p.columns = append(p.columns, c)
	}
	conv, err := field.NewConverter(c.target, c.style, p.contextFor(p.imp.Target.CategoryID))
	if err != nil {
		return fmt.Errorf("preparing column %s: %w", c.target.Name, err)
	}
	c.converter = conv
	return nil
}

func (p *planner) contextFor(category int64) field.Context {
	c := p.schema.Context
	c.CategoryID = category
	return c
}

func targetsByName(schema Schema) map[string]field.Target {
	targets := map[string]field.Target{}
	for _, t := range field.Targets(schema.Fields, schema.Context) {
		targets[t.Name] = t
	}
	return targets
}

// maxFindingValue caps what a finding keeps of a cell, in runes. Decisions
// are found by the same cut.
const maxFindingValue = 500

func findingValue(cell string) string {
	if len(cell) <= maxFindingValue {
		return cell
	}
	runes := 0
	for i := range cell {
		if runes == maxFindingValue {
			return cell[:i]
		}
		runes++
	}
	return cell
}

// refs calls f with everything of a row that must be looked up.
func (p *planner) refs(row sheet.Row, f func(field.Ref)) {
	each := func(c *plannedColumn) {
		if !c.converter.Refers() {
			return
		}
		g := c.cell(row, true)
		if !g.skip && g.text != "" {
			c.converter.EachRef(g.text, f)
		}
		// An answer to an earlier file may fit no longer.
		if g.remembered {
			if g = c.cell(row, false); !g.skip && g.text != "" {
				c.converter.EachRef(g.text, f)
			}
		}
	}
	if p.category != nil {
		each(p.category)
	}
	for _, c := range p.columns {
		each(c)
	}
}

// constantRefs are the references of the constants, the same for every row.
func (p *planner) constantRefs(f func(field.Ref)) {
	for _, c := range p.constant {
		c.conv.EachRef(c.text, f)
	}
}

// plan decides what happens with a row. Findings go to found, which may be
// nil; the fields are only built where build asks for them.
func (p *planner) plan(index int, row sheet.Row, l field.Lookup, build bool, found func(cellFinding)) (rowPlan, error) {
	w := rowWriter{p: p, lookup: l, found: found, plan: rowPlan{State: EntryPending}}
	if build {
		w.plan.Fields = make(map[string]any, len(p.columns)+len(p.constant)+4)
	}
	if p.imp.Limit > 0 && index >= p.imp.Limit {
		w.end(EntrySkipped, problem("over_row_limit", "limit", strconv.Itoa(p.imp.Limit)))
		return w.plan, nil
	}
	category := p.imp.Target.CategoryID
	w.width(row)
	item := w.match(row)
	if item != nil {
		if w.plan.Fields == nil {
			w.plan.Fields = make(map[string]any, len(p.columns)+len(p.constant))
		}
		// Stages are those of the item's own pipeline.
		category = item.number(fieldCategory)
	}
	if p.category != nil {
		w.column(p.category, p.category.converter, row)
		if w.lastSet {
			category = asInt64(w.last)
		}
	}
	for _, c := range p.stages {
		conv, err := c.stageConverter(p, category)
		if err != nil {
			return rowPlan{}, err
		}
		w.column(c, conv, row)
	}
	for _, c := range p.columns {
		w.column(c, c.converter, row)
		if c.target.Name == fieldKey && w.lastSet {
			w.plan.Key = fmt.Sprint(w.last)
		}
	}
	for i := range p.constant {
		c := &p.constant[i]
		w.cell(nil, &c.target, c.conv, given{raw: c.text, text: c.text})
	}
	if item == nil {
		w.checkRequired()
	}
	w.checkRepeats(index, row)
	if item == nil {
		w.checkPast(index)
		w.complete(row.Number, category)
	} else {
		w.update(item)
	}
	w.tell()
	return w.plan, nil
}

func (c *plannedColumn) stageConverter(p *planner, category int64) (*field.Converter, error) {
	if conv := c.byCategory[category]; conv != nil {
		return conv, nil
	}
	conv, err := field.NewConverter(c.target, c.style, p.contextFor(category))
	if err != nil {
		return nil, fmt.Errorf("preparing the stages of pipeline %d: %w", category, err)
	}
	c.byCategory[category] = conv
	return conv, nil
}

func asInt64(v any) int64 {
	n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// rowKey marks an item as the one of a row, by its number in the file.
func rowKey(imp string, number int) string { return imp + ":" + strconv.Itoa(number) }

// memoryLookup is a field.Lookup over what has been looked up.
type memoryLookup map[field.Ref][]string

// Find implements field.Lookup.
func (m memoryLookup) Find(r field.Ref) ([]string, bool) {
	ids, ok := m[r]
	if len(ids) == 1 && ids[0] == "" { // see notAskable
		return nil, false
	}
	return ids, ok
}

// blockLookups finds what the rows of a block refer to: what this import
// knows already, and the rest from the portal.
func (s *Service) blockLookups(ctx context.Context, r *resolver, p *planner, rows []sheet.Row) (memoryLookup, error) {
	wanted := map[field.Ref]bool{}
	want := func(ref field.Ref) { wanted[ref] = true }
	p.constantRefs(want)
	for _, row := range rows {
		p.refs(row, want)
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	return r.resolve(ctx, wanted)
}
