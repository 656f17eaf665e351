package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// nastyCase says which tests show how one of the 62 files that go wrong in
// other importers behaves here: how it is read, what becomes of its values, and
// what a person is told.
type nastyCase struct {
	number int
	name   string
	proofs []proof
}

// proof is a test by its folder, and a piece of it: the case in its table, or
// the words of the one that is meant.
type proof struct{ folder, test, shows string }

// The tests of package sheet have the number of the case in their names:
// go test ./app/sheet -run 'Nasty/12'.
const (
	files = "TestNastyFiles"
	books = "TestNastyWorkbooks"
)

var nastyCases = []nastyCase{
	{1, "cp1251 text", []proof{{"sheet", files, "{number: 1, "}, {"sheet", "TestEncodingsShowTheSameLines", `"windows-1251": {"Имя;Город"`}, {"app", "TestWindowsFileInTheFrame", "charmap.Windows1251"}}},
	{2, "UTF-8 with a mark", []proof{{"sheet", files, "{number: 2, "}}},
	{3, "UTF-16 with a mark", []proof{{"sheet", files, "{number: 3, "}}},
	{4, "UTF-16 without a mark", []proof{{"sheet", files, "{number: 4, "}}},
	{5, "KOI8-R, cp866, Mac Cyrillic, cp1252, Shift JIS, GBK", []proof{{"sheet", files, "{number: 5, "}}},
	{6, "mixed encodings", []proof{{"sheet", files, "{number: 6, "}}},
	{7, "the four delimiters", []proof{{"sheet", files, "{number: 7, "}}},
	{8, "sep= line", []proof{{"sheet", files, "{number: 8, "}}},
	{9, "decimal commas in quotes", []proof{{"sheet", files, "{number: 9, "}}},
	{10, "line ends in quotes", []proof{{"sheet", files, "{number: 10, "}}},
	{11, "doubled and backslash quotes", []proof{{"sheet", files, "{number: 11, "}}},
	{12, "a quotation mark never closed", []proof{{"sheet", files, "{number: 12, "}, {"sheet", "TestQuotesAsText", "QuoteNone"}}},
	{13, "a bare quotation mark", []proof{{"sheet", files, "{number: 13, "}}},
	{14, "ragged rows", []proof{{"sheet", files, "{number: 14, "}, {"importer", "TestRowsWithTooManyCells", "row_too_long_cells"}}},
	{15, "repeated headers", []proof{{"sheet", files, "{number: 15, "}}},
	{16, "blank headers", []proof{{"sheet", files, "{number: 16, "}}},
	{17, "trailing delimiter, empty columns", []proof{{"sheet", files, "{number: 17, "}}},
	{18, "titles above, totals below", []proof{{"sheet", files, "{number: 18, "}, {"sheet", books, "{number: 18, "}}},
	{19, "headers only, nothing at all", []proof{{"sheet", files, "{number: 19, "}, {"sheet", books, "{number: 19, "}}},
	{20, "no header", []proof{{"sheet", files, "{number: 20, "}}},
	{21, "CR only, mixed line ends", []proof{{"sheet", files, "{number: 21, "}}},
	{22, "blank lines", []proof{{"sheet", files, "{number: 22, "}}},
	{23, "NUL and invisible characters", []proof{{"sheet", files, "{number: 23, "}, {"field", "TestConvert", `" \u200b": "-"`}}},
	{24, "spaces of all kinds", []proof{{"sheet", files, "{number: 24, "}, {"field", "TestConvert", `"1\u202f200": "1200"`}}},
	{25, "dates of Excel", []proof{{"sheet", books, "{number: 25, "}, {"sheet", "TestDatesOfWorkbooks", "date1904"}}},
	{26, "day numbers as text", []proof{{"field", "TestInfer", `{"Excel days", `}, {"field", "TestConvert", `"45678": "!date_excel_number`}, {"field", "TestCases", "26 a day number among dates"}}},
	{27, "day or month first", []proof{{"field", "TestInfer", `{"contradiction", `}, {"field", "TestConvert", `"31.02.2024": "!date_impossible"`}, {"field", "TestCases", "27 never mixed row by row"}}},
	{28, "two-digit years, names of months, time zones", []proof{{"field", "TestConvert", `"5 марта 2024 года"`}, {"field", "TestTimeZone", "Europe/"}, {"field", "TestCases", "28 two-digit years turn at 70"}}},
	{29, "dates out of range and of zeros", []proof{{"field", "TestConvert", `"0000-00-00": "- <date_zero>"`}, {"field", "TestCases", "29 no dates and far ones"}}},
	{30, "scientific notation", []proof{{"sheet", files, "{number: 30, "}, {"sheet", books, "{number: 30, "}, {"field", "TestConvert", "<text_number_shortened>"}}},
	{31, "more than 15 digits", []proof{{"sheet", files, "{number: 31, "}, {"sheet", books, "{number: 31, "}, {"field", "TestConvert", "<text_digits_lost>"}}},
	{32, "leading zeros", []proof{{"sheet", files, "{number: 32, "}, {"sheet", books, "{number: 32, "}, {"field", "TestConvert", "\"00123\": `\"00123\"`"}}},
	{33, "marks of numbers", []proof{{"field", "TestConvert", `"1'234.56": "1234.56"`}, {"field", "TestInfer", `{"open", own("double")`}, {"field", "TestCases", "33 one mark is asked"}}},
	{34, "percent", []proof{{"field", "TestConvert", `{"double, fraction", `}, {"field", "TestCases", "34 percent is what the person sees"}}},
	{35, "currencies and abbreviations", []proof{{"field", "TestConvert", `"$1.5k": "!number_abbreviated`}, {"field", "TestCases", "35 a currency where a number belongs"}}},
	{36, "yes and no in all words", []proof{{"field", "TestConvert", `"ложь": `}, {"field", "TestCases", "36 yes and no in many languages"}}},
	{37, "errors of Excel, words for nothing", []proof{{"sheet", books, "{number: 37, "}, {"field", "TestCases", "37 words for nothing"}}},
	{38, "very long cells", []proof{{"sheet", files, "{number: 38, "}, {"field", "TestConvert", "!text_too_long"}}},
	{39, "emoji, combining marks", []proof{{"sheet", files, "{number: 39, "}, {"field", "TestCases", "39 letters however they are composed"}}},
	{40, "writing from right to left", []proof{{"sheet", files, "{number: 40, "}}},
	{41, "HTML in cells", []proof{{"sheet", files, "{number: 41, "}, {"../handlers", "TestFourSteps", "&lt;script&gt;alert(1)"}}},
	{42, "formulas", []proof{{"sheet", books, "{number: 42, "}}},
	{43, "merged cells", []proof{{"sheet", books, "{number: 43, "}, {"sheet", "TestOptionsOfWorkbooks", "FillMerged: true"}}},
	{44, "hidden sheets, rows and columns", []proof{{"sheet", books, "{number: 44, "}, {"sheet", "TestOptionsOfWorkbooks", "SkipHidden: true"}}},
	{45, "several sheets, charts, tables not at A1", []proof{{"sheet", books, "{number: 45, "}, {"sheet", "TestSheetChoices", "Hidden: true, Rows: 2"}, {"app", "TestWorkbookInTheFrame", "#sheets button"}}},
	{46, "rich text and hyperlinks", []proof{{"sheet", books, "{number: 46, "}, {"sheet", "TestAddressesOfLinks", "Links: true"}}},
	{47, "workbooks of scripts, strict ones", []proof{{"sheet", books, "{number: 47, "}}},
	{48, "other formats and wrong names", []proof{{"sheet", files, "{number: 48, "}, {"sheet", books, "{number: 48, "}}},
	{49, "bombs and endless things", []proof{{"sheet", books, "{number: 49, "}, {"sheet", "TestHostileFilesCostLittle", "bomb"}}},
	{50, "entities", []proof{{"sheet", books, "{number: 50, "}}},
	{51, "a million rows", []proof{{"sheet", "TestMemoryDoesNotGrowWithTheFile", "800_000"}, {"sheet", "TestEndsWithItsContext", "context.Canceled"}}},
	{52, "cut off and changed files", []proof{{"sheet", books, "{number: 52, "}, {"../handlers", "TestUploadSurvivesCutConnections", "a slice that was cut off"}}},
	{53, "the same file again", []proof{{"importer", "TestSameFileAgain", "SameFile"}, {"app", "TestWindowsFileInTheFrame", "#again"}}},
	{54, "a key twice in the file", []proof{{"importer", "TestRepeatedKeys", "repeat"}, {"importer", "TestMatching", "keys_repeated"}}},
	{55, "a key that fits several items", []proof{{"importer", "TestMatching", "key_several"}, {"importer", "TestAmbiguousNames", "Twin Person"}}},
	{56, "0 and false are values", []proof{{"sheet", files, "{number: 56, "}, {"field", "TestCases", "56 zero is a value"}}},
	{57, "formulas in what is handed out", []proof{{"importer", "TestReportIsSafeToOpen", "HYPERLINK"}}},
	{58, "file names that are paths", []proof{{"sheet", files, "{number: 58, "}, {"importer", "TestNamesOfUploads", "../../etc/passwd"}}},
	{59, "fields change before the start", []proof{{"importer", "TestFieldsChangeBeforeTheStart", "schema_column"}}},
	{60, "the permission ends in the middle", []proof{{"importer", "TestReopeningGoesOn", "connection_gone"}, {"importer", "TestNoImportRight", "importer.Waiting"}}},
	{61, "items change while they are updated", []proof{{"importer", "TestItemsChangeMeanwhile", "Unchanged: 1, Skipped: 1"}, {"importer", "TestUndoKeepsWhatWasEdited", "Kept"}}},
	{62, "a request is done though nobody heard so", []proof{{"importer", "TestRequestOutlivesItsConnection", "Rechecked"}, {"importer", "TestFaults", "sever"}}},
}

// TestEveryNastyFileHasATest holds the list to the tests there are.
func TestEveryNastyFileHasATest(t *testing.T) {
	sources := map[string]map[string]string{}
	for i, c := range nastyCases {
		if c.number != i+1 {
			t.Fatalf("case %d stands in place %d", c.number, i+1)
		}
		t.Run(fmt.Sprintf("%02d %s", c.number, c.name), func(t *testing.T) {
			for _, p := range c.proofs {
				if sources[p.folder] == nil {
					sources[p.folder] = testsOf(t, p.folder)
				}
				body, ok := sources[p.folder][p.test]
				if !ok {
					t.Errorf("%s has no %s", p.folder, p.test)
				}
				if p.shows == "" || !strings.Contains(body, p.shows) {
					t.Errorf("%s shows no %q", p.test, p.shows)
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
	names, err := filepath.Glob(filepath.Join(strings.TrimPrefix(folder, "app"), "*_test.go"))
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
