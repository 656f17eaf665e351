package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/bitrix"
)

func TestGrants(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		c := newClock()
		s, ctx := d.open(t, store.WithClock(c.Now)), t.Context()
		if _, err := s.Grant(ctx, "p", 1); !errors.Is(err, bitrix.ErrNoGrant) {
			t.Errorf("no grant: %v", err)
		}
		if err := s.SaveRefreshed(ctx, "x", bitrix.Grant{Portal: "p", User: 1}); !errors.Is(err, bitrix.ErrNoGrant) {
			t.Errorf("refreshing no grant: %v", err)
		}
		if _, err := s.ClaimRefresh(ctx, "p", 1, c.Now(), c.Now().Add(time.Minute)); !errors.Is(err, bitrix.ErrNoGrant) {
			t.Errorf("claiming no grant: %v", err)
		}

		want := filled[bitrix.Grant]()
		want.Portal, want.User, want.Keys, want.Dead = "p", 0, bitrix.Keys{}, ""
		expect := func(what string) {
			t.Helper()
			if diff := cmp.Diff(want, must(s.Grant(ctx, "p", 0))); diff != "" {
				t.Errorf("%s (-want +got)\n%s", what, diff)
			}
		}
		check(t, s.SaveGrant(ctx, want))
		expect("saved")
		_, err := s.UpdatePortal(ctx, "p", func(p *portal.Portal) error {
			p.Keys = bitrix.Keys{ClientID: "local.1", ClientSecret: "s"}
			return nil
		})
		check(t, err)
		want.Keys = bitrix.Keys{ClientID: "local.1", ClientSecret: "s"}
		expect("with the portal's keys")

		// Another pair than the one refreshed stays.
		other := want
		other.Access = "newer"
		check(t, s.SaveRefreshed(ctx, "not it", other))
		expect("after a late refresh")
		old := want.Access
		want.Access, want.Refresh, want.Endpoint = "access2", "refresh2", "https://moved.example/rest/"
		check(t, s.SaveRefreshed(ctx, old, want))
		expect("refreshed")
		without := want
		without.Access, without.Endpoint, without.Server = "access3", "", ""
		check(t, s.SaveRefreshed(ctx, "access2", without))
		want.Access = "access3"
		expect("refreshed without an endpoint")

		check(t, s.MarkGrantDead(ctx, "p", 0, "access2", "INVALID_GRANT"))
		expect("after a late death")
		check(t, s.MarkGrantDead(ctx, "p", 0, "access3", "INVALID_GRANT"))
		alive := want
		want.Access, want.Refresh, want.Expires, want.Dead = "", "", time.Time{}, "INVALID_GRANT"
		expect("dead")
		want = alive
		check(t, s.SaveGrant(ctx, want))
		expect("revived")

		for _, user := range []int64{5, 3} {
			c.Advance(time.Second)
			check(t, s.SaveGrant(ctx, bitrix.Grant{Portal: "p", User: user}))
		}
		check(t, s.SaveGrant(ctx, bitrix.Grant{Portal: "q", User: 9}))
		if diff := cmp.Diff([]int64{3, 5, 0}, must(s.GrantUsers(ctx, "p"))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestClaimRefresh(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		one, two, ctx := d.open(t), d.open(t), t.Context()
		now := newClock().Now()
		g := bitrix.Grant{Portal: "p", User: 1, Access: "a", Refresh: "r"}
		check(t, one.SaveGrant(ctx, g))
		claim := func(s *store.Store, at time.Time) bool {
			t.Helper()
			return must(s.ClaimRefresh(ctx, "p", 1, at, at.Add(time.Minute)))
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for n := range 8 {
			s := []*store.Store{one, two}[n%2]
			wg.Go(func() {
				if claim(s, now) {
					mu.Lock()
					won++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("%d of 8 may refresh", won)
		}
		if claim(two, now.Add(59*time.Second)) {
			t.Error("claimed while somebody refreshes")
		}
		if !claim(two, now.Add(60*time.Second)) {
			t.Error("a claim that is over cannot be had")
		}
		g.Access = "b"
		check(t, two.SaveRefreshed(ctx, "a", g))
		if !claim(one, now.Add(61*time.Second)) {
			t.Error("saving has not ended the claim")
		}
		check(t, one.SaveGrant(ctx, g))
		if !claim(two, now.Add(62*time.Second)) {
			t.Error("a new grant has not ended the claim")
		}
	})
}
