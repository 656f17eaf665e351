package importer_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// TestCheckOfManyItems: a check that needs more of the portal's time than it
// gives in ten minutes goes on after the wait where it was.
func TestCheckOfManyItems(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.fill(0, 30)
		b.portal.SetCost("crm.item.list", 9*time.Second)
		imp := b.checking(table(3500), byKey(importer.UpdateExisting))
		b.portal.ResetCounts()
		for range 40 {
			next, err := b.svc.Slice(b.ctx(), importer.Lane("check:"+imp.ID))
			b.must(err)
			if !next.Again {
				break
			}
			time.Sleep(time.Until(next.At))
		}
		imp = b.reload(imp.ID)
		if imp.State != importer.Checked || imp.Plan != (importer.Counts{Updated: 30, Skipped: 3470}) {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Plan, imp.Reason)
		}
		if n := b.methods()["crm.item.list"]; n > 100 {
			t.Errorf("%d questions for 70 pages", n)
		}
	})
}

// TestSlowFiles: a row whose files come too slowly ends, though its slice is
// given no more time than the queue gives it.
func TestSlowFiles(t *testing.T) {
	bubble(t, filed(), func(t *testing.T, b *bench) {
		cells := make([]string, 6)
		for i := range cells {
			cells[i] = fmt.Sprintf("https://files.example/%d.txt", i)
			b.web.answers[cells[i]] = func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-time.After(50 * time.Second):
					fmt.Fprint(w, "text")
				case <-r.Context().Done():
				}
			}
		}
		imp := b.mapped("Title;Files\none;"+strings.Join(cells, "|")+"\ntwo;\n", []string{"title", "UF_CRM_7_FILES"})
		_, err := b.svc.Start(b.ctx(), b.actor, imp.ID)
		b.must(err)
		for range 5 {
			ctx, cancel := context.WithTimeout(b.ctx(), 179*time.Second) // a little of queue.runSlice is gone
			_, err := b.svc.Slice(ctx, importer.Lane("run:"+b.actor.Portal))
			cancel()
			if err != nil && ctx.Err() == nil {
				t.Fatal(err)
			}
		}
		imp = b.reload(imp.ID)
		if imp.State != importer.Done || imp.Counts != (importer.Counts{Created: 1, Failed: 1}) {
			t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
		}
	})
}

// TestQuestionsWithoutAnswers: where the portal does not answer a question, or
// refuses it, the person is told, and the portal is not asked every second.
func TestQuestionsWithoutAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		fault  emulator.Fault
		reason string
		asked  int // at most, in the first five minutes
	}{
		"a gateway's page": {emulator.Fault{Kind: emulator.BadGateway}, "portal_unreachable", 12},
		"a lost answer":    {emulator.Fault{Kind: emulator.DropAfter}, "portal_unreachable", 12},
		"a refusal":        {emulator.Fault{Kind: emulator.Deny, Status: http.StatusBadRequest, Code: "ERROR_CORE"}, "portal_refused", 1},
	} {
		c.fault.Method, c.fault.Times = "crm.item.list", -1
		t.Run(name, func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				b.fill(0, 10)
				imp := b.aimed(table(10), byKey(importer.UpdateExisting))
				_, err := b.svc.Start(b.ctx(), b.actor, imp.ID)
				b.must(err)
				b.portal.Fault(c.fault)
				b.portal.ResetCounts()
				for until := time.Now().Add(5 * time.Minute); time.Now().Before(until); {
					next, err := b.svc.Slice(b.ctx(), importer.Lane("run:"+b.actor.Portal))
					if err != nil {
						t.Errorf("the slice failed: %v", err)
					}
					if !next.Again {
						break
					}
					time.Sleep(max(time.Second, time.Until(next.At)))
				}
				imp = b.reload(imp.ID)
				if imp.State != importer.Waiting || imp.Reason == nil || imp.Reason.Code != c.reason {
					t.Errorf("%s, reason %+v", imp.State, imp.Reason)
				}
				asked := 0
				for _, call := range b.portal.Calls() {
					if call.Method == "crm.item.list" {
						asked++
					}
				}
				if asked > c.asked {
					t.Errorf("asked %d times", asked)
				}
				b.portal.ClearFaults()
				_, err = b.svc.Resume(b.ctx(), b.actor, imp.ID)
				b.must(err)
				b.must(b.pump(b.svc))
				if imp = b.reload(imp.ID); imp.Counts != (importer.Counts{Updated: 10}) {
					t.Fatalf("%s, %+v, reason %+v", imp.State, imp.Counts, imp.Reason)
				}
			})
		})
	}
}
