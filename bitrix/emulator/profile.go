package emulator

import "time"

// Profile says what a portal has when it is added to a World. Zero values are
// filled in: a member id, the currencies, the dictionaries every portal has.
type Profile struct {
	// MemberID is the stable id, 32 hex digits; Domain is host[:port], and
	// Scheme http or https (the default).
	MemberID, Domain, Scheme string
	// Lang is the portal's language, "en" by default.
	Lang string
	// License is "" for a cloud portal with the usual limits, "ent" for
	// Enterprise, "box" for on-premise.
	License string
	// Limits replaces those that follow from License.
	Limits *Limits
	// Zone is the server's time zone, by default two hours east of UTC.
	Zone *time.Location
	// Users of the portal; the first admin opens the pages by default.
	Users []User
	// Types are the smart processes; Workplaces group them.
	Types      []Type
	Workplaces []Workplace
	// Contacts, Companies and Deals are items by field name, such as
	// {"name": …, "lastName": …, "phone": …, "email": …}.
	Contacts, Companies, Deals []map[string]any
	// Leads, Quotes and Invoices likewise, of which only the title matters;
	// Invoices are the "smart" ones.
	Leads, Quotes, Invoices []map[string]any
	// Lists are information blocks of the module "lists".
	Lists []List
	// Statuses adds dictionaries, by ENTITY_ID.
	Statuses map[string][]Stage
	// Currencies are ISO codes, the first is the base currency.
	Currencies []string
	// Scopes of the app, by default crm, placement, user_brief, im.
	Scopes []string
	// ClientID and ClientSecret are the keys of a local app; empty for the
	// World's.
	ClientID, ClientSecret string
	// AppCode is what the app is called in links, "example.spa_importer" by
	// default; Version the number of the app's version, 1 by default.
	AppCode string
	Version int
	// Installed: the app is there and finished; otherwise its installer
	// opens first.
	Installed bool
	// EnforceRequired is the setting that makes REST check mandatory user
	// fields; it is off on a real portal until an admin switches it on.
	EnforceRequired bool
	// NoKeyedImport makes crm.item.batchImport answer a list for keyed data
	// too, as a portal may.
	NoKeyedImport bool
	// NoMethods are methods that this version does not have yet.
	NoMethods []string
	// OldForm leaves SERVER_ENDPOINT, APPLICATION_TOKEN and
	// APPLICATION_SCOPE out of the open form, as old on-premise versions do.
	OldForm bool
}

// Limits are what a portal allows. Zero switches a limit off.
type Limits struct {
	// Ceiling and Drain are the leaky bucket: requests it holds, and how
	// many leave it a second.
	Ceiling int
	Drain   float64
	// Operating is the time per method in ten minutes.
	Operating time.Duration
	// Cut is when a request is ended by the gateway; Overrun is how much
	// longer its work goes on.
	Cut, Overrun time.Duration
	// Floor: shorter calls cost no operating time.
	Floor time.Duration
	// BillBatch bills a batch to the method "batch" instead of to the
	// methods inside it: both stories are told of real portals.
	BillBatch bool
	// NoOperating leaves operating out of the time object.
	NoOperating bool
}

// LimitsOf are the limits of a licence: "" (cloud), "ent" or "box".
func LimitsOf(license string) Limits {
	l := Limits{Ceiling: 50, Drain: 2, Operating: 480 * time.Second, Cut: time.Minute, Floor: 100 * time.Millisecond}
	switch license {
	case "ent":
		l.Ceiling, l.Drain = 250, 5
	case "box":
		l = Limits{Cut: time.Minute, NoOperating: true}
	}
	return l
}

// User is an employee.
type User struct {
	ID                                       int64
	Name, LastName, SecondName, Email, Phone string
	Position                                 string
	// Admin of the portal; CRMAdmin may also read every smart process.
	Admin, CRMAdmin bool
	// Dismissed users cannot call; Extranet users get
	// allowed_only_intranet_user from the CRM; NoApp users were denied the
	// app.
	Dismissed, Extranet, NoApp bool
	// Lang is the language of the interface, the portal's by default; Zone
	// an IANA name, often empty.
	Lang, Zone string
	// Rights by entityTypeId; a type that is not named is open.
	Rights map[int64]Rights
}

// Access is how far a right reaches.
type Access string

// A right holds for every item, for those one is responsible for, or not.
const (
	All  Access = "all"
	Own  Access = "own"
	None Access = "none"
)

// Rights are what one user may do with the items of one type.
type Rights struct{ Read, Add, Import, Update, Delete Access }

// FullRights allow everything.
func FullRights() Rights { return Rights{All, All, All, All, All} }

// Type is a smart process.
type Type struct {
	// ID is the crm.type id, EntityTypeID the number items go by.
	ID, EntityTypeID int64
	Title, Code      string
	// The switches of crm.type.*.
	Categories, Stages, BeginClose, Client, Products, MyCompany bool
	Observers, Source, InUserfield, RecycleBin, Automation      bool
	// Parents are entityTypeIds an item may be bound to.
	Parents []int64
	// Workplace is the id of the digital workplace; 0: the CRM.
	Workplace int64
	// Pipelines; one default pipeline is made if there is none.
	Pipelines []Pipeline
	// Fields are the user fields.
	Fields []Field
	// Items to begin with, by field name, user fields by their UF_ name.
	Items []map[string]any
}

// Pipeline is a category with its stages.
type Pipeline struct {
	ID      int64
	Name    string
	Default bool
	Stages  []Stage
}

// Stage is an entry of a dictionary. Code is the part after the prefix
// (DT177_9:) of a stage, or the whole STATUS_ID elsewhere. Semantics is "",
// "S" (success) or "F" (failure).
type Stage struct{ Code, Name, Semantics string }

// Workplace is a digital workplace.
type Workplace struct {
	ID    int64
	Title string
}

// Field is a user field of a smart process.
type Field struct {
	// Name is the original one, such as UF_CRM_7_1747309727.
	Name, Type, Title string
	// Titles are translations of Title by language.
	Titles             map[string]string
	Multiple, Required bool
	// Options of an enumeration; equal ids across fields are the caller's
	// mistake.
	Options  []Option
	Settings map[string]any
}

// Option is one entry of a list field.
type Option struct {
	ID    int64
	Value string
	// XMLID is its external code; empty for one that the portal makes.
	XMLID string
}
