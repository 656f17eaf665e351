package emulator

import (
	"fmt"
	"hash/crc32"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// List is an information block of the module "lists".
type List struct {
	ID int64
	// Type is "lists" (the default), "bitrix_processes", "lists_socnet", or
	// another one, of which the methods know nothing.
	Type string
	// Sections and Elements by their ids.
	Sections, Elements map[int64]string
}

// listMethods are lists.* (api-reference/lists in the documentation).
func listMethods() []method {
	return []method{
		{name: "lists.get.iblock.type.id", scope: "lists", run: listType},
		{name: "lists.element.get", scope: "lists", run: listElements},
		{name: "lists.section.get", scope: "lists", run: listSections},
	}
}

func (c *call) listNamed() (List, *failure) {
	if !c.params.has("IBLOCK_ID") {
		return List{}, fails(http.StatusBadRequest, "ERROR_REQUIRED_PARAMETERS_MISSING", "Required parameter `IBLOCK_CODE`, `IBLOCK_ID` is missing")
	}
	id := intval(c.params.get("IBLOCK_ID"))
	i := slices.IndexFunc(c.p.p.Lists, func(l List) bool { return l.ID == id })
	if i < 0 {
		return List{}, fails(http.StatusBadRequest, "ERROR_IBLOCK_NOT_FOUND", "Iblock not found")
	}
	l := c.p.p.Lists[i]
	l.Type = pick(l.Type == "", "lists", l.Type)
	if l.Type != "lists" && l.Type != "bitrix_processes" && l.Type != "lists_socnet" {
		return List{}, fails(http.StatusBadRequest, "ACCESS_DENIED", "Access denied")
	}
	return l, nil
}

func listType(c *call) (reply, *failure) {
	l, fail := c.listNamed()
	if fail != nil {
		return reply{}, fail
	}
	return ok(l.Type)
}

// entries answers one of the two methods: rows whose name and id pass the
// filter, a page of fifty, in order of their ids.
func (c *call) entries(of func(List) map[int64]string, wild bool, row func(id int64, name string) *array) (reply, *failure) {
	l, fail := c.listNamed()
	if fail != nil {
		return reply{}, fail
	}
	if text(c.params.get("IBLOCK_TYPE_ID")) != l.Type {
		return refuse(http.StatusBadRequest, "ERROR_REQUIRED_PARAMETERS_MISSING", "Required parameter `IBLOCK_TYPE_ID` is missing")
	}
	all := of(l)
	ids := make([]int64, 0, len(all))
	for id := range all {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	filter, found := c.params.sub("FILTER"), []int64{}
	for _, id := range ids {
		pass := true
		for _, key := range filter.keysOf() {
			op, name := splitOperator(key)
			want := []any{filter.vals[key]}
			if list, isArray := want[0].(*array); isArray {
				want = list.values()
			}
			pass = pass && slices.ContainsFunc(want, func(v any) bool {
				switch {
				case name == "ID":
					return op == ">" && id > intval(v) || op != ">" && id == intval(v)
				case name != "NAME":
					return true // other fields are not emulated
				case wild && op == "=" && !strings.HasPrefix(key, "="):
					// Without an operator % and _ stand for anything.
					return like(strings.ToLower(all[id]), strings.ReplaceAll(strings.ToLower(text(v)), "_", "%"))
				}
				return strings.EqualFold(all[id], text(v))
			})
		}
		if pass {
			found = append(found, id)
		}
	}
	start := min(max(int(intval(c.params.get("start"))), 0), len(found))
	end := min(start+pageSize, len(found))
	rows := newArray()
	for _, id := range found[start:end] {
		rows.push(row(id, all[id]))
	}
	return reply{rows, len(found), pick(end < len(found), end, -1)}, nil
}

func listElements(c *call) (reply, *failure) {
	return c.entries(func(l List) map[int64]string { return l.Elements }, false, func(id int64, name string) *array {
		return newArray("ID", idText(id), "NAME", name, "IBLOCK_SECTION_ID", nil, "CREATED_BY", "1", "CODE", nil)
	})
}

func listSections(c *call) (reply, *failure) {
	return c.entries(func(l List) map[int64]string { return l.Sections }, true, func(id int64, name string) *array {
		return newArray("ID", idText(id), "CODE", "", "XML_ID", "", "IBLOCK_SECTION_ID", nil, "SORT", "500", "NAME", name, "ACTIVE", "Y")
	})
}

// fieldMethods are userfieldconfig.* (crm/universal/userfieldconfig in the
// documentation). Their errors have no code.
func fieldMethods() []method {
	return []method{
		{name: "userfieldconfig.list", scope: "userfieldconfig", run: fieldConfigs},
		{name: "userfieldconfig.get", scope: "userfieldconfig", run: fieldConfig},
	}
}

// configOf is the number of a user field: any that stays the same.
func configOf(name string) string {
	return strconv.Itoa(int(crc32.ChecksumIEEE([]byte(name))%100_000) + 1)
}

func (c *call) configurable(t *Type) bool {
	return text(c.params.get("moduleId")) == "crm" && c.user.on(t.EntityTypeID).Read != None
}

func configRow(t *Type, f *field) *array {
	return newArray("id", configOf(f.name), "entityId", fmt.Sprintf("CRM_%d", t.ID), "fieldName", f.name,
		"userTypeId", f.typ, "xmlId", nil, "sort", "100", "multiple", yn(f.multiple), "mandatory", yn(f.required),
		"showFilter", "N", "showInList", "Y", "editInList", "Y", "isSearchable", "N", "settings", f.settings)
}

func fieldConfigs(c *call) (reply, *failure) {
	want, rows := text(c.params.sub("filter").get("entityId")), newArray()
	for _, t := range c.p.types() {
		if want != fmt.Sprintf("CRM_%d", t.ID) {
			continue
		}
		if !c.configurable(t) {
			return refuse(http.StatusBadRequest, "", "Access denied")
		}
		for _, f := range c.p.fieldsOf(t) {
			kind := text(c.params.sub("filter").get("userTypeId"))
			if f.dynamic && (kind == "" || kind == f.typ) {
				rows.push(configRow(t, f))
			}
		}
	}
	total := rows.len()
	start := min(max(int(intval(c.params.get("start"))), 0), total)
	page := newArray()
	for _, r := range rows.values()[start:min(start+pageSize, total)] {
		page.push(r)
	}
	return reply{newArray("fields", page), total, pick(start+pageSize < total, start+pageSize, -1)}, nil
}

func (p *Portal) fieldsOf(t *Type) []*field {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.entity(t.EntityTypeID).fields()
}

func fieldConfig(c *call) (reply, *failure) {
	id := text(c.params.get("id"))
	for _, t := range c.p.types() {
		if !c.configurable(t) {
			continue
		}
		for _, f := range c.p.fieldsOf(t) {
			if !f.dynamic || configOf(f.name) != id {
				continue
			}
			row, options := configRow(t, f), newArray()
			for i, o := range f.options {
				code := pick(o.XMLID == "", fmt.Sprintf("%032x", o.ID), o.XMLID)
				options.push(newArray("id", idText(o.ID), "userFieldId", id, "value", o.Value, "def", "N", "sort", strconv.Itoa((i+1)*100), "xmlId", code))
			}
			row.set("enum", options)
			return ok(newArray("field", row))
		}
	}
	return refuse(http.StatusBadRequest, "", "Access denied")
}
