package handlers_test

import (
	"cmp"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/handlers"
)

// contracts is a smart process of the demo portal.
const contracts = 177

// wizard is a site with a session, and the work that the queue would do.
type wizard struct {
	*site
	t       *testing.T
	imports *importer.Service
	staged  *staged
	token   string
}

func newWizard(t *testing.T, user int64) *wizard {
	t.Helper()
	w := &wizard{t: t}
	w.site = installed(t, func(o *handlers.Options) {
		w.imports, _ = o.Importer.(*importer.Service)
		w.staged = &staged{Service: w.imports}
		o.Importer = w.staged
		o.FreeRows = 100
	})
	w.token = w.session(user)
	return w
}

// press sends a form of a page; pairs are the fields beside the session.
func (w *wizard) press(target string, pairs ...string) page {
	w.t.Helper()
	form := url.Values{"_s": {w.token}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return w.send(http.MethodPost, target, form)
}

// work does what the queue would do until nothing is left to do at once.
func (w *wizard) work() {
	w.t.Helper()
	for range 100 {
		lanes, err := w.imports.Due(w.t.Context())
		must(w.t, err)
		if len(lanes) == 0 {
			return
		}
		for _, lane := range lanes {
			_, err := w.imports.Slice(w.t.Context(), lane)
			must(w.t, err)
		}
	}
	w.t.Fatal("the work does not end")
}

var (
	fileID   = regexp.MustCompile(`/files/([a-z2-7]{16})/next`)
	importID = regexp.MustCompile(`/imports/([a-z2-7]{16})`)
)

func (w *wizard) id(p page, form *regexp.Regexp) string {
	w.t.Helper()
	m := form.FindStringSubmatch(p.body)
	if m == nil {
		w.t.Fatalf("no %v in %v", form, p)
	}
	return m[1]
}

// mapped is the form of step 3 as the page has it, with changes.
func mappedForm(p page, changes ...string) []string {
	var form []string
	inputs := regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
	for _, m := range inputs.FindAllStringSubmatch(p.body, -1) {
		if m[1] != "_s" {
			form = append(form, m[1], html.UnescapeString(m[2]))
		}
	}
	selects := regexp.MustCompile(`(?s)<select name="([^"]+)".*?</select>`)
	chosen := regexp.MustCompile(`<option value="([^"]*)" selected`)
	for _, m := range selects.FindAllStringSubmatch(p.body, -1) {
		value := ""
		if c := chosen.FindStringSubmatch(m[0]); c != nil {
			value = html.UnescapeString(c[1])
		}
		form = append(form, m[1], value)
	}
	for i := 0; i+1 < len(changes); i += 2 {
		for j := 0; j+1 < len(form); j += 2 {
			if form[j] == changes[i] {
				form[j+1] = changes[i+1]
			}
		}
	}
	return form
}

// option is the value of the option with this text in a page.
func (w *wizard) option(p page, text string) string {
	w.t.Helper()
	m := regexp.MustCompile(`<option value="([^"]+)"[^>]*>` + regexp.QuoteMeta(text)).FindStringSubmatch(p.body)
	if m == nil {
		w.t.Fatalf("no option %q in %v", text, p)
	}
	return html.UnescapeString(m[1])
}

// TestFourSteps goes the whole way on pages alone, without scripts, and
// compares what the portal has with the rows.
func TestFourSteps(t *testing.T) {
	w := newWizard(t, boss)
	before, writes := len(w.portal.Items(contracts)), w.portal.Writes()
	p := w.press("/files/paste", "rows", "Title\tAmount\tBegin date\tContract no.\tStage\n"+
		"<script>alert(1)</script>\t100.50\t25.04.2024\tC-1\tnowhere\n"+
		"Chairs\t200\t03.04.2024\tC-2\t\n"+
		"Desks\tmany\t04.04.2024\tC-3\t\n")
	p.assertHas(t, "3 rows", "5 columns", "&lt;script&gt;alert(1)&lt;/script&gt;", "separated by: tab")
	if strings.Contains(p.body, "<script>alert") {
		t.Error("cell text is markup")
	}

	p = w.press("/files/" + w.id(p, fileID) + "/next")
	p.assertHas(t, "Where should the rows go?", "Suggested:", `value="177" checked`)
	id := w.id(p, importID)
	p = w.press("/imports/"+id+"/target/save", "type", "177", "shown", "177", "pipeline", w.option(p, "Sales"), "responsible", "1")
	p.assertHas(t, "Reading Pasted rows.tsv", `data-phase="reading"`)
	w.work()

	p = w.press("/imports/" + id)
	p.assertHas(t, "What is in each column?", "Contract number", "day first: row 2 says “25.04.2024”")
	number := w.option(p, "Contract number")
	refused := w.press("/imports/"+id+"/columns/save", mappedForm(p, "field.3", "", "field.4", "")...)
	refused.assertHas(t, "Required fields without a column or value: Contract number", "One thing needs your attention", "<title>Error: ")
	twice := w.press("/imports/"+id+"/columns/save", mappedForm(p, "field.3", number, "field.4", number)...)
	twice.assertHas(t, "takes one value, but the columns", `aria-invalid="true"`)

	form := append(mappedForm(p, "field.3", number, "field.4", "stageId"), "do", "check")
	p = w.press("/imports/"+id+"/columns/save", form...)
	p.assertHas(t, "Checking every row", "Nothing has been written to Bitrix24 yet.")
	w.work()
	p = w.press("/imports/" + id)
	p.assertHas(t, "What the check found", "3 rows were checked", "2 values need a decision", "“nowhere” is not a stage of “Sales”", "“many” is not a number")
	if w.portal.Writes() != writes {
		t.Fatal("the check has written")
	}

	p = w.press("/imports/"+id+"/decide", "do", "empty:4")
	w.work()
	p = w.press("/imports/" + id)
	p.assertHas(t, "1 value needs a decision")
	p = w.press("/imports/" + id + "/receipt")
	p.assertHas(t, "Ready to import", "Import 2 items", "1 row is left out", "Contracts",
		"from the file, otherwise the first stage", `<dd dir="auto">you</dd>`)
	w.press("/imports/" + id + "/start")
	w.press("/imports/" + id + "/start") // a double click
	w.work()
	p = w.press("/imports/" + id)
	p.assertHas(t, "2 of 3 rows were imported. 1 was not.", "Bitrix24 holds all 2 new items.", "Open in CRM", "“many” is not a number")
	if items := w.portal.Items(contracts); len(items)-before != 2 {
		t.Errorf("%d new items", len(items)-before)
	}
	p = w.press("/imports/" + id + "/failed")
	if kind := p.header.Get("Content-Disposition"); p.status != 200 || !strings.Contains(kind, "Pasted rows - not imported.csv") {
		t.Errorf("%d %q", p.status, kind)
	}
	p.assertHas(t, "\ufeffTitle\tAmount", "Row in file", "Desks\tmany\t", "\t4\t")
	w.callsOf(id)
	w.press("/history").assertHas(t, "Pasted rows.tsv", "2 of 3", "Done")
	w.press("/start").assertHas(t, "Recent imports", "Pasted rows.tsv")
}

// TestStrangersSeeNothing asks for another person's draft and for ids that
// are nobody's.
func TestStrangersSeeNothing(t *testing.T) {
	w := newWizard(t, boss)
	p := w.press("/files/paste", "rows", "Title\nSecretcell\n")
	file := w.id(p, fileID)
	id := w.id(w.press("/files/"+file+"/next"), importID)
	w.token = w.session(clerk)
	for _, target := range []string{
		"/files/" + file, "/files/" + file + "/next", "/files/" + file + "/reading", "/files/" + file + "/drop",
		"/imports/" + id, "/imports/" + id + "/file", "/imports/" + id + "/target", "/imports/" + id + "/target/save",
		"/imports/" + id + "/columns", "/imports/" + id + "/columns/save", "/imports/" + id + "/check", "/imports/" + id + "/decide",
		"/imports/" + id + "/receipt", "/imports/" + id + "/start", "/imports/" + id + "/pause", "/imports/" + id + "/stop",
		"/imports/" + id + "/failed", "/imports/" + id + "/calls", "/imports/aaaaaaaaaaaaaaaa", "/files/aaaaaaaaaaaaaaaa",
	} {
		p := w.press(target, "type", "177", "count", "0", "do", "apply")
		if p.status != 404 || strings.Contains(p.body, "Secretcell") {
			t.Errorf("%s: %d", target, p.status)
		}
	}
	if list := w.press("/history"); strings.Contains(list.body, "Pasted rows.tsv") {
		t.Error("another person's draft stands in the history")
	}
}

// TestBadFilesGetTheirSentence: what cannot be read is refused with the
// reason, and pasted text stays in its field.
func TestBadFilesGetTheirSentence(t *testing.T) {
	w := newWizard(t, clerk)
	for rows, want := range map[string]string{
		"":            "There are no rows here.",
		"  \n\t\n":    "There are no rows here.",
		"Title\tName": "no rows under them",
	} {
		p := w.press("/files/paste", "rows", rows)
		if p.status != 422 {
			t.Errorf("%q: %d", rows, p.status)
		}
		p.assertHas(t, want, `href="#rows"`)
	}
	p := w.press("/files/paste", "rows", "Title\nx\n")
	file := w.id(p, fileID)
	p = w.press("/files/"+file+"/reading", "delimiter", "ab", "encoding", "utf-8", "quote", "double", "header", "1")
	p.assertHas(t, "cannot separate columns", "Title")
	p = w.press("/files/"+file+"/reading", "delimiter", ",", "encoding", "windows-1251", "quote", "none", "header", "0")
	p.assertHas(t, "Windows-1251", "There is no row with column names.", "2 rows")
	w.press("/files/"+file+"/drop").assertHas(t, "Which file do you want to import?")
	if p := w.press("/files/" + file); p.status != 404 {
		t.Errorf("a removed file: %d", p.status)
	}
}

// TestRowLimitIsSaidFirst: the limit is learned in step 1, not at the end, and
// rows beyond it are told apart from those that the person skips and those
// with errors, in the check, in the receipt and in the history.
func TestRowLimitIsSaidFirst(t *testing.T) {
	w := newWizard(t, clerk)
	w.press("/start").assertHas(t, "Without registration: up to 100 rows per import")
	var rows strings.Builder
	rows.WriteString("Title\tContract number\tKind\n")
	for i := range 150 {
		kind := map[int]string{5: "Suply", 7: "Nonsense", 9: "Neither"}[i]
		fmt.Fprintf(&rows, "Row %d\tC-%d\t%s\n", i, i, cmp.Or(kind, "Supply"))
	}
	p := w.press("/files/paste", "rows", rows.String())
	p.assertHas(t, "Only the first 100 rows will be imported", "The file has 150 rows")

	p = w.press("/files/" + w.id(p, fileID) + "/next")
	id := w.id(p, importID)
	w.press("/imports/"+id+"/target/save", "type", "177", "shown", "177", "pipeline", w.option(p, "Sales"), "responsible", "1")
	w.work()
	p = w.press("/imports/" + id)
	w.press("/imports/"+id+"/columns/save", append(mappedForm(p), "do", "check")...)
	w.work()
	p = w.press("/imports/" + id)
	p.assertHas(t, "150 rows were checked", "Only the first 100 rows will be imported", `formaction="/register/form"`,
		"create 97 · leave out 3 with errors · 50 over the limit of 100", "of these over the limit of 100: 50", "Did you mean “Supply”?")
	w.press("/imports/"+id+"/decide", "do", option(t, p, "suggest:"))
	w.work()
	w.press("/imports/"+id+"/decide", "do", "apply", "column.0", "2", "value.0", "Nonsense", "action.0", "skip")
	w.work()
	w.press("/imports/"+id).assertHas(t, "create 98 · skip 1 · leave out 1 with errors · 50 over the limit of 100")
	w.press("/imports/"+id+"/check", "tab", "rows", "filter", "left").assertHas(t, "Skipped by you", "Over the limit", "Has an error")
	p = w.press("/imports/" + id + "/receipt")
	p.assertHas(t, "52 rows are left out", "1 row with an error", "1 row that you chose to skip", "50 rows after the first 100",
		"has the rest of this file checked", `formaction="/register/form"`, `<dd dir="auto">Alex Sample</dd>`, "Your rights")
	w.press("/imports/" + id + "/start")
	w.work()
	w.press("/imports/"+id).assertHas(t, "98 of 150 rows were imported", "Skipped by you", "Over the limit", "of these over the limit of 100: 50")
	w.press("/history").assertHas(t, "98 of 150", "1 skipped", "50 over the limit", "1 failed")
}

// option is the value of a button or an option that begins so.
func option(t *testing.T, p page, prefix string) string {
	t.Helper()
	at := strings.Index(p.body, `value="`+prefix)
	if at < 0 {
		t.Fatalf("no value begins with %q", prefix)
	}
	value, _, _ := strings.Cut(p.body[at+len(`value="`):], `"`)
	return value
}

// checked brings pasted rows to step 4, with the columns as they are proposed.
func (w *wizard) checked(rows string) (id string) {
	p := w.press("/files/paste", "rows", rows)
	p = w.press("/files/" + w.id(p, fileID) + "/next")
	id = w.id(p, importID)
	w.press("/imports/"+id+"/target/save", "type", "177", "shown", "177", "pipeline", w.option(p, "Sales"), "responsible", "1")
	w.work()
	w.press("/imports/"+id+"/columns/save", append(mappedForm(w.press("/imports/"+id)), "do", "check")...)
	w.work()
	return id
}

// TestStoppedSaysWhatWasNotSent: rows that were never sent are skipped, and
// the page lists them with the reason.
func TestStoppedSaysWhatWasNotSent(t *testing.T) {
	w := newWizard(t, boss)
	id := w.checked("Title\tContract number\nChairs\tC-1\nDesks\tC-2\nLamps\tC-3\n")
	w.press("/imports/" + id + "/start")
	w.press("/imports/" + id + "/stop")
	w.work()
	w.press("/imports/"+id).assertHas(t, "Stopped before any of the 3 rows was imported", "The import was stopped before this row was sent.", "Lamps")
}

// TestTrialTakenBack: rows that were tried with a column in the wrong place
// are taken back, and the same file is at its columns again.
func TestTrialTakenBack(t *testing.T) {
	w := newWizard(t, boss)
	id := w.importRows(contracts, "Title\tContract number\nChairs\tC-1\nDesks\tC-2\n", nil)
	w.press("/imports/" + id + "/undo")
	w.work()
	p := w.press("/imports/" + id)
	p.assertHas(t, "The import was taken back: all 2 items", "Change the columns and import this file again")
	p = w.press("/imports/" + id + "/anew")
	p.assertHas(t, "What is in each column?", "Contract number", "Pasted rows.tsv")
	again := w.id(p, importID)
	if again == id {
		t.Fatal("the page is that of the import that was taken back")
	}
	w.press("/imports/"+again+"/columns/save", append(mappedForm(p), "do", "check")...)
	w.work()
	w.press("/imports/" + again + "/start")
	w.work()
	w.press("/imports/"+again).assertHas(t, "All 2 rows were imported", "Bitrix24 holds all 2 new items.")
}
