package sheet_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spa-importer/spa-importer/app/sheet"
)

func bookCases() []fileCase {
	people := inline([]string{"Имя", "Город"}, []string{"Анна", "Казань"}, []string{"Олег", "Пермь"})
	peopleColumns, peopleRows := []string{"Имя", "Город"}, []string{"2: Анна|Казань", "3: Олег|Пермь"}
	full := book{sheets: []string{people}}.bytes()
	return []fileCase{
		{number: 18, name: "title row above the table in a workbook", file: book{sheets: []string{inline([]string{"Отчёт за май"}, nil, []string{"Имя", "Город", "Адрес"}, []string{"Анна", "Казань", "x"}, []string{"Итого", "", "1"})}}.bytes(),
			reading: `{"format":"xlsx","sheet":"Sheet1","headerRow":3}`, columns: []string{"Имя", "Город", "Адрес"}, rows: []string{"4: Анна|Казань|x", "5: Итого||1"},
			notes: []string{"rows_above_header count=1", "totals_row row=5 text=Итого"}},
		{number: 19, name: "headers only in a workbook", file: book{sheets: []string{inline([]string{"a", "b"})}}.bytes(), refusal: "headers_only"},
		{number: 19, name: "an empty workbook", file: book{sheets: []string{"", ""}}.bytes(), refusal: "empty"},
		{number: 42, name: "formulas: saved and unsaved results", file: book{sheets: []string{`<row r="1"><c r="A1" t="str"><f>"a"</f><v>a</v></c><c r="B1" t="inlineStr"><is><t>b</t></is></c></row>` +
			`<row r="2"><c r="A2"><f>1+1</f><v>2</v></c><c r="B2"><f>1+2</f></c></row><row r="3"><c r="A3" t="str"><f>x()</f><v>done</v></c><c r="B3" t="str"><f>""</f><v></v></c></row>`}}.bytes(),
			columns: []string{"a", "b"}, rows: []string{"2: 2|", "3: done|"}, notes: []string{"formula_unsaved column=B count=1 row=2"}},
		{number: 30, name: "raw digits in a workbook", file: oneSheet("", "", `<c><v>7.91612E+10</v></c>`), rows: []string{"2: 79161200000|0"}},
		{number: 31, name: "more digits than Excel keeps", file: oneSheet("", "", `<c><v>1234567890123450</v></c>`), rows: []string{"2: 1234567890123450|0"}, notes: []string{"long_numbers column=A count=1 row=2"}},
		{number: 32, name: "leading zeros of a number format", file: oneSheet(xfs("00000"), "", `<c s="1"><v>123</v></c>`), rows: []string{"2: 00123|0"}},
		{number: 34, name: "percent of a number format", file: oneSheet(xfs("0.0%"), "", `<c s="1"><v>0.155</v></c>`), rows: []string{"2: 15.5%|0"}},
		{number: 25, name: "a date and a time of a number format", file: oneSheet(xfs("dd.mm.yyyy", "hh:mm"), "", `<c s="1"><v>45356</v></c>`, `<c s="2"><v>0.5</v></c>`), rows: []string{"2: 2024-03-05|0", "3: 12:00:00|1"}},
		{number: 37, name: "errors of Excel stay and are counted", file: book{sheets: []string{inline([]string{"a", "b"}) + `<row r="2"><c r="A2" t="e"><v>#REF!</v></c><c r="B2" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>`}}.bytes(),
			rows: []string{"2: #REF!|#DIV/0!"}, notes: []string{"error_values column=A count=2 row=2"}},
		{number: 43, name: "merged titles above the table are no matter", file: book{sheets: []string{inline([]string{"Report"}, []string{"a", "b"}, []string{"x", "1"}) + `</sheetData><mergeCells count="1"><mergeCell ref="A1:B1"/></mergeCells>`}}.bytes(),
			rows: []string{"3: x|1"}, absent: []string{"merged_cells"}},
		{number: 43, name: "merged cells", file: book{sheets: []string{inline([]string{"a", "b"}, []string{"x", "1"}, []string{"", "2"}) + `</sheetData><mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells>`}}.bytes(),
			rows: []string{"2: x|1", "3: |2"}, notes: []string{"merged_cells count=1 range=A2:A3"}},
		{number: 44, name: "hidden sheet, rows and columns", file: book{names: []string{"Secret", "Data"}, states: []string{"veryHidden"},
			sheets: []string{people, `<worksheet><cols><col min="2" max="2" hidden="1"/></cols><sheetData>` + strings.Replace(people, `<row r="3"`, `<row r="3" hidden="1"`, 1) + `</sheetData></worksheet>`}}.bytes(),
			reading: `{"sheet":"Data"}`, columns: peopleColumns, rows: peopleRows, notes: []string{"hidden_rows count=1 row=3", "hidden_columns columns=B", "other_sheets count=1"}},
		{number: 45, name: "empty sheets before, table not at A1", file: book{sheets: []string{"", `<row r="3"><c r="C3" t="inlineStr"><is><t>a</t></is></c><c r="D3" t="inlineStr"><is><t>b</t></is></c></row><row r="4"><c r="C4"><v>1</v></c><c r="D4"><v>2</v></c></row>`}}.bytes(),
			reading: `{"sheet":"Sheet2","headerRow":3}`, unnamed: "Column {column}", columns: []string{"Column A", "Column B", "a", "b"}, rows: []string{"4: ||1|2"}, notes: []string{"empty_columns columns=A, B"}},
		{number: 45, name: "a chart sheet beside", file: book{sheets: []string{people}, extra: map[string]string{
			"xl/workbook.xml":            `<workbook xmlns:r="r"><sheets><sheet name="Chart" sheetId="9" r:id="rId9"/><sheet name="Data" sheetId="1" r:id="rId1"/></sheets></workbook>`,
			"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="rId9" Type="x/chartsheet" Target="chartsheets/sheet1.xml"/><Relationship Id="rId1" Type="x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
			"xl/chartsheets/sheet1.xml":  `<chartsheet/>`}}.bytes(), reading: `{"sheet":"Data"}`, rows: peopleRows},
		{number: 46, name: "rich text, phonetic text, links", file: book{strings: `<si><r><t>Ан</t></r><r><rPr><b/></rPr><t xml:space="preserve">на </t></r></si><si><t>田中</t><rPh sb="0" eb="1"><t>タナカ</t></rPh><phoneticPr fontId="1"/></si><si><t/></si><si><t>x_x000D_
y_x005F_x000D_</t></si>`,
			sheets: []string{inline([]string{"a", "b"}) + `<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c></row><row r="3"><c r="A3" t="s"><v>3</v></c><c r="B3" t="s"><v>2</v></c></row></sheetData><hyperlinks><hyperlink ref="A2" r:id="rId1"/></hyperlinks>`}}.bytes(),
			rows: []string{"2: Анна |田中", "3: x\ny_x000D_|"}, notes: []string{"hyperlinks count=1"}},
		{number: 47, name: "inline strings, no styles, wrong dimension", file: full, reading: `{"format":"xlsx"}`, columns: peopleColumns, rows: peopleRows},
		{number: 47, name: "strict", file: book{strict: true, sheets: []string{inline([]string{"a", "b"}) + `<row r="2"><c r="A2" t="d"><v>2024-03-05T00:00:00Z</v></c><c r="B2" t="d"><v>2024-03-05T10:20:30.000</v></c></row>`}}.bytes(), rows: []string{"2: 2024-03-05|2024-03-05 10:20:30"}},
		{number: 47, name: "cells and rows without addresses", file: book{sheets: []string{`<row><c t="inlineStr"><is><t>a</t></is></c><c t="inlineStr"><is><t>b</t></is></c></row><row><c><v>1</v></c><c><v>2</v></c></row>`}}.bytes(), columns: []string{"a", "b"}, rows: []string{"2: 1|2"}},
		{number: 47, name: "prefixed names, comments, CDATA, UTF-16", file: book{sheets: []string{people}, extra: map[string]string{"xl/worksheets/sheet1.xml": utf16XML(
			`<?xml version="1.0" encoding="UTF-16"?><x:worksheet xmlns:x="m"><!-- <x:row> --><x:sheetData><x:row r="1"><x:c r="A1" t="inlineStr"><x:is><x:t><![CDATA[Имя]]></x:t></x:is></x:c><x:c r="B1" t="str"><x:v>b &amp; c</x:v></x:c></x:row><x:row r='2'><x:c r='A2'><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>`)}}.bytes(),
			columns: []string{"Имя", "b & c"}, rows: []string{"2: 1|"}},
		{number: 48, name: "macros are said", file: book{sheets: []string{people}, extra: map[string]string{"xl/vbaProject.bin": "x"}}.bytes(), rows: peopleRows, notes: []string{"macros"}},
		{number: 48, name: "XLSX named .csv", file: full, fileName: "data.csv", reading: `{"format":"xlsx"}`, rows: peopleRows},
		{number: 48, name: ".xlsb", file: archive("[Content_Types].xml", "<Types/>", "xl/workbook.bin", "x"), refusal: "xlsb"},
		{number: 48, name: ".ods", file: archive("mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml", "<x/>"), refusal: "ods"},
		{number: 48, name: ".numbers", file: archive("Index/Document.iwa", "x"), refusal: "numbers"},
		{number: 48, name: ".docx", file: archive("[Content_Types].xml", "<Types/>", "word/document.xml", "<x/>"), refusal: "office"},
		{number: 48, name: "an archive", file: archive("a.csv", "a,b\n1,2\n"), refusal: "zip"},
		{number: 50, name: "DOCTYPE with entities", file: book{sheets: []string{people}, extra: map[string]string{"xl/worksheets/sheet1.xml": `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet><sheetData><row r="1"><c t="str"><v>&a;</v></c></row></sheetData></worksheet>`}}.bytes(), refusal: "doctype"},
		{number: 50, name: "DOCTYPE in the shared strings", file: book{sheets: []string{`<row r="1"><c r="A1" t="s"><v>0</v></c></row>`}, strings: "<si/>", extra: map[string]string{"xl/sharedStrings.xml": `<!DOCTYPE lolz [<!ENTITY lol "lol">]><sst><si><t>&lol;</t></si></sst>`}}.bytes(), refusal: "doctype"},
		{number: 52, name: "truncated", file: full[:len(full)*2/3], refusal: "damaged"},
		{number: 52, name: "bytes changed", file: flipped(book{sheets: []string{inline([]string{"a", "b"}) + strings.Repeat(`<row><c><v>12345</v></c></row>`, 500)}}.bytes(), "xl/worksheets/sheet1.xml"), refusal: "damaged"},
		{number: 52, name: "sheet cut off inside the archive", file: book{sheets: []string{`<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>a</v></c></row><row r="2"><c r="A2">`}}.bytes(), refusal: "damaged"},
		{number: 52, name: "a shared string that is not there", file: book{sheets: []string{`<row r="1"><c r="A1" t="s"><v>7</v></c></row>`}, strings: "<si><t>a</t></si>"}.bytes(), refusal: "damaged"},
	}
}

// hostileBooks are large to make.
func hostileBooks() []fileCase {
	people := inline([]string{"Имя", "Город"}, []string{"Анна", "Казань"}, []string{"Олег", "Пермь"})
	peopleRows := []string{"2: Анна|Казань", "3: Олег|Пермь"}
	return []fileCase{
		{number: 49, name: "a bomb", file: book{sheets: []string{people + `</sheetData>` + strings.Repeat(" ", 80<<20)}}.bytes(), refusal: "bomb limit=32"},
		{number: 49, name: "a value in column XFD", file: book{sheets: []string{inline([]string{"a", "b"}) + `<row r="2"><c r="XFD2"><v>1</v></c></row>`}}.bytes(), refusal: "too_many_columns limit=1024 row=2"},
		{number: 49, name: "a million empty styled rows are passed over", file: book{sheets: []string{people + strings.Repeat(`<row s="1"/>`, 1<<20-3)}}.bytes(), rows: peopleRows},
		{number: 49, name: "more rows than a sheet has", file: book{sheets: []string{people + strings.Repeat(`<row s="1"/>`, 1<<20)}}.bytes(), refusal: "too_many_rows limit=1048576"},
		{number: 49, name: "millions of empty styled cells", file: book{sheets: []string{people + strings.Repeat(`<row>`+strings.Repeat(`<c/>`, 100)+`</row>`, 60_000)}}.bytes(), refusal: "too_many_cells limit=5000000"},
		{number: 49, name: "endless cell", file: book{sheets: []string{inline([]string{"a", "b"}) + `<row r="2"><c r="A2" t="str"><v>` + strings.Repeat("x", 2<<20) + `</v></c></row>`}}.bytes(), refusal: "cell_too_long limit=1048576 row=2"},
		{number: 49, name: "endless tag", file: book{sheets: []string{inline([]string{"a", "b"}) + `<row r="2" x="` + strings.Repeat("x", 3<<20) + `"/>`}}.bytes(), refusal: "damaged"},
		{number: 49, name: "too many parts", file: manyParts(12_000), refusal: "too_many_parts limit=10000"},
	}
}

func utf16XML(s string) string {
	b := []byte{0xff, 0xfe}
	for _, r := range s {
		b = append(b, byte(r), byte(r>>8))
	}
	return string(b)
}

func manyParts(n int) []byte {
	var files []string
	for i := range n {
		files = append(files, fmt.Sprint("xl/", i), "")
	}
	return archive(files...)
}

// flipped changes a byte in the packed data of a part.
func flipped(file []byte, part string) []byte {
	i := strings.Index(string(file), part) + len(part) + 40
	file[i] ^= 0x55
	return file
}

func TestNastyWorkbooks(t *testing.T) {
	for _, c := range append(bookCases(), hostileBooks()...) {
		t.Run(fmt.Sprintf("%02d %s", c.number, c.name), func(t *testing.T) { c.check(t) })
	}
}

func TestDatesOfWorkbooks(t *testing.T) {
	styles := xfs("dd.mm.yyyy", "m/d/yy h:mm", "[h]:mm:ss", "h:mm AM/PM", "[$-419]d mmmm yyyy;@", `yyyy"-г."`, "mm:ss", "mmm-yy")
	cells := []struct{ cell, y1900, y1904 string }{
		{`<c s="1"><v>45356</v></c>`, "2024-03-05", "2028-03-06"},
		{`<c s="1"><v>45356.5</v></c>`, "2024-03-05 12:00:00", "2028-03-06 12:00:00"},
		{`<c s="2"><v>45356</v></c>`, "2024-03-05 00:00:00", "2028-03-06 00:00:00"},
		{`<c s="2"><v>45356.999999</v></c>`, "2024-03-06 00:00:00", "2028-03-07 00:00:00"},
		{`<c s="2"><v>45356.430902777778</v></c>`, "2024-03-05 10:20:30", "2028-03-06 10:20:30"},
		{`<c s="3"><v>1.25</v></c>`, "30:00:00", "30:00:00"},
		{`<c s="4"><v>0.75</v></c>`, "18:00:00", "18:00:00"},
		{`<c s="5"><v>1</v></c>`, "1900-01-01", "1904-01-02"},
		{`<c s="5"><v>59</v></c>`, "1900-02-28", "1904-02-29"},
		{`<c s="5"><v>60</v></c>`, "1900-02-29", "1904-03-01"},
		{`<c s="5"><v>61</v></c>`, "1900-03-01", "1904-03-02"},
		{`<c s="6"><v>0</v></c>`, "1900-01-00", "1904-01-01"},
		{`<c s="7"><v>0.5</v></c>`, "12:00:00", "12:00:00"},
		{`<c s="8"><v>45356</v></c>`, "2024-03-05", "2028-03-06"},
		{`<c s="1"><v>-5</v></c>`, "-5", "-5"},
		{`<c s="1"><v>99999999</v></c>`, "99999999", "99999999"},
		{`<c s="1" t="str"><v>05.03.2024</v></c>`, "05.03.2024", "05.03.2024"},
		{`<c s="0"><v>45356</v></c>`, "45356", "45356"},
	}
	var files, want1900, want1904 []string
	for _, c := range cells {
		files, want1900, want1904 = append(files, c.cell), append(want1900, c.y1900), append(want1904, c.y1904)
	}
	if diff := cmp.Diff(want1900, values(t, oneSheet(styles, "", files...))); diff != "" {
		t.Errorf("1900:\n%s", diff)
	}
	if diff := cmp.Diff(want1904, values(t, oneSheet(styles, `date1904="1"`, files...))); diff != "" {
		t.Errorf("1904:\n%s", diff)
	}
}

func TestNumbersOfWorkbooks(t *testing.T) {
	styles := xfs("00000", "0%", "0.00%", `#,##0.00"₽"`, "000-000", `\+7\ (000)\ 000\-00\-00`, "0.00E+00", "00000-0000", "#,##0", `"№"000`, "[$€-407]00", "[Red]0000;-0000",
		`_-* #,##0.00\ "₽"_-;-* #,##0.00\ "₽"_-`, "#,##0 [$USD]", `#,##0_₽`, `0.0"шт"`, `#,##0.00"р."`, `€#,##0`)
	cells := []struct{ cell, want string }{
		{`<c><v>79161200000</v></c>`, "79161200000"},
		{`<c><v>7.91612E+10</v></c>`, "79161200000"},
		{`<c><v>0.30000000000000004</v></c>`, "0.3"},
		{`<c><v>1234.5599999999999</v></c>`, "1234.56"},
		{`<c><v>1.0000000000000001E-2</v></c>`, "0.01"},
		{`<c><v>-0.5</v></c>`, "-0.5"},
		{`<c><v>-0</v></c>`, "0"},
		{`<c><v>1.50</v></c>`, "1.5"},
		{`<c><v>100</v></c>`, "100"},
		{`<c><v>12345678901234567</v></c>`, "12345678901234567"},
		{`<c><v>1.2345678901234568E+19</v></c>`, "12345678901234600000"},
		{`<c><v>9.9999999999999995E+22</v></c>`, "100000000000000000000000"},
		{`<c s="1"><v>123</v></c>`, "00123"},
		{`<c s="1"><v>1234567</v></c>`, "1234567"},
		{`<c s="1"><v>1.5</v></c>`, "1.5"},
		{`<c s="1"><v>0</v></c>`, "00000"},
		{`<c s="1"><v>-12</v></c>`, "-00012"},
		{`<c s="2"><v>0.15</v></c>`, "15%"},
		{`<c s="3"><v>0.15529999999999999</v></c>`, "15.53%"},
		{`<c s="2"><v>0</v></c>`, "0%"},
		{`<c s="4"><v>1500</v></c>`, "1500 ₽"},
		{`<c s="13"><v>-1234.5</v></c>`, "-1234.5 ₽"},
		{`<c s="14"><v>20</v></c>`, "20 USD"},
		{`<c s="15"><v>20</v></c>`, "20"},
		{`<c s="16"><v>20</v></c>`, "20"},
		{`<c s="17"><v>20</v></c>`, "20 р."},
		{`<c s="18"><v>7</v></c>`, "7 €"},
		{`<c s="5"><v>12345</v></c>`, "012-345"},
		{`<c s="6"><v>9161234567</v></c>`, "+7 (916) 123-45-67"},
		{`<c s="7"><v>1500000</v></c>`, "1500000"},
		{`<c s="8"><v>12345678</v></c>`, "01234-5678"},
		{`<c s="9"><v>1234567</v></c>`, "1234567"},
		{`<c s="10"><v>7</v></c>`, "7"},
		{`<c s="11"><v>7</v></c>`, "7 €"},
		{`<c s="12"><v>7</v></c>`, "0007"},
		{`<c t="b"><v>1</v></c>`, "TRUE"},
		{`<c t="b"><v>0</v></c>`, "FALSE"},
		{`<c t="n"><v>abc</v></c>`, "abc"},
	}
	var files, want []string
	for _, c := range cells {
		files, want = append(files, c.cell), append(want, c.want)
	}
	if diff := cmp.Diff(want, values(t, oneSheet(styles, "", files...))); diff != "" {
		t.Error(diff)
	}
}

// The addresses of hyperlinks come as columns of their own, so that they can
// go into a field for addresses.
func TestAddressesOfLinks(t *testing.T) {
	data := inline([]string{"Сайт", "", "Почта"}, []string{"Ромашка", "x", "a@example.org"}, []string{"Василёк", "y", "b@example.org"}, []string{"Мак", "z", "c@example.org"}) +
		`</sheetData><hyperlinks><hyperlink ref="A4" r:id="r2" location="top"/><hyperlink ref="A2:B2" r:id="r1"/><hyperlink ref="C2" r:id="r3"/><hyperlink ref="A3" location="Sheet1!A1"/></hyperlinks>`
	file := book{sheets: []string{data}, extra: map[string]string{"xl/worksheets/_rels/sheet1.xml.rels": `<Relationships>` +
		`<Relationship Id="r1" Type="http://x/hyperlink" Target="https://example.org/?a=1&amp;b=&quot;2&quot;" TargetMode="External"/>` +
		`<Relationship Id="r2" Type="http://x/hyperlink" Target="https://example.org/мак" TargetMode="External"/>` +
		`<Relationship Id="r3" Type="http://x/hyperlink" Target="mailto:a@example.org" TargetMode="External"/></Relationships>`}}.bytes()
	in := inspectAs(t, file, sheet.Reading{HeaderRow: -1})
	if got := line(in.Notes[0].Code, in.Notes[0].Args); got != "hyperlinks count=3" || len(in.Columns) != 3 {
		t.Errorf("without the option: %s, %v", got, in.Columns)
	}
	in = inspectAs(t, file, sheet.Reading{HeaderRow: -1, Links: true, Unnamed: "Столбец {column}", LinkName: "{column} – ссылка"})
	var names []string
	for _, c := range in.Columns {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"Сайт", "Столбец B", "Почта", "Сайт – ссылка", "Столбец B – ссылка"}, names); diff != "" {
		t.Error(diff)
	}
	first := `https://example.org/?a=1&b="2"`
	want := []string{"2: Ромашка|x|a@example.org|" + first + "|" + first, "3: Василёк|y|b@example.org||", "4: Мак|z|c@example.org|https://example.org/мак#top|"}
	if diff := cmp.Diff(want, rowLines(in.Preview)); diff != "" {
		t.Error(diff)
	}
	n, err := normalise(file, in.Reading)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, rowLines(n.read(t, 0, 3))); diff != "" {
		t.Error(diff)
	}
	if note := n.table.Notes[0]; line(note.Code, note.Args) != "hyperlinks_read count=3" {
		t.Errorf("notes %v", n.table.Notes)
	}
	without := inspectAs(t, file, sheet.Reading{HeaderRow: 0, Links: true})
	if got := without.Columns[3].Name; got != "A (URL)" {
		t.Errorf("without a header the column of addresses is %q", got)
	}
}
