//go:build linux

package importer_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
)

// fileRow is a row of 12 cells as a CRM has them: Cyrillic, numbers, dates,
// and now and then quotes and a line end.
func fileRow(i int) []string {
	note := "Позвонить после обеда"
	if i%10 == 0 {
		note = "Сказал: \"перезвоните\",\nлучше завтра"
	}
	return []string{
		fmt.Sprintf("Контракт № %d", i), company(i), []string{"Alma Admin", "Uma User"}[i%2],
		fmt.Sprintf("+7 900 %07d", i), fmt.Sprintf("user%d@example.org", i), fmt.Sprintf("%d.%02d", i*7, i%100),
		"EUR", fmt.Sprintf("%02d.%02d.2024", i%28+1, i%12+1), []string{"New", "In work", "Won"}[i%3], strconv.Itoa(i % 300),
		"https://example.org/item/" + strconv.Itoa(i), note,
	}
}

var fileHeader = []string{"Название", "Компания", "Ответственный", "Телефон", "E-mail", "Сумма", "Валюта", "Дата", "Стадия", "Номер", "Ссылка", "Комментарий"}

func writeFile(t testing.TB, name string, write func(io.Writer) error) {
	t.Helper()
	f, err := os.Create(name)
	if err == nil {
		w := bufio.NewWriterSize(f, 64<<10)
		err = errors.Join(write(w), w.Flush(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func writeTable(w io.Writer, rows int) error {
	c := csv.NewWriter(w)
	err := c.Write(fileHeader)
	for i := 0; i < rows && err == nil; i++ {
		err = c.Write(fileRow(i))
	}
	c.Flush()
	return errors.Join(err, c.Error())
}

// writeBook writes a workbook shaped as Excel shapes it: shared strings, each
// once, and numbers as numbers.
func writeBook(w io.Writer, rows int) error {
	z := zip.NewWriter(w)
	const main, office = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	const packed = "http://schemas.openxmlformats.org/package/2006/relationships"
	for _, part := range [][2]string{
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`},
		{"_rels/.rels", `<Relationships xmlns="` + packed + `"><Relationship Id="rId1" Type="` + office + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns="` + main + `" xmlns:r="` + office + `"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="` + packed + `"><Relationship Id="rId1" Type="` + office + `/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="` + office + `/sharedStrings" Target="sharedStrings.xml"/></Relationships>`},
	} {
		p, err := z.Create(part[0])
		if err == nil {
			_, err = io.WriteString(p, part[1])
		}
		if err != nil {
			return err
		}
	}
	// Strings that repeat are few; the others count on.
	known := map[string]int{}
	var texts bytes.Buffer
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;")
	count := 0
	number := func(text string, repeats bool) int {
		if n, ok := known[text]; ok && repeats {
			return n
		}
		if repeats {
			known[text] = count
		}
		texts.WriteString("<si><t>" + escape.Replace(text) + "</t></si>")
		count++
		return count - 1
	}
	p, err := z.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		return err
	}
	data := bufio.NewWriterSize(p, 1<<20)
	data.WriteString(`<worksheet xmlns="` + main + `"><sheetData>`)
	for i := range rows + 1 {
		fmt.Fprintf(data, `<row r="%d" spans="1:12">`, i+1)
		cells := fileHeader
		if i > 0 {
			cells = fileRow(i - 1)
		}
		for c, text := range cells {
			if i > 0 && (c == 5 || c == 9) {
				fmt.Fprintf(data, `<c r="%c%d"><v>%s</v></c>`, 'A'+c, i+1, text)
				continue
			}
			repeats := c == 1 || c == 2 || c > 5 && c != 10
			fmt.Fprintf(data, `<c r="%c%d" t="s"><v>%d</v></c>`, 'A'+c, i+1, number(text, repeats))
		}
		data.WriteString("</row>")
	}
	data.WriteString("</sheetData></worksheet>")
	if err := data.Flush(); err != nil {
		return err
	}
	if p, err = z.Create("xl/sharedStrings.xml"); err != nil {
		return err
	}
	fmt.Fprintf(p, `<sst xmlns="%s" uniqueCount="%d">`, main, count)
	if _, err := texts.WriteTo(p); err != nil {
		return err
	}
	if _, err := io.WriteString(p, "</sst>"); err != nil {
		return err
	}
	return z.Close()
}
