package portal_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// codes are the codes of what is bound, sorted.
func (h *house) codes() []string {
	var codes []string
	for _, p := range h.portal.Placements() {
		codes = append(codes, p.Code)
		if p.Handler != public+"/" {
			h.t.Errorf("%s is bound to %s", p.Code, p.Handler)
		}
	}
	slices.Sort(codes)
	return codes
}

var wantCodes = []string{
	"CRM_DYNAMIC_1034_DETAIL_TAB", "CRM_DYNAMIC_1034_LIST_TOOLBAR",
	"CRM_DYNAMIC_1038_DETAIL_TAB", "CRM_DYNAMIC_1038_LIST_TOOLBAR",
	"CRM_DYNAMIC_177_DETAIL_TAB", "CRM_DYNAMIC_177_LIST_TOOLBAR",
	"REST_APP_URI",
}

func TestInstall(t *testing.T) {
	h := newHouse(t)
	opened := h.open(admin)
	done, err := h.service().Install(t.Context(), opened.Session)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.codes(); !slices.Equal(got, wantCodes) {
		t.Errorf("bound %v", got)
	}
	if done.Types != 3 || done.Bound != 7+7 || done.Removed != 0 || len(done.MissingScopes) != 0 {
		t.Errorf("done %+v", done)
	}
	if p := h.row(); p.Installer != admin || p.Version != "1.0.0" || p.AppCode != "example.spa_importer" {
		t.Errorf("portal %+v", p)
	}

	h.portal.ResetCounts()
	again, err := h.service().Install(t.Context(), opened.Session)
	if err != nil {
		t.Fatal(err)
	}
	if again.Bound != 0 || again.Removed != 0 || again.Kept != 14 {
		t.Errorf("a second time: %+v", again)
	}
	for _, call := range h.portal.Calls() {
		if strings.HasSuffix(call.Method, "bind") {
			t.Errorf("a second time: %s", call.Method)
		}
	}
}

func TestInstallRepairs(t *testing.T) {
	h := newHouse(t)
	session := h.install().Session
	conn, err := h.service().Connection(t.Context(), session.Portal, admin, "")
	if err != nil {
		t.Fatal(err)
	}
	call := func(method string, params map[string]any) {
		t.Helper()
		if _, err := conn.Call(t.Context(), method, params); err != nil {
			t.Fatal(err)
		}
	}
	call("placement.unbind", map[string]any{"PLACEMENT": "CRM_DYNAMIC_177_LIST_TOOLBAR"})
	call("placement.bind", map[string]any{"PLACEMENT": "CRM_DYNAMIC_177_LIST_TOOLBAR", "HANDLER": public + "/", "TITLE": "Old title"})
	call("placement.bind", map[string]any{"PLACEMENT": "CRM_DYNAMIC_177_DETAIL_TAB", "HANDLER": public + "/old", "TITLE": "Import"})
	call("placement.bind", map[string]any{"PLACEMENT": "CRM_DEAL_LIST_TOOLBAR", "HANDLER": public + "/", "TITLE": "Import"})
	call("event.bind", map[string]any{"event": "ONCRMTYPEADD", "handler": public + "/events", "auth_type": admin})
	call("event.unbind", map[string]any{"event": "ONAPPUNINSTALL", "handler": public + "/events"})

	done, err := h.service().Install(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.codes(); !slices.Equal(got, wantCodes) {
		t.Errorf("bound %v", got)
	}
	// Retitled, the other tab, the deals, the event that was bound twice.
	if done.Removed != 4 || done.Bound != 3 {
		t.Errorf("done %+v", done)
	}
	again, err := h.service().Install(t.Context(), session)
	if err != nil || again.Bound+again.Removed != 0 {
		t.Errorf("afterwards: %+v, %v", again, err)
	}
}

// TestTitlesAreInThePortalsLanguages: Bitrix24 has names of its own for
// Spanish and Portuguese.
func TestTitlesAreInThePortalsLanguages(t *testing.T) {
	h := newHouse(t)
	session := h.install().Session
	conn, err := h.service().Connection(t.Context(), session.Portal, admin, "")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.Call(t.Context(), "placement.get", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"la":{"TITLE":"Importar desde un archivo"`, `"br":{"TITLE":"Importar de um arquivo"`,
		`"de":{"TITLE":"Aus Datei importieren"`, `"fr":{"TITLE":"Importer depuis un fichier"`} {
		if !strings.Contains(string(raw.Result), want) {
			t.Errorf("%s is not in %s", want, raw.Result)
		}
	}
	if strings.Contains(string(raw.Result), `"pt"`) {
		t.Error("a title is in a language that portals do not have")
	}
}

func TestInstallManyTypes(t *testing.T) {
	h := newHouse(t)
	for i := range int64(60) {
		if err := h.portal.AddType(t.Context(), emulator.Type{EntityTypeID: 2000 + 2*i, Title: "Process"}); err != nil && !strings.Contains(err.Error(), "app.example.com") {
			t.Fatal(err)
		}
	}
	done, err := h.service().Install(t.Context(), h.open(admin).Session)
	if err != nil || done.Types != 63 || len(h.codes()) != 127 {
		t.Errorf("%+v, %v, %d codes", done, err, len(h.codes()))
	}
}

func TestInstallRefusals(t *testing.T) {
	h := newHouse(t)
	h.install()
	session := h.open(admin).Session
	for _, c := range []struct {
		name    string
		session func(s portal.Session) portal.Session
		spoil   func()
		want    string
	}{
		{"not an administrator", func(s portal.Session) portal.Session { s.Admin = false; return s }, func() {}, portal.CodeNotAdmin},
		{"only a webhook", func(s portal.Session) portal.Session { s.MemberID = ""; return s }, func() {}, portal.CodeNotInPortal},
		{"permission missing", nil, func() { h.portal.SetScopes("crm", "user_brief") }, portal.CodeScope},
		{"event refused", nil, func() {
			h.portal.SetScopes("crm", "user_brief", "placement")
			conn, err := h.service().Connection(t.Context(), session.Portal, admin, "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Call(t.Context(), "event.unbind", map[string]any{"event": "ONAPPINSTALL", "handler": public + "/events"}); err != nil {
				t.Fatal(err)
			}
			h.portal.Fault(emulator.Fault{Method: "event.bind", Kind: emulator.Deny, Status: 400, Code: "ERROR_HANDLER_URL_MATCH"})
		}, portal.CodeBind},
		{"portal away", nil, func() { h.portal.Fault(emulator.Fault{Kind: emulator.ConnRefused}) }, portal.CodePortalAway},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := session
			if c.session != nil {
				s = c.session(s)
			}
			c.spoil()
			if _, err := h.service().Install(t.Context(), s); code(err) != c.want {
				t.Errorf("refused with %q, want %q", code(err), c.want)
			}
		})
	}
	// What was refused for a while is there after another try; the optional scopes
	// are not, and are named.
	done, err := h.service().Install(t.Context(), session)
	if err != nil || !slices.Equal(done.MissingScopes, []string{"im", "lists", "userfieldconfig"}) {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestFinished(t *testing.T) {
	h := newHouse(t)
	session := h.open(admin).Session
	if there, err := h.service().Finished(t.Context(), session); there || err != nil {
		t.Errorf("before installFinish: %v, %v", there, err)
	}
	if err := h.portal.InstallApp(context.WithoutCancel(t.Context()), admin); err != nil && !strings.Contains(err.Error(), "app.example.com") {
		t.Fatal(err)
	}
	if there, err := h.service().Finished(t.Context(), session); !there || err != nil {
		t.Errorf("after installFinish: %v, %v", there, err)
	}
	if h.row().Status != portal.Active {
		t.Error("not active")
	}
}
