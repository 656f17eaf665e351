package bitrix_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/bitrix"
)

// commandLine is how one command goes over the wire.
func commandLine(t testing.TB, params any) (string, *bitrix.Error) {
	t.Helper()
	p := always(200, `{"result":{"result":{"k":true},"result_error":[],"result_total":[],"result_next":[],"result_time":[]}}`)
	reply, err := token(p).Batch(t.Context(), []bitrix.Command{{Key: "k", Method: "crm.item.update", Params: params}})
	if err != nil {
		var e *bitrix.Error
		errors.As(err, &e)
		return "", e
	}
	if e := reply.Errors["k"]; e != nil {
		return "", e
	}
	line := p.seen()[0].body["cmd"].(map[string]any)["k"].(string)
	return strings.TrimPrefix(line, "crm.item.update?"), nil
}

func TestCommandEncoding(t *testing.T) {
	type m = map[string]any
	for _, c := range []struct {
		params any
		want   string
	}{
		{nil, "crm.item.update"},
		{m{}, "crm.item.update"},
		{m{"id": 5, "entityTypeId": 177}, "entityTypeId=177&id=5"},
		{m{"fields": m{"title": "A&B", "UF_CRM_44_1": []int{91, 92}}}, "fields%5BUF_CRM_44_1%5D%5B0%5D=91&fields%5BUF_CRM_44_1%5D%5B1%5D=92&fields%5Btitle%5D=A%26B"},
		{m{"fields": m{"t": "a+b #1 100% ü\n"}}, "fields%5Bt%5D=a%2Bb%20%231%20100%25%20%C3%BC%0A"},
		{m{"fields": m{"a": nil, "b": []string{}, "c": m{}, "d": ""}}, "fields%5Ba%5D=&fields%5Bb%5D=&fields%5Bc%5D=&fields%5Bd%5D="},
		{m{"x": true, "y": false}, "x=Y&y=N"},
		{m{"x": 1.5, "y": json.Number("100.10"), "z": int64(1) << 60}, "x=1.5&y=100.10&z=1152921504606846976"},
		{m{"filter": m{">id": 900, "@xmlId": []string{"i7:2"}}}, "filter%5B%3Eid%5D=900&filter%5B%40xmlId%5D%5B0%5D=i7%3A2"},
		{struct {
			ID int `json:"id"`
		}{7}, "id=7"},
		{m{"f": []any{[]string{"name.txt", "YQ=="}}}, "f%5B0%5D%5B0%5D=name.txt&f%5B0%5D%5B1%5D=YQ%3D%3D"},
	} {
		got, err := commandLine(t, c.params)
		if err != nil || got != c.want {
			t.Errorf("%v: got %q, %v\nwant %q", c.params, got, err, c.want)
		}
	}
	wide := m{}
	for i := range 1001 {
		wide["f"+strconv.Itoa(i)] = i
	}
	for name, params := range map[string]any{
		"a list": []int{1}, "a scalar": 5, "a channel": make(chan int), "too many variables": m{"f": wide},
		"a name with a dot": m{"a.b": 1}, "a bracket in a key": m{"a": m{"b]": 1}}, "an empty key": m{"a": m{"": 1}},
	} {
		if _, err := commandLine(t, params); err == nil || err.Code != bitrix.CodeRequest || !err.Stops() || err.Class != bitrix.Refused {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// parseStr is PHP's parse_str, for what the client writes.
func parseStr(t testing.TB, query string) map[string]any {
	t.Helper()
	form, err := bitrix.Form([]byte(query))
	if err != nil {
		t.Fatalf("%q: %v", query, err)
	}
	return form
}

// TestCommandEncodingLoses nothing: what PHP reads is what was meant.
func TestCommandEncodingLosesNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		key := rapid.StringMatching(`[A-Za-z0-9_>@=!%<+& #]{1,10}`)
		text := rapid.String().Filter(func(s string) bool { return !strings.Contains(s, "$result[") })
		fields := rapid.MapOfN(key, rapid.OneOf(
			rapid.Map(text, func(s string) any { return s }),
			rapid.Map(rapid.SliceOfN(text, 1, 5), func(s []string) any { return s }),
		), 1, 8).Draw(r, "fields")
		line, fault := commandLine(t, map[string]any{"fields": fields})
		if fault != nil {
			r.Fatal(fault)
		}
		got, _ := parseStr(t, line)["fields"].(map[string]any)
		want := make(map[string]any)
		for k, v := range fields {
			if list, ok := v.([]string); ok {
				inner := make(map[string]any)
				for i, s := range list {
					inner[strconv.Itoa(i)] = strings.ToValidUTF8(s, "\ufffd")
				}
				want[k] = inner
			} else {
				want[k] = strings.ToValidUTF8(v.(string), "\ufffd")
			}
		}
		if !reflect.DeepEqual(got, want) {
			r.Fatalf("%q\ngot  %q\nwant %q", line, got, want)
		}
	})
}

// TestReferencesAreKeptBack: the portal would replace them; the other
// commands go out.
func TestReferencesAreKeptBack(t *testing.T) {
	p := always(200, `{"result":{"result":{"ok":true},"result_error":[],"result_total":[],"result_next":[],"result_time":[]}}`)
	reply, err := token(p).Batch(t.Context(), []bitrix.Command{
		{Key: "bad", Method: "crm.item.update", Params: map[string]any{"fields": map[string]any{"title": "see $result[get][0]"}}},
		{Key: "ok", Method: "crm.item.update", Params: map[string]any{"fields": map[string]any{"title": "$result of $[x]"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := reply.Errors["bad"]
	if e == nil || e.Code != bitrix.CodeReference || e.Class != bitrix.Refused || e.Stops() || e.Method != "crm.item.update" {
		t.Errorf("got %v", e)
	}
	if string(reply.Results["ok"]) != "true" || strings.Contains(p.seen()[0].raw, "bad") {
		t.Errorf("results %v, sent %s", reply.Results, p.seen()[0].raw)
	}
	p = always(200, `{"result":true}`)
	reply, err = token(p).Batch(t.Context(), []bitrix.Command{{Key: "bad", Method: "m", Params: map[string]any{"a": "$result["}}})
	if err != nil || reply.Errors["bad"] == nil || len(p.seen()) != 0 {
		t.Errorf("alone: %v, %v, %d sent", reply.Errors, err, len(p.seen()))
	}
}

func TestBatchRefusesLocally(t *testing.T) {
	one := bitrix.Command{Key: "a", Method: "profile"}
	var many []bitrix.Command
	for i := range 51 {
		many = append(many, bitrix.Command{Key: fmt.Sprintf("k%d", i), Method: "profile"})
	}
	for name, commands := range map[string][]bitrix.Command{
		"none": nil, "51": many, "a number for a key": {{Key: "12", Method: "profile"}},
		"no key": {{Method: "profile"}}, "a key twice": {one, one}, "an odd key": {{Key: "a b", Method: "profile"}},
		"a batch in a batch": {{Key: "a", Method: "batch"}}, "a method with a query": {{Key: "a", Method: "profile?x=1"}},
		"no method": {{Key: "a"}},
	} {
		p := always(200, `{"result":[]}`)
		if _, err := token(p).Batch(t.Context(), commands); bitrix.Code(err) != bitrix.CodeRequest || len(p.seen()) != 0 {
			t.Errorf("%s: got %v, %d sent", name, err, len(p.seen()))
		}
	}
	p := always(200, `{"result":[]}`)
	for name, call := range map[string]func() error{
		"a path for a method": func() error { _, err := token(p).Call(t.Context(), "../admin", nil); return err },
		"batch by Call":       func() error { _, err := token(p).Call(t.Context(), "batch", nil); return err },
		"a list":              func() error { _, err := token(p).Call(t.Context(), "profile", []int{1}); return err },
	} {
		if err := call(); bitrix.Code(err) != bitrix.CodeRequest || len(p.seen()) != 0 {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// batchOf reads a sample as the answer to commands with these keys.
func batchOf(t *testing.T, name string, keys ...string) bitrix.BatchReply {
	t.Helper()
	var commands []bitrix.Command
	for _, key := range keys {
		commands = append(commands, bitrix.Command{Key: key, Method: "crm.item.update"})
	}
	reply, err := token(always(200, string(sample(t, name)))).Batch(t.Context(), commands)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return reply
}

func TestBatchSamples(t *testing.T) {
	r := batchOf(t, "crm/batch.response.json", "get_user", "get_department")
	if len(r.Results) != 2 || len(r.Errors) != 0 || r.Totals["get_department"] != 1 || len(r.Next) != 0 ||
		r.Times["get_department"].Processing == 0 || r.Time.Duration == 0 {
		t.Errorf("batch.response: %+v", r)
	}
	r = batchOf(t, "crm/batch.errors-halt0.response.json", "get_user", "get_department")
	if len(r.Results) != 0 || len(r.Errors) != 2 || r.Errors["get_user"].Code != "INSUFFICIENT_SCOPE" || !r.Errors["get_user"].Stops() {
		t.Errorf("errors-halt0: %+v", r)
	}
	r = batchOf(t, "embedding/batch_response_halted.json", "get_user", "get_department")
	if len(r.Results) != 0 || len(r.Errors) != 1 || r.Errors["get_department"] != nil {
		t.Errorf("halted: a command that was not run: %+v", r)
	}
	r = batchOf(t, "crm/synthetic.batch.partial.response.json", "u1", "u2", "u3")
	if len(r.Results) != 1 || r.Errors["u2"].Class != bitrix.Refused || r.Errors["u2"].ResetAt.IsZero() ||
		r.Errors["u3"].Class != bitrix.Final || r.Errors["u3"].Method != "crm.item.update" || r.Times["u1"].Operating != 12.34 {
		t.Errorf("partial: %+v", r)
	}
	r = batchOf(t, "crm/synthetic.batch.array-cmd.response.json", "a", "b")
	if string(r.Results["b"]) == "" || r.Times["b"].Operating != 12.34 || len(r.Errors) != 0 {
		t.Errorf("array-cmd: %+v", r)
	}
}

// TestBatchShapes: sections in every form PHP gives them.
func TestBatchShapes(t *testing.T) {
	commands := []bitrix.Command{{Key: "a", Method: "m.a"}, {Key: "b", Method: "m.b"}, {Key: "c", Method: "m.c"}}
	for name, c := range map[string]struct {
		sections string
		results  []string
		errors   []string
	}{
		"numbered with a hole": {`"result":{"0":1,"2":3},"result_error":{"1":{"error":"NOT_FOUND"}}`, []string{"a", "c"}, []string{"b"}},
		"null result":          {`"result":{"a":null,"b":2,"c":[]},"result_error":null`, []string{"a", "b", "c"}, nil},
		"null beside an error": {`"result":{"a":null},"result_error":{"a":{"error":0,"error_description":"x"}}`, nil, []string{"a"}},
		"error as text":        {`"result":[],"result_error":{"a":"Access denied."}`, nil, []string{"a"}},
		"error without a code": {`"result":[],"result_error":{"a":{}}`, nil, []string{"a"}},
		"sections missing":     {`"result":{"a":1}`, []string{"a"}, nil},
		"everything empty":     {`"result":[],"result_error":[],"result_total":[],"result_next":[],"result_time":[]`, nil, nil},
	} {
		reply, err := token(always(200, `{"result":{`+c.sections+`},"time":{}}`)).Batch(t.Context(), commands)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := sorted(reply.Results); !slices.Equal(got, c.results) {
			t.Errorf("%s: results %v, want %v", name, got, c.results)
		}
		if got := sorted(reply.Errors); !slices.Equal(got, c.errors) {
			t.Errorf("%s: errors %v, want %v", name, got, c.errors)
		}
	}
	for _, body := range []string{`{"result":true}`, `{"result":[1,2]}`, `{"result":{"result":5}}`, `{"result":{"result":[1,2,3,4]}}`, `{"result":{"result_error":"x"}}`} {
		if _, err := token(always(200, body)).Batch(t.Context(), commands); !bitrix.IsClass(err, bitrix.Unknown) {
			t.Errorf("%s: got %v, want class unknown", body, err)
		}
	}
}

// TestBatchKeepsOrder: ids follow the file because commands run as they
// stand.
func TestBatchKeepsOrder(t *testing.T) {
	p := always(200, `{"result":{"result":[]}}`)
	var commands []bitrix.Command
	for _, key := range []string{"r9", "r10", "r1", "z", "a"} {
		commands = append(commands, bitrix.Command{Key: key, Method: "m"})
	}
	if _, err := token(p).Batch(t.Context(), commands); err != nil {
		t.Fatal(err)
	}
	if got := orderOf(p.seen()[0].raw); !slices.Equal(got, []string{"r9", "r10", "r1", "z", "a"}) {
		t.Errorf("order %v", got)
	}
	if p.seen()[0].body["halt"] != 0.0 {
		t.Errorf("halt is %v", p.seen()[0].body["halt"])
	}
}

func TestParseImported(t *testing.T) {
	keys := []string{"r2", "r3"}
	for name, result := range map[string]string{
		"keyed": `{"items":{"r2":{"item":{"id":15}},"r3":{"error":"CRM_FIELD_ERROR_REQUIRED","error_description":"x"}}}`,
		"list":  string(importedSample(t, "crm/crm.item.batchImport.partial-error.response.json")),
	} {
		rows, err := bitrix.ParseImported(json.RawMessage(result), keys)
		if err != nil || len(rows) != 2 || rows["r2"].ID != 15 || rows["r3"].Err == nil || rows["r3"].Err.Code != "CRM_FIELD_ERROR_REQUIRED" {
			t.Errorf("%s: %+v, %v", name, rows, err)
		}
	}
	rows, err := bitrix.ParseImported(json.RawMessage(`{"items":{"r2":{"item":{"id":"15"}},"r3":{"what":1}}}`), keys)
	if err != nil || len(rows) != 1 || rows["r2"].ID != 15 {
		t.Errorf("a row without verdict: %+v, %v", rows, err)
	}
	for _, bad := range []string{`true`, `{"items":5}`, `{"items":[1,2,3]}`} {
		if _, err := bitrix.ParseImported(json.RawMessage(bad), keys); err == nil {
			t.Errorf("%s is taken for a result", bad)
		}
	}
}

func importedSample(t *testing.T, name string) json.RawMessage {
	t.Helper()
	var s struct {
		Result json.RawMessage `json:"result"`
	}
	mustDecode(t, sample(t, name), &s)
	return s.Result
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func FuzzAnswer(f *testing.F) {
	f.Add(200, sample(f, "crm/synthetic.batch.partial.response.json"))
	f.Add(400, sample(f, "crm/crm.type.get.error-not-found.json"))
	f.Add(200, sample(f, "crm/crm.item.batchImport.partial-error.response.json"))
	f.Add(400, sample(f, "crm/rest-v3.error-validation.json"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 599 || strings.Contains(strings.ToUpper(string(body)), "QUERY_LIMIT") {
			return
		}
		commands := []bitrix.Command{{Key: "u1", Method: "m"}, {Key: "u2", Method: "m"}}
		x := token(always(status, string(body)))
		reply, err := x.Batch(t.Context(), commands)
		var e *bitrix.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%v", err)
		}
		for _, e := range reply.Errors {
			if e == nil || e.Class > bitrix.Final {
				t.Fatalf("%+v", reply)
			}
		}
		if reply, err := token(always(status, string(body))).Call(t.Context(), "m", nil); err == nil && reply.Result == nil {
			t.Fatalf("no result and no error: %s", body)
		}
		if _, err := bitrix.ParseImported(body, []string{"u1", "u2"}); err == nil && len(body) == 0 {
			t.Fatal("nothing is taken for a result")
		}
	})
}

func FuzzCommand(f *testing.F) {
	f.Add("title", "A&B=C #1+2%20")
	f.Fuzz(func(t *testing.T, key, value string) {
		line, fault := commandLine(t, map[string]any{"fields": map[string]any{key: value}})
		if fault != nil {
			return
		}
		if strings.ContainsAny(line, " #\"\\+") {
			t.Fatalf("%q is not encoded", line)
		}
		if u, err := url.Parse("m?" + line); err != nil || u.Fragment != "" {
			t.Fatalf("%q: %v", line, err)
		}
		fields, _ := parseStr(t, line)["fields"].(map[string]any)
		// JSON cannot carry broken UTF-8: each bad byte becomes U+FFFD.
		var want map[string]string
		mustDecode(t, mustJSON(map[string]string{key: value}), &want)
		for k, v := range want {
			if fields[k] != v {
				t.Fatalf("%q: got %q, want %q", line, fields[k], v)
			}
		}
	})
}
