package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

func invalidValue(f *field) *failure {
	return fails(http.StatusBadRequest, "CRM_FIELD_ERROR_VALUE_NOT_VALID", fmt.Sprintf("Invalid value for field \"%s\"", f.title))
}

// target finds the type a call is about.
func (c *call) target() (*entity, *failure) {
	if !c.params.has("entityTypeId") {
		return nil, fails(http.StatusBadRequest, "100", "Could not find value for parameter {entityTypeId}")
	}
	id := intval(c.params.get("entityTypeId"))
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	e := c.p.entity(id)
	switch {
	case e != nil:
		return e, nil
	case id == 5:
		return nil, fails(http.StatusBadRequest, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
	}
	return nil, fails(http.StatusBadRequest, "NOT_FOUND", "SPA not found")
}

func (c *call) original() bool {
	return truth(c.params.get("useOriginalUfNames")) && !c.p.quirk().NoOriginalNames
}

// how an item is created.
type manner int

const (
	byAdd manner = iota
	byImport
)

// create makes one item of fields. The second failure is an error that is
// reported though the item exists: a bad file.
func (c *call) create(e *entity, fields *array, how manner) (*Item, *failure, *failure) {
	p := c.p
	if fields == nil {
		fields = newArray()
	}
	rights := c.user.on(e.id)
	need := pick(how == byAdd, rights.Add, rights.Import)
	if need == None {
		return nil, fails(http.StatusBadRequest, "ACCESS_DENIED", "Access denied"), nil
	}
	p.mu.Lock()
	it := p.blank(e, c.user.ID)
	p.mu.Unlock()
	admin := how == byImport && c.user.Admin
	sent, late, fail := c.assign(e, it, fields, admin)
	if fail != nil {
		return nil, fail, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if need == Own {
		// Whoever may only add his own items gets them, whatever he sent.
		it.Fields["assignedById"] = c.user.ID
	}
	if fail := c.check(e, it, sent); fail != nil {
		return nil, fail, nil
	}
	if admin {
		if fail := p.checkHistory(e, it, sent); fail != nil {
			return nil, fail, nil
		}
	}
	if fail := c.required(e, it); fail != nil {
		return nil, fail, nil
	}
	p.fill(e, it, slices.Contains(sent, "title"))
	it.Automation = how == byAdd && e.t != nil && e.t.Automation
	p.insert(e, it)
	c.entry.Rows++
	return it, nil, late
}

// assign coerces what was sent into the item; it returns the names of the
// fields that were taken.
func (c *call) assign(e *entity, it *Item, fields *array, admin bool) (sent []string, late, fail *failure) {
	original := c.original()
	if fields, fail = c.bend(e, it, fields); fail != nil {
		return nil, nil, fail
	}
	for _, name := range fields.keys {
		f := e.named(name, original)
		if f == nil || f.readOnly && !(f.history && admin) || f.name == "taxValue" {
			continue
		}
		if f.name == "contacts" {
			return nil, nil, fails(http.StatusBadRequest, "100", "Could not write field contacts")
		}
		v, how, fail := c.p.coerce(f, fields.vals[name])
		if fail != nil {
			return nil, nil, fail
		}
		switch how {
		case dropped:
			continue
		case broken:
			late = fails(http.StatusBadRequest, "", "File upload error")
			if !f.multiple {
				continue
			}
		}
		if e.t == nil && (f.name == "assignedById" || f.name == "title") && isEmpty(v) {
			continue
		}
		it.Fields[f.name] = v
		sent = append(sent, f.name)
	}
	if !slices.Contains(sent, "assignedById") || it.id("assignedById") == 0 {
		if it.ID == 0 {
			it.Fields["assignedById"] = c.user.ID
		}
	}
	return sent, late, nil
}

// check refuses what a portal refuses: a pipeline or currency it does not
// have, a link to something the caller cannot read.
func (c *call) check(e *entity, it *Item, sent []string) *failure {
	for _, name := range sent {
		f, v := e.field(name), it.Fields[name]
		if f == nil {
			continue // taken away meanwhile
		}
		switch f.typ {
		case "crm_category":
			if e.pipeline(intval(v)) == nil {
				return invalidValue(f)
			}
		case "crm_currency":
			if isEmpty(v) {
				it.Fields[name] = c.p.p.Currencies[0]
			} else if !slices.Contains(c.p.p.Currencies, text(v)) {
				return invalidValue(f)
			}
		case "crm_company", "crm_contact", "crm_entity":
			if fail := c.checkLinks(f, v); fail != nil {
				return fail
			}
		}
	}
	return nil
}

func (c *call) checkLinks(f *field, v any) *failure {
	ids := []any{v}
	if a, isArray := v.(*array); isArray {
		ids = a.values()
	}
	kind := f.parent
	if f.typ == "crm_contact" {
		kind = typeContact
	}
	other := c.p.entity(kind)
	for _, one := range ids {
		id := intval(one)
		if id == 0 {
			continue
		}
		if id < 0 {
			return invalidValue(f)
		}
		if other == nil {
			continue
		}
		it := other.byID[id]
		if it == nil || !c.user.may(c.user.on(kind).Read, it) {
			return fails(http.StatusBadRequest, "", fmt.Sprintf("[%s #%d] Access denied", other.title, id))
		}
		if f.name == "mycompanyId" && it.get("isMyCompany") != "Y" {
			return invalidValue(f)
		}
	}
	return nil
}

// checkHistory holds an imported past to its order: nothing in the future,
// created ≤ moved ≤ updated, and not before the newest item there is.
func (p *Portal) checkHistory(e *entity, it *Item, sent []string) *failure {
	when := func(name string) (time.Time, bool) {
		if !slices.Contains(sent, name) {
			return time.Time{}, false
		}
		return strtotime(text(it.get(name)), p.p.Zone, p.w.now())
	}
	created, hasCreated := when("createdTime")
	updated, hasUpdated := when("updatedTime")
	moved, hasMoved := when("movedTime")
	now := p.w.now()
	if hasCreated {
		if created.After(now) && !p.quirk().TakesFuture || len(e.items) > 0 && created.Before(e.items[len(e.items)-1].Created) {
			return invalidValue(e.field("createdTime"))
		}
		it.Created = created
	}
	if hasUpdated && (updated.After(now) || updated.Before(it.Created)) {
		return invalidValue(e.field("updatedTime"))
	}
	if hasUpdated {
		it.Updated = updated
	}
	if hasMoved && (moved.Before(it.Created) || moved.After(it.Updated)) {
		return invalidValue(e.field("movedTime"))
	}
	it.CreatedBy = it.id("createdBy")
	return nil
}

// required checks mandatory user fields, where the portal was told to.
func (c *call) required(e *entity, it *Item) *failure {
	if !c.p.p.EnforceRequired {
		return nil
	}
	for _, f := range e.fields() {
		if f.dynamic && f.required && isEmpty(it.get(f.name)) {
			return fails(http.StatusBadRequest, "CRM_FIELD_ERROR_REQUIRED", fmt.Sprintf("The \"%s\" field is required", f.title))
		}
	}
	return nil
}

// update changes an item. Nothing is saved when nothing really changes.
func (c *call) update(e *entity, id int64, fields *array) (*Item, *failure) {
	for {
		old, fail := c.find(e, id)
		if fail != nil {
			return nil, fail
		}
		if it, fail := c.change(e, old, fields); it != nil || fail != nil {
			return it, fail
		}
	}
}

// change makes the next version of an item; neither item nor failure means
// that somebody else was faster.
func (c *call) change(e *entity, old *Item, fields *array) (*Item, *failure) {
	p, id := c.p, old.ID
	if !c.user.may(c.user.on(e.id).Update, old) {
		return nil, fails(http.StatusBadRequest, "ACCESS_DENIED", "Access denied")
	}
	next := *old
	next.Fields = make(map[string]any, len(old.Fields))
	for k, v := range old.Fields {
		next.Fields[k] = v
	}
	if fields == nil {
		fields = newArray()
	}
	sent, _, fail := c.assign(e, &next, fields, false)
	if fail != nil {
		return nil, fail
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range []string{"title", "assignedById", "begindate", "closedate", "currencyId"} {
		if v, has := next.Fields[name]; has && (isEmpty(v) || name == "assignedById" && intval(v) == 0) {
			next.Fields[name] = old.Fields[name]
		}
	}
	p.keepFiles(e, old, &next, sent)
	if fail := c.check(e, &next, sent); fail != nil {
		return nil, fail
	}
	p.move(e, old, &next, sent, c.user.ID)
	if e.field("isManualOpportunity") != nil {
		p.amount(&next)
	}
	if e.field("contactIds") != nil && (slices.Contains(sent, "contactId") || slices.Contains(sent, "contactIds")) {
		if !slices.Contains(sent, "contactIds") {
			next.Fields["contactIds"] = newArray()
		}
		p.bindContacts(&next)
	}
	if sameFields(old, &next) {
		return old, nil
	}
	now := p.w.now().Truncate(time.Second)
	next.Updated = now
	next.Fields["updatedTime"], next.Fields["updatedBy"] = stamp(now.In(p.p.Zone)), c.user.ID
	if e.byID[id] != old {
		return nil, nil
	}
	e.items[e.position(id)], e.byID[id] = &next, &next
	c.entry.Rows++
	return &next, nil
}

// move settles pipeline and stage of a change: an unknown stage is reverted.
func (p *Portal) move(e *entity, old, next *Item, sent []string, by int64) {
	if e.field("stageId") == nil {
		return
	}
	pipe := next.id("categoryId")
	if e.stage(pipe, text(next.get("stageId"))) == nil {
		next.Fields["stageId"] = old.get("stageId")
		if e.stage(pipe, text(old.get("stageId"))) == nil {
			next.Fields["stageId"] = e.firstStage(pipe)
		}
	}
	if next.get("stageId") != old.get("stageId") {
		next.Fields["previousStageId"] = old.get("stageId")
		next.Fields["movedBy"] = by
		next.Fields["movedTime"] = stamp(p.w.now().In(p.p.Zone))
		p.close(e, next)
	}
}

// keepFiles resolves {"id": n}: a file that is there stays, another number
// empties the field.
func (p *Portal) keepFiles(e *entity, old, next *Item, sent []string) {
	for _, name := range sent {
		f := e.field(name)
		if f == nil || f.typ != "file" {
			continue
		}
		had := map[int64]*array{}
		if a, isArray := old.get(name).(*array); isArray {
			list := pick(f.multiple, a.values(), []any{a})
			for _, one := range list {
				if fa, ok := one.(*array); ok {
					had[intval(fa.get("id"))] = fa
				}
			}
		}
		keep := func(a *array) any {
			if a != nil && a.has("name") {
				return a
			}
			if a == nil {
				return nil
			}
			if was := had[intval(a.get("id"))]; was != nil {
				return was
			}
			return nil
		}
		a, _ := next.get(name).(*array)
		if !f.multiple {
			next.Fields[name] = keep(a)
			continue
		}
		out := newArray()
		for _, one := range a.values() {
			if fa, ok := one.(*array); ok {
				if k := keep(fa); k != nil {
					out.push(k)
				}
			}
		}
		next.Fields[name] = out
	}
}

func sameFields(a, b *Item) bool {
	for k, v := range b.Fields {
		if fmt.Sprint(plain(a.Fields[k])) != fmt.Sprint(plain(v)) {
			return false
		}
	}
	return true
}

func plain(v any) any { return fromPHP(v) }

// find looks an item up that the caller may read.
func (c *call) find(e *entity, id int64) (*Item, *failure) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	it := e.byID[id]
	if it == nil {
		return nil, fails(http.StatusBadRequest, "NOT_FOUND", "Element not found")
	}
	if !c.user.may(c.user.on(e.id).Read, it) {
		return nil, fails(http.StatusBadRequest, "ACCESS_DENIED", "Access denied")
	}
	return it, nil
}
