package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/spa-importer/spa-importer/app/importer"
)

// Hold pauses every import that writes, waits or is paused, for a reason, and
// returns how many these are. It is for a database that was put back from a
// backup: what was written to portals since is not in its journal.
func (s *Store) Hold(ctx context.Context, reason importer.Problem) (int, error) {
	held := 0
	err := s.tx(ctx, func(tx *gorm.DB) error {
		var rows []importRow
		err := locked(tx).Where("state IN ?", []importer.State{importer.Running, importer.Paused, importer.Waiting}).
			Order("id").Find(&rows).Error
		if err != nil {
			return err
		}
		for _, r := range rows {
			_, err := s.changeImport(tx, r, results{}, func(i *importer.Import) error {
				i.State, i.Reason, i.Until = importer.Paused, &reason, fromStamp(0)
				return nil
			})
			if err != nil {
				return fmt.Errorf("import %s: %w", r.ID, err)
			}
			held++
		}
		return nil
	})
	return held, wrap(err, "holding imports")
}
