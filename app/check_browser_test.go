//go:build browser

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"
	"github.com/go-rod/rod/lib/proto"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// oddFile has 200 values that nobody understands: 104 slips of the hand, 60
// labels that do not exist, 35 amounts in words, and one stage.
func oddFile() (rows string, kinds []string) {
	var s strings.Builder
	s.WriteString("Name,Contract number,Contract value,Kind,Labels,Stage\n")
	n := 0
	add := func(amount, kind, label, stage string) {
		n++
		fmt.Fprintf(&s, "Contract %d,C-%d,%s,%s,%s,%s\n", n, n, amount, kind, label, stage)
	}
	for letter := 'a'; letter <= 'z'; letter++ {
		for _, kind := range []string{"Supply", "Service", "Lease", "Framework"} {
			add("100 EUR", kind+string(letter), "", "New")
			kinds = append(kinds, kind)
		}
	}
	for i := range 60 {
		add("100 EUR", "Supply", fmt.Sprintf("Mark number %d", i), "New")
		kinds = append(kinds, "Supply")
	}
	for i := range 35 {
		add(fmt.Sprintf("to be agreed in round %d", i), "Supply", "VIP", "New")
	}
	add("100 EUR", "Supply", "VIP", "Somewhere else")
	kinds = append(kinds, "Supply")
	return s.String(), kinds
}

// TestFindingsInFourClicks: a file with 200 findings is put right by four
// decisions, two cells are corrected by the keyboard, and what arrives is what
// was decided.
func TestFindingsInFourClicks(t *testing.T) {
	t.Setenv("FREE_ROW_LIMIT", "0")
	d := startDemo(t)
	p := &person{t: t, began: time.Now(), page: startBrowser(t).MustPage(d.portal.URL() + "/")}
	content, kinds := oddFile()
	path := filepath.Join(t.TempDir(), "odd.csv")
	p.must(os.WriteFile(path, []byte(content), 0o600))
	before := len(d.portal.Items(emulator.DemoContracts))
	p.toCheck(path)
	p.look("many")
	p.answersInAList()

	p.click(".tabs [value=rows]")
	cell := p.wait(".sheet .spacer [role=gridcell]:nth-child(3)")
	p.must(cell.Focus())
	p.keys(input.Enter)
	p.wait(".sheet input")
	p.must(p.page.InsertText("never kept"))
	p.keys(input.Escape)
	p.keys(input.ArrowDown, input.Enter)
	p.wait(".sheet input")
	p.must(p.page.InsertText("Corrected by hand"))
	p.keys(input.Enter)
	p.wait(".sheet .edited")
	p.look("rows")
	p.click(".tabs [value=problems]")

	p.wait("#findings[data-all='200']")
	p.clicks = 0
	p.click("[name=do][value=safe]")
	p.wait("#findings[data-all='96']")
	p.click("[name=do][value='empty:4']")
	p.wait("#findings[data-all='36']")
	p.click("[name=do][value='skip:2']")
	p.wait("#findings[data-all='1']")
	p.clicks++
	p.must(p.wait("select[name='action.0']").Timeout(20*time.Second).Select([]string{"In preparation"}, true, rod.SelectorTypeText))
	p.look("one")
	p.must(p.wait("[name=do][value=apply]:not(.hidden)").Timeout(20*time.Second).Click(proto.InputMouseButtonLeft, 1)) // sends the choice
	p.wait(".alert.good")
	p.look("none")
	if p.clicks != 4 {
		t.Errorf("%d clicks", p.clicks)
	}
	if n := d.portal.Writes(); n != 0 {
		t.Errorf("%d writes before the start", n)
	}
	p.click("[formaction$='/receipt'].primary")
	p.click("[formaction$='/start'].primary")
	p.wait("#progress[data-ended]")

	items := d.portal.Items(emulator.DemoContracts)[before:]
	if len(items) != len(kinds) {
		t.Fatalf("%d items, want %d", len(items), len(kinds))
	}
	ids := map[string]string{"Supply": "79", "Service": "80", "Lease": "81", "Framework": "82"}
	for i, item := range items {
		const uf = "UF_CRM_7_17473097"
		if got := readBack(item.Fields[uf+"09"]); got != ids[kinds[i]] {
			t.Errorf("item %d is of kind %s, want %s", i, got, ids[kinds[i]])
		}
		title := map[bool]string{true: "Corrected by hand", false: item.Fields["title"].(string)}[i == 1]
		if item.Fields["title"] != title || strings.Contains(title, "never kept") {
			t.Errorf("item %d is called %v", i, item.Fields["title"])
		}
	}
	if got := readBack(items[len(items)-1].Fields["stageId"]); got != "DT177_9:PREPARATION" {
		t.Errorf("the last item stands at %s", got)
	}
}

// answersInAList: in a list of which only what is in sight is in the page, a
// finding gets room for the value that is typed, and keeps it while it is out
// of sight.
func (p *person) answersInAList() {
	p.t.Helper()
	size := proto.EmulationSetDeviceMetricsOverride{Width: 375, Height: 900, DeviceScaleFactor: 1}
	p.must(size.Call(p.page))
	p.wait(".window .finding")
	choose := func(value string) {
		p.t.Helper()
		_, err := p.wait(".window").Eval(`async (v) => {
			for (let i = 0; i < 600 && this.clientWidth > 400; i++) await new Promise(requestAnimationFrame);
			for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame); // the list has seen its width
			for (const s of this.querySelectorAll('.finding select')) { s.value = v; s.dispatchEvent(new Event('change')) }
		}`, value)
		p.must(err)
	}
	choose("use")
	field := p.wait(".window .finding[aria-posinset='1'] input")
	p.must(field.Focus())
	p.must(p.page.InsertText("Supply"))
	said, err := field.Eval(`async () => {
		const list = this.closest('.window');
		const lies = () => {
			const all = [...list.querySelectorAll('.finding')].sort((a, b) => a.ariaPosInSet - b.ariaPosInSet).map((e) => [e, e.getBoundingClientRect()]);
			return all.some(([e, r], i) => e.scrollHeight > e.clientHeight + 1 || i > 0 && r.top < all[i - 1][1].bottom - 1);
		};
		const frames = async (done) => { for (let i = 0; i < 600 && !done(); i++) await new Promise(requestAnimationFrame); };
		const wrong = [];
		if (lies()) wrong.push('cut or covered at the top');
		this.blur();
		list.scrollTop = list.scrollHeight;
		await frames(() => list.querySelector('[aria-posinset="200"]') && !list.querySelector('[aria-posinset="1"]'));
		if (!list.querySelector('[aria-posinset="200"]')) wrong.push('the last finding is not there');
		if (list.querySelector('[aria-posinset="1"]')) wrong.push('the first finding is still in the page');
		if (lies()) wrong.push('cut or covered at the end');
		list.scrollTop = 0;
		await frames(() => list.querySelector('[aria-posinset="1"]'));
		const kept = list.querySelector('[aria-posinset="1"] input');
		if (!kept || kept.hidden || kept.value !== 'Supply') wrong.push('what was typed is gone');
		return wrong.join('; ');
	}`)
	p.must(err)
	if text := said.Value.Str(); text != "" {
		p.t.Error(text)
	}
	choose("")
	size.Width = 1280
	p.must(size.Call(p.page))
}

// toCheck brings a file from the portal's page to the result of the check.
func (p *person) toCheck(path string) {
	p.t.Helper()
	p.must(p.page.MustElement("#app-link").Click(proto.InputMouseButtonLeft, 1))
	p.wait("label.primary[for=file]")
	frame, err := p.frame()
	p.must(err)
	file, err := frame.Timeout(10 * time.Second).Element("#file")
	p.must(err)
	p.must(file.CancelTimeout().SetFiles([]string{path}))
	p.wait("#correct")
	p.toTarget()
	p.click("[form=target].primary")
	p.wait("#mapping")
	p.click("[form=mapping].primary")
	p.wait(".tabs")
}

func (p *person) keys(keys ...input.Key) {
	p.t.Helper()
	for _, key := range keys {
		p.must(p.page.Keyboard.Press(key))
		pause(p.t, 100*time.Millisecond)
	}
}

// look keeps what is shown, wide and narrow, light and dark, where ARTEFACTS
// names a folder.
func (p *person) look(name string) {
	p.t.Helper()
	if os.Getenv("ARTEFACTS") == "" {
		return
	}
	for _, width := range []int{1280, 375} {
		p.must(proto.EmulationSetDeviceMetricsOverride{Width: width, Height: 900, DeviceScaleFactor: 1}.Call(p.page))
		for _, theme := range []string{"light", "dark"} {
			p.must(proto.EmulationSetEmulatedMedia{Features: []*proto.EmulationMediaFeature{{Name: "prefers-color-scheme", Value: theme}}}.Call(p.page))
			pause(p.t, 300*time.Millisecond)
			p.picture(fmt.Sprint(name, "-", width, "-", theme))
		}
	}
	p.must(proto.EmulationSetDeviceMetricsOverride{Width: 1280, Height: 900, DeviceScaleFactor: 1}.Call(p.page))
}
