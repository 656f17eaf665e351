package sheet_test

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/sheet"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"
)

// The styles of generated cells: number format codes of excelize.
var differStyles = []string{"General", "dd.mm.yyyy", "yyyy-mm-dd hh:mm:ss", "0.00%", "00000", "#,##0.00", "@"}

// drawBook draws a workbook and writes it with excelize, cell by cell or
// through its stream writer.
func drawBook(t *rapid.T) ([]byte, bool) {
	f := excelize.NewFile()
	defer f.Close()
	date1904 := rapid.Bool().Draw(t, "1904")
	must(t, f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &date1904}))
	var styles []int
	for _, code := range differStyles {
		id, err := f.NewStyle(&excelize.Style{CustomNumFmt: &code})
		must(t, err)
		styles = append(styles, id)
	}
	text := rapid.StringOfN(rapid.RuneFrom([]rune("aZ19 ,;\"'&<>\n_xжё€😀=+")), 1, 12, -1)
	value := rapid.OneOf(
		rapid.Map(text, func(s string) any { return s }),
		rapid.Map(rapid.Just("_x000D_ _x0041_"), func(s string) any { return s }),
		rapid.Map(rapid.IntRange(-1e6, 1e9), func(n int) any { return n }),
		rapid.Map(rapid.Float64Range(-1e6, 1e6), func(n float64) any { return n }),
		rapid.Map(rapid.Float64Range(0, 100000), func(n float64) any { return n }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.IntRange(0, 2_000_000_000), func(n int) any { return time.Unix(int64(n), 0).UTC() }),
		rapid.Just[any](nil),
	)
	stream := rapid.Bool().Draw(t, "stream")
	var w *excelize.StreamWriter
	if stream {
		var err error
		w, err = f.NewStreamWriter("Sheet1")
		must(t, err)
	}
	rows := rapid.IntRange(1, 12).Draw(t, "rows")
	for r := 1; r <= rows; r++ {
		var line []any
		for c := 1; c <= rapid.IntRange(0, 6).Draw(t, "cells"); c++ {
			v, style := value.Draw(t, "value"), rapid.SampledFrom(styles).Draw(t, "style")
			if stream {
				line = append(line, excelize.Cell{StyleID: style, Value: v})
				continue
			}
			ref, err := excelize.CoordinatesToCellName(c, r)
			must(t, err)
			must(t, f.SetCellValue("Sheet1", ref, v))
			must(t, f.SetCellStyle("Sheet1", ref, ref, style))
		}
		if stream {
			must(t, w.SetRow(fmt.Sprintf("A%d", r), line))
		}
	}
	if stream {
		must(t, w.Flush())
	} else if rapid.Bool().Draw(t, "more") {
		// What must change nothing about the cells that are read.
		must(t, f.MergeCell("Sheet1", "B2", "C3"))
		must(t, f.SetRowVisible("Sheet1", rapid.IntRange(1, rows).Draw(t, "hidden row"), false))
		must(t, f.SetColVisible("Sheet1", "B", false))
		_, err := f.NewSheet("Other")
		must(t, err)
		must(t, f.SetCellValue("Other", "A1", "elsewhere"))
		must(t, f.SetSheetVisible("Other", rapid.Bool().Draw(t, "hidden sheet")))
	}
	var buf bytes.Buffer
	must(t, f.Write(&buf))
	return buf.Bytes(), date1904
}

func must(t rapid.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestAgreesWithExcelize reads generated workbooks with both readers. What
// differs is what we do on purpose, and equal is what that explains.
func TestAgreesWithExcelize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file, date1904 := drawBook(t)
		x, err := excelize.OpenReader(bytes.NewReader(file))
		must(t, err)
		defer x.Close()
		raw, err := x.GetRows("Sheet1", excelize.Options{RawCellValue: true})
		must(t, err)
		n, err := normalise(file, sheet.Reading{Sheet: "Sheet1", HeaderRow: 0})
		if code := code(err); code == "empty" || code == "sheet_empty" {
			for i, r := range raw {
				if strings.TrimSpace(strings.Join(r, "")) != "" {
					t.Fatalf("we find nothing, excelize %q in row %d", r, i+1)
				}
			}
			return
		}
		must(t, err)
		ours := make(map[int][]string)
		for _, r := range n.rows {
			ours[r.Number] = r.Cells
		}
		for i, theirs := range raw {
			for c := range max(len(theirs), len(ours[i+1])) {
				ref, err := excelize.CoordinatesToCellName(c+1, i+1)
				must(t, err)
				got, want := at(ours[i+1], c), strings.ReplaceAll(at(theirs, c), "\r", "\n")
				if got != want && !explained(t, x, ref, got, want, date1904) {
					t.Fatalf("%s: we read %q, excelize %q", ref, got, want)
				}
			}
		}
		if len(ours) > 0 && n.rows[len(n.rows)-1].Number > len(raw) {
			t.Fatalf("we find row %d, excelize has %d rows", n.rows[len(n.rows)-1].Number, len(raw))
		}
	})
}

func at(cells []string, i int) string {
	if i < len(cells) {
		return cells[i]
	}
	return ""
}

// explained reports whether a cell differs on purpose.
func explained(t *rapid.T, x *excelize.File, ref, got, raw string, date1904 bool) bool {
	if strings.TrimSpace(raw) == "" && got == "" {
		return true // rows of nothing but spaces are blank
	}
	if raw == "_x000D_ _x0041_" && got == "\n A" {
		return true // the standard's escapes hold for inline strings, too
	}
	kind, err := x.GetCellType("Sheet1", ref)
	must(t, err)
	if kind == excelize.CellTypeBool {
		return got == map[string]string{"1": "TRUE", "0": "FALSE"}[raw]
	}
	v, err := strconv.ParseFloat(raw, 64)
	if err != nil || kind == excelize.CellTypeInlineString || kind == excelize.CellTypeSharedString {
		return false
	}
	id, err := x.GetCellStyle("Sheet1", ref)
	must(t, err)
	style, err := x.GetStyle(id)
	must(t, err)
	code := ""
	if style.CustomNumFmt != nil {
		code = *style.CustomNumFmt
	}
	if style.NumFmt == 22 || style.NumFmt == 14 {
		code = "yyyy-mm-dd hh:mm:ss"
	}
	switch {
	case strings.HasSuffix(code, "%"):
		p, err := strconv.ParseFloat(strings.TrimSuffix(got, "%"), 64)
		return err == nil && near(p, v*100) && strings.HasSuffix(got, "%")
	case strings.Contains(code, "yyyy") && v >= 0 && v < 2958466:
		when, err := excelize.ExcelDateToTime(v, date1904)
		must(t, err)
		return sameTime(got, when.Add(500*time.Millisecond).Truncate(time.Second), v, date1904)
	case code == "00000" && v == math.Trunc(v):
		shown, err := x.GetCellValue("Sheet1", ref)
		must(t, err)
		return got == shown
	}
	p, err := strconv.ParseFloat(got, 64)
	return err == nil && near(p, v) && !strings.ContainsAny(got, "eE")
}

// near allows for the two digits of noise that are cut off.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-14*math.Max(math.Abs(a), math.Abs(b)) }

// sameTime compares with our text of a time; the days of 1900 up to the 29th
// of February, which excelize shifts, are tested by hand.
func sameTime(got string, want time.Time, v float64, date1904 bool) bool {
	if v < 61 && !date1904 {
		return strings.HasPrefix(got, "1900-0")
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04:05"} {
		if when, err := time.Parse(layout, got); err == nil {
			// Half a second is rounded up by one and down by the other.
			return when.Sub(want).Abs() <= time.Second
		}
	}
	return false
}
