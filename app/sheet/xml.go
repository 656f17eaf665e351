package sheet

import (
	"bytes"
	"errors"
	"io"
)

// token is what the XML scanner finds next.
type token uint8

const (
	startTag token = iota
	endTag
	textRun
)

// maxTag is the size of the longest tag.
const maxTag = 1 << 20

// xmlScanner reads the XML of a workbook token by token in a buffer of
// bounded size. It knows no namespaces (names lose their prefix), resolves
// no entities but the five of XML and numbers, and refuses a DOCTYPE.
// encoding/xml would take an endless text into memory, and is slow.
type xmlScanner struct {
	src  io.Reader
	buf  []byte
	r, w int
	eof  bool
	used int64 // bytes before r

	// name and attrs belong to the last start or end tag; text to the last
	// run. They are valid until the next call of next.
	name, attrs, text []byte
	// literal: the text is of a CDATA section, where & is no entity.
	literal bool
	inCDATA bool
	// closes: the start tag also ends its element; the end tag follows.
	closes bool
	opened int
}

// unpackedAtOnce is how much the unpacking of a part gives at a time.
const unpackedAtOnce = 32 << 10

// newXML reads the XML of a part, in UTF-8, or in UTF-16 with a mark.
func newXML(p *part) (*xmlScanner, error) {
	var src io.Reader = p
	buffer := bufferFor(int64(min(p.size, unpackedAtOnce)))
	var mark [2]byte
	n, err := io.ReadFull(src, mark[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	name := utf8Name
	switch string(mark[:n]) {
	case "\xff\xfe", "<\x00":
		name = "utf-16le"
	case "\xfe\xff", "\x00<":
		name = "utf-16be"
	}
	c, _ := findCharset(name)
	src = io.MultiReader(bytes.NewReader(mark[:n]), src)
	return &xmlScanner{src: newDecoding(src, c.decoder(), buffer), buf: make([]byte, 2*buffer)}, nil
}

var errXML = errors.New("XML is broken")

// more reads more bytes behind what is not used up. It reports whether there
// were any.
func (x *xmlScanner) more() (bool, error) {
	if x.eof {
		return false, nil
	}
	if x.r > 0 {
		x.w = copy(x.buf, x.buf[x.r:x.w])
		x.r = 0
	}
	if x.w > len(x.buf)-16 { // a character must fit
		if len(x.buf) >= maxTag {
			return false, damaged(errors.New("XML tag is too long"))
		}
		x.buf = append(x.buf, make([]byte, len(x.buf))...)
	}
	n, err := x.src.Read(x.buf[x.w:])
	x.w += n
	if err == io.EOF {
		x.eof = true
		return n > 0, nil
	}
	return n > 0, err
}

func (x *xmlScanner) advance(n int) {
	x.r += n
	x.used += int64(n)
}

// next finds the next tag or run of text; a long text comes in several runs.
// It ends with io.EOF after the end of the outermost element.
func (x *xmlScanner) next() (token, error) {
	if x.closes {
		x.closes = false
		x.opened--
		return endTag, nil
	}
	for {
		if x.r == x.w {
			ok, err := x.more()
			if err != nil {
				return 0, err
			}
			if !ok && x.eof {
				if x.opened != 0 {
					return 0, damaged(io.ErrUnexpectedEOF)
				}
				return 0, io.EOF
			}
			continue
		}
		if x.inCDATA {
			if t, ok, err := x.cdata(); ok || err != nil {
				return t, err
			}
			continue
		}
		if x.buf[x.r] != '<' {
			return x.run()
		}
		if t, ok, err := x.tag(); ok || err != nil {
			return t, err
		}
	}
}

// run takes text up to the next tag, or as much as there is, but no part of
// an entity.
func (x *xmlScanner) run() (token, error) {
	b := x.buf[x.r:x.w]
	n := bytes.IndexByte(b, '<')
	for n < 0 {
		n = len(b)
		amp := bytes.LastIndexByte(b[max(0, n-12):], '&')
		if amp < 0 || x.eof {
			break
		}
		if n = max(0, n-12) + amp; n > 0 {
			break
		}
		if _, err := x.more(); err != nil {
			return 0, err
		}
		b = x.buf[x.r:x.w]
		n = bytes.IndexByte(b, '<')
	}
	x.text, x.literal = b[:n], false
	x.advance(n)
	return textRun, nil
}

// cdata takes text up to the end of a CDATA section.
func (x *xmlScanner) cdata() (token, bool, error) {
	b := x.buf[x.r:x.w]
	end := bytes.Index(b, []byte("]]>"))
	n, skip := end, 3
	if end < 0 {
		n, skip = len(b)-2, 0 // the end may be cut in two
		if n <= 0 {
			ok, err := x.more()
			if err == nil && !ok && x.eof {
				err = damaged(io.ErrUnexpectedEOF)
			}
			return 0, false, err
		}
	} else {
		x.inCDATA = false
	}
	x.text, x.literal = b[:n], true
	x.advance(n + skip)
	return textRun, true, nil
}

// tag reads what begins with "<". ok is false for what is no token: then
// next goes on.
func (x *xmlScanner) tag() (t token, ok bool, err error) {
	var end int
	for {
		if end = tagEnd(x.buf[x.r:x.w]); end > 0 {
			break
		}
		more, err := x.more()
		if err != nil {
			return 0, false, err
		}
		if !more && x.eof {
			return 0, false, damaged(io.ErrUnexpectedEOF)
		}
	}
	b := x.buf[x.r : x.r+end]
	switch b[1] {
	case '?':
		return 0, false, x.skip("?>")
	case '!':
		switch {
		case bytes.HasPrefix(b, []byte("<!--")):
			return 0, false, x.skip("-->")
		case bytes.HasPrefix(b, []byte("<![CDATA[")):
			x.inCDATA = true
			x.advance(len("<![CDATA["))
			return 0, false, nil
		}
		return 0, false, refuse("doctype")
	case '/':
		name := b[2 : end-1]
		for len(name) > 0 && name[len(name)-1] <= ' ' {
			name = name[:len(name)-1]
		}
		x.name, x.attrs = localName(name), nil
		x.opened--
		if x.opened < 0 || len(x.name) == 0 {
			return 0, false, damaged(errXML)
		}
		x.advance(end)
		return endTag, true, nil
	}
	inner := b[1 : end-1]
	if n := len(inner); n > 0 && inner[n-1] == '/' {
		x.closes, inner = true, inner[:n-1]
	}
	n := 0
	for n < len(inner) && inner[n] > ' ' {
		n++
	}
	x.name, x.attrs = localName(inner[:n]), inner[n:]
	if len(x.name) == 0 {
		return 0, false, damaged(errXML)
	}
	x.opened++
	x.advance(end)
	return startTag, true, nil
}

// tagEnd is the length of the tag at the beginning of b, or 0 if it is not
// whole. Of comments, CDATA and DOCTYPE only the beginning counts.
func tagEnd(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	if b[1] == '?' {
		return 2
	}
	if b[1] == '!' {
		if len(b) < len("<![CDATA[") {
			return 0
		}
		return len("<![CDATA[")
	}
	// Nearly always the first ">" is the end.
	end := bytes.IndexByte(b, '>')
	if end < 0 {
		return 0
	}
	if tag := b[:end]; bytes.IndexByte(tag, '\'') < 0 && bytes.Count(tag, []byte{'"'})%2 == 0 {
		return end + 1
	}
	var quote byte
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return 0
}

// skip passes everything up to a mark.
func (x *xmlScanner) skip(mark string) error {
	for {
		b := x.buf[x.r:x.w]
		if i := bytes.Index(b, []byte(mark)); i >= 0 {
			x.advance(i + len(mark))
			return nil
		}
		x.advance(max(0, len(b)-len(mark)+1))
		more, err := x.more()
		if err != nil {
			return err
		}
		if !more && x.eof {
			return damaged(io.ErrUnexpectedEOF)
		}
	}
}

func localName(name []byte) []byte {
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		return name[i+1:]
	}
	return name
}

// cutAttr splits the first attribute off a tag's attributes: its name without
// prefix, and its value as it is written.
func cutAttr(attrs []byte) (name, value, rest []byte, ok bool) {
	i := 0
	for i < len(attrs) && attrs[i] <= ' ' {
		i++
	}
	from := i
	for i < len(attrs) && attrs[i] != '=' && attrs[i] > ' ' {
		if attrs[i] == ':' {
			from = i + 1
		}
		i++
	}
	name = attrs[from:i]
	for i < len(attrs) && attrs[i] <= ' ' {
		i++
	}
	if i == len(attrs) || attrs[i] != '=' {
		return nil, nil, nil, false
	}
	for i++; i < len(attrs) && attrs[i] <= ' '; i++ {
	}
	if i == len(attrs) || attrs[i] != '"' && attrs[i] != '\'' {
		return nil, nil, nil, false
	}
	quote := attrs[i]
	i++
	for end := i; end < len(attrs); end++ {
		if attrs[end] == quote {
			return name, attrs[i:end], attrs[end+1:], true
		}
	}
	return nil, nil, nil, false
}

// attr is the value of an attribute of the last start tag as it is written,
// by its name without prefix.
func (x *xmlScanner) attr(name string) ([]byte, bool) {
	for rest := x.attrs; ; {
		key, value, after, ok := cutAttr(rest)
		if !ok {
			return nil, false
		}
		if string(key) == name {
			return value, true
		}
		rest = after
	}
}

// attrText is the value of an attribute with its entities resolved.
func (x *xmlScanner) attrText(name string) string {
	v, _ := x.attr(name)
	return string(appendEntities(nil, v))
}

// attrTrue reports whether a boolean attribute is set.
func (x *xmlScanner) attrTrue(name string) bool {
	v, _ := x.attr(name)
	return string(v) == "1" || string(v) == "true" || string(v) == "on"
}

// appendText adds the last run of text.
func (x *xmlScanner) appendText(dst []byte) []byte {
	if x.literal {
		return append(dst, x.text...)
	}
	return appendEntities(dst, x.text)
}

// skipElement passes the rest of the element whose start tag was read last.
func (x *xmlScanner) skipElement() error {
	for depth := x.opened; x.opened >= depth; {
		if _, err := x.next(); err != nil {
			return err
		}
	}
	return nil
}
