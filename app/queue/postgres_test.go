package queue_test

import (
	"testing"

	"github.com/spa-importer/spa-importer/app/queue"
	"github.com/spa-importer/spa-importer/app/store/pgtest"
)

func onPostgres(t *testing.T) bed {
	pool := pgtest.Pool(t)
	return func(t *testing.T, w queue.Work, o queue.Options) *queue.Queue {
		q, err := queue.OpenPostgres(t.Context(), pool, w, o)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
}
