package field

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// links prepares the conversion of fields that point to something on the
// portal.
func (c *Converter) links() bool {
	f := c.target.Field
	switch c.target.Type {
	case "user", "employee":
		c.linkTo(KindUser, 0, userUnknown, userAmbiguous)
	case "crm_contact":
		c.linkTo(KindContact, typeContact, contactUnknown, contactAmbiguous)
	case "crm_company":
		kind := KindCompany
		if f.Name == "mycompanyId" || c.settings.text("isMyCompany") == "true" {
			kind = KindMyCompany
		}
		c.linkTo(kind, typeCompany, companyUnknown, companyAmbiguous)
	case "crm_entity":
		parent := int64(c.settings.integer("parentEntityTypeId"))
		if parent == 0 {
			n, err := strconv.ParseInt(strings.TrimPrefix(f.Name, "parentId"), 10, 64)
			if err != nil {
				return false
			}
			parent = n
		}
		c.parent(parent)
	case "iblock_element", "iblock_section":
		if !c.ctx.HasListsScope {
			c.idOnly()
			return true
		}
		c.linkTo(c.target.Type+":"+c.settings.text("IBLOCK_ID"), 0, itemUnknown, itemAmbiguous)
	case "hlblock":
		c.idOnly()
	case "crm":
		c.crmLink()
	default:
		return false
	}
	return true
}

// link is one kind of thing a cell can point to.
type link struct {
	kind             string
	entityTypeID     int64 // 0 for what is no CRM item
	unknown, several string
}

func (c *Converter) parent(entityTypeID int64) {
	switch entityTypeID {
	case typeContact:
		c.linkTo(KindContact, entityTypeID, contactUnknown, contactAmbiguous)
	case typeCompany:
		c.linkTo(KindCompany, entityTypeID, companyUnknown, companyAmbiguous)
	default:
		c.linkTo(kindOf(entityTypeID), entityTypeID, itemUnknown, itemAmbiguous)
	}
}

// linkTo prepares a field that holds ids of one kind.
func (c *Converter) linkTo(kind string, entityTypeID int64, unknown, several string) {
	k := link{kind, entityTypeID, unknown, several}
	c.distinct = true
	c.refs = func(s string, add func(Ref)) {
		if r, p := c.ref(k, s); p == nil {
			add(r)
		}
	}
	c.one = func(s string, l Lookup) (element, *Problem) {
		r, p := c.ref(k, s)
		if p != nil {
			return element{}, p
		}
		id, p := c.find(k, r, l)
		if p != nil {
			return element{}, p
		}
		return element{json.Number(id), s}, nil
	}
}

// ref says what a cell asks to be looked up.
func (c *Converter) ref(k link, s string) (Ref, *Problem) {
	s = compact(s) // first, since digits may be hidden between invisible characters
	if digitsOnly(s) && s[0] != '0' && len(s) <= maxID {
		return Ref{k.kind, s}, nil
	}
	if t, id, ok := readLink(s); ok {
		if t != k.entityTypeID {
			return Ref{}, trouble(linkKindWrong, "allowed", c.example(k.entityTypeID))
		}
		return Ref{k.kind, id}, nil
	}
	if id, ok := readID(s); ok {
		return Ref{k.kind, id}, nil
	}
	if digitsOnly(s) {
		return Ref{}, c.missing(k)
	}
	if id, ok := bracketID(s); ok {
		return Ref{k.kind, id}, nil
	}
	if k.kind == KindUser {
		if _, id, ok := strings.Cut(s, "/personal/user/"); ok {
			if id, ok := readID(strings.TrimRight(id, "/")); ok {
				return Ref{k.kind, id}, nil
			}
		}
	}
	r := Ref{k.kind, s}
	switch r.By() {
	case ByEmail:
		if k.kind == KindUser && !c.ctx.HasEmailScope {
			return Ref{}, trouble(userEmail)
		}
		r.Key = strings.ToLower(r.Key)
	case ByPhone:
		r.Key = phoneKey(r.Key)
	}
	return r, nil
}

// find turns a reference into the one id it stands for.
func (c *Converter) find(k link, r Ref, l Lookup) (string, *Problem) {
	if l == nil {
		return "", trouble(notLookedUp)
	}
	ids, known := l.Find(r)
	switch {
	case !known:
		return "", trouble(notLookedUp)
	case len(ids) == 1 && digitsOnly(ids[0]):
		return ids[0], nil
	}
	if len(ids) == 0 {
		return "", c.missing(k)
	}
	p := trouble(k.several, "ids", strings.Join(ids, ", "))
	if k.several == itemAmbiguous {
		p.Args["kind"] = c.kindTitle(k.entityTypeID)
	}
	return "", p
}

// missing says that there is no such thing.
func (c *Converter) missing(k link) *Problem {
	p := trouble(k.unknown)
	if k.unknown == itemUnknown {
		p.Args["kind"] = c.kindTitle(k.entityTypeID)
	}
	return p
}

// example is a link of the given entity type, as the notation has it.
func (c *Converter) example(entityTypeID int64) string {
	if entityTypeID == 0 {
		return "1"
	}
	return prefixOf(entityTypeID) + "_1"
}

// kindTitle is the title of a smart process, else its type's number.
func (c *Converter) kindTitle(entityTypeID int64) string {
	for _, t := range c.ctx.Types {
		if t.EntityTypeID == entityTypeID && t.Title != "" {
			return t.Title
		}
	}
	if entityTypeID == 0 {
		return c.target.Title
	}
	return strconv.FormatInt(entityTypeID, 10)
}

// idOnly prepares fields whose targets cannot be looked up.
func (c *Converter) idOnly() {
	c.distinct = true
	c.one = func(s string, _ Lookup) (element, *Problem) {
		id, ok := readID(s)
		if !ok {
			if id, ok = bracketID(s); !ok {
				return element{}, trouble(idExpected)
			}
		}
		return element{json.Number(id), id}, nil
	}
}

// crmLink prepares a field of type crm, which points to items of the kinds
// its settings switch on.
func (c *Converter) crmLink() {
	kinds := c.linkKinds()
	c.distinct = true
	c.refs = func(s string, add func(Ref)) {
		refs, _ := c.linkRefs(kinds, s)
		for i, r := range refs {
			if r.Kind != "" && kinds[i].entityTypeID != typeOrder {
				add(r)
			}
		}
	}
	c.one = func(s string, l Lookup) (element, *Problem) { return c.readCRM(kinds, s, l) }
}

// linkKinds are the kinds of items a field of type crm may point to, in the
// order of their entity types.
func (c *Converter) linkKinds() []link {
	names := map[string]int64{
		"LEAD": typeLead, "DEAL": typeDeal, "CONTACT": typeContact, "COMPANY": typeCompany,
		"QUOTE": typeQuote, "ORDER": typeOrder, "SMART_INVOICE": typeInvoice,
	}
	var kinds []link
	for name := range c.settings {
		if on := c.settings.text(name); on != "Y" && on != "true" {
			continue
		}
		t, ok := names[name]
		if n, found := strings.CutPrefix(name, "DYNAMIC_"); found {
			id, err := strconv.ParseInt(n, 10, 64)
			t, ok = id, err == nil
		}
		if !ok {
			continue
		}
		k := link{kindOf(t), t, itemUnknown, itemAmbiguous}
		switch t {
		case typeContact:
			k.unknown, k.several = contactUnknown, contactAmbiguous
		case typeCompany:
			k.unknown, k.several = companyUnknown, companyAmbiguous
		}
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b link) int { return int(a.entityTypeID - b.entityTypeID) })
	return kinds
}

// linkRefs says what a cell may point to, in parallel to kinds: Refs of the
// others are zero.
func (c *Converter) linkRefs(kinds []link, s string) ([]Ref, *Problem) {
	s = compact(s)
	refs := make([]Ref, len(kinds))
	if t, id, ok := readLink(s); ok {
		for i, k := range kinds {
			if k.entityTypeID == t {
				refs[i] = Ref{k.kind, id}
				return refs, nil
			}
		}
		return nil, trouble(linkKindWrong, "allowed", c.examples(kinds))
	}
	if _, ok := readID(s); ok && len(kinds) != 1 && len(s) < phoneDigits {
		return nil, trouble(linkKindMissing, "example", c.examples(kinds))
	}
	for i, k := range kinds {
		r, p := c.ref(k, s)
		if p != nil {
			return nil, p
		}
		refs[i] = r
	}
	return refs, nil
}

func (c *Converter) examples(kinds []link) string {
	all := make([]string, len(kinds))
	for i, k := range kinds {
		all[i] = c.example(k.entityTypeID)
	}
	return strings.Join(all, ", ")
}

// readCRM finds the one item among all kinds. With one kind the portal
// stores bare ids, with several prefixed ones.
func (c *Converter) readCRM(kinds []link, s string, l Lookup) (element, *Problem) {
	refs, p := c.linkRefs(kinds, s)
	if p != nil {
		return element{}, p
	}
	var found []string
	var missing, unasked *Problem
	for i, r := range refs {
		if r.Kind == "" {
			continue
		}
		k := kinds[i]
		id, p := c.crmID(k, r, l)
		switch {
		case p == nil && len(kinds) == 1:
			found = append(found, id)
		case p == nil:
			found = append(found, prefixOf(k.entityTypeID)+"_"+id)
		case p.Code == k.unknown:
			missing = p
		case p.Code == notLookedUp:
			unasked = p // the person may not read this kind, and so not link to it
		default:
			return element{}, p
		}
	}
	switch {
	case len(found) == 1:
		return element{found[0], s}, nil
	case len(found) > 1:
		return element{}, trouble(itemAmbiguous, "kind", c.target.Title, "ids", strings.Join(found, ", "))
	case unasked != nil:
		return element{}, unasked
	case missing != nil && len(kinds) == 1:
		return element{}, missing
	case missing != nil:
		return element{}, trouble(itemUnknown, "kind", c.target.Title)
	}
	return element{}, trouble(linkInvalid, "example", c.examples(kinds))
}

// crmID looks an item up. Orders cannot be: their ids are taken as they are.
func (c *Converter) crmID(k link, r Ref, l Lookup) (string, *Problem) {
	if k.entityTypeID != typeOrder {
		return c.find(k, r, l)
	}
	if r.By() == ByID {
		return r.Key, nil
	}
	return "", c.missing(k)
}
