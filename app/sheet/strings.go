package sheet

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// The shared strings of a workbook are kept in blocks. The first ones stay
// in memory, the others go to a temporary file, of which a few are cached.
const (
	stringBlock  = 64 << 10
	blocksInRAM  = 16 // 1 MB
	blocksCached = 32
	stringStep   = 8 // every eighth string's place is remembered
)

// stringStore keeps strings in bounded memory, found by number. The file is
// encrypted with a key that nobody else has and unlinked at once: cells of
// customers do not lie about in temporary folders.
type stringStore struct {
	places []uint32 // where every stringStep-th string begins
	count  int
	size   int64

	memory [][]byte // the first blocks
	tail   []byte   // the block being filled
	filled int      // blocks before tail
	file   *os.File
	cipher cipher.Block
	cached [blocksCached]struct {
		number int // 1 + number of the block; 0: none
		data   []byte
	}
	head, one []byte
}

// flags of a stored string, from the scanner's byte classes.
func (s *stringStore) add(text []byte, flags uint8) error {
	if s.count%stringStep == 0 {
		s.places = append(s.places, uint32(s.size))
	}
	s.count++
	s.head = binary.AppendUvarint(s.head[:0], uint64(len(text))<<3|uint64(flags&7))
	if err := s.write(s.head); err != nil {
		return err
	}
	return s.write(text)
}

func (s *stringStore) write(p []byte) error {
	if s.tail == nil {
		s.tail = make([]byte, 0, 1<<10)
	}
	s.size += int64(len(p))
	for len(p) > 0 {
		n := min(len(p), stringBlock-len(s.tail))
		s.tail = append(s.tail, p[:n]...)
		p = p[n:]
		if len(s.tail) == stringBlock {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush puts a full block away.
func (s *stringStore) flush() error {
	defer func() { s.filled++ }()
	if s.filled < blocksInRAM {
		s.memory = append(s.memory, s.tail)
		s.tail = make([]byte, 0, stringBlock)
		return nil
	}
	if s.file == nil {
		if err := s.create(); err != nil {
			return err
		}
	}
	s.crypt(s.filled, s.tail)
	at := int64(s.filled-blocksInRAM) * stringBlock
	if _, err := s.file.WriteAt(s.tail, at); err != nil {
		return fmt.Errorf("keeping shared strings: %w", err)
	}
	s.tail = s.tail[:0]
	return nil
}

func (s *stringStore) create() error {
	var key [32]byte
	rand.Read(key[:]) // never fails
	c, err := aes.NewCipher(key[:])
	if err != nil {
		return fmt.Errorf("making a key for shared strings: %w", err)
	}
	f, err := os.CreateTemp("", "sheet-*")
	if err != nil {
		return fmt.Errorf("making a file for shared strings: %w", err)
	}
	// Where an open file cannot be removed, close does it.
	if err := os.Remove(f.Name()); err != nil && errors.Is(err, os.ErrNotExist) {
		return errors.Join(fmt.Errorf("unlinking the file for shared strings: %w", err), f.Close())
	}
	s.cipher, s.file = c, f
	return nil
}

// crypt encrypts or decrypts a block in place. The key serves one store, and
// each block of it is written once, so the number is a fresh counter.
func (s *stringStore) crypt(number int, p []byte) {
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint64(iv[:], uint64(number))
	cipher.NewCTR(s.cipher, iv[:]).XORKeyStream(p, p)
}

// block returns the bytes of a block.
func (s *stringStore) block(number int) ([]byte, error) {
	switch {
	case number == s.filled:
		return s.tail, nil
	case number < len(s.memory):
		return s.memory[number], nil
	}
	c := &s.cached[number%blocksCached]
	if c.number == number+1 {
		return c.data, nil
	}
	if c.data == nil {
		c.data = make([]byte, stringBlock)
	}
	c.number = 0
	if _, err := s.file.ReadAt(c.data, int64(number-blocksInRAM)*stringBlock); err != nil {
		return nil, fmt.Errorf("reading shared strings: %w", err)
	}
	s.crypt(number, c.data)
	c.number = number + 1
	return c.data, nil
}

// get returns a string and its flags; the bytes are valid until the next
// call of any method.
func (s *stringStore) get(i int) (text []byte, flags uint8, err error) {
	at := int64(s.places[i/stringStep])
	for skip := i % stringStep; ; skip-- {
		head, n, err := s.uvarint(at)
		if err != nil {
			return nil, 0, err
		}
		at += int64(n)
		if skip == 0 {
			text, err = s.slice(at, int(head>>3))
			return text, uint8(head & 7), err
		}
		at += int64(head >> 3)
	}
}

func (s *stringStore) uvarint(at int64) (uint64, int, error) {
	b, err := s.block(int(at / stringBlock))
	if err != nil {
		return 0, 0, err
	}
	if v, n := binary.Uvarint(b[at%stringBlock:]); n > 0 {
		return v, n, nil
	}
	p, err := s.slice(at, int(min(binary.MaxVarintLen32, s.size-at)))
	if err != nil {
		return 0, 0, err
	}
	v, n := binary.Uvarint(p)
	if n <= 0 {
		return 0, 0, errors.New("shared strings are damaged in memory")
	}
	return v, n, nil
}

// slice returns n bytes at a place.
func (s *stringStore) slice(at int64, n int) ([]byte, error) {
	s.one = s.one[:0]
	for {
		b, err := s.block(int(at / stringBlock))
		if err != nil {
			return nil, err
		}
		b = b[at%stringBlock:]
		if len(s.one) == 0 && len(b) >= n {
			return b[:n], nil
		}
		take := min(len(b), n-len(s.one))
		s.one = append(s.one, b[:take]...)
		at += int64(take)
		if len(s.one) == n {
			return s.one, nil
		}
		if take == 0 {
			return nil, io.ErrUnexpectedEOF
		}
	}
}

// close removes the file.
func (s *stringStore) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if e := os.Remove(s.file.Name()); e != nil && !errors.Is(e, os.ErrNotExist) {
		err = errors.Join(err, e)
	}
	s.file = nil
	return err
}

// sharedStrings reads the strings of a workbook as far as they are asked
// for: a look at the first rows does not read all of them.
type sharedStrings struct {
	part  *part // nil: the workbook has none
	xml   *xmlScanner
	store stringStore
	done  bool
	text  []byte
}

func openStrings(ctx context.Context, a *archive, name string) (*sharedStrings, error) {
	if name == "" || !a.has(name) {
		return &sharedStrings{done: true}, nil
	}
	p, err := a.open(ctx, name, maxStrings, nil)
	if err != nil {
		return nil, err
	}
	x, err := newXML(p)
	if err != nil {
		return nil, err
	}
	return &sharedStrings{part: p, xml: x}, nil
}

// get returns a string by its number.
func (s *sharedStrings) get(i int) ([]byte, uint8, error) {
	for i >= s.store.count {
		if s.done {
			return nil, 0, damaged(fmt.Errorf("shared string %d is missing", i))
		}
		if err := s.readOne(); err != nil {
			return nil, 0, err
		}
	}
	return s.store.get(i)
}

// readOne reads the next <si>, or notes the end.
func (s *sharedStrings) readOne() error {
	for {
		t, err := s.xml.next()
		if errors.Is(err, io.EOF) {
			s.done = true
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading shared strings: %w", err)
		}
		if t == startTag && string(s.xml.name) == "si" {
			break
		}
	}
	text, err := richText(s.xml, s.text[:0], "si")
	if err != nil {
		return fmt.Errorf("reading shared strings: %w", err)
	}
	s.text = text
	return s.store.add(text, textFlags(text))
}

// finish reads what is left, so that the checksum is verified.
func (s *sharedStrings) finish() error {
	if s.part == nil {
		return nil
	}
	if err := s.part.rest(); err != nil {
		return fmt.Errorf("reading shared strings: %w", err)
	}
	return nil
}

func (s *sharedStrings) close() error { return s.store.close() }

// richText adds the text of a string element whose start tag was read last:
// its <t>, and those of its runs, but no phonetic ones.
func richText(x *xmlScanner, dst []byte, element string) ([]byte, error) {
	start := len(dst)
	inText := false
	for depth := x.opened; ; {
		t, err := x.next()
		if err != nil {
			return dst, err
		}
		switch t {
		case startTag:
			if string(x.name) == "rPh" {
				if err := x.skipElement(); err != nil {
					return dst, err
				}
				continue
			}
			inText = string(x.name) == "t"
		case textRun:
			if inText {
				dst = x.appendText(dst)
			}
			if len(dst)-start > MaxCell {
				return dst, refuse("cell_too_long", "row", "0", "limit", strconv.Itoa(MaxCell))
			}
		case endTag:
			inText = false
			if x.opened < depth {
				return append(dst[:start], unescapeX(dst[start:])...), nil
			}
		}
	}
}
