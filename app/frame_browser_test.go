//go:build browser

package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/proto"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// windows are the sizes that the Market asks for, and a telephone.
var windows = [][2]int{{1280, 720}, {1366, 768}, {1920, 1080}, {375, 667}}

// gallery looks at the app in the portal's frame, page by page.
type gallery struct {
	*person
	dir string
	axe string
	// place is where the app is: its own page, a tab, a slider.
	place, lang string

	mu     sync.Mutex
	faults []string
}

// newGallery keeps pictures in the folder that ARTEFACTS names.
func newGallery(t *testing.T, d *demo) *gallery {
	t.Helper()
	axe, err := os.ReadFile("../handlers/testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv("ARTEFACTS")
	if dir == "" {
		if dir, err = os.MkdirTemp("", "frame-"); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Logf("pictures are in %s", dir)
	g := &gallery{person: &person{t: t, began: time.Now(), page: startBrowser(t).MustPage("about:blank"), where: "iframe"}, dir: dir, axe: string(axe)}
	fault := func(format string, args ...any) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.faults = append(g.faults, fmt.Sprintf(format, args...))
	}
	// The emulated portal has no icon, which is not our fault.
	ofPortal := func(url string) bool { return url == d.portal.URL()+"/favicon.ico" }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(proto.NetworkEnable{}.Call(g.page))
	must(proto.LogEnable{}.Call(g.page))
	go g.page.EachEvent(func(e *proto.RuntimeExceptionThrown) {
		fault("script: %s", e.ExceptionDetails.Exception.Description)
	}, func(e *proto.LogEntryAdded) {
		if e.Entry.Level == proto.LogLogEntryLevelError && !ofPortal(e.Entry.URL) {
			fault("%s %s", e.Entry.Text, e.Entry.URL)
		}
	}, func(e *proto.NetworkResponseReceived) {
		if e.Response.Status >= 400 && !ofPortal(e.Response.URL) {
			fault("%d %s", e.Response.Status, e.Response.URL)
		}
	}, func(e *proto.NetworkLoadingFailed) {
		if !e.Canceled {
			fault("a request failed: %s", e.ErrorText)
		}
	})()
	return g
}

// size makes the window so large.
func (g *gallery) size(width, height int) {
	g.t.Helper()
	g.must(proto.EmulationSetDeviceMetricsOverride{Width: width, Height: height, DeviceScaleFactor: 1}.Call(g.page))
}

func (g *gallery) theme(name string) {
	g.t.Helper()
	g.must(proto.EmulationSetEmulatedMedia{Features: []*proto.EmulationMediaFeature{{Name: "prefers-color-scheme", Value: name}}}.Call(g.page))
}

// bars tells whether a frame has scroll bars, once the portal has made it as
// high as its page.
const bars = `() => {
	const root = document.documentElement;
	const page = document.querySelector('.page').getBoundingClientRect();
	return {
		wide: root.scrollWidth > root.clientWidth || document.body.scrollWidth > document.body.clientWidth,
		high: root.scrollHeight > root.clientHeight || innerWidth > root.clientWidth,
		cut: Math.ceil(page.height) > innerHeight + 4 && document.body.clientHeight >= document.body.scrollHeight,
		inner: document.body.scrollHeight > document.body.clientHeight,
		says: 'page ' + Math.ceil(page.height) + ', frame ' + innerWidth + 'x' + innerHeight + ', root ' + root.clientWidth + 'x' + root.clientHeight + ' of ' + root.scrollWidth + 'x' + root.scrollHeight + ', ' + root.className,
	};
}`

// What axe-core is asked: everything, or only what depends on colours and
// boxes, where the rest is as it was.
const (
	standard = `{ type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }`
	drawn    = `{ type: 'rule', values: ['color-contrast', 'link-in-text-block', 'target-size', 'scrollable-region-focusable'] }`
)

// visit looks at the page that is shown, in all windows and both themes. What
// moves is not held to axe-core: it would be over before that.
func (g *gallery) visit(name string, still bool) {
	g.t.Helper()
	at := strings.Join([]string{g.place, name, g.lang}, "-")
	for _, window := range windows {
		g.size(window[0], window[1])
		for _, theme := range []string{"light", "dark"} {
			g.theme(theme)
			kept := window[0] == 1280 || window[0] == 375
			how := fmt.Sprintf("%s-%d-%s", at, window[0], theme)
			g.fitted(how, window[0] >= 1280)
			switch {
			case still && kept && theme == "light":
				g.obeys(how, standard)
			case still:
				g.obeys(how, drawn)
			}
			if kept {
				g.keep(how)
			}
		}
	}
	g.size(windows[0][0], windows[0][1])
	g.theme("light")
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, fault := range g.faults {
		g.t.Errorf("%s: %s", at, fault)
	}
	g.faults = nil
}

// inFrame runs a script in the app's page. On a machine that has much to do
// it takes a while until the browser answers.
func (g *gallery) inFrame(script string) (*proto.RuntimeRemoteObject, error) {
	element, err := g.page.Timeout(30 * time.Second).Element(g.where)
	if err != nil {
		return nil, fmt.Errorf("the page has no frame: %w", err)
	}
	frame, err := element.Frame()
	if err != nil {
		return nil, fmt.Errorf("looking into the frame: %w", err)
	}
	seen, err := frame.Timeout(30 * time.Second).Eval(script)
	if err != nil {
		return nil, fmt.Errorf("asking the frame: %w", err)
	}
	return seen, nil
}

// fitted waits until the frame has no scroll bars; in a slider the page may
// scroll in itself.
func (g *gallery) fitted(at string, wide bool) {
	g.t.Helper()
	var last string
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); pause(g.t, 50*time.Millisecond) {
		seen, err := g.inFrame(bars)
		if err != nil {
			continue // the page goes on to the next one
		}
		v := seen.Value
		last = v.Get("says").Str()
		high := v.Get("high").Bool() || v.Get("cut").Bool() || g.place != "slider" && v.Get("inner").Bool()
		if !v.Get("wide").Bool() && (!wide || !high) {
			return
		}
	}
	g.picture("bars")
	g.t.Errorf("%s has a scroll bar: %s", at, last)
}

// obeys holds the page in the frame to rules of axe-core: scrolled to its end,
// where the bar hides nothing.
func (g *gallery) obeys(at, rules string) {
	g.t.Helper()
	found, err := g.inFrame(`async () => {
		if (!window.axe) {` + g.axe + `}
		document.body.scrollTop = document.body.scrollHeight;
		const result = await axe.run(document, { runOnly: ` + rules + `, resultTypes: ['violations'] });
		document.body.scrollTop = 0;
		return result.violations.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.failureSummary + ' ' + n.html.slice(0, 200)));
	}`)
	g.must(err)
	for _, finding := range found.Value.Arr() {
		g.t.Errorf("%s: axe: %s", at, finding.Str())
	}
}

// keep keeps what is seen of the window.
func (g *gallery) keep(name string) {
	g.t.Helper()
	quality := 80
	shot, err := g.page.Screenshot(false, &proto.PageCaptureScreenshot{Format: proto.PageCaptureScreenshotFormatJpeg, Quality: &quality, OptimizeForSpeed: true})
	g.must(err)
	g.must(os.WriteFile(filepath.Join(g.dir, name+".jpg"), shot, 0o644))
}

// enter opens the app where place says.
func (g *gallery) enter(d *demo, place, lang string) {
	g.t.Helper()
	g.place, g.lang = place, lang
	g.size(windows[0][0], windows[0][1])
	d.portal.EditUser(1, func(u *emulator.User) { u.Lang = cmp.Or(portalCodes[lang], lang) })
	switch place {
	case "main":
		g.where = ".frame iframe"
		g.goTo(d.portal.URL() + "/marketplace/app/12/")
	case "slider":
		g.where = ".slider iframe"
		g.goTo(d.portal.URL() + "/crm/type/177/list/category/9/")
		g.press("#toolbar-menu")
		g.press(".placement")
	case "tab":
		g.where = "#tab-content iframe"
		items := d.portal.Items(emulator.DemoContracts)
		g.goTo(fmt.Sprintf("%s/crm/type/177/details/%d/", d.portal.URL(), items[0].ID))
		g.press(".tab[data-placement]")
		g.wait(".view-item")
		g.visit("item", true)
		g.click(".links [formaction='/start']")
	}
	g.wait("label.primary[for=file]")
}

// TestFramesHaveNoBars goes through the four steps in the portal's own page,
// in a tab and in a slider, in every language, in every window and both
// themes: the frame has no scroll bar, no script fails, no request fails,
// axe-core finds nothing, and what was seen is kept.
func TestFramesHaveNoBars(t *testing.T) {
	for _, lang := range languages(t) {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t)
			g := newGallery(t, d)
			g.enter(d, "main", lang) // installs
			for _, place := range []string{"main", "tab", "slider"} {
				g.enter(d, place, lang)
				g.steps(d)
			}
		})
	}
}

// contracts is a file that every language understands: titles of fields are
// in the person's language, codes are not.
func (g *gallery) contracts() string {
	g.t.Helper()
	name := contractsFile(g.t, 12, 3, 8)
	text, err := os.ReadFile(name)
	g.must(err)
	g.must(os.WriteFile(name, []byte(strings.Replace(string(text), "Contract number", "UF_CRM_7_1747309701", 1)), 0o600))
	return name
}

// steps goes through the wizard, and looks at each page.
func (g *gallery) steps(d *demo) {
	g.t.Helper()
	g.visit("1-file", true)
	g.choose(g.contracts())
	g.visit("1-reading", true)
	g.click(".bar .btn.primary")
	if g.place != "slider" { // a list says where to
		g.click(fmt.Sprintf("#type-%d", emulator.DemoContracts))
	}
	g.wait("#responsible")
	g.visit("2-target", true)
	g.click("[form=target].primary")
	g.wait("#mapping")
	g.visit("3-columns", true)
	g.click("[form=mapping].primary")
	g.wait("#findings")
	g.visit("3-check", true)
	g.click(".tabs [value=rows]")
	g.wait(".sheet")
	g.visit("3-rows", true)
	g.click("[formaction$='/receipt'].primary")
	g.wait("[formaction$='/start'].primary")
	g.visit("4-receipt", true)
	d.portal.SetCost("crm.item.batchImport", 3*time.Second)
	g.click("[formaction$='/start'].primary")
	g.wait("#progress[data-phase=running]")
	g.visit("4-running", false)
	d.portal.SetCost("crm.item.batchImport", time.Millisecond)
	g.wait("#progress[data-ended]")
	g.visit("4-done", true)
	g.click(".links [formaction='/history']")
	g.wait(".history")
	g.visit("history", true)
	g.click(".links [formaction='/docs']")
	g.wait(".view-doc")
	g.visit("docs", true)
}
