package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/sheet"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/vault"
	"github.com/spa-importer/spa-importer/bitrix"
)

const cell = "Cell-Of-A-Customer"

// secrets writes rows with secrets and cells into every table, and returns
// what must not be found in the database's files.
func secrets(t *testing.T, s *store.Store) []string {
	t.Helper()
	ctx := t.Context()
	_, err := s.UpdatePortal(ctx, "p1", func(p *portal.Portal) error {
		p.AppToken, p.Keys = "Secret-AppToken", bitrix.Keys{ClientID: "local.1", ClientSecret: "Secret-Client"}
		return nil
	})
	check(t, err)
	check(t, s.SaveGrant(ctx, bitrix.Grant{Portal: "p1", User: 1, Access: "Secret-Access", Refresh: "Secret-Refresh"}))
	check(t, s.SaveWebhook(ctx, portal.Webhook{ID: "hook", Portal: "p1", URL: "https://b24.example/rest/1/Secret-Hook/"}))
	problem := &importer.Problem{Code: "x", Args: map[string]string{"value": cell}}
	check(t, s.CreateUpload(ctx, importer.Upload{
		ID: "u1", Portal: "p1", Key: []byte("Secret-DataKey-of-the-upload-000"), Problem: problem,
		Inspection: &sheet.Inspection{Preview: []sheet.Row{{Cells: []string{cell}}}},
		Table:      &sheet.Table{Columns: []sheet.Column{{Name: cell}}},
	}))
	check(t, s.CreateImport(ctx, importer.Import{
		ID: "i1", Portal: "p1", State: importer.Running, Key: []byte("Secret-DataKey-of-the-import-000"), Reason: problem,
		Target: importer.Target{Title: cell}, Mapping: importer.Mapping{Constants: map[string]string{"f": cell}},
	}))
	f := acquire(t, s, "run:p1", "h")
	_, err = s.Write(ctx, f, "i1", []importer.Entry{{State: importer.EntryFailed, Key: cell, Problem: problem}}, nil)
	check(t, err)
	writtenSecrets(t, s, f, "i1")
	check(t, s.SaveLookups(ctx, "i1", []importer.Lookup{{Kind: "user", Key: cell, IDs: []string{"Found-Id"}}}))
	return []string{cell, "Secret-", "Found-Id"}
}

// writtenSecrets puts cells wherever the second release keeps them: edits,
// before-images, reasons of what is not taken back, mappings and answers.
func writtenSecrets(t *testing.T, s *store.Store, f importer.Fence, imp string) {
	t.Helper()
	ctx := t.Context()
	_, err := s.Write(ctx, f, imp, []importer.Entry{{
		Index: 1, State: importer.EntryUpdated, Before: map[string]json.RawMessage{"title": json.RawMessage(`"` + cell + `"`)},
	}}, nil)
	check(t, err)
	_, err = s.WriteUndo(ctx, f, imp, []importer.Entry{{
		Index: 1, Undo: importer.Impossible, UndoProblem: &importer.Problem{Code: "x", Args: map[string]string{"value": cell}},
	}}, nil)
	check(t, err)
	check(t, s.SaveEdits(ctx, imp, []importer.Edit{{Index: 1, Column: 2, Text: cell}}))
	check(t, s.SaveMapping(ctx, importer.SavedMapping{
		ID: "m1", Portal: "p1", EntityTypeID: 128, Name: cell, Headers: cell, UserName: cell, Used: time.Unix(1, 0),
		Columns: []importer.SavedColumn{{Header: cell, Field: "title"}}, Constants: map[string]string{"f": cell},
	}))
	check(t, s.SaveAnswers(ctx, "p1", 128, []importer.Answer{{Field: cell, Value: cell, Action: importer.UseValue, With: cell}}))
}

// checkSecrets reads back what writtenSecrets has written.
func checkSecrets(t *testing.T, s *store.Store, imp string) {
	t.Helper()
	ctx := t.Context()
	if got := must(s.UndoEntries(ctx, imp, 0, 0, importer.Impossible)); len(got) != 1 ||
		string(got[0].Before["title"]) != `"`+cell+`"` || got[0].UndoProblem.Args["value"] != cell {
		t.Errorf("taken back: %+v", got)
	}
	if got := must(s.Edits(ctx, imp, 0, 9)); len(got) != 1 || got[0].Text != cell {
		t.Errorf("edits %+v", got)
	}
	if got := must(s.Mappings(ctx, "p1", 128)); len(got) != 1 || got[0].Name != cell || got[0].Columns[0].Header != cell {
		t.Errorf("mappings %+v", got)
	}
	// Found under the same hash as before: it is not there twice.
	check(t, s.SaveAnswers(ctx, "p1", 128, []importer.Answer{{Field: cell, Value: cell, Action: importer.UseValue, With: cell}}))
	if got := must(s.Answers(ctx, "p1", 128)); len(got) != 1 || got[0].With != cell {
		t.Errorf("answers %+v", got)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// grep returns the files below a folder that hold a text.
func grep(t *testing.T, dir string, text []byte) (hits []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, text) {
			hits = append(hits, filepath.Base(path))
		}
		return err
	})
	check(t, err)
	return hits
}

func TestSecretsAreNotInTheFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "importer.db")
	d := database{"sqlite", path, vault.NewDataKey()}
	s := d.open(t)
	words := secrets(t, s)
	if len(grep(t, filepath.Dir(path), []byte("local.1"))) == 0 {
		t.Fatal("the search does not even find what is kept in clear")
	}
	for _, word := range words {
		if hits := grep(t, filepath.Dir(path), []byte(word)); hits != nil {
			t.Errorf("%q is in %v", word, hits)
		}
	}
	for name, mode := range map[string]fs.FileMode{"importer.db": 0o600, "importer.db-wal": 0o600} {
		info, err := os.Stat(filepath.Join(filepath.Dir(path), name))
		check(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %04o", name, info.Mode().Perm())
		}
	}
}

// The same for PostgreSQL, whose files belong to the server: every column of
// every table is read as text.
func TestSecretsAreNotInTheTables(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t)
		words := secrets(t, s)
		check(t, s.CreateSession(t.Context(), portal.Session{Hash: "h", Portal: "p1"}))
		check(t, s.Register(t.Context(), portal.Registration{Portal: "p1"}))
		check(t, s.LogCalls(t.Context(), []bitrix.CallRecord{{Portal: "p1", Import: "i1"}}))
		db, clear := d.raw(t), 0
		for _, table := range tablesOf(t, d) {
			n := cells(t, db, table, func(column string, value []byte) {
				for _, word := range words {
					if bytes.Contains(value, []byte(word)) {
						t.Errorf("%q is in %s.%s", word, table, column)
					}
				}
				if string(value) == "local.1" {
					clear++
				}
			})
			if n == 0 {
				t.Errorf("nothing was written into %s", table)
			}
		}
		if clear != 1 {
			t.Errorf("what is kept in clear was found %d times", clear)
		}
	})
}

// A deleted webhook is nowhere in the folder any more: not in the database,
// not in its log, and not even in its sealed form.
func TestDeletedWebhookLeavesNoTrace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "importer.db")
	dir := filepath.Dir(path)
	d := database{"sqlite", path, vault.NewDataKey()}
	s, ctx := d.open(t), t.Context()
	for _, id := range []string{"before", "hook", "after"} {
		check(t, s.SaveWebhook(ctx, portal.Webhook{ID: id, Portal: "p1", URL: "https://b24.example/rest/1/Secret-Hook/", Host: "host-of-" + id + ".example"}))
	}
	var sealed []byte
	check(t, d.raw(t).QueryRowContext(ctx, "SELECT url FROM webhooks WHERE id = 'hook'").Scan(&sealed))
	if hits := grep(t, dir, sealed); len(hits) == 0 {
		t.Fatal("the search does not find the sealed address before its deletion")
	}
	check(t, s.DeleteWebhook(ctx, "p1", "hook"))
	for _, trace := range [][]byte{sealed, sealed[:len(sealed)/2], sealed[len(sealed)/2:], []byte("host-of-hook"), []byte("Secret-Hook")} {
		if hits := grep(t, dir, trace); hits != nil {
			t.Errorf("a trace of %q is in %v", trace, hits)
		}
	}
	if _, err := s.Webhook(ctx, "p1", "hook"); !errors.Is(err, portal.ErrNotFound) {
		t.Errorf("deleted webhook: %v", err)
	}
	if got := must(s.Webhook(ctx, "p1", "after")); !strings.Contains(got.URL, "Secret-Hook") {
		t.Errorf("another webhook: %+v", got)
	}
}

func TestForgottenKeyLeavesNoTrace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "importer.db")
	d := database{"sqlite", path, vault.NewDataKey()}
	s, ctx := d.open(t), t.Context()
	check(t, s.CreateUpload(ctx, importer.Upload{ID: "u", Portal: "p1", Key: vault.NewDataKey()}))
	check(t, s.CreateImport(ctx, importer.Import{ID: "i", Portal: "p1", Upload: "u", State: importer.Done, Key: vault.NewDataKey()}))
	check(t, second(s.Write(ctx, acquire(t, s, "run:p1", "h"), "i", []importer.Entry{{
		State: importer.EntryUpdated, Before: map[string]json.RawMessage{"f": json.RawMessage(`"an old value of some length"`)},
	}}, nil)))
	check(t, s.SaveEdits(ctx, "i", []importer.Edit{{Text: "a corrected cell of some length"}}))
	traces := make([][]byte, 5)
	db := d.raw(t)
	check(t, db.QueryRowContext(ctx, "SELECT data_key FROM uploads").Scan(&traces[0]))
	check(t, db.QueryRowContext(ctx, "SELECT data_key, journal_key FROM imports").Scan(&traces[1], &traces[2]))
	check(t, db.QueryRowContext(ctx, "SELECT before FROM entries").Scan(&traces[3]))
	check(t, db.QueryRowContext(ctx, "SELECT content FROM edits").Scan(&traces[4]))
	for i, trace := range traces {
		if len(grep(t, filepath.Dir(path), trace)) == 0 {
			t.Fatalf("the search does not find trace %d before", i)
		}
	}
	check(t, s.ForgetUpload(ctx, "p1", "u"))
	for i, trace := range traces {
		if hits := grep(t, filepath.Dir(path), trace); hits != nil {
			t.Errorf("key or cell %d is in %v", i, hits)
		}
	}
}

// Sealed bytes open where they were put, and nowhere else.
func TestSwappedSecretsAreRefused(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		for _, user := range []int64{1, 2} {
			check(t, s.SaveGrant(ctx, bitrix.Grant{Portal: "p1", User: user, Access: "access", Refresh: "refresh"}))
		}
		for _, p := range []string{"p1", "p2"} {
			check(t, s.SaveAnswers(ctx, p, 128, []importer.Answer{{Value: "a"}, {Value: "b"}}))
			check(t, s.SaveMapping(ctx, importer.SavedMapping{ID: "m", Portal: p, EntityTypeID: 128}))
		}
		i, j := newImport(t, s, "p1", importer.Running), newImport(t, s, "p1", importer.Running)
		f := acquire(t, s, "run:p1", "h")
		for _, imp := range []string{i.ID, j.ID} {
			_, err := s.Write(ctx, f, imp, []importer.Entry{
				{Index: 0, State: importer.EntrySending, Key: "a"}, {Index: 1, State: importer.EntrySending, Key: "b"},
				{Index: 2, State: importer.EntryUpdated, Before: map[string]json.RawMessage{"f": json.RawMessage("1")}},
				{Index: 3, State: importer.EntryUpdated, Before: map[string]json.RawMessage{"f": json.RawMessage("2")}},
			}, nil)
			check(t, err)
			check(t, s.SaveEdits(ctx, imp, []importer.Edit{{Column: 0, Text: "a"}, {Column: 1, Text: "b"}}))
		}
		for name, tt := range map[string]struct {
			swap string
			read func() error
		}{
			"between users": {
				"UPDATE grants SET access = (SELECT access FROM grants WHERE user_id = 1) WHERE user_id = 2",
				func() error { _, err := s.Grant(ctx, "p1", 2); return err },
			},
			"between columns": {
				"UPDATE grants SET access = refresh WHERE user_id = 1",
				func() error { _, err := s.Grant(ctx, "p1", 1); return err },
			},
			"between rows of a journal": {
				"UPDATE entries SET quotes = (SELECT quotes FROM entries WHERE idx = 0 AND import_id = '" + i.ID + "') WHERE idx = 1",
				func() error { _, err := s.Entries(ctx, i.ID, 0, 0); return err },
			},
			"between before-images": {
				"UPDATE entries SET before = (SELECT before FROM entries WHERE idx = 3 AND import_id = '" + j.ID + "') WHERE idx = 2 AND import_id = '" + j.ID + "'",
				func() error { _, err := s.UndoEntries(ctx, j.ID, 2, 0); return err },
			},
			"between edits": {
				"UPDATE edits SET content = (SELECT content FROM edits WHERE col = 0 AND import_id = '" + j.ID + "') WHERE col = 1",
				func() error { _, err := s.Edits(ctx, j.ID, 0, 9); return err },
			},
			"between answers": {
				"UPDATE answers SET content = (SELECT content FROM answers WHERE serial = 1 AND portal = 'p1') WHERE serial = 2",
				func() error { _, err := s.Answers(ctx, "p1", 128); return err },
			},
			"between memories": {
				"UPDATE memories SET memory_key = (SELECT memory_key FROM memories WHERE portal = 'p1') WHERE portal = 'p2'",
				func() error { _, err := s.Mappings(ctx, "p2", 128); return err },
			},
			"between imports": {
				"UPDATE imports SET data_key = (SELECT data_key FROM imports WHERE id = '" + i.ID + "') WHERE id = '" + j.ID + "'",
				func() error { _, err := s.Import(ctx, "p1", j.ID); return err },
			},
		} {
			check(t, tt.read())
			d.exec(t, tt.swap)
			if err := tt.read(); !errors.Is(err, vault.ErrDamaged) {
				t.Errorf("%s: %v, want ErrDamaged", name, err)
			}
		}
	})
}

func TestWrongKeyIsNoticedAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		d.open(t)
		d.open(t) // the right key opens it again
		if _, err := d.tryOpen(t, vault.NewDataKey()); !errors.Is(err, store.ErrWrongKey) {
			t.Errorf("another key: %v, want ErrWrongKey", err)
		}
		d.exec(t, "UPDATE seals SET probe = NULL")
		d.open(t) // nothing to tell by
	})
}

func TestReseal(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		ctx := t.Context()
		before := d.open(t)
		secrets(t, before)
		grant, imp, entries := must(before.Grant(ctx, "p1", 1)), must(before.Import(ctx, "p1", "i1")), must(before.Entries(ctx, "i1", 0, 0))

		var probe []byte
		check(t, d.raw(t).QueryRowContext(ctx, "SELECT probe FROM seals").Scan(&probe))
		sealedColumns := func() (columns []string) {
			for _, table := range tablesOf(t, d) {
				cells(t, d.raw(t), table, func(column string, value []byte) {
					// The key's id stands before what it has sealed.
					if bytes.HasPrefix(value, probe[:5]) && !slices.Contains(columns, table+"."+column) {
						columns = append(columns, table+"."+column)
					}
				})
			}
			return columns
		}
		if diff := cmp.Diff([]string{
			"grants.access", "grants.refresh",
			"imports.target", "imports.mapping", "imports.reason", "imports.data_key", "imports.journal_key",
			"memories.memory_key", "portals.app_token", "portals.client_secret", "seals.probe",
			"uploads.inspection", "uploads.shape", "uploads.problem", "uploads.data_key", "webhooks.url",
		}, sealedColumns()); diff != "" {
			t.Errorf("sealed with the first key (-want +got)\n%s", diff)
		}

		newKey := vault.NewDataKey()
		both, err := d.openWith(t, must(vault.New(newKey, d.key)))
		check(t, err)
		if n, err := both.Reseal(ctx); err != nil || n != 7 {
			t.Errorf("Reseal = %d, %v; want 7 rows: seal, portal, grant, webhook, upload, import, memory", n, err)
		}
		if n, err := both.Reseal(ctx); err != nil || n != 0 {
			t.Errorf("second Reseal = %d, %v", n, err)
		}

		if left := sealedColumns(); left != nil {
			t.Errorf("still sealed with the old key: %v", left)
		}
		after, err := d.tryOpen(t, newKey)
		check(t, err)
		for name, diff := range map[string]string{
			"grant":   cmp.Diff(grant, must(after.Grant(ctx, "p1", 1))),
			"import":  cmp.Diff(imp, must(after.Import(ctx, "p1", "i1"))),
			"entries": cmp.Diff(entries, must(after.Entries(ctx, "i1", 0, 0))),
			"look-up": cmp.Diff([]string{"Found-Id"}, must(after.Lookups(ctx, "i1", "user", []string{cell}))[cell]),
		} {
			if diff != "" {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
		}
		if _, err := d.tryOpen(t, d.key); !errors.Is(err, store.ErrWrongKey) {
			t.Errorf("the old key still opens: %v", err)
		}
		checkSecrets(t, after, "i1")
		if got := must(after.Webhook(ctx, "p1", "hook")).URL; !strings.Contains(got, "Secret-Hook") {
			t.Errorf("webhook %q", got)
		}
	})
}
