package sheet_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/sheet"
)

// book is a workbook written by hand, part by part.
type book struct {
	// sheets are the contents of <sheetData> with what follows it, or of the
	// whole worksheet if they begin with "<worksheet".
	sheets []string
	// names and states of the sheets; "Sheet1" and visible if missing.
	names, states []string
	// strings are the <si> elements, styles the content of <styleSheet>.
	strings, styles string
	// workbookPr are attributes.
	workbookPr string
	strict     bool
	// extra parts, or other content for parts there are; "" drops one.
	extra map[string]string
}

func (b book) bytes() []byte {
	office := "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	main := "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	if b.strict {
		office, main = "http://purl.oclc.org/ooxml/officeDocument/relationships", "http://purl.oclc.org/ooxml/spreadsheetml/main"
	}
	parts := map[string]string{
		"[Content_Types].xml": `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>`,
		"_rels/.rels":         `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="` + office + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
	}
	list, rels := "", ""
	for i, s := range b.sheets {
		name, state := fmt.Sprintf("Sheet%d", i+1), ""
		if i < len(b.names) {
			name = b.names[i]
		}
		if i < len(b.states) && b.states[i] != "" {
			state = ` state="` + b.states[i] + `"`
		}
		list += fmt.Sprintf(`<sheet name=%q sheetId="%d"%s r:id="rId%d"/>`, name, i+1, state, i+1)
		rels += fmt.Sprintf(`<Relationship Id="rId%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, i+1, office, i+1)
		if !strings.HasPrefix(s, "<worksheet") {
			s = `<worksheet xmlns="` + main + `"><dimension ref="A1"/><sheetData>` + s
			if !strings.Contains(s, "</sheetData>") {
				s += `</sheetData>`
			}
			s += `</worksheet>`
		}
		parts[fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1)] = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + s
	}
	if b.strings != "" {
		parts["xl/sharedStrings.xml"] = `<sst xmlns="` + main + `">` + b.strings + `</sst>`
		rels += `<Relationship Id="rs" Type="` + office + `/sharedStrings" Target="/xl/sharedStrings.xml"/>`
	}
	if b.styles != "" {
		parts["xl/styles.xml"] = `<styleSheet xmlns="` + main + `">` + b.styles + `</styleSheet>`
		rels += `<Relationship Id="rt" Type="` + office + `/styles" Target="styles.xml"/>`
	}
	parts["xl/workbook.xml"] = `<workbook xmlns="` + main + `" xmlns:r="` + office + `"><workbookPr ` + b.workbookPr + `/><sheets>` + list + `</sheets></workbook>`
	parts["xl/_rels/workbook.xml.rels"] = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` + rels + `</Relationships>`
	for name, content := range b.extra {
		parts[name] = content
	}
	var files []string
	for name, content := range parts {
		if content != "" {
			files = append(files, name, content)
		}
	}
	return archive(files...)
}

// archive packs names and contents in turn.
func archive(files ...string) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// inline writes rows of inline strings; empty cells are left out.
func inline(rows ...[]string) string {
	var b strings.Builder
	for i, r := range rows {
		fmt.Fprintf(&b, `<row r="%d">`, i+1)
		for c, text := range r {
			if text != "" {
				fmt.Fprintf(&b, `<c r="%c%d" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+c, i+1, text)
			}
		}
		b.WriteString("</row>")
	}
	return b.String()
}

// oneSheet is a book with a header "h" and one column of cells below it.
func oneSheet(styles, workbookPr string, cells ...string) []byte {
	data := `<row r="1"><c r="A1" t="inlineStr"><is><t>h</t></is></c><c r="B1" t="inlineStr"><is><t>n</t></is></c></row>`
	for i, c := range cells {
		data += fmt.Sprintf(`<row r="%d">%s<c r="B%d"><v>%d</v></c></row>`, i+2, strings.ReplaceAll(c, "<c", fmt.Sprintf(`<c r="A%d"`, i+2)), i+2, i)
	}
	return book{sheets: []string{data}, styles: styles, workbookPr: workbookPr}.bytes()
}

// values returns the first column of the data rows.
func values(t *testing.T, file []byte) []string {
	t.Helper()
	n, err := normalise(file, sheet.Reading{HeaderRow: 1})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, r := range n.rows {
		list = append(list, r.Cells[0])
	}
	return list
}

// xfs makes a style sheet with one cell format per number format code;
// styles count from 1.
func xfs(codes ...string) string {
	formats, list := "", `<xf numFmtId="0"/>`
	for i, c := range codes {
		formats += fmt.Sprintf(`<numFmt numFmtId="%d" formatCode="%s"/>`, 164+i, strings.ReplaceAll(c, `"`, "&quot;"))
		list += fmt.Sprintf(`<xf numFmtId="%d" applyNumberFormat="1"/>`, 164+i)
	}
	return `<numFmts>` + formats + `</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs>` + list + `</cellXfs>`
}
