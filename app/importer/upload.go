package importer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spa-importer/spa-importer/app/sheet"
)

// Names of what an upload's folder holds.
func uploadDir(id string) string  { return "uploads/" + id }
func sourceName(id string) string { return uploadDir(id) + "/source" }
func canonName(id string, revision int) string {
	return fmt.Sprintf("%s/r%d/canon", uploadDir(id), revision)
}
func indexName(id string, revision int) string {
	return fmt.Sprintf("%s/r%d/index", uploadDir(id), revision)
}

// CreateUpload begins an upload of size bytes; -1 where nobody knows.
func (s *Service) CreateUpload(ctx context.Context, a Actor, name string, size int64) (Upload, error) {
	return s.createUpload(ctx, a, name, size, func(*Upload) {})
}

func (s *Service) createUpload(ctx context.Context, a Actor, name string, size int64, as func(*Upload)) (Upload, error) {
	if size == 0 {
		return Upload{}, Refuse("file_empty")
	}
	if size > s.maxUpload {
		return Upload{}, s.tooLarge(size)
	}
	key := make([]byte, 32)
	rand.Read(key)
	u := Upload{
		ID: newID(), Portal: a.Portal, User: a.User, Name: baseName(name), Size: size,
		State: Receiving, Key: key, Created: s.now(),
	}
	as(&u)
	if err := s.store.CreateUpload(ctx, u); err != nil {
		return Upload{}, fmt.Errorf("creating upload: %w", err)
	}
	return u, nil
}

func (s *Service) tooLarge(size int64) error {
	return Refuse("file_too_large", "size", strconv.FormatInt(size, 10), "max", strconv.FormatInt(s.maxUpload, 10))
}

// baseName is a file name as a person may see it: without folders, control
// and direction characters, at most 255 bytes. It is never used as a path.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name)
	name = strings.TrimSpace(name)
	for len(name) > 255 {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	if name == "" || name == "." || name == ".." || name == "/" {
		return "file"
	}
	return name
}

// Upload returns an upload of the actor's own.
func (s *Service) Upload(ctx context.Context, a Actor, id string) (Upload, error) {
	u, err := s.store.Upload(ctx, a.Portal, id)
	if err != nil {
		return Upload{}, fmt.Errorf("loading upload: %w", err)
	}
	if u.User != a.User {
		return Upload{}, ErrNotFound
	}
	return u, nil
}

// updateUpload changes an upload of the actor's own.
func (s *Service) updateUpload(ctx context.Context, a Actor, id string, change func(*Upload) error) (Upload, error) {
	return s.store.UpdateUpload(ctx, a.Portal, id, func(u *Upload) error {
		if u.User != a.User {
			return ErrNotFound
		}
		return change(u)
	})
}

// Append adds bytes at an offset, which must be the end of what is kept:
// otherwise an *OffsetError says where to go on. What arrives is kept even
// if r fails half-way. With the last byte the file is inspected.
func (s *Service) Append(ctx context.Context, a Actor, id string, offset int64, r io.Reader) (Upload, error) {
	u, err := s.Upload(ctx, a, id)
	if err != nil {
		return Upload{}, err
	}
	if u.State != Receiving {
		return u, &OffsetError{Have: u.Received}
	}
	limit := s.maxUpload
	if u.Size >= 0 {
		limit = u.Size
	}
	have, err := s.files.Size(ctx, sourceName(id))
	if err != nil {
		return Upload{}, fmt.Errorf("asking for the upload's size: %w", err)
	}
	if offset != have {
		return u, &OffsetError{Have: have}
	}
	// One byte more than may come, so that too much is seen as too much.
	counted := &io.LimitedReader{R: r, N: limit - offset + 1}
	size, appendErr := s.files.Append(ctx, sourceName(id), u.Key, offset, counted)
	if size > limit {
		if err := s.DropUpload(ctx, a, id); err != nil {
			return Upload{}, err
		}
		return Upload{}, s.tooLarge(size)
	}
	u, err = s.updateUpload(ctx, a, id, func(u *Upload) error {
		u.Received = max(u.Received, size)
		return nil
	})
	if err != nil {
		return Upload{}, fmt.Errorf("noting what arrived: %w", err)
	}
	if appendErr != nil {
		return u, fmt.Errorf("keeping what arrived: %w", appendErr)
	}
	if u.Size >= 0 && u.Received == u.Size {
		return s.inspect(ctx, a, u, nil)
	}
	return u, nil
}

// FinishUpload ends an upload whose size nobody knew: what is there is the
// file.
func (s *Service) FinishUpload(ctx context.Context, a Actor, id string) (Upload, error) {
	u, err := s.Upload(ctx, a, id)
	if err != nil || u.State != Receiving {
		return u, err
	}
	if u.Size >= 0 && u.Received < u.Size {
		return u, Refuse("upload_incomplete")
	}
	if u.Received == 0 {
		return u, Refuse("file_empty")
	}
	return s.inspect(ctx, a, u, nil)
}

// Correct reads the upload anew as the person says, from the original bytes.
func (s *Service) Correct(ctx context.Context, a Actor, id string, r sheet.Reading) (Upload, error) {
	u, err := s.Upload(ctx, a, id)
	if err != nil {
		return Upload{}, err
	}
	if u.Archive {
		return u, ErrNotFound // it holds no table
	}
	if u.State == Receiving {
		return u, Refuse("upload_incomplete")
	}
	if u.Derived {
		return u, Refuse("upload_derived")
	}
	// What was checked was another table: it is a draft again before the
	// reading changes. A started import goes on with the table it has.
	imports, err := s.store.UploadImports(ctx, u.Portal, u.ID)
	if err != nil {
		return u, fmt.Errorf("listing the upload's imports: %w", err)
	}
	for _, imp := range imports {
		_, err := s.store.UpdateImport(ctx, u.Portal, imp.ID, func(imp *Import) error {
			if changeable(*imp) != nil {
				return Refuse("upload_in_use")
			}
			imp.redraft()
			return nil
		})
		if err != nil {
			return u, err
		}
	}
	return s.inspect(ctx, a, u, &r)
}

// inspect looks at the bytes and keeps what step 1 shows. A reading that the
// person asked for and that does not work leaves the former one in place.
func (s *Service) inspect(ctx context.Context, a Actor, u Upload, as *sheet.Reading) (Upload, error) {
	if u.Archive {
		return s.lookAtArchive(ctx, a, u)
	}
	src, closer, err := s.files.Open(ctx, sourceName(u.ID), u.Key)
	if err != nil {
		return u, fmt.Errorf("opening the upload: %w", err)
	}
	defer closer.Close()
	hash := u.Hash
	if hash == "" {
		if hash, err = contentHash(ctx, u.Portal, src); err != nil {
			return u, err
		}
	}
	reading := sheet.Reading{HeaderRow: -1}
	if as != nil {
		reading = *as
	}
	if s.words != nil {
		reading.Unnamed, reading.LinkName = s.words(a.Lang)
	}
	seen, err := sheet.InspectAs(ctx, src, u.Name, a.Lang, reading)
	var refused *sheet.Error
	switch {
	case errors.As(err, &refused):
		if as != nil && u.Inspection != nil {
			return u, &Refusal{Problem: Problem{Code: refused.Code, Args: refused.Args}}
		}
		return s.updateUpload(ctx, a, u.ID, func(u *Upload) error {
			u.State, u.Problem, u.Hash = Refused, &Problem{Code: refused.Code, Args: refused.Args}, hash
			if correctable(seen) {
				u.Inspection = &seen
			}
			if u.Size < 0 {
				u.Size = u.Received
			}
			return nil
		})
	case err != nil:
		return u, fmt.Errorf("inspecting the upload: %w", err)
	}
	s.restoreLook(&seen)
	return s.updateUpload(ctx, a, u.ID, func(u *Upload) error {
		u.State, u.Problem, u.Inspection, u.Hash = Received, nil, &seen, hash
		u.Table, u.Profiles, u.Done = nil, nil, 0
		u.Revision++
		if u.Size < 0 {
			u.Size = u.Received
		}
		return nil
	})
}

// correctable reports whether a file that was refused might be read in
// another way: it is text, or a workbook with another sheet.
func correctable(seen sheet.Inspection) bool {
	full := 0
	for _, s := range seen.Sheets {
		if !s.Empty {
			full++
		}
	}
	return len(seen.Encodings) > 0 || full > 1
}

// contentHash tells whether the same bytes came before. The portal is part
// of it, so that it says nothing about the files of others.
func contentHash(ctx context.Context, portal string, src *io.SectionReader) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", portal)
	buf := make([]byte, 256<<10)
	for at := int64(0); at < src.Size(); {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := src.ReadAt(buf[:min(int64(len(buf)), src.Size()-at)], at)
		if n == 0 && err != nil {
			return "", fmt.Errorf("reading the upload for its hash: %w", err)
		}
		h.Write(buf[:n])
		at += int64(n)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// SameFile is the latest import of the same bytes that has begun to write and
// was not taken back, if there is one.
func (s *Service) SameFile(ctx context.Context, a Actor, u Upload) (Import, bool, error) {
	if u.Hash == "" || u.Derived {
		return Import{}, false, nil
	}
	imports, err := s.store.HashImports(ctx, a.Portal, u.Hash)
	if err != nil {
		return Import{}, false, fmt.Errorf("looking for the same file: %w", err)
	}
	for _, imp := range imports {
		gone := imp.State == Undone && imp.Undo.Kept+imp.Undo.Impossible == 0
		if !imp.Started.IsZero() && !gone && visible(a, imp) {
			return imp, true, nil
		}
	}
	return Import{}, false, nil
}

// DropUpload deletes an upload that no import has begun to write from.
func (s *Service) DropUpload(ctx context.Context, a Actor, id string) error {
	u, err := s.Upload(ctx, a, id)
	if err != nil {
		return err
	}
	imports, err := s.store.UploadImports(ctx, u.Portal, u.ID)
	if err != nil {
		return fmt.Errorf("listing the upload's imports: %w", err)
	}
	for _, imp := range imports {
		if imp.State != Draft && imp.State != Checking && imp.State != Checked {
			return Refuse("upload_in_use")
		}
	}
	return s.forgetUpload(ctx, u)
}

// forgetUpload deletes the bytes first: a crash between leaves a row without
// a file, which is deleted again, and never a file without an owner.
func (s *Service) forgetUpload(ctx context.Context, u Upload) error {
	imports, err := s.store.UploadImports(ctx, u.Portal, u.ID)
	if err != nil {
		return fmt.Errorf("listing the upload's imports: %w", err)
	}
	if err := s.files.Delete(ctx, uploadDir(u.ID)); err != nil {
		return fmt.Errorf("deleting the upload's files: %w", err)
	}
	if err := s.store.ForgetUpload(ctx, u.Portal, u.ID); err != nil {
		return fmt.Errorf("forgetting the upload: %w", err)
	}
	for _, imp := range imports {
		if imp.Archive == "" || imp.Archive == u.ID {
			continue
		}
		if err := s.forgetArchive(ctx, u.Portal, imp.Archive); err != nil {
			return err
		}
	}
	return nil
}

// Begin ends step 1: it makes the draft of an import from this upload, or
// returns the one there is, and has the file read into its canonical form.
func (s *Service) Begin(ctx context.Context, a Actor, upload string) (Import, error) {
	u, err := s.Upload(ctx, a, upload)
	if err != nil {
		return Import{}, err
	}
	switch {
	case u.Archive:
		return Import{}, ErrNotFound
	case u.State == Receiving:
		return Import{}, Refuse("upload_incomplete")
	case u.State == Refused:
		return Import{}, &Refusal{Problem: *u.Problem}
	}
	imp, err := s.draftOf(ctx, a, u)
	if err != nil {
		return Import{}, err
	}
	u, err = s.updateUpload(ctx, a, upload, func(u *Upload) error {
		if u.State == Received {
			u.State, u.Done = Reading, 0
		}
		return nil
	})
	if err != nil {
		return Import{}, fmt.Errorf("starting to read: %w", err)
	}
	if u.State == Reading {
		s.ring(ctx, readLane(u.ID))
	}
	return imp, nil
}

// draftOf finds or makes the draft of an upload. A reading that was
// corrected after the check makes the check worthless, so the draft begins
// anew at the mapping.
func (s *Service) draftOf(ctx context.Context, a Actor, u Upload) (Import, error) {
	imports, err := s.store.UploadImports(ctx, u.Portal, u.ID)
	if err != nil {
		return Import{}, fmt.Errorf("listing the upload's imports: %w", err)
	}
	for _, imp := range imports {
		switch imp.State {
		case Draft, Checking, Checked:
			if u.State != Received {
				return imp, nil
			}
			// Corrected cells belong to the rows of the former reading.
			edits, err := s.store.Edits(ctx, imp.ID, 0, sheet.MaxRows)
			if err != nil {
				return Import{}, fmt.Errorf("reading corrected cells: %w", err)
			}
			return s.store.CorrectCells(ctx, a.Portal, imp.ID, nil, edits, allowed(a, func(imp *Import) error {
				if err := changeable(*imp); err != nil {
					return err
				}
				imp.redraft()
				imp.Mapping = Mapping{}
				imp.Decisions = nil
				return nil
			}))
		}
	}
	limit, err := s.limits.RowLimit(ctx, a.Portal)
	if err != nil {
		return Import{}, fmt.Errorf("asking for the row limit: %w", err)
	}
	imp := Import{
		ID: draftID(u.ID, len(imports)), Portal: a.Portal, User: a.User, UserName: a.Name, Admin: a.Admin,
		Connection: a.Connection, Zone: a.Zone, Lang: a.Lang, Upload: u.ID, FileName: u.Name,
		Hash: u.Hash, State: Draft, Limit: limit, StartID: -1, Key: u.Key, Created: s.now(),
	}
	if err := s.store.CreateImport(ctx, imp); err != nil {
		// A second tab, or a double click, has made the same draft.
		if have, e := s.store.Import(ctx, a.Portal, imp.ID); e == nil && changeable(have) == nil {
			return have, nil
		}
		return Import{}, fmt.Errorf("creating import: %w", err)
	}
	return imp, nil
}

// draftID is the id of the next draft of an upload that has n imports: two
// tabs that make it at once make the same one.
func draftID(upload string, n int) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s:%d", upload, n))
	return strings.ToLower(base32.StdEncoding.EncodeToString(h[:10]))
}

// redraft takes an import back to the draft: whatever was checked no longer
// holds.
func (i *Import) redraft() {
	i.State, i.Plan, i.CheckedRows = Draft, Counts{}, 0
	i.Revision++
}
