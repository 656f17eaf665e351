package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
)

func TestLanes(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		c := newClock()
		one, two, ctx := d.open(t, store.WithClock(c.Now)), d.open(t, store.WithClock(c.Now)), t.Context()
		epoch := func(want int64) {
			t.Helper()
			if got, err := two.Epoch(ctx, "run:p"); err != nil || got != want {
				t.Errorf("Epoch = %d, %v; want %d", got, err, want)
			}
		}
		epoch(0)
		a := acquire(t, one, "run:p", "one")
		if a != (importer.Fence{Lane: "run:p", Epoch: 1}) {
			t.Errorf("first fence %+v", a)
		}
		epoch(1)
		for _, holder := range []string{"one", "two"} {
			if _, err := two.Acquire(ctx, "run:p", holder, time.Minute); !errors.Is(err, importer.ErrHeld) {
				t.Errorf("%s acquires a held lane: %v", holder, err)
			}
		}
		acquire(t, two, "run:other", "two")

		c.Advance(50 * time.Second)
		if err := one.Renew(ctx, a, time.Minute); err != nil {
			t.Errorf("renewing: %v", err)
		}
		c.Advance(50 * time.Second)
		if _, err := two.Acquire(ctx, "run:p", "two", time.Minute); !errors.Is(err, importer.ErrHeld) {
			t.Errorf("acquires a renewed lane: %v", err)
		}
		c.Advance(10 * time.Second) // over, but nobody has taken it
		if err := one.Renew(ctx, a, time.Second); err != nil {
			t.Errorf("renewing late: %v", err)
		}
		c.Advance(time.Second)
		b := acquire(t, two, "run:p", "two")
		if b.Epoch != 2 {
			t.Errorf("second fence %+v", b)
		}
		if err := one.Renew(ctx, a, time.Minute); !errors.Is(err, importer.ErrFenced) {
			t.Errorf("renewing a lost lane: %v", err)
		}
		if err := one.Release(ctx, a); !errors.Is(err, importer.ErrFenced) {
			t.Errorf("releasing a lost lane: %v", err)
		}
		if err := two.Release(ctx, b); err != nil {
			t.Errorf("releasing: %v", err)
		}
		for name, err := range map[string]error{
			"renewing": two.Renew(ctx, b, time.Minute), "releasing": two.Release(ctx, b),
		} {
			if !errors.Is(err, importer.ErrFenced) {
				t.Errorf("%s a released lane: %v", name, err)
			}
		}
		if got := acquire(t, one, "run:p", "one"); got.Epoch != 3 {
			t.Errorf("third fence %+v", got)
		}
		if _, err := one.Acquire(ctx, "run:q", "", time.Minute); err == nil {
			t.Error("acquired by nobody")
		}
	})
}

func TestReleaseHolder(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		dead := acquire(t, s, "run:a", "dead")
		acquire(t, s, "read:b", "dead")
		alive := acquire(t, s, "run:c", "alive")
		if err := s.ReleaseHolder(ctx, "dead"); err != nil {
			t.Fatal(err)
		}
		if err := s.Renew(ctx, dead, time.Minute); !errors.Is(err, importer.ErrFenced) {
			t.Errorf("the dead one renews: %v", err)
		}
		if err := s.Renew(ctx, alive, time.Minute); err != nil {
			t.Errorf("the living one has lost its lane: %v", err)
		}
		if f := acquire(t, s, "run:a", "successor"); f.Epoch != 2 {
			t.Errorf("the successor's fence %+v", f)
		}
		acquire(t, s, "read:b", "successor")
		if err := s.ReleaseHolder(ctx, ""); err == nil {
			t.Error("released the lanes of nobody")
		}
	})
}
