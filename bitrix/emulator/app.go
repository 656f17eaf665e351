package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Delivery is an event that was sent, or was meant to be.
type Delivery struct {
	Event, Handler string
	// Status of the handler's answer; 0 and Err if there was none. Events
	// are never sent twice.
	Status int
	Err    error
	Body   string
}

// Deliveries lists the events that were sent.
func (p *Portal) Deliveries() []Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Delivery(nil), p.events...)
}

// InstallApp finishes the installation as installFinish in the installer
// does: placements appear, and ONAPPINSTALL is delivered with tokens of this
// user.
func (p *Portal) InstallApp(ctx context.Context, user int64) error {
	p.mu.Lock()
	p.installed, p.removed = true, false
	p.mu.Unlock()
	return p.SendEvent(ctx, "ONAPPINSTALL", user)
}

// AddApp puts the app back after it was removed, as the Market's button does:
// its installer opens next. Events have another token from then on.
func (p *Portal) AddApp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.installed, p.removed, p.appToken = false, false, token(16)
}

// UpdateApp brings a new version: the installer opens again, and event
// handlers are gone until it has bound them.
func (p *Portal) UpdateApp(ctx context.Context, user int64) error {
	p.mu.Lock()
	p.p.Version++
	p.mu.Unlock()
	err := p.SendEvent(ctx, "ONAPPUPDATE", user)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.installed, p.handlers = false, nil
	p.firstRun = map[int64]bool{}
	return err
}

// RemoveApp uninstalls the app: tokens die at once, handlers and placements
// go, options only when clean; then ONAPPUNINSTALL is delivered, without
// tokens.
func (p *Portal) RemoveApp(ctx context.Context, clean bool) error {
	id, _ := p.keys()
	p.w.revoke(p, id)
	p.mu.Lock()
	p.removed, p.installed = true, false
	bound := p.handlers
	p.handlers, p.placements = nil, nil
	if clean {
		p.options = map[int64]*array{}
	}
	p.firstRun = map[int64]bool{}
	p.mu.Unlock()
	data := newArray("LANGUAGE_ID", p.p.Lang, "CLEAN", pick(clean, 1, 0))
	return p.deliver(ctx, "ONAPPUNINSTALL", data, bound, 0, false)
}

// SendEvent delivers ONAPPINSTALL, ONAPPUPDATE, ONAPPUNINSTALL or
// ONAPPPAYMENT to the bound handlers and to Options.EventsURL, form-encoded.
// It returns the first error; like a portal, it does not try again.
func (p *Portal) SendEvent(ctx context.Context, name string, user int64) error {
	version := strconv.Itoa(p.version())
	var data *array
	switch name {
	case "ONAPPINSTALL":
		data = newArray("VERSION", version, "ACTIVE", "Y", "INSTALLED", "Y", "LANGUAGE_ID", p.p.Lang)
	case "ONAPPUPDATE":
		data = newArray("VERSION", version, "PREVIOUS_VERSION", strconv.Itoa(p.version()-1), "LANGUAGE_ID", p.p.Lang)
	case "ONAPPUNINSTALL":
		data = newArray("LANGUAGE_ID", p.p.Lang, "CLEAN", 1)
	case "ONAPPPAYMENT":
		data = newArray("CODE", p.p.AppCode, "VERSION", p.version(), "STATUS", p.status(), "PAYMENT_EXPIRED", yn(p.paymentRequired()), "DAYS", 28, "LANGUAGE_ID", p.p.Lang)
	default:
		return fmt.Errorf("sending %s: the emulator does not know this event", name)
	}
	long := name == "ONAPPINSTALL" || name == "ONAPPUPDATE"
	return p.sendEvent(ctx, name, data, user, long)
}

func (p *Portal) sendEvent(ctx context.Context, name string, data *array, user int64, long bool) error {
	p.mu.Lock()
	bound := append([]handler(nil), p.handlers...)
	p.mu.Unlock()
	return p.deliver(ctx, name, data, bound, user, long)
}

// deliver sends an event to the handlers that were bound. Nothing is
// delivered before the installation is finished, except that it was removed.
func (p *Portal) deliver(ctx context.Context, name string, data *array, bound []handler, user int64, long bool) error {
	if !p.Installed() && name != "ONAPPUNINSTALL" {
		return nil
	}
	seen := map[string]bool{}
	var first error
	send := func(address string, number int) {
		if address == "" || seen[address] {
			return
		}
		seen[address] = true
		body := p.eventBody(name, data, number, user, long)
		d := Delivery{Event: name, Handler: address, Body: body}
		d.Status, d.Err = p.post(ctx, address, body)
		if d.Err != nil && first == nil {
			first = fmt.Errorf("delivering %s: %w", name, d.Err)
		}
		p.mu.Lock()
		p.events = append(p.events, d)
		p.mu.Unlock()
	}
	for _, h := range bound {
		if h.event == name {
			send(h.url, h.number)
		}
	}
	if strings.HasPrefix(name, "ONAPP") {
		_, _, eventsURL := p.w.app()
		send(eventsURL, 0)
	}
	return first
}

// eventBody is the form of an event (api-reference/events/index in the
// documentation).
func (p *Portal) eventBody(name string, data *array, number int, user int64, long bool) string {
	auth := newArray()
	now := p.w.now()
	if user != 0 && name != "ONAPPUNINSTALL" && name != "ONAPPPAYMENT" {
		access, refresh := p.Token(user)
		auth.set("access_token", access)
		auth.set("expires", now.Add(p.w.o.TokenLife).Unix())
		auth.set("expires_in", int64(p.w.o.TokenLife.Seconds()))
		auth.set("user_id", user)
		if long {
			auth.set("refresh_token", refresh)
		}
	}
	if auth.len() > 0 || !long && !strings.HasPrefix(name, "ONAPP") {
		auth.set("scope", strings.Join(p.scopes(), ","))
		auth.set("status", p.status())
	}
	auth.set("domain", p.host())
	auth.set("server_endpoint", p.w.o.OAuthURL+"/rest/")
	auth.set("client_endpoint", p.Endpoint())
	auth.set("member_id", p.MemberID())
	if name != "ONAPPPAYMENT" {
		auth.set("application_token", p.AppToken())
	}
	all := newArray("event", name)
	if number > 0 {
		all.set("event_handler_id", number)
	}
	all.set("data", data)
	all.set("ts", strconv.FormatInt(now.Unix(), 10))
	all.set("auth", auth)
	return encodeForm(all)
}

// encodeForm writes nested keys in brackets, in order.
func encodeForm(a *array) string {
	var b strings.Builder
	var walk func(prefix string, a *array)
	walk = func(prefix string, a *array) {
		for _, k := range a.keys {
			key := k
			if prefix != "" {
				key = prefix + "[" + k + "]"
			}
			if sub, isArray := a.vals[k].(*array); isArray {
				walk(key, sub)
				continue
			}
			if b.Len() > 0 {
				b.WriteByte('&')
			}
			b.WriteString(url.QueryEscape(key) + "=" + url.QueryEscape(text(a.vals[k])))
		}
	}
	walk("", a)
	return b.String()
}

func (p *Portal) post(ctx context.Context, address, body string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewBufferString(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{Transport: p.w.o.Events, Timeout: 30 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)); err != nil {
		return res.StatusCode, fmt.Errorf("reading the answer: %w", err)
	}
	return res.StatusCode, nil
}

// OpenForm is what the portal's page posts into a frame: the query to append
// to the app's address, and the form. Placement "" is DEFAULT.
func (p *Portal) OpenForm(user int64, placement string, options map[string]string) (query, form url.Values) {
	access, refresh := p.Token(user)
	return p.openForm(user, placement, options, access, refresh)
}

func (p *Portal) openForm(user int64, placement string, options map[string]string, access, refresh string) (query, form url.Values) {
	if placement == "" {
		placement = "DEFAULT"
	}
	u, _ := p.user(user)
	query = url.Values{
		"DOMAIN": {p.host()}, "PROTOCOL": {pick(p.p.Scheme == "https", "1", "0")},
		"LANG": {u.Lang}, "APP_SID": {token(16)},
	}
	form = url.Values{
		"AUTH_ID": {access}, "AUTH_EXPIRES": {strconv.Itoa(int(p.w.o.TokenLife.Seconds()))}, "REFRESH_ID": {refresh},
		"member_id": {p.MemberID()}, "status": {p.status()}, "PLACEMENT": {placement},
	}
	if !p.p.OldForm {
		form.Set("SERVER_ENDPOINT", p.w.o.OAuthURL+"/rest/")
		form.Set("APPLICATION_TOKEN", p.AppToken())
		form.Set("APPLICATION_SCOPE", strings.Join(p.scopes(), ","))
	}
	if options != nil {
		form.Set("PLACEMENT_OPTIONS", phpJSON(options))
	}
	return query, form
}

// phpJSON is JSON as the portal writes it: slashes escaped, nothing as [].
func phpJSON(m map[string]string) string {
	a := newArray()
	for _, k := range sortedKeys(m) {
		a.set(k, m[k])
	}
	b, err := json.Marshal(a)
	if err != nil {
		return "[]"
	}
	return strings.ReplaceAll(string(b), "/", `\/`)
}
