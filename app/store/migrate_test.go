package store_test

import (
	"database/sql"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/store"
)

var update = flag.Bool("update", false, "write the golden schemas, and golden databases that do not exist yet")

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
