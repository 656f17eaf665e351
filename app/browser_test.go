//go:build browser

package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
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

// startDemo is `app demo` on free ports.
func startDemo(t *testing.T) *demo {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d, err := openDemo(ctx, demoAddresses{"localhost:0", "127.0.0.1:0", "127.0.0.1:0"}, nil, os.Getenv, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- d.serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := d.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d
}

// startBrowser starts Chromium as a careful person sets it: no cookies in
// frames of other sites. All sites share a process, so that the test can
// look into the frame; what the frame may do does not depend on that.
func startBrowser(t *testing.T) *rod.Browser {
	t.Helper()
	chromium := launcher.New().Bin("/usr/bin/chromium").NoSandbox(true).Leakless(false).Headless(true).
		Set("disable-gpu").Set("disable-quic").Set("no-first-run").Set("disable-background-networking").
		Set("disable-component-update").Set("disable-sync").
		Set("test-third-party-cookie-phaseout").
		Set("disable-site-isolation-trials").Set("disable-features", "IsolateOrigins,site-per-process").
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
	// where finds the frame, if it is not the first one of the page.
	where string
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
	element, err := p.page.Timeout(2 * time.Second).Element(cmp.Or(p.where, "iframe"))
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

// compareWithSample holds items to the rows they came from.
func compareWithSample(t *testing.T, d *demo, sample string, items []emulator.Item) {
	t.Helper()
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(strings.NewReader(string(text)))
	if strings.HasSuffix(sample, "-ru.csv") {
		r.Comma = ';'
	}
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows = rows[1:]
	if len(items) != len(rows) {
		t.Fatalf("%d items for %d rows", len(items), len(rows))
	}
	users := map[string]int64{}
	for _, u := range d.portal.Users() {
		users[u.Name+" "+u.LastName] = u.ID
	}
	zone, err := time.LoadLocation(d.portal.Users()[0].Zone)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		for name, want := range expected(t, row, users, zone) {
			if got := readBack(items[i].Fields[name]); got != want {
				t.Errorf("row %d, %s: the portal has %q, the file means %q", i+2, name, got, want)
			}
		}
	}
}

// expected says what the portal must hold for a row of the sample, written
// apart from the code that is tested.
func expected(t *testing.T, row []string, users map[string]int64, zone *time.Location) map[string]string {
	t.Helper()
	const uf = "UF_CRM_7_17473097"
	parse := func(layout, s string) time.Time {
		at, err := time.ParseInLocation(layout, s, zone)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	amount, ok := strings.CutSuffix(row[2], " EUR")
	if !ok {
		t.Fatalf("amount %q", row[2])
	}
	if decimal := strings.LastIndexAny(amount, ".,"); decimal >= 0 {
		whole := strings.NewReplacer(",", "", " ", "", ".", "").Replace(amount[:decimal])
		amount = whole + "." + amount[decimal+1:]
		// What a portal keeps of an amount is its value, not how it was
		// written.
		amount = strings.TrimRight(strings.TrimRight(amount, "0"), ".")
	}
	kinds := map[string]string{"Supply": "79", "Service": "80", "Lease": "81", "Framework": "82"}
	labels := map[string]string{"Urgent": "91", "VIP": "92", "Archive": "93"}
	stages := map[string]string{"New": "NEW", "In preparation": "PREPARATION", "With the client": "CLIENT", "Signed": "SUCCESS"}
	var chosen []string
	for _, label := range strings.Split(row[7], "|") {
		if label != "" {
			chosen = append(chosen, labels[label])
		}
	}
	return map[string]string{
		"title": row[0], uf + "01": row[1], uf + "05": amount + "|EUR",
		uf + "06": parse("02.01.2006", row[3]).Format(time.DateOnly),
		uf + "07": parse("02.01.2006 15:04", row[4]).UTC().Format(time.RFC3339),
		uf + "08": map[string]string{"yes": "true", "да": "true", "no": "false", "нет": "false"}[row[5]],
		uf + "09": kinds[row[6]], uf + "10": strings.Join(chosen, ","),
		"stageId": "DT177_9:" + stages[row[8]], "assignedById": fmt.Sprint(users[row[9]]), uf + "03": row[10],
	}
}

// readBack is a value of the portal as text: a list by commas, a time in
// UTC, a date without the hour that portals add.
func readBack(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		return fmt.Sprint(v)
	case []any:
		parts := make([]string, len(v))
		for i, one := range v {
			parts[i] = readBack(one)
		}
		return strings.Join(parts, ",")
	}
	s := fmt.Sprint(v)
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		if at.Hour() == 2 || at.Hour() == 3 {
			if _, offset := at.Zone(); at.Minute() == 0 && offset == at.Hour()*3600 {
				return at.Format(time.DateOnly)
			}
		}
		return at.UTC().Format(time.RFC3339)
	}
	switch s {
	case "Y":
		return "true"
	case "N":
		return "false"
	}
	return s
}
