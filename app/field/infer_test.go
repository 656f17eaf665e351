package field_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// profileOf profiles cells; the first is in row 2.
func profileOf(cells ...string) field.Profile {
	p := field.NewProfiler()
	for i, c := range cells {
		p.Add(c, i+2)
	}
	return p.Profile()
}

func TestInfer(t *testing.T) {
	list := bitrix.Field{Name: "UF_L", Type: "enumeration", Title: "List", Dynamic: true, Multiple: true, Items: []bitrix.Option{{ID: "1", Value: "Red"}, {ID: "2", Value: "Green"}, {ID: "3", Value: "A, B"}}}
	for _, c := range []struct {
		name  string
		field bitrix.Field
		cells []string
		style field.Style
		why   string
		open  string
	}{
		{"day first", own("date"), []string{"03.04.2024", "", "25.04.2024"}, field.Style{DateOrder: "dmy"}, "date_dmy 4 25.04.2024", ""},
		{"month first", own("datetime"), []string{"03/04/2024 10:00", "04/25/2024 10:00"}, field.Style{DateOrder: "mdy"}, "date_mdy 3 04/25/2024 10:00", ""},
		{"dots", own("date"), []string{"03.04.2024", "05.06.2024"}, field.Style{DateOrder: "dmy"}, "date_dots 2 03.04.2024", ""},
		{"slashes", own("date"), []string{"03/04/2024"}, field.Style{}, "", "date_order"},
		{"the notation of SPA-I", own("date"), []string{"03-04-2024"}, field.Style{DateOrder: "dmy"}, "", "date_order"},
		{"contradiction", own("date"), []string{"25/04/2024", "26/04/2024", "04/27/2024"}, field.Style{DateOrder: "dmy"}, "date_mixed 4 04/27/2024", "date_order"},
		{"year first", own("date"), []string{"2024-03-04"}, field.Style{}, "date_year 2 2024-03-04", ""},
		{"short year first", own("date"), []string{"24-03-04", "99-01-02"}, field.Style{DateOrder: "ymd"}, "date_ymd 3 99-01-02", ""},
		{"short year, dots", own("date"), []string{"01.02.24", "25.02.24"}, field.Style{DateOrder: "dmy"}, "date_dmy 3 25.02.24", ""},
		{"month names", own("date"), []string{"5 марта 2024 г."}, field.Style{}, "date_named 2 5 марта 2024 г.", ""},
		{"Excel days", own("date"), []string{"45678", "", "45679"}, field.Style{Excel: true}, "date_excel 2 45678", ""},
		{"Excel days with time", own("datetime"), []string{"45678.25"}, field.Style{Excel: true}, "date_excel 2 45678.25", ""},
		{"Excel days and dates", own("date"), []string{"45678", "25.04.2024"}, field.Style{Excel: true, DateOrder: "dmy"}, "date_excel 2 45678", ""},
		{"decimal comma", own("double"), []string{"1", "1 234,5"}, field.Style{Decimal: ",", Group: " "}, "decimal_comma 3 1 234,5", ""},
		{"decimal dot", own("double"), []string{"1,234", "1,234.5"}, field.Style{Decimal: ".", Group: ","}, "decimal_dot 3 1,234.5", ""},
		{"decimal by groups", own("double"), []string{"1.234", "1.234.567"}, field.Style{Decimal: ",", Group: "."}, "decimal_comma 3 1.234.567", ""},
		{"leading zero", own("double"), []string{"0.125", "1.250"}, field.Style{Decimal: "."}, "decimal_dot 2 0.125", ""},
		{"open", own("double"), []string{"1,234", "5,678"}, field.Style{}, "", "decimal"},
		{"whole numbers", own("integer"), []string{"1,234", "5,678"}, field.Style{Decimal: ".", Group: ","}, "decimal_whole 2 1,234", ""},
		{"contradicting marks", own("money"), []string{"1.5 $", "2.5 $", "3,5 $"}, field.Style{Decimal: "."}, "decimal_mixed 4 3,5 $", "decimal"},
		{"apostrophes", own("double"), []string{"1'234"}, field.Style{Group: "'"}, "", ""},
		{"plain", own("integer"), []string{"1", "22"}, field.Style{}, "", ""},
		{"pipes", many(own("string")), []string{"a|b", "c;d"}, field.Style{}, "list_mark 2 a|b", ""},
		{"semicolons", many(system("contactIds", "crm_contact")), []string{"1; 2"}, field.Style{List: ";"}, "list_mark 2 1; 2", ""},
		{"commas of people", many(system("observers", "user")), []string{"1, 2"}, field.Style{List: ","}, "list_mark 2 1, 2", ""},
		{"commas in text", many(own("string")), []string{"one, two"}, field.Style{}, "", "list"},
		{"options decide", list, []string{"Red, Green", "Green"}, field.Style{List: ","}, "list_mark 2 Red, Green", ""},
		{"option with a comma", list, []string{"A, B", "Green"}, field.Style{}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := field.Targets([]bitrix.Field{c.field}, portal())[0]
			style, e, open := field.Infer(target, profileOf(c.cells...))
			if style != c.style {
				t.Errorf("style %+v, want %+v", style, c.style)
			}
			why := ""
			if e.Code != "" {
				why = fmt.Sprint(e.Code, " ", e.Row, " ", e.Value)
			}
			if why != c.why {
				t.Errorf("because %q, want %q", why, c.why)
			}
			if have := strings.Join(open, " "); have != c.open {
				t.Errorf("open %q, want %q", have, c.open)
			}
		})
	}
}

func TestProfile(t *testing.T) {
	p := profileOf("Red", "red ", "", "Red", "25.04.2024 10:00", "1 500 ₽", "15 %", "yes", "a@b.test", "+1 555 010 0200", "https://example.com/x", "C_12", "45678", "7", "  ")
	want := field.Profile{
		Filled: 13, Blank: 2, Distinct: 12, Examples: []string{"Red", "red", "25.04.2024 10:00", "1 500 ₽", "15 %"}, Longest: 21,
		Numbers: 4, Integers: 2, Units: 1, Percents: 1, Dates: 1, Times: 1, ExcelDays: 1, Booleans: 1, Emails: 1, Phones: 1, URLs: 1, Links: 1,
	}
	have := p
	have.Values, have.Marks, have.Order, have.Lists = nil, field.Marks{}, field.Order{}, field.Lists{}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	if len(p.Values) != 12 || p.Values[0] != (field.ValueCount{Value: "Red", Rows: 2}) {
		t.Errorf("values: %v", p.Values)
	}
	if p.Order.DMY.Row != 6 || p.Marks.Space.Row != 7 {
		t.Errorf("proofs: %+v %+v", p.Order.DMY, p.Marks.Space)
	}
}

// What is counted does not depend on whether the values fit into the
// profiler's memory.
func TestProfileCountsBeyondItsMemory(t *testing.T) {
	few, lots := field.NewProfiler(), field.NewProfiler()
	for i := range 5000 {
		lots.Add(fmt.Sprintf("%d,5", i), i)
		few.Add(fmt.Sprintf("%d,5", i%10), i)
	}
	a, b := few.Profile(), lots.Profile()
	if a.Numbers != 5000 || b.Numbers != 5000 || a.Filled != b.Filled {
		t.Errorf("%d and %d numbers", a.Numbers, b.Numbers)
	}
	if a.Distinct != 10 || b.Distinct != field.MaxDistinct || len(a.Values) != 10 || b.Values != nil {
		t.Errorf("%d and %d values", a.Distinct, b.Distinct)
	}
}

// A profile takes the same room for a hundred rows and for a hundred
// thousand, and keeps no cell alive.
func TestProfileIsOfConstantSize(t *testing.T) {
	grown := func(rows int) uint64 {
		p := field.NewProfiler()
		for i := range 2000 { // past everything that is remembered
			p.Add(fmt.Sprint("some text ", i), i)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range rows {
			p.Add(fmt.Sprint("other text ", i), i)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(p)
		if after.HeapAlloc < before.HeapAlloc {
			return 0
		}
		return after.HeapAlloc - before.HeapAlloc
	}
	if n := grown(100000); n > 64<<10 {
		t.Errorf("100,000 rows left %d bytes behind", n)
	}
}
