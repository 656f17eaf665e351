package emulator_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// TestLongImport imports 10,000 rows at 300 ms each against the limits of a
// cloud portal: an hour in virtual time, and every limit in sight.
func TestLongImport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := demo(t)
		p.SetCost("crm.item.batchImport", 300*time.Millisecond)
		c := as(t, w, p, 1)
		start, left, refused := time.Now(), 10_000, 0
		for left > 0 {
			status, out := c.do("crm.item.batchImport", rows(min(20, left)))
			switch {
			case status == 200:
				left -= 20
			case out["error"] == "expired_token":
				c.token, _ = p.Token(1)
			case out["error"] == "OPERATION_TIME_LIMIT":
				refused++
				time.Sleep(10 * time.Second)
			default:
				t.Fatal(out)
			}
		}
		// 3,000 s of work at 480 s in ten minutes: six full windows and 120 s.
		if d := time.Since(start); d < 3720*time.Second || d > 3800*time.Second {
			t.Errorf("it took %v", d)
		}
		if n := len(p.Items(177)) - 2; n != 10_000 || refused == 0 {
			t.Errorf("%d rows, %d refusals", n, refused)
		}
	})
}

// TestParallelWriters: rows of requests that overlap mix, but each exists
// once, and ids rise in the order of writing.
func TestParallelWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := demo(t)
		p.SetCost("crm.item.batchImport", 100*time.Millisecond)
		c := as(t, w, p, 1)
		start := time.Now()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { c.result("crm.item.batchImport", rows(20)) })
			wg.Go(func() { c.result("crm.item.update", body{"entityTypeId": 177, "id": 1, "fields": body{"title": "x"}}) })
			wg.Go(func() { c.result("crm.item.list", body{"entityTypeId": 177, "order": body{"title": "ASC"}}) })
		}
		wg.Wait()
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("four requests at once took %v", d)
		}
		items := p.Items(177)
		if len(items) != 82 {
			t.Errorf("%d items", len(items))
		}
		for i, it := range items {
			if it.ID != int64(i+1) {
				t.Fatalf("item %d has id %d", i, it.ID)
			}
		}
	})
}

// TestClockOfOnesOwn: a clock that jumps instead of waiting.
func TestClockOfOnesOwn(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	w := emulator.New(emulator.Options{
		Now:   func() time.Time { return now },
		Sleep: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil },
	})
	prof := emulator.DemoProfile()
	prof.Domain, prof.Scheme = "portal.example.com", "https"
	p := w.AddPortal(prof)
	p.SetCost("crm.item.batchImport", 2*time.Second)
	c := as(t, w, p, 1)
	_, out := c.do("crm.item.batchImport", rows(20))
	if dig(out, "time", "duration") != 40.0 || dig(out, "time", "date_finish") != "2026-03-04T08:06:47+03:00" {
		t.Errorf("answered %v", out)
	}
	p.SetCost("crm.item.batchImport", 4*time.Second)
	if status, _, _ := c.raw(p.Endpoint()+"crm.item.batchImport", withAuth(rows(20), c.token)); status != 504 || len(p.Items(177)) != 2+20+15 {
		t.Errorf("80 s of work: status %d, %d items", status, len(p.Items(177)))
	}
}
