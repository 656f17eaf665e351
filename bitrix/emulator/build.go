package emulator

import (
	"context"
	"fmt"
	"slices"
)

// typeTitle is what a type is called, for the labels of links to it.
func (p *Portal) typeTitle(id int64) string {
	switch id {
	case typeLead:
		return "Lead"
	case typeDeal:
		return "Deal"
	case typeContact:
		return "Contact"
	case typeCompany:
		return "Company"
	case typeQuote:
		return "Estimate"
	case typeInvoice:
		return "Invoice"
	}
	for _, t := range p.p.Types {
		if t.EntityTypeID == id {
			return t.Title
		}
	}
	return fmt.Sprintf("Smart Process %d", id)
}

// buildCRM makes the entities and dictionaries of the profile.
func (p *Portal) buildCRM() {
	p.buildStatuses()
	companies := newEntity(typeCompany, "Company", companyFields())
	contacts := newEntity(typeContact, "Contact", contactFields())
	deals := newEntity(typeDeal, "Deal", dealFields())
	deals.pipes = []Pipeline{{ID: 0, Name: "General", Default: true, Stages: []Stage{
		{"NEW", "New", ""}, {"PREPARATION", "Document preparation", ""}, {"EXECUTING", "In progress", ""},
		{"WON", "Deal won", "S"}, {"LOSE", "Deal lost", "F"}}}}
	p.entities = []*entity{companies, contacts, deals}
	for _, id := range []int64{typeLead, typeQuote, typeInvoice} {
		p.entities = append(p.entities, newEntity(id, p.typeTitle(id), titledFields()))
	}
	for _, t := range p.p.Types {
		p.addType(t)
	}
	p.seed(typeCompany, p.p.Companies)
	p.seed(typeContact, p.p.Contacts)
	p.seed(typeDeal, p.p.Deals)
	p.seed(typeLead, p.p.Leads)
	p.seed(typeQuote, p.p.Quotes)
	p.seed(typeInvoice, p.p.Invoices)
	for _, t := range p.p.Types {
		p.seed(t.EntityTypeID, t.Items)
	}
}

func (p *Portal) seed(id int64, rows []map[string]any) {
	for _, row := range rows {
		p.AddItem(id, row)
	}
}

func (p *Portal) buildStatuses() {
	defaults := []*dictionary{
		{"SOURCE", "Sources", []Stage{{"CALL", "Call", ""}, {"EMAIL", "E-mail", ""}, {"WEB", "Website", ""}, {"ADVERTISING", "Advertising", ""}, {"PARTNER", "Existing client", ""}, {"TRADE_SHOW", "Trade show", ""}, {"OTHER", "Other", ""}}},
		{"INDUSTRY", "Industry", []Stage{{"IT", "Information technology", ""}, {"TELECOM", "Telecommunication", ""}, {"MANUFACTURING", "Manufacturing", ""}, {"BANKING", "Banking", ""}, {"CONSULTING", "Consulting", ""}, {"OTHER", "Other", ""}}},
		{"CONTACT_TYPE", "Contact type", []Stage{{"CLIENT", "Clients", ""}, {"SUPPLIER", "Suppliers", ""}, {"PARTNER", "Partners", ""}}},
		{"COMPANY_TYPE", "Company type", []Stage{{"CUSTOMER", "Client", ""}, {"SUPPLIER", "Supplier", ""}}},
	}
	for _, id := range sortedKeys(p.p.Statuses) {
		i := slices.IndexFunc(defaults, func(d *dictionary) bool { return d.id == id })
		if i < 0 {
			defaults = append(defaults, &dictionary{id: id, name: id})
			i = len(defaults) - 1
		}
		defaults[i].stages = p.p.Statuses[id]
	}
	p.statuses = defaults
}

// addType makes a smart process; the caller holds the lock, or is alone.
func (p *Portal) addType(t Type) {
	if len(t.Pipelines) == 0 {
		t.Pipelines = []Pipeline{{ID: t.ID*2 + 1, Name: "General", Default: true, Stages: []Stage{
			{"NEW", "Start", ""}, {"PREPARATION", "In progress", ""}, {"SUCCESS", "Success", "S"}, {"FAIL", "Failure", "F"}}}}
	}
	e := newEntity(t.EntityTypeID, t.Title, p.spaFields(&t))
	e.t, e.pipes = &t, t.Pipelines
	p.entities = append(p.entities, e)
}

// AddType adds a smart process while the portal runs, and tells the app.
func (p *Portal) AddType(ctx context.Context, t Type) error {
	p.mu.Lock()
	p.addType(t)
	p.mu.Unlock()
	p.seed(t.EntityTypeID, t.Items)
	return p.sendEvent(ctx, "ONCRMTYPEADD", newArray("FIELDS", newArray("ID", t.ID)), 0, false)
}

// RemoveType deletes a smart process with its items, and tells the app.
func (p *Portal) RemoveType(ctx context.Context, entityTypeID int64) error {
	p.mu.Lock()
	e := p.entity(entityTypeID)
	p.entities = slices.DeleteFunc(p.entities, func(x *entity) bool { return x == e && e != nil })
	p.mu.Unlock()
	if e == nil || e.t == nil {
		return nil
	}
	return p.sendEvent(ctx, "ONCRMTYPEDELETE", newArray("FIELDS", newArray("ID", e.t.ID)), 0, false)
}

// AddField gives a smart process another user field; RemoveField takes one
// away, with the values it had.
func (p *Portal) AddField(entityTypeID int64, f Field) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entity(entityTypeID); e != nil {
		e.setFields(append(slices.Clone(e.fields()), userField(f)))
	}
}

// RemoveField takes a user field away.
func (p *Portal) RemoveField(entityTypeID int64, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entity(entityTypeID); e != nil {
		e.setFields(slices.DeleteFunc(slices.Clone(e.fields()), func(f *field) bool { return f.name == name }))
	}
}
