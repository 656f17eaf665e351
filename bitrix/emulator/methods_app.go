package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// appID is the number of the app on the portal.
const appID = 12

// placement is a bound handler.
type placement struct {
	code, handler, title string
	langs                *array
}

// Placement is a handler the app has bound to a place of the interface.
type Placement struct{ Code, Handler, Title string }

// Placements lists what is bound, in order.
func (p *Portal) Placements() []Placement {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []Placement{}
	for _, b := range p.placements {
		out = append(out, Placement{b.code, b.handler, b.titleIn(p.p.Lang)})
	}
	return out
}

// titleIn is the title in a language: LANG_ALL wins over TITLE.
func (b placement) titleIn(lang string) string {
	for _, l := range append([]string{lang, "en"}, b.langs.keysOf()...) {
		if t := text(b.langs.sub(l).get("TITLE")); t != "" {
			return t
		}
	}
	return b.title
}

// placementMethods are placement.* (api-reference/widgets in the
// documentation).
func placementMethods() []method {
	return []method{
		{name: "placement.list", scope: "placement", app: true, run: placementList},
		{name: "placement.get", scope: "placement", app: true, run: adminOnly(placementGet)},
		{name: "placement.bind", scope: "placement", app: true, run: adminOnly(placementBind)},
		{name: "placement.unbind", scope: "placement", app: true, run: adminOnly(placementUnbind)},
	}
}

func adminOnly(run func(*call) (reply, *failure)) func(*call) (reply, *failure) {
	return func(c *call) (reply, *failure) {
		if !c.user.Admin {
			return refuse(http.StatusForbidden, "ACCESS_DENIED", "Access denied!")
		}
		return run(c)
	}
}

// placementCodes are the places there are; those of the CRM only with its
// scope.
func (c *call) placementCodes() []string {
	out := []string{"LEFT_MENU", "REST_APP_URI", "PAGE_BACKGROUND_WORKER"}
	if !slices.Contains(c.scopes, "crm") {
		return out
	}
	kinds := []string{"LIST_TOOLBAR", "LIST_MENU", "DETAIL_TAB", "DETAIL_TOOLBAR", "DETAIL_ACTIVITY", "ACTIVITY_TIMELINE_MENU", "DOCUMENTGENERATOR_BUTTON"}
	names := []string{"CRM_DEAL", "CRM_CONTACT", "CRM_COMPANY"}
	for _, t := range c.p.types() {
		names = append(names, fmt.Sprintf("CRM_DYNAMIC_%d", t.EntityTypeID))
	}
	for _, kind := range kinds {
		for _, n := range names {
			out = append(out, n+"_"+kind)
		}
	}
	return out
}

func placementList(c *call) (reply, *failure) { return ok(listOf(c.placementCodes())) }

func placementGet(c *call) (reply, *failure) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	out := newArray()
	for _, b := range c.p.placements {
		langs := b.langs
		if langs == nil {
			langs = newArray()
		}
		out.push(newArray("placement", b.code, "userId", 0, "handler", b.handler, "options", newArray(),
			"title", b.title, "description", "", "langAll", langs))
	}
	return ok(out)
}

// placementBind reports some errors with status 200, as a portal does.
func placementBind(c *call) (reply, *failure) {
	code := strings.ToUpper(text(c.params.fold("PLACEMENT")))
	handler := text(c.params.fold("HANDLER"))
	switch {
	case code == "":
		return noPlacement(http.StatusOK)
	case handler == "":
		return refuse(http.StatusOK, "EMPTY_ERROR_HANDLER_URL", "Handler URL is empty")
	case !slices.Contains(c.placementCodes(), code):
		return refuse(http.StatusBadRequest, "ERROR_PLACEMENT_NOT_FOUND", "Placement not found")
	}
	if fail := c.checkHandler(handler); fail != nil {
		return reply{}, fail
	}
	langs, _ := c.params.fold("LANG_ALL").(*array)
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	single := code == "REST_APP_URI" || code == "PAGE_BACKGROUND_WORKER"
	for _, b := range c.p.placements {
		if b.code == code && b.handler == handler {
			return refuse(http.StatusBadRequest, "ERROR_CORE", "Unable to set placement handler: Handler already binded")
		}
		if b.code == code && single {
			return refuse(http.StatusOK, "ERROR_PLACEMENT_MAX_COUNT", "Placement can have only one handler")
		}
	}
	title := text(c.params.fold("TITLE"))
	if title == "" {
		title = c.p.w.o.AppName
	}
	c.p.placements = append(c.p.placements, placement{code, handler, title, langs})
	return ok(true)
}

func noPlacement(status int) (reply, *failure) {
	f := fails(status, "ERROR_ARGUMENT", "Argument 'PLACEMENT' is null or empty")
	f.argument = "PLACEMENT"
	return reply{}, f
}

// checkHandler demands an absolute address on the app's own host.
func (c *call) checkHandler(handler string) *failure {
	u, err := url.Parse(handler)
	if err != nil || u.Host == "" {
		return fails(http.StatusBadRequest, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL")
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return fails(http.StatusBadRequest, "ERROR_UNSUPPORTED_PROTOCOL", "Unsupported protocol")
	}
	appURL, _, _ := c.p.w.app()
	if app, err := url.Parse(appURL); err == nil && app.Host != "" && !strings.EqualFold(app.Host, u.Host) {
		return fails(http.StatusBadRequest, "ERROR_HANDLER_URL_MATCH", "Handler URL host doesn't match application URL")
	}
	return nil
}

// placementUnbind counts each record twice: found, and deleted.
func placementUnbind(c *call) (reply, *failure) {
	code := strings.ToUpper(text(c.params.fold("PLACEMENT")))
	handler := text(c.params.fold("HANDLER"))
	if code == "" {
		return noPlacement(http.StatusBadRequest)
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	before := len(c.p.placements)
	c.p.placements = slices.DeleteFunc(c.p.placements, func(b placement) bool {
		return b.code == code && (handler == "" || b.handler == handler)
	})
	return ok(newArray("count", 2*(before-len(c.p.placements))))
}

// knownEvents are the events the emulator delivers.
var knownEvents = []string{"ONAPPUNINSTALL", "ONAPPINSTALL", "ONAPPUPDATE", "ONAPPPAYMENT", "ONCRMTYPEADD", "ONCRMTYPEUPDATE", "ONCRMTYPEDELETE"}

// handler is a bound event handler.
type handler struct {
	number     int
	event, url string
	user       int64
}

// eventMethods are event.* for online events (api-reference/events in the
// documentation).
func eventMethods() []method {
	return []method{
		{name: "event.bind", app: true, run: eventBind},
		{name: "event.get", app: true, run: eventGet},
		{name: "event.unbind", app: true, run: eventUnbind},
	}
}

func eventBind(c *call) (reply, *failure) {
	name := strings.ToUpper(text(c.params.get("event")))
	address := text(c.params.get("handler"))
	user := intval(c.params.get("auth_type"))
	switch {
	case !slices.Contains(knownEvents, name):
		return refuse(http.StatusBadRequest, "ERROR_EVENT_NOT_FOUND", "Event not found")
	case text(c.params.get("event_type")) == "offline":
		return refuse(http.StatusForbidden, "ACCESS_DENIED", "Offline events are not available")
	case user != 0 && user != c.user.ID && !c.user.Admin:
		return refuse(http.StatusForbidden, "ACCESS_DENIED", "Access denied!")
	}
	if fail := c.checkHandler(address); fail != nil {
		return reply{}, fail
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	for _, h := range c.p.handlers {
		if h.event == name && h.url == address && h.user == user {
			return refuse(http.StatusBadRequest, "ERROR_EVENT_BINDING_EXISTS", "Unable to set event handler: Handler already binded")
		}
	}
	c.p.handlers = append(c.p.handlers, handler{len(c.p.handlers) + 1, name, address, user})
	return ok(true)
}

func eventGet(c *call) (reply, *failure) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	out := newArray()
	for _, h := range c.p.handlers {
		out.push(newArray("event", h.event, "handler", h.url, "auth_type", idText(h.user), "offline", 0))
	}
	return ok(out)
}

func eventUnbind(c *call) (reply, *failure) {
	name := strings.ToUpper(text(c.params.get("event")))
	address := text(c.params.get("handler"))
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	before := len(c.p.handlers)
	c.p.handlers = slices.DeleteFunc(c.p.handlers, func(h handler) bool {
		sameUser := !c.params.has("auth_type") || h.user == intval(c.params.get("auth_type"))
		return h.event == name && h.url == address && sameUser
	})
	return ok(newArray("count", before-len(c.p.handlers)))
}

// Notice is a notification sent through im.notify*.
type Notice struct {
	ID, To            int64
	From              int64
	Message, Out, Tag string
	At                time.Time
}

// Notices lists the notifications that stand: one with the same tag replaces
// the older.
func (p *Portal) Notices() []Notice {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.notices)
}

func notifyMethods() []method {
	return []method{
		{name: "im.notify", scope: "im", run: notify},
		{name: "im.notify.personal.add", scope: "im", run: notify},
		{name: "im.notify.system.add", scope: "im", run: notify},
	}
}

func notify(c *call) (reply, *failure) {
	to, message := intval(c.params.fold("USER_ID")), text(c.params.fold("MESSAGE"))
	switch {
	case to == 0:
		return refuse(http.StatusBadRequest, "USER_ID_EMPTY", "User ID can't be empty")
	case message == "":
		return refuse(http.StatusBadRequest, "MESSAGE_EMPTY", "Message can't be empty")
	}
	if u, known := c.p.user(to); !known || u.Dismissed {
		return ok(false)
	}
	n := Notice{To: to, From: c.user.ID, Message: message, Out: text(c.params.fold("MESSAGE_OUT")), Tag: text(c.params.fold("TAG")), At: c.p.w.now()}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	for _, old := range c.p.notices {
		n.ID = max(n.ID, old.ID)
	}
	n.ID++
	c.p.notices = slices.DeleteFunc(c.p.notices, func(old Notice) bool { return n.Tag != "" && old.Tag == n.Tag && old.To == to })
	c.p.notices = append(c.p.notices, n)
	return ok(n.ID)
}

// duplicateMethods find contacts and companies by phone or e-mail.
func duplicateMethods() []method {
	return []method{{name: "crm.duplicate.findbycomm", scope: "crm", run: findByComm}}
}

// maxComm is how many values findbycomm looks at, and how many hits it
// returns; the rest is ignored silently.
const maxComm = 20

func findByComm(c *call) (reply, *failure) {
	kind := strings.ToLower(text(c.params.fold("type")))
	values, _ := c.params.fold("values").(*array)
	switch {
	case kind != "phone" && kind != "email":
		return refuse(http.StatusBadRequest, "Communication type is not defined", "Parameter 'type' is required.")
	case values.len() == 0:
		return refuse(http.StatusBadRequest, "Communication values is not defined", "Parameter 'values' is required.")
	}
	want := map[string]bool{}
	for i, v := range values.values() {
		if s, isText := v.(string); isText && i < maxComm {
			want[commKey(kind, s)] = true
		}
	}
	delete(want, "")
	only := strings.ToUpper(text(c.params.fold("entity_type")))
	out := newArray()
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	for name, id := range commOrder() {
		e := c.p.entity(id)
		if only != "" && only != name || e == nil {
			continue
		}
		ids := newArray()
		for _, it := range e.items {
			if want[commKey(kind, text(it.get(kind)))] && c.user.may(c.user.on(id).Read, it) && ids.len() < maxComm {
				ids.push(it.ID)
			}
		}
		if ids.len() > 0 {
			out.set(name, ids)
		}
		if ids.len() >= maxComm {
			break
		}
	}
	return ok(out)
}

func commOrder() func(func(string, int64) bool) {
	return func(yield func(string, int64) bool) {
		_ = yield("CONTACT", typeContact) && yield("COMPANY", typeCompany)
	}
}

// commKey normalises: digits of a phone without its extension, an e-mail in
// lower case.
func commKey(kind, s string) string {
	if kind == "email" {
		return strings.ToLower(strings.TrimSpace(s))
	}
	s, _, _ = strings.Cut(s, ";")
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}
