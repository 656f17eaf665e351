package bitrix

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class says what is known of a request that did not succeed.
type Class uint8

const (
	// Unknown means that it may have been executed, wholly or in part.
	Unknown Class = iota
	// Refused means that nothing was executed: the request may be sent
	// again, later, or, if the error Stops, after somebody has put things
	// right.
	Refused
	// Final means that the portal has decided; the same request would fare
	// the same.
	Final
)

func (c Class) String() string {
	switch c {
	case Refused:
		return "refused"
	case Final:
		return "final"
	default:
		return "unknown"
	}
}

// Codes of our own, for what has no code of the portal.
const (
	// CodePaceWait: the pace of the portal demands a longer wait; ResetAt
	// says until when.
	CodePaceWait = "PACE_WAIT"
	// CodeTransport: no answer, or not a whole one.
	CodeTransport = "NO_ANSWER"
	// CodeNotJSON: an answer that is not the portal's (HTML, a gateway's
	// page, a truncated body).
	CodeNotJSON = "NOT_AN_ANSWER"
	// CodeTooLarge: the answer is longer than we read.
	CodeTooLarge = "ANSWER_TOO_LARGE"
	// CodeMoved: the portal redirects to another host that the OAuth server
	// does not confirm, or that a webhook may not follow.
	CodeMoved = "PORTAL_MOVED"
	// CodeAddress: the address is private, reserved or not https.
	CodeAddress = "ADDRESS_REFUSED"
	// CodeRequest: the request cannot be sent as it is (a bug of ours).
	CodeRequest = "BAD_REQUEST"
	// CodeReference: a value of a batch command contains "$result[", which
	// the portal would replace; send it as a call of its own.
	CodeReference = "RESULT_REFERENCE"
	// CodeNoGrant: there is no grant for this user.
	CodeNoGrant = "NO_GRANT"
	// CodeGrantStore: the store of grants failed.
	CodeGrantStore = "GRANT_STORE"
	// CodeWrongGrant: the OAuth server answered for another portal or user.
	CodeWrongGrant = "WRONG_GRANT"
)

// Error is a call that did not succeed.
type Error struct {
	// Code is the portal's code in upper case, or one of ours. It may be
	// empty, a number or prose: portals do that.
	Code string
	// Status is the HTTP status; 0 without an answer and inside a batch.
	Status int
	// Description is the portal's text, in the caller's language and maybe
	// with HTML. It can quote values, so Error() leaves it out.
	Description string
	Class       Class
	Method      string
	// ResetAt is when a refused call may be sent again; zero: not known.
	ResetAt time.Time
	// Err is the cause below, nil if the portal answered.
	Err error

	stops bool
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Method)
	if e.Method != "" {
		b.WriteString(": ")
	}
	b.WriteString(e.Class.String())
	if e.Code != "" {
		fmt.Fprintf(&b, ", %s", safeCode(e.Code))
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (status %d)", e.Status)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Code returns the upper-cased code of the *Error in err's chain, or "".
func Code(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// IsClass reports whether err's chain holds an *Error of class c.
func IsClass(err error, c Class) bool {
	var e *Error
	return errors.As(err, &e) && e.Class == c
}

// safeCode keeps prose that a portal sends in place of a code out of logs.
func safeCode(code string) string {
	for _, r := range code {
		if r != '_' && r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return "prose instead of a code"
		}
	}
	return code
}
