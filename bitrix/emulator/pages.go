package emulator

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed pages
var pageFiles embed.FS

var pageTemplates = template.Must(template.New("").ParseFS(pageFiles, "pages/*.html"))

// userCookie remembers who looks at the portal's own pages; a real portal has
// a login instead.
const userCookie = "emulated_user"

func (p *Portal) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", p.home)
	mux.HandleFunc("GET /crm/type/{type}/{$}", p.serveList)
	mux.HandleFunc("GET /crm/type/{type}/list/category/{category}/{$}", p.serveList)
	mux.HandleFunc("GET /crm/type/{type}/details/{id}/{$}", p.serveCard)
	for _, kind := range []string{"deal", "contact", "company"} {
		mux.HandleFunc("GET /crm/"+kind+"/{$}", p.serveList)
		mux.HandleFunc("GET /crm/"+kind+"/details/{id}/", p.serveCard)
	}
	mux.HandleFunc("GET /marketplace/app/{id}/", p.serveApp)
	mux.HandleFunc("GET /marketplace/view/{code}/", p.serveLink)
	mux.HandleFunc("POST /bitrix/as", p.serveSwitch)
	mux.Handle("GET /bitrix/static/", http.StripPrefix("/bitrix/static/", http.FileServerFS(mustSub())))
	p.frameRoutes(mux)
}

// pageData is what every page of the portal shows around its content.
type pageData struct {
	Title, Lang, Path string
	Slider            bool
	User              User
	Users             []User
	App               string
	AppPath           string
	Installed         bool
	Types             []typeLink
	Notices           []noticeView
	// One of the following is the content.
	List  *listView
	Card  *cardView
	Frame *frameData
	Lock  bool
	Home  bool
}

type typeLink struct {
	Title, Path string
	Items       int
	Active      bool
}

// noticeView is a notification with its links.
type noticeView struct{ Parts []noticePart }

type noticePart struct{ Text, Path string }

var noticeLink = regexp.MustCompile(`(?i)\[URL=(/[^/\[\]](?:[^\[\]]|\[[^\[\]]*\])*)\](.*?)\[/URL\]`)

// view reads the [URL=…] codes of a notification; other codes are shown as
// they are, and only paths of the portal become links.
func (n Notice) view() noticeView {
	var v noticeView
	rest := n.Message
	for {
		m := noticeLink.FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		v.Parts = append(v.Parts, noticePart{Text: rest[:m[0]]}, noticePart{rest[m[4]:m[5]], rest[m[2]:m[3]]})
		rest = rest[m[1]:]
	}
	v.Parts = append(v.Parts, noticePart{Text: rest})
	return v
}

// T words the portal's own few sentences.
func (d pageData) T(en, ru string) string { return pick(d.Lang == "ru", ru, en) }

// viewer is who looks at a page.
func (p *Portal) viewer(r *http.Request) User {
	if c, err := r.Cookie(userCookie); err == nil {
		if id, err := strconv.ParseInt(c.Value, 10, 64); err == nil {
			if u, ok := p.user(id); ok {
				return u
			}
		}
	}
	users := p.Users()
	i := slices.IndexFunc(users, func(u User) bool { return u.Admin })
	u, _ := p.user(users[max(i, 0)].ID)
	return u
}

func (p *Portal) page(r *http.Request, title string) pageData {
	u := p.viewer(r)
	d := pageData{
		Title: title, Lang: u.Lang, Path: r.URL.RequestURI(), Slider: r.URL.Query().Get("IFRAME") == "Y",
		User: u, Users: p.Users(), App: p.w.o.AppName, AppPath: fmt.Sprintf("/marketplace/app/%d/", appID), Installed: p.Installed(),
	}
	for _, t := range p.types() {
		if u.on(t.EntityTypeID).Read != None {
			d.Types = append(d.Types, typeLink{Title: t.Title, Path: fmt.Sprintf("/crm/type/%d/list/category/%d/", t.EntityTypeID, defaultOf(t.Pipelines)), Items: p.count(t.EntityTypeID)})
		}
	}
	for _, n := range p.Notices() {
		if n.To == u.ID {
			d.Notices = append(d.Notices, n.view())
		}
	}
	slices.Reverse(d.Notices)
	return d
}

func (p *Portal) count(entityTypeID int64) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.entity(entityTypeID).items)
}

func (p *Portal) render(w http.ResponseWriter, status int, d pageData) {
	var b bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&b, "page.html", d); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func (p *Portal) home(w http.ResponseWriter, r *http.Request) {
	d := p.page(r, "Bitrix24 (emulated)")
	d.Home = true
	p.render(w, http.StatusOK, d)
}

// language is one that the portal's pages offer to apps; the portal itself
// speaks English and Russian.
type language struct{ Code, Name string }

var languages = []language{{"en", "English"}, {"de", "Deutsch"}, {"la", "Español"}, {"fr", "Français"}, {"br", "Português"}, {"ru", "Русский"}}

// Languages are those that a person can choose.
func (pageData) Languages() []language { return languages }

// serveSwitch changes who looks, and in which language.
func (p *Portal) serveSwitch(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PostFormValue("user"), 10, 64)
	u, ok := p.user(id)
	if !ok {
		http.Error(w, "no such user", http.StatusBadRequest)
		return
	}
	if lang := r.PostFormValue("lang"); slices.ContainsFunc(languages, func(l language) bool { return l.Code == lang }) {
		p.EditUser(u.ID, func(u *User) { u.Lang = lang })
	}
	http.SetCookie(w, &http.Cookie{Name: userCookie, Value: idText(u.ID), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	back := r.PostFormValue("back")
	if !strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//") || strings.Contains(back, `\`) {
		back = "/"
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// serveApp is the app's page in the portal: its own page, or its installer.
func (p *Portal) serveApp(w http.ResponseWriter, r *http.Request) {
	o := opening{slider: r.URL.Query().Get("IFRAME") == "Y", options: map[string]string{}}
	for k, v := range r.URL.Query() {
		if k != "IFRAME" && k != "IFRAME_TYPE" && k != "install_finished" {
			o.options[k] = v[0]
		}
	}
	p.serveFrame(w, r, o)
}

// serveLink is /marketplace/view/<code>/?params[k]=v: the REST_APP_URI
// placement, or the app itself if nothing is bound to it.
func (p *Portal) serveLink(w http.ResponseWriter, r *http.Request) {
	id, _ := p.keys()
	if code := r.PathValue("code"); code != p.p.AppCode && code != id {
		p.render(w, http.StatusNotFound, p.page(r, "Not found"))
		return
	}
	o := opening{slider: true, uri: r.URL.RequestURI(), options: map[string]string{}}
	params := parseQuery(r.URL.RawQuery).sub("params")
	for _, k := range params.keysOf() {
		o.options[k] = text(params.get(k))
	}
	for _, b := range p.Placements() {
		if b.Code == "REST_APP_URI" {
			o.placement, o.handler = b.Code, b.Handler
		}
	}
	p.serveFrame(w, r, o)
}

func (p *Portal) serveFrame(w http.ResponseWriter, r *http.Request, o opening) {
	d := p.page(r, p.w.o.AppName)
	f, err := p.open(d.User, o)
	switch {
	case errors.Is(err, errNotInstalled):
		d.Lock = true
		p.render(w, http.StatusOK, d)
	case err != nil:
		http.Error(w, err.Error(), http.StatusForbidden)
	default:
		d.Frame = &f
		p.render(w, http.StatusOK, d)
	}
}
