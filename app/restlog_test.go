package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

type calls struct {
	mu      sync.Mutex
	batches [][]bitrix.CallRecord
	err     error
	block   chan struct{}
}

func (c *calls) LogCalls(_ context.Context, batch []bitrix.CallRecord) error {
	if c.block != nil {
		<-c.block
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batches = append(c.batches, append([]bitrix.CallRecord(nil), batch...))
	return c.err
}

func (c *calls) total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, b := range c.batches {
		n += len(b)
	}
	return n
}

func TestRestLogWritesInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &calls{}
		l := newRestLog(c, slog.New(slog.DiscardHandler))
		for range restBatch + 7 {
			l.add(bitrix.CallRecord{Method: "profile"})
		}
		synctest.Wait()
		if n := c.total(); n != restBatch {
			t.Fatalf("at once: %d records", n)
		}
		time.Sleep(restEvery)
		synctest.Wait()
		if c.total() != restBatch+7 {
			t.Fatalf("after a while: %d records", c.total())
		}
		for range 3 {
			l.add(bitrix.CallRecord{})
		}
		if err := l.close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.total() != restBatch+10 || l.lost.Load() != 0 {
			t.Errorf("at the end: %d records, %d lost", c.total(), l.lost.Load())
		}
	})
}

func TestRestLogNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &calls{block: make(chan struct{})}
		l := newRestLog(c, slog.New(slog.DiscardHandler))
		for range restBatch {
			l.add(bitrix.CallRecord{})
		}
		synctest.Wait() // the writer hangs with its first batch
		for range restQueue + 5 {
			l.add(bitrix.CallRecord{})
		}
		if l.lost.Load() != 5 {
			t.Errorf("%d lost, want 5", l.lost.Load())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close = %v", err)
		}
		close(c.block)
		<-l.done
		if c.total() != restBatch+restQueue {
			t.Errorf("%d written", c.total())
		}
	})
}

func TestRestLogCountsWhatTheDatabaseRefused(t *testing.T) {
	c := &calls{err: errors.New("disk full")}
	l := newRestLog(c, slog.New(slog.DiscardHandler))
	l.add(bitrix.CallRecord{})
	if err := l.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l.lost.Load() != 1 {
		t.Errorf("%d lost", l.lost.Load())
	}
}
