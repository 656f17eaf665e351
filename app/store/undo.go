package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/spa-importer/spa-importer/app/importer"
)

// ErrNotWritten is returned by WriteUndo for an entry that has created or
// updated nothing.
var ErrNotWritten = errors.New("the row has written nothing that could be taken back")

// WriteUndo records how the taking back of entries stands: see
// importer.Journal. Its errors are those of Write, and ErrNotWritten.
func (s *Store) WriteUndo(ctx context.Context, f importer.Fence, imp string, entries []importer.Entry, change func(*importer.Import) error) (importer.Import, error) {
	reached, err := undoResults(entries)
	if err != nil {
		return importer.Import{}, wrap(err, "writing what import %s has taken back", imp)
	}
	return s.journal(ctx, f, imp, results{undo: reached}, change, func(tx *gorm.DB, row importRow) error {
		for part := range slices.Chunk(entries, chunk) {
			if err := writeUndo(ctx, tx, row, part); err != nil {
				return err
			}
		}
		return nil
	})
}

// undoResults counts the entries whose taking back has its result, and
// refuses what no journal can hold.
func undoResults(entries []importer.Entry) (importer.UndoCounts, error) {
	var c importer.UndoCounts
	seen := make(map[int]bool, len(entries))
	for _, e := range entries {
		if seen[e.Index] {
			return c, fmt.Errorf("entry of row %d: index %d is given twice", e.Row, e.Index)
		}
		seen[e.Index] = true
		switch e.Undo {
		case importer.NotUndone, importer.UndoSent:
		case importer.TakenBack:
			c.TakenBack++
		case importer.Kept:
			c.Kept++
		case importer.Impossible:
			c.Impossible++
		default:
			return c, fmt.Errorf("entry of row %d: unknown undo state %q", e.Row, e.Undo)
		}
	}
	return c, nil
}

// writeUndo changes up to chunk entries of a locked import.
func writeUndo(ctx context.Context, tx *gorm.DB, imp importRow, entries []importer.Entry) error {
	own, err := journalVault(imp)
	if err != nil {
		return err
	}
	indexes := make([]int, len(entries))
	for n, e := range entries {
		indexes[n] = e.Index
	}
	var known []entryRow
	err = tx.Omit("quotes", "before", "undo_problem").
		Where("import_id = ? AND idx IN ?", imp.ID, indexes).Find(&known).Error
	if err != nil {
		return err
	}
	rowOf := make(map[int]entryRow, len(known))
	for _, r := range known {
		rowOf[int(r.Idx)] = r
	}
	rows := make([]entryRow, len(entries))
	for n, e := range entries {
		r, ok := rowOf[e.Index]
		if !ok || r.State != string(importer.EntryCreated) && r.State != string(importer.EntryUpdated) {
			return fmt.Errorf("row %d: %w", e.Row, ErrNotWritten)
		}
		if r.Undo != string(importer.NotUndone) && r.Undo != string(importer.UndoSent) {
			return fmt.Errorf("row %d: %w", r.RowNo, ErrSettled)
		}
		if r.UndoProblem, err = encode(e.UndoProblem); err != nil {
			return fmt.Errorf("row %d: %w", r.RowNo, err)
		}
		r.Undo = string(e.Undo)
		if !e.Written.IsZero() {
			r.Written = stamp(e.Written)
		}
		rows[n] = r
	}
	// Every row is there: what the insert would put into the other columns
	// does not matter.
	return sealedWith(ctx, tx, own).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "import_id"}, {Name: "idx"}},
		DoUpdates: clause.AssignmentColumns([]string{"undo", "undo_problem", "written"}),
	}).Create(rows).Error
}

// UndoEntries lists created and updated entries of an import by Index. A
// forgotten import has none.
func (s *Store) UndoEntries(ctx context.Context, imp string, from, limit int, states ...importer.UndoState) ([]importer.Entry, error) {
	if limit <= 0 {
		limit = 1000
	}
	q := s.with(ctx).Where("import_id = ? AND idx >= ? AND state IN ?", imp, from,
		[]importer.EntryState{importer.EntryCreated, importer.EntryUpdated})
	if len(states) > 0 {
		q = q.Where("undo IN ?", states)
	}
	if len(states) > 0 && !slices.Contains(states, importer.NotUndone) {
		q = q.Where("undo <> ''") // said so that the index of such rows serves
	}
	entries, err := s.listEntries(ctx, imp, q.Order("idx").Limit(limit))
	return entries, wrap(err, "reading the journal of import %s", imp)
}
