//go:build browser

package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/launcher"
	"github.com/go-rod/rod/lib/proto"

	"github.com/spa-importer/spa-importer/static"
)

// pagesOf goes through the four steps and keeps every page on the way.
func pagesOf(t *testing.T, lang string) map[string]string {
	t.Helper()
	w := newWizard(t, boss)
	query, form := w.portal.OpenForm(boss, "", nil)
	query.Set("LANG", lang)
	first := w.send(http.MethodPost, "/?"+query.Encode(), form)
	w.token = first.token()
	pages := map[string]string{"file": first.body}
	keep := func(name string, p page) page {
		if p.status != 200 && p.status != 422 {
			t.Fatalf("%s: %v", name, p)
		}
		pages[name] = p.body
		return p
	}
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
	for name, change := range states() {
		w.staged.change = change
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
	return pages
}

// TestLook draws every page of the wizard in sizes, themes and languages:
// none has a horizontal scroll bar or a script error, and each is kept as a
// picture in the folder that LOOK names.
func TestLook(t *testing.T) { look(t, pagesOf) }

func look(t *testing.T, pagesOf func(*testing.T, string) map[string]string) {
	t.Helper()
	assets, err := static.Load()
	must(t, err)
	var current string
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, kind, ok := assets.Open(r.URL.Path)
		switch {
		case ok:
		case r.URL.Path == "/page":
			body, kind = []byte(current), "text/html; charset=utf-8"
			rw.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'")
		default:
			http.NotFound(rw, r)
			return
		}
		rw.Header().Set("Content-Type", kind)
		rw.Write(body)
	}))
	defer server.Close()
	chromium := launcher.New().Bin("/usr/bin/chromium").NoSandbox(true).Leakless(false).
		Set("disable-gpu").Set("disable-background-networking").Set("disable-sync")
	defer chromium.Cleanup()
	defer chromium.Kill()
	browser := rod.New().ControlURL(chromium.MustLaunch()).MustConnect()
	defer browser.MustClose()
	tab := browser.MustPage("about:blank").Timeout(5 * time.Minute)
	var at string
	go tab.EachEvent(func(e *proto.RuntimeExceptionThrown) {
		t.Errorf("%s: %s", at, e.ExceptionDetails.Exception.Description)
	}, func(e *proto.LogEntryAdded) {
		if e.Entry.Source == proto.LogLogEntrySourceSecurity {
			t.Errorf("%s: %s", at, e.Entry.Text)
		}
	})()
	for _, lang := range []string{"en", "ru"} {
		for name, body := range pagesOf(t, lang) {
			current = body
			for _, width := range []int{320, 375, 1280, 1920} {
				must(t, proto.EmulationSetDeviceMetricsOverride{Width: width, Height: 800, DeviceScaleFactor: 1}.Call(tab))
				tab.MustNavigate(server.URL + "/page").MustWaitLoad()
				at = fmt.Sprintf("%s-%s-%d", name, lang, width)
				size := tab.MustEval(`() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]`)
				if size.Get("0").Int() > size.Get("1").Int() {
					t.Errorf("%s: %s wide", at, size)
				}
				if dir := os.Getenv("LOOK"); dir != "" && (width == 375 || width == 1280) {
					shoot(t, tab, filepath.Join(dir, at))
				}
			}
		}
	}
}

// shoot keeps a page as pictures, light and dark.
func shoot(t *testing.T, tab *rod.Page, name string) {
	t.Helper()
	for _, theme := range []string{"light", "dark"} {
		must(t, proto.EmulationSetEmulatedMedia{Features: []*proto.EmulationMediaFeature{{Name: "prefers-color-scheme", Value: theme}}}.Call(tab))
		picture, err := tab.Screenshot(true, &proto.PageCaptureScreenshot{Format: proto.PageCaptureScreenshotFormatPng})
		must(t, err)
		must(t, os.WriteFile(name+"-"+theme+".png", picture, 0o644))
	}
}
