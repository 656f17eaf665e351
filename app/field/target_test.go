package field_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// recorded answers crm.item.fields with a recorded body.
type recorded string

func (r recorded) Call(context.Context, string, any) (bitrix.Reply, error) {
	body, err := os.ReadFile("../../bitrix/testdata/samples/crm/" + string(r))
	if err != nil {
		return bitrix.Reply{}, err
	}
	var answer struct{ Result json.RawMessage }
	err = json.Unmarshal(body, &answer)
	return bitrix.Reply{Result: answer.Result, Status: 200}, err
}

func (recorded) Batch(context.Context, []bitrix.Command) (bitrix.BatchReply, error) {
	panic("fields are read by one call")
}

// allTypes are the targets of a smart process with a field of every type.
func allTypes(t *testing.T, change func(*field.Context)) map[string]field.Target {
	t.Helper()
	fields, err := bitrix.ReadFields(t.Context(), recorded("synthetic.crm.item.fields.spa-all-types.response.json"), 128)
	if err != nil {
		t.Fatal(err)
	}
	c := portal()
	if change != nil {
		change(&c)
	}
	targets := map[string]field.Target{}
	for _, target := range field.Targets(fields, c) {
		targets[strings.TrimPrefix(target.Name, "UF_CRM_44_17218")] = target
		if target.Writable != (target.Reason == "") {
			t.Errorf("%s: writable %v, reason %q", target.Name, target.Writable, target.Reason)
		}
		if target.Reason != "" && !slices.Contains(field.Reasons(), target.Reason) {
			t.Errorf("%s: unknown reason %q", target.Name, target.Reason)
		}
		if target.Note != "" && !slices.Contains(field.Notes(), target.Note) {
			t.Errorf("%s: unknown note %q", target.Name, target.Note)
		}
		if !target.Writable {
			continue
		}
		if _, err := field.NewConverter(target, field.Style{}, c); err != nil {
			t.Errorf("%s (%s) is offered, but: %v", target.Name, target.Type, err)
		}
	}
	return targets
}

func TestTargets(t *testing.T) {
	targets := allTypes(t, nil)
	for name, want := range map[string]string{
		"id": "main !item_key", "title": "main", "xmlId": "main", "stageId": "main", "previousStageId": "main !previous_stage",
		"taxValue": "main !computed", "opportunity": "main manual_amount", "closedate": "main close_date", "createdTime": "history history",
		"movedBy": "history history", "lastActivityTime": "history !read_only", "companyId": "links", "contactIds": "links", "mycompanyId": "links",
		"parentId1248": "links", "observers": "main", "opened": "main",
		"12760630": "own", "12814433": "own", "12853419": "own", "12885588": "own", "12898903": "own !files_not_fetched", "12915476": "own",
		"12935209": "own", "12948498": "own", "12960001": "own", "12960002": "own", "12960004": "own", "12960005": "own", "12960006": "own",
		"12960007": "own", "12960008": "own", "12960009": "own", "12960010": "own not_verified", "12960011": "own not_verified",
		"12960012": "own !files_not_fetched", "12960013": "own", "12960014": "own", "12960015": "own", "12960016": "own not_verified",
		"12960017": "own !booking", "12960018": "own app_defined", "12960019": "own", "12960020": "own",
	} {
		target, ok := targets[name]
		have := target.Group
		if target.Reason != "" {
			have += " !" + target.Reason
		}
		if target.Note != "" {
			have += " " + target.Note
		}
		if !ok || have != want {
			t.Errorf("%s: %q, want %q", name, have, want)
		}
	}
	for _, name := range []string{"contacts", "contactId", "webformId"} {
		if _, ok := targets[name]; ok {
			t.Errorf("%s is shown", name)
		}
	}
	if title := targets["contactIds"].Title; title != "Contact" {
		t.Errorf("contacts are called %q", title)
	}
	if targets["opened"].Required {
		t.Error("opened always has a value: it must not be asked for")
	}
	if o := targets["stageId"].Options; len(o) != 4 || o[0] != (field.Choice{ID: "DT128_5:NEW", Label: "Новая", Code: "NEW"}) {
		t.Errorf("stages: %v", o)
	}
	if o := targets["12814433"].Options; len(o) != 4 || o[0] != (field.Choice{ID: "79", Label: "List item #1"}) {
		t.Errorf("options: %v", o)
	}
}

func TestTargetsDependOnThePortal(t *testing.T) {
	for _, c := range []struct {
		name, field, reason string
		change              func(*field.Context)
	}{
		{"history is for admins", "createdTime", "admins_only", func(c *field.Context) { c.Admin = false }},
		{"dictionary was not read", "12960007", "dictionary_not_read", func(c *field.Context) { c.Statuses = nil }},
		{"stages of the pipeline", "stageId", "dictionary_not_read", func(c *field.Context) { c.CategoryID = 77 }},
		{"files can be fetched", "12898903", "", func(c *field.Context) { c.Files = true }},
	} {
		if have := allTypes(t, c.change)[c.field].Reason; have != c.reason {
			t.Errorf("%s: %q, want %q", c.name, have, c.reason)
		}
	}
}

func TestTypesNobodyKnows(t *testing.T) {
	for typ, reason := range map[string]string{"quantum": "unsupported_type", "video": "other_module", "geo": "other_module", "location": "unsupported_type"} {
		target := field.Targets([]bitrix.Field{own(typ)}, portal())[0]
		if target.Writable || target.Reason != reason {
			t.Errorf("%s: %v %q", typ, target.Writable, target.Reason)
		}
	}
}

func TestPatternThatCannotBeChecked(t *testing.T) {
	target := field.Targets([]bitrix.Field{own("string", "REGEXP", `"/(?<=a)b/"`)}, portal())[0]
	if target.Note != "pattern_unchecked" || !target.Writable {
		t.Errorf("%+v", target)
	}
}
