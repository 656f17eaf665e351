package portal_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/vault"
	"github.com/spa-importer/spa-importer/bitrix"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// craft writes an event as anybody could.
func craft(name string, ts time.Time, auth map[string]string) string {
	v := url.Values{"event": {name}, "ts": {strconv.FormatInt(ts.Unix(), 10)}, "data[INSTALLED]": {"Y"}}
	for key, value := range auth {
		v.Set("auth["+key+"]", value)
	}
	return v.Encode()
}

func (h *house) auth(changes ...string) map[string]string {
	auth := map[string]string{
		"member_id": h.portal.MemberID(), "domain": "evil.example", "client_endpoint": "https://evil.example/rest/",
		"server_endpoint": "https://evil.example/rest/", "application_token": h.portal.AppToken(),
	}
	for i := 0; i < len(changes); i += 2 {
		auth[changes[i]] = changes[i+1]
	}
	return auth
}

func TestInstallEventAnchorsTheToken(t *testing.T) {
	h := newHouse(t)
	h.install()
	p := h.row()
	if p.AppToken != h.portal.AppToken() || p.Status != portal.Active || p.Installer != admin {
		t.Errorf("portal %+v", p)
	}
	g, err := h.store.Grant(t.Context(), p.MemberID, admin)
	if err != nil || g.Refresh == "" {
		t.Errorf("grant %v", err)
	}
}

// TestForgedEvents: whatever is sent, nothing changes, and no address that
// the event names is called.
func TestForgedEvents(t *testing.T) {
	for _, c := range []struct {
		name string
		body func(h *house) string
	}{
		{"install with an invented token", func(h *house) string {
			return craft("ONAPPINSTALL", h.clock.Now(), h.auth("access_token", strings.Repeat("f", 70), "application_token", "mine"))
		}},
		{"install without a token", func(h *house) string {
			return craft("ONAPPINSTALL", h.clock.Now(), h.auth("application_token", "mine"))
		}},
		{"install by a plain employee", func(h *house) string {
			access, refresh := h.portal.Token(plain)
			return craft("ONAPPINSTALL", h.clock.Now(), h.auth("access_token", access, "refresh_token", refresh, "application_token", "mine"))
		}},
		{"update by a plain employee", func(h *house) string {
			access, refresh := h.portal.Token(plain)
			return craft("ONAPPUPDATE", h.clock.Now(), h.auth("access_token", access, "refresh_token", refresh, "application_token", "mine"))
		}},
		{"install by an administrator of another app", func(h *house) string {
			access, refresh := h.portal.TokenFor("app.feedfacecafe01.12345678", admin)
			return craft("ONAPPINSTALL", h.clock.Now(), h.auth("access_token", access, "refresh_token", refresh, "application_token", "mine"))
		}},
		{"install by an administrator of another portal", func(h *house) string {
			other := h.world.AddPortal(emulator.Profile{
				MemberID: strings.Repeat("e", 32), Domain: "other.bitrix24.example", Limits: unhurried,
				Users: []emulator.User{{ID: 1, Name: "Eve", Admin: true}},
			})
			access, refresh := other.Token(1)
			return craft("ONAPPINSTALL", h.clock.Now(), h.auth("access_token", access, "refresh_token", refresh, "application_token", "mine"))
		}},
		{"removal with a wrong token", func(h *house) string {
			return craft("ONAPPUNINSTALL", h.clock.Now(), h.auth("application_token", "mine"))
		}},
		{"removal without a token", func(h *house) string {
			return craft("ONAPPUNINSTALL", h.clock.Now(), h.auth("application_token", ""))
		}},
		{"removal of an unknown portal", func(h *house) string {
			return craft("ONAPPUNINSTALL", h.clock.Now(), h.auth("member_id", strings.Repeat("0", 32)))
		}},
		{"type event with a wrong token", func(h *house) string {
			return craft("ONCRMTYPEADD", h.clock.Now(), h.auth("application_token", "mine"))
		}},
		{"payment with a wrong token", func(h *house) string {
			return craft("ONAPPPAYMENT", h.clock.Now(), h.auth("application_token", "mine"))
		}},
		{"an event we do not know", func(h *house) string { return craft("ONCRMDEALADD", h.clock.Now(), h.auth()) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			h.install()
			before := h.row()
			body := c.body(h)
			h.hosts.reset()
			h.event(body)
			if after := h.row(); after.AppToken != before.AppToken || after.Status != before.Status ||
				after.Installer != before.Installer || !after.QuarantinedAt.IsZero() || after.Domain != before.Domain {
				t.Errorf("before %+v\nafter  %+v", before, after)
			}
			if n := h.hosts.count("evil.example"); n != 0 {
				t.Errorf("%d calls to the address the event names", n)
			}
			if strings.HasPrefix(c.name, "removal") && len(h.hosts.seen) != 0 {
				t.Errorf("calls to %v", h.hosts.seen)
			}
			if _, err := h.service().Connection(t.Context(), before.MemberID, admin, ""); err != nil {
				t.Errorf("the connection is gone: %v", err)
			}
		})
	}
}

// fill puts something of everything into the portal's rows.
func (h *house) fill() (tenant, session string) {
	h.t.Helper()
	opened := h.open(plain)
	tenant = opened.Session.Portal
	up := importer.Upload{ID: vault.NewID(), Portal: tenant, User: plain, Name: "a.csv", State: importer.Received, Key: vault.NewDataKey(), Created: h.clock.Now()}
	if err := h.store.CreateUpload(h.t.Context(), up); err != nil {
		h.t.Fatal(err)
	}
	imp := importer.Import{ID: vault.NewID(), Portal: tenant, User: plain, Upload: up.ID, State: importer.Draft, Key: up.Key, Created: h.clock.Now()}
	if err := h.store.CreateImport(h.t.Context(), imp); err != nil {
		h.t.Fatal(err)
	}
	if err := h.service().Register(h.t.Context(), opened.Session, registration()); err != nil {
		h.t.Fatal(err)
	}
	return tenant, opened.Token
}

func (h *house) assertRemoved(tenant, token string) {
	h.t.Helper()
	p := h.row()
	if p.Status != portal.Removed || p.AppToken != "" || p.Domain != "" || p.Installer != 0 {
		h.t.Errorf("left: %+v", p)
	}
	if users, err := h.store.GrantUsers(h.t.Context(), tenant); err != nil || len(users) != 0 {
		h.t.Errorf("grants of %v, %v", users, err)
	}
	if _, err := h.service().Session(h.t.Context(), token); !errors.Is(err, portal.ErrSessionOver) {
		h.t.Errorf("session: %v", err)
	}
	if imports, err := h.store.Imports(h.t.Context(), tenant, 0); err != nil || len(imports) != 0 {
		h.t.Errorf("imports %v, %v", imports, err)
	}
	if len(h.files.uploads) != 1 || len(h.files.imports) != 1 {
		h.t.Errorf("files deleted: %+v", h.files)
	}
	if _, err := h.service().Connection(h.t.Context(), tenant, admin, ""); !errors.Is(err, portal.ErrNotFound) {
		h.t.Errorf("connection: %v", err)
	}
	// A registration is the record of a contract.
	if _, err := h.service().Registration(h.t.Context(), tenant); err != nil {
		h.t.Errorf("registration: %v", err)
	}
}

func (h *house) remove() {
	h.t.Helper()
	if err := h.portal.RemoveApp(context.WithoutCancel(h.t.Context()), true); err != nil && !strings.Contains(err.Error(), "app.example.com") {
		h.t.Fatal(err)
	}
}

func TestRemovalAndSecondInstallation(t *testing.T) {
	h := newHouse(t)
	h.install()
	tenant, token := h.fill()
	h.clock.add(time.Minute)
	h.remove()
	h.deliver("ONAPPUNINSTALL")
	h.assertRemoved(tenant, token)

	h.deliver("ONAPPUNINSTALL") // once more: nothing to do
	if p := h.row(); p.Status != portal.Removed {
		t.Errorf("portal %+v", p)
	}

	h.install()
	if p := h.row(); p.Status != portal.Active || p.AppToken != h.portal.AppToken() || p.Installer != admin {
		t.Errorf("installed again: %+v", p)
	}
	if limit, err := h.service().RowLimit(t.Context(), tenant); err != nil || limit != 0 {
		t.Errorf("row limit %d, %v", limit, err)
	}
}

// TestForgedRemoval: an employee has read the application token in the
// frame and sends a removal with it.
func TestForgedRemoval(t *testing.T) {
	h := newHouse(t)
	h.install()
	tenant, token := h.fill()
	h.event(craft("ONAPPUNINSTALL", h.clock.Now(), h.auth()))
	if h.row().QuarantinedAt.IsZero() {
		t.Fatal("not in quarantine")
	}
	if _, err := h.service().Connection(t.Context(), tenant, plain, ""); !errors.Is(err, portal.ErrQuarantined) {
		t.Errorf("work goes on in quarantine: %v", err)
	}
	s := h.service()
	for range 31 {
		h.clock.add(time.Minute)
		if err := s.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if p := h.row(); !p.QuarantinedAt.IsZero() || p.Status != portal.Active {
		t.Errorf("portal %+v", p)
	}
	if _, err := h.service().Session(t.Context(), token); err != nil {
		t.Errorf("session: %v", err)
	}
	if _, err := h.service().Connection(t.Context(), tenant, plain, ""); err != nil {
		t.Errorf("connection: %v", err)
	}
	probes := 0
	for _, call := range h.world.Calls() {
		if call.Method == "oauth.app.info" {
			probes++
		}
	}
	// Two opens and ONAPPINSTALL before; the event, 1, 5 and 30 minutes.
	if want := 3 + 4; probes != want {
		t.Errorf("the OAuth server was asked %d times, want %d", probes, want)
	}
}

// TestLateRemoval: the event of a removal comes after the app was installed
// again. Nothing is deleted, and nothing has to wait.
func TestLateRemoval(t *testing.T) {
	h := newHouse(t)
	h.install()
	h.clock.add(time.Minute)
	h.remove()
	h.portal.AddApp()
	h.clock.add(time.Minute)
	h.install()
	tenant, token := h.fill()
	all := h.portal.Deliveries()
	late := slices.IndexFunc(all, func(d emulator.Delivery) bool { return d.Event == "ONAPPUNINSTALL" })
	e, err := bitrix.ParseEvent([]byte(all[late].Body))
	if err != nil {
		t.Fatal(err)
	}
	h.event(craft("ONAPPUNINSTALL", e.TS, h.auth()))
	if p := h.row(); p.Status != portal.Active || !p.QuarantinedAt.IsZero() {
		t.Errorf("portal %+v", p)
	}
	if _, err := h.service().Session(t.Context(), token); err != nil {
		t.Error(err)
	}
	if _, err := h.service().Connection(t.Context(), tenant, plain, ""); err != nil {
		t.Error(err)
	}
}

// TestLostRemoval: the event of a removal never comes. The app is installed
// again on a portal that was thought to have it; or, where nothing is heard
// any more, the portal is asked about, and goes.
func TestLostRemoval(t *testing.T) {
	t.Run("installed again", func(t *testing.T) {
		h := newHouse(t)
		h.install()
		before := h.row().AppToken
		h.remove()
		h.portal.AddApp()
		h.clock.add(time.Hour)
		h.install()
		if p := h.row(); p.Status != portal.Active || p.AppToken == before || p.AppToken != h.portal.AppToken() || len(h.codes()) != len(wantCodes) {
			t.Errorf("portal %+v, bound %v", p, h.codes())
		}
		h.clock.add(time.Minute)
		h.remove()
		h.deliver("ONAPPUNINSTALL")
		if p := h.row(); p.Status != portal.Removed {
			t.Errorf("the next removal: %+v", p)
		}
	})
	t.Run("nothing is heard", func(t *testing.T) {
		h := newHouse(t)
		h.install()
		tenant, token := h.fill()
		s := h.service()
		tend := func(after time.Duration) {
			t.Helper()
			h.clock.add(after)
			if err := s.Tend(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		asked := func() int { return len(h.world.Calls()) }
		// It is there, and silent: asked about once in a quarter.
		n := asked()
		tend(89 * 24 * time.Hour)
		if asked() != n {
			t.Error("asked too early")
		}
		tend(2 * 24 * time.Hour)
		if asked() == n || h.row().Status != portal.Active || !h.row().QuarantinedAt.IsZero() {
			t.Errorf("asked %d times, portal %+v", asked()-n, h.row())
		}
		n = asked()
		tend(2 * 24 * time.Hour)
		if asked() != n {
			t.Error("asked again although it was heard of")
		}
		h.remove() // and nobody says so
		tend(91 * 24 * time.Hour)
		if p := h.row(); p.QuarantinedAt.IsZero() || p.Status != portal.Active {
			t.Fatalf("after the first answer: %+v", p)
		}
		tend(time.Minute)
		h.assertRemoved(tenant, token)
	})
	t.Run("the OAuth server is away", func(t *testing.T) {
		h := newHouse(t)
		h.install()
		h.clock.add(91 * 24 * time.Hour)
		h.world.Fault(emulator.Fault{Kind: emulator.ConnRefused, Times: 5})
		if err := h.service().Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p := h.row(); p.Status != portal.Active || !p.QuarantinedAt.IsZero() {
			t.Errorf("portal %+v", p)
		}
	})
}

func TestOpenEndsQuarantine(t *testing.T) {
	h := newHouse(t)
	h.install()
	h.event(craft("ONAPPUNINSTALL", h.clock.Now(), h.auth()))
	h.clock.add(time.Second)
	h.open(plain)
	if p := h.row(); !p.QuarantinedAt.IsZero() {
		t.Errorf("portal %+v", p)
	}
}

// TestRemovalWhileTheOAuthServerIsAway: nothing is deleted on the event's
// word; the proof comes later, after a restart.
func TestRemovalWhileTheOAuthServerIsAway(t *testing.T) {
	h := newHouse(t)
	h.install()
	tenant, token := h.fill()
	h.clock.add(time.Minute)
	h.remove()
	h.world.Fault(emulator.Fault{Kind: emulator.ConnRefused, Times: 2})
	h.deliver("ONAPPUNINSTALL")
	if h.row().QuarantinedAt.IsZero() || h.row().Status == portal.Removed {
		t.Fatalf("portal %+v", h.row())
	}
	h.clock.add(time.Minute)
	if err := h.service().Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.assertRemoved(tenant, token)
}

// TestInconclusiveRemoval: all grants are refused without the reason. It is
// believed, unless the app was opened after the event's time, whatever time
// the event names.
func TestInconclusiveRemoval(t *testing.T) {
	for _, c := range []struct {
		name    string
		ts      func(now time.Time) time.Time
		removed bool
	}{
		{"after the last open", func(now time.Time) time.Time { return now }, true},
		{"before the last open", func(now time.Time) time.Time { return now.Add(-time.Hour) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			h.install()
			h.open(plain)
			h.clock.add(time.Minute)
			for _, user := range []int64{admin, plain} {
				g, err := h.store.Grant(t.Context(), h.portal.MemberID(), user)
				if err != nil {
					t.Fatal(err)
				}
				if err := h.store.MarkGrantDead(t.Context(), h.portal.MemberID(), user, g.Access, "INVALID_GRANT"); err != nil {
					t.Fatal(err)
				}
			}
			h.event(craft("ONAPPUNINSTALL", c.ts(h.clock.Now()), h.auth()))
			if removed := h.row().Status == portal.Removed; removed != c.removed {
				t.Errorf("removed: %v", removed)
			}
		})
	}
}

func TestUpdateBindsAgain(t *testing.T) {
	h := newHouse(t)
	h.install()
	if err := h.portal.UpdateApp(t.Context(), admin); err != nil && !strings.Contains(err.Error(), "app.example.com") {
		t.Fatal(err)
	}
	h.portal.ResetCounts()
	access, refresh := h.portal.Token(admin)
	h.event(craft("ONAPPUPDATE", h.clock.Now(), h.auth("access_token", access, "refresh_token", refresh, "application_token", "the-new-one")))
	if p := h.row(); p.AppToken != "the-new-one" {
		t.Errorf("application token %q", p.AppToken)
	}
	bound := 0
	for _, call := range h.portal.Calls() {
		if call.Method == "event.bind" && call.Executed {
			bound++
		}
	}
	if bound != 7 {
		t.Errorf("%d events bound again", bound)
	}
}

func TestTypeEvents(t *testing.T) {
	h := newHouse(t)
	h.install()
	if err := h.portal.AddType(t.Context(), emulator.Type{EntityTypeID: 1050, Title: "Vehicles"}); err != nil && !strings.Contains(err.Error(), "app.example.com") {
		t.Fatal(err)
	}
	h.deliver("ONCRMTYPEADD")
	if got := strings.Join(h.codes(), " "); !strings.Contains(got, "CRM_DYNAMIC_1050_LIST_TOOLBAR") {
		t.Errorf("bound %s", got)
	}
	if err := h.portal.RemoveType(t.Context(), 1050); err != nil && !strings.Contains(err.Error(), "app.example.com") {
		t.Fatal(err)
	}
	h.deliver("ONCRMTYPEDELETE")
	if got := strings.Join(h.codes(), " "); strings.Contains(got, "1050") {
		t.Errorf("still bound: %s", got)
	}
}

// TestInstallerLeaves: who has installed the app is dismissed, or is no
// administrator any more. The next administrator who opens it is asked to set
// it up, and menus follow the smart processes again.
func TestInstallerLeaves(t *testing.T) {
	for name, change := range map[string]func(u *emulator.User){
		"dismissed":           func(u *emulator.User) { u.Dismissed = true },
		"no administrator":    func(u *emulator.User) { u.Admin, u.CRMAdmin = false, false },
		"kept out of the app": func(u *emulator.User) { u.NoApp = true },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.install()
			h.portal.EditUser(admin, change)
			h.portal.EditUser(plain, func(u *emulator.User) { u.Admin = true })
			if err := h.portal.AddType(t.Context(), emulator.Type{EntityTypeID: 1050, Title: "Vehicles"}); err != nil && !strings.Contains(err.Error(), "app.example.com") {
				t.Fatal(err)
			}
			h.deliver("ONCRMTYPEADD")
			if p := h.row(); p.Installer != 0 || p.Status != portal.Active {
				t.Fatalf("portal %+v", p)
			}
			opened := h.open(plain)
			if !opened.NeedsInstall || opened.Finish {
				t.Errorf("the next administrator: %+v", opened)
			}
			if _, err := h.service().Install(t.Context(), opened.Session); err != nil {
				t.Fatal(err)
			}
			if p := h.row(); p.Installer != plain || !strings.Contains(strings.Join(h.codes(), " "), "CRM_DYNAMIC_1050_DETAIL_TAB") {
				t.Errorf("installer %d, bound %v", p.Installer, h.codes())
			}
			// Later events are believed, and a removal is.
			h.clock.add(time.Minute)
			h.remove()
			h.deliver("ONAPPUNINSTALL")
			if p := h.row(); p.Status != portal.Removed {
				t.Errorf("portal %+v", p)
			}
		})
	}
}

// badFiles fails with a panic, as a bug would.
type badFiles struct{}

func (badFiles) DeleteFiles(context.Context, []string, []string) error { panic("a bug") }

// TestPanicInTheBackground: a job that panics is logged, and the next ones
// are done.
func TestPanicInTheBackground(t *testing.T) {
	h := newHouse(t)
	h.install()
	h.fill()
	h.change = func(o *portal.Options) { o.Files = badFiles{} }
	s := h.service()
	s.Start(t.Context())
	h.clock.add(time.Minute)
	h.remove()
	all := h.portal.Deliveries()
	for _, body := range []string{all[len(all)-1].Body, craft("ONAPPUPDATE", h.clock.Now(), h.auth("access_token", strings.Repeat("f", 70)))} {
		e, err := bitrix.ParseEvent([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Event(t.Context(), e); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if p := h.row(); p.Status != portal.Removed {
		t.Errorf("portal %+v", p)
	}
	for _, want := range []string{"panic in the background", "a bug", "events_test.go", "event could not be carried out"} {
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

func TestPaymentIsOnlyAHint(t *testing.T) {
	h := newHouse(t)
	h.install()
	h.clock.add(2 * time.Hour) // the installer's token is over: it is renewed
	body := craft("ONAPPPAYMENT", h.clock.Now(), h.auth("application_token", "", "status", "P")) + "&data%5BSTATUS%5D=P"
	h.event(body)
	if p := h.row(); p.License != "F" {
		t.Errorf("licence %q is the event's word", p.License)
	}
}

func TestQueueIsBounded(t *testing.T) {
	h := newHouse(t)
	s := h.service() // not started: nothing is worked off
	var err error
	sent := 0
	for i := range 1000 {
		e := bitrix.Event{Name: "ONAPPINSTALL", Auth: bitrix.EventAuth{MemberID: "m" + strconv.Itoa(i), AccessToken: "t"}}
		if err = s.Event(t.Context(), e); err != nil {
			break
		}
		sent++
	}
	if !errors.Is(err, portal.ErrBusy) || sent != 256 {
		t.Errorf("%d taken, then %v", sent, err)
	}
	// The same once more is not another job.
	again := bitrix.Event{Name: "ONAPPINSTALL", Auth: bitrix.EventAuth{MemberID: "m1", AccessToken: "t"}}
	if err := s.Event(t.Context(), again); err != nil {
		t.Error(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Event(t.Context(), again); !errors.Is(err, portal.ErrBusy) {
		t.Errorf("after Close: %v", err)
	}
}
