package sheet

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/wlynxg/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// utf8Name is the encoding everything else is turned into.
const utf8Name = "utf-8"

// charset is one encoding a file may have.
type charset struct {
	name string
	// enc is nil for UTF-8.
	enc encoding.Encoding
	// unit is the size of a line end's code unit in bytes.
	unit int
	// mark is the byte order mark, if the encoding has one.
	mark string
	// bigEndian matters where unit > 1.
	bigEndian bool
}

// charsets lists the encodings in the order in which they are offered.
func charsets() []charset {
	u16 := func(e unicode.Endianness) encoding.Encoding { return unicode.UTF16(e, unicode.IgnoreBOM) }
	u32 := func(e utf32.Endianness) encoding.Encoding { return utf32.UTF32(e, utf32.IgnoreBOM) }
	return []charset{
		{name: utf8Name, unit: 1, mark: "\xef\xbb\xbf"},
		{name: "windows-1251", enc: charmap.Windows1251, unit: 1},
		{name: "windows-1252", enc: charmap.Windows1252, unit: 1},
		{name: "utf-16le", enc: u16(unicode.LittleEndian), unit: 2, mark: "\xff\xfe"},
		{name: "utf-16be", enc: u16(unicode.BigEndian), unit: 2, mark: "\xfe\xff", bigEndian: true},
		{name: "koi8-r", enc: charmap.KOI8R, unit: 1},
		{name: "ibm866", enc: charmap.CodePage866, unit: 1},
		{name: "x-mac-cyrillic", enc: charmap.MacintoshCyrillic, unit: 1},
		{name: "iso-8859-5", enc: charmap.ISO8859_5, unit: 1},
		{name: "windows-1250", enc: charmap.Windows1250, unit: 1},
		{name: "iso-8859-2", enc: charmap.ISO8859_2, unit: 1},
		{name: "windows-1253", enc: charmap.Windows1253, unit: 1},
		{name: "windows-1254", enc: charmap.Windows1254, unit: 1},
		{name: "windows-1255", enc: charmap.Windows1255, unit: 1},
		{name: "windows-1256", enc: charmap.Windows1256, unit: 1},
		{name: "windows-1257", enc: charmap.Windows1257, unit: 1},
		{name: "windows-1258", enc: charmap.Windows1258, unit: 1},
		{name: "windows-874", enc: charmap.Windows874, unit: 1},
		{name: "macintosh", enc: charmap.Macintosh, unit: 1},
		{name: "ibm437", enc: charmap.CodePage437, unit: 1},
		{name: "ibm850", enc: charmap.CodePage850, unit: 1},
		{name: "shift_jis", enc: japanese.ShiftJIS, unit: 1},
		{name: "euc-jp", enc: japanese.EUCJP, unit: 1},
		{name: "gb18030", enc: simplifiedchinese.GB18030, unit: 1},
		{name: "big5", enc: traditionalchinese.Big5, unit: 1},
		{name: "euc-kr", enc: korean.EUCKR, unit: 1},
		{name: "utf-32le", enc: u32(utf32.LittleEndian), unit: 4, mark: "\xff\xfe\x00\x00"},
		{name: "utf-32be", enc: u32(utf32.BigEndian), unit: 4, mark: "\x00\x00\xfe\xff", bigEndian: true},
	}
}

// Encodings lists the names that Reading.Encoding can take.
func Encodings() []string {
	var names []string
	for _, c := range charsets() {
		names = append(names, c.name)
	}
	return names
}

// findCharset looks an encoding up by name.
func findCharset(name string) (charset, bool) {
	for _, c := range charsets() {
		if strings.EqualFold(c.name, name) {
			return c, true
		}
	}
	return charset{}, false
}

// decoder makes the transformer that turns this encoding into UTF-8, with
// U+FFFD for what is not valid.
func (c charset) decoder() transform.Transformer {
	switch e := c.enc.(type) {
	case nil:
		return utf8Repair{}
	case *charmap.Charmap:
		return newByteTable(e)
	default:
		return c.enc.NewDecoder().Transformer
	}
}

// guess is what is known of a file's encoding after a look at its bytes.
type guess struct {
	name string
	sure bool
}

// detectEncoding finds the encoding from the beginning of the file and from
// pieces of the rest. Pieces may begin and end inside a character.
func detectEncoding(head []byte, pieces [][]byte, lang string) guess {
	for _, name := range []string{"utf-32le", "utf-32be", utf8Name, "utf-16le", "utf-16be"} {
		if c, _ := findCharset(name); bytes.HasPrefix(head, []byte(c.mark)) {
			return guess{name, true}
		}
	}
	if name := wideEncoding(head); name != "" {
		return guess{name, true}
	}
	valid, invalid := 0, 0
	for _, p := range append([][]byte{head}, pieces...) {
		v, i := countUTF8(p)
		valid, invalid = valid+v, invalid+i
	}
	switch {
	case invalid == 0:
		return guess{utf8Name, true}
	case valid > 8*invalid:
		// UTF-8 with some foreign lines in it: chance does not make that
		// many valid sequences.
		return guess{utf8Name, false}
	}
	return detectLegacy(highLines(head, pieces), lang)
}

// wideEncoding recognises UTF-16 without a mark: its zero bytes all fall on
// even or all on odd places, because line ends, digits and delimiters have
// one each.
func wideEncoding(head []byte) string {
	var zero [2]int
	for i, b := range head {
		if b == 0 {
			zero[i&1]++
		}
	}
	sum := zero[0] + zero[1]
	switch {
	case sum*50 < len(head) || sum < 2:
		return ""
	case zero[1]*20 >= sum*19:
		return "utf-16le"
	case zero[0]*20 >= sum*19:
		return "utf-16be"
	}
	return ""
}

// countUTF8 counts valid sequences of more than one byte, and invalid
// bytes, not counting characters cut off at either end.
func countUTF8(p []byte) (valid, invalid int) {
	for i := 0; i < 3 && len(p) > 0 && !utf8.RuneStart(p[0]); i++ {
		p = p[1:]
	}
	for len(p) > 0 {
		if p[0] < utf8.RuneSelf {
			p = p[1:]
			continue
		}
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 {
			if !utf8.FullRune(p) {
				return valid, invalid
			}
			invalid++
		} else {
			valid++
		}
		p = p[n:]
	}
	return valid, invalid
}

// highLines gathers up to 64 KB of lines with bytes beyond ASCII: the rest
// of a file of numbers and codes only dilutes the statistics.
func highLines(head []byte, pieces [][]byte) []byte {
	const most = 64 << 10
	var out []byte
	for _, p := range append([][]byte{head}, pieces...) {
		for line := range bytes.Lines(p) {
			if highBytes(line) > 0 {
				out = append(out, line...)
			}
			if len(out) >= most {
				return out[:most]
			}
		}
	}
	return out
}

func highBytes(p []byte) int {
	n := 0
	for _, b := range p {
		if b >= utf8.RuneSelf {
			n++
		}
	}
	return n
}

// detectLegacy decides between the encodings before Unicode.
func detectLegacy(text []byte, lang string) guess {
	words := clustered(text)
	result := chardet.Detect(text)
	if name := legacyName(result.Encoding); name != "" && result.Confidence >= 0.7 && words {
		return guess{name, result.Confidence >= 0.8}
	}
	name := languagePage(lang)
	if !words {
		// Single letters between ASCII ones: an accented Latin script, even
		// if the person's own language is written otherwise.
		switch name {
		case "windows-1250", "windows-1254", "windows-1257", "windows-1258":
		default:
			name = "windows-1252"
		}
	}
	return guess{name, false}
}

// clustered reports whether bytes beyond ASCII stand mostly next to each
// other, as they do in scripts other than Latin.
func clustered(p []byte) bool {
	high, beside := 0, 0
	for i, b := range p {
		if b < utf8.RuneSelf {
			continue
		}
		high++
		if i > 0 && p[i-1] >= utf8.RuneSelf || i+1 < len(p) && p[i+1] >= utf8.RuneSelf {
			beside++
		}
	}
	return beside*2 > high
}

// legacyName maps the names of the detector to ours; Latin encodings are
// left out, because it cannot tell them apart.
func legacyName(detected string) string {
	switch strings.ToLower(detected) {
	case "windows-1251":
		return "windows-1251"
	case "koi8-r":
		return "koi8-r"
	case "ibm866":
		return "ibm866"
	case "maccyrillic":
		return "x-mac-cyrillic"
	case "iso-8859-5":
		return "iso-8859-5"
	case "windows-1253", "iso-8859-7":
		return "windows-1253"
	case "windows-1255", "iso-8859-8":
		return "windows-1255"
	case "tis-620":
		return "windows-874"
	case "shift_jis", "cp932":
		return "shift_jis"
	case "euc-jp":
		return "euc-jp"
	case "gb2312", "gb18030", "gbk":
		return "gb18030"
	case "big5":
		return "big5"
	case "euc-kr", "cp949":
		return "euc-kr"
	}
	return ""
}

// languagePage is the Windows code page of a language, named by its ISO
// code or by the one Bitrix24 uses.
func languagePage(lang string) string {
	lang, _, _ = strings.Cut(strings.ToLower(lang), "-")
	lang, _, _ = strings.Cut(lang, "_")
	switch lang {
	case "ru", "uk", "ua", "be", "bg", "kk", "kz", "sr", "mk":
		return "windows-1251"
	case "pl", "cs", "cz", "sk", "hu", "ro", "hr", "sl":
		return "windows-1250"
	case "tr", "az":
		return "windows-1254"
	case "el", "gr":
		return "windows-1253"
	case "he":
		return "windows-1255"
	case "ar":
		return "windows-1256"
	case "lt", "lv", "et":
		return "windows-1257"
	case "vi", "vn":
		return "windows-1258"
	case "th":
		return "windows-874"
	case "ja", "jp":
		return "shift_jis"
	case "zh", "sc":
		return "gb18030"
	case "tc":
		return "big5"
	case "ko", "kr":
		return "euc-kr"
	}
	return "windows-1252"
}
