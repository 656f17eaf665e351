package pgtest_test

import (
	"net/url"
	"os"
	"testing"

	"github.com/spa-importer/spa-importer/app/store/pgtest"
)

func TestDatabases(t *testing.T) {
	server, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
		if err := server.Stop(); err != nil {
			t.Errorf("second Stop: %v", err)
		}
	}()
	var first string
	t.Run("apart", func(t *testing.T) {
		first = server.Database(t)
		second := server.Database(t)
		if first == second {
			t.Fatal("two tests share a database")
		}
		if _, err := pgtest.Pool(t, first).Exec(t.Context(), "CREATE TABLE a (b int)"); err != nil {
			t.Fatal(err)
		}
		if _, err := pgtest.Pool(t, second).Exec(t.Context(), "SELECT b FROM a"); err == nil {
			t.Error("a table of one database shows in another")
		}
	})
	t.Run("dropped", func(t *testing.T) {
		if _, err := pgtest.Pool(t, first).Exec(t.Context(), "SELECT 1"); err == nil {
			t.Error("the database is still there after its test")
		}
	})
}

func TestStopLeavesNothing(t *testing.T) {
	t.Setenv(pgtest.Variable, "")
	server, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	dir := u.Query().Get("host")
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("%s is still there", dir)
	}
}

func TestLazyNeedsNoServer(t *testing.T) {
	var l pgtest.Lazy
	if err := l.Stop(); err != nil {
		t.Error(err)
	}
}
