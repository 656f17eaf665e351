package emulator_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

func TestFilters(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	for i, title := range []string{"Apple", "apricot", "Banana", "cherry"} {
		p.AddItem(emulator.DemoEquipment, map[string]any{"title": title, "UF_CRM_8_ROOM": int64(10 * (i + 1)), "UF_CRM_8_WORKING": []string{"Y", "N"}[i%2],
			"UF_CRM_8_BOUGHT": fmt.Sprintf("2026-01-0%dT03:00:00+03:00", i+1), "xmlId": fmt.Sprint("x", i)})
	}
	for _, tt := range []struct {
		filter string
		want   string // ids, the new items are 3 to 6
	}{
		{`{"title":"APPLE"}`, "[3]"},
		{`{"%title":"ap"}`, "[1 3 4]"},
		{`{"%=title":"ap%"}`, "[3 4]"},
		{`{"=%title":"%an%a"}`, "[5]"},
		{`{"!%title":"a"}`, "[6]"},
		{`{">id":3,"@xmlId":["x1","X3","none"]}`, "[4 6]"},
		{`{"xmlId":["x1","x3"]}`, "[4 6]"},
		{`{"!@id":[1,2,3]}`, "[4 5 6]"},
		{`{">=UF_CRM_8_ROOM":20,"<UF_CRM_8_ROOM":40}`, "[4 5]"},
		{`{"UF_CRM_8_WORKING":1,">id":2}`, "[3 5]"},
		{`{"=UF_CRM_8_ROOM":""}`, "[1 2]"},
		{`{"!=xmlId":""}`, "[3 4 5 6]"},
		{`{">UF_CRM_8_BOUGHT":"2026-01-02"}`, "[5 6]"},
		{`{"UF_CRM_8_BOUGHT":"2026-01-02"}`, "[4]"},
		{`{">id":2,"0":{"logic":"OR","0":{"title":"Apple"},"1":{"title":"cherry"}}}`, "[3 6]"},
		{`{"0":{"logic":"OR","title":"Apple","xmlId":"x1"}}`, "[3 4]"},
		{`{"assignedById":[1]}`, "[1 2 3 4 5 6]"},
	} {
		got := c.result("crm.item.list", body{"entityTypeId": emulator.DemoEquipment, "useOriginalUfNames": "Y",
			"select": []string{"id"}, "order": body{"id": "ASC"}, "filter": rawJSON(t, tt.filter)})
		var ids []any
		for _, it := range dig(got, "items").([]any) {
			ids = append(ids, dig(it, "id"))
		}
		if fmt.Sprint(ids) != tt.want {
			t.Errorf("%s: got %v, want %s", tt.filter, ids, tt.want)
		}
	}
	c.refused("crm.item.list", body{"entityTypeId": 177, "useOriginalUfNames": "Y", "filter": body{uf(18): 1}}, 400, "INVALID_ARG_VALUE")
	c.refused("crm.item.list", body{"entityTypeId": 177, "filter": body{uf(3): 1}}, 400, "INVALID_ARG_VALUE")
	c.refused("crm.item.list", body{"entityTypeId": 177, "order": body{"nothing": "ASC"}}, 400, "INVALID_ARG_VALUE")
}

func TestPaging(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	for i := range 121 {
		p.AddItem(177, map[string]any{"title": fmt.Sprint(i)})
	}
	_, got := c.do("crm.item.list", body{"entityTypeId": 177, "select": []string{"id"}})
	for _, miss := range sameShape("answer", sample(t, "crm/synthetic.crm.item.list.paged.response"), got, timeKeys) {
		t.Error(miss)
	}
	if got["total"] != 123.0 || got["next"] != 50.0 {
		t.Errorf("total %v, next %v", got["total"], got["next"])
	}
	_, got = c.do("crm.item.list", body{"entityTypeId": 177, "start": 100})
	if len(dig(got, "result", "items").([]any)) != 23 || got["next"] != nil {
		t.Errorf("the last page is %v", got)
	}
	// By keyset, backwards for the highest id, forwards for everything.
	if got := dig(c.result("crm.item.list", body{"entityTypeId": 177, "order": body{"id": "DESC"}, "start": -1}), "items", 0, "id"); got != 123.0 {
		t.Errorf("the highest id is %v", got)
	}
	seen, last := 0, 0.0
	for {
		items := dig(c.result("crm.item.list", body{"entityTypeId": 177, "order": body{"id": "ASC"}, "start": -1, "filter": body{">id": last}}), "items").([]any)
		seen += len(items)
		if len(items) < 50 {
			break
		}
		last = dig(items[49], "id").(float64)
	}
	if seen != 123 {
		t.Errorf("paging saw %d of 123", seen)
	}
}

func TestRights(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 8) // own contracts only, equipment read-only
	c.refused("crm.item.import", body{"entityTypeId": 177, "fields": body{}}, 400, "ACCESS_DENIED")
	c.refused("crm.item.batchImport", rows(1), 400, "ACCESS_DENIED")
	c.refused("crm.item.add", body{"entityTypeId": emulator.DemoEquipment, "fields": body{}}, 400, "ACCESS_DENIED")
	c.refused("crm.item.get", body{"entityTypeId": 177, "id": 1}, 400, "ACCESS_DENIED")
	got := c.result("crm.item.add", body{"entityTypeId": 177, "fields": body{"assignedById": 3}})
	if dig(got, "item", "assignedById") != 8.0 {
		t.Errorf("the responsible is %v", dig(got, "item", "assignedById"))
	}
	if got := c.result("crm.item.list", body{"entityTypeId": 177}); len(dig(got, "items").([]any)) != 1 {
		t.Errorf("sees %v", got)
	}
	c.refused("crm.item.delete", body{"entityTypeId": 177, "id": 3}, 400, "ACCESS_DENIED")
	p.EditUser(8, func(u *emulator.User) { u.Rights[177] = emulator.Rights{Read: emulator.None} })
	c.refused("crm.item.fields", body{"entityTypeId": 177}, 400, "ACCESS_DENIED")
	c.refused("crm.type.getByEntityTypeId", body{"entityTypeId": 177}, 400, "ACCESS_DENIED")
	if got := c.result("crm.item.list", body{"entityTypeId": 177}); len(dig(got, "items").([]any)) != 0 {
		t.Errorf("sees %v", got)
	}
	// A link to something one may not read refuses the row.
	p.EditUser(8, func(u *emulator.User) {
		u.Rights[177] = emulator.FullRights()
		u.Rights[2] = emulator.Rights{Read: emulator.None}
	})
	c.refused("crm.item.import", body{"entityTypeId": 177, "fields": body{"parentId2": 1}}, 400, "")
}

func TestUsers(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 3)
	filter := body{"FILTER": body{"EMAIL": "olga.primerova@example.com"}}
	if got := c.result("user.get", filter).([]any); len(got) != 8 || dig(got[0], "EMAIL") != nil {
		t.Errorf("user_brief found %d, the first %v: the filter is to be dropped", len(got), got[0])
	}
	p.SetScopes("crm", "user_basic")
	if got := c.result("user.get", filter).([]any); len(got) != 1 || dig(got[0], "ID") != "4" {
		t.Errorf("user_basic found %v", got)
	}
	p.EditUser(5, func(u *emulator.User) { u.Dismissed = true })
	if got := c.result("user.get", body{"ACTIVE": true}).([]any); len(got) != 7 {
		t.Errorf("%d users are active", len(got))
	}
	if got := c.result("user.get", body{"filter": body{"@ID": []int{2, 3}}}).([]any); len(got) != 2 {
		t.Errorf("by id: %v", got)
	}
	if got := c.result("user.search", body{"FILTER": body{"FIND": "sales"}}).([]any); len(got) != 3 {
		t.Errorf("search found %v", got)
	}
}

func TestTypeListForTheNonAdmin(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 8)
	c.refused("crm.type.list", nil, 400, "ACCESS_DENIED")
	if got := c.result("crm.enum.ownertype", nil).([]any); len(got) != 9 {
		t.Errorf("types are %v", got)
	}
	_, got := as(t, w, p, 2).do("crm.type.list", body{"filter": body{"entityTypeId": 177}})
	if got["total"] != 1.0 || dig(got, "result", "types", 0, "title") != "Contracts" {
		t.Errorf("answered %v", got)
	}
}

func TestBatch(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	_, got := c.do("batch", body{"halt": 0, "cmd": body{
		"u1": "crm.item.update?entityTypeId=177&id=1&fields%5Btitle%5D=A%26B&fields%5BUF_CRM_7_1747309710%5D%5B0%5D=91&useOriginalUfNames=Y",
		"u3": "crm.item.update?entityTypeId=177&id=999999&fields[title]=D", "n": "batch?cmd[x]=profile"}})
	if dig(got, "result", "result", "u1", "item", "title") != "A&B" || dig(got, "result", "result", "u1", "item", uf(10), 0) != 91.0 ||
		dig(got, "result", "result_error", "u3", "error") != "NOT_FOUND" || dig(got, "result", "result_error", "n", "error") != "ERROR_BATCH_METHOD_NOT_ALLOWED" {
		t.Errorf("answered %v", got)
	}
	want := sample(t, "crm/synthetic.batch.partial.response")
	dig(want, "result", "result").(map[string]any)["u1"] = nil // there, a few fields of an item
	for _, miss := range sameShape("answer", want, got, append(timeKeys, "u2", "n")) {
		t.Error(miss)
	}
	_, got = c.do("batch", body{"halt": 1, "cmd": []string{"nothing", "profile"}})
	for _, miss := range sameShape("answer", sample(t, "crm/batch.errors-halt1.response"), got, append(timeKeys, "get_user")) {
		if miss != "answer.result.result_error: is []interface {}, the sample has an object" {
			t.Error(miss)
		}
	}
	if dig(got, "result", "result_error", 0, "error") != "ERROR_METHOD_NOT_FOUND" || len(p.Calls()) != 6 {
		t.Errorf("answered %v after %d calls", got, len(p.Calls()))
	}
	cmds := make([]string, 52)
	for i := range cmds {
		cmds[i] = "server.time"
	}
	_, got = c.do("batch", body{"cmd": cmds})
	if len(dig(got, "result", "result").([]any)) != 50 || dig(got, "result", "result_error", "51", "error") != "ERROR_BATCH_LENGTH_EXCEEDED" {
		t.Errorf("52 commands were answered %v", got)
	}
}

// TestBatchReferences: a reference is a reference, even in the text of a cell.
func TestBatchReferences(t *testing.T) {
	w, p := demo(t)
	_, got := form(t, w.Transport(), p.Webhook(3)+"batch", url.Values{
		"cmd[a]": {"profile"},
		"cmd[b]": {"crm.item.add?entityTypeId=177&fields[assignedById]=$result[a][ID]&fields[title]=" + url.QueryEscape("costs $result[a][NAME] # 1")},
		"cmd[c]": {"crm.item.add?entityTypeId=177&fields[title]=a#b"},
	})
	if dig(got, "result", "result", "b", "item", "assignedById") != 3.0 || dig(got, "result", "result", "b", "item", "title") != "costs Ivan # 1" {
		t.Errorf("answered %v", got)
	}
	if dig(got, "result", "result", "c", "item", "title") != "a" {
		t.Errorf("an unescaped # left %v", dig(got, "result", "result", "c", "item", "title"))
	}
}
