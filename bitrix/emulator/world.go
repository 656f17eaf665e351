package emulator

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options are what a World needs to know of the app and of time.
type Options struct {
	// Now and Sleep are the clock; nil for the time package's, which is
	// virtual inside testing/synctest. A Sleep of one's own may return at
	// once and let Now jump.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// ClientID and ClientSecret are the app's keys at the OAuth server.
	ClientID, ClientSecret string
	// AppURL is the app's page, InstallURL its installer, EventsURL the
	// handler named in the version card (may be empty).
	AppURL, InstallURL, EventsURL string
	// AppName is what menus call the app.
	AppName string
	// OAuthURL is where the OAuth server is reached, without a trailing
	// slash; "https://oauth.bitrix.info" by default.
	OAuthURL string
	// TokenLife of an access token; an hour by default.
	TokenLife time.Duration
	// Events carries events to the app; nil: http.DefaultTransport.
	Events http.RoundTripper
}

// World is the OAuth server and the portals whose apps it knows. It is safe
// for concurrent use.
type World struct {
	o       Options
	methods map[string]method
	// jumps: Sleep is not ours, and may not wait.
	jumps bool

	mu      sync.Mutex
	portals []*Portal
	access  map[string]*grant
	refresh map[string]*grant
	faults  faults
	calls   []Call
}

// refreshLife is how long a refresh token that is not used stays good.
const refreshLife = 180 * 24 * time.Hour

// grant is one pair of tokens.
type grant struct {
	access, refresh string
	portal          *Portal
	user            int64
	client          string
	made, expires   time.Time
	// revoked: the app was removed; spent: the refresh token was used.
	revoked, spent bool
}

// New makes a World without portals.
func New(o Options) *World {
	if o.Now == nil {
		o.Now = time.Now
	}
	jumps := o.Sleep != nil
	if !jumps {
		o.Sleep = sleep
	}
	if o.ClientID == "" {
		o.ClientID, o.ClientSecret = "app.0123456789abcd.01234567", "emulated-secret"
	}
	if o.OAuthURL == "" {
		o.OAuthURL = "https://oauth.bitrix.info"
	}
	o.OAuthURL = strings.TrimRight(o.OAuthURL, "/")
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
	if o.AppName == "" {
		o.AppName = "SPA Importer"
	}
	w := &World{o: o, jumps: jumps, access: map[string]*grant{}, refresh: map[string]*grant{}}
	w.methods = allMethods()
	return w
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// AddPortal adds a portal. Its domain must not be taken.
func (w *World) AddPortal(p Profile) *Portal {
	portal := newPortal(w, p)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.portals = append(w.portals, portal)
	return portal
}

// SetApp moves the app to other addresses, for tests that start the app after
// the World.
func (w *World) SetApp(appURL, installURL, eventsURL string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.o.AppURL, w.o.InstallURL, w.o.EventsURL = appURL, installURL, eventsURL
}

func (w *World) app() (appURL, installURL, eventsURL string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.o.AppURL, w.o.InstallURL, w.o.EventsURL
}

// Keys are the client id and secret of the app at the OAuth server.
func (w *World) Keys() (id, secret string) { return w.o.ClientID, w.o.ClientSecret }

// Secrets are all that was given out so far and must not be found anywhere
// else: tokens, the app's secret, application tokens and codes of webhooks.
func (w *World) Secrets() []string {
	w.mu.Lock()
	list := append(slices.Collect(maps.Keys(w.access)), w.o.ClientSecret)
	list = slices.AppendSeq(list, maps.Keys(w.refresh))
	portals := slices.Clone(w.portals)
	w.mu.Unlock()
	for _, p := range portals {
		p.mu.Lock()
		list = append(slices.AppendSeq(list, maps.Keys(p.hooks)), p.appToken)
		p.mu.Unlock()
	}
	return list
}

// Fault queues a fault of the OAuth server: Method "oauth.token" or
// "oauth.app.info", or empty for both.
func (w *World) Fault(f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults.add(f)
}

// Calls lists the calls of the OAuth server in order of arrival.
func (w *World) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

func (w *World) now() time.Time { return w.o.Now() }

// byHost finds the portal that has, or had, this host.
func (w *World) byHost(host string) (p *Portal, moved bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.portals {
		if strings.EqualFold(p.host(), host) {
			return p, false
		}
	}
	for _, p := range w.portals {
		if p.wasAt(host) {
			return p, true
		}
	}
	return nil, false
}

func (w *World) isOAuth(host string) bool {
	u, err := url.Parse(w.o.OAuthURL)
	return err == nil && strings.EqualFold(u.Host, host)
}

// issue makes a pair of tokens.
func (w *World) issue(p *Portal, user int64, client string) *grant {
	g := &grant{
		access: token(35), refresh: token(35), portal: p, user: user, client: client,
		made: w.now(), expires: w.now().Add(w.o.TokenLife).Truncate(time.Second),
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.access[g.access], w.refresh[g.refresh] = g, g
	return g
}

// byAccess returns a copy, so that it may be read without the lock.
func (w *World) byAccess(token string) (grant, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g, ok := w.access[token]
	if !ok {
		return grant{}, false
	}
	return *g, true
}

// expire ends an access token; its refresh token stays good.
func (w *World) expire(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g, ok := w.access[token]; ok {
		g.expires = time.Time{}
	}
}

// revoke kills every token of an app on a portal.
func (w *World) revoke(p *Portal, client string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, g := range w.access {
		if g.portal == p && g.client == client {
			g.revoked = true
		}
	}
}

// token makes n random bytes in hex.
func token(n int) string {
	b := make([]byte, n)
	// crypto/rand.Read never fails.
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
