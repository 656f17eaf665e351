package emulator

import (
	"net/http"
	"strings"
	"time"
)

// Quirks are the assumptions about portals that no document states and that
// a portal may break (section 13 of our notes), one switch each. With the
// zero value a portal is as we believe portals to be. More such switches are
// Profile.EnforceRequired, Profile.NoKeyedImport and Limits.NoOperating.
type Quirks struct {
	// RefusesStages: an unknown stage is an error and not the first stage;
	// RefusesDates: neither is a date that cannot be read left out.
	RefusesStages, RefusesDates bool
	// OneIsYes: a boolean takes "1" for yes.
	OneIsYes bool
	// TakesFuture: an item may be imported with a creation in the future.
	TakesFuture bool
	// ShiftsZoned: a time field that keeps the user's zone adds two hours to
	// what is sent, offset or not.
	ShiftsZoned bool
	// IgnoresOffset: a time is what its digits say in the portal's zone.
	IgnoresOffset bool
	// DropsPrefix: a field that links to one kind of item keeps only the
	// digits, whatever they were meant for; LosesLinks: one that links to
	// several keeps nothing.
	DropsPrefix, LosesLinks bool
	// LosesBareIDs: one that links to one kind keeps nothing that comes
	// without the kind before it.
	LosesBareIDs bool
	// MovesOnUpdate: an update without a pipeline moves the item to the
	// default one.
	MovesOnUpdate bool
	// NoOriginalNames: useOriginalUfNames is not known yet.
	NoOriginalNames bool
	// KeyLength: longer external codes are cut; 0: they are not.
	KeyLength int
	// NoKeyFilter: items are not found by several external codes.
	NoKeyFilter bool
}

// SetQuirks makes the portal break assumptions.
func (p *Portal) SetQuirks(q Quirks) { p.quirks.Store(&q) }

func (p *Portal) quirk() Quirks {
	if q := p.quirks.Load(); q != nil {
		return *q
	}
	return Quirks{}
}

// bend does to the fields of an item what the portal's quirks ask for.
func (c *call) bend(e *entity, it *Item, fields *array) (*array, *failure) {
	q := c.p.quirk()
	if q == (Quirks{}) || fields == nil {
		return fields, nil
	}
	out, moved := newArray(), false
	for _, name := range fields.keys {
		v, f := fields.vals[name], e.named(name, c.original())
		if f != nil {
			var fail *failure
			if v, fail = c.bendValue(q, e, f, v); fail != nil {
				return nil, fail
			}
			moved = moved || f.name == "categoryId"
		}
		out.set(name, v)
	}
	if q.MovesOnUpdate && it.ID != 0 && !moved && len(e.pipes) > 0 {
		out.set("categoryId", defaultOf(e.pipes))
	}
	return out, nil
}

func (c *call) bendValue(q Quirks, e *entity, f *field, v any) (any, *failure) {
	s, isText := v.(string)
	if !isText || s == "" {
		return v, nil
	}
	settings, _ := f.settings.(*array)
	switch {
	case f.name == "stageId" && q.RefusesStages && !e.hasStage(s):
		return nil, invalidValue(f)
	case f.typ == "date" && q.RefusesDates:
		if _, ok := c.p.moment(s); !ok {
			return nil, invalidValue(f)
		}
	case f.typ == "datetime" && q.IgnoresOffset:
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return stamp(time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, c.p.p.Zone)), nil
		}
	case f.typ == "datetime" && q.ShiftsZoned && settings.has("USE_TIMEZONE") && truth(settings.get("USE_TIMEZONE")):
		if t, ok := c.p.moment(s); ok {
			return stamp(t.Add(2 * time.Hour)), nil
		}
	case f.typ == "boolean" && q.OneIsYes && s == "1":
		return "Y", nil
	case f.typ == "crm" && q.LosesBareIDs && len(linkKinds(settings)) == 1 && !strings.Contains(s, "_"):
		return "", nil
	case f.typ == "crm" && q.DropsPrefix && len(linkKinds(settings)) == 1:
		return strings.TrimLeft(s[strings.LastIndexByte(s, '_')+1:], "0"), nil
	case f.typ == "crm" && q.LosesLinks && len(linkKinds(settings)) > 1:
		return "", nil
	case f.name == "xmlId" && q.KeyLength > 0:
		return firstRunes(s, q.KeyLength), nil
	}
	return v, nil
}

// linkKinds are the kinds of items a field may link to.
func linkKinds(settings *array) []string {
	var kinds []string
	if settings == nil {
		return nil
	}
	for _, k := range settings.keys {
		if truth(settings.vals[k]) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

func (e *entity) hasStage(id string) bool {
	for _, pipe := range e.pipes {
		if e.stage(pipe.ID, id) != nil {
			return true
		}
	}
	return false
}

// scratchMethods make and remove what a test on a portal needs: a smart
// process, a pipeline, a user field (crm/universal in the documentation).
func scratchMethods() []method {
	return []method{
		{name: "crm.type.add", scope: "crm", run: typeAdd},
		{name: "crm.type.delete", scope: "crm", run: typeDelete},
		{name: "crm.category.add", scope: "crm", run: categoryAdd},
		{name: "userfieldconfig.add", scope: "userfieldconfig", run: userFieldAdd},
	}
}

func typeAdd(c *call) (reply, *failure) {
	if !c.user.crmAdmin() {
		return denied("Access denied")
	}
	sent := c.params.sub("fields")
	if text(sent.fold("title")) == "" {
		return refuse(http.StatusBadRequest, "CRM_FIELD_ERROR_REQUIRED", "The \"Title\" field is required")
	}
	on := func(name string) bool { return truth(sent.fold(name)) }
	t := Type{
		ID: 1, EntityTypeID: 1030, Title: text(sent.fold("title")), Code: text(sent.fold("code")),
		Categories: on("isCategoriesEnabled"), Stages: on("isStagesEnabled"), BeginClose: on("isBeginCloseDatesEnabled"),
		Client: on("isClientEnabled"), Products: on("isLinkWithProductsEnabled"), MyCompany: on("isMycompanyEnabled"),
		Observers: on("isObserversEnabled"), Source: on("isSourceEnabled"), InUserfield: on("isUseInUserfieldEnabled"),
		RecycleBin: on("isRecyclebinEnabled"), Automation: on("isAutomationEnabled"),
	}
	for _, other := range c.p.types() {
		t.ID = max(t.ID, other.ID+1)
		t.EntityTypeID = max(t.EntityTypeID, other.EntityTypeID+2-other.EntityTypeID%2)
	}
	// An event that cannot be delivered is lost, as in life.
	_ = c.p.AddType(c.ctx, t)
	return ok(newArray("type", c.p.typeRow(&t)))
}

func typeDelete(c *call) (reply, *failure) {
	if !c.user.crmAdmin() {
		return denied("Access denied")
	}
	for _, t := range c.p.types() {
		if t.ID != c.id() {
			continue
		}
		c.p.mu.Lock()
		full := len(c.p.entity(t.EntityTypeID).items) > 0
		c.p.mu.Unlock()
		if full {
			return refuse(http.StatusBadRequest, "BX_ERROR", "You cannot delete an entity type that has elements")
		}
		_ = c.p.RemoveType(c.ctx, t.EntityTypeID)
		return ok(newArray())
	}
	return refuse(http.StatusBadRequest, 0, "SPA not found")
}

func categoryAdd(c *call) (reply, *failure) {
	e, fail := c.target()
	if fail != nil {
		return reply{}, fail
	}
	if !c.user.crmAdmin() {
		return denied("Access denied")
	}
	name := text(c.params.sub("fields").fold("name"))
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	pipe := Pipeline{ID: 1, Name: name, Stages: []Stage{{"NEW", "Start", ""}, {"SUCCESS", "Success", "S"}, {"FAIL", "Failure", "F"}}}
	for _, other := range e.pipes {
		pipe.ID = max(pipe.ID, other.ID+1)
	}
	e.pipes = append(e.pipes[:len(e.pipes):len(e.pipes)], pipe)
	return ok(newArray("category", newArray("id", pipe.ID, "name", name, "sort", 500, "entityTypeId", e.id, "isDefault", "N")))
}

func userFieldAdd(c *call) (reply, *failure) {
	if !c.user.crmAdmin() {
		return refuse(http.StatusBadRequest, "", "Access denied")
	}
	sent := c.params.sub("field")
	name := text(sent.get("fieldName"))
	for _, t := range c.p.types() {
		if text(sent.get("entityId")) != "CRM_"+idText(t.ID) {
			continue
		}
		if !strings.HasPrefix(name, "UF_CRM_"+idText(t.ID)+"_") || len(name) > 50 {
			return refuse(http.StatusBadRequest, "", "The 'FIELD_NAME' field is not found.")
		}
		f := Field{
			Name: name, Type: text(sent.get("userTypeId")), Title: text(sent.get("editFormLabel")),
			Multiple: truth(sent.get("multiple")), Required: truth(sent.get("mandatory")),
		}
		if settings := sent.sub("settings"); settings != nil {
			f.Settings, _ = fromPHP(settings).(map[string]any)
		}
		c.p.AddField(t.EntityTypeID, f)
		return ok(newArray("field", newArray("id", "1", "entityId", text(sent.get("entityId")), "fieldName", name)))
	}
	return refuse(http.StatusBadRequest, "", "Access denied")
}
