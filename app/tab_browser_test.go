//go:build browser

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/proto"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// fits waits until the portal has made the frame as high as its page, which
// a tab and the app's own page need; a slider keeps its height.
func (p *person) fits() {
	p.t.Helper()
	var inner, outer int
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); pause(p.t, 50*time.Millisecond) {
		frame, err := p.frame()
		p.must(err)
		element, err := p.page.Timeout(5 * time.Second).Element(p.where)
		p.must(err)
		inner = frame.MustEval(`() => Math.ceil(document.querySelector('.page').getBoundingClientRect().height)`).Int()
		if outer = element.MustEval(`() => this.clientHeight`).Int(); inner > 0 && inner <= outer {
			return
		}
	}
	p.t.Errorf("the frame is %d high, its page %d", outer, inner)
}

// goTo opens a page of the portal.
func (p *person) goTo(path string) {
	p.t.Helper()
	p.must(p.page.Navigate(path))
	p.must(p.page.WaitLoad())
}

// press clicks something of the portal's own page.
func (p *person) press(selector string) {
	p.t.Helper()
	element, err := p.page.Timeout(10 * time.Second).Element(selector)
	p.must(err)
	p.must(element.Click(proto.InputMouseButtonLeft, 1))
}

// toEnd presses on from a file that was read until all is imported into what
// is chosen already.
func (p *person) toEnd(chosen int64) {
	p.t.Helper()
	p.click(".bar .btn.primary")
	p.wait(fmt.Sprintf("#type-%d:checked", chosen))
	p.wait("#responsible")
	p.click("[form=target].primary")
	p.wait("#mapping")
	p.click("[form=mapping].primary")
	p.click("[formaction$='/receipt'].primary")
	p.click("[formaction$='/start'].primary")
	p.wait("#progress[data-ended]")
}

// TestTabAndSliderInTheFrame: an import from the menu above a list, in a
// slider; the tab in the card of an item that it made; from there an import
// below the item, in a slider over the card; and the tab then goes on by
// itself where no slider opens.
func TestTabAndSliderInTheFrame(t *testing.T) {
	d := unlimited(t)
	d.portal.SetCost("crm.item.batchImport", time.Millisecond)
	p := newPerson(t, d, "en")
	p.wait("label.primary[for=file]") // installed
	p.where = ".frame iframe"
	p.fits()

	p.goTo(d.portal.URL() + "/crm/type/177/list/category/9/")
	p.press("#toolbar-menu")
	p.press(".placement")
	p.where = ".slider iframe"
	p.choose(contractsFile(t, 3))
	p.toEnd(emulator.DemoContracts)
	p.shows("All 3 rows were imported")
	p.picture("slider")
	items := d.portal.Items(emulator.DemoContracts)
	item := items[len(items)-1]

	p.goTo(fmt.Sprintf("%s/crm/type/177/details/%d/", d.portal.URL(), item.ID))
	p.press(".tab[data-placement]")
	p.where = "#tab-content iframe"
	p.shows("Imports of this item", "Contracts: Chairs 2", "contracts.csv", "created it", "Alex Sample")
	p.fits()
	p.picture("tab")

	below := filepath.Join(t.TempDir(), "requests.csv")
	p.must(os.WriteFile(below, []byte("Title,Description\nLeg is broken,please\nTop is scratched,later\n"), 0o600))
	before := len(d.portal.Items(emulator.DemoRequests))
	button := fmt.Sprintf("#children button[value='%d']", emulator.DemoRequests)
	p.click(button)
	p.where = ".slider iframe"
	p.choose(below)
	p.toEnd(emulator.DemoRequests)
	p.shows("All 2 rows were imported")
	p.picture("children")
	made := d.portal.Items(emulator.DemoRequests)[before:]
	for _, it := range made {
		if got := readBack(it.Fields["parentId177"]); got != fmt.Sprint(item.ID) {
			t.Errorf("%v is bound to %s, want %d", it.Fields["title"], got, item.ID)
		}
	}
	if len(made) != 2 {
		t.Errorf("%d items below", len(made))
	}
	p.where = "#tab-content iframe"
	tab, err := p.frame()
	p.must(err)
	tab.MustEval(`() => { document.body.dataset.seen = 'yes'; }`)
	p.press(".slider .close")
	p.wait("body:not([data-seen]) #children") // it has looked again

	// The link of the tab leads to the import; a portal that opens no slider
	// leaves the second press to the tab.
	_, err = p.page.Eval(`() => { window.fetch = () => new Promise(() => {}); }`) // the portal is silent
	p.must(err)
	p.click(button)
	p.wait("#opened:not([hidden])")
	p.click(button)
	p.wait("label.primary[for=file]")
	p.fits()

	// The notification's link opens the import in a slider.
	p.goTo(d.portal.URL() + "/")
	p.press("#notices li:last-child a")
	p.where = ".frame iframe"
	p.shows("contracts.csv", "All 3 rows were imported")
}
