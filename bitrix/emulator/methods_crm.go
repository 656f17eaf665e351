package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// dictionary is a crm.status dictionary.
type dictionary struct {
	id, name string
	stages   []Stage
}

// dictionary finds one; the caller holds the lock. Stages of pipelines are
// not in it.
func (p *Portal) dictionary(id string) *dictionary {
	i := slices.IndexFunc(p.statuses, func(d *dictionary) bool { return d.id == id })
	if i < 0 {
		return nil
	}
	return p.statuses[i]
}

func typeMethods() []method {
	return []method{
		{name: "crm.type.list", scope: "crm", run: typeList},
		{name: "crm.type.get", scope: "crm", run: typeGet},
		{name: "crm.type.getByEntityTypeId", scope: "crm", run: typeGet},
		{name: "crm.enum.ownertype", scope: "crm", run: ownerTypes},
		{name: "crm.automatedsolution.list", scope: "crm", run: workplaces},
		{name: "crm.category.list", scope: "crm", run: categories},
	}
}

func (u User) crmAdmin() bool { return u.Admin || u.CRMAdmin }

func yn(b bool) string { return pick(b, "Y", "N") }

// typeRow is a smart process as crm.type.list shows it.
func (p *Portal) typeRow(t *Type) *array {
	var section any
	if t.Workplace != 0 {
		section = t.Workplace
	}
	at := stamp(p.w.now().In(p.p.Zone))
	return newArray(
		"id", t.ID, "title", t.Title, "code", t.Code, "createdBy", 1, "entityTypeId", t.EntityTypeID,
		"customSectionId", section,
		"isCategoriesEnabled", yn(t.Categories), "isStagesEnabled", yn(t.Stages),
		"isBeginCloseDatesEnabled", yn(t.BeginClose), "isClientEnabled", yn(t.Client),
		"isUseInUserfieldEnabled", yn(t.InUserfield), "isLinkWithProductsEnabled", yn(t.Products),
		"isMycompanyEnabled", yn(t.MyCompany), "isDocumentsEnabled", "N",
		"isSourceEnabled", yn(t.Source), "isObserversEnabled", yn(t.Observers),
		"isRecyclebinEnabled", yn(t.RecycleBin), "isAutomationEnabled", yn(t.Automation),
		"isBizProcEnabled", yn(t.Automation), "isSetOpenPermissions", "Y",
		"isPaymentsEnabled", "N", "isCountersEnabled", "N",
		"createdTime", at, "updatedTime", at, "updatedBy", 1,
	)
}

// typeList is for CRM administrators; order and the filters of ids are
// honoured.
func typeList(c *call) (reply, *failure) {
	if !c.user.crmAdmin() {
		return denied("Access denied")
	}
	e := newEntity(0, "", []*field{
		sys("id", "ID", "integer", "ID", ""), sys("entityTypeId", "ENTITY_TYPE_ID", "integer", "", ""),
		sys("title", "TITLE", "string", "", ""), sys("code", "CODE", "string", "", ""),
		sys("customSectionId", "CUSTOM_SECTION_ID", "integer", "", ""),
	})
	l, fail := c.plan(e)
	if fail != nil {
		return reply{}, fail
	}
	rows := map[int64]*array{}
	for _, t := range c.p.types() {
		row := c.p.typeRow(t)
		rows[t.ID] = row
		it := &Item{ID: t.ID, Fields: row.vals}
		e.items = append(e.items, it)
	}
	slices.SortFunc(e.items, func(a, b *Item) int { return int(a.ID - b.ID) })
	admin := *c
	admin.user.Rights = nil
	found, total := admin.choose(e, l)
	out := newArray()
	for _, it := range found {
		out.push(rows[it.ID])
	}
	r := reply{newArray("types", out), total, -1}
	if next := max(l.start, 0) + len(found); next < total {
		r.next = next
	}
	return r, nil
}

// types are the smart processes in the order they were added.
func (p *Portal) types() []*Type {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*Type
	for _, e := range p.entities {
		if e.t != nil {
			out = append(out, e.t)
		}
	}
	return out
}

// typeGet is crm.type.get and crm.type.getByEntityTypeId, for whoever may
// read the items.
func typeGet(c *call) (reply, *failure) {
	var found *Type
	for _, t := range c.p.types() {
		if c.m.name == "crm.type.get" && t.ID == c.id() || c.m.name != "crm.type.get" && t.EntityTypeID == intval(c.params.get("entityTypeId")) {
			found = t
		}
	}
	switch {
	case found == nil:
		return refuse(http.StatusBadRequest, 0, "SPA not found")
	case !c.user.crmAdmin() && c.user.on(found.EntityTypeID).Read == None:
		return denied("Access denied")
	}
	parents, children := newArray(), newArray()
	relation := func(id int64, predefined bool) *array {
		return newArray("entityTypeId", id, "isChildrenListEnabled", "Y", "isPredefined", yn(predefined))
	}
	if found.Client {
		parents.push(relation(typeContact, true))
		parents.push(relation(typeCompany, true))
	}
	for _, id := range found.Parents {
		parents.push(relation(id, false))
	}
	for _, t := range c.p.types() {
		if slices.Contains(t.Parents, found.EntityTypeID) {
			children.push(relation(t.EntityTypeID, false))
		}
	}
	row := c.p.typeRow(found)
	row.set("relations", newArray("parent", parents, "child", children))
	row.set("linkedUserFields", newArray("CALENDAR_EVENT|UF_CRM_CAL_EVENT", "N", "TASKS_TASK|UF_CRM_TASK", "N", "TASKS_TASK_TEMPLATE|UF_CRM_TASK", "N"))
	row.set("customSections", newArray())
	return ok(newArray("type", row))
}

// ownerTypes lists every type there is, whoever asks.
func ownerTypes(c *call) (reply, *failure) {
	out := newArray()
	row := func(id int64, name, code string) {
		out.push(newArray("ID", id, "NAME", name, "SYMBOL_CODE", code, "SYMBOL_CODE_SHORT", short(id)))
	}
	row(typeLead, "Lead", "LEAD")
	row(typeDeal, "Deal", "DEAL")
	row(typeContact, "Contact", "CONTACT")
	row(typeCompany, "Company", "COMPANY")
	row(typeInvoice, "Invoice", "SMART_INVOICE")
	row(typeQuote, "Estimate", "QUOTE")
	for _, t := range c.p.types() {
		row(t.EntityTypeID, t.Title, fmt.Sprintf("DYNAMIC_%d", t.EntityTypeID))
	}
	return ok(out)
}

func workplaces(c *call) (reply, *failure) {
	if !c.user.crmAdmin() {
		return denied("Insufficient permissions")
	}
	out := newArray()
	for _, w := range c.p.p.Workplaces {
		ids := newArray()
		for _, t := range c.p.types() {
			if t.Workplace == w.ID {
				ids.push(t.ID)
			}
		}
		out.push(newArray("id", w.ID, "title", w.Title, "typeIds", ids))
	}
	return reply{newArray("automatedSolutions", out), out.len(), -1}, nil
}

func categories(c *call) (reply, *failure) {
	e, fail := c.target()
	if fail != nil {
		return reply{}, fail
	}
	if len(e.pipes) == 0 {
		return refuse(http.StatusBadRequest, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
	}
	out := newArray()
	for i, pipe := range e.pipes {
		if c.user.on(e.id).Read == None {
			break
		}
		row := newArray("id", pipe.ID, "name", pipe.Name, "sort", (i+1)*100, "entityTypeId", e.id, "isDefault", yn(pipe.ID == defaultOf(e.pipes)))
		if e.t != nil {
			row.set("isSystem", "N")
			row.set("code", "")
		}
		row.set("originId", "")
		row.set("originatorId", "")
		out.push(row)
	}
	return reply{newArray("categories", out), out.len(), -1}, nil
}

func dictionaryMethods() []method {
	return []method{
		{name: "crm.status.list", scope: "crm", run: statusList},
		{name: "crm.status.entity.items", scope: "crm", run: statusItems},
		{name: "crm.status.entity.types", scope: "crm", run: statusTypes},
		{name: "crm.currency.list", scope: "crm", run: currencies},
		{name: "crm.currency.base.get", scope: "crm", run: func(c *call) (reply, *failure) { return ok(c.p.p.Currencies[0]) }},
	}
}

// statusRow is one entry of a dictionary with the id it has in rows.
type statusRow struct {
	dictionary, id string
	stage          Stage
	sort, number   int
	pipeline       any
}

// statusRows are all entries of all dictionaries.
func (p *Portal) statusRows() []statusRow {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []statusRow
	add := func(dictionary, prefix string, stages []Stage, pipeline any) {
		for i, s := range stages {
			out = append(out, statusRow{dictionary, prefix + s.Code, s, (i + 1) * 10, len(out) + 101, pipeline})
		}
	}
	for _, d := range p.statuses {
		add(d.id, "", d.stages, nil)
	}
	for _, e := range p.entities {
		for _, pipe := range e.pipes {
			if e.field("stageId") == nil {
				continue
			}
			var pipeline any
			if pipe.ID != 0 {
				pipeline = idText(pipe.ID)
			}
			add(e.stageDictionary(pipe.ID), e.stagePrefix(pipe.ID), pipe.Stages, pipeline)
		}
	}
	return out
}

// named reports whether a filter, one value or several, lets a name through.
func named(filter any, name string) bool {
	if list, isArray := filter.(*array); isArray {
		return slices.ContainsFunc(list.values(), func(v any) bool { return text(v) == name })
	}
	return filter == nil || text(filter) == name
}

func statusList(c *call) (reply, *failure) {
	filter := c.params.sub("filter")
	out := newArray()
	for _, r := range c.p.statusRows() {
		if !named(filter.fold("ENTITY_ID"), r.dictionary) || !named(filter.fold("STATUS_ID"), r.id) {
			continue
		}
		colour, how := "#39A8EF", "process"
		var semantics any
		switch r.stage.Semantics {
		case "S":
			colour, how, semantics = "#7BD500", "success", "S"
		case "F":
			colour, how, semantics = "#FF5752", "failure", "F"
		}
		out.push(newArray(
			"ID", strconv.Itoa(r.number), "ENTITY_ID", r.dictionary, "STATUS_ID", r.id,
			"NAME", r.stage.Name, "NAME_INIT", "", "SORT", strconv.Itoa(r.sort), "SYSTEM", "N",
			"CATEGORY_ID", r.pipeline, "COLOR", colour, "SEMANTICS", semantics,
			"EXTRA", newArray("SEMANTICS", how, "COLOR", colour)))
	}
	return reply{out, out.len(), -1}, nil
}

func statusItems(c *call) (reply, *failure) {
	id := text(c.params.get("entityId"))
	if id == "" {
		return refuse(http.StatusBadRequest, "The parameter entityId is not defined or invalid.", "The directory ID is not specified or is incorrect.")
	}
	out := newArray()
	for _, r := range c.p.statusRows() {
		if r.dictionary == id {
			out.push(newArray("NAME", r.stage.Name, "SORT", r.sort, "STATUS_ID", r.id))
		}
	}
	return ok(out)
}

func statusTypes(c *call) (reply, *failure) {
	p := c.p
	p.mu.Lock()
	defer p.mu.Unlock()
	out := newArray()
	for _, d := range p.statuses {
		out.push(newArray("ID", d.id, "NAME", d.name))
	}
	for _, e := range p.entities {
		for _, pipe := range e.pipes {
			if e.field("stageId") == nil {
				continue
			}
			row := newArray("ID", e.stageDictionary(pipe.ID), "NAME", e.title+" ("+pipe.Name+")", "SEMANTIC_INFO", newArray())
			if prefix := strings.TrimSuffix(e.stagePrefix(pipe.ID), ":"); prefix != "" {
				row.set("PREFIX", prefix)
			}
			row.set("FIELD_ATTRIBUTE_SCOPE", fmt.Sprintf("category_%d", pipe.ID))
			row.set("ENTITY_TYPE_ID", e.id)
			if e.t != nil {
				row.set("IS_ENABLED", true)
			}
			row.set("CATEGORY_ID", pipe.ID)
			if e.t != nil {
				row.set("CATEGORY_NAME", pipe.Name)
				row.set("CATEGORY_SORT", 500)
				row.set("IS_DEFAULT_CATEGORY", pipe.ID == defaultOf(e.pipes))
			}
			out.push(row)
		}
	}
	return ok(out)
}

// currencies answers total 0 and a thousands separator in HTML, as portals
// do.
func currencies(c *call) (reply, *failure) {
	out := newArray()
	for i, code := range c.p.p.Currencies {
		var sep any = "&nbsp;"
		if i == 1 {
			sep = nil
		}
		out.push(newArray(
			"CURRENCY", code, "AMOUNT_CNT", "1", "AMOUNT", "1.0000", "SORT", strconv.Itoa((i+1)*100),
			"BASE", yn(i == 0), "FULL_NAME", code, "LID", c.user.Lang, "FORMAT_STRING", "# "+code,
			"DEC_POINT", ".", "THOUSANDS_SEP", sep, "DECIMALS", "2", "DATE_UPDATE", stamp(c.p.w.now().In(c.p.p.Zone))))
	}
	return reply{out, 0, -1}, nil
}
