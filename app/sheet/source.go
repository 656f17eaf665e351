package sheet

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// block is how much of a Source is asked for at a time. Sources decrypt in
// packages of 64 KB; fewer and larger reads are cheaper.
const block = 256 << 10

// bufferFor is a size for buffers through which so many bytes will pass.
func bufferFor(size int64) int { return int(min(block, max(1<<10, size+16))) }

// stream reads a part of a Source from front to back in blocks. It ends
// when its context ends, and reports how far it is.
type stream struct {
	ctx      context.Context
	src      Source
	at, end  int64
	progress func(done int64)
}

// newStream reads src from an offset to its end; progress may be nil.
func newStream(ctx context.Context, src Source, from int64, progress func(int64)) *stream {
	return &stream{ctx: ctx, src: src, at: from, end: src.Size(), progress: progress}
}

// Read fills p as far as the source reaches.
func (s *stream) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	if s.at >= s.end {
		return 0, io.EOF
	}
	if int64(len(p)) > s.end-s.at {
		p = p[:s.end-s.at]
	}
	n, err := s.src.ReadAt(p, s.at)
	s.at += int64(n)
	if s.progress != nil {
		s.progress(s.at)
	}
	if errors.Is(err, io.EOF) {
		err = nil
		if n < len(p) {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		return n, fmt.Errorf("reading the file at %d: %w", s.at, err)
	}
	return n, nil
}

// readPart reads at most n bytes at an offset; fewer only at the end.
func readPart(src Source, at, n int64) ([]byte, error) {
	if n > src.Size()-at {
		n = src.Size() - at
	}
	if n <= 0 {
		return nil, nil
	}
	p := make([]byte, n)
	got, err := src.ReadAt(p, at)
	if err != nil && !(errors.Is(err, io.EOF) && int64(got) == n) {
		return nil, fmt.Errorf("reading the file at %d: %w", at, err)
	}
	return p, nil
}
