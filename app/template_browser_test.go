//go:build browser

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// TestTemplateRoundTrip downloads the template of a smart process, fills in
// two rows and gives it back: the app knows where to and which column is
// which, without a click.
func TestTemplateRoundTrip(t *testing.T) {
	for _, lang := range []string{"en", "ru"} {
		t.Run(lang, func(t *testing.T) {
			d := startDemo(t)
			before := len(d.portal.Items(emulator.DemoContracts))
			p := newPerson(t, d, lang)
			p.click("[formaction='/template']")
			p.wait("button[name=type][value='177']")
			p.picture("templates")
			dir := t.TempDir()
			download := p.page.Browser().Timeout(60 * time.Second).WaitDownload(dir)
			p.click("button[name=type][value='177']")
			info := download()
			if info == nil {
				t.Fatal("nothing was downloaded")
			}
			if want := map[string]string{"en": "Contracts.xlsx", "ru": "Договоры.xlsx"}[lang]; info.SuggestedFilename != want && info.SuggestedFilename != "Contracts.xlsx" {
				t.Errorf("the file is called %s, not %s", info.SuggestedFilename, want)
			}
			template, err := os.ReadFile(filepath.Join(dir, info.GUID))
			p.must(err)
			yes := map[string]string{"en": "yes", "ru": "да"}[lang]
			filled := fillTemplate(t, template, []map[string]any{
				{"title": "Chairs", "UF_CRM_7_1747309701": "T-1", "UF_CRM_7_1747309706": time.Date(2026, 4, 3, 0, 0, 0, 0, time.UTC), "UF_CRM_7_1747309708": yes, "UF_CRM_7_1747309709": "Lease"},
				{"title": "Desks", "UF_CRM_7_1747309701": "T-2", "UF_CRM_7_1747309710": "Urgent|VIP", "xmlId": "0007"},
			})
			p.click(".bar [formaction='/start']")
			p.choose(filled)
			p.click(".bar .btn.primary")
			p.wait("#type-177:checked")
			p.wait("#why")
			p.picture("target")
			p.click("[form=target].primary")
			p.wait("#mapping")
			p.picture("columns")
			p.wait("#said .alert.good")
			frame, err := p.frame()
			p.must(err)
			left := frame.MustEval(`() => [...document.querySelectorAll('select[name^="field."]')].filter((s) => s.value === '' || s.value === '?').length`).Int()
			if left != 0 {
				t.Errorf("%d columns are not mapped", left)
			}
			p.click("[form=mapping].primary")
			p.click("[formaction$='/receipt'].primary")
			p.click("[formaction$='/start'].primary")
			p.wait("#progress[data-ended]")
			items := d.portal.Items(emulator.DemoContracts)[before:]
			want := []map[string]string{
				{"title": "Chairs", "UF_CRM_7_1747309701": "T-1", "UF_CRM_7_1747309706": "2026-04-03", "UF_CRM_7_1747309708": "true", "UF_CRM_7_1747309709": "81"},
				{"title": "Desks", "UF_CRM_7_1747309701": "T-2", "UF_CRM_7_1747309710": "91,92", "xmlId": "0007", "UF_CRM_7_1747309706": ""},
			}
			if len(items) != len(want) {
				t.Fatalf("%d items:\n%s", len(items), p.text())
			}
			for i, fields := range want {
				for name, text := range fields {
					if got := readBack(items[i].Fields[name]); got != text {
						t.Errorf("row %d, %s: %q, want %q", i+1, name, got, text)
					}
				}
			}
		})
	}
}

// fillTemplate writes rows below the headers as a person does, who finds the
// columns by what the hidden sheet calls their fields, and saves the file.
func fillTemplate(t *testing.T, template []byte, rows []map[string]any) string {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(template))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data := f.GetSheetList()[0]
	heads, err := f.GetRows(data)
	if err != nil || len(heads) != 1 {
		t.Fatalf("%d rows, %v", len(heads), err)
	}
	marks, err := f.GetRows("spa-importer")
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for _, mark := range marks {
		for i, head := range heads[0] {
			if len(mark) > 2 && mark[0] == "field" && mark[1] == head {
				at[mark[2]] = i + 1
			}
		}
	}
	for i, row := range rows {
		for name, value := range row {
			cell, err := excelize.CoordinatesToCellName(at[name], i+2)
			if err != nil {
				t.Fatalf("%s: %v in %s", name, err, strings.Join(heads[0], ", "))
			}
			style, err := f.GetColStyle(data, strings.TrimRight(cell, "0123456789"))
			if err := errors.Join(err, f.SetCellValue(data, cell, value), f.SetCellStyle(data, cell, cell, style)); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "filled.xlsx")
	if err := f.SaveAs(file); err != nil {
		t.Fatal(err)
	}
	return file
}
