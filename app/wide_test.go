package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// wideFile has many columns: every third bears the name of a field, every
// third is like nothing, and every third is empty.
func wideFile(columns int) string {
	var head, row strings.Builder
	head.WriteString("Title,Contract number")
	row.WriteString("Chairs,C-1")
	for i := range columns - 2 {
		fmt.Fprintf(&head, ",%s %d", []string{"Measure", "Remark from year", "Reserve"}[i%3], i)
		fmt.Fprintf(&row, ",%s", []string{fmt.Sprint(i), "some words", ""}[i%3])
	}
	return head.String() + "\n" + row.String() + "\n"
}

// wideGuest is a person outside a portal, at the step of the columns of a
// wide file for a smart process of many fields.
func wideGuest(t *testing.T, columns, fields int) (*guest, *demo) {
	t.Helper()
	d := startDemo(t)
	for i := range fields {
		d.portal.AddField(emulator.DemoContracts, emulator.Field{Name: fmt.Sprintf("UF_CRM_7_9%04d", i), Type: "string", Title: fmt.Sprintf("Measure %d", 3*i)})
	}
	g := &guest{
		t: t, origin: "http://" + d.app.Addr().String(), files: map[string]chosenFile{},
		header: http.Header{"Accept-Language": {"en;q=0.9"}, "Sec-Fetch-Dest": {"document"}},
	}
	g.get("/")
	g.connect(d.portal.Webhook(1, "crm", "user_brief"))
	g.upload("wide.csv", wideFile(columns))
	g.next()
	g.ok()
	g.next()
	g.wait()
	return g, d
}

// shownColumns are the rows of step 3 that are not hidden, by their numbers.
func (p shownPage) shownColumns() (shown []string) {
	for _, n := range p.all("tr") {
		if c := attr(n, "data-column"); c != "" && !has(n, "hidden") {
			shown = append(shown, c)
		}
	}
	return shown
}

// TestWideFile: a file of 300 columns for a smart process of more than 150
// fields makes a page of moderate size, which shows what needs a person first
// and the rest by plain buttons; every field can be chosen without scripts.
func TestWideFile(t *testing.T) {
	t.Parallel()
	g, _ := wideGuest(t, 300, 150)
	if n, options := len(g.page.body), strings.Count(g.page.body, "<option"); n > 500_000 || options > 4000 {
		t.Errorf("the page has %d bytes and %d options", n, options)
	}
	counts := map[string]string{}
	show := func(code string) []string {
		t.Helper()
		g.press(g.valued("do", "show:"+code))
		g.ok()
		for _, n := range g.page.all("button") {
			if c := attr(n, "data-filter"); c != "" && has(n, "aria-pressed") {
				counts[c] = textOf(n)[strings.LastIndexByte(textOf(n), ' ')+1:]
				if on := attr(n, "aria-pressed") == "true"; on != (c == code) {
					t.Errorf("%s is pressed: %v, of %s", c, on, code)
				}
			}
		}
		return g.page.shownColumns()
	}
	// 100 columns bear the names of fields, like the first two; 100 are empty.
	for code, want := range map[string]int{"all": 300, "undecided": 99, "mapped": 102, "none": 99} {
		if shown := show(code); len(shown) != want || counts[code] != fmt.Sprint(want) {
			t.Errorf("%s: %d columns are shown, %s are promised, want %d", code, len(shown), counts[code], want)
		}
	}
	// Another field than the suggested ones: its list is opened on request, and
	// what is hidden is sent all the same.
	column := show("undecided")[0]
	if left := g.page.byID("left"); left == nil || has(left, "hidden") {
		t.Error("nothing says that columns are hidden")
	}
	list := "field-" + column
	g.choose(g.page.byID(list), "Another field…")
	g.next()
	if len(elements(g.page.byID(list), "option")) < 100 {
		t.Fatalf("the list of column %s has %d fields", column, len(elements(g.page.byID(list), "option")))
	}
	g.choose(g.page.byID(list), "Contract value")
	g.press(g.valued("do", "show:mapped"))
	if shown := g.page.shownColumns(); len(shown) != 103 || !slices.Contains(shown, column) {
		t.Errorf("%d columns are matched: %v", len(shown), shown)
	}
	// A wrong row is shown under every filter.
	g.press(g.valued("do", "show:none"))
	for _, o := range elements(g.page.byID("field-5"), "option") {
		if unset(o, "selected"); strings.HasPrefix(textOf(o), "Measure 30 ") {
			set(o, "selected", "")
		}
	}
	g.next()
	if shown := g.page.shownColumns(); !slices.Contains(shown, "32") {
		t.Errorf("the column that is wrong is not among %v", shown)
	}
}

// TestFewColumns: what is in sight needs no short lists and no filter.
func TestFewColumns(t *testing.T) {
	t.Parallel()
	g, _ := wideGuest(t, 40, 20)
	if n := len(g.page.shownColumns()); n != 40 || strings.Contains(g.page.body, "data-short") || g.page.byID("find-column") != nil {
		t.Errorf("%d columns are shown", n)
	}
}
