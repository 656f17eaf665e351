package main

import (
	"slices"
	"strings"
	"testing"
)

// TestRegistrationLiftsTheLimit imports 150 rows without registration, then
// registers, then imports 150 others and the 50 that were left.
func TestRegistrationLiftsTheLimit(t *testing.T) {
	t.Parallel()
	s := newHookSite(t, contracts())
	p := s.start("FREE_ROW_LIMIT=100")
	g := newGuest(t, p, "en")
	first, second := hookRows(0, 150), hookRows(150, 150)

	// The limit is said on the first page, in step 1, and with the file.
	g.get("/")
	g.says("100 rows")
	webhooks := []string{s.portal.Webhook(1, "crm", "user_brief")}
	g.connect(webhooks[0])
	g.says("Without registration: up to 100 rows per import")
	g.upload("first.csv", hookFile(first))
	g.says("Only the first 100 rows will be imported", "The file has 150 rows")
	g.toReceipt(nil)
	g.says("50 rows are left out")
	g.next()
	g.wait()
	g.says("100 of 150 rows were imported", "Only the first 100 rows are imported without registration.")
	s.compare(first[:100])
	left := g.failedRows(func(table [][]string) {
		if len(table) != 51 {
			t.Errorf("the file of rows that were left out has %d rows", len(table)-1)
		}
		for i, row := range table[1:] {
			want := first[100+i]
			if row[0] != want.title || !strings.Contains(row[len(row)-1], "without registration") {
				t.Errorf("row %d that was left out: %q, want %+v", i, row, want)
			}
		}
	})

	// The form keeps what was typed, and says what is wrong with each field.
	g.next()
	g.press(g.button("/register/form"))
	g.ok()
	g.register(map[string]string{"company": "Example Ltd", "email": "nobody", "phone": "12"})
	if g.page.status != 422 || g.page.byID("summary") == nil {
		t.Errorf("a wrong form: %d %s", g.page.status, g.page.main())
	}
	for _, name := range []string{"email", "phone", "country", "terms"} {
		n := g.page.byID(name)
		if n == nil || attr(n, "aria-invalid") != "true" && name != "terms" || g.page.byID(name+"-problem") == nil {
			t.Errorf("nothing is said of the field %s", name)
		}
	}
	if got := attr(g.page.byID("company"), "value"); got != "Example Ltd" {
		t.Errorf("the form has forgotten the company: %q", got)
	}
	if name := attr(g.page.byID("name"), "value"); name != "Alma Admin" {
		t.Errorf("the form proposes the name %q", name)
	}
	g.register(map[string]string{
		"email": "alma@example.com", "phone": "+49 30 901820", "country": "Germany", "terms": "on",
	})
	g.ok()
	g.says("You are registered", "Example Ltd", "Alma Admin", "alma@example.com", "+49 30 901820", "Germany", "No row limit")
	s.registered(p, false)

	// The webhook is gone with the first import, so it is asked for again.
	webhooks = append(webhooks, s.portal.Webhook(1, "crm", "user_brief"))
	g.next()
	g.ok()
	if strings.Contains(g.page.main(), "Without registration") {
		t.Error("the limit is still spoken of")
	}
	g.importAll(webhooks[1], "second.csv", hookFile(second), "All 150 rows were imported")
	s.compare(slices.Concat(first[:100], second))

	// What the portal has got is all there is when the rest follows.
	webhooks = append(webhooks, s.portal.Webhook(1, "crm", "user_brief"))
	g.next()
	// A cell that could be a formula has a mark before it there, which the
	// person takes away.
	g.importAll(webhooks[2], "left.csv", strings.ReplaceAll(left, "'=", "="), "All 50 rows were imported")
	s.compare(slices.Concat(first, second))
	s.onlyThrough(webhooks...)
	p.stop()
	for _, w := range webhooks {
		s.nowhere("after three imports", []byte(secretOf(w)))
		if strings.Contains(p.stderr.String(), secretOf(w)) {
			t.Error("the log holds a webhook's code")
		}
	}
	for _, personal := range []string{"alma@example.com", "901820"} {
		if strings.Contains(p.stderr.String(), personal) {
			t.Errorf("the log holds %q of the registration", personal)
		}
	}
}

// register fills in the registration and sends it.
func (g *guest) register(fields map[string]string) {
	g.t.Helper()
	for name, value := range fields {
		g.fill(name, value)
	}
	g.press(g.button("/register"))
}

// importAll goes from step 1 to the end with another webhook.
func (g *guest) importAll(webhook, name, file, verdict string) {
	g.t.Helper()
	g.press(g.button("/webhook/form"))
	g.connect(webhook)
	g.upload(name, file)
	g.ok()
	g.toReceipt(nil)
	g.next()
	g.wait()
	g.says(verdict)
}

// registered looks into the program's database: what is kept of the
// registration, and the consent to mailings by itself.
func (s *hookSite) registered(p *process, mailings bool) {
	s.t.Helper()
	db, files := s.open()
	defer db.Close()
	defer files.Close()
	all, err := db.Registrations(s.t.Context())
	s.must(err)
	if len(all) != 1 {
		s.t.Fatalf("%d registrations", len(all))
	}
	r := all[0]
	if r.Mailings != mailings || r.TermsVersion == "" || r.AcceptedAt.IsZero() || r.User != 1 || r.Portal != "hook:"+s.address+":1" {
		s.t.Errorf("the registration is %+v", r)
	}
}
