package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
)

// refusal is what a person must read of a mistake, in both languages.
type refusal struct{ en, ru string }

func (r refusal) in(lang string) string {
	if lang == "ru" {
		return r.ru
	}
	return r.en
}

// refused fails unless the page says what is wrong in the person's language,
// with nothing but words, and leaves a way to go on.
func (g *guest) refused(lang string, status int, why refusal) {
	g.t.Helper()
	if g.page.status != status {
		g.t.Errorf("%s: status %d, want %d: %s", g.page.path, g.page.status, status, g.page.main())
	}
	g.says(why.in(lang))
	html := g.page.all("html")
	if len(html) != 1 || attr(html[0], "lang") != lang {
		g.t.Errorf("%s: the page is not in %s", g.page.path, lang)
	}
	cyrillic := strings.ContainsFunc(g.page.title(), func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) })
	if cyrillic != (lang == "ru") {
		g.t.Errorf("%s: the title %q is in another language", g.page.path, g.page.title())
	}
	for _, raw := range []string{"problem.", "refusal.", "error.", "%!", "<no value>", "goroutine", ".go:"} {
		if strings.Contains(g.page.main(), raw) {
			g.t.Errorf("%s: the page holds %q: %s", g.page.path, raw, g.page.main())
		}
	}
	main := g.page.byID("main")
	if main == nil || len(elements(main, "button"))+len(elements(main, "a")) == 0 {
		g.t.Errorf("%s: nothing can be done on the page: %s", g.page.path, g.page.main())
	}
}

func bothLanguages(t *testing.T, test func(t *testing.T, lang string)) {
	t.Parallel()
	for _, lang := range []string{"en", "ru"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			test(t, lang)
		})
	}
}

// TestBadFiles sends what cannot be imported, one after the other, and then
// imports what can: none of the mistakes has cost anything.
func TestBadFiles(t *testing.T) {
	bothLanguages(t, func(t *testing.T, lang string) {
		s := newHookSite(t, contracts())
		p := s.start("MAX_UPLOAD_MB=1")
		g := newGuest(t, p, lang)
		g.get("/")
		g.connect(s.portal.Webhook(1, "crm", "user_brief"))
		rows := hookRows(0, 20)
		long := hookFile(rows) + strings.Repeat("x,y,,,\n", 170_000)
		for _, bad := range []struct {
			name, body string
			why        refusal
		}{
			{"", "", refusal{"No file was chosen.", "Файл не выбран."}},
			{"empty.csv", "", refusal{"This file is empty.", "Этот файл пуст."}},
			{"blank.csv", "\n \n\n", refusal{"This file has no rows.", "В этом файле нет строк."}},
			{"headers.csv", "Title,Number\n", refusal{"no rows under them", "под ними нет строк"}},
			{"old.xls", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 1024), refusal{"This is another kind of Office document", "Это другой документ Office"}},
			{"picture.csv", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", refusal{"This is not a table.", "Это не таблица."}},
			{"long.csv", long, refusal{"can be imported. Split it", "Разделите его на части"}},
			{"longer.csv", strings.Repeat(long, 20), refusal{"can be imported. Split it", "Разделите его на части"}},
		} {
			g.upload(bad.name, bad.body)
			g.refused(lang, http.StatusUnprocessableEntity, bad.why)
			if g.page.byID("correct") != nil {
				// What was read may have been read wrongly: it can be corrected,
				// or given up.
				if !strings.Contains(g.page.main(), bad.name) {
					t.Errorf("%s: the page does not name the file: %s", bad.name, g.page.main())
				}
				g.press(g.button("/drop"))
				g.ok()
				continue
			}
			if g.page.byID("file") == nil || bad.name != "" && bad.name[0] != 'l' && !strings.Contains(g.page.main(), bad.name) && bad.body != "" {
				t.Errorf("%s: the page is not step 1, or does not name the file: %s", bad.name, g.page.main())
			}
		}
		g.upload("good.csv", hookFile(rows))
		g.ok()
		g.toReceipt(nil)
		g.next()
		g.wait()
		s.compare(rows)
	})
}

// TestBadWebhooks enters what is no webhook, or none that serves; then one
// that does.
func TestBadWebhooks(t *testing.T) {
	bothLanguages(t, func(t *testing.T, lang string) {
		s := newHookSite(t, contracts())
		g := newGuest(t, s.start(), lang)
		dead := s.portal.Webhook(1, "crm", "user_brief")
		s.portal.DropWebhook(dead)
		good := s.portal.Webhook(1, "crm", "user_brief")
		for _, bad := range []struct {
			webhook string
			status  int
			why     refusal
		}{
			{"my webhook", 422, refusal{"It looks like https://", "Он выглядит так: https://"}},
			{s.portal.URL() + "/crm/", 422, refusal{"It looks like https://", "Он выглядит так: https://"}},
			{"ftp" + strings.TrimPrefix(good, "http"), 422, refusal{"without encryption", "без шифрования"}},
			{dead, 403, refusal{"deleted or changed", "удалён или изменён"}},
			{s.portal.Webhook(1, "user_brief"), 403, refusal{"It lacks: crm.", "Не хватает: crm."}},
			{s.portal.Webhook(1, "crm"), 403, refusal{"It lacks: user_brief.", "Не хватает: user_brief."}},
			{"http://127.0.0.1:1/rest/1/abcdefgh12345678/", 502, refusal{"Check the address.", "Проверьте адрес."}},
		} {
			g.get("/")
			g.connect(bad.webhook)
			g.refused(lang, bad.status, bad.why)
			if n := g.page.byID("webhook"); n == nil || attr(n, "aria-invalid") != "true" || attr(n, "value") != "" {
				t.Error("the page does not ask again, or shows what was typed")
			}
			g.fill("webhook", "x") // the page itself can be used again
			if _, inside := g.session(); inside {
				t.Errorf("%s has begun a session", bad.webhook)
			}
		}
		if len(s.sealed()) != 0 {
			t.Error("a webhook that does not serve is kept")
		}
		g.connect(good)
		g.ok()
		if g.page.byID("file") == nil {
			t.Errorf("not step 1: %s", g.page.main())
		}
	})
}

// session is the token of the page's forms.
func (g *guest) session() (string, bool) {
	for _, n := range g.page.all("input") {
		if attr(n, "name") == "_s" {
			return attr(n, "value"), true
		}
	}
	return "", false
}

// TestWebhookMustBePublic is the program as it is on the internet.
func TestWebhookMustBePublic(t *testing.T) {
	bothLanguages(t, func(t *testing.T, lang string) {
		s := newHookSite(t, contracts())
		g := newGuest(t, s.start("ALLOW_PRIVATE_PORTALS=off", "SETTLE_SECONDS=75", "BITRIX24_OAUTH_URL=", "PUBLIC_URL=https://app.example.com"), lang)
		for webhook, why := range map[string]refusal{
			s.portal.Webhook(1): {"without encryption", "без шифрования"},
			"https" + strings.TrimPrefix(s.portal.Webhook(1), "http"): {"private networks", "частных сетей"},
			"https://localhost/rest/1/abcdefgh12345678/":              {"private networks", "частных сетей"},
		} {
			g.get("/")
			g.connect(webhook)
			g.refused(lang, http.StatusUnprocessableEntity, why)
		}
		if asked := s.asked(); len(asked) != 0 {
			t.Errorf("the portal was asked %q", asked)
		}
	})
}

// TestNoSmartProcesses is a portal that has none, until somebody makes one.
func TestNoSmartProcesses(t *testing.T) {
	bothLanguages(t, func(t *testing.T, lang string) {
		s := newHookSite(t)
		g := newGuest(t, s.start(), lang)
		g.get("/")
		g.connect(s.portal.Webhook(1, "crm", "user_brief"))
		rows := hookRows(0, 10)
		g.upload("contracts.csv", hookFile(rows))
		g.next()
		g.refused(lang, http.StatusOK, refusal{"There are no smart processes yet", "Смарт-процессов пока нет"})
		s.must(s.portal.AddType(t.Context(), contracts()))
		g.press(elements(g.page.byID("main"), "button")[0]) // "Try again"
		g.ok()
		g.toEnd()
		s.compare(rows)
	})
}

// TestStrangers asks with sessions that are none, for imports that are
// nobody's or somebody else's.
func TestStrangers(t *testing.T) {
	bothLanguages(t, func(t *testing.T, lang string) {
		s := newHookSite(t, contracts())
		p := s.start()
		mine, other := newGuest(t, p, lang), newGuest(t, p, lang)
		for user, g := range map[int64]*guest{1: mine, 2: other} {
			g.get("/")
			g.connect(s.portal.Webhook(user, "crm", "user_brief"))
			g.ok()
		}
		rows := hookRows(0, 10)
		mine.upload("secret plans.csv", hookFile(rows))
		mine.toReceipt(nil)
		id := strings.Split(attr(mine.primary(), "formaction"), "/")[2]
		token, _ := other.session()
		for _, target := range []string{"/imports/" + id, "/imports/aaaaaaaaaaaaaaaa", "/imports/" + url.PathEscape("../x"), "/files/aaaaaaaaaaaaaaaa"} {
			for _, end := range []string{"", "/target", "/receipt", "/start", "/stop", "/failed", "/next", "/drop"} {
				if strings.HasPrefix(target, "/files/") != (end == "/next" || end == "/drop") && end != "" {
					continue
				}
				other.post(target+end, url.Values{"_s": {token}})
				other.refused(lang, http.StatusNotFound, refusal{"There is nothing here, or it belongs to somebody else.", "Здесь ничего нет, или это принадлежит кому-то другому."})
				if strings.Contains(other.page.body, "secret plans") {
					t.Errorf("%s%s shows another's file", target, end)
				}
			}
		}
		other.press(elements(other.page.byID("main"), "button")[0])
		other.ok() // step 1 again

		// A session that is over, and one that never was.
		for _, token := range []string{"", "x", strings.Repeat("A", 43)} {
			for _, target := range []string{"/start", "/history", "/imports/" + id + "/start", "/register"} {
				other.post(target, url.Values{"_s": {token}})
				other.refused(lang, http.StatusUnauthorized, refusal{"enter the webhook again", "введите вебхук ещё раз"})
				if other.page.byID("webhook") == nil {
					t.Error("there is no place to enter it")
				}
			}
		}
		if s.portal.Writes() != 0 {
			t.Error("a stranger has written to the portal")
		}
		// Nothing is lost: the draft is still there for its person.
		mine.next()
		mine.wait()
		s.compare(rows)
	})
}

// TestPortalAway cuts the line to the portal at every step.
func TestPortalAway(t *testing.T) {
	bothLanguages(t, func(t *testing.T, lang string) {
		s := newHookSite(t, contracts())
		p := s.start()
		g := newGuest(t, p, lang)
		g.get("/")
		webhook := s.portal.Webhook(1, "crm", "user_brief")
		s.cut()
		g.connect(webhook)
		g.refused(lang, http.StatusBadGateway, refusal{"try again in a minute", "попробуйте через минуту"})
		s.mend()
		g.connect(webhook)
		g.ok()

		rows := hookRows(0, 200)
		g.upload("contracts.csv", hookFile(rows))
		s.cut()
		g.next()
		g.refused(lang, http.StatusOK, refusal{"Nothing is lost: try again in a minute.", "Ничего не потеряно: попробуйте через минуту."})
		s.mend()
		g.press(elements(g.page.byID("main"), "button")[0]) // "Try again"
		g.ok()
		s.cut()
		g.next() // the fields are known by now, and the rows are here
		g.wait()
		s.mend()
		g.next()
		g.wait()
		g.next()
		g.ok()
		s.portal.SetCost("crm.item.batchImport", 20*time.Millisecond)
		g.next()
		s.waitFor(func() bool { return len(s.portal.Items(siteType)) > 0 })
		s.cut()
		said := false
		s.waitFor(func() bool {
			g.look()
			if g.page.status != http.StatusOK {
				t.Fatalf("%d %s", g.page.status, g.page.main())
			}
			said = strings.Contains(g.page.main(), refusal{"Bitrix24 does not answer.", "Битрикс24 не отвечает."}.in(lang))
			return said || g.page.phase() == "done"
		})
		if !said {
			t.Fatalf("the import has ended although the portal was away: %s", g.page.main())
		}
		t.Log(g.page.main())
		s.mend()
		g.wait()
		g.says(fmt.Sprint(len(rows)))
		s.compare(rows)
	})
}
