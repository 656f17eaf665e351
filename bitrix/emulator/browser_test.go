//go:build browser

package emulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/launcher"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// sdk is the official frame library as npm delivers it.
const sdk = "testdata/jssdk/node_modules/@bitrix24/b24jssdk/dist/umd/index.min.js"

func TestMain(m *testing.M) {
	if _, err := os.Stat(sdk); err != nil {
		cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		cmd.Dir = "testdata/jssdk"
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "npm ci: %v\n%s", err, out)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// stage is a portal, an OAuth server and an app on three origins, the app on
// another site, and a browser.
type stage struct {
	w       *emulator.World
	p       *emulator.Portal
	browser *rod.Browser
	origin  string
	reports chan map[string]any
}

// appPage runs one scenario with the real library and reports what it saw.
const appPage = `<!doctype html><meta charset="utf-8"><body style="height:900px">
<script src="/sdk.js"></script><script src="/scenario.js"></script>`

func newStage(t *testing.T, installed bool) *stage {
	t.Helper()
	s := &stage{reports: make(chan map[string]any, 16)}
	app := httptest.NewUnstartedServer(http.HandlerFunc(s.app))
	app.Start()
	t.Cleanup(app.Close)
	_, port, err := net.SplitHostPort(app.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	origin := "http://localhost:" + port
	s.origin = origin
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	pl, ol := listen(), listen()
	s.w = emulator.New(emulator.Options{
		AppURL: origin + "/app", InstallURL: origin + "/install", EventsURL: origin + "/events",
		OAuthURL: "http://" + ol.Addr().String(),
	})
	prof := emulator.DemoProfile()
	prof.Domain, prof.Installed = pl.Addr().String(), installed
	s.p = s.w.AddPortal(prof)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() { _ = emulator.Serve(ctx, pl, s.p.Handler()) }()
	go func() { _ = emulator.Serve(ctx, ol, s.w.OAuth()) }()
	chromium := launcher.New().Bin("chromium").NoSandbox(true).Leakless(false).
		Set("disable-gpu").Set("disable-background-networking").Set("disable-sync")
	s.browser = rod.New().ControlURL(chromium.MustLaunch()).MustConnect()
	t.Cleanup(func() {
		if err := s.browser.Close(); err != nil {
			t.Errorf("closing the browser: %v", err)
		}
		// Waits for the process to end, then deletes its profile.
		chromium.Cleanup()
	})
	return s
}

func (s *stage) app(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/sdk.js":
		http.ServeFile(w, r, sdk)
	case "/scenario.js":
		http.ServeFile(w, r, "testdata/jssdk/scenario.js")
	case "/report":
		var got map[string]any
		if err := json.NewDecoder(r.Body).Decode(&got); err == nil {
			s.reports <- got
		}
	case "/app", "/install", "/tab":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		// The page learns which URL was opened, by which method.
		fmt.Fprintf(w, `%s<meta name="opened" content="%s %s">`, appPage, r.Method, r.URL.Path)
	}
}

func (s *stage) next(t *testing.T, scenario string) map[string]any {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case got := <-s.reports:
			if got["error"] != nil {
				t.Fatalf("%s: the page failed: %v", scenario, got["error"])
			}
			if got["scenario"] == scenario {
				return got
			}
		case <-timeout:
			t.Fatalf("%s: the page did not report", scenario)
		}
	}
}

func want(t *testing.T, got map[string]any, key string, value any) {
	t.Helper()
	a, _ := json.Marshal(got[key])
	b, _ := json.Marshal(value)
	if string(a) != string(b) {
		t.Errorf("%s: %s is %s, want %s", got["scenario"], key, a, b)
	}
}

func TestSDKMainPage(t *testing.T) {
	s := newStage(t, true)
	page := s.browser.MustPage(s.p.URL() + "/marketplace/app/12/")
	got := s.next(t, "inner")
	want(t, got, "options", map[string]any{"bx24_title": "Inner", "screen": "inner", "job": "42"})
	want(t, got, "placement", "DEFAULT")
	got = s.next(t, "main")
	want(t, got, "opened", "POST /app")
	want(t, got, "installMode", false)
	want(t, got, "firstRun", true)
	want(t, got, "admin", true)
	want(t, got, "lang", "en")
	want(t, got, "origin", s.p.URL())
	want(t, got, "refreshed", true)
	want(t, got, "badPath", "PATH_NOT_AVAILABLE")
	want(t, got, "interface", map[string]any{"command": []any{}, "event": []any{}})
	want(t, got, "sliderClosed", true)
	want(t, got, "userOption", "dark")
	if h, _ := got["height"].(float64); h < 890 {
		t.Errorf("the frame is %v high, the page 900", h)
	}
	if title := page.MustElement("#page-title").MustText(); title != `Import: "x" y` {
		t.Errorf("the heading is %q", title)
	}
}

func TestSDKOpenPath(t *testing.T) {
	s := newStage(t, true)
	page := s.browser.MustPage(s.p.URL() + "/marketplace/app/12/?screen=path")
	page.MustElement(".slider .close").MustWaitVisible().MustClick()
	want(t, s.next(t, "path"), "closed", "close")
}

func TestSDKInstaller(t *testing.T) {
	s := newStage(t, false)
	page := s.browser.MustPage(s.p.URL() + "/marketplace/app/12/")
	got := s.next(t, "installer")
	want(t, got, "opened", "POST /install")
	want(t, got, "installMode", true)
	want(t, s.next(t, "main"), "opened", "POST /app")
	if !s.p.Installed() {
		t.Error("the portal does not know that the installation is finished")
	}
	if !strings.Contains(page.MustInfo().URL, "install_finished=Y") {
		t.Errorf("the page is %s", page.MustInfo().URL)
	}
}

func TestSDKDetailTab(t *testing.T) {
	s := newStage(t, true)
	c := as(t, s.w, s.p, 1)
	app := s.origin
	c.result("placement.bind", body{"PLACEMENT": "CRM_DYNAMIC_177_DETAIL_TAB", "HANDLER": app + "/tab", "TITLE": "Import"})
	c.result("placement.bind", body{"PLACEMENT": "CRM_DYNAMIC_177_LIST_TOOLBAR", "HANDLER": app + "/tab",
		"LANG_ALL": body{"en": body{"TITLE": "Import from file"}}})
	page := s.browser.MustPage(s.p.URL() + "/crm/type/177/details/1/").MustWaitLoad()
	page.MustElementR(".tab", "Import").MustClick()
	got := s.next(t, "tab")
	want(t, got, "placement", "CRM_DYNAMIC_177_DETAIL_TAB")
	want(t, got, "options", map[string]any{"ID": "1", "URI": "/crm/type/177/details/1/"})
	want(t, got, "interface", map[string]any{"command": []any{"reloadData"}, "event": []any{}})
	if h, _ := got["height"].(float64); h < 890 {
		t.Errorf("the tab is %v high", h)
	}

	page.MustNavigate(s.p.URL() + "/crm/type/177/list/category/9/").MustWaitLoad()
	page.MustElement("#toolbar-menu").MustClick()
	page.MustElementR(".placement", "Import from file").MustClick()
	got = s.next(t, "toolbar")
	want(t, got, "options", map[string]any{"URI": "/crm/type/177/list/category/9/"})
	// A slider is as high as the window, whatever the app wishes.
	if h, _ := got["height"].(float64); h >= 890 {
		t.Errorf("the slider's frame was resized to %v", h)
	}
}

func TestPlainUserMeetsTheLock(t *testing.T) {
	s := newStage(t, false)
	page := s.browser.MustPage(s.p.URL() + "/")
	page.MustElement("#user").MustSelect("Ivan Testov")
	page.MustElement("#lang").MustSelect("Русский")
	wait := page.MustWaitNavigation()
	page.MustElement(".who button").MustClick()
	wait()
	page.MustElement("#app-link").MustClick()
	if got := page.MustElement("#not-installed").MustText(); !strings.Contains(got, "не до конца") {
		t.Errorf("the page says %q", got)
	}
}
