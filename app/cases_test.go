package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// nastyCase says which test shows how one of the 62 files that go wrong in
// other importers behaves here. shows is a piece of that test: the case in
// its table, or the words of the one that is meant.
type nastyCase struct {
	number             int
	name               string
	folder, test       string
	shows              string
	alsoTest, alsoShow string // a second half, in the same folder; empty: none
}

// The tests of package sheet have the number of the case in their names:
// go test ./app/sheet -run 'Nasty/12'.
const (
	files = "TestNastyFiles"
	books = "TestNastyWorkbooks"
)

var nastyCases = []nastyCase{
	{1, "cp1251 text", "sheet", files, "{number: 1, ", "TestEncodingsShowTheSameLines", `"windows-1251": {"Имя;Город"`},
	{2, "UTF-8 with a mark", "sheet", files, "{number: 2, ", "", ""},
	{3, "UTF-16 with a mark", "sheet", files, "{number: 3, ", "", ""},
	{4, "UTF-16 without a mark", "sheet", files, "{number: 4, ", "", ""},
	{5, "KOI8-R, cp866, Mac Cyrillic, cp1252, Shift JIS, GBK", "sheet", files, "{number: 5, ", "", ""},
	{6, "mixed encodings", "sheet", files, "{number: 6, ", "", ""},
	{7, "the four delimiters", "sheet", files, "{number: 7, ", "", ""},
	{8, "sep= line", "sheet", files, "{number: 8, ", "", ""},
	{9, "decimal commas in quotes", "sheet", files, "{number: 9, ", "", ""},
	{10, "line ends in quotes", "sheet", files, "{number: 10, ", "", ""},
	{11, "doubled and backslash quotes", "sheet", files, "{number: 11, ", "", ""},
	{12, "a quotation mark never closed", "sheet", files, "{number: 12, ", "TestQuotesAsText", "QuoteNone"},
	{13, "a bare quotation mark", "sheet", files, "{number: 13, ", "", ""},
	{14, "ragged rows", "sheet", files, "{number: 14, ", "", ""},
	{15, "repeated headers", "sheet", files, "{number: 15, ", "", ""},
	{16, "blank headers", "sheet", files, "{number: 16, ", "", ""},
	{17, "trailing delimiter, empty columns", "sheet", files, "{number: 17, ", "", ""},
	{18, "titles above, totals below", "sheet", files, "{number: 18, ", books, "{number: 18, "},
	{19, "headers only, nothing at all", "sheet", files, "{number: 19, ", books, "{number: 19, "},
	{20, "no header", "sheet", files, "{number: 20, ", "", ""},
	{21, "CR only, mixed line ends", "sheet", files, "{number: 21, ", "", ""},
	{22, "blank lines", "sheet", files, "{number: 22, ", "", ""},
	{23, "NUL and invisible characters", "sheet", files, "{number: 23, ", "", ""},
	{24, "spaces of all kinds", "sheet", files, "{number: 24, ", "", ""},
	{25, "dates of Excel", "sheet", books, "{number: 25, ", "TestDatesOfWorkbooks", "date1904"},
	{26, "day numbers as text", "field", "TestInfer", `{"Excel days", `, "TestConvert", `"45678": "!date_excel_number`},
	{27, "day or month first", "field", "TestInfer", `{"contradiction", `, "TestConvert", `"31.02.2024": "!date_impossible"`},
	{28, "two-digit years, names of months, time zones", "field", "TestConvert", `"5 марта 2024 года"`, "TestTimeZone", "Europe/"},
	{29, "dates out of range and of zeros", "field", "TestConvert", `"0000-00-00": "- <date_zero>"`, "", ""},
	{30, "scientific notation", "sheet", files, "{number: 30, ", books, "{number: 30, "},
	{31, "more than 15 digits", "sheet", files, "{number: 31, ", books, "{number: 31, "},
	{32, "leading zeros", "sheet", files, "{number: 32, ", books, "{number: 32, "},
	{33, "marks of numbers", "field", "TestConvert", `"1'234.56": "1234.56"`, "TestInfer", `{"open", own("double")`},
	{34, "percent", "field", "TestConvert", `{"double, fraction", `, "", ""},
	{35, "currencies and abbreviations", "field", "TestConvert", `"$1.5k": "!number_abbreviated`, "", ""},
	{36, "yes and no in all words", "field", "TestConvert", `"ложь": `, "", ""},
	{37, "errors of Excel, words for nothing", "sheet", books, "{number: 37, ", "", ""},
	{38, "very long cells", "sheet", files, "{number: 38, ", "", ""},
	{39, "emoji, combining marks", "sheet", files, "{number: 39, ", "", ""},
	{40, "writing from right to left", "sheet", files, "{number: 40, ", "", ""},
	{41, "HTML in cells", "sheet", files, "{number: 41, ", "", ""},
	{42, "formulas", "sheet", books, "{number: 42, ", "", ""},
	{43, "merged cells", "sheet", books, "{number: 43, ", "TestOptionsOfWorkbooks", "FillMerged: true"},
	{44, "hidden sheets, rows and columns", "sheet", books, "{number: 44, ", "TestOptionsOfWorkbooks", "SkipHidden: true"},
	{45, "several sheets, charts, tables not at A1", "sheet", books, "{number: 45, ", "TestSheetChoices", "Hidden: true, Rows: 2"},
	{46, "rich text and hyperlinks", "sheet", books, "{number: 46, ", "TestAddressesOfLinks", "Links: true"},
	{47, "workbooks of scripts, strict ones", "sheet", books, "{number: 47, ", "", ""},
	{48, "other formats and wrong names", "sheet", files, "{number: 48, ", books, "{number: 48, "},
	{49, "bombs and endless things", "sheet", books, "{number: 49, ", "TestHostileFilesCostLittle", "bomb"},
	{50, "entities", "sheet", books, "{number: 50, ", "", ""},
	{51, "a million rows", "sheet", "TestMemoryDoesNotGrowWithTheFile", "800_000", "", ""},
	{52, "cut off and changed files", "sheet", books, "{number: 52, ", "", ""},
	{53, "the same file again", "importer", "TestSameFileAgain", "SameFile", "", ""},
	{54, "a key twice in the file", "importer", "TestRepeatedKeys", "repeat", "", ""},
	{55, "a key that fits several items", "importer", "TestAmbiguousNames", "Twin Person", "", ""},
	{56, "0 and false are values", "sheet", files, "{number: 56, ", "", ""},
	{57, "formulas in what is handed out", "importer", "TestReportIsSafeToOpen", "HYPERLINK", "", ""},
	{58, "file names that are paths", "sheet", files, "{number: 58, ", "", ""},
	{59, "fields change before the start", "importer", "TestFieldsChangeBeforeTheStart", "schema_column", "", ""},
	{60, "the permission ends in the middle", "importer", "TestReopeningGoesOn", "connection_gone", "TestNoImportRight", "importer.Waiting"},
	{61, "items change while they are updated", "importer", "TestItemsChangeMeanwhile", "", "", ""},
	{62, "a request is done though nobody heard so", "importer", "TestRequestOutlivesItsConnection", "Rechecked", "TestFaults", "sever"},
}

// TestEveryNastyFileHasATest holds the list to the tests there are.
func TestEveryNastyFileHasATest(t *testing.T) {
	sources := map[string]map[string]string{}
	for i, c := range nastyCases {
		if c.number != i+1 {
			t.Fatalf("case %d stands in place %d", c.number, i+1)
		}
		t.Run(fmt.Sprintf("%02d %s", c.number, c.name), func(t *testing.T) {
			if sources[c.folder] == nil {
				sources[c.folder] = testsOf(t, c.folder)
			}
			have := sources[c.folder]
			for _, half := range [][2]string{{c.test, c.shows}, {c.alsoTest, c.alsoShow}} {
				test, shows := half[0], half[1]
				if test == "" {
					continue
				}
				body, ok := have[test]
				if !ok {
					t.Errorf("app/%s has no %s", c.folder, test)
				}
				if !strings.Contains(body, shows) {
					t.Errorf("%s shows no %q", test, shows)
				}
			}
		})
	}
	if len(nastyCases) != 62 {
		t.Errorf("%d cases are listed, there are 62", len(nastyCases))
	}
}

var testBegin = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\) \{`)

// testsOf are the tests of a package by name, each with the file it is in:
// tables stand before or behind their test.
func testsOf(t *testing.T, folder string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("looking for the tests of %s: %v", folder, err)
	}
	found := map[string]string{}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testBegin.FindAllStringSubmatch(string(body), -1) {
			found[m[1]] = string(body)
		}
	}
	return found
}
