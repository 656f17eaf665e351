package sheet

import (
	"errors"
	"io"
	"strconv"
)

// record is one row as the reader of a format hands it over.
type record struct {
	number int
	// line is the line of text on which the record begins; number where
	// the format has no lines.
	line int
	// cells are valid until the next record is read.
	cells []cell
}

type cell struct {
	text []byte
	// special is set if the text has a comma, a quotation mark or a line
	// end, which the canonical form must quote.
	special bool
}

// records reads a table record by record; next ends with io.EOF.
type records interface {
	next() (record, error)
}

// What a byte is to the scanner. A cell's bytes are looked up one by one, so
// that quoting and cleaning cost nothing where they are not needed.
const (
	stops   = 1 << iota // ends the run
	special             // needs quotes in the canonical form
	suspect             // control byte, or first byte of an invisible character
)

// scanner splits UTF-8 text into records. Unlike encoding/csv it numbers them
// as a spreadsheet program does, blank lines included, knows the line each
// begins on, takes every kind of line end, never lets a
// stray quotation mark swallow lines, and bounds what one cell may take.
type scanner struct {
	src        io.Reader
	buf        []byte
	start, end int
	eof        bool
	// cut: the end of src is not the end of the file, so the record there
	// is left out.
	cut bool

	delim          byte
	quotes, escape bool
	plain, quoted  [256]uint8

	row     int // number of the record at start
	line    int // number of the line at start
	lines   int // line ends inside the record being parsed
	cells   []cell
	scratch []byte
	marks   *tally
	used    int64 // bytes of text in the records handed out

	maxCell, maxLines, maxRecord int
}

// dialect is how a text file separates and quotes.
type dialect struct {
	delim byte
	quote string // a Quote constant
}

// newScanner reads text in the dialect from its first line on. marks may be
// nil: then invisible characters are not looked for. buffer is the size of
// reads from src.
func newScanner(src io.Reader, d dialect, marks *tally, buffer int) *scanner {
	s := &scanner{
		src: src, buf: make([]byte, 2*buffer), row: 1, line: 1, marks: marks,
		delim: d.delim, quotes: d.quote != QuoteNone, escape: d.quote == QuoteBackslash,
		maxCell: MaxCell, maxLines: MaxCellLines, maxRecord: maxRecord,
	}
	for _, c := range []byte{',', '"'} {
		s.plain[c] |= special
		s.quoted[c] |= special
	}
	s.plain[d.delim] |= stops
	s.plain['\n'] |= stops
	s.plain['\r'] |= stops
	s.quoted['"'] |= stops
	s.quoted['\n'] |= stops
	s.quoted['\r'] |= stops
	if s.escape {
		s.quoted['\\'] |= stops
	}
	if marks != nil {
		markSuspects(&s.plain)
		markSuspects(&s.quoted)
	}
	return s
}

func markSuspects(class *[256]uint8) {
	for c := range byte(' ') {
		if c != '\t' && c != '\n' && c != '\r' {
			class[c] |= suspect
		}
	}
	for _, c := range []byte{0x7f, 0xc2, 0xe2, 0xef} {
		class[c] |= suspect
	}
}

// errShort means that the record goes on behind the end of the buffer.
var errShort = errors.New("record goes on")

// next returns the next record, blank lines included, as a record of one
// empty cell.
func (s *scanner) next() (record, error) {
	for {
		if s.start < s.end {
			n, err := s.parse(s.buf[s.start:s.end])
			if err == nil {
				r := record{number: s.row, line: s.line, cells: s.cells}
				s.start += n
				s.used += int64(n)
				s.row++
				s.line += s.lines
				return r, nil
			}
			if err != errShort {
				return record{}, err
			}
		}
		if s.eof {
			return record{}, io.EOF
		}
		if err := s.fill(); err != nil {
			return record{}, err
		}
	}
}

// fill reads more text behind what is not used up, in a larger buffer if it
// is full.
func (s *scanner) fill() error {
	s.end = copy(s.buf, s.buf[s.start:s.end])
	s.start = 0
	if s.end > len(s.buf)/2 {
		if s.end >= s.maxRecord {
			return refuse("row_too_long", "row", strconv.Itoa(s.row), "limit", strconv.Itoa(s.maxRecord))
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	for {
		n, err := s.src.Read(s.buf[s.end:])
		s.end += n
		if err == io.EOF {
			s.eof = true
			return nil
		}
		if err != nil || n > 0 {
			return err
		}
	}
}

// parse splits the record at the beginning of b into s.cells and returns
// its length with the line end.
func (s *scanner) parse(b []byte) (int, error) {
	s.cells, s.scratch, s.lines = s.cells[:0], s.scratch[:0], 0
	for i := 0; ; {
		var c cell
		if s.quotes && i < len(b) && b[i] == '"' {
			var err error
			if c, i, err = s.quotedCell(b, i+1); err != nil {
				return 0, err
			}
		} else {
			from, seen := i, uint8(0)
			for i < len(b) {
				k := s.plain[b[i]]
				if k == 0 {
					i++
					continue
				}
				if k&stops != 0 {
					break
				}
				if k != suspect || i+1 == len(b) || hides(b[i], b[i+1]) {
					seen |= k
				}
				i++
			}
			c = cell{b[from:i:i], seen&special != 0}
			if seen&suspect != 0 {
				c.text = s.marks.clean(c.text, &s.scratch, s.row, len(s.cells))
			}
		}
		if len(c.text) > s.maxCell {
			return 0, refuse("cell_too_long", "row", strconv.Itoa(s.row), "limit", strconv.Itoa(s.maxCell))
		}
		if len(s.cells) < MaxColumns+1 {
			s.cells = append(s.cells, c)
		} else if len(c.text) > 0 {
			return 0, tooManyColumns(s.row)
		}
		if i < len(b) && b[i] == s.delim {
			i++
			continue
		}
		return s.lineEnd(b, i)
	}
}

func tooManyColumns(row int) error {
	return refuse("too_many_columns", "row", strconv.Itoa(row), "limit", strconv.Itoa(MaxColumns))
}

// lineEnd passes the line end at i: LF, CR LF, CR, or the CR CR LF that
// programs make which translate line ends twice.
func (s *scanner) lineEnd(b []byte, i int) (int, error) {
	if i == len(b) {
		if !s.eof || s.cut {
			return 0, errShort
		}
		return i, nil
	}
	n := 1
	if b[i] == '\r' {
		rest := b[i:]
		if len(rest) < 3 && !s.eof {
			return 0, errShort
		}
		switch {
		case len(rest) > 1 && rest[1] == '\n':
			n = 2
		case len(rest) > 2 && rest[1] == '\r' && rest[2] == '\n':
			n = 3
		}
	}
	s.lines++
	return i + n, nil
}

// quotedCell reads a quoted cell from behind its opening mark to behind its
// end. What follows the closing mark up to the delimiter is text of the
// cell, as in Excel.
func (s *scanner) quotedCell(b []byte, i int) (cell, int, error) {
	q := quotedText{from: i, open: s.line + s.lines, copied: -1}
	begin, limit := i, s.lines+s.maxLines
	closed := false
	for !closed {
		for i < len(b) && s.quoted[b[i]]&stops == 0 {
			q.seen |= s.quoted[b[i]]
			i++
		}
		// The end of the buffer, or a mark there whose meaning depends on
		// the next byte.
		short := i == len(b) || i+1 == len(b) && !s.eof
		if i-begin > s.maxCell || s.lines > limit || short && s.eof && !s.cut {
			return cell{}, 0, refuse("quote_open", "line", strconv.Itoa(q.open))
		}
		if short {
			return cell{}, 0, errShort
		}
		i, closed = s.quotedStop(b, i, &q)
	}
	text, tail := b[q.from:i-1:i-1], i
	for i < len(b) && s.plain[b[i]]&stops == 0 {
		q.seen |= s.plain[b[i]]
		i++
	}
	if i == len(b) && !s.eof {
		return cell{}, 0, errShort
	}
	if tail < i {
		if s.line+s.lines > q.open && !blank(b[tail:i]) {
			// Two marks far apart that do not belong together: reading on
			// would hide the lines between them in one cell.
			return cell{}, 0, refuse("quote_open", "line", strconv.Itoa(q.open))
		}
		q.keep(s, text)
		q.keep(s, b[tail:i])
		if s.marks != nil {
			s.marks.stray.add(1, s.row, 0)
		}
	} else if q.copied >= 0 {
		q.keep(s, text)
	}
	if q.copied >= 0 {
		text = s.scratch[q.copied:len(s.scratch):len(s.scratch)]
	}
	if q.seen&suspect != 0 {
		text = s.marks.clean(text, &s.scratch, s.row, len(s.cells))
	}
	return cell{text, q.seen&special != 0}, i, nil
}

// quotedText is the state of a quoted cell: the text from `from` on is not
// yet taken over into the scratch, which is only used once something had to
// be rewritten.
type quotedText struct {
	from, open, copied int
	seen               uint8
}

func (q *quotedText) keep(s *scanner, text []byte) {
	if q.copied < 0 {
		q.copied = len(s.scratch)
	}
	s.scratch = append(s.scratch, text...)
}

// quotedStop handles the byte at i, which is not plain text inside quotes.
func (s *scanner) quotedStop(b []byte, i int, q *quotedText) (next int, closed bool) {
	var after byte
	if i+1 < len(b) {
		after = b[i+1]
	}
	switch c := b[i]; {
	case c == '\n':
		q.seen |= special
		s.lines++
		return i + 1, false
	case c == '\r':
		q.seen |= special
		s.lines++
		q.keep(s, b[q.from:i])
		q.keep(s, []byte{'\n'})
		i++
		if after == '\n' {
			i++
		}
		q.from = i
		return i, false
	case c == '"' && after == '"', c == '\\' && (after == '"' || after == '\\'):
		if after == '"' {
			q.seen |= special
		}
		q.keep(s, b[q.from:i])
		q.from = i + 1
		return i + 2, false
	case c == '"':
		return i + 1, true
	}
	return i + 1, false
}
