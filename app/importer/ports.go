package importer

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// ErrNotFound is returned for an id that does not exist, or not for this
// portal and user: the two are not told apart on purpose.
var ErrNotFound = errors.New("not found")

// ErrHeld is returned by Acquire while another process has the lane.
var ErrHeld = errors.New("lane is held by another run")

// ErrFenced is returned by every journal write of a run that has lost its
// lane: it must stop before the next write to the portal.
var ErrFenced = errors.New("run has lost its lane")

// Lane names work that only one process does at a time: "read:<upload>",
// "check:<import>" or "run:<portal>".
type Lane string

// Fence is the right to write for a lane. Epoch grows with each Acquire;
// writes of an older epoch are refused with ErrFenced.
type Fence struct {
	Lane  Lane
	Epoch int64
}

// Store keeps uploads and imports. Every method that takes a portal finds
// only what belongs to it, and returns ErrNotFound otherwise.
type Store interface {
	CreateUpload(ctx context.Context, u Upload) error
	Upload(ctx context.Context, portal, id string) (Upload, error)
	// UpdateUpload changes an upload in one transaction: it reads the row
	// locked, calls change and writes what change left, unless that returns
	// an error, which is returned as it is.
	UpdateUpload(ctx context.Context, portal, id string, change func(*Upload) error) (Upload, error)

	CreateImport(ctx context.Context, i Import) error
	Import(ctx context.Context, portal, id string) (Import, error)
	// UpdateImport is UpdateUpload for imports.
	UpdateImport(ctx context.Context, portal, id string, change func(*Import) error) (Import, error)
	// Imports lists the imports of a portal, newest first; states empty
	// means all, limit 0 means 100.
	Imports(ctx context.Context, portal string, limit int, states ...State) ([]Import, error)

	// UploadImports lists the imports of one upload, newest first.
	UploadImports(ctx context.Context, portal, upload string) ([]Import, error)
	// HashImports lists the imports of files with this hash, newest first.
	HashImports(ctx context.Context, portal, hash string) ([]Import, error)

	// DueLanes lists lanes with unfinished work that nobody holds: uploads
	// in state Reading, imports Checking, portals with an import Running, or
	// Waiting with Until set and passed.
	DueLanes(ctx context.Context, now time.Time) ([]Lane, error)
	// UploadPortal and ImportPortal find the portal of a lane's id: a run has
	// no session.
	UploadPortal(ctx context.Context, upload string) (portal string, err error)
	ImportPortal(ctx context.Context, id string) (portal string, err error)

	// Expired lists uploads and ended imports older than the time, whose
	// files and rows may be deleted; Forget deletes one import's or upload's
	// sealed key, journal and look-ups, keeping its history line.
	//
	// An upload that is the Archive of imports is theirs as their table is:
	// it expires when they have. Forgetting it leaves their journals alone.
	ExpiredUploads(ctx context.Context, before time.Time) ([]Upload, error)
	ForgetUpload(ctx context.Context, portal, id string) error

	// SaveMapping keeps a mapping for the portal's next file. It takes the
	// place of the one with its ID, and of the one of the same entity type
	// that has its Name or, where it has none, that has no name either and
	// the same Headers; of the latter the ID stays. Without an ID it gets
	// one, without Used it is used now.
	//
	// At most 200 mappings are kept per entity type: those without a name go
	// before those with one, and then those that were used longest ago.
	SaveMapping(ctx context.Context, m SavedMapping) error
	// Mappings lists a portal's mappings for an entity type, last used first.
	Mappings(ctx context.Context, portal string, entityTypeID int64) ([]SavedMapping, error)
	DeleteMapping(ctx context.Context, portal, id string) error
	// SaveAnswers remembers decisions, one for each Field and Value: a new
	// one takes the place of the old. At most 10,000 are kept per entity
	// type, those that were saved last.
	SaveAnswers(ctx context.Context, portal string, entityTypeID int64, answers []Answer) error
	// Answers lists what SaveAnswers has kept, last saved first.
	Answers(ctx context.Context, portal string, entityTypeID int64) ([]Answer, error)
	// DeleteAnswers forgets answers by their Field and Value.
	DeleteAnswers(ctx context.Context, portal string, entityTypeID int64, answers []Answer) error

	// ItemEntries lists the rows that have created or updated items with this
	// id, of whatever type, in the portal's imports, the last ones first. What
	// is sealed is left out.
	ItemEntries(ctx context.Context, portal string, item int64, limit int) ([]ItemEntry, error)

	// CorrectCells is UpdateImport that in the same transaction keeps corrected
	// cells, one for each Index and Column, where a new one takes the place of
	// the old, and takes others back, whatever their Text; a cell that was not
	// corrected is no error. They go when the rest of the import's file goes.
	CorrectCells(ctx context.Context, portal, imp string, edits, restored []Edit, change func(*Import) error) (Import, error)
	// Edits lists those with from <= Index < to, by Index, then Column.
	Edits(ctx context.Context, imp string, from, to int) ([]Edit, error)
	CountEdits(ctx context.Context, imp string) (int, error)
}

// Journal is the record that makes exactly-once possible. Writes commit
// before they return and are refused with ErrFenced when the fence is old.
type Journal interface {
	// Acquire takes a lane for ttl, or returns ErrHeld. The epoch is greater
	// than any before.
	Acquire(ctx context.Context, lane Lane, holder string, ttl time.Duration) (Fence, error)
	// Renew prolongs the hold; Release ends it. Both return ErrFenced if
	// the lane was lost.
	Renew(ctx context.Context, f Fence, ttl time.Duration) error
	Release(ctx context.Context, f Fence) error
	// ReleaseHolder ends every hold of a process that is known to be dead,
	// so that its successor need not wait for them to run out.
	ReleaseHolder(ctx context.Context, holder string) error
	// Epoch is the lane's present epoch, 0 if it was never held.
	Epoch(ctx context.Context, lane Lane) (int64, error)

	// Write records entries (new ones are inserted, known ones replaced by
	// Index), and in the same transaction adds to the import's Counts the
	// outcomes that these entries reach for the first time, and lets change
	// alter the import (cursor, reason, measurements); change may be nil.
	// An entry that already has an outcome is never changed: the write
	// fails as a whole. Undo and UndoProblem are not for it: see WriteUndo.
	Write(ctx context.Context, f Fence, imp string, entries []Entry, change func(*Import) error) (Import, error)
	// Entries lists an import's entries in the given states by Index, from
	// the given Index on, at most limit (0: 1000).
	Entries(ctx context.Context, imp string, from, limit int, states ...EntryState) ([]Entry, error)
	// WriteUndo records how the taking back of created and updated entries
	// stands, and in the same transaction adds to the import's Undo the
	// results that they reach for the first time, and lets change alter the
	// import. Of an entry only Undo, UndoProblem and, unless it is zero,
	// Written are written. An entry that was not created or updated, or whose
	// taking back has its result, is never changed: the write fails as a whole.
	WriteUndo(ctx context.Context, f Fence, imp string, entries []Entry, change func(*Import) error) (Import, error)
	// UndoEntries lists created and updated entries whose Undo is one of the
	// states (none: all) by Index, from the given Index on, at most limit
	// (0: 1000).
	UndoEntries(ctx context.Context, imp string, from, limit int, states ...UndoState) ([]Entry, error)
	// Seen lists up to limit created entries with this Access, newest first.
	Seen(ctx context.Context, imp, access string, limit int) ([]Entry, error)

	// SaveLookups remembers what names and ids of an import resolved to;
	// Lookups reads them back for the given keys. An empty list of ids
	// means: looked for, not there.
	SaveLookups(ctx context.Context, imp string, found []Lookup) error
	Lookups(ctx context.Context, imp, kind string, keys []string) (map[string][]string, error)
}

// Lookup is one resolved reference of an import.
type Lookup struct {
	Kind, Key string
	IDs       []string
}

// Files keeps bytes, sealed with a key of 32 bytes. Names are slash paths
// of letters, digits, dots and dashes.
type Files interface {
	// Append adds to an upload at offset, which must equal its size, and
	// returns the size reached even when r fails: what arrived is kept.
	Append(ctx context.Context, name string, key []byte, offset int64, r io.Reader) (size int64, err error)
	// Size is the plain size of what Append has kept; 0 if nothing.
	Size(ctx context.Context, name string) (int64, error)
	// Write stores a whole file; it appears only if fill returns nil.
	Write(ctx context.Context, name string, key []byte, fill func(io.Writer) error) error
	// Open reads a file at random; close it. A missing file is an
	// fs.ErrNotExist, damaged bytes an error of the read that meets them.
	Open(ctx context.Context, name string, key []byte) (*io.SectionReader, io.Closer, error)
	// Delete removes everything under a name; a missing one is no error.
	Delete(ctx context.Context, name string) error
}

// Caller calls one portal; *bitrix.Connection is one.
type Caller interface {
	Call(ctx context.Context, method string, params any) (bitrix.Reply, error)
	Batch(ctx context.Context, commands []bitrix.Command) (bitrix.BatchReply, error)
	// Ready says when a call of this method that takes the portal about
	// cost may be sent: zero or a time not after now means at once.
	Ready(method string, cost time.Duration) time.Time
	// ReadyBatch is Ready for a batch of so many commands of a method, each of
	// which takes the portal about each.
	ReadyBatch(method string, commands int, each time.Duration) time.Time
	// Pace is what this process knows of the portal's limits.
	Pace() bitrix.Pace
}

// Connections opens the connection of an import. ErrNotFound means that it
// is gone: the webhook was deleted, the grant is dead, the app removed.
type Connections interface {
	Connect(ctx context.Context, portal string, c Connection) (Caller, error)
	// Release deletes the webhook behind a connection once its import has
	// ended; for a grant it does nothing.
	Release(ctx context.Context, portal string, c Connection) error
}

// Bell wakes the run of a lane; package queue implements it.
type Bell interface {
	Ring(ctx context.Context, lane Lane) error
}

// Limits says how many rows a portal may import at a time: 0 for no limit.
type Limits interface {
	RowLimit(ctx context.Context, portal string) (int, error)
}
