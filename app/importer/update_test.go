package importer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// aimed takes a file through steps 1 to 3 with a target of its own.
func (b *bench) aimed(content string, target importer.Target) importer.Import {
	b.t.Helper()
	imp := b.checking(content, target)
	b.must(b.pump(b.svc))
	imp = b.reload(imp.ID)
	if imp.State != importer.Checked {
		b.t.Fatalf("%s, reason %+v", imp.State, imp.Reason)
	}
	return imp
}

// checking is aimed before the check has begun.
func (b *bench) checking(content string, target importer.Target) importer.Import {
	b.t.Helper()
	imp := b.upload("contracts.csv", content)
	target.EntityTypeID = spa
	imp, err := b.svc.SetTarget(b.ctx(), b.actor, imp.ID, target)
	b.must(err)
	view, err := b.svc.Columns(b.ctx(), b.actor, imp.ID, nil)
	b.must(err)
	var m importer.Mapping
	for _, c := range view.Columns {
		m.Columns = append(m.Columns, c.Mapping)
	}
	_, err = b.svc.SetMapping(b.ctx(), b.actor, imp.ID, m)
	b.must(err)
	imp, err = b.svc.Check(b.ctx(), b.actor, imp.ID)
	b.must(err)
	return imp
}

// byKey aims rows at items by the column "Number".
func byKey(mode importer.Mode) importer.Target {
	return importer.Target{Mode: mode, Key: "UF_CRM_7_1"}
}

// fill puts the rows of table(n) into the portal as items, with the numbers
// of rows from first on.
func (b *bench) fill(first, n int) { b.fillCoded(first, n, func(int) string { return "" }) }

// fillCoded is fill with External codes.
func (b *bench) fillCoded(first, n int, code func(row int) string) {
	for i := first; i < first+n; i++ {
		b.portal.AddItem(spa, map[string]any{
			"xmlId": code(i),
			"title": fmt.Sprintf("Old %d", i), "UF_CRM_7_1": fmt.Sprintf("N-%04d", i), "UF_CRM_7_2": i,
			"UF_CRM_7_3": fmt.Sprintf("2024-03-%02dT02:00:00+02:00", i%28+1), "UF_CRM_7_4": []any{82, 81},
			"assignedById": 1,
		})
	}
}

func TestUpdateExisting(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.fill(0, 100)
		time.Sleep(time.Hour)
		imp := b.aimed(table(120), byKey(importer.UpdateExisting))
		want := importer.Counts{Updated: 100, Skipped: 20}
		if imp.Plan != want || b.portal.Writes() != 0 {
			t.Fatalf("plan %+v, %d writes", imp.Plan, b.portal.Writes())
		}
		imp = b.run(imp.ID)
		if imp.State != importer.Done || imp.Counts != want {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
		b.exactly(100, true)
		entries, err := b.store.Entries(b.ctx(), imp.ID, 0, 0, importer.EntryUpdated)
		b.must(err)
		for _, e := range entries {
			if got := fmt.Sprintf("%s", e.Before); got != fmt.Sprintf(`map[title:"Old %d"]`, e.Index) {
				t.Fatalf("kept of row %d: %s", e.Row, got)
			}
			if item := b.portal.Items(spa)[e.Index]; !e.Written.Equal(item.Updated) || item.ID != e.ItemID {
				t.Fatalf("row %d written %s at item %d, item %d was updated %s", e.Row, e.Written, e.ItemID, item.ID, item.Updated)
			}
		}
		// The same file once more has nothing to do.
		again := b.aimed(table(120), byKey(importer.UpdateExisting))
		if again.Plan != (importer.Counts{Unchanged: 100, Skipped: 20}) {
			t.Fatalf("plan of the same file %+v", again.Plan)
		}
	})
}

func TestUpdateAndAdd(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.fill(30, 40)
		imp := b.aimed(table(120), byKey(importer.UpdateAndAdd))
		want := importer.Counts{Created: 80, Updated: 40}
		if imp.Plan != want {
			t.Fatalf("plan %+v", imp.Plan)
		}
		imp = b.run(imp.ID)
		if imp.State != importer.Done || imp.Counts != want {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
		b.exactly(120, false)
	})
}

// TestMatching shows every way a key can fit, or not.
func TestMatching(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.fill(0, 3)
		b.portal.AddItem(spa, map[string]any{"title": "twin", "UF_CRM_7_1": "N-0002"})
		ids := b.portal.Items(spa)
		file := "Title;Number\nfirst;N-0000\nalone;\ntwins;N-0002\nother case;n-0001\nsecond;N-0001\nsecond again;N-0001\nnew;N-9\nOld 0;N-0000\n"
		imp := b.aimed(file, byKey(importer.UpdateAndAdd))
		if imp.Plan != (importer.Counts{Created: 3, Updated: 2, Failed: 3}) {
			t.Fatalf("plan %+v", imp.Plan)
		}
		result, err := b.svc.CheckResult(b.ctx(), b.actor, imp.ID)
		b.must(err)
		var codes, links []string
		for _, f := range result.Findings {
			codes = append(codes, f.Problem.Code+" "+f.Problem.Args["ids"])
			for _, one := range f.Candidates {
				links = append(links, one.Title+" "+one.Path)
			}
		}
		card := func(i int) string { return fmt.Sprintf("/crm/type/%d/details/%d/", spa, ids[i].ID) }
		if want := []string{"Old 2 " + card(2), "twin " + card(3)}; !slices.Equal(links, want) {
			t.Errorf("the items that share a key are linked as %q, want %q", links, want)
		}
		slices.Sort(codes)
		several := fmt.Sprintf("key_several %d, %d", ids[2].ID, ids[3].ID)
		if want := []string{several, "keys_repeated ", "keys_repeated "}; !slices.Equal(codes, want) {
			t.Fatalf("findings %v", codes)
		}
		imp = b.run(imp.ID)
		if imp.Counts != imp.Plan {
			t.Fatalf("plan %+v, outcome %+v", imp.Plan, imp.Counts)
		}
		got := b.titles()
		if want := []string{"first", "second", "Old 2", "twin", "alone", "other case", "new"}; !slices.Equal(got, want) {
			t.Fatalf("titles %v", got)
		}
	})
}

func TestUpdateByID(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.fill(0, 2)
		items := b.portal.Items(spa)
		file := fmt.Sprintf("ID;Title\n%d;first\n%d;second\n;third\n99999;fourth\n", items[0].ID, items[1].ID)
		imp := b.aimed(file, importer.Target{Mode: importer.UpdateAndAdd, Key: "id"})
		want := importer.Counts{Created: 1, Updated: 2, Failed: 1}
		if imp.Plan != want {
			t.Fatalf("plan %+v", imp.Plan)
		}
		if imp = b.run(imp.ID); imp.Counts != want {
			t.Fatalf("%+v, reason %+v", imp.Counts, imp.Reason)
		}
		if got := b.titles(); !slices.Equal(got, []string{"first", "second", "third"}) {
			t.Fatalf("titles %v", got)
		}
	})
}

// TestItemsChangeMeanwhile: the run goes by what the portal has then, not by
// what the check saw.
func TestItemsChangeMeanwhile(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.fill(0, 3)
		items := b.portal.Items(spa)
		imp := b.aimed("Title;Number;Count\na;N-0000;7\nb;N-0001;8\nc;N-0002;9\n", byKey(importer.UpdateExisting))
		caller, err := b.Connect(b.ctx(), b.actor.Portal, b.actor.Connection)
		b.must(err)
		call := func(method string, params map[string]any) {
			params["entityTypeId"] = spa
			params["useOriginalUfNames"] = "Y"
			_, err := caller.Call(b.ctx(), method, params)
			b.must(err)
		}
		call("crm.item.update", map[string]any{"id": items[0].ID, "fields": map[string]any{"title": "a", "UF_CRM_7_2": 7}})
		call("crm.item.update", map[string]any{"id": items[1].ID, "fields": map[string]any{"title": "between"}})
		call("crm.item.delete", map[string]any{"id": items[2].ID})
		imp = b.run(imp.ID)
		if imp.State != importer.Done || imp.Counts != (importer.Counts{Updated: 1, Unchanged: 1, Skipped: 1}) {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
		entries, err := b.store.Entries(b.ctx(), imp.ID, 0, 0, importer.EntryUpdated)
		b.must(err)
		if got := fmt.Sprintf("%s", entries[0].Before); got != `map[UF_CRM_7_2:1 title:"between"]` {
			t.Fatalf("kept %s", got)
		}
	})
}

// TestUpdateFaults: whatever happens to a request, updates end as updated,
// and what was there before is kept.
func TestUpdateFaults(t *testing.T) {
	for name, kind := range map[string]emulator.Kind{
		"cut before": emulator.DropBefore, "cut after": emulator.DropAfter, "half-way": emulator.HalfThenDrop,
		"a page": emulator.HTML200, "by time": emulator.Refuse429, "by rate": emulator.Refuse503, "hangs": emulator.Hang,
	} {
		for _, method := range []string{"batch", "crm.item.update"} {
			t.Run(name+" "+method, func(t *testing.T) {
				bubble(t, profile(), func(t *testing.T, b *bench) {
					b.fill(0, 60)
					imp := b.aimed(table(80), byKey(importer.UpdateAndAdd))
					b.portal.SetCost("", 30*time.Millisecond)
					b.portal.Fault(emulator.Fault{Method: method, Skip: 1, Kind: kind})
					b.portal.Fault(emulator.Fault{Method: method, Skip: 4, Kind: kind})
					_, err := b.svc.Start(b.ctx(), b.actor, imp.ID)
					b.must(err)
					b.rest() // reads are hit, too: the queue comes again
					imp = b.reload(imp.ID)
					if imp.State != importer.Done || imp.Counts != (importer.Counts{Created: 20, Updated: 60}) {
						t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
					}
					b.exactly(80, false)
					entries, err := b.store.Entries(b.ctx(), imp.ID, 0, 0, importer.EntryUpdated)
					b.must(err)
					for _, e := range entries {
						if got := fmt.Sprintf("%s", e.Before); got != fmt.Sprintf(`map[title:"Old %d"]`, e.Index) {
							t.Fatalf("kept of row %d: %s", e.Row, got)
						}
					}
				})
			})
		}
	}
}

// TestPipelineOfTheItem: stages of an update are those of the item's own
// pipeline, and an update does not move an item to another one.
func TestPipelineOfTheItem(t *testing.T) {
	p := profile()
	main := &p.Types[0].Pipelines[0]
	main.Stages = append(main.Stages, emulator.Stage{Code: "LOSE", Name: "Lost", Semantics: "F"})
	p.Types[0].Pipelines = append(p.Types[0].Pipelines, emulator.Pipeline{ID: 10, Name: "Second", Stages: []emulator.Stage{
		{Code: "FRESH", Name: "New"}, {Code: "GONE", Name: "Lost", Semantics: "F"},
	}})
	bubble(t, p, func(t *testing.T, b *bench) {
		b.portal.AddItem(spa, map[string]any{"title": "x", "UF_CRM_7_1": "A", "categoryId": 10, "stageId": "DT1032_10:FRESH"})
		imp := b.aimed("Number;Stage\nA;Lost\n", byKey(importer.UpdateExisting))
		if imp.Plan.Updated != 1 {
			t.Fatalf("plan %+v", imp.Plan)
		}
		b.run(imp.ID)
		item := b.portal.Items(spa)[0].Fields
		if item["stageId"] != "DT1032_10:GONE" || fmt.Sprint(item["categoryId"]) != "10" {
			t.Fatalf("stage %v of pipeline %v", item["stageId"], item["categoryId"])
		}
	})
}

// hook is an inbound webhook of a user.
func (b *bench) hook(user int64) bitrix.WebhookURL {
	w, err := bitrix.ParseWebhook(b.portal.Webhook(user), true)
	b.must(err)
	return w
}

// TestOneRowRefused: a row that is refused for a right of its own does not
// hold the others.
func TestOneRowRefused(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.fill(0, 40)
		first := b.portal.Items(spa)[0].ID
		b.clerk(emulator.Rights{Read: emulator.All, Update: emulator.Own, Import: emulator.All, Add: emulator.All})
		imp := b.aimed(table(40), byKey(importer.UpdateExisting))
		// All but the first are his own.
		admin := b.client.Webhook(b.hook(1))
		for _, item := range b.portal.Items(spa) {
			if item.ID != first {
				_, err := admin.Call(b.ctx(), "crm.item.update", map[string]any{
					"entityTypeId": spa, "id": item.ID, "fields": map[string]any{"assignedById": 7},
				})
				b.must(err)
			}
		}
		imp = b.run(imp.ID)
		if imp.State != importer.Done || imp.Counts != (importer.Counts{Updated: 39, Failed: 1}) {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
		rows, err := b.svc.Outcomes(b.ctx(), b.actor, imp.ID, 0, 0)
		b.must(err)
		if rows[0].Problem.Code != "row_no_right" {
			t.Fatalf("%+v", rows[0].Problem)
		}
	})
}

// TestDangerousText travels as JSON, whatever the portal would make of it in
// a batch.
func TestDangerousText(t *testing.T) {
	texts := []string{"$result[c0][item][id]", "<script>x</script>", "100% & more + #1", "a=b&c=d", "plain", "../etc", "union select"}
	bubble(t, profile(), func(t *testing.T, b *bench) {
		file := "Title;Number\n"
		for i := range 60 {
			file += fmt.Sprintf("%s;K-%d\n", texts[i%len(texts)], i)
		}
		check := func() {
			t.Helper()
			for i, item := range b.portal.Items(spa) {
				number, _ := strings.CutPrefix(fmt.Sprint(item.Fields["UF_CRM_7_1"]), "K-")
				if number != fmt.Sprint(i) || item.Fields["title"] != texts[i%len(texts)] {
					t.Fatalf("item %d: %v %v", i, number, item.Fields["title"])
				}
			}
		}
		imp := b.run(b.checked(file).ID)
		if imp.Counts.Created != 60 {
			t.Fatalf("%+v %+v", imp.Counts, imp.Reason)
		}
		check()
		texts = append(texts[1:], texts[0])
		file = "Title;Number\n"
		for i := range 60 {
			file += fmt.Sprintf("%s;K-%d\n", texts[i%len(texts)], i)
		}
		imp = b.run(b.aimed(file, byKey(importer.UpdateExisting)).ID)
		if imp.Counts.Updated != 60 {
			t.Fatalf("%+v %+v", imp.Counts, imp.Reason)
		}
		check()
	})
}

// TestAutomation: the rules start where the person wants them to.
func TestAutomation(t *testing.T) {
	p := profile()
	p.Types[0].Automation = true
	for _, on := range []bool{false, true} {
		bubble(t, p, func(t *testing.T, b *bench) {
			imp := b.run(b.aimed(table(60), importer.Target{Automation: on}).ID)
			if imp.Counts.Created != 60 {
				t.Fatalf("%+v", imp.Counts)
			}
			b.exactly(60, true)
			for _, item := range b.portal.Items(spa) {
				if item.Automation != on {
					t.Fatalf("automation is %v, wanted %v", item.Automation, on)
				}
			}
		})
	}
}

// TestTooLargeRequests: a server in front of the portal lets only small
// requests in; the import learns it once.
func TestTooLargeRequests(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		long := strings.Repeat("long ", 100)
		file := "Title;Number\n"
		for i := range 400 {
			file += fmt.Sprintf("Contract %d;%s\n", i, long)
		}
		file += "Contract 400;" + strings.Repeat(long, 60) + "\n"
		imp := b.checked(file)
		b.wire.largest = 20_000
		imp = b.run(imp.ID)
		if imp.State != importer.Done || imp.Counts != (importer.Counts{Created: 400, Failed: 1}) {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
		b.exactly(400, true)
		if b.wire.refused == 0 || b.wire.refused > 12 {
			t.Errorf("%d requests were too large", b.wire.refused)
		}
	})
}

// TestKeyThatCannotBeRead: a key of letters where the field holds numbers is
// told once and as what it is, not as an empty cell, and writes nothing.
func TestKeyThatCannotBeRead(t *testing.T) {
	bubble(t, profile(), func(_ *testing.T, b *bench) {
		for _, mode := range []importer.Mode{importer.UpdateExisting, importer.UpdateAndAdd} {
			b.fill(0, 3)
			imp := b.aimed("ID;Title\n1;Old 0\n2;Old 1\n3;Old 2\nabc;New\n", importer.Target{Mode: mode, Key: "id"})
			b.wants(imp.ID, "0 number_invalid abc [5]")
			if imp.Plan != (importer.Counts{Unchanged: 3, Failed: 1}) {
				b.t.Errorf("%s: plan %+v", mode, imp.Plan)
			}
		}
	})
}
