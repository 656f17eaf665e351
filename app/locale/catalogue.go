package locale

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// Catalogue is one language. It is a small value, passed to a page with its
// data; the zero Catalogue is not usable, Locales.For makes one.
type Catalogue struct {
	t *texts
}

// Lang is our code of the language, such as "pt": what addresses and files
// are named by.
func (c Catalogue) Lang() string { return c.t.lang }

// Tag is the language as HTML and HTTP name it, with the country if the texts
// are those of one: "pt-BR".
func (c Catalogue) Tag() string { return c.t.tag.String() }

// Dir is "rtl" for languages written from right to left, otherwise "ltr".
func (c Catalogue) Dir() string {
	script, _ := c.t.tag.Script()
	switch script.String() {
	case "Arab", "Hebr", "Thaa", "Syrc":
		return "rtl"
	}
	return "ltr"
}

// Has reports whether there is a text, here or in the fallback language.
func (c Catalogue) Has(key string) bool {
	_, ok := c.find(key)
	return ok
}

func (c Catalogue) find(key string) (text, bool) {
	if t, ok := c.t.byKey[key]; ok {
		return t, true
	}
	t, ok := c.t.fallback[key]
	return t, ok
}

// Text is the text of a key with its placeholders filled from args, which are
// pairs of a name and a value: Text("file.rows", "n", 12). Integers are
// written as numbers of the language, times as date and time; {n:bytes},
// {t:date}, {t:time} and {n:number} say otherwise. A key that exists nowhere
// comes back as itself, so that the page stands and a test finds it.
func (c Catalogue) Text(key string, args ...any) string {
	values := make(map[string]any, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		if name, ok := args[i].(string); ok {
			values[name] = args[i+1]
		}
	}
	return c.fill(key, values)
}

// Problem is the sentence of a problem code with its next step. Args are the
// strings that came with it; counts among them choose plural forms. A code
// without a sentence is named, so that support can look it up.
func (c Catalogue) Problem(code string, args map[string]string) string {
	return c.sentence("problem."+code, code, args)
}

// Note is the sentence of a note about a file that can be read.
func (c Catalogue) Note(code string, args map[string]string) string {
	return c.sentence("note."+code, code, args)
}

func (c Catalogue) sentence(key, code string, args map[string]string) string {
	if !c.Has(key) {
		return c.Text("problem.other", "code", code)
	}
	values := make(map[string]any, len(args))
	for k, v := range args {
		values[k] = v
	}
	return c.fill(key, values)
}

func (c Catalogue) fill(key string, values map[string]any) string {
	t, ok := c.find(key)
	if !ok {
		return key
	}
	form := t.forms["other"]
	if t.by != "" {
		if n, ok := integer(values[t.by]); ok {
			if chosen := t.forms[c.category(n)]; chosen != nil {
				form = chosen
			}
		}
	}
	var b strings.Builder
	for _, p := range form {
		if p.name == "" {
			b.WriteString(p.words)
			continue
		}
		value, ok := values[p.name]
		if !ok {
			b.WriteString("{" + p.name + "}")
			continue
		}
		b.WriteString(c.write(value, p.format))
	}
	return b.String()
}

// write puts a value as the language writes it.
func (c Catalogue) write(value any, format string) string {
	if when, ok := value.(time.Time); ok {
		switch format {
		case "date":
			return c.Date(when)
		case "time":
			return c.Time(when)
		}
		return c.Moment(when)
	}
	n, isNumber := integer(value)
	_, isString := value.(string)
	switch {
	case isNumber && format == "bytes":
		return c.Bytes(n)
	case isNumber && (format == "number" || !isString):
		return c.Number(n)
	}
	return fmt.Sprint(value)
}

// integer reads whole numbers, also from the strings that problems carry.
func integer(value any) (int64, bool) {
	switch v := value.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	}
	return 0, false
}

// category is the plural category of a whole number (CLDR). In French and
// Portuguese, one is also that of 0. The category many that newer editions
// give French, Portuguese and Spanish for exact millions ("un million de
// lignes") is left out, as in the tables of x/text: beside a number in digits
// readers take the plain plural, and no file we read has two million rows.
func (c Catalogue) category(n int64) string {
	if n < 0 {
		n = -n
	}
	// The rules look at no more than the last six digits.
	small := int(n)
	if n > 10_000_000 {
		small = int(n%1_000_000) + 1_000_000
	}
	switch plural.Cardinal.MatchPlural(c.t.tag, small, 0, 0, 0, 0) {
	case plural.Zero:
		return "zero"
	case plural.One:
		return "one"
	case plural.Two:
		return "two"
	case plural.Few:
		return "few"
	case plural.Many:
		return "many"
	}
	return "other"
}

// Number writes a whole number with the language's digit groups.
func (c Catalogue) Number(n int64) string {
	return message.NewPrinter(c.t.tag).Sprint(number.Decimal(n))
}

// Count is Number for an int, as templates have them.
func (c Catalogue) Count(n int) string { return c.Number(int64(n)) }

// Percent writes a share between 0 and 1 in whole percent: never 100 % while
// something is missing, never 0 % when something is there.
func (c Catalogue) Percent(part, whole int64) string {
	if whole <= 0 {
		return c.Text("format.percent", "n", 0)
	}
	n := int64(math.Round(float64(part) / float64(whole) * 100))
	if n == 100 && part < whole {
		n = 99
	}
	if n == 0 && part > 0 {
		n = 1
	}
	return c.Text("format.percent", "n", n)
}

// Bytes writes a size with one digit after the mark from a megabyte on.
func (c Catalogue) Bytes(n int64) string {
	p := message.NewPrinter(c.t.tag)
	switch {
	case n < 1000:
		return c.Text("format.bytes", "n", n)
	case n < 1000*1000:
		return c.Text("format.kilobytes", "n", int64(math.Ceil(float64(n)/1024)))
	case n < 1024*1024*1024:
		return c.Text("format.megabytes", "n", p.Sprint(number.Decimal(float64(n)/(1<<20), number.MaxFractionDigits(1))))
	}
	return c.Text("format.gigabytes", "n", p.Sprint(number.Decimal(float64(n)/(1<<30), number.MaxFractionDigits(1))))
}

// Date is the day, in the zone that t carries; so are Time and Moment.
func (c Catalogue) Date(t time.Time) string { return t.Format(c.layout("format.date")) }

// Time is the time of day.
func (c Catalogue) Time(t time.Time) string { return t.Format(c.layout("format.time")) }

// Moment is date and time of day.
func (c Catalogue) Moment(t time.Time) string {
	return c.Text("format.moment", "date", c.Date(t), "time", c.Time(t))
}

func (c Catalogue) layout(key string) string {
	t, _ := c.find(key)
	if len(t.forms["other"]) == 1 {
		return t.forms["other"][0].words
	}
	return time.DateTime
}

// Span writes a duration as people say it: rounded, and never to the second.
func (c Catalogue) Span(d time.Duration) string {
	switch {
	case d < 45*time.Second:
		return c.Text("format.moments")
	case d < 90*time.Minute:
		return c.Text("format.minutes", "n", max(1, roundTo(d.Minutes())))
	}
	return c.Text("format.hours", "n", int64(math.Round(d.Hours())))
}

// Between writes the range of two estimates; one value if both read the same.
func (c Catalogue) Between(low, high time.Duration) string {
	a, b := c.Span(low), c.Span(high)
	if high < 45*time.Second {
		return b
	}
	if a == b || low < 45*time.Second && high < 90*time.Second {
		return c.Text("format.about", "span", b)
	}
	return c.Text("format.between", "low", a, "high", b)
}

// roundTo rounds minutes the coarser the more there are.
func roundTo(minutes float64) int64 {
	switch {
	case minutes < 10:
		return int64(math.Round(minutes))
	case minutes < 30:
		return int64(math.Round(minutes/2) * 2)
	}
	return int64(math.Round(minutes/5) * 5)
}
