package importer

import (
	"context"
	"fmt"
	"io"
	"strconv"
)

// KeptTitles are the columns that WriteKept adds, in the reader's language.
type KeptTitles struct{ Row, Item, Why string }

// WriteKept writes the items that were not taken back as a CSV file: the
// columns of the input, then the row number, the item's ID and the reason, as
// WriteFailed does.
func (s *Service) WriteKept(ctx context.Context, a Actor, imp string, titles KeptTitles, words func(Problem) string, w io.Writer) error {
	i, err := s.Import(ctx, a, imp)
	if err != nil {
		return err
	}
	rows, err := s.UndoOutcomes(ctx, a, imp, 0, reportPage)
	if err != nil {
		return err
	}
	u, err := s.store.Upload(ctx, a.Portal, i.Upload)
	if err != nil {
		return fmt.Errorf("loading upload: %w", err)
	}
	r, err := newReport(w, u, u.Table.Columns, titles.Row, titles.Item, titles.Why)
	for err == nil && len(rows) > 0 {
		for _, o := range rows {
			if err = r.write(o.Cells, strconv.Itoa(o.Row), strconv.FormatInt(o.ItemID, 10), wordsOf(o.UndoProblem, words)); err != nil {
				return err
			}
		}
		if len(rows) < reportPage {
			break
		}
		rows, err = s.UndoOutcomes(ctx, a, imp, rows[len(rows)-1].Index+1, reportPage)
	}
	if err != nil {
		return err
	}
	return r.end()
}
