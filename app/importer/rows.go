package importer

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/sheet"
)

// maxEdits is how many cells of an import may be corrected by hand: beyond
// that the file itself is the place.
const maxEdits = 10_000

// tableReader reads the rows of a table; *sheet.Reader is one.
type tableReader interface {
	Columns() []sheet.Column
	Rows() int
	Read(ctx context.Context, from, n int, f func(index int, row sheet.Row) error) error
}

// rowSource is a file's table as it counts for one import: the rows as they
// were read, under the cells that a person has corrected. Whatever reads rows
// to judge, write or report them reads them here.
type rowSource struct {
	tableReader
	store Store
	imp   string
	// edited: there are corrected cells at all.
	edited bool
}

// returned is the table of a report of ours that has come back: what was made
// safe for spreadsheet programs is as it was again.
type returned struct{ tableReader }

// Read is that of sheet.Reader with the original cells.
func (r returned) Read(ctx context.Context, from, n int, f func(index int, row sheet.Row) error) error {
	return r.tableReader.Read(ctx, from, n, func(index int, row sheet.Row) error {
		for i, cell := range row.Cells {
			row.Cells[i] = original(cell)
		}
		return f(index, row)
	})
}

// Columns are those of sheet.Reader with the original names.
func (r returned) Columns() []sheet.Column { return restored(r.tableReader.Columns()) }

// restored are the columns of a report as they were before it. Should names
// that a person has changed fall together, all stay as they are.
func restored(columns []sheet.Column) []sheet.Column {
	out := slices.Clone(columns)
	taken := make(map[string]bool, len(out))
	for i := range out {
		c := &out[i]
		c.Name, c.Given = original(c.Name), original(c.Given)
		key := strings.ToLower(c.Name)
		if taken[key] {
			return columns
		}
		taken[key] = true
	}
	return out
}

// restoreLook puts the original names and cells into what step 1 shows of a
// report of ours.
func (s *Service) restoreLook(seen *sheet.Inspection) {
	if !s.ofReport(seen.Columns) {
		return
	}
	seen.Columns = restored(seen.Columns)
	for _, row := range seen.Preview {
		for i, cell := range row.Cells {
			row.Cells[i] = original(cell)
		}
	}
}

// openFile opens the rows of a file as its person has written them.
func (s *Service) openFile(ctx context.Context, u Upload) (tableReader, io.Closer, error) {
	table, closer, err := s.openTable(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	// Rows taken from another file were read in this way before.
	if !u.Derived && s.ofReport(table.Columns()) {
		return returned{table}, closer, nil
	}
	return table, closer, nil
}

// openRows opens the rows of an import.
func (s *Service) openRows(ctx context.Context, imp Import, u Upload) (*rowSource, io.Closer, error) {
	table, closer, err := s.openFile(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	n, err := s.store.CountEdits(ctx, imp.ID)
	if err != nil {
		closer.Close()
		return nil, nil, fmt.Errorf("counting corrected cells: %w", err)
	}
	return &rowSource{tableReader: table, store: s.store, imp: imp.ID, edited: n > 0}, closer, nil
}

// ofReport recognises the file that WriteFailed has written, by its last two
// columns.
func (s *Service) ofReport(columns []sheet.Column) bool {
	n := len(columns)
	return n > 2 && slices.Contains(s.reportTitles, [2]string{columns[n-2].Given, columns[n-1].Given})
}

// Read is that of sheet.Reader; the corrected cells are in the rows.
func (r *rowSource) Read(ctx context.Context, from, n int, f func(index int, row sheet.Row) error) error {
	if !r.edited || n <= 0 {
		return r.tableReader.Read(ctx, from, n, f)
	}
	// A page of corrections at a time, however long the reading is.
	for n > 0 && from < r.Rows() {
		part := min(n, checkBlock)
		edits, err := r.store.Edits(ctx, r.imp, from, from+part)
		if err != nil {
			return fmt.Errorf("reading corrected cells: %w", err)
		}
		err = r.tableReader.Read(ctx, from, part, func(index int, row sheet.Row) error {
			for len(edits) > 0 && edits[0].Index <= index {
				if edits[0].Index == index {
					row.Cells = overlay(row.Cells, edits[0])
				}
				edits = edits[1:]
			}
			return f(index, row)
		})
		if err != nil {
			return err
		}
		from, n = from+part, n-part
	}
	return nil
}

// overlay puts a corrected cell over the one of the file.
func overlay(cells []string, e Edit) []string {
	if e.Column < 0 || e.Column >= sheet.MaxColumns {
		return cells
	}
	for len(cells) <= e.Column {
		cells = append(cells, "")
	}
	cells[e.Column] = e.Text
	return cells
}

// EditCells corrects cells of the file for this import, and has it checked
// again. A cell that gets back the text of the file is corrected no more.
func (s *Service) EditCells(ctx context.Context, a Actor, imp string, edits []Edit) (Import, error) {
	i, err := s.Import(ctx, a, imp)
	if err != nil {
		return Import{}, err
	}
	if err := changeable(i); err != nil {
		return Import{}, err
	}
	for _, e := range edits {
		if e.Index < 0 || e.Index >= i.Rows || e.Column < 0 || e.Column >= sheet.MaxColumns || len(e.Text) > sheet.MaxCell {
			return Import{}, Refuse("edit_unknown")
		}
	}
	have, err := s.store.CountEdits(ctx, imp)
	if err != nil {
		return Import{}, fmt.Errorf("counting corrected cells: %w", err)
	}
	if have+len(edits) > maxEdits {
		return Import{}, Refuse("too_many_edits", "max", strconv.Itoa(maxEdits))
	}
	edits, restored, err := s.sortEdits(ctx, i, edits)
	if err != nil {
		return Import{}, err
	}
	// In one transaction with the cells: a start that comes before has the
	// cells as they were checked, one that comes after finds a draft.
	_, err = s.store.CorrectCells(ctx, a.Portal, imp, edits, restored, allowed(a, func(imp *Import) error {
		if err := changeable(*imp); err != nil {
			return err
		}
		imp.redraft()
		return nil
	}))
	if err != nil {
		return Import{}, err
	}
	return s.Check(ctx, a, imp)
}

// sortEdits tells cells that differ from the file from those that are as
// they were.
func (s *Service) sortEdits(ctx context.Context, imp Import, edits []Edit) (changed, restored []Edit, err error) {
	u, err := s.store.Upload(ctx, imp.Portal, imp.Upload)
	if err != nil {
		return nil, nil, fmt.Errorf("loading upload: %w", err)
	}
	table, closer, err := s.openFile(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	defer closer.Close()
	for _, e := range edits {
		if e.Index >= table.Rows() {
			return nil, nil, Refuse("edit_unknown")
		}
		err := table.Read(ctx, e.Index, 1, func(_ int, row sheet.Row) error {
			was := ""
			if e.Column < len(row.Cells) {
				was = row.Cells[e.Column]
			}
			if e.Column >= max(len(row.Cells), len(table.Columns())) {
				return Refuse("edit_unknown")
			}
			if e.Text == was {
				restored = append(restored, e)
			} else {
				changed = append(changed, e)
			}
			return nil
		})
		if err != nil {
			return nil, nil, fmt.Errorf("reading a row to correct: %w", err)
		}
	}
	return changed, restored, nil
}

// readRows reads rows to keep.
func readRows(ctx context.Context, table tableReader, from, n int) ([]sheet.Row, error) {
	var b rowBlock
	return b.read(ctx, table, from, n)
}

// rowBlock holds rows that were read together; it can be used again.
type rowBlock struct {
	rows  []sheet.Row
	cells []string // of all rows
}

// read reads rows that are valid until the next reading.
func (b *rowBlock) read(ctx context.Context, table tableReader, from, n int) ([]sheet.Row, error) {
	if b.rows == nil {
		b.rows, b.cells = make([]sheet.Row, 0, n), make([]string, 0, n*len(table.Columns()))
	}
	b.rows, b.cells = b.rows[:0], b.cells[:0]
	err := table.Read(ctx, from, n, func(_ int, row sheet.Row) error {
		at := len(b.cells)
		b.cells = append(b.cells, row.Cells...)
		row.Cells = b.cells[at:len(b.cells):len(b.cells)]
		b.rows = append(b.rows, row)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading rows from %d: %w", from, err)
	}
	return b.rows, nil
}
