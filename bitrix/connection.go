package bitrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// Connection calls one portal as one user, through the user's grant, one
// token, or an inbound webhook. It is safe for concurrent use.
type Connection struct {
	c      *Client
	auth   authority
	portal string // as CallRecord.Portal

	mu   sync.Mutex
	last place // as of the newest call
}

// access is how to call the portal at the moment.
type access struct {
	base *url.URL
	// token goes into the body; empty for a webhook.
	token string
	// credential names what method time is counted against: the app or the
	// webhook.
	credential string
}

// place is where limits are counted: all that is remembered of an access,
// since a webhook's address is a secret that must be forgotten with it.
type place struct{ host, credential string }

// authority knows how a connection may call. Errors are *Errors.
type authority interface {
	access(ctx context.Context) (access, error)
	// renew replaces a token that the portal refused; it returns nil, nil
	// if there is no way to.
	renew(ctx context.Context, old access) (*access, error)
	// follow confirms that the portal has moved to another host; nil, nil
	// if redirects are not followed.
	follow(ctx context.Context, old access, to *url.URL) (*access, error)
}

// Grant calls with the OAuth grant of a user, refreshed when it has expired.
func (c *Client) Grant(portal string, user int64, grants Grants) *Connection {
	return &Connection{c: c, portal: portal, auth: &grantAuthority{c: c, id: grantID{portal, user}, grants: grants}}
}

// TokenConnection calls with one access token at an endpoint that the OAuth
// server has named, without refreshing it: for the first calls of a verified
// open.
func (c *Client) TokenConnection(portal, endpoint, token string) *Connection {
	return c.fixed(portal, &tokenAuthority{c: c, endpoint: endpoint, token: token})
}

// Webhook calls through an inbound webhook.
func (c *Client) Webhook(w WebhookURL) *Connection {
	return c.fixed(fmt.Sprintf("hook:%s:%d", w.Host, w.User), &tokenAuthority{c: c, endpoint: w.Secret(), hook: true})
}

func (c *Client) fixed(portal string, auth *tokenAuthority) *Connection {
	x := &Connection{c: c, portal: portal, auth: auth}
	if a, err := auth.fixed(); err == nil { // otherwise each call says why
		x.use(a)
	}
	return x
}

// request is one call on its way.
type request struct {
	method   string
	body     []byte // a JSON object, without the token
	loads    []load
	commands []Command // of a batch
}

// reply is what came of it.
type reply struct {
	Reply
	batch BatchReply
}

// Call calls a method with a map or struct of parameters (nil: none). It
// waits for the portal's pace, up to 5 s; a longer wait is an *Error with
// CodePaceWait and the time in ResetAt. An expired token is refreshed and
// the call repeated once; a refusal for the request rate is repeated a few
// times. All errors are *Errors.
func (x *Connection) Call(ctx context.Context, method string, params any) (Reply, error) {
	if !validMethod(method) || method == batchMethod {
		return Reply{}, badRequest(method, errors.New("not the name of a method to call"))
	}
	body, err := encodeParams(params)
	if err != nil {
		return Reply{}, badRequest(method, err)
	}
	r := request{method: method, body: body, loads: []load{{method: method, cost: expected(ctx)}}}
	got, err := x.exchange(ctx, r)
	if err != nil {
		return Reply{}, err
	}
	if method == "app.info" {
		x.learnFamily(got.Result)
	}
	return got.Reply, nil
}

// Batch runs up to 50 commands in one request, in their order, each for
// itself: an error of one does not stop the others. A command with a value
// that the portal would replace ("$result[") is not sent; its error is in
// Errors with CodeReference. WithCost is for all commands together.
func (x *Connection) Batch(ctx context.Context, commands []Command) (BatchReply, error) {
	body, sent, refused, err := encodeBatch(commands)
	if err != nil {
		return BatchReply{}, badRequest(batchMethod, err)
	}
	if len(sent) == 0 {
		return BatchReply{Errors: refused}, nil
	}
	r := request{method: batchMethod, body: body, commands: sent, loads: batchLoads(sent, expected(ctx))}
	got, err := x.exchange(ctx, r)
	if err != nil {
		return BatchReply{}, err
	}
	for key, fault := range refused {
		got.batch.Errors[key] = fault
	}
	return got.batch, nil
}

// Ready says when a call of the method may be sent by an import: a time not
// after now means at once. cost is what the call will take the portal; calls
// may begin while any time of the method is left, since the portal checks
// before execution only. Before the first call to a portal nothing is known,
// and the time is zero.
func (x *Connection) Ready(method string, cost time.Duration) time.Time {
	p, credential, ok := x.pace()
	if !ok {
		return time.Time{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting(credential, callLoads(method, cost))
}

// ReadyBatch is Ready for a batch of so many commands of one method, each of
// which takes the portal about each: all but the last must fit, as every
// command is checked by itself.
func (x *Connection) ReadyBatch(method string, commands int, each time.Duration) time.Time {
	p, credential, ok := x.pace()
	if !ok {
		return time.Time{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting(credential, methodLoads(method, commands, each))
}

// Pace is what is known of the portal's limits now; it is empty before the
// first call to the portal.
func (x *Connection) Pace() Pace {
	p, credential, ok := x.pace()
	if !ok {
		return Pace{Now: x.c.now()}
	}
	return p.snapshot(credential)
}

// SetFamily sets the request rate by the portal's licence family, as its
// app.info names it: "ent" for Enterprise, "box" for on-premise portals,
// which count no requests; anything else is the usual rate. An app.info
// called through any connection does the same.
func (x *Connection) SetFamily(family string) {
	if p, _, ok := x.pace(); ok {
		p.setFamily(family)
	}
}

// pace finds the portal's pace. Until a call was made through any connection
// to the portal nothing is known of it.
func (x *Connection) pace() (*pace, string, bool) {
	x.mu.Lock()
	at := x.last
	x.mu.Unlock()
	if at.host == "" {
		x.c.mu.Lock()
		at = x.c.places[x.portal]
		x.c.mu.Unlock()
	}
	if at.host == "" {
		return nil, "", false
	}
	return x.c.paceOf(at.host), at.credential, true
}

// use remembers where the portal is.
func (x *Connection) use(a access) {
	at := place{a.base.Host, a.credential}
	x.mu.Lock()
	x.last = at
	x.mu.Unlock()
	x.c.mu.Lock()
	x.c.places[x.portal] = at
	x.c.mu.Unlock()
}

// learnFamily reads the licence family from an answer of the portal's
// app.info.
func (x *Connection) learnFamily(result json.RawMessage) {
	var info struct {
		Family looseText `json:"LICENSE_FAMILY"`
	}
	if json.Unmarshal(result, &info) == nil && info.Family != "" {
		x.SetFamily(string(info.Family))
	}
}

// encodeParams writes parameters as a JSON object.
func encodeParams(params any) ([]byte, error) {
	if params == nil {
		return []byte("{}"), nil
	}
	body, err := json.Marshal(params)
	if err != nil {
		return nil, fmt.Errorf("encoding parameters: %w", err)
	}
	if string(body) == "null" {
		return []byte("{}"), nil
	}
	if body[0] != '{' {
		return nil, errors.New("parameters are not a map")
	}
	return body, nil
}

// withToken puts the token into a JSON object: in the body it stays out of
// the logs of everything on the way.
func withToken(body []byte, token string) []byte {
	if token == "" {
		return body
	}
	quoted, err := json.Marshal(token)
	if err != nil { // a string always encodes
		return body
	}
	out := append([]byte(`{"auth":`), quoted...)
	if len(body) > 2 {
		out = append(out, ',')
	}
	return append(out, body[1:]...)
}

func badRequest(method string, err error) *Error {
	return &Error{Code: CodeRequest, Class: Refused, Method: method, Err: err, stops: true}
}

// expected is the cost given with the context, in seconds, or -1.
func expected(ctx context.Context) float64 {
	if d, ok := costOf(ctx); ok {
		return d.Seconds()
	}
	return -1
}

// callLoads is what a call of the method asks for.
func callLoads(method string, cost time.Duration) []load {
	return []load{{method: method, cost: cost.Seconds()}}
}

// methodLoads is what a batch of commands of one method asks for.
func methodLoads(method string, commands int, each time.Duration) []load {
	total := each.Seconds() * float64(commands)
	return []load{{method: batchMethod, cost: total}, {method: method, commands: commands, cost: total}}
}

// batchLoads shares the expected cost of a batch out to its methods.
func batchLoads(commands []Command, cost float64) []load {
	loads := []load{{method: batchMethod, cost: cost}}
	for _, c := range commands {
		i := 1
		for i < len(loads) && loads[i].method != c.Method {
			i++
		}
		if i == len(loads) {
			loads = append(loads, load{method: c.Method, cost: -1})
		}
		loads[i].commands++
	}
	if cost >= 0 {
		for i := 1; i < len(loads); i++ {
			loads[i].cost = cost * float64(loads[i].commands) / float64(len(commands))
		}
	}
	return loads
}
