package importer

import (
	"encoding/json"
	"testing"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

func TestSameValue(t *testing.T) {
	own := bitrix.Field{Dynamic: true}
	single := func(typ string) field.Target { return field.Target{Name: "UF", Type: typ, Field: own} }
	many := func(typ string) field.Target { return field.Target{Name: "UF", Type: typ, Multiple: true, Field: own} }
	system := func(name, typ string) field.Target { return field.Target{Name: name, Type: typ} }
	n := func(s string) json.Number { return json.Number(s) }
	tests := []struct {
		name   string
		target field.Target
		old    string
		new    any
		same   bool
	}{
		{"text", single("string"), `"a"`, "a", true},
		{"case matters", single("string"), `"A"`, "a", false},
		{"line ends do not", single("text"), `"a\nb"`, "a\r\nb", true},
		{"cleared text", single("string"), `""`, nil, true},
		{"null", single("string"), `null`, nil, true},
		{"field missing in the answer", single("string"), ``, nil, true},
		{"a number in text", single("string"), `17`, "17", true},
		{"whole number", single("integer"), `5`, n("5"), true},
		{"number as text", single("integer"), `"5"`, n("5"), true},
		{"no number and zero", single("integer"), `null`, n("0"), false},
		{"zero and cleared", single("integer"), `0`, nil, false},
		{"a system number is cleared to zero", system("opportunity", "double"), `0`, nil, true},
		{"decimals", single("double"), `10.5`, "10.50", true},
		{"decimals differ", single("double"), `10.5`, "10.51", false},
		{"exponent", single("double"), `1.0e+20`, "100000000000000000000", true},
		{"yes", single("boolean"), `true`, "Y", true},
		{"yes as 1", single("boolean"), `"1"`, "Y", true},
		{"never ticked", single("boolean"), `null`, "N", true},
		{"no and yes", single("boolean"), `"N"`, "Y", false},
		{"money", single("money"), `"10|EUR"`, "10.00|EUR", true},
		{"other currency", single("money"), `"10|EUR"`, "10|USD", false},
		{"base currency", single("money"), `"10|USD"`, "10", true},
		{"no money", single("money"), `""`, nil, true},
		{"day", single("date"), `"2024-03-18T02:00:00+02:00"`, "2024-03-18", true},
		{"day in a zone behind", single("date"), `"2024-03-18T00:00:00-05:00"`, "2024-03-18", true},
		{"other day", single("date"), `"2024-03-18T02:00:00+02:00"`, "2024-03-17", false},
		{"moment in another zone", single("datetime"), `"2024-03-18T12:00:00+03:00"`, "2024-03-18T10:00:00+01:00", true},
		{"other moment", single("datetime"), `"2024-03-18T12:00:00+03:00"`, "2024-03-18T12:00:00+01:00", false},
		{"option", single("enumeration"), `"81"`, n("81"), true},
		{"no option", single("enumeration"), `0`, nil, true},
		{"options in any order", many("enumeration"), `[82,"81"]`, []any{n("81"), n("82")}, true},
		{"options with gaps", many("enumeration"), `{"0":82,"2":81}`, []any{n("81"), n("82")}, true},
		{"one option less", many("enumeration"), `[82]`, []any{n("81"), n("82")}, false},
		{"twice is not once", many("string"), `["a","a"]`, []any{"a"}, false},
		{"empty list", many("string"), `[]`, []any{}, true},
		{"false for an empty list", many("integer"), `null`, []any{}, true},
		{"contacts have an order", field.Target{Name: "contactIds", Type: "crm_contact", Multiple: true}, `[1,2]`, []any{n("2"), n("1")}, false},
		{"link", single("crm"), `"T408_5"`, "T408_5", true},
		{"link in hex", single("crm"), `"Ta1_5"`, "TA1_5", true},
		{"address with its id", single("address"), `"Main 1|;|45"`, "Main 1", true},
		{"address with a place", single("address"), `"Main 1|5;6|45"`, "Main 1|5;6", true},
		{"other place", single("address"), `"Main 1|5;6|45"`, "Main 1", false},
		{"a file is never the same", single("file"), `{"id":3}`, "x", false},
		{"no file", single("file"), `null`, nil, true},
		{"an object", single("string"), `{"x":1}`, "a", false},
		{"broken", single("string"), `{`, "a", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := sameValue(test.target, "USD", json.RawMessage(test.old), test.new); got != test.same {
				t.Errorf("sameValue(%s, %v) = %v", test.old, test.new, got)
			}
		})
	}
}
