//go:build browser

package main

import (
	"fmt"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// TestBrowsersBack: the browser's own Back leads from step to step and not to
// its question about sending a form again; what was chosen is still there.
func TestBrowsersBack(t *testing.T) {
	d := unlimited(t)
	p := newPerson(t, d, "en")
	p.choose(contractsFile(t, 3))
	p.click(".bar .btn.primary")
	p.click(fmt.Sprintf("#type-%d", emulator.DemoContracts))
	p.wait("#responsible")
	p.click("input[name=mode][value=upsert]")
	p.click("[form=target].primary")
	p.wait("#mapping")
	p.must(p.page.NavigateBack())
	p.wait(fmt.Sprintf("#type-%d:checked", emulator.DemoContracts))
	p.wait("input[name=mode][value=upsert]:checked")
	p.must(p.page.NavigateBack())
	p.wait("#correct")
	p.shows("contracts.csv", "3 rows")
	p.must(p.page.NavigateBack())
	p.wait("label.primary[for=file]")
	p.shows("You were importing contracts.csv")
	p.click("[formaction^='/imports/']")
	p.wait("#mapping")
}
