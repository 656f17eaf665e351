package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-gormigrate/gormigrate/v2"
	"gorm.io/gorm"
)

// ErrNewer is returned for a database that a newer release has changed.
var ErrNewer = errors.New("the database is from a newer release of the app")

// migrationLock keeps two instances on PostgreSQL from migrating at once:
// the letters "spai".
const migrationLock = 0x73706169

// stepsTable lists the steps that a database has gone through.
const stepsTable = "schema_steps"

// migrations are all steps of the schema, in order. A released step is never
// changed; it uses frozen structs of its own, not the rows of today, and never
// AutoMigrate.
func migrations() []*gormigrate.Migration {
	return []*gormigrate.Migration{
		{ID: "0001_first_release", Migrate: firstRelease},
		{ID: "0002_memory_and_undo", Migrate: memoryAndUndo},
		{ID: "0003_items", Migrate: items},
	}
}

// migrate brings the schema up to date, in one transaction: a failed step
// leaves the database as it was.
func migrate(ctx context.Context, db *gorm.DB) error {
	err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		// SQLite has locked the database when the transaction began.
		if tx.Name() == "postgres" {
			if err := tx.Exec("SELECT pg_advisory_xact_lock(?)", migrationLock).Error; err != nil {
				return err
			}
		}
		return gormigrate.New(tx, &gormigrate.Options{
			TableName:                 stepsTable,
			IDColumnName:              "id",
			IDColumnSize:              255,
			ValidateUnknownMigrations: true,
		}, migrations()).Migrate()
	})
	if errors.Is(err, gormigrate.ErrUnknownPastMigration) {
		return ErrNewer
	}
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	return nil
}
