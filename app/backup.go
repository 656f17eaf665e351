package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spa-importer/spa-importer/app/vault"
)

// backupCommand writes the data folder into a tar file while the app works:
// the database as it is at one moment, then the files. A file that is newer
// than the database costs room and harms nothing; the files of an import are
// written before the database speaks of them.
func backupCommand(ctx context.Context, c console) error {
	w, err := c.parse(1, []string{"with-key"}, nil)
	if err != nil {
		return err
	}
	if len(w.places) != 1 {
		return errors.New("usage: spa-importer backup <file>, a new tar file, or - for standard output; -with-key puts the key into it")
	}
	db, s, end, err := c.openAside(ctx, w.settings, false)
	if err != nil {
		return err
	}
	if s.databaseURL != "" {
		return errors.Join(errors.New("the database is PostgreSQL: back it up with pg_dump, see docs/operating.md"), end())
	}
	keys, err := c.keys(s)
	if err != nil {
		return errors.Join(err, end())
	}
	b := backup{keys: keys, dataDir: s.dataDir, files: s.s3URL == "", key: w.switches["with-key"], snapshot: db.Snapshot}
	err = errors.Join(b.to(ctx, w.places[0], c.out), end())
	if err != nil {
		return err
	}
	if !b.key {
		fmt.Fprintln(c.err, "The key is not in the backup: keep APP_KEY, or", filepath.Join(s.dataDir, vault.KeyFile)+", apart from it. Without it the backup cannot be read.")
	}
	if !b.files {
		fmt.Fprintln(c.err, "The files are in the bucket of S3_URL, not in the backup.")
	}
	return nil
}

// backup is what goes into a tar file.
type backup struct {
	dataDir    string
	files, key bool
	// snapshot copies the database into a new file.
	snapshot func(ctx context.Context, path string) error
	keys     *vault.Vault
}

// to writes into a new file, which is whole or not there, or to out for "-".
func (b backup) to(ctx context.Context, name string, out io.Writer) (err error) {
	if name == "-" {
		return b.write(ctx, os.TempDir(), out)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("making the backup: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(name))
		}
	}()
	if err := b.write(ctx, filepath.Dir(name), f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

// write writes the tar; the copy of the database lies in a folder beside it
// meanwhile.
func (b backup) write(ctx context.Context, beside string, out io.Writer) (err error) {
	dir, err := os.MkdirTemp(beside, ".spa-importer-backup-")
	if err != nil {
		return fmt.Errorf("making room for a copy of the database: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := b.snapshot(ctx, filepath.Join(dir, databaseName)); err != nil {
		return err
	}
	if err := b.hold(ctx, filepath.Join(dir, databaseName)); err != nil {
		return fmt.Errorf("pausing imports in the copy: %w", err)
	}
	tw := tar.NewWriter(out)
	if err := add(tw, os.DirFS(dir), databaseName, databaseName); err != nil {
		return err
	}
	if b.key {
		if _, err := os.Stat(filepath.Join(b.dataDir, vault.KeyFile)); errors.Is(err, fs.ErrNotExist) {
			return errors.New("there is no key file to put into the backup: the key is in APP_KEY")
		}
		if err := add(tw, os.DirFS(b.dataDir), vault.KeyFile, vault.KeyFile); err != nil {
			return err
		}
	}
	if b.files {
		if err := addFiles(ctx, tw, os.DirFS(filepath.Join(b.dataDir, filesName))); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

// addFiles adds the depot. What has a name that begins with a dot is still
// being written.
func addFiles(ctx context.Context, tw *tar.Writer, root fs.FS) error {
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // deleted meanwhile
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case name != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		}
		err = add(tw, root, name, path.Join(filesName, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("adding the files: %w", err)
	}
	return nil
}

// add adds one file, as long as it is now.
func add(tw *tar.Writer, root fs.FS, name, as string) error {
	f, err := root.Open(name)
	if err != nil {
		return fmt.Errorf("adding %s to the backup: %w", as, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("adding %s to the backup: %w", as, err)
	}
	err = tw.WriteHeader(&tar.Header{Name: as, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime(), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = io.CopyN(tw, f, info.Size())
	}
	if err != nil {
		return fmt.Errorf("adding %s to the backup: %w", as, err)
	}
	return nil
}
