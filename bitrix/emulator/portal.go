package emulator

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Portal is one Bitrix24 account. It is safe for concurrent use.
type Portal struct {
	w *World

	mu sync.Mutex
	// The profile's own parts; users, types and items live below.
	p        Profile
	oldHosts []string
	users    []*User
	entities []*entity
	statuses []*dictionary
	hooks    map[string]*hook
	// State of the app.
	installed, removed bool
	appToken           string
	placements         []placement
	handlers           []handler
	options            map[int64]*array // by user, 0 is the app
	firstRun           map[int64]bool
	frames             map[string]frame
	// What limits and goes wrong.
	buckets  map[string]*bucket
	spent    map[string]*baskets
	costs    map[string]time.Duration
	faults   faults
	quirks   atomic.Pointer[Quirks]
	denial   *failure
	payment  bool
	calls    []*Call
	writes   int
	notices  []Notice
	events   []Delivery
	nextFile int64
}

type hook struct {
	user   int64
	scopes []string
}

// Call is one REST call the portal was asked, or a command inside a batch.
type Call struct {
	// Method as documented; the batch itself is "batch".
	Method string
	User   int64
	At     time.Time
	// Duration until the work was done.
	Duration time.Duration
	// Status and Code of the answer; Status is 0 where none was given. A
	// command inside a batch has the status it would have had alone.
	Status int
	Code   string
	// Inner: a command inside a batch.
	Inner bool
	// Executed: the work was begun, so it may have had effects.
	Executed bool
	// Rows that were written.
	Rows int
}

func newPortal(w *World, p Profile) *Portal {
	if p.MemberID == "" {
		p.MemberID = token(16)
	}
	if p.Scheme == "" {
		p.Scheme = "https"
	}
	if p.Lang == "" {
		p.Lang = "en"
	}
	if p.Zone == nil {
		p.Zone = time.FixedZone("", 2*3600)
	}
	if p.Scopes == nil {
		p.Scopes = []string{"crm", "placement", "user_brief", "im"}
	}
	if p.Currencies == nil {
		p.Currencies = []string{"USD", "EUR"}
	}
	if p.AppCode == "" {
		p.AppCode = "example.spa_importer"
	}
	if p.Version == 0 {
		p.Version = 1
	}
	if len(p.Users) == 0 {
		p.Users = []User{{ID: 1, Name: "Alex", LastName: "Sample", Email: "alex.sample@example.com", Admin: true}}
	}
	portal := &Portal{
		w: w, p: p, installed: p.Installed, appToken: token(16),
		hooks: map[string]*hook{}, buckets: map[string]*bucket{}, spent: map[string]*baskets{},
		costs: map[string]time.Duration{}, options: map[int64]*array{},
		firstRun: map[int64]bool{}, frames: map[string]frame{},
	}
	for _, u := range p.Users {
		u.Rights = maps.Clone(u.Rights)
		portal.users = append(portal.users, &u)
	}
	portal.buildCRM()
	return portal
}

// MemberID is the portal's stable id.
func (p *Portal) MemberID() string { return p.p.MemberID }

func (p *Portal) host() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.p.Domain
}

func (p *Portal) wasAt(host string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.oldHosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// URL is the portal's origin, such as https://portal.example.com.
func (p *Portal) URL() string { return p.p.Scheme + "://" + p.host() }

// Endpoint is where REST is called, ending in a slash.
func (p *Portal) Endpoint() string { return p.URL() + "/rest/" }

// Rename gives the portal a new domain; the old one answers with a redirect
// from then on.
func (p *Portal) Rename(domain string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.oldHosts = append(p.oldHosts, p.p.Domain)
	p.p.Domain = domain
}

func (p *Portal) keys() (id, secret string) {
	if p.p.ClientID != "" {
		return p.p.ClientID, p.p.ClientSecret
	}
	return p.w.Keys()
}

func (p *Portal) scopes() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.p.Scopes)
}

// SetScopes changes what the app is allowed to call.
func (p *Portal) SetScopes(scopes ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.p.Scopes = scopes
}

func (p *Portal) version() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.p.Version
}

// status is the licence letter of the app: L for a local one, F for free.
func (p *Portal) status() string { return pick(p.p.ClientID != "", "L", "F") }

// Installed reports whether the installer was finished.
func (p *Portal) Installed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.installed && !p.removed
}

// AppToken is the application_token of events and open forms.
func (p *Portal) AppToken() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.appToken
}

// Token issues a pair of tokens of the app, as a frame opened by this user
// gets. It panics for a user the portal does not have: a test's mistake.
func (p *Portal) Token(user int64) (access, refresh string) {
	id, _ := p.keys()
	return p.TokenFor(id, user)
}

// TokenFor issues a pair of tokens of another app that is installed on the
// same portal: the kind a forged open would carry.
func (p *Portal) TokenFor(clientID string, user int64) (access, refresh string) {
	if _, ok := p.user(user); !ok {
		panic(fmt.Sprintf("emulator: portal %s has no user %d", p.host(), user))
	}
	g := p.w.issue(p, user, clientID)
	return g.access, g.refresh
}

// ExpireToken ends an access token before its time; the refresh token stays
// good.
func (p *Portal) ExpireToken(access string) { p.w.expire(access) }

// Webhook makes an inbound webhook and returns its address, which ends in a
// slash and is a secret. Without scopes it may call the CRM and read users.
func (p *Portal) Webhook(user int64, scopes ...string) string {
	if len(scopes) == 0 {
		scopes = []string{"crm", "user_brief"}
	}
	code := token(8)
	p.mu.Lock()
	p.hooks[code] = &hook{user: user, scopes: scopes}
	p.mu.Unlock()
	return fmt.Sprintf("%s%d/%s/", p.Endpoint(), user, code)
}

// DropWebhook deletes a webhook given its address.
func (p *Portal) DropWebhook(address string) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(parts) >= 3 {
		delete(p.hooks, parts[2])
	}
}

// user returns a copy.
func (p *Portal) user(id int64) (User, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range p.users {
		if u.ID == id {
			c := *u
			if c.Lang == "" {
				c.Lang = p.p.Lang
			}
			return c, true
		}
	}
	return User{}, false
}

// Users lists the users of the portal.
func (p *Portal) Users() []User {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]User, 0, len(p.users))
	for _, u := range p.users {
		out = append(out, *u)
	}
	return out
}

// EditUser changes a user: rights, language, dismissal.
func (p *Portal) EditUser(id int64, change func(*User)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, u := range p.users {
		if u.ID == id {
			c := *u
			c.Rights = maps.Clone(u.Rights)
			if c.Rights == nil {
				c.Rights = map[int64]Rights{}
			}
			change(&c)
			p.users[i] = &c
		}
	}
}

// SetCost sets how long a method takes: per row for crm.item.batchImport, per
// call for all others. An empty method is the cost of all that have none of
// their own.
func (p *Portal) SetCost(method string, perItem time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.costs[strings.ToLower(method)] = perItem
}

func (p *Portal) cost(method string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d, ok := p.costs[strings.ToLower(method)]; ok {
		return d
	}
	return p.costs[""]
}

// SetLimits replaces the portal's limits.
func (p *Portal) SetLimits(l Limits) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.p.Limits = &l
}

// Limits are the portal's limits.
func (p *Portal) Limits() Limits {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.p.Limits != nil {
		return *p.p.Limits
	}
	return LimitsOf(p.p.License)
}

// SetEnforceRequired switches the check of mandatory user fields.
func (p *Portal) SetEnforceRequired(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.p.EnforceRequired = on
}

// Fault queues a fault.
func (p *Portal) Fault(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults.add(f)
}

// ClearFaults forgets all queued faults.
func (p *Portal) ClearFaults() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = faults{}
}

func (p *Portal) takeFault(method string, inner bool) *Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults.take(method, inner)
}

// Deny makes every REST call fail with a code until it is called with an
// empty code: 403 ACCESS_DENIED is a portal whose plan has no REST, 503
// OVERLOAD_LIMIT one that Bitrix24 has blocked.
func (p *Portal) Deny(status int, code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.denial = nil
	if code != "" {
		p.denial = fails(status, code, "Denied: "+code)
	}
}

// RequirePayment makes the app's subscription end, or begin again.
func (p *Portal) RequirePayment(required bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.payment = required
}

func (p *Portal) paymentRequired() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.payment
}

func (p *Portal) denied() *failure {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.payment && p.denial == nil {
		return fails(http.StatusUnauthorized, "PAYMENT_REQUIRED", "Subscription has been ended")
	}
	return p.denial
}

// Calls lists every REST call in order of arrival, commands of batches after
// their batch.
func (p *Portal) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Call, 0, len(p.calls))
	for _, c := range p.calls {
		out = append(out, *c)
	}
	return out
}

// Writes is how many calls, inner ones included, that create, change or
// delete items of the CRM were executed.
func (p *Portal) Writes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writes
}

// ResetCounts forgets calls, writes, notices and deliveries.
func (p *Portal) ResetCounts() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls, p.writes, p.notices, p.events = nil, 0, nil, nil
}
