package sheet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxBlankCells is how many cells without a value a worksheet may have
// beyond ten for each with one: a formatted page of a million rows is that
// of a file that somebody, or something, has filled to the brim.
const maxBlankCells = 5_000_000

// rows reads the rows of a worksheet.
type rows struct {
	w     *workbook
	xml   *xmlScanner
	marks *tally

	inData bool // inside <sheetData>
	ended  bool
	number int
	cells  []cell
	text   []byte // of the cells of this row
	raw    []byte // of one cell
	// filled and blank count cells with and without a value.
	filled, blank int64
	extras        sheetExtras
	fill          mergedFill
	links         linkFill
}

func newRows(ctx context.Context, w *workbook, marks *tally, progress func(int64)) (*rows, error) {
	var packed func(int64)
	if progress != nil {
		// The worksheet stands for the whole file.
		size := max(1, int64(w.archive.parts[partName(w.current.part)].CompressedSize64))
		packed = func(done int64) {
			progress(int64(float64(w.src.Size()) * float64(min(done, size)) / float64(size)))
		}
	}
	p, err := w.archive.open(ctx, w.current.part, maxUnpacked, packed)
	if err != nil {
		return nil, err
	}
	x, err := newXML(p)
	if err != nil {
		return nil, err
	}
	return &rows{w: w, xml: x, marks: marks, fill: mergedFill{areas: w.merged}, links: linkFill{links: w.links}}, nil
}

// next reads the next row with a cell; the sheet's end ends the file's
// reading with its checksums verified.
func (s *rows) next() (record, error) {
	for !s.ended {
		t, err := s.xml.next()
		if errors.Is(err, io.EOF) {
			return record{}, s.end()
		}
		if err != nil {
			return record{}, s.failed(err)
		}
		name := string(s.xml.name)
		switch {
		case t == startTag && name == "sheetData":
			s.inData = true
		case t == endTag && name == "sheetData":
			s.inData = false
		case t == startTag && s.inData && name == "row":
			ok, err := s.row()
			if err != nil {
				return record{}, s.failed(err)
			}
			if ok {
				cells := s.links.row(s, s.fill.row(s.number, s.cells))
				return record{number: s.number, line: s.number, cells: cells}, nil
			}
		case t == startTag && !s.inData:
			s.beside(name)
		}
	}
	return record{}, io.EOF
}

// failed says where reading broke off.
func (s *rows) failed(err error) error {
	return fmt.Errorf("reading sheet row %d: %w", s.number, err)
}

// end verifies what is left and hands over what was seen.
func (s *rows) end() error {
	s.ended = true
	if err := s.w.strings.finish(); err != nil {
		return err
	}
	s.w.extras = s.extras
	return io.EOF
}

// beside notes what a sheet has before and after its rows.
func (s *rows) beside(name string) {
	switch name {
	case "col":
		if s.xml.attrTrue("hidden") {
			from, _ := strconv.Atoi(s.xml.attrText("min"))
			to, _ := strconv.Atoi(s.xml.attrText("max"))
			for c := max(1, from); c <= min(to, MaxColumns) && len(s.extras.hiddenCols) < MaxColumns; c++ {
				s.extras.hiddenCols = append(s.extras.hiddenCols, columnLetters(c-1))
			}
		}
	case "mergeCell":
		ref, _ := s.xml.attr("ref")
		if a, ok := parseArea(ref); ok && a.bottom <= s.w.header {
			return // a title above the table
		}
		if s.extras.merges == 0 {
			s.extras.firstMerge = s.xml.attrText("ref")
		}
		s.extras.merges++
	case "hyperlink":
		if s.xml.relationID() != "" { // others lead within the workbook
			s.extras.links++
		}
	}
}

// row reads the row whose start tag was read last. ok is false if it has no
// cells, or is hidden and left out.
func (s *rows) row() (ok bool, err error) {
	number := s.number + 1
	if v, given := s.xml.attr("r"); given {
		if number, ok = smallNumber(v); !ok || number <= s.number {
			return false, damaged(fmt.Errorf("row %q behind row %d", v, s.number))
		}
	}
	if number > MaxRows {
		return false, refuse("too_many_rows", "limit", strconv.Itoa(MaxRows))
	}
	s.number = number
	hidden := s.xml.attrTrue("hidden")
	s.cells, s.text = s.cells[:0], s.text[:0]
	for depth, last := s.xml.opened, -1; ; {
		t, err := s.xml.next()
		if err != nil {
			return false, err
		}
		switch {
		case t == endTag && s.xml.opened < depth:
			switch {
			case len(s.cells) == 0:
				return false, nil
			case hidden && s.w.skip:
				s.marks.skipped.add(1, number, 0)
				return false, nil
			case hidden:
				s.marks.hidden.add(1, number, 0)
			}
			return true, nil
		case t == startTag && string(s.xml.name) == "c":
			if last, err = s.cell(last); err != nil {
				return false, err
			}
		case t == startTag:
			if err := s.xml.skipElement(); err != nil {
				return false, err
			}
		}
	}
}

// cell reads one cell and returns its column.
func (s *rows) cell(last int) (int, error) {
	column := last + 1
	of, style := numberCell, &s.w.general
	for rest := s.xml.attrs; ; {
		name, value, after, ok := cutAttr(rest)
		if !ok {
			break
		}
		rest = after
		switch string(name) {
		case "r":
			if column = refColumn(value); column <= last {
				return 0, damaged(fmt.Errorf("cell %q behind column %s", value, columnLetters(max(0, last))))
			}
		case "t":
			of = typeOf(value)
		case "s":
			if n, ok := smallNumber(value); ok && n < len(s.w.styles) {
				style = &s.w.styles[n]
			}
		}
	}
	has, formula, err := s.value()
	if err != nil {
		return 0, err
	}
	if !has {
		if formula {
			s.marks.unsaved.add(1, s.number, column)
		}
		s.blank++
		if s.blank > maxBlankCells+10*s.filled {
			return 0, refuse("too_many_cells", "limit", strconv.Itoa(maxBlankCells))
		}
		return column, nil
	}
	s.filled++
	if column >= MaxColumns {
		return 0, tooManyColumns(s.number)
	}
	for len(s.cells) < column {
		s.cells = append(s.cells, cell{})
	}
	c, err := s.render(of, style, column)
	if err != nil {
		return 0, err
	}
	s.cells = append(s.cells, c)
	if len(s.text) > maxRecord {
		return 0, refuse("row_too_long", "row", strconv.Itoa(s.number), "limit", strconv.Itoa(maxRecord))
	}
	return column, nil
}

// value reads a cell's raw value. has reports whether there is one, formula
// whether there is a formula.
func (s *rows) value() (has, formula bool, err error) {
	s.raw = s.raw[:0]
	inValue := false
	for depth := s.xml.opened; ; {
		t, err := s.xml.next()
		if err != nil {
			return false, false, err
		}
		switch t {
		case startTag:
			switch string(s.xml.name) {
			case "v":
				inValue, has = true, true
			case "is":
				has = true
				if s.raw, err = richText(s.xml, s.raw, "is"); err != nil {
					return false, false, s.located(err)
				}
			case "f":
				formula = true
				fallthrough
			default:
				if err := s.xml.skipElement(); err != nil {
					return false, false, err
				}
			}
		case textRun:
			if inValue {
				s.raw = s.xml.appendText(s.raw)
				if len(s.raw) > MaxCell {
					return false, false, refuse("cell_too_long", "row", strconv.Itoa(s.number), "limit", strconv.Itoa(MaxCell))
				}
			}
		case endTag:
			inValue = false
			if s.xml.opened < depth {
				return has, formula, nil
			}
		}
	}
}

// located gives a refusal from inside a string the row it was met in.
func (s *rows) located(err error) error {
	var refused *Error
	if errors.As(err, &refused) && refused.Args["row"] == "0" {
		return refuse(refused.Code, "row", strconv.Itoa(s.number), "limit", refused.Args["limit"])
	}
	return err
}

// cellType is what the raw value of a cell is.
type cellType uint8

const (
	numberCell cellType = iota
	sharedCell
	stringCell
	boolCell
	errorCell
	dateCell
)

func typeOf(t []byte) cellType {
	switch string(t) {
	case "s":
		return sharedCell
	case "str", "inlineStr":
		return stringCell
	case "b":
		return boolCell
	case "e":
		return errorCell
	case "d":
		return dateCell
	}
	return numberCell
}

// render writes the canonical text of a cell with a value.
func (s *rows) render(of cellType, style *format, column int) (cell, error) {
	from, flags := len(s.text), uint8(0)
	raw := unescapeX(s.raw)
	switch of {
	case sharedCell:
		i, ok := smallNumber(raw)
		if !ok {
			return cell{}, damaged(fmt.Errorf("shared string %q", raw))
		}
		text, f, err := s.w.strings.get(i)
		if err != nil {
			return cell{}, s.located(err)
		}
		s.text, flags = append(s.text, text...), f
	case boolCell:
		word := "FALSE"
		if raw := bytes.TrimSpace(raw); string(raw) == "1" || string(raw) == "true" {
			word = "TRUE"
		}
		s.text = append(s.text, word...)
	case errorCell:
		s.marks.errors.add(1, s.number, column)
		s.text = append(s.text, raw...)
	case dateCell:
		s.text = appendISO(s.text, raw)
	case numberCell:
		var long bool
		if s.text, long = appendNumber(s.text, raw, style, s.w.date1904); long {
			s.marks.longNumber.add(1, s.number, column)
		}
	default:
		s.text = append(s.text, raw...)
	}
	text := s.text[from:len(s.text):len(s.text)]
	if of != sharedCell {
		flags = textFlags(text)
	}
	if flags&suspect != 0 {
		text = s.marks.clean(text, &s.text, s.number, column)
	}
	return cell{text, flags&special != 0}, nil
}

// appendISO writes a cell that is a date in ISO form, as strict files have
// it: without a time of midnight, and with a space before the time.
func appendISO(b, raw []byte) []byte {
	raw = bytes.TrimSuffix(bytes.TrimSpace(raw), []byte("Z"))
	day, clock, ok := bytes.Cut(raw, []byte("T"))
	b = append(b, day...)
	if !ok || bytes.Trim(clock, "0:.") == nil || len(bytes.Trim(clock, "0:.")) == 0 {
		return b
	}
	clock, _, _ = bytes.Cut(clock, []byte("."))
	return append(append(b, ' '), clock...)
}

// smallNumber reads a whole number of at most nine digits.
func smallNumber(p []byte) (n int, ok bool) {
	p = bytes.TrimSpace(p)
	if len(p) == 0 || len(p) > 9 {
		return 0, false
	}
	for _, c := range p {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// refColumn is the column of a reference such as "AB12", from 0; -1 if it
// has none.
func refColumn(ref []byte) int {
	n := 0
	for i, c := range ref {
		if c |= 0x20; c < 'a' || c > 'z' || i > 3 {
			break
		}
		n = n*26 + int(c-'a') + 1
	}
	return n - 1
}
