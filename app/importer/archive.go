package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"

	"github.com/spa-importer/spa-importer/app/fetch"
	"github.com/spa-importer/spa-importer/app/field"
)

// CreateArchive begins the upload of the ZIP with the files that cells of a
// draft name; size is in bytes, -1 where nobody knows. Append and
// FinishUpload go on with it as with any upload; with the last byte it is
// looked at, and is Ready or Refused. TakeArchive then gives it to the draft.
func (s *Service) CreateArchive(ctx context.Context, a Actor, imp, name string, size int64) (Upload, error) {
	draft, err := s.Import(ctx, a, imp)
	if err != nil {
		return Upload{}, err
	}
	if err := changeable(draft); err != nil {
		return Upload{}, err
	}
	return s.createUpload(ctx, a, name, size, func(u *Upload) { u.Archive = true })
}

// TakeArchive gives a draft the archive that was uploaded for it, in place
// of the one it had, and takes it back to the draft: what was checked may
// read differently.
func (s *Service) TakeArchive(ctx context.Context, a Actor, imp, upload string) (Import, error) {
	u, err := s.Upload(ctx, a, upload)
	if err != nil {
		return Import{}, err
	}
	switch {
	case !u.Archive:
		return Import{}, ErrNotFound
	case u.State == Refused:
		return Import{}, &Refusal{Problem: *u.Problem}
	case u.State != Ready:
		return Import{}, Refuse("upload_incomplete")
	}
	return s.setArchive(ctx, a, imp, upload)
}

// DropArchive takes the archive away from a draft and deletes it.
func (s *Service) DropArchive(ctx context.Context, a Actor, imp string) (Import, error) {
	return s.setArchive(ctx, a, imp, "")
}

func (s *Service) setArchive(ctx context.Context, a Actor, imp, upload string) (Import, error) {
	former := ""
	draft, err := s.update(ctx, a, imp, func(imp *Import) error {
		if err := changeable(*imp); err != nil {
			return err
		}
		if former = imp.Archive; former == upload {
			return nil
		}
		imp.Archive = upload
		imp.redraft()
		return nil
	})
	if err != nil || former == "" || former == upload {
		return draft, err
	}
	// Nothing refers to it any more. What fails here is found again by the
	// daily tidying.
	if err := s.forgetArchive(ctx, draft.Portal, former); err != nil {
		s.log.WarnContext(ctx, "deleting a former archive", "import", imp, "err", err)
	}
	return draft, nil
}

// forgetArchive deletes an archive unless another import still needs it: one
// that takes up the failed rows of the first, say.
func (s *Service) forgetArchive(ctx context.Context, portal, id string) error {
	used, err := s.archiveInUse(ctx, portal, id)
	if err != nil || used {
		return err
	}
	u, err := s.store.Upload(ctx, portal, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("loading a former archive: %w", err)
	}
	return s.forgetUpload(ctx, u)
}

// archiveInUse reports whether an import that has not ended names an archive.
func (s *Service) archiveInUse(ctx context.Context, portal, id string) (bool, error) {
	imports, err := s.store.Imports(ctx, portal, maxActive, Draft, Checking, Checked, Running, Paused, Waiting)
	if err != nil {
		return false, fmt.Errorf("listing imports: %w", err)
	}
	return slices.ContainsFunc(imports, func(i Import) bool { return i.Archive == id }), nil
}

// ArchiveView is what step 3 says of the archive of a draft.
type ArchiveView struct {
	// Name is the file as the person knows it, Size in bytes; Files counts
	// what can be used, Locked what needs a password.
	Name          string
	Size          int64
	Files, Locked int
}

// Archive says what is in the archive of an import; false where it has none.
func (s *Service) Archive(ctx context.Context, a Actor, imp string) (ArchiveView, bool, error) {
	i, err := s.Import(ctx, a, imp)
	if err != nil || i.Archive == "" {
		return ArchiveView{}, false, err
	}
	u, err := s.store.Upload(ctx, i.Portal, i.Archive)
	if errors.Is(err, ErrNotFound) {
		return ArchiveView{}, false, nil
	}
	if err != nil {
		return ArchiveView{}, false, fmt.Errorf("loading the archive: %w", err)
	}
	archive, closer, err := s.openArchive(ctx, u)
	if err != nil {
		return ArchiveView{}, false, err
	}
	defer closer.Close()
	v := ArchiveView{Name: u.Name, Size: u.Size}
	for _, e := range archive.Entries() {
		if e.Locked {
			v.Locked++
		} else {
			v.Files++
		}
	}
	return v, true, nil
}

// lookAtArchive is inspect for a ZIP: its directory is read and judged.
func (s *Service) lookAtArchive(ctx context.Context, a Actor, u Upload) (Upload, error) {
	_, closer, err := s.openArchive(ctx, u)
	var refused *Refusal
	if errors.As(err, &refused) {
		return s.updateUpload(ctx, a, u.ID, func(u *Upload) error {
			u.State, u.Problem, u.Size = Refused, &refused.Problem, u.Received
			return nil
		})
	}
	if err != nil {
		return u, err
	}
	if err := closer.Close(); err != nil {
		return u, fmt.Errorf("closing the archive: %w", err)
	}
	return s.updateUpload(ctx, a, u.ID, func(u *Upload) error {
		u.State, u.Problem, u.Size = Ready, nil, u.Received
		return nil
	})
}

// openArchive opens an uploaded ZIP. What is wrong with it is a Refusal.
func (s *Service) openArchive(ctx context.Context, u Upload) (*fetch.Archive, io.Closer, error) {
	src, closer, err := s.files.Open(ctx, sourceName(u.ID), u.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, Refuse("file_gone")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("opening the archive: %w", err)
	}
	archive, err := fetch.OpenArchive(src, src.Size())
	if err != nil {
		err = errors.Join(err, closer.Close())
		var trouble *fetch.Error
		if errors.As(err, &trouble) {
			return nil, nil, &Refusal{Problem: Problem{Code: trouble.Code, Args: trouble.Args}}
		}
		return nil, nil, fmt.Errorf("reading the archive: %w", err)
	}
	return archive, closer, nil
}

// withArchive tells a schema which files were given beside the table.
func (s *Service) withArchive(ctx context.Context, imp Import, schema *Schema) error {
	if imp.Archive == "" {
		return nil
	}
	u, err := s.store.Upload(ctx, imp.Portal, imp.Archive)
	if errors.Is(err, ErrNotFound) {
		return Refuse("archive_gone")
	}
	if err != nil {
		return fmt.Errorf("loading the archive: %w", err)
	}
	archive, closer, err := s.openArchive(ctx, u)
	if err != nil {
		return err
	}
	defer closer.Close()
	entries := archive.Entries()
	files := make([]field.ArchiveFile, len(entries))
	for i, e := range entries {
		files[i] = field.ArchiveFile{Name: e.Name, Also: e.Also, Size: e.Size, Locked: e.Locked, Twice: e.Twice}
	}
	schema.Context.Archive = field.NewArchive(files)
	return nil
}

func sizeArg(n int64) string { return strconv.FormatInt(n, 10) }
