package locale_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/spa-importer/spa-importer/app/locale"
)

// raw reads a language's files as they are: key to plural forms, a single
// text under "other".
func raw(t *testing.T, lang string) map[string]map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("text", lang, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no texts in %s: %v", lang, err)
	}
	all := map[string]map[string]string{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var entries map[string]json.RawMessage
		if err := json.Unmarshal(body, &entries); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for key, entry := range entries {
			var single string
			forms := map[string]string{}
			if json.Unmarshal(entry, &single) == nil {
				forms["other"] = single
			} else if err := json.Unmarshal(entry, &forms); err != nil {
				t.Fatalf("%s %s: %v", file, key, err)
			}
			all[key] = forms
		}
	}
	return all
}

// FuzzText: no text and no argument makes a page fail.
func FuzzText(f *testing.F) {
	for _, s := range []string{`"{n}"`, `{"one":"{n} row","other":"{n:number} rows"}`, `{"by":"x","other":"{x:bytes}{x:date}"}`, `"{"`, `{}`} {
		f.Add(s, "7")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		files := mapFS(text)
		l, err := locale.LoadFS(files)
		if err != nil {
			return
		}
		c := l.For("en")
		if c.Text("a.x", "n", value, "x", int64(len(value))) == "" {
			t.Errorf("%q is an empty text", text)
		}
		if c.Problem("x", map[string]string{"n": value}) == "" {
			t.Error("an empty sentence")
		}
	})
}

func mapFS(text string) fstest.MapFS {
	return fstest.MapFS{"en/a.json": {Data: []byte(`{"a.x":` + text + `}`)}}
}
