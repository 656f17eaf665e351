package bitrix_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// limited is a portal that counts: a leaky bucket that drains in whole
// seconds, and method time in baskets of a minute. Work takes its time, so
// it runs inside synctest only. It is written from the documentation and
// shares nothing with the client.
type limited struct {
	size, rate int           // requests; size 0: none counted
	limit      float64       // seconds of method time; 0: none counted
	floor      time.Duration // shorter calls are not billed
	aligned    bool          // baskets leave at whole minutes
	spans      bool          // baskets begin with a call, not with a minute
	batchBill  bool          // a batch is billed to "batch"
	skew       time.Duration // of the portal's clock
	cost       func(method string, body map[string]any) time.Duration

	mu      sync.Mutex
	level   int
	drained time.Time
	meters  map[string]map[int64]*slot

	rateRefused, timeRefused, ran int
}

type slot struct {
	first time.Time
	sum   float64
}

func (l *limited) spent(method string, now time.Time) (sum float64, reset time.Time) {
	for minute, s := range l.meters[method] {
		leaves := s.first.Add(10 * time.Minute)
		if l.aligned {
			leaves = time.Unix(minute*60, 0).Add(10*time.Minute - l.skew)
		}
		if !leaves.After(now) {
			delete(l.meters[method], minute)
			continue
		}
		sum += s.sum
		if reset.IsZero() || leaves.Before(reset) {
			reset = leaves
		}
	}
	return sum, reset
}

func (l *limited) bill(method string, now time.Time, d time.Duration) {
	if d < l.floor || l.limit == 0 {
		return
	}
	if l.meters == nil {
		l.meters = make(map[string]map[int64]*slot)
	}
	if l.meters[method] == nil {
		l.meters[method] = make(map[int64]*slot)
	}
	minute := now.Add(l.skew).Unix() / 60
	for m, s := range l.meters[method] {
		if l.spans && now.Before(s.first.Add(time.Minute)) {
			minute = m
		}
	}
	if l.spans && l.meters[method][minute] != nil && !now.Before(l.meters[method][minute].first.Add(time.Minute)) {
		minute = -now.UnixNano() // a second basket within this minute
	}
	if l.meters[method][minute] == nil {
		l.meters[method][minute] = &slot{first: now}
	}
	l.meters[method][minute].sum += d.Seconds()
}

// admit counts a request against the rate.
func (l *limited) admit(now time.Time) bool {
	if l.size == 0 {
		return true
	}
	if l.drained.IsZero() {
		l.drained = now.Truncate(time.Second)
	}
	whole := int(now.Sub(l.drained) / time.Second)
	l.level = max(0, l.level-whole*l.rate)
	l.drained = l.drained.Add(time.Duration(whole) * time.Second)
	if l.level >= l.size {
		l.rateRefused++
		return false
	}
	l.level++
	return true
}

// run carries one method out: ok is false when it is refused.
func (l *limited) run(billed, method string, body map[string]any) (entry string, ok bool) {
	l.mu.Lock()
	if sum, _ := l.spent(billed, time.Now()); l.limit > 0 && sum >= l.limit {
		l.timeRefused++
		l.mu.Unlock()
		return "", false
	}
	l.mu.Unlock()
	start := time.Now()
	d := l.cost(method, body)
	wait(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ran++
	l.bill(billed, start.Add(d), d)
	return l.time(billed, start), true
}

// time is a time object as of now.
func (l *limited) time(billed string, start time.Time) string {
	now := time.Now()
	o := map[string]any{
		"start": unixOf(start.Add(l.skew)), "finish": unixOf(now.Add(l.skew)),
		"duration": now.Sub(start).Seconds(), "processing": now.Sub(start).Seconds(),
	}
	if l.limit > 0 && billed != "" {
		sum, reset := l.spent(billed, now)
		o["operating"] = sum
		if reset.IsZero() {
			reset = now.Add(10 * time.Minute)
		}
		o["operating_reset_at"] = reset.Add(l.skew).Unix()
	}
	return string(mustJSON(o))
}

// wait lets virtual time pass.
func wait(d time.Duration) { <-time.After(d) }

func unixOf(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

func (l *limited) answer(c call) (int, string) {
	l.mu.Lock()
	admitted := l.admit(time.Now())
	l.mu.Unlock()
	if !admitted {
		return 503, `{"error":"QUERY_LIMIT_EXCEEDED","error_description":"Too many requests"}`
	}
	if c.method == "batch" {
		return l.batch(c)
	}
	times, ok := l.run(c.method, c.method, c.body)
	if !ok {
		return 429, `{"error":"OPERATION_TIME_LIMIT","error_description":"Method is blocked due to operation time limit."}`
	}
	return 200, `{"result":true,"time":` + times + `}`
}

func (l *limited) batch(c call) (int, string) {
	start := time.Now()
	results, faults, times := map[string]any{}, map[string]any{}, map[string]any{}
	order := orderOf(c.raw)
	for _, key := range order {
		method, _, _ := strings.Cut(c.body["cmd"].(map[string]any)[key].(string), "?")
		billed := method
		if l.batchBill {
			billed = "batch"
		}
		if entry, ok := l.run(billed, method, nil); ok {
			results[key], times[key] = true, json.RawMessage(entry)
		} else {
			faults[key] = map[string]string{"error": "OPERATION_TIME_LIMIT"}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	own := ""
	if l.batchBill {
		own = "batch"
	}
	return 200, fmt.Sprintf(`{"result":{"result":%s,"result_error":%s,"result_time":%s,"result_total":[],"result_next":[]},"time":%s}`,
		mustJSON(results), mustJSON(faults), mustJSON(times), l.time(own, start))
}

// orderOf is the order of the commands as sent.
func orderOf(raw string) []string {
	var keys []string
	d := json.NewDecoder(strings.NewReader(raw[strings.Index(raw, `"cmd":`)+6:]))
	if _, err := d.Token(); err != nil {
		panic(err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			panic(err)
		}
		keys = append(keys, key.(string))
		if _, err := d.Token(); err != nil {
			panic(err)
		}
	}
	return keys
}

// drive sends n calls of a method from so many streams, each waiting for
// Ready, and returns how long all took.
func drive(t *testing.T, x *bitrix.Connection, method string, n, streams int, cost time.Duration) time.Duration {
	t.Helper()
	return driveWith(t, x, method, nil, n, streams, cost)
}

// driveWith is drive with parameters.
func driveWith(t *testing.T, x *bitrix.Connection, method string, params any, n, streams int, cost time.Duration) time.Duration {
	t.Helper()
	ctx := bitrix.WithCost(bitrix.WithImport(t.Context(), "i1"), cost)
	began := time.Now()
	work := make(chan int, n)
	for i := range n {
		work <- i
	}
	close(work)
	var all sync.WaitGroup
	for range streams {
		all.Go(func() {
			for range work {
				for {
					if at := x.Ready(method, cost); at.After(time.Now()) {
						wait(time.Until(at))
						continue
					}
					_, err := x.Call(ctx, method, params)
					if err == nil {
						break
					}
					var e *bitrix.Error
					if !errors.As(err, &e) || e.Class != bitrix.Refused || e.Stops() || e.ResetAt.IsZero() {
						t.Errorf("call: %v", err)
						return
					}
					wait(time.Until(e.ResetAt))
				}
			}
		})
	}
	all.Wait()
	return time.Since(began)
}

func fixed(d time.Duration) func(string, map[string]any) time.Duration {
	return func(string, map[string]any) time.Duration { return d }
}

// TestPaceEfficiency drives imports of several shapes against limits: how
// many requests are refused, and how much longer than the limits demand it
// takes.
func TestPaceEfficiency(t *testing.T) {
	for _, c := range []struct {
		name    string
		portal  *limited
		family  string
		calls   int
		cost    time.Duration
		streams int
		bound   time.Duration // what the limits allow at best
		refused int           // by method time, until the limit is learned
	}{
		{"rate binds", &limited{size: 50, rate: 2, limit: 480}, "", 200, 10 * time.Millisecond, 1, 75 * time.Second, 0},
		{"rate binds, many streams", &limited{size: 50, rate: 2, limit: 480}, "", 400, 10 * time.Millisecond, 8, 175 * time.Second, 0},
		{"Enterprise rate", &limited{size: 250, rate: 5, limit: 480}, "ent", 2000, 10 * time.Millisecond, 8, 350 * time.Second, 0},
		{"own server, as it may call itself", &limited{}, "selfhosted", 1000, 10 * time.Millisecond, 1, 10 * time.Second, 0},
		{"own server", &limited{}, "box", 1000, 10 * time.Millisecond, 1, 10 * time.Second, 0},
		// 100 chunks of 10 s: 480 s, wait until 600 s, 480 s more by 1080 s,
		// wait until 1200 s, the last 40 s.
		{"time binds", &limited{size: 50, rate: 2, limit: 480}, "", 100, 10 * time.Second, 1, 1236 * time.Second, 0},
		{"time binds, whole minutes", &limited{size: 50, rate: 2, limit: 480, aligned: true}, "", 100, 10 * time.Second, 1, 1236 * time.Second, 0},
		{"time binds, spans", &limited{size: 50, rate: 2, limit: 480, spans: true}, "", 100, 10 * time.Second, 1, 1236 * time.Second, 0},
		{"time binds, spans, four streams", &limited{size: 50, rate: 2, limit: 480, spans: true}, "", 400, 10 * time.Second, 4, 4840 * time.Second, 0},
		{"time binds, clock ahead", &limited{size: 50, rate: 2, limit: 480, skew: 7 * time.Minute}, "", 100, 10 * time.Second, 1, 1236 * time.Second, 0},
		{"time binds, clock behind", &limited{size: 50, rate: 2, limit: 480, skew: -7 * time.Minute}, "", 100, 10 * time.Second, 1, 1236 * time.Second, 0},
		{"time binds, small chunks", &limited{size: 50, rate: 2, limit: 480}, "", 1000, 2 * time.Second, 1, 2440 * time.Second, 0},
		{"time binds, four streams", &limited{size: 50, rate: 2, limit: 480}, "", 400, 10 * time.Second, 4, 4840 * time.Second, 0},
		{"lower limit", &limited{size: 50, rate: 2, limit: 420}, "", 300, 5 * time.Second, 1, 2040 * time.Second, 1},
		{"lower limit, four streams", &limited{size: 50, rate: 2, limit: 420}, "", 300, 5 * time.Second, 4, 1860 * time.Second, 1},
		{"short calls are free", &limited{size: 50, rate: 2, limit: 480, floor: 100 * time.Millisecond}, "", 500, 90 * time.Millisecond, 2, 225 * time.Second, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := c.portal
				l.cost = fixed(c.cost)
				x := token(&portal{answer: l.answer})
				x.SetFamily(c.family)
				took := drive(t, x, "crm.item.batchImport", c.calls, c.streams, c.cost)
				t.Logf("%v of %v: %.1f %%, refused %d and %d", took.Round(time.Second/10), c.bound, 100*c.bound.Seconds()/took.Seconds(), l.rateRefused, l.timeRefused)
				if l.ran != c.calls {
					t.Errorf("%d calls ran, want %d", l.ran, c.calls)
				}
				if l.rateRefused > 0 {
					t.Errorf("%d requests came too fast", l.rateRefused)
				}
				if l.timeRefused > c.refused {
					t.Errorf("%d requests refused for method time, want at most %d", l.timeRefused, c.refused)
				}
				if efficiency := c.bound.Seconds() / took.Seconds(); efficiency < 0.97 {
					t.Errorf("efficiency %.1f %%", 100*efficiency)
				}
			})
		})
	}
}
