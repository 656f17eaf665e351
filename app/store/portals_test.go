package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/vault"
	"github.com/spa-importer/spa-importer/bitrix"
)

func TestPortalForgetsNoField(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		if _, err := s.Portal(ctx, "m1"); !errors.Is(err, portal.ErrNotFound) {
			t.Errorf("unknown portal: %v", err)
		}
		full := filled[portal.Portal]()
		full.MemberID = "m1"
		for _, want := range []portal.Portal{full, {MemberID: "m1"}, full} {
			got, err := s.UpdatePortal(ctx, "m1", func(p *portal.Portal) error {
				if p.MemberID != "m1" {
					t.Errorf("change gets portal %q", p.MemberID)
				}
				*p = want
				p.MemberID = "stolen" // stays what it is
				return nil
			})
			check(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("returned (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(want, must(s.Portal(ctx, "m1"))); diff != "" {
				t.Errorf("kept (-want +got)\n%s", diff)
			}
		}
		own := errors.New("own error")
		for _, id := range []string{"m1", "m2"} {
			if _, err := s.UpdatePortal(ctx, id, func(p *portal.Portal) error {
				p.Domain = "x"
				return own
			}); err != own {
				t.Errorf("change's error came back as %v", err)
			}
		}
		if diff := cmp.Diff([]portal.Portal{full}, must(s.Portals(ctx))); diff != "" {
			t.Errorf("after refused changes (-want +got)\n%s", diff)
		}
	})
}

func TestUpdatePortalAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		one, two := d.open(t), d.open(t)
		var wg sync.WaitGroup
		for n := range 8 {
			s := []*store.Store{one, two}[n%2]
			wg.Go(func() {
				for range 10 {
					if _, err := s.UpdatePortal(t.Context(), "new", func(p *portal.Portal) error {
						p.Installer++
						return nil
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if got := must(one.Portal(t.Context(), "new")).Installer; got != 80 {
			t.Errorf("80 increments made %d", got)
		}
	})
}

// populate gives a tenant something in every table and returns its import.
func populate(t *testing.T, s *store.Store, tenant string) importer.Import {
	t.Helper()
	ctx := t.Context()
	_, err := s.UpdatePortal(ctx, tenant, func(p *portal.Portal) error {
		full := filled[portal.Portal]()
		full.MemberID = tenant
		*p = full
		return nil
	})
	check(t, err)
	check(t, s.SaveGrant(ctx, bitrix.Grant{Portal: tenant, User: 1, Access: "a", Refresh: "r"}))
	check(t, s.SaveWebhook(ctx, portal.Webhook{ID: "hook", Portal: tenant, URL: "https://x.example/rest/1/c/"}))
	check(t, s.CreateSession(ctx, portal.Session{Hash: tenant + "1", Portal: tenant, MemberID: tenant}))
	check(t, s.CreateSession(ctx, portal.Session{Hash: tenant + "2", Portal: "hook:x:1", MemberID: tenant}))
	check(t, s.Register(ctx, portal.Registration{Portal: tenant, Company: "C"}))
	u := fullUpload()
	u.Portal = tenant
	check(t, s.CreateUpload(ctx, u))
	i := newImport(t, s, tenant, importer.Running)
	f := acquire(t, s, "run:"+importer.Lane(tenant), "h")
	_, err = s.Write(ctx, f, i.ID, []importer.Entry{{State: importer.EntryCreated}}, nil)
	check(t, err)
	check(t, s.SaveLookups(ctx, i.ID, []importer.Lookup{{Kind: "user", Key: "k"}}))
	acquire(t, s, "read:"+importer.Lane(u.ID), "h")
	acquire(t, s, "check:"+importer.Lane(i.ID), "h")
	check(t, s.LogCalls(ctx, []bitrix.CallRecord{{Portal: tenant, Import: i.ID, Method: "crm.item.list"}}))
	return i
}

func TestRemovePortal(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		gone, stays := populate(t, s, "gone"), populate(t, s, "stays")
		fence := importer.Fence{Lane: "run:gone", Epoch: 1}

		uploads, imports, err := s.RemovePortal(ctx, "gone")
		check(t, err)
		if len(uploads) != 1 || !cmp.Equal(imports, []string{gone.ID}) {
			t.Errorf("RemovePortal = %v, %v", uploads, imports)
		}
		full := filled[portal.Portal]()
		want := portal.Portal{MemberID: "gone", Status: portal.Removed, Installed: full.Installed, Updated: full.Updated}
		if diff := cmp.Diff(want, must(s.Portal(ctx, "gone"))); diff != "" {
			t.Errorf("what is left (-want +got)\n%s", diff)
		}
		if got := must(s.Registration(ctx, "gone")); got.Company != "C" {
			t.Errorf("registration %+v", got)
		}
		db := d.raw(t)
		for table, where := range map[string]string{
			"grants": "portal = 'gone'", "webhooks": "portal = 'gone'", "uploads": "portal = 'gone'", "imports": "portal = 'gone'",
			"sessions": "member_id = 'gone'", "calls": "portal = 'gone'", "entries": "import_id = '" + gone.ID + "'",
			"lookups": "import_id = '" + gone.ID + "'", "lanes": "lane LIKE '%" + gone.ID + "' OR lane LIKE '%" + uploads[0] + "'",
		} {
			var left, all int
			check(t, db.QueryRowContext(ctx, "SELECT count(*) FROM "+table+" WHERE "+where).Scan(&left))
			check(t, db.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&all))
			if left != 0 || all == 0 {
				t.Errorf("%s: %d rows left, %d of all portals", table, left, all)
			}
		}

		// Work that was under way is fenced off, and its epoch does not come back.
		if _, err := s.Write(ctx, fence, gone.ID, nil, nil); !errors.Is(err, importer.ErrFenced) {
			t.Errorf("write of a removed portal: %v", err)
		}
		if err := s.Renew(ctx, fence, time.Minute); !errors.Is(err, importer.ErrFenced) {
			t.Errorf("renewing the lane of a removed portal: %v", err)
		}
		if f := acquire(t, s, "run:gone", "h"); f.Epoch <= fence.Epoch {
			t.Errorf("after a second installation: %+v", f)
		}

		for _, again := range []string{"gone", "never seen"} {
			if uploads, imports, err := s.RemovePortal(ctx, again); err != nil || len(uploads)+len(imports) != 0 {
				t.Errorf("removing %s: %v, %v, %v", again, uploads, imports, err)
			}
		}
		if _, err := s.Portal(ctx, "never seen"); !errors.Is(err, portal.ErrNotFound) {
			t.Errorf("removal made a portal: %v", err)
		}
		if got := must(s.Entries(ctx, stays.ID, 0, 0)); len(got) != 1 {
			t.Errorf("another portal's journal: %v", got)
		}
		if _, err := s.Grant(ctx, "stays", 1); err != nil {
			t.Errorf("another portal's grant: %v", err)
		}
	})
}

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

func TestWebhooks(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx, now := d.open(t), t.Context(), newClock().Now()
		w := filled[portal.Webhook]()
		w.ID, w.Portal, w.Created = "w", "p1", now
		check(t, s.SaveWebhook(ctx, w))
		w.URL = "https://other.example/rest/2/code/"
		check(t, s.SaveWebhook(ctx, w))
		theirs := w
		theirs.Portal, theirs.URL = "p2", "https://theirs.example/rest/3/code/"
		check(t, s.SaveWebhook(ctx, theirs)) // the same id elsewhere
		if diff := cmp.Diff(w, must(s.Webhook(ctx, "p1", "w"))); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		for range 2 {
			check(t, s.DeleteWebhook(ctx, "p1", "w"))
		}
		if _, err := s.Webhook(ctx, "p1", "w"); !errors.Is(err, portal.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
		if diff := cmp.Diff(theirs, must(s.Webhook(ctx, "p2", "w"))); diff != "" {
			t.Errorf("another portal's (-want +got)\n%s", diff)
		}
	})
}

func TestIdleWebhooks(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx, now := d.open(t), t.Context(), newClock().Now()
		for _, id := range []string{"idle", "session", "member", "running", "draft", "done", "stranger", "new"} {
			w := portal.Webhook{ID: id, Portal: "p1", Created: now.Add(-time.Hour)}
			if id == "new" {
				w.Created = now
			}
			check(t, s.SaveWebhook(ctx, w))
		}
		check(t, s.CreateSession(ctx, portal.Session{Hash: "1", Portal: "p1", Webhook: "session"}))
		check(t, s.CreateSession(ctx, portal.Session{Hash: "2", Portal: "p3", MemberID: "p1", Webhook: "member"}))
		check(t, s.CreateSession(ctx, portal.Session{Hash: "3", Portal: "p2", Webhook: "stranger"}))
		for hook, state := range map[string]importer.State{"running": importer.Running, "draft": importer.Draft, "done": importer.Done} {
			check(t, s.CreateImport(ctx, importer.Import{
				ID: vault.NewID(), Portal: "p1", State: state, Connection: importer.Connection{Kind: importer.ByWebhook, Webhook: hook},
			}))
		}
		check(t, s.CreateImport(ctx, importer.Import{
			ID: vault.NewID(), Portal: "p2", State: importer.Running, Connection: importer.Connection{Webhook: "stranger"},
		}))
		var got []string
		for _, w := range must(s.IdleWebhooks(ctx, now)) {
			got = append(got, w.ID)
		}
		if diff := cmp.Diff([]string{"done", "idle", "stranger"}, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestRegistrations(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		if _, err := s.Registration(ctx, "p1"); !errors.Is(err, portal.ErrNotFound) {
			t.Errorf("none: %v", err)
		}
		first := filled[portal.Registration]()
		first.Portal = "p1"
		for _, r := range []portal.Registration{{Portal: "p1", Mailings: true, Company: "old"}, first, {Portal: "p0"}} {
			check(t, s.Register(ctx, r))
		}
		if diff := cmp.Diff(first, must(s.Registration(ctx, "p1"))); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if diff := cmp.Diff([]portal.Registration{{Portal: "p0"}, first}, must(s.Registrations(ctx))); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestCalls(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx, now := d.open(t), t.Context(), newClock().Now()
		check(t, s.LogCalls(ctx, nil))
		var want, all []bitrix.CallRecord
		for n := range 600 {
			c := filled[bitrix.CallRecord]()
			c.Portal, c.Import, c.Start = "p1", "i1", now.Add(time.Duration(n)*time.Second)
			if n >= 100 {
				want = append(want, c)
			}
			all = append(all, c)
			c.Import = ""
			all = append(all, c)
			c.Import, c.Portal = "i1", fmt.Sprint("p", n+2)
			all = append(all, c)
		}
		check(t, s.LogCalls(ctx, all))
		if n, err := s.PurgeCalls(ctx, now.Add(100*time.Second)); err != nil || n != 300 {
			t.Errorf("PurgeCalls = %d, %v", n, err)
		}
		if diff := cmp.Diff(want, must(s.Calls(ctx, "p1", "i1"))); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
