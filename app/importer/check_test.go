package importer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/importer"
)

// found lists findings as "column code value rows", with what is suggested.
func (b *bench) found(id string) []string {
	b.t.Helper()
	result, err := b.svc.CheckResult(b.ctx(), b.actor, id)
	b.must(err)
	if result.Plan.Sum() != result.Rows {
		b.t.Errorf("%d rows have %d outcomes", result.Rows, result.Plan.Sum())
	}
	var list []string
	for _, f := range result.Findings {
		s := fmt.Sprint(f.Column, " ", f.Problem.Code, " ", f.Value, " ", f.First)
		if f.Closest != "" {
			s += " " + f.Closest
		}
		list = append(list, s)
	}
	slices.Sort(list)
	return list
}

// decide answers findings and waits for the check.
func (b *bench) decide(id string, remember bool, d ...importer.Decision) importer.Import {
	b.t.Helper()
	_, err := b.svc.Decide(b.ctx(), b.actor, id, d, remember)
	b.must(err)
	b.must(b.pump(b.svc))
	return b.reload(id)
}

func (b *bench) wants(id string, want ...string) {
	b.t.Helper()
	slices.Sort(want)
	if got := b.found(id); !slices.Equal(got, want) {
		b.t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// Each has the words that its sentence needs.
	result, err := b.svc.CheckResult(b.ctx(), b.actor, id)
	b.must(err)
	for _, f := range result.Findings {
		for _, name := range importer.Codes()[f.Problem.Code] {
			if f.Problem.Args[name] == "" && name != "value" {
				b.t.Errorf("%s does not say its %s", f.Problem.Code, name)
			}
		}
	}
}

// TestFindingsAreBounded: a file of nothing but mistakes is a file of so many
// findings; the others are counted, and their rows fail all the same.
func TestFindingsAreBounded(t *testing.T) {
	const most, more = 5000, 40
	bubble(t, profile(), func(_ *testing.T, b *bench) {
		var file strings.Builder
		file.WriteString("Title;Count\n")
		for i := range most + more {
			fmt.Fprintf(&file, "a;x%d\n", i)
		}
		imp := b.checked(file.String())
		result, err := b.svc.CheckResult(b.ctx(), b.actor, imp.ID)
		b.must(err)
		if len(result.Findings) != most || result.More != more || result.Plan.Failed != most+more || result.Problems != most+more {
			b.t.Errorf("%d findings and %d more, plan %+v, %d rows with problems", len(result.Findings), result.More, result.Plan, result.Problems)
		}
	})
}

// TestAllProblemsOfARowAreFoundAtOnce: nobody goes round twice.
func TestAllProblemsOfARowAreFoundAtOnce(t *testing.T) {
	p := profile()
	p.Types[0].Fields[0].Required = true
	bubble(t, p, func(t *testing.T, b *bench) {
		imp := b.checked("Title;Number;Count;Signed;Colour\n" +
			"a;;x;nonsense;Rad|Pink|Red\n" +
			"b;1;2;01.02.2024;Pink|Blue|Pink\n")
		b.wants(imp.ID,
			"1 required_empty  [2]",
			"2 number_invalid x [2]",
			"3 date_invalid nonsense [2]",
			"4 option_unknown Rad [2] Red",
			"4 option_unknown Pink [2 3]",
		)
		imp = b.decide(imp.ID, false,
			importer.Decision{Column: 1, Value: "", Action: importer.UseValue, With: "N"},
			importer.Decision{Column: 2, Value: "x", Action: importer.LeaveEmpty},
			importer.Decision{Column: 3, Value: "nonsense", Action: importer.LeaveEmpty},
			importer.Decision{Column: 4, Value: "Rad", Action: importer.UseValue, With: "Red"},
			importer.Decision{Column: 4, Value: "Pink", Action: importer.LeaveEmpty})
		b.wants(imp.ID)
		imp = b.run(imp.ID)
		if imp.Counts != (importer.Counts{Created: 2}) {
			t.Fatalf("%+v %+v", imp.Counts, imp.Reason)
		}
		for i, want := range []string{"[81]", "[82]"} {
			if got := fmt.Sprint(b.portal.Items(spa)[i].Fields["UF_CRM_7_4"]); got != want {
				t.Errorf("item %d has colours %s, want %s", i, got, want)
			}
		}
	})
}

// TestRepeatedKeys: one of the rows with one key is written, the one the
// person wants, and never two.
func TestRepeatedKeys(t *testing.T) {
	const file = "Title;External code;Count\n" +
		"a;k1;1\n" + "b;k2;2\n" + "c;k1;x\n" + "d;;4\n" + "e;k1;5\n" + "f;k2;6\n" + "g;;7\n"
	everywhere := func(a importer.Action) importer.Decision { return importer.Decision{Column: 1, Action: a} }
	for _, c := range []struct {
		name   string
		decide []importer.Decision
		titles string
		plan   importer.Counts
	}{
		{"undecided", nil, "a b d g", importer.Counts{Created: 4, Failed: 3}},
		{"first", []importer.Decision{everywhere(importer.KeepFirst)}, "a b d g", importer.Counts{Created: 4, Skipped: 3}},
		{"last", []importer.Decision{everywhere(importer.KeepLast)}, "d e f g", importer.Counts{Created: 4, Skipped: 3}},
		{"none", []importer.Decision{everywhere(importer.KeepNone)}, "d g", importer.Counts{Created: 2, Skipped: 5}},
		{"one last", []importer.Decision{{Column: 1, Value: "k1", Action: importer.KeepLast}}, "b d e g", importer.Counts{Created: 4, Skipped: 2, Failed: 1}},
		{"first skipped", []importer.Decision{{Column: 0, Value: "a", Action: importer.SkipRows}, everywhere(importer.KeepFirst)},
			"b d g", importer.Counts{Created: 3, Skipped: 3, Failed: 1}},
		{"withdrawn", []importer.Decision{everywhere(importer.KeepNone), {Column: 1}}, "a b d g", importer.Counts{Created: 4, Failed: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				imp := b.checked(file)
				b.wants(imp.ID, "1 keys_repeated k1 [2 4 6]", "1 keys_repeated k2 [3 7]", "2 number_invalid x [4]")
				if len(c.decide) > 0 {
					imp = b.decide(imp.ID, false, c.decide...)
				}
				if imp.Plan != c.plan {
					t.Errorf("plan %+v, want %+v", imp.Plan, c.plan)
				}
				imp = b.run(imp.ID)
				got := b.titles()
				slices.Sort(got)
				if strings.Join(got, " ") != c.titles || imp.Counts != c.plan {
					t.Errorf("written %v, want %s; outcomes %+v", got, c.titles, imp.Counts)
				}
			})
		})
	}
}

// TestRowsWithTooManyCells: case 14. Empty cells beyond the headers do not
// matter, others hold the row back until a person has looked.
func TestRowsWithTooManyCells(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked("Title;Count\na;1\nb;2;;\nc;3;x;y\nd;4;z\ne\n")
		b.wants(imp.ID, "-1 row_too_long_cells 2 [4]", "-1 row_too_long_cells 1 [5]")
		if imp.Plan != (importer.Counts{Created: 3, Failed: 2}) {
			t.Errorf("plan %+v", imp.Plan)
		}
		imp = b.decide(imp.ID, false, importer.Decision{Column: -1, Value: "2", Action: importer.LeaveEmpty},
			importer.Decision{Column: -1, Value: "1", Action: importer.SkipRows})
		b.wants(imp.ID)
		if imp = b.run(imp.ID); imp.Counts != (importer.Counts{Created: 4, Skipped: 1}) {
			t.Errorf("outcomes %+v", imp.Counts)
		}
	})
}

// TestAmbiguousNames: what a name could mean is listed with what tells it
// apart, and one of them can be chosen for all rows.
func TestAmbiguousNames(t *testing.T) {
	p := profile()
	p.Contacts = []map[string]any{
		{"name": "Twin", "lastName": "Person", "post": "Buyer"}, {"name": "Twin", "lastName": "Person"}, {"name": "One", "lastName": "Only"},
	}
	p.Companies = []map[string]any{{"title": "Acme"}, {"title": "Acme"}}
	p.Users = append(p.Users, p.Users[1])
	p.Users[2].ID = 8
	bubble(t, p, func(t *testing.T, b *bench) {
		imp := b.checked("Title;Contacts;Company;Responsible\na;Twin Person|One Only;Acme;Uma User\nb;Twin Person;Acme;7\n")
		result, err := b.svc.CheckResult(b.ctx(), b.actor, imp.ID)
		b.must(err)
		var got []string
		var choose []importer.Decision
		for _, f := range result.Findings {
			for _, c := range f.Candidates {
				got = append(got, fmt.Sprint(f.Value, ": ", c.With, " ", c.Title, " ", c.Path))
			}
			if len(f.Candidates) > 1 {
				choose = append(choose, importer.Decision{Column: f.Column, Value: f.Value, Action: importer.UseValue, With: f.Candidates[1].With})
			}
		}
		want := []string{
			"Twin Person: 1 Twin Person, Buyer /crm/contact/details/1/", "Twin Person: 2 Twin Person /crm/contact/details/2/",
			"Acme: 1 Acme /crm/company/details/1/", "Acme: 2 Acme /crm/company/details/2/",
			"Uma User: 7 Uma User /company/personal/user/7/", "Uma User: 8 Uma User /company/personal/user/8/",
		}
		if !slices.Equal(got, want) {
			t.Errorf("candidates\n%s", strings.Join(got, "\n"))
		}
		imp = b.decide(imp.ID, false, choose...)
		imp = b.run(imp.ID)
		if imp.Counts.Created != 2 {
			t.Fatalf("%+v, findings %v", imp.Counts, b.found(imp.ID))
		}
		item := b.portal.Items(spa)[0].Fields
		if got := fmt.Sprint(item["contactIds"], item["companyId"], item["assignedById"]); got != "[2 3] 2 8" {
			t.Errorf("linked to %s", got)
		}
	})
}

// TestAnswersAreRemembered: a decision counts for the next file, is shown,
// can be taken back, and falls out when it fits no longer.
func TestAnswersAreRemembered(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		const file = "Title;Colour;Count\na;Rot;x\nb;Blau|Rot;2\nc;Blue;n\n"
		first := b.checked(file)
		b.decide(first.ID, true,
			importer.Decision{Column: 1, Value: "Rot", Action: importer.UseValue, With: "Red"},
			importer.Decision{Column: 1, Value: "Blau", Action: importer.UseValue, With: "Blue"},
			importer.Decision{Column: 2, Value: "x", Action: importer.LeaveEmpty})
		b.wants(first.ID, "2 number_invalid n [4]")

		next := b.checked("Count;Title;Colour\nx;a;Rot\n2;b;Rot\n3;c;Blue\n")
		b.wants(next.ID)
		result, err := b.svc.CheckResult(b.ctx(), b.actor, next.ID)
		b.must(err)
		if len(result.Answers) != 2 || result.Answers[0].Value != "x" || result.Answers[1].With != "Red" {
			t.Fatalf("applied %+v", result.Answers)
		}
		if len(next.Decisions) != 0 {
			t.Errorf("decisions %+v", next.Decisions)
		}
		next = b.run(next.ID)
		if got := fmt.Sprint(b.portal.Items(spa)[0].Fields["UF_CRM_7_4"], b.portal.Items(spa)[0].Fields["UF_CRM_7_2"]); next.Counts.Created != 3 || got != "[81] <nil>" {
			t.Errorf("%+v, colour and count %s", next.Counts, got)
		}

		third := b.checked("Title;Colour\na;Rot\nb;Red\n")
		result, err = b.svc.CheckResult(b.ctx(), b.actor, third.ID)
		b.must(err)
		_, err = b.svc.ForgetAnswers(b.ctx(), b.actor, third.ID, result.Answers)
		b.must(err)
		b.must(b.pump(b.svc))
		b.wants(third.ID, "1 option_unknown Rot [2]")

		// An answer that means nothing any more.
		b.must(b.store.SaveAnswers(b.ctx(), b.actor.Portal, spa, []importer.Answer{
			{Field: "UF_CRM_7_4", Value: "Rot", Action: importer.UseValue, With: "Crimson"}}))
		fourth := b.checked("Title;Colour\na;Rot\nb;Red\n")
		b.wants(fourth.ID, "1 option_unknown Rot [2]")
		result, err = b.svc.CheckResult(b.ctx(), b.actor, fourth.ID)
		b.must(err)
		left, err := b.store.Answers(b.ctx(), b.actor.Portal, spa)
		b.must(err)
		if result.Forgotten != 1 || len(result.Answers) != 0 || slices.ContainsFunc(left, func(a importer.Answer) bool { return a.Value == "Rot" }) {
			t.Errorf("forgotten %d, applied %+v, left %+v", result.Forgotten, result.Answers, left)
		}
	})
}

// TestCorrectedCells: they lie over the file wherever its rows are read.
func TestCorrectedCells(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked("Title;Count\na;x\nb;2\nc;y\n")
		edit := func(e ...importer.Edit) {
			t.Helper()
			_, err := b.svc.EditCells(b.ctx(), b.actor, imp.ID, e)
			b.must(err)
			b.must(b.pump(b.svc))
			imp = b.reload(imp.ID)
		}
		revision := imp.Revision
		edit(importer.Edit{Index: 0, Column: 1, Text: "10"}, importer.Edit{Index: 1, Column: 0, Text: "bb"}, importer.Edit{Index: 2, Column: 1, Text: "30"})
		if imp.Revision == revision {
			t.Error("the revision is the same")
		}
		b.wants(imp.ID)
		edit(importer.Edit{Index: 2, Column: 1, Text: "y"}) // taken back
		b.wants(imp.ID, "1 number_invalid y [4]")
		if n, err := b.store.CountEdits(b.ctx(), imp.ID); n != 2 || err != nil {
			t.Errorf("%d cells are corrected, %v", n, err)
		}
		for _, e := range []importer.Edit{{Index: 3}, {Index: -1}, {Column: 2}, {Column: -1}} {
			if _, err := b.svc.EditCells(b.ctx(), b.actor, imp.ID, []importer.Edit{e}); code(err) != "edit_unknown" {
				t.Errorf("%+v: %v", e, err)
			}
		}
		imp = b.run(imp.ID)
		if got := b.titles(); !slices.Equal(got, []string{"a", "bb"}) || imp.Counts != (importer.Counts{Created: 2, Failed: 1}) {
			t.Errorf("%v, %+v", got, imp.Counts)
		}
		if got := fmt.Sprint(b.portal.Items(spa)[0].Fields["UF_CRM_7_2"]); got != "10" {
			t.Errorf("count %s", got)
		}
		if _, err := b.svc.EditCells(b.ctx(), b.actor, imp.ID, []importer.Edit{{Text: "z"}}); code(err) != "already_started" {
			t.Errorf("after the start: %v", err)
		}
		rows, err := b.svc.Outcomes(b.ctx(), b.actor, imp.ID, 0, 0, importer.EntryCreated)
		b.must(err)
		if len(rows) != 2 || rows[1].Cells[0] != "bb" {
			t.Errorf("the report has %+v", rows)
		}
	})
}

// code is that of a refusal.
func code(err error) string {
	var r *importer.Refusal
	if errors.As(err, &r) {
		return r.Problem.Code
	}
	return ""
}
