package sheet

// clean drops control characters and counts what a person cannot see. Text
// without any is returned as it is; other text is copied to the end of
// scratch.
func (t *tally) clean(text []byte, scratch *[]byte, row, column int) []byte {
	drop := 0
	for i := 0; i < len(text); {
		if c := text[i]; c >= ' ' && c < 0x7f || c >= 0xc3 && c < 0xe2 {
			i++
			continue
		}
		kind, size := suspectAt(text[i:])
		switch kind {
		case controlChar:
			t.control.add(1, row, column)
			drop++
		case invisibleChar:
			t.invisible.add(1, row, column)
		case badChar:
			t.bad.add(1, row, column)
		}
		i += size
	}
	if drop == 0 {
		return text
	}
	from, out := len(*scratch), *scratch
	for i := 0; i < len(text); {
		kind, size := suspectAt(text[i:])
		if kind != controlChar {
			out = append(out, text[i:i+size]...)
		}
		i += size
	}
	*scratch = out
	return out[from:len(out):len(out)]
}

// hides reports whether what begins with these bytes, the first of which is
// suspect, may look like nothing: of most signs the second byte shows that
// they do not.
func hides(first, second byte) bool {
	switch first {
	case 0xc2:
		return second == 0xad
	case 0xe2:
		return second == 0x80 || second == 0x81
	case 0xef:
		return second == 0xbb || second == 0xbf
	}
	return true
}

// The kinds of characters that look like nothing.
const (
	plainChar     = iota
	controlChar   // dropped: no text holds it
	invisibleChar // kept: it may join emoji or set a direction
	badChar       // U+FFFD: lost before or while decoding
)

// suspectAt says what p begins with, and its size in bytes, at least 1.
func suspectAt(p []byte) (kind, size int) {
	switch c := p[0]; {
	case c < ' ' && c != '\t' && c != '\n' && c != '\r', c == 0x7f:
		return controlChar, 1
	case c == 0xc2 && len(p) > 1 && p[1] == 0xad: // soft hyphen
		return invisibleChar, 2
	case c == 0xe2 && len(p) > 2 && p[1] == 0x80:
		// U+200B zero width space, U+200E and U+200F direction marks,
		// U+202A to U+202E direction overrides. The joiners between them
		// belong to emoji and scripts.
		if b := p[2]; b == 0x8b || b == 0x8e || b == 0x8f || b >= 0xaa && b <= 0xae {
			return invisibleChar, 3
		}
	case c == 0xe2 && len(p) > 2 && p[1] == 0x81 && (p[2] == 0xa0 || p[2] >= 0xa6 && p[2] <= 0xa9):
		return invisibleChar, 3 // U+2060 word joiner, U+2066 to U+2069 isolates
	case c == 0xef && len(p) > 2 && p[1] == 0xbb && p[2] == 0xbf:
		return controlChar, 3 // a byte order mark in the middle
	case c == 0xef && len(p) > 2 && p[1] == 0xbf && p[2] == 0xbd:
		return badChar, 3
	}
	return plainChar, 1
}
