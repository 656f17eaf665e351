package importer_test

import (
	"testing"

	"github.com/spa-importer/spa-importer/app/importer"
)

// TestParentOfTheCard: an import begun in the card of an item binds its rows
// to that item, whatever was remembered or proposed, and nothing of it is
// remembered.
func TestParentOfTheCard(t *testing.T) {
	bubble(t, rich(), func(t *testing.T, b *bench) {
		const file = "Title;parentId1040\none;Lathe\n"
		begin := func(parent importer.Parent) importer.Import {
			t.Helper()
			imp := b.upload("file.csv", file)
			imp, err := b.svc.SetTarget(b.ctx(), b.actor, imp.ID, importer.Target{EntityTypeID: spa, Parent: parent})
			b.must(err)
			return imp
		}
		// constant is what step 3 shows for the parent, and where the column
		// of that name goes.
		constant := func(imp importer.Import) (text, column string) {
			t.Helper()
			view, err := b.svc.Columns(b.ctx(), b.actor, imp.ID, nil)
			b.must(err)
			return view.Constants["parentId1040"], view.Columns[1].Mapping.Field
		}
		own := importer.Parent{EntityTypeID: 1040, ID: 2}

		imp := begin(importer.Parent{})
		if text, column := constant(imp); text != "" || column != "parentId1040" {
			t.Fatalf("without a card: %q, %q", text, column)
		}
		named := importer.Mapping{Columns: []importer.ColumnMapping{{Column: 0, Field: "title"}, {Column: 1}}, Constants: map[string]string{"parentId1040": "3"}}
		b.must(b.svc.SaveMappingAs(b.ctx(), b.actor, imp.ID, "lathes", named))
		saved, err := b.svc.SavedMappings(b.ctx(), b.actor, imp.ID)
		b.must(err)

		imp = begin(own)
		if text, column := constant(imp); text != "2" || column != "" {
			t.Errorf("proposed: %q, %q", text, column)
		}
		imp, err = b.svc.Propose(b.ctx(), b.actor, imp.ID)
		b.must(err)
		if text, column := constant(imp); text != "2" || column != "" {
			t.Errorf("proposed anew: %q, %q", text, column)
		}
		imp, _, err = b.svc.ApplyMapping(b.ctx(), b.actor, imp.ID, saved[0].ID)
		b.must(err)
		if text, column := constant(imp); text != "2" || column != "" {
			t.Errorf("with a saved mapping: %q, %q", text, column)
		}
		_, err = b.svc.SetMapping(b.ctx(), b.actor, imp.ID, imp.Mapping)
		b.must(err)
		_, err = b.svc.Check(b.ctx(), b.actor, imp.ID)
		b.must(err)
		b.must(b.pump(b.svc))
		if imp = b.run(imp.ID); imp.Counts.Created != 1 {
			t.Fatalf("%s %+v %+v", imp.State, imp.Counts, imp.Reason)
		}
		items := b.portal.Items(spa)
		if got := string(b.get(items[len(items)-1].ID)["parentId1040"]); got != "2" {
			t.Errorf("bound to %s", got)
		}
		// A file of the same kind is proposed the columns, not the parent.
		if text, _ := constant(begin(importer.Parent{})); text != "" {
			t.Errorf("the next file is bound to %q", text)
		}
		// A parent that the smart process does not have is dropped.
		if imp := begin(importer.Parent{EntityTypeID: 1070, ID: 2}); imp.Target.Parent != (importer.Parent{}) {
			t.Errorf("kept %+v", imp.Target.Parent)
		}
	})
}
