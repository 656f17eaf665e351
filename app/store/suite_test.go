package store_test

import (
	"bytes"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/store/pgtest"
	"github.com/spa-importer/spa-importer/app/vault"
)

// server is the PostgreSQL of all tests here.
var server pgtest.Lazy

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	// Every operation of a random sequence is a commit to a disk: fewer
	// sequences than usual, unless -rapid.checks says otherwise.
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// database is one database of a test, which can be opened several times, as
// several processes do.
type database struct {
	kind string // "sqlite" or "postgres"
	path string // the file, or the URL
	key  []byte
}

// each runs a test on SQLite and on PostgreSQL.
func each(t *testing.T, f func(t *testing.T, d database)) {
	t.Helper()
	key := bytes.Repeat([]byte("store test key. "), 2)
	t.Run("sqlite", func(t *testing.T) {
		f(t, database{"sqlite", filepath.Join(t.TempDir(), "importer.db"), key})
	})
	t.Run("postgres", func(t *testing.T) {
		f(t, database{"postgres", server.Database(t), key})
	})
}

// open opens the database as one process would.
func (d database) open(tb testing.TB, opts ...store.Option) *store.Store {
	tb.Helper()
	s, err := d.tryOpen(tb, d.key, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func (d database) tryOpen(tb testing.TB, key []byte, opts ...store.Option) (*store.Store, error) {
	tb.Helper()
	v, err := vault.New(key)
	if err != nil {
		tb.Fatal(err)
	}
	return d.openWith(tb, v, opts...)
}

func (d database) openWith(tb testing.TB, v *vault.Vault, opts ...store.Option) (s *store.Store, err error) {
	tb.Helper()
	if d.kind == "sqlite" {
		s, err = store.OpenSQLite(tb.Context(), d.path, v, opts...)
	} else {
		s, err = store.OpenPostgres(tb.Context(), pgtest.Pool(tb, d.path), v, opts...)
	}
	if err == nil {
		tb.Cleanup(func() {
			if err := s.Close(); err != nil {
				tb.Errorf("Close: %v", err)
			}
		})
	}
	return s, err
}

// raw opens the database without the store.
func (d database) raw(tb testing.TB) *sql.DB {
	tb.Helper()
	driver, dsn := "pgx", d.path
	if d.kind == "sqlite" {
		driver, dsn = "sqlite", "file:"+d.path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

// exec runs one statement without the store.
func (d database) exec(tb testing.TB, statement string) {
	tb.Helper()
	if _, err := d.raw(tb).ExecContext(tb.Context(), statement); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}

// clock is a clock that tests turn.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock {
	return &clock{t: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// newImport creates an import in a state and returns it.
func newImport(tb testing.TB, s *store.Store, portal string, state importer.State) importer.Import {
	tb.Helper()
	i := importer.Import{
		ID: vault.NewID(), Portal: portal, Upload: vault.NewID(), State: state, StartID: -1,
		Key: vault.NewDataKey(), Created: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	}
	if err := s.CreateImport(tb.Context(), i); err != nil {
		tb.Fatal(err)
	}
	return i
}

// acquire takes a lane or fails.
func acquire(tb testing.TB, s *store.Store, lane importer.Lane, holder string) importer.Fence {
	tb.Helper()
	f, err := s.Acquire(tb.Context(), lane, holder, time.Minute)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
