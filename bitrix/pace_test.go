package bitrix_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/bitrix"
)

// driveBatches sends updates in batches of size, waiting for ReadyBatch, and
// sends again what was refused inside.
func driveBatches(t *testing.T, x *bitrix.Connection, method string, n, size int, each time.Duration) (took time.Duration, refusedInside int) {
	t.Helper()
	began := time.Now()
	open := make([]int, n)
	for i := range open {
		open[i] = i
	}
	for len(open) > 0 {
		k := min(size, len(open))
		if at := x.ReadyBatch(method, k, each); at.After(time.Now()) {
			wait(time.Until(at))
		}
		commands := make([]bitrix.Command, k)
		for i := range commands {
			commands[i] = bitrix.Command{Key: fmt.Sprintf("u%d", open[i]), Method: method}
		}
		ctx := bitrix.WithCost(bitrix.WithImport(t.Context(), "i1"), each*time.Duration(k))
		reply, err := x.Batch(ctx, commands)
		if err != nil {
			var e *bitrix.Error
			if !errors.As(err, &e) || e.Class != bitrix.Refused || e.ResetAt.IsZero() {
				t.Fatal(err)
			}
			wait(time.Until(e.ResetAt))
			continue
		}
		var again []int
		for i, c := range commands {
			if e := reply.Errors[c.Key]; e != nil {
				if e.Code != "OPERATION_TIME_LIMIT" || e.ResetAt.IsZero() || e.Class != bitrix.Refused {
					t.Fatalf("inside the batch: %+v", e)
				}
				again = append(again, open[i])
			}
		}
		refusedInside += len(again)
		open = append(again, open[k:]...)
	}
	return time.Since(began), refusedInside
}

// TestPaceOfBatches: both ways a portal may bill a batch, and both limits.
func TestPaceOfBatches(t *testing.T) {
	for _, c := range []struct {
		name   string
		portal *limited
		bound  time.Duration
		inside int // refusals until the limit is learned
	}{
		// 6000 × 0.2 s = 1200 s: two windows of 480 s and 240 s.
		{"each method", &limited{size: 50, rate: 2, limit: 480}, 1440 * time.Second, 0},
		{"the method batch", &limited{size: 50, rate: 2, limit: 480, batchBill: true}, 1440 * time.Second, 0},
		{"minutes from a call on", &limited{size: 50, rate: 2, limit: 480, spans: true}, 1440 * time.Second, 0},
		{"whole minutes", &limited{size: 50, rate: 2, limit: 480, aligned: true}, 1440 * time.Second, 0},
		{"lower limit", &limited{size: 50, rate: 2, limit: 420}, 1560 * time.Second, 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.portal.cost = fixed(200 * time.Millisecond)
				wait(31 * time.Second)
				took, inside := driveBatches(t, token(&portal{answer: c.portal.answer}), "crm.item.update", 6000, 50, 200*time.Millisecond)
				t.Logf("%v of %v, %d refused inside", took.Round(time.Second), c.bound, inside)
				if c.portal.ran != 6000 || c.portal.rateRefused > 0 {
					t.Errorf("%d ran, %d refused for the rate", c.portal.ran, c.portal.rateRefused)
				}
				if inside > c.inside {
					t.Errorf("%d commands refused, want at most %d", inside, c.inside)
				}
				if took > c.bound*105/100 {
					t.Errorf("took %v, want at most 5 %% above %v", took, c.bound)
				}
			})
		})
	}
}

// TestLearnsThatBatchesAreBilledAlone: once calls of their own show that a
// batch's time is not theirs, they are not held back by it.
func TestLearnsThatBatchesAreBilledAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limited{size: 50, rate: 2, limit: 480, batchBill: true, cost: fixed(2 * time.Second)}
		x := token(&portal{answer: l.answer})
		batch := func() {
			t.Helper()
			commands := make([]bitrix.Command, 20)
			for i := range commands {
				commands[i] = bitrix.Command{Key: fmt.Sprintf("k%d", i), Method: "crm.item.batchImport"}
			}
			if _, err := x.Batch(t.Context(), commands); err != nil {
				t.Fatal(err)
			}
		}
		for range 5 {
			batch() // 40 s of "batch"
		}
		if _, err := x.Call(t.Context(), "crm.item.batchImport", nil); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			batch()
		}
		for range 60 { // 120 s of their own, beside 400 s
			if _, err := x.Call(t.Context(), "crm.item.batchImport", nil); err != nil {
				t.Fatal(err)
			}
		}
		if l.timeRefused > 0 {
			t.Errorf("%d refused", l.timeRefused)
		}
	})
}

// TestPeopleDoNotWaitForImports: while an import uses all of the rate, a call
// from a screen goes out at once.
func TestPeopleDoNotWaitForImports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limited{size: 50, rate: 2, cost: fixed(time.Millisecond)}
		x := token(&portal{answer: l.answer})
		done := make(chan struct{})
		go func() {
			drive(t, x, "crm.item.add", 300, 4, time.Millisecond)
			close(done)
		}()
		wait(45 * time.Second)
		for range 20 {
			began := time.Now()
			if _, err := x.Call(t.Context(), "user.current", nil); err != nil {
				t.Error(err)
			}
			if waited := time.Since(began); waited > time.Second {
				t.Errorf("a person waited %v", waited)
			}
			wait(3 * time.Second)
		}
		<-done
		if l.rateRefused > 0 {
			t.Errorf("%d requests came too fast", l.rateRefused)
		}
	})
}

// TestOthersOnTheAddress: another app calls the portal from the same address
// while an import uses all of the rate. It gets what it needs, and the import
// what is left.
func TestOthersOnTheAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limited{size: 50, rate: 2, cost: fixed(10 * time.Millisecond)}
		x := token(&portal{answer: l.answer})
		done := make(chan struct{})
		go func() {
			drive(t, x, "crm.item.add", 400, 4, 10*time.Millisecond)
			close(done)
		}()
		began, others, refused := time.Now(), 0, 0
		for running := true; running; others++ {
			l.mu.Lock()
			ours := l.rateRefused
			if !l.admit(time.Now()) {
				refused++
			}
			l.rateRefused = ours
			l.mu.Unlock()
			select {
			case <-done:
				running = false
			case <-time.After(2 * time.Second):
			}
		}
		took, bound := time.Since(began), time.Duration(400+others-50)*time.Second/2
		t.Logf("%v of %v; we were refused %d times, the other %d of %d", took, bound, l.rateRefused, refused, others)
		if l.ran != 400 || refused > 0 {
			t.Errorf("%d calls ran, want 400; the other was refused %d times", l.ran, refused)
		}
		if took > bound*105/100 || l.rateRefused > 40 {
			t.Errorf("took %v of %v, and %d refusals", took, bound, l.rateRefused)
		}
	})
}

// TestLongWaitsAreHandedBack: nobody holds a slot for minutes.
func TestLongWaitsAreHandedBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limited{size: 50, rate: 2, limit: 480, cost: fixed(60 * time.Second)}
		x := token(&portal{answer: l.answer})
		for range 8 {
			if _, err := x.Call(t.Context(), "crm.item.add", nil); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		_, err := x.Call(t.Context(), "crm.item.add", nil)
		var e *bitrix.Error
		if !errors.As(err, &e) || e.Code != bitrix.CodePaceWait || e.Class != bitrix.Refused || e.Stops() {
			t.Fatalf("got %v, want %s", err, bitrix.CodePaceWait)
		}
		if time.Since(began) != 0 {
			t.Errorf("it took %v to say so", time.Since(began))
		}
		// The first call was billed when it ended, after a minute; its
		// basket leaves ten minutes later.
		if want := began.Add(-8 * time.Minute).Add(11*time.Minute + time.Second); !e.ResetAt.Equal(want) {
			t.Errorf("ResetAt is %v, want %v", e.ResetAt, want)
		}
		if ready := x.Ready("crm.item.add", time.Second); !ready.Equal(e.ResetAt) {
			t.Errorf("Ready says %v, the error %v", ready, e.ResetAt)
		}
		if _, err := x.Call(t.Context(), "crm.item.update", nil); err != nil {
			t.Errorf("another method: %v", err)
		}
		p := x.Pace()
		if len(p.Methods) != 2 || p.Methods[0].Method != "crm.item.add" || p.Methods[0].Spent != 480*time.Second {
			t.Errorf("pace: %+v", p.Methods)
		}
		if l.timeRefused > 0 {
			t.Errorf("%d refused", l.timeRefused)
		}
	})
}

// TestRateRefusals: others who share the portal's bucket are waited for; a
// portal that keeps refusing is handed back with a time.
func TestRateRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limited{size: 50, rate: 2, cost: fixed(0)}
		l.level, l.drained = 50, time.Now() // somebody else has filled it
		x := token(&portal{answer: l.answer})
		began := time.Now()
		if _, err := x.Call(t.Context(), "profile", nil); err != nil {
			t.Fatal(err)
		}
		if l.rateRefused != 1 || time.Since(began) > 2*time.Second {
			t.Errorf("%d refusals, %v", l.rateRefused, time.Since(began))
		}

		for range 10 {
			if _, err := x.Call(t.Context(), "profile", nil); err != nil {
				t.Fatal(err)
			}
		}
		if l.rateRefused != 1 {
			t.Errorf("%d refusals: the first has taught nothing", l.rateRefused)
		}

		p := always(503, `{"error":"QUERY_LIMIT_EXCEEDED"}`)
		x = token(p)
		_, err := x.Call(t.Context(), "profile", nil)
		var e *bitrix.Error
		if !errors.As(err, &e) || e.Class != bitrix.Refused || e.Stops() || !e.ResetAt.After(time.Now()) {
			t.Fatalf("got %v", err)
		}
		if n := len(p.seen()); n != 4 {
			t.Errorf("%d requests, want 4 with 1, 2 and 4 s between: the next wait is too long", n)
		}
		if _, err := x.Call(t.Context(), "profile", nil); bitrix.Code(err) != bitrix.CodePaceWait {
			t.Errorf("while blocked for long, got %v", err)
		}
		wait(5 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := x.Call(ctx, "profile", nil); !bitrix.IsClass(err, bitrix.Refused) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while blocked for short, got %v", err)
		}
		if n := len(p.seen()); n != 4 {
			t.Errorf("a blocked call was sent")
		}
	})
}

// TestPaceAtRandom: whatever the limits, the costs and the mixture, every
// call runs, none is refused for the rate, and for method time one at most,
// where the limit is lower than usual and must be learned.
func TestPaceAtRandom(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := &limited{
			size: 50, rate: 2,
			limit:   rapid.SampledFrom([]float64{480, 480, 420}).Draw(r, "limit"),
			aligned: rapid.Bool().Draw(r, "aligned"),
			spans:   rapid.Bool().Draw(r, "spans"),
			floor:   time.Duration(rapid.IntRange(0, 100).Draw(r, "floor")) * time.Millisecond,
			skew:    time.Duration(rapid.IntRange(-600, 600).Draw(r, "skew")) * time.Second,
		}
		l.aligned = l.aligned && !l.spans
		usual := time.Duration(rapid.IntRange(10, 20000).Draw(r, "cost")) * time.Millisecond
		streams := rapid.IntRange(1, 4).Draw(r, "streams")
		calls := rapid.IntRange(20, 300).Draw(r, "calls")
		seed := rapid.Uint64().Draw(r, "seed")
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			l.cost = func(string, map[string]any) time.Duration {
				l.mu.Lock()
				defer l.mu.Unlock()
				return usual/2 + time.Duration(random.Int64N(int64(usual)))
			}
			wait(time.Duration(seed % uint64(time.Minute)))
			drive(t, token(&portal{answer: l.answer}), "crm.item.batchImport", calls, streams, usual)
		})
		allowed := 0
		if l.limit < 480 {
			allowed = 1 // teaches the limit
		}
		if l.ran != calls || l.rateRefused > 0 || l.timeRefused > allowed {
			r.Fatalf("%d of %d ran, %d refused for the rate, %d for time", l.ran, calls, l.rateRefused, l.timeRefused)
		}
	})
}

// TestPaceRegressions are schedules that were refused by earlier models.
func TestPaceRegressions(t *testing.T) {
	for name, c := range map[string]struct {
		portal         *limited
		usual          time.Duration
		streams, calls int
		seed           uint64
		allowed        int
	}{
		"answers within the last second of a basket": {&limited{limit: 480, aligned: true, floor: 9 * time.Millisecond, skew: -19 * time.Second}, 15251 * time.Millisecond, 3, 268, 0x290, 0},
		"minutes of the portal's clock":              {&limited{limit: 420, skew: -222 * time.Second}, 16060 * time.Millisecond, 3, 254, 0, 1},
		"a second off":                               {&limited{limit: 420, skew: -time.Second}, 14049 * time.Millisecond, 3, 209, 0xa42f2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := c.portal
				l.size, l.rate = 50, 2
				random := rand.New(rand.NewPCG(c.seed, 1))
				l.cost = func(string, map[string]any) time.Duration {
					l.mu.Lock()
					defer l.mu.Unlock()
					return c.usual/2 + time.Duration(random.Int64N(int64(c.usual)))
				}
				wait(time.Duration(c.seed % uint64(time.Minute)))
				drive(t, token(&portal{answer: l.answer}), "crm.item.batchImport", c.calls, c.streams, c.usual)
				if l.timeRefused > c.allowed || l.rateRefused > 0 {
					t.Errorf("%d refused for time, %d for the rate", l.timeRefused, l.rateRefused)
				}
			})
		})
	}
}

// TestScreensKeepTheRate: calls without an import keep it too, with a place
// to spare for a portal that counts in whole seconds.
func TestScreensKeepTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limited{size: 50, rate: 2, cost: fixed(0)}
		x := token(&portal{answer: l.answer})
		wait(700 * time.Millisecond)
		for range 200 {
			if _, err := x.Call(t.Context(), "profile", nil); err != nil {
				t.Fatal(err)
			}
			wait(130 * time.Millisecond)
		}
		if l.rateRefused > 0 {
			t.Errorf("%d requests came too fast", l.rateRefused)
		}
	})
}

// TestReadyAtOnce: on a clock that goes on between two looks, as clocks do,
// "at once" is not a moment later, or who asks would ask for ever.
func TestReadyAtOnce(t *testing.T) {
	l := &limited{size: 50, rate: 2, limit: 480, cost: fixed(time.Millisecond)}
	x := token(&portal{answer: l.answer})
	if _, err := x.Call(t.Context(), "crm.item.add", nil); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		now := time.Now()
		if at := x.Ready("crm.item.add", time.Millisecond); at.After(now) {
			t.Fatalf("ready %v after it was asked", at.Sub(now))
		}
		now = time.Now()
		if at := x.ReadyBatch("crm.item.add", 2, time.Millisecond); at.After(now) {
			t.Fatalf("ready for a batch %v after it was asked", at.Sub(now))
		}
	}
}

// TestTurn: a call tells when the pace reckons with it, and also when it has
// to wait for its place.
func TestTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limited{size: 50, rate: 2, limit: 480, cost: fixed(10 * time.Second)}
		x := token(&portal{answer: l.answer})
		var flying, told int
		call := func() chan error {
			heard, back := make(chan struct{}), make(chan error, 1)
			ctx := bitrix.WithTurn(t.Context(), func() { close(heard) })
			go func() {
				_, err := x.Call(ctx, "crm.item.add", nil)
				back <- err
			}()
			<-heard
			told++
			flying = x.Pace().Flying
			return back
		}
		var backs []chan error
		for i := range 48 { // keeps two places, as every call does
			backs = append(backs, call())
			if flying != i+1 {
				t.Fatalf("the pace reckons with %d calls, want %d", flying, i+1)
			}
		}
		began := time.Now()
		backs = append(backs, call())
		if flying != 48 || time.Since(began) != 0 {
			t.Errorf("a call that waits: told after %v, %d under way", time.Since(began), flying)
		}
		for _, back := range backs {
			if err := <-back; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestUnsure: what finds out whether more may be spent is known before.
func TestUnsure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limited{size: 50, rate: 2, limit: 480, cost: fixed(59 * time.Second)}
		x := token(&portal{answer: l.answer})
		unsure := func(commands int, each time.Duration) bool { return x.Pace().Unsure("crm.item.add", commands, each) }
		if unsure(50, time.Second) {
			t.Error("nothing is counted yet")
		}
		for range 7 { // 413 s
			if _, err := x.Call(t.Context(), "crm.item.add", nil); err != nil {
				t.Fatal(err)
			}
		}
		// The last command begins 6, 7 and 0 seconds after the first: at 419 s, at 420 s, at 413 s.
		if unsure(7, time.Second) || !unsure(8, time.Second) || unsure(0, time.Hour) {
			t.Errorf("%v, %v, %v", unsure(7, time.Second), unsure(8, time.Second), unsure(0, time.Hour))
		}
		if _, err := x.Call(t.Context(), "crm.item.add", nil); err != nil {
			t.Fatal(err)
		}
		if !unsure(0, time.Second) { // at 472 s
			t.Error("nobody knows whether 472 s may be spent")
		}
	})
}
