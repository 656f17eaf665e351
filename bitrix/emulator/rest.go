package emulator

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// method is one REST method.
type method struct {
	// name as documented, scope that covers it; "" is open to everybody.
	name, scope string
	// app: only in the context of an app, not for webhooks.
	app bool
	// write: creates, changes or deletes CRM items.
	write bool
	// rows: pays its cost for each row itself.
	rows bool
	run  func(*call) (reply, *failure)
}

// reply is a result with the paging beside it; negative means none.
type reply struct {
	value       any
	total, next int
}

func ok(v any) (reply, *failure) { return reply{v, -1, -1}, nil }

// failure is a refusal by code. Code is text or, on some methods, a number.
type failure struct {
	status int
	code   any
	text   string
	// argument is named by some errors beside the code.
	argument string
}

func fails(status int, code any, text string) *failure {
	return &failure{status: status, code: code, text: text}
}

func (f *failure) body() *array {
	b := newArray("error", f.code, "error_description", f.text)
	if f.argument != "" {
		b.set("argument", f.argument)
	}
	return b
}

func refuse(status int, code any, text string) (reply, *failure) {
	return reply{}, fails(status, code, text)
}

// call is one method being called, alone or inside a batch.
type call struct {
	ctx    context.Context
	p      *Portal
	m      method
	params *array
	user   User
	// token authorised the call; webhooks have none. key is whose operating
	// time it costs.
	token, key string
	hook       bool
	scopes     []string
	// half: stop in the middle of the rows.
	half  bool
	work  *work
	entry *Call
}

// work is what happens behind one HTTP request.
type work struct {
	start, deadline time.Time
	// dead: the process was ended; nothing more may happen.
	dead bool
	// broken replaces the answer.
	broken *answer
}

// step takes the time one row or call costs. False means the process was
// ended meanwhile and the row must not be written.
func (c *call) step(d time.Duration) bool {
	w := c.work
	if w.dead {
		return false
	}
	if d > 0 {
		if left := w.deadline.Sub(c.p.w.now()); !w.deadline.IsZero() && left < d {
			w.dead = true
			d = max(left, 0)
		}
		if err := c.p.w.o.Sleep(c.ctx, d); err != nil {
			w.dead = true
		}
	}
	return !w.dead
}

func allMethods() map[string]method {
	out := map[string]method{}
	for _, m := range slices.Concat(
		systemMethods(), userMethods(), optionMethods(), placementMethods(), eventMethods(), notifyMethods(),
		typeMethods(), dictionaryMethods(), itemMethods(), duplicateMethods(), listMethods(), fieldMethods(),
		scratchMethods(),
	) {
		out[strings.ToLower(m.name)] = m
	}
	return out
}

// rest answers one REST request.
func (p *Portal) rest(ctx context.Context, in inbound) answer {
	path := strings.TrimPrefix(in.url.Path, "/rest/")
	name := strings.TrimSuffix(path[strings.LastIndexByte(path, '/')+1:], ".json")
	if m, ok := p.w.methods[strings.ToLower(name)]; ok {
		name = m.name
	}
	entry := p.log(name, false)
	f := p.takeFault(name, false)
	a := withFault(ctx, p.w, f, in, func() answer {
		return p.admit(ctx, in, path, name, entry, f != nil && f.Kind == HalfThenDrop)
	})
	p.finish(entry, a.status, "")
	return a
}

func (p *Portal) log(name string, inner bool) *Call {
	e := &Call{Method: name, At: p.w.now(), Inner: inner}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, e)
	return e
}

func (p *Portal) finish(e *Call, status int, code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.Status, e.Duration = status, p.w.now().Sub(e.At)
	if code != "" {
		e.Code = code
	}
}

// admit checks rate and authorisation, then lets the work be done.
func (p *Portal) admit(ctx context.Context, in inbound, path, name string, entry *Call, half bool) answer {
	limits := p.Limits()
	p.mu.Lock()
	b := p.buckets[in.ip]
	if b == nil {
		b = &bucket{}
		p.buckets[in.ip] = b
	}
	poured := b.pour(p.w.now(), limits)
	p.mu.Unlock()
	fail := p.denied()
	if !poured {
		fail = fails(http.StatusServiceUnavailable, "QUERY_LIMIT_EXCEEDED", "Too many requests")
	}
	var c *call
	if fail == nil {
		c, fail = p.authorise(in, path)
	}
	if fail != nil {
		p.finish(entry, fail.status, text(fail.code))
		return jsonAnswer(fail.status, fail.body())
	}
	p.mu.Lock()
	entry.User = c.user.ID
	p.mu.Unlock()
	c.params, c.entry, c.half = in.params, entry, half
	c.work = &work{start: p.w.now()}
	c.ctx = context.WithoutCancel(ctx)
	return p.race(ctx, c, name, limits)
}

// race does the work, and answers for it when the gateway loses patience.
// The work goes on without a listener, as on a portal.
func (p *Portal) race(ctx context.Context, c *call, name string, l Limits) answer {
	if l.Cut > 0 {
		c.work.deadline = c.work.start.Add(l.Cut + l.Overrun)
	}
	done := make(chan answer, 1)
	go func() { done <- p.perform(c, name) }()
	cut := make(chan struct{})
	if l.Cut > 0 && !p.w.jumps {
		patience, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		go func() {
			if p.w.o.Sleep(patience, l.Cut) == nil {
				close(cut)
			}
		}()
	}
	select {
	case a := <-done:
		if p.w.now().Sub(c.work.start) >= l.Cut && l.Cut > 0 {
			return page(http.StatusGatewayTimeout, "Gateway Time-out")
		}
		return a
	case <-cut:
		return page(http.StatusGatewayTimeout, "Gateway Time-out")
	case <-ctx.Done():
		return answer{end: reset}
	}
}

// authorise finds out who calls: a token, or a webhook in the path.
func (p *Portal) authorise(in inbound, path string) (*call, *failure) {
	c := &call{p: p}
	parts := strings.Split(path, "/")
	if len(parts) == 3 {
		id, err := strconv.ParseInt(parts[0], 10, 64)
		p.mu.Lock()
		h, ok := p.hooks[parts[1]]
		p.mu.Unlock()
		if err != nil || !ok || h.user != id {
			return nil, fails(http.StatusUnauthorized, "NO_AUTH_FOUND", "Wrong authorization data")
		}
		c.hook, c.scopes, c.key = true, h.scopes, "hook:"+parts[1]
		return p.admitUser(c, id)
	}
	tok := in.token()
	g, ok := p.w.byAccess(tok)
	switch {
	case tok == "":
		return nil, fails(http.StatusUnauthorized, "NO_AUTH_FOUND", "Wrong authorization data")
	case !ok || g.portal != p:
		return nil, fails(http.StatusUnauthorized, "invalid_token", "Unable to get application by token")
	case g.revoked:
		return nil, fails(http.StatusUnauthorized, "APPLICATION_NOT_FOUND", "Application not found")
	case !p.w.now().Before(g.expires):
		return nil, fails(http.StatusUnauthorized, "expired_token", "The access token provided has expired.")
	}
	c.token, c.scopes, c.key = tok, p.scopes(), "app:"+g.client
	return p.admitUser(c, g.user)
}

func (p *Portal) admitUser(c *call, id int64) (*call, *failure) {
	u, ok := p.user(id)
	switch {
	case !ok || u.Dismissed:
		return nil, fails(http.StatusUnauthorized, "authorization_error", "Unable to authorize user")
	case u.NoApp && !c.hook:
		return nil, fails(http.StatusForbidden, "user_access_error", "The user does not have access to the application.")
	}
	c.user = u
	return c, nil
}

// perform runs a method, or a batch of them, and words the answer.
func (p *Portal) perform(c *call, name string) answer {
	var r reply
	var fail *failure
	if name == "batch" {
		r, fail = p.batch(c)
	} else {
		r, fail = p.dispatch(c, name)
	}
	if c.work.broken != nil {
		return *c.work.broken
	}
	if fail != nil {
		p.finish(c.entry, fail.status, text(fail.code))
		return jsonAnswer(fail.status, fail.body())
	}
	out := newArray("result", r.value)
	if r.next >= 0 {
		out.set("next", r.next)
	}
	if r.total >= 0 {
		out.set("total", r.total)
	}
	out.set("time", p.timeOf(c, name, c.work.start))
	return jsonAnswer(http.StatusOK, out)
}

// dispatch checks what may be called and runs it against its budget.
func (p *Portal) dispatch(c *call, name string) (reply, *failure) {
	m, ok := p.w.methods[strings.ToLower(name)]
	if !ok || slices.Contains(p.p.NoMethods, m.name) {
		return refuse(http.StatusNotFound, "ERROR_METHOD_NOT_FOUND", "Method not found!")
	}
	c.m = m
	if m.app && c.hook {
		return refuse(http.StatusForbidden, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method Application context required")
	}
	if !covers(c.scopes, m.scope) {
		return refuse(http.StatusForbidden, "insufficient_scope", "The request requires higher privileges than provided by the access token")
	}
	if m.scope == "crm" && c.user.Extranet {
		return refuse(http.StatusForbidden, "allowed_only_intranet_user", "Only intranet users allowed")
	}
	l := p.Limits()
	billed := !(l.BillBatch && c.entry.Inner)
	if billed && p.blocked(c, m.name, l) {
		return refuse(http.StatusTooManyRequests, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
	}
	start := p.w.now()
	p.mu.Lock()
	c.entry.Executed = true
	if m.write {
		p.writes++
	}
	p.mu.Unlock()
	if !m.rows && (c.half || !c.step(p.cost(m.name))) {
		return refuse(http.StatusInternalServerError, "INTERNAL_SERVER_ERROR", "The process was ended")
	}
	r, fail := m.run(c)
	if billed {
		p.bill(c, m.name, p.w.now().Sub(start), l)
	}
	return r, fail
}

// covers: the user scopes contain each other.
func covers(scopes []string, scope string) bool {
	if scope == "" || slices.Contains(scopes, scope) {
		return true
	}
	return scope == "user" && (slices.Contains(scopes, "user_basic") || slices.Contains(scopes, "user_brief"))
}

func (p *Portal) blocked(c *call, name string, l Limits) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.spent[c.key+" "+name]
	return l.Operating > 0 && b != nil && b.sum(p.w.now()) >= l.Operating
}

func (p *Portal) bill(c *call, name string, d time.Duration, l Limits) {
	if l.Operating == 0 && l.NoOperating || d < l.Floor || d <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := c.key + " " + name
	if p.spent[key] == nil {
		p.spent[key] = &baskets{}
	}
	p.spent[key].add(p.w.now(), d)
}

// timeOf is the time object with what the method has spent so far.
func (p *Portal) timeOf(c *call, name string, start time.Time) *array {
	now := p.w.now()
	t := timeObject(start, now, p.p.Zone)
	l := p.Limits()
	if l.NoOperating || name == "batch" && !l.BillBatch {
		return t
	}
	if l.BillBatch && c.entry.Inner {
		name = "batch"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.spent[c.key+" "+name]
	if b == nil {
		b = &baskets{}
	}
	t.set("operating_reset_at", b.reset(now).Unix())
	t.set("operating", b.sum(now).Seconds())
	return t
}
