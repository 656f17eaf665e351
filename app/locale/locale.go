package locale

import (
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// Fallback is the language that has every text.
const Fallback = "en"

//go:embed text
var embedded embed.FS

// Locales are the catalogues of all languages.
type Locales struct {
	languages map[string]*texts
}

// texts is one language as loaded.
type texts struct {
	lang string
	tag  language.Tag
	byKey,
	// fallback answers for keys that this language does not have.
	fallback map[string]text
}

// Load reads the texts that are built into the program.
func Load() (*Locales, error) {
	sub, err := fs.Sub(embedded, "text")
	if err != nil {
		return nil, fmt.Errorf("opening texts: %w", err)
	}
	return LoadFS(sub)
}

// LoadFS reads <language>/<area>.json files. A text that is malformed, empty,
// doubled or not named after its area is an error, so that a broken
// translation stops the start and not a page.
func LoadFS(files fs.FS) (*Locales, error) {
	names, err := fs.Glob(files, "*/*.json")
	if err != nil {
		return nil, fmt.Errorf("listing texts: %w", err)
	}
	l := &Locales{languages: map[string]*texts{}}
	var errs []error
	for _, name := range names {
		errs = append(errs, l.load(files, name))
	}
	base := l.languages[Fallback]
	if base == nil {
		errs = append(errs, fmt.Errorf("no texts in %q", Fallback))
		return nil, errors.Join(errs...)
	}
	for _, t := range l.languages {
		t.fallback = base.byKey
	}
	return l, errors.Join(errs...)
}

func (l *Locales) load(files fs.FS, name string) error {
	lang, area := path.Dir(name), strings.TrimSuffix(path.Base(name), ".json")
	t := l.languages[lang]
	if t == nil {
		tag, err := language.Parse(cmp.Or(ofCountry[lang], lang))
		if err != nil {
			return fmt.Errorf("%s: language: %w", name, err)
		}
		t = &texts{lang: lang, tag: tag, byKey: map[string]text{}}
		l.languages[lang] = t
	}
	raw, err := fs.ReadFile(files, name)
	if err != nil {
		return fmt.Errorf("reading texts: %w", err)
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if !strings.HasPrefix(key, area+".") {
			errs = append(errs, fmt.Errorf("%s: %q does not begin with %q", name, key, area+"."))
		}
		parsed, err := parse(entries[key])
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %q: %w", name, key, err))
			continue
		}
		t.byKey[key] = parsed
	}
	return errors.Join(errs...)
}

// ofCountry are the languages whose texts are those of one country.
var ofCountry = map[string]string{"pt": "pt-BR"}

// Languages lists the languages there are, sorted.
func (l *Locales) Languages() []string {
	return slices.Sorted(maps.Keys(l.languages))
}

// portalLanguages are Bitrix24's own names for languages that the standards
// call otherwise.
var portalLanguages = map[string]string{"la": "es", "br": "pt", "ua": "uk", "sc": "zh", "tc": "zh"}

// Prefers is the first language of an Accept-Language header that we have;
// without one, the first of the header. Weights are not looked at: browsers
// send what is wanted most in front.
func (l *Locales) Prefers(header string) string {
	first := ""
	for i, part := range strings.SplitN(header, ",", 20) {
		lang, _, _ := strings.Cut(part, ";")
		lang = strings.TrimSpace(lang)
		if _, ok := l.languages[ours(lang)]; ok {
			return lang
		}
		if i == 0 {
			first = lang
		}
	}
	return first
}

// For is the catalogue of a language as a portal or a browser names it
// ("ru", "pt-BR", "la"); English when we do not have it.
func (l *Locales) For(lang string) Catalogue {
	if t, ok := l.languages[ours(lang)]; ok {
		return Catalogue{t}
	}
	return Catalogue{l.languages[Fallback]}
}

// ours is our code of a language as a portal or a browser names it.
func ours(lang string) string {
	lang = strings.ToLower(strings.TrimSpace(lang))
	if i := strings.IndexAny(lang, "-_"); i >= 0 {
		lang = lang[:i]
	}
	if other, ok := portalLanguages[lang]; ok {
		return other
	}
	return lang
}

// Keys lists every key of a language itself, sorted, without the fallback's.
func (l *Locales) Keys(lang string) []string {
	t, ok := l.languages[lang]
	if !ok {
		return nil
	}
	return slices.Sorted(maps.Keys(t.byKey))
}
