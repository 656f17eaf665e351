package bitrix

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Keys are what an app is known by at the OAuth server. The zero value
// stands for the keys of Options.
type Keys struct{ ClientID, ClientSecret string }

// String is the id without the secret.
func (k Keys) String() string { return "keys of " + k.ClientID }

// GoString keeps the secret out of %#v.
func (k Keys) GoString() string { return k.String() }

// LogValue keeps the secret out of logs.
func (k Keys) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Options is what a Client needs. The zero value works for public portals
// reached through webhooks.
type Options struct {
	// Keys are the app's own; a Grant may bring others (local apps).
	Keys Keys
	// OAuth lists the base URLs of the OAuth servers that are believed, such
	// as "https://oauth.bitrix.info/"; the first is the default. Empty: the
	// two that Bitrix24 runs.
	OAuth []string
	// AllowPrivate lets http:// and private addresses through: for portals
	// in one's own network and for the demo.
	AllowPrivate bool
	// Transport sends requests; nil is GuardedTransport(AllowPrivate).
	Transport http.RoundTripper
	// Now is the clock; nil is time.Now. Waits use package time's timers.
	Now func() time.Time
	// Log gets a record of every request sent; it may be nil and must not
	// block.
	Log func(CallRecord)
	// Timeout is for one request; 0 is 75 s, which lies above the 60 s after
	// which portals cut requests: giving up on one that still works is how
	// doubles are made.
	Timeout time.Duration
	// Slog gets the few events an operator should know; nil discards them.
	Slog *slog.Logger
}

// Client makes connections. All connections of one Client to the same portal
// share one pace. It is safe for concurrent use.
type Client struct {
	keys         Keys
	oauth        []string
	allowPrivate bool
	transport    http.RoundTripper
	traced       bool // transport is our own and reports what was written
	now          func() time.Time
	log          func(CallRecord)
	slog         *slog.Logger
	timeout      time.Duration

	mu      sync.Mutex
	paces   map[string]*pace       // by host
	places  map[string]place       // by CallRecord.Portal: where it was last called
	flights map[grantID]*refreshed // refreshes under way
}

// New makes a Client.
func New(o Options) *Client {
	c := &Client{
		keys: o.Keys, allowPrivate: o.AllowPrivate, transport: o.Transport, now: o.Now,
		log: o.Log, slog: o.Slog, timeout: o.Timeout,
		paces: make(map[string]*pace), places: make(map[string]place), flights: make(map[grantID]*refreshed),
	}
	if c.transport == nil {
		c.transport, c.traced = GuardedTransport(o.AllowPrivate), true
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.slog == nil {
		c.slog = slog.New(slog.DiscardHandler)
	}
	if c.timeout <= 0 {
		c.timeout = 75 * time.Second
	}
	servers := o.OAuth
	if len(servers) == 0 {
		servers = []string{"https://oauth.bitrix.info/", "https://oauth.bitrix24.tech/"}
	}
	for _, s := range servers {
		c.oauth = append(c.oauth, strings.TrimRight(s, "/")+"/")
	}
	return c
}

// paceOf returns the pace of a portal, by the host of its REST address: the
// request rate is counted per portal and source address, whatever credential
// is used.
func (c *Client) paceOf(host string) *pace {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.paces[host]
	if p == nil {
		p = newPace(c.now)
		c.paces[host] = p
	}
	return p
}

// moved lets a new host of a portal keep the pace of the old one.
func (c *Client) moved(from, to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.paces[from]; p != nil && c.paces[to] == nil {
		c.paces[to] = p
	}
}

// CallRecord describes one request for the REST log: never a token, never a
// value.
type CallRecord struct {
	// Portal is the member_id, or "hook:<host>:<user>" for a webhook; empty
	// when the OAuth server was asked whose a token is.
	Portal string
	// Import is the id given to WithImport; empty for other calls.
	Import string
	Method string
	Start  time.Time
	// Duration is from sending to the end of the answer.
	Duration time.Duration
	// BytesOut and BytesIn are sizes of bodies.
	BytesOut, BytesIn int
	// Status is the HTTP status, 0 if there was no answer.
	Status int
	// Code is the error code, empty for success.
	Code string
	// Operating is what the portal reported as spent on the method, seconds.
	Operating float64
	// Commands counts the commands of a batch, 0 for other methods.
	Commands int
}

type contextKey int

const (
	importKey contextKey = iota
	costKey
	departureKey
	turnKey
)

// WithImport marks the calls made with ctx as work of an import: they are
// logged with its id, and leave a few places of the request rate to the
// calls of people who wait in front of a screen.
func WithImport(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, importKey, id)
}

func importOf(ctx context.Context) string {
	id, _ := ctx.Value(importKey).(string)
	return id
}

// WithCost tells the pace how long the portal will probably work on a call
// made with ctx. Without it the last calls of the method are the measure.
func WithCost(ctx context.Context, cost time.Duration) context.Context {
	return context.WithValue(ctx, costKey, cost)
}

func costOf(ctx context.Context) (time.Duration, bool) {
	d, ok := ctx.Value(costKey).(time.Duration)
	return d, ok
}

// WithDeparture forbids sending a call made with ctx after a time: whoever
// has noted when a request left at the latest can count on it, however long
// the pace, a refusal or a new token keeps it waiting. A call that comes too
// late is refused with CodePaceWait.
func WithDeparture(ctx context.Context, latest time.Time) context.Context {
	return context.WithValue(ctx, departureKey, latest)
}

// tooLate reports whether a call may not be sent any more.
func tooLate(ctx context.Context, now time.Time) bool {
	latest, ok := ctx.Value(departureKey).(time.Time)
	return ok && now.After(latest)
}

// WithTurn lets the maker of a call know when Pace and Ready have come to
// reckon with it: told is called, once, as soon as the call has its place among
// the limits, or has found that it must wait for one. A call that is refused
// sooner never tells.
func WithTurn(ctx context.Context, told func()) context.Context {
	return context.WithValue(ctx, turnKey, sync.OnceFunc(told))
}

func tellTurn(ctx context.Context) {
	if told, ok := ctx.Value(turnKey).(func()); ok {
		told()
	}
}
