package field

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clockForm is how the time behind a date is written, which decides how much
// else the cell may be taken for.
type clockForm int

const (
	noClock     clockForm = iota
	isoClock              // T14:30
	colonClock            // 14:30
	wordClock             // 14h30, 14 h, 14.30 Uhr, 2 PM
	dottedClock           // 14.30
)

// cutClock divides a cell into its date and its time. A time begins with a
// number in front of a colon or of a word for hours; a time with a dot is
// one only at the end and behind a space.
func cutClock(s string) (date, clock string, form clockForm) {
	if i := strings.IndexByte(s, ':'); i > 0 {
		return cutAt(s, back(s, i, digitsOnly), colonClock)
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; c < utf8.RuneSelf && (c|0x20 < 'a' || c|0x20 > 'z') || !utf8.RuneStart(c) {
			continue
		}
		end := len(clean(s[:i]))
		if !digitsOnly(s[end-1:end]) || !startsHours(s[i:]) {
			i += wordLength(s[i:])
			continue
		}
		return cutAt(s, back(s, end, digitsOrDots), wordClock)
	}
	i := back(s, len(s), digitsOrDots)
	if i == len(s) || len(clean(s[:i])) == i || !strings.Contains(s[i:], ".") {
		return s, "", noClock
	}
	return cutAt(s, i, dottedClock)
}

func cutAt(s string, i int, form clockForm) (date, clock string, _ clockForm) {
	return s[:i], s[i:], form
}

// back is where the bytes of a kind begin that end at i.
func back(s string, i int, kind func(string) bool) int {
	for i > 0 && kind(s[i-1:i]) {
		i--
	}
	return i
}

func digitsOrDots(s string) bool { return s == "." || digitsOnly(s) }

// readClock reads the time behind a date, and returns the date without the
// words that lead over to the time. What could also be a second date or the
// end of a span is no time: 12.03.2024, 14.03 or 12/03/2024 8-10 h.
func (m *moment) readClock(date, clock string, form clockForm) (rest string, ok bool) {
	if form == colonClock && date != "" && date[len(date)-1]|0x20 == 't' {
		form = isoClock
	}
	if !m.readTime(clock, form) {
		return "", false
	}
	rest, lead := dropTimeWords(date)
	if form != dottedClock || m.hour == 0 {
		return rest, true
	}
	return rest, lead != "-" && (lead != "," || m.minute == 0 || m.minute > 12)
}

// timeWords stand between a date and a time, those that say most first.
var timeWords = []string{"t", "в", "at", "um", "à", "a las", "a la", "às", "as", ",", "-", "–", "—"}

// dropTimeWords cuts the time words behind a date. lead is the one that says
// most, "-" for a dash of any kind; it is empty if there was none.
func dropTimeWords(s string) (rest, lead string) {
	best := len(timeWords)
	for again := true; again; {
		again = false
		s = clean(s)
		for i, w := range timeWords {
			if len(s) <= len(w) || !strings.EqualFold(s[len(s)-len(w):], w) {
				continue
			}
			rest := s[:len(s)-len(w)]
			before, _ := utf8.DecodeLastRuneInString(rest)
			if !unicode.IsLetter(before) {
				s, best, again = rest, min(best, i), true
				break
			}
		}
	}
	if best < len(timeWords) {
		lead = timeWords[min(best, len(timeWords)-3)]
	}
	return s, lead
}

// readTime reads "10:30", "10h30", "10 h", "10.30 Uhr", "10 ч 30 мин",
// "10:30:15.25", "10:30 PM", "10 PM", "10:30Z", "10:30:00+03:00", "10:30 UTC".
// Fractions of a second are dropped: Bitrix24 keeps whole seconds. sec is
// negative where none were written.
func (m *moment) readTime(s string, form clockForm) bool {
	var ok bool
	all := s
	m.sec = -1
	if m.hour, s, ok = leading(s, 1, 2); !ok {
		return false
	}
	if s != "" && (s[0] == ':' || s[0] == '.') {
		s, ok = m.marked(s, s[0])
		s = overWord(s, hourWords)
	} else if s = clean(s); !halfDayWord(s) {
		s, ok = m.spoken(s)
	}
	if !ok {
		return false
	}
	if s, ok = m.halfDay(s); !ok {
		return false
	}
	m.hasTime = true
	if !signedZone(all[:len(all)-len(s)], s, form, m.sec >= 0) {
		return false
	}
	m.sec = max(m.sec, 0)
	return m.hour < 24 && m.minute < 60 && m.sec < 60 && m.readZone(s)
}

// signedZone reports that a sign behind a time may be that of a zone: it is
// in the notations of programs only, while 10h-12 and 10:00-12:00 are from
// ten to twelve.
func signedZone(before, s string, form clockForm, seconds bool) bool {
	switch {
	case s == "" || s[0] != '+' && s[0] != '-' || form == isoClock:
		return true
	case form > colonClock:
		return false
	}
	return s[0] == '+' || seconds || !digitsOnly(before[len(before)-1:])
}

// marked reads minutes and seconds that stand behind a mark.
func (m *moment) marked(s string, mark byte) (rest string, ok bool) {
	if m.minute, s, ok = leading(s[1:], 2, 2); !ok {
		return "", false
	}
	if s == "" || s[0] != mark {
		return clean(s), true
	}
	if m.sec, s, ok = leading(s[1:], 2, 2); !ok {
		return "", false
	}
	if mark == ':' && s != "" && (s[0] == '.' || s[0] == ',') {
		if _, s, ok = leading(s[1:], 1, 9); !ok {
			return "", false
		}
	}
	return clean(s), true
}

// spoken reads what follows an hour in words: "h", "h30", "h 30 min",
// " ч 30 мин 15 сек". A single digit needs its word behind it.
func (m *moment) spoken(s string) (rest string, ok bool) {
	rest = overWord(s, hourWords)
	if len(rest) == len(s) {
		return "", false
	}
	for _, part := range []struct {
		value *int
		words map[string]bool
		least int // digits that need no word
	}{{&m.minute, minuteWords, 2}, {&m.sec, secondWords, 3}} {
		if rest == "" || !digitsOnly(rest[:1]) {
			return rest, true
		}
		n, after, ok := leading(rest, 1, 2)
		if !ok {
			return "", false
		}
		digits := len(rest) - len(after)
		after = clean(after)
		rest = overWord(after, part.words)
		if digits < part.least && len(rest) == len(after) {
			return "", false
		}
		*part.value = n
	}
	return rest, true
}

// Words behind the numbers of a time.
var (
	hourWords   = words("h hs hr hrs hour hours uhr heure heures hora horas ч час часа часов")
	minuteWords = words("m min mins minute minutes minuten minuto minutos мин минута минуты минут")
	secondWords = words("s sec sek seg secs seconds sekunden secondes segundos с сек секунда секунды секунд")
)

// overWord passes over one of the words at the start of s, and its dot.
func overWord(s string, words map[string]bool) string {
	n := wordLength(s)
	var buf [32]byte
	lower, ok := lowerWord(s[:n], &buf)
	if !ok || !words[string(lower)] {
		return s
	}
	return clean(strings.TrimPrefix(s[n:], "."))
}

func startsHours(s string) bool { return len(overWord(s, hourWords)) < len(s) || halfDayWord(s) }

// leading reads between least and most digits at the start of s.
func leading(s string, least, most int) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i < least || i > most {
		return 0, s, false
	}
	n, ok = number(s[:i])
	return n, s[i:], ok
}

// halfDayWord reports that s begins with AM or PM: "pm", "p.m.", "p. m.".
func halfDayWord(s string) bool {
	if s == "" || s[0]|0x20 != 'a' && s[0]|0x20 != 'p' {
		return false
	}
	rest := clean(strings.TrimPrefix(s[1:], "."))
	return hasWord(rest, "m") && wordLength(rest) == 1
}

// halfDay applies AM and PM.
func (m *moment) halfDay(s string) (rest string, ok bool) {
	if !halfDayWord(s) {
		return s, true
	}
	if m.hour < 1 || m.hour > 12 {
		return "", false
	}
	m.hour %= 12
	if s[0]|0x20 == 'p' {
		m.hour += 12
	}
	rest = clean(strings.TrimPrefix(s[1:], "."))
	return clean(strings.TrimPrefix(rest[1:], ".")), true
}

func hasWord(s, word string) bool {
	return len(s) >= len(word) && strings.EqualFold(s[:len(word)], word)
}

// readZone reads what follows a time: nothing, Z, UTC, GMT, ±hh, ±hhmm,
// ±hh:mm.
func (m *moment) readZone(s string) bool {
	if s == "" {
		return true
	}
	m.hasZone = true
	switch {
	case strings.EqualFold(s, "z"), strings.EqualFold(s, "utc"), strings.EqualFold(s, "gmt"):
		return true
	case hasWord(s, "utc"), hasWord(s, "gmt"):
		s = s[3:]
	}
	if s[0] != '+' && s[0] != '-' {
		return false
	}
	digits := strings.Replace(s[1:], ":", "", 1)
	if len(digits) == 1 || len(digits) == 2 {
		digits += "00"
	}
	n, ok := number(digits)
	if !ok || len(digits) > 4 || n/100 > 14 || n%100 > 59 {
		return false
	}
	m.zone = n/100*3600 + n%100*60
	if s[0] == '-' {
		m.zone = -m.zone
	}
	return true
}
