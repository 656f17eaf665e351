package emulator_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// mailbox is an app that receives events.
type mailbox struct {
	got  []url.Values
	fail error
}

func (m *mailbox) RoundTrip(req *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	v, err := url.ParseQuery(string(b))
	if err != nil {
		return nil, err
	}
	if m.fail != nil {
		return nil, m.fail
	}
	m.got = append(m.got, v)
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("ok")), Request: req}, nil
}

func withMail(t *testing.T) (*mailbox, *emulator.World, *emulator.Portal) {
	t.Helper()
	m := &mailbox{}
	w := emulator.New(emulator.Options{AppURL: "https://app.example.com/", InstallURL: "https://app.example.com/install", Events: m})
	prof := emulator.DemoProfile()
	prof.Domain, prof.Scheme = "portal.example.com", "https"
	return m, w, w.AddPortal(prof)
}

func keys(v url.Values) []string {
	var out []string
	for k := range v {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// TestEventsHaveTheShapeOfTheSamples: the same keys on the wire, and those
// that real deliveries have beside.
func TestEventsHaveTheShapeOfTheSamples(t *testing.T) {
	m, _, p := withMail(t)
	if err := p.InstallApp(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if len(m.got) != 0 {
		t.Fatalf("an event without a handler was delivered: %v", m.got)
	}
	for name, file := range map[string]string{
		"ONAPPINSTALL": "event_onappinstall_form", "ONAPPUPDATE": "event_onappupdate_form",
		"ONAPPUNINSTALL": "event_onappuninstall_form", "ONAPPPAYMENT": "event_onapppayment_form",
	} {
		m, w, p := withMail(t)
		w.SetApp("https://app.example.com/", "https://app.example.com/install", "https://app.example.com/events")
		if err := p.InstallApp(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		m.got = nil
		if err := p.SendEvent(t.Context(), name, 1); err != nil {
			t.Fatal(err)
		}
		want, err := url.ParseQuery(sample(t, "embedding/"+file).(map[string]any)["raw_body"].(string))
		if err != nil {
			t.Fatal(err)
		}
		got := m.got[0]
		for _, beside := range []string{"auth[expires]", "auth[user_id]"} {
			if name == "ONAPPINSTALL" && got.Get(beside) == "" {
				t.Errorf("%s has no %s", name, beside)
			}
			got.Del(beside)
		}
		if !slices.Equal(keys(got), keys(want)) {
			t.Errorf("%s has %v, the sample has %v", name, keys(got), keys(want))
		}
	}
}

func TestNothingIsDeliveredBeforeTheInstallationIsFinished(t *testing.T) {
	m, w, p := withMail(t)
	c := as(t, w, p, 1)
	c.result("event.bind", body{"event": "ONAPPINSTALL", "handler": "https://app.example.com/e"})
	c.result("event.bind", body{"event": "ONAPPUNINSTALL", "handler": "https://app.example.com/e"})
	c.refused("event.bind", body{"event": "ONAPPUNINSTALL", "handler": "https://app.example.com/e"}, 400, "ERROR_EVENT_BINDING_EXISTS")
	c.refused("event.bind", body{"event": "ONAPPUNINSTALL", "handler": "https://evil.example.org/e"}, 400, "ERROR_HANDLER_URL_MATCH")
	c.result("event.bind", body{"event": "ONAPPPAYMENT", "handler": "https://app.example.com/e"})
	if err := p.SendEvent(t.Context(), "ONAPPPAYMENT", 1); err != nil || len(m.got) != 0 {
		t.Fatalf("delivered %v, %v", m.got, err)
	}
	if err := p.InstallApp(t.Context(), 1); err != nil || len(m.got) != 1 || m.got[0].Get("event_handler_id") != "1" {
		t.Fatalf("delivered %v, %v", m.got, err)
	}
	c.token = m.got[0].Get("auth[access_token]")
	c.result("profile", nil)
	c.result("placement.bind", body{"PLACEMENT": "REST_APP_URI", "HANDLER": "https://app.example.com/"})
	if err := p.RemoveApp(t.Context(), true); err != nil || len(m.got) != 2 || m.got[1].Get("auth[access_token]") != "" || m.got[1].Get("data[CLEAN]") != "1" {
		t.Fatalf("delivered %v, %v", m.got, err)
	}
	if len(p.Placements()) != 0 || p.Installed() {
		t.Error("the app is still there")
	}
}

func TestUpdateForgetsHandlers(t *testing.T) {
	m, w, p := withMail(t)
	c := as(t, w, p, 1)
	c.result("event.bind", body{"event": "ONAPPUPDATE", "handler": "https://app.example.com/e"})
	if err := errors.Join(p.InstallApp(t.Context(), 1), p.UpdateApp(t.Context(), 1)); err != nil {
		t.Fatal(err)
	}
	if len(m.got) != 1 || m.got[0].Get("data[PREVIOUS_VERSION]") != "1" || m.got[0].Get("auth[refresh_token]") == "" {
		t.Errorf("delivered %v", m.got)
	}
	if got := c.result("event.get", nil).([]any); len(got) != 0 || p.Installed() {
		t.Errorf("handlers are %v", got)
	}
	m.fail = errors.New("no such address")
	w.SetApp("https://app.example.com/", "", "https://app.example.com/events")
	if err := p.InstallApp(t.Context(), 1); err == nil {
		t.Error("a delivery that failed was not reported")
	}
	if d := p.Deliveries(); d[len(d)-1].Err == nil {
		t.Errorf("deliveries are %+v", d)
	}
}

func TestTypesComeAndGo(t *testing.T) {
	m, w, p := withMail(t)
	c := as(t, w, p, 1)
	for _, e := range []string{"ONCRMTYPEADD", "ONCRMTYPEDELETE"} {
		c.result("event.bind", body{"event": e, "handler": "https://app.example.com/e"})
	}
	if err := errors.Join(p.InstallApp(t.Context(), 1), p.AddType(t.Context(), emulator.Type{ID: 20, EntityTypeID: 1050, Title: "New"})); err != nil {
		t.Fatal(err)
	}
	if got := c.result("placement.list", nil).([]any); !slices.Contains(got, any("CRM_DYNAMIC_1050_LIST_TOOLBAR")) {
		t.Errorf("places are %v", got)
	}
	p.AddField(1050, emulator.Field{Name: "UF_CRM_20_X", Type: "string"})
	c.result("crm.item.add", body{"entityTypeId": 1050, "fields": body{"ufCrm20X": "x"}})
	p.RemoveField(1050, "UF_CRM_20_X")
	if got := dig(c.result("crm.item.fields", body{"entityTypeId": 1050}), "fields", "ufCrm20X"); got != nil {
		t.Errorf("the field is still there: %v", got)
	}
	if err := p.RemoveType(t.Context(), 1050); err != nil {
		t.Fatal(err)
	}
	c.refused("crm.item.list", body{"entityTypeId": 1050}, 400, "NOT_FOUND")
	if len(m.got) != 2 || m.got[1].Get("event") != "ONCRMTYPEDELETE" || m.got[0].Get("data[FIELDS][ID]") != "20" {
		t.Errorf("delivered %v", m.got)
	}
}

func TestOpenFormHasTheShapeOfTheSample(t *testing.T) {
	_, _, p := withMail(t)
	query, fields := p.OpenForm(3, "CRM_DYNAMIC_177_LIST_TOOLBAR", map[string]string{"URI": "/crm/type/177/list/category/0/"})
	want := sample(t, "embedding/open_post_spa_list_toolbar_derived").(map[string]any)
	for name, got := range map[string]url.Values{"query": query, "body": fields} {
		for k := range want[name].(map[string]any) {
			if got.Get(k) == "" {
				t.Errorf("%s has no %s", name, k)
			}
		}
		if len(got) != len(want[name].(map[string]any)) {
			t.Errorf("%s is %v", name, got)
		}
	}
	if got := fields.Get("PLACEMENT_OPTIONS"); got != `{"URI":"\/crm\/type\/177\/list\/category\/0\/"}` {
		t.Errorf("options are %s", got)
	}
	if _, fields := p.OpenForm(3, "", map[string]string{}); fields.Get("PLACEMENT_OPTIONS") != "[]" || fields.Get("PLACEMENT") != "DEFAULT" {
		t.Errorf("form is %v", fields)
	}
}

func TestPlacementsAndNotices(t *testing.T) {
	_, w, p := withMail(t)
	c := as(t, w, p, 1)
	tab := func(handler string) body {
		return body{"PLACEMENT": "CRM_DYNAMIC_177_DETAIL_TAB", "HANDLER": handler, "TITLE": "x", "LANG_ALL": body{"ru": body{"TITLE": "Импорт"}, "en": body{"TITLE": "Import"}}}
	}
	c.result("placement.bind", tab("https://app.example.com/a"))
	c.result("placement.bind", tab("https://app.example.com/b"))
	c.refused("placement.bind", tab("https://app.example.com/b"), 400, "ERROR_CORE")
	c.refused("placement.bind", body{"PLACEMENT": "CRM_DYNAMIC_999_DETAIL_TAB", "HANDLER": "https://app.example.com/"}, 400, "ERROR_PLACEMENT_NOT_FOUND")
	_, got := c.do("placement.get", nil)
	for _, miss := range sameShape("answer", sample(t, "embedding/placement_get_response"), got, []string{"de", "ru", "en", "operating", "operating_reset_at"}) {
		t.Error(miss)
	}
	if got := dig(c.result("placement.unbind", body{"PLACEMENT": "CRM_DYNAMIC_177_DETAIL_TAB"}), "count"); got != 4.0 {
		t.Errorf("unbind counted %v", got)
	}
	for range 2 {
		c.result("im.notify.system.add", body{"USER_ID": 2, "MESSAGE": "done", "TAG": "JOB|1"})
	}
	if c.result("im.notify", body{"USER_ID": 999, "MESSAGE": "x"}) != false || len(p.Notices()) != 1 || p.Notices()[0].ID != 2 {
		t.Errorf("notices are %+v", p.Notices())
	}
}

func TestOptions(t *testing.T) {
	_, w, p := withMail(t)
	admin, plain := as(t, w, p, 1), as(t, w, p, 3)
	if got, _ := json.Marshal(admin.result("app.option.get", nil)); string(got) != "[]" {
		t.Errorf("no options are written %s", got)
	}
	plain.refused("app.option.set", body{"options": body{"a": 1}}, 403, "AccessException")
	admin.result("app.option.set", body{"options": body{"a": "1"}})
	if got := plain.result("app.option.get", body{"option": "a"}); got != "1" {
		t.Errorf("the option is %v", got)
	}
}
