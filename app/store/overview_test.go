package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/store/pgtest"
	"github.com/spa-importer/spa-importer/app/vault"
	"github.com/spa-importer/spa-importer/bitrix"
)

// aside opens the database as a command does beside the app.
func (d database) aside(tb testing.TB, key []byte) (*store.Store, error) {
	tb.Helper()
	v := must(vault.New(key))
	if d.kind == "postgres" {
		s, err := store.OpenPostgres(tb.Context(), pgtest.Pool(tb, d.path), v, store.Aside())
		return closing(tb, s, err)
	}
	s, err := store.ReadSQLite(tb.Context(), d.path, v)
	return closing(tb, s, err)
}

func closing(tb testing.TB, s *store.Store, err error) (*store.Store, error) {
	if err == nil {
		tb.Cleanup(func() { s.Close() })
	}
	return s, err
}

// What commands print is read beside a store that is open and writing.
func TestOverviewBesideTheApp(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		ctx := t.Context()
		app := d.open(t)
		for _, p := range []string{"a", "b"} {
			check(t, second(app.UpdatePortal(ctx, p, func(p *portal.Portal) error { p.Status = portal.Active; return nil })))
		}
		for user, dead := range []string{"", "", "INVALID_GRANT"} {
			check(t, app.SaveGrant(ctx, bitrix.Grant{Portal: "a", User: int64(user + 1), Access: "x", Dead: dead}))
		}
		newImport(t, app, "a", importer.Done)
		newImport(t, app, "a", importer.Checked)
		waiting := newImport(t, app, "hook:portal.example.com:7", importer.Waiting)
		check(t, second(app.UpdateImport(ctx, waiting.Portal, waiting.ID, func(i *importer.Import) error {
			i.Reason = &importer.Problem{Code: "waiting_for_limit"}
			return nil
		})))

		s, err := d.aside(t, d.key)
		check(t, err)
		created := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		want := []store.PortalCounts{
			{Portal: "a", Users: 2, Dead: 1, Imports: 2, Last: created},
			{Portal: "hook:portal.example.com:7", Imports: 1, Unfinished: 1, Last: created},
		}
		if diff := cmp.Diff(want, must(s.CountPortals(ctx))); diff != "" {
			t.Error(diff)
		}
		newImport(t, app, "b", importer.Running)
		if all := must(s.LatestImports(ctx, 0)); len(all) != 4 {
			t.Errorf("%d imports", len(all))
		}
		if all := must(s.LatestImports(ctx, 2)); len(all) != 2 {
			t.Errorf("%d of 2 imports", len(all))
		}
		standing := []store.Standing{
			{State: importer.Running, Count: 1}, {State: importer.Waiting, Reason: "waiting_for_limit", Count: 1},
		}
		if diff := cmp.Diff(standing, must(s.Unfinished(ctx))); diff != "" {
			t.Error(diff)
		}
		g := must(s.Gauges(ctx, time.Now()))
		if g.Size < 4096 || g.Lanes != 1 || g.UploadBytes != 0 || g.Portals["active"] != 2 || len(g.Imports) != 2 {
			t.Errorf("gauges = %+v", g)
		}
	})
}

func TestAsideChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		if _, err := d.aside(t, d.key); err == nil {
			t.Error("a database that is not there was opened")
		} else if d.kind == "postgres" && !errors.Is(err, store.ErrOlder) {
			t.Errorf("an empty database: %v", err)
		}
		app := d.open(t)
		if _, err := d.aside(t, []byte(strings.Repeat("another key 1234", 2))); !errors.Is(err, store.ErrWrongKey) {
			t.Errorf("with another key: %v", err)
		}
		if d.kind == "sqlite" {
			s, err := d.aside(t, d.key)
			check(t, err)
			if _, err := s.UpdatePortal(t.Context(), "p", func(*portal.Portal) error { return nil }); err == nil {
				t.Error("a reader has written")
			}
		}
		d.exec(t, "INSERT INTO schema_steps (id) VALUES ('9999_of_the_future')")
		if _, err := d.aside(t, d.key); !errors.Is(err, store.ErrNewer) {
			t.Errorf("a newer database: %v", err)
		}
		d.exec(t, "DELETE FROM schema_steps")
		if _, err := d.aside(t, d.key); !errors.Is(err, store.ErrOlder) {
			t.Errorf("an older database: %v", err)
		}
		check(t, app.Ping(t.Context()))
	})
}

// A snapshot is one moment of a database that is being written to.
func TestSnapshot(t *testing.T) {
	ctx := t.Context()
	d := database{"sqlite", filepath.Join(t.TempDir(), "importer.db"), vault.NewDataKey()}
	app := d.open(t)
	imp := newImport(t, app, "p", importer.Done)
	writing, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		for writing.Err() == nil {
			_, err := app.UpdatePortal(ctx, "p", func(p *portal.Portal) error { p.Version += "x"; return nil })
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	reader, err := d.aside(t, d.key)
	check(t, err)
	copied := database{"sqlite", filepath.Join(t.TempDir(), "copy.db"), d.key}
	check(t, reader.Snapshot(ctx, copied.path))
	stop()
	check(t, <-done)
	if got := must(copied.open(t).Import(ctx, "p", imp.ID)); got.ID != imp.ID || string(got.Key) != string(imp.Key) {
		t.Errorf("in the copy: %+v", got)
	}
	if err := reader.Snapshot(ctx, copied.path); err == nil {
		t.Error("a copy was written over a file that is there")
	}
}

func TestHold(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		ctx, s := t.Context(), d.open(t)
		want := map[importer.State]importer.State{
			importer.Draft: importer.Draft, importer.Checking: importer.Checking, importer.Done: importer.Done,
			importer.Running: importer.Paused, importer.Waiting: importer.Paused, importer.Paused: importer.Paused,
		}
		made := map[importer.State]importer.Import{}
		for state := range want {
			made[state] = newImport(t, s, "p", state)
		}
		if held := must(s.Hold(ctx, importer.Problem{Code: "restored"})); held != 3 {
			t.Errorf("%d held", held)
		}
		for state, now := range want {
			got := must(s.Import(ctx, "p", made[state].ID))
			if got.State != now || (got.Reason != nil) != (now == importer.Paused) {
				t.Errorf("%s is %s, %v", state, got.State, got.Reason)
			}
		}
	})
}
