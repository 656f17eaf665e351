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
	p.toTarget()
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

// TestBackAfterANight: a computer that slept stops the page's clock, and its
// session ends meanwhile. Who comes back has a new one before he sends what he
// has typed.
func TestBackAfterANight(t *testing.T) {
	d := unlimited(t)
	p := newPerson(t, d, "en")
	p.choose(contractsFile(t, 3))
	p.toTarget()
	p.click("[form=target].primary")
	p.wait("#mapping")
	frame, err := p.frame()
	p.must(err)
	token := func() string {
		return frame.MustEval(`() => document.querySelector('meta[name=app-session]').content`).Str()
	}
	old := token()
	frame.MustEval(`() => {
		const real = Date.now;
		Date.now = () => real() + 9 * 3600 * 1000;
		window.dispatchEvent(new Event('focus'));
	}`)
	p.until("a new session", func() bool { return token() != old })
	if form := frame.MustEval(`() => document.querySelector('#mapping input[name=_s]').value`).Str(); form != token() {
		t.Error("the form would go out with the session that has ended")
	}
	p.click("[form=mapping].primary")
	p.wait("[formaction$='/receipt'].primary")
}
