//go:build browser

package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
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

// TestLook draws every page in every state. In English it is drawn in all
// sizes, light and dark, and held to the rules of accessibility; in the other
// languages in a wide and in a narrow window, where long words show. No page
// has a horizontal scroll bar, a script error, a request that fails, controls
// that overlap or words that are cut, and none jumps while it loads. Each is
// kept as a picture, in the folder that ARTEFACTS names.
func TestLook(t *testing.T) {
	s := newStudio(t)
	texts, err := locale.Load()
	must(t, err)
	languages := texts.Languages()
	slices.SortStableFunc(languages, func(a, b string) int {
		return strings.Compare(strings.TrimPrefix(a, "en"), strings.TrimPrefix(b, "en"))
	})
	for _, lang := range languages {
		t.Run(lang, func(t *testing.T) {
			s.t = t
			for _, name := range []string{"steps", "mapping", "beside"} {
				walks[name](t, lang, func(site *site, name string, p page) {
					s.put(site, name+"-"+lang, p)
					s.draw(lang == "en")
				})
			}
		})
	}
}

// studio is a browser that pages are shown in, one after the other.
type studio struct {
	t   *testing.T
	tab *rod.Page
	url string
	dir string
	axe string

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
	s.t.Errorf("%s: %s", at, fmt.Sprintf(format, args...))
}

func newStudio(t *testing.T) *studio {
	t.Helper()
	s := &studio{t: t, dir: os.Getenv("ARTEFACTS")}
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "look-")
		must(t, err)
		s.dir = dir
	}
	must(t, os.MkdirAll(s.dir, 0o755))
	t.Logf("pictures are in %s", s.dir)
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
	s.tab = browser.MustPage("about:blank").Timeout(15 * time.Minute)
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

// draw shows the page and looks at it.
func (s *studio) draw(whole bool) {
	s.t.Helper()
	s.size(1280, 720)
	s.theme("light")
	s.tab.MustNavigate(s.url + "/page").MustWaitLoad()
	s.settle()
	s.examine("1280")
	s.shoot("1280-light")
	if whole {
		s.obeys("light", standard)
		s.reads()
		s.theme("dark")
		s.obeys("dark", colours)
		s.shoot("1280-dark")
		for _, size := range otherSizes {
			s.size(size[0], size[1])
			s.examine(fmt.Sprint(size[0]))
		}
	}
	s.size(375, 667)
	s.examine("375")
	s.shoot("375-" + map[bool]string{true: "dark", false: "light"}[whole])
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

// otherSizes are what the Market asks for beside 1280 px, and the narrowest window
// that WCAG knows: one of 1280 px at 400 %.
var otherSizes = [][2]int{{320, 640}, {1366, 768}, {1920, 1080}}

func (s *studio) size(width, height int) {
	must(s.t, proto.EmulationSetDeviceMetricsOverride{Width: width, Height: height, DeviceScaleFactor: 1}.Call(s.tab))
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
new PerformanceObserver((all) => all.getEntries().forEach((e) => { window.jumped += e.value; })).observe({ type: 'layout-shift', buffered: true });`

// settle waits until the page has what it asked for and is drawn.
func (s *studio) settle() {
	s.t.Helper()
	jumped := s.tab.MustEval(`async () => {
		const frame = () => new Promise(requestAnimationFrame);
		do { await frame(); await frame(); } while (window.asked > 0);
		await frame();
		return window.jumped;
	}`).Num()
	if jumped > 0.1 { // what is called good
		s.errorf("the page jumps while it loads: %.2f", jumped)
	}
}

// faults finds what is wrong to the eye: a bar below the page, controls on
// top of each other, words that leave their box.
const faults = `() => {
	const found = [];
	const root = document.documentElement;
	if (root.scrollWidth > root.clientWidth) found.push('is ' + root.scrollWidth + ' px wide');
	const name = (e) => '<' + e.localName + ' ' + (e.id || e.className) + '> ' + (e.textContent.trim() || e.name || '').slice(0, 40);
	const seen = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !e.closest('.hidden, .skip, .window');
	const controls = [...document.querySelectorAll('button, a[href], input:not([type=hidden]), select, textarea, summary')]
		.filter((e) => seen(e) && !e.closest('.scroll')).map((e) => ({ e, r: e.getBoundingClientRect(), bar: Boolean(e.closest('.bar')) }));
	controls.forEach((a, i) => controls.slice(i + 1).forEach((b) => {
		if (a.bar !== b.bar || a.e.contains(b.e)) return;
		const wide = Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left);
		const high = Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top);
		if (wide > 1 && high > 1) found.push(name(a.e) + ' and ' + name(b.e) + ' overlap');
	}));
	for (const e of document.querySelectorAll('button, a, label, h1, h2, h3, p, li, dt, dd, legend, summary, th, .badge, .count b, .count span')) {
		const style = getComputedStyle(e);
		if (!seen(e) || style.display === 'inline' || style.textOverflow === 'ellipsis' || e.querySelector('.clip, .chosen, .samples')) continue;
		if (e.scrollWidth > e.clientWidth + 1) found.push(name(e) + ' is cut: ' + e.scrollWidth + ' px in ' + e.clientWidth);
	}
	return found;
}`

func (s *studio) examine(size string) {
	s.t.Helper()
	for _, fault := range s.tab.MustEval(faults).Arr() {
		s.errorf("%s: %s", size, fault.Str())
	}
}

// shoot keeps the page as a picture.
func (s *studio) shoot(name string) {
	s.t.Helper()
	_, _, at := s.now()
	quality := 80
	picture, err := s.tab.Screenshot(true, &proto.PageCaptureScreenshot{
		Format: proto.PageCaptureScreenshotFormatJpeg, Quality: &quality, OptimizeForSpeed: true,
	})
	must(s.t, err)
	must(s.t, os.WriteFile(filepath.Join(s.dir, at+"-"+name+".jpg"), picture, 0o644))
}
