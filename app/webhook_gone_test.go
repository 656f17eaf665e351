package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAnotherFileAfterTheWebhook: the webhook went with its import, so the
// next file needs one, and the page asks for it where it is missed.
func TestAnotherFileAfterTheWebhook(t *testing.T) {
	bothLanguages(t, func(t *testing.T, lang string) {
		s := newHookSite(t, contracts())
		g := newGuest(t, s.start(), lang)
		rows := hookRows(0, 20)
		g.get("/")
		g.connect(s.portal.Webhook(1, "crm", "user_brief"))
		g.upload("first.csv", hookFile(rows[:10]))
		g.toReceipt(nil)
		g.next()
		g.wait()
		g.next() // "Import another file"
		g.ok()
		g.upload("second.csv", hookFile(rows[10:]))
		g.ok()
		g.next()
		g.refused(lang, http.StatusOK, refusal{"enter the webhook again", "введите вебхук заново"})
		g.connect(s.portal.Webhook(1, "crm", "user_brief"))
		g.ok()
		g.says("second.csv")
		g.press(elements(g.page.byID("main"), "button")[0]) // "Continue"
		g.ok()
		g.toEnd()
		s.compare(rows)
	})
}

// TestWebhookDeletedInTheMiddle: somebody deletes the webhook in Bitrix24
// while rows are written. The import waits, and goes on with another one.
func TestWebhookDeletedInTheMiddle(t *testing.T) {
	bothLanguages(t, func(t *testing.T, lang string) {
		s := newHookSite(t, contracts())
		p := s.start()
		g := newGuest(t, p, lang)
		webhooks := []string{s.portal.Webhook(1, "crm", "user_brief"), s.portal.Webhook(1, "crm", "user_brief")}
		rows := hookRows(0, 200)
		g.get("/")
		g.connect(webhooks[0])
		g.upload("contracts.csv", hookFile(rows))
		g.toReceipt(nil)
		s.portal.SetCost("crm.item.batchImport", 20*time.Millisecond)
		g.next()
		s.waitFor(func() bool { return len(s.portal.Items(siteType)) > 0 })
		s.portal.DropWebhook(webhooks[0])
		g.waitWhile("running")
		if g.page.phase() != "waiting" {
			t.Fatalf("phase %q: %s", g.page.phase(), g.page.main())
		}
		g.says(refusal{"enter the webhook again", "введите вебхук заново"}.in(lang))
		written := len(s.portal.Items(siteType))
		g.press(g.button("/start")) // "New import"
		g.press(g.button("/webhook/form"))
		g.connect(webhooks[1])
		g.ok()
		g.press(elements(g.page.byID("main"), "button")[0]) // "Continue"
		if strings.Contains(g.page.main(), "import.title_") {
			t.Errorf("the title is no sentence: %s", g.page.main())
		}
		if g.page.phase() == "waiting" {
			g.press(g.button("/resume"))
		}
		g.wait()
		if g.page.phase() != "done" {
			t.Fatalf("phase %q with %d items: %s", g.page.phase(), written, g.page.main())
		}
		s.compare(rows)
		s.onlyThrough(webhooks...)
		p.stop()
		for _, w := range webhooks {
			s.nowhere("after the import", []byte(secretOf(w)))
			if strings.Contains(p.stderr.String(), secretOf(w)) {
				t.Error("the log holds a webhook's code")
			}
		}
		if kept := s.sealed(); len(kept) != 0 {
			t.Errorf("%d webhooks are kept", len(kept))
		}
	})
}
