package template_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/sheet"
	"github.com/spa-importer/spa-importer/app/template"
	"github.com/spa-importer/spa-importer/bitrix"
)

// say words a text by its key, and the few whose words matter.
func say(key string, args ...any) string {
	switch key {
	case "date_format":
		return "dd.mm.yyyy"
	case "help_sheet":
		return "How to fill in"
	case "yes", "no":
		return key
	}
	return strings.TrimSpace(fmt.Sprintln(append([]any{key}, args...)...))
}

func make1(t rapid.TB, b template.Book) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := template.Write(&out, b, say); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func inspect(t interface {
	Helper()
	Context() context.Context
}, file []byte) (sheet.Inspection, error) {
	t.Helper()
	return sheet.Inspect(t.Context(), bytes.NewReader(file), "x.xlsx", "en")
}

func contracts() template.Book {
	fields := []bitrix.Field{
		{Name: "id", Type: "integer", Title: "ID", ReadOnly: true},
		{Name: "title", Type: "string", Title: "Title", Required: true},
		{Name: "stageId", Type: "crm_status", Title: "Stage", StatusType: "DYNAMIC_177_STAGE_9"},
		{Name: "categoryId", Type: "crm_category", Title: "Pipeline"},
		{Name: "assignedById", Type: "user", Title: "Responsible"},
		{Name: "createdTime", Type: "datetime", Title: "Created", ReadOnly: true},
		{Name: "opportunity", Type: "double", Title: "Amount"},
		{Name: "isManualOpportunity", Type: "boolean", Title: "Manual"},
		{Name: "UF_1", UpperName: "UF_1", Type: "enumeration", Title: "Colour", Dynamic: true, Required: true, Items: []bitrix.Option{
			{ID: "81", Value: "Red"}, {ID: "82", Value: "Blue"}, {ID: "83", Value: "Red"}}},
		{Name: "UF_2", UpperName: "UF_2", Type: "enumeration", Title: "Marks", Dynamic: true, Multiple: true, Items: manyOptions(3000)},
		{Name: "UF_3", UpperName: "UF_3", Type: "date", Title: "Signed", Dynamic: true},
		{Name: "UF_4", UpperName: "UF_4", Type: "datetime", Title: "Called", Dynamic: true},
		{Name: "UF_5", UpperName: "UF_5", Type: "boolean", Title: "Paid", Dynamic: true},
		{Name: "UF_6", UpperName: "UF_6", Type: "string", Title: "Amount", Dynamic: true},
		{Name: "UF_7", UpperName: "UF_7", Type: "string", Title: "title", Dynamic: true},
	}
	c := field.Context{
		EntityTypeID: 177, Admin: true,
		Categories: []bitrix.Category{{ID: 9, Name: "Main", Default: true}, {ID: 10, Name: "Other"}},
		Stages: map[int64][]bitrix.Status{
			9:  {{ID: "DT177_9:NEW", Name: "New"}, {ID: "DT177_9:WON", Name: "Won"}},
			10: {{ID: "DT177_10:NEW", Name: "New"}, {ID: "DT177_10:LATE", Name: "Late"}},
		},
	}
	return template.Book{Title: "Contracts: 2024/25", EntityTypeID: 177, Portal: "abc", Targets: field.Targets(fields, c), Context: c}
}

func manyOptions(n int) []bitrix.Option {
	list := make([]bitrix.Option, n)
	for i := range list {
		list[i] = bitrix.Option{ID: fmt.Sprint(1000 + i), Value: fmt.Sprintf("Option %d", i)}
	}
	return list
}

// TestTemplate looks at a template with the eyes of a spreadsheet program.
func TestTemplate(t *testing.T) {
	b := contracts()
	f, err := excelize.OpenReader(bytes.NewReader(make1(t, b)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.GetSheetList(); !slices.Equal(got, []string{"Contracts 2024 25", "How to fill in", sheet.MarkSheet}) {
		t.Fatalf("sheets %q", got)
	}
	if shown, err := f.GetSheetVisible(sheet.MarkSheet); shown || err != nil {
		t.Errorf("the mark is visible: %v", err)
	}
	rows, err := f.GetRows("Contracts 2024 25")
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	want := []string{"Title *", "Colour *", "Marks", "Signed", "Called", "Paid", "Amount [UF_6]", "title [UF_7]", "Stage", "Pipeline", "Responsible", "Amount [opportunity]"}
	if !slices.Equal(rows[0], want) {
		t.Errorf("headers %q, want %q", rows[0], want)
	}
	rules, err := f.GetDataValidations("Contracts 2024 25")
	if err != nil {
		t.Fatal(err)
	}
	lists := map[string]string{}
	for _, r := range rules {
		lists[r.Sqref] = r.Type + " " + r.Formula1
	}
	for column, list := range map[string][]string{"B": {"Blue", "81", "83"}, "F": {"yes", "no"}, "I": {"New", "Won", "Late"}, "J": {"Main", "Other"}} {
		got := choicesOf(t, f, lists[column+"2:"+column+"1048576"])
		for _, text := range list {
			if !slices.Contains(got, text) {
				t.Errorf("column %s offers %q, not %q", column, got, text)
			}
		}
	}
	if got := choicesOf(t, f, lists["C2:C1048576"]); len(got) != 3000 || got[2999] != "Option 2999" {
		t.Errorf("a long list has %d choices", len(got))
	}
	if lists["D2:D1048576"] != "date 1" {
		t.Errorf("dates are checked by %q", lists["D2:D1048576"])
	}
	notes, err := f.GetComments("Contracts 2024 25")
	if err != nil || len(notes) != len(want) {
		t.Fatalf("%d notes, %v", len(notes), err)
	}
	for _, n := range notes {
		must := n.Cell == "A1" || n.Cell == "B1"
		if strings.Contains(n.Text, "is_required") != must {
			t.Errorf("%s: %q", n.Cell, n.Text)
		}
	}
	help, err := f.GetRows("How to fill in")
	if err != nil || len(help) != 4+len(want) {
		t.Fatalf("%d lines of help, %v", len(help), err)
	}
	if got := help[5]; got[0] != "Colour *" || got[1] != "yes" || got[2] != "type_list" || got[5] != "81 = Red\nBlue\n83 = Red" {
		t.Errorf("the page of explanations says %q", got)
	}
}

func choicesOf(t *testing.T, f *excelize.File, rule string) []string {
	t.Helper()
	var letters string
	var n int
	at := strings.LastIndexByte(rule, '$')
	if at < 0 || !strings.HasPrefix(rule, "list 'spa-importer'!$") {
		t.Fatalf("rule %q", rule)
	}
	letters = strings.Split(rule, "$")[1]
	if _, err := fmt.Sscan(rule[at+1:], &n); err != nil {
		t.Fatal(err)
	}
	list := make([]string, n)
	for i := range list {
		text, err := f.GetCellValue(sheet.MarkSheet, fmt.Sprint(letters, i+1))
		if err != nil {
			t.Fatal(err)
		}
		list[i] = text
	}
	return list
}

// TestTemplateComesBack: empty, filled in, with columns moved and added, with
// its sheets renamed, and saved by a program that keeps no style.
func TestTemplateComesBack(t *testing.T) {
	b := contracts()
	file := make1(t, b)
	in, err := inspect(t, file)
	var refused *sheet.Error
	if !errors.As(err, &refused) || refused.Code != "headers_only" || in.Template == nil {
		t.Fatalf("an empty template: %v, %+v", err, in.Template)
	}
	for name, change := range map[string]func(f *excelize.File) error{
		"filled": func(*excelize.File) error { return nil },
		"column added and moved": func(f *excelize.File) error {
			if err := f.InsertCols("Contracts 2024 25", "B", 1); err != nil {
				return err
			}
			return f.SetCellStr("Contracts 2024 25", "B1", "Remark")
		},
		"sheets renamed": func(f *excelize.File) error {
			return errors.Join(f.SetSheetName("Contracts 2024 25", "Mine"), f.MoveSheet("How to fill in", "Mine"))
		},
		"another sheet before": func(f *excelize.File) error {
			if _, err := f.NewSheet("Notes"); err != nil {
				return err
			}
			return errors.Join(f.SetCellStr("Notes", "A1", "a"), f.SetCellStr("Notes", "A2", "b"), f.MoveSheet("Notes", "Contracts 2024 25"))
		},
		"mark is only hidden": func(f *excelize.File) error { return f.SetSheetVisible(sheet.MarkSheet, false, false) },
	} {
		t.Run(name, func(t *testing.T) {
			f, err := excelize.OpenReader(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for i, text := range []string{"One", "Blue", "", "", "", "yes"} {
				cell, _ := excelize.CoordinatesToCellName(i+1, 2)
				if err := f.SetCellStr("Contracts 2024 25", cell, text); err != nil {
					t.Fatal(err)
				}
			}
			if err := change(f); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := f.Write(&out); err != nil {
				t.Fatal(err)
			}
			in, err := inspect(t, out.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if in.Reading.Sheet != "Contracts 2024 25" && in.Reading.Sheet != "Mine" || in.Rows != 1 || in.Reading.HeaderRow != 1 {
				t.Fatalf("%+v, %d rows", in.Reading, in.Rows)
			}
			if in.Template == nil || in.Template.EntityTypeID != 177 || in.Template.Portal != "abc" {
				t.Fatalf("template %+v", in.Template)
			}
			for _, s := range in.Sheets {
				if s.Name == sheet.MarkSheet {
					t.Error("the mark is offered as a sheet")
				}
			}
			known := 0
			for _, c := range in.Columns {
				if code := in.Template.Field(c.Name); code != "" {
					known++
				} else if c.Name != "Remark" {
					t.Errorf("column %q is not known", c.Name)
				}
			}
			if known != 12 || in.Template.Field("title [UF_7]") != "UF_7" || in.Template.Field("colour") != "UF_1" {
				t.Errorf("%d columns are known", known)
			}
			for _, n := range in.Notes {
				if n.Code == "other_sheets" && name != "another sheet before" {
					t.Error("the page of explanations counts as data")
				}
			}
		})
	}
}

// TestNoTemplate: a sheet of this name alone makes no template.
func TestNoTemplate(t *testing.T) {
	for name, cells := range map[string][]string{
		"other words": {"A1", "hello", "B1", "1"}, "another version": {"A1", sheet.MarkTitle, "B1", "2"},
		"no type": {"A1", sheet.MarkTitle, "B1", "1", "A2", sheet.MarkField, "B2", "a", "C2", "b"},
	} {
		f := excelize.NewFile()
		if _, err := f.NewSheet(sheet.MarkSheet); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(cells); i += 2 {
			if err := f.SetCellStr(sheet.MarkSheet, cells[i], cells[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		for i, text := range []string{"Title", "x"} {
			if err := f.SetCellStr("Sheet1", fmt.Sprint("A", i+1), text); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if err := f.Write(&out); err != nil {
			t.Fatal(err)
		}
		in, err := inspect(t, out.Bytes())
		if err != nil || in.Template != nil || in.Reading.Sheet != "Sheet1" || len(in.Sheets) != 2 {
			t.Errorf("%s: %v %+v %+v", name, err, in.Template, in.Sheets)
		}
	}
}

var types = []string{"string", "text", "integer", "double", "money", "date", "datetime", "boolean", "enumeration", "url", "address",
	"employee", "crm", "crm_status", "file", "iblock_element", "hlblock", "rest_1_x", "resourcebooking"}

// system are fields that every smart process may have, beside its own.
var system = []bitrix.Field{
	{Name: "title", Type: "string", Title: "Name"}, {Name: "xmlId", Type: "string", Title: "External code"},
	{Name: "assignedById", Type: "user", Title: "Responsible"}, {Name: "opportunity", Type: "double", Title: "Amount"},
	{Name: "currencyId", Type: "crm_currency", Title: "Currency"}, {Name: "stageId", Type: "crm_status", Title: "Stage"},
	{Name: "companyId", Type: "crm_company", Title: "Company"}, {Name: "contactIds", Type: "crm_contact", Title: "Contacts", Multiple: true},
	{Name: "opened", Type: "boolean", Title: "Open"}, {Name: "begindate", Type: "date", Title: "Begin"},
	{Name: "parentId2", Type: "crm_entity", Title: "Deal"}, {Name: "sourceId", Type: "crm_status", Title: "Source"},
}

func schema(t *rapid.T) ([]field.Target, field.Context) {
	title := rapid.OneOf(
		rapid.SampledFrom([]string{"Name", "name", "Amount", "Amount (2)", "Amount [UF_CRM_1_1]", "Стадия", "Ответственный *", "opportunity",
			"*", "", " ", "Stage", "Ёлка", "Елка", "=1+1", "a\nb", "Source", "x [title]", "№ 1", "-", "A", strings.Repeat("long ", 60)}),
		rapid.String(),
	)
	fields := slices.Clone(system)
	for i := range rapid.IntRange(0, 25).Draw(t, "fields") {
		name := fmt.Sprintf("UF_CRM_1_%d", i)
		f := bitrix.Field{
			Name: name, UpperName: name, Dynamic: true, Type: rapid.SampledFrom(types).Draw(t, "type"), Title: title.Draw(t, "title"),
			Required: rapid.Bool().Draw(t, "required"), Multiple: rapid.Bool().Draw(t, "multiple"),
		}
		if f.Type == "enumeration" {
			for j := range rapid.IntRange(0, 5).Draw(t, "options") {
				f.Items = append(f.Items, bitrix.Option{ID: fmt.Sprint(100 + j), Value: title.Draw(t, "option")})
			}
		}
		fields = append(fields, f)
	}
	c := field.Context{
		EntityTypeID: 177, Files: true, Categories: []bitrix.Category{{ID: 9, Name: "Main", Default: true}},
		Stages:  map[int64][]bitrix.Status{9: {{ID: "DT177_9:NEW", Name: title.Draw(t, "stage")}, {ID: "DT177_9:WON", Name: "Won"}}},
		Sources: []bitrix.Status{{ID: "CALL", Name: "Call"}}, Currencies: []string{"EUR", "USD"},
	}
	return field.Targets(fields, c), c
}

// TestEveryColumnLeadsBack: whatever a smart process is like, its template is
// a workbook that both readers read alike, and each header leads back to its
// field: by the mark, and by the header alone where the mark is lost.
func TestEveryColumnLeadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		targets, c := schema(t)
		spa := rapid.OneOf(rapid.SampledFrom([]string{"'", "''", "History", "*/?", strings.Repeat("'", 40)}), rapid.String())
		b := template.Book{Title: spa.Draw(t, "spa"), EntityTypeID: 177, Portal: "p", Targets: targets, Context: c}
		f, err := excelize.OpenReader(bytes.NewReader(make1(t, b)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		data := f.GetSheetList()[0]
		columns := template.Columns(targets, c, "yes", "no")
		rows, err := f.GetRows(data)
		if err != nil || len(rows) != 1 || len(rows[0]) != len(columns) {
			t.Fatalf("excelize reads %q, %v", rows, err)
		}
		for i := range columns {
			cell, _ := excelize.CoordinatesToCellName(i+1, 2)
			if err := f.SetCellStr(data, cell, "x"); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if err := f.Write(&out); err != nil {
			t.Fatal(err)
		}
		in, err := inspect(t, out.Bytes())
		if err != nil || in.Template == nil || len(in.Columns) != len(columns) {
			t.Fatalf("our reader: %v %+v, %d columns of %d", err, in.Template, len(in.Columns), len(columns))
		}
		want := map[string]bool{}
		for _, target := range targets {
			if target.Writable && !target.AdminOnly {
				want[target.Name] = true
			}
		}
		for i, column := range columns {
			name := in.Columns[i].Name
			if name != column.Header || rows[0][i] != column.Header {
				t.Fatalf("header %q is read as %q and %q", column.Header, name, rows[0][i])
			}
			if got := in.Template.Field(name); got != column.Target.Name {
				t.Fatalf("header %q leads to %q, not to %s", name, got, column.Target.Name)
			}
			if p := field.Match(name, field.Profile{}, targets, c); len(p) == 0 || p[0].Field != column.Target.Name {
				t.Fatalf("header %q alone leads to %+v, not to %s", name, p, column.Target.Name)
			}
			known := field.NewOptions(column.Target.Options)
			for _, text := range column.Choices {
				if column.Kind == "list" && known.ID(text) == "" {
					t.Fatalf("the drop-down of %q offers %q, which means nothing", name, text)
				}
			}
			delete(want, column.Target.Name)
		}
		if len(want) > 0 {
			t.Fatalf("no column for %v", want)
		}
	})
}

func TestFileName(t *testing.T) {
	for title, want := range map[string]string{
		"Contracts": "Contracts.xlsx", `a/b\c:d*"e"`: "a b c d e.xlsx", "..": "SPA.xlsx", "": "SPA.xlsx", "Договоры": "Договоры.xlsx",
		"\u202etxt.exe": "txt.exe.xlsx", strings.Repeat("ю", 200): strings.Repeat("ю", 80) + ".xlsx",
	} {
		if got := template.FileName(title); got != want {
			t.Errorf("%q: %q, want %q", title, got, want)
		}
	}
}
