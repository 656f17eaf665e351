package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"

	"github.com/spa-importer/spa-importer/app/vault"
)

// OpenPostgres uses the database behind the pool and brings it to the newest
// schema; of several instances that start at once, one does so and the others
// wait. The pool stays the caller's, who closes it after the Store.
//
// PostgreSQL keeps deleted rows in its files until it writes over them. What
// was secret in them is sealed, and the key is not in the database.
func OpenPostgres(ctx context.Context, pool *pgxpool.Pool, v *vault.Vault, opts ...Option) (*Store, error) {
	db := stdlib.OpenDBFromPool(pool)
	s, err := open(ctx, postgres.New(postgres.Config{Conn: db}), db, v, opts)
	if err != nil {
		return nil, fmt.Errorf("opening database: %w", err)
	}
	return s, nil
}
