package queue_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/spa-importer/spa-importer/app/queue"
	"github.com/spa-importer/spa-importer/app/store/pgtest"
)

// server is the PostgreSQL of all tests of this package.
var server pgtest.Lazy

func TestMain(m *testing.M) {
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func onPostgres(t *testing.T) bed {
	pool := pgtest.Pool(t, server.Database(t))
	return func(t *testing.T, w queue.Work, o queue.Options) *queue.Queue {
		q, err := queue.OpenPostgres(t.Context(), pool, w, o)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
}
