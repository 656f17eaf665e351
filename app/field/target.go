package field

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/bitrix"
)

// Groups of targets, in the order in which they are shown.
const (
	GroupMain    = "main"
	GroupOwn     = "own"
	GroupLinks   = "links"
	GroupHistory = "history"
)

// Target is a field that a column may go to, or one that cannot be filled,
// with the reason.
type Target struct {
	// Name is the field as crm.item.add takes it, Title as people call it.
	Name, Title string
	// Type is the type in the descriptor of crm.item.fields.
	Type               string
	Multiple, Required bool
	// Writable says that values can be imported; otherwise Reason says why
	// not, as one of Reasons.
	Writable bool
	Reason   string
	// Note is one of Notes: something to know before mapping, or empty.
	Note string
	// Group is GroupMain, GroupOwn, GroupLinks or GroupHistory.
	Group string
	// Options are the values to choose from; nil where the value is free.
	Options []Choice
	// AdminOnly fields are written only by an import of an admin.
	AdminOnly bool
	Field     bitrix.Field
}

// Choice is one value of a list, dictionary, pipeline or stage.
type Choice struct {
	// ID is what is stored, Label what people read, Code a short name that
	// tables may use, such as "NEW" for the stage DT128_5:NEW.
	ID, Label, Code string
}

// Reasons why a field is not importable.
const (
	reasonReadOnly      = "read_only"
	reasonKey           = "item_key" // chosen as the key of updates, not mapped
	reasonPreviousStage = "previous_stage"
	reasonComputed      = "computed"
	reasonAdmins        = "admins_only"
	reasonFiles         = "files_not_fetched"
	reasonBooking       = "booking"
	reasonOtherModule   = "other_module"
	reasonUnsupported   = "unsupported_type"
	reasonDictionary    = "dictionary_not_read"
)

// Notes on importable fields.
const (
	noteAppDefined  = "app_defined"  // text is passed to another app's type
	noteNotVerified = "not_verified" // ids cannot be looked up
	noteUnchecked   = "pattern_unchecked"
	noteCloseDate   = "close_date" // replaced by today in final stages
	noteHistory     = "history"    // rows in order, nothing newer may exist
	noteManual      = "manual_amount"
)

// Reasons returns every code Target.Reason can have.
func Reasons() []string {
	return []string{reasonReadOnly, reasonKey, reasonPreviousStage, reasonComputed, reasonAdmins,
		reasonFiles, reasonBooking, reasonOtherModule, reasonUnsupported, reasonDictionary}
}

// Notes returns every code Target.Note can have.
func Notes() []string {
	return []string{noteAppDefined, noteNotVerified, noteUnchecked, noteCloseDate, noteHistory, noteManual}
}

// hidden fields are of no use in a mapping: contacts refuses every write and
// contactId is contained in contactIds; a web form does not fill imports.
var hidden = words("contacts contactId webformId isRecurring")

// history fields are read-only but for imports of admins.
var history = words("createdTime updatedTime movedTime createdBy updatedBy movedBy")

// Targets lists what the columns of a file may go to, in the portal's order.
func Targets(fields []bitrix.Field, c Context) []Target {
	targets := make([]Target, 0, len(fields))
	contact := ""
	for _, f := range fields {
		if f.Name == "contactId" {
			contact = f.Title
		}
	}
	for _, f := range fields {
		if !f.Dynamic && hidden[f.Name] {
			if f.Name != "contactId" || hasField(fields, "contactIds") {
				continue
			}
		}
		t := Target{
			Name: f.Name, Title: f.Title, Type: f.Type, Multiple: f.Multiple, Required: f.Required,
			Group: groupOf(f), Field: f,
		}
		// Portals give this field no title of its own.
		if f.Name == "contactIds" && contact != "" && (f.Title == "" || f.Title == f.UpperName) {
			t.Title = contact
		}
		if t.Title == "" {
			t.Title = f.Name
		}
		// Always filled by the portal, whatever the descriptor says.
		if !f.Dynamic && f.Type == "boolean" {
			t.Required = false
		}
		t.AdminOnly = !f.Dynamic && history[f.Name]
		t.Reason = c.reason(f)
		t.Writable = t.Reason == ""
		t.Note = c.noteOn(f)
		t.Options = c.options(f)
		targets = append(targets, t)
	}
	return targets
}

func hasField(fields []bitrix.Field, name string) bool {
	return slices.ContainsFunc(fields, func(f bitrix.Field) bool { return f.Name == name })
}

func groupOf(f bitrix.Field) string {
	switch {
	case f.Dynamic:
		return GroupOwn
	case history[f.Name], strings.HasPrefix(f.Name, "last"):
		return GroupHistory
	}
	switch f.Type {
	case "crm_company", "crm_contact", "crm_entity":
		return GroupLinks
	}
	return GroupMain
}

// reason says why a field cannot be imported, or nothing.
func (c Context) reason(f bitrix.Field) string {
	if !f.Dynamic {
		switch {
		case f.Name == "id" && c.Key == "id":
			return ""
		case f.Name == "id":
			return reasonKey
		case f.Name == "previousStageId":
			return reasonPreviousStage
		case f.Name == "taxValue":
			return reasonComputed
		case history[f.Name] && !c.Admin:
			return reasonAdmins
		case f.ReadOnly && !history[f.Name]:
			return reasonReadOnly
		}
	}
	switch f.Type {
	case "file":
		if !c.Files {
			return reasonFiles
		}
	case "resourcebooking":
		return reasonBooking
	case "video", "geo", "snils", "mail_message", "disk_file", "vote", "url_preview":
		return reasonOtherModule
	case "crm_status":
		if c.statuses(f) == nil {
			return reasonDictionary
		}
	default:
		if !strings.HasPrefix(f.Type, "rest_") && !supported[f.Type] {
			return reasonUnsupported
		}
	}
	if f.ReadOnly && f.Dynamic {
		return reasonReadOnly
	}
	return ""
}

// supported are the types with a converter; file, crm_status and rest_… are
// looked at apart.
var supported = words("string string_formatted text integer double boolean date datetime enumeration money url " +
	"address employee user crm iblock_section iblock_element hlblock crm_company crm_contact crm_category " +
	"crm_currency crm_entity")

func (c Context) noteOn(f bitrix.Field) string {
	switch {
	case strings.HasPrefix(f.Type, "rest_"):
		return noteAppDefined
	case f.Type == "hlblock", strings.HasPrefix(f.Type, "iblock_") && !c.HasListsScope:
		return noteNotVerified
	case f.Dynamic:
		if s := settingsOf(f); s.text("REGEXP") != "" && s.pattern("REGEXP") == nil {
			return noteUnchecked
		}
	case history[f.Name]:
		return noteHistory
	case f.Name == "closedate":
		return noteCloseDate
	case f.Name == "opportunity":
		return noteManual
	}
	return ""
}

// options are the values a person may choose from.
func (c Context) options(f bitrix.Field) []Choice {
	switch f.Type {
	case "enumeration":
		choices := make([]Choice, len(f.Items))
		for i, o := range f.Items {
			choices[i] = Choice{ID: o.ID, Label: o.Value, Code: o.Code}
		}
		return choices
	case "crm_status":
		return statusChoices(c.statuses(f))
	case "crm_category":
		choices := make([]Choice, len(c.Categories))
		for i, category := range c.Categories {
			choices[i] = Choice{ID: strconv.FormatInt(category.ID, 10), Label: category.Name}
		}
		return choices
	case "crm_currency":
		choices := make([]Choice, len(c.Currencies))
		for i, code := range c.Currencies {
			choices[i] = Choice{ID: code, Label: code}
		}
		return choices
	}
	return nil
}

// statuses is the dictionary behind a field: nil if it was not read. For
// stages it is the one of the pipeline in question: the descriptor names
// only that of the default pipeline.
func (c Context) statuses(f bitrix.Field) []bitrix.Status {
	switch {
	case !f.Dynamic && (f.Name == "stageId" || f.Name == "previousStageId"):
		return c.Stages[c.category()]
	case !f.Dynamic && f.Name == "sourceId":
		if c.Sources != nil {
			return c.Sources
		}
	}
	name := f.StatusType
	if own := settingsOf(f).text("ENTITY_TYPE"); f.Dynamic && own != "" {
		name = own
	}
	return c.Statuses[name]
}

func statusChoices(statuses []bitrix.Status) []Choice {
	choices := make([]Choice, len(statuses))
	for i, s := range statuses {
		choices[i] = Choice{ID: s.ID, Label: s.Name}
		if _, code, ok := strings.Cut(s.ID, ":"); ok {
			choices[i].Code = code
		}
	}
	return choices
}
