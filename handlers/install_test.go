package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

func TestInstallerSetsUpAndTellsThePortal(t *testing.T) {
	s := newSite(t, nil)
	p := s.open("/install", boss, nil, "Sec-Fetch-Dest", "iframe")
	if p.status != 200 || p.ancestors() != "'self' https://"+portalHost {
		t.Fatal(p)
	}
	p.assertHas(t, "data-install-finish", "in 3 smart processes", `action="/install/done"`)
	if n := len(s.portal.Placements()); n != 7 {
		t.Errorf("%d placements", n)
	}
	// The portal has not been told yet.
	early := s.send(http.MethodPost, "/install/done", url.Values{"_s": {p.token()}})
	early.assertHas(t, "does not count the app as installed yet")

	if err := s.portal.InstallApp(t.Context(), boss); err != nil && !strings.Contains(err.Error(), "app.example.com") {
		t.Fatal(err)
	}
	done := s.send(http.MethodPost, "/install/done", url.Values{"_s": {p.token()}})
	if done.status != 200 || strings.Contains(done.body, "data-install-finish") {
		t.Error(done)
	}
	if p := s.open("/", boss, nil); strings.Contains(p.body, "data-install-finish") || p.status != 200 {
		t.Errorf("the application afterwards: %v", p)
	}
}

func TestApplicationAddressInstallsToo(t *testing.T) {
	s := newSite(t, nil)
	// A local app without an installer of its own.
	s.open("/", boss, nil).assertHas(t, "data-install-finish")
}

func TestInstallerRefusals(t *testing.T) {
	s := newSite(t, nil)
	p := s.open("/install", clerk, nil)
	if p.status != 403 || len(s.portal.Placements()) != 0 {
		t.Error(p)
	}
	p.assertHas(t, "installation is not finished")

	s = installed(t, nil)
	p = s.open("/install", clerk, nil)
	p.assertHas(t, "An administrator is needed")
	if p := s.send(http.MethodPost, "/menu/sync", url.Values{"_s": {s.session(clerk)}}); p.status != 403 {
		t.Error(p)
	}
}

func TestInstallerTriesAgain(t *testing.T) {
	s := newSite(t, nil)
	s.portal.Fault(emulator.Fault{Method: "placement.bind", Kind: emulator.Deny, Status: 400, Code: "ERROR_HANDLER_URL_MATCH"})
	p := s.open("/install", boss, nil)
	if strings.Contains(p.body, "data-install-finish") {
		t.Error("the portal is told although something failed")
	}
	p.assertHas(t, "ERROR_HANDLER_URL_MATCH", "/install/run")
	again := s.send(http.MethodPost, "/install/run", url.Values{"_s": {p.token()}})
	again.assertHas(t, "data-install-finish")
}

func TestInstallerNamesMissingPermissions(t *testing.T) {
	s := newSite(t, nil)
	s.portal.SetScopes("crm", "placement")
	s.open("/install", boss, nil).assertHas(t, "Permissions are missing", "user_brief")
	s.portal.SetScopes("crm", "placement", "user_brief")
	s.open("/install", boss, nil).assertHas(t, "data-install-finish", "<code>im</code>")
}

func TestSyncMenu(t *testing.T) {
	s := installed(t, nil)
	if err := s.portal.AddType(t.Context(), emulator.Type{EntityTypeID: 1060, Title: "Vehicles"}); err != nil && !strings.Contains(err.Error(), "app.example.com") {
		t.Fatal(err)
	}
	token := s.session(boss)
	s.send(http.MethodPost, "/start", url.Values{"_s": {token}}).assertHas(t, `formaction="/menu/sync"`)
	if p := s.send(http.MethodPost, "/start", url.Values{"_s": {s.session(clerk)}}); strings.Contains(p.body, "/menu/sync") {
		t.Error("a plain user is offered what an administrator may do")
	}
	s.send(http.MethodPost, "/about", url.Values{"_s": {token}}).assertHas(t, `action="/menu/sync"`)
	p := s.send(http.MethodPost, "/menu/sync", url.Values{"_s": {token}})
	p.assertHas(t, "in 4 smart processes")
	if strings.Contains(p.body, "data-install-finish") {
		t.Error("installFinish is for the installer only")
	}
}
