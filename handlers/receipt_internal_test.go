package handlers

import (
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

// TestReceiptSaysWhereValuesComeFrom: the file is named only where a column
// of it goes to the field, and columns that stay behind are named.
func TestReceiptSaysWhereValuesComeFrom(t *testing.T) {
	locales, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	en := locales.For("en")
	m := importer.Mapping{
		Columns:   []importer.ColumnMapping{{Column: 0, Field: "stageId"}, {Column: 1}},
		Constants: map[string]string{"assignedById": "17"},
	}
	for name, want := range map[string]string{
		"stageId": "from the file, otherwise X", "assignedById": "“Anna Petrova” for all rows", "categoryId": "X",
	} {
		if got := sourceOf(en, m, name, "Anna Petrova", "X"); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	var view importer.ColumnsView
	column := func(name, field string, filled int) {
		view.Columns = append(view.Columns, importer.ColumnView{Name: name, Filled: filled, Mapping: importer.ColumnMapping{Field: field}})
	}
	column("Stage", "stageId", 3)
	column("Note", "", 3)
	column("Blank", "", 0)
	if got := unused(en, view); got != "Note" {
		t.Errorf("not imported: %q", got)
	}
	for range unusedShown {
		column("Other", "", 1)
	}
	if got := unused(en, view); strings.Count(got, "Other") != unusedShown-1 || !strings.HasSuffix(got, " and more") {
		t.Errorf("not imported: %q", got)
	}
}
