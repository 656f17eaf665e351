package sheet_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spa-importer/spa-importer/app/sheet"
	"pgregory.net/rapid"
)

// normalised is a table in canonical form, with its rows as they passed.
type normalised struct {
	table        sheet.Table
	canon, index []byte
	rows         []sheet.Row
}

func normalise(src []byte, r sheet.Reading) (normalised, error) {
	var n normalised
	var canon, index bytes.Buffer
	var err error
	n.table, err = sheet.Normalise(context.Background(), bytes.NewReader(src), r, &canon, &index, func(row sheet.Row) error {
		n.rows = append(n.rows, sheet.Row{Number: row.Number, Line: row.Line, Cells: append([]string(nil), row.Cells...)})
		return nil
	}, nil)
	n.canon, n.index = canon.Bytes(), index.Bytes()
	return n, err
}

// read returns rows [from, from+n) by offset.
func (n normalised) read(t rapid.TB, from, count int) []sheet.Row {
	t.Helper()
	reader, err := sheet.OpenTable(context.Background(), bytes.NewReader(n.canon), bytes.NewReader(n.index))
	if err != nil {
		t.Fatalf("opening the canonical form: %v", err)
	}
	if diff := cmp.Diff(n.table.Columns, reader.Columns()); diff != "" {
		t.Fatalf("columns of the reader differ:\n%s", diff)
	}
	if reader.Rows() != n.table.Rows {
		t.Fatalf("reader has %d rows, the table %d", reader.Rows(), n.table.Rows)
	}
	var rows []sheet.Row
	at := from
	err = reader.Read(context.Background(), from, count, func(index int, row sheet.Row) error {
		if index != at {
			t.Fatalf("index %d, want %d", index, at)
		}
		at++
		rows = append(rows, sheet.Row{Number: row.Number, Line: row.Line, Cells: append([]string(nil), row.Cells...)})
		return nil
	})
	if err != nil {
		t.Fatalf("reading %d rows from %d: %v", count, from, err)
	}
	return rows
}

// cells draws text with everything that quoting, cleaning and splitting
// care about.
func cells() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom([]rune("ab1,;\t|\"\\\n\r '=#жё€\u00a0\u200b\ufffd😀\x00\x7f")), 0, 8, -1)
}

func tables() *rapid.Generator[[][]string] {
	return rapid.SliceOfN(rapid.SliceOfN(cells(), 1, 5), 1, 12)
}

// render writes records with a delimiter, quoting what needs it.
func render(records [][]string, delim rune, lineEnd string) []byte {
	var b bytes.Buffer
	for _, r := range records {
		for i, c := range r {
			if i > 0 {
				b.WriteRune(delim)
			}
			if strings.ContainsAny(c, "\"\n\r"+string(delim)) {
				c = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
			}
			b.WriteString(c)
		}
		b.WriteString(lineEnd)
	}
	return b.Bytes()
}

func reading(delim rune, header int) sheet.Reading {
	return sheet.Reading{Format: sheet.CSV, Encoding: "utf-8", Delimiter: string(delim), Quote: sheet.QuoteDouble, HeaderRow: header}
}

// refused reports whether err is a refusal, and fails on other errors.
func refused(t rapid.TB, err error) bool {
	t.Helper()
	if err == nil {
		return false
	}
	if code(err) == "" {
		t.Fatalf("not a refusal: %v", err)
	}
	return true
}

func TestCanonicalOfCanonicalIsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := render(tables().Draw(t, "table"), rapid.SampledFrom([]rune(",;\t|")).Draw(t, "delim"), rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "end"))
		header := rapid.IntRange(0, 1).Draw(t, "header")
		first, err := normalise(src, reading(';', header))
		if refused(t, err) {
			return
		}
		again, err := normalise(first.canon, sheet.Reading{Format: sheet.Canonical})
		if err != nil {
			t.Fatalf("reading the canonical form of %q: %v", src, err)
		}
		if !bytes.Equal(first.canon, again.canon) || !bytes.Equal(first.index, again.index) {
			t.Fatalf("canonical form of\n%q is\n%q", first.canon, again.canon)
		}
		if diff := cmp.Diff(first.rows, again.rows); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(first.table.Columns, again.table.Columns); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestReadingByOffsetEqualsReadingInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := render(tables().Draw(t, "table"), ',', "\n")
		n, err := normalise(src, reading(',', rapid.IntRange(0, 1).Draw(t, "header")))
		if refused(t, err) {
			return
		}
		if int64(len(n.canon)) != n.table.Bytes || len(n.rows) != n.table.Rows {
			t.Fatalf("table says %d bytes and %d rows, there are %d and %d", n.table.Bytes, n.table.Rows, len(n.canon), len(n.rows))
		}
		from := rapid.IntRange(0, len(n.rows)).Draw(t, "from")
		count := rapid.IntRange(0, len(n.rows)+2).Draw(t, "count")
		want := n.rows[from:min(len(n.rows), from+count)]
		if diff := cmp.Diff(want, n.read(t, from, count), cmpEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// workbooks draws a book of inline strings and numbers, with rows and cells
// left out, merged areas, hidden rows and links.
func workbooks() *rapid.Generator[[]byte] {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", "\x00", "", "\x7f", "_x007F_")
	return rapid.Custom(func(t *rapid.T) []byte {
		var data strings.Builder
		number := 0
		for range rapid.IntRange(1, 10).Draw(t, "rows") {
			number += rapid.IntRange(1, 3).Draw(t, "gap")
			fmt.Fprintf(&data, `<row r="%d" hidden="%d">`, number, rapid.IntRange(0, 1).Draw(t, "hidden"))
			for c := range rapid.IntRange(0, 5).Draw(t, "cells") {
				switch rapid.IntRange(0, 3).Draw(t, "kind") {
				case 0:
				case 1:
					fmt.Fprintf(&data, `<c r="%c%d" s="%d"><v>%d</v></c>`, 'A'+c, number, rapid.IntRange(0, 3).Draw(t, "style"), rapid.IntRange(-5, 60000).Draw(t, "number"))
				default:
					fmt.Fprintf(&data, `<c r="%c%d" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+c, number, escape.Replace(cells().Draw(t, "text")))
				}
			}
			data.WriteString("</row>")
		}
		data.WriteString(`</sheetData><mergeCells><mergeCell ref="A2:B3"/><mergeCell ref="B3:C9"/></mergeCells><hyperlinks><hyperlink ref="B1:C4" r:id="r1"/></hyperlinks>`)
		return book{sheets: []string{data.String()}, styles: xfs("dd.mm.yyyy", "00000", "0.0 [$EUR]"), extra: map[string]string{
			"xl/worksheets/_rels/sheet1.xml.rels": `<Relationships><Relationship Id="r1" Type="x/hyperlink" Target="https://example.org/,&quot;" TargetMode="External"/></Relationships>`,
		}}.bytes()
	})
}

// The laws of tables hold for workbooks, too, in every reading of them.
func TestLawsOfWorkbooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, err := normalise(workbooks().Draw(t, "book"), sheet.Reading{
			HeaderRow: rapid.IntRange(-1, 2).Draw(t, "header"), SkipHidden: rapid.Bool().Draw(t, "skip"),
			FillMerged: rapid.Bool().Draw(t, "fill"), Links: rapid.Bool().Draw(t, "links"), Unnamed: rapid.SampledFrom([]string{"", "Столбец {column}"}).Draw(t, "unnamed"),
		})
		if refused(t, err) {
			return
		}
		again, err := normalise(first.canon, sheet.Reading{Format: sheet.Canonical})
		if err != nil || !bytes.Equal(first.canon, again.canon) || !bytes.Equal(first.index, again.index) {
			t.Fatalf("canonical form of\n%q is\n%q, %v", first.canon, again.canon, err)
		}
		if diff := cmp.Diff(first.table.Columns, again.table.Columns); diff != "" {
			t.Fatal(diff)
		}
		from := rapid.IntRange(0, len(first.rows)).Draw(t, "from")
		count := rapid.IntRange(0, len(first.rows)+2).Draw(t, "count")
		want := first.rows[from:min(len(first.rows), from+count)]
		if diff := cmp.Diff(want, first.read(t, from, count), cmpEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// What is written with quotes where they are needed comes back as it was:
// the rows are those of encoding/csv, but for the differences that the
// package's documentation names.
func TestAgreesWithEncodingCSV(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab1,;\"\n 'жё€\u00a0😀")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 5).Draw(t, "width")
		records := rapid.SliceOfN(rapid.SliceOfN(text, width, width), 2, 12).Draw(t, "table")
		for i := range records {
			records[i][0] = "x" + records[i][0] // no blank rows
		}
		src := render(records, ',', "\n")
		r := csv.NewReader(bytes.NewReader(src))
		r.FieldsPerRecord = -1
		want, err := r.ReadAll()
		if err != nil {
			t.Fatalf("encoding/csv: %v", err)
		}
		n, err := normalise(src, reading(',', 0))
		if err != nil {
			t.Fatalf("normalise: %v", err)
		}
		got := make([][]string, len(n.rows))
		columns := len(n.table.Columns)
		for i, row := range n.rows {
			got[i] = row.Cells
			// Columns without any value at the end are no columns.
			for _, c := range want[i][min(columns, len(want[i])):] {
				if strings.Trim(c, " \n\u00a0") != "" {
					columns = len(want[i])
				}
			}
			want[i] = want[i][:min(len(row.Cells), len(want[i]))]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Preview, check and run may read the same table at the same time.
func TestReaderServesSeveral(t *testing.T) {
	n, err := normalise([]byte("a,b\n"+strings.Repeat("1,\"x\ny\"\n", 2000)), reading(',', 1))
	if err != nil {
		t.Fatal(err)
	}
	r, err := sheet.OpenTable(t.Context(), bytes.NewReader(n.canon), bytes.NewReader(n.index))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for from := range 8 {
		wg.Go(func() {
			rows := 0
			err := r.Read(context.Background(), from*200, 300, func(index int, row sheet.Row) error {
				if want := n.rows[index]; row.Number != want.Number || row.Cells[1] != want.Cells[1] {
					t.Errorf("row %d is %v, want %v", index, row, want)
				}
				rows++
				return nil
			})
			if err != nil || rows != 300 {
				t.Errorf("%d rows, %v", rows, err)
			}
		})
	}
	wg.Wait()
}
