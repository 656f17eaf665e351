package field

import (
	"strconv"
	"time"
)

// Years that are more likely a slip than a date.
const (
	firstYear  = 1000 // what the portal's database can hold
	earlyYear  = 1900
	latestYear = 2100
)

// moment reads the date of a cell. The note says what to report of a date
// that was understood.
func (c *Converter) moment(s string) (m moment, said *Problem) {
	if c.style.Excel {
		if a, code := readAmount(s, Style{Decimal: c.style.Decimal}); code == "" && a.unit == "" && !a.percent {
			if m, ok := excelMoment(a.text); ok {
				return m, nil
			}
		}
	}
	m, code := readMoment(s, c.style.DateOrder)
	switch code {
	case "":
	case dateZero:
		return m, note(dateZero)
	case dateOrder:
		swapped := moment{year: m.year, month: m.day, day: m.month}
		return m, trouble(dateOrder, "order", otherOrder(c.style.DateOrder)).near(swapped.dateText() + timeOf(m))
	case dateInvalid:
		return m, likelyExcel(s)
	default:
		return m, trouble(code)
	}
	switch {
	case m.year < firstYear:
		return m, trouble(dateFar, "year", strconv.Itoa(m.year))
	case m.year < earlyYear || m.year > latestYear:
		return m, note(dateFar, "year", strconv.Itoa(m.year))
	}
	return m, nil
}

// otherOrder is the order that a date fits where it does not fit the
// column's, as a pattern.
func otherOrder(order string) string {
	if order == MDY {
		return "DD/MM/YYYY"
	}
	return "MM/DD/YYYY"
}

// timeOf is the time of day of a suggestion.
func timeOf(m moment) string {
	if !m.hasTime {
		return ""
	}
	t, _ := m.in(time.UTC)
	if m.hasZone {
		return t.Format(" 15:04:05-07:00")
	}
	return t.Format(" 15:04:05")
}

// likelyExcel recognises an Excel day number in a column that is not known
// to hold them.
func likelyExcel(s string) *Problem {
	m, ok := excelDay(s)
	if !ok {
		return trouble(dateInvalid)
	}
	text := m.dateText() + timeOf(m)
	return trouble(dateExcel, "date", text).near(text)
}

// excelDay reads a day number that is a date beyond reasonable doubt.
func excelDay(s string) (moment, bool) {
	a, code := readAmount(s, Style{Decimal: "."})
	if code != "" || a.unit != "" || compare(a.text, strconv.Itoa(excelLikelyFirst)) < 0 ||
		compare(a.text, strconv.Itoa(excelLikelyLast)) > 0 {
		return moment{}, false
	}
	return excelMoment(a.text)
}

// date converts to "2006-01-02": a time would make the portal shift zones.
func (c *Converter) date(s string, _ Lookup) (element, *Problem) {
	m, said := c.moment(s)
	if said != nil && (said.Blocks || said.Code == dateZero) {
		return element{}, said
	}
	text := s
	if len(s) != 10 || !m.yearFirst || s[4] != '-' {
		text = m.dateText()
	}
	if said == nil && m.hasTime && (m.hour|m.minute|m.sec != 0) {
		said = note(dateTimeDropped, "date", text)
	}
	return element{text, text}, said
}

// datetime converts to "2006-01-02T15:04:05+03:00". Times without a zone of
// their own are on the clocks of the person who imports, with the offset
// these had on that day.
func (c *Converter) datetime(s string, _ Lookup) (element, *Problem) {
	m, said := c.moment(s)
	if said != nil && (said.Blocks || said.Code == dateZero) {
		return element{}, said
	}
	t, exact := m.in(c.ctx.location())
	if !exact {
		text := t.Format("2006-01-02T15:04:05-07:00")
		if said == nil {
			said = note(dateTimeSkipped, "time", text)
		}
		return element{text, text}, said
	}
	var b [32]byte
	text := string(m.append(b[:0], t))
	return element{text, text}, said
}
