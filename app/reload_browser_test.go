//go:build browser

package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/proto"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// asked are the pages that a browser has asked for, in their order.
type asked struct {
	mu    sync.Mutex
	pages []string
}

func (a *asked) note(e *proto.NetworkRequestWillBeSent) {
	u, err := url.Parse(e.Request.URL)
	if err != nil || e.Type != proto.NetworkResourceTypeDocument {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pages = append(a.pages, e.Request.Method+" "+u.Path)
}

func (a *asked) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	pages := a.pages
	a.pages = nil
	return pages
}

// shownBy is what only shows a page: nothing is done by it.
func shownBy(request string) bool {
	path, post := strings.CutPrefix(request, "POST ")
	last := path[strings.LastIndexByte(path, '/')+1:]
	return post && (path == "/start" || path == "/history" || strings.HasPrefix(path, "/files/") && strings.Count(path, "/") == 2 ||
		strings.HasPrefix(path, "/imports/") && (strings.Count(path, "/") == 2 || slices.Contains([]string{"file", "target", "columns", "check", "receipt"}, last)))
}

// outsider is a person at the public page, with a browser that is watched.
func outsider(t *testing.T, d *demo) (*person, *asked) {
	t.Helper()
	seen := &asked{}
	p := &person{t: t, began: time.Now(), outside: true, page: startBrowser(t).MustPage("about:blank")}
	go p.page.EachEvent(seen.note)()
	p.goTo("http://" + d.app.Addr().String() + "/?lang=en")
	return p, seen
}

// again reloads a page, or goes back from it, and waits for another one.
func (p *person) again(how func() error, selector string) {
	p.t.Helper()
	p.page.MustEval(`() => { document.body.dataset.seen = 'yes'; }`)
	p.must(how())
	p.wait("body:not([data-seen]) " + selector)
}

// TestReloadOutsideThePortal: whoever works with a webhook may reload every
// step, and go back, without sending a form again: the webhook is not typed
// anew, nothing is begun twice, and the address holds no secret.
func TestReloadOutsideThePortal(t *testing.T) {
	d := unlimited(t)
	d.portal.SetCost("crm.item.batchImport", time.Millisecond)
	before := len(d.portal.Items(emulator.DemoContracts))
	p, seen := outsider(t, d)
	reload := func(selector string) {
		t.Helper()
		p.wait(selector)
		state := func() (title string, length int) {
			return p.page.MustEval(`() => document.title`).Str(), p.page.MustEval(`() => history.length`).Int()
		}
		title, length := state()
		seen.take()
		p.again(p.page.Reload, selector)
		pages := seen.take()
		if len(pages) != 2 || pages[0] != "GET /back" || !shownBy(pages[1]) {
			t.Errorf("reloading %q asks for %q", title, pages)
		}
		if now, long := state(); now != title || long != length {
			t.Errorf("%q has become %q, the history of %d pages one of %d", title, now, length, long)
		}
		if at := p.page.MustInfo().URL; strings.Contains(at, p.page.MustEval(`() => document.querySelector('meta[name=app-session]').content`).Str()) {
			t.Errorf("the address %s holds the session", at)
		}
	}

	p.must(p.wait("#webhook").Input("http://127.0.0.1:1/rest/1/wrong0secret/"))
	p.click("[action='/webhook'] button")
	p.wait("#webhook[aria-invalid]")
	seen.take()
	p.again(p.page.Reload, "#webhook:not([aria-invalid])")
	if pages := seen.take(); !slices.Equal(pages, []string{"GET /"}) {
		t.Errorf("reloading a wrong webhook asks for %q", pages)
	}
	p.must(p.wait("#webhook").Input(d.portal.Webhook(1, "crm", "user_brief")))
	p.click("[action='/webhook'] button")
	reload("label.primary[for=file]")
	p.choose(contractsFile(t, 3))
	reload("#correct")
	p.toTarget()
	p.click("[form=target].primary")
	reload("#mapping")
	p.again(p.page.NavigateBack, fmt.Sprintf("#type-%d:checked", emulator.DemoContracts))
	reload("#responsible")
	p.click("[form=target].primary")
	p.wait("#mapping")
	p.click("[form=mapping].primary")
	reload("[formaction$='/receipt'].primary")
	p.click("[formaction$='/receipt'].primary")
	reload("[formaction$='/start'].primary")
	p.click("[formaction$='/start'].primary")
	p.wait("#progress[data-ended]")
	reload("#progress[data-ended]")
	p.shows("All 3 rows were imported")
	p.again(p.page.NavigateBack, "#progress[data-ended]")
	if n := len(d.portal.Items(emulator.DemoContracts)) - before; n != 3 {
		t.Errorf("%d items for 3 rows", n)
	}
	// The address alone, as in another tab, opens the first page.
	p.goTo("http://" + d.app.Addr().String() + "/back?to=%2Fhistory")
	p.wait("#webhook")
}
