package field

import (
	"strings"
	"unicode/utf8"
)

// The functions of this file read the usual forms of cells without
// allocating on the way. They only ever say yes to what the general readers
// understand in the same way; everything else they leave to them.

// quickNumber reads digits in groups of three with the column's decimal
// mark: -1 234,56.
func quickNumber(s string, st Style) (string, bool) {
	if st.Decimal == "" || len(s) > 40 {
		return "", false
	}
	decimal := st.Decimal[0]
	var b [40]byte
	n, i := 0, 0
	if s != "" && s[0] == '-' {
		b[0] = '-'
		n, i = 1, 1
	}
	first, run, group := n, 0, byte(0)
	for ; i < len(s); i++ {
		c := s[i]
		if c >= '0' && c <= '9' {
			b[n] = c
			n++
			run++
			continue
		}
		if c == decimal {
			break
		}
		if c != ' ' && c != '.' && c != ',' && c != '\'' || st.Group != "" && st.Group[0] != c {
			return "", false
		}
		if group != 0 && (c != group || run != 3) || run == 0 || run > 3 {
			return "", false
		}
		group, run = c, 0
	}
	if run == 0 || group != 0 && run != 3 || b[first] == '0' && n > first+1 {
		return "", false
	}
	if i < len(s) {
		n = quickDigits(&b, n, s[i+1:])
	}
	if n < 0 || n == first+1 && b[first] == '0' && first == 1 {
		return "", false
	}
	return string(b[:n]), true
}

// quickDigits appends the digits after the decimal mark; -1 if there are
// others, or none.
func quickDigits(b *[40]byte, n int, s string) int {
	if !digitsOnly(s) {
		return -1
	}
	s = strings.TrimRight(s, "0")
	if s == "" {
		return n
	}
	b[n] = '.'
	n++
	return n + copy(b[n:], s)
}

// quickMoment reads 31.12.2026, 31/12/2026, 31-12-2026 and 2026-12-31, with
// 10:30 or 10:30:15 behind a space or a T.
func quickMoment(s, order string) (m moment, ok bool) {
	if len(s) != 10 && len(s) != 16 && len(s) != 19 {
		return m, false
	}
	a, c := s[2], s[4]
	var y, mo, d int
	switch {
	case a == s[5] && (a == '.' || a == '/' || a == '-'):
		if order != DMY && order != MDY {
			return m, false
		}
		d, mo, y = two(s, 0), two(s, 3), two(s, 6)*100+two(s, 8)
		if two(s, 6) < 0 || two(s, 8) < 0 {
			return m, false
		}
		if order == MDY {
			d, mo = mo, d
			m.monthFirst = true
		}
	case c == '-' && s[7] == '-':
		d, mo, y = two(s, 8), two(s, 5), two(s, 0)*100+two(s, 2)
		if two(s, 0) < 0 || two(s, 2) < 0 {
			return m, false
		}
		m.yearFirst = true
	default:
		return m, false
	}
	m.year, m.month, m.day = y, mo, d
	if y < 1 || mo < 1 || mo > 12 || d < 1 || d > daysIn(y, mo) {
		return m, false
	}
	return m, len(s) == 10 || m.quickTime(s[10:])
}

// quickTime reads " 10:30" and " 10:30:15".
func (m *moment) quickTime(s string) bool {
	if s[0] != ' ' && s[0] != 'T' || s[3] != ':' {
		return false
	}
	m.hour, m.minute, m.hasTime = two(s, 1), two(s, 4), true
	if len(s) == 9 {
		if m.sec = two(s, 7); s[6] != ':' {
			return false
		}
	}
	return m.hour >= 0 && m.hour < 24 && m.minute >= 0 && m.minute < 60 && m.sec >= 0 && m.sec < 60
}

// two reads the two digits at i; a negative number if there are none.
func two(s string, i int) int {
	a, b := s[i]-'0', s[i+1]-'0'
	if a > 9 || b > 9 {
		return -1000
	}
	return int(a)*10 + int(b)
}

// quickUnit cuts a cell behind its last digit.
func quickUnit(s string) (number, unit string) {
	i := len(s)
	for i > 0 && (s[i-1] < '0' || s[i-1] > '9') {
		i--
	}
	return s[:i], clean(s[i:])
}

// lowerWord is a word in lower case, in buf where it is short and of ASCII
// and the letters of Russian. It is what fold makes of it.
func lowerWord(w string, buf *[32]byte) ([]byte, bool) {
	if len(w) > len(buf) {
		return nil, false
	}
	for i := 0; i < len(w); i++ {
		c := w[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c < utf8.RuneSelf:
		case i+1 < len(w) && russian(c, w[i+1]):
			buf[i], buf[i+1] = lowerRussian(c, w[i+1])
			i++
			continue
		default:
			return nil, false
		}
		buf[i] = c
	}
	return buf[:len(w)], true
}

// russian reports the two bytes of a letter from А to я; Ё is not among them.
func russian(a, b byte) bool {
	return a == 0xD0 && b >= 0x90 && b <= 0xBF || a == 0xD1 && b >= 0x80 && b <= 0x8F
}

func lowerRussian(a, b byte) (byte, byte) {
	switch {
	case a != 0xD0 || b >= 0xB0:
		return a, b
	case b < 0xA0:
		return a, b + 0x20
	}
	return 0xD1, b - 0x20
}

// quickFraction reads digits with one mark among them that can only be the
// decimal one: 12.50, but not 1.234, which may be a thousand.
func quickFraction(s string) (whole, fraction string, mark byte) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == 0 || i+1 >= len(s) || s[i] != '.' && s[i] != ',' || s[0] == '0' && i > 1 {
		return "", "", 0
	}
	whole, fraction = s[:i], s[i+1:]
	if len(fraction) == 3 && i <= 3 && s[0] != '0' || !digitsOnly(fraction) {
		return "", "", 0
	}
	return whole, fraction, s[i]
}

// quickURL recognises https://example.org/page?id=1 without escapes.
func quickURL(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(s, "http://")
	}
	host := 0
	for host < len(rest) && rest[host] != '/' {
		c := rest[host] | 0x20
		if (c < 'a' || c > 'z') && (rest[host] < '0' || rest[host] > '9') && rest[host] != '.' && rest[host] != '-' {
			return false
		}
		host++
	}
	for i := host; i < len(rest); i++ {
		if c := rest[i]; c <= ' ' || c >= 0x7F || c == '%' {
			return false
		}
	}
	return ok && host > 0
}
