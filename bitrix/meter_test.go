package bitrix

import (
	"testing"
	"time"
)

// TestMeterLearnsTheWay: three portals spend alike and forget differently;
// after the first basket has left, the model knows when the others leave.
func TestMeterLearnsTheWay(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 25, 0, time.UTC)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	// Calls end at :25, :25 a minute on and so on, and at :05 between.
	ends := []int{0, 40, 61, 100, 125}
	for name, c := range map[string]struct {
		resets []time.Time // of the oldest basket, before and after it changed
		next   time.Time   // when what is left at the end leaves first
	}{
		"minutes of the clock, from their first call": {[]time.Time{at(600), at(640)}, at(640)},
		"minutes from a call on":                      {[]time.Time{at(600), at(661)}, at(661)},
		"minutes of the clock, as a whole":            {[]time.Time{at(575), at(635)}, at(635)},
	} {
		m := &meter{}
		for i, s := range ends {
			m.observe(at(s), 0, 10, float64(10*(i+1)), c.resets[0])
		}
		left := at(602)
		m.observe(left, 0, 5, m.spent(left)+5, c.resets[1])
		if got := m.nextLeaving(left); !got.Equal(c.next.Add(tick)) {
			t.Errorf("%s: the next leaves at %v, want %v", name, got.Sub(start), c.next.Sub(start))
		}
		right := 0
		for _, wrong := range m.wrong {
			if !wrong {
				right++
			}
		}
		if right != 1 {
			t.Errorf("%s: %d ways are still possible", name, right)
		}
	}
}

// TestMeterAcrossMinutes: what a batch took is known at its end only, so one
// that reaches over the end of a basket is partly in the next. What it took is
// new all the same, and leaves ten minutes later, not with what it replaces;
// and what surely counts is never more than what does.
func TestMeterAcrossMinutes(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 2, 0, time.UTC)
	at := func(s float64) time.Time { return start.Add(seconds(s)) }
	m, sum := &meter{}, 0.0
	for end := 12.0; end <= 480; end += 12 {
		sum += 12
		m.observe(at(end), 12*time.Second, 12, sum, at(600.4))
	}
	// The portal's first basket, of 60 s, leaves at 600.4 s; ours, of which
	// one batch may belong to the next, are smaller.
	sum -= 60
	for end := 613.0; end <= 661; end += 12 {
		reset := at(660.4)
		if got := m.sure(at(660.9)); end == 661 && got > sum-60 {
			t.Errorf("%v s count for sure, but only %v do", got, sum-60)
		}
		if sum += 12; end == 661 {
			sum, reset = sum-60, at(720.4)
		}
		m.observe(at(end), 12*time.Second, 12, sum, reset)
		if got, want := m.spent(at(1190)), end-601; got != want {
			t.Errorf("at %v s: %v s still count ten minutes after they began, want %v", end, got, want)
		}
	}
}
