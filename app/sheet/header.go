package sheet

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// layout is where the table begins and which columns it has.
type layout struct {
	header  int // number of the header's row; 0 none
	columns []Column
	// unnamed is how columns without a header are called.
	unnamed string
	// above is the number of rows above the header that are not blank.
	above int
}

// sample is the beginning of a table.
type sample struct {
	// rows are those that are not blank.
	rows []Row
	// grid is set where cells have addresses: there a row with more cells
	// than others is no mistake of a delimiter.
	grid bool
	// whole is set if there is nothing after rows.
	whole bool
	// links are the columns that are added for addresses; nil: none.
	links *linkColumns
}

// headRows is among how many first rows the header is looked for.
const headRows = 10

// lay finds the columns as the reading says.
func lay(s sample, r Reading) (layout, error) {
	header := r.HeaderRow
	if header < 0 {
		header = findHeader(s)
	}
	if header == 0 {
		given := make([]string, width(s, nil, s.rows))
		if s.links != nil {
			given = s.links.name(given, "", r.LinkName)
		}
		return layout{columns: nameColumns(given, "")}, nil
	}
	for i, row := range s.rows {
		if row.Number < header {
			continue
		}
		given := slices.Clone(row.Cells)
		n := width(s, given, s.rows[i+1:])
		for len(given) < n {
			given = append(given, "")
		}
		if given = given[:n]; s.links != nil {
			given = s.links.name(given, r.Unnamed, r.LinkName)
		}
		return layout{header: row.Number, columns: nameColumns(given, r.Unnamed), unnamed: r.Unnamed, above: i}, nil
	}
	return layout{}, refuse("header_row", "row", strconv.Itoa(header))
}

// width is the number of columns: those with a header, and those behind
// them that have values as a rule and not by a forgotten quotation mark.
func width(s sample, header []string, data []Row) int {
	named := filledWidth(header)
	filled := make(map[int]int)
	most, counts := 0, make(map[int]int)
	for _, r := range data {
		for c, text := range r.Cells {
			if !blank([]byte(text)) {
				filled[c]++
				most = max(most, c+1)
			}
		}
		counts[len(r.Cells)]++
	}
	usual := 0
	for n, times := range counts {
		if times > counts[usual] || times == counts[usual] && n > usual {
			usual = n
		}
	}
	n := named
	for c := named; c < most; c++ {
		switch {
		case filled[c] == 0:
		case s.grid, c < len(header), header == nil && c < usual, filled[c]*2 > len(data):
			n = c + 1
		}
	}
	return max(n, 1)
}

// filledWidth is the number of cells without the blank ones at the end.
func filledWidth(cells []string) int {
	n := len(cells)
	for n > 0 && blank([]byte(cells[n-1])) {
		n--
	}
	return n
}

// unnamedColumn is what a column without a header is called.
func unnamedColumn(pattern string, i int) string {
	if !strings.Contains(pattern, "{column}") {
		return columnLetters(i)
	}
	return strings.ReplaceAll(pattern, "{column}", columnLetters(i))
}

// nameColumns gives every column a name of its own. The names depend on
// nothing but the headers and the name for columns without one.
func nameColumns(given []string, unnamed string) []Column {
	columns := make([]Column, len(given))
	taken := make(map[string]bool)
	for i, g := range given {
		columns[i] = Column{Index: i, Given: g, Name: headerText(g)}
		taken[strings.ToLower(columns[i].Name)] = true
	}
	used := make(map[string]bool)
	for i := range columns {
		base := columns[i].Name
		if base == "" {
			base = headerText(unnamedColumn(unnamed, i))
		} else if !used[strings.ToLower(base)] {
			used[strings.ToLower(base)] = true
			continue
		}
		name := base
		for n := 2; taken[strings.ToLower(name)]; n++ {
			name = base + " (" + strconv.Itoa(n) + ")"
		}
		taken[strings.ToLower(name)] = true
		columns[i].Name = name
	}
	return columns
}

// headerText is a header on one line, without spaces around it and without
// characters that cannot be seen.
func headerText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == 0x200b || r == 0xad || r == 0xfeff || r == 0x2060:
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// headerNotes are about the header row.
func (l layout) headerNotes() []Note {
	var notes []Note
	if l.header == 0 {
		return append(notes, note("no_header"))
	}
	if l.above > 0 {
		notes = append(notes, note("rows_above_header", "count", strconv.Itoa(l.above)))
	}
	var blanks, repeated []string
	for _, c := range l.columns {
		switch given := headerText(c.Given); {
		case given == "":
			blanks = append(blanks, columnLetters(c.Index))
		case given != c.Name:
			repeated = append(repeated, given)
		}
	}
	if blanks != nil {
		notes = append(notes, note("blank_headers", "columns", strings.Join(blanks, ", ")))
	}
	if repeated != nil {
		slices.Sort(repeated)
		notes = append(notes, note("repeated_headers", "names", strings.Join(slices.Compact(repeated), ", ")))
	}
	return notes
}

// findHeader returns the number of the row with the headers, or 0. It is the
// first row that is about as wide as the table, unless that looks like the
// rows below it.
func findHeader(s sample) int {
	usual := usualWidth(s.rows)
	for i, r := range s.rows {
		if i == headRows {
			break
		}
		filled, first, alike := 0, "", true
		for _, c := range r.Cells {
			if blank([]byte(c)) {
				continue
			}
			if filled++; filled == 1 {
				first = c
			}
			alike = alike && c == first
		}
		if i+1 < len(s.rows) && (filled*5 < usual*3 || alike && filled > 2) {
			continue // a title or a remark above the table, be it in every cell of a merged area
		}
		if headerScore(r.Cells, s.rows[i+1:min(len(s.rows), i+101)]) < 0 {
			return 0
		}
		return r.Number
	}
	return 0
}

// usualWidth is the most frequent number of cells up to the last filled one,
// without columns at the left that are blank in all rows.
func usualWidth(rows []Row) int {
	counts := make(map[int]int)
	best, left := 0, MaxColumns
	for _, r := range rows {
		n := filledWidth(r.Cells)
		counts[n]++
		if counts[n] > counts[best] || counts[n] == counts[best] && n > best {
			best = n
		}
		lead := 0
		for lead < n && blank([]byte(r.Cells[lead])) {
			lead++
		}
		left = min(left, lead)
	}
	return best - left
}

// headerScore is above zero if a row looks like headers over the rows below
// it, and below zero if it looks like one of them.
func headerScore(head []string, below []Row) float64 {
	score, texts := 0.0, 0
	for c, h := range head {
		kind := kindOf(h)
		if kind == textKind {
			texts++
		}
		if kind == blankKind {
			continue
		}
		same, typed, filled, repeats := 0, 0, 0, 0
		for _, r := range below {
			if c >= len(r.Cells) || blank([]byte(r.Cells[c])) {
				continue
			}
			filled++
			k := kindOf(r.Cells[c])
			if k == kind {
				same++
			}
			if k != textKind {
				typed++
			}
			if r.Cells[c] == h {
				repeats++
			}
		}
		switch {
		case kind != textKind && (filled == 0 || same*2 >= filled):
			score-- // a number over numbers, an address over addresses
		case kind != textKind:
			score -= 0.5
		case filled > 0 && typed*10 >= filled*7:
			score++ // a word over numbers
		case repeats > 0:
			score -= 0.5 // a word that is a value, too
		}
	}
	if score == 0 && texts == 0 {
		return -1
	}
	return score
}

// kind is what a cell looks like, for telling headers from data.
type kind uint8

const (
	blankKind kind = iota
	textKind
	numberKind
	dateKind
	mailKind
	linkKind
)

func kindOf(s string) kind {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return blankKind
	case strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://"):
		return linkKind
	case strings.Count(s, "@") == 1 && !strings.ContainsAny(s, " ,;") && strings.Contains(s[strings.IndexByte(s, '@'):], "."):
		return mailKind
	}
	digits, others, separators := 0, 0, 0
	for _, r := range s {
		switch {
		case unicode.IsDigit(r):
			digits++
		case strings.ContainsRune(" .,-+()/:'%\u00a0\u202f−$€₽£", r):
			separators++
		default:
			others++
		}
	}
	switch {
	case digits == 0 || others > 2 || others > 0 && others >= digits:
		return textKind
	case digits >= 3 && separators >= 2 && strings.ContainsAny(s, "./-:") && utf8.RuneCountInString(s) <= 25 && dateShape(s):
		return dateKind
	}
	return numberKind
}

// dateShape reports whether s begins with three groups of digits with the
// same sign between them.
func dateShape(s string) bool {
	groups := strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == '/' || r == '-' || r == ':' })
	if len(groups) < 3 {
		return false
	}
	for _, g := range groups[:2] {
		if len(g) > 4 || strings.Trim(g, "0123456789") != "" {
			return false
		}
	}
	return true
}
