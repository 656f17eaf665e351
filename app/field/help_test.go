package field_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// found is a Lookup over a map.
type found map[field.Ref][]string

func (f found) Find(r field.Ref) ([]string, bool) {
	ids, ok := f[r]
	return ids, ok
}

// everything finds exactly the key, as the id if it is one, else as 7.
type everything struct{}

func (everything) Find(r field.Ref) ([]string, bool) {
	if r.By() == field.ByID {
		return []string{r.Key}, true
	}
	return []string{"7"}, true
}

// zone reads an IANA zone.
func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// portal is a portal with two pipelines whose stages share a name.
func portal() field.Context {
	return field.Context{
		EntityTypeID: 128,
		Categories:   []bitrix.Category{{ID: 5, Name: "Sales", Default: true}, {ID: 6, Name: "Service"}, {ID: 9, Name: "6"}},
		Stages: map[int64][]bitrix.Status{
			5: {{ID: "DT128_5:NEW", Name: "Новая"}, {ID: "DT128_5:WORK", Name: "В работе"}, {ID: "DT128_5:A", Name: "Ждём"}, {ID: "DT128_5:B", Name: "Ждём"}},
			6: {{ID: "DT128_6:NEW", Name: "Новая"}, {ID: "DT128_6:VISIT", Name: "Выезд"}},
		},
		Sources:    []bitrix.Status{{ID: "CALL", Name: "Phone call"}, {ID: "WEB", Name: "Web site"}, {ID: "1", Name: "Fair"}, {ID: "2", Name: "Fair"}},
		Statuses:   map[string][]bitrix.Status{"INDUSTRY": {{ID: "IT", Name: "Information technology"}, {ID: "BANK", Name: "Banking"}, {ID: "B2", Name: "banking "}}},
		Currencies: []string{"RUB", "USD", "EUR", "SEK", "NOK"}, BaseCurrency: "RUB",
		Types: []bitrix.Type{{EntityTypeID: 177, Title: "Contracts"}},
		Admin: true, Location: time.UTC, Lang: "en", HasEmailScope: true,
	}
}

// setting is the settings of a user field from pairs of name and JSON.
func setting(pairs ...string) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return m
}

// own is a user field.
func own(typ string, settings ...string) bitrix.Field {
	return bitrix.Field{Name: "UF_CRM_1", UpperName: "UF_CRM_1", Type: typ, Title: "Own field", Dynamic: true, Settings: setting(settings...)}
}

func many(f bitrix.Field) bitrix.Field {
	f.Multiple = true
	return f
}

func system(name, typ string) bitrix.Field {
	return bitrix.Field{Name: name, Type: typ, Title: name}
}

func converter(t testing.TB, f bitrix.Field, s field.Style, c field.Context) *field.Converter {
	t.Helper()
	targets := field.Targets([]bitrix.Field{f}, c)
	if len(targets) != 1 {
		t.Fatalf("field %s gives %d targets", f.Name, len(targets))
	}
	conv, err := field.NewConverter(targets[0], s, c)
	if err != nil {
		t.Fatal(err)
	}
	return conv
}

// convert converts and checks what is true of every conversion.
func convert(t testing.TB, conv *field.Converter, cell string, l field.Lookup) (field.Value, *field.Problem) {
	t.Helper()
	v, p := conv.Convert(cell, l)
	if !v.Set && v.JSON != nil {
		t.Fatalf("%q: a value that is not set: %v", cell, v.JSON)
	}
	if _, err := json.Marshal(v.JSON); err != nil {
		t.Fatalf("%q: %v", cell, err)
	}
	if p == nil {
		return v, nil
	}
	if p.Blocks && v.Set {
		t.Fatalf("%q: a value beside a problem that blocks", cell)
	}
	if p.Value != cell {
		t.Fatalf("%q: the problem is about %q", cell, p.Value)
	}
	args, ok := field.Codes()[p.Code]
	if !ok {
		t.Fatalf("%q: unknown code %q", cell, p.Code)
	}
	want := append([]string{"field", "value"}, args...)
	slices.Sort(want)
	if have := slices.Sorted(maps.Keys(p.Args)); !slices.Equal(have, want) {
		t.Fatalf("%q: %s has the arguments %v, want %v", cell, p.Code, have, want)
	}
	if p.Closest != "" {
		if _, again := conv.Convert(p.Closest, l); again != nil && again.Blocks && again.Code == p.Code && again.Args["value"] == p.Args["value"] {
			t.Fatalf("%q: the suggestion %q is no better: %s", cell, p.Closest, again.Code)
		}
	}
	return v, p
}

// wire is what a cell becomes on the wire; "-" for a field left out, and
// the code in angle brackets for a problem, after a "!" if it blocks.
func wire(t testing.TB, conv *field.Converter, cell string, l field.Lookup) string {
	t.Helper()
	v, p := convert(t, conv, cell, l)
	out := "-"
	if v.Set {
		b, err := json.Marshal(v.JSON)
		if err != nil {
			t.Fatal(err)
		}
		out = string(b)
	}
	if p == nil {
		return out
	}
	if p.Blocks {
		out = "!" + p.Code
	} else {
		out += " <" + p.Code + ">"
	}
	if p.Closest != "" {
		out += " ~ " + p.Closest
	}
	return out
}
