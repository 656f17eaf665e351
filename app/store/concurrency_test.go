package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
)

// Eight writers of two processes settle the same rows under one fence: each
// row is counted by the one write that settled it.
func TestWriteAtOnce(t *testing.T) {
	const rows, size = 240, 8
	each(t, func(t *testing.T, d database) {
		one, two, ctx := d.open(t), d.open(t), t.Context()
		i := newImport(t, one, "p1", importer.Running)
		f := acquire(t, one, "run:p1", "h")
		var wg sync.WaitGroup
		var mu sync.Mutex
		won, last := 0, 0
		for n := range 8 {
			s := []*store.Store{one, two}[n%2]
			wg.Go(func() {
				for from := 0; from < rows; from += size {
					var entries []importer.Entry
					for x := from; x < from+size; x++ {
						entries = append(entries, importer.Entry{Index: x, Row: x, State: importer.EntryCreated, ItemID: int64(n)})
					}
					got, err := s.Write(ctx, f, i.ID, entries, func(i *importer.Import) error {
						i.Rechecked++
						return nil
					})
					mu.Lock()
					switch {
					case err == nil:
						won++
						last = max(last, got.Counts.Created)
					case !errors.Is(err, store.ErrSettled):
						t.Error(err)
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		got := must(one.Import(ctx, "p1", i.ID))
		if won != rows/size || got.Rechecked != won || got.Counts.Created != rows || last != rows {
			t.Errorf("%d writes won, %d changes, counts %+v, last seen %d", won, got.Rechecked, got.Counts, last)
		}
		for at, e := range must(one.Entries(ctx, i.ID, 0, 0)) {
			if first := at / size * size; e.Index != at || e.ItemID != must(one.Entries(ctx, i.ID, first, 1))[0].ItemID {
				t.Errorf("row %d is of another write than its neighbours: %+v", at, e)
			}
		}
	})
}

// A lane that is taken over again and again: no write of an older epoch
// commits once a newer one was handed out.
func TestFencesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		c := newClock()
		stores := []*store.Store{d.open(t, store.WithClock(c.Now)), d.open(t, store.WithClock(c.Now))}
		ctx := t.Context()
		i := newImport(t, stores[0], "p1", importer.Running)
		var mu sync.Mutex
		var newest int64 // handed out
		var wg sync.WaitGroup
		writes := 0
		for n := range 8 {
			s := stores[n%2]
			wg.Go(func() {
				for range 10 {
					f, err := s.Acquire(ctx, "run:p1", fmt.Sprint(n), time.Second)
					if errors.Is(err, importer.ErrHeld) {
						c.Advance(time.Second) // it is over now
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					newest = max(newest, f.Epoch)
					mu.Unlock()
					for range 3 {
						mu.Lock()
						before := newest
						mu.Unlock()
						_, err := s.Write(ctx, f, i.ID, nil, func(i *importer.Import) error {
							if int64(i.Cursor) > f.Epoch {
								t.Errorf("epoch %d writes after %d", f.Epoch, i.Cursor)
							}
							i.Cursor = int(f.Epoch)
							i.Rechecked++
							return nil
						})
						if err != nil {
							if !errors.Is(err, importer.ErrFenced) {
								t.Error(err)
							}
							break
						}
						if before > f.Epoch {
							t.Errorf("epoch %d wrote when %d had been handed out", f.Epoch, before)
						}
						mu.Lock()
						writes++
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		if got := must(stores[0].Import(ctx, "p1", i.ID)).Rechecked; got != writes || writes == 0 {
			t.Errorf("%d writes were reported, %d are there", writes, got)
		}
	})
}

// Who waits to write stops waiting when the caller gives up.
func TestWaitingWriterGivesUp(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t)
		i := newImport(t, s, "p1", importer.Draft)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.UpdateImport(t.Context(), "p1", i.ID, func(*importer.Import) error {
			if err := s.ReleaseHolder(gone, "h"); !errors.Is(err, context.Canceled) {
				t.Errorf("while another writes: %v, want context.Canceled", err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.ReleaseHolder(t.Context(), "h"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
