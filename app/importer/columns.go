package importer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// certain is the confidence from which a column is matched by itself; below
// it the person decides.
const certain = 0.7

// Suggest says which entity type's field names fit the headers best: how
// many columns matched, of how many. No clear winner is entityTypeID 0.
func (s *Service) Suggest(ctx context.Context, a Actor, imp string, types []bitrix.Type) (entityTypeID int64, matched, of int, err error) {
	draft, err := s.Import(ctx, a, imp)
	if err != nil {
		return 0, 0, 0, err
	}
	u, err := s.store.Upload(ctx, a.Portal, draft.Upload)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("loading upload: %w", err)
	}
	if u.Inspection == nil {
		return 0, 0, 0, Refuse("upload_incomplete")
	}
	caller, err := s.connect(ctx, a.Portal, a.Connection)
	if err != nil {
		return 0, 0, 0, err
	}
	ids := make([]int64, len(types))
	for i, t := range types {
		ids[i] = t.EntityTypeID
	}
	fields, err := bitrix.ReadFieldsOf(ctx, caller, ids)
	if err != nil {
		return 0, 0, 0, portalError("reading the fields of all smart processes", err)
	}
	best, second := 0, 0
	for _, id := range ids {
		n := headersIn(fields[id], field.Context{EntityTypeID: id, Lang: a.Lang}, u)
		if n > best {
			best, second, entityTypeID = n, best, id
		} else if n > second {
			second = n
		}
	}
	if best == second {
		entityTypeID = 0
	}
	return entityTypeID, best, len(u.Inspection.Columns), nil
}

// headersIn counts the columns that surely have a field here.
func headersIn(fields []bitrix.Field, c field.Context, u Upload) int {
	targets := field.Targets(fields, c)
	n := 0
	for _, column := range u.Inspection.Columns {
		if p := field.Match(column.Name, field.Profile{}, targets, c); len(p) > 0 && p[0].Confidence >= certain {
			n++
		}
	}
	return n
}

// SetTarget is step 2. Another entity type makes the mapping meaningless.
func (s *Service) SetTarget(ctx context.Context, a Actor, imp string, t Target) (Import, error) {
	schema, err := s.Schema(ctx, a, t.EntityTypeID)
	if err != nil {
		return Import{}, err
	}
	if t.Mode == "" {
		t.Mode = AddAll
	}
	if err := checkMode(schema, &t); err != nil {
		return Import{}, err
	}
	if err := checkTarget(schema, &t); err != nil {
		return Import{}, err
	}
	return s.update(ctx, a, imp, func(imp *Import) error {
		if err := changeable(*imp); err != nil {
			return err
		}
		if imp.Target == t {
			return nil
		}
		if imp.Target.EntityTypeID != t.EntityTypeID {
			imp.Mapping, imp.Decisions = Mapping{}, nil
		}
		if imp.Target.Key != t.Key {
			imp.Mapping.Columns = withoutField(imp.Mapping.Columns, imp.Target.Key, t.Key)
		}
		imp.Target = t
		imp.redraft()
		return nil
	})
}

// withoutField takes the ID out of a mapping when it is the key no more: it
// is a field that a column may go to only then.
func withoutField(columns []ColumnMapping, was, is string) []ColumnMapping {
	if was != fieldID || is == fieldID {
		return columns
	}
	columns = slices.Clone(columns)
	for i := range columns {
		if columns[i].Field == fieldID {
			columns[i].Field, columns[i].Why = "", ""
		}
	}
	return columns
}

// checkMode refuses a key that items cannot be found by.
func checkMode(schema Schema, t *Target) error {
	switch t.Mode {
	case AddAll:
		t.Key = ""
		return nil
	case UpdateExisting, UpdateAndAdd:
	default:
		return Refuse("mode_unknown")
	}
	if t.Key == "" {
		return Refuse("key_missing")
	}
	schema.Context.Key = t.Key
	if key := targetsByName(schema)[t.Key]; !mayBeKey(key) {
		return Refuse("key_unsuitable", "field", cmpOr(key.Title, t.Key))
	}
	return nil
}

// checkTarget completes a target from the schema and refuses what is not in
// it: the portal would silently use the first stage instead.
func checkTarget(schema Schema, t *Target) error {
	t.Title = schema.Type.Title
	categories := schema.Context.Categories
	if t.CategoryID == 0 {
		for _, c := range categories {
			if c.Default {
				t.CategoryID = c.ID
			}
		}
	} else if !slices.ContainsFunc(categories, func(c bitrix.Category) bool { return c.ID == t.CategoryID }) {
		return Refuse("pipeline_unknown")
	}
	if t.StageID == "" {
		return nil
	}
	if !slices.ContainsFunc(schema.Context.Stages[t.CategoryID], func(st bitrix.Status) bool { return st.ID == t.StageID }) {
		return Refuse("stage_not_in_pipeline")
	}
	return nil
}

// changeable: target, mapping and decisions are closed once the first row
// may have been written.
func changeable(imp Import) error {
	switch imp.State {
	case Draft, Checking, Checked:
		return nil
	default:
		return Refuse("already_started")
	}
}

// Columns is step 3: every file column with its examples and its proposal
// or the person's choice. It is refused until the file has been read.
func (s *Service) Columns(ctx context.Context, a Actor, imp string) (ColumnsView, error) {
	draft, u, schema, err := s.draftWithSchema(ctx, a, imp)
	if err != nil {
		return ColumnsView{}, err
	}
	targets := field.Targets(schema.Fields, schema.Context)
	proposals := make([][]field.Proposal, len(u.Table.Columns))
	for i, c := range u.Table.Columns {
		proposals[i] = field.Match(c.Name, u.Profiles[i], targets, schema.Context)
	}
	chosen := map[int]ColumnMapping{}
	if len(draft.Mapping.Columns) == 0 {
		chosen = assign(proposals, targets)
	}
	for _, m := range draft.Mapping.Columns {
		chosen[m.Column] = m
	}
	view := ColumnsView{Targets: targets, Constants: draft.Mapping.Constants}
	byName := targetsByName(schema)
	for i, c := range u.Table.Columns {
		v := ColumnView{
			Index: i, Name: c.Name, Examples: u.Profiles[i].Examples, Filled: u.Profiles[i].Filled,
			Rows: u.Table.Rows, Mapping: chosen[i], Proposals: proposals[i],
		}
		v.Mapping.Column = i
		if t, ok := byName[v.Mapping.Field]; ok {
			v.fill(t, u.Profiles[i])
		} else if len(draft.Mapping.Columns) == 0 && v.Filled > 0 {
			view.Undecided++
		}
		view.Columns = append(view.Columns, v)
	}
	view.Missing = missing(targets, view, draft.Target)
	return view, nil
}

// fill adds how the column's cells will be read. What the person chose
// stays; what he has not chosen is inferred from all cells.
func (v *ColumnView) fill(t field.Target, p field.Profile) {
	style, evidence, open := field.Infer(t, p)
	v.Evidence = evidence
	if v.Mapping.Style == (field.Style{}) {
		v.Mapping.Style, v.Open = style, open
	}
}

// assign gives each column its best certain target, surest first. A target
// is used once, unless it takes several values.
func assign(proposals [][]field.Proposal, targets []field.Target) map[int]ColumnMapping {
	type candidate struct {
		column int
		field.Proposal
	}
	var all []candidate
	for i, list := range proposals {
		for _, p := range list {
			if p.Confidence >= certain {
				all = append(all, candidate{i, p})
			}
		}
	}
	slices.SortStableFunc(all, func(x, y candidate) int { return cmp.Compare(y.Confidence, x.Confidence) })
	multiple := map[string]bool{}
	for _, t := range targets {
		multiple[t.Name] = t.Multiple
	}
	chosen, used := map[int]ColumnMapping{}, map[string]bool{}
	for _, c := range all {
		if _, has := chosen[c.column]; has || (used[c.Field] && !multiple[c.Field]) {
			continue
		}
		used[c.Field] = true
		chosen[c.column] = ColumnMapping{Column: c.column, Field: c.Field, Why: c.Why}
	}
	return chosen
}

// missing lists required fields that nothing fills. The pipeline, the stage
// and the responsible have defaults of their own.
func missing(targets []field.Target, view ColumnsView, t Target) []field.Target {
	if t.Mode == UpdateExisting {
		return nil // what is there has its values
	}
	covered := map[string]bool{fieldCategory: true, fieldStage: true, fieldResponsible: true}
	for _, c := range view.Columns {
		covered[c.Mapping.Field] = true
	}
	for name, text := range view.Constants {
		if strings.TrimSpace(text) != "" {
			covered[name] = true
		}
	}
	var list []field.Target
	for _, target := range targets {
		if target.Required && target.Writable && !covered[target.Name] {
			list = append(list, target)
		}
	}
	return list
}

// draftWithSchema loads what step 3 needs.
func (s *Service) draftWithSchema(ctx context.Context, a Actor, imp string) (Import, Upload, Schema, error) {
	draft, err := s.Import(ctx, a, imp)
	if err != nil {
		return Import{}, Upload{}, Schema{}, err
	}
	if draft.Target.EntityTypeID == 0 {
		return draft, Upload{}, Schema{}, Refuse("no_target")
	}
	u, err := s.store.Upload(ctx, a.Portal, draft.Upload)
	if err != nil {
		return draft, Upload{}, Schema{}, fmt.Errorf("loading upload: %w", err)
	}
	switch u.State {
	case Ready:
	case Refused:
		return draft, u, Schema{}, &Refusal{Problem: *u.Problem}
	case Received:
		return draft, u, Schema{}, Refuse("file_not_confirmed")
	default:
		return draft, u, Schema{}, Refuse("still_reading")
	}
	schema, err := s.Schema(ctx, a, draft.Target.EntityTypeID)
	schema.Context.Key = draft.Target.Key
	return draft, u, schema, err
}

// SetMapping stores step 3. It refuses a field used twice, fields that
// cannot be written, and required ones that nothing fills.
func (s *Service) SetMapping(ctx context.Context, a Actor, imp string, m Mapping) (Import, error) {
	draft, u, schema, err := s.draftWithSchema(ctx, a, imp)
	if err != nil {
		return Import{}, err
	}
	targets := targetsByName(schema)
	used := map[string]int{}
	view := ColumnsView{Constants: m.Constants}
	for i := range m.Columns {
		c := &m.Columns[i]
		if c.Column < 0 || c.Column >= len(u.Table.Columns) {
			return Import{}, Refuse("column_gone", "column", strconv.Itoa(c.Column+1))
		}
		view.Columns = append(view.Columns, ColumnView{Mapping: *c})
		if c.Field == "" {
			continue
		}
		t, ok := targets[c.Field]
		if !ok || !t.Writable {
			return Import{}, Refuse("field_gone", "field", c.Field)
		}
		if other, twice := used[c.Field]; twice && !t.Multiple {
			return Import{}, Refuse("field_twice", "field", t.Title,
				"column", u.Table.Columns[c.Column].Name, "other", u.Table.Columns[other].Name)
		}
		used[c.Field] = c.Column
		if c.Style == (field.Style{}) {
			style, _, open := field.Infer(t, u.Profiles[c.Column])
			if len(open) > 0 {
				return Import{}, Refuse("style_open", "column", u.Table.Columns[c.Column].Name, "question", open[0])
			}
			c.Style = style
		}
	}
	if len(used) == 0 {
		return Import{}, Refuse("nothing_mapped")
	}
	if key := draft.Target.Key; key != "" {
		if _, mapped := used[key]; !mapped {
			return Import{}, Refuse("key_not_mapped", "field", cmpOr(targets[key].Title, key))
		}
	}
	if list := missing(field.Targets(schema.Fields, schema.Context), view, draft.Target); len(list) > 0 {
		titles := make([]string, len(list))
		for i, t := range list {
			titles[i] = t.Title
		}
		return Import{}, Refuse("required_missing", "fields", strings.Join(titles, ", "))
	}
	return s.update(ctx, a, imp, func(imp *Import) error {
		if err := changeable(*imp); err != nil {
			return err
		}
		imp.Mapping = m
		imp.Rows = u.Table.Rows
		imp.redraft()
		return nil
	})
}
