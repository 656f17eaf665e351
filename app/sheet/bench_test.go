//go:build unix

package sheet_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spa-importer/spa-importer/app/sheet"
)

// benchRow is a row of 12 cells as a CRM has them: Cyrillic, numbers, dates,
// quotes and a line end now and then.
func benchRow(i int) []string {
	note := "Позвонить после обеда"
	if i%10 == 0 {
		note = "Сказал: \"перезвоните\",\nлучше завтра"
	}
	return []string{
		fmt.Sprintf("Контракт № %d", i), fmt.Sprintf("ООО «Пример %d»", i%5000), "Иванова Анна Сергеевна",
		fmt.Sprintf("+7 900 %07d", i), fmt.Sprintf("user%d@example.org", i), fmt.Sprintf("%d.%02d", i*7, i%100),
		"RUB", fmt.Sprintf("%02d.%02d.2024", i%28+1, i%12+1), "В работе", fmt.Sprint(i % 300), "https://example.org/item/" + fmt.Sprint(i), note,
	}
}

var benchHeader = []string{"Название", "Компания", "Ответственный", "Телефон", "E-mail", "Сумма", "Валюта", "Дата", "Стадия", "Номер", "Ссылка", "Комментарий"}

// The whole way of a file, against encoding/csv and excelize, is measured by
// BenchmarkFile of package importer; here are the parts one works on.

// benchRows is 100,000, or 1,000,000 if SHEET_BENCH=1m.
func benchRows() int {
	if os.Getenv("SHEET_BENCH") == "1m" {
		return 1_000_000
	}
	return 100_000
}

// benchFile writes a file once per test binary.
func benchFile(b *testing.B, name string, write func(io.Writer) error) *os.File {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), name))
	if err == nil {
		err = write(f)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return f
}

func benchCSV(b *testing.B) *os.File {
	return benchFile(b, "bench.csv", func(w io.Writer) error {
		c := csv.NewWriter(w)
		c.Write(benchHeader)
		for i := range benchRows() {
			c.Write(benchRow(i))
		}
		c.Flush()
		return c.Error()
	})
}

// cpu reports the processor time per operation beside the wall time, which on
// a busy machine says little. Call it before the loop and the result after.
func cpu(b *testing.B) func() {
	b.Helper()
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	b.ReportAllocs()
	from := used()
	return func() { b.ReportMetric(float64(used()-from)/1e6/float64(b.N), "cpu-ms/op") }
}

func section(b *testing.B, f *os.File) *io.SectionReader {
	b.Helper()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	return io.NewSectionReader(f, 0, info.Size())
}

func BenchmarkNormalise(b *testing.B) {
	src := section(b, benchCSV(b))
	for _, withRows := range []bool{false, true} {
		b.Run(fmt.Sprintf("rows=%v", withRows), func(b *testing.B) {
			b.SetBytes(src.Size())
			var row func(sheet.Row) error
			if withRows {
				row = func(sheet.Row) error { return nil }
			}
			defer cpu(b)()
			for b.Loop() {
				normaliseBench(b, src, reading(',', 1), row)
			}
		})
	}
}

func normaliseBench(b *testing.B, src sheet.Source, r sheet.Reading, row func(sheet.Row) error) {
	t, err := sheet.Normalise(context.Background(), src, r, io.Discard, io.Discard, row, nil)
	if err != nil || t.Rows != benchRows() {
		b.Fatalf("%d rows, %v", t.Rows, err)
	}
}

func BenchmarkReader(b *testing.B) {
	var canon, index bytes.Buffer
	if _, err := sheet.Normalise(context.Background(), section(b, benchCSV(b)), reading(',', 1), &canon, &index, nil, nil); err != nil {
		b.Fatal(err)
	}
	defer cpu(b)()
	for b.Loop() {
		r, err := sheet.OpenTable(b.Context(), bytes.NewReader(canon.Bytes()), bytes.NewReader(index.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Read(context.Background(), 0, r.Rows(), func(int, sheet.Row) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func benchBook(b *testing.B) *os.File {
	return benchFile(b, "bench.xlsx", func(w io.Writer) error {
		return writeBenchBook(w, benchRows())
	})
}

// writeBenchBook writes a workbook shaped as Excel shapes it: shared
// strings, and numbers as numbers.
func writeBenchBook(w io.Writer, rows int) error {
	var data, shared strings.Builder
	count := 0
	text := func(ref, s string) {
		shared.WriteString("<si><t>" + strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").Replace(s) + "</t></si>")
		fmt.Fprintf(&data, `<c r="%s" s="0" t="s"><v>%d</v></c>`, ref, count)
		count++
	}
	for i := range rows + 1 {
		fmt.Fprintf(&data, `<row r="%d" spans="1:12">`, i+1)
		cells := benchHeader
		if i > 0 {
			cells = benchRow(i - 1)
		}
		for c, s := range cells {
			ref := fmt.Sprintf("%c%d", 'A'+c, i+1)
			if i > 0 && (c == 5 || c == 9) {
				fmt.Fprintf(&data, `<c r="%s"><v>%s</v></c>`, ref, s)
			} else {
				text(ref, s)
			}
		}
		data.WriteString("</row>")
	}
	file := book{sheets: []string{data.String()}, strings: shared.String(), styles: xfs("0")}.bytes()
	_, err := w.Write(file)
	return err
}

func BenchmarkNormaliseXLSX(b *testing.B) {
	src := section(b, benchBook(b))
	defer cpu(b)()
	for b.Loop() {
		normaliseBench(b, src, sheet.Reading{HeaderRow: 1}, func(sheet.Row) error { return nil })
	}
}
