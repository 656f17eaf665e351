package field

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// clean trims what cannot be seen from both ends: spaces of all kinds,
// zero-width characters, byte order marks.
func clean(s string) string {
	for len(s) > 0 {
		if c := s[0]; c < utf8.RuneSelf {
			if c > ' ' && c != 0x7F {
				break
			}
			s = s[1:]
			continue
		}
		if letterLead(s[0]) {
			break
		}
		r, n := utf8.DecodeRuneInString(s)
		if !unseen(r) {
			break
		}
		s = s[n:]
	}
	for len(s) > 0 {
		if c := s[len(s)-1]; c < utf8.RuneSelf {
			if c > ' ' && c != 0x7F {
				break
			}
			s = s[:len(s)-1]
			continue
		}
		if len(s) > 1 && letterLead(s[len(s)-2]) {
			break
		}
		r, n := utf8.DecodeLastRuneInString(s)
		if !unseen(r) {
			break
		}
		s = s[:len(s)-n]
	}
	return s
}

// letterLead reports the first bytes of U+00C0 to U+07FF, where Latin,
// Greek and Cyrillic letters are and nothing that cannot be seen.
func letterLead(c byte) bool { return c >= 0xC3 && c <= 0xDF }

// unseen reports spaces and characters that leave no mark.
func unseen(r rune) bool {
	if r > 0xA0 && r < 0x1680 && r != 0xAD {
		return false // letters and signs of most scripts, without a look into tables
	}
	return unicode.IsSpace(r) || zeroWidth(r) || unicode.Is(unicode.Zs, r)
}

// zeroWidth reports characters without width: joiners, soft hyphens, marks
// of byte order and of writing direction.
func zeroWidth(r rune) bool {
	switch {
	case r == 0x00AD, r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E,
		r >= 0x2060 && r <= 0x2069, r == 0xFEFF, r == 0x180E:
		return true
	}
	return r < ' ' && r != '\n' && r != '\t' && r != '\r'
}

// fold brings text into the form in which labels are equal when a person
// would call them the same: composed (NFC), lower case, single spaces,
// nothing invisible.
func fold(s string) string {
	if folded(s) {
		return s
	}
	return squeeze(clean(s), unicode.ToLower)
}

// folded reports whether plain ASCII text is folded already.
func folded(s string) bool {
	space := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf || c < ' ' || c == 0x7F || 'A' <= c && c <= 'Z' || c == ' ' && space {
			return false
		}
		space = c == ' '
	}
	return !space || s == ""
}

// alike maps characters that people and keyboards confuse to one of them:
// ё and е, and Cyrillic letters that look like Latin ones.
var alike = strings.NewReplacer(
	"ё", "e", "е", "e", "а", "a", "в", "b", "с", "c", "н", "h", "к", "k", "м", "m",
	"о", "o", "р", "p", "т", "t", "у", "y", "х", "x", "і", "i", "ј", "j", "ѕ", "s",
	"‘", "'", "’", "'", "`", "'", "“", `"`, "”", `"`, "«", `"`, "»", `"`, "–", "-", "—", "-", "−", "-",
)

// foldLoose folds further than equality allows: it is for suggestions only.
func foldLoose(s string) string { return alike.Replace(fold(s)) }

// compact returns text with each run of spaces as one space, composed: the
// form in which names are looked up.
func compact(s string) string {
	if compacted(s) {
		return s
	}
	return compactAny(s)
}

func compactAny(s string) string { return squeeze(s, func(r rune) rune { return r }) }

// squeeze composes text, makes each run of spaces one space and takes out what
// cannot be seen; every other letter stands as as says.
func squeeze(s string, as func(rune) rune) string {
	s = norm.NFC.String(s)
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		switch {
		case zeroWidth(r):
		case unseen(r):
			space = true
		default:
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(as(r))
		}
	}
	return b.String()
}

// compacted reports whether text is surely compact: ASCII, and such letters
// and signs beyond it as NFC never changes and nothing composes with unless a
// combining mark follows, which is none of them.
func compacted(s string) bool {
	space := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c < utf8.RuneSelf:
			if c < ' ' || c == ' ' && space {
				return false
			}
			space = c == ' '
			continue
		case i+1 == len(s) || s[i+1]&0xC0 != 0x80:
			return false
		case c >= 0xC3 && c <= 0xCA, c == 0xD0, c == 0xD1: // Latin, Cyrillic
		case c == 0xC2 && (s[i+1] == 0xAB || s[i+1] == 0xBB): // « »
		case c == 0xE2 && i+2 < len(s) && s[i+1] == 0x84 && s[i+2] == 0x96: // №
			i++
		default:
			return false
		}
		space = false
		i++
	}
	return true
}

// digitsOnly reports whether s is one or more ASCII digits.
func digitsOnly(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
