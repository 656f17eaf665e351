package importer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

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
	if f, ok := targetsByName(schema)[t.Parent.field()]; !ok || !f.Writable {
		t.Parent = Parent{}
	}
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

// contextOf is what converting needs to know for an import: the stages are
// those of the pipeline that its rows go to.
func contextOf(imp Import, schema Schema) field.Context {
	c := schema.Context
	c.CategoryID = pipelineOf(imp, schema).CategoryID
	return c
}

// pipelineOf is the target with the pipeline that a constant names instead:
// the default stage of another pipeline is none there.
func pipelineOf(imp Import, schema Schema) Target {
	t := imp.Target
	text := imp.Mapping.Constants[fieldCategory]
	if text == "" {
		return t
	}
	for _, target := range field.Targets(schema.Fields, schema.Context) {
		if target.Name != fieldCategory {
			continue
		}
		id := asInt64(field.NewOptions(target.Options).ID(text))
		if id != 0 && id != t.CategoryID {
			t.CategoryID, t.StageID = id, ""
		}
	}
	return t
}

// Columns is step 3: every file column with its examples and its proposal
// or the person's choice. It is refused until the file has been read. A form
// that is not saved yet may be given instead of what is saved.
func (s *Service) Columns(ctx context.Context, a Actor, imp string, form *Mapping) (ColumnsView, error) {
	draft, u, schema, err := s.draftWithSchema(ctx, a, imp)
	if err != nil {
		return ColumnsView{}, err
	}
	saved, err := s.mappings(ctx, a.Portal, draft.Target.EntityTypeID)
	if err != nil {
		return ColumnsView{}, err
	}
	if form != nil {
		draft.Mapping = *form
	}
	c := contextOf(draft, schema)
	view := ColumnsView{Targets: field.Targets(schema.Fields, c), Constants: draft.Mapping.Constants}
	known, mark := recallFrom(saved, u.Table.Columns), templateOf(a.Portal, draft.Target.EntityTypeID, u)
	lists := proposals(u, view.Targets, c, mark, known)
	chosen := map[int]ColumnMapping{}
	for _, m := range draft.Mapping.Columns {
		chosen[m.Column] = m
	}
	fresh := len(chosen) == 0
	if fresh {
		chosen = view.propose(u, c, lists, mark, known)
		view.Constants = draft.Target.bind(chosen, view.Constants)
	} else {
		chosen = assign(without(lists, view.Constants), view.Targets, chosen)
	}
	targets := byName(view.Targets)
	for i, column := range u.Table.Columns {
		m, decided := chosen[i]
		v := ColumnView{
			Index: i, Name: column.Name, Examples: u.Profiles[i].Examples, Filled: u.Profiles[i].Filled,
			Rows: u.Table.Rows, Mapping: m, Proposals: lists[i], Profile: u.Profiles[i],
		}
		v.Mapping.Column = i
		if t, ok := targets[m.Field]; ok {
			v.fill(t, c)
		} else if !decided && v.Filled > 0 {
			v.Undecided = true
			view.Undecided++
		}
		view.Columns = append(view.Columns, v)
	}
	view.Missing = missing(view.Targets, view, draft.Target)
	view.Currencies, view.BaseCurrency, view.Zone = c.Currencies, c.BaseCurrency, zoneOf(c)
	return view, nil
}

// fill adds how the column's cells will be read. What the person chose
// stays; what he has not chosen is inferred from all cells.
func (v *ColumnView) fill(t field.Target, c field.Context) {
	style, evidence, open := field.Infer(t, v.Profile)
	v.Evidence = evidence
	if v.Mapping.Style == (field.Style{}) {
		v.Mapping.Style, v.Open = style, open
	} else {
		v.Open = unanswered(v.Mapping.Style, open)
	}
	if t.Type == "boolean" {
		v.Words = understood(t, v.Profile, c)
	}
}

// zoneOf names the zone of times written without one.
func zoneOf(c field.Context) string {
	if c.Location == nil {
		return time.UTC.String()
	}
	return c.Location.String()
}

// unanswered are the questions to which a style has no answer.
func unanswered(s field.Style, open []string) []string {
	answers := map[string]string{field.OpenDateOrder: s.DateOrder, field.OpenDecimal: s.Decimal, field.OpenList: s.List}
	return slices.DeleteFunc(slices.Clone(open), func(question string) bool { return answers[question] != "" })
}

// maxWords is how many words of a yes-or-no column are shown.
const maxWords = 6

// understood says how the commonest words of a yes-or-no column are read.
func understood(t field.Target, p field.Profile, c field.Context) []Word {
	conv, err := field.NewConverter(t, field.Style{}, c)
	if err != nil {
		return nil
	}
	var words []Word
	for _, v := range p.Values[:min(len(p.Values), maxWords)] {
		value, trouble := conv.Convert(v.Value, nil)
		w := Word{Text: v.Value, Known: trouble == nil && value.Set}
		if w.Known {
			w.Yes = value.JSON == "Y"
			if list, ok := value.JSON.([]any); ok {
				w.Yes = len(list) > 0 && list[0] == "Y"
			}
		}
		words = append(words, w)
	}
	return words
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
	if !mayControl(a, draft) { // columns come with examples of their cells
		return Import{}, Upload{}, Schema{}, Refuse("not_yours", "name", draft.UserName)
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
