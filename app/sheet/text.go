package sheet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/text/transform"
)

// textFile is a file of lines.
type textFile struct {
	src     Source
	from    int64 // behind the byte order mark
	charset charset
	dialect dialect
	sep     bool // the first line is sep=
	// growth is how many bytes of UTF-8 a byte of the file makes.
	growth float64
	// unsure: the encoding was a guess with little behind it.
	unsure bool
	// text is the decoded beginning of the file; cut says that the file
	// goes on.
	text       []byte
	cut        bool
	delimiters []DelimiterChoice
}

// openText completes the reading of a text file.
func openText(src Source, head []byte, r Reading, fileName, lang string) (*textFile, Reading, error) {
	r.Sheet, r.SkipHidden, r.FillMerged, r.Links, r.LinkName = "", false, false, false, ""
	f := &textFile{src: src, cut: int64(len(head)) < src.Size()}
	if r.Encoding == "" {
		pieces, err := farPieces(src)
		if err != nil {
			return nil, r, err
		}
		g := detectEncoding(head, pieces, lang)
		r.Encoding, f.unsure = g.name, !g.sure
	}
	var ok bool
	if f.charset, ok = findCharset(r.Encoding); !ok {
		return nil, r, refuse("unknown_encoding", "encoding", r.Encoding)
	}
	if f.charset.mark != "" && bytes.HasPrefix(head, []byte(f.charset.mark)) {
		f.from = int64(len(f.charset.mark))
	}
	text, used, err := decodeHead(head[f.from:], f.charset, !f.cut)
	if err != nil {
		return nil, r, fmt.Errorf("decoding the beginning of the file: %w", err)
	}
	f.text, f.growth = text, float64(len(text))/float64(max(1, used))
	if !f.cut && len(bytes.Trim(text, " \t\r\n\x00\x1a,;|\"")) == 0 {
		return nil, r, refuse("empty")
	}
	switch {
	case r.Delimiter != "" && (len(r.Delimiter) != 1 || !goodDelimiter(r.Delimiter[0])):
		return nil, r, refuse("bad_delimiter", "delimiter", r.Delimiter)
	case r.Quote != "" && r.Quote != QuoteDouble && r.Quote != QuoteBackslash && r.Quote != QuoteNone:
		return nil, r, refuse("bad_quote", "quote", r.Quote)
	}
	f.findDialect(&r, fileName)
	r.Encoding, r.Delimiter, r.Quote = f.charset.name, string(f.dialect.delim), f.dialect.quote
	return f, r, nil
}

// findDialect looks for delimiter and quotes behind a sep= line.
func (f *textFile) findDialect(r *Reading, fileName string) {
	rest := f.text
	delim, sep := sepLine(rest)
	if sep {
		f.sep = true
		if r.Delimiter == "" {
			r.Delimiter = string(delim)
		}
		if i := bytes.IndexAny(rest, "\r\n"); i >= 0 {
			rest = rest[i:]
		}
	}
	f.dialect, f.delimiters = detectDialect(rest, f.cut, *r, fileName)
}

// farPieces are samples of the file behind its head.
func farPieces(src Source) ([][]byte, error) {
	const count, size = 7, 32 << 10
	var pieces [][]byte
	rest := src.Size() - block
	for i := int64(0); i < count && rest > 0; i++ {
		p, err := readPart(src, block+max(0, rest-size)*i/(count-1), size)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, p)
	}
	return pieces, nil
}

// decodeHead turns the beginning of a file into UTF-8; used is how much of
// it was used, which leaves out a character that is cut off unless these are
// whole lines.
func decodeHead(head []byte, c charset, whole bool) (text []byte, used int, err error) {
	t := c.decoder()
	text = make([]byte, 3*len(head)+8)
	n := 0
	for used < len(head) {
		nd, ns, err := t.Transform(text[n:], head[used:], whole)
		n, used = n+nd, used+ns
		if errors.Is(err, transform.ErrShortSrc) || nd+ns == 0 {
			break
		}
		if err != nil {
			return nil, 0, err
		}
	}
	return text[:n], used, nil
}

func (f *textFile) records(ctx context.Context, marks *tally, progress func(int64)) (records, error) {
	st := newStream(ctx, f.src, f.from, progress)
	buffer := bufferFor(f.src.Size())
	s := newScanner(newDecoding(st, f.charset.decoder(), buffer), f.dialect, marks, buffer)
	if f.sep {
		if _, err := s.next(); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	return s, nil
}

func (f *textFile) grid() bool { return false }

func (f *textFile) extent(r records) (done, total int64) {
	if s, ok := r.(*scanner); ok {
		done = s.used
	}
	return done, int64(float64(f.src.Size()) * f.growth)
}

func (f *textFile) notes(bool) []Note {
	var notes []Note
	if f.unsure {
		notes = append(notes, note("encoding_unsure", "encoding", f.charset.name))
	}
	if f.sep {
		notes = append(notes, note("sep_line", "delimiter", string(f.dialect.delim)))
	}
	if f.dialect.quote == QuoteBackslash {
		notes = append(notes, note("backslash_quotes"))
	}
	return notes
}

func (f *textFile) close() error { return nil }

// encodings shows two lines of the file in every encoding, the present one
// first.
func (f *textFile) encodings(head []byte) []EncodingChoice {
	lines := f.tellingLines(head)
	var list []EncodingChoice
	for _, c := range charsets() {
		wide := c.unit > 1 || f.charset.unit > 1
		if wide && c.unit != f.charset.unit && bytes.IndexByte(head, 0) < 0 {
			continue // nothing speaks for it
		}
		choice := EncodingChoice{Name: c.name}
		for _, line := range lines {
			text, _, err := decodeHead(line, c, true)
			if err != nil {
				continue // shown as a line that cannot be read: an empty one
			}
			choice.Lines = append(choice.Lines, shownLine(text))
		}
		if c.name == f.charset.name {
			list = append([]EncodingChoice{choice}, list...)
		} else {
			list = append(list, choice)
		}
	}
	return list
}

// tellingLines picks two lines with letters beyond ASCII, or the first two.
func (f *textFile) tellingLines(head []byte) [][]byte {
	var telling, first [][]byte
	rest := head[f.from:]
	for len(rest) > 0 && len(telling) < 2 {
		var line []byte
		line, rest = cutLine(rest, f.charset)
		if len(line) == 0 {
			continue
		}
		line = line[:min(len(line), 4*shownRunes)]
		if len(first) < 2 {
			first = append(first, line)
		}
		if f.charset.unit > 1 || highBytes(line) > 0 {
			telling = append(telling, line)
		}
	}
	for _, line := range first {
		if len(telling) < 2 && (len(telling) == 0 || &telling[0][0] != &line[0]) {
			telling = append(telling, line)
		}
	}
	return telling
}

// cutLine splits off the first line in an encoding.
func cutLine(p []byte, c charset) (line, rest []byte) {
	at := 0
	if c.bigEndian {
		at = c.unit - 1
	}
	for i := 0; i+c.unit <= len(p); i += c.unit {
		b, zero := p[i+at], true
		for k := range c.unit {
			zero = zero && (k == at || p[i+k] == 0)
		}
		if zero && (b == '\n' || b == '\r') {
			return p[:i], p[i+c.unit:]
		}
	}
	return p, nil
}

// shownRunes is how much of a line a choice shows.
const shownRunes = 160

// shownLine shortens a line for a list of choices.
func shownLine(text []byte) string {
	out := make([]rune, 0, shownRunes)
	for _, r := range string(text) {
		if len(out) == shownRunes {
			out = append(out, '…')
			break
		}
		if r < ' ' && r != '\t' || r == 0x7f {
			r = '\ufffd'
		}
		out = append(out, r)
	}
	return string(out)
}
