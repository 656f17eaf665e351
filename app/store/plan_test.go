package store_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/vault"
)

// What is asked every few seconds, or for every row, must not read a table
// from one end to the other.
func TestQueriesUseIndexes(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		d.open(t)
		db, explain := d.raw(t), "EXPLAIN QUERY PLAN "
		if d.kind == "postgres" {
			// With empty tables it would never use an index by itself.
			db.SetMaxOpenConns(1)
			_, err := db.ExecContext(t.Context(), "SET enable_seqscan = off")
			check(t, err)
			explain = "EXPLAIN "
		}
		due := strings.NewReplacer("@reading", "'reading'", "@checking", "'checking'", "@running", "'running'",
			"@waiting", "'waiting'", "@now", "5").Replace(store.DueLanesQuery)
		using := strings.NewReplacer("@idle", "('draft')", "@at", "5").Replace(store.UsingUploadQuery)
		item := strings.NewReplacer("@item", "5", "@portal", "'p'", "@limit", "100").Replace(store.ItemEntriesQuery)
		for name, query := range map[string]string{
			"due lanes":     due,
			"history":       "SELECT * FROM imports WHERE portal = 'p' ORDER BY created DESC, id DESC LIMIT 100",
			"of an upload":  "SELECT * FROM imports WHERE portal = 'p' AND upload_id = 'u' ORDER BY created DESC",
			"of a file":     "SELECT * FROM imports WHERE hash = 'h' AND hash <> '' AND portal = 'p' ORDER BY created DESC",
			"doubtful rows": "SELECT * FROM entries WHERE import_id = 'i' AND idx >= 5 AND state IN ('sending') ORDER BY idx LIMIT 50",
			"next rows":     "SELECT * FROM entries WHERE import_id = 'i' AND idx >= 5 ORDER BY idx LIMIT 50",
			"seen":          "SELECT * FROM entries WHERE import_id = 'i' AND access = 'a' AND state = 'created' ORDER BY item_id DESC, idx DESC LIMIT 5",
			"to take back":  "SELECT * FROM entries WHERE import_id = 'i' AND idx >= 5 AND state IN ('created', 'updated') AND undo IN ('') ORDER BY idx LIMIT 50",
			"being undone":  "SELECT * FROM entries WHERE import_id = 'i' AND idx >= 5 AND state IN ('created', 'updated') AND undo IN ('sent') AND undo <> '' ORDER BY idx LIMIT 50",
			"undo write":    "SELECT * FROM entries WHERE import_id = 'i' AND idx IN (1, 2, 3)",
			"edits":         "SELECT * FROM edits WHERE import_id = 'i' AND idx >= 5 AND idx < 9 ORDER BY idx, col",
			"edits counted": "SELECT count(*) FROM edits WHERE import_id = 'i'",
			"edits taken":   "DELETE FROM edits WHERE import_id = 'i' AND (idx, col) IN ((1, 2), (3, 4))",
			"mappings":      "SELECT * FROM mappings WHERE portal = 'p' AND entity_type_id = 5 ORDER BY used DESC, id DESC LIMIT 200",
			"its place":     "SELECT * FROM mappings WHERE portal = 'p' AND (id = 'i' OR entity_type_id = 5 AND slot = 's')",
			"answers":       "SELECT * FROM answers WHERE portal = 'p' AND entity_type_id = 5 ORDER BY serial DESC LIMIT 10000",
			"old answers":   "DELETE FROM answers WHERE portal = 'p' AND entity_type_id = 5 AND serial <= (SELECT serial FROM answers WHERE portal = 'p' AND entity_type_id = 5 ORDER BY serial DESC LIMIT 1 OFFSET 10000)",
			"removed":       "DELETE FROM answers WHERE portal = 'p'",
			"expired":       "SELECT * FROM uploads WHERE created < 5 AND NOT EXISTS (" + using + ")",
			"forgotten":     "SELECT id FROM imports WHERE portal = 'p' AND (upload_id = 'u' OR archive = 'u' AND archive <> '')",
			"call log":      "SELECT * FROM calls WHERE portal = 'p' AND import_id = 'i'",
			"of an item":    item,
			"old calls":     "DELETE FROM calls WHERE started < 5",
			"sessions":      "DELETE FROM sessions WHERE seen < 5 OR created < 5",
		} {
			plan := planOf(t, db, explain+query)
			for _, table := range []string{"imports", "uploads", "entries", "calls", "sessions", "mappings", "answers", "edits"} {
				for _, scan := range []string{"SCAN " + table, "Seq Scan on " + table} {
					if strings.Contains(plan, scan) {
						t.Errorf("%s reads all of %s:\n%s", name, table, plan)
					}
				}
			}
			if !strings.Contains(strings.ToLower(plan), "index") {
				t.Errorf("%s uses no index:\n%s", name, plan)
			}
		}
	})
}

func planOf(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	check(t, err)
	defer rows.Close()
	columns := must(rows.Columns())
	var lines []string
	for rows.Next() {
		values, into := make([]string, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		check(t, rows.Scan(into...))
		lines = append(lines, values[len(values)-1])
	}
	check(t, rows.Err())
	return strings.Join(lines, "\n")
}

// BenchmarkWrite journals chunks of 20 rows, as sent and as settled.
func BenchmarkWrite(b *testing.B) {
	d := database{"sqlite", b.TempDir() + "/importer.db", vault.NewDataKey()}
	b.Run("sqlite", func(b *testing.B) { benchmarkWrite(b, d) })
	b.Run("postgres", func(b *testing.B) { benchmarkWrite(b, database{"postgres", server.Database(b), d.key}) })
}

func benchmarkWrite(b *testing.B, d database) {
	const size = 20
	s := d.open(b)
	i := newImport(b, s, "p1", importer.Running)
	f := acquire(b, s, "run:p1", "h")
	from := 0
	for b.Loop() {
		entries := make([]importer.Entry, size)
		for n := range entries {
			entries[n] = importer.Entry{Index: from + n, Row: from + n + 2, State: importer.EntrySending, Key: fmt.Sprint(i.ID, ":", from+n), SentAt: time.Now()}
		}
		must(s.Write(b.Context(), f, i.ID, entries, nil))
		for n := range entries {
			entries[n].State, entries[n].ItemID = importer.EntryCreated, int64(from+n)
		}
		must(s.Write(b.Context(), f, i.ID, entries, nil))
		from += size
	}
	b.ReportMetric(float64(from)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkDueLanes asks for work among 16,000 imports that are done.
func BenchmarkDueLanes(b *testing.B) {
	d := database{"sqlite", b.TempDir() + "/importer.db", vault.NewDataKey()}
	s := d.open(b)
	for n := range 5 {
		newImport(b, s, fmt.Sprint("p", n), importer.Running)
	}
	newImport(b, s, "p0", importer.Done)
	db := d.raw(b)
	db.SetMaxOpenConns(1) // a temporary table is a connection's own
	for range 14 {
		if _, err := db.ExecContext(b.Context(), `CREATE TEMP TABLE more AS SELECT * FROM imports WHERE state = 'done';
UPDATE more SET id = hex(randomblob(8)); INSERT INTO imports SELECT * FROM more; DROP TABLE more`); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if lanes := must(s.DueLanes(b.Context(), time.Now())); len(lanes) != 5 {
			b.Fatalf("lanes %v", lanes)
		}
	}
}
