package importer_test

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

func refusedWith(err error, code string) bool {
	var r *importer.Refusal
	return errors.As(err, &r) && r.Problem.Code == code
}

// TestAnotherReadingNeedsAnotherCheck: the table that was checked is the
// table that is written, whatever an old tab does with the file.
func TestAnotherReadingNeedsAnotherCheck(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked(table(30))
		u, err := b.svc.Upload(b.ctx(), b.actor, imp.Upload)
		b.must(err)
		other := u.Inspection.Reading
		other.HeaderRow = 5
		_, err = b.svc.Correct(b.ctx(), b.actor, u.ID, other)
		b.must(err)
		if _, err := b.svc.Start(b.ctx(), b.actor, imp.ID); !refusedWith(err, "not_checked") {
			t.Fatalf("starting what was not checked: %v", err)
		}

		b.portal.SetCost("crm.item.batchImport", 20*time.Millisecond)
		again := b.checked(table(6000))
		_, err = b.svc.Start(b.ctx(), b.actor, again.ID)
		b.must(err)
		_, err = b.svc.Slice(b.ctx(), importer.Lane("run:"+b.actor.Portal))
		b.must(err)
		_, err = b.svc.Pause(b.ctx(), b.actor, again.ID)
		b.must(err)
		if _, err := b.svc.Correct(b.ctx(), b.actor, again.Upload, other); !refusedWith(err, "upload_in_use") {
			t.Fatalf("correcting a file half-way through its import: %v", err)
		}
		_, err = b.svc.Resume(b.ctx(), b.actor, again.ID)
		b.must(err)
		b.must(b.pump(b.svc))
		b.exactly(6000, true)
	})
}

// TestOneDraftPerFile: a double click begins one import.
func TestOneDraftPerFile(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		u, err := b.svc.CreateUpload(b.ctx(), b.actor, "a.csv", 11)
		b.must(err)
		u, err = b.svc.Append(b.ctx(), b.actor, u.ID, 0, strings.NewReader("Title\na\nb\nc"))
		b.must(err)
		ids := make([]string, 6)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				if imp, err := b.svc.Begin(b.ctx(), b.actor, u.ID); err == nil {
					ids[i] = imp.ID
				} else {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("drafts %v", ids)
			}
		}
	})
}

// TestRowsAreTheirOwners: colleagues see in the history that an import ran,
// not what was in its file.
func TestRowsAreTheirOwners(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked("Title;Count\nsecret;not a number\nfine;1\n")
		imp = b.run(imp.ID)
		colleague := importer.Actor{Portal: b.actor.Portal, User: 7}
		if _, err := b.svc.Import(b.ctx(), colleague, imp.ID); err != nil {
			t.Errorf("the history: %v", err)
		}
		if _, err := b.svc.Outcomes(b.ctx(), colleague, imp.ID, 0, 0); !refusedWith(err, "not_yours") {
			t.Errorf("the rows: %v", err)
		}
		err := b.svc.WriteFailed(b.ctx(), colleague, imp.ID, "Row", "Why", func(importer.Problem) string { return "" }, io.Discard)
		if !refusedWith(err, "not_yours") {
			t.Errorf("the file: %v", err)
		}
		if found, err := b.svc.CheckResult(b.ctx(), colleague, imp.ID); !refusedWith(err, "not_yours") {
			t.Errorf("the findings: %d, %v", len(found.Findings), err)
		}
		if view, err := b.svc.Columns(b.ctx(), colleague, imp.ID, nil); !refusedWith(err, "not_yours") {
			t.Errorf("the columns with their examples: %d, %v", len(view.Columns), err)
		}
	})
}

// TestStoppingEnds: a portal that is gone for good does not keep a stopped
// import for ever; its rows in doubt end as unknown.
func TestStoppingEnds(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked(table(50))
		b.portal.Fault(emulator.Fault{Method: "crm.item.batchImport", Skip: 1, Kind: emulator.DropBefore})
		b.portal.Fault(emulator.Fault{Method: "crm.item.list", Skip: 1, Times: -1, Kind: emulator.ConnRefused})
		_, err := b.svc.Start(b.ctx(), b.actor, imp.ID)
		b.must(err)
		_, err = b.svc.Slice(b.ctx(), importer.Lane("run:"+b.actor.Portal))
		b.must(err)
		stopped, err := b.svc.Stop(b.ctx(), b.actor, imp.ID)
		b.must(err)
		if stopped.State != importer.Waiting {
			t.Fatalf("with rows in doubt it is %s", stopped.State)
		}
		began := time.Now()
		b.must(b.pump(b.svc))
		imp = b.reload(imp.ID)
		if imp.State != importer.Stopped || imp.Counts.Failed == 0 || time.Since(began) > 3*time.Hour {
			t.Fatalf("%s after %v, %+v", imp.State, time.Since(began), imp.Counts)
		}
	})
}
