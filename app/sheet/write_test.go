package sheet_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/spa-importer/spa-importer/app/sheet"
)

// TestTableWriter: what is written row by row is read back as it was.
func TestTableWriter(t *testing.T) {
	columns := []sheet.Column{{Name: "a, b", Given: "a, b"}, {Name: "c", Given: "c"}}
	rows := []sheet.Row{
		{Number: 7, Line: 7, Cells: []string{"x", "line\nend"}},
		{Number: 3, Line: 3, Cells: []string{`"quoted"`, "with, comma"}},
		{Number: 900, Line: 900, Cells: []string{"", ""}},
	}
	var canon, index bytes.Buffer
	w, err := sheet.NewTableWriter(&canon, &index, columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := w.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	table, err := w.Close()
	if err != nil || table.Rows != len(rows) || table.Bytes != int64(canon.Len()) {
		t.Fatalf("%+v, %v", table, err)
	}
	r, err := sheet.OpenTable(t.Context(), bytes.NewReader(canon.Bytes()), bytes.NewReader(index.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if names := r.Columns(); len(names) != 2 || names[0].Name != "a, b" {
		t.Fatalf("columns %+v", names)
	}
	n := 0
	err = r.Read(t.Context(), 0, len(rows), func(i int, row sheet.Row) error {
		if row.Number != rows[i].Number || !slices.Equal(row.Cells, rows[i].Cells) {
			t.Errorf("row %d came back as %+v", i, row)
		}
		n++
		return nil
	})
	if err != nil || n != len(rows) {
		t.Fatalf("%d rows, %v", n, err)
	}
}
