package depot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxParts bounds the parts of one upload: 10,000 of 8 MB are far above
// every limit, 10,000 of one byte are somebody's joke.
const maxParts = 10_000

// OffsetError is returned by Append when the offset is not the size that is
// there; Have is that size.
type OffsetError struct{ Have int64 }

// Error implements error.
func (e *OffsetError) Error() string {
	return fmt.Sprintf("append at the wrong offset, have %d bytes", e.Have)
}

// ErrDamaged is wrapped by errors of files that are not as they were
// written, or are read with another key.
var ErrDamaged = errors.New("file is damaged or sealed with another key")

// ErrTooManyParts is returned by Append when an upload comes in too many
// pieces.
var ErrTooManyParts = errors.New("upload came in too many parts")

// blobs is the storage below the sealing. Names are paths like those of
// files, with directories ending in "@" that no caller's name can contain.
type blobs interface {
	// create stores what fill writes; it appears at once or not at all. With
	// once, an existing blob is an fs.ErrExist and stays as it is.
	create(ctx context.Context, name string, once bool, fill func(io.Writer) error) error
	// list returns the blobs directly in dir, by name; none if dir is missing.
	list(ctx context.Context, dir string) ([]blob, error)
	// open reads a listed blob at random; ctx holds for the reads too.
	open(ctx context.Context, b blob) (source, error)
	// removeAll deletes everything in dirs, present or not.
	removeAll(ctx context.Context, dirs ...string) error
}

// blob is one stored object. Tag tells versions of one name apart where the
// storage has such tags.
type blob struct {
	name string
	size int64
	tag  string
}

type source interface {
	io.ReaderAt
	io.Closer
}

// files implements importer.Files on blobs. A name's bytes lie in the
// directory "<name>@": the blob "whole", or the parts of an upload, named by
// their offset.
type files struct{ blobs blobs }

const (
	whole      = "whole"
	partPrefix = "part-"
)

func home(name string) string { return name + "@" }

func partName(offset int64) string { return fmt.Sprintf("%s%020d", partPrefix, offset) }

// Append adds to the upload at offset, which must be its size; otherwise it
// returns an *OffsetError. Every call makes a sealed part of its own. When r
// fails, what has arrived is kept, and the size reached comes with r's error.
func (f files) Append(ctx context.Context, name string, key []byte, offset int64, r io.Reader) (int64, error) {
	if err := check(name, key); err != nil {
		return 0, err
	}
	parts, err := f.parts(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("appending to %s: %w", name, err)
	}
	have := sizeOf(parts)
	switch {
	case offset != have:
		return have, &OffsetError{Have: have}
	case len(parts) >= maxParts:
		return have, fmt.Errorf("appending to %s: %w", name, ErrTooManyParts)
	}

	in := &kept{r: r}
	part := partName(offset)
	// The client may be gone; what it has sent is kept all the same.
	keep := context.WithoutCancel(ctx)
	err = f.blobs.create(keep, home(name)+"/"+part, true, func(w io.Writer) error {
		return seal(w, key, label(name, part), func(w io.Writer) error {
			_, err := io.Copy(w, in)
			if err == nil && in.n == 0 {
				return errEmpty
			}
			return err
		})
	})
	switch {
	case errors.Is(err, errEmpty):
		return have, in.err
	case errors.Is(err, fs.ErrExist):
		// Another append at this offset was faster.
		size, err := f.Size(keep, name)
		if err != nil {
			return have, err
		}
		return size, &OffsetError{Have: size}
	case err != nil:
		return have, fmt.Errorf("appending to %s: %w", name, err)
	}
	return have + in.n, in.err
}

// errEmpty keeps an append without bytes from becoming a part.
var errEmpty = errors.New("nothing arrived")

// kept turns the error of a reader into its end, and remembers it.
type kept struct {
	r   io.Reader
	n   int64
	err error
}

func (k *kept) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	k.n += int64(n)
	if err != nil && err != io.EOF {
		k.err = fmt.Errorf("reading what arrives: %w", err)
		err = io.EOF
	}
	return n, err
}

// Size is the plain size of what Append has kept; 0 if nothing.
func (f files) Size(ctx context.Context, name string) (int64, error) {
	if err := checkName(name); err != nil {
		return 0, err
	}
	parts, err := f.parts(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("reading the size of %s: %w", name, err)
	}
	return sizeOf(parts), nil
}

// Write stores a whole file, replacing one of that name. It appears, sealed,
// once fill has returned nil; otherwise nothing changes.
func (f files) Write(ctx context.Context, name string, key []byte, fill func(io.Writer) error) error {
	if err := check(name, key); err != nil {
		return err
	}
	err := f.blobs.create(ctx, home(name)+"/"+whole, false, func(w io.Writer) error {
		return seal(w, key, label(name, whole), fill)
	})
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// Open reads a file at random. A missing file is an fs.ErrNotExist; a wrong
// key and a cut file are ErrDamaged here, other damage is the error of the
// read that meets it. The reader serves several goroutines, ctx holds for
// its reads too.
func (f files) Open(ctx context.Context, name string, key []byte) (*io.SectionReader, io.Closer, error) {
	if err := check(name, key); err != nil {
		return nil, nil, err
	}
	all, err := f.blobs.list(ctx, home(name))
	if err != nil {
		return nil, nil, fmt.Errorf("opening %s: %w", name, err)
	}
	r := &reader{ctx: ctx, blobs: f.blobs, name: name, key: slices.Clone(key)}
	if i := slices.IndexFunc(all, func(b blob) bool { return base(b.name) == whole }); i >= 0 {
		size, err := plainSize(all[i].size)
		if err != nil {
			return nil, nil, fmt.Errorf("opening %s: %w", name, err)
		}
		r.parts = []part{{blob: all[i], size: size}}
	} else if r.parts, err = partsOf(all); err != nil {
		return nil, nil, fmt.Errorf("opening %s: %w", name, err)
	}
	if len(r.parts) == 0 {
		return nil, nil, fmt.Errorf("opening %s: %w", name, fs.ErrNotExist)
	}
	if err := r.checkEnd(); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("opening %s: %w", name, err), r.Close())
	}
	return io.NewSectionReader(r, 0, sizeOf(r.parts)), r, nil
}

// Delete removes everything under a name: the file itself and all files
// whose name begins with it and a slash. A missing one is no error.
func (f files) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := f.blobs.removeAll(ctx, home(name), name); err != nil {
		return fmt.Errorf("deleting %s: %w", name, err)
	}
	return nil
}

// part is one sealed stretch of a file, from the plain offset on.
type part struct {
	blob   blob
	offset int64
	size   int64
}

func sizeOf(parts []part) int64 {
	if len(parts) == 0 {
		return 0
	}
	last := parts[len(parts)-1]
	return last.offset + last.size
}

func (f files) parts(ctx context.Context, name string) ([]part, error) {
	all, err := f.blobs.list(ctx, home(name))
	if err != nil {
		return nil, err
	}
	return partsOf(all)
}

// partsOf orders the parts among blobs and sees that they follow each other.
// As the offsets are sealed into the parts, a cut or missing part shows here.
func partsOf(all []blob) ([]part, error) {
	var parts []part
	for _, b := range all {
		digits, ok := strings.CutPrefix(base(b.name), partPrefix)
		if !ok {
			continue
		}
		offset, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: a part has no offset", ErrDamaged)
		}
		size, err := plainSize(b.size)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{blob: b, offset: offset, size: size})
	}
	slices.SortFunc(parts, func(a, b part) int { return strings.Compare(a.blob.name, b.blob.name) })
	var next int64
	for _, p := range parts {
		if p.offset != next {
			return nil, fmt.Errorf("%w: part at %d, expected at %d", ErrDamaged, p.offset, next)
		}
		next += p.size
	}
	return parts, nil
}

func base(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// segment is one step of a name. Nothing that begins with a dot, so neither
// ".." nor a hidden file, and no "@", which is ours.
var segment = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$`)

func checkName(name string) error {
	steps := strings.Split(name, "/")
	if len(steps) > 8 {
		return fmt.Errorf("file name %q has too many steps", name)
	}
	for _, s := range steps {
		if !segment.MatchString(s) {
			return fmt.Errorf("file name %q is not made of letters, digits, dots and dashes", name)
		}
	}
	return nil
}

func check(name string, key []byte) error {
	if len(key) != keySize {
		return fmt.Errorf("file key has %d bytes, want %d", len(key), keySize)
	}
	return checkName(name)
}
