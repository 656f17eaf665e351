package store

import (
	"context"

	"github.com/spa-importer/spa-importer/app/importer"
)

// DueLanesQuery is what the tests ask the query planner about.
const DueLanesQuery = dueLanes

// UsingUploadQuery is the inner part of ExpiredUploads.
const UsingUploadQuery = usingUpload

// ItemEntriesQuery finds the rows of an item.
const ItemEntriesQuery = itemEntries

// SaveEdits is CorrectCells without a change of the import.
func (s *Store) SaveEdits(ctx context.Context, imp string, edits []importer.Edit) error {
	return s.correct(ctx, imp, edits, nil)
}

// DeleteEdits is CorrectCells that takes cells back.
func (s *Store) DeleteEdits(ctx context.Context, imp string, edits []importer.Edit) error {
	return s.correct(ctx, imp, nil, edits)
}

func (s *Store) correct(ctx context.Context, imp string, edits, restored []importer.Edit) error {
	portal, err := s.ImportPortal(ctx, imp)
	if err != nil {
		return err
	}
	_, err = s.CorrectCells(ctx, portal, imp, edits, restored, nil)
	return err
}

// SetPortion sets how many rows of a journal are deleted in one transaction.
func (s *Store) SetPortion(n int) { s.portion = n }

// ForgetRows deletes one portion of an import's journal and look-ups.
func (s *Store) ForgetRows(ctx context.Context, imp string) (more bool, err error) {
	return s.forgetRows(ctx, imp)
}
