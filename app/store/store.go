// Package store keeps what the app must not forget: portals and their
// grants, sessions, webhooks, registrations, uploads, imports, the journal of
// each import and the log of REST calls. It does so with GORM, in SQLite or
// in PostgreSQL, which behave alike: one suite of tests runs on both.
//
// It implements importer.Store, importer.Journal, portal.Store and
// bitrix.Grants, and is the only package that knows GORM. It must not know
// what an import does or who may ask for it: it finds what belongs to a
// portal, and keeps the promises that need a transaction.
//
// Secrets, and documents that can hold the cells of a file, are sealed with
// the vault before they reach the database (see seal.go). Times are kept as
// nanoseconds since 1970, 0 for none.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/vault"
)

// ErrExists is returned by Create methods for an id that is there already.
var ErrExists = errors.New("exists already")

var (
	_ importer.Store   = (*Store)(nil)
	_ importer.Journal = (*Store)(nil)
	_ portal.Store     = (*Store)(nil)
)

// Store is one database. It is safe for use by several goroutines, and
// several processes may have the same database open.
type Store struct {
	db    *gorm.DB
	sql   *sql.DB
	vault *vault.Vault
	now   func() time.Time
	// turn waits for this process's turn to write, where the database has
	// one writer at a time, and returns what ends it.
	turn func(ctx context.Context) (end func(), err error)
	// scrub takes deleted content out of the database's files, where the
	// database can do that.
	scrub func(ctx context.Context) error
	// aside: another process owns the schema.
	aside bool
	// portion is how many rows of a journal are deleted in one transaction.
	portion int
}

// Option changes how a Store works.
type Option func(*Store)

// WithClock sets the clock by which lanes are held and rows grow old.
// Processes that share a database should have clocks that agree to within a
// second; where they do not, a lane changes hands early or late, and the
// fence keeps that harmless.
func WithClock(now func() time.Time) Option {
	return func(s *Store) { s.now = now }
}

// open finishes what OpenSQLite and OpenPostgres have begun. It closes pool
// when it fails.
func open(ctx context.Context, d gorm.Dialector, pool *sql.DB, v *vault.Vault, opts []Option) (*Store, error) {
	schema.RegisterSerializer(serializerName, sealer{})
	s := &Store{
		sql: pool, vault: v, now: time.Now, portion: 5000,
		turn:  func(context.Context) (func(), error) { return func() {}, nil },
		scrub: func(context.Context) error { return nil },
	}
	for _, o := range opts {
		o(s)
	}
	var err error
	s.db, err = gorm.Open(d, &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         true,
		// GORM's log prints statements with their values: never.
		Logger: logger.Discard,
	})
	switch {
	case err != nil:
	case s.aside:
		err = s.checkAside(ctx)
	default:
		if err = migrate(ctx, s.db); err == nil {
			err = s.checkKey(ctx)
		}
	}
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return s, nil
}

// Close closes the database. The pool given to OpenPostgres stays open.
func (s *Store) Close() error {
	return s.sql.Close()
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.sql.PingContext(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// with returns a session for one use, which seals with the store's vault.
func (s *Store) with(ctx context.Context) *gorm.DB {
	return s.db.WithContext(withVault(ctx, s.vault))
}

// tx runs f in one transaction; everything that writes is in one. On SQLite
// it holds the write lock from the beginning, so what only reads does not
// belong there.
func (s *Store) tx(ctx context.Context, f func(tx *gorm.DB) error) error {
	end, err := s.turn(ctx)
	if err != nil {
		return err
	}
	defer end()
	return s.with(ctx).Transaction(f)
}

// locked makes the rows of a query this transaction's until it ends. SQLite
// needs no such thing: the transaction has the whole database.
func locked(tx *gorm.DB) *gorm.DB {
	return tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
}

// take reads one row into dest; notFound is the error for none. An id that
// cannot be text in PostgreSQL is not there either.
func take(q *gorm.DB, dest any, notFound error) error {
	err := q.Take(dest).Error
	var refused *pgconn.PgError
	if errors.Is(err, gorm.ErrRecordNotFound) ||
		errors.As(err, &refused) && refused.Code == notText {
		return notFound
	}
	return err
}

// notText is PostgreSQL's code for a zero byte or no UTF-8 in a text:
// character_not_in_repertoire.
const notText = "22021"

// create inserts one row; ErrExists if it is there already.
func (s *Store) create(ctx context.Context, row any) error {
	err := s.tx(ctx, func(tx *gorm.DB) error { return tx.Create(row).Error })
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return ErrExists
	}
	return err
}
