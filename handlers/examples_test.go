package handlers_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/locale"
	"github.com/spa-importer/spa-importer/bitrix"
)

// TestExamplesAreUnderstood: what a template and the sentences offer as an
// example is read as they say, in every language.
func TestExamplesAreUnderstood(t *testing.T) {
	texts, err := locale.Load()
	must(t, err)
	for _, lang := range texts.Languages() {
		c := texts.For(lang)
		money := c.Text("template.example_money")
		currency := money[strings.LastIndexByte(money, ' ')+1:]
		for _, example := range []struct{ kind, key, want string }{
			{"boolean", "template.yes", `"Y"`},
			{"boolean", "template.no", `"N"`},
			{"boolean", "template.example_boolean", `"Y"`},
			{"boolean", "columns.word_yes", `"Y"`},
			{"boolean", "columns.word_no", `"N"`},
			{"integer", "template.example_integer", `12`},
			{"double", "template.example_number", `12.5`},
			{"money", "template.example_money", `"1500.5|` + currency + `"`},
			{"date", "template.example_date", `"2026-04-25"`},
			{"datetime", "template.example_datetime", `"2026-04-25T14:30:00+00:00"`},
			{"url", "template.example_url", `"https://example.com"`},
		} {
			f := bitrix.Field{Name: "UF_CRM_1", UpperName: "UF_CRM_1", Type: example.kind, Title: "Own field", Dynamic: true}
			ctx := field.Context{Currencies: []string{currency, "XXX"}, BaseCurrency: "XXX", Location: time.UTC, Lang: lang}
			target := field.Targets([]bitrix.Field{f}, ctx)[0]
			profiler := field.NewProfiler()
			cell := c.Text(example.key)
			profiler.Add(cell, 2)
			style, _, _ := field.Infer(target, profiler.Profile())
			conv, err := field.NewConverter(target, style, ctx)
			must(t, err)
			value, problem := conv.Convert(cell, nil)
			if problem != nil {
				t.Errorf("%s %s: %q is not understood: %s", lang, example.key, cell, problem.Code)
				continue
			}
			got, err := json.Marshal(value.JSON)
			must(t, err)
			if string(got) != example.want {
				t.Errorf("%s %s: %q is read as %s, want %s", lang, example.key, cell, got, example.want)
			}
		}
	}
}
