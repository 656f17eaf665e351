package bitrix

import (
	"context"
	"errors"
	"net/url"
	"time"
)

// rateRepeats is how often a call refused for the request rate is repeated.
const rateRepeats = 3

// exchange sends a request until it has an outcome: with a new token if the
// old one was refused, at the new address if the portal has moved, again if
// it came too early. Each of these refusals proves that nothing was
// executed.
func (x *Connection) exchange(ctx context.Context, r request) (reply, error) {
	a, err := x.auth.access(ctx)
	if err != nil {
		return reply{}, named(err, r.method)
	}
	renewed, followed, repeats := false, false, 0
	for {
		x.use(a)
		got, location, fault := x.send(ctx, a, r)
		switch {
		case fault == nil:
			return got, nil
		case tokenRefused(fault.Code) && !renewed:
			renewed = true
			next, err := x.auth.renew(ctx, a)
			if err != nil {
				return reply{}, named(err, r.method)
			}
			if next == nil {
				fault.stops = true
				return reply{}, fault
			}
			a = *next
		case tokenRefused(fault.Code):
			fault.stops = true // a fresh token is refused too
			return reply{}, fault
		case location != nil && location.Host != a.base.Host && !followed:
			followed = true
			next, err := x.auth.follow(ctx, a, location)
			if err != nil {
				return reply{}, named(err, r.method)
			}
			if next == nil {
				return reply{}, &Error{
					Code: CodeMoved, Status: fault.Status, Class: Refused, Method: r.method, stops: true,
					Err: errors.New("the portal answers from another address"),
				}
			}
			a = *next
		case fault.Code == "QUERY_LIMIT_EXCEEDED" && repeats < rateRepeats && ctx.Err() == nil &&
			fault.ResetAt.Sub(x.c.now()) <= patience:
			repeats++
		default:
			return reply{}, fault
		}
	}
}

// named gives the errors of an authority the method they kept from being
// called.
func named(err error, method string) error {
	var e *Error
	if errors.As(err, &e) {
		copied := *e
		copied.Method = method
		return &copied
	}
	return &Error{Code: CodeGrantStore, Class: Refused, Method: method, Err: err}
}

// send sends a request once, when its turn has come, and teaches the pace
// what came of it. location is set for a redirect.
func (x *Connection) send(ctx context.Context, a access, r request) (reply, *url.URL, *Error) {
	p := x.c.paceOf(a.base.Host)
	background := importOf(ctx) != ""
	permit, err := p.acquire(ctx, a.credential, r.loads, background)
	if err != nil {
		err.Method = r.method
		return reply{}, nil, err
	}
	start := x.c.now()
	if tooLate(ctx, start) {
		p.end(permit, outcome{unsent: true})
		return reply{}, nil, &Error{
			Code: CodePaceWait, Class: Refused, Method: r.method, ResetAt: start,
			Err: errors.New("the time until which it was to be sent is over"),
		}
	}
	body := withToken(r.body, a.token)
	answer, fault := x.c.post(ctx, a.base.JoinPath(r.method), "application/json", body, x.c.timeout)
	var got reply
	if fault == nil {
		got, fault = readAnswer(answer, r)
	}
	if fault != nil {
		fault.Method = r.method
	}
	p.end(permit, teach(got, fault, r))
	if fault != nil && fault.Class == Refused && !fault.stops {
		x.resetAt(p, a, r, fault, background)
	}
	for _, e := range got.batch.Errors {
		if e.Code == "OPERATION_TIME_LIMIT" {
			one := request{loads: []load{{method: e.Method, cost: 0}}}
			x.resetAt(p, a, one, e, background)
		}
	}
	x.record(ctx, r, start, len(body), answer, got, fault)
	return got, answer.location, fault
}

// readAnswer reads an HTTP answer to a request.
func readAnswer(answer httpAnswer, r request) (reply, *Error) {
	parsed, fault := parseAnswer(answer.status, answer.body)
	got := reply{Reply: parsed}
	if fault != nil || r.commands == nil {
		return got, fault
	}
	batch, err := parseBatch(parsed.Result, r.commands)
	if err != nil {
		return got, notAnswer(answer.status, err)
	}
	batch.Time = parsed.Time
	got.batch = batch
	return got, nil
}

// teach turns what came of a request into what the pace learns from it.
func teach(got reply, fault *Error, r request) outcome {
	o := outcome{own: got.Time}
	if fault != nil {
		switch {
		case fault.Code == "QUERY_LIMIT_EXCEEDED":
			o.rate = true
		case fault.Code == "OPERATION_TIME_LIMIT":
			o.blocked = []string{r.method}
		case fault.Class == Unknown:
			o.lost = true
		case fault.Class == Refused && fault.Status == 0:
			o.unsent = true
		}
		return o
	}
	o.inner = make(map[string][]Time)
	for _, c := range r.commands {
		if t, ok := got.batch.Times[c.Key]; ok {
			o.inner[c.Method] = append(o.inner[c.Method], t)
		}
		if e := got.batch.Errors[c.Key]; e != nil && e.Code == "OPERATION_TIME_LIMIT" {
			o.blocked = append(o.blocked, c.Method)
		}
	}
	return o
}

// resetAt says in a refusal when the request may be sent again.
func (x *Connection) resetAt(p *pace, a access, r request, fault *Error, background bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fault.ResetAt = p.ready(p.now(), a.credential, r.loads, background)
}

// record writes the REST log.
func (x *Connection) record(ctx context.Context, r request, start time.Time, out int, answer httpAnswer, got reply, fault *Error) {
	if x.c.log == nil {
		return
	}
	c := CallRecord{
		Portal: x.portal, Import: importOf(ctx), Method: r.method,
		Start: start, Duration: x.c.now().Sub(start),
		BytesOut: out, BytesIn: len(answer.body), Status: answer.status,
		Operating: got.Time.Operating, Commands: len(r.commands),
	}
	for _, t := range got.batch.Times {
		c.Operating = max(c.Operating, t.Operating)
	}
	if fault != nil {
		c.Code = safeCode(fault.Code)
	}
	x.c.log(c)
}
