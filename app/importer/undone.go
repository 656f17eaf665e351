package importer

import (
	"context"
	"encoding/csv"
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
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	out := csv.NewWriter(w)
	if u.Inspection != nil {
		if d := []rune(u.Inspection.Reading.Delimiter); len(d) == 1 {
			out.Comma = d[0]
		}
	}
	out.UseCRLF = true
	record := make([]string, 0, len(u.Table.Columns)+3)
	for _, c := range u.Table.Columns {
		record = append(record, Neutral(c.Name))
	}
	err = out.Write(append(record, titles.Row, titles.Item, titles.Why))
	for err == nil && len(rows) > 0 {
		for _, o := range rows {
			record = record[:0]
			for c := range u.Table.Columns {
				cell := ""
				if c < len(o.Cells) {
					cell = o.Cells[c]
				}
				record = append(record, Neutral(cell))
			}
			why := ""
			if o.UndoProblem != nil {
				why = words(*o.UndoProblem)
			}
			if err = out.Write(append(record, strconv.Itoa(o.Row), strconv.FormatInt(o.ItemID, 10), Neutral(why))); err != nil {
				break
			}
		}
		if err != nil || len(rows) < reportPage {
			break
		}
		if rows, err = s.UndoOutcomes(ctx, a, imp, rows[len(rows)-1].Index+1, reportPage); err != nil {
			return err
		}
	}
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
