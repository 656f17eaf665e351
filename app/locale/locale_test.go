package locale_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/app/locale"
)

func load(t *testing.T) *locale.Locales {
	t.Helper()
	l, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTextFillsPlaceholders(t *testing.T) {
	l, err := locale.LoadFS(fstest.MapFS{
		"en/a.json": {Data: []byte(`{"a.plain":"Rows","a.name":"Hello, {name}","a.rows":{"one":"{n} row","other":"{n} rows"},
			"a.left":{"by":"left","one":"{n} of {all}, {left} was not","other":"{n} of {all}, {left} were not"},"a.size":"{n:bytes}"}`)},
		"en/format.json": {Data: []byte(`{"format.date":"2 Jan 2006","format.time":"15:04","format.moment":"{date}, {time}","format.bytes":"{n} bytes","format.kilobytes":"{n} KB","format.megabytes":"{n} MB","format.gigabytes":"{n} GB"}`)},
		"ru/a.json":      {Data: []byte(`{"a.rows":{"one":"{n} строка","few":"{n} строки","many":"{n} строк","other":"{n} строки"}}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	en, ru := l.For("en"), l.For("ru_RU")
	for _, c := range []struct{ got, want string }{
		{en.Text("a.plain"), "Rows"},
		{en.Text("a.name", "name", "<b>{n}"), "Hello, <b>{n}"},
		{en.Text("a.name"), "Hello, {name}"},
		{en.Text("a.rows", "n", 1), "1 row"},
		{en.Text("a.rows", "n", 1234567), "1,234,567 rows"},
		{en.Text("a.left", "n", 9, "all", 10, "left", 1), "9 of 10, 1 was not"},
		{en.Text("a.size", "n", 300*1024*1024), "300 MB"},
		{en.Text("a.size", "n", "1536000"), "1.5 MB"},
		{en.Text("a.nowhere"), "a.nowhere"},
		{ru.Text("a.rows", "n", 1), "1 строка"},
		{ru.Text("a.rows", "n", 2), "2 строки"},
		{ru.Text("a.rows", "n", 11), "11 строк"},
		{ru.Text("a.rows", "n", 121), "121 строка"},
		{ru.Text("a.rows", "n", 1000), "1\u00a0000 строк"},
		{ru.Text("a.plain"), "Rows"}, // the fallback
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestForFindsThePortalsLanguages(t *testing.T) {
	l := load(t)
	for lang, want := range map[string]string{"en": "en", "ru": "ru", "RU": "ru", "ru-RU": "ru", "kz": "en", "": "en", "../ru": "en", "xx": "en",
		"de": "de", "de-AT": "de", "fr_CA": "fr", "es-MX": "es", "la": "es", "pt-BR": "pt", "br": "pt"} {
		if got := l.For(lang).Lang(); got != want {
			t.Errorf("%q: %s, want %s", lang, got, want)
		}
	}
	if dir := l.For("ru").Dir(); dir != "ltr" {
		t.Errorf("direction of Russian is %s", dir)
	}
}

func TestPrefersWhatWeHave(t *testing.T) {
	l := load(t)
	for header, want := range map[string]string{
		"ru-RU,ru;q=0.9,en;q=0.8": "ru-RU", "kk-KZ,kk;q=0.9,ru;q=0.8": "ru", "kk": "kk", "": "", "xx, en;q=0.5": "en", ",,ru": "ru",
	} {
		if got := l.Prefers(header); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

func TestBrokenTextsStopTheStart(t *testing.T) {
	for name, text := range map[string]string{
		"empty": `{"a.x":""}`, "blank": `{"a.x":"  "}`, "open": `{"a.x":"{n"}`, "format": `{"a.x":"{n:roman}"}`,
		"no name": `{"a.x":"{}"}`, "area": `{"b.x":"x"}`, "number": `{"a.x":1}`, "category": `{"a.x":{"lots":"x","other":"y"}}`,
		"no other": `{"a.x":{"one":"x"}}`, "json": `{`,
	} {
		files := fstest.MapFS{"en/a.json": {Data: []byte(text)}}
		if _, err := locale.LoadFS(files); err == nil {
			t.Errorf("%s: accepted %s", name, text)
		}
	}
	if _, err := locale.LoadFS(fstest.MapFS{"ru/a.json": {Data: []byte(`{"a.x":"x"}`)}}); err == nil {
		t.Error("accepted without the fallback language")
	}
}

func TestNumbersDatesAndSpans(t *testing.T) {
	l := load(t)
	en, ru, de, fr, es, pt := l.For("en"), l.For("ru"), l.For("de"), l.For("fr"), l.For("es"), l.For("pt")
	when := time.Date(2026, 4, 25, 14, 5, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{en.Moment(when), "25 Apr 2026, 14:05"},
		{ru.Moment(when), "25.04.2026, 14:05"},
		{de.Moment(when), "25.04.2026, 14:05"},
		{fr.Moment(when), "25/04/2026, 14:05"},
		{es.Date(when), "25/04/2026"},
		{pt.Date(when), "25/04/2026"},
		{de.Count(1234567), "1.234.567"},
		{fr.Count(1234567), "1\u00a0234\u00a0567"},
		{es.Count(1234567), "1.234.567"},
		{pt.Count(1234567), "1.234.567"},
		{de.Percent(1, 3), "33\u00a0%"},
		{fr.Percent(1, 3), "33\u202f%"},
		{de.Bytes(1_600_000), "1,5 MB"},
		{fr.Bytes(1_600_000), "1,5 Mo"},
		{pt.Bytes(1_600_000), "1,5 MB"},
		{de.Text("common.rows", "n", 0), "0 Zeilen"},
		{fr.Text("common.rows", "n", 0), "0 ligne"},
		{fr.Text("common.rows", "n", 2), "2 lignes"},
		{es.Text("common.rows", "n", 0), "0 filas"},
		{pt.Text("common.rows", "n", 0), "0 linha"},
		{fr.Text("common.rows", "n", 1_000_000), "1\u00a0000\u00a0000 lignes"},
		{en.Percent(1, 3), "33%"},
		{en.Percent(999, 1000), "99%"},
		{en.Percent(1, 1000), "1%"},
		{en.Percent(0, 0), "0%"},
		{en.Bytes(512), "512 bytes"},
		{en.Bytes(4 << 20), "4 MB"},
		{ru.Bytes(1_600_000), "1,5 МБ"},
		{en.Span(20 * time.Second), "less than a minute"},
		{en.Span(50 * time.Second), "1 minute"},
		{en.Span(9 * time.Minute), "9 minutes"},
		{en.Span(31 * time.Minute), "30 minutes"},
		{en.Span(3 * time.Hour), "3 hours"},
		{en.Between(9*time.Minute, 12*time.Minute), "9 minutes to 12 minutes"},
		{en.Between(9*time.Minute, 9*time.Minute), "about 9 minutes"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// TestBytesGrow holds sizes to a law: more bytes never read as a smaller
// unit, and no value is empty.
func TestBytesGrow(t *testing.T) {
	en := load(t).For("en")
	units := []string{"bytes", "KB", "MB", "GB"}
	rank := func(s string) int {
		return slices.IndexFunc(units, func(u string) bool { return strings.HasSuffix(s, u) })
	}
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Int64Range(2, 1<<40).Draw(t, "a")
		b := rapid.Int64Range(a, 1<<40).Draw(t, "b")
		x, y := en.Bytes(a), en.Bytes(b)
		if rank(x) < 0 || rank(x) > rank(y) {
			t.Fatalf("%d is %q, %d is %q", a, x, b, y)
		}
	})
}

var keyInCode = regexp.MustCompile(`"([a-z0-9]+\.[a-zA-Z0-9_.]+)"`)

// computed are keys that are put together from a code; the tests of package
// handlers hold them to the codes.
var computed = []string{"problem.", "note.", "reason.", "evidence.", "state.", "refusal.", "error.", "columns.why_", "columns.note_", "import.title_", "import.lead_", "import.mode_", "format."}

// TestNoTextIsMissingOrUnused looks through the pages and the code.
func TestNoTextIsMissingOrUnused(t *testing.T) {
	l := load(t)
	en := l.For("en")
	areas := map[string]bool{}
	for _, key := range l.Keys("en") {
		area, _, _ := strings.Cut(key, ".")
		areas[area] = true
	}
	text := regexp.MustCompile(`\.T\.Text "([^"]+)"`)
	used := map[string]bool{}
	all := ""
	for name, body := range sources(t) {
		if strings.HasSuffix(name, "views.go") {
			continue // its documentation shows how
		}
		all += body
		for _, m := range text.FindAllStringSubmatch(body, -1) {
			if !en.Has(m[1]) {
				t.Errorf("%s: %s is not a text", name, m[1])
			}
		}
		for _, m := range keyInCode.FindAllStringSubmatch(body, -1) {
			used[m[1]] = true
			area, _, _ := strings.Cut(m[1], ".")
			if strings.HasSuffix(name, ".go") && area == "client" && !en.Has(m[1]) {
				t.Errorf("%s: %s is not a text", name, m[1])
			}
		}
	}
	for _, key := range l.Keys("en") {
		known := slices.ContainsFunc(computed, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
		if known || used[key] || composed(all, key) {
			continue
		}
		t.Errorf("%s is not used", key)
	}
}

// composed reports whether a key is put together of literals in the code:
// "register." + name, "page." + name + ".title".
func composed(all, key string) bool {
	for i, c := range key {
		if c == '.' && strings.Contains(all, `"`+key[:i+1]+`"`) {
			return true
		}
	}
	return strings.Contains(all, "`"+key+"`")
}

var (
	action  = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	element = regexp.MustCompile(`(?s)<[^>]*>`)
	words   = regexp.MustCompile(`\p{L}{2,}`)
	spoken  = regexp.MustCompile(`(?:aria-label|title|placeholder|alt|data-label)="([^"{]*)"`)
)

// names are written the same in every language.
var names = map[string]bool{"SPA": true, "Importer": true, "MIT": true, "doctype": true}

// TestPagesHoldNoText: what a person reads comes from the catalogue. The
// document pages are whole texts per language and are left out.
func TestPagesHoldNoText(t *testing.T) {
	for name, body := range sources(t) {
		if !strings.HasSuffix(name, ".html") || strings.HasPrefix(path.Base(name), "doc") {
			continue
		}
		body = action.ReplaceAllString(body, "")
		for _, m := range spoken.FindAllStringSubmatch(body, -1) {
			if word := words.FindString(m[1]); word != "" && !strings.HasPrefix(m[1], "https://") {
				t.Errorf("%s: hard-coded attribute %q", name, m[1])
			}
		}
		for _, word := range words.FindAllString(element.ReplaceAllString(body, " "), -1) {
			if !names[word] {
				t.Errorf("%s: hard-coded text %q", name, word)
			}
		}
	}
}

// sources are the pages and the Go code that show texts, without tests.
func sources(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, dir := range []string{"../../views", "../../handlers", ".."} {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && dir == ".." && name != dir {
				return fs.SkipDir // of app only the program speaks to people
			}
			if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") {
				return err
			}
			if ext := filepath.Ext(name); ext != ".html" && ext != ".go" {
				return nil
			}
			body, err := os.ReadFile(name)
			found[filepath.ToSlash(name)] = string(body)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) < 10 {
		t.Fatalf("only %d sources were found", len(found))
	}
	return found
}
