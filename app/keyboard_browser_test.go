//go:build browser

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/input"
	"github.com/go-rod/rod/lib/proto"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// hand is a person who has no mouse.
type hand struct{ *person }

// focused says where the keyboard is in the frame: what it is called, whether
// it is seen to be there, and whether the bar at the foot hides it.
const focused = `(wanted) => {
	const e = document.activeElement;
	if (!document.hasFocus() || !e || e === document.body) return { at: '' };
	const box = e.type === 'file' ? e.nextElementSibling : e.closest('.choice') ?? e;
	const style = getComputedStyle(box);
	const bar = document.querySelector('.bar')?.getBoundingClientRect();
	const at = box.getBoundingClientRect();
	return {
		at: '<' + e.localName + ' ' + (e.id || e.name || e.className) + '> ' + (e.ariaLabel || e.textContent).trim().slice(0, 40),
		here: e.matches(wanted),
		ring: e.matches('h1, [tabindex="-1"]') || style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
		hidden: Boolean(bar && !e.closest('.bar') && at.top >= bar.top && at.bottom <= bar.bottom),
	};
}`

// tabTo presses Tab until the keyboard is where it should be. On the way
// nothing may be without a ring or behind the bar, and no place twice: that
// would be a trap.
func (h *hand) tabTo(selector string) {
	h.t.Helper()
	h.wait(selector)
	var way []string
	for range 90 {
		frame, err := h.frame()
		h.must(err)
		v, err := frame.Timeout(5*time.Second).Eval(focused, selector)
		if err != nil {
			pause(h.t, 100*time.Millisecond)
			continue // a page that goes
		}
		at := v.Value.Get("at").Str()
		if at != "" {
			if !v.Value.Get("ring").Bool() {
				h.t.Errorf("nobody sees that the keyboard is at %s", at)
			}
			if v.Value.Get("hidden").Bool() {
				h.t.Errorf("the bar hides %s", at)
			}
		}
		if v.Value.Get("here").Bool() {
			return
		}
		way = append(way, at)
		h.must(h.page.Keyboard.Press(input.Tab))
	}
	h.picture("lost")
	h.t.Fatalf("the keyboard does not come to %s; it was at\n%s", selector, strings.Join(way, "\n"))
}

// press presses a key where the keyboard is.
func (h *hand) press(keys ...input.Key) {
	h.t.Helper()
	for _, key := range keys {
		h.must(h.page.Keyboard.Press(key))
	}
}

// enter goes to a button and presses Enter.
func (h *hand) enter(selector string) {
	h.t.Helper()
	h.tabTo(selector)
	h.press(input.Enter)
}

// begins sees to it that a new page begins at its heading, or at what must be
// put right.
func (h *hand) begins(selector string) {
	h.t.Helper()
	h.wait(selector)
	var at string
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); pause(h.t, 50*time.Millisecond) {
		frame, err := h.frame()
		h.must(err)
		if v, err := frame.Timeout(5*time.Second).Eval(focused, "#title, #summary"); err == nil {
			if at = v.Value.Get("at").Str(); v.Value.Get("here").Bool() {
				return
			}
		}
	}
	h.t.Errorf("a page with %s begins at %q", selector, at)
}

// until presses a key until something in the frame holds.
func (h *hand) until(key input.Key, holds string) {
	h.t.Helper()
	for range 30 {
		frame, err := h.frame()
		h.must(err)
		if v, err := frame.Timeout(5 * time.Second).Eval(holds); err == nil && v.Value.Bool() {
			return
		}
		h.press(key)
		pause(h.t, 50*time.Millisecond)
	}
	h.t.Fatalf("%d presses do not bring about %s", 30, holds)
}

// TestByKeyboard imports a file, puts a value right, pauses, resumes and
// takes back, all with the keyboard. Wherever it goes one sees it, and each
// page begins at its heading.
func TestByKeyboard(t *testing.T) {
	d := unlimited(t)
	h := &hand{newPerson(t, d, "en")}
	h.wait("label.primary[for=file]") // installed
	h.goTo(d.portal.URL() + "/marketplace/app/12/")
	before := len(d.portal.Items(emulator.DemoContracts))

	h.tabTo("#file")
	choose, err := h.page.HandleFileDialog()
	h.must(err)
	h.press(input.Enter)
	h.must(choose([]string{contractsFile(t, 90, 5)}))
	h.begins("#correct")
	h.enter(".bar .btn.primary")

	h.begins("#types")
	h.tabTo("[name=type]")
	h.until(input.ArrowDown, fmt.Sprintf(`() => document.activeElement.id === 'type-%d'`, emulator.DemoEquipment))
	h.until(input.ArrowUp, fmt.Sprintf(`() => document.activeElement.id === 'type-%d'`, emulator.DemoContracts))
	h.wait("#responsible")
	h.tabTo("#stage")
	h.until(input.ArrowDown, `() => document.activeElement.selectedOptions[0].text === 'In preparation'`)
	h.enter("[form=target].primary")

	h.begins("#mapping")
	// A required field is left out first: the page says so and begins there.
	h.tabTo("#field-1")
	h.until(input.ArrowUp, `() => document.activeElement.value === ''`)
	h.enter("[form=mapping].primary")
	h.begins("#summary")
	h.tabTo("#field-1")
	h.until(input.ArrowDown, `() => document.activeElement.selectedOptions[0].text.startsWith('Contract number')`)
	h.enter("[form=mapping].primary")

	h.begins("#findings")
	h.tabTo("#action-0")
	h.until(input.ArrowDown, `() => document.activeElement.value === 'use'`)
	h.tabTo("#with-0")
	h.must(h.page.InsertText("77.50"))
	h.enter("[form=decide][value=apply]:not(.hidden)")
	h.wait(".alert.good")
	h.enter(".tabs [value=rows]")
	h.wait(".sheet")
	h.tabTo(".sheet [role=gridcell]")
	h.press(input.ArrowDown, input.ArrowRight, input.End, input.Home)
	h.enter("[formaction$='/receipt'].primary") // the grid is no trap
	h.begins("[formaction$='/start'].primary")
	h.enter("[formaction$='/start'].primary")

	h.begins("#progress[data-phase=running]")
	h.enter("[formaction$='/stop/ask']")
	h.wait("#stop-dialog[open]")
	h.tabTo("#stop-dialog [formmethod=dialog]") // the keyboard stays in the dialog
	h.press(input.Escape)
	h.tabTo("[formaction$='/stop/ask']") // and is back where it was
	h.enter("[formaction$='/pause']")
	h.begins("#progress[data-phase=paused]")
	h.enter("[formaction$='/resume']")
	h.wait("#progress[data-phase=running]")
	h.hears()
	h.begins("#progress[data-ended]")
	h.shows("All 90 rows were imported")
	h.enter("[formaction$='/undo/ask']")
	h.begins("#steer [formaction$='/undo']")
	h.enter("#steer [formaction$='/undo']")
	h.begins("#progress[data-phase=undone]")
	if n := len(d.portal.Items(emulator.DemoContracts)); n != before {
		t.Errorf("%d items are left", n-before)
	}
}

// hears asks the accessibility tree how far the import is: a bar with a name
// and a value that grows, and a region that speaks.
func (h *hand) hears() {
	h.t.Helper()
	last, status := -1.0, false
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); pause(h.t, 100*time.Millisecond) {
		frame, err := h.frame()
		h.must(err)
		tree, err := proto.AccessibilityGetFullAXTree{FrameID: frame.FrameID}.Call(h.page)
		if err != nil {
			continue // the page goes on
		}
		for _, n := range tree.Nodes {
			if n.Ignored || n.Role == nil || n.Name == nil {
				continue
			}
			switch n.Role.Value.Str() {
			case "progressbar":
				value := n.Value.Value.Num()
				if n.Name.Value.Str() != "Importing" {
					h.t.Fatalf("the bar is called %q", n.Name.Value.Str())
				}
				if last >= 0 && value > last && status {
					return
				}
				last = value
			case "status":
				status = true
			}
		}
	}
	h.t.Errorf("nobody hears how far the import is: last %v, a status: %v", last, status)
}
