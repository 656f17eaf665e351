package store

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/vault"
)

// ErrSettled is returned by Write for an entry that has its outcome already.
var ErrSettled = errors.New("the row already has its outcome")

// chunk is how many rows one statement takes: databases limit parameters.
const chunk = 500

// entryRow is an importer.Entry. What quotes cells, of the file or of the
// portal, is sealed with the journal key of the import.
type entryRow struct {
	ImportID string `gorm:"primaryKey"`
	Idx      int64  `gorm:"primaryKey;autoIncrement:false"`
	RowNo    int64
	State    string
	Access   string
	Attempt  int64
	SentAt   int64
	ItemID   int64
	Quotes   []byte `gorm:"serializer:sealed"`
	// Before is a JSON object.
	Before      []byte `gorm:"serializer:sealed"`
	Written     int64
	Undo        string
	UndoProblem []byte `gorm:"serializer:sealed"`
}

func (entryRow) TableName() string { return "entries" }

// quotes is what of an entry is sealed.
type quotes struct {
	Key     string            `json:"k,omitempty"`
	Problem *importer.Problem `json:"p,omitempty"`
}

func packEntry(imp string, e importer.Entry) (entryRow, error) {
	var d documents
	r := entryRow{
		ImportID: imp, Idx: int64(e.Index), RowNo: int64(e.Row), State: string(e.State),
		Access: text(e.Access), Attempt: int64(e.Attempt), SentAt: stamp(e.SentAt), ItemID: e.ItemID,
		Quotes: d.encode(quotes{e.Key, e.Problem}), Before: d.encodeAsIs(e.Before), Written: stamp(e.Written),
		Undo: string(e.Undo), UndoProblem: d.encode(e.UndoProblem),
	}
	return r, d.err
}

func (r entryRow) unpack() (importer.Entry, error) {
	var d documents
	var q quotes
	d.decode(r.Quotes, &q)
	e := importer.Entry{
		Index: int(r.Idx), Row: int(r.RowNo), State: importer.EntryState(r.State),
		Key: q.Key, Access: r.Access, Attempt: int(r.Attempt), SentAt: fromStamp(r.SentAt),
		ItemID: r.ItemID, Problem: q.Problem, Written: fromStamp(r.Written), Undo: importer.UndoState(r.Undo),
	}
	d.decode(r.Before, &e.Before)
	d.decode(r.UndoProblem, &e.UndoProblem)
	return e, d.err
}

// Write records entries and changes their import, in one transaction that
// holds lane and import: see importer.Journal. Besides ErrFenced its error can
// wrap ErrSettled, and ErrNotFound for an import that is not this lane's or
// was forgotten. An error of change is returned as it is; nothing is written
// then.
func (s *Store) Write(ctx context.Context, f importer.Fence, imp string, entries []importer.Entry, change func(*importer.Import) error) (importer.Import, error) {
	reached, err := outcomes(entries)
	if err != nil {
		return importer.Import{}, wrap(err, "writing the journal of import %s", imp)
	}
	return s.journal(ctx, f, imp, results{Counts: reached}, change, func(tx *gorm.DB, row importRow) error {
		return writeEntries(ctx, tx, row, entries)
	})
}

// journal writes entries of an import, adds what they have reached and changes
// the import, in one transaction that holds lane and import.
func (s *Store) journal(ctx context.Context, f importer.Fence, imp string, reached results, change func(*importer.Import) error, write func(*gorm.DB, importRow) error) (importer.Import, error) {
	var changed importer.Import
	err := s.tx(ctx, func(tx *gorm.DB) error {
		if err := checkFence(tx, f); err != nil {
			return err
		}
		row, err := laneImport(tx, f.Lane, imp)
		if err != nil {
			return err
		}
		if err := write(tx, row); err != nil {
			return err
		}
		changed, err = s.changeImport(tx, row, reached, change)
		return err
	})
	if err != nil {
		return importer.Import{}, changeError(err, "writing the journal of import %s", imp)
	}
	return changed, nil
}

// laneImport reads and locks an import that a lane has to do with.
func laneImport(tx *gorm.DB, lane importer.Lane, imp string) (importRow, error) {
	var row importRow
	q, err := onLane(locked(tx).Where("id = ?", imp), lane)
	if err == nil {
		err = take(q, &row, importer.ErrNotFound)
	}
	if err == nil && len(row.JournalKey) == 0 {
		err = fmt.Errorf("its journal was deleted: %w", importer.ErrNotFound)
	}
	return row, err
}

// outcomes counts the entries that have one, and refuses what no journal can
// hold.
func outcomes(entries []importer.Entry) (importer.Counts, error) {
	var c importer.Counts
	seen := make(map[int]bool, len(entries))
	for _, e := range entries {
		if e.Index < 0 || seen[e.Index] {
			return c, fmt.Errorf("entry of row %d: index %d is negative or given twice", e.Row, e.Index)
		}
		seen[e.Index] = true
		if e.Undo != importer.NotUndone || e.UndoProblem != nil {
			return c, fmt.Errorf("entry of row %d: is taken back, which Write does not record", e.Row)
		}
		switch e.State {
		case importer.EntryPending, importer.EntryAside, importer.EntrySending:
		case importer.EntryCreated:
			c.Created++
		case importer.EntryUpdated:
			c.Updated++
		case importer.EntryUnchanged:
			c.Unchanged++
		case importer.EntrySkipped:
			c.Skipped++
		case importer.EntryFailed:
			c.Failed++
		default:
			return c, fmt.Errorf("entry of row %d: unknown state %q", e.Row, e.State)
		}
	}
	return c, nil
}

// writeEntries inserts or replaces entries of a locked import, none of which
// may have an outcome.
func writeEntries(ctx context.Context, tx *gorm.DB, imp importRow, entries []importer.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	own, err := journalVault(imp)
	if err != nil {
		return err
	}
	rows := make([]entryRow, len(entries))
	indexes := make([]int64, len(entries))
	for n, e := range entries {
		if rows[n], err = packEntry(imp.ID, e); err != nil {
			return fmt.Errorf("row %d: %w", e.Row, err)
		}
		indexes[n] = rows[n].Idx
	}
	for from := 0; from < len(rows); from += chunk {
		to := min(from+chunk, len(rows))
		var settled []entryRow
		err := tx.Select("import_id", "idx", "row_no").
			Where("import_id = ? AND idx IN ? AND state NOT IN ?", imp.ID, indexes[from:to],
				[]importer.EntryState{importer.EntryPending, importer.EntryAside, importer.EntrySending}).
			Order("idx").Limit(1).Find(&settled).Error
		if err != nil {
			return err
		}
		if len(settled) > 0 {
			return fmt.Errorf("row %d: %w", settled[0].RowNo, ErrSettled)
		}
	}
	return sealedWith(ctx, tx, own).Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "import_id"}, {Name: "idx"}},
		DoUpdates: clause.AssignmentColumns([]string{
			"row_no", "state", "access", "attempt", "sent_at", "item_id", "quotes", "before", "written",
		}),
	}).CreateInBatches(rows, chunk).Error
}

// journalVault is the vault of an import's journal and look-ups.
func journalVault(imp importRow) (*vault.Vault, error) {
	if len(imp.JournalKey) == 0 {
		return nil, importer.ErrNotFound
	}
	return vault.New(imp.JournalKey)
}

// lookupKey is the key of the hashes under which look-ups are found.
func lookupKey(imp importRow) ([]byte, error) {
	if len(imp.JournalKey) == 0 {
		return nil, importer.ErrNotFound
	}
	return hkdf.Key(sha256.New, imp.JournalKey, nil, "look-ups", sha256.Size)
}

// journalOf reads what is needed to open the journal of an import.
func journalOf(q *gorm.DB, imp string) (importRow, error) {
	var row importRow
	err := take(q.Select("id", "journal_key").Where("id = ?", imp), &row, importer.ErrNotFound)
	return row, err
}

// Entries lists entries of an import by Index. A forgotten import has none.
func (s *Store) Entries(ctx context.Context, imp string, from, limit int, states ...importer.EntryState) ([]importer.Entry, error) {
	if limit <= 0 {
		limit = 1000
	}
	q := s.with(ctx).Where("import_id = ? AND idx >= ?", imp, from)
	if len(states) > 0 {
		q = q.Where("state IN ?", states)
	}
	entries, err := s.listEntries(ctx, imp, q.Order("idx").Limit(limit))
	return entries, wrap(err, "reading the journal of import %s", imp)
}

// Seen lists created entries with an Access, those with the highest item ids
// first.
func (s *Store) Seen(ctx context.Context, imp, access string, limit int) ([]importer.Entry, error) {
	if limit <= 0 {
		return nil, nil
	}
	q := s.with(ctx).
		Where("import_id = ? AND access = ? AND state = ?", imp, text(access), importer.EntryCreated).
		Order("item_id DESC, idx DESC").Limit(limit)
	entries, err := s.listEntries(ctx, imp, q)
	return entries, wrap(err, "reading the journal of import %s", imp)
}

func (s *Store) listEntries(ctx context.Context, imp string, q *gorm.DB) ([]importer.Entry, error) {
	row, err := journalOf(s.with(ctx), imp)
	if err != nil {
		return nil, err
	}
	own, err := journalVault(row)
	if errors.Is(err, importer.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var rows []entryRow
	if err := sealedWith(ctx, q, own).Find(&rows).Error; err != nil {
		return nil, err
	}
	entries := make([]importer.Entry, len(rows))
	for n, r := range rows {
		if entries[n], err = r.unpack(); err != nil {
			return nil, fmt.Errorf("row %d: %w", r.RowNo, err)
		}
	}
	return entries, nil
}
