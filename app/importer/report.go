package importer

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/sheet"
)

// reportPage is how many outcomes are read at a time.
const reportPage = 500

// owned is an import whose rows the actor may see: the history is the portal's,
// the rows of a file are its owner's.
func (s *Service) owned(ctx context.Context, a Actor, imp string) (Import, error) {
	i, err := s.Import(ctx, a, imp)
	if err == nil && !mayControl(a, i) {
		err = Refuse("not_yours", "name", i.UserName)
	}
	if err != nil {
		return Import{}, err
	}
	return i, nil
}

// Outcomes lists rows with their original cells, by place in the file from
// an index on. Without states it lists rows that were skipped or failed.
func (s *Service) Outcomes(ctx context.Context, a Actor, imp string, from, limit int, states ...EntryState) ([]RowOutcome, error) {
	i, err := s.owned(ctx, a, imp)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = reportPage
	}
	var rows []RowOutcome
	err = s.eachOutcome(ctx, i, from, states, func(_ []sheet.Column, o RowOutcome) (bool, error) {
		o.Cells = slices.Clone(o.Cells)
		rows = append(rows, o)
		return len(rows) < limit, nil
	})
	return rows, err
}

// UndoOutcomes lists rows by how taking them back has ended, with their
// original cells, by place in the file from an index on. Without states it
// lists those that were kept or could not be taken back.
func (s *Service) UndoOutcomes(ctx context.Context, a Actor, imp string, from, limit int, states ...UndoState) ([]RowOutcome, error) {
	i, err := s.owned(ctx, a, imp)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = reportPage
	}
	if len(states) == 0 {
		states = []UndoState{Kept, Impossible}
	}
	u, err := s.store.Upload(ctx, i.Portal, i.Upload)
	if err != nil {
		return nil, fmt.Errorf("loading upload: %w", err)
	}
	table, closer, err := s.openRows(ctx, i, u)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	entries, err := s.journal.UndoEntries(ctx, imp, from, limit, states...)
	if err != nil {
		return nil, fmt.Errorf("listing what was taken back: %w", err)
	}
	rows := make([]RowOutcome, 0, len(entries))
	for _, e := range entries {
		o := RowOutcome{Row: e.Row, Index: e.Index, State: e.State, ItemID: e.ItemID, Undo: e.Undo, UndoProblem: e.UndoProblem}
		_, err := withCells(ctx, table, o, func(o RowOutcome) (bool, error) {
			o.Cells = slices.Clone(o.Cells)
			rows = append(rows, o)
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// eachOutcome calls f with outcomes in file order until it returns false.
// Rows that were never taken up have no entries: they are known by their
// place.
func (s *Service) eachOutcome(ctx context.Context, imp Import, from int, states []EntryState, f func([]sheet.Column, RowOutcome) (bool, error)) error {
	if len(states) == 0 {
		states = []EntryState{EntrySkipped, EntryFailed}
	}
	skipped := slices.Contains(states, EntrySkipped)
	if skipped && imp.over() {
		states = append(slices.Clone(states), EntryPending, EntryAside) // refused, and then stopped
	}
	u, err := s.store.Upload(ctx, imp.Portal, imp.Upload)
	if err != nil {
		return fmt.Errorf("loading upload: %w", err)
	}
	table, closer, err := s.openRows(ctx, imp, u)
	if err != nil {
		return err
	}
	defer closer.Close()
	columns := table.Columns()
	for {
		entries, err := s.journal.Entries(ctx, imp.ID, from, reportPage, states...)
		if err != nil {
			return fmt.Errorf("listing outcomes: %w", err)
		}
		for _, e := range entries {
			o := RowOutcome{Row: e.Row, Index: e.Index, State: e.State, ItemID: e.ItemID, Problem: e.Problem}
			switch e.State {
			case EntryPending:
				o.State, o.Problem = EntrySkipped, imp.untaken(e.Index)
			case EntryAside:
				o.State = EntrySkipped
			}
			more, err := withCells(ctx, table, o, func(o RowOutcome) (bool, error) { return f(columns, o) })
			if err != nil || !more {
				return err
			}
			from = e.Index + 1
		}
		if len(entries) < reportPage {
			break
		}
	}
	start := max(from, imp.firstUntaken())
	if !skipped || start >= imp.Rows {
		return nil
	}
	err = table.Read(ctx, start, imp.Rows-start, func(i int, row sheet.Row) error {
		more, err := f(columns, RowOutcome{Row: row.Number, Index: i, State: EntrySkipped, Problem: imp.untaken(i), Cells: row.Cells})
		if err == nil && !more {
			return errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// errEnough ends a reading.
var errEnough = errors.New("enough")

// over: nothing more is written, though something may be taken back.
func (i *Import) over() bool { return i.State.Ended() || i.Undoing }

// firstUntaken is the place from which on rows were skipped as a whole:
// because of the limit, or because a person stopped the import.
func (i *Import) firstUntaken() int {
	switch {
	case i.over() && i.Cursor < i.Rows:
		return i.Cursor
	case i.Limit > 0 && i.Cursor >= i.Rows:
		return i.Limit
	default:
		return i.Rows
	}
}

// untaken says why a row was not taken up.
func (i *Import) untaken(index int) *Problem {
	p := problem("stopped_by_you")
	if i.Limit > 0 && index >= i.Limit {
		p = problem("over_row_limit", "limit", strconv.Itoa(i.Limit))
	}
	return &p
}

func withCells(ctx context.Context, table tableReader, o RowOutcome, f func(RowOutcome) (bool, error)) (more bool, err error) {
	err = table.Read(ctx, o.Index, 1, func(_ int, row sheet.Row) error {
		o.Cells = row.Cells
		more, err = f(o)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("reading row %d: %w", o.Row, err)
	}
	return more, nil
}

// WriteFailed writes the rows that were not imported as a CSV file in the
// form of the input: its columns in its order and its delimiter, then the
// row number and the reason, UTF-8 with a mark so that spreadsheet programs
// read it right. Cells that such a program would run as a formula are made
// text. words says a problem in the reader's language.
func (s *Service) WriteFailed(ctx context.Context, a Actor, imp string, rowTitle, whyTitle string, words func(Problem) string, w io.Writer) error {
	i, err := s.owned(ctx, a, imp)
	if err != nil {
		return err
	}
	u, err := s.store.Upload(ctx, a.Portal, i.Upload)
	if err != nil {
		return fmt.Errorf("loading upload: %w", err)
	}
	if u.State != Ready {
		return Refuse("file_gone")
	}
	columns := u.Table.Columns
	if s.ofReport(columns) {
		columns = columns[:len(columns)-2] // ours of the last time are not those of the input
	}
	r, err := newReport(w, u, columns, rowTitle, whyTitle)
	if err != nil {
		return err
	}
	err = s.eachOutcome(ctx, i, 0, nil, func(_ []sheet.Column, o RowOutcome) (bool, error) {
		return true, r.write(o.Cells, strconv.Itoa(o.Row), wordsOf(o.Problem, words))
	})
	if err != nil {
		return err
	}
	return r.end()
}

// wordsOf says a problem for a cell of a report; nothing for none.
func wordsOf(p *Problem, words func(Problem) string) string {
	if p == nil {
		return ""
	}
	return Neutral(words(*p))
}

// report is a CSV file in the form of an upload: its columns, or the first
// of them, in its order and its delimiter, then some of ours.
type report struct {
	out     *csv.Writer
	columns int
	record  []string
}

func newReport(w io.Writer, u Upload, columns []sheet.Column, titles ...string) (*report, error) {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return nil, fmt.Errorf("writing the report: %w", err)
	}
	r := &report{out: csv.NewWriter(w), columns: len(columns)}
	if u.Inspection != nil {
		if d := []rune(u.Inspection.Reading.Delimiter); len(d) == 1 {
			r.out.Comma = d[0]
		}
	}
	r.out.UseCRLF = true
	names := make([]string, r.columns)
	for i, c := range columns {
		names[i] = c.Name
	}
	return r, r.write(names, titles...)
}

// write writes a row: the cells of the file, made safe, and what we add.
func (r *report) write(cells []string, added ...string) error {
	r.record = r.record[:0]
	for c := range r.columns {
		cell := ""
		if c < len(cells) {
			cell = cells[c]
		}
		r.record = append(r.record, Neutral(cell))
	}
	if err := r.out.Write(append(r.record, added...)); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func (r *report) end() error {
	r.out.Flush()
	if err := r.out.Error(); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// Neutral makes a cell safe to open: what a spreadsheet program would take
// for a formula gets an apostrophe, and so does what looks like such a cell
// already. Plain numbers and phones stay as they are.
func Neutral(cell string) string {
	bare := strings.TrimLeft(cell, "'")
	if bare == "" || !strings.ContainsRune(formulaSigns, rune(bare[0])) {
		return cell
	}
	if bare != cell {
		return "'" + cell
	}
	if (cell[0] == '+' || cell[0] == '-') && strings.Trim(cell[1:], "0123456789., \u00a0") == "" && len(cell) > 1 {
		return cell
	}
	return "'" + cell
}

const formulaSigns = "=+-@\t\r"

// original takes off the apostrophe that Neutral has put on.
func original(cell string) string {
	bare := strings.TrimLeft(cell, "'")
	if bare == cell || bare == "" || !strings.ContainsRune(formulaSigns, rune(bare[0])) {
		return cell
	}
	return cell[1:]
}
