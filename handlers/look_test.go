//go:build browser

package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/launcher"
	"github.com/go-rod/rod/lib/proto"

	"github.com/spa-importer/spa-importer/app/locale"
	"github.com/spa-importer/spa-importer/static"
)

// TestLook draws every page in every state, in every language, at every size
// and in both themes. No page has a horizontal scroll bar, a script error, a
// request that fails, controls that overlap, words that are cut or a finding
// of axe-core, none jumps while it loads, and a listener finds his way through
// each. Pictures at 1280 and 375 px are kept in the folder that ARTEFACTS
// names, with an index.html.
func TestLook(t *testing.T) {
	texts, err := locale.Load()
	must(t, err)
	g := &gallery{dir: os.Getenv("ARTEFACTS")}
	if g.dir == "" {
		g.dir, err = os.MkdirTemp("", "look-")
		must(t, err)
	}
	must(t, os.MkdirAll(g.dir, 0o755))
	t.Logf("pictures are in %s", g.dir)
	t.Cleanup(func() { must(t, g.index(texts.Languages())) })
	for _, lang := range texts.Languages() {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			s := newStudio(t, lang, g)
			for _, name := range []string{"steps", "mapping", "beside"} {
				walks[name](t, lang, func(site *site, name string, p page) {
					s.put(site, name, p)
					s.draw()
				})
			}
		})
	}
}

// studio is a browser that the pages of a language are shown in, one after
// the other.
type studio struct {
	t       *testing.T
	tab     *rod.Page
	lang    string
	gallery *gallery
	url     string
	axe     string

	mu   sync.Mutex
	site *site
	page page
	// at names what is shown.
	at string
	// answering is held for reading while a request of a page is answered.
	answering sync.RWMutex
	// faults are what the browser has complained of.
	faults []string
}

func (s *studio) put(site *site, at string, p page) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.site, s.page, s.at = site, p, at
}

func (s *studio) now() (*site, page, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.site, s.page, s.at
}

// fault notes what the browser complains of.
func (s *studio) fault(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

func (s *studio) errorf(format string, args ...any) {
	s.t.Helper()
	_, _, at := s.now()
	s.t.Errorf("%s-%s: %s", at, s.lang, fmt.Sprintf(format, args...))
}

func newStudio(t *testing.T, lang string, g *gallery) *studio {
	t.Helper()
	s := &studio{t: t, lang: lang, gallery: g}
	axe, err := os.ReadFile("testdata/axe/axe.min.js")
	must(t, err)
	s.axe = string(axe)
	assets, err := static.Load()
	must(t, err)
	server := httptest.NewServer(s.answer(assets))
	t.Cleanup(server.Close)
	s.url = server.URL
	chromium := launcher.New().Bin("chromium").NoSandbox(true).Leakless(false).
		Set("disable-gpu").Set("disable-background-networking").Set("disable-sync")
	browser := rod.New().ControlURL(chromium.MustLaunch()).MustConnect()
	t.Cleanup(func() {
		browser.MustClose()
		chromium.Cleanup()
	})
	s.tab = browser.MustPage("about:blank").Timeout(40 * time.Minute)
	s.tab.MustEvalOnNewDocument(count)
	go s.tab.EachEvent(func(e *proto.RuntimeExceptionThrown) {
		s.fault("%s", e.ExceptionDetails.Exception.Description)
	}, func(e *proto.LogEntryAdded) {
		if e.Entry.Level == proto.LogLogEntryLevelError {
			s.fault("%s %s", e.Entry.Text, e.Entry.URL)
		}
	})()
	return s
}

// answer gives the page that is shown, as it came; what the page then asks
// for is answered by the site that it came from.
func (s *studio) answer(assets *static.Files) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		body, kind, ok := assets.Open(r.URL.Path)
		site, shown, _ := s.now()
		switch {
		case r.URL.Path == "/page":
			rw.Header().Set("Content-Security-Policy", shown.header.Get("Content-Security-Policy"))
			rw.Header().Set("Content-Type", shown.header.Get("Content-Type"))
			body = []byte(shown.body)
		case ok:
			rw.Header().Set("Content-Type", kind)
		case strings.HasSuffix(r.URL.Path, "/stream"):
			<-r.Context().Done() // nothing moves while a page is looked at
			return
		default:
			s.answering.RLock()
			defer s.answering.RUnlock()
			r.RequestURI, r.Host = r.URL.RequestURI(), "app.example.com"
			p := site.do(r)
			rw.Header().Set("Content-Type", p.header.Get("Content-Type"))
			rw.WriteHeader(p.status)
			body = []byte(p.body)
		}
		_, _ = rw.Write(body) // a browser that went away needs no answer
	}
}

// windows are the sizes that the Market asks for, a telephone, and the
// narrowest one that WCAG knows: one of 1280 px at 400 %.
var windows = [][2]int{{1280, 720}, {1366, 768}, {1920, 1080}, {375, 667}, {320, 640}}

// draw shows the page and looks at it. Where all boxes lie to each other as
// they did in another window, axe-core cannot find anything else: it is asked
// once for each theme and shape that the Market's sizes have.
func (s *studio) draw() {
	s.t.Helper()
	s.size(windows[0])
	s.theme("light")
	s.tab.MustNavigate(s.url + "/page").MustWaitLoad()
	s.settle()
	s.reads()
	obeyed := map[string]bool{}
	for _, w := range windows {
		s.size(w)
		for _, theme := range []string{"light", "dark"} {
			s.theme(theme)
			how := fmt.Sprintf("%d-%s", w[0], theme)
			shape := fmt.Sprint(theme, s.examine(how, w[0]))
			if !obeyed[shape] && w[0] >= 375 {
				s.obeys(how, map[string]string{"light": standard, "dark": drawn}[theme])
				obeyed[shape] = true
			}
			if w[0] == 1280 || w[0] == 375 {
				s.shoot(w, theme)
			}
		}
	}
	s.tab.MustNavigate("about:blank")
	s.answering.Lock() // the site belongs to the walk again
	s.mu.Lock()
	faults := s.faults
	s.faults = nil
	s.mu.Unlock()
	s.answering.Unlock()
	for _, fault := range faults {
		s.errorf("%s", fault)
	}
}

func (s *studio) size(w [2]int) {
	must(s.t, proto.EmulationSetDeviceMetricsOverride{Width: w[0], Height: w[1], DeviceScaleFactor: 1}.Call(s.tab))
}

func (s *studio) theme(name string) {
	must(s.t, proto.EmulationSetEmulatedMedia{Features: []*proto.EmulationMediaFeature{{Name: "prefers-color-scheme", Value: name}}}.Call(s.tab))
}

// count makes pages count what they ask for, so that settle knows when all
// of it is there.
const count = `window.asked = 0;
const real = window.fetch;
window.fetch = (url, ...rest) => {
	if (String(url).endsWith('/stream')) return real(url, ...rest);
	window.asked++;
	return real(url, ...rest).finally(() => window.asked--);
};
window.jumped = 0;
window.movers = [];
new PerformanceObserver((all) => all.getEntries().forEach((e) => {
	// Sideways is where the page goes when its own scroll bar comes.
	const moved = e.sources.filter(({ previousRect: a, currentRect: b }) => Math.abs(a.top - b.top) > 1);
	if (moved.length) window.jumped += e.value;
	for (const { node: n, previousRect: a, currentRect: b } of moved) window.movers.push((n?.id || n?.className || n?.nodeName) + ' from ' + a.top + ' to ' + b.top);
})).observe({ type: 'layout-shift', buffered: true });`

// settle waits until the page has what it asked for and is drawn.
func (s *studio) settle() {
	s.t.Helper()
	seen := s.tab.MustEval(`async () => {
		const frame = () => new Promise(requestAnimationFrame);
		do { await frame(); await frame(); } while (window.asked > 0);
		await frame();
		return { jumped: window.jumped, movers: window.movers.join(', ') };
	}`)
	if jumped := seen.Get("jumped").Num(); jumped > 0.1 { // what is called good
		s.errorf("the page jumps while it loads, by %.2f: %s", jumped, seen.Get("movers").Str())
	}
}

// shoot keeps the page as a picture, in a window as high as it.
func (s *studio) shoot(w [2]int, theme string) {
	s.t.Helper()
	high := s.tab.MustEval(`() => document.documentElement.scrollHeight`).Int()
	s.size([2]int{w[0], max(w[1], high)})
	quality := 80
	picture, err := s.tab.Screenshot(false, &proto.PageCaptureScreenshot{
		Format: proto.PageCaptureScreenshotFormatJpeg, Quality: &quality, OptimizeForSpeed: true,
	})
	must(s.t, err)
	_, _, at := s.now()
	must(s.t, s.gallery.keep(at, s.lang, fmt.Sprintf("%d-%s", w[0], theme), picture))
	s.size(w)
}
