package emulator

import (
	"strings"
	"time"
)

// Kind is what goes wrong.
type Kind int

// The faults, by whether the request was executed.
const (
	// Refuse503 and Refuse429 are the limits: QUERY_LIMIT_EXCEEDED and
	// OPERATION_TIME_LIMIT, not executed.
	Refuse503 Kind = iota
	Refuse429
	// ConnRefused: nobody listens; not executed.
	ConnRefused
	// DropBefore: the connection breaks, not executed. Inside a batch the
	// commands before it were.
	DropBefore
	// DropAfter: executed, then the connection breaks.
	DropAfter
	// HalfThenDrop: half of the rows or commands are executed, then the
	// connection breaks.
	HalfThenDrop
	// BadGateway is a 502 page, not executed; BadGatewayDone the same page
	// after execution.
	BadGateway
	BadGatewayDone
	// GatewayTimeout is a 504 page; executed.
	GatewayTimeout
	// HTML200 is a page with status 200; executed.
	HTML200
	// Truncated: executed, but half of the answer arrives.
	Truncated
	// InternalError is 500 INTERNAL_SERVER_ERROR; executed.
	InternalError
	// ExpireToken: the caller's access token has just expired; not executed.
	ExpireToken
	// Redirect302 points to Fault.Location + the request's path; not
	// executed.
	Redirect302
	// DelayBefore waits Fault.Delay and then executes: the client may be
	// gone by then.
	DelayBefore
	// DelayAfter executes and then waits Fault.Delay with the answer.
	DelayAfter
	// Hang executes and never answers.
	Hang
	// Deny answers Fault.Status and Fault.Code; not executed.
	Deny
)

// Fault is something that goes wrong with a call. It applies to calls and to
// commands inside a batch alike.
type Fault struct {
	// Method it applies to; empty: any, outermost. "oauth.token" and
	// "oauth.app.info" are the OAuth server's (World.Fault).
	Method string
	// Skip calls that match, then hit Times of them (0 is 1, negative: for
	// ever).
	Skip, Times int
	Kind        Kind
	Delay       time.Duration
	Location    string
	Status      int
	Code        string
}

// faults is a queue of faults; the owner guards it.
type faults struct{ list []*Fault }

func (q *faults) add(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	q.list = append(q.list, &f)
}

// take finds the fault that hits this call, if any. Every matching fault
// counts the call, so Skip means the same in any order of adding.
func (q *faults) take(method string, inner bool) *Fault {
	var hit *Fault
	kept := q.list[:0]
	for _, f := range q.list {
		match := strings.EqualFold(f.Method, method) || f.Method == "" && !inner
		switch {
		case !match:
		case f.Skip > 0:
			f.Skip--
		case hit == nil:
			c := *f
			hit = &c
			f.Times--
			if f.Times == 0 {
				continue
			}
		}
		kept = append(kept, f)
	}
	q.list = kept
	return hit
}
