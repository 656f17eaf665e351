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
	// Flying is how many requests are under way.
	Flying int

	flying []*permit
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
	for g := range p.flying {
		if g.credential == credential {
			s.flying = append(s.flying, g)
		}
	}
	s.Flying = len(s.flying)
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

// Left is what a method may still spend without a doubt; ok is false where
// nothing is known to be counted.
func (p Pace) Left(method string) (left time.Duration, ok bool) {
	for _, m := range p.Methods {
		if m.Method == method {
			return max(0, seconds(p.limit.careful())-m.Spent-m.Flying), true
		}
	}
	return 0, false
}

// Unsure reports whether a request of so many commands of a method, each of
// which takes the portal about each, goes beyond what the method may surely
// spend: it finds out how much that is, and the next ones wait for its answer.
func (p Pace) Unsure(method string, commands int, each time.Duration) bool {
	left, counted := p.Left(method)
	return counted && lead(load{commands: commands, cost: each.Seconds() * float64(commands)}) >= left.Seconds()-slack
}

// Forecast is the model of the limits with a clock of its own, which goes on
// only as requests are sent and come back: what will be, if nobody else spends
// anything. Until something is sent it answers as the Connection did.
type Forecast struct {
	pace    *pace
	now     time.Time
	counted bool // a portal that counts one method counts them all
	flying  []journey
}

// journey is a request under way.
type journey struct {
	back   time.Time
	permit *permit
}

// Forecast begins at the moment of the pace, with what is under way then.
func (p Pace) Forecast() *Forecast {
	f := &Forecast{now: p.Now}
	f.pace = newPace(func() time.Time { return f.now })
	f.pace.bucket, f.pace.limit = p.bucket, p.limit
	for method, m := range p.meters {
		m.baskets = slices.Clone(m.baskets)
		f.pace.meters[meterID{method: method}] = &m
		f.counted = f.counted || m.counted && method != batchMethod
	}
	for _, g := range p.flying {
		f.fly(g)
	}
	return f
}

// Now is how far the forecast has come.
func (f *Forecast) Now() time.Time { return f.now }

// Flying is how many requests are under way.
func (f *Forecast) Flying() int { return len(f.flying) }

// Pace is what would be known then.
func (f *Forecast) Pace() Pace { return f.pace.snapshot("") }

// Ready is as Connection.Ready.
func (f *Forecast) Ready(method string, cost time.Duration) time.Time {
	return f.waiting(callLoads(method, cost))
}

// ReadyBatch is as Connection.ReadyBatch.
func (f *Forecast) ReadyBatch(method string, commands int, each time.Duration) time.Time {
	return f.waiting(methodLoads(method, commands, each))
}

func (f *Forecast) waiting(loads []load) time.Time {
	f.meet(loads)
	return f.pace.waiting("", loads)
}

// meet gives methods that were not called yet their meters.
func (f *Forecast) meet(loads []load) {
	for _, l := range loads {
		if id := (meterID{method: l.method}); f.pace.meters[id] == nil {
			f.pace.meters[id] = &meter{counted: f.counted && l.method != batchMethod}
		}
	}
}

// Send sends a call, or, with commands above 0, a batch of so many, each of
// which takes the portal the given time.
func (f *Forecast) Send(method string, commands int, each time.Duration) {
	loads := callLoads(method, each)
	if commands > 0 {
		loads = methodLoads(method, commands, each)
	}
	f.meet(loads)
	f.fly(f.pace.begin(f.now, "", loads))
}

// fly sorts a request in by when it will be back.
func (f *Forecast) fly(g *permit) {
	j := journey{g.began.Add(seconds(g.loads[0].cost)), g}
	if j.back.Before(f.now) {
		j.back = f.now
	}
	i, _ := slices.BinarySearchFunc(f.flying, j, func(a, b journey) int {
		return cmp.Or(a.back.Compare(b.back), -1) // of two at the same time the later sent is the later back
	})
	f.flying = slices.Insert(f.flying, i, j)
}

// Wait lets time go on until a request comes back, or, unless it is zero,
// until a time that is sooner.
func (f *Forecast) Wait(until time.Time) {
	if len(f.flying) == 0 || !until.IsZero() && until.Before(f.flying[0].back) {
		f.now = until
		return
	}
	f.now = f.flying[0].back
	for len(f.flying) > 0 && !f.flying[0].back.After(f.now) {
		f.land(f.flying[0].permit)
		f.flying = f.flying[1:]
	}
}

// land bills a request as the portal will.
func (f *Forecast) land(g *permit) {
	delete(f.pace.flying, g)
	for i, l := range g.loads {
		m := f.pace.meter("", l.method)
		m.end(f.now, l.cost)
		if m.counted && !m.free && !(l.commands > 0 && f.pace.limit.batchAlone) {
			m.add(f.now, l.cost, 0)
			f.pace.limit.pass(g.at[i] + lead(l))
		}
	}
}
