package importer_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/spa-importer/spa-importer/app/depot"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/vault"
)

// There are thousands of benches in a run of the tests, each with a database
// and files of its own. Two things make that cheap: the database is a copy of
// one that has been through the migrations, and where the system has a folder
// in memory it lies there, for nobody waits for a disk that nobody reads.

// testVault has a key of its own, so that one database serves every bench.
func testVault() (*vault.Vault, error) {
	return vault.New(bytes.Repeat([]byte("k"), vault.KeySize))
}

// emptyDatabase is an SQLite file with the newest schema and no rows.
var emptyDatabase = sync.OnceValues(func() (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "importer-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	v, err := testVault()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "importer.db")
	s, err := store.OpenSQLite(context.Background(), path, v)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// place is a folder for one test, in memory where that is possible.
func place(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "importer-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// house makes the database and the files of a bench.
func (b *bench) house() {
	b.t.Helper()
	dir := place(b.t)
	empty, err := emptyDatabase()
	b.must(err)
	path := filepath.Join(dir, "importer.db")
	b.must(os.WriteFile(path, empty, 0o600))
	v, err := testVault()
	b.must(err)
	b.store, err = store.OpenSQLite(b.t.Context(), path, v)
	b.must(err)
	b.depot, err = depot.OpenFolder(filepath.Join(dir, "files"))
	b.must(err)
}
