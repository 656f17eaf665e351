package bitrix

import (
	"cmp"
	"slices"
	"time"
)

// Pace is what a connection knows of its portal's limits at one moment.
type Pace struct {
	// Now is that moment.
	Now time.Time
	// Known: calls were made, so the rest says something.
	Known bool
	// Requests is how many requests could be sent at once, of Size; Rate
	// become free per second. Size 0: no limit is known.
	Requests, Size, Rate float64
	// Limit is the method time that may be spent in ten minutes, as learned.
	Limit time.Duration
	// Methods are the methods whose time the portal counts, by name.
	Methods []MethodPace

	bucket bucket
	limit  methodLimit
	meters map[string]meter
}

// MethodPace is how much of its time a method has spent.
type MethodPace struct {
	Method string
	// Spent is of the last ten minutes, Flying what is under way.
	Spent, Flying time.Duration
	// Ready is when the next call may begin; not after Now: at once.
	Ready time.Time
	// ResetAt is when the next part of Spent is forgotten; zero: nothing is.
	ResetAt time.Time
}

// snapshot copies what concerns one credential.
func (p *pace) snapshot(credential string) Pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.limit.refresh(now)
	b := p.bucket
	b.drain(now)
	s := Pace{
		Now: now, Known: true, Size: b.size, Rate: b.rate, Requests: max(0, b.size-b.keep(true)-b.level),
		Limit: seconds(p.limit.value), bucket: b, limit: p.limit, meters: make(map[string]meter),
	}
	for id, m := range p.meters {
		if id.credential != credential {
			continue
		}
		c := *m
		c.baskets = slices.Clone(m.baskets)
		s.meters[id.method] = c
		if !c.counted && c.blocked.IsZero() {
			continue
		}
		s.Methods = append(s.Methods, MethodPace{
			Method: id.method, Spent: seconds(c.spent(now)), Flying: seconds(c.flying),
			Ready: c.open(now, 0, p.limit.careful(), p.limit.value), ResetAt: c.nextLeaving(now),
		})
	}
	slices.SortFunc(s.Methods, func(a, b MethodPace) int { return cmp.Compare(a.Method, b.Method) })
	return s
}

// Forecast runs the model forward: how long from Now until so many requests,
// each of which takes the portal the given time, are done, sent in streams one
// after another. Each goes by the first of the methods that may be called
// then. Nobody else is assumed to spend anything.
func (p Pace) Forecast(requests int, each time.Duration, streams int, methods ...string) time.Duration {
	f := forecast{bucket: p.bucket, limit: p.limit.value, cost: each.Seconds(), each: each}
	for _, method := range methods {
		m := p.meters[method]
		m.baskets = slices.Clone(m.baskets)
		m.flying, m.inFlight = 0, 0
		f.meters = append(f.meters, &m)
	}
	// A portal that counts one method counts them all.
	counted := slices.ContainsFunc(f.meters, func(m *meter) bool { return m.counted })
	for _, m := range f.meters {
		m.counted = counted
	}
	now := p.Now
	for range requests {
		now = f.send(now, max(1, streams))
	}
	if len(f.flying) > 0 {
		now = f.flying[len(f.flying)-1].back
	}
	return now.Sub(p.Now)
}

// forecast is a model of its own, which time passes over.
type forecast struct {
	bucket bucket
	meters []*meter
	limit  float64
	cost   float64
	each   time.Duration
	flying []flight // soonest back first
}

type flight struct {
	back  time.Time
	meter *meter
}

// send sends the next request as soon as it may go, and returns when that is.
func (f *forecast) send(now time.Time, streams int) time.Time {
	for {
		f.land(now)
		next := f.bucket.ready(now, f.bucket.keep(true))
		var by *meter
		var open time.Time
		for _, m := range f.meters {
			if at := m.open(now, 0, f.limit, f.limit); by == nil || at.Before(open) {
				by, open = m, at
			}
		}
		if open.After(next) {
			next = open
		}
		if len(f.flying) >= streams || len(f.flying) > 0 && next.After(f.flying[0].back) {
			next = f.flying[0].back
		}
		if next.After(now) {
			now = next
			continue
		}
		f.bucket.take(now)
		by.begin(now, f.cost)
		f.flying = append(f.flying, flight{now.Add(f.each), by})
		return now
	}
}

// land ends the requests that are back.
func (f *forecast) land(until time.Time) {
	for len(f.flying) > 0 && !f.flying[0].back.After(until) {
		one := f.flying[0]
		one.meter.end(one.back, f.cost)
		if one.meter.counted {
			one.meter.add(one.back, f.cost)
		}
		f.flying = f.flying[1:]
	}
}
