//go:build browser

package handlers_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/launcher"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// TestInstallAndReloadInTheFrame goes through a browser: the portal's page
// frames the app from another site. The installer sets up and tells the
// portal, which then shows the app; later a reload posts a token that is
// over, and the page gets a fresh one by itself.
func TestInstallAndReloadInTheFrame(t *testing.T) {
	app, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	front, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, err := net.SplitHostPort(app.Addr().String())
	must(t, err)
	s := newSiteAt(t, "http://localhost:"+port, "http", front.Addr().String(), nil)
	go func() {
		if err := s.server.Serve(app); err != nil {
			t.Log(err)
		}
	}()
	web := &http.Server{Handler: s.portal.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := web.Serve(front); err != http.ErrServerClosed {
			t.Log(err)
		}
	}()
	t.Cleanup(func() { must(t, web.Close()) })

	l := launcher.New().Bin("chromium").NoSandbox(true).Leakless(false).Headless(true).
		Set("disable-gpu").Set("disable-background-networking").Set("disable-sync").
		// The frame is of another site; its page is looked into from here.
		Set("disable-site-isolation-trials").Set("disable-features", "IsolateOrigins,site-per-process")
	control, err := l.Launch()
	must(t, err)
	browser := rod.New().ControlURL(control)
	must(t, browser.Connect())
	t.Cleanup(func() { must(t, browser.Close()) })

	page := browser.MustPage(s.portal.URL() + "/marketplace/app/12/")
	s.waitInFrame(page, "which file")
	if !s.portal.Installed() || len(s.portal.Placements()) != 7 {
		t.Errorf("installed %v, %d placements", s.portal.Installed(), len(s.portal.Placements()))
	}

	s.world.Fault(emulator.Fault{Method: "oauth.app.info", Kind: emulator.Deny, Status: 401, Code: "expired_token"})
	page.MustReload()
	s.waitInFrame(page, "which file")
	if !strings.Contains(s.log.String(), "code=expired") {
		t.Error("the token was not over: nothing was tested")
	}

	// Where the frame cannot be verified, the reason stands in it.
	s.world.Fault(emulator.Fault{Method: "oauth.app.info", Kind: emulator.ConnRefused})
	page.MustReload()
	s.waitInFrame(page, "authorisation server does not answer")
}

// waitInFrame waits until the frame of the portal's page shows a text.
func (s *site) waitInFrame(page *rod.Page, text string) {
	s.t.Helper()
	until := time.Now().Add(30 * time.Second)
	seen := ""
	for time.Now().Before(until) {
		if seen = frameText(page.Timeout(2 * time.Second)); strings.Contains(strings.ToLower(seen), text) {
			return
		}
	}
	s.t.Fatalf("the frame never showed %q, but %q\n%s", text, seen, s.log.String())
}

// frameText is what the first frame shows now; "" while there is nothing.
func frameText(page *rod.Page) string {
	element, err := page.Element("iframe")
	if err != nil {
		return ""
	}
	frame, err := element.Frame()
	if err != nil {
		return ""
	}
	main, err := frame.Element("main")
	if err != nil {
		return ""
	}
	text, err := main.Text()
	if err != nil {
		return ""
	}
	return text
}
