package importer

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// ConnectionKind says how a portal is called.
type ConnectionKind string

const (
	// ByGrant calls with the OAuth grant of one user: the normal way.
	ByGrant ConnectionKind = "grant"
	// ByWebhook calls through an inbound webhook: the fallback.
	ByWebhook ConnectionKind = "webhook"
)

// Connection names the way to call a portal, without its secrets.
type Connection struct {
	Kind ConnectionKind `json:"kind"`
	// User is the Bitrix24 id of the user whose rights the calls have.
	User int64 `json:"user"`
	// Webhook is the id of the stored webhook; empty for a grant.
	Webhook string `json:"webhook,omitempty"`
}

// Actor is the person behind a request, as the session says.
type Actor struct {
	// Portal is the tenant: a member_id, or "hook:<host>:<user id>" where
	// only a webhook is known.
	Portal string
	// User is the Bitrix24 user id, Name the name to show.
	User int64
	Name string
	// Admin is the portal's word; it opens other people's imports.
	Admin bool
	// Lang is the language of the interface, such as "en".
	Lang string
	// Zone is the IANA time zone for wall-clock cells; empty if unknown.
	Zone string
	// Connection is how imports begun now will call the portal.
	Connection Connection
}

// UploadState is where an upload stands.
type UploadState string

const (
	// Receiving: bytes are still arriving.
	Receiving UploadState = "receiving"
	// Received: whole, inspected, the preview is there.
	Received UploadState = "received"
	// Reading: the canonical form is being written.
	Reading UploadState = "reading"
	// Ready: the canonical form and the column profiles are there.
	Ready UploadState = "ready"
	// Refused: the file cannot be read; Problem says why.
	Refused UploadState = "refused"
)

// Problem is something a person must be told: a code that package locale
// words, and the values its sentence needs.
type Problem struct {
	Code string            `json:"code"`
	Args map[string]string `json:"args,omitempty"`
}

// Upload is one file as it came.
type Upload struct {
	ID     string
	Portal string
	User   int64
	// Name is the base name as the browser sent it, for display only.
	Name string
	// Size is the declared size in bytes, Received what has arrived.
	Size, Received int64
	State          UploadState
	// Inspection is what step 1 shows; set from Received on.
	Inspection *sheet.Inspection
	// Table and Profiles describe the canonical form; set when Ready.
	Table    *sheet.Table
	Profiles []field.Profile
	// Done is how much of Size has been read while Reading.
	Done int64
	// Problem is set when Refused.
	Problem *Problem
	// Archive: the upload is a ZIP with the files that file fields name, and
	// no table. It is Ready as soon as it has arrived whole and was looked at.
	Archive bool
	// Derived: the rows were taken from another upload, such as those that
	// failed; there are no original bytes to read in another way.
	Derived bool
	// Hash tells whether the same bytes came to this portal before; empty
	// until they are all there.
	Hash string
	// Revision counts corrections of the reading, so that work begun on an
	// older one is thrown away.
	Revision int
	// Key seals the stored bytes; the store keeps it sealed.
	Key     []byte
	Created time.Time
}

// State is where an import stands.
type State string

// The life of an import: see docs/import.md for the drawing.
const (
	Draft    State = "draft"    // steps 2 and 3
	Checking State = "checking" // every row is being read
	Checked  State = "checked"  // the plan stands, nothing written yet
	Running  State = "running"
	Paused   State = "paused"  // by a person
	Waiting  State = "waiting" // for Bitrix24 or for a person; Reason says what
	Stopped  State = "stopped" // by a person, for good
	Done     State = "done"
	Undone   State = "undone"
)

// Ended reports whether nothing more will happen by itself.
func (s State) Ended() bool { return s == Stopped || s == Done || s == Undone }

// Mode is what happens with rows whose item may already exist.
type Mode string

const (
	// AddAll creates an item for each row.
	AddAll Mode = "add"
	// UpdateExisting writes to the items that rows name by their key; rows
	// without an item are skipped.
	UpdateExisting Mode = "update"
	// UpdateAndAdd updates the items there are and creates the others.
	UpdateAndAdd Mode = "upsert"
)

// Target is where rows go: step 2.
type Target struct {
	EntityTypeID int64  `json:"entityTypeId"`
	Title        string `json:"title"`
	CategoryID   int64  `json:"categoryId"` // pipeline; 0: the default one
	StageID      string `json:"stageId"`    // default stage; empty: the first
	Responsible  int64  `json:"responsible"`
	Mode         Mode   `json:"mode"`
	// Key is the field by which rows find their items: "id", "xmlId" or any
	// field with values of its own; empty for AddAll.
	Key string `json:"key,omitempty"`
	// Automation starts the portal's automation rules for what is created.
	Automation bool `json:"automation,omitempty"`
	// AddOnly: the person has no right to import, so rows are added one by
	// one. The run finds out.
	AddOnly bool `json:"addOnly,omitempty"`
	// Patience is how many rows in a row may be refused for a right before the
	// person is asked once more; 0 until he was asked. See refused.go.
	Patience int `json:"patience,omitempty"`
	// UndoAnyway: the person has said to go on with the taking back although
	// the first item was refused for a right.
	UndoAnyway bool `json:"undoAnyway,omitempty"`
	// Fast sends several requests at a time: items get their ids in any order.
	Fast bool `json:"fast,omitempty"`
	// Parent is the item in whose card the import was begun: what is imported
	// is bound to it, unless the person says otherwise in step 3.
	Parent Parent `json:"parent,omitzero"`
}

// anew is the target without what a run has found out.
func (t Target) anew() Target {
	t.AddOnly, t.Patience, t.UndoAnyway = false, 0, false
	return t
}

// Parent is an item that others are bound to.
type Parent struct {
	EntityTypeID int64 `json:"entityTypeId"`
	ID           int64 `json:"id"`
}

// field is the field of a child that names its parent.
func (p Parent) field() string { return "parentId" + strconv.FormatInt(p.EntityTypeID, 10) }

// ColumnMapping says where one file column goes.
type ColumnMapping struct {
	// Column is the index in the file, from 0.
	Column int `json:"column"`
	// Field is the field's name as the portal takes it; empty: not imported.
	Field string `json:"field,omitempty"`
	// Style is how this column's cells are written, where it matters.
	Style field.Style `json:"style"`
	// Why is the code of the reason of a proposal, one of Whys; empty when
	// the person chose.
	Why string `json:"why,omitempty"`
}

// Mapping is step 3: every file column once, and constants beside. Of a
// draft, columns that are undecided are left out.
type Mapping struct {
	Columns []ColumnMapping `json:"columns"`
	// Constants are values for fields that are not in the file: field
	// name to the text a cell would hold.
	Constants map[string]string `json:"constants,omitempty"`
}

// SavedMapping is a mapping that a portal keeps for the next file: by itself
// for a set of headers, or under a name for the team.
type SavedMapping struct {
	ID, Portal   string
	EntityTypeID int64
	// Name is what the team calls it; empty: remembered by itself.
	Name string
	// Headers is the hash of the header set it was made for.
	Headers string
	// Columns are known by their headers: another file has them elsewhere.
	Columns   []SavedColumn
	Constants map[string]string
	User      int64
	UserName  string
	// Used is when it was saved or last applied.
	Used time.Time
}

// SavedColumn is one column of a SavedMapping.
type SavedColumn struct {
	Header string      `json:"header"`
	Field  string      `json:"field,omitempty"`
	Style  field.Style `json:"style"`
}

// Answer is a decision that a portal remembers for the next file: what to do
// wherever a field meets this text.
type Answer struct {
	Field  string
	Value  string
	Action Action
	With   string
}

// Edit is one cell that a person has corrected in the table of rows.
type Edit struct {
	// Index is the row's place among the data rows, Column the file column.
	Index, Column int
	Text          string
}

// Action is what a person decides about the cells of a finding.
type Action string

// What can be done with the cells of a finding.
const (
	LeaveEmpty Action = "empty"
	SkipRows   Action = "skip"
	UseValue   Action = "use"
	// KeepFirst, KeepLast and KeepNone say which of the rows with one key is
	// written; a Decision with an empty Value says so for all keys.
	KeepFirst Action = "first"
	KeepLast  Action = "last"
	KeepNone  Action = "none"
	// Withdraw takes an earlier decision back.
	Withdraw Action = ""
)

func (a Action) aboutRepeats() bool { return a == KeepFirst || a == KeepLast || a == KeepNone }

// wholeRow stands for a column where something concerns a row as a whole.
const wholeRow = -1

// Decision is one answer to a finding: what to do wherever this column holds
// this value.
type Decision struct {
	Column int    `json:"column"`
	Value  string `json:"value"`
	Action Action `json:"action"`
	// With is the text to read instead, for UseValue.
	With string `json:"with,omitempty"`
}

// Counts are the five outcomes; they add up to the rows they count.
type Counts struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Skipped   int `json:"skipped"`
	Failed    int `json:"failed"`
}

// Sum is the number of rows counted.
func (c Counts) Sum() int {
	return c.Created + c.Updated + c.Unchanged + c.Skipped + c.Failed
}

// Import is one upload into one entity type with one mapping.
type Import struct {
	ID         string
	Portal     string
	User       int64
	UserName   string
	Connection Connection
	Zone       string
	Lang       string
	Upload     string
	FileName   string
	State      State
	// Admin says that the person is the portal's administrator, who sees
	// every item: what he cannot find does not exist.
	Admin bool
	// Revision counts changes of target, mapping and decisions; a check
	// belongs to the revision it began with.
	Revision  int
	Target    Target
	Mapping   Mapping
	Decisions []Decision
	// Verify asks the run to compare the portal's fields with those of the
	// check before the next write: set by a start and by each resume.
	Verify bool
	// Rows is the number of data rows of the file; Limit how many of them
	// may be imported (0: all), the rest is skipped and counted.
	Rows, Limit int
	// CheckedRows is the progress of the check, Plan its result so far.
	CheckedRows int
	Plan        Counts
	// Cursor is the index of the next row the run has not taken up yet.
	Cursor int
	Counts Counts
	// Rechecked counts rows looked up after an interruption.
	Rechecked int
	// StartID is the highest item id before the first write; -1: not asked.
	StartID int64
	// Failures counts attempts in a row that reached nobody, for the wait
	// before the next one.
	Failures int
	// Reason and Until explain Waiting, and Paused by trouble.
	Reason *Problem
	Until  time.Time
	// SecondsPerRow is measured; 0 until the first chunk is back.
	SecondsPerRow float64
	// Key opens the upload's and the import's files.
	Key                        []byte
	Created, Started, Finished time.Time
	// Archive is the upload of the ZIP with the files that cells name; empty:
	// there is none.
	Archive string
	// Hash is the upload's, so that a file is known again when its bytes are
	// gone.
	Hash string
	// Origin is the import whose failed rows this one takes up, or whose
	// target and mapping it repeats; empty: neither.
	Origin string
	// TrialUntil is the row index at which a trial pauses; 0: no trial.
	TrialUntil int
	// Undoing: what Running and Waiting speak of is the taking back.
	Undoing bool
	// Undo counts how taking back has ended for the items so far.
	Undo UndoCounts
}

// UndoCounts are the three results of taking back.
type UndoCounts struct {
	TakenBack  int `json:"takenBack"`
	Kept       int `json:"kept"` // edited since
	Impossible int `json:"impossible"`
}

// UndoState is where the taking back of one row stands.
type UndoState string

// A created or updated row is not taken back, being taken back, or has one
// of three results.
const (
	NotUndone  UndoState = ""
	UndoSent   UndoState = "sent"
	TakenBack  UndoState = "taken_back"
	Kept       UndoState = "kept"
	Impossible UndoState = "impossible"
)

// EntryState is where a row of the journal stands.
type EntryState string

// A row is pending before it is sent and again after a refusal, sending
// while a request may be executing, and then has exactly one outcome. It is
// aside while it was refused for a right and is not known to be to blame.
const (
	EntryPending   EntryState = "pending"
	EntryAside     EntryState = "aside"
	EntrySending   EntryState = "sending"
	EntryCreated   EntryState = "created"
	EntryUpdated   EntryState = "updated"
	EntryUnchanged EntryState = "unchanged"
	EntrySkipped   EntryState = "skipped"
	EntryFailed    EntryState = "failed"
)

// Entry is one row in the journal. A row that was not reached yet has none.
type Entry struct {
	// Index is the row's place among the data rows, from 0; Row its number
	// in the file, as a person counts.
	Index, Row int
	State      EntryState
	// Key is what was written to xmlId.
	Key string
	// Access is "responsible/pipeline" as sent: rows with equal Access are
	// equally visible to the person, which is what makes absence provable.
	Access string
	// Attempt counts sends that were not refused; SentAt is when the last
	// one left, or, of a large body, when it has arrived.
	Attempt int
	SentAt  time.Time
	// ItemID is the portal's id once known.
	ItemID int64
	// Problem is set for skipped and failed rows, and those set aside.
	Problem *Problem
	// Before are the old values of an item that is updated, by field, as the
	// portal gave them; kept for undo.
	Before map[string]json.RawMessage
	// Written is the item's own time of our write as the portal says it
	// (updatedTime): a later one means that somebody has edited it since.
	Written time.Time
	// Undo says how taking back ended, UndoProblem why not.
	Undo        UndoState
	UndoProblem *Problem
}
