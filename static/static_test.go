package static_test

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/spa-importer/spa-importer/static"
)

func load(t *testing.T) *static.Files {
	t.Helper()
	f, err := static.Load()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFilesAreServedUnderTheirHash(t *testing.T) {
	f := load(t)
	for _, name := range f.Names() {
		body, kind, ok := f.Open(f.URL(name))
		if !ok || len(body) == 0 || kind == "" {
			t.Errorf("%s: %v %q", name, ok, kind)
		}
	}
	url := f.URL("app.css")
	for _, path := range []string{"", "/static/app.css", "/static/0000000000000000/app.css", url + "x", url + "/../static.go", strings.Replace(url, "app.css", "static.go", 1), strings.Replace(url, "app.css", "", 1)} {
		if _, _, ok := f.Open(path); ok {
			t.Errorf("%q is served", path)
		}
	}
}

func TestHashFollowsTheBytes(t *testing.T) {
	url := func(body string) string {
		f, err := static.LoadFS(fstest.MapFS{"a.js": {Data: []byte(body)}, "b.css": {Data: []byte("x")}})
		if err != nil {
			t.Fatal(err)
		}
		return f.URL("b.css")
	}
	first, again, other := url("1"), url("1"), url("2")
	if first == other {
		t.Error("another file, the same address")
	}
	if first != again {
		t.Error("the same files, another address")
	}
	if _, err := static.LoadFS(fstest.MapFS{"a.php": {Data: []byte("x")}}); err == nil {
		t.Error("a file of an unknown kind is accepted")
	}
}

var (
	imported = regexp.MustCompile(`from '\./([^']+)'`)
	unsafe   = regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|localStorage`)
)

// TestModules holds the scripts to the house rules: small, no foreign code,
// cell text never as markup, imports that exist.
func TestModules(t *testing.T) {
	f := load(t)
	for _, name := range f.Names() {
		if !strings.HasSuffix(name, ".js") {
			continue
		}
		raw, _, _ := f.Open(f.URL(name))
		body := string(raw)
		if lines := strings.Count(body, "\n"); lines > 150 {
			t.Errorf("%s has %d lines", name, lines)
		}
		if found := unsafe.FindString(body); found != "" {
			t.Errorf("%s uses %s", name, found)
		}
		if strings.Contains(body, "http://") && name != "frame.js" {
			t.Errorf("%s names an address", name)
		}
		for _, m := range imported.FindAllStringSubmatch(body, -1) {
			if _, _, ok := f.Open(f.URL(m[1])); !ok {
				t.Errorf("%s imports %s, which is not there", name, m[1])
			}
		}
	}
}

// TestContrasts computes the contrast of text and controls with what lies
// behind them, in both themes (WCAG 2.2: 4.5 for text, 3 for controls).
func TestContrasts(t *testing.T) {
	raw, _, _ := load(t).Open(load(t).URL("app.css"))
	light, dark, ok := strings.Cut(string(raw), "prefers-color-scheme: dark")
	if !ok {
		t.Fatal("no dark theme")
	}
	dark, _, _ = strings.Cut(dark, "*, ::before")
	base := colours(light)
	night := colours(light)
	for name, c := range colours(dark) {
		night[name] = c
	}
	for theme, c := range map[string]map[string][3]float64{"light": base, "dark": night} {
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"text", "page", 4.5}, {"text", "surface", 4.5}, {"text-2", "page", 4.5}, {"text-2", "surface", 4.5},
			{"text-3", "page", 4.5}, {"text-3", "surface", 4.5}, {"text-3", "surface-2", 4.5}, {"text-3", "chosen", 4.5},
			{"link", "page", 4.5}, {"link", "surface", 4.5}, {"on-primary", "primary", 4.5}, {"on-primary", "primary-hover", 4.5},
			{"info", "info-bg", 4.5}, {"good", "good-bg", 4.5}, {"warn", "warn-bg", 4.5}, {"bad", "bad-bg", 4.5}, {"bad", "surface", 4.5},
			{"text", "info-bg", 4.5}, {"text", "warn-bg", 4.5}, {"text", "bad-bg", 4.5},
			{"control", "surface", 3}, {"control", "page", 3}, {"accent", "surface", 3}, {"focus", "page", 3}, {"focus", "surface", 3},
		} {
			front, ok1 := c[pair.front]
			back, ok2 := c[pair.back]
			if !ok1 || !ok2 {
				t.Fatalf("%s: %s or %s is not a colour", theme, pair.front, pair.back)
			}
			if got := contrast(front, back); got < pair.least {
				t.Errorf("%s: %s on %s is %.2f, want %.1f", theme, pair.front, pair.back, got, pair.least)
			}
		}
	}
}

// TestStylesheetHasNoSides: what is at the left in one language is at the
// right in another, so sides are named by the direction of the text.
func TestStylesheetHasNoSides(t *testing.T) {
	raw, _, _ := load(t).Open(load(t).URL("app.css"))
	for n, line := range strings.Split(string(raw), "\n") {
		if found := regexp.MustCompile(`(?i)\b(left|right)\b`).FindString(line); found != "" {
			t.Errorf("line %d says %s: %s", n+1, found, strings.TrimSpace(line))
		}
	}
}
