package importer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
)

var pastFields = []string{"title", "createdTime", "movedTime", "updatedTime", "createdBy", "updatedBy", "movedBy"}

// TestHistoryReadsBack: an administrator's rows keep their times and people.
func TestHistoryReadsBack(t *testing.T) {
	bubble(t, rich(), func(t *testing.T, b *bench) {
		// The bubble's clock stands at the beginning of the year 2000.
		imp := b.mapped("Title;Created;Moved;Updated;By;Upd;Mov\n"+
			"one;13.01.1999 10:00;14.01.1999 10:00;15.01.1999 10:00;Uma User;8;7\n"+
			"two;13.01.1999 10:00;;;7;;\n"+
			"three;14.06.1999 10:00:30;;20.06.1999 10:00;;Uma User;\n", pastFields)
		if imp.Plan.Created != 3 {
			t.Fatalf("%s %+v %+v", imp.State, imp.Plan, imp.Reason)
		}
		if imp = b.run(imp.ID); imp.Counts.Created != 3 {
			t.Fatalf("%s %+v %+v", imp.State, imp.Counts, imp.Reason)
		}
		items := b.portal.Items(spa)
		for i, want := range []map[string]string{
			{"createdTime": "time:1999-01-13T10:00:00+01:00", "movedTime": "time:1999-01-14T10:00:00+01:00", "updatedTime": "time:1999-01-15T10:00:00+01:00", "createdBy": "7", "updatedBy": "8", "movedBy": "7"},
			{"createdTime": "time:1999-01-13T10:00:00+01:00", "createdBy": "7"},
			{"createdTime": "time:1999-06-14T10:00:30+02:00", "updatedTime": "time:1999-06-20T10:00:00+02:00", "updatedBy": "7"},
		} {
			item := b.get(items[i].ID)
			for name, value := range want {
				if !reads(item[name], value) {
					t.Errorf("item %d: %s is %s, want %s", i, name, item[name], value)
				}
			}
		}
	})
}

// TestHistoryOutOfOrder: what the portal would refuse is said before, once,
// and nothing but the rows concerned is left out.
func TestHistoryOutOfOrder(t *testing.T) {
	bubble(t, rich(), func(t *testing.T, b *bench) {
		imp := b.mapped("Title;Created;Updated\n"+
			"first;13.05.1999;\nolder;13.04.1999;\nolder still;13.01.1999;\nsame;13.05.1999;\n"+
			"future;13.05.2003;\nturned;14.05.1999;13.05.1999\nlast;15.05.1999;\nnone;;\nafter none;16.05.1999;\n",
			[]string{"title", "createdTime", "updatedTime"})
		result, err := b.svc.CheckResult(b.ctx(), b.actor, imp.ID)
		b.must(err)
		var said []string
		for _, f := range result.Findings {
			said = append(said, f.Problem.Code+" "+strings.Repeat("x", f.Rows)+" "+f.Value)
		}
		got := strings.Join(said, ", ")
		for _, want := range []string{"history_unsorted xxx ", "history_future x 13.05.2003", "history_order x 13.05.1999"} {
			if !strings.Contains(got, want) {
				t.Errorf("findings are %s, want %s among them", got, want)
			}
		}
		if imp.Plan != (importer.Counts{Created: 4, Failed: 5}) || b.portal.Writes() != 0 {
			t.Fatalf("%s %+v %+v", imp.State, imp.Plan, imp.Reason)
		}
		imp = b.run(imp.ID)
		if imp.Counts != imp.Plan {
			t.Fatalf("the run did other than the plan: %+v, plan %+v", imp.Counts, imp.Plan)
		}
		if got := strings.Join(b.titles(), " "); got != "first same last none" {
			t.Errorf("written were %s", got)
		}
	})
}

// TestHistoryBesideNewerItems: existing items that are newer are named, and
// the portal was asked once for the newest.
func TestHistoryBesideNewerItems(t *testing.T) {
	bubble(t, rich(), func(t *testing.T, b *bench) {
		b.portal.AddItem(spa, map[string]any{"title": "there already"})
		time.Sleep(time.Hour)
		imp := b.mapped("Title;Created\na;13.05.1999\nb;14.05.1999\n", []string{"title", "createdTime"})
		result, err := b.svc.CheckResult(b.ctx(), b.actor, imp.ID)
		b.must(err)
		if len(result.Findings) != 1 || result.Findings[0].Problem.Code != "history_newer_exists" || result.Findings[0].Rows != 2 ||
			result.Findings[0].Problem.Args["time"] != "2000-01-01 01:00:00" || result.Findings[0].Problem.Args["column"] != "Created" {
			t.Errorf("findings are %+v", result.Findings)
		}
	})
}

// TestHistoryIsForNewItems: with automation rules the portal would take the
// rows and drop their history without a word.
func TestHistoryIsForNewItems(t *testing.T) {
	bubble(t, rich(), func(t *testing.T, b *bench) {
		imp := b.mapped("Title;Created\na;13.05.1999\n", []string{"title", "createdTime"})
		_, err := b.store.UpdateImport(b.ctx(), b.actor.Portal, imp.ID, func(i *importer.Import) error {
			i.Target.Automation, i.State = true, importer.Draft
			return nil
		})
		b.must(err)
		_, err = b.svc.Check(b.ctx(), b.actor, imp.ID)
		b.must(err)
		b.must(b.pump(b.svc))
		if imp = b.reload(imp.ID); imp.State != importer.Draft || imp.Reason == nil || imp.Reason.Code != "history_only_new" {
			t.Errorf("%s %+v", imp.State, imp.Reason)
		}
	})
}
