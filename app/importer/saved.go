package importer

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spa-importer/spa-importer/app/field"
)

// maxMappingName is the length of a mapping's name, in runes.
const maxMappingName = 100

// Applied says what became of a saved mapping on another file.
type Applied struct {
	Name string
	// Mapped of All columns of the file go where it says.
	Mapped, All int
	// Absent are headers of the mapping that the file does not have, Gone
	// those whose field is no more.
	Absent, Gone []string
}

// SavedMappings lists the named mappings for an import's entity type, the
// last used first.
func (s *Service) SavedMappings(ctx context.Context, a Actor, imp string) ([]SavedMapping, error) {
	draft, err := s.Import(ctx, a, imp)
	if err != nil || draft.Target.EntityTypeID == 0 {
		return nil, err
	}
	all, err := s.mappings(ctx, a.Portal, draft.Target.EntityTypeID)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(m SavedMapping) bool { return m.Name == "" }), nil
}

// MayChange reports whether a person may rename, replace or delete a mapping:
// its owner, and the portal's administrators.
func (m SavedMapping) MayChange(a Actor) bool { return a.Admin || m.User == a.User }

// named finds a named mapping of the import's entity type.
func (s *Service) named(ctx context.Context, a Actor, imp, id string) (SavedMapping, error) {
	list, err := s.SavedMappings(ctx, a, imp)
	if err != nil {
		return SavedMapping{}, err
	}
	for _, m := range list {
		if m.ID == id {
			return m, nil
		}
	}
	return SavedMapping{}, Refuse("mapping_gone")
}

// ApplyMapping lays a named mapping over the file: columns are found by their
// headers, what it does not speak of is proposed as usual.
func (s *Service) ApplyMapping(ctx context.Context, a Actor, imp, id string) (Import, Applied, error) {
	draft, u, schema, err := s.draftWithSchema(ctx, a, imp)
	if err != nil {
		return Import{}, Applied{}, err
	}
	saved, err := s.named(ctx, a, imp, id)
	if err != nil {
		return Import{}, Applied{}, err
	}
	c := contextOf(draft, schema)
	targets := field.Targets(schema.Fields, c)
	laid := fit(saved, u, byName(targets), c)
	said := Applied{Name: saved.Name, All: len(u.Table.Columns), Absent: laid.absent, Gone: laid.gone}
	mapping := Mapping{Constants: laid.constants}
	mapping.Constants = draft.Target.bind(laid.columns, mapping.Constants)
	rest := assign(proposals(u, targets, c, nil, recall{}), targets, laid.columns)
	if field := draft.Target.Parent.field(); mapping.Constants[field] != "" {
		maps.DeleteFunc(rest, func(_ int, m ColumnMapping) bool { return m.Field == field })
	}
	for i := range u.Table.Columns {
		m, ok := laid.columns[i]
		if ok && m.Field != "" {
			said.Mapped++
		}
		if !ok {
			if m, ok = rest[i]; !ok {
				continue // undecided
			}
			delete(mapping.Constants, m.Field)
		}
		mapping.Columns = append(mapping.Columns, m)
	}
	changed, err := s.update(ctx, a, imp, func(imp *Import) error {
		if err := changeable(*imp); err != nil {
			return err
		}
		imp.Mapping = mapping
		imp.redraft()
		return nil
	})
	if err != nil {
		return Import{}, Applied{}, err
	}
	saved.Used = s.now()
	return changed, said, s.store.SaveMapping(ctx, saved)
}

// SaveMappingAs keeps a mapping under a name for everybody in the portal. A
// mapping of that name is replaced if the person may do so.
func (s *Service) SaveMappingAs(ctx context.Context, a Actor, imp, name string, m Mapping) error {
	draft, u, schema, err := s.draftWithSchema(ctx, a, imp)
	if err != nil {
		return err
	}
	list, err := s.SavedMappings(ctx, a, imp)
	if err != nil {
		return err
	}
	if name, err = freeName(list, a, "", name); err != nil {
		return err
	}
	targets := byName(field.Targets(schema.Fields, contextOf(draft, schema)))
	some := false
	for _, c := range m.Columns {
		if c.Field == "" {
			continue
		}
		if t, ok := targets[c.Field]; !ok || !t.Writable {
			return Refuse("field_gone", "field", c.Field)
		}
		some = true
	}
	if !some {
		return Refuse("nothing_mapped")
	}
	saved := savedOf(draft, m, u.Table.Columns)
	saved.Name, saved.User, saved.UserName, saved.Used = name, a.User, a.Name, s.now()
	return s.store.SaveMapping(ctx, saved)
}

// freeName is a name as it may be given to the mapping with this id (empty: a
// new one), written as the mapping that has it already if that may be
// replaced.
func freeName(list []SavedMapping, a Actor, id, name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	switch {
	case name == "":
		return "", Refuse("mapping_name_empty")
	case utf8.RuneCountInString(name) > maxMappingName:
		return "", Refuse("mapping_name_long")
	}
	for _, m := range list {
		if m.ID == id || !strings.EqualFold(m.Name, name) {
			continue
		}
		if id != "" || !m.MayChange(a) {
			return "", Refuse("mapping_name_taken", "name", m.Name, "owner", m.UserName)
		}
		return m.Name, nil
	}
	return name, nil
}

// RenameMapping gives a named mapping another name.
func (s *Service) RenameMapping(ctx context.Context, a Actor, imp, id, name string) error {
	m, err := s.named(ctx, a, imp, id)
	if err != nil {
		return err
	}
	if !m.MayChange(a) {
		return Refuse("mapping_not_yours", "name", m.Name, "owner", m.UserName)
	}
	list, err := s.SavedMappings(ctx, a, imp)
	if err != nil {
		return err
	}
	if m.Name, err = freeName(list, a, id, name); err != nil {
		return err
	}
	return s.store.SaveMapping(ctx, m)
}

// DeleteMapping deletes a named mapping; imports made with it stay as they
// are.
func (s *Service) DeleteMapping(ctx context.Context, a Actor, imp, id string) error {
	m, err := s.named(ctx, a, imp, id)
	if err != nil {
		return err
	}
	if !m.MayChange(a) {
		return Refuse("mapping_not_yours", "name", m.Name, "owner", m.UserName)
	}
	return s.store.DeleteMapping(ctx, a.Portal, id)
}
