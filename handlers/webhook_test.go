package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/handlers"
)

func TestWebhookOnThePublicPage(t *testing.T) {
	s := newSite(t, nil)
	front := s.send(http.MethodGet, "/", nil)
	front.assertHas(t, `type="password"`, `autocomplete="off"`, `action="/webhook"`)
	address := s.portal.Webhook(clerk)
	p := s.send(http.MethodPost, "/webhook", url.Values{"webhook": {address}, "lang": {"ru"}})
	if p.status != 200 || p.token() == "" || p.ancestors() != "'none'" {
		t.Fatal(p)
	}
	p.assertHas(t, `lang="ru"`)
	secret := strings.Split(address, "/")[5]
	if strings.Contains(p.body, secret) || strings.Contains(s.log.String(), secret) {
		t.Error("the webhook is shown or logged")
	}
	if p := s.send(http.MethodPost, "/start", url.Values{"_s": {p.token()}}); p.status != 200 {
		t.Error(p)
	}
}

// TestWebhookFromAnotherSite: nobody is put into a portal that another site has
// chosen, framed or not.
func TestWebhookFromAnotherSite(t *testing.T) {
	s := newSite(t, nil)
	for _, framed := range []string{"", "1"} {
		p := s.send(http.MethodPost, "/webhook", url.Values{"webhook": {s.portal.Webhook(clerk)}, "_framed": {framed}}, "Sec-Fetch-Site", "cross-site")
		if p.status != http.StatusForbidden || p.token() != "" || p.ancestors() != "'none'" {
			t.Errorf("framed %q: %v", framed, p)
		}
		p.assertHas(t, "Another website has sent this webhook", `action="/webhook"`)
	}
	if p := s.send(http.MethodPost, "/webhook", url.Values{"webhook": {s.portal.Webhook(clerk)}}, "Sec-Fetch-Site", "same-origin"); p.token() == "" {
		t.Error(p)
	}
}

func TestWebhookThatIsWrong(t *testing.T) {
	const typed = "https://acme.bitrix24.example/rest/1/wrongwrongwrong/"
	s := newSite(t, nil)
	for raw, says := range map[string]string{
		"": "The webhook is missing. Paste the address", typed: "deleted or changed",
		"https://acme.bitrix24.example/crm/":  "This is not the address of an inbound webhook. It looks like https://",
		s.portal.Webhook(clerk, "user_brief"): "It lacks: crm", "http://acme.bitrix24.example/rest/1/abcdefghijkl/": "without encryption",
		"https://10.0.0.1/rest/1/abcdefghijkl/": "private networks",
	} {
		p := s.send(http.MethodPost, "/webhook", url.Values{"webhook": {raw}})
		if p.status < 400 || p.token() != "" {
			t.Errorf("%s: %v", raw, p)
		}
		p.assertHas(t, says, `aria-invalid="true"`, `id="webhook-problem"`)
		if raw != "" && strings.Contains(p.body, raw) {
			t.Error("what was typed is shown again")
		}
	}
}

func TestWebhookInsideTheFrame(t *testing.T) {
	s := installed(t, nil)
	token := s.session(clerk)
	s.send(http.MethodPost, "/webhook/form", url.Values{"_s": {token}}).assertHas(t, `type="password"`, token)
	p := s.send(http.MethodPost, "/webhook", url.Values{"_s": {token}, "webhook": {s.portal.Webhook(clerk)}})
	if p.status != 200 || p.token() == "" || p.token() == token || p.ancestors() != "'self' https://"+portalHost {
		t.Error(p)
	}

	// A frame for which no token came.
	reason := s.open("/", clerk, func(_, f url.Values) { f.Del("AUTH_ID") }, "Sec-Fetch-Dest", "iframe")
	reason.assertHas(t, `name="_framed" value="1"`, "sent no permission")
	wrong := s.send(http.MethodPost, "/webhook", url.Values{"_framed": {"1"}, "webhook": {"x"}})
	if wrong.ancestors() != "'self' https:" {
		t.Errorf("frame-ancestors %s", wrong.ancestors())
	}
	wrong.assertHas(t, `name="_framed" value="1"`)
	p = s.send(http.MethodPost, "/webhook", url.Values{"_framed": {"1"}, "webhook": {s.portal.Webhook(clerk)}})
	if p.status != 200 || p.ancestors() != "'self' https://"+portalHost {
		t.Error(p)
	}
}

func TestWebhookSwitchedOff(t *testing.T) {
	s := installed(t, func(o *handlers.Options) { o.WebhookFallback = false })
	for _, p := range []page{
		s.send(http.MethodPost, "/webhook", url.Values{"webhook": {s.portal.Webhook(clerk)}}),
		s.send(http.MethodPost, "/webhook/form", url.Values{"_s": {s.session(clerk)}}),
	} {
		if p.status != 403 {
			t.Error(p)
		}
		p.assertHas(t, "Webhooks are not offered here")
	}
	if p := s.send(http.MethodGet, "/", nil); strings.Contains(p.body, "webhook") {
		t.Error("the public page speaks of webhooks")
	}
}

// TestSessionOverOutsideAPortal: the page that says so has the way back in.
func TestSessionOverOutsideAPortal(t *testing.T) {
	s := newSite(t, nil)
	over := url.Values{"_s": {strings.Repeat("A", 43)}}
	p := s.send(http.MethodPost, "/start", over, "Sec-Fetch-Dest", "document")
	if p.status != 401 || p.ancestors() != "'none'" {
		t.Error(p)
	}
	p.assertHas(t, "The session is over", `id="webhook"`)
	framed := s.send(http.MethodPost, "/start", over, "Sec-Fetch-Dest", "iframe")
	if framed.status != 401 || strings.Contains(framed.body, `id="webhook"`) {
		t.Error(framed)
	}
}

func TestWebhookTriesAreLimited(t *testing.T) {
	s := newSite(t, nil)
	for range 10 {
		s.send(http.MethodPost, "/webhook", url.Values{"webhook": {"https://acme.bitrix24.example/rest/1/guessguess/"}})
	}
	before := s.calls.all()
	p := s.send(http.MethodPost, "/webhook", url.Values{"webhook": {"https://acme.bitrix24.example/rest/1/guessguess/"}})
	if p.status != 429 || s.calls.all() != before {
		t.Error(p)
	}
}
