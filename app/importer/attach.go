package importer

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spa-importer/spa-importer/app/fetch"
	"github.com/spa-importer/spa-importer/app/field"
)

// What the files of a row may be. They are in memory while the row is sent,
// once as they are and once as base64, which is a third larger.
const (
	maxFile     = 25 << 20
	maxRowFiles = 50 << 20
	// attachTime is for all files of a row together: less than a slice of the
	// queue has, so that a row that takes all of it ends nevertheless.
	attachTime = 2 * time.Minute
)

// hasFiles reports whether a row names files that must be fetched.
func hasFiles(fields map[string]any) bool {
	for _, v := range fields {
		if _, ok := v.(field.FileSource); ok {
			return true
		}
		if list, ok := v.([]any); ok && len(list) > 0 {
			if _, ok := list[0].(field.FileSource); ok {
				return true
			}
		}
	}
	return false
}

// attach puts the content of files in place of the FileSources of a row, as
// crm.item.add takes them: ["name.ext", "<base64>"], a list of these for
// multiple fields. bytes is what they add to the request. trouble is why the
// row cannot be written: nothing of it has been sent then.
func (s *Service) attach(ctx context.Context, imp Import, fields map[string]any) (bytes int64, trouble *Problem, err error) {
	slice := ctx
	ctx, cancel := context.WithTimeout(ctx, attachTime)
	defer cancel()
	defer func() {
		if slice.Err() != nil { // not the files were too slow
			trouble, err = nil, errors.Join(slice.Err(), err)
		}
	}()
	a := attacher{s: s, imp: imp, left: maxRowFiles}
	defer func() {
		if a.closer != nil {
			err = errors.Join(err, a.closer.Close())
		}
	}()
	for name, v := range fields {
		switch v := v.(type) {
		case field.FileSource:
			if fields[name], trouble, err = a.pair(ctx, v); trouble != nil || err != nil {
				return 0, trouble, err
			}
		case []any:
			if fields[name], trouble, err = a.list(ctx, v); trouble != nil || err != nil {
				return 0, trouble, err
			}
		}
	}
	return a.bytes, nil, nil
}

// attacher reads the files of one row.
type attacher struct {
	s       *Service
	imp     Import
	left    int64 // of maxRowFiles
	bytes   int64
	archive *fetch.Archive // opened for the first file of it
	closer  io.Closer
}

func (a *attacher) list(ctx context.Context, values []any) (any, *Problem, error) {
	out := make([]any, len(values))
	for i, v := range values {
		f, ok := v.(field.FileSource)
		if !ok {
			return values, nil, nil
		}
		pair, trouble, err := a.pair(ctx, f)
		if trouble != nil || err != nil {
			return nil, trouble, err
		}
		out[i] = pair
	}
	return out, nil, nil
}

// pair is one file as the portal takes it.
func (a *attacher) pair(ctx context.Context, f field.FileSource) (any, *Problem, error) {
	limit := int64(maxFile)
	if f.Max > 0 {
		limit = min(limit, f.Max)
	}
	file, err := a.read(ctx, f, min(limit, a.left))
	var trouble *fetch.Error
	var refused *Refusal
	switch {
	case errors.As(err, &trouble) && trouble.Code == fetch.TooLarge && a.left < limit:
		return nil, fileTrouble(f, "files_too_large", "max", sizeArg(maxRowFiles)), nil
	case errors.As(err, &trouble):
		p := fileTrouble(f, trouble.Code)
		for k, v := range trouble.Args {
			p.Args[k] = v
		}
		return nil, p, nil
	case errors.As(err, &refused):
		p := refused.Problem
		return nil, &p, nil
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fileTrouble(f, fetch.TooSlow, "seconds", sizeArg(int64(attachTime.Seconds()))), nil
	case err != nil:
		return nil, nil, err
	case !f.Allows(file.Name):
		return nil, fileTrouble(f, "file_came_as", "name", file.Name, "allowed", f.Allowed), nil
	}
	a.left -= int64(len(file.Content))
	content := base64.StdEncoding.EncodeToString(file.Content)
	a.bytes += int64(len(content))
	return []string{file.Name, content}, nil, nil
}

// read fetches a file, or unpacks it from the archive.
func (a *attacher) read(ctx context.Context, f field.FileSource, limit int64) (fetch.File, error) {
	if f.URL != "" {
		return a.s.fetch.Get(ctx, f.URL, limit)
	}
	if a.archive == nil {
		if a.imp.Archive == "" {
			return fetch.File{}, Refuse("archive_gone")
		}
		u, err := a.s.store.Upload(ctx, a.imp.Portal, a.imp.Archive)
		if errors.Is(err, ErrNotFound) {
			return fetch.File{}, Refuse("archive_gone")
		}
		if err != nil {
			return fetch.File{}, fmt.Errorf("loading the archive: %w", err)
		}
		if a.archive, a.closer, err = a.s.openArchive(ctx, u); err != nil {
			return fetch.File{}, err
		}
	}
	return a.archive.Read(f.Name, limit)
}

// fileTrouble names the file as the cell does.
func fileTrouble(f field.FileSource, code string, args ...string) *Problem {
	p := problem(code, args...)
	if p.Args == nil {
		p.Args = map[string]string{}
	}
	p.Args["value"] = f.Name
	if f.URL != "" {
		p.Args["value"] = findingValue(f.URL)
	}
	return &p
}
