package emulator

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The casts of the portal's language: nothing is ever refused here, which is
// why a client has to check values before it sends them.

// text is v as the portal would print it.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return pick(v, "1", "")
	case json.Number:
		return v.String()
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case *array:
		return "Array"
	}
	return ""
}

// intval reads the leading integer: "12abc" is 12 and "abc" is 0.
func intval(v any) int64 {
	switch v := v.(type) {
	case int:
		return int64(v)
	case int64:
		return v
	case float64:
		return int64(v)
	case bool:
		return pick[int64](v, 1, 0)
	case *array:
		return pick[int64](v.len() > 0, 1, 0)
	}
	s := strings.TrimSpace(text(v))
	if f, ok := leadingFloat(s); ok && math.Abs(f) < 9e18 {
		if n, err := strconv.ParseInt(leadingInt(s), 10, 64); err == nil && !strings.ContainsAny(s, "eE.") {
			return n
		}
		return int64(f)
	}
	return 0
}

// floatval reads the leading number: "1.5kg" is 1.5, "1,5" is 1.
func floatval(v any) float64 {
	switch v := v.(type) {
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case float64:
		return v
	case bool:
		return pick(v, 1.0, 0.0)
	}
	f, _ := leadingFloat(strings.TrimSpace(text(v)))
	return f
}

func leadingInt(s string) string {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i]
}

func leadingFloat(s string) (float64, bool) {
	m := floatPattern.FindString(s)
	if m == "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(m, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return 0, false
	}
	return f, true
}

// truth is how the portal reads a yes: "1" and 1 are a no.
func truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return v == "Y" || v == "y" || v == "true"
	}
	return false
}

// isEmpty is the portal's notion of no value: the empty text, null, and
// arrays of nothing.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case *array:
		for _, e := range v.values() {
			if !isEmpty(e) {
				return false
			}
		}
		return true
	}
	return false
}

// strtotime reads a date as PHP does: ISO forms, day.month.year,
// day-month-year, month/day/year, a few words; without an offset in loc.
// Days that a month does not have run over into the next one.
func strtotime(s string, loc *time.Location, now time.Time) (time.Time, bool) {
	s = strings.TrimSpace(s)
	now = now.In(loc)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, loc)
	switch strings.ToLower(s) {
	case "now":
		return now, true
	case "today", "midnight":
		return midnight, true
	case "tomorrow":
		return midnight.AddDate(0, 0, 1), true
	case "yesterday":
		return midnight.AddDate(0, 0, -1), true
	}
	for _, p := range datePatterns {
		m := p.re.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		num := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
		year, month, day := num(p.year), num(p.month), num(p.day)
		if month < 1 || month > 12 || day < 1 || day > 31 {
			continue
		}
		hour, minute, second := num(4), num(5), num(6)
		if hour > 24 || minute > 59 || second > 59 {
			return time.Time{}, false
		}
		zone, ok := zoneOf(m[7], loc)
		if !ok {
			return time.Time{}, false
		}
		return time.Date(year, time.Month(month), day, hour, minute, second, 0, zone), true
	}
	return time.Time{}, false
}

type datePattern struct {
	re               *regexp.Regexp
	year, month, day int
}

const clock = `(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?$`

var (
	floatPattern = regexp.MustCompile(`^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?`)
	datePatterns = []datePattern{
		{regexp.MustCompile(`^(\d{4})-(\d{1,2})-(\d{1,2})` + clock), 1, 2, 3},
		{regexp.MustCompile(`^(\d{4})/(\d{1,2})/(\d{1,2})` + clock), 1, 2, 3},
		{regexp.MustCompile(`^(\d{1,2})[.-](\d{1,2})[.-](\d{4})` + clock), 3, 2, 1},
		{regexp.MustCompile(`^(\d{1,2})/(\d{1,2})/(\d{4})` + clock), 3, 1, 2},
	}
)

func zoneOf(s string, loc *time.Location) (*time.Location, bool) {
	switch s {
	case "":
		return loc, true
	case "Z", "UTC":
		return time.UTC, true
	}
	digits := strings.ReplaceAll(s[1:], ":", "")
	h, err1 := strconv.Atoi(digits[:2])
	m, err2 := strconv.Atoi(digits[2:])
	if err1 != nil || err2 != nil || h > 14 || m > 59 {
		return nil, false
	}
	offset := h*3600 + m*60
	return time.FixedZone("", pick(s[0] == '-', -offset, offset)), true
}
