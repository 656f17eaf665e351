package importer_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// TestWaits: whatever a portal refuses everything for, an import and its
// taking back wait with the reason, nothing is lost or doubled, and both go on
// when the person opens the app after it is over.
func TestWaits(t *testing.T) {
	for _, c := range []struct {
		status       int
		code, reason string
	}{
		{401, "authorization_error", "connection_gone"},
		{401, "APPLICATION_NOT_FOUND", "app_removed"},
		{401, "PAYMENT_REQUIRED", "subscription_ended"},
		{403, "user_access_error", "app_closed_for_you"},
		{403, "insufficient_scope", "scope_missing"},
		{403, "ACCESS_DENIED", "rest_not_in_plan"},
		{403, "allowed_only_intranet_user", "not_an_employee"},
		{503, "OVERLOAD_LIMIT", "portal_overloaded"},
		{410, "PORTAL_DELETED", "portal_closed"},
		{500, "PORTAL_DELETED", "portal_closed"},
	} {
		t.Run(fmt.Sprint(c.code, c.status), func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				waits := func(id string) {
					t.Helper()
					b.must(b.pump(b.svc))
					imp := b.reload(id)
					if imp.State != importer.Waiting || imp.Reason == nil || imp.Reason.Code != c.reason || !imp.Until.IsZero() {
						t.Fatalf("%s, reason %+v until %v", imp.State, imp.Reason, imp.Until)
					}
					// Opening the app changes nothing while it is so.
					b.login(1)
					b.must(b.svc.Reopened(b.ctx(), b.actor))
					b.must(b.pump(b.svc))
					if imp = b.reload(id); imp.State != importer.Waiting || imp.Reason.Code != c.reason {
						t.Fatalf("still %s, reason %+v", imp.State, imp.Reason)
					}
					b.portal.Deny(0, "")
					b.login(1)
					b.must(b.svc.Reopened(b.ctx(), b.actor))
					b.must(b.pump(b.svc))
				}
				b.portal.SetCost("", 300*time.Millisecond)
				imp := b.checked(table(150))
				_, err := b.svc.Start(b.ctx(), b.actor, imp.ID)
				b.must(err)
				denied := false
				b.onSlice = func() {
					if n := len(b.titles()); !denied && n > 10 {
						denied = true
						b.portal.Deny(c.status, c.code)
					}
				}
				waits(imp.ID)
				if imp = b.reload(imp.ID); imp.State != importer.Done || imp.Counts != (importer.Counts{Created: 150}) {
					t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
				}
				b.exactly(150, true)
				_, err = b.svc.Undo(b.ctx(), b.actor, imp.ID)
				b.must(err)
				b.portal.Deny(c.status, c.code)
				waits(imp.ID)
				if imp = b.reload(imp.ID); imp.State != importer.Undone || imp.Undo.TakenBack != 150 || len(b.titles()) != 0 {
					t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Undo, imp.Reason)
				}
			})
		})
	}
}

// TestThePortalMoves: its address changes in the middle of an import.
func TestThePortalMoves(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.portal.SetCost("", 300*time.Millisecond)
		imp := b.checked(table(150))
		moved := false
		b.onSlice = func() {
			if n := len(b.titles()); !moved && n > 10 {
				moved = true
				b.portal.Rename("moved.example")
			}
		}
		if imp = b.run(imp.ID); !moved || imp.State != importer.Done || imp.Counts.Created != 150 {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
		b.exactly(150, true)
	})
}

// TestARightIsTaken: a person who may no longer add items waits with what is
// in, and goes on when he may again.
func TestARightIsTaken(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.clerk(emulator.FullRights())
		b.portal.SetCost("", 300*time.Millisecond)
		imp := b.checked(table(150))
		none := emulator.Rights{Read: emulator.All, Add: emulator.None, Import: emulator.None}
		taken := false
		b.onSlice = func() {
			if n := len(b.titles()); !taken && n > 10 {
				taken = true
				b.portal.EditUser(7, func(u *emulator.User) { u.Rights = map[int64]emulator.Rights{spa: none} })
			}
		}
		imp = b.run(imp.ID)
		t.Logf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		if imp.State != importer.Waiting || imp.Reason == nil || imp.Reason.Code != "no_right" {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
		b.portal.EditUser(7, func(u *emulator.User) { u.Rights = nil })
		b.must(b.svc.Reopened(b.ctx(), b.actor))
		b.must(b.pump(b.svc))
		if imp = b.reload(imp.ID); imp.State != importer.Done || imp.Counts.Created != 150 {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
		b.exactly(150, true)
	})
}

// TestDoubleClicks: two tabs ask for the same thing several times while two
// processes work, as two instances of the app do. Each row is written once,
// and taken back once.
func TestDoubleClicks(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.portal.SetCost("", 200*time.Millisecond)
		imp := b.checked(table(150))
		other := b.service(b.store)
		both := func(press func(*importer.Service) error) {
			t.Helper()
			var all sync.WaitGroup
			for range 3 {
				for _, svc := range []*importer.Service{b.svc, other} {
					all.Go(func() {
						if err := press(svc); err != nil {
							t.Error(err)
						}
					})
				}
			}
			all.Wait()
			for _, svc := range []*importer.Service{b.svc, other} {
				all.Go(func() {
					for b.reload(imp.ID).State == importer.Running || b.reload(imp.ID).State == importer.Waiting {
						next, err := svc.Slice(b.ctx(), importer.Lane("run:"+b.actor.Portal))
						if err != nil && !errors.Is(err, importer.ErrHeld) {
							t.Error(err)
							return
						}
						time.Sleep(max(time.Second, time.Until(next.At)))
					}
				})
			}
			all.Wait()
		}
		both(func(svc *importer.Service) error { _, err := svc.Start(b.ctx(), b.actor, imp.ID); return err })
		if imp = b.reload(imp.ID); imp.State != importer.Done || imp.Counts.Created != 150 {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
		b.exactly(150, true)
		both(func(svc *importer.Service) error { _, err := svc.Undo(b.ctx(), b.actor, imp.ID); return err })
		if imp = b.reload(imp.ID); imp.State != importer.Undone || imp.Undo.TakenBack != 150 || len(b.titles()) != 0 {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Undo, imp.Reason)
		}
		deletes := b.methods()["crm.item.delete"]
		if deletes != 150 {
			t.Errorf("%d deletes for 150 items", deletes)
		}
	})
}
