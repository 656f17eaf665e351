package bitrix_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix"
)

// script answers methods from samples and texts; a method may have several
// pages by "start".
func script(t *testing.T, answers map[string]string) *portal {
	return &portal{answer: func(c call) (int, string) {
		key := c.method
		if start, ok := c.body["start"]; ok {
			key += fmt.Sprintf("@%v", start)
		}
		body, ok := answers[key]
		switch {
		case !ok:
			t.Errorf("unexpected call of %s", key)
			return 404, `{"error":"ERROR_METHOD_NOT_FOUND"}`
		case strings.HasSuffix(body, ".json"):
			body = string(sample(t, body))
		}
		if strings.Contains(body, `"error":`) && !strings.Contains(body, `"result"`) {
			return 400, body
		}
		return 200, body
	}}
}

func TestReadProfileAndScopes(t *testing.T) {
	p, err := bitrix.ReadProfile(t.Context(), token(script(t, map[string]string{"profile": "embedding/profile_response.json"})))
	if want := (bitrix.Profile{ID: 1, Name: "Alex Sample", Admin: true}); err != nil || p != want {
		t.Errorf("got %+v, %v", p, err)
	}
	p, err = bitrix.ReadProfile(t.Context(), token(script(t, map[string]string{"profile": `{"result":{"ID":7,"ADMIN":"N","NAME":null,"LAST_NAME":"B","TIME_ZONE":"Europe/Berlin"}}`})))
	if want := (bitrix.Profile{ID: 7, Name: "B", Zone: "Europe/Berlin"}); err != nil || p != want {
		t.Errorf("got %+v, %v", p, err)
	}
	if _, err = bitrix.ReadProfile(t.Context(), token(script(t, map[string]string{"profile": `{"result":[]}`}))); bitrix.Code(err) != bitrix.CodeNotJSON {
		t.Errorf("no profile: %v", err)
	}
	scopes, err := bitrix.ReadScopes(t.Context(), token(script(t, map[string]string{"scope": "crm/scope.response.json"})))
	if err != nil || !slices.Equal(scopes, []string{"department", "entity", "log", "user"}) {
		t.Errorf("got %v, %v", scopes, err)
	}
}

// TestReadApp: the answer also sets the request rate.
func TestReadApp(t *testing.T) {
	x := token(script(t, map[string]string{"app.info": "crm/app.info.response.json"}))
	if p := x.Pace(); p.Size != 50 || p.Rate != 2 {
		t.Errorf("before: %v, %v", p.Size, p.Rate)
	}
	app, err := bitrix.ReadApp(t.Context(), x)
	if err != nil || app.Code != "telefum24.kp10" || app.Family != "ent" || !app.Installed || app.PaymentExpired || app.Version != "4" || app.Lang != "de" {
		t.Errorf("got %+v, %v", app, err)
	}
	if p := x.Pace(); p.Size != 250 || p.Rate != 5 {
		t.Errorf("after: %v, %v", p.Size, p.Rate)
	}
}

func TestReadTypesOfAdmins(t *testing.T) {
	x := token(script(t, map[string]string{
		"crm.type.list":              `{"result":{"types":[{"id":37,"title":"A","code":"","entityTypeId":1256,"isCategoriesEnabled":"Y","isStagesEnabled":"N","isObserversEnabled":"Y"}]},"next":50,"total":51}`,
		"crm.type.list@50":           `{"result":{"types":[{"id":"38","title":"B","entityTypeId":"180","isCategoriesEnabled":"N","isStagesEnabled":"Y"}]},"total":51}`,
		"crm.automatedsolution.list": `{"result":{"automatedSolutions":[{"id":1,"title":"HR","typeIds":[38,99]},{"id":2,"title":"R&D","typeIds":{"3":"40"}}]},"total":2}`,
	}))
	types, err := bitrix.ReadTypes(t.Context(), x)
	want := []bitrix.Type{
		{ID: 37, EntityTypeID: 1256, Title: "A", Categories: true, Observers: true},
		{ID: 38, EntityTypeID: 180, Title: "B", Stages: true, Workplace: "HR"},
	}
	if err != nil || !reflect.DeepEqual(types, want) {
		t.Errorf("got %+v, %v", types, err)
	}
	types, err = bitrix.ReadTypes(t.Context(), token(script(t, map[string]string{
		"crm.type.list": "crm/crm.type.list.response.json", "crm.automatedsolution.list": "crm/crm.automatedsolution.list.error-access-denied.json",
	})))
	if err != nil || len(types) != 4 || types[1].EntityTypeID != 1246 || !types[1].Products || types[1].MyCompany {
		t.Errorf("sample: got %+v, %v", types, err)
	}
}

// TestReadTypesOfUsers: who is no CRM administrator gets the types he may
// read, by asking for each that there is.
func TestReadTypesOfUsers(t *testing.T) {
	var owners []string
	for id := 1; id <= 60; id++ {
		owners = append(owners, fmt.Sprintf(`{"ID":%d}`, 1030+2*id))
	}
	owners = append(owners, `{"ID":"128"}`, `{"ID":2}`, `{"ID":31}`, `{"ID":1033}`)
	batches := 0
	p := &portal{}
	p.answer = func(c call) (int, string) {
		switch c.method {
		case "crm.type.list":
			return 400, string(sample(t, "crm/crm.type.list.error-access-denied.json"))
		case "crm.enum.ownertype":
			return 200, `{"result":[` + strings.Join(owners, ",") + `]}`
		}
		batches++
		results, faults := map[string]any{}, map[string]any{}
		for _, key := range orderOf(c.raw) {
			switch key {
			case "t128":
				results[key] = map[string]any{"type": map[string]any{"id": 5, "entityTypeId": 128, "title": "Mine",
					"relations": json.RawMessage(`{"parent":[{"entityTypeId":4,"isPredefined":"Y"},{"entityTypeId":2,"isPredefined":"N"}],"child":[]}`)}}
			case "t1040":
				faults[key] = map[string]any{"error": 0, "error_description": "Smart process not found"}
			default:
				faults[key] = map[string]string{"error": "ACCESS_DENIED"}
			}
		}
		return 200, string(mustJSON(map[string]any{"result": map[string]any{"result": results, "result_error": faults}}))
	}
	types, err := bitrix.ReadTypes(t.Context(), token(p))
	want := []bitrix.Type{{ID: 5, EntityTypeID: 128, Title: "Mine", Parents: []int64{2}}}
	if err != nil || !reflect.DeepEqual(types, want) || batches != 2 {
		t.Errorf("got %+v, %v after %d batches", types, err, batches)
	}
	// A missing scope is not a missing right to one type.
	p.answer = func(c call) (int, string) {
		if c.method == "crm.type.list" {
			return 403, `{"error":"insufficient_scope"}`
		}
		t.Errorf("called %s", c.method)
		return 200, `{"result":[]}`
	}
	var e *bitrix.Error
	if _, err := bitrix.ReadTypes(t.Context(), token(p)); !errors.As(err, &e) || e.Code != "INSUFFICIENT_SCOPE" || !e.Stops() {
		t.Errorf("got %v", err)
	}
}

func TestReadType(t *testing.T) {
	ty, err := bitrix.ReadType(t.Context(), token(script(t, map[string]string{"crm.type.getByEntityTypeId": "crm/crm.type.getByEntityTypeId.response.json"})), 2024)
	if err != nil || ty.ID != 16 || ty.EntityTypeID != 2024 || !slices.Equal(ty.Parents, []int64{1, 2, 31}) || !ty.Automation || !ty.RecycleBin {
		t.Errorf("got %+v, %v", ty, err)
	}
	if _, err = bitrix.ReadType(t.Context(), token(script(t, map[string]string{"crm.type.getByEntityTypeId": "crm/crm.type.getByEntityTypeId.error-not-found.json"})), 2024); bitrix.Code(err) != "0" {
		t.Errorf("got %v", err)
	}
}

func TestReadFields(t *testing.T) {
	const name = "crm/synthetic.crm.item.fields.spa-all-types.response.json"
	p := script(t, map[string]string{"crm.item.fields": name})
	fields, err := bitrix.ReadFields(t.Context(), token(p), 1268)
	if err != nil {
		t.Fatal(err)
	}
	if body := p.seen()[0].body; body["useOriginalUfNames"] != "Y" || body["entityTypeId"] != 1268.0 {
		t.Errorf("asked with %v", body)
	}
	// Every descriptor, in the order of the file, compared with a plain
	// decoding of it.
	var o struct {
		Result struct {
			Fields map[string]map[string]any `json:"fields"`
		} `json:"result"`
	}
	raw := sample(t, name)
	mustDecode(t, raw, &o)
	if len(fields) != len(o.Result.Fields) {
		t.Fatalf("%d fields, want %d", len(fields), len(o.Result.Fields))
	}
	at := 0
	for _, f := range fields {
		next := strings.Index(string(raw[at:]), `"`+f.Name+`": {`)
		if next < 0 {
			t.Fatalf("%s is out of order", f.Name)
		}
		at += next
		want := o.Result.Fields[f.Name]
		items, _ := want["items"].([]any)
		settings, _ := want["settings"].(map[string]any)
		if f.Type != want["type"] || f.Title != want["title"] || f.UpperName != want["upperName"] ||
			f.Required != want["isRequired"] || f.ReadOnly != want["isReadOnly"] || f.Multiple != want["isMultiple"] ||
			f.Dynamic != want["isDynamic"] || f.Immutable != want["isImmutable"] || len(f.Items) != len(items) || len(f.Settings) != len(settings) {
			t.Errorf("%s: got %+v, want %v", f.Name, f, want)
		}
		if s, ok := want["statusType"]; ok && f.StatusType != s {
			t.Errorf("%s: status type %q", f.Name, f.StatusType)
		}
	}
	system, err := bitrix.ReadFields(t.Context(), token(script(t, map[string]string{"crm.item.fields": "crm/crm.item.fields.spa-system.response.json"})), 1268)
	if err != nil || len(system) < 25 || system[0].Name != "id" || !system[0].ReadOnly {
		t.Errorf("system fields: %d, %v", len(system), err)
	}
	old, err := bitrix.ReadFields(t.Context(), token(script(t, map[string]string{
		"crm.item.fields": `{"result":{"fields":{"ufCrm3Digit":{"type":"enumeration","isDynamic":true,"title":"","formLabel":"D","items":{"1":{"ID":5,"VALUE":"x"}},"settings":[],"upperName":"UF_CRM_3_DIGIT"},"xmlId":{"type":"string"}}}}`,
	})), 3)
	want := []bitrix.Field{
		{Name: "ufCrm3Digit", UpperName: "UF_CRM_3_DIGIT", Type: "enumeration", Title: "D", Dynamic: true, Items: []bitrix.Option{{ID: "5", Value: "x"}}},
		{Name: "xmlId", UpperName: "xmlId", Type: "string", Title: "xmlId"},
	}
	if err != nil || !reflect.DeepEqual(old, want) {
		t.Errorf("an old portal: got %+v, %v", old, err)
	}
	for _, body := range []string{`{"result":{}}`, `{"result":{"fields":5}}`, `{"result":{"fields":{"a":1}}}`, `{"result":[]}`} {
		if _, err := bitrix.ReadFields(t.Context(), token(script(t, map[string]string{"crm.item.fields": body})), 3); bitrix.Code(err) != bitrix.CodeNotJSON {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

func TestReadCategoriesAndStatuses(t *testing.T) {
	categories, err := bitrix.ReadCategories(t.Context(), token(script(t, map[string]string{"crm.category.list": "crm/crm.category.list.response.json"})), 2)
	if err != nil || len(categories) != 4 || categories[3] != (bitrix.Category{ID: 0, Name: "General", Sort: 300, Default: true}) {
		t.Errorf("got %+v, %v", categories, err)
	}
	p := script(t, map[string]string{"crm.status.list": "crm/crm.status.list.response.json"})
	statuses, err := bitrix.ReadStatuses(t.Context(), token(p), "DEAL_STAGE")
	if err != nil || len(statuses) != 8 || statuses[5] != (bitrix.Status{ID: "WON", EntityID: "DEAL_STAGE", Name: "Deal successful", Sort: 60, Semantics: "S"}) {
		t.Errorf("got %+v, %v", statuses, err)
	}
	if filter, _ := p.seen()[0].body["filter"].(map[string]any); filter["ENTITY_ID"] != "DEAL_STAGE" {
		t.Errorf("asked with %v", p.seen()[0].body)
	}
	if _, err := bitrix.ReadCategories(t.Context(), token(script(t, map[string]string{"crm.category.list": "crm/crm.category.list.error-not-found.json"})), 2); bitrix.Code(err) != "NOT_FOUND" {
		t.Errorf("got %v", err)
	}
	endless := &portal{}
	endless.answer = func(c call) (int, string) {
		start, _ := c.body["start"].(float64)
		return 200, fmt.Sprintf(`{"result":[],"next":%v}`, start+50)
	}
	x := bitrix.New(bitrix.Options{Transport: endless}).TokenConnection("m1", "https://portal.example/rest/", "t")
	x.SetFamily("box")
	if _, err := bitrix.ReadStatuses(t.Context(), x, "X"); bitrix.Code(err) != bitrix.CodeNotJSON || len(endless.seen()) != 200 {
		t.Errorf("an endless list: %v after %d calls", err, len(endless.seen()))
	}
}

func TestShortCode(t *testing.T) {
	for id, want := range map[int64]string{177: "Tb1", 1040: "T410", 128: "T80", 156: "T9c"} {
		if got := bitrix.ShortCode(id); got != want {
			t.Errorf("%d: %s, want %s", id, got, want)
		}
	}
}

// answers is a Reader that gives every call the same result.
type answers json.RawMessage

func (a answers) Call(context.Context, string, any) (bitrix.Reply, error) {
	return bitrix.Reply{Result: json.RawMessage(a)}, nil
}

func (a answers) Batch(_ context.Context, commands []bitrix.Command) (bitrix.BatchReply, error) {
	results := make(map[string]json.RawMessage)
	for _, c := range commands {
		results[c.Key] = json.RawMessage(a)
	}
	return bitrix.BatchReply{Results: results}, nil
}

func FuzzReads(f *testing.F) {
	for _, name := range []string{
		"crm/crm.type.list.response.json", "crm/crm.item.fields.spa-userfields.fragment.json", "crm/crm.status.list.response.json",
		"crm/crm.category.list.response.json", "crm/crm.type.getByEntityTypeId.response.json", "crm/profile.response.json",
	} {
		var o struct {
			Result json.RawMessage `json:"result"`
		}
		mustDecode(f, sample(f, name), &o)
		f.Add([]byte(o.Result))
	}
	f.Fuzz(func(t *testing.T, result []byte) {
		if !json.Valid(result) {
			return
		}
		r := answers(result)
		ctx := t.Context()
		if p, err := bitrix.ReadProfile(ctx, r); err == nil && p.ID <= 0 {
			t.Fatalf("%+v", p)
		}
		if ty, err := bitrix.ReadType(ctx, r, 128); err == nil && ty.EntityTypeID == 0 {
			t.Fatalf("%+v", ty)
		}
		_, err1 := bitrix.ReadTypes(ctx, r)
		_, err2 := bitrix.ReadFields(ctx, r, 128)
		_, err3 := bitrix.ReadCategories(ctx, r, 128)
		_, err4 := bitrix.ReadStatuses(ctx, r, "SOURCE")
		_, err5 := bitrix.ReadScopes(ctx, r)
		for _, err := range []error{err1, err2, err3, err4, err5} {
			if err != nil && bitrix.Code(err) != bitrix.CodeNotJSON {
				t.Fatal(err)
			}
		}
	})
}

// batches answers the commands of a batch by their method and parameters.
type batches func(c bitrix.Command) (string, *bitrix.Error)

func (b batches) Call(context.Context, string, any) (bitrix.Reply, error) {
	return bitrix.Reply{}, errors.New("called alone")
}

func (b batches) Batch(_ context.Context, commands []bitrix.Command) (bitrix.BatchReply, error) {
	reply := bitrix.BatchReply{Results: map[string]json.RawMessage{}, Errors: map[string]*bitrix.Error{}}
	for _, c := range commands {
		if result, fault := b(c); fault != nil {
			reply.Errors[c.Key] = fault
		} else {
			reply.Results[c.Key] = json.RawMessage(result)
		}
	}
	return reply, nil
}

// TestManyAtATime: fields and dictionaries come in batches; what the person
// may not read is missing, what passes is an error.
func TestManyAtATime(t *testing.T) {
	calls := 0
	r := batches(func(c bitrix.Command) (string, *bitrix.Error) {
		calls++
		params := fmt.Sprint(c.Params)
		switch {
		case strings.Contains(params, "1040") || strings.Contains(params, "SECRET"):
			return "", &bitrix.Error{Code: "ACCESS_DENIED", Status: 400, Class: bitrix.Final}
		case c.Method == "crm.item.fields":
			return `{"fields":{"title":{"type":"string","title":"Name"}}}`, nil
		default:
			return `[{"STATUS_ID":"B","NAME":"Second","SORT":"20"},{"STATUS_ID":"A","NAME":"First","SORT":"10"}]`, nil
		}
	})
	ids := []int64{1040}
	for n := range int64(70) {
		ids = append(ids, 2000+2*n)
	}
	fields, err := bitrix.ReadFieldsOf(t.Context(), r, ids)
	if err != nil || len(fields) != 70 || fields[2000][0].Title != "Name" || calls != 71 {
		t.Errorf("%d types of %d calls, %v", len(fields), calls, err)
	}
	dictionaries, err := bitrix.ReadDictionaries(t.Context(), r, []string{"SOURCE", "SECRET"})
	if err != nil || len(dictionaries) != 1 || dictionaries["SOURCE"][0].ID != "A" {
		t.Errorf("%v, %v", dictionaries, err)
	}
	busy := batches(func(bitrix.Command) (string, *bitrix.Error) {
		return "", &bitrix.Error{Code: "OPERATION_TIME_LIMIT", Status: 429, Class: bitrix.Refused}
	})
	if _, err := bitrix.ReadFieldsOf(t.Context(), busy, ids); bitrix.Code(err) != "OPERATION_TIME_LIMIT" {
		t.Errorf("a limit is %v", err)
	}
	if _, err := bitrix.ReadDictionaries(t.Context(), busy, []string{"SOURCE"}); bitrix.Code(err) != "OPERATION_TIME_LIMIT" {
		t.Errorf("a limit is %v", err)
	}
}
