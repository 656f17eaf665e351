package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/store"
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
	check(t, s.SaveEdits(ctx, i.ID, []importer.Edit{{Text: "t"}}))
	check(t, s.SaveMapping(ctx, importer.SavedMapping{Portal: tenant, EntityTypeID: 128, Headers: "h"}))
	check(t, s.SaveAnswers(ctx, tenant, 128, []importer.Answer{{Field: "f", Value: "v"}}))
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
		// Nothing else that belongs to the portal is left, in any table.
		db := d.raw(t)
		for _, table := range tablesOf(t, d) {
			n := cells(t, db, table, func(column string, value []byte) {
				for _, word := range []string{"gone", gone.ID, uploads[0]} {
					if !bytes.Contains(value, []byte(word)) {
						continue
					}
					switch table + "." + column {
					case "portals.member_id", "registrations.portal":
					case "lanes.lane":
						if string(value) != "run:gone" { // its epoch
							t.Errorf("%q is in %s.%s", word, table, column)
						}
					default:
						t.Errorf("%q is in %s.%s", word, table, column)
					}
				}
			})
			if n == 0 {
				t.Errorf("%s is empty: another portal has something there", table)
			}
		}

		// What was called before comes into the log later, or not at all.
		late := []bitrix.CallRecord{{Portal: "gone", Import: gone.ID}, {Portal: "stays", Import: stays.ID}, {Portal: "hook:x.example:1", Import: "i"}}
		check(t, s.LogCalls(ctx, late))
		for i, want := range []int{0, 2, 1} { // one was there before
			if got := must(s.Calls(ctx, late[i].Portal, late[i].Import)); len(got) != want {
				t.Errorf("%s has %d calls in its log, want %d", late[i].Portal, len(got), want)
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
		if n := len(must(s.Mappings(ctx, "stays", 128))) + len(must(s.Answers(ctx, "stays", 128))); n != 2 {
			t.Errorf("another portal remembers %d of 2", n)
		}
		if n := len(must(s.Mappings(ctx, "gone", 128))) + len(must(s.Answers(ctx, "gone", 128))); n != 0 {
			t.Errorf("a removed portal remembers %d", n)
		}
		// Installed again, it begins to remember anew.
		check(t, s.SaveAnswers(ctx, "gone", 128, []importer.Answer{{Field: "f", Value: "v"}}))
		if _, err := s.Grant(ctx, "stays", 1); err != nil {
			t.Errorf("another portal's grant: %v", err)
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

// A registration goes on request alone, and leaves no trace.
func TestUnregister(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		for _, p := range []string{"p1", "p2"} {
			check(t, s.Register(ctx, portal.Registration{Portal: p, Company: "Quondam Ltd of " + p}))
		}
		check(t, s.Unregister(ctx, "p1"))
		if err := s.Unregister(ctx, "p1"); !errors.Is(err, portal.ErrNotFound) {
			t.Errorf("a second time: %v", err)
		}
		if got := must(s.Registrations(ctx)); len(got) != 1 || got[0].Portal != "p2" {
			t.Errorf("left: %+v", got)
		}
		if d.kind == "sqlite" {
			check(t, s.Close())
			if b := must(os.ReadFile(d.path)); bytes.Contains(b, []byte("Quondam Ltd of p1")) || !bytes.Contains(b, []byte("Quondam Ltd of p2")) {
				t.Error("the file of the database holds what was deleted, or not what was kept")
			}
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
