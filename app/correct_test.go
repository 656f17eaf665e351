package main

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestCorrectWithoutScripts is a person who corrects cells in the table of
// rows by forms alone: a row is opened by its number, saved, and taken back.
func TestCorrectWithoutScripts(t *testing.T) {
	t.Parallel()
	s := newHookSite(t, contracts())
	g := newGuest(t, s.start(), "en")
	g.get("/")
	g.connect(s.portal.Webhook(1, "crm", "user_brief"))
	rows := hookRows(0, 60)
	bad := slices.Clone(rows)
	bad[20].weight, bad[33].signed = "heavy", "31.02.2025"
	g.upload("contracts.csv", hookFile(bad))
	g.next() // target
	g.next() // columns
	g.wait()
	g.next() // check
	g.wait()
	g.says("“heavy” is not a number")
	g.openRow("left", "22")
	g.says("heavy", "is not a number")
	g.correct("Weight", rows[20].weight)
	g.openRow("left", "35")
	g.correct("Signed on", rows[33].signed)
	// A correction can be taken back, and made again.
	g.openRow("all", "22")
	g.says("heavy") // what the file says stands beside it
	g.press(g.named("undo"))
	g.wait()
	g.openRow("left", "22")
	g.correct("Weight", rows[20].weight)
	if s.portal.Writes() != 0 {
		t.Error("something was written before the start")
	}
	g.next() // receipt
	g.next() // start
	g.wait()
	g.says("60")
	s.compare(rows)
}

// openRow goes to the tab of rows, chooses a filter and opens a row.
func (g *guest) openRow(filter, number string) {
	g.t.Helper()
	if g.page.byID("filter") == nil {
		g.press(g.valued("tab", "rows"))
	}
	sel := g.page.byID("filter")
	for _, o := range elements(sel, "option") {
		unset(o, "selected")
		if attr(o, "value") == filter {
			set(o, "selected", "")
		}
	}
	for _, n := range elements(g.page.formOf(sel), "button") {
		g.press(n)
		break
	}
	g.ok()
	for _, n := range g.page.all("button") {
		if attr(n, "name") == "index" && strings.HasSuffix(textOf(n), " "+number) {
			g.press(n)
			g.ok()
			return
		}
	}
	g.t.Fatalf("row %s is not among the rows %q: %s", number, filter, g.page.main())
}

// correct types into the cell of a column and saves the row.
func (g *guest) correct(column, text string) {
	g.t.Helper()
	for _, n := range g.page.all("textarea") {
		if head := g.page.byID(attr(n, "aria-labelledby")); head == nil || !strings.HasPrefix(textOf(head), column+" ") {
			continue
		}
		for n.FirstChild != nil {
			n.RemoveChild(n.FirstChild)
		}
		n.AppendChild(&html.Node{Type: html.TextNode, Data: text})
		g.next()
		g.wait()
		return
	}
	g.t.Fatalf("no cell of %q on %q: %s", column, g.page.title(), g.page.main())
}

// named is the first button with a name.
func (g *guest) named(name string) *html.Node { return g.valued(name, "") }

// valued is the first button with a name and a value; "" is any.
func (g *guest) valued(name, value string) *html.Node {
	g.t.Helper()
	for _, n := range g.page.all("button") {
		if attr(n, "name") == name && (value == "" || attr(n, "value") == value) {
			return n
		}
	}
	g.t.Fatalf("no button %s=%s on %q: %s", name, value, g.page.title(), g.page.main())
	return nil
}
