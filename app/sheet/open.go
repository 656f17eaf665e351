package sheet

import (
	"context"
	"errors"
	"fmt"
)

// file is an opened Source with a complete reading (but for the header).
type file interface {
	// records reads the table from its beginning. The first rows may be
	// read several times; marks gets what notes are made of.
	records(ctx context.Context, marks *tally, progress func(done int64)) (records, error)
	// grid reports whether cells have addresses.
	grid() bool
	// extent tells how far records (nil: none yet) have come in a measure of
	// the format, and where the end is or seems to be.
	extent(r records) (done, total int64)
	// notes are about the file as such. after says that all records have
	// been read.
	notes(after bool) []Note
	// close frees what the file holds outside the Source.
	close() error
}

// open opens a file; empty parts of the reading are detected.
func open(ctx context.Context, src Source, r Reading, fileName, lang string) (file, Reading, []byte, error) {
	head, err := readPart(src, 0, block)
	if err != nil {
		return nil, r, nil, err
	}
	if r.Format == Canonical {
		r = Reading{Format: Canonical, HeaderRow: 1}
		return &canonFile{src}, r, head, nil
	}
	if r.Format, err = formatOf(src, head); err != nil {
		return nil, r, head, err
	}
	if r.Format == XLSX {
		f, r, err := openWorkbook(ctx, src, r, fileName)
		if err != nil {
			return nil, r, head, err
		}
		return f, r, head, nil
	}
	f, r, err := openText(src, head, r, fileName, lang)
	if err != nil {
		return nil, r, head, err
	}
	return f, r, head, nil
}

// canonFile is a canonical form that is read as a file.
type canonFile struct{ src Source }

func (f *canonFile) records(ctx context.Context, _ *tally, progress func(int64)) (records, error) {
	s := newCanonScanner(newStream(ctx, f.src, 0, progress), bufferFor(f.src.Size()))
	return &canonRecords{s: s, header: true}, nil
}

// layout takes the columns from the header as they are.
func (f *canonFile) layout(ctx context.Context) (layout, error) {
	all, err := f.records(ctx, nil, nil)
	if err != nil {
		return layout{}, err
	}
	records, ok := all.(*canonRecords)
	if !ok {
		return layout{}, errors.New("canonical form is read as something else")
	}
	head, err := records.next()
	if err != nil {
		return layout{}, fmt.Errorf("reading the header of the canonical form: %w", err)
	}
	var text rowText
	return layout{header: canonHeader, columns: nameColumns(text.of(head, 0).Cells, records.unnamed), unnamed: records.unnamed}, nil
}

func (f *canonFile) grid() bool { return false }

func (f *canonFile) extent(r records) (done, total int64) {
	if c, ok := r.(*canonRecords); ok {
		done = c.s.used
	}
	return done, f.src.Size()
}

func (f *canonFile) notes(bool) []Note { return nil }

func (f *canonFile) close() error { return nil }
