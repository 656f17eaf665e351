package bitrix_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// emulated is a portal with OAuth, and the grant of a user there, in the
// virtual time of synctest.
type emulated struct {
	portal *emulator.Portal
	client *bitrix.Client
	grants *memory
	admin  *bitrix.Connection
}

func emulate(t *testing.T, change func(*emulator.Profile)) *emulated {
	t.Helper()
	w := emulator.New(emulator.Options{
		Now: time.Now, ClientID: "app.1", ClientSecret: "s3cret", OAuthURL: "https://oauth.example",
		Sleep: func(ctx context.Context, d time.Duration) error {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	})
	profile := emulator.DemoProfile()
	profile.Domain, profile.Scheme, profile.Installed = "portal.example", "https", true
	if change != nil {
		change(&profile)
	}
	e := &emulated{portal: w.AddPortal(profile), grants: newMemory()}
	e.client = bitrix.New(bitrix.Options{
		Keys: bitrix.Keys{ClientID: "app.1", ClientSecret: "s3cret"}, OAuth: []string{"https://oauth.example/"}, Transport: w.Transport(),
	})
	for _, u := range e.portal.Users() {
		if u.Admin {
			e.admin = e.as(t, u.ID)
			break
		}
	}
	return e
}

// as opens the app as a user.
func (e *emulated) as(t *testing.T, user int64) *bitrix.Connection {
	t.Helper()
	access, refresh := e.portal.Token(user)
	g := bitrix.Grant{
		Portal: e.portal.MemberID(), User: user, Access: access, Refresh: refresh,
		Endpoint: e.portal.Endpoint(), Server: "https://oauth.example/rest/",
	}
	if err := e.grants.SaveGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	return e.client.Grant(g.Portal, user, e.grants)
}

// TestEmulatedReads: everything that is read, as an administrator, as a user
// and through a webhook, on a portal that was written without this client.
func TestEmulatedReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := emulate(t, nil)
		ctx := t.Context()
		p, err := bitrix.ReadProfile(ctx, e.admin)
		if err != nil || !p.Admin {
			t.Fatalf("profile %+v, %v", p, err)
		}
		access, _ := e.portal.Token(p.ID)
		info, err := e.client.AppInfo(ctx, "https://oauth.example/rest/", access)
		if err != nil || info.ClientID != "app.1" || info.User != p.ID || info.MemberID != e.portal.MemberID() || info.Endpoint != e.portal.Endpoint() {
			t.Errorf("app.info of the OAuth server: %+v, %v", info, err)
		}
		if scopes, err := bitrix.ReadScopes(ctx, e.admin); err != nil || len(scopes) == 0 {
			t.Errorf("scopes %v, %v", scopes, err)
		}
		if app, err := bitrix.ReadApp(ctx, e.admin); err != nil || app.Code == "" {
			t.Errorf("app.info of the portal: %+v, %v", app, err)
		}
		hook, err := bitrix.ParseWebhook(e.portal.Webhook(p.ID, "crm"), false)
		if err != nil {
			t.Fatal(err)
		}
		all, err := bitrix.ReadTypes(ctx, e.admin)
		if err != nil || len(all) < 3 {
			t.Fatalf("types %+v, %v", all, err)
		}
		through, err := bitrix.ReadTypes(ctx, e.client.Webhook(hook))
		if err != nil || len(through) != len(all) {
			t.Errorf("types through a webhook: %+v, %v", through, err)
		}
		for _, u := range e.portal.Users() {
			if u.Admin {
				continue
			}
			some, err := bitrix.ReadTypes(ctx, e.as(t, u.ID))
			if err != nil || len(some) > len(all) {
				t.Errorf("types of user %d: %d, %v", u.ID, len(some), err)
			}
		}
		for _, ty := range all {
			fields, err := bitrix.ReadFields(ctx, e.admin, ty.EntityTypeID)
			if err != nil || len(fields) < 10 {
				t.Errorf("%s: %d fields, %v", ty.Title, len(fields), err)
			}
			categories, err := bitrix.ReadCategories(ctx, e.admin, ty.EntityTypeID)
			if err != nil || len(categories) == 0 {
				t.Errorf("%s: categories %+v, %v", ty.Title, categories, err)
			}
			for _, c := range categories {
				stages, err := bitrix.ReadStatuses(ctx, e.admin, fmt.Sprintf("DYNAMIC_%d_STAGE_%d", ty.EntityTypeID, c.ID))
				if err != nil || ty.Stages && len(stages) == 0 {
					t.Errorf("%s: stages %+v, %v", c.Name, stages, err)
				}
			}
		}
	})
}

// TestEmulatedTokens: tokens that expire while working, and a portal that is
// renamed.
func TestEmulatedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := emulate(t, nil)
		for hour := range 5 {
			if _, err := bitrix.ReadProfile(t.Context(), e.admin); err != nil {
				t.Fatalf("hour %d: %v", hour, err)
			}
			wait(61 * time.Minute)
		}
		e.portal.Fault(emulator.Fault{Kind: emulator.ExpireToken})
		if _, err := bitrix.ReadProfile(t.Context(), e.admin); err != nil {
			t.Error(err)
		}
		e.portal.Rename("renamed.example")
		if _, err := bitrix.ReadProfile(t.Context(), e.admin); err != nil {
			t.Errorf("after the portal was renamed: %v", err)
		}
		e.portal.Fault(emulator.Fault{Kind: emulator.Redirect302, Location: "https://evil.example"})
		if _, err := bitrix.ReadProfile(t.Context(), e.admin); bitrix.Code(err) != bitrix.CodeMoved {
			t.Errorf("a redirect elsewhere: %v", err)
		}
		if err := e.portal.RemoveApp(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		_, err := bitrix.ReadProfile(t.Context(), e.admin)
		var fault *bitrix.Error
		if !errors.As(err, &fault) || !fault.Stops() {
			t.Errorf("after the app was removed: %v", err)
		}
	})
}

// TestEmulatedFaults: what the client says of a write that went wrong is true.
func TestEmulatedFaults(t *testing.T) {
	for name, c := range map[string]struct {
		kind emulator.Kind
		want bitrix.Class
		code string
	}{
		"nobody listens":    {emulator.ConnRefused, bitrix.Refused, bitrix.CodeTransport},
		"dropped before":    {emulator.DropBefore, bitrix.Unknown, bitrix.CodeTransport},
		"dropped after":     {emulator.DropAfter, bitrix.Unknown, bitrix.CodeTransport},
		"half executed":     {emulator.HalfThenDrop, bitrix.Unknown, bitrix.CodeTransport},
		"502":               {emulator.BadGateway, bitrix.Unknown, bitrix.CodeNotJSON},
		"502, executed":     {emulator.BadGatewayDone, bitrix.Unknown, bitrix.CodeNotJSON},
		"504":               {emulator.GatewayTimeout, bitrix.Unknown, bitrix.CodeNotJSON},
		"page with 200":     {emulator.HTML200, bitrix.Unknown, bitrix.CodeNotJSON},
		"truncated":         {emulator.Truncated, bitrix.Unknown, ""},
		"internal error":    {emulator.InternalError, bitrix.Unknown, "INTERNAL_SERVER_ERROR"},
		"never an answer":   {emulator.Hang, bitrix.Unknown, bitrix.CodeTransport},
		"method time spent": {emulator.Refuse429, bitrix.Refused, "OPERATION_TIME_LIMIT"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := emulate(t, nil)
				write := func() error {
					_, err := e.admin.Call(t.Context(), "crm.item.batchImport", map[string]any{
						"entityTypeId": emulator.DemoContracts, "useOriginalUfNames": "Y",
						"data": map[string]any{"r1": map[string]any{"title": "A"}, "r2": map[string]any{"title": "B"}},
					})
					return err
				}
				if err := write(); err != nil {
					t.Fatal(err)
				}
				before, calls := len(e.portal.Items(emulator.DemoContracts)), len(e.portal.Calls())
				e.portal.Fault(emulator.Fault{Method: "crm.item.batchImport", Kind: c.kind})
				err := write()
				var fault *bitrix.Error
				if !errors.As(err, &fault) || fault.Class != c.want || c.code != "" && fault.Code != c.code {
					t.Errorf("got %v, want class %v and code %s", err, c.want, c.code)
				}
				made := len(e.portal.Items(emulator.DemoContracts)) - before
				if fault != nil && fault.Class == bitrix.Refused && made > 0 || made > 2 {
					t.Errorf("%d items were made", made)
				}
				if n := len(e.portal.Calls()) - calls; n > 1 {
					t.Errorf("%d calls reached the portal", n)
				}
			})
		})
	}
}

// TestEmulatedPace: the limits as somebody else has understood them.
func TestEmulatedPace(t *testing.T) {
	for name, change := range map[string]func(*emulator.Limits){
		"usual": func(*emulator.Limits) {}, "batch billed": func(l *emulator.Limits) { l.BillBatch = true },
	} {
		for _, streams := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s, %d streams", name, streams), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					limits := emulator.LimitsOf("")
					change(&limits)
					e := emulate(t, func(p *emulator.Profile) { p.Limits = &limits })
					e.portal.SetCost("crm.category.list", 7*time.Second)
					refused := func() (n int) {
						for _, c := range e.portal.Calls() {
							if c.Code == "OPERATION_TIME_LIMIT" || c.Code == "QUERY_LIMIT_EXCEEDED" {
								n++
							}
						}
						return n
					}
					took := driveWith(t, e.admin, "crm.category.list", map[string]any{"entityTypeId": emulator.DemoContracts}, 200, streams, 7*time.Second)
					// 1400 s of work: two windows of 480 s, and the rest.
					bound := 1200*time.Second + 440*time.Second/time.Duration(streams)
					t.Logf("took %v of %v, %d refused", took, bound, refused())
					if n := refused(); n > 0 {
						t.Errorf("%d refused", n)
					}
					if bound.Seconds()/took.Seconds() < 0.97 {
						t.Errorf("took %v, the limits allow %v", took, bound)
					}
				})
			})
		}
	}
}
