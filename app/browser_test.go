//go:build browser

package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/launcher"
	"github.com/go-rod/rod/lib/proto"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// startBrowser starts Chromium as a careful person sets it: no cookies in
// frames of other sites. All sites share a process, so that the test can
// look into the frame; what the frame may do does not depend on that. Going
// back always asks for the page again.
func startBrowser(t *testing.T) *rod.Browser {
	t.Helper()
	chromium := launcher.New().Bin("chromium").NoSandbox(true).Leakless(false).Headless(true).
		Set("disable-gpu").Set("disable-quic").Set("no-first-run").Set("disable-background-networking").
		Set("disable-component-update").Set("disable-sync").
		Set("test-third-party-cookie-phaseout").
		Set("disable-site-isolation-trials").Set("disable-features", "IsolateOrigins,site-per-process,BackForwardCache").
		Set("no-default-browser-check")
	control, err := chromium.Launch()
	if err != nil {
		t.Fatal(err)
	}
	browser := rod.New().ControlURL(control)
	if err := browser.Connect(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := browser.Close(); err != nil {
			t.Log(err)
		}
		chromium.Cleanup() // waits for its end, and deletes its folder
	})
	return browser
}

// person is somebody in front of the portal, with our app in its frame.
type person struct {
	t    *testing.T
	page *rod.Page
	// where finds the frame, if it is not the first one of the page; outside
	// a portal there is none.
	where   string
	outside bool
	// clicks counts what the person had to do.
	clicks int
	began  time.Time
}

func (p *person) must(err error) {
	p.t.Helper()
	if err != nil {
		p.picture("failed")
		p.t.Fatal(err)
	}
}

// picture keeps what the person sees, where ARTEFACTS names a folder.
func (p *person) picture(name string) {
	p.t.Logf("%s after %v", name, time.Since(p.began).Round(time.Millisecond))
	dir := os.Getenv("ARTEFACTS")
	if dir == "" {
		return
	}
	shot, err := p.page.Screenshot(true, nil)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(p.t.Name(), "/", "-")+"-"+name+".png"), shot, 0o644)
	}
	if err != nil {
		p.t.Log(err)
	}
}

// frame is the app's page as it is now.
func (p *person) frame() (*rod.Page, error) {
	if p.outside {
		return p.page, nil
	}
	element, err := p.page.Timeout(10 * time.Second).Element(cmp.Or(p.where, "iframe"))
	if err != nil {
		return nil, fmt.Errorf("the page has no frame: %w", err)
	}
	frame, err := element.Frame()
	if err != nil {
		return nil, fmt.Errorf("looking into the frame: %w", err)
	}
	return frame, nil
}

// wait waits until a selector is in the frame and visible.
func (p *person) wait(selector string) *rod.Element {
	p.t.Helper()
	var last error
	for until := time.Now().Add(60 * time.Second); time.Now().Before(until); pause(p.t, 50*time.Millisecond) {
		var element *rod.Element
		// The library panics where the frame goes away while it looks.
		last = rod.Try(func() {
			frame, err := p.frame()
			if err == nil {
				element, err = frame.Timeout(2 * time.Second).Element(selector)
			}
			if err != nil {
				panic(err)
			}
			if shown, err := element.Visible(); err != nil || !shown {
				panic(fmt.Errorf("%s is hidden: %w", selector, err))
			}
		})
		if last == nil {
			return element.CancelTimeout()
		}
	}
	p.picture("waiting")
	p.t.Fatalf("waited for %s: %v; the frame shows:\n%s", selector, last, p.text())
	return nil
}

func (p *person) text() string {
	frame, err := p.frame()
	if err != nil {
		return err.Error()
	}
	body, err := frame.Timeout(5 * time.Second).Element("body")
	if err != nil {
		return err.Error()
	}
	text, err := body.Text()
	if err != nil {
		return err.Error()
	}
	return text
}

// click waits for something and clicks it, once it stays where it is: the
// portal makes the frame as high as its page when that has been drawn.
func (p *person) click(selector string) {
	p.t.Helper()
	p.clicks++
	var err error
	for range 3 {
		element := p.wait(selector)
		if err = element.Timeout(20 * time.Second).WaitStable(100 * time.Millisecond); err == nil {
			err = element.Timeout(20*time.Second).Click(proto.InputMouseButtonLeft, 1)
		}
		if err == nil {
			return
		}
	}
	p.must(err)
}

// TestImportInTheFrame is what a person does in `make demo`: open the portal,
// open the app, choose the sample file, and press on until it is done. The
// frame is of another site and gets no cookies. Then every item of the portal
// is compared with its row of the file, cell by cell.
func TestImportInTheFrame(t *testing.T) {
	for _, c := range []struct{ lang, sample string }{{"en", "sample-en.csv"}, {"ru", "sample-ru.csv"}} {
		t.Run(c.lang, func(t *testing.T) {
			d := startDemo(t)
			d.portal.EditUser(1, func(u *emulator.User) { u.Lang = c.lang })
			p := &person{t: t, began: time.Now(), page: startBrowser(t).MustPage(d.portal.URL() + "/")}
			sample, err := filepath.Abs(filepath.Join("..", "static", c.sample))
			p.must(err)
			before := len(d.portal.Items(emulator.DemoContracts))

			p.must(p.page.MustElement("#app-link").Click(proto.InputMouseButtonLeft, 1))
			p.clicks++
			p.wait("label.primary[for=file]")
			frame, err := p.frame()
			p.must(err)
			file, err := frame.Timeout(10 * time.Second).Element("#file")
			p.must(err)
			p.clicks += 2 // choose, confirm
			p.must(file.CancelTimeout().SetFiles([]string{sample}))
			p.wait("#correct") // what was read
			p.picture("1-file")
			p.click(".bar .btn.primary")
			p.click(fmt.Sprintf("#type-%d", emulator.DemoContracts))
			p.wait("#responsible")
			p.picture("2-target")
			p.click("[form=target].primary")
			p.wait("#mapping")
			p.picture("3-columns")
			p.click("[form=mapping].primary")
			p.wait("[formaction$='/receipt'].primary")
			p.picture("3-check")
			p.click("[formaction$='/receipt'].primary")
			p.wait("[formaction$='/start'].primary")
			p.picture("4-receipt")
			p.click("[formaction$='/start'].primary")
			p.wait("#progress[data-ended]")
			p.picture("4-done")
			t.Logf("%d clicks", p.clicks)
			if p.clicks > 12 {
				t.Errorf("a person needs %d clicks", p.clicks)
			}
			compareWithSample(t, d, sample, d.portal.Items(emulator.DemoContracts)[before:])
			told := d.portal.Notices()
			if len(told) != 1 || told[0].To != 1 || !strings.Contains(told[0].Message, c.sample) ||
				!strings.Contains(told[0].Message, "params[import]=") {
				t.Errorf("the portal was told %+v", told)
			}
			cookies, err := p.page.Browser().GetCookies()
			p.must(err)
			for _, cookie := range cookies {
				if cookie.Domain == "localhost" {
					t.Errorf("the app has set the cookie %s", cookie.Name)
				}
			}
		})
	}
}
