package field_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// column profiles cells and infers how they are written for a field.
func column(t testing.TB, f bitrix.Field, cells ...string) (field.Style, field.Evidence, []string) {
	t.Helper()
	p := field.NewProfiler()
	for i, cell := range cells {
		p.Add(cell, i+2)
	}
	target := field.Targets([]bitrix.Field{f}, portal())[0]
	return field.Infer(target, p.Profile())
}

// TestCases are the cases of nasty files that concern values, by their
// numbers there. A column is read as a whole; what it does not decide is
// asked once, and then every cell becomes one value or a problem.
//
//nolint:gocritic,misspell // cells are odd on purpose
func TestCases(t *testing.T) {
	list := bitrix.Field{Name: "UF_L", Type: "enumeration", Title: "List", Dynamic: true, Items: []bitrix.Option{{ID: "1", Value: "Ёлка"}, {ID: "2", Value: "Счёт"}, {ID: "3", Value: "0"}}}
	for _, tt := range []struct {
		name     string
		field    bitrix.Field
		cells    []string
		evidence string // "code row", empty for any
		open     string // what is asked, and the answer that the test gives
		answer   field.Style
		want     []string // in parallel to cells
	}{
		{name: "26 day numbers of Excel in a text file", field: own("date"), cells: []string{"45678", "45679", "45000"},
			evidence: "date_excel", want: []string{`"2025-01-21"`, `"2025-01-22"`, `"2023-03-15"`}},
		{name: "26 a day number among dates", field: own("date"), cells: []string{"2025-01-20", "2025-01-22", "2025-01-23", "45678"},
			answer: field.Style{DateOrder: field.DMY}, want: []string{`"2025-01-20"`, `"2025-01-22"`, `"2025-01-23"`, "!date_excel_number ~ 2025-01-21"}},
		{name: "27 the day is above twelve once", field: own("date"), cells: []string{"03/04/2024", "13/04/2024", "05/06/2024"},
			evidence: "date_dmy 3", want: []string{`"2024-04-03"`, `"2024-04-13"`, `"2024-06-05"`}},
		{name: "27 American order", field: own("date"), cells: []string{"03/04/2024", "04/25/2024"},
			evidence: "date_mdy 3", want: []string{`"2024-03-04"`, `"2024-04-25"`}},
		{name: "27 no evidence is asked", field: own("date"), cells: []string{"03/04/2024", "05/06/2024"},
			open: "date_order", answer: field.Style{DateOrder: field.MDY}, want: []string{`"2024-03-04"`, `"2024-05-06"`}},
		{name: "27 never mixed row by row", field: own("date"), cells: []string{"13/04/2024", "04/13/2024", "14/04/2024", "15/04/2024"},
			open: "date_order", answer: field.Style{DateOrder: field.DMY}, want: []string{`"2024-04-13"`, "!date_order ~ 2024-04-13", `"2024-04-14"`, `"2024-04-15"`}},
		{name: "27 days that do not exist", field: own("date"), cells: []string{"31.02.2024", "29.02.2023", "29.02.2024"},
			want: []string{"!date_impossible", "!date_impossible", `"2024-02-29"`}},
		{name: "28 two-digit years turn at 70", field: own("date"), cells: []string{"13.04.69", "13.04.70", "13.04.24"},
			want: []string{`"2069-04-13"`, `"1970-04-13"`, `"2024-04-13"`}},
		{name: "28 months by name in the languages of the interface", field: own("date"),
			cells: []string{"5 марта 2024", "5 March 2024", "Mar 5, 2024", "5. März 2024", "5 de marzo de 2024", "5 mars 2024", "5 de março de 2024", "05.03.2024 г."},
			want:  []string{`"2024-03-05"`, `"2024-03-05"`, `"2024-03-05"`, `"2024-03-05"`, `"2024-03-05"`, `"2024-03-05"`, `"2024-03-05"`, `"2024-03-05"`}},
		{name: "28 zones are kept", field: own("datetime"), cells: []string{"2024-03-05T10:00:00Z", "2024-03-05T10:00:00+05:00", "05.03.2024 10:00"},
			want: []string{`"2024-03-05T10:00:00+00:00"`, `"2024-03-05T10:00:00+05:00"`, `"2024-03-05T10:00:00+00:00"`}},
		{name: "29 no dates and far ones", field: own("date"), cells: []string{"0000-00-00", "00.00.0000", "2024-03-05", "1666-09-02", "0024-03-05", "3024-03-05"},
			want: []string{"- <date_zero>", "- <date_zero>", `"2024-03-05"`, `"1666-09-02" <date_far>`, "!date_far", `"3024-03-05" <date_far>`}},
		{name: "33 numbers with a comma", field: own("double"), cells: []string{"1 234,56", "1.234,5", "12", "(500)", "500-", "−7", "-3", "1'000,5"},
			evidence: "decimal_comma 2", want: []string{"1234.56", "1234.5", "12", "-500", "-500", "-7", "-3", "1000.5"}},
		{name: "33 numbers with a point", field: own("double"), cells: []string{"1,234.56", "1'234.5", "0.5"},
			evidence: "decimal_dot 2", want: []string{"1234.56", "1234.5", "0.5"}},
		{name: "33 one mark is asked", field: own("double"), cells: []string{"1,234", "5,678"},
			open: "decimal", answer: field.Style{Decimal: "."}, want: []string{"1234", "5678"}},
		{name: "34 percent is what the person sees", field: own("double"), cells: []string{"15 %", "12,5%"}, want: []string{"15", "12.5"}},
		{name: "34 or a fraction, by rule", field: own("double"), cells: []string{"15 %", "0,5 %"},
			answer: field.Style{Decimal: ",", Percent: "fraction"}, want: []string{"0.15", "0.005"}},
		{name: "35 currencies", field: own("money"), cells: []string{"1 500 ₽", "USD 20", "€15", "20 kr", "€1.5k", "2 тыс. руб."},
			answer: field.Style{Decimal: "."}, want: []string{`"1500|RUB"`, `"20|USD"`, `"15|EUR"`, "!currency_ambiguous", "!number_abbreviated ~ 1500 €", "!number_abbreviated ~ 2000 руб."}},
		{name: "35 a currency where a number belongs", field: own("double"), cells: []string{"20 USD", "20 ₽"}, want: []string{"20 <number_currency>", "20"}},
		{name: "36 yes and no in many languages", field: own("boolean"),
			cells: []string{"да", "Нет", "yes", "NO", "true", "False", "1", "0", "Y", "n", "+", "−", "✓", "x", "истина", "ложь", "ja", "nein", "sí", "oui", "non", "sim", "não", "是", "否", "maybe", "yse"},
			want: []string{`"Y"`, `"N"`, `"Y"`, `"N"`, `"Y"`, `"N"`, `"Y"`, `"N"`, `"Y"`, `"N"`, `"Y"`, `"N"`, `"Y"`, `"Y"`, `"Y"`, `"N"`, `"Y"`, `"N"`,
				`"Y"`, `"Y"`, `"N"`, `"Y"`, `"N"`, `"Y"`, `"N"`, "!boolean_unknown", "!boolean_unknown ~ yes"}},
		{name: "37 words for nothing", field: own("integer"), cells: []string{"N/A", "-", "null", "#N/A", "#REF!", "#ССЫЛКА!", "н/д"},
			want: []string{"!looks_empty", "!looks_empty", "!looks_empty", "- <cell_error>", "- <cell_error>", "- <cell_error>", "!looks_empty"}},
		{name: "37 in text they stay", field: own("string"), cells: []string{"N/A", "-", "null", "#N/A"}, want: []string{`"N/A"`, `"-"`, `"null"`, "- <cell_error>"}},
		{name: "39 letters however they are composed", field: list, cells: []string{"Е\u0308лка", "ёлка", "Елка", "Cчёт"},
			want: []string{"1", "1", "!option_unknown ~ Ёлка", "!option_unknown ~ Счёт"}},
		{name: "39 text is stored as it came", field: own("string"), cells: []string{"и\u0306 👩‍👩‍👧", "C\u0421"}, want: []string{"\"и\u0306 👩‍👩‍👧\"", "\"C\u0421\""}},
		{name: "56 zero is a value", field: own("integer"), cells: []string{"0", " 0 ", "00"}, want: []string{"0", "0", "0"}},
		{name: "56 zero and false in text", field: own("string"), cells: []string{"0", "false", " 0 "}, want: []string{`"0"`, `"false"`, `"0"`}},
		{name: "56 zero as an option and as no", field: list, cells: []string{"0"}, want: []string{"3"}},
		{name: "56 false is a no", field: own("boolean"), cells: []string{"0", "false", " 0 "}, want: []string{`"N"`, `"N"`, `"N"`}},
		{name: "56 zero money", field: own("money"), cells: []string{"0", "0,00 €"}, want: []string{`"0|RUB"`, `"0|EUR"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			style, evidence, open := column(t, tt.field, tt.cells...)
			if have := strings.Join(open, " "); have != tt.open {
				t.Errorf("asked is %q, want %q", have, tt.open)
			}
			if have := fmt.Sprint(evidence.Code, " ", evidence.Row); tt.evidence != "" && have != tt.evidence && evidence.Code != tt.evidence {
				t.Errorf("evidence is %q %q, want %q", have, evidence.Value, tt.evidence)
			}
			if tt.answer != (field.Style{}) {
				style = tt.answer
			}
			conv := converter(t, tt.field, style, portal())
			for i, cell := range tt.cells {
				if have := wire(t, conv, cell, known); have != tt.want[i] {
					t.Errorf("%q: %s, want %s (style %+v)", cell, have, tt.want[i], style)
				}
			}
		})
	}
}
