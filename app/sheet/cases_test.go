package sheet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spa-importer/spa-importer/app/sheet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// A fileCase is a file that goes wrong in other importers, numbered as in the
// project's list of 62.
type fileCase struct {
	number int
	name   string
	file   []byte
	lang   string
	// fileName is "file.csv" if empty.
	fileName string
	// reading lists what must be found, in JSON; fields not named are free.
	reading string
	// columns are the names; rows the data, "number: cell|cell".
	columns, rows []string
	// lines are the lines on which the rows begin, if not nil; unnamed is
	// how columns without a header are called.
	lines   []int
	unnamed string
	// notes lists "code arg=value …" that must be among the notes, absent
	// codes that must not.
	notes, absent []string
	// refusal is the "code arg=value" with which the file is refused.
	refusal string
}

const contacts = "Имя;Телефон;Город\nИванова Анна;+7 900 000-00-01;Казань\nПетров Олег;+7 900 000-00-02;Пермь\nСидорова Вера;+7 900 000-00-03;Омск\n"

var contactColumns = []string{"Имя", "Телефон", "Город"}
var contactRows = []string{"2: Иванова Анна|+7 900 000-00-01|Казань", "3: Петров Олег|+7 900 000-00-02|Пермь", "4: Сидорова Вера|+7 900 000-00-03|Омск"}

func encoded(e encoding.Encoding, s string) []byte {
	b, err := e.NewEncoder().Bytes([]byte(s))
	if err != nil {
		panic(err)
	}
	return b
}

func textCases() []fileCase {
	utf16 := func(e unicode.Endianness, b unicode.BOMPolicy) encoding.Encoding { return unicode.UTF16(e, b) }
	tabs := strings.ReplaceAll(contacts, ";", "\t")
	return []fileCase{
		{number: 1, name: "cp1251", file: encoded(charmap.Windows1251, contacts), lang: "en",
			reading: `{"encoding":"windows-1251","delimiter":";"}`, columns: contactColumns, rows: contactRows},
		{number: 2, name: "UTF-8 BOM before a quoted header", file: []byte("\xef\xbb\xbf\"Имя\",\"Город\"\n\"Анна\",\"Омск\"\n"),
			reading: `{"encoding":"utf-8","delimiter":",","headerRow":1}`, columns: []string{"Имя", "Город"}, rows: []string{"2: Анна|Омск"}},
		{number: 3, name: "UTF-16LE with BOM", file: encoded(utf16(unicode.LittleEndian, unicode.UseBOM), tabs),
			reading: `{"encoding":"utf-16le","delimiter":"\t"}`, columns: contactColumns, rows: contactRows},
		{number: 3, name: "UTF-16BE with BOM", file: encoded(utf16(unicode.BigEndian, unicode.UseBOM), tabs),
			reading: `{"encoding":"utf-16be","delimiter":"\t"}`, columns: contactColumns, rows: contactRows},
		{number: 4, name: "UTF-16LE without BOM", file: encoded(utf16(unicode.LittleEndian, unicode.IgnoreBOM), tabs),
			reading: `{"encoding":"utf-16le","delimiter":"\t"}`, columns: contactColumns, rows: contactRows},
		{number: 4, name: "UTF-16BE without BOM", file: encoded(utf16(unicode.BigEndian, unicode.IgnoreBOM), tabs),
			reading: `{"encoding":"utf-16be","delimiter":"\t"}`, columns: contactColumns, rows: contactRows},
		{number: 5, name: "KOI8-R", file: encoded(charmap.KOI8R, contacts), lang: "ru",
			reading: `{"encoding":"koi8-r"}`, columns: contactColumns, rows: contactRows},
		{number: 5, name: "CP866", file: encoded(charmap.CodePage866, contacts), lang: "ru",
			reading: `{"encoding":"ibm866"}`, columns: contactColumns, rows: contactRows},
		{number: 5, name: "Mac Cyrillic", file: encoded(charmap.MacintoshCyrillic, contacts+contacts), lang: "ru",
			reading: `{"encoding":"x-mac-cyrillic"}`, columns: contactColumns},
		{number: 5, name: "cp1252, Russian interface", file: encoded(charmap.Windows1252, "Name;Straße;Stück\nMüller;Königsallee 1;5\nGroß;Jägerweg 2;7\n"), lang: "ru",
			reading: `{"encoding":"windows-1252","delimiter":";"}`, columns: []string{"Name", "Straße", "Stück"}, notes: []string{"encoding_unsure encoding=windows-1252"}},
		{number: 5, name: "cp1250 by language", file: encoded(charmap.Windows1250, "Imię;Miasto\nŁucja;Łódź\nGrażyna;Kraków\n"), lang: "pl",
			reading: `{"encoding":"windows-1250"}`, columns: []string{"Imię", "Miasto"}, notes: []string{"encoding_unsure encoding=windows-1250"}},
		{number: 5, name: "Shift JIS", file: encoded(japanese.ShiftJIS, "名前,会社,電話番号\n田中太郎,東京商事株式会社,03-0000-0001\n鈴木花子,大阪工業株式会社,06-0000-0002\n"), lang: "en",
			reading: `{"encoding":"shift_jis","delimiter":","}`, columns: []string{"名前", "会社", "電話番号"}},
		{number: 5, name: "GBK", file: encoded(simplifiedchinese.GBK, "姓名,公司,电话\n王小明,北京贸易有限公司,010-00000001\n李红,上海工业有限公司,021-00000002\n"), lang: "en",
			reading: `{"encoding":"gb18030","delimiter":","}`, columns: []string{"姓名", "公司", "电话"}},
		{number: 6, name: "mixed encodings", file: append([]byte(strings.Repeat(contacts[:len(contacts)-1]+"\n", 3)), append(encoded(charmap.Windows1251, "Зуев"), ";1;Уфа\n"...)...),
			reading: `{"encoding":"utf-8"}`, notes: []string{"bad_chars count=4 row=13", "encoding_unsure encoding=utf-8"}},
		{number: 7, name: "semicolons, commas more frequent", file: []byte("Name;Note\nA;one, two, three, four\nB;five, six\nC;seven\n"),
			reading: `{"delimiter":";"}`, columns: []string{"Name", "Note"}, rows: []string{"2: A|one, two, three, four", "3: B|five, six", "4: C|seven"}},
		{number: 7, name: "commas, semicolons in text", file: []byte("Name,Note\nA,x; y; z\nB,p; q\nC,r\n"), reading: `{"delimiter":","}`, columns: []string{"Name", "Note"}},
		{number: 7, name: "tabs", file: []byte("a\tb, c\td\n1\t2, 3\t4\n"), reading: `{"delimiter":"\t"}`, columns: []string{"a", "b, c", "d"}},
		{number: 7, name: "pipes", file: []byte("a|b;x|c\n1|2|3\n4|5|6\n"), reading: `{"delimiter":"|"}`, columns: []string{"a", "b;x", "c"}},
		{number: 7, name: "delimiters inside quotes do not count", file: []byte("a;b\n\"1,2,3,4\";x\n\"1,2,3,4\";y\n\"1,2,3,4\";z\n"), reading: `{"delimiter":";"}`, rows: []string{"2: 1,2,3,4|x", "3: 1,2,3,4|y", "4: 1,2,3,4|z"}},
		{number: 7, name: "one column of prose", file: []byte("Remark\nHello, world, again\nNo comma here\nAnother, one\n"), columns: []string{"Remark"}, rows: []string{"2: Hello, world, again", "3: No comma here", "4: Another, one"}},
		{number: 8, name: "sep= line", file: []byte("sep=;\r\na;b,b\r\n1;2,5\r\n"), reading: `{"delimiter":";","headerRow":2}`, columns: []string{"a", "b,b"}, rows: []string{"3: 1|2,5"}, notes: []string{"sep_line delimiter=;"}},
		{number: 8, name: "sep= line with an unusual sign", file: []byte("\"sep=^\"\na^b\n1^2\n"), reading: `{"delimiter":"^","headerRow":2}`, columns: []string{"a", "b"}, rows: []string{"3: 1|2"}},
		{number: 9, name: "decimal commas in quotes", file: []byte("Item,Price\nA,\"1,5\"\nB,\"2,75\"\n"), reading: `{"delimiter":","}`, rows: []string{"2: A|1,5", "3: B|2,75"}},
		{number: 10, name: "line ends in quotes", file: []byte("a,b\r\n\"1\r\n2\",x\r\n3,y\r\n"), rows: []string{"2: 1\n2|x", "3: 3|y"}, lines: []int{2, 4}},
		{number: 10, name: "rows count as in a spreadsheet program, blank ones too", file: []byte("sep=;\r\na;b\r\n\r\n\"1\n\n2\";x\r\n;\r\n3;y\r\n"), reading: `{"headerRow":2}`, rows: []string{"4: 1\n\n2|x", "6: 3|y"}, lines: []int{4, 8},
			notes: []string{"blank_rows count=2 row=3"}},
		{number: 11, name: "doubled quotes", file: []byte("a,b\n\"say \"\"hi\"\"\",x\n"), reading: `{"quote":"double"}`, rows: []string{`2: say "hi"|x`}, absent: []string{"backslash_quotes"}},
		{number: 11, name: "backslash quotes", file: []byte("a,b\n\"say \\\"hi, you\\\"\",\"c:\\\\dir\"\n\"p\",q\n"), reading: `{"quote":"backslash"}`, rows: []string{`2: say "hi, you"|c:\dir`, "3: p|q"}, notes: []string{"backslash_quotes"}},
		{number: 12, name: "a quote never closed", file: []byte("a,b\n1,2\n3,\"4\n5,6\n"), refusal: "quote_open line=3"},
		{number: 12, name: "a quote never closed, and another far below", file: []byte("a,b\n1,\"2\n3,4\n5,\"6\n7,8\n"), refusal: "quote_open line=2"},
		{number: 12, name: "a quote never closed in a large file", file: []byte("a,b\n1,\"2\n" + strings.Repeat("3,4\n", 1<<20)), refusal: "quote_open line=2"},
		{number: 12, name: "a quote never closed, below a cell with line ends", file: []byte("a,b\n\"1\n2\",x\n3,\"4\n5,6\n"), refusal: "quote_open line=4"},
		{number: 13, name: "bare quote", file: []byte("a,b\n5\" pipe,x\n\"3/4\" pipe,y\n"), rows: []string{`2: 5" pipe|x`, "3: 3/4 pipe|y"}, notes: []string{"stray_quotes count=1 row=3"}},
		{number: 14, name: "ragged rows", file: []byte("a,b,c\n1,2,3\n1,2\n1,2,3,,\n1,2,3,4,5\n1,2,3\n"), columns: []string{"a", "b", "c"},
			rows:  []string{"2: 1|2|3", "3: 1|2|", "4: 1|2|3", "5: 1|2|3|4|5", "6: 1|2|3"},
			notes: []string{"short_rows count=1 row=3", "long_rows cells=2 count=1 row=5"}},
		{number: 15, name: "repeated headers", file: []byte("Phone,Phone,phone,Phone (2)\n1,2,3,4\n"), columns: []string{"Phone", "Phone (3)", "phone (4)", "Phone (2)"}, notes: []string{"repeated_headers names=Phone, phone"}},
		{number: 16, name: "blank headers", file: []byte("a,,c\n1,2,3\n4,5,6\n"), unnamed: "Column {column}", columns: []string{"a", "Column B", "c"}, notes: []string{"blank_headers columns=B"}},
		{number: 16, name: "blank headers, Russian interface", file: []byte("Столбец C,Имя,,Город\n1,2,3,4\n4,5,6,7\n"), unnamed: "Столбец {column}", columns: []string{"Столбец C", "Имя", "Столбец C (2)", "Город"}, notes: []string{"blank_headers columns=C"}},
		{number: 17, name: "trailing delimiter", file: []byte("a;b;\n1;2;\n3;4;\n"), columns: []string{"a", "b"}, rows: []string{"2: 1|2", "3: 3|4"}, absent: []string{"long_rows", "empty_columns"}},
		{number: 17, name: "empty columns", file: []byte("a,b,c\n1,,3\n4, ,6\n"), columns: []string{"a", "b", "c"}, notes: []string{"empty_columns columns=B"}},
		{number: 18, name: "title rows and totals", file: []byte("Sales report;;\nMay 2024;;\n\nName;Qty;Price\nA;2;3\nB;4;5\nИтого:;6;8\n"), reading: `{"headerRow":4}`, columns: []string{"Name", "Qty", "Price"},
			rows: []string{"5: A|2|3", "6: B|4|5", "7: Итого:|6|8"}, notes: []string{"rows_above_header count=2", "totals_row row=7 text=Итого:"}},
		{number: 19, name: "headers only", file: []byte("Name,Phone,City\n"), refusal: "headers_only"},
		{number: 19, name: "no bytes", file: nil, refusal: "empty"},
		{number: 19, name: "spaces only", file: []byte(" \n\n\t\r\n"), refusal: "empty"},
		{number: 19, name: "delimiters only", file: []byte("\xef\xbb\xbf;;;\r\n;;;\r\n"), refusal: "empty"},
		{number: 20, name: "no header", file: []byte("Anna;28;a@example.org\nOleg;35;o@example.org\nVera;41;v@example.org\n"), reading: `{"headerRow":0}`, columns: []string{"A", "B", "C"},
			rows: []string{"1: Anna|28|a@example.org", "2: Oleg|35|o@example.org", "3: Vera|41|v@example.org"}, notes: []string{"no_header"}},
		{number: 21, name: "CR only", file: []byte("a,b\r1,2\r3,4\r"), rows: []string{"2: 1|2", "3: 3|4"}},
		{number: 21, name: "mixed line ends", file: []byte("a,b\r\n1,2\r3,4\n5,6\r\r\n7,8"), rows: []string{"2: 1|2", "3: 3|4", "4: 5|6", "5: 7|8"}},
		{number: 22, name: "blank lines", file: []byte("a,b\n\n1,2\n\n , \n3,4\n\n"), rows: []string{"3: 1|2", "6: 3|4"}, notes: []string{"blank_rows count=3 row=2"}},
		{number: 23, name: "NUL, control, zero width, soft hyphen, BOM in the middle", file: []byte("a,b\n1\x002,x\x1by\n\ufeff3\u200b4,ко\u00adфе\n"), rows: []string{"2: 12|xy", "3: 3\u200b4|ко\u00adфе"},
			notes: []string{"control_chars count=3 row=2", "invisible_chars count=2 row=3"}},
		{number: 24, name: "spaces stay", file: []byte("a, b \n 1 ,\u00a0x\u202f\n"), columns: []string{"a", "b"}, rows: []string{"2:  1 |\u00a0x\u202f"}},
		{number: 30, name: "scientific notation stays as written", file: []byte("id,x\n7.91612E+10,1\n"), rows: []string{"2: 7.91612E+10|1"}, notes: []string{"shortened_numbers column=A count=1 row=2"}},
		{number: 30, name: "scientific notation with a comma", file: []byte("id;x\n1;E+10\n2;7,9E+19\n3;1.25E+2\n"), rows: []string{"2: 1|E+10", "3: 2|7,9E+19", "4: 3|1.25E+2"}, notes: []string{"shortened_numbers column=B count=1 row=3"}},
		{number: 31, name: "long digits stay", file: []byte("id,x\n12345678901234567890,1\n"), rows: []string{"2: 12345678901234567890|1"}},
		{number: 32, name: "leading zeros stay", file: []byte("zip,x\n00123,1\n"), rows: []string{"2: 00123|1"}},
		{number: 38, name: "a very long cell", file: []byte("a,b\n" + strings.Repeat("я", 70000) + ",x\n"), rows: []string{"2: " + strings.Repeat("я", 70000) + "|x"}},
		{number: 38, name: "an endless cell", file: []byte("a,b\n" + strings.Repeat("y", 3<<20) + ",x\n"), refusal: "cell_too_long limit=1048576 row=2"},
		{number: 39, name: "emoji and combining marks stay", file: []byte("a,b\n👩‍👩‍👧,и\u0306\n"), rows: []string{"2: 👩‍👩‍👧|и\u0306"}, absent: []string{"invisible_chars"}},
		{number: 40, name: "direction marks stay and are counted", file: []byte("a,b\nשלום,\u202eabc\u202c\n"), rows: []string{"2: שלום|\u202eabc\u202c"}, notes: []string{"invisible_chars count=2 row=2"}},
		{number: 41, name: "HTML is text", file: []byte("a,b\n<script>alert(1)</script>,<b>x</b>\n"), rows: []string{"2: <script>alert(1)</script>|<b>x</b>"}},
		{number: 48, name: "CSV named .xlsx", file: []byte("a,b\n1,2\n"), fileName: "data.xlsx", reading: `{"format":"csv"}`, rows: []string{"2: 1|2"}},
		{number: 48, name: "CSV named .xls", file: []byte("a\tb\n1\t2\n"), fileName: "data.xls", reading: `{"format":"csv","delimiter":"\t"}`, rows: []string{"2: 1|2"}},
		{number: 48, name: "HTML named .xls", file: []byte("<html><body><table><tr><td>1</td></tr></table></body></html>"), fileName: "bank.xls", refusal: "html"},
		{number: 48, name: "XML spreadsheet 2003", file: []byte("<?xml version=\"1.0\"?>\n<Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\"/>"), refusal: "xml"},
		{number: 48, name: "old .xls", file: oleFile("Workbook"), refusal: "xls"},
		{number: 48, name: "password", file: oleFile("EncryptedPackage"), fileName: "x.xlsx", refusal: "password"},
		{number: 48, name: "Word document", file: oleFile("WordDocument"), refusal: "office"},
		{number: 48, name: "PDF", file: []byte("%PDF-1.7\n%\xe2\xe3\n"), refusal: "pdf"},
		{number: 48, name: "picture", file: []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), refusal: "not_a_table"},
		{number: 48, name: "binary data named .csv", file: noise(4000), refusal: "not_a_table"},
		{number: 48, name: "a little binary data named .csv", file: noise(160), refusal: "not_a_table"},
		{number: 48, name: "binary data with a zero in every second byte", file: wideNoise(4000), refusal: "not_a_table"},
		{number: 49, name: "too many columns", file: []byte(strings.Repeat("a,", 20000) + "a\n" + strings.Repeat("1,", 20000) + "1\n"), refusal: "too_many_columns limit=1024 row=1"},
		{number: 49, name: "20,000 delimiters without values", file: []byte("a,b" + strings.Repeat(",", 20000) + "\n1,2" + strings.Repeat(",", 20000) + "\n"), columns: []string{"a", "b"}, rows: []string{"2: 1|2"}},
		{number: 34, name: "percent signs stay as written", file: []byte("a,b\n15 %,x\n"), rows: []string{"2: 15 %|x"}},
		{number: 58, name: "the name is never a path", file: []byte("a,b\n1,2\n"), fileName: "../../etc/\u202evsc.exe" + strings.Repeat("x", 300), rows: []string{"2: 1|2"}},
		{number: 56, name: "zero and false are values", file: []byte("a,b\n0,false\n 0 ,\n"), rows: []string{"2: 0|false", "3:  0 |"}},
	}
}

// oleFile is the least of an OLE container: the header and a directory with
// one stream.
func oleFile(stream string) []byte {
	b := make([]byte, 1536)
	copy(b, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	b[30], b[48] = 9, 1
	for i, c := range []byte(stream) {
		b[1024+2*i] = c
	}
	return b
}

// noise is data that is no text, the same each time.
func noise(n int) []byte {
	r, b := rand.New(rand.NewPCG(1, 2)), make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// wideNoise could be UTF-16 by its zeros, but holds control characters.
func wideNoise(n int) []byte {
	b := noise(n)
	for i := range b {
		if b[i] %= 64; i%2 == 1 {
			b[i] = 0
		}
	}
	return b
}

func TestNastyFiles(t *testing.T) {
	for _, c := range textCases() {
		t.Run(fmt.Sprintf("%02d %s", c.number, c.name), func(t *testing.T) { c.check(t) })
	}
}

// check inspects and normalises the file.
func (c fileCase) check(t *testing.T) {
	t.Helper()
	name := c.fileName
	if name == "" {
		name = "file.csv"
	}
	in, err := sheet.InspectAs(context.Background(), bytes.NewReader(c.file), name, c.lang, sheet.Reading{HeaderRow: -1, Unnamed: c.unnamed})
	if c.refusal != "" {
		if got := refusal(err); got != c.refusal {
			t.Fatalf("Inspect: %v, want refusal %q", err, c.refusal)
		}
		return
	}
	if err != nil {
		t.Fatalf("Inspect: %v", err)
	}
	n, err := normalise(c.file, in.Reading)
	if err != nil {
		t.Fatalf("Normalise: %v", err)
	}
	if c.reading != "" {
		want := in.Reading
		if err := json.Unmarshal([]byte(c.reading), &want); err != nil {
			t.Fatal(err)
		}
		if in.Reading != want {
			t.Errorf("reading %+v, want %s", in.Reading, c.reading)
		}
	}
	var names []string
	for _, col := range n.table.Columns {
		names = append(names, col.Name)
	}
	if c.columns != nil {
		if diff := cmp.Diff(c.columns, names); diff != "" {
			t.Errorf("columns:\n%s", diff)
		}
	}
	if diff := cmp.Diff(in.Columns, n.table.Columns); diff != "" {
		t.Errorf("Inspect and Normalise see other columns:\n%s", diff)
	}
	if diff := cmp.Diff(n.rows, n.read(t, 0, len(n.rows)), cmpEmpty()); diff != "" {
		t.Errorf("rows differ when read back:\n%s", diff)
	}
	if c.rows != nil {
		if diff := cmp.Diff(c.rows, rowLines(n.rows)); diff != "" {
			t.Errorf("rows:\n%s", diff)
		}
	}
	for i, want := range c.lines {
		if got := n.rows[i].Line; got != want {
			t.Errorf("row %d begins on line %d, want %d", n.rows[i].Number, got, want)
		}
	}
	if in.Exact && in.Rows != len(n.rows) {
		t.Errorf("Inspect counts %d rows, there are %d", in.Rows, len(n.rows))
	}
	checkPreview(t, n.rows[:min(20, len(n.rows))], in.Preview)
	c.checkNotes(t, append(in.Notes, n.table.Notes...))
}

func (c fileCase) checkNotes(t *testing.T, notes []sheet.Note) {
	t.Helper()
	has := make(map[string]bool)
	for _, n := range notes {
		has[line(n.Code, n.Args)], has[n.Code] = true, true
		checkCode(t, n.Code, n.Args, false)
	}
	for _, want := range c.notes {
		if !has[want] {
			t.Errorf("no note %q in %v", want, notes)
		}
	}
	for _, code := range c.absent {
		if has[code] {
			t.Errorf("unexpected note %q in %v", code, notes)
		}
	}
}

// checkPreview compares rows with a preview, which cuts long cells off.
func checkPreview(t *testing.T, rows, preview []sheet.Row) {
	t.Helper()
	if len(rows) != len(preview) {
		t.Fatalf("preview of %d rows, want %d", len(preview), len(rows))
	}
	for i, r := range rows {
		for c, text := range r.Cells {
			short, cut := strings.CutSuffix(preview[i].Cells[c], "…")
			if !(cut && len(text) > 1000 && len(short) > 990 && strings.HasPrefix(text, short)) && text != preview[i].Cells[c] {
				t.Errorf("preview of row %d shows %q, want %q", r.Number, preview[i].Cells[c], text)
			}
		}
	}
}
