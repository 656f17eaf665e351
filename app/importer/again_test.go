package importer_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// TestTry: the first rows are tried; then the rest follows, or they are taken
// back and everything adds up all the same.
func TestTry(t *testing.T) {
	try := func(t *testing.T, b *bench) importer.Import {
		imp := b.checked(table(40))
		_, err := b.svc.Try(b.ctx(), b.actor, imp.ID, 0)
		b.must(err)
		b.must(b.pump(b.svc))
		imp = b.reload(imp.ID)
		if !imp.Tried() || imp.Reason == nil || imp.Reason.Code != "trial_done" || imp.Counts.Created != 5 {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
		b.exactly(5, true)
		return imp
	}
	t.Run("and go on", func(t *testing.T) {
		bubble(t, profile(), func(t *testing.T, b *bench) {
			imp := try(t, b)
			_, err := b.svc.Resume(b.ctx(), b.actor, imp.ID)
			b.must(err)
			b.must(b.pump(b.svc))
			if imp = b.reload(imp.ID); imp.State != importer.Done || imp.Tried() {
				t.Fatalf("%s, reason %+v", imp.State, imp.Reason)
			}
			b.exactly(40, true)
		})
	})
	t.Run("and take back", func(t *testing.T) {
		bubble(t, profile(), func(t *testing.T, b *bench) {
			imp := b.undo(try(t, b).ID)
			if imp.State != importer.Undone || imp.Undo.TakenBack != 5 || imp.Counts != (importer.Counts{Created: 5, Skipped: 35}) {
				t.Fatalf("%s, %+v, %+v", imp.State, imp.Undo, imp.Counts)
			}
			if got := b.titles(); len(got) != 0 {
				t.Fatalf("titles %v", got)
			}
			rows, err := b.svc.Outcomes(b.ctx(), b.actor, imp.ID, 0, 100)
			b.must(err)
			if len(rows) != 35 || rows[0].Problem.Code != "stopped_by_you" {
				t.Fatalf("%d rows listed", len(rows))
			}
			// The same file can be imported after all.
			again, err := b.svc.Begin(b.ctx(), b.actor, imp.Upload)
			b.must(err)
			if again.ID == imp.ID || again.State != importer.Draft {
				t.Fatalf("%s %s", again.ID, again.State)
			}
		})
	})
	t.Run("rows that are left out do not count", func(t *testing.T) {
		bubble(t, profile(), func(t *testing.T, b *bench) {
			file := strings.ReplaceAll(table(40), ";Red|Blue", ";Red")
			for _, bad := range []int{0, 1, 3, 6} {
				file = strings.Replace(file, fmt.Sprintf("N-%04d;%d;", bad, bad), fmt.Sprintf("N-%04d;many;", bad), 1)
			}
			imp := b.checked(file)
			_, err := b.svc.Try(b.ctx(), b.actor, imp.ID, 5)
			b.must(err)
			b.must(b.pump(b.svc))
			imp = b.reload(imp.ID)
			if !imp.Tried() || imp.Counts != (importer.Counts{Created: 5, Failed: 4}) {
				t.Fatalf("%s, %+v", imp.State, imp.Counts)
			}
		})
	})
	t.Run("a file that is shorter", func(t *testing.T) {
		bubble(t, profile(), func(t *testing.T, b *bench) {
			imp := b.checked(table(3))
			_, err := b.svc.Try(b.ctx(), b.actor, imp.ID, 5)
			b.must(err)
			b.must(b.pump(b.svc))
			if imp = b.reload(imp.ID); imp.State != importer.Done {
				t.Fatalf("%s, reason %+v", imp.State, imp.Reason)
			}
		})
	})
}

// TestRetryFailed: the rows that failed are corrected and imported by
// themselves, under their own numbers.
func TestRetryFailed(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked("Title;Count;Stage\na;1;New\nb;x;New\nc;3;Nowhere\nd;4;In work\n")
		if _, err := b.svc.RetryFailed(b.ctx(), b.actor, imp.ID); !refusedWith(err, "undo_not_yet") {
			t.Fatalf("before the import: %v", err)
		}
		imp = b.run(imp.ID)
		if imp.Counts != (importer.Counts{Created: 2, Failed: 2}) {
			t.Fatalf("%+v", imp.Counts)
		}
		again, err := b.svc.RetryFailed(b.ctx(), b.actor, imp.ID)
		b.must(err)
		twice, err := b.svc.RetryFailed(b.ctx(), b.actor, imp.ID)
		b.must(err)
		if again.ID != twice.ID || again.Origin != imp.ID || again.State != importer.Draft || again.Rows != 2 {
			t.Fatalf("%+v\n%+v", again, twice)
		}
		if _, err := b.svc.Correct(b.ctx(), b.actor, again.Upload, sheet.Reading{}); !refusedWith(err, "upload_derived") {
			t.Fatalf("reading it in another way: %v", err)
		}
		_, err = b.svc.EditCells(b.ctx(), b.actor, again.ID, []importer.Edit{{Index: 0, Column: 1, Text: "2"}})
		b.must(err)
		b.must(b.pump(b.svc))
		_, err = b.svc.Decide(b.ctx(), b.actor, again.ID, []importer.Decision{{Column: 2, Value: "Nowhere", Action: importer.UseValue, With: "New"}}, false)
		b.must(err)
		b.must(b.pump(b.svc))
		again = b.run(again.ID)
		if again.State != importer.Done || again.Counts != (importer.Counts{Created: 2}) {
			t.Fatalf("%s, %+v, reason %+v", again.State, again.Counts, again.Reason)
		}
		if got := b.titles(); !slices.Equal(got, []string{"a", "d", "b", "c"}) {
			t.Fatalf("titles %v", got)
		}
		if key := fmt.Sprint(b.portal.Items(spa)[2].Fields["xmlId"]); key != again.ID+":3" {
			t.Errorf("the row is known as %s", key)
		}
		if _, err := b.svc.RetryFailed(b.ctx(), b.actor, again.ID); !refusedWith(err, "nothing_failed") {
			t.Fatalf("nothing has failed: %v", err)
		}
	})
}

// TestRepeat: another file goes the same way, wherever its columns are.
func TestRepeat(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.run(b.checked("Title;Number;Note\na;N-1;x\n").ID)
		content := "Number;Other;Title\nN-2;y;b\nN-3;z;c\n"
		u, err := b.svc.CreateUpload(b.ctx(), b.actor, "next.csv", int64(len(content)))
		b.must(err)
		u, err = b.svc.Append(b.ctx(), b.actor, u.ID, 0, strings.NewReader(content))
		b.must(err)
		next, err := b.svc.Repeat(b.ctx(), b.actor, imp.ID, u.ID)
		b.must(err)
		if next.Origin != imp.ID || next.Target != imp.Target || len(next.Mapping.Columns) != 3 {
			t.Fatalf("%+v", next)
		}
		b.must(b.pump(b.svc))
		_, err = b.svc.Check(b.ctx(), b.actor, next.ID)
		b.must(err)
		b.must(b.pump(b.svc))
		if next = b.run(next.ID); next.Counts.Created != 2 {
			t.Fatalf("%s, %+v, reason %+v", next.State, next.Counts, next.Reason)
		}
		item := b.portal.Items(spa)[2].Fields
		if item["title"] != "c" || item["UF_CRM_7_1"] != "N-3" {
			t.Fatalf("%v %v", item["title"], item["UF_CRM_7_1"])
		}
	})
}

// TestReportComesBack: the file of failed rows is corrected and given back;
// what was made safe for spreadsheet programs is as it was again.
func TestReportComesBack(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		cells := []string{"=1+1", "'=quoted", "-5 °C", "@home", "plain", "'quoted'", "+49 30 1"}
		file := "Title;Count\n"
		for _, c := range cells {
			file += c + ";x\n"
		}
		imp := b.checked(file + "good;1\n")
		imp = b.run(imp.ID)
		if imp.Counts != (importer.Counts{Created: 1, Failed: len(cells)}) {
			t.Fatalf("%+v", imp.Counts)
		}
		var report bytes.Buffer
		b.must(b.svc.WriteFailed(b.ctx(), b.actor, imp.ID, "Row", "Why", func(p importer.Problem) string { return p.Code }, &report))
		text := report.String()
		for _, unsafe := range []string{"\n=1", "\n@home", "\n-5"} {
			if strings.Contains(text, unsafe) {
				t.Errorf("the report holds %q", unsafe)
			}
		}
		again := b.run(b.checked(strings.ReplaceAll(text, ";x;", ";2;")).ID)
		if again.Counts != (importer.Counts{Created: len(cells)}) {
			t.Fatalf("%s, %+v, reason %+v", again.State, again.Counts, again.Reason)
		}
		if got := b.titles()[1:]; !slices.Equal(got, cells) {
			t.Fatalf("titles %q", got)
		}
	})
}
