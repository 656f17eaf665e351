package locale_test

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// grammar is what a language asks of its texts.
type grammar struct {
	// forms are the plural forms of whole numbers.
	forms []string
	// quotes open and close, outer before inner.
	quotes string
	// same are texts that are rightly written as in English.
	same string
}

// grammars are those of all languages that may be there.
var grammars = map[string]grammar{
	"en": {forms: []string{"one", "other"}, quotes: "“”"},
	"ru": {forms: []string{"one", "few", "many", "other"}, quotes: "«»„“"},
	"de": {forms: []string{"one", "other"}, quotes: "„“‚‘", same: "Details|Import|Link|Person|Pipeline|Plan|Problem:|Status|Support|Text|Version|Version {version}, {date:date}"},
	"fr": {forms: []string{"one", "other"}, quotes: "«»“”", same: "Actions|Contact|Date|Import|Pages|Pipeline|Version|Version {version}, {date:date}|" +
		"apostrophe (1'250)|point (1.250)|point (1250.50)|{n} minute|{n} minutes"},
	"es": {forms: []string{"one", "other"}, quotes: "«»“”", same: "Plan|Error: |No|no|{n} byte|{n} bytes"},
	"pt": {forms: []string{"one", "other"}, quotes: "“”‘’", same: "Link|Pipeline|{n} byte|{n} bytes|Item"},
}

// everywhere are texts that may be the same in all languages: codes, names,
// placeholders alone.
const everywhere = ":|{type}: {name}|15|12|7|A-0001|CO_12|ID|E-mail|ID {id}|{title} (ID {id})|{name}: {why}|{date}, {time}|15:04|" +
	"https://example.com|https://example.com/offer.pdf|UTF-8|UTF-16 LE|UTF-16 BE|UTF-32 LE|UTF-32 BE|CP437 (DOS)|" +
	"Mac Roman|{n} KB|{n} MB|{n} GB|{n}%|EUR|Example Ltd"

var placeholder = regexp.MustCompile(`\{\w+(:\w+)?\}`)

// TestLanguagesAreComplete compares every language with English: the same
// keys, in every form the same placeholders, exactly the plural forms it has.
func TestLanguagesAreComplete(t *testing.T) {
	english := raw(t, "en")
	for _, lang := range load(t).Languages() {
		g, known := grammars[lang]
		if !known {
			t.Errorf("nothing is known of the grammar of %s", lang)
			continue
		}
		texts := raw(t, lang)
		for key := range english {
			if texts[key] == nil {
				t.Errorf("%s lacks %s", lang, key)
			}
		}
		for key, text := range texts {
			if english[key] == nil {
				t.Errorf("%s has %s, which English has not", lang, key)
				continue
			}
			want := placeholders(english[key]["other"])
			// Languages may count by another number than English, if it is
			// one that the text is given.
			if by := cmp.Or(text["by"], "n"); len(text) > 1 && text["by"] != english[key]["by"] && !slices.Contains(want, "{"+by+"}") {
				t.Errorf("%s %s: %q chooses the form, in English %q", lang, key, by, english[key]["by"])
			}
			if got := placeholders(text["other"]); !slices.Equal(got, want) {
				t.Errorf("%s %s: placeholders %v, English has %v", lang, key, got, want)
			}
			for form, words := range text {
				for _, p := range placeholders(words) {
					if form != "by" && !slices.Contains(want, p) {
						t.Errorf("%s %s: %s has %s, English has not", lang, key, form, p)
					}
				}
				if len(text) > 1 && form != "by" && !slices.Contains(g.forms, form) {
					t.Errorf("%s %s: the language has no plural form %q", lang, key, form)
				}
			}
			for _, form := range g.forms {
				if len(text) > 1 && text[form] == "" {
					t.Errorf("%s %s: plural form %q is missing", lang, key, form)
				}
			}
		}
	}
}

func placeholders(text string) []string {
	all := placeholder.FindAllString(text, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

// TestGrammarsKnowThePluralForms: the forms that the texts must have are
// those that counting asks for.
func TestGrammarsKnowThePluralForms(t *testing.T) {
	names := map[plural.Form]string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}
	for lang, g := range grammars {
		used := map[string]bool{"other": true} // of fractions, and when nothing counts
		for n := range 2_000_001 {
			if n > 1000 && n%1000 != 0 {
				continue
			}
			used[names[plural.Cardinal.MatchPlural(language.MustParse(lang), n, 0, 0, 0, 0)]] = true
		}
		for form := range used {
			if !slices.Contains(g.forms, form) {
				t.Errorf("%s counts with %q", lang, form)
			}
		}
		if len(used) != len(g.forms) {
			t.Errorf("%s counts with %v, not with all of %v", lang, used, g.forms)
		}
	}
}

// TestNothingIsLeftInEnglish: a text that reads as in English was forgotten,
// unless it is one of the few that are the same.
func TestNothingIsLeftInEnglish(t *testing.T) {
	english := raw(t, "en")
	for _, lang := range load(t).Languages() {
		if lang == "en" {
			continue
		}
		may := map[string]bool{}
		for _, text := range strings.Split(everywhere, "|") {
			may[text] = true
		}
		own := strings.FieldsFunc(grammars[lang].same, func(r rune) bool { return r == '|' })
		used := map[string]bool{}
		for key, text := range raw(t, lang) {
			for form, words := range text {
				if form == "by" || words != english[key][form] || may[words] {
					continue
				}
				if used[words] = true; !slices.Contains(own, words) {
					t.Errorf("%s %s is as in English: %q", lang, key, words)
				}
			}
		}
		for _, text := range own {
			if !used[text] {
				t.Errorf("%s: no text is %q any more", lang, text)
			}
		}
	}
}

// TestTypography holds quotation marks to the language, in pairs; French
// sets spaces that do not break beside them and before high punctuation.
func TestTypography(t *testing.T) {
	const marks = "“”„«»‚‘’"
	french := regexp.MustCompile(`«[^\x{a0}\x{202f}]|[^\x{a0}\x{202f}]»|[\p{L}\d)»}] ?[;!?]|[\p{L})»}] ?:([ \n]|$)`)
	for _, lang := range load(t).Languages() {
		own := []rune(grammars[lang].quotes)
		for key, text := range raw(t, lang) {
			for _, words := range text {
				for _, r := range words {
					// The apostrophe is no quotation mark.
					if strings.ContainsRune(marks, r) && r != '’' && !slices.Contains(own, r) {
						t.Errorf("%s %s: %c is not a mark of this language: %q", lang, key, r, words)
					}
				}
				if open, end := strings.Count(words, string(own[0])), strings.Count(words, string(own[1])); open != end {
					t.Errorf("%s %s: %d marks open, %d close: %q", lang, key, open, end, words)
				}
				if strings.Contains(words, "  ") || words != strings.TrimSpace(words) && key != "common.error_prefix" && key != "format.colon" {
					t.Errorf("%s %s: stray spaces: %q", lang, key, words)
				}
				if lang == "fr" {
					if found := french.FindString(strings.ReplaceAll(words, "#REF!", "")); found != "" && !strings.Contains(found, "://") {
						t.Errorf("%s %s: %q lacks a space that does not break: %q", lang, key, found, words)
					}
				}
			}
		}
	}
}
