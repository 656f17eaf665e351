package emulator_test

import (
	"fmt"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// TestLists: elements and sections by name and id, pages, and lists that the
// methods do not serve.
func TestLists(t *testing.T) {
	w, p := demo(t, func(prof *emulator.Profile) {
		prof.Scopes = []string{"lists"}
		many := map[int64]string{}
		for i := range int64(120) {
			many[i+1] = fmt.Sprintf("Item %d", i%60)
		}
		prof.Lists = []emulator.List{
			{ID: 33, Elements: many, Sections: map[int64]string{5: "A_B", 6: "AxB"}},
			{ID: 34, Type: "CRM_PRODUCT_CATALOG"},
		}
	})
	c := as(t, w, p, 1)
	ask := func(method string, filter body, start int) (ids []string, next any) {
		_, got := c.do(method, body{"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 33, "FILTER": filter, "start": start})
		for _, row := range dig(got, "result").([]any) {
			ids = append(ids, fmt.Sprint(dig(row, "ID")))
		}
		return ids, got["next"]
	}
	for _, tt := range []struct {
		method string
		filter body
		want   string
	}{
		{"lists.element.get", body{"=NAME": "item 7"}, "[8 68]"},
		{"lists.element.get", body{"=ID": []int{3, 120, 999}}, "[3 120]"},
		{"lists.element.get", body{"=NAME": "nothing"}, "[]"},
		{"lists.section.get", body{"NAME": "A_B"}, "[5 6]"}, // a wildcard
		{"lists.section.get", body{"ID": []int{6}}, "[6]"},
	} {
		if ids, _ := ask(tt.method, tt.filter, 0); fmt.Sprint(ids) != tt.want {
			t.Errorf("%s %v: %v, want %s", tt.method, tt.filter, ids, tt.want)
		}
	}
	if ids, next := ask("lists.element.get", body{}, 0); len(ids) != 50 || next != 50.0 {
		t.Errorf("first page: %d, next %v", len(ids), next)
	}
	if ids, next := ask("lists.element.get", body{}, 100); len(ids) != 20 || next != nil {
		t.Errorf("last page: %d, next %v", len(ids), next)
	}
	c.refused("lists.get.iblock.type.id", body{"IBLOCK_ID": 34}, 400, "ACCESS_DENIED")
	c.refused("lists.get.iblock.type.id", body{"IBLOCK_ID": 99}, 400, "ERROR_IBLOCK_NOT_FOUND")
	c.refused("lists.element.get", body{"IBLOCK_ID": 33}, 400, "ERROR_REQUIRED_PARAMETERS_MISSING")
}

// TestOptionCodes: the external codes of list options are told by
// userfieldconfig.get alone.
func TestOptionCodes(t *testing.T) {
	w, p := demo(t, func(prof *emulator.Profile) {
		prof.Scopes = []string{"crm", "userfieldconfig"}
		prof.Types[0].Fields[8].Options[1].XMLID = "svc"
	})
	c := as(t, w, p, 1)
	list := c.result("userfieldconfig.list", body{"moduleId": "crm", "filter": body{"entityId": "CRM_7", "userTypeId": "enumeration"}})
	if n := len(dig(list, "fields").([]any)); n != 2 || dig(list, "fields", 0, "enum") != nil {
		t.Fatalf("%d fields: %v", n, list)
	}
	got := c.result("userfieldconfig.get", body{"moduleId": "crm", "id": dig(list, "fields", 0, "id")})
	if dig(got, "field", "enum", 1, "xmlId") != "svc" || dig(got, "field", "enum", 1, "id") != "80" {
		t.Errorf("options are %v", got)
	}
	c.refused("userfieldconfig.get", body{"moduleId": "crm", "id": 0}, 400, "")
}
