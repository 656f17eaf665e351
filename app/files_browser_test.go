//go:build browser

package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/proto"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// newPerson opens the app in the frame of a portal in a language.
func newPerson(t *testing.T, d *demo, lang string) *person {
	t.Helper()
	d.portal.EditUser(1, func(u *emulator.User) { u.Lang = lang })
	p := &person{t: t, began: time.Now(), page: startBrowser(t).MustPage(d.portal.URL() + "/")}
	p.must(p.page.MustElement("#app-link").Click(proto.InputMouseButtonLeft, 1))
	return p
}

// choose gives the app a file and waits until it is read.
func (p *person) choose(file string) {
	p.t.Helper()
	p.wait("label.primary[for=file]")
	frame, err := p.frame()
	p.must(err)
	input, err := frame.Timeout(10 * time.Second).Element("#file")
	p.must(err)
	p.must(input.CancelTimeout().SetFiles([]string{file}))
	p.wait("#correct")
}

// toTarget goes from step 1 to step 2, with the contracts of the demo as target.
func (p *person) toTarget() {
	p.t.Helper()
	p.click(".bar .btn.primary")
	p.click(fmt.Sprintf("#type-%d", emulator.DemoContracts))
	p.wait("#responsible")
}

// goOn presses on from step 1 until all is imported.
func (p *person) goOn() {
	p.t.Helper()
	p.toTarget()
	p.click("[form=target].primary")
	p.wait("#mapping")
	p.picture("columns")
	p.click("[form=mapping].primary")
	p.click("[formaction$='/receipt'].primary")
	p.click("[formaction$='/start'].primary")
	p.wait("#progress[data-ended]")
	p.picture("done")
}

// says fails unless the page says all of it.
func (p *person) says(words ...string) {
	p.t.Helper()
	text := strings.Join(strings.Fields(p.text()), " ")
	for _, w := range words {
		if !strings.Contains(text, w) {
			p.t.Errorf("the page does not say %q:\n%s", w, p.text())
		}
	}
}

// sampleRows are the rows of the sample file in a language, headers first.
func sampleRows(t *testing.T, lang string) (path string, rows [][]string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "static", "sample-"+lang+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(text))
	if lang != "en" {
		r.Comma = ';'
	}
	if rows, err = r.ReadAll(); err != nil {
		t.Fatal(err)
	}
	return path, rows
}

// TestWindowsFileInTheFrame imports a file as Excel saves it in Russia:
// Windows-1251 and semicolons. It is read without a question, the person may
// look at it in another encoding and come back, and the second time the app
// says that it knows the file.
func TestWindowsFileInTheFrame(t *testing.T) {
	d := startDemo(t)
	sample, _ := sampleRows(t, "ru")
	text, err := os.ReadFile(sample)
	if err == nil {
		text, err = charmap.Windows1251.NewEncoder().Bytes(text)
	}
	file := filepath.Join(t.TempDir(), "Договоры за январь.csv")
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := newPerson(t, d, "ru")
	before := len(d.portal.Items(emulator.DemoContracts))
	p.choose(file)
	p.says("Договоры за январь.csv", "Windows-1251 (кириллица)", "точка с запятой", "40 строк", "11 столбцов", "Офисные кресла, филиал «Речной»")
	p.picture("read")

	// In KOI8-R the letters are wrong: the list shows it beforehand, and the
	// way back is as short.
	p.click("#correct > summary")
	p.picture("correct")
	for _, step := range [][2]string{{"koi8-r", "KOI8-R (кириллица)"}, {"windows-1251", "Офисные кресла, филиал «Речной»"}} {
		radio := "#correct input[name=encoding][value='" + step[0] + "']"
		p.click(radio)
		p.click("#correct .btn.tint")
		p.wait(radio + "[checked]") // in the new page, not in the one that goes
		p.waitText(step[1])
	}
	p.goOn()
	compareWithSample(t, d, sample, d.portal.Items(emulator.DemoContracts)[before:])

	p.page.MustReload()
	p.wait("label.primary[for=file]")
	p.choose(file)
	p.wait("#again")
	p.says("Вы уже импортировали этот файл", "(40 элементов)", "Открыть тот импорт")
	p.picture("again")
	p.click("#again button")
	p.wait("#progress[data-ended]")
}

// waitText waits until the frame shows a text.
func (p *person) waitText(text string) {
	p.t.Helper()
	for until := time.Now().Add(60 * time.Second); time.Now().Before(until); pause(p.t, 50*time.Millisecond) {
		if strings.Contains(p.text(), text) {
			p.wait("#correct")
			return
		}
	}
	p.picture("waiting")
	p.t.Fatalf("waited for %q; the frame shows:\n%s", text, p.text())
}

// TestWorkbookInTheFrame imports the second sheet of a workbook, whose table
// begins under a title: dates are dates, amounts are numbers with a currency
// in their format.
func TestWorkbookInTheFrame(t *testing.T) {
	for _, c := range []struct {
		lang, first, second, title string
		says                       []string
	}{
		{"en", "Summary", "Contracts", "Contracts of the branch", []string{"Read from the sheet “Contracts”", "The column names are in row 3", "1 row above the column names is left out", "2 other sheets have values and are not read", "42 rows with values"}},
		{"ru", "Свод", "Договоры", "Договоры филиала", []string{"Прочитан лист «Договоры»", "Названия столбцов – в строке 3", "42 строки с данными"}},
	} {
		t.Run(c.lang, func(t *testing.T) {
			d := startDemo(t)
			sample, rows := sampleRows(t, c.lang)
			file := filepath.Join(t.TempDir(), "book.xlsx")
			writeSampleBook(t, file, rows, c.first, c.second, c.title)
			p := newPerson(t, d, c.lang)
			before := len(d.portal.Items(emulator.DemoContracts))
			p.choose(file)
			p.picture("first-sheet")
			p.wait("#sheets button[aria-pressed=true][value='" + c.first + "']")
			p.click("#sheets button[value='" + c.second + "']")
			p.waitText(c.says[0])
			p.says(c.says...)
			p.picture("second-sheet")
			p.goOn()
			compareWithSample(t, d, sample, d.portal.Items(emulator.DemoContracts)[before:])
		})
	}
}

// writeSampleBook writes the sample as people keep it: a summary in front, a
// title above the table, typed dates, numbers and amounts, and a hidden sheet.
func writeSampleBook(t *testing.T, file string, rows [][]string, first, second, title string) {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	style := func(code string) int {
		id, err := f.NewStyle(&excelize.Style{CustomNumFmt: &code})
		must(err)
		return id
	}
	money, day, moment := style("#,##0.00 [$EUR]"), style("dd.mm.yyyy"), style("dd.mm.yyyy hh:mm")
	must(f.SetSheetName("Sheet1", first))
	must(f.SetSheetRow(first, "A1", &[]any{rows[0][0], "Σ"}))
	must(f.SetSheetRow(first, "A2", &[]any{title, len(rows) - 1}))
	_, err := f.NewSheet(second)
	must(err)
	must(f.SetCellValue(second, "A1", title))
	must(f.MergeCell(second, "A1", "K1"))
	_, err = f.NewSheet("draft")
	must(err)
	must(f.SetSheetRow("draft", "A1", &[]any{"a", "b"}))
	must(f.SetSheetVisible("draft", false))
	for r, row := range rows {
		for c, text := range row {
			cell, err := excelize.CoordinatesToCellName(c+1, r+3)
			must(err)
			var value any = text
			format := 0
			if r > 0 && text != "" {
				switch c {
				case 2:
					value, format = amountOf(t, text), money
				case 3:
					value, format = timeOf(t, "02.01.2006", text), day
				case 4:
					value, format = timeOf(t, "02.01.2006 15:04", text), moment
				case 10:
					value, err = strconv.Atoi(text)
					must(err)
				}
			}
			must(f.SetCellValue(second, cell, value))
			if format != 0 {
				must(f.SetCellStyle(second, cell, cell, format))
			}
		}
	}
	must(f.SaveAs(file))
}

func timeOf(t *testing.T, layout, text string) time.Time {
	t.Helper()
	at, err := time.Parse(layout, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// amountOf reads "42,565.50 EUR" and "42 565,50 EUR".
func amountOf(t *testing.T, text string) float64 {
	t.Helper()
	number, ok := strings.CutSuffix(text, " EUR")
	mark := strings.LastIndexAny(number, ".,")
	if !ok || mark < 0 {
		t.Fatalf("amount %q", text)
	}
	whole := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number[:mark])
	amount, err := strconv.ParseFloat(whole+"."+number[mark+1:], 64)
	if err != nil {
		t.Fatal(err)
	}
	return amount
}
