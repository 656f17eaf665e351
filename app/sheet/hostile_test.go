package sheet_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/sheet"
)

// hostile is a file made to cost much. Its bytes are made before anything is
// measured.
type hostile struct {
	name    string
	src     sheet.Source
	reading sheet.Reading
	// refusal is the code; empty: the file is read.
	refusal string
	// most is how many MB may be allocated in all, freed ones included.
	most int
}

func hostileFiles() []hostile {
	people := inline([]string{"a", "b"}, []string{"1", "2"})
	detect := sheet.Reading{HeaderRow: -1}
	options := sheet.Reading{HeaderRow: -1, FillMerged: true, Links: true, SkipHidden: true}
	source := func(b book) sheet.Source { return bytes.NewReader(b.bytes()) }
	repeat := strings.Repeat
	link := map[string]string{"xl/worksheets/_rels/sheet1.xml.rels": `<Relationships><Relationship Id="r1" Type="x/hyperlink" Target="https://example.org/" TargetMode="External"/></Relationships>`}
	list := []hostile{
		{"a text of one endless line", &endless{row: "x", rows: 1 << 30}, detect, "cell_too_long", 64},
		{"a text of one endless row", &endless{header: "a,b\n", row: "1,", rows: 1 << 29}, detect, "too_many_columns", 64},
		{"a text of one endless row without values", &endless{header: "a,b\n1,2\n", row: ",", rows: 1 << 30}, detect, "row_too_long", 96},
		{"a quotation mark never closed", &endless{header: "a,b\n1,\"2\n", row: "3,4\n", rows: 1 << 28}, detect, "quote_open", 64},
		{"quotation marks on and on", &endless{header: "a,b\n", row: `"`, rows: 1 << 30}, detect, "quote_open", 64},
		{"nothing but line ends", &endless{header: "a,b\n1,2\n", row: "\r", rows: 4 << 20}, detect, "", 64},
		{"a gigabyte of zeros", &endless{row: "\x00", rows: 1 << 30}, detect, "not_a_table", 8},
		{"spaces in the shared strings, a bomb", source(book{sheets: []string{people}, strings: `<si><t>x</t></si>` + repeat(" ", 80<<20)}), detect, "bomb", 16},
		{"the shared strings are a bomb that is used", source(book{sheets: []string{inline([]string{"a", "b"}) + `<row><c t="s"><v>9</v></c></row>`}, strings: `<si><t>x</t></si>` + repeat(" ", 80<<20)}), detect, "bomb", 16},
		{"one shared string without end", source(book{sheets: []string{inline([]string{"a", "b"}) + `<row><c t="s"><v>0</v></c></row>`}, strings: "<si><t>" + repeat("yes ", 8<<20) + "</t></si>"}), detect, "cell_too_long", 24},
		{"elements within elements", source(book{sheets: []string{inline([]string{"a", "b"}) + "<row>" + repeat("<x>", 5<<20)}}), detect, "damaged", 16},
		{"five million styles", source(book{sheets: []string{people}, styles: "<cellXfs>" + repeat(`<xf/>`, 5<<20) + "</cellXfs>"}), detect, "damaged", 64},
		{"half a million merged areas", source(book{sheets: []string{people + "</sheetData><mergeCells>" + repeat(`<mergeCell ref="A1:XFD1048576"/>`, 1<<19) + "</mergeCells>"}}), options, "", 192},
		{"a link over the whole sheet", source(book{sheets: []string{people + `</sheetData><hyperlinks><hyperlink ref="A1:XFD1048576" r:id="r1"/></hyperlinks>`}, extra: link}), options, "", 128},
		{"a row without end", source(book{sheets: []string{inline([]string{"a", "b"}) + "<row>" + repeat(`<c t="str"><v>`+repeat("z", 1000)+`</v></c>`, 20_000) + "</row>"}}), detect, "too_many_columns", 16},
	}
	for _, c := range hostileBooks() {
		code, _, _ := strings.Cut(c.refusal, " ")
		list = append(list, hostile{c.name, bytes.NewReader(c.file), detect, code, 40})
	}
	return list
}

// Files that are made to cost much are refused, or read, at a cost that is
// bounded: what is measured is memory, and what is left behind. Time follows
// from it, since nothing is read twice that is not bounded.
func TestHostileFilesCostLittle(t *testing.T) {
	for _, c := range hostileFiles() {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			in, err := sheet.InspectAs(context.Background(), c.src, "hostile", "en", c.reading)
			if err == nil {
				_, err = sheet.Normalise(context.Background(), c.src, in.Reading, io.Discard, io.Discard, func(sheet.Row) error { return nil }, nil)
			}
			runtime.ReadMemStats(&after)
			if got := code(err); got != c.refusal || err != nil && got == "" {
				t.Errorf("refused with %q, want %q: %v", got, c.refusal, err)
			}
			used := int(after.TotalAlloc-before.TotalAlloc) >> 20
			t.Logf("%d MB of memory", used)
			if used > c.most {
				t.Errorf("%d MB were allocated, want at most %d", used, c.most)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if e, ok := c.src.(*endless); ok {
				read := int64(0)
				for i := 1; i < len(e.reads); i += 2 {
					read += e.reads[i]
				}
				if c.refusal != "" && read > 64<<20 {
					t.Errorf("%s were read before the refusal", fmt.Sprint(read>>20, " MB"))
				}
			}
		})
	}
}
