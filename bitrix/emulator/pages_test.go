package emulator_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func get(t *testing.T, rt http.RoundTripper, address string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestPages(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	c.result("crm.item.add", body{"entityTypeId": 177, "useOriginalUfNames": "Y", "fields": body{
		"title": `<b>&"Договор"</b>`, "UF_CRM_7_1747309709": 80, "UF_CRM_7_1747309713": 3}})
	c.result("placement.bind", body{"PLACEMENT": "crm_dynamic_177_list_toolbar", "HANDLER": "https://app.example.com/p", "LANG_ALL": body{"en": body{"TITLE": "Import from file"}}})
	c.result("im.notify.system.add", body{"USER_ID": 1, "MESSAGE": "Import finished. [URL=/marketplace/view/example.spa_importer/?params[job]=42]Open[/URL] [URL=//evil.example]x[/URL] <b>", "TAG": "X"})
	for path, wants := range map[string][]string{
		"/":                              {"Contracts", "Import finished", `<a href="/marketplace/view/example.spa_importer/?params[job]=42">Open</a> [URL=//evil.example]x[/URL] &lt;b&gt;`, "/marketplace/app/12/"},
		"/crm/type/177/list/category/9/": {"&lt;b&gt;&amp;&#34;Договор&#34;&lt;/b&gt;", "Service", "Ivan Testov", "Import from file", "Renewals", `data-placement="CRM_DYNAMIC_177_LIST_TOOLBAR"`},
		"/crm/type/177/":                 {"Framework agreement 2026"},
		"/crm/type/177/details/3/":       {"&lt;b&gt;", `data-field="UF_CRM_7_1747309709">Service<`},
		"/crm/contact/":                  {"Sampleton"},
		"/crm/contact/details/1/":        {"Anna Example"},
		"/crm/deal/":                     {"Deal 12", "Deal won"},
		"/marketplace/app/12/":           {`"name":"portal.example.com|1|`, `"action":"https://app.example.com/?APP_SID=`, `"PLACEMENT":"DEFAULT"`},
		"/bitrix/static/portal.js":       {"getInitData"},
	} {
		status, text := get(t, w.Transport(), p.URL()+path)
		if status != 200 {
			t.Errorf("%s: status %d", path, status)
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not contain %s", path, want)
			}
		}
	}
	for _, path := range []string{"/crm/type/999/", "/crm/type/177/details/99/", "/marketplace/view/other/"} {
		if status, _ := get(t, w.Transport(), p.URL()+path); status != 404 {
			t.Errorf("%s: status %d, want 404", path, status)
		}
	}
}
