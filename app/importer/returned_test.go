package importer_test

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// cellText draws texts that spreadsheet programs, or the way through a CSV
// file, could change.
func cellText() *rapid.Generator[string] {
	part := rapid.OneOf(
		rapid.SampledFrom([]string{"'", "''", "=", "+", "-", "@", "\t", "\r", "\n", "\r\n", ";", ",", "\"", " ", "\u00a0", "1", "0.5", "a", "=1+1", "-5", "'=x", "_x000D_"}),
		rapid.StringN(0, 4, 12),
	)
	return rapid.Map(rapid.SliceOfN(part, 0, 4), func(parts []string) string { return strings.Join(parts, "") })
}

// report is the file of failed rows.
func (b *bench) report(imp string) string {
	b.t.Helper()
	var out bytes.Buffer
	b.must(b.svc.WriteFailed(b.ctx(), b.actor, imp, "Row", "Why", func(p importer.Problem) string { return p.Code }, &out))
	return out.String()
}

// failed are the cells of an import's failed rows.
func (b *bench) failed(imp string) [][]string {
	b.t.Helper()
	rows, err := b.svc.Outcomes(b.ctx(), b.actor, imp, 0, 1000, importer.EntryFailed)
	b.must(err)
	cells := make([][]string, len(rows))
	for i, r := range rows {
		cells[i] = r.Cells[:2]
	}
	return cells
}

// TestReportsReturn: failed rows are written to a file that comes back, fail
// again, are written again, are taken up as they are and corrected by hand:
// on every way each cell stays what it was.
func TestReportsReturn(t *testing.T) {
	for seed := range 6 { // each has many cells
		texts := rapid.SliceOfN(cellText(), 50, 80).Example(seed)
		bubble(t, profile(), func(t *testing.T, b *bench) {
			var file bytes.Buffer
			w := csv.NewWriter(&file)
			w.Comma = ';'
			b.must(w.Write([]string{"Number", "Count"}))
			for _, text := range texts {
				b.must(w.Write([]string{text, "many"}))
			}
			w.Flush()
			imp := b.run(b.with(b.checked(file.String()+"good;1\n"), "UF_CRM_7_1", "UF_CRM_7_2").ID)
			want := b.failed(imp.ID)
			for _, cells := range want {
				if cells[1] != "many" {
					t.Fatalf("%q", want)
				}
			}
			same := func(way string, imp importer.Import) {
				if got := b.failed(imp.ID); !slices.EqualFunc(got, want, slices.Equal) {
					t.Fatalf("%s: %q became %q", way, want, got)
				}
			}
			// Each of these writes one row more, so that it can be run.
			again := func(imp importer.Import) importer.Import {
				return b.run(b.with(b.checked(b.report(imp.ID)+"good;1;;\r\n"), "UF_CRM_7_1", "UF_CRM_7_2").ID)
			}
			once := again(imp)
			same("once", once)
			twice := again(once)
			same("twice", twice)
			derived, err := b.svc.RetryFailed(b.ctx(), b.actor, twice.ID)
			b.must(err)
			text := want[0][0] // a cell corrected to what it was is corrected no more
			_, err = b.svc.EditCells(b.ctx(), b.actor, derived.ID, []importer.Edit{{Index: 0, Column: 0, Text: text}, {Index: 0, Column: 1, Text: "1"}})
			b.must(err)
			b.must(b.pump(b.svc))
			if n, err := b.store.CountEdits(b.ctx(), derived.ID); err != nil || n != 1 {
				t.Fatalf("%d cells count as corrected, %v", n, err)
			}
			derived = b.run(derived.ID)
			want = want[1:]
			same("taken up", derived)
		})
	}
}

// with maps the first columns to fields, the others to none, and has the file
// checked again.
func (b *bench) with(imp importer.Import, fields ...string) importer.Import {
	b.t.Helper()
	u, err := b.svc.Upload(b.ctx(), b.actor, imp.Upload)
	b.must(err)
	var m importer.Mapping
	for i := range u.Inspection.Columns {
		c := importer.ColumnMapping{Column: i}
		if i < len(fields) {
			c.Field = fields[i]
		}
		m.Columns = append(m.Columns, c)
	}
	_, err = b.svc.SetMapping(b.ctx(), b.actor, imp.ID, m)
	b.must(err)
	return b.recheck(imp.ID)
}

// TestCorrectedCellOfAReport: a cell that a person corrects stands as he has
// written it, an apostrophe in front included.
func TestCorrectedCellOfAReport(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.run(b.checked("Title;Count\n=1;x\ngood;1\n").ID)
		back := b.checked(strings.ReplaceAll(b.report(imp.ID), ";x;", ";2;"))
		_, err := b.svc.EditCells(b.ctx(), b.actor, back.ID, []importer.Edit{{Index: 0, Column: 0, Text: "'=2"}})
		b.must(err)
		b.must(b.pump(b.svc))
		b.run(back.ID)
		if got := b.titles(); !slices.Equal(got, []string{"good", "'=2"}) {
			t.Fatalf("%q", got)
		}
	})
}

// TestNamesOfAReport: names of columns that a spreadsheet program would run
// are made text in the file of failed rows, and are themselves again when it
// comes back, however often, and where its rows are taken up as they are.
func TestNamesOfAReport(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		want := []string{"Title", "Count", "=Sum(A1)", "'=Sum(A1)", "@home", "-5 and less", "+5 or more", "'quoted'", "+7 phones"}
		head := "Title;Count;=Sum(A1);'=Sum(A1);@home;-5 and less;+5 or more;'quoted';+7 phones\n"
		imp := b.run(b.checked(head + "=1;x;a;b;c;d;e;f;+7 (495) 555\ngood;1\n").ID)
		named := func(way string, imp importer.Import) {
			t.Helper()
			u, err := b.svc.Upload(b.ctx(), b.actor, imp.Upload)
			b.must(err)
			for which, columns := range map[string][]sheet.Column{"seen": u.Inspection.Columns, "read": u.Table.Columns} {
				for i, name := range want {
					if i >= len(columns) || columns[i].Name != name {
						t.Fatalf("%s, as %s: %+v, want %q", way, which, columns, want)
					}
				}
			}
			if p := u.Profiles[8]; p.Phones == 0 || p.Phones != p.Filled {
				t.Errorf("%s: %d of %d phones are seen as such", way, p.Phones, p.Filled)
			}
		}
		named("at first", imp)
		for _, way := range []string{"once", "twice"} {
			report := b.report(imp.ID)
			if header, rest, _ := strings.Cut(report, ";Row;Why"); strings.HasPrefix(rest, ";") || header != "\ufeffTitle;Count;'=Sum(A1);''=Sum(A1);'@home;'-5 and less;'+5 or more;'quoted';'+7 phones" {
				t.Errorf("%s: the header is %q", way, header)
			}
			imp = b.run(b.checked(report + "good;1;;;;;;;;;\r\n").ID)
			named(way, imp)
		}
		derived, err := b.svc.RetryFailed(b.ctx(), b.actor, imp.ID)
		b.must(err)
		named("taken up", derived)
	})
}

// TestNamesOfAReportFallTogether: names that a person has given to a report
// stay as they are where their originals would be the same.
func TestNamesOfAReportFallTogether(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked("Title;'=a;=A;Row;Why\nx;1;2;3;4\n")
		u, err := b.svc.Upload(b.ctx(), b.actor, imp.Upload)
		b.must(err)
		if c := u.Table.Columns; c[1].Name != "'=a" || c[2].Name != "=A" {
			t.Fatalf("%+v", c)
		}
	})
}
