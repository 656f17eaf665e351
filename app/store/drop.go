package store

import (
	"context"
	"errors"
	"slices"

	"gorm.io/gorm"

	"github.com/spa-importer/spa-importer/app/importer"
)

// DeleteAnswers forgets answers by their Field and Value. Those that are not
// there are no error.
func (s *Store) DeleteAnswers(ctx context.Context, portal string, entityTypeID int64, answers []importer.Answer) error {
	if len(answers) == 0 {
		return nil
	}
	err := s.tx(ctx, func(tx *gorm.DB) error {
		own, err := openMemory(locked(tx), portal)
		if errors.Is(err, importer.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		rows, err := own.packAnswers(portal, entityTypeID, answers)
		if err != nil {
			return err
		}
		hashes := make([]string, len(rows))
		for i, row := range rows {
			hashes[i] = row.Hash
		}
		for part := range slices.Chunk(hashes, chunk) {
			err := tx.Where("portal = ? AND entity_type_id = ? AND hash IN ?", portal, entityTypeID, part).
				Delete(&answerRow{}).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	return wrap(err, "forgetting answers of portal %s", portal)
}
