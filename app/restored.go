package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
)

// restoredReason is what a held import says: after the backup it may have
// written rows that its journal does not know, and would write them again.
func restoredReason(made time.Time) importer.Problem {
	return importer.Problem{Code: "restored", Args: map[string]string{"time": when(made) + " UTC"}}
}

// restoredCommand holds the imports of a database that was put back from a
// backup, before the app is started with it. `spa-importer backup` does the same in
// its copy.
func restoredCommand(ctx context.Context, c console) error {
	w, err := c.parse(0, nil, nil)
	if err != nil {
		return err
	}
	db, _, end, err := c.openAside(ctx, w.settings, true)
	if err != nil {
		return err
	}
	held, err := db.Hold(ctx, restoredReason(time.Now()))
	if err = errors.Join(err, end()); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d imports are paused until their people look what is in the portal and resume or stop them.\n", held)
	return nil
}

// hold does it in the copy of a database.
func (b backup) hold(ctx context.Context, path string) error {
	db, err := store.OpenSQLite(ctx, path, b.keys, store.Aside())
	if err != nil {
		return err
	}
	_, err = db.Hold(ctx, restoredReason(time.Now()))
	return errors.Join(err, db.Close())
}
