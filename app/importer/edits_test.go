package importer_test

import (
	"context"
	"slices"
	"testing"

	"github.com/spa-importer/spa-importer/app/importer"
)

// tabs is a store between whose steps another tab of the browser acts.
type tabs struct {
	importer.Store
	before, after func()
}

func (t *tabs) CorrectCells(ctx context.Context, portal, imp string, edits, restored []importer.Edit, change func(*importer.Import) error) (importer.Import, error) {
	act := func(f *func()) {
		if do := *f; do != nil {
			*f = nil
			do()
		}
	}
	act(&t.before)
	i, err := t.Store.CorrectCells(ctx, portal, imp, edits, restored, change)
	act(&t.after)
	return i, err
}

// TestCorrectionBesideAStart: cells are corrected in one tab while the import
// is started in another. What is written is what was checked.
func TestCorrectionBesideAStart(t *testing.T) {
	for name, startsFirst := range map[string]bool{"started before the cells are kept": true, "after": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				imp := b.checked("Title;Count\none;1\ntwo;2\n")
				front := &tabs{Store: b.store}
				b.front = front
				svc := b.service(b.store)
				var started error
				start := func() { _, started = b.svc.Start(b.ctx(), b.actor, imp.ID) }
				if startsFirst {
					front.before = start
				} else {
					front.after = start
				}
				_, err := svc.EditCells(b.ctx(), b.actor, imp.ID, []importer.Edit{{Index: 0, Column: 0, Text: "uno"}, {Index: 1, Column: 1, Text: "2"}})
				b.must(b.pump(b.svc))
				if startsFirst != refusedWith(err, "already_started") || startsFirst == refusedWith(started, "not_checked") {
					t.Fatalf("correcting: %v, starting: %v", err, started)
				}
				want := []string{"one", "two"}
				if !startsFirst {
					b.run(imp.ID)
					want[0] = "uno"
				}
				imp = b.reload(imp.ID)
				if got := b.titles(); imp.State != importer.Done || !slices.Equal(got, want) {
					t.Fatalf("%s, %v", imp.State, got)
				}
			})
		})
	}
}

// TestCorrectionWhileChecking: a check that began before the correction is
// not the one that counts.
func TestCorrectionWhileChecking(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked("Title;Count\none;1\ntwo;x\n")
		front := &tabs{Store: b.store, before: func() { b.recheck(imp.ID) }}
		b.front = front
		_, err := b.service(b.store).EditCells(b.ctx(), b.actor, imp.ID, []importer.Edit{{Index: 1, Column: 1, Text: "2"}})
		b.must(err)
		if _, err := b.svc.Start(b.ctx(), b.actor, imp.ID); !refusedWith(err, "not_checked") {
			t.Fatalf("started on the check of the old cells: %v", err)
		}
		b.must(b.pump(b.svc))
		if imp = b.run(imp.ID); imp.Counts != (importer.Counts{Created: 2}) {
			t.Fatalf("%+v", imp.Counts)
		}
	})
}
