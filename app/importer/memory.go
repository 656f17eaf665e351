package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// Reasons of a proposal beside those of field.Whys.
const (
	// WhyTemplate: the column is one of this smart process's template.
	WhyTemplate = "template"
	// WhyMemory: a column with this header went there before.
	WhyMemory = "memory"
)

// Whys returns every reason that a proposed column can have.
func Whys() []string { return append(field.Whys(), WhyTemplate, WhyMemory) }

// headerHash is the same for files with the same headers in any order.
func headerHash(columns []sheet.Column) string {
	keys := make([]string, len(columns))
	for i, c := range columns {
		keys[i] = field.HeaderKey(c.Name)
	}
	slices.Sort(keys)
	sum := sha256.Sum256([]byte(strings.Join(keys, "\n")))
	return hex.EncodeToString(sum[:16])
}

// savedOf is a mapping as it is kept: columns by their headers.
func savedOf(imp Import, m Mapping, columns []sheet.Column) SavedMapping {
	saved := SavedMapping{
		Portal: imp.Portal, EntityTypeID: imp.Target.EntityTypeID, Headers: headerHash(columns),
		User: imp.User, UserName: imp.UserName, Constants: maps.Clone(imp.Target.unbound(m.Constants)),
	}
	for _, c := range m.Columns {
		if c.Column >= 0 && c.Column < len(columns) {
			saved.Columns = append(saved.Columns, SavedColumn{Header: columns[c.Column].Name, Field: c.Field, Style: c.Style})
		}
	}
	return saved
}

// remember keeps the mapping of an import that has begun, for the next file
// like this one. The import itself does not depend on it: what goes wrong is
// only noted.
func (s *Service) remember(ctx context.Context, a Actor, imp Import) {
	u, err := s.store.Upload(ctx, imp.Portal, imp.Upload)
	if err == nil && u.Table != nil {
		saved := savedOf(imp, imp.Mapping, u.Table.Columns)
		saved.User, saved.UserName, saved.Used = a.User, a.Name, s.now()
		err = s.store.SaveMapping(ctx, saved)
	}
	if err != nil {
		s.log.WarnContext(ctx, "remembering a mapping", "import", imp.ID, "err", err)
	}
}

// templateOf is the mark of a file that is a template of this portal and
// entity type; nil: it is none.
func templateOf(portal string, entityTypeID int64, u Upload) *sheet.Template {
	if u.Inspection == nil {
		return nil
	}
	t := u.Inspection.Template
	if t == nil || t.EntityTypeID != entityTypeID || t.Portal != PortalMark(portal) {
		return nil
	}
	return t
}

// recall is what former files say about this one.
type recall struct {
	// same was made for a file with the same headers; nil: there is none.
	same *SavedMapping
	// last holds for each header the column that had it last and went
	// somewhere.
	last map[string]SavedColumn
}

// recallFrom reads it out of a portal's mappings, the last used first.
func recallFrom(saved []SavedMapping, columns []sheet.Column) recall {
	r := recall{last: map[string]SavedColumn{}}
	hash := headerHash(columns)
	for i := range saved {
		m := &saved[i]
		if m.Headers == hash && (r.same == nil || r.same.Name != "" && m.Name == "") {
			r.same = m
		}
		for _, c := range m.Columns {
			key := field.HeaderKey(c.Header)
			if _, have := r.last[key]; !have && c.Field != "" {
				r.last[key] = c
			}
		}
	}
	return r
}

// fitted is a saved mapping laid over a file's columns.
type fitted struct {
	columns   map[int]ColumnMapping
	constants map[string]string
	// Gone are headers (or fields of constants) whose field is no more;
	// Absent those that this file does not have.
	gone, absent []string
}

// fit lays a saved mapping over the columns of a file, by their headers. What
// does not fit is left out and listed.
func fit(m SavedMapping, u Upload, targets map[string]field.Target, c field.Context) fitted {
	f := fitted{columns: map[int]ColumnMapping{}, constants: map[string]string{}}
	at := map[string][]int{}
	for i, column := range u.Table.Columns {
		key := field.HeaderKey(column.Name)
		at[key] = append(at[key], i)
	}
	used := map[string]bool{}
	for _, saved := range m.Columns {
		key := field.HeaderKey(saved.Header)
		if len(at[key]) == 0 {
			if saved.Field != "" {
				f.absent = append(f.absent, saved.Header)
			}
			continue
		}
		i := at[key][0]
		t, ok := targets[saved.Field]
		switch {
		case saved.Field == "":
			f.columns[i] = ColumnMapping{Column: i, Why: WhyMemory}
		case !ok || !t.Writable:
			f.gone = append(f.gone, saved.Header)
		case used[saved.Field] && !t.Multiple:
		default:
			used[saved.Field] = true
			f.columns[i] = ColumnMapping{Column: i, Field: saved.Field, Why: WhyMemory, Style: adapt(saved.Style, t, u.Profiles[i], c)}
		}
		at[key] = at[key][1:]
	}
	for _, name := range slices.Sorted(maps.Keys(m.Constants)) {
		switch t, ok := targets[name]; {
		case used[name]:
		case ok && t.Writable:
			f.constants[name] = m.Constants[name]
		default:
			f.gone = append(f.gone, name)
		}
	}
	return f
}

// adapt is a style that served another file, as far as it can serve this
// column: what its cells contradict is inferred anew.
func adapt(s field.Style, t field.Target, p field.Profile, c field.Context) field.Style {
	now, _, open := field.Infer(t, p)
	asked := func(question string) bool { return slices.Contains(open, question) }
	if own, others := orders(p.Order, s.DateOrder); s.DateOrder == "" || others > 0 && own == 0 {
		s.DateOrder = now.DateOrder
	}
	s.Excel = now.Excel
	if s.Decimal == "" || now.Decimal != "" && !asked(field.OpenDecimal) {
		s.Decimal = now.Decimal
	}
	if s.Group == "" || s.Group == s.Decimal || now.Group != "" {
		s.Group = now.Group
	}
	if s.Group == s.Decimal {
		s.Group = ""
	}
	// A mark that no cell holds has nothing to say.
	if !asked(field.OpenList) && (s.List == "" || now.List != "") {
		s.List = now.List
	}
	if s.Currency != "" && len(c.Currencies) > 0 && !slices.Contains(c.Currencies, s.Currency) {
		s.Currency = ""
	}
	return s
}

// orders counts the dates that exist in this order only, and those that exist
// in one of the others only.
func orders(o field.Order, order string) (own, others int) {
	for _, k := range []struct {
		order string
		n     int
	}{{field.DMY, o.DMY.Count}, {field.MDY, o.MDY.Count}, {field.YMD, o.YMD.Count}} {
		if k.order == order {
			own += k.n
		} else {
			others += k.n
		}
	}
	return own, others
}

// mappings lists what the portal keeps for an entity type.
func (s *Service) mappings(ctx context.Context, portal string, entityTypeID int64) ([]SavedMapping, error) {
	list, err := s.store.Mappings(ctx, portal, entityTypeID)
	if err != nil {
		return nil, fmt.Errorf("loading saved mappings: %w", err)
	}
	return list, nil
}
