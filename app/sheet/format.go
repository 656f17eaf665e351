package sheet

import (
	"strconv"
	"strings"
	"time"
)

// formatKind is what a number format makes of a number.
type formatKind uint8

const (
	plainFormat   formatKind = iota // a number
	dateFormat                      // a date, a time, or a duration
	percentFormat                   // shown times 100
	paddedFormat                    // whole numbers with leading zeros: codes, phones
)

// format is what the number format of a cell says about its value.
type format struct {
	kind formatKind
	// day and clock are set for dates if the format shows them; elapsed for
	// hours beyond 24.
	day, clock, elapsed bool
	// pattern is the format of padded numbers: 0 and # stand for digits.
	pattern string
}

// builtinFormat knows the formats that have a number and no code.
func builtinFormat(id int) format {
	switch {
	case id == 9 || id == 10:
		return format{kind: percentFormat}
	case id >= 14 && id <= 17, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 54, id == 57, id == 58:
		return format{kind: dateFormat, day: true}
	case id >= 18 && id <= 21, id >= 32 && id <= 35, id == 45, id == 47, id == 55, id == 56:
		return format{kind: dateFormat, clock: true}
	case id == 22:
		return format{kind: dateFormat, day: true, clock: true}
	case id == 46:
		return format{kind: dateFormat, clock: true, elapsed: true}
	}
	return format{}
}

// parseFormat reads a format code such as "dd.mm.yyyy;@" or "00000".
func parseFormat(code string) format {
	if strings.EqualFold(code, "general") || code == "@" {
		return format{}
	}
	var f format
	var month, minutes, digits, other, zeros bool
	pattern := make([]byte, 0, len(code))
	zeroCount, wanted, last := 0, true, byte(0)
	for i := 0; i < len(code); i++ {
		c := code[i]
		switch c {
		case ';':
			i = len(code)
			continue
		case '"':
			end := strings.IndexByte(code[i+1:], '"')
			if end < 0 {
				end = len(code) - i - 1
			}
			for _, q := range []byte(code[i+1 : i+1+end]) {
				wanted = wanted && appendLiteral(&pattern, q)
			}
			i += end + 1
			continue
		case '\\':
			if i++; i < len(code) {
				wanted = wanted && appendLiteral(&pattern, code[i])
			}
			continue
		case '_', '*':
			i++
			continue
		case '[':
			end := strings.IndexByte(code[i:], ']')
			if end < 0 {
				end = len(code) - i - 1
			}
			switch inner := strings.ToLower(code[i+1 : i+max(1, end)]); {
			case inner != "" && strings.Trim(inner, "h") == "", inner != "" && strings.Trim(inner, "m") == "", inner != "" && strings.Trim(inner, "s") == "":
				f.clock, f.elapsed = true, true
			case strings.HasPrefix(inner, "$") && !strings.HasPrefix(inner, "$-"):
				wanted = false // a currency
			}
			i += end
			continue
		}
		switch lower := c | 0x20; {
		case lower == 'y' || lower == 'd' || lower == 'e' && last != '0' && last != '#' && last != '?' && last != '.':
			f.day = true
		case lower == 'g' || lower == 'b':
		case lower == 'm':
			month = true
			minutes = minutes || last == ':'
		case lower == 'h' || lower == 's':
			f.clock = true
		case lower == 'a' && len(code) > i+4 && strings.EqualFold(code[i:i+5], "am/pm"):
			f.clock = true
			i += 4
		case lower == 'a' && len(code) > i+2 && strings.EqualFold(code[i:i+3], "a/p"):
			f.clock = true
			i += 2
		case c == '0' || c == '#' || c == '?':
			digits = true
			if c == '0' {
				zeroCount++
			}
			pattern = append(pattern, c)
		case c == '%':
			zeros = true
		case c == '.' || c == ',' || lower == 'e' || c == '@':
			other = true
		default:
			wanted = wanted && appendLiteral(&pattern, c)
		}
		last = c
	}
	if month && (f.day || !f.clock) && !(minutes && f.clock && !f.day) {
		f.day = true
	}
	switch {
	case f.day || f.clock:
		f.kind = dateFormat
	case zeros:
		f.kind = percentFormat
	case digits && !other && wanted && zeroCount >= 2:
		f.kind, f.pattern = paddedFormat, string(pattern)
	}
	return f
}

// appendLiteral adds a sign that may stand between the digits of a code or a
// telephone number, and reports whether it is one.
func appendLiteral(pattern *[]byte, c byte) bool {
	if !strings.ContainsRune(" -()/+.123456789", rune(c)) {
		return false
	}
	*pattern = append(*pattern, c)
	return true
}

// pad writes a whole number into the pattern, from the right.
func (f *format) pad(b []byte, d decimal) []byte {
	d.negative, b = false, appendSign(b, d)
	digits := d.append(nil)
	if d.digits == "" {
		digits = nil
	}
	out := make([]byte, 0, len(f.pattern)+len(digits))
	first := strings.IndexAny(f.pattern, "0#?")
	for i := len(f.pattern) - 1; i >= 0; i-- {
		c := f.pattern[i]
		switch {
		case c != '0' && c != '#' && c != '?':
			out = append(out, c)
			continue
		case len(digits) > 0:
			out = append(out, digits[len(digits)-1])
			digits = digits[:len(digits)-1]
		case c == '0':
			out = append(out, '0')
		}
		for i == first && len(digits) > 0 {
			out = append(out, digits[len(digits)-1])
			digits = digits[:len(digits)-1]
		}
	}
	for i := len(out) - 1; i >= 0; i-- {
		b = append(b, out[i])
	}
	return b
}

func appendSign(b []byte, d decimal) []byte {
	if d.negative {
		return append(b, '-')
	}
	return b
}

// appendDate writes a day number as a date in ISO form. A time that is not
// midnight is written even if the format hides it: the cell has it. ok is
// false for numbers that are no date.
func appendDate(b []byte, d decimal, f *format, date1904 bool) (out []byte, ok bool) {
	if d.negative || d.point > 7 {
		return b, false
	}
	v, err := strconv.ParseFloat(string(d.append(nil)), 64)
	if err != nil || v >= 2958466 && !f.elapsed {
		return b, false
	}
	day := int(v)
	second := int((v-float64(day))*86400 + 0.5)
	if second == 86400 {
		day, second = day+1, 0
	}
	switch {
	case f.elapsed:
		return appendClock(b, day*24+second/3600, second), true
	case f.clock && !f.day && day == 0:
		return appendClock(b, second/3600, second), true
	}
	b = appendDay(b, day, date1904)
	if f.clock && f.day || second != 0 {
		b = appendClock(append(b, ' '), second/3600, second)
	}
	return b, true
}

// appendDay writes the date of a day number. Day 60 of the 1900 system is
// the 29th of February 1900, which there was not, and day 0 the day before
// the first: they are written as Excel shows them.
func appendDay(b []byte, day int, date1904 bool) []byte {
	base := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case date1904:
		base = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case day == 60:
		return append(b, "1900-02-29"...)
	case day == 0:
		return append(b, "1900-01-00"...)
	case day < 60:
		day++
	}
	return base.AddDate(0, 0, day).AppendFormat(b, "2006-01-02")
}

func appendClock(b []byte, hours, second int) []byte {
	if hours < 10 {
		b = append(b, '0')
	}
	b = strconv.AppendInt(b, int64(hours), 10)
	for _, n := range []int{second / 60 % 60, second % 60} {
		b = append(b, ':', byte('0'+n/10), byte('0'+n%10))
	}
	return b
}
