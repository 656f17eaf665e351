package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/spa-importer/spa-importer/app/importer"
)

// editRow is an importer.Edit: a cell, sealed with the journal key of its
// import.
type editRow struct {
	ImportID string `gorm:"primaryKey"`
	Idx      int64  `gorm:"primaryKey;autoIncrement:false"`
	Col      int64  `gorm:"primaryKey;autoIncrement:false"`
	Content  string `gorm:"serializer:sealed"`
}

func (editRow) TableName() string { return "edits" }

// CorrectCells keeps corrected cells of an import, takes others back, and
// changes the import, all in one transaction: whoever checks or starts it sees
// all of this or nothing. Of two edits of one cell the last counts; the text
// of those taken back does not matter. ErrNotFound for an import whose file
// was forgotten.
func (s *Store) CorrectCells(ctx context.Context, portal, imp string, edits, restored []importer.Edit, change func(*importer.Import) error) (importer.Import, error) {
	var changed importer.Import
	err := s.tx(ctx, func(tx *gorm.DB) error {
		before, err := findImport(locked(tx), portal, imp)
		if err != nil {
			return err
		}
		if changed, err = s.changeImport(tx, before, results{}, change); err != nil {
			return err
		}
		if err := saveEdits(ctx, tx, before, edits); err != nil {
			return err
		}
		return deleteEdits(tx, imp, restored)
	})
	return changed, changeError(err, "correcting cells of import %s", imp)
}

// saveEdits seals and keeps edits of an import that the transaction holds.
func saveEdits(ctx context.Context, tx *gorm.DB, row importRow, edits []importer.Edit) error {
	if len(edits) == 0 {
		return nil
	}
	rows, err := packEdits(row.ID, edits)
	if err != nil {
		return err
	}
	own, err := journalVault(row)
	if err != nil {
		return err
	}
	return sealedWith(ctx, tx, own).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "import_id"}, {Name: "idx"}, {Name: "col"}},
		DoUpdates: clause.AssignmentColumns([]string{"content"}),
	}).CreateInBatches(rows, chunk).Error
}

func packEdits(imp string, edits []importer.Edit) ([]editRow, error) {
	rows := make([]editRow, 0, len(edits))
	at := make(map[[2]int]int, len(edits))
	for _, e := range edits {
		if e.Index < 0 || e.Column < 0 {
			return nil, fmt.Errorf("there is no cell at row %d, column %d", e.Index, e.Column)
		}
		cell := [2]int{e.Index, e.Column}
		if n, ok := at[cell]; ok {
			rows[n].Content = e.Text
			continue
		}
		at[cell] = len(rows)
		rows = append(rows, editRow{ImportID: imp, Idx: int64(e.Index), Col: int64(e.Column), Content: e.Text})
	}
	return rows, nil
}

func deleteEdits(tx *gorm.DB, imp string, edits []importer.Edit) error {
	for from := 0; from < len(edits); from += chunk {
		cells := make([][]any, 0, chunk)
		for _, e := range edits[from:min(from+chunk, len(edits))] {
			cells = append(cells, []any{e.Index, e.Column})
		}
		if err := tx.Where("import_id = ? AND (idx, col) IN ?", imp, cells).Delete(&editRow{}).Error; err != nil {
			return err
		}
	}
	return nil
}

// Edits lists the corrected cells of rows from <= Index < to. A forgotten
// import has none.
func (s *Store) Edits(ctx context.Context, imp string, from, to int) ([]importer.Edit, error) {
	edits, err := s.edits(ctx, imp, from, to)
	return edits, wrap(err, "reading edits of import %s", imp)
}

func (s *Store) edits(ctx context.Context, imp string, from, to int) ([]importer.Edit, error) {
	row, err := journalOf(s.with(ctx), imp)
	if err != nil || len(row.JournalKey) == 0 {
		return nil, err
	}
	own, err := journalVault(row)
	if err != nil {
		return nil, err
	}
	var rows []editRow
	err = sealedWith(ctx, s.db, own).Where("import_id = ? AND idx >= ? AND idx < ?", imp, from, to).
		Order("idx, col").Find(&rows).Error
	if err != nil {
		return nil, err
	}
	edits := make([]importer.Edit, len(rows))
	for n, r := range rows {
		edits[n] = importer.Edit{Index: int(r.Idx), Column: int(r.Col), Text: r.Content}
	}
	return edits, nil
}

// CountEdits is the number of corrected cells of an import.
func (s *Store) CountEdits(ctx context.Context, imp string) (int, error) {
	var n int64
	err := s.with(ctx).Model(&editRow{}).Where("import_id = ?", imp).Count(&n).Error
	return int(n), wrap(err, "counting edits of import %s", imp)
}
