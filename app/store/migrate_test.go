package store_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
)

var update = flag.Bool("update", false, "write the golden schemas, and golden databases that do not exist yet")

// goldenKey seals the golden databases.
var goldenKey = bytes.Repeat([]byte("golden databases"), 2)

// The schema is what the golden files say. A change of it is a migration.
func TestSchema(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		d.open(t)
		got := schemaOf(t, d)
		file := filepath.Join("testdata", "schema."+d.kind+".txt")
		if *update {
			check(t, os.WriteFile(file, []byte(got), 0o644))
		}
		want, err := os.ReadFile(file)
		check(t, err)
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", file, diff)
		}
	})
}

// tablesOf lists the tables that the store has made.
func tablesOf(t *testing.T, d database) []string {
	t.Helper()
	query := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if d.kind == "postgres" {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	}
	rows, err := d.raw(t).QueryContext(t.Context(), query)
	check(t, err)
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var table string
		check(t, rows.Scan(&table))
		if table != "schema_steps" {
			tables = append(tables, table)
		}
	}
	check(t, rows.Err())
	slices.Sort(tables)
	return tables
}

// cells calls f with every value of every row of a table.
func cells(t *testing.T, db *sql.DB, table string, f func(column string, value []byte)) (rowCount int) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
	check(t, err)
	defer rows.Close()
	columns := must(rows.Columns())
	for rows.Next() {
		values, into := make([][]byte, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		check(t, rows.Scan(into...))
		for i, v := range values {
			f(columns[i], v)
		}
		rowCount++
	}
	check(t, rows.Err())
	return rowCount
}

// schemaOf describes tables and indexes, one a line.
func schemaOf(t *testing.T, d database) string {
	t.Helper()
	query := `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name <> 'sqlite_sequence'`
	if d.kind == "postgres" {
		query = `SELECT table_name || '.' || column_name || ' ' || data_type || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END
FROM information_schema.columns WHERE table_schema = 'public' UNION ALL
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'`
	}
	rows, err := d.raw(t).QueryContext(t.Context(), query)
	check(t, err)
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		check(t, rows.Scan(&line))
		lines = append(lines, strings.ReplaceAll(line, "`", ""))
	}
	check(t, rows.Err())
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

func TestOpenTwiceMigratesOnce(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		secrets(t, d.open(t))
		before := schemaOf(t, d)
		s := d.open(t)
		if got := must(s.Import(t.Context(), "p1", "i1")); got.Counts.Failed != 1 {
			t.Errorf("after opening again: %+v", got)
		}
		if after := schemaOf(t, d); after != before {
			t.Error("opening again has changed the schema")
		}
	})
}

// Several instances start with an empty database at the same moment.
func TestOpenAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		errs := make(chan error)
		for range 6 {
			go func() {
				_, err := d.tryOpen(t, d.key)
				errs <- err
			}()
		}
		for range 6 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		d.open(t)
		d.exec(t, "INSERT INTO schema_steps (id) VALUES ('9999_to_come')")
		if _, err := d.tryOpen(t, d.key); !errors.Is(err, store.ErrNewer) {
			t.Errorf("a database from the future: %v, want ErrNewer", err)
		}
	})
}

// A table that is in the way stops the start, and nothing is half done.
func TestFailedMigrationLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		d.exec(t, "CREATE TABLE lanes (mine int)") // among the last to be created
		if _, err := d.tryOpen(t, d.key); err == nil {
			t.Fatal("opened over a foreign table")
		}
		if got := schemaOf(t, d); strings.Contains(got, "portals") || !strings.Contains(got, "mine") {
			t.Errorf("left behind:\n%s", got)
		}
		d.exec(t, "DROP TABLE lanes")
		d.open(t)
	})
}

// The databases of every release, kept as they were, open in this one with
// everything in them. Those of the newest release are made by
//
//	go test ./app/store -run Golden -update
func TestGoldenDatabases(t *testing.T) {
	for _, release := range []string{"0001"} {
		t.Run(release, func(t *testing.T) {
			each(t, func(t *testing.T, d database) {
				d.key = goldenKey
				file := filepath.Join("testdata", "release-"+release+"."+d.kind+".sql")
				if _, err := os.Stat(file); *update && errors.Is(err, os.ErrNotExist) {
					dump(t, d, file)
					return
				}
				restore(t, d, file)
				d.checkGolden(t)
			})
		})
	}
}

func (d database) checkGolden(t *testing.T) {
	t.Helper()
	s, ctx := d.open(t), t.Context()
	if got := must(s.Portal(ctx, "p1")); got.AppToken != "Secret-AppToken" || got.Keys.ClientSecret != "Secret-Client" {
		t.Errorf("portal %+v", got)
	}
	if got := must(s.Grant(ctx, "p1", 1)); got.Refresh != "Secret-Refresh" {
		t.Errorf("grant %+v", got)
	}
	if got := must(s.Webhook(ctx, "p1", "hook")); !strings.Contains(got.URL, "Secret-Hook") {
		t.Errorf("webhook %+v", got)
	}
	if got := must(s.Upload(ctx, "p1", "u1")); got.Inspection.Preview[0].Cells[0] != cell {
		t.Errorf("upload %+v", got)
	}
	if got := must(s.Import(ctx, "p1", "i1")); got.Counts != (importer.Counts{Failed: 1}) || got.Mapping.Constants["f"] != cell {
		t.Errorf("import %+v", got)
	}
	if got := must(s.Entries(ctx, "i1", 0, 0)); len(got) != 1 || got[0].Key != cell || got[0].Problem == nil {
		t.Errorf("entries %+v", got)
	}
	if got := must(s.Lookups(ctx, "i1", "user", []string{cell})); len(got[cell]) != 1 {
		t.Errorf("look-ups %v", got)
	}
	if got := must(s.Epoch(ctx, "run:p1")); got != 1 {
		t.Errorf("epoch %d", got)
	}
	i := newImport(t, s, "p1", importer.Running) // and new rows fit in
	if _, err := s.Import(ctx, "p1", i.ID); err != nil {
		t.Error(err)
	}
}

// What the first release has written, imports in every state, rows in every
// state, uploads in every state, reads back as it read then, and what came
// later is not there.
//
// The databases were made by the code of that release, and the JSON beside
// them is what it read from them.
func TestDataOfFirstReleaseSurvives(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		d.key = goldenKey
		restore(t, d, filepath.Join("testdata", "release-0001-states."+d.kind+".sql"))
		var want struct {
			Uploads []importer.Upload
			Imports []importer.Import
			Entries map[string][]importer.Entry
			Lookups map[string][]string
		}
		check(t, json.Unmarshal(must(os.ReadFile(filepath.Join("testdata", "release-0001-states.json"))), &want))
		s, ctx := d.open(t), t.Context()
		same := func(what string, want, got any) {
			t.Helper()
			if diff := cmp.Diff(want, got, asKept); diff != "" {
				t.Errorf("%s (-want +got)\n%s", what, diff)
			}
		}
		if len(want.Uploads) != 5 || len(want.Imports) != 9 {
			t.Fatalf("%d uploads, %d imports", len(want.Uploads), len(want.Imports))
		}
		for _, u := range want.Uploads {
			same("upload "+u.ID, u, must(s.Upload(ctx, "p1", u.ID)))
		}
		for _, i := range want.Imports {
			same("import "+i.ID, i, must(s.Import(ctx, "p1", i.ID)))
			same("journal of "+i.ID, want.Entries[i.ID], must(s.Entries(ctx, i.ID, 0, 0)))
			same("look-ups of "+i.ID, want.Lookups[i.ID], must(s.Lookups(ctx, i.ID, "user", []string{"Имя"}))["Имя"])
		}
		slices.Reverse(want.Imports)
		same("history", want.Imports, must(s.Imports(ctx, "p1", 0)))

		// All of it can be worked with: run on, corrected, taken back.
		id := "import-" + string(importer.Done)
		check(t, s.ReleaseHolder(ctx, "h"))
		f := acquire(t, s, "run:p1", "h2")
		written := must(s.UndoEntries(ctx, id, 0, 0))
		if len(written) != 2 || f.Epoch != 2 {
			t.Fatalf("%d entries to take back in epoch %d", len(written), f.Epoch)
		}
		for n := range written {
			written[n].Undo = importer.TakenBack
		}
		i, err := s.WriteUndo(ctx, f, id, written, nil)
		if err != nil || i.Undo.TakenBack != 2 {
			t.Errorf("taking back: %+v, %v", i.Undo, err)
		}
		same("taken back", written, must(s.UndoEntries(ctx, id, 0, 0, importer.TakenBack)))
		writtenSecrets(t, s, f, newImport(t, s, "p1", importer.Running).ID)
	})
}

// dump fills a database and writes it to a file of SQL.
func dump(t *testing.T, d database, file string) {
	t.Helper()
	secrets(t, d.open(t))
	command := exec.Command("sqlite3", d.path, ".dump")
	if d.kind == "postgres" {
		command = exec.Command("pg_dump", "--inserts", "--no-owner", "--no-privileges", d.path)
	}
	out, err := command.Output()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", command.Path, err))
	}
	if d.kind == "postgres" {
		out = regexp.MustCompile(`(?m)^(SET|SELECT pg_catalog|\\|--).*\n`).ReplaceAll(out, nil)
		out = regexp.MustCompile(`\n{2,}`).ReplaceAll(out, []byte("\n"))
	}
	check(t, os.WriteFile(file, out, 0o644))
}

func restore(t *testing.T, d database, file string) {
	t.Helper()
	script, err := os.ReadFile(file)
	check(t, err)
	d.exec(t, string(script))
}
