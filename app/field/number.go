package field

import (
	"strings"
	"unicode/utf8"
)

// amount is a number as a cell holds it.
type amount struct {
	// text is the canonical decimal.
	text string
	// unit is what stood before or after the digits, without signs and
	// spaces: a currency, as a rule.
	unit string
	// percent: the number was followed by "%".
	percent bool
	// lossy: written with an exponent that hides digits, as spreadsheet
	// programs do with long numbers.
	lossy bool
}

// readAmount reads a number in the given style: 1234.5, 1 234,50, (500),
// 500-, −3, 15 %, € 20, 7.9E+10. The code is numberInvalid or
// numberAmbiguous where it is none.
func readAmount(s string, st Style) (amount, string) {
	s = clean(s)
	if plainInteger(s) || st.Decimal == "." && plainDecimal(s) {
		return amount{text: s}, ""
	}
	if text, ok := quickNumber(s, st); ok {
		return amount{text: text}, ""
	}
	return readAnyAmount(s, st)
}

// readAnyAmount is readAmount for all forms of numbers.
func readAnyAmount(s string, st Style) (amount, string) {
	if marksOnly(s) {
		whole, fraction, code := splitNumber(s, st)
		if code != "" {
			return amount{}, code
		}
		return amount{text: canonical(false, whole, fraction)}, ""
	}
	a, negative := amount{}, false
	s = withoutDash(s)
	if len(s) > 1 && s[0] == '(' && s[len(s)-1] == ')' {
		negative, s = true, clean(s[1:len(s)-1])
	}
	start, end, exponent, ok := digitsOf(s)
	if !ok {
		return a, numberInvalid
	}
	minus := 0
	before, ok := peel(s[:start], &minus, nil)
	if !ok {
		return a, numberInvalid
	}
	after, ok := peel(s[end+len(exponent):], &minus, &a.percent)
	if !ok || minus > 1 || minus == 1 && negative {
		return a, numberInvalid
	}
	a.unit = after + before // "€1.5k" as "k€", like "1.5 k€"
	whole, fraction, code := splitNumber(s[start:end], st)
	if code != "" {
		return a, code
	}
	a.text = canonical(negative || minus == 1, whole, fraction)
	if exponent != "" && !a.expand(exponent, len(fraction)) {
		return a, numberInvalid
	}
	return a, ""
}

// withoutDash takes away the dash that stands for no cents: 20,- €, 20.--.
func withoutDash(s string) string {
	for i := 1; i+1 < len(s); i++ {
		if s[i] != ',' && s[i] != '.' || s[i-1] < '0' || s[i-1] > '9' {
			continue
		}
		rest := strings.TrimLeft(s[i+1:], "-–—")
		if len(rest) == len(s)-i-1 || rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			continue
		}
		return s[:i] + rest
	}
	return s
}

// marksOnly reports digits with dots, commas and spaces between them.
func marksOnly(s string) bool {
	if s == "" || s[0] < '0' || s[0] > '9' || s[len(s)-1] < '0' || s[len(s)-1] > '9' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && c != '.' && c != ',' && c != ' ' {
			return false
		}
	}
	return true
}

// digitsOf finds the run from the first digit (or a mark before it) to the
// last one of the number, and an exponent that follows.
func digitsOf(s string) (start, end int, exponent string, ok bool) {
	start = firstDigit(s)
	if start < 0 {
		return 0, 0, "", false
	}
	end = start
	if start > 0 && (s[start-1] == '.' || s[start-1] == ',') {
		start--
	}
	for i := end; i < len(s); {
		c := s[i]
		if c >= '0' && c <= '9' {
			i++
			end = i
			continue
		}
		_, n := groupMark(s[i:])
		if n == 0 {
			break
		}
		i += n
	}
	// A mark may close the number: "5." and "5,".
	if end < len(s) && (s[end] == '.' || s[end] == ',') && (end+1 == len(s) || s[end+1] == ' ') {
		end++
	}
	rest := s[end:]
	if len(rest) >= 2 && (rest[0] == 'e' || rest[0] == 'E') {
		i := 1
		if rest[i] == '+' || rest[i] == '-' {
			i++
		}
		from := i
		for i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			i++
		}
		if i > from {
			exponent = rest[:i]
		}
	}
	return start, end, exponent, true
}

// firstDigit is where the first digit stands; -1 if there is none.
func firstDigit(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] >= '0' && s[i] <= '9' {
			return i
		}
	}
	return -1
}

// groupMark is the mark at the start of s that may stand inside a number: a
// dot, a comma, a space (for all kinds of them) or an apostrophe (likewise),
// and its length in bytes; 0 for none.
func groupMark(s string) (mark byte, n int) {
	switch c := s[0]; {
	case c == '.' || c == ',' || c == ' ' || c == '\'':
		return c, 1
	case c < utf8.RuneSelf:
		return 0, 0
	}
	switch r, n := utf8.DecodeRuneInString(s); r {
	case 0x00A0, 0x202F, 0x2009, 0x2007, 0x2008, 0x200A, 0x2006, 0x2005, 0x2004, 0x2002, 0x2003:
		return ' ', n
	case '’', '‘', 'ʼ', '′':
		return '\'', n
	}
	return 0, 0
}

// peel takes signs (counted in minus) and "%" off what surrounds the digits
// and returns the rest, the unit. It fails where the rest holds digits.
func peel(s string, minus *int, percent *bool) (unit string, ok bool) {
	for s = clean(s); s != ""; s = clean(s) {
		r, n := utf8.DecodeRuneInString(s)
		last, m := utf8.DecodeLastRuneInString(s)
		switch {
		case minusSign(r):
			*minus++
			s = s[n:]
		case minusSign(last):
			*minus++
			s = s[:len(s)-m]
		case r == '+' && percent == nil:
			s = s[n:]
		case r == '%' && percent != nil && !*percent:
			*percent = true
			s = s[n:]
		case firstDigit(s) >= 0:
			return "", false
		default:
			return s, true
		}
	}
	return "", true
}

func minusSign(r rune) bool {
	switch r {
	case '-', '\u2212', '\u2013', '\uFE63', '\uFF0D':
		return true
	}
	return false
}

// splitNumber divides digits with marks into those before and after the
// decimal mark.
func splitNumber(core string, st Style) (whole, fraction, code string) {
	var marks [2]int // dots, commas
	var last byte    // the last of them
	at, other := -1, false
	for i := 0; i < len(core); {
		if c := core[i]; c >= '0' && c <= '9' {
			i++
			continue
		}
		mark, n := groupMark(core[i:])
		switch mark {
		case '.':
			marks[0]++
			last, at = '.', i
		case ',':
			marks[1]++
			last, at = ',', i
		default:
			other = true
		}
		i += n
	}
	decimal, ambiguous := decimalMark(core, st, marks, last, at, other)
	if ambiguous {
		return "", "", numberAmbiguous
	}
	whole = core
	if decimal != 0 {
		if i := strings.IndexByte(core, decimal); i >= 0 {
			whole, fraction = core[:i], core[i+1:]
			if fraction != "" && !digitsOnly(fraction) || whole == "" && fraction == "" {
				return "", "", numberInvalid
			}
		}
	}
	whole, ok := ungroup(whole, st.Group, decimal)
	if !ok {
		return "", "", numberInvalid
	}
	return whole, fraction, ""
}

// decimalMark is the decimal mark of one number: the column's where that is
// known, else the only one possible; 0 where all marks group.
func decimalMark(core string, st Style, marks [2]int, last byte, at int, other bool) (mark byte, ambiguous bool) {
	switch {
	case st.Decimal != "":
		return st.Decimal[0], false
	case marks[0]+marks[1] == 0:
		return 0, false
	case marks[0] > 0 && marks[1] > 0:
		return last, false
	case marks[0]+marks[1] > 1:
		return 0, false
	case st.Group == string(last):
		return 0, false
	}
	whole, fraction := core[:at], core[at+1:]
	if other || len(fraction) != 3 || whole == "" || whole[0] == '0' || len(whole) > 3 || st.Group != "" {
		return last, false
	}
	return 0, true
}

// ungroup removes the marks between thousands. All must be the same one, and
// stand every three digits (or, with commas, as in India: three, then twos).
func ungroup(s, group string, decimal byte) (string, bool) {
	if s == "" || digitsOnly(s) {
		return s, true
	}
	var b strings.Builder
	b.Grow(len(s))
	var used byte
	run, runs, twos := 0, 0, false
	for i := 0; i < len(s); {
		if c := s[i]; c >= '0' && c <= '9' {
			b.WriteByte(c)
			run++
			i++
			continue
		}
		mark, n := groupMark(s[i:])
		if mark == decimal || used != 0 && mark != used || run == 0 || run > 3 ||
			group != "" && group[0] != mark {
			return "", false
		}
		if runs > 0 && run != 3 {
			if run != 2 || runs > 1 && !twos {
				return "", false
			}
			twos = true
		} else if runs > 1 && twos {
			return "", false
		}
		used, run = mark, 0
		runs++
		i += n
	}
	if run != 3 || twos && used != ',' {
		return "", false
	}
	return b.String(), true
}

// expand moves the mark by an exponent such as "E+10". digits is the number
// of digits after the mark: where the exponent asks for more, the rest was
// cut off when the number was written this way.
func (a *amount) expand(exponent string, digits int) bool {
	e := 0
	down := exponent[1] == '-'
	for _, c := range strings.TrimLeft(exponent[1:], "+-") {
		if e = e*10 + int(c-'0'); e > 400 {
			return false
		}
	}
	if down {
		a.text = shift(a.text, -e)
		return true
	}
	a.lossy = e > digits && a.text != "0"
	a.text = shift(a.text, e)
	return true
}
