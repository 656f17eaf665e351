package importer_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// checkReads are all methods a check may call; each only reads.
var checkReads = []string{
	"batch", "scope", "crm.type.list", "crm.type.getByEntityTypeId", "crm.item.fields", "crm.category.list",
	"crm.status.list", "crm.currency.list", "crm.currency.base.get", "crm.item.list", "crm.duplicate.findbycomm", "user.get",
	"server.time", "crm.stagehistory.list", "user.current", "userfieldconfig.list", "userfieldconfig.get",
}

// story is a file, where its columns go, and what a person does about it.
type story struct {
	file     string
	mapping  importer.Mapping
	actions  []importer.Action
	with     []string
	remember bool
	edit     importer.Edit
}

var stories = rapid.Custom(func(t *rapid.T) story {
	cell := rapid.SampledFrom([]string{
		"", "a", "1", "x", "Red", "Rad|Pink", "01.02.2024", "31.02.2024", "Carla Contact", "+1 555 0100", "nobody@example.com",
		"C_1", "1032_1", "Acme", "Uma User", "7", "New", "Nowhere", "Main", "9", "k", "=1+1", "$result[x]", "'q'", "#N/A", "-",
		strings.Repeat("long ", 300), "٣", "\u202eabc", "1e9", "DT1032_9:NEW",
	})
	fields := []string{"", "title", "xmlId", "categoryId", "stageId", "sourceId", "assignedById", "contactIds", "companyId",
		"UF_CRM_7_1", "UF_CRM_7_2", "UF_CRM_7_3", "UF_CRM_7_4"}
	columns := rapid.IntRange(2, 6).Draw(t, "columns")
	var s story
	var file strings.Builder
	for c := range columns {
		fmt.Fprintf(&file, "H%d\t", c)
		name := rapid.SampledFrom(fields).Draw(t, "field")
		if name != "" {
			fields = slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return f == name })
		}
		m := importer.ColumnMapping{Column: c, Field: name}
		m.Style.DateOrder, m.Style.Decimal, m.Style.List = "dmy", ".", "|"
		s.mapping.Columns = append(s.mapping.Columns, m)
	}
	file.WriteString("last\n")
	for range rapid.IntRange(1, 12).Draw(t, "rows") {
		for range columns {
			file.WriteString(cell.Draw(t, "cell") + "\t")
		}
		file.WriteString(rapid.SampledFrom([]string{"end\n", "end\tand more\n"}).Draw(t, "end"))
	}
	s.file = file.String()
	actions := rapid.SampledFrom([]importer.Action{importer.UseValue, importer.LeaveEmpty, importer.SkipRows, importer.KeepLast})
	s.actions = rapid.SliceOfN(actions, 7, 7).Draw(t, "actions")
	s.with = rapid.SliceOfN(cell, 5, 5).Draw(t, "with")
	s.remember = rapid.Bool().Draw(t, "remember")
	s.edit.Text = cell.Draw(t, "edit")
	return s
})

// TestACheckWritesNothing: whatever is in the file, wherever its columns go,
// whatever is decided, remembered and corrected, a check calls nothing but
// methods that read, and every row has one outcome.
func TestACheckWritesNothing(t *testing.T) {
	p := profile()
	p.Users = append(p.Users, emulator.User{ID: 8, Name: "Uma", LastName: "User"})
	bubble(t, p, func(t *testing.T, b *bench) {
		for seed := range 15 {
			b.login(1)
			b.live(seed, stories.Example(seed))
		}
		if n := b.portal.Writes(); n != 0 {
			t.Errorf("%d writes", n)
		}
		for _, c := range b.portal.Calls() {
			if !slices.Contains(checkReads, c.Method) {
				t.Errorf("a check calls %s", c.Method)
			}
		}
	})
}

// live takes a story through checks, decisions, answers and corrections.
func (b *bench) live(seed int, s story) {
	b.t.Helper()
	imp := b.upload("f.tsv", s.file)
	ctx, a := b.ctx(), b.actor
	_, err := b.svc.SetTarget(ctx, a, imp.ID, importer.Target{EntityTypeID: spa})
	b.must(err)
	if _, err = b.svc.SetMapping(ctx, a, imp.ID, s.mapping); code(err) != "" {
		return // nothing is mapped
	}
	b.must(err)
	_, err = b.svc.Check(ctx, a, imp.ID)
	b.must(err)
	b.must(b.pump(b.svc))
	for range 2 {
		result, err := b.svc.CheckResult(ctx, a, imp.ID)
		b.must(err)
		now := b.reload(imp.ID)
		if now.State != importer.Checked || result.Plan.Sum() != now.Rows || result.Plan != now.Plan {
			b.t.Fatalf("seed %d: %s %+v, plan %+v of %d rows", seed, now.State, now.Reason, result.Plan, now.Rows)
		}
		b.marksAgree(seed, imp.ID, result)
		var decisions []importer.Decision
		for i, f := range result.Findings {
			decisions = append(decisions, importer.Decision{Column: f.Column, Value: f.Value, Action: s.actions[i%7], With: s.with[i%5]})
		}
		_, err = b.svc.Decide(ctx, a, imp.ID, decisions, s.remember)
		b.must(err)
		b.must(b.pump(b.svc))
		_, err = b.svc.EditCells(ctx, a, imp.ID, []importer.Edit{s.edit})
		b.must(err)
		b.must(b.pump(b.svc))
	}
}

// marksAgree: the rows a filter finds are those that were counted.
func (b *bench) marksAgree(seed int, id string, result importer.CheckResult) {
	count := func(f importer.RowFilter) int {
		view, err := b.svc.Rows(b.ctx(), b.actor, id, f, 0, 100)
		b.must(err)
		if len(view.Rows) != view.All {
			b.t.Fatalf("seed %d: %+v: %d rows of %d", seed, f, len(view.Rows), view.All)
		}
		for _, row := range view.Rows {
			if len(f.States) > 0 && !slices.Contains(f.States, row.State) {
				b.t.Fatalf("seed %d: row %d is %s, wanted %v", seed, row.Number, row.State, f.States)
			}
		}
		return view.All
	}
	for state, want := range map[importer.EntryState]int{
		importer.EntryCreated: result.Plan.Created, importer.EntrySkipped: result.Plan.Skipped, importer.EntryFailed: result.Plan.Failed,
	} {
		if got := count(importer.RowFilter{States: []importer.EntryState{state}}); got != want {
			b.t.Fatalf("seed %d: %d rows %s, counted %d", seed, got, state, want)
		}
	}
	if got := count(importer.RowFilter{Problems: true}); got != result.Problems {
		b.t.Fatalf("seed %d: %d rows with findings, counted %d", seed, got, result.Problems)
	}
	if got := count(importer.RowFilter{}); got != result.Rows {
		b.t.Fatalf("seed %d: %d rows of %d", seed, got, result.Rows)
	}
	for _, f := range result.Findings {
		if got := count(importer.RowFilter{Finding: f.ID}); got != f.Rows {
			b.t.Fatalf("seed %d: %d rows of finding %+v", seed, got, f)
		}
	}
}

// TestAKilledCheckStartsAgain: at whatever step of the store it dies, the
// next process ends with the same result.
func TestAKilledCheckStartsAgain(t *testing.T) {
	var file strings.Builder
	file.WriteString("Title;Count;Colour;Contacts\n")
	for i := range 3500 {
		fmt.Fprintf(&file, "T%d;%s;%s;%s\n", i, []string{"1", "x", "2"}[i%3], []string{"Red", "Rad"}[i%2], []string{"Carla Contact", fmt.Sprint("Nemo ", i/1000)}[i%2])
	}
	bubble(t, profile(), func(t *testing.T, b *bench) {
		whole := b.checked(file.String())
		want := b.found(whole.ID)
		for step := 1; ; step++ {
			_, err := b.svc.Decide(b.ctx(), b.actor, whole.ID, []importer.Decision{{Column: 1, Value: "none"}}, false)
			b.must(err)
			j := &dyingJournal{Journal: b.store, left: step}
			crashed := b.pump(b.service(j)) != nil
			if crashed {
				if now := b.reload(whole.ID); now.State != importer.Checking {
					t.Fatalf("step %d: %s", step, now.State)
				}
			}
			b.must(b.pump(b.svc))
			now := b.reload(whole.ID)
			if now.State != importer.Checked || now.Plan != whole.Plan || now.CheckedRows != 3500 {
				t.Fatalf("step %d: %s %+v, want %+v", step, now.State, now.Plan, whole.Plan)
			}
			if got := b.found(whole.ID); !slices.Equal(got, want) {
				t.Fatalf("step %d: other findings", step)
			}
			if !crashed {
				if step < 4 {
					t.Errorf("the check died at %d steps only", step-1)
				}
				return
			}
		}
	})
}

// dyingJournal lets the process die at its nth word with the journal.
type dyingJournal struct {
	importer.Journal
	left int
}

func (j *dyingJournal) die() error {
	j.left--
	if j.left < 0 {
		return errCrash
	}
	return nil
}

func (j *dyingJournal) Lookups(ctx context.Context, imp, kind string, keys []string) (map[string][]string, error) {
	if err := j.die(); err != nil {
		return nil, err
	}
	return j.Journal.Lookups(ctx, imp, kind, keys)
}

func (j *dyingJournal) SaveLookups(ctx context.Context, imp string, found []importer.Lookup) error {
	if err := j.die(); err != nil {
		return err
	}
	return j.Journal.SaveLookups(ctx, imp, found)
}

func (j *dyingJournal) Release(ctx context.Context, f importer.Fence) error {
	if j.left < 0 {
		return errCrash // a dead process gives nothing back
	}
	return j.Journal.Release(ctx, f)
}

// TestACheckIsLeftAtOnce: who goes back to the columns does not wait for the
// end of a check, and what it finds afterwards is nobody's.
func TestACheckIsLeftAtOnce(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		imp := b.checked(table(10))
		_, err := b.svc.Decide(b.ctx(), b.actor, imp.ID, nil, false)
		b.must(err)
		left, err := b.svc.LeaveCheck(b.ctx(), b.actor, imp.ID)
		b.must(err)
		b.must(b.pump(b.svc))
		if now := b.reload(imp.ID); left.State != importer.Draft || now.State != importer.Draft || now.CheckedRows != 0 {
			t.Errorf("%s, then %s", left.State, now.State)
		}
	})
}

// TestTheSmartProcessChanges: case 59. Before the first write the import goes
// back to the column concerned; afterwards it waits with the reason, and goes
// on with the fields as they are now if the mapping still fits.
func TestTheSmartProcessChanges(t *testing.T) {
	change := func(b *bench) {
		b.portal.RemoveField(spa, "UF_CRM_7_4")
		b.portal.AddField(spa, emulator.Field{Name: "UF_CRM_7_4", Type: "enumeration", Title: "Colour", Multiple: true,
			Options: []emulator.Option{{ID: 82, Value: "Blue"}, {ID: 81, Value: "Red"}, {ID: 83, Value: "Green"}}})
	}
	t.Run("before the first write", func(t *testing.T) {
		bubble(t, profile(), func(t *testing.T, b *bench) {
			imp := b.checked(table(30))
			change(b)
			imp = b.run(imp.ID)
			if imp.State != importer.Draft || imp.Reason == nil || imp.Reason.Code != "schema_column" ||
				imp.Reason.Args["column"] != "Colour" || b.portal.Writes() != 0 || !imp.Started.IsZero() {
				t.Fatalf("%s %+v, %d writes", imp.State, imp.Reason, b.portal.Writes())
			}
			_, err := b.svc.Check(b.ctx(), b.actor, imp.ID)
			b.must(err)
			b.must(b.pump(b.svc))
			if imp = b.run(imp.ID); imp.State != importer.Done || imp.Counts.Created != 30 {
				t.Errorf("%s %+v %+v", imp.State, imp.Counts, imp.Reason)
			}
		})
	})
	for name, gone := range map[string]bool{"after it": false, "after it, and the field is gone": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				imp := b.checked(table(30))
				b.portal.SetCost("crm.item.batchImport", 3*time.Second)
				_, err := b.svc.Start(b.ctx(), b.actor, imp.ID)
				b.must(err)
				_, err = b.svc.Slice(b.ctx(), importer.Lane("run:"+b.actor.Portal))
				b.must(err)
				_, err = b.svc.Pause(b.ctx(), b.actor, imp.ID)
				b.must(err)
				if n := b.reload(imp.ID).Counts.Created; n == 0 || n == 30 {
					t.Fatalf("%d rows are written before the pause", n)
				}
				change(b)
				if gone {
					b.portal.RemoveField(spa, "UF_CRM_7_4")
				}
				resume := func() {
					_, err := b.svc.Resume(b.ctx(), b.actor, imp.ID)
					b.must(err)
					b.must(b.pump(b.svc))
					imp = b.reload(imp.ID)
				}
				resume()
				if imp.State != importer.Waiting || imp.Reason.Code != "schema_moved" {
					t.Fatalf("%s %+v", imp.State, imp.Reason)
				}
				resume()
				if !gone && (imp.State != importer.Done || imp.Counts.Created != 30) {
					t.Errorf("%s %+v %+v", imp.State, imp.Counts, imp.Reason)
				}
				if gone && (imp.State != importer.Waiting || imp.Reason.Code != "column_field_gone" || imp.Reason.Args["column"] != "Colour") {
					t.Errorf("%s %+v", imp.State, imp.Reason)
				}
			})
		})
	}
}
