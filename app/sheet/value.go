package sheet

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// textFlags are the scanner's byte classes of a whole text.
func textFlags(text []byte) uint8 {
	var flags uint8
	for _, c := range text {
		switch {
		case c == ',' || c == '"' || c == '\n' || c == '\r':
			flags |= special
		case c < ' ' && c != '\t' || c == 0x7f || c == 0xc2 || c == 0xe2 || c == 0xef:
			flags |= suspect
		}
	}
	return flags
}

// unescapeX resolves the escapes of Office in place: _x000D_ is a carriage
// return, _x005F_ the underline that begins what only looks like an escape.
// Line ends become "\n".
func unescapeX(text []byte) []byte {
	if bytes.Contains(text, []byte("_x")) {
		out := text[:0]
		for i := 0; i < len(text); {
			if r, ok := escapeX(text[i:]); ok {
				var b [utf8.UTFMax]byte
				n := utf8.EncodeRune(b[:], r)
				out = append(out, b[:n]...)
				i += len("_x0000_")
				continue
			}
			out = append(out, text[i])
			i++
		}
		text = out
	}
	if bytes.IndexByte(text, '\r') < 0 {
		return text
	}
	out := text[:0]
	for i, c := range text {
		if c == '\r' {
			if i+1 < len(text) && text[i+1] == '\n' {
				continue
			}
			c = '\n'
		}
		out = append(out, c)
	}
	return out
}

func escapeX(p []byte) (rune, bool) {
	if len(p) < 7 || p[0] != '_' || p[1] != 'x' || p[6] != '_' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p[2:6]), 16, 16)
	if err != nil || !utf8.ValidRune(rune(n)) {
		return 0, false
	}
	return rune(n), true
}

// decimal is a number as its digits: 0.digits × 10^point.
type decimal struct {
	negative bool
	digits   string // without zeros at either end; empty for zero
	point    int
}

// parseDecimal reads a number as workbooks write it. whole is set if there
// is neither a point nor an exponent.
func parseDecimal(s string) (d decimal, whole, ok bool) {
	s = strings.TrimSpace(s)
	if rest, neg := strings.CutPrefix(s, "-"); neg {
		d.negative, s = true, rest
	} else {
		s = strings.TrimPrefix(s, "+")
	}
	mantissa, exponent, scientific := s, "", false
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent, scientific = s[:i], s[i+1:], true
	}
	integer, fraction, pointed := strings.Cut(mantissa, ".")
	if integer+fraction == "" || strings.Trim(integer+fraction, "0123456789") != "" {
		return d, false, false
	}
	e := 0
	if scientific {
		n, err := strconv.Atoi(exponent)
		if err != nil || n > 400 || n < -400 {
			return d, false, false
		}
		e = n
	}
	digits := strings.TrimLeft(integer+fraction, "0")
	d.point = len(integer) + e - (len(integer) + len(fraction) - len(digits))
	d.digits = strings.TrimRight(digits, "0")
	if d.digits == "" {
		d.point, d.negative = 0, false
	}
	return d, !pointed && !scientific, true
}

// round keeps n digits. Workbooks hold numbers with 17 digits, the last two
// of which are noise of the binary form: 0.1+0.2 is 0.30000000000000004.
func (d decimal) round(n int) decimal {
	if len(d.digits) <= n {
		return d
	}
	digits := []byte(d.digits[:n])
	if d.digits[n] >= '5' {
		i := n - 1
		for ; i >= 0 && digits[i] == '9'; i-- {
			digits[i] = '0'
		}
		if i >= 0 {
			digits[i]++
		} else {
			digits = append([]byte{'1'}, digits...)
			d.point++
		}
	}
	d.digits = strings.TrimRight(string(digits), "0")
	return d
}

// append writes the number plainly, without exponent.
func (d decimal) append(b []byte) []byte {
	if d.negative {
		b = append(b, '-')
	}
	switch {
	case d.digits == "":
		return append(b, '0')
	case d.point <= 0:
		b = append(b, "0."...)
		for range -d.point {
			b = append(b, '0')
		}
		return append(b, d.digits...)
	case d.point >= len(d.digits):
		b = append(b, d.digits...)
		for range d.point - len(d.digits) {
			b = append(b, '0')
		}
		return b
	}
	b = append(b, d.digits[:d.point]...)
	b = append(b, '.')
	return append(b, d.digits[d.point:]...)
}

// simpleNumber reports whether text is a number that is already written as
// the canonical form has it: by far the most are.
func simpleNumber(text []byte) bool {
	if len(text) == 0 || len(text) > 15 {
		return false
	}
	point := -1
	for i, c := range text {
		switch {
		case c >= '0' && c <= '9':
		case c == '-' && i == 0 && len(text) > 1:
		case c == '.' && point < 0 && i > 0 && text[i-1] != '-':
			point = i
		default:
			return false
		}
	}
	digits := bytes.TrimPrefix(text, []byte("-"))
	if len(digits) > 1 && digits[0] == '0' && digits[1] != '.' || len(text) > len(digits) && len(bytes.Trim(digits, "0.")) == 0 {
		return false
	}
	return point < 0 || text[len(text)-1] != '0' && text[len(text)-1] != '.'
}

// appendNumber writes the raw value of a number cell in the style of its
// format, with the currency it is shown with. long reports more digits than
// Excel can keep.
func appendNumber(b, raw []byte, f *format, date1904 bool) (out []byte, long bool) {
	if f.kind == plainFormat && simpleNumber(raw) {
		b = append(b, raw...)
	} else if b, long = appendStyled(b, raw, f, date1904); f.kind != plainFormat {
		return b, long
	}
	if f.currency != "" {
		b = append(append(b, ' '), f.currency...)
	}
	return b, long
}

// appendStyled is appendNumber for what is not written as it is kept.
func appendStyled(b, raw []byte, f *format, date1904 bool) (out []byte, long bool) {
	d, whole, ok := parseDecimal(string(raw))
	if !ok {
		return append(b, bytes.TrimSpace(raw)...), false
	}
	integer := d.point >= len(d.digits)
	long = integer && d.point > 15
	if !whole || f.kind != plainFormat {
		d = d.round(15)
	}
	switch {
	case f.kind == dateFormat:
		if out, ok := appendDate(b, d, f, date1904); ok {
			return out, false
		}
	case f.kind == percentFormat:
		if d.digits != "" {
			d.point += 2
		}
		return append(d.append(b), '%'), false
	case f.kind == paddedFormat && integer && !long:
		return f.pad(b, d), false
	}
	if whole && f.kind == plainFormat {
		// Digits of an id stay all, even if Excel would not keep them.
		text := strings.TrimLeft(strings.TrimLeft(strings.TrimSpace(string(raw)), "+-"), "0")
		if text == "" {
			return append(b, '0'), false
		}
		if d.negative {
			b = append(b, '-')
		}
		return append(b, text...), long
	}
	return d.append(b), long
}

// shortened reports whether text is a number of which Excel has kept only
// what fitted, such as 7.91612E+10: its other digits are lost.
func shortened(text []byte) bool {
	e := len(text) - len("E+10")
	if e < 1 || string(text[e:e+2]) != "E+" {
		return false
	}
	n, ok := smallNumber(text[e+2:])
	mantissa := bytes.TrimLeft(bytes.TrimLeft(text[:e], " "), "+-")
	if !ok || len(mantissa) == 0 || len(bytes.Trim(mantissa, "0123456789.,")) > 0 {
		return false
	}
	return len(mantissa) == 1 || (mantissa[1] == '.' || mantissa[1] == ',') && len(mantissa)-2 < n
}
