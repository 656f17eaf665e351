package field_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// known is what the portal of the tests finds.
var known = found{
	{Kind: "user", Key: "5"}: {"5"}, {Kind: "user", Key: "404"}: nil,
	{Kind: "user", Key: "Anna Example"}: {"5"}, {Kind: "user", Key: "Twin"}: {"5", "6"},
	{Kind: "user", Key: "anna@example.test"}: {"5"},
	{Kind: "contact", Key: "12"}:             {"12"}, {Kind: "contact", Key: "404"}: {}, {Kind: "contact", Key: "Twin"}: {"1", "2"},
	{Kind: "contact", Key: "+15550100200"}: {"12"}, {Kind: "contact", Key: "c@example.test"}: {"12"},
	{Kind: "contact", Key: "123-45-67"}: {"13"}, {Kind: "contact", Key: "Both"}: {"12"},
	{Kind: "company", Key: "4"}: {"4"}, {Kind: "company", Key: "404"}: nil, {Kind: "company", Key: "Twin"}: {"1", "2"},
	{Kind: "company", Key: "Acme Ltd"}: {"4"}, {Kind: "company", Key: "Both"}: {"4"},
	{Kind: "mycompany", Key: "9"}: {"9"}, {Kind: "mycompany", Key: "We"}: {"9"},
	{Kind: "item:2", Key: "3"}: {"3"}, {Kind: "item:2", Key: "Big deal"}: {"3"},
	{Kind: "item:177", Key: "5"}: {"5"}, {Kind: "item:177", Key: "404"}: nil, {Kind: "item:177", Key: "A-17"}: {"5"}, {Kind: "item:177", Key: "Twin"}: {"1", "2"},
	{Kind: "iblock_element:33", Key: "Red"}: {"8"}, {Kind: "iblock_element:33", Key: "8"}: {"8"},
}

// cells are fields, styles and what becomes of cells.
//
//nolint:gocritic,misspell // cells are odd on purpose
var cells = []struct {
	name  string
	field bitrix.Field
	style field.Style
	cases map[string]string
}{
	{"string", own("string"), field.Style{}, map[string]string{
		"text": `"text"`, "  a \u00a0": `"a"`, "": "-", " \u200b": "-", "0": `"0"`, "00123": `"00123"`, "-": `"-"`, "n/a": `"n/a"`,
		"a|b": `"a|b"`, "two\nlines": `"two\nlines"`, "ct\x00rl\x07": `"ctrl" <text_control_characters>`, "\x01": "-",
		"7.91612E+10": `"7.91612E+10" <text_number_shortened>`, "1234567890123450000": `"1234567890123450000" <text_digits_lost>`,
		"1234567890123456789": `"1234567890123456789"`, "#N/A": "- <cell_error>", "#ССЫЛКА!": "- <cell_error>", "<script>": `"\u003cscript\u003e"`,
		strings.Repeat("x", 65536): "!text_too_long",
	}},
	{"string limits", own("string", "MIN_LENGTH", "2", "MAX_LENGTH", `"4"`), field.Style{}, map[string]string{
		"я": "!text_too_short", "да": `"да"`, "слов": `"слов"`, "слово": "!text_too_long",
	}},
	{"string pattern", own("string", "REGEXP", `"/^[a-z]{2}-\\d+$/i"`), field.Style{}, map[string]string{
		"AB-1": `"AB-1"`, "ABC-1": "!text_pattern",
	}},
	{"string unknown pattern", own("string", "REGEXP", `"/(?<=a)b/"`), field.Style{}, map[string]string{"xx": `"xx"`}},
	{"strings", many(own("string")), field.Style{}, map[string]string{
		"a": `["a"]`, "a|b": `["a","b"]`, "a | b\nc||": `["a","b","c"]`, "|": "-", "": "-", "a|a": `["a","a"]`,
	}},
	{"strings, semicolon", many(own("string")), field.Style{List: ";"}, map[string]string{"a;b|c": `["a","b|c"]`, "a\r\nb": `["a","b"]`}},
	{"title", system("title", "string"), field.Style{Blank: "clear"}, map[string]string{strings.Repeat("ж", 255): `"` + strings.Repeat("ж", 255) + `"`, strings.Repeat("ж", 256): "!text_too_long", "": "-"}},
	{"clear", own("string"), field.Style{Blank: "clear"}, map[string]string{"": "null", "x": `"x"`}},
	{"clear many", many(own("string")), field.Style{Blank: "clear"}, map[string]string{"": "[]", "x": `["x"]`, "|": "[]"}},
	{"clear boolean", own("boolean"), field.Style{Blank: "clear"}, map[string]string{"": "-"}},
	{"rest", own("rest_219_test"), field.Style{}, map[string]string{"opaque": `"opaque"`}},

	{"integer", own("integer"), field.Style{}, map[string]string{
		"1": "1", "0": "0", " 0 ": "0", "-5": "-5", "1 200": "1200", "1\u202f200": "1200", "1,200": "!number_ambiguous", "12abc": "!number_invalid ~ 12",
		"abc": "!number_invalid", "1.5": "!number_not_whole", "1.0": "1", "007": "7", "9223372036854775807": "9223372036854775807 <number_too_large>",
		"9223372036854775808": "!number_too_large", "2147483647": "2147483647", "2147483648": "2147483648 <number_too_large>", "-": "!looks_empty", "N/A": "!looks_empty",
		"1E+3": "!number_shortened", "1.5E+1": "15", "1.5E+2": "!number_shortened", "1 2": "!number_invalid",
	}},
	{"integer limits", own("integer", "MIN_VALUE", "-3", "MAX_VALUE", `"10"`), field.Style{}, map[string]string{"-3": "-3", "-4": "!number_too_small", "10": "10", "11": "!number_too_large"}},
	{"integers", many(own("integer")), field.Style{}, map[string]string{"1|2": "[1,2]", "1|x": "!number_invalid", "1|12x": "!number_invalid ~ 1|12"}},
	{"double", own("double"), field.Style{}, map[string]string{
		"1.5": "1.5", "1,5": "1.5", "1.50": "1.5", ".5": "0.5", "5.": "5", "1 234,56": "1234.56", "1.234,56": "1234.56", "1,234.56": "1234.56", "1'234.56": "1234.56", "1’234.56": "1234.56",
		"1.234": "!number_ambiguous", "0.155": "0.155", "1234.567": "1234.567", "1.234.567": "1234567", "12,34,567": "1234567", "(500)": "-500", "500-": "-500", "−3": "-3", "-0": "0", "+7": "7",
		"(-5)": "!number_invalid", "--5": "!number_invalid", "15 %": "15", "20 ₽": "20", "$20": "20 <number_currency>", "10 тыс.": "!number_abbreviated ~ 10000", "€1.5k": "!number_abbreviated ~ 1500",
		"1e-3": "0.001", "7.9E+10": "!number_shortened", "123456789012345678.5": "123456789012345678.5 <number_precision>", "1.2.3": "!number_invalid", "12 шт": "!number_invalid ~ 12", "1e999": "!number_invalid",
		"\u2007\u20091": "1", "05.03.2024": "!number_invalid", "+7 495 123-45-67": "!number_invalid",
	}},
	{"double, comma", own("double"), field.Style{Decimal: ","}, map[string]string{"1.234": "1234", "1,234": "1.234", "1.5": "!number_invalid ~ 1,5", "1.234,5": "1234.5", "1 234,5": "1234.5", "1 23 456": "!number_invalid", "1 2 345": "!number_invalid", "12 34 567,5": "!number_invalid"}},
	{"double, comma, spaces", own("double"), field.Style{Decimal: ",", Group: " "}, map[string]string{"1.234": "!number_invalid", "1 234,5": "1234.5", "1234,5": "1234.5"}},
	{"double, fraction", own("double"), field.Style{Percent: "fraction"}, map[string]string{"15 %": "0.15", "15": "15", "-0.5%": "-0.005"}},
	{"double precision", own("double", "PRECISION", "2"), field.Style{Decimal: "."}, map[string]string{"1.005": "1.01 <number_rounded>", "1.25": "1.25", "-9.999": "-10 <number_rounded>"}},
	{"opportunity", system("opportunity", "double"), field.Style{Decimal: "."}, map[string]string{"10.005": "10.01 <number_rounded>", "10": "10"}},

	{"boolean", own("boolean", "LABEL", `["Off duty","On duty"]`), field.Style{}, map[string]string{
		"1": `"Y"`, "0": `"N"`, "да": `"Y"`, "НЕТ": `"N"`, "Ja": `"Y"`, "nein": `"N"`, "oui": `"Y"`, "non": `"N"`, "sí": `"Y"`, "si\u0301": `"Y"`, "não": `"N"`, "sim": `"Y"`, "TRUE": `"Y"`, "ложь": `"N"`,
		"✓": `"Y"`, "x": `"Y"`, "+": `"Y"`, "-": `"N"`, "on DUTY": `"Y"`, "off duty": `"N"`, "": "-", "maybe": "!boolean_unknown", "flase": "!boolean_unknown ~ false", "2": "!boolean_unknown",
	}},

	{"date", own("date"), field.Style{DateOrder: "dmy"}, map[string]string{
		"31.12.2026": `"2026-12-31"`, "31-12-2026": `"2026-12-31"`, "1/2/2026": `"2026-02-01"`, "2026-12-31": `"2026-12-31"`, "2026/12/31": `"2026-12-31"`, "20261231": `"2026-12-31"`,
		"05.03.2024 г.": `"2024-03-05"`, "5 марта 2024 года": `"2024-03-05"`, "March 5, 2024": `"2024-03-05"`, "5. März 2024": `"2024-03-05"`, "5 de marzo de 2024": `"2024-03-05"`, "1er août 2024": `"2024-08-01"`, "Tue, 5 Mar 2024": `"2024-03-05"`, "5-Mar-24": `"2024-03-05"`,
		"01.02.69": `"2069-02-01"`, "01.02.70": `"1970-02-01"`, "31.02.2024": "!date_impossible", "29.02.2024": `"2024-02-29"`, "29.02.2023": "!date_impossible", "12/25/2024": "!date_order ~ 2024-12-25", "2024-13-05": "!date_impossible",
		"45678": "!date_excel_number ~ 2025-01-21", "45678.5": "!date_excel_number ~ 2025-01-21 12:00:00", "00.00.0000": "- <date_zero>", "0000-00-00": "- <date_zero>", "01.01.1850": `"1850-01-01" <date_far>`, "01.01.0850": "!date_far",
		"tomorrow": "!date_invalid", "2026": "!date_invalid", "5 мартобря 2024": "!date_invalid", "-": "!looks_empty", "05.03.2024 10:00": `"2024-03-05" <date_time_dropped>`, "05.03.2024 00:00:00": `"2024-03-05"`, "2024-03-05T10:00:00Z": `"2024-03-05" <date_time_dropped>`,
		"05.03.2024 25:00": "!date_invalid", "1.2/2024": "!date_invalid", "01.02.2024.": `"2024-02-01"`, "01,02,2024": "!date_invalid", "2024.03": "!date_invalid", "": "-",
	}},
	{"date, month first", own("date"), field.Style{DateOrder: "mdy"}, map[string]string{"12/25/2024": `"2024-12-25"`, "25/12/2024": "!date_order ~ 2024-12-25", "25/12/2024 10:30+02:00": "!date_order ~ 2024-12-25 10:30:00+02:00", "1/2/26": `"2026-01-02"`}},
	{"date, year first", own("date"), field.Style{DateOrder: "ymd"}, map[string]string{"24-03-05": `"2024-03-05"`, "2024-3-5": `"2024-03-05"`}},
	{"date, open", own("date"), field.Style{}, map[string]string{"03.04.2024": "!date_ambiguous", "25.04.2024": `"2024-04-25"`, "04/25/2024": `"2024-04-25"`, "03.03.2024": `"2024-03-03"`, "2024-03-04": `"2024-03-04"`, "25.04.03": "!date_ambiguous"}},
	{"date, Excel", own("date"), field.Style{Excel: true}, map[string]string{"45678": `"2025-01-21"`, "1": `"1900-01-01"`, "59": `"1900-02-28"`, "60": "!date_invalid", "61": `"1900-03-01"`, "2024-01-02": `"2024-01-02"`, "0": "!date_invalid", "45678.75": `"2025-01-21" <date_time_dropped>`}},
	{"dates", many(own("date")), field.Style{DateOrder: "dmy"}, map[string]string{"01.02.2024|03.02.2024": `["2024-02-01","2024-02-03"]`, "01.02.2024|99": "!date_invalid", "01.02.2024|12/25/2024": "!date_order ~ 01.02.2024|2024-12-25"}},
	{"datetime", own("datetime"), field.Style{DateOrder: "dmy"}, map[string]string{
		"25-12-2024 10:11:12": `"2024-12-25T10:11:12+00:00"`, "25.12.2024": `"2024-12-25T00:00:00+00:00"`, "25.12.2024 10:11": `"2024-12-25T10:11:00+00:00"`, "2024-12-25T10:11:12.345+02:00": `"2024-12-25T10:11:12+02:00"`,
		"12/25/2024 1:05 PM": "!date_order ~ 2024-12-25 13:05:00", "25.12.2024 12:00 am": `"2024-12-25T00:00:00+00:00"`, "25.12.2024 в 10:11": `"2024-12-25T10:11:00+00:00"`, "25.12.2024 13:00 pm": "!date_invalid", "25.12.2024 10:11 UTC+3": `"2024-12-25T10:11:00+03:00"`, "25.12.2024 10:61": "!date_invalid", "2024-12-25 24:00": "!date_invalid",
	}},

	{"enumeration", bitrix.Field{Name: "UF_L", Type: "enumeration", Title: "List", Dynamic: true, Items: []bitrix.Option{{ID: "81", Value: "Red"}, {ID: "82", Value: "Green"}, {ID: "83", Value: "Green"}, {ID: "84", Value: "81"}, {ID: "85", Value: "Зелёный"}}}, field.Style{}, map[string]string{
		"Red": "81", " red ": "81", "82": "82", "Green": "!option_ambiguous", "81": "!option_ambiguous", "Rde": "!option_unknown ~ Red", "Зеленый": "!option_unknown ~ Зелёный", "violet": "!option_unknown", "зелёныи\u0306": "85",
	}},
	{"enumerations", bitrix.Field{Name: "UF_L", Type: "enumeration", Title: "List", Dynamic: true, Multiple: true, Items: []bitrix.Option{{ID: "81", Value: "Red"}, {ID: "82", Value: "Green"}}}, field.Style{}, map[string]string{
		"Red|Green": "[81,82]", "Red|RED": "[81]", "Red|Gren": "!option_unknown ~ Red|Green", "": "-",
	}},
	{"stage", system("stageId", "crm_status"), field.Style{}, map[string]string{
		"Новая": `"DT128_5:NEW"`, "NEW": `"DT128_5:NEW"`, "DT128_5:WORK": `"DT128_5:WORK"`, "в  РАБОТЕ": `"DT128_5:WORK"`, "В рабте": "!stage_unknown ~ В работе", "Ждём": "!stage_ambiguous", "Ждем": "!stage_unknown", "Выезд": "!stage_elsewhere", "DT128_6:NEW": "!stage_elsewhere",
	}},
	{"pipeline", system("categoryId", "crm_category"), field.Style{}, map[string]string{"Sales": "5", "5": "5", "sale": "!pipeline_unknown ~ Sales", "6": "!pipeline_ambiguous", "Z": "!pipeline_unknown"}},
	{"source", system("sourceId", "crm_status"), field.Style{}, map[string]string{"CALL": `"CALL"`, "phone call": `"CALL"`, "Fair": "!source_ambiguous", "1": `"1"`, "Web sight": "!source_unknown ~ Web site"}},
	{"dictionary", own("crm_status", "ENTITY_TYPE", `"INDUSTRY"`), field.Style{}, map[string]string{"information technology": `"IT"`, "BANK": `"BANK"`, "BANKING": "!status_ambiguous", "Informtion technology": "!status_unknown ~ Information technology"}},
	{"currency", system("currencyId", "crm_currency"), field.Style{}, map[string]string{"usd": `"USD"`, "$": `"USD"`, "руб.": `"RUB"`, "GBP": "!currency_unknown", "kr": "!currency_ambiguous", "URB": "!currency_unknown ~ RUB"}},
	{"money", own("money"), field.Style{}, map[string]string{
		"100|USD": `"100|USD"`, "100.50 usd": `"100.5|USD"`, "$100": `"100|USD"`, "1 500 ₽": `"1500|RUB"`, "1 000,50": `"1000.5|RUB"`, "100|": `"100|RUB"`, "-5 €": `"-5|EUR"`, "USD 20": `"20|USD"`, "5 kr": "!currency_ambiguous", "5 GBP": "!currency_unknown", "9|USB": "!currency_unknown ~ 9 USD",
		"abc": "!money_invalid", "1,234": "!number_ambiguous", "$1.5k": "!number_abbreviated ~ 1500 $", "5 $|USD": "!money_invalid", "5 apples": "!currency_unknown", "to be agreed in round 5": "!money_invalid", "5 kr or more": "!money_invalid", "5%": "!money_invalid", "1E+9 $": "!number_shortened",
	}},
	{"moneys", many(own("money")), field.Style{Currency: "EUR"}, map[string]string{"100|USD|5|7 руб": `["100|USD","5|EUR","7|RUB"]`}},
	{"url", own("url"), field.Style{}, map[string]string{"https://example.com/a?b=c": `"https://example.com/a?b=c"`, "example.com": `"example.com"`, "not a url": "!url_invalid", "word": "!url_invalid", "javascript:alert(1)": "!url_scheme", "https://": "!url_invalid", "example.com:8080/x": `"example.com:8080/x"`, "mailto:a@b.c": `"mailto:a@b.c"`}},
	{"urls", many(own("url")), field.Style{}, map[string]string{"example.com|second-example.com": `["example.com","second-example.com"]`}},
	{"address", own("address"), field.Style{}, map[string]string{"1 Main St, Town": `"1 Main St, Town"`, "1 Main St|52.1;13.4": `"1 Main St|52.1;13.4"`, "1 Main St|52.1;13.4|17": `"1 Main St|52.1;13.4" <address_extra>`, "1 Main St|x": "!address_place", "|1;2": "!address_place", "1 Main St|95;2": "!address_place"}},
	{"addresses", many(own("address")), field.Style{}, map[string]string{"A 1|52.1;13.4|B 2": `["A 1|52.1;13.4","B 2"]`}},

	{"user", system("assignedById", "user"), field.Style{}, map[string]string{"5": "5", "Anna  Example": "5", "Anna Example [5]": "5", "ANNA@example.test": "5", "404": "!user_unknown", "0": "!user_unknown", "Twin": "!user_ambiguous", "Nobody": "!not_looked_up", "https://p.test/company/personal/user/5/": "5", "C_5": "!link_kind_wrong"}},
	{"observers", many(system("observers", "user")), field.Style{}, map[string]string{"5|Anna Example": "[5]", "5|404": "!user_unknown"}},
	{"employee", many(own("employee")), field.Style{List: ","}, map[string]string{"5, Anna Example": "[5]"}},
	{"contacts", many(system("contactIds", "crm_contact")), field.Style{}, map[string]string{"12": "[12]", "C_12": "[12]", "12|c_12": "[12]", "CO_4": "!link_kind_wrong", "404": "!contact_unknown", "Twin": "!contact_ambiguous", "+1 (555) 010-02-00": "[12]", "c@Example.test": "[12]", "123-45-67": "[13]", "https://p.test/crm/contact/details/12/": "[12]"}},
	{"company", system("companyId", "crm_company"), field.Style{Blank: "clear"}, map[string]string{"4": "4", "CO_4": "4", "Acme Ltd": "4", "404": "!company_unknown", "Twin": "!company_ambiguous", "": "null", "#4": "4"}},
	{"my company", system("mycompanyId", "crm_company"), field.Style{}, map[string]string{"We": "9", "9": "9"}},
	{"parent", system("parentId177", "crm_entity"), field.Style{}, map[string]string{"5": "5", "A-17": "5", "177_5": "5", "Tb1_5": "5", "404": "!item_unknown", "Twin": "!item_ambiguous", "D_3": "!link_kind_wrong", "https://p.test/crm/type/177/details/5/": "5"}},
	{"parent deal", system("parentId2", "crm_entity"), field.Style{}, map[string]string{"Big deal": "3", "D_3": "3"}},
	{"crm, one kind", own("crm", "CONTACT", `"Y"`, "DEAL", `"N"`), field.Style{}, map[string]string{"12": `"12"`, "C_12": `"12"`, "D_3": "!link_kind_wrong", "404": "!contact_unknown"}},
	{"crm, several kinds", many(own("crm", "CONTACT", `"Y"`, "COMPANY", `"Y"`, "DEAL", `"Y"`, "DYNAMIC_177", `"Y"`, "ORDER", `"Y"`)), field.Style{}, map[string]string{
		"C_12|CO_4|D_3|177_5|tB1_5|O_8": `["C_12","CO_4","D_3","Tb1_5","O_8"]`, "12": "!link_kind_missing", "L_1": "!link_kind_wrong", "177_404": "!item_unknown", "Nobody": "!not_looked_up",
	}},
	{"crm, two kinds by name", own("crm", "CONTACT", `"Y"`, "COMPANY", `"Y"`), field.Style{}, map[string]string{"Both": "!item_ambiguous"}},
	{"crm, no kind", own("crm"), field.Style{}, map[string]string{"X": "!link_invalid"}},
	{"section", own("iblock_section", "IBLOCK_ID", "33"), field.Style{}, map[string]string{"8": "8", "Red": "!id_expected", "Red [8]": "8"}},
	{"hlblock", own("hlblock"), field.Style{}, map[string]string{"8": "8", "x": "!id_expected"}},
}

func TestConvert(t *testing.T) {
	for _, c := range cells {
		t.Run(c.name, func(t *testing.T) {
			conv := converter(t, c.field, c.style, portal())
			for _, cell := range slices.Sorted(maps.Keys(c.cases)) {
				if have, want := wire(t, conv, cell, known), c.cases[cell]; have != want {
					t.Errorf("%.60q: %.200s, want %.200s", cell, have, want)
				}
			}
		})
	}
}

// Each code in the table of codes is one that really occurs.
func TestEveryCodeOccurs(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cells {
		conv := converter(t, c.field, c.style, portal())
		for cell := range c.cases {
			if _, p := conv.Convert(cell, known); p != nil {
				seen[p.Code] = true
			}
		}
	}
	// Tested apart, since they need another portal.
	for _, code := range []string{"user_email_scope", "date_time_skipped", "file_invalid", "file_extension", "file_no_archive", "file_missing",
		"file_ambiguous", "file_locked", "file_empty_entry", "file_too_large_for", "history_order", "history_future"} {
		seen[code] = true
	}
	for code := range field.Codes() {
		if !seen[code] {
			t.Errorf("no cell gives %s", code)
		}
	}
}

func TestElementsByName(t *testing.T) {
	c := portal()
	c.HasListsScope = true
	conv := converter(t, own("iblock_element", "IBLOCK_ID", "33"), field.Style{}, c)
	if have := wire(t, conv, "Red", known); have != "8" {
		t.Error(have)
	}
}

func TestUserByEmailNeedsTheScope(t *testing.T) {
	c := portal()
	c.HasEmailScope = false
	conv := converter(t, system("assignedById", "user"), field.Style{}, c)
	if refs := conv.Refs("anna@example.test"); refs != nil {
		t.Errorf("would look up %v, and get everybody", refs)
	}
	if have := wire(t, conv, "anna@example.test", known); have != "!user_email_scope" {
		t.Error(have)
	}
}

func TestRefs(t *testing.T) {
	for _, c := range []struct {
		field bitrix.Field
		cell  string
		want  string
	}{
		{system("assignedById", "user"), "Anna Example", "[{user Anna Example}] [name]"},
		{system("assignedById", "user"), "007", "[{user 7}] [id]"},
		{system("assignedById", "user"), "A@B.test", "[{user a@b.test}] [email]"},
		{system("assignedById", "user"), "#REF!", "[] []"},
		{many(system("contactIds", "crm_contact")), "C_1|+1 555 0100200||84951234567|x|CO_5", "[{contact 1} {contact +15550100200} {contact 84951234567} {contact x}] [id phone phone name]"},
		{own("crm", "CONTACT", `"Y"`, "LEAD", `"Y"`), "Ann", "[{item:1 Ann} {contact Ann}] [name name]"},
		{own("crm", "CONTACT", `"Y"`, "LEAD", `"Y"`), "L_4", "[{item:1 4}] [id]"},
		{own("string"), "5", "[] []"},
	} {
		refs := converter(t, c.field, field.Style{}, portal()).Refs(c.cell)
		by := []field.By{}
		for _, r := range refs {
			by = append(by, r.By())
		}
		if have := fmt.Sprint(refs, " ", by); have != c.want {
			t.Errorf("%q: %s, want %s", c.cell, have, c.want)
		}
	}
}

// What a cell refers to is all it needs to be converted.
func TestRefsAreEnough(t *testing.T) {
	for _, c := range cells {
		conv := converter(t, c.field, c.style, portal())
		for cell := range c.cases {
			l := found{}
			for _, r := range conv.Refs(cell) {
				l[r] = []string{"7"}
			}
			if _, p := conv.Convert(cell, l); p != nil && p.Code == "not_looked_up" {
				t.Errorf("%s: %q needs a look-up that Refs does not name", c.name, cell)
			}
		}
	}
}

func TestTimeZone(t *testing.T) {
	c := portal()
	c.Location = zone(t, "Europe/Berlin")
	conv := converter(t, own("datetime"), field.Style{DateOrder: "dmy"}, c)
	for cell, want := range map[string]string{
		"15.01.2024 12:00":        `"2024-01-15T12:00:00+01:00"`,
		"15.07.2024 12:00":        `"2024-07-15T12:00:00+02:00"`,
		"31.03.2024 02:30":        `"2024-03-31T03:30:00+02:00" <date_time_skipped>`,
		"2024-07-15 12:00+05:30":  `"2024-07-15T12:00:00+05:30"`,
		"2024-07-15T12:00:00Z":    `"2024-07-15T12:00:00+00:00"`,
		"2024-07-15 12:00 -08:00": `"2024-07-15T12:00:00-08:00"`,
	} {
		if have := wire(t, conv, cell, nil); have != want {
			t.Errorf("%q: %s, want %s", cell, have, want)
		}
	}
	day := converter(t, own("date"), field.Style{DateOrder: "dmy"}, c)
	if have := wire(t, day, "15.07.2024", nil); have != `"2024-07-15"` {
		t.Error(have)
	}
}

func TestOrderThatADateFits(t *testing.T) {
	for order, c := range map[string][2]string{field.DMY: {"12/25/2024", "MM/DD/YYYY"}, field.MDY: {"25/12/2024", "DD/MM/YYYY"}} {
		_, p := convert(t, converter(t, own("date"), field.Style{DateOrder: order}, portal()), c[0], nil)
		if p == nil || p.Args["order"] != c[1] {
			t.Errorf("%s in %s: %+v", c[0], order, p)
		}
	}
}

func TestUnlistedCurrenciesPass(t *testing.T) {
	c := portal()
	c.Currencies, c.BaseCurrency = nil, ""
	conv := converter(t, own("money"), field.Style{}, c)
	for cell, want := range map[string]string{"5 GBP": `"5|GBP"`, "5": `"5"`, "€5": `"5|EUR"`} {
		if have := wire(t, conv, cell, nil); have != want {
			t.Errorf("%q: %s, want %s", cell, have, want)
		}
	}
}

// The dollar is the American one where a portal has several.
func TestDollar(t *testing.T) {
	c := portal()
	c.Currencies = []string{"CAD", "USD", "AUD", "RUB"}
	if have := wire(t, converter(t, own("money"), field.Style{}, c), "$5", nil); have != `"5|USD"` {
		t.Error(have)
	}
	c.Currencies = []string{"CAD", "RUB"}
	if have := wire(t, converter(t, own("money"), field.Style{}, c), "$5", nil); have != `"5|CAD"` {
		t.Error(have)
	}
	c.Currencies = []string{"CAD", "AUD"}
	if have := wire(t, converter(t, own("money"), field.Style{}, c), "$5", nil); have != "!currency_ambiguous" {
		t.Error(have)
	}
}

// Of two labels that are equally close neither is suggested.
func TestNoSuggestionBetweenTwo(t *testing.T) {
	f := bitrix.Field{Name: "UF_L", Type: "enumeration", Title: "List", Dynamic: true, Items: []bitrix.Option{{ID: "1", Value: "Cart"}, {ID: "2", Value: "Card"}}}
	conv := converter(t, f, field.Style{}, portal())
	for cell, want := range map[string]string{"Carx": "!option_unknown", "Crat": "!option_unknown ~ Cart"} {
		if have := wire(t, conv, cell, nil); have != want {
			t.Errorf("%q: %s, want %s", cell, have, want)
		}
	}
}

func TestNewConverterRefuses(t *testing.T) {
	ok := field.Targets([]bitrix.Field{own("double")}, portal())[0]
	for _, s := range []field.Style{{DateOrder: "x"}, {Decimal: ";"}, {Group: "_"}, {Decimal: ".", Group: "."}, {Blank: "x"}, {Percent: "x"}, {Currency: "usd"}} {
		if _, err := field.NewConverter(ok, s, portal()); err == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
	for _, f := range []bitrix.Field{own("file"), own("video"), system("id", "integer")} {
		target := field.Targets([]bitrix.Field{f}, portal())[0]
		if _, err := field.NewConverter(target, field.Style{}, portal()); err == nil {
			t.Errorf("%s is accepted", f.Type)
		}
	}
}
