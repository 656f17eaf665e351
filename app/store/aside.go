package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"gorm.io/driver/sqlite"

	"github.com/spa-importer/spa-importer/app/vault"
)

// ErrOlder is returned for a database that this release would have to bring
// to a newer schema first, by those who work beside the app and must not.
var ErrOlder = errors.New("the database is from an older release of the app: start this one first")

// Aside opens a database beside the app that serves from it: the schema is
// taken as it is, and refused if it is another one.
func Aside() Option {
	return func(s *Store) { s.aside = true }
}

// ReadSQLite opens the database in a file for reading only, beside the app
// that works with it or without one. Nothing that writes works on the Store.
func ReadSQLite(ctx context.Context, path string, v *vault.Vault, opts ...Option) (*Store, error) {
	s, err := readSQLite(ctx, path, v, opts)
	if err != nil {
		return nil, fmt.Errorf("opening database %s: %w", path, err)
	}
	return s, nil
}

func readSQLite(ctx context.Context, path string, v *vault.Vault, opts []Option) (*Store, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	pool, err := sql.Open("sqlite", sqliteName(path)+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(connections)
	d := dialect{sqlite.New(sqlite.Config{Conn: pool}).(*sqlite.Dialector)}
	return open(ctx, d, pool, v, append(opts, Aside()))
}

// checkAside is what migrate and checkKey do for the app, without writing.
func (s *Store) checkAside(ctx context.Context) error {
	var steps []string
	if s.db.Migrator().HasTable(stepsTable) {
		if err := s.db.WithContext(ctx).Table(stepsTable).Order("id").Pluck("id", &steps).Error; err != nil {
			return fmt.Errorf("reading the steps of the schema: %w", err)
		}
	}
	known := make(map[string]bool)
	for _, m := range migrations() {
		known[m.ID] = true
	}
	for _, id := range steps {
		if !known[id] {
			return ErrNewer
		}
	}
	if len(steps) < len(known) {
		return ErrOlder
	}
	var rows []sealRow
	err := s.with(ctx).Find(&rows).Error
	if errors.Is(err, vault.ErrUnknownKey) || errors.Is(err, vault.ErrDamaged) {
		return fmt.Errorf("%w (%w)", ErrWrongKey, err)
	}
	return err
}
