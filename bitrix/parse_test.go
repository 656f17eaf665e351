package bitrix_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/bitrix"
)

func TestParseWebhook(t *testing.T) {
	const good = "https://portal.example.com/rest/12/a1B2c3/"
	for in, want := range map[string]string{
		good: good,
		"https://portal.example.com/rest/12/a1B2c3":                        good,
		"  \"https://Portal.Example.com/rest/12/a1B2c3/\" \n":              good,
		"«https://portal.example.com/rest/12/a1B2c3/»":                     good,
		"https://portal.example.com/rest/12/a1B2c3/profile.json":           good,
		"https://portal.example.com/rest/12/a1B2c3/crm.item.list?id=5#top": good,
		"HTTPS://portal.example.com//rest/12/a1B2c3//":                     good,
		"portal.example.com/rest/12/a1B2c3/":                               good,
		"https://portal.example.com:8443/rest/12/a1B2c3/":                  "https://portal.example.com:8443/rest/12/a1B2c3/",
		"https://8.8.8.8/rest/1/c/":                                        "https://8.8.8.8/rest/1/c/",
	} {
		w, err := bitrix.ParseWebhook(in, false)
		if err != nil || w.Secret() != want {
			t.Errorf("%q: got %q, %v", in, w.Secret(), err)
		}
	}
	for in, code := range map[string]string{
		"":    "empty",
		"' '": "empty",
		"http://portal.example.com/rest/12/a1B2c3/":        "scheme",
		"ftp://portal.example.com/rest/12/a1B2c3/":         "scheme",
		"javascript://portal.example.com/rest/1/x/":        "scheme",
		"https://portal.example.com/rest/12/":              "path",
		"https://portal.example.com/rest/a1B2c3/":          "path",
		"https://portal.example.com/rest/0/a1B2c3/":        "path",
		"https://portal.example.com/rest/12/a1B2c3/a/b/":   "path",
		"https://portal.example.com/rest/12/a%2Fb/":        "path",
		"https://portal.example.com/":                      "path",
		"https://portal.example.com/company/rest/12/a1B2/": "path",
		"hello": "host",
		"https://user:pass@portal.example.com/rest/1/c/": "host",
		"https://localhost/rest/1/c/":                    "host",
		"https://portal/rest/1/c/":                       "host",
		"https://portal.local/rest/1/c/":                 "host",
		"https://127.0.0.1/rest/1/c/":                    "host",
		"https://10.1.2.3/rest/1/c/":                     "host",
		"https://[::1]/rest/1/c/":                        "host",
		"https://169.254.169.254/rest/1/c/":              "host",
		"https://0x7f.1/rest/1/c/":                       "host",
		"https://127.1/rest/1/c/":                        "host",
		"https://portal..example/rest/1/c/":              "host",
		"https://портал.example/rest/1/c/":               "host",
	} {
		_, err := bitrix.ParseWebhook(in, false)
		var e *bitrix.WebhookError
		if !errors.As(err, &e) || e.Code != code {
			t.Errorf("%q: got %v, want %s", in, err, code)
		}
	}
	w, err := bitrix.ParseWebhook("http://127.0.0.1:8081/rest/1/c0de/", true)
	if err != nil || w.Secret() != "http://127.0.0.1:8081/rest/1/c0de/" {
		t.Errorf("a private address that is allowed: %v, %v", w, err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, w); strings.Contains(s, "c0de") || !strings.Contains(s, "127.0.0.1:8081") {
			t.Errorf("%s prints %s", format, s)
		}
	}
}

// openSample is a file of embedding/open_post_*.
type openSample struct {
	Query map[string]string `json:"query"`
	Body  map[string]string `json:"body"`
	RawQ  string            `json:"raw_query"`
	RawB  string            `json:"raw_body"`
}

func TestParseOpenSamples(t *testing.T) {
	paths, err := filepath.Glob("testdata/samples/embedding/open_post_*.json")
	if err != nil || len(paths) < 15 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		name := filepath.Base(path)
		var s openSample
		mustDecode(t, sample(t, "embedding/"+name), &s)
		query, form := mustQuery(t, s.RawQ), mustQuery(t, s.RawB)
		o, err := bitrix.ParseOpen(query, form)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if o.Domain != s.Query["DOMAIN"] || o.AuthID != s.Body["AUTH_ID"] || o.RefreshID != s.Body["REFRESH_ID"] ||
			o.MemberID != s.Body["member_id"] || o.Placement != s.Body["PLACEMENT"] || o.AppToken != s.Body["APPLICATION_TOKEN"] ||
			o.AppSID != s.Query["APP_SID"] || !o.Secure || o.AuthID != "" && o.AuthExpires != time.Hour || o.Status != s.Body["status"] {
			t.Errorf("%s: %#v", name, o)
		}
		var options map[string]any
		if raw := s.Body["PLACEMENT_OPTIONS"]; strings.HasPrefix(raw, "{") {
			mustDecode(t, []byte(raw), &options)
		}
		for key, want := range options {
			if s, isText := want.(string); isText && o.Options[key] != s {
				t.Errorf("%s: option %s is %q, want %q", name, key, o.Options[key], s)
			}
		}
		for _, format := range []string{"%v", "%+v", "%#v"} {
			if printed := fmt.Sprintf(format, o); o.AuthID != "" && strings.Contains(printed, o.AuthID) {
				t.Errorf("%s: %s prints the token", name, format)
			}
		}
	}
}

func TestOpenedFrom(t *testing.T) {
	for _, c := range []struct {
		placement, options string
		entity, item       int64
	}{
		{"DEFAULT", "", 0, 0},
		{"", "undefined", 0, 0},
		{"DEFAULT", "[]", 0, 0},
		{"DEFAULT", `{"any":"28\/"}`, 0, 0},
		{"CRM_DYNAMIC_1038_LIST_TOOLBAR", `{"URI":"\/crm\/type\/1038\/list\/"}`, 1038, 0},
		{"CRM_DYNAMIC_1038_DETAIL_TAB", `{"ID":"77"}`, 1038, 77},
		{"CRM_DYNAMIC_1038_DETAIL_TAB", `{"ID":77,"nested":{"a":[1]}}`, 1038, 77},
		{"CRM_DYNAMIC_1038_DETAIL_TOOLBAR", `{"ENTITY_ID":"77"}`, 1038, 77},
		{"DEFAULT", `{"entityTypeId":"177"}`, 177, 0},
		{"DEFAULT", `{"entityTypeId":177}`, 177, 0},
		{"LEFT_MENU", `{"URI":"/crm/type/180/list/category/0/"}`, 180, 0},
		{"PAGE_BACKGROUND_WORKER", `{"ID":"PAGE_BACKGROUND_WORKER"}`, 0, 0},
		{"CRM_DYNAMIC_99999999999_LIST_MENU", `{"ID":"-5"}`, 0, 0},
		{"CRM_LEAD_LIST_MENU", `{"ID":"1"`, 0, 0},
	} {
		form := url.Values{"member_id": {"m1"}, "PLACEMENT": {c.placement}, "PLACEMENT_OPTIONS": {c.options}}
		o, err := bitrix.ParseOpen(url.Values{"DOMAIN": {"Portal.Example"}}, form)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if o.EntityTypeID() != c.entity || o.ItemID() != c.item || o.Options == nil || o.Domain != "portal.example" {
			t.Errorf("%+v: got %d, %d, %v", c, o.EntityTypeID(), o.ItemID(), o.Options)
		}
	}
}

func TestParseOpenRefuses(t *testing.T) {
	base := func() (url.Values, url.Values) {
		return url.Values{"DOMAIN": {"portal.example"}, "PROTOCOL": {"1"}, "LANG": {"en"}, "APP_SID": {"ab12"}},
			url.Values{"AUTH_ID": {"tok"}, "REFRESH_ID": {"ref"}, "member_id": {"m1"}, "status": {"L"}, "PLACEMENT": {"DEFAULT"}}
	}
	if q, f := base(); true {
		if _, err := bitrix.ParseOpen(q, f); err != nil {
			t.Fatal(err)
		}
	}
	for field, values := range map[string][]string{
		"DOMAIN":            {"", "a b", "evil.example/path", "evil.example:port", "user@evil.example", "evil.example\r\nX: y", "..", "-a", strings.Repeat("a", 300)},
		"PROTOCOL":          {"https"},
		"LANG":              {"en'", "../../etc"},
		"APP_SID":           {"<script>", strings.Repeat("a", 65)},
		"AUTH_ID":           {"a b", "токен", strings.Repeat("a", 2000), "a\n"},
		"REFRESH_ID":        {"a\tb"},
		"SERVER_ENDPOINT":   {strings.Repeat("a", 600)},
		"APPLICATION_TOKEN": {"a b"},
		"member_id":         {"", "a-b", "../x", strings.Repeat("a", 65)},
		"status":            {"L L"},
		"PLACEMENT":         {"DEFAULT'", "CRM DYNAMIC", strings.Repeat("A", 129)},
	} {
		for _, value := range values {
			q, f := base()
			if slices.Contains([]string{"DOMAIN", "PROTOCOL", "LANG", "APP_SID"}, field) {
				q.Set(field, value)
			} else {
				f.Set(field, value)
			}
			_, err := bitrix.ParseOpen(q, f)
			var e *bitrix.FieldError
			if !errors.As(err, &e) || e.Field != field {
				t.Errorf("%s %q: got %v", field, value, err)
			} else if len(value) > 3 && strings.Contains(err.Error(), value) {
				t.Errorf("%s: the error quotes the value", field)
			}
		}
	}
}

func TestParseEventSamples(t *testing.T) {
	for _, name := range []string{"event_raw_form_body", "event_onappinstall_form", "event_onapppayment_form", "event_onappuninstall_form", "event_onappupdate_form"} {
		var s struct {
			Raw string `json:"raw_body"`
		}
		mustDecode(t, sample(t, "embedding/"+name+".json"), &s)
		e, err := bitrix.ParseEvent([]byte(s.Raw))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		form := mustQuery(t, s.Raw)
		a := e.Auth
		for key, got := range map[string]string{
			"event": e.Name, "ts": strconv.FormatInt(e.TS.Unix(), 10), "auth[access_token]": a.AccessToken,
			"auth[refresh_token]": a.RefreshToken, "auth[application_token]": a.AppToken, "auth[domain]": a.Domain,
			"auth[member_id]": a.MemberID, "auth[client_endpoint]": a.ClientEndpoint,
			"auth[server_endpoint]": a.ServerEndpoint, "auth[status]": a.Status, "auth[scope]": strings.Join(a.Scopes, ","),
		} {
			if got != form.Get(key) {
				t.Errorf("%s: %s is %q, want %q", name, key, got, form.Get(key))
			}
		}
		if form.Has("auth[expires_in]") && a.ExpiresIn != time.Hour || form.Get("auth[user_id]") == "1" && a.UserID != 1 {
			t.Errorf("%s: %v, user %d", name, a.ExpiresIn, a.UserID)
		}
		if a.AccessToken != "" && strings.Contains(fmt.Sprintf("%+v", e), a.AccessToken) {
			t.Errorf("%s: printing shows the token", name)
		}
	}
	for body, field := range map[string]string{
		"auth[member_id]=m1":                               "event",
		"event=A%20B&auth[member_id]=m1":                   "event",
		"event=ONAPPINSTALL":                               "auth[member_id]",
		"event=ONAPPINSTALL&auth=x":                        "auth[member_id]",
		"event=X&auth[member_id]=m1&auth[domain]=a/b":      "auth[domain]",
		"event=X&auth[member_id]=m1&auth[access_token]=+":  "auth[access_token]",
		"event=X&auth[member_id]=m1&auth[access_token][]=": "", // a map where a token belongs is no token
	} {
		_, err := bitrix.ParseEvent([]byte(body))
		var e *bitrix.FieldError
		if field == "" && err != nil || field != "" && (!errors.As(err, &e) || e.Field != field) {
			t.Errorf("%q: got %v, want %q", body, err, field)
		}
	}
}

func TestForm(t *testing.T) {
	type m = map[string]any
	for body, want := range map[string]m{
		"":                              {},
		"a=1&b=2":                       {"a": "1", "b": "2"},
		"a=1&a=2":                       {"a": "2"},
		"a":                             {"a": ""},
		"a%5Bb%5D%5Bc%5D=x%20y+z":       {"a": m{"b": m{"c": "x y z"}}},
		"a[b]=1&a[c]=2":                 {"a": m{"b": "1", "c": "2"}},
		"a[]=x&a[]=y":                   {"a": m{"0": "x", "1": "y"}},
		"a[1]=x&a[]=y":                  {"a": m{"1": "x", "2": "y"}},
		"a[][k]=x":                      {"a": m{"0": m{"k": "x"}}},
		"data[FIELDS][ID]=134806&&ts=1": {"data": m{"FIELDS": m{"ID": "134806"}}, "ts": "1"},
		"a=1=2":                         {"a": "1=2"},
	} {
		got, err := bitrix.Form([]byte(body))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, %v", body, got, err)
		}
	}
	for body, want := range map[string]error{
		"=1":                            bitrix.ErrFormShape,
		"[a]=1":                         bitrix.ErrFormShape,
		"a[b=1":                         bitrix.ErrFormShape,
		"a[b]c=1":                       bitrix.ErrFormShape,
		"a]=1":                          bitrix.ErrFormShape,
		"a[[b]]=1":                      bitrix.ErrFormShape,
		"a=%zz":                         bitrix.ErrFormShape,
		"%=1":                           bitrix.ErrFormShape,
		"a=1&a[b]=2":                    bitrix.ErrFormShape,
		"a[b]=1&a=2":                    bitrix.ErrFormShape,
		"a[b][c][d][e][f][g][h]=1":      nil,
		"a[b][c][d][e][f][g][h][i]=1":   bitrix.ErrFormSize,
		strings.Repeat("a=1&", 2000):    nil,
		strings.Repeat("a=1&", 2001):    bitrix.ErrFormSize,
		"a" + strings.Repeat("[]", 9e4): bitrix.ErrFormSize,
	} {
		if _, err := bitrix.Form([]byte(body)); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%.40q: got %v, want %v", body, err, want)
		}
	}
}

// TestFormRoundTrip: what is written in PHP's form is read back.
func TestFormRoundTrip(t *testing.T) {
	key := rapid.StringMatching(`[^\[\]=&\x00]{1,8}`)
	var tree *rapid.Generator[map[string]any]
	depth := func(n int) *rapid.Generator[map[string]any] {
		leaf := rapid.Map(rapid.String(), func(s string) any { return s })
		g := rapid.MapOfN(key, leaf, 1, 4)
		for range n {
			inner := g
			g = rapid.MapOfN(key, rapid.OneOf(leaf, rapid.Map(inner, func(m map[string]any) any { return m })), 1, 4)
		}
		return g
	}
	tree = depth(4)
	rapid.Check(t, func(r *rapid.T) {
		want := tree.Draw(r, "form")
		got, err := bitrix.Form([]byte(encodeForm("", want)))
		if err != nil || !reflect.DeepEqual(got, want) {
			r.Fatalf("got %v, %v, want %v", got, err, want)
		}
	})
}

func encodeForm(prefix string, m map[string]any) string {
	var pairs []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		name := k
		if prefix != "" {
			name = prefix + "[" + k + "]"
		}
		if inner, ok := m[k].(map[string]any); ok {
			pairs = append(pairs, encodeForm(name, inner))
		} else {
			pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(m[k].(string)))
		}
	}
	return strings.Join(pairs, "&")
}

func mustQuery(t testing.TB, raw string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func FuzzParseWebhook(f *testing.F) {
	f.Add("https://portal.example.com/rest/12/a1B2c3/", false)
	f.Add("http://127.0.0.1:8081/rest/1/c0de/profile.json?x=1", true)
	f.Fuzz(func(t *testing.T, s string, private bool) {
		w, err := bitrix.ParseWebhook(s, private)
		if err != nil {
			var e *bitrix.WebhookError
			if !errors.As(err, &e) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		again, err := bitrix.ParseWebhook(w.Secret(), private)
		if err != nil || again != w {
			t.Fatalf("%q gives %q, which gives %v", s, w.Secret(), err)
		}
		if u, err := url.Parse(w.Secret()); err != nil || u.Host != w.Host || u.User != nil {
			t.Fatalf("%q gives %q", s, w.Secret())
		}
	})
}

func FuzzParseOpen(f *testing.F) {
	f.Add("DOMAIN=portal.example&PROTOCOL=1&LANG=en&APP_SID=ab", "AUTH_ID=t&member_id=m&PLACEMENT=CRM_DYNAMIC_128_DETAIL_TAB&PLACEMENT_OPTIONS=%7B%22ID%22%3A%2277%22%7D")
	f.Add("DOMAIN=a", "member_id=m&PLACEMENT_OPTIONS=%5B%5D")
	f.Fuzz(func(t *testing.T, q, b string) {
		query, err1 := url.ParseQuery(q)
		form, err2 := url.ParseQuery(b)
		if err1 != nil || err2 != nil {
			return
		}
		o, err := bitrix.ParseOpen(query, form)
		if err != nil {
			return
		}
		if o.EntityTypeID() < 0 || o.ItemID() < 0 || o.Options == nil || o.Placement == "" || o.MemberID == "" {
			t.Fatalf("%#v", o)
		}
		if u, err := url.Parse("https://" + o.Domain + "/"); err != nil || u.Host != o.Domain || u.Path != "/" {
			t.Fatalf("domain %q", o.Domain)
		}
	})
}

func FuzzParseEvent(f *testing.F) {
	var s struct {
		Raw string `json:"raw_body"`
	}
	mustDecode(f, sample(f, "embedding/event_onappinstall_form.json"), &s)
	f.Add([]byte(s.Raw))
	f.Add([]byte("event=X&auth[member_id]=m&data[]=1&data[][k]=2"))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := bitrix.ParseEvent(body)
		if err == nil && (e.Name == "" || e.Auth.MemberID == "") {
			t.Fatalf("%+v", e)
		}
		if _, err := json.Marshal(e.Data); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzForm(f *testing.F) {
	f.Add([]byte("a[b][]=1&a[b][]=2&c=%20"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := bitrix.Form(body)
		if err != nil {
			return
		}
		if d := depthOf(m); d > 8 {
			t.Fatalf("depth %d", d)
		}
		if again, err := bitrix.Form([]byte(encodeForm("", m))); err == nil && !reflect.DeepEqual(again, m) {
			t.Fatalf("%q: %v, then %v", body, m, again)
		}
	})
}

func depthOf(v any) int {
	m, ok := v.(map[string]any)
	if !ok {
		return 0
	}
	deepest := 0
	for _, child := range m {
		deepest = max(deepest, depthOf(child))
	}
	return deepest + 1
}
