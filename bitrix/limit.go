package bitrix

import "time"

// methodLimit is the limit of method time, in seconds, which a portal does not tell:
// 480 in the documentation, 420 in some builds. It is learned: a refusal
// lowers it, a call let through above it raises it, and after some hours a
// lowered one is forgotten.
type methodLimit struct {
	value float64
	// passed is the highest sum at which a call was let through.
	passed float64
	// lowered is when a refusal lowered the value.
	lowered time.Time
	// batchAlone: batches are billed to the method "batch" and not to the
	// methods in them. Learned too: both are told of portals.
	batchAlone bool
}

const (
	usualLimit = 480
	lowerLimit = 420
	limitTrust = 6 * time.Hour
)

func newLimit() methodLimit { return methodLimit{value: usualLimit} }

// refresh forgets what was learned too long ago.
func (l *methodLimit) refresh(now time.Time) {
	if !l.lowered.IsZero() && now.Sub(l.lowered) > limitTrust {
		*l = newLimit()
	}
}

// careful is the sum up to which the limit is certain enough for several
// requests at once.
func (l *methodLimit) careful() float64 {
	if l.value > lowerLimit && l.passed < lowerLimit-slack {
		return lowerLimit
	}
	return l.value
}

// pass learns from a call that began at a sum and was let through.
func (l *methodLimit) pass(sum float64) {
	l.passed = max(l.passed, sum)
	if l.passed >= l.value {
		l.value = l.passed + 1
		if l.value < usualLimit {
			l.value = usualLimit
		}
	}
}

// refuse learns from a call that was refused at a sum. It reports false if
// the sum cannot be the reason, because calls went through above it: then
// somebody else spends what we do not see.
func (l *methodLimit) refuse(now time.Time, sum float64) bool {
	if sum <= l.passed || sum < usualLimit/4 {
		return false
	}
	if sum >= l.value {
		return true
	}
	switch {
	case l.passed < lowerLimit && sum >= lowerLimit-slack:
		l.value = lowerLimit
	default:
		l.value = max(l.passed, sum*0.9)
	}
	l.lowered = now
	return true
}
