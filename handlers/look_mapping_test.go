//go:build browser

package handlers_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestLookAtMapping is TestLook for what steps 2 and 3 can show.
func TestLookAtMapping(t *testing.T) { look(t, mappingPages) }

// mappingPages are steps 2 and 3 with all that they can show: questions,
// options, what is remembered and saved, constants, people, many columns.
func mappingPages(t *testing.T, lang string) map[string]string {
	t.Helper()
	w := newWizard(t, boss)
	query, form := w.portal.OpenForm(boss, "", nil)
	query.Set("LANG", lang)
	w.token = w.send("POST", "/?"+query.Encode(), form).token()
	pages := map[string]string{}
	keep := func(name string, p page) page {
		if p.status != 200 && p.status != 422 {
			t.Fatalf("%s: %v", name, p)
		}
		pages["mapping-"+name] = p.body
		return p
	}
	keep("templates", w.press("/template"))

	var rows strings.Builder
	rows.WriteString("Title\tAmount\tBegin date\tEnd date\tStage\tContract number\tLabels\tSumme\tWichtig\tResponsible")
	for i := range 32 {
		fmt.Fprintf(&rows, "\tAdditional column %d", i)
	}
	rows.WriteString("\n")
	for i := range 12 {
		fmt.Fprintf(&rows, "Chairs %d\t1,%d00\t%02d/04/2024\t%02d.%02d.2024\tNew\tC-%d\tUrgent;VIP\t15%%\tyes\tX Y", i, i, i%12+1, i+13, i%12+1, i)
		for j := range 32 {
			fmt.Fprintf(&rows, "\tvalue %d", j*i%7)
		}
		rows.WriteString("\n")
	}
	next := func(rows string) string {
		p := w.press("/files/paste", "rows", rows)
		p = w.press("/files/" + w.id(p, fileID) + "/next")
		return w.id(p, importID)
	}
	id := next(rows.String())
	keep("target", w.press("/imports/"+id+"/target/save", "type", "177", "shown", "177", "who.responsible", "Nobody", "do", "find"))
	keep("target-people", w.press("/imports/"+id+"/target/save", "type", "177", "shown", "177", "who.responsible", "a", "do", "find"))
	w.press("/imports/"+id+"/target/save", "type", "177", "shown", "177", "responsible", "1")
	w.work()
	p := keep("columns", w.press("/imports/"+id))
	number := w.option(p, "Contract number")
	back := append(mappedForm(p, "field.5", ""), "new_field", "sourceId", "do", "constant:"+number)
	p = keep("constants", w.press("/imports/"+id+"/columns/save", back...))
	p = keep("refused", w.press("/imports/"+id+"/columns/save", append(mappedForm(p, "field.5", number), "do", "check")...))
	keep("saved", w.press("/imports/"+id+"/columns/save", append(mappedForm(p), "do", "save", "mapping_name", "Contracts of the office")...))

	id = next("Title\tContract number\tRemark\nChairs\tC-1\tx\nDesks\tC-2\ty\n")
	w.press("/imports/"+id+"/target/save", "type", "177", "shown", "177", "responsible", "1")
	w.work()
	p = w.press("/imports/" + id)
	w.press("/imports/"+id+"/columns/save", append(mappedForm(p), "do", "check")...)
	w.work()
	w.press("/imports/" + id + "/start")
	w.press("/imports/" + id + "/pause")
	id = next("Contract number\tTitle\tRemark\nC-3\tLamps\tx\nC-4\tShelves\ty\n")
	w.press("/imports/"+id+"/target/save", "type", "177", "shown", "177", "responsible", "1")
	w.work()
	keep("memory", w.press("/imports/"+id))
	return pages
}
