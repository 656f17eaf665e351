//go:build browser

package main

import (
	"testing"
	"time"

	"github.com/go-rod/rod/lib/input"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// TestPlanFollowsCorrections: the counts, the tabs and the button around the
// table of rows are those of the corrected rows, without opening it again; and
// who presses the button while a cell is still open loses nothing of it.
func TestPlanFollowsCorrections(t *testing.T) {
	d := unlimited(t)
	d.portal.SetCost("crm.item.batchImport", time.Millisecond)
	p := &person{t: t, began: time.Now(), page: startBrowser(t).MustPage(d.portal.URL() + "/")}
	before := len(d.portal.Items(emulator.DemoContracts))
	p.toCheck(contractsFile(t, 3, 0))
	p.shows("3 rows were checked: create 2 · leave out 1 with errors", "Problems 1")
	p.click(".tabs [value=rows]")
	p.shows("Has an error")

	cell := ".sheet .spacer [role=gridcell]:nth-child(5)" // the amount
	p.must(p.wait(cell).Focus())
	p.keys(input.Enter)
	p.wait(".sheet input")
	p.must(p.page.InsertText("77.50"))
	p.keys(input.Enter)
	p.shows("3 rows were checked: create 3", "Problems 0")
	p.picture("corrected")

	p.must(p.wait(cell).Focus())
	p.keys(input.Enter)
	p.wait(".sheet input")
	p.must(p.page.InsertText("88.50"))
	p.click("#next [formaction$='/receipt'].primary")
	p.shows("Import 3 items")
	p.click("[formaction$='/start'].primary")
	p.wait("#progress[data-ended]")
	items := d.portal.Items(emulator.DemoContracts)[before:]
	if len(items) != 3 || readBack(items[0].Fields["opportunity"]) != "88.5" && readBack(items[0].Fields["UF_CRM_7_1747309705"]) != "88.5|EUR" {
		t.Errorf("the portal has %+v", items)
	}
}
