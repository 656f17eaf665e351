package bitrix

import (
	"context"
	"slices"
	"sync"
	"time"
)

// patience is how long a call waits for its turn before it gives its place
// back with PACE_WAIT.
const patience = 5 * time.Second

// batchMethod is the method that carries commands.
const batchMethod = "batch"

// pace is what we know of the limits of one portal: the request rate, which
// is the portal's, and the time of methods, which is counted per app or
// webhook. It hands out permits to send.
type pace struct {
	now func() time.Time

	mu      sync.Mutex
	family  string
	bucket  bucket
	limit   methodLimit
	meters  map[meterID]*meter
	flying  map[*permit]bool
	changed chan struct{} // closed when a request came back
}

type meterID struct{ credential, method string }

func newPace(now func() time.Time) *pace {
	return &pace{
		now: now, bucket: bucketOf(""), limit: newLimit(),
		meters: make(map[meterID]*meter), flying: make(map[*permit]bool), changed: make(chan struct{}),
	}
}

// setFamily changes the bucket to that of a licence family.
func (p *pace) setFamily(family string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if family == p.family {
		return
	}
	p.family = family
	b := bucketOf(family)
	b.level, b.at, b.refused, b.blocked = p.bucket.level, p.bucket.at, p.bucket.refused, p.bucket.blocked
	p.bucket = b
}

func (p *pace) meter(credential, method string) *meter {
	id := meterID{credential, method}
	m := p.meters[id]
	if m == nil {
		m = &meter{}
		p.meters[id] = m
	}
	return m
}

// load is what a request asks of one method.
type load struct {
	method   string
	commands int     // of this method inside a batch; 0 for a call of its own
	cost     float64 // seconds it will take; negative: as measured
}

// lead is the seconds that pass before the last of its commands begins.
func lead(l load) float64 {
	if l.commands < 2 {
		return 0
	}
	return l.cost * float64(l.commands-1) / float64(l.commands)
}

// permit is one request under way.
type permit struct {
	credential string
	began      time.Time
	loads      []load
	at         []float64 // sum of each load's method when it began
}

// ready is when a request may be sent; p.mu is held.
func (p *pace) ready(now time.Time, credential string, loads []load, background bool) time.Time {
	p.limit.refresh(now)
	t := p.bucket.ready(now, p.bucket.keep(background))
	for _, l := range loads {
		m := p.meter(credential, l.method)
		l.cost = p.cost(m, l)
		if at := m.open(now, lead(l), p.limit.careful(), p.limit.value); at.After(t) {
			t = at
		}
	}
	return t
}

// waiting is when an import may send a request, zero for at once: the time of
// the answer would lie after the one at which the caller looked at his clock.
// p.mu is held.
func (p *pace) waiting(credential string, loads []load) time.Time {
	now := p.now()
	if t := p.ready(now, credential, loads, true); t.After(now) {
		return t
	}
	return time.Time{}
}

// cost is the seconds a load will probably take.
func (p *pace) cost(m *meter, l load) float64 {
	switch {
	case l.cost >= 0:
		return l.cost
	case l.commands > 0:
		return m.perCommand * float64(l.commands)
	default:
		return m.perCall
	}
}

// acquire waits until a request may be sent. A wait longer than patience,
// or than ctx, is an *Error of class Refused.
func (p *pace) acquire(ctx context.Context, credential string, loads []load, background bool) (*permit, *Error) {
	began := p.now()
	for {
		p.mu.Lock()
		now := p.now()
		t := p.ready(now, credential, loads, background)
		if !t.After(now) {
			permit := p.begin(now, credential, loads)
			p.mu.Unlock()
			tellTurn(ctx)
			return permit, nil
		}
		changed := p.changed
		p.mu.Unlock()
		if t.Sub(began) > patience {
			return nil, &Error{Code: CodePaceWait, Class: Refused, ResetAt: t}
		}
		tellTurn(ctx)
		timer := time.NewTimer(t.Sub(now))
		select {
		case <-timer.C:
		case <-changed:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return nil, &Error{Code: CodePaceWait, Class: Refused, ResetAt: t, Err: ctx.Err()}
		}
	}
}

// begin counts a request as sent; p.mu is held.
func (p *pace) begin(now time.Time, credential string, loads []load) *permit {
	p.bucket.take(now)
	g := &permit{credential: credential, began: now, loads: slices.Clone(loads), at: make([]float64, len(loads))}
	for i, l := range loads {
		m := p.meter(credential, l.method)
		g.loads[i].cost = p.cost(m, l)
		g.at[i] = m.spent(now)
		m.begin(now, g.loads[i].cost)
	}
	p.flying[g] = true
	return g
}

// outcome is what the end of a request teaches.
type outcome struct {
	// own is the time object of the answer, of a call's method or of "batch".
	own Time
	// inner are the times of a batch's commands, by method.
	inner map[string][]Time
	// blocked are the methods refused by OPERATION_TIME_LIMIT.
	blocked []string
	// rate: refused by QUERY_LIMIT_EXCEEDED.
	rate bool
	// lost: no answer; what was sent may still be at work.
	lost bool
	// unsent: nothing reached the portal.
	unsent bool
}

// end gives a permit back and learns from the outcome.
func (p *pace) end(g *permit, o outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.flying, g)
	now := p.now()
	if o.rate {
		p.bucket.refuse(now)
	} else if !o.lost && !o.unsent {
		p.bucket.answered()
	}
	for i, l := range g.loads {
		m := p.meter(g.credential, l.method)
		m.end(now, l.cost)
		blocked := slices.Contains(o.blocked, l.method)
		switch {
		case o.unsent || o.rate:
		case o.lost:
			if m.counted {
				m.add(now, l.cost, 0)
			}
		default:
			p.learn(now, m, l, o)
			if !blocked {
				p.limit.pass(g.at[i] + lead(l))
			}
		}
		if blocked {
			p.refuse(now, m)
		}
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// refuse learns that a method is at its limit; p.mu is held.
func (p *pace) refuse(now time.Time, m *meter) {
	sum := m.spent(now)
	if m.counted && !p.limit.refuse(now, sum) && sum < p.limit.value {
		m.add(now, p.limit.value-sum, 0) // spent by somebody else
	}
	m.refuse(now)
}

// learn takes the sums and costs of an answer into the meter; p.mu is held.
func (p *pace) learn(now time.Time, m *meter, l load, o outcome) {
	if l.commands == 0 {
		cost := busy(o.own)
		if cost > 0 && l.method != batchMethod {
			m.perCall = smooth(m.perCall, cost)
		}
		at := p.local(now, o.own.Finish, o.own.Finish)
		if !m.newer(at, o.own) {
			m.ahead = max(0, m.ahead-billed(cost))
			return
		}
		if m.viaBatch > 5 && o.own.Operating < m.sure(at)-m.viaBatch/2 {
			p.limit.batchAlone = true
		}
		m.viaBatch = 0
		m.last = o.own.Finish
		m.skew = skewOf(now, o.own.Finish)
		m.free = o.own.Operating < cost/2
		m.observe(at, 0, billed(cost), o.own.Operating, p.local(now, o.own.Finish, o.own.ResetAt))
		return
	}
	var top Time
	var cost, sure float64
	times := o.inner[l.method]
	for _, t := range times {
		cost += busy(t)
		sure += billed(busy(t))
		if t.HasOperating && (!top.HasOperating || t.Operating > top.Operating) {
			top = t
		}
	}
	if len(times) > 0 {
		m.perCommand = smooth(m.perCommand, cost/float64(len(times)))
	}
	at := p.local(now, o.own.Finish, top.Finish)
	if p.limit.batchAlone || !m.newer(at, top) {
		m.ahead = max(0, m.ahead-sure)
		return
	}
	before := m.spent(at)
	m.last = top.Finish
	m.skew = skewOf(now, o.own.Finish)
	m.free = top.Operating < cost/2
	m.observe(at, o.own.Duration, sure, top.Operating, p.local(now, o.own.Finish, top.ResetAt))
	m.viaBatch += max(0, m.spent(at)-before)
}

// local translates a time of the portal's clock into ours, given that the
// answer which was finished at the portal's time finish has just arrived.
func (p *pace) local(now, finish, t time.Time) time.Time {
	if t.IsZero() || finish.IsZero() {
		return t
	}
	return now.Add(t.Sub(finish))
}

// skewOf is how far the portal's clock is ahead, to the nearest second.
func skewOf(now, finish time.Time) time.Duration {
	if finish.IsZero() {
		return 0
	}
	return finish.Sub(now).Round(tick)
}

// shortest is the shortest call that is surely billed, in seconds.
const shortest = 0.1

// billed is what a call of so many seconds surely adds to its method's sum.
func billed(cost float64) float64 {
	if cost < shortest {
		return 0
	}
	return cost
}

// busy is how long a portal worked on something, seconds.
func busy(t Time) float64 {
	if t.Processing > 0 {
		return t.Processing.Seconds()
	}
	return t.Duration.Seconds()
}
