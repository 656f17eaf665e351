package emulator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// send posts a body of any kind and fails unless JSON comes back.
func send(t *testing.T, w *emulator.World, address, kind string, b []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader(b))
	if err != nil {
		return // no such address
	}
	req.Header.Set("Content-Type", kind)
	res, err := w.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%d %s: %v", res.StatusCode, raw, err)
	}
	if (out["error"] == nil) == (out["result"] == nil) && out["time"] == nil {
		t.Fatalf("neither result nor error: %s", raw)
	}
}

func fuzzPortal(t testing.TB) (*emulator.World, string) {
	w, p := demo(t)
	p.SetLimits(emulator.Limits{})
	return w, p.Webhook(1)
}

func FuzzJSON(f *testing.F) {
	f.Add("crm.item.batchImport", `{"entityTypeId":177,"data":{"r2":{"title":"A","stageId":"DT177_9:NEW"}}}`)
	f.Add("crm.item.list", `{"entityTypeId":177,"filter":{"0":{"logic":"OR","0":{"%title":"a"}}},"order":{"id":"DESC"},"start":-1}`)
	f.Add("crm.item.update", `{"entityTypeId":177,"id":1,"fields":{"contactIds":[1,2],"ufCrm7_1747309719":[{"id":1},["a","YQ=="]]}}`)
	f.Add("batch", `{"cmd":["crm.item.add?entityTypeId=177&fields[title]=$result[0][x]"],"halt":1}`)
	f.Add("user.get", `{"FILTER":{"@ID":[1,2],"NAME_SEARCH":"a"},"start":"-1"}`)
	f.Add("crm.duplicate.findbycomm", `{"type":"PHONE","values":["1",2,null]}`)
	f.Add("crm.status.list", `[[[[]]]]`)
	w, hook := fuzzPortal(f)
	f.Fuzz(func(t *testing.T, method, params string) {
		if strings.ContainsAny(method, "/?#% ") || method == "" || method == "." || method == ".." {
			return // no method can have this name
		}
		send(t, w, hook+url.PathEscape(method), "application/json", []byte(params))
	})
}

func FuzzForm(f *testing.F) {
	f.Add("entityTypeId=177&fields[UF_CRM_7_1747309710][]=1&fields[UF_CRM_7_1747309710][]=2&useOriginalUfNames=Y")
	f.Add("fields[a][b][c]=1&fields=2&[x]=3&a[[b]]=1&%=1&cmd[a][b]=x")
	w, hook := fuzzPortal(f)
	f.Fuzz(func(t *testing.T, params string) {
		send(t, w, hook+"crm.item.add", "application/x-www-form-urlencoded", []byte(params))
		send(t, w, hook+"batch", "application/x-www-form-urlencoded", []byte("cmd[a]="+url.QueryEscape("crm.item.add?"+params)))
	})
}

// FuzzDate: whatever a date cell holds, the item is made, and the date is
// kept in one form or not at all.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"2026-01-02", "31.12.2026", "12/31/2026 10:11:12", "tomorrow", "2026-02-30T25:00", "0000-00-00", "9999-12-31T23:59:59+14:00", "9999-12-31T23:59:59-14:00"} {
		f.Add(s)
	}
	w, p := demo(f)
	p.SetLimits(emulator.Limits{})
	f.Fuzz(func(t *testing.T, s string) {
		c := as(t, w, p, 1)
		got := c.result("crm.item.add", body{"entityTypeId": 177, "useOriginalUfNames": "Y", "fields": body{uf(6): s, uf(7): s}})
		for _, name := range []string{uf(6), uf(7)} {
			v := dig(got, "item", name)
			if text, isText := v.(string); v != nil && (!isText || len(text) != len("2026-01-02T03:00:00+03:00")) {
				t.Errorf("%q became %v", s, v)
			}
		}
	})
}
