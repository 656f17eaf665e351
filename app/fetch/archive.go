package fetch

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// What an archive may have.
const (
	maxEntries   = 10_000
	maxDirectory = 4 << 20
	maxEntryName = 1024
	// An entry may unpack to maxRatio times its size once it is larger than
	// freeUnpacked: text packs well, a file of nothing but zeros too well.
	maxRatio     = 500
	freeUnpacked = 4 << 20
)

// Archive is a ZIP file with the files that cells name. It reads from its
// source as files are asked for.
type Archive struct {
	entries []Entry
	files   map[string]*zip.File // by Entry.Name
}

// Entry is one file of an archive.
type Entry struct {
	// Name is the entry's path with slashes, unique in the archive.
	Name string
	// Also are other readings of the name, where the archive does not say in
	// which code page it is written.
	Also []string
	// Size is the unpacked size in bytes, as the directory says.
	Size int64
	// Locked: the file needs a password or is packed in an unusual way.
	Locked bool
	// Twice: another entry has the same name and other content.
	Twice bool
}

// OpenArchive reads the directory of an archive of size bytes, after a look
// at how large the directory is. Folders, what systems add of their own and
// names that lead out of the archive are left out.
func OpenArchive(src io.ReaderAt, size int64) (*Archive, error) {
	if err := checkDirectory(src, size); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(src, size)
	if err != nil {
		return nil, refuse(ArchiveDamaged, err)
	}
	a := &Archive{files: make(map[string]*zip.File, len(z.File))}
	if len(z.File) > maxEntries {
		return nil, tooMany()
	}
	at := make(map[string]int, len(z.File))
	locked := 0
	for _, f := range z.File {
		e, ok := entryOf(f)
		if !ok {
			continue
		}
		if e.Size < 0 || e.Size > freeUnpacked && uint64(e.Size)/maxRatio > f.CompressedSize64 {
			return nil, refuse(ArchiveBomb, nil)
		}
		if i, has := at[e.Name]; has {
			first := a.files[e.Name]
			same := first.CRC32 == f.CRC32 && first.UncompressedSize64 == f.UncompressedSize64
			a.entries[i].Twice = a.entries[i].Twice || !same
			continue
		}
		if e.Locked {
			locked++
		}
		at[e.Name] = len(a.entries)
		a.files[e.Name] = f
		a.entries = append(a.entries, e)
	}
	switch {
	case len(a.entries) == 0:
		return nil, refuse(ArchiveEmpty, nil)
	case locked == len(a.entries):
		return nil, refuse(ArchiveLocked, nil)
	}
	return a, nil
}

func tooMany() error { return refuse(ArchiveMany, nil, "max", strconv.Itoa(maxEntries)) }

// Entries are the files of the archive in its order.
func (a *Archive) Entries() []Entry { return a.entries }

// entryOf reads an entry's name; false for what is no file of the person's.
func entryOf(f *zip.File) (Entry, bool) {
	e := Entry{
		Size:   int64(f.UncompressedSize64), //nolint:gosec // a negative one is refused
		Locked: f.Flags&1 != 0 || f.Method != zip.Store && f.Method != zip.Deflate,
	}
	readings := []string{f.Name}
	if f.NonUTF8 || !utf8.ValidString(f.Name) {
		readings = readName(f.Name)
	}
	for _, name := range readings {
		clean, ok := entryName(name)
		if !ok {
			return Entry{}, false
		}
		if e.Name == "" {
			e.Name = clean
		} else if clean != e.Name {
			e.Also = append(e.Also, clean)
		}
	}
	return e, true
}

// entryName makes a path of an entry comparable: slashes, no leading ones.
func entryName(s string) (string, bool) {
	if len(s) > maxEntryName {
		return "", false
	}
	s = strings.ReplaceAll(s, `\`, "/")
	if strings.HasSuffix(s, "/") {
		return "", false // a folder
	}
	// A drive or a server in front is no part of the name.
	if len(s) > 1 && s[1] == ':' {
		s = s[2:]
	}
	for step := range strings.SplitSeq(s, "/") {
		if step == ".." {
			return "", false
		}
	}
	s = strings.TrimPrefix(path.Clean("/"+s), "/")
	base := path.Base(s)
	if s == "" || strings.HasPrefix(s, "__MACOSX/") || base == ".DS_Store" || base == "Thumbs.db" || base == "desktop.ini" {
		return "", false
	}
	return s, true
}

// readName reads a name that is not marked as UTF-8: as it is where it is
// valid, and as the code pages in which Windows and DOS programs write.
func readName(s string) []string {
	var readings []string
	if utf8.ValidString(s) {
		readings = append(readings, s)
		if isASCII(s) {
			return readings
		}
	}
	for _, page := range []*charmap.Charmap{charmap.CodePage866, charmap.CodePage437, charmap.Windows1251, charmap.Windows1252} {
		if name, err := page.NewDecoder().String(s); err == nil {
			readings = append(readings, name)
		}
	}
	return readings
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Read unpacks the entry of that Name, of at most limit bytes; its checksum
// is verified.
func (a *Archive) Read(name string, limit int64) (File, error) {
	f := a.files[name]
	if f == nil {
		return File{}, refuse(EntryDamaged, errors.New("no such entry"))
	}
	if f.UncompressedSize64 > uint64(limit) { //nolint:gosec // limits are positive
		return File{}, tooLarge(limit)
	}
	r, err := f.Open()
	if err != nil {
		return File{}, refuse(EntryDamaged, err)
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return File{}, refuse(EntryDamaged, err)
	case int64(len(content)) > limit:
		return File{}, tooLarge(limit)
	case len(content) == 0:
		return File{}, refuse(Empty, nil)
	}
	return File{Name: BaseName(name), Content: content}, nil
}

// checkDirectory looks at the record at the end of a ZIP file: the library
// takes the whole directory into memory, however large it is.
func checkDirectory(src io.ReaderAt, size int64) error {
	const record, comment = 22, 1 << 16
	at := max(0, size-record-comment)
	tail := make([]byte, size-at)
	if _, err := src.ReadAt(tail, at); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the end of an archive: %w", err)
	}
	i := strings.LastIndex(string(tail), "PK\x05\x06")
	if i < 0 || i+record > len(tail) {
		return refuse(ArchiveDamaged, errors.New("no end of a directory"))
	}
	end := uint64(at) + uint64(i) //nolint:gosec // both are positive
	count := binary.LittleEndian.Uint16(tail[i+10:])
	length := binary.LittleEndian.Uint32(tail[i+12:])
	start := binary.LittleEndian.Uint32(tail[i+16:])
	switch {
	case count == 0xffff || length == 0xffffffff || start == 0xffffffff:
		// The form for larger archives: beyond what is taken here anyway,
		// unless a program writes it without need.
		return checkLargeDirectory(src, end)
	case uint64(start) > end || uint64(length) > end:
		return refuse(ArchiveDamaged, errors.New("cut off"))
	case int(count) > maxEntries, length > maxDirectory, end-uint64(start) > maxDirectory:
		return tooMany()
	}
	return nil
}

// checkLargeDirectory reads the record of the ZIP64 form, which stands in
// front of the end.
func checkLargeDirectory(src io.ReaderAt, end uint64) error {
	var locator [20]byte
	if end < 20 {
		return refuse(ArchiveDamaged, errors.New("cut off"))
	}
	if _, err := src.ReadAt(locator[:], int64(end-20)); err != nil { //nolint:gosec // within the file
		return fmt.Errorf("reading the end of an archive: %w", err)
	}
	at := binary.LittleEndian.Uint64(locator[8:])
	if string(locator[:4]) != "PK\x06\x07" || end < 56 || at > end-56 {
		return refuse(ArchiveDamaged, errors.New("no end of a directory"))
	}
	var record [56]byte
	if _, err := src.ReadAt(record[:], int64(at)); err != nil { //nolint:gosec // within the file
		return fmt.Errorf("reading the end of an archive: %w", err)
	}
	if string(record[:4]) != "PK\x06\x06" {
		return refuse(ArchiveDamaged, errors.New("no end of a directory"))
	}
	count, start := binary.LittleEndian.Uint64(record[32:]), binary.LittleEndian.Uint64(record[48:])
	switch {
	case start > at:
		return refuse(ArchiveDamaged, errors.New("cut off"))
	case count > maxEntries || at-start > maxDirectory:
		return tooMany()
	}
	return nil
}
