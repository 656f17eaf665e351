//go:build browser

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// toWideColumns brings a person outside a portal to the step of the columns
// of a wide file.
func toWideColumns(t *testing.T, columns, fields int) *person {
	t.Helper()
	d := unlimited(t)
	for i := range fields {
		d.portal.AddField(emulator.DemoContracts, emulator.Field{Name: fmt.Sprintf("UF_CRM_7_9%04d", i), Type: "string", Title: fmt.Sprintf("Measure %d", 3*i)})
	}
	p, _ := outsider(t, d)
	p.must(p.wait("#webhook").Input(d.portal.Webhook(1, "crm", "user_brief")))
	p.click("[action='/webhook'] button")
	file := filepath.Join(t.TempDir(), "wide.csv")
	p.must(os.WriteFile(file, []byte(wideFile(columns)), 0o600))
	p.choose(file)
	p.toTarget()
	p.click("[form=target].primary")
	p.wait("#mapping")
	return p
}

// TestWideFileInTheBrowser: with scripts the rows are filtered and searched
// without a request, a short list is whole when it is opened, and a row that
// was decided stays where it is.
func TestWideFileInTheBrowser(t *testing.T) {
	p := toWideColumns(t, 300, 150)
	shown := func() int {
		return p.page.MustEval(`() => document.querySelectorAll('tr[data-column]:not([hidden])').length`).Int()
	}
	if n := shown(); n != 99 {
		t.Errorf("%d columns are shown at first, want the undecided", n)
	}
	p.click("#filter [data-filter=mapped]")
	if n := shown(); n != 102 {
		t.Errorf("%d columns are shown as matched", n)
	}
	p.must(p.wait("#find-column").Input("remark from year 4"))
	if n := shown(); n != 5 { // 4, 40, 43, 46, 49
		t.Errorf("%d columns are found", n)
	}
	p.click("#filter [data-filter=undecided]")
	if n := shown(); n != 99 {
		t.Errorf("%d columns are shown as undecided", n)
	}
	first := p.wait("tr[data-column]:not([hidden]) select")
	p.must(first.Focus())
	if n := first.MustEval(`() => this.options.length`).Int(); n < 150 {
		t.Errorf("the list has %d fields once it is opened", n)
	}
	p.must(first.Select([]string{"Contract value"}, true, "text"))
	p.wait("tr[data-column='3'] .badge.good")
	if n := shown(); n != 99 {
		t.Errorf("%d columns are shown once one was decided", n)
	}
}
