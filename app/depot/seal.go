package depot

import (
	"cmp"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"

	"github.com/minio/sio"
)

// A sealed blob is 32 random bytes, then DARE 2.0 packages (authenticated,
// 64 KB of plain text each) under a key of this blob alone, derived from
// the file's key, those bytes and the blob's own name. The plain text ends
// with one zero byte more, so that an empty file is authenticated too.
const (
	keySize  = 32
	saltSize = 32
	tailSize = 1
)

// label binds sealed bytes to the place where they lie.
func label(name, blob string) string { return "spa-importer depot v1|" + name + "|" + blob }

func dare(key, salt []byte, label string) (sio.Config, error) {
	k, err := hkdf.Key(sha256.New, key, salt, label, keySize)
	if err != nil {
		return sio.Config{}, fmt.Errorf("deriving a key: %w", err)
	}
	return sio.Config{MinVersion: sio.Version20, MaxVersion: sio.Version20, Key: k}, nil
}

// seal writes to w, sealed, what fill writes.
func seal(w io.Writer, key []byte, label string, fill func(io.Writer) error) error {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return fmt.Errorf("making a salt: %w", err)
	}
	config, err := dare(key, salt, label)
	if err != nil {
		return err
	}
	if _, err := w.Write(salt); err != nil {
		return err
	}
	// Closing the sealing writer would close w as well, if it could.
	sealing, err := sio.EncryptWriter(struct{ io.Writer }{w}, config)
	if err != nil {
		return fmt.Errorf("sealing: %w", err)
	}
	if err := fill(sealing); err != nil {
		return err
	}
	if _, err := sealing.Write(make([]byte, tailSize)); err != nil {
		return err
	}
	return sealing.Close()
}

// plainSize is the plain size of a sealed blob of this many bytes.
func plainSize(sealed int64) (int64, error) {
	if sealed < saltSize {
		return 0, fmt.Errorf("%w: %d bytes", ErrDamaged, sealed)
	}
	n, err := sio.DecryptedSize(uint64(sealed - saltSize))
	if err != nil || n < tailSize {
		return 0, fmt.Errorf("%w: %d bytes", ErrDamaged, sealed)
	}
	return int64(n) - tailSize, nil
}

// Reading happens by blocks, which are a multiple of the sealed packages; a
// few are kept, because readers of archives and tables jump and come back.
const (
	blockSize  = 256 << 10
	keptBlocks = 4
)

// reader is the plain text of all parts of a file, at random.
type reader struct {
	ctx   context.Context
	blobs blobs
	name  string
	key   []byte
	parts []part

	mu     sync.Mutex
	at     int // index of the open part
	src    source
	plain  io.ReaderAt // the open part; nil: none
	blocks []block     // most recently used first
	closed bool
}

type block struct {
	part  int
	index int64
	data  []byte
}

// errClosed is returned by reads after Close.
var errClosed = errors.New("file is closed")

// ReadAt implements io.ReaderAt.
func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(p) {
		got, err := r.readSome(p[n:], off+int64(n))
		n += got
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// readSome reads from the block that holds off.
func (r *reader) readSome(p []byte, off int64) (int, error) {
	if r.closed {
		return 0, errClosed
	}
	i := sort.Search(len(r.parts), func(i int) bool { return r.parts[i].offset+r.parts[i].size > off })
	if i == len(r.parts) {
		return 0, io.EOF
	}
	in := off - r.parts[i].offset
	data, err := r.block(i, in/blockSize)
	if err != nil {
		return 0, fmt.Errorf("reading %s at %d: %w", r.name, off, err)
	}
	return copy(p, data[in%blockSize:]), nil
}

// block returns one block of a part, never empty.
func (r *reader) block(i int, index int64) ([]byte, error) {
	for k, b := range r.blocks {
		if b.part == i && b.index == index {
			copy(r.blocks[1:k+1], r.blocks[:k])
			r.blocks[0] = b
			return b.data, nil
		}
	}
	if err := r.openPart(i); err != nil {
		return nil, err
	}
	b := block{part: i, index: index}
	if len(r.blocks) < keptBlocks {
		b.data = make([]byte, blockSize)
		r.blocks = append(r.blocks, block{})
	} else {
		b.data = r.blocks[len(r.blocks)-1].data[:blockSize]
	}
	want := min(blockSize, r.parts[i].size-index*blockSize)
	b.data = b.data[:want]
	if n, err := r.plain.ReadAt(b.data, index*blockSize); int64(n) < want {
		// The buffer may have been another block's: that one is lost now.
		r.blocks = r.blocks[:len(r.blocks)-1]
		return nil, damaged(err)
	}
	copy(r.blocks[1:], r.blocks[:len(r.blocks)-1])
	r.blocks[0] = b
	return b.data, nil
}

// openPart makes part i the open one.
func (r *reader) openPart(i int) error {
	if r.plain != nil && r.at == i {
		return nil
	}
	if err := r.closePart(); err != nil {
		return err
	}
	b := r.parts[i].blob
	src, err := r.blobs.open(r.ctx, b)
	if err != nil {
		return err
	}
	r.src, r.at = src, i
	salt := make([]byte, saltSize)
	if _, err := src.ReadAt(salt, 0); err != nil {
		return errors.Join(damaged(err), r.closePart())
	}
	config, err := dare(r.key, salt, label(r.name, base(b.name)))
	if err != nil {
		return errors.Join(err, r.closePart())
	}
	plain, err := sio.DecryptReaderAt(io.NewSectionReader(src, saltSize, b.size-saltSize), config)
	if err != nil {
		return errors.Join(fmt.Errorf("unsealing: %w", err), r.closePart())
	}
	r.plain = plain
	return nil
}

func (r *reader) closePart() error {
	if r.src == nil {
		return nil
	}
	err := r.src.Close()
	r.src, r.plain = nil, nil
	return err
}

// checkEnd reads the end of the last part: the key is the right one and
// nothing was cut off. The ends of the others are vouched for by the offset
// of their followers.
func (r *reader) checkEnd() error {
	i := len(r.parts) - 1
	if err := r.openPart(i); err != nil {
		return err
	}
	// One byte more than there is: at the end, only a package that says it
	// is the last one gives io.EOF.
	tail := make([]byte, tailSize+1)
	n, err := r.plain.ReadAt(tail, r.parts[i].size)
	if n != tailSize || err != io.EOF {
		return damaged(cmp.Or(err, io.ErrUnexpectedEOF))
	}
	return nil
}

// Close ends reading.
func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed, r.blocks = true, nil
	clear(r.key)
	return r.closePart()
}

// damaged marks what unsealing found wrong, and leaves errors of the
// storage as they are.
func damaged(err error) error {
	var bad sio.Error
	if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF || errors.As(err, &bad) {
		return fmt.Errorf("%w: %w", ErrDamaged, cmp.Or(err, io.ErrUnexpectedEOF))
	}
	return err
}
