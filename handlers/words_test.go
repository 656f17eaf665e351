package handlers_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
	"github.com/spa-importer/spa-importer/app/sheet"
	"github.com/spa-importer/spa-importer/app/template"
)

// sentences are all keys that are put together from codes, with the
// arguments that their sentences may name.
func sentences() map[string][]string {
	all := map[string][]string{}
	for _, c := range sheet.Codes() {
		if c.Refusal {
			all["problem."+c.Code] = c.Args
		} else {
			all["note."+c.Code] = c.Args
		}
	}
	for code, args := range field.Codes() {
		all["problem."+code] = append(slices.Clone(args), "field", "value")
	}
	for code, args := range importer.Codes() {
		if code == "pipeline_unknown" {
			code = "target_pipeline_unknown" // a cell can have the same problem, with a value
		}
		all["problem."+code] = args
	}
	for _, code := range []string{"no_file", "no_rows_pasted", "responsible_not_chosen", "no_template_type", "not_sure"} {
		all["problem."+code] = nil
	}
	all["problem.other"] = []string{"code"}
	all["problem.pasted_too_much"] = []string{"max"}
	for _, code := range field.Reasons() {
		all["reason."+code] = nil
	}
	for _, code := range field.Evidences() {
		all["evidence."+code] = []string{"row", "value"}
	}
	for _, code := range field.Notes() {
		all["columns.note_"+code] = nil
	}
	all["problem.nobody_found"] = []string{"name"}
	for _, kind := range template.Kinds() {
		for _, about := range []string{"type_", "how_", "example_"} {
			all["template."+about+kind] = nil
		}
	}
	for _, key := range template.Texts() {
		all["template."+key] = []string{"n"}
	}
	for _, code := range importer.Whys() {
		all["columns.why_"+code] = nil
	}
	for _, code := range field.Questions() {
		all["problem.style_open_"+code] = []string{"column", "question"}
	}
	for _, state := range []importer.State{importer.Draft, importer.Checking, importer.Checked, importer.Running,
		importer.Paused, importer.Waiting, importer.Stopped, importer.Done, importer.Undone} {
		all["state."+string(state)] = nil
	}
	for _, phase := range []string{"running", "paused", "waiting", "tried", "undoing", "undo_waiting", "undo_paused"} {
		all["import.title_"+phase] = []string{"name", "n"}
	}
	for _, phase := range []string{"running", "paused", "tried", "undoing", "undo_paused"} {
		all["import.lead_"+phase] = []string{"n", "rest"}
	}
	for _, mode := range []importer.Mode{importer.AddAll, importer.UpdateExisting, importer.UpdateAndAdd} {
		all["import.mode_"+string(mode)] = nil
	}
	return all
}

// TestEveryCodeHasItsSentence holds the languages to the codes of all
// packages: a sentence for each, no placeholder that nothing fills, and no
// sentence that belongs to no code.
func TestEveryCodeHasItsSentence(t *testing.T) {
	texts, err := locale.Load()
	must(t, err)
	all := sentences()
	unfilled := regexp.MustCompile(`\{\w+\}`)
	for _, lang := range texts.Languages() {
		c := texts.For(lang)
		keys := texts.Keys(lang)
		for key, args := range all {
			if !slices.Contains(keys, key) {
				t.Errorf("%s: %s has no sentence", lang, key)
				continue
			}
			values := map[string]any{}
			for _, name := range args {
				values[name] = "7"
			}
			var pairs []any
			for _, name := range slices.Sorted(maps.Keys(values)) {
				pairs = append(pairs, name, values[name])
			}
			text := c.Text(key, pairs...)
			if left := unfilled.FindString(text); left != "" {
				t.Errorf("%s: %s names %s, which its code has not: %s", lang, key, left, text)
			}
			if strings.HasPrefix(key, "problem.") && !strings.ContainsAny(text[len(text)-1:], ".") {
				t.Errorf("%s: %s is no sentence: %s", lang, key, text)
			}
		}
		for _, key := range keys {
			for _, area := range []string{"problem.", "note.", "reason.", "evidence.", "columns.why_", "columns.note_"} {
				if _, known := all[key]; !known && strings.HasPrefix(key, area) {
					t.Errorf("%s: %s belongs to no code", lang, key)
				}
			}
		}
	}
}
