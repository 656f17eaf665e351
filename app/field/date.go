package field

import "time"

// YearPivot divides two-digit years: those below it are of this century,
// the others of the last one.
const YearPivot = 70

// moment is a date, or a date and a time of day, as a cell holds it.
type moment struct {
	year, month, day  int
	hour, minute, sec int
	zone              int // seconds east of UTC
	hasTime, hasZone  bool
	yearFirst         bool // so that there was one order only
	monthFirst, named bool
	// Of a date that is open between several orders: its numbers are in
	// day, month and year as they stand; short says that the last has two
	// digits, mark what is between them.
	short bool
	mark  byte
}

// readMoment reads a date with an optional time: 31.12.2026, 12/31/2026,
// 2026-12-31T10:00:00Z, 20261231, 5 марта 2024 г., March 5, 2024 10:30 PM.
// The order tells day and month apart where all parts are numbers. The code
// says why it is none: dateInvalid, dateAmbiguous, dateImpossible,
// dateOrder, dateZero.
func readMoment(s, order string) (m moment, code string) {
	s = clean(s)
	if m, ok := quickMoment(s, order); ok {
		return m, ""
	}
	return readAnyMoment(s, order)
}

// readAnyMoment is readMoment for all forms of dates.
func readAnyMoment(s, order string) (m moment, code string) {
	var p dateParts
	date, clock, form := cutClock(s)
	if form == noClock || form == dottedClock && p.split(s) {
		date, form = s, noClock
	} else {
		var ok bool
		if date, ok = m.readClock(date, clock, form); !ok {
			return m, dateInvalid
		}
	}
	p = dateParts{}
	if !p.split(date) || form > colonClock && p.loose() {
		return m, dateInvalid
	}
	if code := p.into(&m, order); code != "" {
		return m, code
	}
	return m, m.check(order)
}

// number reads up to nine digits.
func number(s string) (n int, ok bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// check says what is wrong with a date that was read.
func (m *moment) check(order string) string {
	switch {
	case m.year == 0 && m.month == 0 && m.day == 0:
		return dateZero
	case m.year == 0 || m.month < 1 || m.day < 1:
		return dateImpossible
	case m.month > 12:
		if m.day <= 12 && !m.yearFirst && order != "" && m.month <= daysIn(m.year, m.day) {
			return dateOrder
		}
		return dateImpossible
	case m.day > daysIn(m.year, m.month):
		return dateImpossible
	}
	return ""
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// append writes "2006-01-02T15:04:05+03:00" for a moment that is exactly
// on the clocks of t.
func (m *moment) append(b []byte, t time.Time) []byte {
	var d [19]byte
	m.putDate(d[:])
	d[10], d[13], d[16] = 'T', ':', ':'
	d[11], d[12] = digit(m.hour/10), digit(m.hour)
	d[14], d[15] = digit(m.minute/10), digit(m.minute)
	d[17], d[18] = digit(m.sec/10), digit(m.sec)
	b = append(b, d[:]...)
	_, offset := t.Zone()
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	h, mi := offset/3600, offset/60%60
	return append(b, sign, digit(h/10), digit(h), ':', digit(mi/10), digit(mi))
}

// dateText is "2006-01-02".
func (m *moment) dateText() string {
	var b [10]byte
	m.putDate(b[:])
	return string(b[:])
}

func (m *moment) putDate(b []byte) {
	b[0], b[1], b[2], b[3] = digit(m.year/1000), digit(m.year/100), digit(m.year/10), digit(m.year)
	b[4], b[7] = '-', '-'
	b[5], b[6] = digit(m.month/10), digit(m.month)
	b[8], b[9] = digit(m.day/10), digit(m.day)
}

func digit(n int) byte { return byte('0' + n%10) }

// in is the moment as a point in time; a moment without a zone of its own
// is read on the clocks of loc. exact is false where those clocks skipped
// that time, in the night they were put forward.
func (m *moment) in(loc *time.Location) (t time.Time, exact bool) {
	if m.hasZone && m.zone == 0 {
		loc = time.UTC
	} else if m.hasZone {
		loc = time.FixedZone("", m.zone)
	}
	t = time.Date(m.year, time.Month(m.month), m.day, m.hour, m.minute, m.sec, 0, loc)
	return t, t.Hour() == m.hour && t.Minute() == m.minute
}

// Excel counts days from 1 January 1900 as 1, and believes that there was a
// 29 February 1900, its day 60.
const (
	excelFirst   = 1
	excelPhantom = 60
	excelLast    = 2958465 // 31 December 9999
	// Days that are dates beyond reasonable doubt: 1954 to 2064.
	excelLikelyFirst, excelLikelyLast = 20000, 60000
)

// excelMoment turns an Excel day number, with an optional fraction for the
// time of day, into a moment. d is a canonical decimal.
func excelMoment(d string) (moment, bool) {
	negative, whole, fraction := parts(d)
	day, ok := number(whole)
	if !ok || negative || day < excelFirst || day > excelLast || day == excelPhantom {
		return moment{}, false
	}
	base := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if day < excelPhantom {
		day++
	}
	m := moment{}
	if fraction != "" {
		seconds, _ := number(round(mulSeconds(fraction), 0))
		if seconds >= 86400 {
			day++
			seconds = 0
		}
		m.hour, m.minute, m.sec, m.hasTime = seconds/3600, seconds/60%60, seconds%60, true
	}
	t := base.AddDate(0, 0, day)
	m.year, m.month, m.day = t.Year(), int(t.Month()), t.Day()
	return m, true
}

// mulSeconds multiplies "0." + fraction by the seconds of a day, as a
// decimal.
func mulSeconds(fraction string) string {
	if len(fraction) > 12 {
		fraction = fraction[:12] // a day / 10^12 is far below a second
	}
	n := int64(0)
	for _, c := range fraction {
		n = n*10 + int64(c-'0')
	}
	n *= 86400 // below 9.3e16
	return shift(canonical(false, formatInt(n), ""), -len(fraction))
}
