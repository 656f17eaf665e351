package field_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
	"pgregory.net/rapid"
)

// decimals generates canonical decimals with up to places digits after the
// mark.
func decimals(places int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		whole := strings.TrimLeft(rapid.StringMatching(`[0-9]{1,12}`).Draw(t, "whole"), "0")
		fraction := strings.TrimRight(rapid.StringMatching(fmt.Sprintf(`[0-9]{0,%d}`, places)).Draw(t, "fraction"), "0")
		d := whole
		if d == "" {
			d = "0"
		}
		if fraction != "" {
			d += "." + fraction
		}
		if d != "0" && rapid.Bool().Draw(t, "negative") {
			d = "-" + d
		}
		return d
	})
}

// numberStyles generates styles with both marks known, and one of the
// characters that write the group mark.
func numberStyles() *rapid.Generator[[2]string] {
	return rapid.SampledFrom([][2]string{
		{".", ""}, {".", ","}, {".", " "}, {".", "\u00a0"}, {".", "'"}, {".", "’"},
		{",", ""}, {",", "."}, {",", " "}, {",", "\u202f"}, {",", "'"},
	})
}

// formatNumber writes a canonical decimal with marks and a form of minus.
func formatNumber(d string, marks [2]string, minus string) string {
	d, negative := strings.CutPrefix(d, "-")
	whole, fraction, _ := strings.Cut(d, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + marks[1] + whole[i:]
	}
	if fraction != "" {
		whole += marks[0] + fraction
	}
	if !negative {
		return whole
	}
	return strings.ReplaceAll(minus, "n", whole)
}

var minuses = []string{"-n", "−n", "(n)", "n-", "- n"}

func TestNumbersInAnyStyleComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := decimals(6).Draw(rt, "number")
		marks := numberStyles().Draw(rt, "marks")
		cell := formatNumber(d, marks, rapid.SampledFrom(minuses).Draw(rt, "minus"))
		pad := rapid.SampledFrom([]string{"", " ", "\u00a0", "\ufeff"}).Draw(rt, "pad")
		for _, group := range []string{"", "known"} {
			style := field.Style{Decimal: marks[0]}
			if group != "" {
				style.Group = map[string]string{",": ",", ".": ".", " ": " ", "\u00a0": " ", "\u202f": " ", "'": "'", "’": "'"}[marks[1]]
			}
			conv := converter(t, own("double"), style, portal())
			v, p := convert(t, conv, pad+cell+pad, nil)
			if p != nil && p.Blocks {
				rt.Fatalf("%q in %+v: %s", cell, style, p.Code)
			}
			if v.JSON != json.Number(d) {
				rt.Fatalf("%q in %+v: %v, want %s", cell, style, v.JSON, d)
			}
		}
	})
}

// The style that is inferred from a column reads its cells back. What stays
// ambiguous is asked, not guessed.
func TestInferredNumberStyleReadsTheColumn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		marks := numberStyles().Draw(rt, "marks")
		numbers := rapid.SliceOfN(decimals(4), 1, 30).Draw(rt, "numbers")
		cells := make([]string, len(numbers))
		profiler := field.NewProfiler()
		for i, d := range numbers {
			cells[i] = formatNumber(d, marks, "-n")
			profiler.Add(cells[i], i+2)
		}
		target := field.Targets([]bitrix.Field{own("double")}, portal())[0]
		style, _, open := field.Infer(target, profiler.Profile())
		if len(open) > 0 {
			return
		}
		conv := converter(t, own("double"), style, portal())
		for i, cell := range cells {
			v, p := convert(t, conv, cell, nil)
			if p != nil && p.Blocks {
				rt.Fatalf("%q in %+v: %s", cell, style, p.Code)
			}
			if v.JSON != json.Number(numbers[i]) {
				rt.Fatalf("%q in %+v: %v, want %s", cell, style, v.JSON, numbers[i])
			}
		}
	})
}

func moments() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(-2208988800, 4102444799).Draw(t, "second"), 0).UTC() // 1900 to 2099
	})
}

var dateLayouts = map[string][]string{
	field.DMY: {"02.01.2006", "2.1.2006", "02/01/2006", "02-01-2006", "2006-01-02", "2006/01/02", "20060102", "2 January 2006", "02 Jan 2006", "January 2, 2006", "02-Jan-2006", "Monday, 2 January 2006"},
	field.MDY: {"01/02/2006", "1/2/2006", "01-02-2006", "01.02.2006", "2006-01-02", "Jan 2, 2006"},
	field.YMD: {"2006-01-02", "2006.1.2", "2006/01/02"},
}

var timeLayouts = []string{" 15:04:05", "T15:04:05", " 3:04:05 PM", "T15:04:05Z07:00", " 15:04:05 -07:00", ", 15:04:05",
	" à 15h04min05s", " 15 ч 04 мин 05 сек", " um 15.04.05 Uhr", " 15.04.05", ", 3:04:05 pm"}

func TestDatesInAnyStyleComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		when := moments().Draw(rt, "date")
		order := rapid.SampledFrom([]string{field.DMY, field.MDY, field.YMD}).Draw(rt, "order")
		layout := rapid.SampledFrom(dateLayouts[order]).Draw(rt, "layout")
		style := field.Style{DateOrder: order}
		day := converter(t, own("date"), style, portal())
		v, p := convert(t, day, when.Format(layout), nil)
		if want := when.Format("2006-01-02"); p != nil || v.JSON != want {
			rt.Fatalf("%q: %v %v, want %s", when.Format(layout), v.JSON, p, want)
		}
		cell := when.Format(layout + rapid.SampledFrom(timeLayouts).Draw(rt, "time"))
		c := portal()
		full := converter(t, own("datetime"), style, c)
		v, p = convert(t, full, cell, nil)
		if want := when.Format("2006-01-02T15:04:05-07:00"); p != nil || v.JSON != want {
			rt.Fatalf("%q: %v %+v, want %s", cell, v.JSON, p, want)
		}
	})
}

// Every time that clocks show is sent as that instant, whatever the zone.
func TestWallClocks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := portal()
		c.Location = zone(t, rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "America/Sao_Paulo", "UTC"}).Draw(rt, "zone"))
		when := time.Unix(rapid.Int64Range(0, 4102444799).Draw(rt, "second"), 0).In(c.Location)
		conv := converter(t, own("datetime"), field.Style{DateOrder: field.DMY}, c)
		v, p := convert(t, conv, when.Format("02.01.2006 15:04:05"), nil)
		if p != nil {
			rt.Fatalf("%s: %s", when, p.Code)
		}
		got, err := time.Parse(time.RFC3339, v.JSON.(string))
		if err != nil {
			rt.Fatal(err)
		}
		if got.Equal(when) {
			return
		}
		// The hour that clocks show twice, when they are put back.
		if d := got.Sub(when).Abs(); d != time.Hour || got.In(c.Location).Format(time.TimeOnly) != when.Format(time.TimeOnly) {
			rt.Fatalf("%s became %s", when, got)
		}
	})
}

// Infer never guesses: if it settles on an order, that order reads every
// date of the column as it was meant.
func TestInferredDateOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		order := rapid.SampledFrom([]string{field.DMY, field.MDY}).Draw(rt, "order")
		layout := map[string]string{field.DMY: "02/01/2006", field.MDY: "01/02/2006"}[order]
		profiler := field.NewProfiler()
		dates := rapid.SliceOfN(moments(), 1, 40).Draw(rt, "dates")
		proof := 0
		for i, d := range dates {
			profiler.Add(d.Format(layout), i+2)
			if proof == 0 && d.Day() > 12 {
				proof = i + 2
			}
		}
		target := field.Targets([]bitrix.Field{own("date")}, portal())[0]
		style, e, open := field.Infer(target, profiler.Profile())
		switch {
		case proof > 0 && (style.DateOrder != order || len(open) > 0 || e.Row != proof || e.Code != "date_"+order):
			rt.Fatalf("row %d proves %s: %+v %+v %v", proof, order, style, e, open)
		case proof == 0 && style.DateOrder != "":
			rt.Fatalf("nothing proves %q", style.DateOrder)
		}
	})
}

func TestExcelDaysComeBack(t *testing.T) {
	conv := converter(t, own("date"), field.Style{Excel: true}, portal())
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(61, 2958465).Draw(rt, "day")
		v, p := convert(t, conv, strconv.Itoa(n), nil)
		want := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n).Format("2006-01-02")
		if p != nil && p.Blocks || v.JSON != want {
			rt.Fatalf("%d: %v, want %s", n, v.JSON, want)
		}
	})
}

func TestMoneyInAnyStyleComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := decimals(2).Draw(rt, "amount")
		marks := numberStyles().Draw(rt, "marks")
		number := formatNumber(d, marks, "-n")
		form := rapid.SampledFrom([]string{"n|USD", "n USD", "$n", "USD n", "n $", "n usd", "US$ n", "n | USD"}).Draw(rt, "form")
		cell := strings.ReplaceAll(form, "n", number)
		conv := converter(t, own("money"), field.Style{Decimal: marks[0]}, portal())
		v, p := convert(t, conv, cell, nil)
		if p != nil || v.JSON != d+"|USD" {
			rt.Fatalf("%q: %v %+v, want %s|USD", cell, v.JSON, p, d)
		}
	})
}

// Values joined with any mark come apart again.
func TestListsComeApart(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mark := rapid.SampledFrom([]string{"", "|", ";", ",", "/", ", ", "\n"}).Draw(rt, "mark")
		with := mark
		if mark == "" {
			with = rapid.SampledFrom([]string{"|", " | ", "\n", "\r\n"}).Draw(rt, "with")
		}
		values := rapid.SliceOfN(rapid.StringMatching(`[a-zà-ÿ]([a-zà-ÿ ]*[a-zà-ÿ])?`), 1, 6).Draw(rt, "values")
		conv := converter(t, many(own("string")), field.Style{List: mark}, portal())
		v, p := convert(t, conv, strings.Join(values, with), nil)
		if p != nil {
			rt.Fatal(p.Code)
		}
		if have, want := fmt.Sprint(v.JSON), fmt.Sprint(values); have != want {
			rt.Fatalf("%q: %s", values, have)
		}
	})
}

// A label is found however it is spaced and cased, and one slip away it is
// suggested rather than taken.
func TestLabels(t *testing.T) {
	labels := []string{"In progress", "Waiting for the client", "Договор подписан", "Größe unklar", "Closed"}
	items := make([]bitrix.Option, len(labels))
	for i, l := range labels {
		items[i] = bitrix.Option{ID: strconv.Itoa(100 + i), Value: l}
	}
	conv := converter(t, bitrix.Field{Name: "UF_L", Type: "enumeration", Title: "List", Dynamic: true, Items: items}, field.Style{}, portal())
	rapid.Check(t, func(rt *rapid.T) {
		i := rapid.IntRange(0, len(labels)-1).Draw(rt, "label")
		cell := strings.ReplaceAll(labels[i], " ", rapid.SampledFrom([]string{" ", "  ", "\u00a0"}).Draw(rt, "space"))
		if rapid.Bool().Draw(rt, "upper") {
			cell = strings.ToUpper(cell)
		}
		v, p := convert(t, conv, cell, nil)
		if p != nil || v.JSON != json.Number(strconv.Itoa(100+i)) {
			rt.Fatalf("%q: %v %+v", cell, v.JSON, p)
		}
		letters := []rune(labels[i])
		at := rapid.IntRange(0, len(letters)-1).Draw(rt, "at")
		wrong := string(letters[:at]) + "q" + string(letters[at+1:])
		if v, p = convert(t, conv, wrong, nil); v.Set || p == nil || p.Closest != labels[i] {
			rt.Fatalf("%q: %+v", wrong, p)
		}
	})
}

// Multiple fields get arrays whatever is in the cell, single ones never.
func TestArraysForMultipleFieldsOnly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := rapid.SampledFrom(cells).Draw(rt, "field")
		cell := rapid.SampledFrom(pieces).Draw(rt, "a") + rapid.SampledFrom(pieces).Draw(rt, "b")
		v, _ := convert(t, converter(t, c.field, c.style, portal()), cell, everything{})
		if !v.Set {
			return
		}
		if _, array := v.JSON.([]any); array != c.field.Multiple {
			rt.Fatalf("%s: %q became %v", c.name, cell, v.JSON)
		}
	})
}

// pieces are what cells are made of, to be put together.
var pieces = []string{"", "1", "1,5", "|", "C_1", "red", "Red", "31.12.2024", " 10:00", "Новая", "100|USD", "yes", "-", "#N/A", "\n", "a@b.test", "12", "abc", "example.com", "177_5"}

// Words for yes and no in the languages of the interface are read whatever
// their case and the spaces around them.
func TestBooleansInAnyStyleComeBack(t *testing.T) {
	pairs := [][2]string{
		{"yes", "no"}, {"true", "false"}, {"y", "n"}, {"on", "off"}, {"1", "0"}, {"+", "-"}, {"да", "нет"}, {"истина", "ложь"},
		{"вкл", "выкл"}, {"ja", "nein"}, {"wahr", "falsch"}, {"oui", "non"}, {"vrai", "faux"}, {"sí", "no"}, {"verdadero", "falso"},
		{"sim", "não"}, {"verdadeiro", "falso"}, {"✓", "✗"},
	}
	conv := converter(t, own("boolean"), field.Style{}, portal())
	rapid.Check(t, func(rt *rapid.T) {
		pair := rapid.SampledFrom(pairs).Draw(rt, "pair")
		yes := rapid.Bool().Draw(rt, "yes")
		word, want := pair[1], "N"
		if yes {
			word, want = pair[0], "Y"
		}
		form := rapid.SampledFrom([]func(string) string{
			strings.ToUpper, strings.ToLower,
			func(s string) string { r := []rune(s); return strings.ToUpper(string(r[:1])) + string(r[1:]) },
			func(s string) string { return strings.ReplaceAll(s, "í", "i\u0301") },
			func(s string) string { return " \u00a0" + s + "\u200b " },
		}).Draw(rt, "form")
		if v, p := convert(t, conv, form(word), nil); p != nil || v.JSON != want {
			rt.Fatalf("%q: %v %v, want %s", form(word), v.JSON, p, want)
		}
	})
}
