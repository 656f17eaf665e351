package field_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// styleOf makes a valid style of a number.
func styleOf(n uint8) field.Style {
	return field.Style{
		DateOrder: []string{"", field.DMY, field.MDY, field.YMD}[n%4],
		Decimal:   []string{"", ".", ","}[n/4%3],
		List:      []string{"", ";", ","}[n/12%3],
		Excel:     n/36%2 == 1,
		Blank:     []string{"", field.BlankClear}[n/72%2],
	}
}

// sound converts twice and checks what must hold for any cell.
func sound(t *testing.T, f bitrix.Field, s field.Style, cell string) (field.Value, *field.Problem) {
	conv := converter(t, f, s, portal())
	v, p := convert(t, conv, cell, everything{})
	again, q := conv.Convert(cell, everything{})
	if !reflect.DeepEqual(v, again) || !reflect.DeepEqual(p, q) {
		t.Fatalf("%q: converting again gives something else", cell)
	}
	if n, ok := v.JSON.(json.Number); ok {
		canonical(t, string(n))
	}
	return v, p
}

// canonical checks that a number is a JSON number in the shortest form.
func canonical(t *testing.T, n string) {
	if !json.Valid([]byte(n)) {
		t.Fatalf("%q is no JSON number", n)
	}
	if strings.Contains(n, ".") && strings.HasSuffix(n, "0") || n == "-0" || strings.ContainsAny(n, "eE+") {
		t.Fatalf("%q is not in the shortest form", n)
	}
}

func FuzzNumber(f *testing.F) {
	for cell := range cells[10].cases {
		f.Add(cell, uint8(0))
	}
	for _, cell := range []string{"1 234,56", "(1.5)", "−3", "1e-3", "15 %", "€1.5k", "1'000", ",5", "5.", "12,34,567"} {
		f.Add(cell, uint8(4))
		f.Add(cell, uint8(8))
	}
	f.Fuzz(func(t *testing.T, cell string, n uint8) {
		v, _ := sound(t, own("double"), styleOf(n), cell)
		if !v.Set || v.JSON == nil {
			return
		}
		// What was understood is understood again when a decimal mark is known.
		back, p := sound(t, own("double"), field.Style{Decimal: "."}, string(v.JSON.(json.Number)))
		if back.JSON != v.JSON {
			t.Fatalf("%q: %v comes back as %v %v", cell, v.JSON, back.JSON, p)
		}
		sound(t, own("integer"), styleOf(n), cell)
	})
}

func FuzzDate(f *testing.F) {
	for _, cell := range []string{"31.12.2026", "12/31/2026", "2026-12-31T10:00:00Z", "5 марта 2024 г.", "March 5, 2024 10:30 PM", "1er août 2024", "45678.5", "20240305", "00.00.0000", "24-03-05", "05.03.2024 10:00 UTC+3", "Tue, 5 Mar 2024", "5. 3. '24", "12/03/2024 à 14 h 30", "12.03.2024 14.30", "12.03.2024 в 14 ч 5 мин", "12/03/2024 2 p.\u00a0m."} {
		for n := range uint8(4) {
			f.Add(cell, n)
		}
		f.Add(cell, uint8(36))
	}
	f.Fuzz(func(t *testing.T, cell string, n uint8) {
		v, _ := sound(t, own("date"), styleOf(n), cell)
		if day, ok := v.JSON.(string); ok && day != "" {
			back, p := sound(t, own("date"), styleOf(n), day)
			if p != nil && p.Blocks || back.JSON != v.JSON {
				t.Fatalf("%q: %s comes back as %v", cell, day, back.JSON)
			}
		}
		w, _ := sound(t, own("datetime"), styleOf(n), cell)
		if s, ok := w.JSON.(string); ok {
			back, p := sound(t, own("datetime"), styleOf(n), s)
			if p != nil && p.Blocks || back.JSON != w.JSON {
				t.Fatalf("%q: %s comes back as %v %v", cell, s, back.JSON, p)
			}
		}
	})
}

func FuzzMoney(f *testing.F) {
	for _, cell := range []string{"100|USD", "1 500 ₽", "$20", "€1.5k", "-5,50 руб.", "100|", "5 kr", "7|EUR|8"} {
		f.Add(cell, uint8(0))
		f.Add(cell, uint8(8))
	}
	f.Fuzz(func(t *testing.T, cell string, n uint8) {
		v, _ := sound(t, own("money"), styleOf(n), cell)
		s, ok := v.JSON.(string)
		if !ok {
			return
		}
		amount, currency, _ := strings.Cut(s, "|")
		canonical(t, amount)
		if len(currency) != 3 || strings.ToUpper(currency) != currency {
			t.Fatalf("%q: %q", cell, s)
		}
		sound(t, many(own("money")), styleOf(n), cell)
	})
}

func FuzzBoolean(f *testing.F) {
	for _, cell := range []string{"да", "NO", "si\u0301", "✓", "yess", "-", " 1 "} {
		f.Add(cell)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		v, p := sound(t, own("boolean"), field.Style{}, cell)
		if v.Set && v.JSON != "Y" && v.JSON != "N" {
			t.Fatalf("%q: %v", cell, v.JSON)
		}
		if !v.Set && p == nil && strings.ContainsAny(cell, "abcdefghijklmnopqrstuvwxyz0123456789") {
			t.Fatalf("%q is lost", cell)
		}
	})
}

// FuzzConvert runs every converter: nothing panics, and nothing that can be
// seen disappears without a word.
func FuzzConvert(f *testing.F) {
	for i, c := range cells {
		for cell := range c.cases {
			if len(cell) < 200 {
				f.Add(cell, uint8(i), uint8(0))
			}
		}
	}
	f.Fuzz(func(t *testing.T, cell string, i, n uint8) {
		c := cells[int(i)%len(cells)]
		style := styleOf(n)
		v, p := sound(t, c.field, style, cell)
		if c.field.Multiple || p != nil || v.Set && style.Blank == "" {
			return
		}
		if strings.ContainsAny(cell, "abcdefghijklmnopqrstuvwxyz0123456789") && utf8.ValidString(cell) && v.JSON == nil {
			t.Fatalf("%s: %q is lost", c.name, cell)
		}
	})
}

func FuzzProfile(f *testing.F) {
	for _, cell := range pieces {
		f.Add(cell, "2024-01-02", uint8(3))
	}
	f.Fuzz(func(t *testing.T, a, b string, n uint8) {
		p := field.NewProfiler()
		for i := range int(n) {
			p.Add(a, 2*i+2)
			p.Add(b, 2*i+3)
		}
		profile := p.Profile()
		if profile.Filled+profile.Blank != 2*int(n) || profile.Distinct > 2 {
			t.Fatalf("%+v", profile)
		}
		for _, c := range cells {
			target := field.Targets([]bitrix.Field{c.field}, portal())[0]
			style, _, _ := field.Infer(target, profile)
			if _, err := field.NewConverter(target, style, portal()); err != nil {
				t.Fatal(err)
			}
			field.Match(a, profile, []field.Target{target}, portal())
		}
	})
}
