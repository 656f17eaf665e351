package importer_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/importer"
)

// Cases of the list of nasty files that are about imports rather than about
// reading; app/cases_test.go says where each of the 62 is.

// TestSameFileAgain is case 53: the same bytes under any name are known
// again, to everybody in the portal, and only once something was written.
func TestSameFileAgain(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		again := func(a importer.Actor, content string) (importer.Import, bool) {
			t.Helper()
			u, err := b.svc.CreateUpload(b.ctx(), a, "again.csv", int64(len(content)))
			b.must(err)
			u, err = b.svc.Append(b.ctx(), a, u.ID, 0, strings.NewReader(content))
			b.must(err)
			imp, ok, err := b.svc.SameFile(b.ctx(), a, u)
			b.must(err)
			return imp, ok
		}
		imp := b.checked(table(5))
		if known, ok := again(b.actor, table(5)); ok {
			t.Errorf("a file that was only checked counts as imported: %+v", known)
		}
		b.run(imp.ID)
		time.Sleep(48 * time.Hour)
		known, ok := again(b.actor, table(5))
		if !ok || known.ID != imp.ID || known.Counts.Created != 5 {
			t.Errorf("the file is not known again: %v %+v", ok, known)
		}
		colleague := b.actor
		colleague.User, colleague.Admin = 7, false
		if known, ok := again(colleague, table(5)); !ok || known.User != 1 {
			t.Errorf("a colleague is not told: %v %+v", ok, known)
		}
		if _, ok := again(b.actor, table(6)); ok {
			t.Error("another file is taken for it")
		}
		stranger := b.actor
		stranger.Portal = "fedcba9876543210fedcba9876543210"
		if _, ok := again(stranger, table(5)); ok {
			t.Error("another portal is told")
		}
		// What was taken back wholly is not there a second time.
		taken := b.run(b.checked(table(7)).ID)
		time.Sleep(2 * time.Minute)
		_, err := b.svc.Undo(b.ctx(), b.actor, taken.ID)
		b.must(err)
		b.must(b.pump(b.svc))
		if taken = b.reload(taken.ID); taken.State != importer.Undone {
			t.Fatalf("%s, reason %+v", taken.State, taken.Reason)
		}
		if known, ok := again(b.actor, table(7)); ok {
			t.Errorf("a file that was taken back counts as imported: %+v", known.Counts)
		}
		// Corrected as the person likes, it stays the same file.
		u, err := b.svc.Upload(b.ctx(), b.actor, b.reload(imp.ID).Upload)
		b.must(err)
		if u.Hash == "" || b.reload(imp.ID).Hash != u.Hash {
			t.Errorf("hashes %q and %q", u.Hash, b.reload(imp.ID).Hash)
		}
	})
}

// TestReportIsSafeToOpen is case 57: a report is a file that somebody opens
// in a spreadsheet program, which must not run what stands in its cells.
func TestReportIsSafeToOpen(t *testing.T) {
	for cell, want := range map[string]string{
		"=1+1": "'=1+1", "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0", "-2+3": "'-2+3", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1",
		"-5": "-5", "+7 900 000 00 00": "+7 900 000 00 00", "-1 234,50": "-1 234,50", "-": "'-", "+": "'+", "a=1": "a=1", "": "", "0": "0",
	} {
		if got := importer.Neutral(cell); got != want {
			t.Errorf("%q is written as %q, want %q", cell, got, want)
		}
	}
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked("Title;=Number;Count\n=HYPERLINK(\"x\");+1+1;many\n@me;-5;2\n")
		b.run(imp.ID)
		var out bytes.Buffer
		b.must(b.svc.WriteFailed(b.ctx(), b.actor, imp.ID, "Row", "Why", func(p importer.Problem) string { return "=" + p.Code }, &out))
		if !strings.Contains(out.String(), "many") {
			t.Fatalf("the row that failed is not in the report:\n%s", out.String())
		}
		for _, line := range strings.Split(out.String(), "\r\n") {
			for _, cell := range strings.Split(strings.TrimPrefix(line, "\ufeff"), ";") {
				if cell = strings.Trim(cell, `"`); cell != "" && strings.ContainsRune("=+@\t", rune(cell[0])) {
					t.Errorf("%q stands in the report:\n%s", cell, out.String())
				}
			}
		}
	})
}

// TestNamesOfUploads is case 58: a name is shown without folders and without
// what would show it otherwise than it is, and is never longer than 255 bytes.
func TestNamesOfUploads(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		for name, want := range map[string]string{
			"../../etc/passwd": "passwd", `C:\Users\me\clients.csv`: "clients.csv", "a\u202evsc.exe": "avsc.exe", "a\x00b\n.csv": "ab.csv",
			"..": "file", "/": "file", "": "file", " clients .csv ": "clients .csv", strings.Repeat("я", 300): strings.Repeat("я", 127),
		} {
			u, err := b.svc.CreateUpload(b.ctx(), b.actor, name, 10)
			b.must(err)
			if u.Name != want {
				t.Errorf("%q is called %q, want %q", name, u.Name, want)
			}
		}
	})
}

// TestFieldsChangeBeforeTheStart is case 59: what was checked no longer
// stands, so nothing is written before the person has seen it.
func TestFieldsChangeBeforeTheStart(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked(table(5))
		b.portal.RemoveField(spa, "UF_CRM_7_2")
		imp = b.run(imp.ID)
		want := &importer.Problem{Code: "schema_column", Args: map[string]string{"column": "Count", "field": "Count"}}
		if diff := cmp.Diff(want, imp.Reason); diff != "" || imp.State != importer.Draft || len(b.portal.Items(spa)) != 0 {
			t.Fatalf("%s with %d items\n%s", imp.State, len(b.portal.Items(spa)), diff)
		}
	})
}
