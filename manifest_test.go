package spaimporter_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	spaimporter "github.com/spa-importer/spa-importer"
)

func load(t *testing.T) spaimporter.Manifest {
	t.Helper()
	m, err := spaimporter.Load()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// languages are those that the interface has texts in.
func languages(t *testing.T) []string {
	t.Helper()
	folders, err := os.ReadDir("app/locale/text")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, folder := range folders {
		all = append(all, folder.Name())
	}
	if !slices.Contains(all, "en") || !slices.Contains(all, "ru") {
		t.Fatalf("languages %v", all)
	}
	return all
}

func TestManifestIsComplete(t *testing.T) {
	m := load(t)
	for _, lang := range languages(t) {
		texts := []map[string]string{m.Titles, m.Menu, m.Descriptions}
		for _, s := range m.Scopes {
			texts = append(texts, s.Reasons)
		}
		for _, p := range m.Placements {
			texts = append(texts, p.Titles, p.Place)
		}
		for _, text := range texts {
			if text[lang] == "" {
				t.Errorf("no %s text beside %q", lang, text["en"])
			}
		}
	}
	// Portals' own codes, such as "br", would find no reader here.
	for _, p := range m.Placements {
		for lang := range p.Titles {
			if !slices.Contains([]string{"en", "ru", "de", "fr", "es", "pt"}, lang) {
				t.Errorf("%s has a title in %q", p.Code, lang)
			}
		}
	}
	for _, event := range []string{"ONAPPINSTALL", "ONAPPUPDATE", "ONAPPUNINSTALL"} {
		if !slices.ContainsFunc(m.Events, func(e spaimporter.Event) bool { return e.Name == event && e.Required }) {
			t.Errorf("%s is not bound", event)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good, err := os.ReadFile("install.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"unknown key":    {`"code"`, `"kode"`},
		"no code":        {`"spaimporter.importer"`, `""`},
		"relative path":  {`"/events"`, `"events"`},
		"two stars":      {`CRM_DYNAMIC_*_LIST_TOOLBAR`, `CRM_*_*_LIST_TOOLBAR`},
		"scope no need":  {`["im."]`, `[]`},
		"not JSON":       {`{`, ``},
		"untitled place": {`"Import from a file"`, `""`},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(string(good), change[0], change[1], 1)
			if bad == string(good) {
				t.Fatal("nothing changed")
			}
			if _, err := spaimporter.Parse([]byte(bad)); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestPlacementMatches(t *testing.T) {
	star := spaimporter.Placement{Code: "CRM_DYNAMIC_*_LIST_TOOLBAR"}
	plain := spaimporter.Placement{Code: "REST_APP_URI"}
	for _, c := range []struct {
		p    spaimporter.Placement
		code string
		want bool
	}{
		{star, "CRM_DYNAMIC_128_LIST_TOOLBAR", true},
		{star, "CRM_DYNAMIC_1030_LIST_TOOLBAR", true},
		{star, "CRM_DYNAMIC__LIST_TOOLBAR", false},
		{star, "CRM_DYNAMIC_12x_LIST_TOOLBAR", false},
		{star, "CRM_DYNAMIC_128_DETAIL_TAB", false},
		{star, "CRM_DEAL_LIST_TOOLBAR", false},
		{star, "CRM_DYNAMIC_LIST_TOOLBAR", false},
		{plain, "REST_APP_URI", true},
		{plain, "REST_APP_URI2", false},
	} {
		if got := c.p.Matches(c.code); got != c.want {
			t.Errorf("%s matches %s: %v", c.p.Code, c.code, got)
		}
	}
}

func TestMissing(t *testing.T) {
	m := load(t)
	for _, c := range []struct{ granted, want []string }{
		{[]string{"crm", "placement", "user_brief", "im"}, nil},
		{[]string{"crm", "placement", "user_basic"}, nil},
		{[]string{"crm", "placement", "user"}, nil},
		{[]string{"crm", "user_brief"}, []string{"placement"}},
		{nil, []string{"crm", "placement", "user_brief"}},
	} {
		if got := m.Missing(c.granted); !slices.Equal(got, c.want) {
			t.Errorf("granted %v: missing %v, want %v", c.granted, got, c.want)
		}
	}
}

// TestEveryMethodIsCovered reads the program's own source: each REST method
// named there needs a scope of the manifest, and each scope needs a method.
func TestEveryMethodIsCovered(t *testing.T) {
	m := load(t)
	used := map[string]bool{}
	for method, file := range methods(t) {
		scope, ok := m.ScopeOf(method)
		if !ok {
			t.Errorf("%s calls %s, which no scope of install.json covers", file, method)
		}
		used[scope] = true
	}
	for _, s := range m.Scopes {
		// Notifications come with the report; until a call is there, the
		// scope is optional and asked for by nobody.
		if !used[s.Name] && s.Required {
			t.Errorf("scope %s is asked for, but nothing uses it", s.Name)
		}
	}
}

func methods(t *testing.T) map[string]string {
	t.Helper()
	looksLikeMethod := regexp.MustCompile(`^(crm|user|im|placement|event|app\.option|method|feature|server|lists|disk|tasks|log|userfieldconfig|department|sonet_group)(\.[a-zA-Z]+)+$|^app\.info$`)
	found := map[string]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "emulator" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != ".") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err == nil && looksLikeMethod.MatchString(text) && !strings.HasSuffix(text, ".css") && !strings.HasSuffix(text, ".js") {
				found[text] = path
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
