package sheet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// How much of a file is looked at to find its columns, and how much to
// count its rows exactly.
const (
	sampleRows  = 1000
	sampleBytes = 1 << 20
	countBytes  = 8 << 20
	previewRows = 20
)

// Inspect detects how a file is to be read and shows its beginning. lang is
// the language of the person, which decides where the bytes leave the
// encoding open. The error is an *Error if the file cannot be read; then the
// Inspection holds what was found out before, so that a correction (other
// quotes, another sheet) can be offered.
func Inspect(ctx context.Context, src Source, fileName, lang string) (Inspection, error) {
	return InspectAs(ctx, src, fileName, lang, Reading{HeaderRow: -1})
}

// InspectAs is Inspect in a reading that a person has corrected. Empty parts
// of it are detected, and the header row where it is -1; the format always
// follows the content.
func InspectAs(ctx context.Context, src Source, fileName, lang string, r Reading) (in Inspection, err error) {
	f, r, head, err := open(ctx, src, r, fileName, lang)
	in.Reading = r
	if err != nil {
		return in, fmt.Errorf("opening the file: %w", err)
	}
	defer closing(f, &err)
	switch f := f.(type) {
	case *textFile:
		in.Encodings, in.Delimiters = f.encodings(head), f.delimiters
	case *workbook:
		in.Template = f.template
		in.Sheets, err = f.choices(ctx)
		if err != nil {
			return in, fmt.Errorf("looking at the sheets: %w", err)
		}
	}
	s, l, err := look(ctx, f, r)
	in.Head = shown(s.rows[:min(len(s.rows), headRows)])
	if err != nil {
		return in, err
	}
	in.Reading.HeaderRow, in.Columns = l.header, l.columns
	p := pass{file: f, layout: l, keep: previewRows}
	if _, total := f.extent(nil); total > countBytes {
		p.most = sampleRows
	}
	if err := p.run(ctx, nil, nil); err != nil {
		return in, err
	}
	in.Preview, in.Rows, in.Exact, in.Notes = shown(p.kept), p.rows, p.done, p.notes()
	if !p.done {
		in.Rows = p.estimate
	}
	return in, nil
}

// shownCell is how many bytes of a cell a preview shows.
const shownCell = 1000

// shown copies rows for a preview, in which long cells end in "…".
func shown(rows []Row) []Row {
	out := make([]Row, len(rows))
	for i, r := range rows {
		out[i] = Row{r.Number, r.Line, slices.Clone(r.Cells)}
		for c, text := range r.Cells {
			if len(text) <= shownCell {
				continue
			}
			n := shownCell
			for !utf8.RuneStart(text[n]) {
				n--
			}
			out[i].Cells[c] = text[:n] + "…"
		}
	}
	return out
}

// closing closes f at the end of a function that returns err.
func closing(f file, err *error) {
	if e := f.close(); e != nil && *err == nil {
		*err = fmt.Errorf("closing the file: %w", e)
	}
}

// look reads the beginning of the table and finds its columns. It depends on
// the file and the reading alone, so that Inspect and Normalise agree.
func look(ctx context.Context, f file, r Reading) (sample, layout, error) {
	s, err := takeSample(ctx, f)
	if err != nil {
		return s, layout{}, err
	}
	if c, ok := f.(*canonFile); ok {
		l, err := c.layout(ctx)
		return s, l, err
	}
	if len(s.rows) == 0 {
		if w, ok := f.(*workbook); ok {
			return s, layout{}, w.emptySheet()
		}
		return s, layout{}, refuse("empty")
	}
	if w, ok := f.(*workbook); ok && r.HeaderRow < 0 {
		r.HeaderRow = w.template.headerRow(s)
	}
	l, err := lay(s, r)
	if w, ok := f.(*workbook); ok {
		w.header = l.header
	}
	if err == nil && len(l.columns) > MaxColumns {
		err = tooManyColumns(s.rows[0].Number)
	}
	return s, l, err
}

func takeSample(ctx context.Context, f file) (sample, error) {
	s := sample{grid: f.grid()}
	records, err := f.records(ctx, new(tally), nil)
	if err != nil {
		return s, fmt.Errorf("reading the beginning: %w", err)
	}
	if w, ok := f.(*workbook); ok {
		s.links = w.links
	}
	var text rowText
	for size := 0; len(s.rows) < sampleRows && size < sampleBytes; {
		r, err := records.next()
		if errors.Is(err, io.EOF) {
			s.whole = true
			return s, nil
		}
		if err != nil {
			return s, fmt.Errorf("reading the beginning: %w", err)
		}
		if blankCells(r.cells) {
			continue
		}
		row := text.of(r, 0)
		size += len(text.bytes)
		s.rows = append(s.rows, Row{row.Number, row.Line, slices.Clone(row.Cells)})
	}
	return s, nil
}

// pass reads the data rows of a file once.
type pass struct {
	file   file
	layout layout
	keep   int // how many rows to keep
	most   int // stop after so many rows; 0: read all

	kept     []Row
	rows     int
	done     bool // the end was reached
	estimate int
	marks    tally
	filled   []bool
	last     record
	lastText []byte
}

// run calls each with every data row, without blank cells at its end beyond
// the columns; each may be nil.
func (p *pass) run(ctx context.Context, each func(record) error, progress func(int64)) error {
	records, err := p.file.records(ctx, &p.marks, progress)
	if err != nil {
		return fmt.Errorf("reading the file: %w", err)
	}
	p.filled = make([]bool, len(p.layout.columns))
	var text rowText
	blanks, firstBlank := 0, 0
	for p.most == 0 || p.rows < p.most {
		r, err := records.next()
		if errors.Is(err, io.EOF) {
			p.done = true
			break
		}
		if err != nil {
			return fmt.Errorf("reading the file: %w", err)
		}
		if r.number <= p.layout.header {
			continue
		}
		if !p.note(&r) {
			if blanks == 0 {
				firstBlank = r.number
			}
			blanks++
			continue
		}
		if blanks > 0 { // blank rows at the end of a file are nothing to mention
			p.marks.blank.add(blanks, firstBlank, 0)
			blanks = 0
		}
		if len(r.cells) > MaxColumns {
			return tooManyColumns(r.number)
		}
		p.rows++
		if len(p.kept) < p.keep {
			row := text.of(r, len(p.filled))
			p.kept = append(p.kept, Row{row.Number, row.Line, slices.Clone(row.Cells)})
		}
		if each != nil {
			if err := each(r); err != nil {
				return err
			}
		}
	}
	if p.rows == 0 {
		return refuse("headers_only")
	}
	if done, total := p.file.extent(records); !p.done && done > 0 {
		p.estimate = int(float64(p.rows) * float64(max(total, done)) / float64(done))
	}
	return nil
}

// note looks at a row, cuts blank cells off its end that no column is for,
// and reports whether it has any value.
func (p *pass) note(r *record) bool {
	width, any := len(p.filled), false
	for i := range r.cells[:min(width, len(r.cells))] {
		if text := r.cells[i].text; len(text) > 0 && (text[0] > ' ' && text[0] < 0x7f || !blank(text)) {
			p.filled[i], any = true, true
			if n := len(text); n > 4 && text[n-3] == '+' && shortened(text) {
				p.marks.shortened.add(1, r.number, i)
			}
		}
	}
	had := len(r.cells)
	for len(r.cells) > width && blank(r.cells[len(r.cells)-1].text) {
		r.cells = r.cells[:len(r.cells)-1]
	}
	if extra := len(r.cells) - width; extra > 0 {
		if p.marks.long.count == 0 {
			p.marks.longBy = extra
		}
		p.marks.long.add(1, r.number, 0)
		any = true
	}
	if any && had < width && !p.file.grid() {
		p.marks.short.add(1, r.number, 0)
	}
	if any {
		p.last.number = r.number
		p.lastText = p.lastText[:0]
		for _, c := range r.cells {
			if len(c.text) > 0 && !blank(c.text) {
				p.lastText = append(p.lastText, c.text[:min(len(c.text), 100)]...)
				break
			}
		}
	}
	return any
}

// notes are those about all that was read.
func (p *pass) notes() []Note {
	list := append(p.file.notes(p.done), p.layout.headerNotes()...)
	list = append(list, p.marks.notes()...)
	if !p.done {
		return list
	}
	var unfilled []string
	for i, ok := range p.filled {
		if !ok {
			unfilled = append(unfilled, columnLetters(i))
		}
	}
	if unfilled != nil {
		list = append(list, note("empty_columns", "columns", strings.Join(unfilled, ", ")))
	}
	if word := headerText(string(p.lastText)); p.rows > 1 && totalsWord(word) {
		list = append(list, note("totals_row", "row", strconv.Itoa(p.last.number), "text", word))
	}
	return list
}

// totalsWord reports whether a row that begins with the text looks like the
// totals of the rows above it.
func totalsWord(text string) bool {
	text = strings.ToLower(strings.TrimRight(text, " :.="))
	for _, w := range []string{
		"total", "totals", "grand total", "subtotal", "sum",
		"итого", "всего", "итог", "сумма", "общий итог", "разом", "усього",
		"gesamt", "summe", "gesamtsumme", "insgesamt", "total général", "somme",
		"totales", "suma", "total general", "totais", "soma", "total geral", "razem", "toplam",
	} {
		if text == w || strings.HasPrefix(text, w+" ") && w != "sum" {
			return true
		}
	}
	return false
}
