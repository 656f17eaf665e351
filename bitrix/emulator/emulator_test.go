package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// demo is a World with the demo portal, the app installed.
func demo(t testing.TB, change ...func(*emulator.Profile)) (*emulator.World, *emulator.Portal) {
	t.Helper()
	w := emulator.New(emulator.Options{AppURL: "https://app.example.com/", InstallURL: "https://app.example.com/install"})
	prof := emulator.DemoProfile()
	prof.Domain, prof.Scheme, prof.Installed = "portal.example.com", "https", true
	for _, f := range change {
		f(&prof)
	}
	return w, w.AddPortal(prof)
}

// caller calls one portal with one token.
type caller struct {
	t     testing.TB
	p     *emulator.Portal
	rt    http.RoundTripper
	token string
}

func as(t testing.TB, w *emulator.World, p *emulator.Portal, user int64) caller {
	access, _ := p.Token(user)
	return caller{t, p, w.Transport(), access}
}

type body = map[string]any

// do sends params as JSON and decodes whatever comes back.
func (c caller) do(method string, params body) (int, body) {
	c.t.Helper()
	if params == nil {
		params = body{}
	}
	params["auth"] = c.token
	status, raw, err := c.raw(c.p.Endpoint()+method, params)
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	var out body
	if err := json.Unmarshal(raw, &out); err != nil {
		c.t.Fatalf("%s: %d %s: %v", method, status, raw, err)
	}
	return status, out
}

func (c caller) raw(address string, params any) (int, []byte, error) {
	c.t.Helper()
	return c.rawIn(c.t.Context(), address, params)
}

// errUnexpectedEOF is how a body ends that was cut.
var errUnexpectedEOF = io.ErrUnexpectedEOF

func (c caller) rawIn(ctx context.Context, address string, params any) (int, []byte, error) {
	c.t.Helper()
	b, err := json.Marshal(params)
	if err != nil {
		c.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(b))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.rt.RoundTrip(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return res.StatusCode, raw, err
}

// result fails the test unless the call succeeded.
func (c caller) result(method string, params body) any {
	c.t.Helper()
	status, out := c.do(method, params)
	if status != 200 || out["error"] != nil {
		c.t.Fatalf("%s: %d %v", method, status, out)
	}
	return out["result"]
}

// refused fails the test unless the call was refused with this code.
func (c caller) refused(method string, params body, status int, code any) {
	c.t.Helper()
	got, out := c.do(method, params)
	if got != status || out["error"] != code {
		c.t.Errorf("%s: got %d %v, want %d %v", method, got, out, status, code)
	}
}

// dig walks maps and lists.
func dig(v any, path ...any) any {
	for _, k := range path {
		switch k := k.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[k]
		case int:
			l, _ := v.([]any)
			if k >= len(l) {
				return nil
			}
			v = l[k]
		}
	}
	return v
}

func form(t testing.TB, rt http.RoundTripper, address string, values url.Values) (int, body) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out body
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, out
}

func TestItemLife(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	item := c.result("crm.item.add", body{"entityTypeId": 177, "useOriginalUfNames": "Y", "fields": body{
		"title": "A", "xmlId": "x:1", "UF_CRM_7_1747309701": "N-1", "UF_CRM_7_1747309710": []int{91, 92}}})
	id := dig(item, "item", "id")
	if id != 3.0 || dig(item, "item", "UF_CRM_7_1747309710", 1) != 92.0 || dig(item, "item", "stageId") != "DT177_9:NEW" {
		t.Fatalf("added %v", item)
	}
	c.result("crm.item.update", body{"entityTypeId": 177, "id": id, "fields": body{"title": "B"}})
	if got := dig(c.result("crm.item.get", body{"entityTypeId": 177, "id": id}), "item", "title"); got != "B" {
		t.Errorf("title is %v", got)
	}
	if got := c.result("crm.item.delete", body{"entityTypeId": 177, "id": id}); len(got.([]any)) != 0 {
		t.Errorf("delete answered %v", got)
	}
	c.refused("crm.item.delete", body{"entityTypeId": 177, "id": id}, 400, "NOT_FOUND")
	if p.Writes() != 4 || len(p.Items(177)) != 2 {
		t.Errorf("%d writes, %d items", p.Writes(), len(p.Items(177)))
	}
}

func TestBatchImportKeepsKeysAndOrder(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	req := `{"entityTypeId":177,"auth":"` + c.token + `","data":{"r9":{"title":"first"},"r2":{"title":"second","currencyId":"XXX"},"r10":{"title":"third"}}}`
	_, raw, err := c.raw(p.Endpoint()+"crm.item.batchImport.json", json.RawMessage(req))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), `{"items":{"r9":{"item":{"id":3}},"r2":{"error":"CRM_FIELD_ERROR_VALUE_NOT_VALID"`) || !strings.Contains(string(raw), `"r10":{"item":{"id":4}}`) {
		t.Errorf("answered %s", raw)
	}
	rows := make([]body, 21)
	for i := range rows {
		rows[i] = body{"title": "x"}
	}
	c.refused("crm.item.batchImport", body{"entityTypeId": 177, "data": rows}, 400, "MAX_IMPORT_BATCH_SIZE_EXCEEDED")
	if got := c.result("crm.item.batchImport", body{"entityTypeId": 177, "data": rows[:2]}); len(dig(got, "items").([]any)) != 2 {
		t.Errorf("a list was answered with %v", got)
	}
}

func TestWebhookAndForm(t *testing.T) {
	w, p := demo(t)
	hook := p.Webhook(3)
	status, out := form(t, w.Transport(), hook+"crm.item.list.json", url.Values{
		"entityTypeId": {"177"}, "filter[@xmlId][0]": {"erp-1002"}, "select[]": {"id"}, "start": {"-1"}})
	if status != 200 || dig(out, "result", "items", 0, "id") != 2.0 || out["total"] != nil {
		t.Errorf("%d %v", status, out)
	}
	if status, out := form(t, w.Transport(), hook+"placement.list", nil); status != 403 || out["error"] != "WRONG_AUTH_TYPE" {
		t.Errorf("%d %v", status, out)
	}
	p.DropWebhook(hook)
	if status, out := form(t, w.Transport(), hook+"profile", nil); status != 401 || out["error"] != "NO_AUTH_FOUND" {
		t.Errorf("%d %v", status, out)
	}
}

func rawJSON(t *testing.T, s string) json.RawMessage {
	t.Helper()
	if !json.Valid([]byte(s)) {
		t.Fatalf("%s is not JSON", s)
	}
	return json.RawMessage(s)
}
