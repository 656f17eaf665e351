package importer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/field"
)

// SetMapping stores step 3. It refuses a field used twice, fields that
// cannot be written, constants that cannot be understood, and required fields
// that nothing fills.
func (s *Service) SetMapping(ctx context.Context, a Actor, imp string, m Mapping) (Import, error) {
	draft, u, schema, err := s.draftWithSchema(ctx, a, imp)
	if err != nil {
		return Import{}, err
	}
	draft.Mapping = m
	c := contextOf(draft, schema)
	list := field.Targets(schema.Fields, c)
	if err := settleColumns(&m, u, byName(list), draft.Target.Key); err != nil {
		return Import{}, err
	}
	if err := checkConstants(m.Constants, byName(list), c); err != nil {
		return Import{}, err
	}
	m.complete(len(u.Table.Columns))
	view := ColumnsView{Constants: m.Constants}
	for _, column := range m.Columns {
		view.Columns = append(view.Columns, ColumnView{Mapping: column})
	}
	if list := missing(list, view, draft.Target); len(list) > 0 {
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

// KeepMapping stores step 3 as far as it is: nothing is judged, but what the
// file or the smart process does not have is left out. A column that is not
// in it is undecided. What is the same as before changes nothing.
func (s *Service) KeepMapping(ctx context.Context, a Actor, imp string, m Mapping) (Import, error) {
	draft, u, schema, err := s.draftWithSchema(ctx, a, imp)
	if err != nil {
		return Import{}, err
	}
	draft.Mapping = m
	targets := byName(field.Targets(schema.Fields, contextOf(draft, schema)))
	usable := func(name string) bool { t, ok := targets[name]; return ok && t.Writable }
	kept := Mapping{Constants: map[string]string{}}
	for _, c := range m.Columns {
		if c.Column < 0 || c.Column >= len(u.Table.Columns) {
			continue
		}
		if c.Field != "" && !usable(c.Field) {
			c = ColumnMapping{Column: c.Column}
		}
		kept.Columns = append(kept.Columns, c)
	}
	for name, text := range m.Constants {
		if usable(name) {
			kept.Constants[name] = text
		}
	}
	return s.update(ctx, a, imp, func(imp *Import) error {
		if err := changeable(*imp); err != nil {
			return err
		}
		if slices.Equal(imp.Mapping.Columns, kept.Columns) && maps.Equal(imp.Mapping.Constants, kept.Constants) {
			return nil
		}
		imp.Mapping = kept
		imp.redraft()
		return nil
	})
}

// settleColumns holds the columns to the file and the fields, and completes
// their styles. Key is the field by which rows find their items, if any.
func settleColumns(m *Mapping, u Upload, targets map[string]field.Target, key string) error {
	used := map[string]int{}
	for i := range m.Columns {
		c := &m.Columns[i]
		if c.Column < 0 || c.Column >= len(u.Table.Columns) {
			return Refuse("column_gone", "column", strconv.Itoa(c.Column+1))
		}
		if c.Field == "" {
			continue
		}
		t, ok := targets[c.Field]
		if !ok || !t.Writable {
			return Refuse("field_gone", "field", c.Field)
		}
		name := u.Table.Columns[c.Column].Name
		if other, twice := used[c.Field]; twice && !t.Multiple {
			return Refuse("field_twice", "field", t.Title, "column", name, "other", u.Table.Columns[other].Name)
		}
		used[c.Field] = c.Column
		style, _, open := field.Infer(t, u.Profiles[c.Column])
		if left := unanswered(c.Style, open); len(left) > 0 {
			return Refuse("style_open", "column", name, "question", left[0])
		}
		if c.Style == (field.Style{}) {
			c.Style = style
		}
		if c.Style.Group != "" && c.Style.Group == c.Style.Decimal {
			return Refuse("marks_same", "column", name)
		}
	}
	if len(used) == 0 {
		return Refuse("nothing_mapped")
	}
	if _, mapped := used[key]; key != "" && !mapped {
		return Refuse("key_not_mapped", "field", cmpOr(targets[key].Title, key))
	}
	return nil
}

// checkConstants holds constants to their fields. What must be looked up at
// the portal is found by the check.
func checkConstants(constants map[string]string, targets map[string]field.Target, c field.Context) error {
	for _, name := range slices.Sorted(maps.Keys(constants)) {
		t, ok := targets[name]
		if !ok || !t.Writable {
			return Refuse("field_gone", "field", name)
		}
		conv, err := field.NewConverter(t, field.Style{}, c)
		if err != nil {
			return fmt.Errorf("preparing the constant for %s: %w", name, err)
		}
		if len(conv.Refs(constants[name])) > 0 {
			continue
		}
		if _, trouble := conv.Convert(constants[name], nil); trouble != nil && trouble.Blocks {
			return Refuse("constant_wrong", "field", t.Title, "value", constants[name])
		}
	}
	return nil
}

// complete decides what is left undecided: it is not imported.
func (m *Mapping) complete(columns int) {
	have := make(map[int]bool, columns)
	for _, c := range m.Columns {
		have[c.Column] = true
	}
	for i := range columns {
		if !have[i] {
			m.Columns = append(m.Columns, ColumnMapping{Column: i})
		}
	}
	slices.SortStableFunc(m.Columns, func(x, y ColumnMapping) int { return cmp.Compare(x.Column, y.Column) })
}

// byName finds targets by the names of their fields.
func byName(targets []field.Target) map[string]field.Target {
	m := make(map[string]field.Target, len(targets))
	for _, t := range targets {
		m[t.Name] = t
	}
	return m
}
