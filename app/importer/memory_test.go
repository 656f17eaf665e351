package importer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// columnsOf is step 3 of a new file, as "header=field why" by column.
func (b *bench) columnsOf(content string) (importer.Import, importer.ColumnsView, string) {
	b.t.Helper()
	imp := b.upload("next.csv", content)
	imp, err := b.svc.SetTarget(b.ctx(), b.actor, imp.ID, importer.Target{EntityTypeID: spa})
	b.must(err)
	view, err := b.svc.Columns(b.ctx(), b.actor, imp.ID, nil)
	b.must(err)
	return imp, view, columnWords(view)
}

func columnWords(view importer.ColumnsView) string {
	var words []string
	for _, c := range view.Columns {
		word := c.Name + "=" + c.Mapping.Field
		if c.Mapping.Why != "" {
			word += " " + c.Mapping.Why
		}
		if c.Undecided {
			word += " ?"
		}
		words = append(words, word)
	}
	return strings.Join(words, "; ")
}

// begun takes a file with this mapping to its start.
func (b *bench) begun(content string, m importer.Mapping) {
	b.t.Helper()
	imp, _, _ := b.columnsOf(content)
	_, err := b.svc.SetMapping(b.ctx(), b.actor, imp.ID, m)
	b.must(err)
	_, err = b.svc.Check(b.ctx(), b.actor, imp.ID)
	b.must(err)
	b.must(b.pump(b.svc))
	if imp = b.run(imp.ID); imp.State != importer.Done {
		b.t.Fatalf("%s %+v", imp.State, imp.Reason)
	}
}

// TestMappingIsRemembered: what a person chose for a file is proposed for the
// next one with the same headers, in any order, and single columns for others.
func TestMappingIsRemembered(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		const number, count, signed = "UF_CRM_7_1", "UF_CRM_7_2", "UF_CRM_7_3"
		first := importer.Mapping{Columns: []importer.ColumnMapping{
			{Column: 0, Field: "title"}, {Column: 1, Field: number}, {Column: 2}, {Column: 3, Field: signed},
		}, Constants: map[string]string{count: "7", "sourceId": "CALL"}}
		first.Columns[3].Style.DateOrder = "mdy"
		b.begun("Label;Ref;Noise;When\nA;N-1;x;01/02/2024\n", first)

		for _, c := range []struct{ name, content, want, order string }{
			{"same headers, other order", "When;Noise;REF *;label\n01/02/2024;x;N-2;B\n",
				"When=" + signed + " memory; Noise= memory; REF *=" + number + " memory; label=title memory", "mdy"},
			{"the data contradict the order", "Label;Ref;Noise;When\nA;N-1;x;25/02/2024\n",
				"Label=title memory; Ref=" + number + " memory; Noise= memory; When=" + signed + " memory", "dmy"},
			{"some of the headers", "Label;When;Unheard of\nA;01/02/2024;x\n",
				"Label=title memory; When=" + signed + " memory; Unheard of= ?", "mdy"},
			{"a header remembered, other data", "When;Label\nsoon;A\nlater;B\n", "When= ?; Label=title memory", ""},
		} {
			_, view, got := b.columnsOf(c.content)
			if got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
			for _, column := range view.Columns {
				if column.Mapping.Field == signed && column.Mapping.Style.DateOrder != c.order {
					t.Errorf("%s: order %q, want %q", c.name, column.Mapping.Style.DateOrder, c.order)
				}
			}
			same := strings.Contains(c.content, "oise")
			if (view.Memory != nil) != same || same && (view.Constants[count] != "7" || view.Memory.UserName != "Alma Admin") {
				t.Errorf("%s: memory %+v, constants %v", c.name, view.Memory, view.Constants)
			}
		}

		// A field that is no more is dropped, and said.
		b.must(b.store.SaveMapping(b.ctx(), importer.SavedMapping{
			Portal: b.actor.Portal, EntityTypeID: spa, Headers: rememberedHeaders(b, t), UserName: "X",
			Columns:   []importer.SavedColumn{{Header: "Label", Field: "title"}, {Header: "Ref", Field: "UF_GONE"}},
			Constants: map[string]string{"UF_ALSO_GONE": "1"},
		}))
		_, view, _ := b.columnsOf("Label;Ref;Noise;When\nA;N-1;x;25/02/2024\n")
		if got := strings.Join(view.Gone, ","); got != "Ref,UF_ALSO_GONE" {
			t.Errorf("gone: %s", got)
		}
		if len(view.Constants) != 0 {
			t.Errorf("constants %v", view.Constants)
		}

		// A person may want none of it.
		imp, _, _ := b.columnsOf("Title;Ref;Noise;When\nA;N-1;x;25/02/2024\n")
		_, err := b.svc.Propose(b.ctx(), b.actor, imp.ID)
		b.must(err)
		view, err = b.svc.Columns(b.ctx(), b.actor, imp.ID, nil)
		b.must(err)
		if got := columnWords(view); got != "Title=title code; Ref= ?; Noise= ?; When= ?" {
			t.Errorf("proposed anew: %s", got)
		}
	})
}

// rememberedHeaders is the hash of the header set that was remembered.
func rememberedHeaders(b *bench, t *testing.T) string {
	t.Helper()
	list, err := b.store.Mappings(b.ctx(), b.actor.Portal, spa)
	b.must(err)
	if len(list) != 1 || list[0].Name != "" {
		t.Fatalf("remembered: %+v", list)
	}
	return list[0].Headers
}

// TestNamedMappings: saved under a name, used by somebody else on a file with
// other columns, renamed and deleted by who may.
func TestNamedMappings(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		const number, signed = "UF_CRM_7_1", "UF_CRM_7_3"
		imp, _, _ := b.columnsOf("Label;Ref;When\nA;N-1;25/02/2024\n")
		m := importer.Mapping{Columns: []importer.ColumnMapping{{Column: 0, Field: "title"}, {Column: 1, Field: number}, {Column: 2, Field: signed}}}
		refused := func(err error, code string) {
			t.Helper()
			var r *importer.Refusal
			if !errors.As(err, &r) || r.Problem.Code != code {
				t.Errorf("%v, want %s", err, code)
			}
		}
		refused(b.svc.SaveMappingAs(b.ctx(), b.actor, imp.ID, "  ", m), "mapping_name_empty")
		refused(b.svc.SaveMappingAs(b.ctx(), b.actor, imp.ID, strings.Repeat("ю", 101), m), "mapping_name_long")
		refused(b.svc.SaveMappingAs(b.ctx(), b.actor, imp.ID, "x", importer.Mapping{}), "nothing_mapped")
		b.must(b.svc.SaveMappingAs(b.ctx(), b.actor, imp.ID, " Office   contracts ", m))

		admin := b.actor
		b.login(7)
		b.actor.User, b.actor.Name, b.actor.Admin = 7, "Uma User", false
		b.actor.Connection.User = 7
		imp, _, _ = b.columnsOf("Colour;Ref;Label\nRed;N-1;A\n")
		list, err := b.svc.SavedMappings(b.ctx(), b.actor, imp.ID)
		b.must(err)
		if len(list) != 1 || list[0].Name != "Office contracts" || list[0].UserName != "Alma Admin" || list[0].MayChange(b.actor) {
			t.Fatalf("saved: %+v", list)
		}
		id := list[0].ID
		refused(b.svc.RenameMapping(b.ctx(), b.actor, imp.ID, id, "Mine"), "mapping_not_yours")
		refused(b.svc.DeleteMapping(b.ctx(), b.actor, imp.ID, id), "mapping_not_yours")
		refused(b.svc.SaveMappingAs(b.ctx(), b.actor, imp.ID, "OFFICE contracts", m), "mapping_name_taken")
		_, applied, err := b.svc.ApplyMapping(b.ctx(), b.actor, imp.ID, id)
		b.must(err)
		if applied.Mapped != 2 || applied.All != 3 || strings.Join(applied.Absent, ",") != "When" || applied.Name != "Office contracts" {
			t.Errorf("applied: %+v", applied)
		}
		view, err := b.svc.Columns(b.ctx(), b.actor, imp.ID, nil)
		b.must(err)
		if got := columnWords(view); got != "Colour=UF_CRM_7_4 title; Ref="+number+" memory; Label=title memory" {
			t.Errorf("on another file: %s", got)
		}
		_, _, err = b.svc.ApplyMapping(b.ctx(), b.actor, imp.ID, "nothing")
		refused(err, "mapping_gone")

		b.actor = admin
		imp, _, _ = b.columnsOf("Label\nA\n")
		b.must(b.svc.RenameMapping(b.ctx(), b.actor, imp.ID, id, "Contracts of the office"))
		b.must(b.svc.DeleteMapping(b.ctx(), b.actor, imp.ID, id))
		refused(b.svc.DeleteMapping(b.ctx(), b.actor, imp.ID, id), "mapping_gone")
	})
}

// TestConstants: they are held to their fields before the check, and a
// pipeline that is one brings its own stages.
func TestConstants(t *testing.T) {
	p := profile()
	p.Types[0].Pipelines = append(p.Types[0].Pipelines, otherPipeline())
	bubble(t, p, func(t *testing.T, b *bench) {
		imp, view, _ := b.columnsOf("Title\nA\n")
		pipeline, stage := "", ""
		for _, target := range view.Targets {
			for _, o := range target.Options {
				if target.Name == "categoryId" && o.Label == "Other" {
					pipeline = o.ID
				}
			}
		}
		m := importer.Mapping{Columns: []importer.ColumnMapping{{Column: 0, Field: "title"}}, Constants: map[string]string{"categoryId": pipeline}}
		view, err := b.svc.Columns(b.ctx(), b.actor, imp.ID, &m)
		b.must(err)
		for _, target := range view.Targets {
			if target.Name == "stageId" {
				stage = target.Options[0].Label
			}
		}
		if stage != "Arrived" {
			t.Fatalf("the first stage of %q is %q", pipeline, stage)
		}
		for name, wrong := range map[string]string{"UF_CRM_7_3": "31.02.2024", "UF_CRM_7_2": "many", "stageId": "New"} {
			m.Constants = map[string]string{"categoryId": pipeline, name: wrong}
			_, err := b.svc.SetMapping(b.ctx(), b.actor, imp.ID, m)
			var r *importer.Refusal
			if !errors.As(err, &r) || r.Problem.Code != "constant_wrong" || r.Problem.Args["value"] != wrong {
				t.Errorf("%s: %v", name, err)
			}
		}
		m.Constants = map[string]string{"categoryId": pipeline, "stageId": "Arrived", "UF_CRM_7_2": "12"}
		b.begun("Title\nA\n", m)
		item := b.portal.Items(spa)[0]
		if got := item.Fields["stageId"]; !strings.HasSuffix(got.(string), ":ARRIVED") {
			t.Errorf("stage %v in pipeline %v", got, item.Fields["categoryId"])
		}
	})
}

func otherPipeline() emulator.Pipeline {
	return emulator.Pipeline{ID: 11, Name: "Other", Stages: []emulator.Stage{{Code: "ARRIVED", Name: "Arrived"}, {Code: "WON", Name: "Won", Semantics: "S"}}}
}
