package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/store"
)

func TestSessions(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx, now := d.open(t), t.Context(), newClock().Now()
		want := filled[portal.Session]()
		want.Hash, want.Created, want.Seen = "h", now, now
		check(t, s.CreateSession(ctx, want))
		if err := s.CreateSession(ctx, want); !errors.Is(err, store.ErrExists) {
			t.Errorf("second create: %v", err)
		}
		seen := func(at, shown time.Duration) {
			t.Helper()
			want.Seen = now.Add(shown)
			if diff := cmp.Diff(want, must(s.Session(ctx, "h", now.Add(at)))); diff != "" {
				t.Errorf("at %v (-want +got)\n%s", at, diff)
			}
		}
		seen(59*time.Second, 0)
		seen(61*time.Second, 0)               // noted
		seen(2*time.Minute, 61*time.Second)   // too soon
		seen(30*time.Minute, 61*time.Second)  // noted
		seen(91*time.Minute, 30*time.Minute)  // idle too long: not noted
		seen(92*time.Minute, 30*time.Minute)  // nor revived
		seen(-30*time.Minute, 30*time.Minute) // a clock that went back

		want.Import, want.Webhook, want.Admin = "", "other", false
		got, err := s.UpdateSession(ctx, "h", func(n *portal.Session) error {
			*n = want
			n.Hash = "stolen"
			return nil
		})
		check(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("returned (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(want, must(s.Session(ctx, "h", now))); diff != "" {
			t.Errorf("changed (-want +got)\n%s", diff)
		}
		own := errors.New("own error")
		if _, err := s.UpdateSession(ctx, "h", func(*portal.Session) error { return own }); err != own {
			t.Errorf("change's error came back as %v", err)
		}
		for name, err := range map[string]error{
			"Session":       second(s.Session(ctx, "nothere", now)),
			"odd Session":   second(s.Session(ctx, "\x00\xff", now)),
			"UpdateSession": second(s.UpdateSession(ctx, "nothere", func(*portal.Session) error { return nil })),
		} {
			if !errors.Is(err, portal.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestDropSessions(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx, now := d.open(t), t.Context(), newClock().Now()
		for hash, age := range map[string][2]time.Duration{
			"fresh": {0, 0}, "idle": {2 * time.Hour, time.Hour + 1}, "old": {12*time.Hour + 1, 0}, "limit": {12 * time.Hour, time.Hour},
		} {
			check(t, s.CreateSession(ctx, portal.Session{Hash: hash, Created: now.Add(-age[0]), Seen: now.Add(-age[1])}))
		}
		check(t, s.DropSessions(ctx, now.Add(-time.Hour), now.Add(-12*time.Hour)))
		for hash, stays := range map[string]bool{"fresh": true, "idle": false, "old": false, "limit": true} {
			if _, err := s.Session(ctx, hash, now); (err == nil) != stays {
				t.Errorf("%s: %v", hash, err)
			}
		}
	})
}
