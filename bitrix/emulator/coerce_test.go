package emulator_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// uf is the name of a user field of the demo's contracts.
func uf(n int) string { return fmt.Sprintf("UF_CRM_7_17473097%02d", n) }

// TestSilentCoercions: what a portal does to values without a word.
func TestSilentCoercions(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	p.SetLimits(emulator.Limits{})
	blank := c.result("crm.item.add", body{"entityTypeId": 177, "useOriginalUfNames": "Y", "fields": body{}})
	for _, tt := range []struct {
		name  string
		field string
		sent  any
		want  any
	}{
		{"unknown stage", "stageId", "DT177_9:NOWHERE", "DT177_9:NEW"},
		{"stage of another pipeline", "stageId", "DT177_11:SUCCESS", "DT177_9:NEW"},
		{"a stage", "stageId", "DT177_9:CLIENT", "DT177_9:CLIENT"},
		{"unknown source", "sourceId", "NOWHERE", "NOWHERE"},
		{"unknown user", "assignedById", 4711, 4711.0},
		{"boolean 1", uf(8), 1, "N"},
		{"boolean text 1", uf(8), "1", "N"},
		{"boolean Y", uf(8), "Y", "Y"},
		{"boolean true", uf(8), true, "Y"},
		{"date", uf(6), "2026-03-04", "2026-03-04T03:00:00+03:00"},
		{"date, day first", uf(6), "04.03.2026", "2026-03-04T03:00:00+03:00"},
		{"date, American", uf(6), "04/03/2026", "2026-04-03T03:00:00+03:00"},
		{"date that is none", uf(6), "31/12/2026", nil},
		{"date that the month has not", uf(6), "2026-02-30", "2026-03-02T03:00:00+03:00"},
		{"date with an offset", uf(6), "2026-06-18T00:00:00+05:00", "2026-06-17T03:00:00+03:00"},
		{"words", uf(6), "soon", nil},
		{"datetime without offset", uf(7), "2026-03-04 10:00:00", "2026-03-04T10:00:00+03:00"},
		{"datetime with offset", uf(7), "2026-03-04T10:00:00+00:00", "2026-03-04T13:00:00+03:00"},
		{"integer with rubbish", uf(3), "12abc", 12.0},
		{"integer that is none", uf(3), "abc", 0.0},
		{"double is rounded", uf(4), 12.3456, 12.35},
		{"double with a comma", uf(4), "12,5", 12.0},
		{"money", uf(5), "100.50|USD", "100.50|USD"},
		{"money without currency", uf(5), "100.50", "100.50|EUR"},
		{"money with a comma", uf(5), "100,50|USD", ""},
		{"money with words", uf(5), "a lot", ""},
		{"unknown option", uf(9), 4711, 4711.0},
		{"option by label", uf(9), "Supply", nil},
		{"options", uf(10), []any{91, "92"}, []any{91.0, 92.0}},
		{"link", uf(16), []any{"C_1", "T40a_2", "rubbish"}, []any{"C_1", "T40a_2"}},
		{"address", uf(12), "1 Example Street", "1 Example Street|;|"},
		{"link of every kind", uf(16), []any{"L_1", "Q_1", "SI_1", "O_1", "D_1", "CO_1", "5"}, []any{"L_1", "Q_1", "SI_1", "O_1", "D_1", "CO_1", "5"}},
		{"element", uf(20), "2", 2.0},
		{"element by name", uf(20), "Supply contract", nil},
		{"section 0 is none", uf(21), 0, nil},
		{"row of a highload block", uf(25), "7x", 7.0},
		{"dictionary entry that is none", uf(17), "NOWHERE", "NOWHERE"},
		{"several amounts, one broken", uf(23), []any{"1|EUR", "1,5|EUR"}, []any{"1|EUR"}},
		{"several numbers", uf(27), []any{"1", "2x", ""}, []any{1.0, 2.0}},
		{"negative money", uf(5), "-5|USD", "-5|USD"},
		{"money in lower case", uf(5), "5|usd", ""},
		{"a list in a single field", uf(1), []any{"a", "b"}, nil},
		{"external code", "xmlId", "A-1", "A-1"},
		{"observers", "observers", []any{5, 4711}, []any{5.0, 4711.0}},
		{"start date", "begindate", "2026-03-04", "2026-03-04T03:00:00+03:00"},
		{"unknown field", "nothing", "x", nil},
		{"read-only field", "previousStageId", "DT177_9:CLIENT", ""},
		{"opportunity without the switch", "opportunity", 100.5, 0.0},
		{"tax", "taxValue", 99.9, 0.0},
		{"empty title", "title", "", "Contracts #"},
		{"dates of a multiple field", uf(24), []any{"2026-01-02", "soon"}, []any{"2026-01-02T03:00:00+03:00"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := c.result("crm.item.add", body{"entityTypeId": 177, "useOriginalUfNames": "Y", "fields": body{tt.field: tt.sent}})
			v := dig(got, "item", tt.field)
			if tt.want == "Contracts #" || tt.want == "1 Example Street|;|" {
				tt.want = fmt.Sprint(tt.want, dig(got, "item", "id"))
			}
			if tt.name == "unknown field" {
				v = nil
			}
			if !reflect.DeepEqual(v, tt.want) {
				t.Errorf("%v became %#v, want %#v", tt.sent, v, tt.want)
			}
		})
	}
	if dig(blank, "item", "sourceId") != "CALL" || dig(blank, "item", "currencyId") != "EUR" || dig(blank, "item", "mycompanyId") != 1.0 {
		t.Errorf("defaults are %v", blank)
	}
	c.refused("crm.item.add", body{"entityTypeId": 177, "useOriginalUfNames": "Y", "fields": body{uf(10): "91"}}, 400, "100")
	c.refused("crm.item.add", body{"entityTypeId": 177, "fields": body{"contacts": []int{1}}}, 400, "100")
	c.refused("crm.item.add", body{"entityTypeId": 177, "fields": body{"currencyId": "XXX"}}, 400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")
	c.refused("crm.item.add", body{"entityTypeId": 177, "fields": body{"categoryId": 99}}, 400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")
	c.refused("crm.item.add", body{"entityTypeId": 177, "fields": body{"mycompanyId": 2}}, 400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")
	c.refused("crm.item.add", body{"entityTypeId": 177, "fields": body{"parentId2": 999}}, 400, "")
	c.refused("crm.item.add", nil, 400, "100")
}

func TestFinalStageAndAmount(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	got := c.result("crm.item.add", body{"entityTypeId": 177, "fields": body{
		"stageId": "DT177_9:SUCCESS", "closedate": "2030-01-01", "opportunity": 10.5, "isManualOpportunity": "Y", "contactIds": []int{4, 2}}})
	if day := fmt.Sprint(dig(got, "item", "closedate")); day[:4] == "2030" {
		t.Errorf("closedate is %s though the stage is final", day)
	}
	if dig(got, "item", "opportunity") != 10.5 || dig(got, "item", "contactId") != 4.0 {
		t.Errorf("item is %v", got)
	}
}

func TestUpdateKeepsWhatCannotBeCleared(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	before := dig(c.result("crm.item.get", body{"entityTypeId": 177, "id": 2}), "item").(map[string]any)
	update := func(fields body) map[string]any {
		return dig(c.result("crm.item.update", body{"entityTypeId": 177, "id": 2, "useOriginalUfNames": "Y", "fields": fields}), "item").(map[string]any)
	}
	got := update(body{"title": "", "assignedById": 0, "begindate": "", "currencyId": nil, "stageId": "DT177_9:NOWHERE"})
	for _, k := range []string{"title", "assignedById", "begindate", "currencyId", "stageId", "updatedTime"} {
		if !reflect.DeepEqual(got[k], before[k]) {
			t.Errorf("%s became %v", k, got[k])
		}
	}
	got = update(body{uf(1): "", uf(22): []string{}, "xmlId": nil, "stageId": "DT177_9:SUCCESS"})
	if got[uf(1)] != nil || got["previousStageId"] != "DT177_9:CLIENT" {
		t.Errorf("item is %v", got)
	}
	if rows := p.Calls()[1:]; rows[0].Rows != 0 || rows[1].Rows != 1 {
		t.Errorf("an update that changed nothing was saved: %+v", rows)
	}
}

func TestFiles(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	good, bad := []string{"a.txt", "YWJj"}, []string{"a.txt", "###"}
	got := c.result("crm.item.add", body{"entityTypeId": 177, "useOriginalUfNames": "Y", "fields": body{uf(18): good, uf(19): []any{good, good}}})
	id := dig(got, "item", "id")
	first := dig(got, "item", uf(19), 0, "id")
	if dig(got, "item", uf(18), "id") == nil || first == nil {
		t.Fatalf("files are %v", got)
	}
	// Bad base64 is ignored by add, but an error of batchImport though the
	// item exists.
	before := len(p.Items(177))
	got = c.result("crm.item.add", body{"entityTypeId": 177, "useOriginalUfNames": "Y", "fields": body{uf(18): bad}})
	if dig(got, "item", uf(18)) != nil {
		t.Errorf("a bad file was kept: %v", got)
	}
	got = c.result("crm.item.batchImport", body{"entityTypeId": 177, "useOriginalUfNames": "Y", "data": []body{{uf(18): bad}}})
	if dig(got, "items", 0, "error") != "" || len(p.Items(177)) != before+2 {
		t.Errorf("batchImport answered %v with %d items", got, len(p.Items(177))-before)
	}
	got = c.result("crm.item.update", body{"entityTypeId": 177, "id": id, "useOriginalUfNames": "Y", "fields": body{
		uf(18): body{"id": 999}, uf(19): []any{body{"id": first}, []string{"b.txt", "YWJj"}}}})
	if dig(got, "item", uf(18)) != nil || dig(got, "item", uf(19), 0, "id") != first || dig(got, "item", uf(19), 1, "id") == nil {
		t.Errorf("after the update: %v", got)
	}
}

func TestRequiredOnlyWhenEnforced(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	c.result("crm.item.import", body{"entityTypeId": 177, "fields": body{"title": "no number"}})
	p.SetEnforceRequired(true)
	c.refused("crm.item.import", body{"entityTypeId": 177, "fields": body{"title": "no number"}}, 400, "CRM_FIELD_ERROR_REQUIRED")
}

func TestHistoryFields(t *testing.T) {
	w, p := demo(t)
	admin, plain := as(t, w, p, 1), as(t, w, p, 3)
	row := func(created string) body {
		return body{"entityTypeId": emulator.DemoRequests, "fields": body{"createdTime": created, "createdBy": 5}}
	}
	admin.result("crm.item.import", row("2020-01-02T03:04:05+00:00"))
	it := p.Items(emulator.DemoRequests)[0]
	if it.CreatedBy != 5 || it.Fields["createdTime"] != "2020-01-02T06:04:05+03:00" {
		t.Errorf("item is %+v", it)
	}
	admin.refused("crm.item.import", row("2019-01-02T03:04:05+00:00"), 400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")
	admin.refused("crm.item.import", row("2099-01-02T03:04:05+00:00"), 400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")
	plain.result("crm.item.import", row("2019-01-02T03:04:05+00:00"))
	if it := p.Items(emulator.DemoRequests)[1]; it.CreatedBy != 3 {
		t.Errorf("a plain user set createdBy to %d", it.CreatedBy)
	}
}

func TestUserFieldNames(t *testing.T) {
	w, p := demo(t, func(prof *emulator.Profile) {
		prof.Types = []emulator.Type{{ID: 3, EntityTypeID: 140, Title: "Names", Fields: []emulator.Field{
			{Name: "UF_CRM_3_DIGIT", Type: "string"}, {Name: "UF_CRM_3_1747309727", Type: "string"},
			{Name: "UF_CRM_3_DIGIT10", Type: "string"}, {Name: "UF_CRM_1747309879", Type: "string"}}}}
	})
	fields := dig(as(t, w, p, 1).result("crm.item.fields", body{"entityTypeId": 140}), "fields").(map[string]any)
	for _, name := range []string{"ufCrm3Digit", "ufCrm3_1747309727", "ufCrm_3_DIGIT10", "ufCrm_1747309879"} {
		if fields[name] == nil {
			t.Errorf("no %s among the fields", name)
		}
	}
}

// TestAnyValueIsAccepted: whatever is sent for a field, the portal answers
// with JSON, and an item it reports exists.
func TestAnyValueIsAccepted(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	value := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) any { return rapid.String().Draw(t, "s") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.Float64().Draw(t, "f") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.Int64().Draw(t, "i") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.Bool().Draw(t, "b") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.SliceOf(rapid.String()).Draw(t, "l") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "m") }),
		rapid.Just(any(nil)),
	)
	names := []string{"title", "xmlId", "stageId", "categoryId", "begindate", "opportunity", "contactIds", "observers", "currencyId", "createdTime", "parentId2"}
	for n := range 28 {
		names = append(names, uf(n+1))
	}
	rapid.Check(t, func(rt *rapid.T) {
		name, v := rapid.SampledFrom(names).Draw(rt, "name"), value.Draw(rt, "value")
		if _, err := json.Marshal(v); err != nil {
			rt.Skip("not JSON")
		}
		before := len(p.Items(177))
		status, out := c.do("crm.item.import", body{"entityTypeId": 177, "useOriginalUfNames": "Y", "fields": body{name: v}})
		made := len(p.Items(177)) - before
		if (status == 200) != (made == 1) || (status == 200) != (dig(out, "result", "item", "id") != nil) {
			rt.Fatalf("%s=%v: %d %v, %d items", name, v, status, out, made)
		}
		p.SetLimits(emulator.Limits{})
		c.result("crm.item.list", body{"entityTypeId": 177, "useOriginalUfNames": "Y", "start": -1, "order": body{name: "ASC"}})
	})
}
