package sheet

import (
	"context"
	"fmt"
	"io"
)

// Normalise reads the whole file in a complete reading, as an Inspection
// gives it, and writes its canonical form and the index. It calls row, if
// not nil, with each data row as it passes: the slice of cells is used again
// for the next row, the cells may be kept; an error of row ends the work and
// is returned as it is. A row has at least one cell per column, and more only
// if the file has more values there (see the note "long_rows"). It calls
// progress, if not nil, with the number of bytes of the file that have been
// read; for workbooks that is an estimate. The error is an *Error if the
// file turns out to be unreadable; what was written until then is no table.
func Normalise(ctx context.Context, src Source, r Reading, canon, index io.Writer, row func(Row) error, progress func(done int64)) (t Table, err error) {
	f, r, _, err := open(ctx, src, r, "", "")
	if err != nil {
		return t, fmt.Errorf("opening the file: %w", err)
	}
	defer closing(f, &err)
	_, l, err := look(ctx, f, r)
	if err != nil {
		return t, err
	}
	w := newCanonWriter(canon, index)
	if err := w.header(l); err != nil {
		return t, err
	}
	p := pass{file: f, layout: l}
	var text rowText
	err = p.run(ctx, func(r record) error {
		if err := w.row(r, len(l.columns)); err != nil {
			return err
		}
		if row == nil {
			return nil
		}
		return row(text.of(r, len(l.columns)))
	}, progress)
	if err != nil {
		return t, err
	}
	if err := w.flush(0); err != nil {
		return t, err
	}
	return Table{Columns: l.columns, Rows: p.rows, Notes: p.notes(), Bytes: w.bytes}, nil
}
