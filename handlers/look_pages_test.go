package handlers_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// viewer is shown every page of a walk as soon as it is there, with the site
// that it comes from.
type viewer func(s *site, name string, p page)

// walks go to every page that there is, in every state that it can have.
var walks = map[string]func(t *testing.T, lang string, show viewer){
	"steps": stepPages, "mapping": mappingPages, "beside": besidePages,
}

// newShow is a wizard of somebody with a language, and what shows its pages.
func newShow(t *testing.T, lang string, show viewer) (w *wizard, first page, keep func(string, page) page) {
	t.Helper()
	w = newWizard(t, boss)
	query, form := w.portal.OpenForm(boss, "", nil)
	query.Set("LANG", lang)
	first = w.send(http.MethodPost, "/?"+query.Encode(), form)
	w.token = first.token()
	return w, first, func(name string, p page) page {
		t.Helper()
		if p.status != 200 && p.status != 422 {
			t.Fatalf("%s: %v", name, p)
		}
		show(w.site, name, p)
		return p
	}
}

// stepPages go through the four steps.
func stepPages(t *testing.T, lang string, show viewer) {
	t.Helper()
	w, first, keep := newShow(t, lang, show)
	keep("file", first)
	keep("file-refused", w.press("/files/paste", "rows", "Title\n"))
	rows := strings.Builder{}
	rows.WriteString("Title\tAmount\tBegin date\tContract no.\tStage\tA_column_with_a_very_long_name_and_no_place_to_break_it_anywhere\n")
	for i := range 130 {
		fmt.Fprintf(&rows, "Chairs for the office %d\t%d.50\t%02d.04.2024\tC-%d\tnowhere %d\t%s\n", i, i, i%12+1, i, i, strings.Repeat("x", 120))
	}
	keep("reading-refused", w.plainUpload(t, "Договоры.csv", "Title;Amount\nChairs;\"12\nDesks;13\n"))
	keep("reading-notes", w.plainUpload(t, "book.xlsx", notedBook(t)))
	p := keep("reading", w.press("/files/paste", "rows", rows.String()))
	p = keep("target", w.press("/files/"+w.id(p, fileID)+"/next"))
	id := w.id(p, importID)
	keep("reading-wait", w.press("/imports/"+id+"/target/save", "type", "177", "shown", "0", "responsible", "1"))
	w.work()
	p = keep("columns", w.press("/imports/"+id))
	keep("columns-refused", w.press("/imports/"+id+"/columns/save", mappedForm(p, "field.3", "", "field.4", "")...))
	number := w.option(p, "Contract number")
	changes := append(mappedForm(p, "field.3", number, "field.4", "stageId", "date.2", "dmy"), "do", "check", "date.2", "dmy")
	keep("checking", w.press("/imports/"+id+"/columns/save", changes...))
	w.work()
	keep("check", w.press("/imports/"+id))
	keep("check-rows", w.press("/imports/"+id+"/check", "tab", "rows", "filter", "problems"))
	keep("check-row", w.press("/imports/"+id+"/row", "index", "3"))
	keep("check-answered", w.press("/imports/"+id+"/decide", "do", "empty:4"))
	w.work()
	keep("check-clean", w.press("/imports/"+id))
	keep("receipt", w.press("/imports/"+id+"/receipt"))
	keep("running", w.press("/imports/"+id+"/start"))
	keep("paused", w.press("/imports/"+id+"/pause"))
	w.press("/imports/" + id + "/resume")
	w.work()
	keep("done", w.press("/imports/"+id))
	p = w.press("/files/paste", "rows", "Title\tContract number\nChairs\tC-1\nDesks\tC-2\nLamps\tC-3\n")
	p = w.press("/files/" + w.id(p, fileID) + "/next")
	id = w.id(p, importID)
	w.press("/imports/"+id+"/target/save", "type", "177", "shown", "177", "pipeline", w.option(p, "Sales"), "responsible", "1")
	w.work()
	p = w.press("/imports/" + id)
	w.press("/imports/"+id+"/columns/save", append(mappedForm(p), "do", "check")...)
	w.work()
	w.press("/imports/" + id + "/start")
	keep("stopped", w.press("/imports/"+id+"/stop"))
	keep("history", w.press("/history"))
	w.staged.stayed = stayed()
	all := states()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		w.staged.change = all[name]
		at := "/imports/" + id
		if strings.Contains(name, "receipt") {
			at += "/receipt"
		}
		keep(name, w.press(at))
		switch name {
		case "step4-done-mixed":
			keep("sure-undo", w.press("/imports/"+id+"/undo/ask"))
		case "step4-receipt-risky":
			keep("step4-receipt-not-sure", w.press("/imports/"+id+"/start"))
		case "step4-no-right":
			keep("sure-stop", w.press("/imports/"+id+"/stop/ask"))
			keep("history-waiting", w.press("/history"))
		}
	}
	w.staged.change = nil
	keep("file-repeat", w.press("/imports/"+id+"/repeat"))
}

// mappingPages are steps 2 and 3 with all that they can show: questions,
// options, what is remembered and saved, constants, people, many columns.
func mappingPages(t *testing.T, lang string, show viewer) {
	t.Helper()
	w, _, keepAs := newShow(t, lang, show)
	keep := func(name string, p page) page { return keepAs("mapping-"+name, p) }
	keep("templates", w.press("/template"))

	var rows strings.Builder
	rows.WriteString("Title\tAmount\tBegin date\tEnd date\tStage\tContract number\tLabels\tSumme\tWichtig\tResponsible")
	for i := range 10 {
		fmt.Fprintf(&rows, "\tAdditional column %d", i)
	}
	rows.WriteString("\n")
	for i := range 12 {
		fmt.Fprintf(&rows, "Chairs %d\t1,%d00\t%02d/04/2024\t%02d.%02d.2024\tNew\tC-%d\tUrgent;VIP\t15%%\tyes\tX Y", i, i, i%12+1, i+13, i%12+1, i)
		for j := range 10 {
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

	names, values := "Title", "Chairs"
	for i := range 70 {
		names += fmt.Sprintf("\tAdditional column %d", i)
		values += fmt.Sprintf("\tvalue %d", i)
	}
	id = next(names + "\n" + values + "\n" + values + "\n")
	w.press("/imports/"+id+"/target/save", "type", "177", "shown", "177", "responsible", "1")
	w.work()
	keep("many", w.press("/imports/"+id))

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
}

// besidePages are the pages beside the four steps: the installer, what
// everybody may read, registration, the webhook, and what went wrong.
func besidePages(t *testing.T, lang string, show viewer) {
	t.Helper()
	fresh := newSite(t, nil)
	keep := func(s *site, name string, p page) page {
		t.Helper()
		if p.status >= 500 && p.status != 503 || p.token() == "" && strings.HasPrefix(name, "in-") {
			t.Fatalf("%s: %v", name, p)
		}
		show(s, name, p)
		return p
	}
	in := func(query, _ url.Values) { query.Set("LANG", lang) }
	fresh.portal.Fault(emulator.Fault{Method: "placement.bind", Kind: emulator.Deny, Status: 400, Code: "ERROR_HANDLER_URL_MATCH"})
	keep(fresh, "in-install-trouble", fresh.open("/install", boss, in))
	fresh.portal.SetScopes("crm", "placement")
	keep(fresh, "in-install-scopes", fresh.open("/install", boss, in))
	fresh.portal.SetScopes("crm", "placement", "user_brief")
	keep(fresh, "install-clerk", fresh.open("/install", clerk, in))
	p := keep(fresh, "in-install", fresh.open("/install", boss, in))
	keep(fresh, "in-install-early", fresh.send(http.MethodPost, "/install/done", url.Values{"_s": {p.token()}}))

	s := installed(t, nil)
	get := func(target string) page { return s.send(http.MethodGet, target+"?lang="+lang, nil) }
	keep(s, "public", get("/"))
	keep(s, "public-webhook", s.send(http.MethodPost, "/webhook", url.Values{"webhook": {"https://acme.bitrix24.example/rest/1/wrong/"}, "lang": {lang}}))
	keep(s, "not-found", get("/nothing"))
	keep(s, "public-install", get("/install"))
	token := s.open("/", boss, in).token()
	press := func(target string, pairs ...string) page {
		form := url.Values{"_s": {token}}
		for i := 0; i+1 < len(pairs); i += 2 {
			form.Add(pairs[i], pairs[i+1])
		}
		return s.send(http.MethodPost, target, form)
	}
	for _, name := range []string{"docs", "about", "terms", "privacy", "support"} {
		keep(s, "public-"+name, get("/"+name))
		keep(s, "in-"+name, press("/"+name))
	}
	keep(s, "in-menu", press("/menu/sync"))
	keep(s, "in-history-empty", press("/history"))
	keep(s, "in-not-found", press("/imports/aaaaaaaaaaaaaaaa"))
	keep(s, "in-webhook", press("/webhook/form"))
	keep(s, "in-register", press("/register/form"))
	keep(s, "in-register-refused", press("/register", "company", "", "email", "nobody"))
	keep(s, "in-registered", press("/register", "company", "Example Ltd", "name", "Maria Example", "email", "maria@example.com",
		"phone", "+1 555 0100", "country", "Latvia", "terms", "1.0"))
	keep(s, "session-over", s.send(http.MethodPost, "/start", url.Values{"lang": {lang}}))
	keep(s, "open-reopen", s.open("/", boss, func(query, form url.Values) { in(query, form); s.portal.ExpireToken(form.Get("AUTH_ID")) }))
	keep(s, "open-fallback", s.open("/", boss, func(query, form url.Values) { in(query, form); form.Del("AUTH_ID") }, "Sec-Fetch-Dest", "iframe"))
	keep(s, "open-forged", s.open("/", boss, func(query, form url.Values) { in(query, form); form.Set("AUTH_ID", strings.Repeat("a", 70)) }))
	s.world.Fault(emulator.Fault{Method: "oauth.app.info", Kind: emulator.ConnRefused})
	keep(s, "open-unreachable", s.open("/", boss, in))

	w, _, step := newShow(t, lang, show)
	p = w.press("/files/paste", "rows", "Title\tScan\nA\ta.pdf\n")
	p = w.press("/files/" + w.id(p, fileID) + "/next")
	id := w.id(p, importID)
	step("archive", w.press("/imports/"+id+"/archive"))
	step("archive-refused", w.zip(t, id, "no archive"))
	step("archive-taken", w.zip(t, id, zipped(t, "deep/a.pdf")))

	w.importRows(contracts, "Title\tContract number\nChairs\tC-1\nDesks\tC-2\n", nil)
	items := w.portal.Items(contracts)
	for name, item := range map[string]int64{"item": items[len(items)-1].ID, "item-nothing": items[0].ID} {
		w.portal.EditUser(boss, func(u *emulator.User) { u.Lang = lang })
		step(name, w.tab(boss, item))
	}
}
