package emulator

import (
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func mustSub() fs.FS {
	sub, err := fs.Sub(pageFiles, "pages")
	if err != nil {
		// The folder is embedded above; it cannot be missing.
		panic(err)
	}
	return sub
}

// listView is a table of items.
type listView struct {
	Menu        []menuEntry
	Pipelines   []typeLink
	Columns     []string
	Rows        []rowView
	From, Total int
	More        string
}

// menuEntry is a placement that can be opened.
type menuEntry struct{ Title, Code, Handler, ID string }

type rowView struct {
	ID, Path string
	Cells    []string
}

// cardView is one item.
type cardView struct {
	Fields []labelled
	Tabs   []menuEntry
	Back   string
}

type labelled struct{ Label, Name, Value string }

// found is the entity a page is about.
func (p *Portal) found(r *http.Request) (*entity, string) {
	id, prefix := int64(0), ""
	kind, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/crm/"), "/")
	switch kind {
	case "deal":
		id, prefix = typeDeal, "/crm/deal/"
	case "contact":
		id, prefix = typeContact, "/crm/contact/"
	case "company":
		id, prefix = typeCompany, "/crm/company/"
	default:
		id, _ = strconv.ParseInt(r.PathValue("type"), 10, 64)
		prefix = fmt.Sprintf("/crm/type/%d/", id)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.entity(id), prefix
}

// code is how placements name an entity.
func (e *entity) code() string {
	switch e.id {
	case typeDeal:
		return "CRM_DEAL"
	case typeContact:
		return "CRM_CONTACT"
	case typeCompany:
		return "CRM_COMPANY"
	}
	return fmt.Sprintf("CRM_DYNAMIC_%d", e.id)
}

// menu lists what is bound to a place. Nothing shows before the installation
// is finished, nor to those who were denied the app.
func (p *Portal) menu(code string, u User) []menuEntry {
	var out []menuEntry
	if !p.Installed() || u.NoApp {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.placements {
		if b.code == code {
			out = append(out, menuEntry{b.titleIn(u.Lang), b.code, b.handler, ""})
		}
	}
	return out
}

func (p *Portal) serveList(w http.ResponseWriter, r *http.Request) {
	e, prefix := p.found(r)
	if e == nil {
		p.render(w, http.StatusNotFound, p.page(r, "Not found"))
		return
	}
	d := p.page(r, e.title)
	v := &listView{Menu: p.menu(e.code()+"_LIST_TOOLBAR", d.User)}
	category := r.PathValue("category")
	if e.t != nil && len(e.pipes) > 1 {
		for _, pipe := range e.pipes {
			v.Pipelines = append(v.Pipelines, typeLink{Title: pipe.Name, Path: fmt.Sprintf("%slist/category/%d/", prefix, pipe.ID), Active: idText(pipe.ID) == category})
		}
	}
	var rows []*Item
	p.mu.Lock()
	for _, it := range slices.Backward(e.items) {
		if d.User.may(d.User.on(e.id).Read, it) && (category == "" || category == "0" || idText(it.id("categoryId")) == category) {
			rows = append(rows, it)
		}
	}
	p.mu.Unlock()
	v.Total = len(rows)
	v.From, _ = strconv.Atoi(r.URL.Query().Get("from"))
	v.From = min(max(v.From, 0), len(rows))
	rows = rows[v.From:min(v.From+pageSize, len(rows))]
	if v.From+len(rows) < v.Total {
		v.More = fmt.Sprintf("?from=%d", v.From+len(rows))
	}
	fields := shownFields(e, rows)
	for _, f := range fields {
		v.Columns = append(v.Columns, f.titleIn(d.Lang))
	}
	for _, it := range rows {
		row := rowView{ID: idText(it.ID), Path: prefix + "details/" + idText(it.ID) + "/"}
		for _, f := range fields {
			row.Cells = append(row.Cells, p.display(e, f, it))
		}
		v.Rows = append(v.Rows, row)
	}
	d.List = v
	p.render(w, http.StatusOK, d)
}

// shownFields are the ones some row has something in.
func shownFields(e *entity, rows []*Item) []*field {
	var out []*field
	hidden := []string{"id", "contacts", "contactId", "opened", "webformId", "movedBy", "lastActivityBy", "lastActivityTime", "updatedTime", "updatedBy", "createdTime", "movedTime", "taxValue", "previousStageId", "isManualOpportunity"}
	for _, f := range e.fields() {
		if slices.Contains(hidden, f.name) || f.typ == "crm_multifield" {
			continue
		}
		if slices.ContainsFunc(rows, func(it *Item) bool { v := it.get(f.name); return !isEmpty(v) && text(v) != "0" }) {
			out = append(out, f)
		}
	}
	return out
}

func (f *field) titleIn(lang string) string {
	if t := f.titles[lang]; t != "" {
		return t
	}
	return f.title
}

func (p *Portal) serveCard(w http.ResponseWriter, r *http.Request) {
	e, prefix := p.found(r)
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	var it *Item
	if e != nil {
		p.mu.Lock()
		it = e.byID[id]
		p.mu.Unlock()
	}
	d := p.page(r, "Not found")
	if it == nil || !d.User.may(d.User.on(e.id).Read, it) {
		p.render(w, http.StatusNotFound, d)
		return
	}
	d.Title = it.name()
	v := &cardView{Back: prefix, Tabs: p.menu(e.code()+"_DETAIL_TAB", d.User)}
	for i := range v.Tabs {
		v.Tabs[i].ID = idText(id)
	}
	for _, f := range e.fields() {
		if f.name != "contacts" && f.typ != "crm_multifield" {
			v.Fields = append(v.Fields, labelled{f.titleIn(d.Lang), f.name, p.display(e, f, it)})
		}
	}
	d.Card = v
	p.render(w, http.StatusOK, d)
}

// display is a value for a person: names in place of numbers.
func (p *Portal) display(e *entity, f *field, it *Item) string {
	v := it.get(f.name)
	list := []any{v}
	if a, isArray := v.(*array); isArray && f.multiple {
		list = a.values()
	}
	var out []string
	for _, one := range list {
		if s := p.word(e, f, it, one); s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}

func (p *Portal) word(e *entity, f *field, it *Item, v any) string {
	s := text(v)
	switch f.typ {
	case "user", "employee":
		if u, ok := p.user(intval(v)); ok {
			return u.Name + " " + u.LastName
		}
		return pick(s == "0", "", s)
	case "enumeration":
		for _, o := range f.options {
			if o.ID == intval(v) {
				return o.Value
			}
		}
	case "crm_status":
		if st := e.stage(it.id("categoryId"), s); st != nil {
			return st.Name
		}
		for _, r := range p.statusRows() {
			if r.dictionary == f.statusType && r.id == s {
				return r.stage.Name
			}
		}
	case "crm_category":
		if pipe := e.pipeline(intval(v)); pipe != nil {
			return pipe.Name
		}
	case "crm_company", "crm_contact", "crm_entity":
		return p.linked(pick(f.typ == "crm_contact", int64(typeContact), f.parent), intval(v))
	case "date":
		return firstRunes(s, 10)
	case "datetime":
		return strings.Replace(firstRunes(s, 16), "T", " ", 1)
	case "file":
		if a, isArray := v.(*array); isArray {
			return text(a.get("name"))
		}
	}
	return s
}

// linked is what an item that is linked to is called.
func (p *Portal) linked(kind, id int64) string {
	if id == 0 {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entity(kind); e != nil && e.byID[id] != nil {
		return e.byID[id].name()
	}
	return idText(id)
}

// name is the title, or the name of a person.
func (it *Item) name() string {
	if t := text(it.get("title")); t != "" {
		return t
	}
	return strings.TrimSpace(text(it.get("name")) + " " + text(it.get("lastName")))
}
