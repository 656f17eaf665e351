package sheet

import (
	"bytes"
	"errors"
	"strings"
)

// usualDelimiters are offered for every text file, the likelier first.
const usualDelimiters = ",;\t|"

// trial is what a text looks like in one dialect.
type trial struct {
	dialect dialect
	// mode is the most frequent number of cells, of records that are not
	// blank; same counts the records that have it, of all.
	mode, same, all int
	// first is the number of cells of the first record.
	first int
	// spaced counts cells behind a delimiter that begin with a space, of
	// cells: in prose, commas are followed by one.
	spaced, cells int
	strays        int
	open          bool // a quotation mark is never closed
}

// try reads the text in a dialect. cut says that the text is only the
// beginning of the file.
func try(text []byte, d dialect, cut bool) trial {
	const most = 300
	t := trial{dialect: d}
	var marks tally
	s := newScanner(bytes.NewReader(text), d, &marks, bufferFor(min(int64(len(text)), block/4)))
	s.cut = cut
	counts := make(map[int]int)
	for t.all < most {
		r, err := s.next()
		if err != nil {
			var refused *Error
			if errors.As(err, &refused) {
				t.open = refused.Code == "quote_open"
				if refused.Code == "too_many_columns" {
					t.all++
					counts[MaxColumns+1]++
				}
			}
			break
		}
		if blankCells(r.cells) {
			continue
		}
		if t.all == 0 {
			t.first = len(r.cells)
		}
		t.all++
		counts[len(r.cells)]++
		for _, c := range r.cells[1:] {
			t.cells++
			if len(c.text) > 0 && c.text[0] == ' ' {
				t.spaced++
			}
		}
	}
	for n, times := range counts {
		if n > 1 && (times > t.same || times == t.same && n > t.mode) {
			t.mode, t.same = n, times
		}
	}
	t.strays = marks.stray.count
	return t
}

// score is how well a delimiter explains the text: how many records have the
// same number of cells, less what speaks against it; at most a little over 1.
func (t trial) score() float64 {
	if t.mode < 2 {
		return 0
	}
	s := float64(t.same) / float64(t.all)
	s -= 0.4 * float64(t.spaced) / float64(max(1, t.cells))
	s -= 0.5 * min(1, float64(t.strays)/float64(t.all))
	if t.open {
		s -= 0.2
	}
	if t.first == t.mode {
		s += 0.05
	}
	return s
}

// columns is the number of columns the delimiter would give.
func (t trial) columns() int { return max(t.mode, min(1, t.all)) }

// detectDialect finds delimiter and quotes. What is set in want stays.
func detectDialect(text []byte, cut bool, want Reading, fileName string) (dialect, []DelimiterChoice) {
	quote := want.Quote
	if quote == "" {
		quote = QuoteDouble
	}
	var best trial
	var choices []DelimiterChoice
	tabs := false // promised by the name, and there are some
	for _, d := range []byte(usualDelimiters) {
		t := try(text, dialect{d, quote}, cut)
		choices = append(choices, DelimiterChoice{string(d), t.columns()})
		if better(t, best) {
			best = t
		}
		if d == '\t' && t.mode > 1 && tabFile(fileName) {
			tabs = true
		}
	}
	d := dialect{delim: ',', quote: quote}
	switch {
	case want.Delimiter != "":
		d.delim = want.Delimiter[0]
	case tabs:
		d.delim = '\t'
	case best.mode > 1 && best.score() >= 0.3:
		d.delim = best.dialect.delim
	default:
		d.delim = unusedDelimiter(text)
	}
	if want.Quote == "" && needsBackslash(text, d, cut) {
		d.quote = QuoteBackslash
	}
	return d, choices
}

// better compares two trials; nearly equal ones by their columns.
func better(a, b trial) bool {
	if diff := a.score() - b.score(); diff > 0.05 || diff < -0.05 {
		return diff > 0
	}
	return a.mode > b.mode
}

// tabFile reports whether the name promises tabs.
func tabFile(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, ".tsv") || strings.HasSuffix(name, ".tab")
}

// unusedDelimiter keeps the lines of a file without columns whole.
func unusedDelimiter(text []byte) byte {
	for _, d := range []byte(usualDelimiters) {
		if bytes.IndexByte(text, d) < 0 {
			return d
		}
	}
	return ','
}

// needsBackslash reports whether quotation marks only make sense with
// backslashes before those that are text.
func needsBackslash(text []byte, d dialect, cut bool) bool {
	if !bytes.Contains(text, []byte(`\"`)) {
		return false
	}
	a := try(text, dialect{d.delim, QuoteDouble}, cut)
	if a.strays == 0 && !a.open {
		return false
	}
	b := try(text, dialect{d.delim, QuoteBackslash}, cut)
	return !b.open && (a.open || b.strays < a.strays)
}

// sepLine recognises Excel's first line "sep=;" and returns the delimiter.
func sepLine(text []byte) (byte, bool) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line, _, _ = bytes.Cut(line, []byte("\r"))
	line = bytes.TrimSuffix(bytes.TrimPrefix(line, []byte(`"`)), []byte(`"`))
	if len(line) != 5 || !strings.EqualFold(string(line[:4]), "sep=") {
		return 0, false
	}
	return line[4], goodDelimiter(line[4])
}

// goodDelimiter reports whether a byte can separate cells: a sign of ASCII
// that is no letter, digit, space, quotation mark or control character but
// the tab.
func goodDelimiter(c byte) bool {
	switch {
	case c == '\t':
		return true
	case c <= ' ' || c >= 0x7f || c == '"' || c == '\\':
		return false
	}
	return !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
}

// blank reports whether text is nothing but spaces.
func blank(text []byte) bool {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		case c == 0xc2 && i+1 < len(text) && text[i+1] == 0xa0: // no-break space
			i++
		case c == 0xe2 && i+2 < len(text) && text[i+1] == 0x80 && (text[i+2] == 0xaf || text[i+2] == 0x8b):
			i += 2 // narrow no-break space, zero width space
		default:
			return false
		}
	}
	return true
}

func blankCells(cells []cell) bool {
	for _, c := range cells {
		if !blank(c.text) {
			return false
		}
	}
	return true
}
