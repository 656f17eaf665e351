package emulator

import "time"

// bucket is the leaky bucket of one portal and source address.
type bucket struct {
	level float64
	at    time.Time
}

// pour adds one request; false means that it overflows and is refused.
func (b *bucket) pour(now time.Time, l Limits) bool {
	if l.Ceiling == 0 {
		return true
	}
	if !b.at.IsZero() {
		b.level = max(0, b.level-now.Sub(b.at).Seconds()*l.Drain)
	}
	b.at = now
	// A drained level is a sum of fractions; a hair must not cost a request.
	if b.level+1 > float64(l.Ceiling)+1e-9 {
		return false
	}
	b.level++
	return true
}

const (
	// basketSpan is the minute one basket collects, window how long it
	// counts, from its first entry on.
	basketSpan = time.Minute
	window     = 10 * time.Minute
)

type basket struct {
	first time.Time
	spent time.Duration
}

// baskets are the operating time of one credential and method: how a portal
// remembers the time a method took.
type baskets struct{ list []basket }

func (b *baskets) age(now time.Time) {
	for len(b.list) > 0 && !now.Before(b.list[0].first.Add(window)) {
		b.list = b.list[1:]
	}
}

// sum is what counts against the limit now.
func (b *baskets) sum(now time.Time) time.Duration {
	b.age(now)
	var total time.Duration
	for _, x := range b.list {
		total += x.spent
	}
	return total
}

// reset is when the oldest basket leaves.
func (b *baskets) reset(now time.Time) time.Time {
	b.age(now)
	if len(b.list) == 0 {
		return now.Add(window)
	}
	return b.list[0].first.Add(window)
}

func (b *baskets) add(now time.Time, d time.Duration) {
	b.age(now)
	if n := len(b.list); n > 0 && now.Before(b.list[n-1].first.Add(basketSpan)) {
		b.list[n-1].spent += d
		return
	}
	b.list = append(b.list, basket{first: now, spent: d})
}
