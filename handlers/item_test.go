package handlers_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// tab opens the app in the card of an item, as the portal's page does.
func (w *wizard) tab(user, item int64) page {
	w.t.Helper()
	query, form := w.portal.OpenForm(user, "CRM_DYNAMIC_177_DETAIL_TAB", map[string]string{
		"ID": strconv.FormatInt(item, 10), "URI": fmt.Sprintf("/crm/type/177/details/%d/", item),
	})
	p := w.send(http.MethodPost, "/?"+query.Encode(), form)
	w.token = p.token()
	return p
}

var constantInput = regexp.MustCompile(`<input type="text"[^>]* name="(constant\.\w+)" value="([^"]*)"`)

// importRows takes pasted rows through the four steps into a smart process.
func (w *wizard) importRows(entityTypeID int64, rows string, target func(p page)) string {
	w.t.Helper()
	p := w.press("/files/paste", "rows", rows)
	p = w.press("/files/" + w.id(p, fileID) + "/next")
	id, number := w.id(p, importID), strconv.FormatInt(entityTypeID, 10)
	if target != nil {
		target(p)
	}
	w.press("/imports/"+id+"/target/save", "type", number, "shown", number, "responsible", "1")
	w.work()
	p = w.press("/imports/" + id)
	form := append(mappedForm(p), "do", "check")
	for _, m := range constantInput.FindAllStringSubmatch(p.body, -1) {
		form = append(form, m[1], m[2])
	}
	w.press("/imports/"+id+"/columns/save", form...)
	w.work()
	w.press("/imports/" + id + "/start")
	w.work()
	return id
}

// TestItemTab: the tab in an item's card names the rows that have made or
// changed it, to whoever may read the item, and nothing of other items.
func TestItemTab(t *testing.T) {
	w := newWizard(t, boss)
	id := w.importRows(contracts, "Title\tContract number\nChairs <b>\tC-1\nDesks\tC-2\n", nil)
	w.press("/imports/"+id).assertHas(t, "All 2 rows were imported")
	items := w.portal.Items(contracts)
	last := items[len(items)-1]

	p := w.tab(clerk, last.ID)
	p.assertHas(t, "Imports of this item", "Contracts: Desks", "Pasted rows.tsv", "created it", `formaction="/imports/`+id+`"`,
		`data-label="Row" class="num">3<`, "kept for 30 days")
	if strings.Contains(p.body, "Chairs") {
		t.Error("the tab shows another item")
	}
	if n := strings.Count(p.body, `data-label="Row"`); n != 1 {
		t.Errorf("%d rows", n)
	}
	w.press("/imports/"+id).assertHas(t, "Pasted rows.tsv") // the link leads there
	w.press("/item").assertHas(t, "created it")
	w.tab(clerk, items[0].ID).assertHas(t, "No import has created or changed this item.")

	// Who may not read the item, learns nothing; nor does anybody of an item
	// that is not there.
	if p := w.tab(clerk, 999_999); p.status != 404 || strings.Contains(p.body, "Pasted rows") {
		t.Error(p)
	}
	w.portal.EditUser(clerk, func(u *emulator.User) {
		u.Rights[contracts] = emulator.Rights{Read: emulator.None}
	})
	if p := w.tab(clerk, last.ID); p.status != 404 || strings.Contains(p.body, "Pasted rows") || strings.Contains(p.body, "Desks") {
		t.Error(p)
	}
	// Outside a card there is no item.
	w.token = w.session(boss)
	if p := w.press("/item"); p.status != 404 {
		t.Error(p)
	}
	if p := w.press("/item/children", "type", "1038"); p.status != 400 {
		t.Error(p)
	}
}

// TestImportChildren begins an import in the card of an item: the smart
// process below it is chosen, and each row is bound to that item; the next
// file, begun elsewhere, is not.
func TestImportChildren(t *testing.T) {
	w := newWizard(t, boss)
	parent := w.portal.Items(contracts)[0].ID
	child := strconv.Itoa(emulator.DemoRequests)
	w.tab(boss, parent).assertHas(t, "Import from a file, bound to this item", `name="type" value="`+child+`"`, "Requests")
	w.press("/item/children", "type", child).assertHas(t, "Which file do you want to import?")

	before := len(w.portal.Items(emulator.DemoRequests))
	rows := "Title\tDescription\nBroken chair\tleg\nBroken desk\ttop\n"
	id := w.importRows(emulator.DemoRequests, rows, func(p page) {
		p.assertHas(t, `value="`+child+`" checked`, "each row will be bound to that item")
	})
	w.press("/imports/"+id).assertHas(t, "All 2 rows were imported")
	for _, it := range w.portal.Items(emulator.DemoRequests)[before:] {
		if got := fmt.Sprint(it.Fields["parentId177"]); got != strconv.FormatInt(parent, 10) {
			t.Errorf("%v is bound to %s, want %d", it.Fields["title"], got, parent)
		}
	}

	w.token = w.session(boss)
	before += 2
	w.importRows(emulator.DemoRequests, strings.ReplaceAll(rows, "Broken", "Worn"), nil)
	items := w.portal.Items(emulator.DemoRequests)[before:]
	if len(items) != 2 {
		t.Fatalf("%d items", len(items))
	}
	for _, it := range items {
		if got := it.Fields["parentId177"]; got != nil && fmt.Sprint(got) != "0" {
			t.Errorf("%v of the next file is bound to %v", it.Fields["title"], got)
		}
	}

	// A slider over the card brings the same along.
	query, form := w.portal.OpenForm(boss, "", map[string]string{
		"children": child, "entityTypeId": "177", "ID": strconv.FormatInt(parent, 10), "bx24_title": "Requests",
	})
	p := w.send(http.MethodPost, "/?"+query.Encode(), form)
	p.assertHas(t, "Which file do you want to import?")
	w.token = p.token()
	before += 2
	w.importRows(emulator.DemoRequests, rows+"Broken lamp\tbulb\n", func(p page) { p.assertHas(t, `value="`+child+`" checked`) })
	for _, it := range w.portal.Items(emulator.DemoRequests)[before:] {
		if got := fmt.Sprint(it.Fields["parentId177"]); got != strconv.FormatInt(parent, 10) {
			t.Errorf("from the slider: bound to %s", got)
		}
	}
}
