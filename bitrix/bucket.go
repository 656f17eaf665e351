package bitrix

import (
	"math"
	"time"
)

// bucket mirrors the leaky bucket in which a portal counts the requests that
// come from one address ("limits"): each adds one, rate leave per second,
// and a request that would not fit is refused without being executed.
type bucket struct {
	// size is what the bucket holds; 0: no limit is known.
	size, rate float64
	level      float64
	at         time.Time // level is of this time
	refused    int       // refusals in a row
	blocked    time.Time // nothing is sent before
}

// bucketOf is the bucket of a licence family, as app.info names it: "ent"
// for Enterprise, "selfhosted" or "box" for portals on own servers, which count
// nothing.
func bucketOf(family string) bucket {
	switch family {
	case "ent":
		return bucket{size: 250, rate: 5}
	case "box", "selfhosted":
		return bucket{}
	default:
		return bucket{size: 50, rate: 2}
	}
}

// keep is how many places stay free: as much as leaves in one second, since
// the portal may count in whole seconds where we count continuously, and for
// work in the background a little more, so that people do not wait for it.
func (b *bucket) keep(background bool) float64 {
	if background {
		return math.Ceil(b.rate * 1.4)
	}
	return b.rate
}

func (b *bucket) drain(now time.Time) {
	if d := now.Sub(b.at); d > 0 {
		b.level = max(0, b.level-d.Seconds()*b.rate)
		b.at = now
	}
}

// ready is the time, not before now, at which a request finds its place and
// leaves keep others free.
func (b *bucket) ready(now time.Time, keep float64) time.Time {
	t := now
	if b.blocked.After(t) {
		t = b.blocked
	}
	if b.size == 0 {
		return t
	}
	c := *b
	c.drain(t)
	over := c.level + 1 + keep - b.size
	if over <= 1e-6 {
		return t
	}
	return t.Add(time.Duration(math.Ceil(over/b.rate*1e3)) * time.Millisecond)
}

// take counts a request that is being sent.
func (b *bucket) take(now time.Time) {
	if b.size == 0 {
		return
	}
	b.drain(now)
	b.level++
}

// answered notes that a request was not refused for the rate.
func (b *bucket) answered() { b.refused = 0 }

// refuse learns from a refusal: the bucket is full, of requests we do not
// know. Each refusal in a row doubles the wait, from 1 s up to a minute.
func (b *bucket) refuse(now time.Time) {
	if b.size > 0 {
		b.drain(now)
		b.level = max(b.level, b.size)
	}
	wait := time.Second << min(b.refused, 6)
	b.blocked = now.Add(min(wait, time.Minute))
	b.refused++
}
