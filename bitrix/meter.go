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

// basket is the method time of one minute.
type basket struct {
	first  time.Time // when the first call was counted in it
	leaves time.Time // when it is forgotten
	spent  float64   // seconds
}

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
	// wholeMinutes: baskets leave at whole minutes, ten after theirs.
	// fromFirst: they leave ten minutes after their first call.
	wholeMinutes, fromFirst bool
	blocked                 time.Time
	// flying is what requests under way will probably add.
	flying   float64
	inFlight int
	soonest  time.Time // when the first of them is probably back
	// skew is how far the portal's clock, whose minutes count, is ahead.
	skew time.Duration
	// perCall and perCommand are what the last ones took, seconds.
	perCall, perCommand float64
	// viaBatch is what batches have added since a call of its own.
	viaBatch float64
}

// spent is the sum at a time.
func (m *meter) spent(at time.Time) float64 {
	var sum float64
	for _, b := range m.baskets {
		if b.leaves.After(at) {
			sum += b.spent
		}
	}
	return sum
}

// forget drops the baskets that have left.
func (m *meter) forget(now time.Time) {
	kept := m.baskets[:0]
	for _, b := range m.baskets {
		if b.leaves.After(now) {
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
		if b.leaves.After(t) && (next.IsZero() || b.leaves.Before(next)) {
			next = b.leaves
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

// add counts seconds of a call that ended now.
func (m *meter) add(now time.Time, spent float64) {
	m.forget(now)
	began := now.Add(m.skew).Truncate(minute).Add(-m.skew) // of the minute
	if n := len(m.baskets); n > 0 && !m.baskets[n-1].first.Before(began) {
		m.baskets[n-1].spent += spent
		return
	}
	leaves := now.Add(window + tick)
	if m.wholeMinutes && !m.fromFirst {
		leaves = began.Add(window + tick)
	}
	m.baskets = append(m.baskets, basket{first: now, leaves: leaves, spent: spent})
}

// observe adjusts the model to a sum that the portal reports for a time, and
// to when its oldest basket leaves (zero: not told). The portal is right:
// what we did not know of is added, what we count too much is taken from the
// oldest baskets.
func (m *meter) observe(at time.Time, sum float64, resetAt time.Time) {
	m.counted = true
	m.forget(at)
	told := resetAt.After(at) && resetAt.Before(at.Add(window+minute))
	if told {
		// Our times are never early, so what we expected to leave before the
		// oldest basket does has left, if only within the last second.
		for len(m.baskets) > 0 && m.baskets[0].leaves.Before(resetAt) {
			m.baskets = m.baskets[1:]
		}
	}
	have := m.spent(at)
	switch {
	case sum > have && len(m.baskets) == 0 && told && resetAt.Before(at.Add(window-minute)):
		m.spread(at, sum, resetAt)
	case sum > have:
		m.add(at, sum-have)
	case sum < have:
		m.shed(have - sum)
	}
	if told && len(m.baskets) > 0 {
		if resetAt.Add(m.skew).Round(tick).Unix()%60 == 0 {
			m.wholeMinutes = true
		} else {
			m.fromFirst = true
		}
		m.baskets[0].leaves = resetAt.Add(tick)
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
		leaves := resetAt.Add(time.Duration(i)*minute + tick)
		m.baskets = append(m.baskets, basket{first: leaves.Add(-window - tick), leaves: leaves, spent: sum / float64(n)})
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
