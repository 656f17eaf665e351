package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

const (
	// restQueue is how many records may wait for the database.
	restQueue = 8192
	// restBatch is how many are written at once.
	restBatch = 500
	// restEvery is how long a record waits at most.
	restEvery = time.Second
)

// callStore keeps the log of REST calls; *store.Store is one.
type callStore interface {
	LogCalls(ctx context.Context, calls []bitrix.CallRecord) error
}

// restLog takes records of REST calls from the client, which must not wait,
// and brings them to the store in batches.
type restLog struct {
	store callStore
	log   *slog.Logger
	queue chan bitrix.CallRecord
	// lost counts records for which there was no room or no database.
	lost   atomic.Int64
	closed chan struct{}
	done   chan struct{}
}

func newRestLog(store callStore, log *slog.Logger) *restLog {
	l := &restLog{
		store: store, log: log, queue: make(chan bitrix.CallRecord, restQueue),
		closed: make(chan struct{}), done: make(chan struct{}),
	}
	go l.run()
	return l
}

// add never blocks.
func (l *restLog) add(c bitrix.CallRecord) {
	select {
	case l.queue <- c:
	default:
		l.lost.Add(1)
	}
}

func (l *restLog) run() {
	defer close(l.done)
	tick := time.NewTicker(restEvery)
	defer tick.Stop()
	batch := make([]bitrix.CallRecord, 0, restBatch)
	for {
		select {
		case c := <-l.queue:
			if batch = append(batch, c); len(batch) == restBatch {
				batch = l.write(batch)
			}
		case <-tick.C:
			batch = l.write(batch)
		case <-l.closed:
			for {
				select {
				case c := <-l.queue:
					if batch = append(batch, c); len(batch) == restBatch {
						batch = l.write(batch)
					}
				default:
					l.write(batch)
					return
				}
			}
		}
	}
}

// write returns the batch emptied, for the next one.
func (l *restLog) write(batch []bitrix.CallRecord) []bitrix.CallRecord {
	if len(batch) == 0 {
		return batch
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := l.store.LogCalls(ctx, batch); err != nil {
		l.lost.Add(int64(len(batch)))
		l.log.ErrorContext(ctx, "writing the log of REST calls failed", "records", len(batch), "err", err)
	}
	return batch[:0]
}

// close writes what waits. Records added afterwards are lost.
func (l *restLog) close(ctx context.Context) error {
	close(l.closed)
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("writing the rest of the log of REST calls: %w", ctx.Err())
	}
}
