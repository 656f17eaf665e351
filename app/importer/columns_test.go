package importer_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// germanProfile is a portal whose contracts have titles in German and need a
// field that no file of these tests has.
func germanProfile() emulator.Profile {
	p := profile()
	p.Users[0].Lang = "de"
	p.Types[0].Fields = append(p.Types[0].Fields,
		emulator.Field{Name: "UF_CRM_7_5", Type: "string", Title: "Contract number", Titles: map[string]string{"de": "Vertragsnummer"}},
		emulator.Field{Name: "UF_CRM_7_6", Type: "money", Title: "Contract value", Titles: map[string]string{"de": "Vertragswert"}},
		emulator.Field{Name: "UF_CRM_7_7", Type: "string", Title: "Cost centre", Required: true, Titles: map[string]string{"de": "Kostenstelle"}})
	return p
}

const germanFile = "Bezeichnung;Vertragsnummer;Vertragswert;Geprüft von\nStühle;C-1;42.565,50 EUR;Frau Muster\nDrucker;C-2;958,99 EUR;Herr Muster\n"

// step3 is what the third step shows of a new file, and of a form.
func (b *bench) step3(content string) (importer.Import, func(form *importer.Mapping) importer.ColumnsView) {
	b.t.Helper()
	b.actor.Lang = "de"
	imp, err := b.svc.SetTarget(b.ctx(), b.actor, b.upload("Verträge.csv", content).ID, importer.Target{EntityTypeID: spa})
	b.must(err)
	return imp, func(form *importer.Mapping) importer.ColumnsView {
		b.t.Helper()
		view, err := b.svc.Columns(b.ctx(), b.actor, imp.ID, form)
		b.must(err)
		return view
	}
}

// where are the fields that the columns go to; "?": undecided.
func where(view importer.ColumnsView) string {
	var list []string
	for _, c := range view.Columns {
		if c.Undecided {
			list = append(list, "?")
		} else {
			list = append(list, c.Mapping.Field)
		}
	}
	return strings.Join(list, " ")
}

// decided is what a form says of the columns: nothing of those that are
// undecided.
func decided(view importer.ColumnsView) *importer.Mapping {
	m := importer.Mapping{Constants: view.Constants}
	for _, c := range view.Columns {
		if !c.Undecided {
			m.Columns = append(m.Columns, c.Mapping)
		}
	}
	return &m
}

// TestOnlyTheMissingFieldIsAsked: columns that bear the names of fields are
// taken for sure, also where a required field has no column; only that is
// asked for, at first and in what the form says after that.
func TestOnlyTheMissingFieldIsAsked(t *testing.T) {
	bubble(t, germanProfile(), func(t *testing.T, b *bench) {
		imp, show := b.step3(germanFile)
		view := show(nil)
		const want = "title UF_CRM_7_5 UF_CRM_7_6 ?"
		for _, when := range []string{"at first", "as the form says", "when it was kept"} {
			if have := where(view); have != want {
				t.Errorf("%s the columns go to %q, want %q", when, have, want)
			}
			if len(view.Missing) != 1 || view.Missing[0].Title != "Kostenstelle" {
				t.Errorf("%s the missing fields are %+v", when, view.Missing)
			}
			form := decided(view)
			if when == "as the form says" {
				_, err := b.svc.KeepMapping(b.ctx(), b.actor, imp.ID, *form)
				b.must(err)
				form = nil
			}
			view = show(form)
		}
	})
}

// TestUndecidedColumnFindsItsField: a column that nobody has decided on goes
// to the field that bears its name as soon as there is one, or as soon as it
// is free; what a person has decided stays.
func TestUndecidedColumnFindsItsField(t *testing.T) {
	bubble(t, germanProfile(), func(t *testing.T, b *bench) {
		imp, show := b.step3(germanFile)
		_, err := b.svc.KeepMapping(b.ctx(), b.actor, imp.ID, *decided(show(nil)))
		b.must(err)
		b.portal.AddField(spa, emulator.Field{Name: "UF_CRM_7_8", Type: "string", Title: "Geprüft von"})
		time.Sleep(10 * time.Minute) // the fields are looked at anew
		view := show(nil)
		if have := where(view); have != "title UF_CRM_7_5 UF_CRM_7_6 UF_CRM_7_8" || view.Undecided != 0 || view.Columns[3].Mapping.Why != "title" {
			t.Fatalf("with the new field: %q, %d undecided, by %q", have, view.Undecided, view.Columns[3].Mapping.Why)
		}
		// Another column has the field: nothing is taken away from it.
		form := decided(view)
		form.Columns[0].Field, form.Columns[3].Field = "UF_CRM_7_8", ""
		if have := where(show(form)); have != "UF_CRM_7_8 UF_CRM_7_5 UF_CRM_7_6 " {
			t.Errorf("decided otherwise: %q", have)
		}
		form.Columns = slices.Delete(form.Columns, 3, 4)
		if have := where(show(form)); have != "UF_CRM_7_8 UF_CRM_7_5 UF_CRM_7_6 ?" {
			t.Errorf("taken by another column: %q", have)
		}
		form.Columns[0].Field = ""
		if have := where(show(form)); have != " UF_CRM_7_5 UF_CRM_7_6 UF_CRM_7_8" {
			t.Errorf("free again: %q", have)
		}
		form.Constants = map[string]string{"UF_CRM_7_8": "Frau Muster"}
		if have := where(show(form)); have != " UF_CRM_7_5 UF_CRM_7_6 ?" {
			t.Errorf("with one value for all rows: %q", have)
		}
	})
}
