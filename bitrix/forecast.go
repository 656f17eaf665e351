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
		Now: now, Size: b.size, Rate: b.rate, Requests: max(0, b.size-b.keep(true)-b.level),
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

// Forecast runs the model forward: how long from Now until so many requests
// of a method, each of which takes the portal the given time, are done, sent
// in streams one after another. Nobody else is assumed to spend anything.
func (p Pace) Forecast(method string, requests int, each time.Duration, streams int) time.Duration {
	b, m := p.bucket, p.meters[method]
	m.baskets = slices.Clone(m.baskets)
	m.flying, m.inFlight = 0, 0
	cost := each.Seconds()
	var flying []time.Time // ends, soonest first
	now := p.Now
	land := func(until time.Time) {
		for len(flying) > 0 && !flying[0].After(until) {
			m.end(flying[0], cost)
			if m.counted {
				m.add(flying[0], cost)
			}
			flying = flying[1:]
		}
	}
	for range requests {
		for {
			land(now)
			next := b.ready(now, b.keep(true))
			if at := m.open(now, 0, p.limit.value, p.limit.value); at.After(next) {
				next = at
			}
			if len(flying) >= max(1, streams) {
				next = flying[0]
			} else if len(flying) > 0 && next.After(flying[0]) {
				next = flying[0]
			}
			if !next.After(now) {
				break
			}
			now = next
		}
		b.take(now)
		m.begin(now, cost)
		flying = append(flying, now.Add(each))
	}
	if len(flying) > 0 {
		now = flying[len(flying)-1]
	}
	return now.Sub(p.Now)
}
