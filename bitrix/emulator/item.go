package emulator

import (
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"
)

// Item is one item of the CRM as the portal keeps it.
type Item struct {
	ID, EntityTypeID int64
	// Fields by name: camelCase for system fields, the UF_ name for user
	// fields. Numbers are int64 or float64, lists []any, times and dates
	// text as the portal answers them.
	Fields    map[string]any
	CreatedBy int64
	// Created and Updated, to the second.
	Created, Updated time.Time
	// Automation: robots were started for it, as crm.item.add does.
	Automation bool
}

func (it *Item) get(name string) any  { return it.Fields[name] }
func (it *Item) id(name string) int64 { return intval(it.Fields[name]) }

// Items lists the items of a type in order of their ids, as copies.
func (p *Portal) Items(entityTypeID int64) []Item {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.entity(entityTypeID)
	if e == nil {
		return nil
	}
	out := make([]Item, 0, len(e.items))
	for _, it := range e.items {
		c := *it
		c.Fields = make(map[string]any, len(it.Fields))
		for k, v := range it.Fields {
			c.Fields[k] = fromPHP(v)
		}
		out = append(out, c)
	}
	return out
}

// AddItem puts an item into a type without any check, user fields by their
// UF_ name, and returns its id.
func (p *Portal) AddItem(entityTypeID int64, fields map[string]any) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.entity(entityTypeID)
	if e == nil {
		return 0
	}
	by := p.users[0].ID
	it := p.blank(e, by)
	for k, v := range fields {
		it.Fields[k] = toPHP(v)
	}
	p.fill(e, it, fields["title"] != nil)
	p.insert(e, it)
	return it.ID
}

// entity finds a type; the caller holds the lock.
func (p *Portal) entity(id int64) *entity {
	for _, e := range p.entities {
		if e.id == id {
			return e
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// blank is an item with every field at its default.
func (p *Portal) blank(e *entity, by int64) *Item {
	now := p.w.now().Truncate(time.Second)
	at := stamp(now.In(p.p.Zone))
	it := &Item{EntityTypeID: e.id, CreatedBy: by, Created: now, Updated: now, Fields: make(map[string]any, len(e.fields()))}
	for _, f := range e.fields() {
		it.Fields[f.name] = p.fallback(f)
	}
	for _, name := range []string{"createdBy", "updatedBy", "movedBy", "lastActivityBy", "assignedById"} {
		if e.field(name) != nil {
			it.Fields[name] = by
		}
	}
	for _, name := range []string{"createdTime", "updatedTime", "movedTime", "lastActivityTime"} {
		if e.field(name) != nil {
			it.Fields[name] = at
		}
	}
	return it
}

// fallback is what a field has when nothing is sent for it.
func (p *Portal) fallback(f *field) any {
	switch f.name {
	case "xmlId", "originId":
		return nil
	case "currencyId":
		return p.p.Currencies[0]
	case "begindate":
		return day(p.w.now().In(p.p.Zone), p.p.Zone)
	case "closedate":
		return day(p.w.now().In(p.p.Zone).AddDate(0, 0, 7), p.p.Zone)
	case "sourceId":
		if d := p.dictionary("SOURCE"); d != nil && len(d.stages) > 0 {
			return d.stages[0].Code
		}
	case "mycompanyId":
		return p.myCompany()
	}
	if !f.dynamic || f.multiple || isEmpty(f.fallback) {
		return p.none(f)
	}
	d, isArray := f.fallback.(*array)
	if !isArray {
		if f.typ == "boolean" {
			return pick(intval(f.fallback) != 0, "Y", "N")
		}
		v, _, _ := p.coerce(f, f.fallback)
		return v
	}
	switch text(d.get("TYPE")) {
	case "NOW":
		v, _ := p.single(f, "now")
		return v
	case "FIXED":
		v, _ := p.single(f, d.get("VALUE"))
		return v
	}
	return p.none(f)
}

func (p *Portal) myCompany() any {
	if e := p.entity(typeCompany); e != nil {
		for _, it := range e.items {
			if it.get("isMyCompany") == "Y" {
				return it.ID
			}
		}
	}
	return 0
}

// fill settles what depends on other fields: pipeline, stage, clients,
// amount, title.
func (p *Portal) fill(e *entity, it *Item, titled bool) {
	f := it.Fields
	if e.field("categoryId") != nil && e.pipeline(it.id("categoryId")) == nil {
		f["categoryId"] = defaultOf(e.pipes)
	}
	if e.field("stageId") != nil {
		// An unknown stage, or one of another pipeline, becomes the first.
		if e.stage(it.id("categoryId"), text(f["stageId"])) == nil {
			f["stageId"] = e.firstStage(it.id("categoryId"))
		}
		p.close(e, it)
	}
	if e.field("contactIds") != nil {
		p.bindContacts(it)
	}
	if e.field("isManualOpportunity") != nil {
		p.amount(it)
	}
	if _, hasTitle := f["title"]; hasTitle && (!titled || isEmpty(f["title"])) {
		f["title"] = ""
	}
}

// close overwrites the end date of an item in a final stage with today.
func (p *Portal) close(e *entity, it *Item) {
	s := e.stage(it.id("categoryId"), text(it.get("stageId")))
	if s != nil && s.Semantics != "" && e.field("closedate") != nil {
		it.Fields["closedate"] = day(p.w.now().In(p.p.Zone), p.p.Zone)
	}
}

// bindContacts makes contactId the first of contactIds, or the only one.
func (p *Portal) bindContacts(it *Item) {
	list, _ := it.get("contactIds").(*array)
	if first := it.id("contactId"); list.len() == 0 && first != 0 {
		list = listOf([]any{first})
		it.Fields["contactIds"] = list
	}
	it.Fields["contactId"] = 0
	if list.len() > 0 {
		it.Fields["contactId"] = intval(list.values()[0])
	}
	it.Fields["contacts"] = newArray()
}

// amount follows the products, of which there are none, unless it is set by
// hand.
func (p *Portal) amount(it *Item) {
	if it.get("isManualOpportunity") != "Y" {
		it.Fields["opportunity"] = 0
	}
	it.Fields["taxValue"] = 0
}

func (p *Portal) insert(e *entity, it *Item) {
	it.ID = e.next
	e.next++
	it.Fields["id"] = it.ID
	if title, has := it.Fields["title"]; has && isEmpty(title) {
		it.Fields["title"] = e.title + " #" + idText(it.ID)
	}
	e.items = append(e.items, it)
	e.byID[it.ID] = it
}

func (e *entity) remove(id int64) {
	i := e.position(id)
	if i < len(e.items) && e.items[i].ID == id {
		e.items = slices.Delete(e.items, i, i+1)
		delete(e.byID, id)
	}
}

// position is the index of the first item whose id is not less.
func (e *entity) position(id int64) int {
	return sort.Search(len(e.items), func(i int) bool { return e.items[i].ID >= id })
}

// shape is the item as an answer shows it.
func (c *call) shape(e *entity, it *Item, names []string, original bool) *array {
	out := newArray()
	for _, f := range e.fields() {
		if names != nil && !slices.Contains(names, f.name) || f.name == "contacts" {
			continue
		}
		if f.typ == "crm_multifield" {
			out.set(f.name, multifield(it))
			continue
		}
		out.set(f.shown(original), c.value(e, it, f))
	}
	if names == nil {
		out.set("entityTypeId", e.id)
	}
	return out
}

// located adds the id of the location to an address, or to each of several.
func located(v any, id int64) any {
	if list, isArray := v.(*array); isArray {
		out := newArray()
		for _, one := range list.values() {
			out.push(located(one, id))
		}
		return out
	}
	s := text(v)
	return s + pick(strings.Contains(s, "|"), "", "|;") + "|" + idText(id)
}

// value is one field as an answer shows it.
func (c *call) value(e *entity, it *Item, f *field) any {
	v := it.get(f.name)
	switch {
	case isEmpty(v) && !f.multiple && !f.dynamic && f.typ == "crm_entity":
		return nil
	case f.typ == "address" && !isEmpty(v):
		return located(v, it.ID)
	case f.typ != "file":
		return v
	}
	a, isArray := v.(*array)
	if !isArray {
		return nil
	}
	if !f.multiple {
		return c.fileValue(e, it, f, a)
	}
	out := newArray()
	for _, one := range a.values() {
		if fa, ok := one.(*array); ok {
			out.push(c.fileValue(e, it, f, fa))
		}
	}
	return out
}

func (c *call) fileValue(e *entity, it *Item, f *field, a *array) *array {
	id := idText(intval(a.get("id")))
	where := "&entityTypeId=" + idText(e.id) + "&id=" + idText(it.ID) + "&fieldName=" + f.name + "&fileId=" + id
	return newArray("id", intval(a.get("id")),
		"url", c.p.URL()+"/bitrix/services/main/ajax.php?action=crm.controller.item.getFile&SITE_ID=s1"+where,
		"urlMachine", c.p.Endpoint()+"crm.controller.item.getFile.json?auth="+c.token+"&token=crm%7C"+id)
}

// multifield is the contact information as crm.item.list gives it for "*".
func multifield(it *Item) *array {
	out := newArray()
	for i, kind := range []string{"phone", "email"} {
		if s := text(it.get(kind)); s != "" {
			out.push(newArray("id", it.ID*10+int64(i), "valueType", "WORK", "value", s, "typeId", strings.ToUpper(kind)))
		}
	}
	return out
}

// may reports whether a right reaches an item.
func (u User) may(a Access, it *Item) bool {
	switch a {
	case None:
		return false
	case Own:
		return it != nil && it.id("assignedById") == u.ID
	}
	return true
}

// on are the user's rights on a type; nothing said means everything.
func (u User) on(entityTypeID int64) Rights {
	if r, ok := u.Rights[entityTypeID]; ok {
		return r
	}
	return FullRights()
}

func denied(text string) (reply, *failure) {
	return refuse(http.StatusBadRequest, "ACCESS_DENIED", text)
}
