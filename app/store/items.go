package store

import (
	"context"

	"github.com/spa-importer/spa-importer/app/importer"
)

// itemEntries finds an item's rows by its id; the imports of other portals,
// whose items have the same numbers, are told apart by their rows.
const itemEntries = `SELECT entries.import_id, entries.idx, entries.row_no, entries.state, entries.sent_at,
	entries.item_id, entries.written, entries.undo
FROM entries JOIN imports ON imports.id = entries.import_id
WHERE entries.item_id = @item AND entries.item_id > 0 AND entries.state IN ('created', 'updated')
	AND imports.portal = @portal
ORDER BY entries.sent_at DESC, entries.import_id DESC, entries.idx DESC LIMIT @limit`

// ItemEntries lists the rows that have created or updated items with this id
// in the portal's imports, the last ones first. What is sealed is left out.
func (s *Store) ItemEntries(ctx context.Context, portal string, item int64, limit int) ([]importer.ItemEntry, error) {
	var rows []entryRow
	err := s.with(ctx).Raw(itemEntries, map[string]any{"item": item, "portal": portal, "limit": limit}).Scan(&rows).Error
	if err != nil {
		return nil, wrap(err, "reading the rows of an item")
	}
	list := make([]importer.ItemEntry, len(rows))
	for i, r := range rows {
		e, err := r.unpack()
		if err != nil {
			return nil, wrap(err, "reading the rows of an item")
		}
		list[i] = importer.ItemEntry{Import: r.ImportID, Entry: e}
	}
	return list, nil
}
