package sheet

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
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
	// currency is the sign of the currency that plain numbers are shown with.
	currency string
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

// parseFormat reads a format code such as "dd.mm.yyyy;@" or "00000", of which
// the first section counts: the one for positive numbers.
func parseFormat(code string) format {
	if strings.EqualFold(code, "general") || code == "@" {
		return format{}
	}
	p := formatParser{code: code, literals: true}
	for p.at < len(code) && code[p.at] != ';' {
		p.at += p.sign()
	}
	f := p.format
	// m is a month unless it stands beside hours or seconds only.
	f.day = f.day || p.month && !f.clock
	switch {
	case f.day || f.clock:
		f.kind = dateFormat
	case p.percent:
		f.kind = percentFormat
	case p.zeros >= 2 && !p.fraction && p.literals:
		f.kind, f.pattern = paddedFormat, string(p.pattern)
	}
	if f.kind != plainFormat {
		f.currency = ""
	}
	return f
}

// formatParser goes through a format code sign by sign.
type formatParser struct {
	code string
	at   int
	format
	month, percent, fraction bool
	zeros                    int
	pattern                  []byte
	// literals: all text so far may stand in a padded number.
	literals bool
}

// sign takes in what begins at p.at and returns its length.
func (p *formatParser) sign() int {
	rest := p.code[p.at:]
	switch c := rest[0]; c {
	case '"':
		text, _, _ := strings.Cut(rest[1:], `"`)
		p.literal(text)
		return len(text) + 2
	case '\\':
		_, n := utf8.DecodeRuneInString(rest[1:])
		p.literal(rest[1 : 1+n])
		return 1 + n
	case '_', '*': // as wide as the next sign, or filled with it
		_, n := utf8.DecodeRuneInString(rest[1:])
		return 1 + n
	case '[':
		text, _, _ := strings.Cut(rest[1:], "]")
		p.bracket(text)
		return len(text) + 2
	case '0', '#', '?':
		if c == '0' {
			p.zeros++
		}
		p.pattern = append(p.pattern, c)
	case '%':
		p.percent = true
	case '.', ',', '@':
		p.fraction = true
	default:
		return p.letter(rest)
	}
	return 1
}

// letter takes in a letter of a date or time, or other text.
func (p *formatParser) letter(rest string) int {
	switch rest[0] | 0x20 {
	case 'y', 'd':
		p.day = true
	case 'e':
		// Of a number with an exponent, or a year.
		if len(rest) > 1 && (rest[1] == '+' || rest[1] == '-') {
			p.fraction = true
			return 2
		}
		p.day = true
	case 'g', 'b': // eras and the Buddhist calendar
	case 'm':
		p.month = true
	case 'h', 's':
		p.clock = true
	case 'a':
		for _, mark := range []string{"am/pm", "a/p"} {
			if len(rest) >= len(mark) && strings.EqualFold(rest[:len(mark)], mark) {
				p.clock = true
				return len(mark)
			}
		}
		p.literal(rest[:1])
	default:
		_, n := utf8.DecodeRuneInString(rest)
		p.literal(rest[:n])
		return n
	}
	return 1
}

// bracket takes in a colour, a condition, a language, a currency, or hours,
// minutes or seconds that go on beyond a day.
func (p *formatParser) bracket(text string) {
	lower := strings.ToLower(text)
	switch {
	case text != "" && (strings.Trim(lower, "h") == "" || strings.Trim(lower, "m") == "" || strings.Trim(lower, "s") == ""):
		p.clock, p.elapsed = true, true
	case strings.HasPrefix(text, "$") && !strings.HasPrefix(text, "$-"):
		p.literals = false
		if sign, _, _ := strings.Cut(text[1:], "-"); len(sign) <= 8 && strings.ContainsFunc(sign, currencyRune) {
			p.currency = strings.TrimSpace(sign)
		}
	}
}

// currencyRune: the sign or name of a currency is made of these.
func currencyRune(r rune) bool { return unicode.Is(unicode.Sc, r) || unicode.IsLetter(r) }

// currencyWords are what formats call currencies that have no sign, or whose
// sign is not used.
const currencyWords = " руб руб. р. грн грн. тг тг. тенге лв лв. сум сом zł kč kr kr. ft fr. chf eur usd rub kzt byn uah "

// literal takes in text. Only such as stands between the digits of a code or
// a telephone number makes a number a padded one.
func (p *formatParser) literal(text string) {
	if strings.Trim(text, " -()/+.123456789") != "" {
		p.literals = false
	}
	switch word := strings.TrimSpace(text); {
	case word == "" || p.currency != "":
	case utf8.RuneCountInString(word) == 1 && strings.ContainsFunc(word, func(r rune) bool { return unicode.Is(unicode.Sc, r) }),
		strings.Contains(currencyWords, " "+strings.ToLower(word)+" "):
		p.currency = word
	}
	p.pattern = append(p.pattern, text...)
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
