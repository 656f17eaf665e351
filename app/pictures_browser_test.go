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

	"github.com/go-rod/rod/lib/proto"

	"github.com/spa-importer/spa-importer/app/locale"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// TestMarketPictures draws the icon and the screenshots of the Market card:
// the app in a slider of 1280 by 720, with the sample file. The folder that
// MARKET names gets those of all languages (`make pictures`); otherwise the English ones are drawn into a temporary
// folder, to see that it can be done.
func TestMarketPictures(t *testing.T) {
	dir, list := os.Getenv("MARKET"), []string{"en"}
	if dir == "" {
		dir = t.TempDir()
	} else {
		list = languages(t)
	}
	d := unlimited(t)
	d.portal.SetCost("crm.item.batchImport", time.Millisecond)
	g := newGallery(t, d)
	g.dir = dir
	g.icon()
	g.enter(d, "main", "en") // installs
	for _, lang := range list {
		g.screenshots(d, lang)
	}
	checkPictures(t, dir, list)
}

// icon draws static/icon.svg to the edges of a square, since the Market wants
// no transparency.
func (g *gallery) icon() {
	g.t.Helper()
	svg, err := os.ReadFile("../static/icon.svg")
	g.must(err)
	square := strings.Replace(string(svg), `rx="8"`, "", 1)
	page := g.page.Browser().MustPage("data:text/html,<style>*{margin:0}svg{display:block}</style>")
	defer page.MustClose()
	g.must(proto.EmulationSetDeviceMetricsOverride{Width: 512, Height: 512, DeviceScaleFactor: 1}.Call(page))
	page.MustEval(`(svg) => { document.body.innerHTML = svg; }`, square)
	shot, err := page.Screenshot(false, nil)
	g.must(err)
	g.must(os.WriteFile(filepath.Join(g.dir, "icon.png"), shot, 0o644))
}

// screenshots go through the four steps in a slider.
func (g *gallery) screenshots(d *demo, lang string) {
	g.t.Helper()
	shoot := func(name string) {
		g.t.Helper()
		g.fitted(name, true)
		pause(g.t, 300*time.Millisecond) // fields that were just left lose their ring
		shot, err := g.page.Screenshot(false, nil)
		g.must(err)
		g.must(os.WriteFile(filepath.Join(g.dir, lang+"-"+name+".png"), shot, 0o644))
	}
	file := filepath.Join(g.t.TempDir(), "contracts.csv")
	g.must(os.WriteFile(file, []byte(slips(g.t, lang)), 0o600))
	g.enter(d, "slider", cmp.Or(portalCodes[lang], lang))
	shoot("1-file")
	g.choose(file)
	g.click(".bar .btn.primary")
	g.wait(fmt.Sprintf("#type-%d:checked", emulator.DemoContracts))
	g.wait("#responsible")
	g.click("[form=target].primary")
	g.wait("#mapping")
	shoot("2-columns")
	g.click("[form=mapping].primary")
	g.wait("#findings").MustEval(`() => this.scrollIntoView()`)
	shoot("3-check")
	g.click("[name=do][value=safe]")
	g.wait("#findings[data-all='1']")
	g.click("[formaction$='/receipt'].primary")
	g.wait("[formaction$='/start'].primary")
	shoot("4-receipt")
	g.click("[formaction$='/start'].primary")
	g.wait("#progress[data-ended]")
	g.counted(lang)
	shoot("5-done")
}

// counted opens an import again until the portal has shown its new items.
func (g *gallery) counted(lang string) {
	g.t.Helper()
	texts, err := locale.Load()
	g.must(err)
	soon := texts.For(lang).Text("import.held_soon")
	for until := time.Now().Add(time.Minute); strings.Contains(g.text(), soon); pause(g.t, 300*time.Millisecond) {
		if time.Now().After(until) {
			g.t.Fatalf("%s: the new items are still not counted", lang)
		}
		g.click(".links [formaction='/history']")
		g.click("th [formaction^='/imports/']")
		g.wait("#progress[data-ended]")
	}
}

// slips is the sample file with the slips of the hand that the check finds.
func slips(t *testing.T, lang string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "static", "sample-"+lang+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for n, change := range map[int][2]string{5: {"Signed", "Sigend"}, 9: {"Supply", "Suply"}, 12: {"New", "Neww"}, 17: {" EUR", " euros or so"}} {
		for i := n; i < len(lines); i++ {
			if strings.Contains(lines[i], change[0]) {
				lines[i] = strings.Replace(lines[i], change[0], change[1], 1)
				break
			}
		}
	}
	return strings.Join(lines, "\n")
}
