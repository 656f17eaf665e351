package depot

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
	"time"
)

// arriving is where files are written before they get their name. It begins
// with a dot, which no name of a caller does.
const arriving = ".arriving"

// Folder keeps files in a directory; it implements importer.Files. Several
// instances may share one over a network disk that has hard links.
type Folder struct {
	files
	root *os.Root
}

// OpenFolder opens a folder, making it (mode 0700) if it is missing, and
// clears away what processes that died have left half written a day ago.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of files: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of files: %w", err)
	}
	f := &Folder{root: root}
	f.files.blobs = f
	if err := f.prepare(time.Now().Add(-24 * time.Hour)); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the folder of files: %w", err), root.Close())
	}
	return f, nil
}

// Close releases the folder.
func (f *Folder) Close() error { return f.root.Close() }

func (f *Folder) prepare(before time.Time) error {
	if err := f.root.MkdirAll(arriving, 0o700); err != nil {
		return err
	}
	old, err := fs.ReadDir(f.root.FS(), arriving)
	if err != nil {
		return err
	}
	for _, e := range old {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		// A directory here is a deletion that was begun.
		if info.IsDir() || info.ModTime().Before(before) {
			if err := f.root.RemoveAll(path.Join(arriving, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// create implements blobs: written aside, synced, then linked or renamed
// into place, and the place synced too.
func (f *Folder) create(ctx context.Context, name string, once bool, fill func(io.Writer) error) (err error) {
	temp := path.Join(arriving, rand.Text())
	file, err := f.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if rm := f.root.Remove(temp); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
	}()
	if err := errors.Join(fillAndSync(file, fill), file.Close()); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	dir := path.Dir(name)
	if err := f.makeDir(dir); err != nil {
		return err
	}
	place := f.root.Rename
	if once {
		place = f.root.Link
	}
	if err := place(temp, name); err != nil {
		return err
	}
	return f.sync(dir)
}

func fillAndSync(file *os.File, fill func(io.Writer) error) error {
	if err := fill(file); err != nil {
		return err
	}
	return file.Sync()
}

// makeDir makes a directory and syncs those it is written in.
func (f *Folder) makeDir(dir string) error {
	if _, err := f.root.Stat(dir); err == nil {
		return nil
	}
	if err := f.root.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for d := dir; d != "."; {
		d = path.Dir(d)
		if err := f.sync(d); err != nil {
			return err
		}
	}
	return nil
}

// sync makes a directory's entries last. Windows has no such thing.
func (f *Folder) sync(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// list implements blobs.
func (f *Folder) list(_ context.Context, dir string) ([]blob, error) {
	entries, err := fs.ReadDir(f.root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all := make([]blob, 0, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, blob{name: dir + "/" + e.Name(), size: info.Size()})
	}
	return all, nil
}

// open implements blobs.
func (f *Folder) open(_ context.Context, b blob) (source, error) {
	return f.root.Open(b.name)
}

// removeAll implements blobs. Each tree is renamed away first, so that a
// crash leaves a file whole or gone.
func (f *Folder) removeAll(_ context.Context, dirs ...string) error {
	for _, dir := range dirs {
		gone := path.Join(arriving, rand.Text()+"-"+strings.ReplaceAll(path.Base(dir), "@", ""))
		if err := f.root.Rename(dir, gone); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return err
		}
		if err := f.sync(path.Dir(dir)); err != nil {
			return err
		}
		if err := f.root.RemoveAll(gone); err != nil {
			return err
		}
	}
	return nil
}
