package handlers

import (
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/importer"
)

func TestReadMapping(t *testing.T) {
	form := url.Values{
		"count":   {"5"},
		"field.0": {"title"}, "was.0": {"title"}, "why.0": {"code"}, "style.0": {`{"list":";"}`},
		"field.1": {"begindate"}, "was.1": {"begindate"}, "style.1": {`{"excel":true}`}, "date.1": {"dmy"},
		"field.2": {"opportunity"}, "was.2": {"begindate"}, "why.2": {"title"}, "style.2": {`{"dateOrder":"mdy"}`}, "date.2": {"mdy"},
		"field.3":        {""},
		"constant.xmlId": {"A"}, "constant.empty": {" "}, "new_field": {"sourceId"},
		"field.4": {"?"}, "blank.1": {""},
		"field.9": {"beyond the count"},
	}
	got, asked, err := readMapping(form)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Sort(asked); !slices.Equal(asked, []string{"empty", "sourceId"}) {
		t.Errorf("asked for %q", asked)
	}
	want := importer.Mapping{
		Columns: []importer.ColumnMapping{
			{Column: 0, Field: "title", Why: "code", Style: field.Style{List: ";"}},
			{Column: 1, Field: "begindate", Style: field.Style{Excel: true, DateOrder: "dmy"}},
			{Column: 2, Field: "opportunity"}, // another field than before: nothing of its style holds
			{Column: 3},
		},
		Constants: map[string]string{"xmlId": "A"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, form := range map[string]url.Values{
		"no count": {}, "negative": {"count": {"-1"}}, "too many": {"count": {"1025"}}, "not a number": {"count": {"x"}},
		"style": {"count": {"1"}, "field.0": {"a"}, "was.0": {"a"}, "style.0": {"{"}},
	} {
		if _, _, err := readMapping(form); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzReadMapping(f *testing.F) {
	f.Add("count=2&field.0=title&was.0=title&style.0={}&constant.a=b")
	f.Add("count=1024&field.1023=x")
	f.Fuzz(func(t *testing.T, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		m, _, err := readMapping(form)
		if n, _ := strconv.Atoi(form.Get("count")); err == nil && len(m.Columns) > n {
			t.Errorf("%d columns for %q", len(m.Columns), form.Get("count"))
		}
		for _, d := range readDecisions(form) {
			if d.Action == importer.UseValue && d.With == "" {
				t.Errorf("a decision for nothing: %+v", d)
			}
		}
	})
}

func TestReadDecisions(t *testing.T) {
	form := url.Values{}
	add := func(n, column, value, action, with string) {
		form.Set("column."+n, column)
		form.Set("value."+n, value)
		form.Set("action."+n, action)
		form.Set("with."+n, with)
		form.Set("closest."+n, "near")
	}
	add("0", "1", "a", "empty", "")
	add("1", "1", "b", "skip", "")
	add("2", "2", "c", "use", "d")
	add("3", "2", "e", "use", "") // nothing typed: no decision
	add("4", "2", "f", "closest", "")
	add("5", "2", "g", "", "")
	add("6", "3", "h", "=DT177_9:NEW", "")
	add("7", "x", "i", "skip", "")
	add("8", "3", "j", "explode", "k")
	got := readDecisions(form)
	slices.SortFunc(got, func(a, b importer.Decision) int { return strings.Compare(a.Value, b.Value) })
	want := []importer.Decision{
		{Column: 1, Value: "a", Action: importer.LeaveEmpty}, {Column: 1, Value: "b", Action: importer.SkipRows},
		{Column: 2, Value: "c", Action: importer.UseValue, With: "d"}, {Column: 2, Value: "f", Action: importer.UseValue, With: "near"},
		{Column: 3, Value: "h", Action: importer.UseValue, With: "DT177_9:NEW"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecideAll(t *testing.T) {
	findings := []importer.Finding{
		{Column: 1, Value: "a", Closest: "A", Safe: true, Blocks: true}, {Column: 1, Value: "b", Blocks: true},
		{Column: 1, Value: "c"}, {Column: 2, Value: "d", Blocks: true}, {Column: -1, Value: "", Blocks: true, Closest: "x", Safe: true},
		{Column: 3, Value: "e", Closest: "far", Blocks: true},
	}
	for do, want := range map[string][]importer.Decision{
		"safe":    {{Column: 1, Value: "a", Action: importer.UseValue, With: "A"}},
		"skip:1":  {{Column: 1, Value: "a", Action: importer.SkipRows}, {Column: 1, Value: "b", Action: importer.SkipRows}},
		"empty:2": {{Column: 2, Value: "d", Action: importer.LeaveEmpty}},
		"last:1":  {{Column: 1, Action: importer.KeepLast}},
		"skip:-1": nil, "skip:": nil, "": nil, "empty:9": nil,
	} {
		if diff := cmp.Diff(want, decideAll(findings, do)); diff != "" {
			t.Errorf("%q: %s", do, diff)
		}
	}
}

// TestWhole holds the reader to its law: it gives exactly the declared bytes,
// or says that some are missing.
func TestWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.StringN(0, 300, -1).Draw(t, "body")
		declared := rapid.IntRange(0, 400).Draw(t, "declared")
		got, err := io.ReadAll(&whole{r: iotest.OneByteReader(strings.NewReader(body)), left: int64(declared)})
		switch {
		case declared <= len(body) && (err != nil || string(got) != body[:declared]):
			t.Fatalf("%d of %d: %q %v", declared, len(body), got, err)
		case declared > len(body) && (err != io.ErrUnexpectedEOF || string(got) != body):
			t.Fatalf("%d of %d: %v", len(body), declared, err)
		}
	})
}

func TestFailedName(t *testing.T) {
	for name, want := range map[string]string{"clients.xlsx": "clients - x.csv", "a.b.csv": "a.b - x.csv", "plain": "plain - x.csv", ".csv": ".csv - x.csv"} {
		if got := failedName("x", name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
