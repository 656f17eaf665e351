package sheet

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// formatOf finds the format by the content, never by the name, or says what
// the file is instead.
func formatOf(src Source, head []byte) (string, error) {
	switch {
	case len(head) == 0:
		return "", refuse("empty")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return XLSX, nil
	case bytes.HasPrefix(head, []byte("PK\x07\x08")):
		return "", refuse("damaged") // a part of an archive in several files
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return "", oldOffice(src, head)
	case bytes.HasPrefix(head, []byte("%PDF-")):
		return "", refuse("pdf")
	case bytes.HasPrefix(head, []byte("\x09\x08")) && len(head) > 8, bytes.HasPrefix(head, []byte("\x09\x04\x06\x00")), bytes.HasPrefix(head, []byte("\x09\x02\x06\x00")):
		return "", refuse("xls") // sheets of Excel 2 to 4, and BIFF8 without its container
	}
	if code := markup(head); code != "" {
		return "", refuse(code)
	}
	if noText(head) {
		return "", refuse("not_a_table")
	}
	return CSV, nil
}

// oldOffice says which document an OLE container holds. Its streams are
// named in UTF-16 in the directory, which may lie anywhere: the sector given
// in the header is looked at, and both ends of the file.
func oldOffice(src Source, head []byte) error {
	parts := [][]byte{head}
	if len(head) >= 52 {
		shift := uint(head[30])
		sector := int64(head[48]) | int64(head[49])<<8 | int64(head[50])<<16 | int64(head[51])<<24
		if shift >= 7 && shift <= 16 {
			dir, err := readPart(src, (sector+1)<<shift, 4<<10)
			if err != nil {
				return fmt.Errorf("looking into the old Office file: %w", err)
			}
			parts = append(parts, dir)
		}
	}
	tail, err := readPart(src, max(0, src.Size()-block), block)
	if err != nil {
		return fmt.Errorf("looking into the old Office file: %w", err)
	}
	parts = append(parts, tail)
	has := func(name string) bool {
		var wide []byte
		for _, c := range []byte(name + "\x00") {
			wide = append(wide, c, 0)
		}
		for _, p := range parts {
			if bytes.Contains(p, wide) {
				return true
			}
		}
		return false
	}
	switch {
	case has("EncryptedPackage"), has("EncryptionInfo"):
		return refuse("password")
	case has("Workbook"), has("Book"):
		return refuse("xls")
	}
	return refuse("office")
}

// markup recognises web pages and XML that programs save with the ending of
// a spreadsheet.
func markup(head []byte) string {
	text := bytes.TrimPrefix(head[:min(len(head), 4<<10)], []byte("\xef\xbb\xbf"))
	if len(text) > 2 && (text[0] == 0xff && text[1] == 0xfe || text[0] == 0xfe && text[1] == 0xff) {
		text = bytes.ReplaceAll(text[2:], []byte{0}, nil)
	}
	start := strings.ToLower(string(bytes.TrimLeft(text, " \t\r\n")))
	switch {
	case strings.HasPrefix(start, "<?xml") && strings.Contains(start, "<html"):
		return "html"
	case strings.HasPrefix(start, "<?xml"):
		return "xml"
	}
	for _, tag := range []string{"<!doctype html", "<html", "<head", "<body", "<table", "<meta", "<style", "<div", "<center", "mime-version:"} {
		if strings.HasPrefix(start, tag) {
			return "html"
		}
	}
	return ""
}

// noText reports whether the bytes are no text in any encoding: pictures,
// programs and archives begin with a known mark or are full of control
// bytes. A zero byte here and there is not enough.
func noText(head []byte) bool {
	for _, mark := range []string{"\x89PNG", "\xff\xd8\xff", "GIF8", "\x1f\x8b", "7z\xbc\xaf", "Rar!", "BZh", "\xfd7zXZ", "\x7fELF", "MZ\x90", "SQLite format 3", "{\\rtf",
		"II*\x00", "MM\x00*", "\x00\x00\x01\x00", "OggS", "ID3\x03", "ID3\x04", "\x1aE\xdf\xa3", "PAR1", "\xca\xfe\xba\xbe", "\x00asm", "%!PS", "wOFF", "wOF2"} {
		if bytes.HasPrefix(head, []byte(mark)) {
			return true
		}
	}
	if len(head) > 12 && (string(head[4:8]) == "ftyp" || string(head[:4]) == "RIFF" && head[7] < ' ') {
		return true // films and pictures of several kinds
	}
	name := wideEncoding(head)
	for _, c := range charsets() {
		if c.unit > 1 && bytes.HasPrefix(head, []byte(c.mark)) {
			name = c.name
		}
	}
	if c, ok := findCharset(name); ok {
		text, _, err := decodeHead(head[:min(len(head), 64<<10)], c, false)
		head = text
		if err != nil || bytes.Count(text, []byte("\ufffd"))*10 > utf8.RuneCount(text) {
			return true
		}
	}
	control := 0
	for _, c := range head {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b {
			control++
		}
	}
	return control > 4 && control*30 > len(head)
}
