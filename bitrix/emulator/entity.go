package emulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// The entity types that every portal has.
const (
	typeLead    = 1
	typeDeal    = 2
	typeContact = 3
	typeCompany = 4
	typeQuote   = 7
	typeInvoice = 31
)

// entity is one kind of item: its fields, and the items.
type entity struct {
	id    int64
	t     *Type // nil for contacts, companies and deals
	title string
	// schema changes while requests run, so it is replaced as a whole.
	schema atomic.Pointer[schema]
	pipes  []Pipeline
	items  []*Item // by id, ascending
	byID   map[int64]*Item
	next   int64
}

// schema are fields in the portal's order; byName finds them by their
// canonical name. It is never changed.
type schema struct {
	fields []*field
	byName map[string]*field
}

// setFields gives the entity a new schema.
func (e *entity) setFields(fields []*field) {
	s := &schema{fields: fields, byName: make(map[string]*field, len(fields))}
	for _, f := range fields {
		if f.upper == "" {
			f.upper = f.name
		}
		s.byName[f.name] = f
	}
	e.schema.Store(s)
}

func (e *entity) fields() []*field         { return e.schema.Load().fields }
func (e *entity) field(name string) *field { return e.schema.Load().byName[name] }

// field describes a field of an entity.
type field struct {
	// name is how the portal keeps it: camelCase for system fields, the
	// original UF_ name for user fields.
	name, upper, typ, title string
	titles                  map[string]string
	required, readOnly      bool
	multiple, dynamic       bool
	deprecated              bool
	// history fields may be set on import, by an admin.
	history    bool
	statusType string
	parent     int64
	options    []Option
	settings   any
	fallback   any
}

// camel is the name without useOriginalUfNames (crm/universal/index in the
// documentation).
func (f *field) camel() string {
	if !f.dynamic {
		return f.name
	}
	rest := strings.TrimPrefix(f.name, "UF_CRM_")
	num, tail, found := strings.Cut(rest, "_")
	if !found || !digits(num) {
		return "ufCrm_" + rest
	}
	switch {
	case digits(tail):
		return "ufCrm" + num + "_" + tail
	case strings.ContainsAny(tail, "0123456789"):
		return "ufCrm_" + rest
	}
	name := "ufCrm" + num
	for part := range strings.SplitSeq(strings.ToLower(tail), "_") {
		if part != "" {
			name += strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return name
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// shown is the name in answers.
func (f *field) shown(original bool) string {
	return pick(original, f.name, f.camel())
}

// describe is the descriptor of crm.item.fields.
func (f *field) describe(lang string) *array {
	title := f.title
	if t := f.titles[lang]; t != "" {
		title = t
	}
	d := newArray(
		"type", f.typ, "isRequired", f.required, "isReadOnly", f.readOnly, "isImmutable", false,
		"isMultiple", f.multiple, "isDynamic", f.dynamic,
	)
	if f.deprecated {
		d.set("isDeprecated", true)
	}
	if f.typ == "enumeration" {
		items := newArray()
		for _, o := range f.options {
			items.push(newArray("ID", strconv.FormatInt(o.ID, 10), "VALUE", o.Value))
		}
		d.set("items", items)
	}
	if f.statusType != "" {
		d.set("statusType", f.statusType)
	}
	d.set("title", title)
	if f.dynamic {
		d.set("listLabel", title)
		d.set("formLabel", title)
		d.set("filterLabel", title)
	}
	if f.settings != nil {
		d.set("settings", f.settings)
	} else if f.parent != 0 {
		d.set("settings", newArray("parentEntityTypeId", f.parent))
	}
	d.set("upperName", f.upper)
	return d
}

func newEntity(id int64, title string, fields []*field) *entity {
	e := &entity{id: id, title: title, byID: map[int64]*Item{}, next: 1}
	e.setFields(fields)
	return e
}

// named finds a field by the name a caller uses.
func (e *entity) named(name string, original bool) *field {
	if f := e.field(name); f != nil && (!f.dynamic || original) {
		return f
	}
	if original {
		return nil
	}
	for _, f := range e.fields() {
		if f.dynamic && f.camel() == name {
			return f
		}
	}
	return nil
}

func (e *entity) pipeline(id int64) *Pipeline {
	for i := range e.pipes {
		if e.pipes[i].ID == id {
			return &e.pipes[i]
		}
	}
	return nil
}

// stagePrefix comes before a stage's code in its STATUS_ID.
func (e *entity) stagePrefix(pipe int64) string {
	switch {
	case e.t != nil:
		return fmt.Sprintf("DT%d_%d:", e.id, pipe)
	case pipe == 0:
		return ""
	}
	return fmt.Sprintf("C%d:", pipe)
}

// stageDictionary is the ENTITY_ID of a pipeline's stages.
func (e *entity) stageDictionary(pipe int64) string {
	switch {
	case e.t != nil:
		return fmt.Sprintf("DYNAMIC_%d_STAGE_%d", e.id, pipe)
	case pipe == 0:
		return "DEAL_STAGE"
	}
	return fmt.Sprintf("DEAL_STAGE_%d", pipe)
}

// stage finds a stage of a pipeline by its whole id.
func (e *entity) stage(pipe int64, id string) *Stage {
	p := e.pipeline(pipe)
	code, found := strings.CutPrefix(id, e.stagePrefix(pipe))
	if p == nil || !found {
		return nil
	}
	i := slices.IndexFunc(p.Stages, func(s Stage) bool { return s.Code == code })
	if i < 0 {
		return nil
	}
	return &p.Stages[i]
}

func (e *entity) firstStage(pipe int64) string {
	p := e.pipeline(pipe)
	if p == nil || len(p.Stages) == 0 {
		return ""
	}
	return e.stagePrefix(pipe) + p.Stages[0].Code
}

// short is the prefix of the entity in links: C, CO, D, or T with the number
// in hexadecimal.
func short(id int64) string {
	switch id {
	case typeLead:
		return "L"
	case typeDeal:
		return "D"
	case typeContact:
		return "C"
	case typeCompany:
		return "CO"
	case typeQuote:
		return "Q"
	case typeInvoice:
		return "SI"
	}
	return "T" + strconv.FormatInt(id, 16)
}
