package main

import (
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	spaimporter "github.com/spa-importer/spa-importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

func marketPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/market.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// cardOf are the sections of the card in a language, in the order of the
// page.
func cardOf(t *testing.T, page, language string) [][2]string {
	t.Helper()
	_, card, found := strings.Cut(page, "\n# "+language+"\n")
	if !found {
		t.Fatalf("docs/market.md has no card in %s", language)
	}
	card, _, _ = strings.Cut(card, "\n# ")
	var sections [][2]string
	for part := range strings.SplitSeq(card, "\n## ") {
		title, text, found := strings.Cut(part, "\n")
		if found && strings.TrimSpace(title) != "" {
			sections = append(sections, [2]string{title, strings.TrimSpace(text)})
		}
	}
	return sections
}

// languageNames are the languages of the interface by their code; each has a
// card.
var languageNames = map[string]string{
	"en": "English", "ru": "Русский", "de": "Deutsch", "fr": "Français", "es": "Español", "pt": "Português",
}

// languages are those that the interface has texts in.
func languages(t *testing.T) []string {
	t.Helper()
	l, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	return l.Languages()
}

// always says in each language that a permission is needed at all events.
var always = []string{"always", "всегда", "immer", "toujours", "siempre", "sempre"}

// The texts of the card keep the Market's limits and say what the program
// and install.json say.
func TestMarketCard(t *testing.T) {
	page := marketPage(t)
	m, err := spaimporter.Load()
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[string]string{}
	for _, s := range table() {
		defaults[s.name] = s.standard
	}
	sentence := regexp.MustCompile(`[.?] |[.?]$`)
	promotion := regexp.MustCompile(`(?i)discount|best price|special offer|buy now|sale!|скидк|акция|купите|лучшая цена|№ ?1` +
		`|rabatt|sonderangebot|jetzt kaufen|bester preis|remise|offre spéciale|achetez|meilleur prix` +
		`|descuento|oferta especial|mejor precio|compre ahora|desconto|melhor preço|compre agora`)
	for _, lang := range languages(t) {
		language := languageNames[lang]
		s := cardOf(t, page, language)
		if len(s) != 11 {
			t.Fatalf("%s has %d sections", language, len(s))
		}
		title, menu, short, full, install, keywords, tags, permissions, widgets, support, news := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9], s[10]
		_ = news
		if title[1] != m.Titles[lang] || strings.Contains(strings.ToLower(title[1]), "test") {
			t.Errorf("%s: the title is %q", language, title[1])
		}
		if menu[1] != m.Menu[lang] {
			t.Errorf("%s: the menu item is %q", language, menu[1])
		}
		if n := len(sentence.FindAllString(short[1], -1)); n < 1 || n > 2 || strings.Contains(short[1], title[1]) {
			t.Errorf("%s: the short description has %d sentences, or repeats the title", language, n)
		}
		for _, fact := range []string{defaults["MAX_UPLOAD_MB"], defaults["FREE_ROW_LIMIT"], defaults["UNDO_DAYS"]} {
			if !regexp.MustCompile(`\b` + fact + `\b`).MatchString(full[1]) {
				t.Errorf("%s: the full description does not say %s", language, fact)
			}
		}
		if len(strings.Split(install[1], "\n")) < 3 {
			t.Errorf("%s: the installation has no steps", language)
		}
		if utf8.RuneCountInString(keywords[1]) > 2000 || regexp.MustCompile(`(?i)bitrix|битрикс`).MatchString(keywords[1]) {
			t.Errorf("%s: keywords are too long, or name Bitrix24", language)
		}
		if n := len(strings.Split(tags[1], ",")); n > 5 {
			t.Errorf("%s: %d tags", language, n)
		}
		checkScopes(t, language, permissions[1], m, lang)
		checkWidgets(t, language, widgets[1], m, lang)
		for _, part := range []string{m.Support.URL, m.Support.Security, m.Legal.Terms, m.Legal.Privacy} {
			if !strings.Contains(support[1], part) {
				t.Errorf("%s: support lacks %s", language, part)
			}
		}
		if lang == "en" && regexp.MustCompile(`\.ru\b|[а-яё]`).MatchString(strings.ToLower(fmt.Sprint(s))) {
			t.Error("the English card has Russian words or links")
		}
		if !strings.Contains(news[1], m.Version) {
			t.Errorf("%s: What's New does not speak of version %s", language, m.Version)
		}
		if found := promotion.FindString(fmt.Sprint(s)); found != "" {
			t.Errorf("%s: %q is promotion", language, found)
		}
	}
	if found := regexp.MustCompile(`(?i)bitrix24[. ]marketplace|bitrix24\.market|маркетплейс`).FindString(page); found != "" {
		t.Errorf("%q is not what the Bitrix24 Market is called", found)
	}
	for _, s := range m.Scopes {
		if s.Name == "user" || s.Name == "user_basic" {
			t.Errorf("%s is asked for, user_brief would do", s.Name)
		}
	}
	for _, lang := range languages(t) {
		text, err := os.ReadFile("locale/text/" + lang + "/page.json")
		if err != nil {
			t.Fatal(err)
		}
		var texts map[string]any
		if err := json.Unmarshal(text, &texts); err != nil {
			t.Fatal(err)
		}
		// The licence agreement names the app exactly as the card does.
		if !strings.Contains(fmt.Sprint(texts["page.terms.title"]), m.Titles[lang]) {
			t.Errorf("the terms in %s are called %v", lang, texts["page.terms.title"])
		}
		if found := promotion.FindString(string(text)); found != "" {
			t.Errorf("%q is promotion, on a page in %s", found, lang)
		}
	}
}

func rowsOf(table string) (rows [][]string) {
	for line := range strings.Lines(table) {
		if cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|"); len(cells) > 1 {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
	}
	if len(rows) < 2 {
		return nil
	}
	return rows[2:]
}

func checkScopes(t *testing.T, language, text string, m spaimporter.Manifest, lang string) {
	t.Helper()
	rows := rowsOf(text)
	if len(rows) != len(m.Scopes) {
		t.Errorf("%s: %d permissions, install.json has %d", language, len(rows), len(m.Scopes))
		return
	}
	for i, s := range m.Scopes {
		required := slices.Contains(always, rows[i][1])
		if rows[i][0] != "`"+s.Name+"`" || required != s.Required || rows[i][2] != s.Reasons[lang] {
			t.Errorf("%s: install.json says of %s otherwise than %q", language, s.Name, rows[i])
		}
	}
}

func checkWidgets(t *testing.T, language, text string, m spaimporter.Manifest, lang string) {
	t.Helper()
	rows := rowsOf(text)
	if len(rows) != len(m.Placements) {
		t.Errorf("%s: %d widgets, install.json has %d", language, len(rows), len(m.Placements))
		return
	}
	for i, p := range m.Placements {
		if want := []string{"`" + p.Code + "`", p.Place[lang], p.Titles[lang]}; !slices.Equal(rows[i], want) {
			t.Errorf("%s: %q, want %q", language, rows[i], want)
		}
	}
}

// Each requirement has one line with a proof that exists, the reason why a
// person must give it, or what is missing; how many are missing is said at
// the head of the page.
func TestMarketRequirements(t *testing.T) {
	page := marketPage(t)
	tests := testsOfTheRepository(t)
	seen := map[string]bool{}
	missing := 0
	for _, m := range regexp.MustCompile(`(?m)^\| ([MD]\d+) \| ([^|]+) \| ([^|]+) \|$`).FindAllStringSubmatch(page, -1) {
		id, proof := m[1], m[3]
		if seen[id] {
			t.Errorf("%s has two lines", id)
		}
		seen[id] = true
		proofs := 0
		for _, p := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(proof, -1) {
			switch name := p[1]; {
			case strings.HasPrefix(name, "Test"):
				if proofs++; !tests[name] {
					t.Errorf("%s: there is no test %s", id, name)
				}
			case strings.Contains(name, "/"):
				proofs++
				if _, err := os.Stat(filepath.Join("..", name)); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
		}
		switch {
		case strings.HasPrefix(proof, "not yet: "):
			missing++
		case proofs == 0 && !strings.HasPrefix(proof, "person: "):
			t.Errorf("%s has neither a proof nor a reason: %s", id, proof)
		}
	}
	for letter, last := range map[string]int{"M": 33, "D": 15} {
		for n := 1; n <= last; n++ {
			if id := letter + strconv.Itoa(n); !seen[id] {
				t.Errorf("there is no line for %s", id)
			}
		}
	}
	if len(seen) != 48 {
		t.Errorf("%d requirements", len(seen))
	}
	if want := fmt.Sprintf("Requirements without proof: %d.", missing); !strings.Contains(page, want) {
		t.Errorf("the head of the page does not say %q", want)
	}
}

func testsOfTheRepository(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	name := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\([tf] \*testing\.[TF]\)`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != ".."):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			tests[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// The demo and the samples name nobody that there is.
func TestDemoDataIsNotReal(t *testing.T) {
	samples, err := filepath.Glob("../static/sample*")
	if err != nil || len(samples) == 0 {
		t.Fatalf("%v, %v", samples, err)
	}
	demo, err := filepath.Glob("../bitrix/emulator/demo*.go")
	if err != nil || len(demo) == 0 {
		t.Fatalf("%v, %v", demo, err)
	}
	mail := regexp.MustCompile(`[\w.+-]+@([\w-]+\.)+\w+`)
	phone := regexp.MustCompile(`\+\d[\d ()-]{7,}\d`)
	for _, file := range slices.Concat(samples, demo) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mail.FindAllString(string(text), -1) {
			if !regexp.MustCompile(`@([\w-]+\.)*example(\.(com|org|net))?$`).MatchString(m) {
				t.Errorf("%s names %s", file, m)
			}
		}
		for _, p := range phone.FindAllString(string(text), -1) {
			if !strings.Contains(p, "555") && !strings.Contains(p, "000") {
				t.Errorf("%s names %s", file, p)
			}
		}
	}
}

// No page asks for a password: what is typed unseen is the address of a
// webhook.
func TestNoPasswordIsAskedFor(t *testing.T) {
	pages, err := filepath.Glob("../views/*.html")
	if err != nil || len(pages) == 0 {
		t.Fatalf("%v, %v", pages, err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, input := range regexp.MustCompile(`<input[^>]*>`).FindAllString(string(text), -1) {
			hidden := strings.Contains(input, `type="password"`) && !strings.Contains(input, `name="webhook"`)
			if hidden || regexp.MustCompile(`name="(password|login)|current-password`).MatchString(input) {
				t.Errorf("%s asks for a password: %s", page, input)
			}
		}
	}
}

// The icon and the screenshots of the card are as the Market wants them;
// `make pictures` draws them.
func TestMarketPicturesFit(t *testing.T) { checkPictures(t, "../docs/market", languages(t)) }

func checkPictures(t *testing.T, dir string, languages []string) {
	t.Helper()
	open := func(name string) (image.Image, int64) {
		t.Helper()
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		picture, err := png.Decode(f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		about, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		return picture, about.Size()
	}
	icon, _ := open("icon.png")
	if size := icon.Bounds().Size(); size.X != size.Y || size.X < 250 || size.X > 650 {
		t.Errorf("the icon has %v", size)
	}
	for y := range icon.Bounds().Dy() {
		for x := range icon.Bounds().Dx() {
			if _, _, _, opaque := icon.At(x, y).RGBA(); opaque != 0xffff {
				t.Fatalf("the icon is transparent at %d, %d", x, y)
			}
		}
	}
	for _, lang := range languages {
		names, err := filepath.Glob(filepath.Join(dir, lang+"-*.png"))
		if err != nil || len(names) < 3 {
			t.Errorf("%s: %d screenshots, %v", lang, len(names), err)
		}
		for _, name := range names {
			picture, bytes := open(filepath.Base(name))
			if size := picture.Bounds().Size(); size.X != 1280 || size.Y != 720 || bytes > 300_000 {
				t.Errorf("%s has %v in %d bytes", name, size, bytes)
			}
		}
	}
}
