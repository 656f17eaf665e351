package field_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"testing"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// benchColumns are the twelve columns of the benchmark: the usual mix.
func benchColumns(t testing.TB) []*field.Converter {
	c := portal()
	list := bitrix.Field{Name: "UF_L", Type: "enumeration", Title: "List", Dynamic: true, Multiple: true,
		Items: []bitrix.Option{{ID: "81", Value: "Red"}, {ID: "82", Value: "Green"}, {ID: "83", Value: "Blue"}}}
	dmy := field.Style{DateOrder: field.DMY}
	return []*field.Converter{
		converter(t, system("title", "string"), field.Style{}, c),
		converter(t, own("string"), field.Style{}, c),
		converter(t, own("integer"), field.Style{}, c),
		converter(t, own("double", "PRECISION", "2"), field.Style{Decimal: ","}, c),
		converter(t, own("money"), field.Style{Decimal: ","}, c),
		converter(t, own("date"), dmy, c),
		converter(t, own("datetime"), dmy, c),
		converter(t, own("boolean"), field.Style{}, c),
		converter(t, list, field.Style{}, c),
		converter(t, system("stageId", "crm_status"), field.Style{}, c),
		converter(t, system("assignedById", "user"), field.Style{}, c),
		converter(t, many(system("contactIds", "crm_contact")), field.Style{}, c),
	}
}

func benchRow(i int) []string {
	return []string{
		"Contract no. " + strconv.Itoa(i), "Some text about " + strconv.Itoa(i*7919), strconv.Itoa(i),
		fmt.Sprintf("%d %03d,%02d", i%900+1, i%1000, i%100), fmt.Sprintf("%d,50 €", i%10000), fmt.Sprintf("%02d.%02d.2024", i%28+1, i%12+1),
		fmt.Sprintf("%02d.%02d.2024 %02d:15:00", i%28+1, i%12+1, i%24), []string{"да", "нет", "yes"}[i%3], []string{"Red", "Red|Green", "blue"}[i%3],
		[]string{"Новая", "В работе"}[i%2], strconv.Itoa(i%50 + 1), "C_" + strconv.Itoa(i%5000+1),
	}
}

// benchFile is the rows as a CSV file.
func benchFile(t testing.TB, rows int) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	for i := range rows {
		if err := w.Write(benchRow(i)); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	return b.Bytes()
}

func eachRow(t testing.TB, file []byte, f func([]string)) {
	r := csv.NewReader(bytes.NewReader(file))
	r.ReuseRecord = true
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		f(row)
	}
}

const benchRows = 10000

// The bare read, to compare with: the check may take eight times as long.
func BenchmarkBareRead(b *testing.B) {
	file := benchFile(b, benchRows)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		eachRow(b, file, func([]string) {})
	}
}

func BenchmarkReadAndConvert(b *testing.B) {
	file, columns := benchFile(b, benchRows), benchColumns(b)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		eachRow(b, file, func(row []string) {
			for i, c := range columns {
				if _, p := c.Convert(row[i], everything{}); p != nil {
					b.Fatal(row[i], p.Code)
				}
			}
		})
	}
}

func BenchmarkReadAndProfile(b *testing.B) {
	file := benchFile(b, benchRows)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		profilers := make([]*field.Profiler, 12)
		for i := range profilers {
			profilers[i] = field.NewProfiler()
		}
		n := 0
		eachRow(b, file, func(row []string) {
			n++
			for i, p := range profilers {
				p.Add(row[i], n)
			}
		})
	}
}

func BenchmarkConvert(b *testing.B) {
	names := []string{"title", "string", "integer", "double", "money", "date", "datetime", "boolean", "list", "stage", "user", "contacts"}
	row := benchRow(1234)
	for i, c := range benchColumns(b) {
		b.Run(names[i], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Convert(row[i], everything{})
			}
		})
	}
}

// A column of nonsense must not cost a search for suggestions per row.
func BenchmarkConvertUnknown(b *testing.B) {
	items := make([]bitrix.Option, 300)
	for i := range items {
		items[i] = bitrix.Option{ID: strconv.Itoa(i + 1), Value: fmt.Sprintf("Option number %d", i)}
	}
	conv := converter(b, bitrix.Field{Name: "UF_L", Type: "enumeration", Title: "List", Dynamic: true, Items: items}, field.Style{}, portal())
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		conv.Convert("Optoin nubmer "+strconv.Itoa(i), nil)
	}
}

func BenchmarkProfile(b *testing.B) {
	row := benchRow(1234)
	names := []string{"title", "string", "integer", "double", "money", "date", "datetime", "boolean", "list", "stage", "user", "contacts"}
	for i, name := range names {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			p := field.NewProfiler()
			for n := range 200 { // more values than are remembered
				p.Add(benchRow(n)[i], n)
			}
			for b.Loop() {
				p.Add(row[i], 1)
			}
		})
	}
}
