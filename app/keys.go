package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spa-importer/spa-importer/app/vault"
)

// keysCommand seals with the first key whatever an older one has sealed, so
// that the older ones can go. It may run while the app works, if that knows
// the new key already, and may be stopped and started again.
func keysCommand(ctx context.Context, c console) error {
	w, err := c.parse(1, nil, nil)
	if err != nil {
		return err
	}
	if len(w.places) != 1 || w.places[0] != "rotate" {
		return errors.New("usage: spa-importer keys rotate, after the app was started with the new key in front of the old ones")
	}
	db, s, end, err := c.openAside(ctx, w.settings, true)
	if err != nil {
		return err
	}
	n, err := db.Reseal(ctx)
	if err = errors.Join(err, end()); err != nil {
		return fmt.Errorf("%d rows are sealed anew, the rest is as it was; keep all keys and start the command again: %w", n, err)
	}
	at := "APP_KEY"
	if s.appKey == "" {
		at = filepath.Join(s.dataDir, vault.KeyFile)
	}
	fmt.Fprintf(c.out, "%d rows are sealed anew. Everything opens with the first key of %s.\n", n, at)
	fmt.Fprintln(c.out, "Take the older keys out and start the app again. Backups from before still need them.")
	return nil
}
