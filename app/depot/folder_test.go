package depot_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/depot"
)

func TestFolderClearsWhatWasLeftHalfWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "files")
	open := func() {
		t.Helper()
		f, err := depot.OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	open()
	old, young := filepath.Join(dir, ".arriving", "old"), filepath.Join(dir, ".arriving", "young")
	for _, p := range []string{old, young} {
		if err := os.WriteFile(p, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	yesterday := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(old, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	begun := filepath.Join(dir, ".arriving", "gone")
	if err := os.MkdirAll(filepath.Join(begun, "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	open()
	for p, want := range map[string]bool{old: false, begun: false, young: true} {
		if _, err := os.Stat(p); (err == nil) != want {
			t.Errorf("%s: %v", filepath.Base(p), err)
		}
	}
}

func TestFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "files")
	f, err := depot.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := store{files: f}
	write(t, s, "a/b", []byte("x"))
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", p, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A link planted in the folder leads nowhere outside.
func TestFolderDoesNotFollowLinksOut(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	f, err := depot.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Symlink(outside, filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Append(t.Context(), "a/b", key, 0, readerFunc(func(p []byte) (int, error) { return copy(p, "x"), fs.ErrClosed })); err == nil {
		t.Error("appended through a link")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("outside: %v, %v", left, err)
	}
}
