package emulator_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// sample reads a body from the documents' samples.
func sample(t *testing.T, name string) any {
	t.Helper()
	b, err := os.ReadFile("../testdata/samples/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// sameShape compares key sets and types, not values. Null in a sample stands
// for anything, an empty list for an object too. Keys in optional may be
// missing on either side.
func sameShape(path string, want, got any, optional []string) (out []string) {
	miss := func(format string, args ...any) { out = append(out, path+": "+fmt.Sprintf(format, args...)) }
	switch w := want.(type) {
	case nil:
	case map[string]any:
		g, ok := got.(map[string]any)
		if list, isList := got.([]any); isList && len(list) == 0 {
			return nil // how an empty object is written
		}
		if !ok {
			miss("is %T, the sample has an object", got)
			return out
		}
		for k, v := range w {
			if _, ok := g[k]; ok {
				out = append(out, sameShape(path+"."+k, v, g[k], optional)...)
			} else if !slices.Contains(optional, k) {
				miss("has no %s", k)
			}
		}
		for k := range g {
			if _, ok := w[k]; !ok && !slices.Contains(optional, k) {
				miss("has %s, which the sample has not", k)
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok {
			miss("is %T, the sample has a list", got)
			return out
		}
		if len(w) > 0 && len(g) > 0 {
			out = append(out, sameShape(path+"[0]", w[0], g[0], optional)...)
		}
	default:
		if got != nil && fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
			miss("is %T, the sample has %T", got, want)
		}
	}
	return out
}

// timeKeys may be missing in old answers; some of the samples have other
// fields than the emulated portal.
var timeKeys = []string{"operating", "operating_reset_at"}

func TestAnswersHaveTheShapeOfTheSamples(t *testing.T) {
	contracts := int64(emulator.DemoContracts)
	userKeys := []string{"XML_ID", "SECOND_NAME", "PERSONAL_WWW", "PERSONAL_MOBILE", "PERSONAL_CITY", "WORK_PHONE", "TIME_ZONE", "LAST_LOGIN", "USER_TYPE", "TIMESTAMP_X", "LAST_ACTIVITY_DATE"}
	dealOnly := []string{"originId", "originatorId", "isSystem", "code"}
	for _, tt := range []struct {
		sample, method string
		params         body
		optional       []string
		scopes         []string
	}{
		{sample: "crm/crm.type.list.response", method: "crm.type.list"},
		{sample: "crm/crm.type.get.response", method: "crm.type.get", params: body{"id": 7}},
		{sample: "crm/crm.type.getByEntityTypeId.response", method: "crm.type.getByEntityTypeId", params: body{"entityTypeId": contracts}},
		{sample: "crm/crm.enum.ownertype.response", method: "crm.enum.ownertype"},
		{sample: "crm/crm.automatedsolution.list.response", method: "crm.automatedsolution.list"},
		{sample: "crm/crm.category.list.response", method: "crm.category.list", params: body{"entityTypeId": contracts}, optional: dealOnly},
		{sample: "crm/crm.currency.list.response", method: "crm.currency.list"},
		{sample: "crm/crm.currency.base.get.response", method: "crm.currency.base.get"},
		{sample: "crm/crm.status.list.response", method: "crm.status.list", params: body{"filter": body{"ENTITY_ID": "DEAL_STAGE"}}},
		{sample: "crm/crm.status.entity.items.response", method: "crm.status.entity.items", params: body{"entityId": "DEAL_STAGE"}},
		{sample: "crm/crm.status.entity.types.response", method: "crm.status.entity.types", optional: []string{"SEMANTIC_INFO", "ENTITY_TYPE_ID"}},
		{sample: "crm/synthetic.crm.item.batchImport.keyed.response", method: "crm.item.batchImport",
			params: body{"entityTypeId": contracts, "data": body{"r12": body{"title": "a"}, "r13": body{"categoryId": 999}}}},
		{sample: "crm/crm.item.batchImport.partial-error.response", method: "crm.item.batchImport",
			params: body{"entityTypeId": contracts, "data": []body{{"title": "a"}, {"categoryId": 999}}}},
		{sample: "crm/crm.item.import.response", method: "crm.item.import", params: body{"entityTypeId": contracts, "fields": body{"title": "a"}}},
		{sample: "crm/crm.item.delete.response", method: "crm.item.delete", params: body{"entityTypeId": contracts, "id": 1}},
		{sample: "crm/synthetic.crm.item.list.keyset.response", method: "crm.item.list",
			params: body{"entityTypeId": contracts, "select": []string{"id", "xmlId", "updatedTime"}, "filter": body{">id": 1, "@xmlId": []string{"ERP-1001", "ERP-1002"}}, "order": body{"id": "ASC"}, "start": -1}},
		{sample: "crm/crm.item.list.contact-name-phone.response", method: "crm.item.list", optional: []string{"time", "title"},
			params: body{"entityTypeId": 3, "select": []string{"id", "title", "name", "lastName", "email", "phone"}, "filter": body{"name": "Anna", "lastName": "Example"}}},
		{sample: "crm/crm.duplicate.findbycomm.response", method: "crm.duplicate.findbycomm",
			params: body{"type": "PHONE", "values": []string{"+1 (555) 011-0001"}, "entity_type": "CONTACT"}},
		{sample: "crm/crm.duplicate.findbycomm.empty.response", method: "crm.duplicate.findbycomm", params: body{"type": "EMAIL", "values": []string{"nobody@example.com"}}, optional: []string{"time"}},
		{sample: "crm/profile.response", method: "profile"},
		{sample: "crm/app.info.response", method: "app.info"},
		{sample: "crm/method.get.response", method: "method.get", params: body{"name": "profile"}},
		{sample: "crm/scope.response", method: "scope"},
		{sample: "crm/server.time.response", method: "server.time"},
		{sample: "crm/user.current.response", method: "user.current", scopes: []string{"user"}, optional: userKeys},
		{sample: "crm/user.get.response", method: "user.get", scopes: []string{"user"}, optional: userKeys},
		{sample: "embedding/user_admin_response", method: "user.admin"},
		{sample: "embedding/feature_get_response", method: "feature.get", params: body{"CODE": "rest_offline_extended"}},
		{sample: "embedding/placement_list_response", method: "placement.list"},
		{sample: "embedding/placement_bind_response", method: "placement.bind", params: body{"PLACEMENT": "CRM_DYNAMIC_177_DETAIL_TAB", "HANDLER": "https://app.example.com/tab"}},
		{sample: "embedding/placement_unbind_response", method: "placement.unbind", params: body{"PLACEMENT": "REST_APP_URI"}},
		{sample: "embedding/event_bind_response", method: "event.bind", params: body{"event": "OnAppUninstall", "handler": "https://app.example.com/e"}},
		{sample: "embedding/event_unbind_response", method: "event.unbind", params: body{"event": "ONAPPUPDATE", "handler": "https://app.example.com/e"}},
		{sample: "embedding/events_list_response", method: "events", optional: []string{"time"}},
		{sample: "embedding/im_notify_system_add_response", method: "im.notify.system.add", params: body{"USER_ID": 1, "MESSAGE": "done"}},
		{sample: "crm/lists.element.get.response", method: "lists.element.get", scopes: []string{"lists"},
			params: body{"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 33, "FILTER": body{"=NAME": "supply contract"}}},
		{sample: "crm/lists.section.get.response", method: "lists.section.get", scopes: []string{"lists"},
			params: body{"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 33, "FILTER": body{"NAME": "Templates"}}},
		{sample: "crm/lists.get.iblock.type.id.response", method: "lists.get.iblock.type.id", params: body{"IBLOCK_ID": 33}, scopes: []string{"lists"}},
		{sample: "crm/lists.element.get.error", method: "lists.element.get", params: body{"IBLOCK_TYPE_ID": "lists"}, scopes: []string{"lists"}},
		{sample: "crm/userfieldconfig.list.response", method: "userfieldconfig.list", scopes: []string{"userfieldconfig", "crm"}, params: body{"moduleId": "crm", "filter": body{"entityId": "CRM_7", "userTypeId": "enumeration"}},
			optional: []string{"languageId", "editFormLabel", "listColumnLabel", "listFilterLabel", "errorMessage", "helpMessage", "next"}},
		{sample: "crm/crm.item.list.error-filter-field", method: "crm.item.list", params: body{"entityTypeId": contracts, "filter": body{"FIELD": 1}}},
	} {
		t.Run(tt.sample, func(t *testing.T) {
			w, p := demo(t, func(prof *emulator.Profile) {
				if tt.scopes != nil {
					prof.Scopes = tt.scopes
				}
			})
			_, got := as(t, w, p, 1).do(tt.method, tt.params)
			for _, miss := range sameShape("answer", sample(t, tt.sample), got, append(tt.optional, timeKeys...)) {
				t.Error(miss)
			}
		})
	}
}

// TestItemFields holds the fields of a process with everything switched on to
// the list of all field types.
func TestItemFields(t *testing.T) {
	w, p := demo(t)
	all := dig(sample(t, "crm/synthetic.crm.item.fields.spa-all-types.response"), "result", "fields").(map[string]any)
	got := dig(as(t, w, p, 1).result("crm.item.fields", body{"entityTypeId": 177, "useOriginalUfNames": "Y"}), "fields").(map[string]any)
	byType := map[string]any{}
	for name, want := range all {
		if strings.HasPrefix(name, "UF_") {
			byType[fmt.Sprint(dig(want, "type"), dig(want, "isMultiple"))] = want
			continue
		}
		if strings.HasPrefix(name, "parentId") {
			continue
		}
		for _, miss := range sameShape(name, want, got[name], nil) {
			t.Error(miss)
		}
	}
	types := map[string]bool{}
	for name, field := range got {
		if !strings.HasPrefix(name, "UF_") {
			if _, ok := all[name]; !ok && !strings.HasPrefix(name, "parentId") {
				t.Errorf("%s is not in the sample", name)
			}
			continue
		}
		key := fmt.Sprint(dig(field, "type"), dig(field, "isMultiple"))
		types[fmt.Sprint(dig(field, "type"))] = true
		if want, ok := byType[key]; ok {
			// Text in one sample, a map by language in the other.
			delete(settingsOf(field), "LABEL_CHECKBOX")
			for _, miss := range sameShape(name, want, field, []string{"LABEL_CHECKBOX", "DYNAMIC_128", "DYNAMIC_1034"}) {
				t.Error(miss)
			}
		}
	}
	for _, want := range all {
		if typ := fmt.Sprint(dig(want, "type")); dig(want, "isDynamic") == true && !types[typ] && !strings.HasPrefix(typ, "rest_") {
			t.Errorf("the demo has no user field of type %s", typ)
		}
	}
}

func settingsOf(field any) map[string]any {
	m, _ := dig(field, "settings").(map[string]any)
	return m
}

func TestItemShape(t *testing.T) {
	w, p := demo(t)
	got := as(t, w, p, 1).result("crm.item.get", body{"entityTypeId": 177, "id": 1})
	item := dig(got, "item").(map[string]any)
	want := dig(sample(t, "crm/synthetic.crm.item.add.spa.response"), "result", "item").(map[string]any)
	for name := range item {
		if strings.HasPrefix(name, "ufCrm") || strings.HasPrefix(name, "parentId") {
			delete(item, name)
		}
	}
	delete(want, "parentId2")
	delete(want, "ufCrm44_1721812915476")
	delete(want, "ufCrm44_1721812935209")
	for _, miss := range sameShape("item", want, item, nil) {
		t.Error(miss)
	}
}

func TestErrorsOfTheSamples(t *testing.T) {
	w, p := demo(t)
	admin, plain := as(t, w, p, 1), as(t, w, p, 8)
	for _, tt := range []struct {
		sample string
		c      caller
		method string
		params body
		status int
	}{
		{"crm/crm.type.list.error-access-denied", plain, "crm.type.list", nil, 400},
		{"crm/crm.automatedsolution.list.error-access-denied", plain, "crm.automatedsolution.list", nil, 400},
		{"crm/crm.type.get.error-not-found", admin, "crm.type.get", body{"id": 999}, 400},
		{"crm/crm.type.getByEntityTypeId.error-not-found", admin, "crm.type.getByEntityTypeId", body{"entityTypeId": 999}, 400},
		{"crm/crm.item.fields.error-not-found", admin, "crm.item.fields", body{"entityTypeId": 999}, 400},
		{"crm/crm.item.add.error-not-found", admin, "crm.item.add", body{"entityTypeId": 999, "fields": body{}}, 400},
		{"crm/crm.item.update.error-not-found", admin, "crm.item.update", body{"entityTypeId": 177, "id": 999, "fields": body{"title": "x"}}, 400},
		{"crm/crm.item.delete.error-not-found", admin, "crm.item.delete", body{"entityTypeId": 177, "id": 999}, 400},
		{"crm/crm.category.list.error-not-found", admin, "crm.category.list", body{"entityTypeId": 999}, 400},
		{"crm/crm.status.entity.items.error", admin, "crm.status.entity.items", nil, 400},
		{"crm/crm.duplicate.findbycomm.error", admin, "crm.duplicate.findbycomm", body{"values": []string{"x"}}, 400},
		{"embedding/event_bind_error_not_found", admin, "event.bind", body{"event": "ONNOTHING", "handler": "https://app.example.com/e"}, 400},
		{"embedding/im_notify_system_add_error", admin, "im.notify.system.add", body{"MESSAGE": "x"}, 400},
		{"embedding/placement_bind_error_argument", admin, "placement.bind", body{"HANDLER": "https://app.example.com/"}, 200},
	} {
		status, got := tt.c.do(tt.method, tt.params)
		want := sample(t, tt.sample).(map[string]any)
		if status != tt.status || got["error"] != want["error"] || got["error_description"] == nil {
			t.Errorf("%s: got %d %v, the sample is %v", tt.sample, status, got, want)
		}
		for k := range want {
			if _, ok := got[k]; !ok {
				t.Errorf("%s: no %s", tt.sample, k)
			}
		}
	}
}
