package sheet

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// canonWriter writes the canonical form and its index.
type canonWriter struct {
	canon, index io.Writer
	buf, offsets []byte
	bytes        int64
	rows         int
}

func newCanonWriter(canon, index io.Writer) *canonWriter {
	return &canonWriter{canon: canon, index: index, buf: make([]byte, 0, 4<<10)}
}

// header writes the first record.
func (w *canonWriter) header(l layout) error {
	w.buf = appendCell(w.buf, []byte("#"+l.unnamed))
	for _, c := range l.columns {
		w.buf = appendCell(append(w.buf, ','), []byte(c.Given))
	}
	w.buf = append(w.buf, '\n')
	return w.flush(block)
}

// row writes a data row with at least width cells.
func (w *canonWriter) row(r record, width int) error {
	w.offsets = binary.LittleEndian.AppendUint64(w.offsets, uint64(w.bytes+int64(len(w.buf))))
	b := strconv.AppendInt(w.buf, int64(r.number), 10)
	if r.line != r.number {
		b = strconv.AppendInt(append(b, ':'), int64(r.line), 10)
	}
	for i := range r.cells {
		b = append(b, ',')
		if c := &r.cells[i]; c.special {
			b = appendQuoted(b, c.text)
		} else {
			b = append(b, c.text...)
		}
	}
	for n := len(r.cells); n < width; n++ {
		b = append(b, ',')
	}
	b = append(b, '\n')
	w.buf = b
	w.rows++
	return w.flush(block)
}

// flush hands over what was written once it is more than keep bytes.
func (w *canonWriter) flush(keep int) error {
	if len(w.buf) <= keep {
		return nil
	}
	if _, err := w.canon.Write(w.buf); err != nil {
		return fmt.Errorf("writing the canonical form: %w", err)
	}
	w.bytes += int64(len(w.buf))
	w.buf = w.buf[:0]
	if len(w.offsets) > 0 {
		if _, err := w.index.Write(w.offsets); err != nil {
			return fmt.Errorf("writing the row index: %w", err)
		}
		w.offsets = w.offsets[:0]
	}
	return nil
}

func appendCell(b, text []byte) []byte {
	for _, c := range text {
		if c == ',' || c == '"' || c == '\n' || c == '\r' {
			return appendQuoted(b, text)
		}
	}
	return append(b, text...)
}

func appendQuoted(b, text []byte) []byte {
	b = append(b, '"')
	for _, c := range text {
		if c == '"' {
			b = append(b, '"')
		}
		b = append(b, c)
	}
	return append(b, '"')
}

// canonHeader is the number of the header record, below that of any row.
const canonHeader = -1

// canonRecords reads the canonical form back: the first cell is the number.
type canonRecords struct {
	s      *scanner
	header bool // the next record is the header
	// unnamed is how columns without a header are called, once it is read.
	unnamed string
}

func (c *canonRecords) next() (record, error) {
	r, err := c.s.next()
	if err != nil {
		return r, err
	}
	if c.header {
		c.header = false
		mark := string(r.cells[0].text)
		if !strings.HasPrefix(mark, "#") {
			return r, errors.New("canonical form has no header")
		}
		c.unnamed = mark[1:]
		return record{number: canonHeader, cells: r.cells[1:]}, nil
	}
	number, line, apart := bytes.Cut(r.cells[0].text, []byte(":"))
	n, ok := smallNumber(number)
	l := n
	if ok && apart {
		l, ok = smallNumber(line)
	}
	if !ok {
		return r, fmt.Errorf("canonical form, line %d: no row number", r.line)
	}
	return record{number: n, line: l, cells: r.cells[1:]}, nil
}

// newCanonScanner splits the canonical form. What Normalise let through is
// not held to the limits again: quoting makes cells longer, and workbooks
// may have more lines in one.
func newCanonScanner(src io.Reader, size int) *scanner {
	s := newScanner(src, dialect{delim: ',', quote: QuoteDouble}, nil, size)
	s.maxCell, s.maxLines, s.maxRecord = 4*MaxCell, 4*MaxCell, 4*maxRecord
	return s
}

// Reader reads the rows of a canonical form, in any place. It may be used by
// several goroutines at a time if its sources may.
type Reader struct {
	canon, index Source
	columns      []Column
	rows         int
}

// OpenTable opens a canonical form with its index. It reads the header;
// ctx is for that alone.
func OpenTable(ctx context.Context, canon, index Source) (*Reader, error) {
	if index.Size()%8 != 0 {
		return nil, fmt.Errorf("row index of %d bytes is damaged", index.Size())
	}
	s := newCanonScanner(newStream(ctx, canon, 0, nil), bufferFor(min(canon.Size(), block/8)))
	records := &canonRecords{s: s, header: true}
	head, err := records.next()
	if err != nil {
		return nil, fmt.Errorf("reading the header of the canonical form: %w", err)
	}
	given := make([]string, len(head.cells))
	for i, c := range head.cells {
		given[i] = string(c.text)
	}
	return &Reader{canon: canon, index: index, columns: nameColumns(given, records.unnamed), rows: int(index.Size() / 8)}, nil
}

// Columns are the columns of the table.
func (r *Reader) Columns() []Column { return r.columns }

// Rows is the number of data rows.
func (r *Reader) Rows() int { return r.rows }

// Read calls f with the data rows from index from on, n of them or as many
// as there are. The slice of cells is used again for the next row; the cells
// themselves may be kept. An error of f ends the reading and is returned as
// it is.
func (r *Reader) Read(ctx context.Context, from, n int, f func(index int, row Row) error) error {
	if from < 0 || from >= r.rows || n <= 0 {
		return nil
	}
	at, end, err := r.place(from, n)
	if err != nil {
		return err
	}
	st := newStream(ctx, r.canon, at, nil)
	st.end = end
	s := newCanonScanner(st, bufferFor((end-at)/2))
	records := &canonRecords{s: s}
	var row rowText
	for i := from; i < r.rows && i-from < n; i++ {
		rec, err := records.next()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("reading row %d of the canonical form: %w", i, err)
		}
		if err := f(i, row.of(rec, 0)); err != nil {
			return err
		}
	}
	return nil
}

// place is where n rows from an index on begin and end.
func (r *Reader) place(from, n int) (at, end int64, err error) {
	end = r.canon.Size()
	for _, want := range []struct {
		row int
		at  *int64
	}{{from, &at}, {from + n, &end}} {
		if n > r.rows-from && want.row != from || want.row == r.rows {
			continue // to the end
		}
		p, err := readPart(r.index, int64(want.row)*8, 8)
		if err != nil {
			return 0, 0, fmt.Errorf("reading the row index: %w", err)
		}
		*want.at = int64(binary.LittleEndian.Uint64(p))
	}
	if at <= 0 || at >= end || end > r.canon.Size() {
		return 0, 0, fmt.Errorf("row index is damaged: row %d at %d, the end at %d of %d", from, at, end, r.canon.Size())
	}
	return at, end, nil
}

// rowText turns records into Rows. Their text lies row behind row in pieces
// of memory that are never written again, so that it may be kept.
type rowText struct {
	bytes []byte
	cells []string
	piece strings.Builder
}

// Pieces grow from the first size to the last: a look at one row costs
// little, and of many rows a cell that is kept holds on to little.
const firstPiece, lastPiece = 512, 4 << 10

// of makes a Row of at least width cells; the slice of cells is used again.
func (t *rowText) of(r record, width int) Row {
	b := t.bytes[:0]
	for i := range r.cells {
		b = append(b, r.cells[i].text...)
	}
	t.bytes = b
	if room := t.piece.Cap(); room-t.piece.Len() < len(b) {
		t.piece.Reset()
		t.piece.Grow(max(len(b), min(max(2*room, firstPiece), lastPiece)))
	}
	at := t.piece.Len()
	t.piece.Write(b)
	text, cells := t.piece.String()[at:], t.cells[:0]
	for i := range r.cells {
		n := len(r.cells[i].text)
		cells = append(cells, text[:n])
		text = text[n:]
	}
	for len(cells) < width {
		cells = append(cells, "")
	}
	t.cells = cells
	return Row{Number: r.number, Line: r.line, Cells: cells}
}
