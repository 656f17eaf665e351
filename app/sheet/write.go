package sheet

import "io"

// TableWriter writes a table that comes from elsewhere than a file, such as
// some rows of another table, in the canonical form.
type TableWriter struct {
	w       *canonWriter
	columns []Column
	record  record
	rows    int
}

// NewTableWriter writes the header of a table with these columns.
func NewTableWriter(canon, index io.Writer, columns []Column) (*TableWriter, error) {
	t := &TableWriter{w: newCanonWriter(canon, index), columns: columns}
	return t, t.w.header(layout{columns: columns})
}

// Row writes a row. Its number may be any, so that rows keep the one a person
// knows.
func (t *TableWriter) Row(r Row) error {
	t.record = record{number: r.Number, line: r.Number, cells: t.record.cells[:0]}
	for _, text := range r.Cells {
		t.record.cells = append(t.record.cells, cell{text: []byte(text), special: mustQuote(text)})
	}
	t.rows++
	return t.w.row(t.record, len(t.columns))
}

// Close writes what is left and returns the table.
func (t *TableWriter) Close() (Table, error) {
	err := t.w.flush(0)
	return Table{Columns: t.columns, Rows: t.rows, Bytes: t.w.bytes}, err
}

// mustQuote reports whether the canonical form must quote a cell.
func mustQuote(text string) bool {
	for i := range len(text) {
		switch text[i] {
		case ',', '"', '\n', '\r':
			return true
		}
	}
	return false
}
