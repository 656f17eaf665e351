package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// frame is one rendering of the app inside the portal, known by its APP_SID.
type frame struct {
	user      int64
	placement string
	install   bool
}

// frameData is what portal.js needs to open a frame and to answer it
// (section 8.5 of our notes on embedding).
type frameData struct {
	// Name goes to window.name, Action and Fields make the form.
	Name   string            `json:"name"`
	Action string            `json:"action"`
	Fields map[string]string `json:"fields"`
	// Origin is the app's, the only one that is listened to.
	Origin    string `json:"origin"`
	SID       string `json:"sid"`
	Init      *array `json:"init"`
	Placement string `json:"placement"`
	Slider    bool   `json:"slider"`
	Title     string `json:"title"`
	Interface *array `json:"interface"`
}

// opening says where and how the app is opened.
type opening struct {
	placement, handler string
	options            map[string]string
	// uri of the page it is opened from.
	uri    string
	slider bool
	title  string
}

// errNotInstalled is what a plain user meets until an admin has finished the
// installation.
var errNotInstalled = errors.New("the app is not fully installed")

// open renders the app once: a new APP_SID, new tokens of the viewer.
func (p *Portal) open(u User, o opening) (frameData, error) {
	address, installing := o.handler, !p.Installed()
	appURL, installURL, _ := p.w.app()
	switch {
	case installing && !u.Admin, p.isRemoved():
		return frameData{}, errNotInstalled
	case u.NoApp:
		return frameData{}, fmt.Errorf("user %d has no access to the app", u.ID)
	case installing:
		address, o.placement, o.options = installURL, "DEFAULT", nil
	case o.placement == "" || o.placement == "DEFAULT":
		address, o.placement = appURL, "DEFAULT"
	}
	target, err := url.Parse(address)
	if err != nil || target.Host == "" {
		return frameData{}, fmt.Errorf("the app has no address to open: %q", address)
	}
	if len(o.options) == 0 {
		o.options = nil
	}
	if o.placement != "DEFAULT" {
		if o.options == nil {
			o.options = map[string]string{}
		}
		if _, own := o.options["URI"]; !own && o.uri != "" {
			o.options["URI"] = o.uri
		}
	}
	query, form := p.OpenForm(u.ID, o.placement, o.options)
	d := frameData{
		SID: query.Get("APP_SID"), Placement: o.placement, Slider: o.slider, Fields: map[string]string{},
		Origin: target.Scheme + "://" + target.Host, Title: pick(o.title == "", p.w.o.AppName, o.title),
		Interface: newArray("command", newArray(), "event", newArray()),
	}
	if strings.HasSuffix(o.placement, "_DETAIL_TAB") || strings.HasSuffix(o.placement, "_LIST_MENU") {
		d.Interface.set("command", listOf([]string{"reloadData"}))
	}
	d.Name = query.Get("DOMAIN") + "|" + query.Get("PROTOCOL") + "|" + d.SID
	d.Action = address + pick(strings.Contains(address, "?"), "&", "?") + query.Encode()
	for k := range form {
		d.Fields[k] = form.Get(k)
	}
	d.Init = p.initData(u, o, form, installing)
	p.mu.Lock()
	p.frames[d.SID] = frame{u.ID, o.placement, installing}
	p.mu.Unlock()
	return d, nil
}

func (p *Portal) isRemoved() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.removed
}

// initData answers getInitData.
func (p *Portal) initData(u User, o opening, form url.Values, installing bool) *array {
	user, app := p.optionsOf(u.ID), p.optionsOf(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	first := !p.firstRun[u.ID] && !installing
	if first {
		p.firstRun[u.ID] = true
	}
	var options any = ""
	if len(o.options) > 0 {
		a := newArray()
		for _, k := range sortedKeys(o.options) {
			a.set(k, o.options[k])
		}
		options = a
	}
	return newArray(
		"LANG", u.Lang, "DOMAIN", p.p.Domain, "PROTOCOL", pick(p.p.Scheme == "https", 1, 0), "PATH", "/rest",
		"AUTH_ID", form.Get("AUTH_ID"), "AUTH_EXPIRES", form.Get("AUTH_EXPIRES"), "REFRESH_ID", form.Get("REFRESH_ID"),
		"MEMBER_ID", p.p.MemberID, "FIRST_RUN", first, "IS_ADMIN", u.Admin, "INSTALL", installing,
		"USER_OPTIONS", user.clone(), "APP_OPTIONS", app.clone(),
		"PLACEMENT", o.placement, "PLACEMENT_OPTIONS", options)
}

// frameRoutes are what portal.js asks the portal for.
func (p *Portal) frameRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /bitrix/frame/open", p.serveOpen)
	mux.HandleFunc("POST /bitrix/frame/refresh", p.withFrame(p.frameRefresh))
	mux.HandleFunc("POST /bitrix/frame/install-finish", p.withFrame(p.frameInstalled))
	mux.HandleFunc("POST /bitrix/frame/option", p.withFrame(p.frameOption))
}

// frameRequest is the body of those requests.
type frameRequest struct {
	SID       string         `json:"sid"`
	Placement string         `json:"placement"`
	Handler   string         `json:"handler"`
	URI       string         `json:"uri"`
	Params    map[string]any `json:"params"`
	Store     string         `json:"store"`
	Name      string         `json:"name"`
	Value     any            `json:"value"`
}

func readFrameRequest(w http.ResponseWriter, r *http.Request) (frameRequest, bool) {
	var in frameRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&in); err != nil {
		http.Error(w, "cannot read the request", http.StatusBadRequest)
		return in, false
	}
	return in, true
}

func writeJSON(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(b)
}

// serveOpen renders the app for a slider or a tab: a bound placement, or the
// app's own page with openApplication's parameters.
func (p *Portal) serveOpen(w http.ResponseWriter, r *http.Request) {
	in, ok := readFrameRequest(w, r)
	if !ok {
		return
	}
	o := opening{placement: in.Placement, handler: in.Handler, uri: in.URI, slider: true, options: map[string]string{}}
	for k, v := range in.Params {
		o.options[k] = text(scalar(v))
	}
	o.title = o.options["bx24_title"]
	if in.Placement != "" && !p.isBound(in.Placement, in.Handler) {
		http.Error(w, "nothing is bound there", http.StatusNotFound)
		return
	}
	if strings.HasSuffix(in.Placement, "_DETAIL_TAB") {
		o.slider = false
	}
	d, err := p.open(p.viewer(r), o)
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	writeJSON(w, d)
}

// scalar makes decoded JSON into something text understands.
func scalar(v any) any {
	switch v.(type) {
	case map[string]any, []any:
		b, err := json.Marshal(v)
		if err == nil {
			return string(b)
		}
	}
	return v
}

func (p *Portal) isBound(code, handler string) bool {
	for _, b := range p.Placements() {
		if b.Code == code && b.Handler == handler {
			return true
		}
	}
	return false
}

func (p *Portal) withFrame(do func(http.ResponseWriter, *http.Request, frameRequest, frame)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in, ok := readFrameRequest(w, r)
		if !ok {
			return
		}
		p.mu.Lock()
		f, known := p.frames[in.SID]
		p.mu.Unlock()
		if !known {
			http.Error(w, "no such frame", http.StatusNotFound)
			return
		}
		do(w, r, in, f)
	}
}

func (p *Portal) frameRefresh(w http.ResponseWriter, _ *http.Request, _ frameRequest, f frame) {
	access, refresh := p.Token(f.user)
	writeJSON(w, newArray("AUTH_ID", access, "AUTH_EXPIRES", text(int64(p.w.o.TokenLife.Seconds())), "REFRESH_ID", refresh))
}

// frameInstalled finishes the installation, for an admin in the installer.
// Events are delivered while the page already goes on.
func (p *Portal) frameInstalled(w http.ResponseWriter, r *http.Request, _ frameRequest, f frame) {
	u, _ := p.user(f.user)
	if !u.Admin || !f.install {
		writeJSON(w, newArray("finished", "N"))
		return
	}
	p.mu.Lock()
	p.installed = true
	p.mu.Unlock()
	ctx := context.WithoutCancel(r.Context())
	// A delivery that fails is kept in Deliveries and never repeated.
	go func() { _ = p.InstallApp(ctx, u.ID) }()
	writeJSON(w, newArray("finished", "Y"))
}

func (p *Portal) frameOption(w http.ResponseWriter, _ *http.Request, in frameRequest, f frame) {
	u, _ := p.user(f.user)
	all := p.optionsOf(u.ID)
	if in.Store == "app" {
		if !u.Admin {
			http.Error(w, "only for administrators", http.StatusForbidden)
			return
		}
		all = p.optionsOf(0)
	}
	p.mu.Lock()
	all.set(in.Name, toPHP(in.Value))
	out := all.clone()
	p.mu.Unlock()
	writeJSON(w, out)
}
