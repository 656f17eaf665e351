package sheet

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
)

// What an archive may have. Unpacked sizes are counted while unpacking,
// because what the directory says may be a lie.
const (
	maxParts     = 10_000
	maxDirectory = 4 << 20
	// maxUnpacked bounds the worksheet, maxStrings the shared strings, and
	// maxSmall every other part.
	maxUnpacked = 4 << 30
	maxStrings  = 1 << 30
	maxSmall    = 32 << 20
	// A part may unpack to maxRatio times its size once it is larger than
	// freeUnpacked.
	maxRatio     = 250
	freeUnpacked = 32 << 20
)

// archive is a ZIP file whose parts are found by name, in any case and with
// either slash, since programs differ.
type archive struct {
	src   Source
	parts map[string]*zip.File
}

// openArchive reads the directory, after a look at its size: the library
// would take a directory of hundreds of megabytes into memory.
func openArchive(src Source) (*archive, error) {
	if err := checkDirectory(src); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(src, src.Size())
	if err != nil {
		return nil, damaged(err)
	}
	a := &archive{src: src, parts: make(map[string]*zip.File, len(z.File))}
	for _, f := range z.File {
		if f.Flags&1 != 0 {
			return nil, refuse("password")
		}
		name := partName(f.Name)
		if a.parts[name] == nil {
			a.parts[name] = f
		}
	}
	return a, nil
}

func partName(s string) string {
	return strings.ToLower(strings.TrimLeft(strings.ReplaceAll(s, `\`, "/"), "/"))
}

func damaged(err error) error { return &Error{Code: "damaged", Err: err} }

// checkDirectory looks at the record at the end of a ZIP file.
func checkDirectory(src Source) error {
	const size, most = 22, 1 << 16
	at := max(0, src.Size()-size-most)
	tail, err := readPart(src, at, size+most)
	if err != nil {
		return err
	}
	i := strings.LastIndex(string(tail), "PK\x05\x06")
	if i < 0 || i+size > len(tail) {
		return damaged(errors.New("archive has no end"))
	}
	end := at + int64(i)
	count := uint64(binary.LittleEndian.Uint16(tail[i+10:]))
	length := uint64(binary.LittleEndian.Uint32(tail[i+12:]))
	start := uint64(binary.LittleEndian.Uint32(tail[i+16:]))
	if count == 0xffff || length == 0xffffffff || start == 0xffffffff {
		if count, length, start, end, err = largeDirectory(src, end); err != nil {
			return err
		}
	}
	// The library reads from the start of the directory as far as it finds
	// entries, whatever their number is said to be.
	if length > uint64(end) || start > uint64(end) {
		return damaged(errors.New("archive is cut off"))
	}
	if count > maxParts || length > maxDirectory || uint64(end)-start > maxDirectory {
		return refuse("too_many_parts", "limit", strconv.Itoa(maxParts))
	}
	return nil
}

// largeDirectory reads the record of the ZIP64 form, in front of the end.
func largeDirectory(src Source, end int64) (count, length, start uint64, at int64, err error) {
	p, err := readPart(src, max(0, end-20), 20)
	if err != nil {
		return 0, 0, 0, 0, err
	}
	if len(p) < 20 || string(p[:4]) != "PK\x06\x07" {
		return 0, 0, 0, 0, damaged(errors.New("archive directory is inconsistent"))
	}
	at = int64(binary.LittleEndian.Uint64(p[8:]))
	if at < 0 || at > end-56 {
		return 0, 0, 0, 0, damaged(errors.New("archive is cut off"))
	}
	if p, err = readPart(src, at, 56); err != nil {
		return 0, 0, 0, 0, err
	}
	if string(p[:4]) != "PK\x06\x06" {
		return 0, 0, 0, 0, damaged(errors.New("archive directory is inconsistent"))
	}
	le := binary.LittleEndian
	return le.Uint64(p[32:]), le.Uint64(p[40:]), le.Uint64(p[48:]), at, nil
}

// has reports whether there is a part of that name.
func (a *archive) has(name string) bool { return a.parts[partName(name)] != nil }

// part is one file of an archive, unpacked as it is read: in large blocks
// from the source, within limits, and with its checksum verified at the end.
type part struct {
	packed   *stream
	unpacked io.Reader
	sum      hash.Hash32
	want     uint32
	size     uint64 // as the directory says
	read     int64
	limit    int64
	ratio    int64
}

// open begins to read a part; limit bounds its unpacked size.
func (a *archive) open(ctx context.Context, name string, limit int64, progress func(packed int64)) (*part, error) {
	f := a.parts[partName(name)]
	if f == nil {
		return nil, damaged(fmt.Errorf("part %q is missing", name))
	}
	at, err := f.DataOffset()
	if err != nil {
		return nil, damaged(err)
	}
	if f.CompressedSize64 > uint64(a.src.Size()) || at > a.src.Size()-int64(f.CompressedSize64) {
		return nil, damaged(fmt.Errorf("part %q is cut off", name))
	}
	packed := newStream(ctx, a.src, at, nil)
	packed.end = at + int64(f.CompressedSize64)
	if progress != nil {
		packed.progress = func(done int64) { progress(done - at) }
	}
	p := &part{
		packed: packed, sum: crc32.NewIEEE(), want: f.CRC32, size: f.UncompressedSize64,
		limit: limit, ratio: max(freeUnpacked, maxRatio*int64(f.CompressedSize64)),
	}
	buffered := bufio.NewReaderSize(packed, int(min(block/4, max(16, f.CompressedSize64))))
	switch f.Method {
	case zip.Store:
		p.unpacked = buffered
	case zip.Deflate:
		p.unpacked = flate.NewReader(buffered)
	default:
		return nil, damaged(fmt.Errorf("part %q is packed by method %d", name, f.Method))
	}
	return p, nil
}

// Read reads unpacked bytes.
func (p *part) Read(b []byte) (int, error) {
	n, err := p.unpacked.Read(b)
	p.read += int64(n)
	p.sum.Write(b[:n])
	if p.read > p.limit || p.read > p.ratio {
		return n, refuse("bomb", "limit", strconv.FormatInt(min(p.limit, p.ratio)>>20, 10))
	}
	if err == io.EOF && (p.sum.Sum32() != p.want || uint64(p.read) != p.size) {
		return n, damaged(zip.ErrChecksum)
	}
	if err != nil && err != io.EOF {
		if e := p.packed.ctx.Err(); e != nil {
			return n, e
		}
		var corrupt flate.CorruptInputError
		if errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) {
			return n, damaged(err)
		}
		return n, fmt.Errorf("unpacking: %w", err)
	}
	return n, err
}

// rest reads to the end, so that the checksum is verified.
func (p *part) rest() error {
	_, err := io.Copy(io.Discard, p)
	return err
}
