package sheet

import (
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// decoding reads text in some encoding as UTF-8. It is transform.Reader with
// buffers that fit whole files.
type decoding struct {
	src  io.Reader
	t    transform.Transformer
	in   []byte
	r, w int
	err  error // of src, once it ended
}

func newDecoding(src io.Reader, t transform.Transformer, buffer int) *decoding {
	return &decoding{src: src, t: t, in: make([]byte, buffer)}
}

// Read needs room for at least one character.
func (d *decoding) Read(p []byte) (int, error) {
	if _, plain := d.t.(utf8Repair); plain && d.err == nil && len(p) >= len(d.in) {
		if n := d.pass(p[:len(d.in)]); n > 0 {
			return n, nil
		}
	}
	for {
		if d.r < d.w || d.err == io.EOF {
			n, used, err := d.t.Transform(p, d.in[d.r:d.w], d.err == io.EOF)
			d.r += used
			switch {
			case n > 0:
				return n, nil
			case err == transform.ErrShortDst:
				return 0, io.ErrShortBuffer
			case err != nil && err != transform.ErrShortSrc:
				return 0, err
			}
		}
		if d.err != nil {
			return 0, d.err
		}
		d.w = copy(d.in, d.in[d.r:d.w])
		d.r = 0
		n, err := d.src.Read(d.in[d.w:])
		d.w += n
		d.err = err
	}
}

// pass reads UTF-8 to where it is wanted, as far as it needs no repair. What
// is left stays for Read.
func (d *decoding) pass(p []byte) int {
	n := copy(p, d.in[d.r:d.w])
	if n < len(p) {
		more, err := d.src.Read(p[n:])
		n += more
		d.err = err
	}
	whole := n - partial(p[:n])
	if !utf8.Valid(p[:whole]) {
		whole = 0
	}
	d.r, d.w = 0, copy(d.in, p[whole:n])
	return whole
}

// utf8Repair copies UTF-8 and writes U+FFFD for each byte that is not valid.
type utf8Repair struct{ transform.NopResetter }

// Transform implements transform.Transformer.
func (utf8Repair) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	// The common case in one go: as much as fits, up to a whole character.
	n := min(len(dst), len(src))
	for back := 0; back < utf8.UTFMax && n > 0 && n < len(src) && !utf8.RuneStart(src[n]); back++ {
		n--
	}
	if n == len(src) {
		n -= partial(src)
	}
	if n > 0 && utf8.Valid(src[:n]) {
		copy(dst, src[:n])
		return n, n, nil
	}
	for nSrc < len(src) {
		r, size := utf8.DecodeRune(src[nSrc:])
		if r == utf8.RuneError && size == 1 && !atEOF && !utf8.FullRune(src[nSrc:]) {
			return nDst, nSrc, transform.ErrShortSrc
		}
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += size
	}
	return nDst, nSrc, nil
}

// partial is the length of an unfinished character at the end of p.
func partial(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		c := p[len(p)-n]
		if utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(p[len(p)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// byteTable decodes encodings of one byte per character.
type byteTable struct {
	transform.NopResetter
	text [256][3]byte
	size [256]uint8
}

func newByteTable(m *charmap.Charmap) *byteTable {
	t := new(byteTable)
	for i := range 256 {
		t.size[i] = uint8(utf8.EncodeRune(t.text[i][:], m.DecodeByte(byte(i))))
	}
	return t
}

// Transform implements transform.Transformer.
func (t *byteTable) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if nDst+3 > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		b := src[nSrc]
		nSrc++
		if b < utf8.RuneSelf {
			dst[nDst] = b
			nDst++
			continue
		}
		s := &t.text[b]
		dst[nDst], dst[nDst+1], dst[nDst+2] = s[0], s[1], s[2]
		nDst += int(t.size[b])
	}
	return nDst, nSrc, nil
}
