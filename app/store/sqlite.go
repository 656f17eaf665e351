package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/spa-importer/spa-importer/app/vault"
)

// connections is how many connections are open at most; readers do not wait
// for the writer, and there is one writer at a time.
const connections = 8

// OpenSQLite opens the database in a file, makes it with mode 0600 if it is
// not there, and brings it to the newest schema.
func OpenSQLite(ctx context.Context, path string, v *vault.Vault, opts ...Option) (*Store, error) {
	s, err := openSQLite(ctx, path, v, opts)
	if err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	return s, nil
}

func openSQLite(ctx context.Context, path string, v *vault.Vault, opts []Option) (*Store, error) {
	// SQLite would make the file readable for all; the files beside it get
	// the mode of this one.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	pool, err := sql.Open("sqlite", sqliteDSN(path))
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	d := dialect{sqlite.New(sqlite.Config{Conn: pool}).(*sqlite.Dialector)}
	s, err := open(ctx, d, pool, v, opts)
	if err != nil {
		return nil, err
	}
	s.turn = newQueue().turn
	s.scrub = s.truncateLog
	return s, nil
}

// queue lets the writers of this process write in the order they came.
// SQLite itself has them ask for the lock again and again, by chance; under
// load one of them would ask in vain until its time is over.
type queue chan struct{}

func newQueue() queue { return make(queue, 1) }

func (q queue) turn(ctx context.Context) (end func(), err error) {
	select {
	case q <- struct{}{}:
		return func() { <-q }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to write: %w", context.Cause(ctx))
	}
}

// sqliteDSN says how the database is to be opened.
//
//   - busy_timeout comes first, so that it holds for the pragmas after it.
//   - A commit that was reported survives a power failure (synchronous FULL):
//     the journal depends on it.
//   - Deleted content is overwritten (secure_delete).
//   - Transactions take the write lock when they begin: one that had to
//     upgrade its lock would fail, whatever the timeout.
func sqliteDSN(path string) string {
	return sqliteName(path) +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_txlock=immediate"
}

// sqliteName is a path as the beginning of a DSN.
func sqliteName(path string) string {
	name := filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" {
		name = "/" + name // file:///C:/…
	}
	name = (&url.URL{Path: name}).EscapedPath()
	if strings.HasPrefix(name, "/") {
		name = "//" + name
	}
	return "file:" + name
}

// truncateLog moves the write-ahead log into the database and empties it, so
// that what was deleted (and overwritten there) is in neither file.
func (s *Store) truncateLog(ctx context.Context) error {
	end, err := s.turn(ctx)
	if err != nil {
		return err
	}
	defer end()
	var busy, log, moved int
	err = s.sql.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &moved)
	if err == nil && busy != 0 {
		err = errors.New("the database is busy")
	}
	if err != nil {
		return fmt.Errorf("emptying the write-ahead log: %w", err)
	}
	return nil
}

// dialect is GORM's SQLite with the errors of the driver we use: the original
// knows only those of another one.
type dialect struct{ *sqlite.Dialector }

// Translate makes GORM's errors of SQLite's.
func (dialect) Translate(err error) error {
	var e *driver.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return fmt.Errorf("%w: %w", gorm.ErrDuplicatedKey, err)
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return fmt.Errorf("%w: %w", gorm.ErrForeignKeyViolated, err)
	case sqlite3.SQLITE_CONSTRAINT_CHECK:
		return fmt.Errorf("%w: %w", gorm.ErrCheckConstraintViolated, err)
	}
	return err
}
