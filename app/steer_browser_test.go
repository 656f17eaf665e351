//go:build browser

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"
	"github.com/go-rod/rod/lib/proto"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// slowly makes every row of an import take so long that a person has time to
// steer it.
const slowly = 60 * time.Millisecond

// contractsFile is a file of n contracts; bad rows have an amount that is no
// number.
func contractsFile(t *testing.T, n int, bad ...int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("Title,Contract number,Amount\n")
	for i := range n {
		amount := fmt.Sprintf("%d.50", 100+i)
		for _, row := range bad {
			if row == i {
				amount = "many"
			}
		}
		fmt.Fprintf(&b, "Chairs %d,S-%d,%s\n", i, i, amount)
	}
	name := filepath.Join(t.TempDir(), "contracts.csv")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// ready brings a person with a file to the receipt.
func (p *person) ready(file string) {
	p.t.Helper()
	p.choose(file)
	p.toTarget()
	p.click("[form=target].primary")
	p.wait("#mapping")
	p.click("[form=mapping].primary")
	// The page comes by itself when the check is done, and the frame then gets
	// its height: a mouse might miss the button, the keyboard does not.
	p.must(p.wait("[formaction$='/receipt'].primary").Type(input.Enter))
	p.wait("[formaction$='/start'].primary")
}

// shows waits until the page says all of it.
func (p *person) shows(texts ...string) {
	p.t.Helper()
	var missing string
	for until := time.Now().Add(60 * time.Second); time.Now().Before(until); pause(p.t, 100*time.Millisecond) {
		missing = ""
		page := p.text()
		for _, text := range texts {
			if !strings.Contains(page, text) {
				missing = text
			}
		}
		if missing == "" {
			return
		}
	}
	p.picture("missing")
	p.t.Fatalf("the page does not say %q:\n%s", missing, p.text())
}

// arrived counts the items that came from a file of contractsFile, and
// fails if one stands there twice.
func arrived(t *testing.T, d *demo) int {
	t.Helper()
	seen := map[string]bool{}
	for _, it := range d.portal.Items(emulator.DemoContracts) {
		title, _ := it.Fields["title"].(string)
		if !strings.HasPrefix(title, "Chairs ") {
			continue
		}
		if seen[title] {
			t.Errorf("%s is there twice", title)
		}
		seen[title] = true
	}
	return len(seen)
}

// unlimited is a demo without a row limit, whose portal takes its time.
func unlimited(t *testing.T) *demo {
	t.Helper()
	t.Setenv("FREE_ROW_LIMIT", "0")
	d := startDemo(t)
	d.portal.SetCost("crm.item.batchImport", slowly)
	return d
}

// TestPauseAndResume: while an import is paused nothing is written, and after
// it every row is there once.
func TestPauseAndResume(t *testing.T) {
	d := unlimited(t)
	p := newPerson(t, d, "en")
	p.ready(contractsFile(t, 90))
	p.click("[formaction$='/start'].primary")
	p.click("[formaction$='/pause'].primary")
	p.wait("#progress[data-phase=paused]")
	p.shows("The import is paused", "What is in stays in")
	p.picture("paused")
	// The request that was under way still ends.
	before := arrived(t, d)
	for quiet := 0; quiet < 20; pause(t, 100*time.Millisecond) {
		if n := arrived(t, d); n != before {
			before, quiet = n, 0
		}
		quiet++
	}
	if before == 90 {
		t.Fatal("the import was over before it was paused")
	}
	p.click("[formaction$='/resume'].primary")
	p.wait("#progress[data-ended]")
	p.shows("All 90 rows were imported", "Take back (until")
	p.picture("done")
	if n := arrived(t, d); n != 90 {
		t.Errorf("%d items", n)
	}
}

// TestStopAndKeep: the dialog asks; what is in stays, and the numbers of the
// page are those of the portal.
func TestStopAndKeep(t *testing.T) {
	d := unlimited(t)
	p := newPerson(t, d, "en")
	p.ready(contractsFile(t, 120))
	p.click("[formaction$='/start'].primary")
	p.wait("#progress[data-phase=running]")
	for until := time.Now().Add(30 * time.Second); arrived(t, d) == 0 && time.Now().Before(until); {
		pause(t, 50*time.Millisecond)
	}
	p.click("[formaction$='/stop/ask']")
	p.wait("#stop-dialog[open]")
	p.picture("asked")
	p.click("#stop-dialog [formaction$='/stop']")
	p.wait("#progress[data-ended]")
	n := arrived(t, d)
	if n == 0 || n == 120 {
		t.Fatalf("%d items", n)
	}
	p.shows(fmt.Sprintf("Stopped: %d of 120 rows were imported", n), "The import was stopped before this row was sent.")
	p.picture("stopped")
}

// TestUndoInTheFrame: the confirmation says what will happen; an item edited
// since stays and is listed, the others are gone.
func TestUndoInTheFrame(t *testing.T) {
	d := unlimited(t)
	d.portal.SetCost("crm.item.batchImport", time.Millisecond)
	p := newPerson(t, d, "en")
	before := len(d.portal.Items(emulator.DemoContracts))
	p.ready(contractsFile(t, 7))
	p.click("[formaction$='/start'].primary")
	p.wait("#progress[data-ended]")
	pause(t, 1100*time.Millisecond) // the portal's clock counts seconds
	items := d.portal.Items(emulator.DemoContracts)
	edit(t, d, items[len(items)-1].ID, "Edited by hand")
	p.click("[formaction$='/undo/ask']")
	p.shows("Take 7 items back?", "Edited since the import", "7 items that were created")
	p.picture("asked")
	p.click("#steer [formaction$='/undo']")
	p.wait("#progress[data-phase=undone]")
	p.shows("6 of 7 items were taken back", "What was not taken back", "Chairs 6")
	p.picture("undone")
	items = d.portal.Items(emulator.DemoContracts)
	if n := len(items); n != before+1 || items[n-1].Fields["title"] != "Edited by hand" {
		t.Errorf("%d items more than before: %+v", n-before, items[n-1].Fields)
	}
}

// edit changes the title of an item as a person does in the portal.
func edit(t *testing.T, d *demo, id int64, title string) {
	t.Helper()
	access, _ := d.portal.Token(1)
	body := url.Values{
		"auth": {access}, "entityTypeId": {fmt.Sprint(emulator.DemoContracts)}, "id": {fmt.Sprint(id)}, "fields[title]": {title},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.portal.Endpoint()+"crm.item.update", strings.NewReader(body.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("editing an item is answered %s", res.Status)
	}
}

// TestAnotherPersonLooks: the frame is closed while an import runs and opened
// by somebody else of the portal: he sees how far it is, steers nothing, and
// sees no row of the file; an administrator may do both.
func TestAnotherPersonLooks(t *testing.T) {
	d := unlimited(t)
	as := func(p *person, user int) {
		host := strings.Split(strings.TrimPrefix(d.portal.URL(), "http://"), ":")[0]
		p.must(p.page.SetCookies([]*proto.NetworkCookieParam{{Name: "emulated_user", Value: fmt.Sprint(user), Domain: host, Path: "/"}}))
		p.must(p.page.Navigate(d.portal.URL() + "/"))
		p.must(p.page.MustElement("#app-link").Click(proto.InputMouseButtonLeft, 1))
		p.wait("label.primary[for=file]")
	}
	p := newPerson(t, d, "en")
	p.wait("label.primary[for=file]") // the administrator installs
	as(p, 3)
	p.ready(contractsFile(t, 150, 5))
	p.click("[formaction$='/start'].primary")
	p.wait("#progress[data-phase=running]")
	as(p, 4)
	p.click(".links [formaction='/history']")
	p.shows("contracts.csv", "Ivan Testov", "Importing")
	p.picture("history")
	p.click("th [formaction^='/imports/']")
	p.shows("This import belongs to Ivan Testov", "of 150 rows")
	p.picture("running")
	if page := p.text(); strings.Contains(page, "Pause") || strings.Contains(page, "Stop") {
		t.Errorf("somebody else may steer it:\n%s", page)
	}
	p.wait("#progress[data-ended]")
	p.shows("149 of 150 rows were imported. 1 was not.", "The rows of the file belong to Ivan Testov")
	p.picture("done")
	if page := p.text(); strings.Contains(page, "many") || strings.Contains(page, "Take back") || strings.Contains(page, "Download") {
		t.Errorf("somebody else sees or does more than he may:\n%s", page)
	}
	as(p, 1)
	p.click(".links [formaction='/history']")
	p.click("th [formaction^='/imports/']")
	p.shows("“many” is not a number", "Take back (until")
	if n := arrived(t, d); n != 149 {
		t.Errorf("%d items", n)
	}
}

// TestFixFailedRows: the rows that failed come up in the check, are put right
// there, and only they are imported.
func TestFixFailedRows(t *testing.T) {
	d := unlimited(t)
	d.portal.SetCost("crm.item.batchImport", time.Millisecond)
	p := newPerson(t, d, "en")
	p.ready(contractsFile(t, 12, 3, 8))
	p.click("[formaction$='/start'].primary")
	p.wait("#progress[data-ended]")
	p.shows("10 of 12 rows were imported. 2 were not.", "Fix the 2 failed rows")
	p.picture("done")
	p.click("[formaction$='/retry']")
	p.wait("#findings")
	p.shows("2 rows were checked")
	p.picture("check")
	p.must(p.wait("#action-0").Select([]string{"option[value=use]"}, true, rod.SelectorTypeCSSSector))
	p.must(p.wait("#with-0").Input("77.50"))
	p.must(p.wait("[form=decide][value=apply]").Type(input.Enter))
	p.shows("2 rows were checked: create 2")
	p.must(p.wait("[formaction$='/receipt'].primary").Type(input.Enter))
	p.shows("Import 2 items")
	p.click("[formaction$='/start'].primary")
	p.wait("#progress[data-ended]")
	p.shows("All 2 rows were imported")
	p.picture("fixed")
	if n := arrived(t, d); n != 12 {
		t.Errorf("%d items", n)
	}
}
