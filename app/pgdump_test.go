package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// pgTool finds pg_dump or pg_restore beside the server that pgtest starts.
func pgTool(t *testing.T, name string) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err == nil && len(found) > 0 {
		slices.Sort(found)
		return found[len(found)-1]
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// The commands of docs/operating.md for PostgreSQL, in the middle of an
// import: pg_dump, the files, pg_restore, app restored.
func TestDumpAndRestore(t *testing.T) {
	s := newSite(t, postgres.Database(t))
	imp := s.started(400)
	s.portal.SetCost("crm.item.batchImport", 5*time.Millisecond)
	p := s.start(patience)
	s.waitFor(func() bool { return len(s.portal.Items(siteType)) >= 40 })
	dump := filepath.Join(t.TempDir(), "importer.dump")
	command := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	command(pgTool(t, "pg_dump"), "--format=custom", "--file="+dump, s.database)
	if got := s.operator("", "backup", "x.tar"); got.code != 1 || !strings.Contains(got.err, "pg_dump") {
		t.Errorf("app backup: %+v", got)
	}
	folder := t.TempDir()
	command("cp", "-a", s.dir+"/.", folder)
	s.waitFor(func() bool { return len(s.portal.Items(siteType)) == imp.Rows })
	p.stop()

	s.dir, s.database = folder, postgres.Database(t)
	command(pgTool(t, "pg_restore"), "--no-owner", "--exit-on-error", "--dbname="+s.database, dump)
	if err := os.Remove(filepath.Join(folder, "instance-1")); err != nil {
		t.Fatal(err)
	}
	if got := s.says("restored"); !strings.Contains(got, "1 imports are paused") {
		t.Errorf("restored: %s", got)
	}
	s.heldUntilResumed(imp)
}
