package sheet_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spa-importer/spa-importer/app/sheet"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

func inspectAs(t *testing.T, file []byte, r sheet.Reading) sheet.Inspection {
	t.Helper()
	in, err := sheet.InspectAs(context.Background(), bytes.NewReader(file), "file.csv", "", r)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// A corrected reading redraws from the bytes: nothing of the wrong reading
// is left in it.
func TestCorrectedReadings(t *testing.T) {
	file := encoded(charmap.KOI8R, contacts)
	in := inspectAs(t, file, sheet.Reading{Encoding: "windows-1251", Delimiter: ",", Quote: sheet.QuoteDouble, HeaderRow: 1})
	if len(in.Columns) != 1 || in.Columns[0].Name == contactColumns[0] {
		t.Errorf("the wrong reading was not followed: %+v", in.Columns)
	}
	in = inspectAs(t, file, sheet.Reading{Encoding: "koi8-r", Delimiter: ";", Quote: sheet.QuoteDouble, HeaderRow: 1})
	if diff := cmp.Diff(contactRows, rowLines(in.Preview)); diff != "" {
		t.Error(diff)
	}
	in = inspectAs(t, file, sheet.Reading{Encoding: "koi8-r", HeaderRow: 0})
	if in.Rows != 4 || in.Columns[2].Name != "C" || in.Reading.Delimiter != ";" {
		t.Errorf("without a header: %+v", in)
	}
	in = inspectAs(t, file, sheet.Reading{Encoding: "koi8-r", HeaderRow: 3})
	if diff := cmp.Diff(contactRows[2:], rowLines(in.Preview)); diff != "" || in.Columns[0].Name != "Петров Олег" {
		t.Errorf("header in row 3: %v %s", in.Columns, diff)
	}
	var delimiters []string
	for _, d := range in.Delimiters {
		delimiters = append(delimiters, fmt.Sprintf("%s%d", d.Delimiter, d.Columns))
	}
	if diff := cmp.Diff([]string{",1", ";3", "\t1", "|1"}, delimiters); diff != "" {
		t.Error(diff)
	}
}

func TestQuotesAsText(t *testing.T) {
	file := []byte("a,b\n\"5 inch,x\n6 inch,\"y\n")
	in, err := sheet.Inspect(context.Background(), bytes.NewReader(file), "file.csv", "en")
	if got := refusal(err); got != "quote_open line=2" {
		t.Fatal(err)
	}
	// What was found out before is there for the correction.
	if in.Reading.Delimiter != "," || len(in.Encodings) == 0 {
		t.Errorf("nothing to correct in %+v", in)
	}
	in.Reading.Quote, in.Reading.HeaderRow = sheet.QuoteNone, 1
	in = inspectAs(t, file, in.Reading)
	if diff := cmp.Diff([]string{`2: "5 inch|x`, `3: 6 inch|"y`}, rowLines(in.Preview)); diff != "" {
		t.Error(diff)
	}
}

func TestWrongReadingsAreRefused(t *testing.T) {
	csv := []byte("a,b\n1,2\n")
	xlsx := book{sheets: []string{inline([]string{"a", "b"}, []string{"1", "2"}), ""}}.bytes()
	for _, c := range []struct {
		file []byte
		r    sheet.Reading
		want string
	}{
		{csv, sheet.Reading{Encoding: "klingon"}, "unknown_encoding encoding=klingon"},
		{csv, sheet.Reading{Delimiter: "ab"}, "bad_delimiter delimiter=ab"},
		{csv, sheet.Reading{Delimiter: "\""}, "bad_delimiter delimiter=\""},
		{csv, sheet.Reading{Quote: "'"}, "bad_quote quote='"},
		{csv, sheet.Reading{HeaderRow: 9}, "header_row row=9"},
		{csv, sheet.Reading{HeaderRow: 2}, "headers_only"},
		{xlsx, sheet.Reading{Sheet: "Nope"}, "no_sheet sheet=Nope"},
		{xlsx, sheet.Reading{Sheet: "Sheet2"}, "sheet_empty sheet=Sheet2"},
	} {
		_, err := sheet.InspectAs(context.Background(), bytes.NewReader(c.file), "f", "", c.r)
		if refusal(err) != c.want {
			t.Errorf("%+v: %v, want %s", c.r, err, c.want)
		}
		if _, err := normalise(c.file, c.r); refusal(err) != c.want {
			t.Errorf("Normalise %+v: %v, want %s", c.r, err, c.want)
		}
	}
}

func TestEncodingsShowTheSameLines(t *testing.T) {
	file := encoded(charmap.Windows1251, "id;x\n1;2\nИмя;Город\n3;4\nАнна;Омск\nОлег;Пермь\n")
	in, err := sheet.Inspect(context.Background(), bytes.NewReader(file), "file.csv", "ru")
	if err != nil {
		t.Fatal(err)
	}
	if in.Encodings[0].Name != "windows-1251" {
		t.Errorf("the present encoding is not first: %v", in.Encodings[0])
	}
	want := map[string][]string{
		"windows-1251": {"Имя;Город", "Анна;Омск"},
		"koi8-r":       {"хЛЪ;цНПНД", "юММЮ;нЛЯЙ"},
		"windows-1252": {"Èìÿ;Ãîðîä", "Àííà;Îìñê"},
		"utf-8":        {"\ufffd\ufffd\ufffd;\ufffd\ufffd\ufffd\ufffd\ufffd", "\ufffd\ufffd\ufffd\ufffd;\ufffd\ufffd\ufffd\ufffd"},
	}
	for _, c := range in.Encodings {
		if lines, ok := want[c.Name]; ok {
			if diff := cmp.Diff(lines, c.Lines); diff != "" {
				t.Errorf("%s:\n%s", c.Name, diff)
			}
			delete(want, c.Name)
		}
		if strings.HasPrefix(c.Name, "utf-16") {
			t.Errorf("%s is offered for a file without zero bytes", c.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("not offered: %v", slices.Collect(maps.Keys(want)))
	}
	wide := encoded(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "Имя\tГород\nАнна\tОмск\n")
	in, err = sheet.Inspect(context.Background(), bytes.NewReader(wide), "file.txt", "ru")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sheet.EncodingChoice{Name: "utf-16le", Lines: []string{"Имя\tГород", "Анна\tОмск"}}, in.Encodings[0]); diff != "" {
		t.Error(diff)
	}
}

func TestOptionsOfWorkbooks(t *testing.T) {
	data := inline([]string{"Группа", "Имя", "Сумма"}, []string{"Север", "Анна", "1"}, []string{"", "Олег", "2"}, []string{"", "Вера", "3"}, []string{"Юг", "Пётр", "4"})
	data = strings.Replace(data, `<row r="4"`, `<row r="4" hidden="1"`, 1) + `</sheetData><mergeCells><mergeCell ref="A2:A4"/></mergeCells>`
	file := book{sheets: []string{data}}.bytes()
	plain := inspectAs(t, file, sheet.Reading{HeaderRow: 1})
	if diff := cmp.Diff([]string{"2: Север|Анна|1", "3: |Олег|2", "4: |Вера|3", "5: Юг|Пётр|4"}, rowLines(plain.Preview)); diff != "" {
		t.Error(diff)
	}
	filled := inspectAs(t, file, sheet.Reading{HeaderRow: 1, FillMerged: true, SkipHidden: true})
	if diff := cmp.Diff([]string{"2: Север|Анна|1", "3: Север|Олег|2", "5: Юг|Пётр|4"}, rowLines(filled.Preview)); diff != "" {
		t.Error(diff)
	}
	var notes []string
	for _, n := range filled.Notes {
		notes = append(notes, line(n.Code, n.Args))
		checkCode(t, n.Code, n.Args, false)
	}
	if diff := cmp.Diff([]string{"merged_filled count=1", "hidden_rows_skipped count=1 row=4"}, notes); diff != "" {
		t.Error(diff)
	}
}

func TestSheetChoices(t *testing.T) {
	people := inline([]string{"a", "b"}, []string{"1", "2"})
	file := book{names: []string{"Пусто", "Тайна", "Данные", "Ещё"}, states: []string{"", "hidden"}, sheets: []string{"", people, people, people}}.bytes()
	in := inspectAs(t, file, sheet.Reading{HeaderRow: 1})
	want := []sheet.SheetChoice{{Name: "Пусто", Empty: true}, {Name: "Тайна", Hidden: true, Rows: 2}, {Name: "Данные", Rows: 2}, {Name: "Ещё", Rows: 2}}
	if diff := cmp.Diff(want, in.Sheets); diff != "" || in.Reading.Sheet != "Данные" {
		t.Errorf("chosen %q\n%s", in.Reading.Sheet, diff)
	}
	long := make([][]string, 0, 120_000)
	for range 120_000 {
		long = append(long, []string{"a long enough row of text"})
	}
	in = inspectAs(t, book{sheets: []string{people, inline(long...)}}.bytes(), sheet.Reading{HeaderRow: 1})
	if one := in.Sheets[1]; !one.More || one.Rows < 10_000 || one.Rows >= len(long) {
		t.Errorf("a long sheet is said to have %d rows, and more: %v", one.Rows, one.More)
	}
	in = inspectAs(t, file, sheet.Reading{Sheet: "Тайна", HeaderRow: 1})
	if in.Reading.Sheet != "Тайна" || in.Rows != 1 {
		t.Errorf("%+v", in)
	}
}

// A file larger than what is counted exactly is estimated.
func TestRowsAreEstimated(t *testing.T) {
	src := &endless{header: "Name;Город;Note\n", row: "Анна Иванова;Казань;a\n", rows: 500_000}
	in, err := sheet.Inspect(context.Background(), src, "big.csv", "ru")
	if err != nil {
		t.Fatal(err)
	}
	if in.Exact || in.Rows < 490_000 || in.Rows > 510_000 || len(in.Preview) != 20 || len(in.Head) != 10 {
		t.Errorf("%d rows (exact: %v), %d in the preview, %d at the head", in.Rows, in.Exact, len(in.Preview), len(in.Head))
	}
}

// Every refusal that the tests meet is listed with its arguments, and codes
// are listed once.
func TestCodes(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range sheet.Codes() {
		if seen[c.Code] {
			t.Errorf("code %s is listed twice", c.Code)
		}
		seen[c.Code] = true
	}
	for _, c := range slices.Concat(textCases(), bookCases()) {
		if c.refusal == "" {
			continue
		}
		words := strings.Fields(c.refusal)
		args := make(map[string]string)
		for _, w := range words[1:] {
			k, v, _ := strings.Cut(w, "=")
			args[k] = v
		}
		checkCode(t, words[0], args, true)
	}
}

// The cases of the list of nasty files that are about reading all have a
// test here. The others are about values (26 to 29, 33, 35, 36), the portal
// and the run (53 to 55, 59 to 62), and what is handed out (57).
func TestEveryCaseOfReadingIsNamed(t *testing.T) {
	named := make(map[int]bool)
	for _, c := range slices.Concat(textCases(), bookCases(), hostileBooks()) {
		named[c.number] = true
	}
	named[51] = true // TestMemoryDoesNotGrowWithTheFile
	for number := 1; number <= 62; number++ {
		reading := number <= 25 || number >= 30 && number <= 32 || number == 34 || number >= 37 && number <= 52 || number == 56 || number == 58
		if reading && !named[number] {
			t.Errorf("case %d has no test", number)
		}
	}
}

// A title that a merged area repeats in each of its cells is no header.
func TestTitleInEveryCell(t *testing.T) {
	file := []byte("Register,Register,Register\nName,Number,Date\nA,1,2024-01-02\nB,2,2024-01-03\n")
	in := inspectAs(t, file, sheet.Reading{Encoding: "utf-8", Delimiter: ",", Quote: sheet.QuoteDouble, HeaderRow: -1})
	if in.Reading.HeaderRow != 2 || in.Columns[0].Name != "Name" || in.Rows != 2 {
		t.Errorf("header in row %d: %+v", in.Reading.HeaderRow, in.Columns)
	}
}
