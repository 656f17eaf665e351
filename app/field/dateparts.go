package field

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

// dateParts are the numbers and the month name of a date, in their order.
type dateParts struct {
	value  [3]int
	length [3]int // digits
	count  int
	month  int // from a name; 0 for none
	before int // numbers before the name
	// tuesday: the name was a "mar" in front of everything, which is March,
	// and in French and Spanish also the day before a Wednesday.
	tuesday bool
	mark    byte // the mark between the numbers: . / - or a space
}

// split takes a date apart. It fails on anything that is in no date.
func (p *dateParts) split(s string) bool {
	gap, mark, comma := true, byte(0), false
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			from := i
			for i < len(s) && s[i] >= '0' && s[i] <= '9' {
				i++
			}
			if p.count == 3 || !gap || !p.marked(mark) {
				return false
			}
			n, ok := number(s[from:i])
			if !ok {
				return false
			}
			p.value[p.count], p.length[p.count] = n, i-from
			p.count++
			gap, mark = false, 0
			i += ordinal(s[i:])
		case c == '.' || c == '/' || c == '-':
			if mark != 0 && mark != ' ' {
				return false
			}
			mark, gap = c, true
			i++
		case c == ' ' || c == ',' || c == '\'':
			// Behind the day of the week it may stand beside numbers, too.
			comma = comma || c == ',' && (p.count > 0 || i == 0)
			if mark == 0 {
				mark = ' '
			}
			gap = true
			i++
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			if unseen(r) {
				gap = true
				if mark == 0 {
					mark = ' '
				}
				i += n
				continue
			}
			if !unicode.IsLetter(r) {
				return false
			}
			from := i
			i += wordLength(s[i:])
			if !p.word(s[from:i]) {
				return false
			}
			if i < len(s) && s[i] == '.' {
				i++ // an abbreviation: "Mär.", "г."
			}
			gap, mark = true, 0
		}
	}
	closed := mark == 0 || mark == ' ' || p.mark == '.' && mark == '.'
	return closed && (p.month != 0 || !comma)
}

// wordLength is how many bytes of letters s begins with.
func wordLength(s string) int {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c|0x20 < 'a' || c|0x20 > 'z' {
				return i
			}
			i++
			continue
		}
		if i+1 < len(s) && russian(s[i], s[i+1]) {
			i += 2
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) {
			return i
		}
		i += n
	}
	return len(s)
}

// marked notes the mark before a number. Between numbers it must always be
// the same one; beside a month name any will do.
func (p *dateParts) marked(mark byte) bool {
	switch {
	case p.month != 0:
		return true
	case p.count == 0:
		return mark == 0 || mark == ' '
	case p.mark == 0:
		p.mark = mark
	}
	return mark != 0 && p.mark == mark
}

// loose reports numbers with spaces between them and no year of four digits:
// with another number and a unit behind them they may be anything.
func (p *dateParts) loose() bool {
	return p.month == 0 && p.mark == ' ' && p.length[0] != 4 && p.length[2] != 4
}

// ordinal is the length of the ending of a day number: 1st, 2nd, 1er, 1º, 1.º.
func ordinal(s string) int {
	for _, e := range [...]string{"st", "nd", "rd", "th", "er", "º", "ª", ".º", "-го", "го"} {
		if strings.HasPrefix(s, e) {
			return len(e)
		}
	}
	return 0
}

// word takes up a month name, and passes over words that dates are spoken
// with.
func (p *dateParts) word(w string) bool {
	var buf [32]byte
	var month int
	var filler bool
	if lower, ok := lowerWord(w, &buf); ok {
		month, filler = monthNames[string(lower)], dateFillers[string(lower)]
	} else {
		w = fold(w)
		month, filler = monthNames[w], dateFillers[w]
	}
	if month != 0 && (p.month == 0 || p.tuesday) {
		p.tuesday = p.month == 0 && p.count == 0 && len(w) == 3 && month == 3
		p.month, p.before = month, p.count
		return true
	}
	return filler
}

// into decides which number is what.
func (p *dateParts) into(m *moment, order string) string {
	v, l := p.value, p.length
	if p.month != 0 {
		return p.named(m)
	}
	switch {
	case p.count == 1 && l[0] == 8:
		m.year, m.month, m.day, m.yearFirst = v[0]/10000, v[0]/100%100, v[0]%100, true
		return ""
	case p.count != 3 || l[1] > 2:
		return dateInvalid
	case l[0] == 4 && l[2] <= 2:
		m.year, m.month, m.day, m.yearFirst = v[0], v[1], v[2], true
		return ""
	case l[0] > 2 || l[2] != 4 && l[2] > 2:
		return dateInvalid
	}
	if order == YMD && l[2] <= 2 {
		m.year, m.month, m.day, m.yearFirst = fullYear(v[0], l[0], v), v[1], v[2], true
		return ""
	}
	if order == "" || order == YMD {
		if order = onlyOrder(v[0], v[1], l[2]); order == "" {
			m.day, m.month, m.year, m.short, m.mark = v[0], v[1], v[2], l[2] != 4, p.mark
			return dateAmbiguous
		}
	}
	m.day, m.month = v[0], v[1]
	if order == MDY {
		m.day, m.month, m.monthFirst = v[1], v[0], true
	}
	m.year = fullYear(v[2], l[2], v)
	return ""
}

// onlyOrder is the one order of day and month that two numbers before a
// year allow. With a year of two digits even that is open: 25.04.03 may be
// a day in 2003 or in 2025.
func onlyOrder(a, b, yearDigits int) string {
	switch {
	case yearDigits != 4 && (a != 0 || b != 0):
		return ""
	case a > 12 && b <= 12, a == b:
		return DMY
	case b > 12 && a <= 12:
		return MDY
	case a > 12 && b > 12:
		return DMY // impossible in any order
	}
	return ""
}

// named is the date with a month name: "5 March 2024", "March 5, 2024",
// "2024 March 5".
func (p *dateParts) named(m *moment) string {
	if p.count != 2 {
		return dateInvalid
	}
	day, year := 0, 1
	if p.length[0] == 4 {
		day, year = 1, 0
	}
	if p.length[day] > 2 || p.length[year] != 4 && p.length[year] != 2 || p.before == 2 {
		return dateInvalid
	}
	m.day, m.month, m.named = p.value[day], p.month, true
	m.year = fullYear(p.value[year], p.length[year], [3]int{1})
	return ""
}

// fullYear completes a year of two digits. 00.00.00 stays zero.
func fullYear(year, digits int, all [3]int) int {
	switch {
	case digits > 2 || all == [3]int{}:
		return year
	case year < YearPivot:
		return 2000 + year
	}
	return 1900 + year
}

// dateFillers are words that belong to a written date and say nothing.
var dateFillers = words("г год года de del of the le den der do dia " +
	"mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday " +
	"пн вт ср чт пт сб вс понедельник вторник среда четверг пятница суббота воскресенье " +
	"mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonntag " +
	"lun mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche " +
	"lunes martes miércoles jueves viernes sábado domingo mié mie jue vie sáb sab dom " +
	"segunda terça terca quarta quinta sexta feira seg ter qua qui sex")

func words(s string) map[string]bool {
	all := strings.Fields(s)
	set := make(map[string]bool, len(all))
	for _, w := range all {
		set[w] = true
	}
	return set
}

// monthNames are the months of the interface languages, as written in dates.
//
//nolint:misspell // words of other languages
var monthNames = func() map[string]int {
	names := [12]string{
		"january jan января январь янв januar jän jänner janvier janv enero ene janeiro",
		"february feb февраля февраль фев февр februar feber février févr fevr fév fevrier febrero fevereiro fev",
		"march mar марта март мар märz mär mrz maerz mars marzo março marco",
		"april apr апреля апрель апр avril avr abril abr",
		"may мая май mai mayo maio",
		"june jun июня июнь июн juni juin junio junho",
		"july jul июля июль июл juli juillet juil julio julho",
		"august aug августа август авг août aout agosto ago",
		"september sep sept сентября сентябрь сен сент septembre septiembre setiembre setembro set",
		"october oct октября октябрь окт oktober okt octobre octubre outubro out",
		"november nov ноября ноябрь ноя нояб novembre noviembre novembro",
		"december dec декабря декабрь дек dezember dez décembre déc decembre diciembre dic dezembro",
	}
	months := make(map[string]int, 150)
	for i, list := range names {
		for _, name := range strings.Fields(list) {
			months[name] = i + 1
		}
	}
	return months
}()
