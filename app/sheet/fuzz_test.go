package sheet_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// sound holds any file to what must hold of all: it is refused with a code,
// or read; and what was read reads back the same.
func sound(t *testing.T, file []byte, name, lang string) {
	in, err := sheet.Inspect(context.Background(), bytes.NewReader(file), name, lang)
	if refused(t, err) {
		var e *sheet.Error
		errors.As(err, &e)
		checkCode(t, e.Code, e.Args, true)
		return
	}
	if len(in.Columns) == 0 || len(in.Preview) == 0 || in.Rows < len(in.Preview) {
		t.Fatalf("inspection of nothing: %+v", in)
	}
	again, err := sheet.InspectAs(context.Background(), bytes.NewReader(file), name, lang, in.Reading)
	if err != nil {
		t.Fatalf("in its own reading %+v: %v", in.Reading, err)
	}
	if diff := cmp.Diff(in.Preview, again.Preview); diff != "" {
		t.Fatalf("preview in its own reading:\n%s", diff)
	}
	n, err := normalise(file, in.Reading)
	if refused(t, err) {
		return
	}
	for _, note := range append(in.Notes, n.table.Notes...) {
		checkCode(t, note.Code, note.Args, false)
	}
	if !utf8.Valid(n.canon) || bytes.ContainsAny(n.canon, "\x00\r") {
		t.Fatalf("canonical form %q", n.canon)
	}
	if diff := cmp.Diff(n.rows, n.read(t, 0, len(n.rows)), cmpEmpty()); diff != "" {
		t.Fatalf("read back:\n%s", diff)
	}
	last := 0
	for _, r := range n.rows {
		if r.Number <= last || len(r.Cells) < len(n.table.Columns) {
			t.Fatalf("row %d behind %d with %d of %d cells", r.Number, last, len(r.Cells), len(n.table.Columns))
		}
		last = r.Number
	}
	names := make(map[string]bool)
	for _, c := range n.table.Columns {
		if name := strings.ToLower(c.Name); name == "" || names[name] {
			t.Fatalf("column name %q", c.Name)
		} else {
			names[name] = true
		}
	}
	second, err := normalise(n.canon, sheet.Reading{Format: sheet.Canonical})
	if err != nil || !bytes.Equal(n.canon, second.canon) {
		t.Fatalf("canonical form of %q is %q, %v", n.canon, second.canon, err)
	}
}

func FuzzText(f *testing.F) {
	for _, c := range textCases() {
		if len(c.file) < 2000 {
			f.Add(c.file, c.lang)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte, lang string) { sound(t, file, "file.csv", lang) })
}

func FuzzReading(f *testing.F) {
	f.Add([]byte("a;b\n1;\"2\n3\"\n"), "utf-8", ";", "double", 1)
	f.Add([]byte("a\\b\xff"), "shift_jis", "\t", "backslash", 0)
	f.Fuzz(func(t *testing.T, file []byte, encoding, delimiter, quote string, header int) {
		r := sheet.Reading{Encoding: encoding, Delimiter: delimiter, Quote: quote, HeaderRow: header}
		in, err := sheet.InspectAs(context.Background(), bytes.NewReader(file), "", "", r)
		if refused(t, err) {
			return
		}
		if _, err := normalise(file, in.Reading); err != nil && code(err) == "" {
			t.Fatal(err)
		}
	})
}

// FuzzSepLine fuzzes what stands before the table: the mark and the sep= line
// name the delimiter, or are data, and either way no row is lost.
func FuzzSepLine(f *testing.F) {
	for _, s := range []string{"sep=;", "\"sep=,\"", "SEP=\t", "sep=", "sep==", "sep=\"", "sep=;;", "\ufeffsep=|", "sep=a"} {
		f.Add(s, "\r\n")
		f.Add(s, "\r")
	}
	f.Fuzz(func(t *testing.T, first, end string) {
		if end != "\n" && end != "\r" && end != "\r\n" || len(first) > 20 {
			return
		}
		file := []byte(first + end + "a" + end + "1" + end + "2" + end)
		sound(t, file, "file.csv", "en")
		n, err := normalise(file, sheet.Reading{Encoding: "utf-8", HeaderRow: 0, Quote: sheet.QuoteNone})
		if refused(t, err) {
			return
		}
		if len(n.rows) < 3 || n.rows[len(n.rows)-1].Cells[0] != "2" {
			t.Fatalf("%q: rows %v", file, rowLines(n.rows))
		}
	})
}

// FuzzSniffing fuzzes the choice of format, encoding and delimiter alone: any
// beginning of a file gets an answer that can be read, whatever it is called.
func FuzzSniffing(f *testing.F) {
	for _, head := range []string{"PK\x03\x04", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "%PDF-", "\xff\xfea\x00,\x00b\x00", "\xfe\xff", "<html>", "<?xml version=\"1.0\"?>", "a\tb\n", "\x89PNG", "RIFF\x00\x00\x00\x00WEBP"} {
		f.Add([]byte(head), "data.xls", "ru")
	}
	f.Fuzz(func(t *testing.T, head []byte, name, lang string) {
		in, err := sheet.Inspect(context.Background(), bytes.NewReader(head), name, lang)
		if refused(t, err) {
			return
		}
		if in.Reading.Format == sheet.CSV && (in.Reading.Encoding == "" || len(in.Reading.Delimiter) != 1 || in.Reading.Quote == "" || len(in.Encodings) == 0 || in.Encodings[0].Name != in.Reading.Encoding) {
			t.Fatalf("incomplete: %+v", in.Reading)
		}
	})
}

func FuzzWorkbook(f *testing.F) {
	for _, c := range bookCases() {
		if len(c.file) < 5000 {
			f.Add(c.file)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) { sound(t, file, "book.xlsx", "en") })
}

// FuzzWorksheet fuzzes the XML of the parts: inside the archive, where a
// checksum does not stop what the fuzzer changes.
func FuzzWorksheet(f *testing.F) {
	styles := xfs("dd.mm.yyyy", "00000", "0%", "[h]:mm")
	f.Add(inline([]string{"a", "b"}, []string{"1", "2"}), "<si><t>x</t></si>", styles)
	f.Add(`<row r="1" hidden="1"><c r="A1" t="s"><v>0</v></c><c r="C1" s="1"><v>45356.5</v></c></row></sheetData><mergeCells><mergeCell ref="A1:B2"/></mergeCells>`, `<si><r><t>a_x000D_</t></r><rPh><t>b</t></rPh></si>`, styles)
	f.Add(`<row><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="d"><v>2024-01-01T00:00:00</v></c><c s="2"><v>1E+3</v></c><c s="3"><v>-.5</v></c></row>`, `<si><t><![CDATA[x]]>&amp;&#65;</t></si>`, styles)
	f.Fuzz(func(t *testing.T, data, shared, styles string) {
		b := book{sheets: []string{data}, strings: shared, styles: styles}
		sound(t, b.bytes(), "book.xlsx", "en")
		if _, err := normalise(b.bytes(), sheet.Reading{FillMerged: true, SkipHidden: true, HeaderRow: 1}); err != nil && code(err) == "" {
			t.Fatal(err)
		}
	})
}

// FuzzNumberFormat fuzzes format codes and values: whatever they are, a
// number becomes some text, and never an empty one.
func FuzzNumberFormat(f *testing.F) {
	for _, code := range []string{"General", "dd.mm.yyyy;@", "[$-419]d mmm yy", "00000", `"x"0\ %`, "[h]:mm", "0.0E+00", "am/pm", "[", `"`, "\\", "_"} {
		f.Add(code, "45356.5")
		f.Add(code, "-1E-7")
	}
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\n", "&#10;", "\r", "&#13;", "\t", "&#9;")
	f.Fuzz(func(t *testing.T, code, value string) {
		file := book{sheets: []string{`<row><c t="str"><v>h</v></c></row><row><c t="str"><v>x</v></c><c s="1"><v>` + escape.Replace(value) + `</v></c></row>`},
			styles: `<numFmts><numFmt numFmtId="164" formatCode="` + escape.Replace(code) + `"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs>`}.bytes()
		n, err := normalise(file, sheet.Reading{HeaderRow: 1})
		if refused(t, err) {
			return
		}
		if strings.Trim(value, " .+-") != "" && utf8.ValidString(value) && strings.Trim(value, "0123456789") == "" && at(n.rows[0].Cells, 1) == "" {
			t.Fatalf("%q in format %q is nothing", value, code)
		}
	})
}

// FuzzCanonical reads damaged canonical forms: they may fail, but not panic
// or run on.
func FuzzCanonical(f *testing.F) {
	n, err := normalise([]byte("a,b\n1,\"2,\"\n3,4\n"), reading(',', 1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(n.canon, n.index)
	f.Add([]byte("#,a\n1"), binary.LittleEndian.AppendUint64(nil, 4))
	f.Fuzz(func(t *testing.T, canon, index []byte) {
		r, err := sheet.OpenTable(t.Context(), bytes.NewReader(canon), bytes.NewReader(index))
		if err != nil {
			return
		}
		for from := range min(r.Rows(), 4) {
			_ = r.Read(context.Background(), from, 3, func(int, sheet.Row) error { return nil })
		}
		_, _ = sheet.Normalise(context.Background(), bytes.NewReader(canon), sheet.Reading{Format: sheet.Canonical}, io.Discard, io.Discard, nil, nil)
	})
}
