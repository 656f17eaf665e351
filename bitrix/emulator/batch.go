package emulator

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// maxCommands is how many commands a batch may hold.
const maxCommands = 50

// batch runs commands one after another (settings/how-to-call-rest-api/batch
// in the documentation). Each is refused or executed for itself.
func (p *Portal) batch(c *call) (reply, *failure) {
	l := p.Limits()
	if l.BillBatch && p.blocked(c, "batch", l) {
		return refuse(http.StatusTooManyRequests, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
	}
	p.mu.Lock()
	c.entry.Executed = true
	p.mu.Unlock()
	b := &batchRun{outer: c, results: newArray(), errors: newArray(), totals: newArray(), nexts: newArray(), times: newArray()}
	cmds := c.params.sub("cmd")
	stop := pick(c.half, cmds.len()/2, cmds.len())
	halt := c.params.get("halt")
	for i, key := range cmds.keysOf() {
		if i >= stop || c.work.dead || c.work.broken != nil {
			break
		}
		if i >= maxCommands {
			b.errors.set(key, newArray("error", "ERROR_BATCH_LENGTH_EXCEEDED", "error_description", "Max batch length exceeded"))
			continue
		}
		if !b.command(key, text(cmds.get(key))) && (halt == true || intval(halt) != 0 || truth(halt)) {
			break
		}
	}
	if l.BillBatch {
		p.bill(c, "batch", p.w.now().Sub(c.work.start), l)
		for _, key := range b.times.keys {
			// One sum for all, as such portals report it.
			t := b.times.sub(key)
			outer := p.timeOf(c, "batch", c.work.start)
			t.set("operating_reset_at", outer.get("operating_reset_at"))
			t.set("operating", outer.get("operating"))
		}
	}
	return ok(newArray("result", b.results, "result_error", b.errors,
		"result_total", b.totals, "result_next", b.nexts, "result_time", b.times))
}

func (a *array) keysOf() []string {
	if a == nil {
		return nil
	}
	return slices.Clone(a.keys)
}

type batchRun struct {
	outer                                 *call
	results, errors, totals, nexts, times *array
}

// command runs one command; false if it failed.
func (b *batchRun) command(key, cmd string) bool {
	p, outer := b.outer.p, b.outer
	name, query, _ := strings.Cut(strings.TrimPrefix(cmd, "/"), "?")
	// A fragment is not part of a query, so an unescaped # ends it.
	query, _, _ = strings.Cut(query, "#")
	name = strings.TrimSuffix(name, ".json")
	if m, ok := p.w.methods[strings.ToLower(name)]; ok {
		name = m.name
	}
	c := *outer
	c.entry = p.log(name, true)
	c.params = parseQuery(query)
	b.substitute(c.params)
	c.half = false
	start := p.w.now()
	r, fail := b.run(&c, name)
	if outer.work.dead || outer.work.broken != nil {
		p.finish(c.entry, 0, "")
		return false
	}
	p.mu.Lock()
	c.entry.User = c.user.ID
	p.mu.Unlock()
	if fail != nil {
		p.finish(c.entry, fail.status, text(fail.code))
		b.errors.set(key, fail.body())
		return false
	}
	p.finish(c.entry, http.StatusOK, "")
	b.results.set(key, r.value)
	if r.total >= 0 {
		b.totals.set(key, r.total)
	}
	if r.next >= 0 {
		b.nexts.set(key, r.next)
	}
	b.times.set(key, p.timeOf(&c, name, start))
	return true
}

// run executes a command with the fault that is meant for it, if any.
func (b *batchRun) run(c *call, name string) (reply, *failure) {
	p, w := c.p, c.work
	if strings.EqualFold(name, "batch") {
		return refuse(http.StatusMethodNotAllowed, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
	}
	f := p.takeFault(name, true)
	if f == nil {
		return p.dispatch(c, name)
	}
	switch f.Kind {
	case Refuse503:
		return refuse(http.StatusServiceUnavailable, "QUERY_LIMIT_EXCEEDED", "Too many requests")
	case Refuse429:
		return refuse(http.StatusTooManyRequests, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
	case Deny:
		return refuse(f.Status, f.Code, "Denied on demand")
	case ExpireToken:
		p.w.expire(c.token)
		return refuse(http.StatusUnauthorized, "expired_token", "The access token provided has expired.")
	case ConnRefused, DropBefore, BadGateway, Redirect302:
		a := pick(f.Kind == BadGateway, page(http.StatusBadGateway, "Bad Gateway"), answer{end: reset})
		w.broken = &a
		return reply{}, nil
	case DelayBefore:
		if !c.step(f.Delay) {
			return reply{}, nil
		}
		return p.dispatch(c, name)
	}
	c.half = f.Kind == HalfThenDrop
	r, fail := p.dispatch(c, name)
	if f.Kind == DelayAfter {
		c.step(f.Delay)
		return r, fail
	}
	// The rest of the answer is not there to be cut, so what truncates or
	// replaces an answer replaces the whole batch's.
	a := afterFault(c.ctx, p.w, f, jsonAnswer(http.StatusOK, newArray("result", newArray("result", b.results))))
	w.broken = &a
	return r, fail
}

var reference = regexp.MustCompile(`\$result((?:\[[^\[\]]*\])+)`)

// substitute puts results of earlier commands in place of $result[key][path],
// wherever a value contains that text: it cannot tell a cell from a
// reference.
func (b *batchRun) substitute(a *array) {
	for _, k := range a.keys {
		switch v := a.vals[k].(type) {
		case *array:
			b.substitute(v)
		case string:
			if !strings.Contains(v, "$result[") {
				continue
			}
			if m := reference.FindStringSubmatch(v); m != nil && m[0] == v {
				a.vals[k] = b.lookup(m[1])
				continue
			}
			a.vals[k] = reference.ReplaceAllStringFunc(v, func(s string) string {
				return text(b.lookup(strings.TrimPrefix(s, "$result")))
			})
		}
	}
}

func (b *batchRun) lookup(path string) any {
	var v any = b.results
	for part := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(path, "["), "]"), "][") {
		a, ok := v.(*array)
		if !ok {
			return nil
		}
		if u, err := url.QueryUnescape(part); err == nil {
			part = u
		}
		v = a.get(part)
	}
	return v
}
