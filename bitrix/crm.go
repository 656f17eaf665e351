package bitrix

import (
	"context"
	"encoding/json"
	"strconv"
)

// Reader is what the typed reads need of a connection.
type Reader interface {
	Call(ctx context.Context, method string, params any) (Reply, error)
	Batch(ctx context.Context, commands []Command) (BatchReply, error)
}

// Profile is who a connection acts as ("profile").
type Profile struct {
	ID   int64
	Name string
	// Admin is the right to change the portal's and its apps' settings; it
	// does not include the rights of a CRM administrator, nor they it.
	Admin bool
	// Zone is an IANA zone, often empty.
	Zone string
}

// Type is a smart process (SPA).
type Type struct {
	// ID names user fields (UF_CRM_<ID>_…), EntityTypeID goes into calls of
	// crm.item.*; never mix them.
	ID, EntityTypeID int64
	Title, Code      string
	// Workplace is the title of the digital workplace the process is in;
	// empty if none, or if the caller may not know.
	Workplace string

	Categories, Stages, BeginClose, Client, Products, MyCompany bool
	Observers, Source, RecycleBin, Automation                   bool
	// Workflows: business processes may start by themselves with an item.
	Workflows bool
	// Parents are the entity types of which an item may have a parent
	// (fields parentId<N>); known from ReadType and the route of users who
	// are no CRM administrators, nil from crm.type.list.
	Parents []int64
	// Children are the entity types whose items may have one of this as
	// their parent; known where Parents are.
	Children []int64
}

// Field is a field descriptor of crm.item.fields.
type Field struct {
	// Name is the key to use in crm.item.* calls, exactly as listed.
	Name string
	// UpperName is the field's name in the database, such as UF_CRM_7_17393:
	// the same on every version of a portal.
	UpperName string
	// Type is such as "string" or "crm_status"; Title is in the caller's
	// language.
	Type, Title                   string
	Required, ReadOnly, Immutable bool
	Multiple, Dynamic             bool
	// Items are the options of an enumeration.
	Items []Option
	// StatusType names a dictionary; for stageId that of the default
	// pipeline only.
	StatusType string
	Settings   map[string]json.RawMessage
}

// Option is one value of a list field.
type Option struct {
	ID, Value string
	// Code is the external code, where AddOptionCodes could read it.
	Code string
}

// Category is a pipeline.
type Category struct {
	ID      int64
	Name    string
	Sort    int
	Default bool
}

// Status is an entry of a CRM dictionary: a stage, a source.
type Status struct {
	// ID is the STATUS_ID: what is written into items.
	ID, EntityID, Name string
	Sort               int
	// Semantics of a stage: "S" success, "F" failure, "" or "P" in process.
	Semantics string
}

// ShortCode is the code of an SPA in values that link to CRM items: "T" and
// the entity type in hex.
func ShortCode(entityTypeID int64) string {
	return "T" + strconv.FormatInt(entityTypeID, 16)
}
