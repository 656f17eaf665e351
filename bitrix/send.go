package bitrix

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// maxAnswer is the longest answer that is read: fifty items with long texts
// stay far below.
const maxAnswer = 64 << 20

// httpAnswer is an HTTP answer as it came.
type httpAnswer struct {
	status   int
	location *url.URL // of a redirect
	body     []byte
}

// post sends one POST, follows nothing and repeats nothing. Its error is an
// *Error without Method, of class Refused when the request certainly did not
// leave us, and Unknown otherwise. The error never contains the address.
func (c *Client) post(ctx context.Context, address *url.URL, contentType string, body []byte, timeout time.Duration) (httpAnswer, *Error) {
	if err := ctx.Err(); err != nil {
		return httpAnswer{}, &Error{Code: CodeTransport, Class: Refused, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var wrote atomic.Bool
	if c.traced {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }})
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(body))
	if err != nil {
		return httpAnswer{}, &Error{Code: CodeRequest, Class: Refused, Err: errors.New("the address cannot be used"), stops: true}
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "spa-importer")
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return httpAnswer{}, c.transportError(err, wrote.Load())
	}
	defer func() { _ = response.Body.Close() }() // everything is read, or given up
	answer := httpAnswer{status: response.StatusCode}
	answer.body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return answer, &Error{Code: CodeTransport, Status: answer.status, Class: Unknown, Err: withoutAddress(err)}
	case len(answer.body) > maxAnswer:
		answer.body = nil
		return answer, &Error{Code: CodeTooLarge, Status: answer.status, Class: Unknown}
	}
	switch answer.status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		// An unreadable Location stays nil: an answer like any other page.
		answer.location, _ = address.Parse(response.Header.Get("Location"))
	}
	return answer, nil
}

// transportError says whether a request that got no answer was sent.
func (c *Client) transportError(err error, wrote bool) *Error {
	if errors.Is(err, ErrAddress) {
		return &Error{Code: CodeAddress, Class: Refused, Err: ErrAddress, stops: true}
	}
	e := &Error{Code: CodeTransport, Class: Unknown, Err: withoutAddress(err)}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case c.traced && !wrote,
		errors.As(err, &dns),
		errors.As(err, &op) && op.Op == "dial",
		errors.Is(err, syscall.ECONNREFUSED):
		e.Class = Refused
	}
	return e
}

// withoutAddress unwraps errors that quote the address, which for a webhook
// is the secret.
func withoutAddress(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// endpoint checks a REST base URL, or an OAuth server's.
func (c *Client) endpoint(raw string) (*url.URL, *Error) {
	refuse := func(why string) *Error {
		return &Error{Code: CodeAddress, Class: Refused, Err: errors.New(why), stops: true}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, refuse("the address of the portal cannot be read")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !c.allowPrivate) {
		return nil, refuse("the address of the portal is not https")
	}
	u.Host = strings.ToLower(u.Host)
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, nil
}
