package field

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

func sortCounts(v []ValueCount) {
	slices.SortFunc(v, func(a, b ValueCount) int {
		return cmp.Or(b.Rows-a.Rows, strings.Compare(a.Value, b.Value))
	})
}

// maxExamined is the length in bytes from which on a cell is text and
// nothing else.
const maxExamined = 64

// bytesOf is what one pass over a cell finds.
type bytesOf struct {
	digits, letters, others int
	at, colon, slash, dash  int
	dot, comma, space       int
	pipe, semicolon, lines  int
	underscore              int
}

func countBytes(s string) (b bytesOf) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			b.digits++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf:
			b.letters++
		case c == ' ':
			b.space++
		case c == '.':
			b.dot++
		case c == ',':
			b.comma++
		case c == '-':
			b.dash++
		case c == '/':
			b.slash++
		case c == ':':
			b.colon++
		case c == '|':
			b.pipe++
		case c == ';':
			b.semicolon++
		case c == '\n' || c == '\r':
			b.lines++
		case c == '@':
			b.at++
		case c == '_':
			b.underscore++
		default:
			b.others++
		}
	}
	return b
}

// examine says what a cell can be, and notes evidence. For values that the
// profiler remembers it runs once per value, so that proofs count values
// there and rows elsewhere; nothing depends on how many there are.
func (r *Profiler) examine(s string, row int) (k traits) {
	b := countBytes(s)
	r.lists(s, row, &b)
	switch {
	case len(s) > maxExamined:
		return when(b.colon > 0 && b.space == 0 && isURL(s), isAddress)
	case b.digits == 0:
		k = when(b.at == 1 && isEmail(s), isMail)
		k |= when(b.dot > 0 && b.space == 0 && b.at == 0 && isURL(s), isAddress)
		if len(s) <= 24 && b.at == 0 && b.dot == 0 {
			_, ok := readBoolean(s, [2]string{})
			k |= when(ok, isBoolean)
		}
		return k
	case b.digits == len(s):
		return r.integer(s, row)
	}
	first := firstDigit(s)
	if b.digits >= 3 && b.dot+b.slash+b.dash+b.space >= 2 && (first == 0 || s[0] >= 'A') {
		k = r.date(s, row)
	}
	if !k.has(isDate) && first <= maxPrefix && b.letters <= maxUnit && b.colon+b.slash+b.at+b.underscore == 0 {
		k = r.number(s, row)
	}
	k |= when(b.at == 1 && isEmail(s), isMail)
	k |= when(b.letters == 0 && !k.has(isDate) && (s[0] == '+' || !k.has(isNumber)) && phoneShaped(s), isPhone)
	k |= when(b.letters > 0 && b.dot > 0 && b.space == 0 && b.at == 0 && isURL(s), isAddress)
	if b.underscore == 1 && len(s) <= 24 {
		_, _, ok := readLink(s)
		k |= when(ok, isLink)
	}
	return k
}

// The longest units of numbers, in bytes: behind them, and before them.
const maxUnit, maxPrefix = 24, 8

func when(is bool, k traits) traits {
	if is {
		return k
	}
	return 0
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "www.")
}

// integer looks at bare digits: a number, perhaps a day or a phone.
func (r *Profiler) integer(s string, row int) traits {
	k := isNumber | isInteger
	switch len(s) {
	case 1:
		k |= when(s == "0" || s == "1", isBoolean)
	case 5:
		if n, ok := number(s); ok && n >= excelLikelyFirst && n <= excelLikelyLast {
			k |= isExcel
			r.p.Order.Excel.add(s, row)
		}
	case 8:
		if m, code := readMoment(s, ""); code == "" && m.year >= earlyYear && m.year <= latestYear {
			k |= isDate
			r.p.Order.Year.add(s, row)
		}
	case 10, 11, 12:
		k |= isPhone
	}
	return k
}

// number looks at numbers with marks, signs and units.
func (r *Profiler) number(s string, row int) traits {
	if whole, fraction, mark := quickFraction(s); mark != 0 {
		return r.fraction(s, row, whole, fraction, mark)
	}
	a, code := readAmount(s, Style{})
	if code != "" && code != numberAmbiguous || len(a.unit) > maxUnit {
		return 0
	}
	k := isNumber | when(a.unit != "", isUnit) | when(a.percent, isPercent)
	r.marks(s, row, code)
	if code != "" || k != isNumber {
		return k
	}
	if !strings.Contains(a.text, ".") {
		return k | isInteger
	}
	if len(a.text) > 5 && a.text[5] == '.' {
		k |= r.excel(s, row)
	}
	return k
}

// fraction is number for a decimal mark between digits.
func (r *Profiler) fraction(s string, row int, whole, fraction string, mark byte) traits {
	if mark == '.' {
		r.p.Marks.Dot.add(s, row)
	} else {
		r.p.Marks.Comma.add(s, row)
	}
	k := isNumber
	if strings.Trim(fraction, "0") == "" {
		return k | isInteger
	}
	if len(whole) == 5 {
		k |= r.excel(s, row)
	}
	return k
}

// excel looks at numbers that may be days of Excel's.
func (r *Profiler) excel(s string, row int) traits {
	if _, ok := excelDay(s); !ok {
		return 0
	}
	r.p.Order.Excel.add(s, row)
	return isExcel
}

// marks notes which mark is what in a number.
func (r *Profiler) marks(s string, row int, code string) {
	start, end, _, _ := digitsOf(s)
	core := s[start:end]
	m := &r.p.Marks
	dots, commas := strings.Count(core, "."), strings.Count(core, ",")
	switch {
	case code == numberAmbiguous && dots == 1:
		m.DotEither.add(s, row)
	case code == numberAmbiguous:
		m.CommaEither.add(s, row)
	case dots > 1:
		m.DotGroup.add(s, row)
	case commas > 1:
		m.CommaGroup.add(s, row)
	}
	if code == "" {
		last := max(strings.LastIndexByte(core, '.'), strings.LastIndexByte(core, ','))
		switch {
		case dots == 1 && core[last] == '.':
			m.Dot.add(s, row)
		case commas == 1 && core[last] == ',':
			m.Comma.add(s, row)
		}
		if dots > 0 && commas > 0 && core[last] == '.' && commas == 1 {
			m.CommaGroup.add(s, row)
		}
		if dots > 0 && commas > 0 && core[last] == ',' && dots == 1 {
			m.DotGroup.add(s, row)
		}
	}
	switch loneMark(core) {
	case ' ':
		m.Space.add(s, row)
	case '\'':
		m.Apostrophe.add(s, row)
	}
}

// loneMark is the space or apostrophe between the thousands, if any.
func loneMark(core string) byte {
	for i := 0; i < len(core); {
		mark, n := groupMark(core[i:])
		if mark == ' ' || mark == '\'' {
			return mark
		}
		i += max(n, 1)
	}
	return 0
}

// date looks at dates.
func (r *Profiler) date(s string, row int) traits {
	o := &r.p.Order
	if m, ok := quickMoment(s, DMY); ok {
		switch {
		case m.yearFirst:
			o.Year.add(s, row)
		case m.day > 12:
			o.DMY.add(s, row)
		case m.day == m.month:
		case s[2] == '.':
			o.Dots.add(s, row)
		default:
			o.Either.add(s, row)
		}
		return isDate | when(m.hasTime, isTime)
	}
	m, code := readMoment(s, "")
	if code == dateAmbiguous {
		r.openDate(&m, s, row)
		return isDate | when(m.hasTime, isTime)
	}
	if code != "" {
		return 0
	}
	switch {
	case m.yearFirst:
		o.Year.add(s, row)
	case m.named:
		o.Named.add(s, row)
	case m.day > 12 && m.monthFirst:
		o.MDY.add(s, row)
	case m.day > 12:
		o.DMY.add(s, row)
	}
	return isDate | when(m.hasTime, isTime)
}

// openDate sorts a date that fits several orders. Two-digit years are open
// in principle; a number above 31 can only be the year.
func (r *Profiler) openDate(m *moment, s string, row int) {
	o := &r.p.Order
	a, b, c := m.day, m.month, m.year // as they stand in the cell
	switch {
	case m.short && a > 31:
		o.YMD.add(s, row)
	case b > 12 && a <= 12:
		o.MDY.add(s, row)
	case a > 12 && b <= 12 && (c > 31 || m.mark == '.'):
		o.DMY.add(s, row) // nobody starts with a short year and dots
	case m.mark == '.':
		o.Dots.add(s, row)
	default:
		o.Either.add(s, row)
	}
}

// lists notes marks that may separate several values.
func (r *Profiler) lists(s string, row int, b *bytesOf) {
	l := &r.p.Lists
	if b.pipe > 0 {
		l.Pipe.add(s, row)
	}
	if b.lines > 0 {
		l.Newline.add(s, row)
	}
	if b.semicolon > 0 {
		l.Semicolon.add(s, row)
	}
	if b.comma > 0 {
		l.Comma.add(s, row)
	}
	if b.slash > 0 {
		l.Slash.add(s, row)
	}
}
