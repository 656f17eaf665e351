package bitrix

import "time"

const (
	// baskets are kept for window; each gathers the calls of about minute.
	window = 10 * time.Minute
	minute = time.Minute
	// tick covers the portal's whole seconds.
	tick = time.Second
	// slack is what is kept below the limit, in seconds of method time.
	slack = 0.5
)

// basket is the method time of some calls that a portal surely keeps
// together. How it cuts time into minutes is not written anywhere, so three
// ways are followed until its answers tell which it is.
type basket struct {
	spent float64 // seconds
	// firsts are from when the ten minutes of this basket run, each way.
	firsts [ways]time.Time
	// early is how much before firsts the first call may have ended: of a
	// batch only the end of the last command is known.
	early time.Duration
	// told is when it leaves, if the portal has said so.
	told time.Time
}

// The ways a portal may cut time into baskets.
const (
	// bySlot: a basket is a minute of the clock and leaves ten minutes after
	// its first call.
	bySlot = iota
	// bySpan: a basket begins with a call, takes what ends within a minute
	// of it, and leaves ten minutes after it.
	bySpan
	// byClock: a basket is a minute of the clock and leaves ten minutes
	// after its beginning.
	byClock
	ways
)

// meter mirrors what a portal counts against one method of one app or
// webhook: the seconds its calls took, in ten baskets of a minute. A call is
// refused before execution while the sum is at the limit; a call that begins
// below it is let through, however long it takes. All times are of our clock.
type meter struct {
	baskets []basket // oldest first
	// counted is set once the portal has reported a sum: on some portals
	// nothing is counted.
	counted bool
	last    time.Time // the portal's time of the newest sum
	// wrong are the ways that the portal's answers have contradicted.
	wrong   [ways]bool
	blocked time.Time
	// flying is what requests under way will probably add; ahead is how much
	// of it a sum has already had in it: commands are billed one by one.
	flying   float64
	ahead    float64
	inFlight int
	soonest  time.Time // when the first of them is probably back
	// skew is how far the portal's clock, whose minutes count, is ahead.
	skew time.Duration
	// perCall and perCommand are what the last ones took, seconds.
	perCall, perCommand float64
	// viaBatch is what batches have added since a call of its own.
	viaBatch float64
	// free: the last calls were too short to be billed, as on some portals.
	free bool
}

// spent is the sum at a time.
func (m *meter) spent(at time.Time) float64 {
	var sum float64
	for _, b := range m.baskets {
		if m.leaves(b).After(at) {
			sum += b.spent
		}
	}
	return sum
}

// sure is the part of the sum that a portal cannot have forgotten yet, however
// it cuts time into baskets.
func (m *meter) sure(at time.Time) float64 { return m.spent(at.Add(2 * minute)) }

// forget drops the baskets that have left.
func (m *meter) forget(now time.Time) {
	kept := m.baskets[:0]
	for _, b := range m.baskets {
		if m.leaves(b).After(now) {
			kept = append(kept, b)
		}
	}
	m.baskets = kept
}

// open is the time, not before now, from which on a request may begin that
// spends lead seconds before its last command begins. Requests under way
// count as already spent. Below careful the limit is certain; from there to
// limit only one request at a time goes out, so that one at most is refused.
func (m *meter) open(now time.Time, lead, careful, limit float64) time.Time {
	t := now
	if m.blocked.After(t) {
		t = m.blocked
	}
	if !m.counted {
		return t
	}
	lead = min(lead, limit/2)
	for {
		sum := m.spent(t) + m.flying + lead
		if sum < careful-slack || sum < limit-slack && m.inFlight == 0 {
			return t
		}
		next := m.nextLeaving(t)
		if m.inFlight > 0 {
			back := m.soonest
			if !back.After(t) {
				back = t.Add(tick / 4)
			}
			if next.IsZero() || back.Before(next) {
				return back
			}
		}
		if next.IsZero() {
			return t
		}
		t = next
	}
}

// nextLeaving is when the next basket leaves after t; zero if none does.
func (m *meter) nextLeaving(t time.Time) time.Time {
	var next time.Time
	for _, b := range m.baskets {
		if at := m.leaves(b); at.After(t) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// begin counts a request under way that will take about cost seconds.
func (m *meter) begin(now time.Time, cost float64) {
	m.flying += cost
	m.inFlight++
	back := now.Add(seconds(cost))
	if m.inFlight == 1 || back.Before(m.soonest) {
		m.soonest = back
	}
}

// end takes back what begin counted.
func (m *meter) end(now time.Time, cost float64) {
	m.inFlight--
	m.flying = max(0, m.flying-cost)
	if m.inFlight <= 0 {
		m.inFlight, m.flying = 0, 0
	}
	m.soonest = now.Add(tick)
}

// leaves is when a basket is forgotten: what the portal has told, or the
// latest that is still possible.
func (m *meter) leaves(b basket) time.Time {
	if !b.told.IsZero() {
		return b.told.Add(tick)
	}
	var last time.Time
	for way, first := range b.firsts {
		if !m.wrong[way] && first.After(last) {
			last = first
		}
	}
	return last.Add(window + tick)
}

// add counts seconds of a call that ended now, or so much earlier.
func (m *meter) add(now time.Time, spent float64, early time.Duration) {
	m.forget(now)
	slot := now.Add(m.skew).Truncate(minute).Add(-m.skew)
	firsts := [ways]time.Time{bySlot: now, bySpan: now, byClock: slot}
	if n := len(m.baskets); n > 0 {
		last := &m.baskets[n-1]
		if last.firsts[byClock].Equal(slot) {
			firsts[bySlot] = last.firsts[bySlot]
		}
		if now.Before(last.firsts[bySpan].Add(minute)) {
			firsts[bySpan] = last.firsts[bySpan]
		}
		if last.firsts == firsts {
			last.spent += spent
			return
		}
	}
	m.baskets = append(m.baskets, basket{spent: spent, firsts: firsts, early: early})
}

// observe takes in an answer: what its calls have cost, and what the portal
// then reports of a time: the sum, and when its oldest basket leaves (zero: not
// told). The portal is right: what we did not know of is added, what we count
// too much is taken from the oldest baskets. The calls may have ended early.
func (m *meter) observe(at time.Time, early time.Duration, cost, sum float64, resetAt time.Time) {
	m.counted = true
	m.forget(at)
	told := resetAt.After(at) && resetAt.Before(at.Add(window+minute))
	if told {
		m.contradict(resetAt)
		// Our times are never early, so what we expected to leave before the
		// oldest basket does has left, if only within the last second.
		for len(m.baskets) > 0 && m.leaves(m.baskets[0]).Before(resetAt) {
			m.baskets = m.baskets[1:]
		}
	}
	if sum > 0 && len(m.baskets) == 0 && told && resetAt.Before(at.Add(window-minute)) {
		m.spread(at, sum, resetAt)
	}
	if own := cost - m.ahead; own > 0 {
		m.add(at, own, early)
	}
	m.ahead = max(0, m.ahead-cost)
	have := m.spent(at)
	switch {
	case sum > have:
		m.add(at, sum-have, early)
		m.ahead = min(m.ahead+sum-have, m.flying)
	case sum < have:
		m.shed(have - sum)
	}
	if told && len(m.baskets) > 0 {
		m.baskets[0].told = resetAt
	}
}

// contradict learns how the portal cuts time from when it says that its
// oldest basket leaves: a way that knows no basket for it, while another
// does, is wrong.
func (m *meter) contradict(resetAt time.Time) {
	var fits [ways]bool
	for _, b := range m.baskets {
		for way, first := range b.firsts {
			off := first.Add(window).Sub(resetAt)
			fits[way] = fits[way] || off >= -tick-tick/2 && off <= b.early+tick+tick/2
		}
	}
	if fits == [ways]bool{} {
		return
	}
	for way := range fits {
		m.wrong[way] = m.wrong[way] || !fits[way]
	}
	if m.wrong == [ways]bool{true, true, true} {
		m.wrong = [ways]bool{}
	}
}

// newer reports whether a sum is there and newer than the newest one: answers
// overtake each other. Of two at the same time the larger is.
func (m *meter) newer(at time.Time, t Time) bool {
	if !t.HasOperating || t.Finish.Before(m.last) {
		return false
	}
	return !t.Finish.Equal(m.last) || t.Operating > m.spent(at)
}

// spread guesses at baskets filled before we came: alike, from the oldest,
// which the portal names, to the present one.
func (m *meter) spread(at time.Time, sum float64, resetAt time.Time) {
	n := int(at.Add(window).Sub(resetAt)/minute) + 1
	for i := range n {
		first := resetAt.Add(time.Duration(i)*minute - window)
		m.baskets = append(m.baskets, basket{spent: sum / float64(n), firsts: [ways]time.Time{first, first, first}})
	}
}

// shed takes seconds from the oldest baskets.
func (m *meter) shed(surplus float64) {
	for len(m.baskets) > 0 && surplus > 0 {
		if b := &m.baskets[0]; b.spent > surplus {
			b.spent -= surplus
			return
		}
		surplus -= m.baskets[0].spent
		m.baskets = m.baskets[1:]
	}
}

// refuse learns that the method is blocked: until the oldest basket leaves,
// or a minute if none is known.
func (m *meter) refuse(now time.Time) {
	m.blocked = now.Add(minute)
	if next := m.nextLeaving(now); !next.IsZero() {
		m.blocked = next
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// smooth mixes a new measurement into an old one; 0 is none.
func smooth(old, measured float64) float64 {
	if old == 0 {
		return measured
	}
	return old*0.6 + measured*0.4
}
