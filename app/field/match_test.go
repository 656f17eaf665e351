package field_test

import (
	"testing"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

func matchTargets() []field.Target {
	named := func(name, title, typ string) bitrix.Field {
		return bitrix.Field{Name: name, UpperName: name, Title: title, Type: typ, Dynamic: true}
	}
	phones := named("UF_CRM_7_PHONE", "Phone", "string")
	phones.Multiple = true
	colour := named("UF_CRM_7_COLOUR", "Colour", "enumeration")
	colour.Items = []bitrix.Option{{ID: "1", Value: "Red"}, {ID: "2", Value: "Green"}}
	return field.Targets([]bitrix.Field{
		{Name: "id", UpperName: "ID", Type: "integer", Title: "ID", ReadOnly: true},
		{Name: "title", UpperName: "TITLE", Type: "string", Title: "Name"},
		{Name: "assignedById", UpperName: "ASSIGNED_BY_ID", Type: "user", Title: "Assigned to"},
		{Name: "stageId", UpperName: "STAGE_ID", Type: "crm_status", Title: "Stage"},
		{Name: "sourceId", UpperName: "SOURCE_ID", Type: "crm_status", Title: "Source"},
		{Name: "opportunity", UpperName: "OPPORTUNITY", Type: "double", Title: "Amount"},
		{Name: "companyId", UpperName: "COMPANY_ID", Type: "crm_company", Title: "Company"},
		{Name: "begindate", UpperName: "BEGINDATE", Type: "date", Title: "Start date"},
		phones, colour,
		named("UF_CRM_7_NO", "Номер учётной записи", "string"),
		named("UF_CRM_7_A", "Comment", "string"), named("UF_CRM_7_B", "Comment", "string"),
	}, portal())
}

func TestMatch(t *testing.T) {
	words := profileOf("some", "words")
	for _, c := range []struct {
		header  string
		profile field.Profile
		field   string
		why     string
		certain bool
	}{
		{"Name", words, "title", "title", true},
		{"  name * ", words, "title", "title", true},
		{"TITLE", words, "title", "code", true},
		{"uf_crm_7_no", words, "UF_CRM_7_NO", "code", true},
		{"Any words [UF_CRM_7_NO]", words, "UF_CRM_7_NO", "code", true},
		{"Название", words, "title", "synonym", true},
		{"Ответственный", words, "assignedById", "synonym", true},
		{"Verantwortlicher", words, "assignedById", "synonym", true},
		{"Étape", profileOf("Новая", "В работе"), "stageId", "synonym", true},
		{"Importe", profileOf("1,5", "2"), "opportunity", "synonym", true},
		{"Empresa", words, "companyId", "synonym", true},
		{"Data de início", profileOf("25.04.2024"), "begindate", "synonym", true},
		{"Phone (2)", words, "UF_CRM_7_PHONE", "title", true},
		{"Company (2)", words, "companyId", "title", false},
		{"Номер учетной записи", words, "UF_CRM_7_NO", "similar", true},
		{"Colur", field.Profile{}, "UF_CRM_7_COLOUR", "similar", false},
		{"Zustand heute", profileOf("Новая", "В работе", "новая"), "stageId", "values", true},
		{"F", profileOf("Red", "Green", "Red"), "UF_CRM_7_COLOUR", "values", true},
		{"Comment", words, "UF_CRM_7_A", "title", false},
		{"Amount", profileOf("lots", "of", "words"), "opportunity", "title", false},
		{"Amount", profileOf("lots", "of", "words", "and", "1200.50"), "opportunity", "title", true},
		{"Amount", field.Profile{}, "opportunity", "title", true},
		{"ID", words, "", "", false},
		{"Something else entirely", words, "", "", false},
		{"", words, "", "", false},
	} {
		proposals := field.Match(c.header, c.profile, matchTargets(), portal())
		best := field.Proposal{}
		if len(proposals) > 0 {
			best = proposals[0]
		}
		if best.Field != c.field || best.Why != c.why || (best.Confidence >= field.Certain) != c.certain {
			t.Errorf("%q: %+v, want %s by %s, certain %v", c.header, proposals, c.field, c.why, c.certain)
		}
	}
}

// Every field finds itself by its own title and name.
func TestMatchOwnTitles(t *testing.T) {
	targets := allTypes(t, nil)
	var list []field.Target
	titles := map[string]int{}
	for _, target := range targets {
		list = append(list, target)
		if target.Writable {
			titles[target.Title]++
		}
	}
	for _, target := range list {
		if !target.Writable {
			continue
		}
		if p := field.Match(target.Name, field.Profile{}, list, portal()); len(p) == 0 || p[0].Field != target.Name || p[0].Why != field.WhyCode {
			t.Errorf("%s: %v", target.Name, p)
		}
		if p := field.Match(target.Title, field.Profile{}, list, portal()); titles[target.Title] == 1 && (len(p) == 0 || p[0].Field != target.Name) {
			t.Errorf("%s: %v", target.Title, p)
		}
	}
}
