package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// Limits of one fetch.
const (
	maxRedirects = 5
	maxHeader    = 64 << 10
	// attempts: what failed on the way, or at a server in trouble, is tried
	// once more after a pause.
	attempts = 2
)

// Options is what a Client needs; the zero value fetches from public
// addresses.
type Options struct {
	// AllowPrivate lets addresses of the own network through.
	AllowPrivate bool
	// Transport sends requests; nil is the guarded one.
	Transport http.RoundTripper
	// Timeout is for one file, redirects included; 0 is a minute.
	Timeout time.Duration
	// Pause is how long a server in trouble is left alone before the second
	// attempt; 0 is two seconds.
	Pause time.Duration
}

// Client fetches files. It keeps no cookies and sends no credentials. It is
// safe for concurrent use.
type Client struct {
	http           *http.Client
	timeout, pause time.Duration
}

// File is a file in memory: a safe base name and what is in it.
type File struct {
	Name    string
	Content []byte
}

// New makes a Client.
func New(o Options) *Client {
	transport := o.Transport
	if transport == nil {
		guarded := bitrix.GuardedTransport(o.AllowPrivate)
		// A packed answer would be counted after it is unpacked.
		guarded.DisableCompression = true
		guarded.MaxResponseHeaderBytes = maxHeader
		transport = guarded
	}
	c := &Client{timeout: o.Timeout, pause: o.Pause}
	if c.timeout == 0 {
		c.timeout = time.Minute
	}
	if c.pause == 0 {
		c.pause = 2 * time.Second
	}
	c.http = &http.Client{Transport: transport, CheckRedirect: follow}
	return c
}

var errRedirects = errors.New("too many redirects")

// follow lets a redirect through to an address that would have been accepted
// in the first place; its dial is guarded like the first.
func follow(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errRedirects
	}
	r.Header.Del("Referer") // where the address stands is nobody's business
	if err := acceptable(r.URL); err != nil {
		return err
	}
	return nil
}

// acceptable takes http and https addresses with a host and without a
// password.
func acceptable(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return refuse(AddressInvalid, nil)
	}
	return nil
}

// Get fetches the file at an address, of at most limit bytes. Errors that a
// person can do something about are *Errors; ctx's own is returned as it is.
func (c *Client) Get(ctx context.Context, address string, limit int64) (File, error) {
	u, err := url.Parse(address)
	if err != nil {
		return File{}, refuse(AddressInvalid, nil) // the error would quote the address
	}
	if err := acceptable(u); err != nil {
		return File{}, err
	}
	within, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var file File
	for n := 1; ; n++ {
		file, err = c.once(within, u, limit)
		if err == nil || n == attempts || !passing(err) || !sleep(within, c.pause) {
			break
		}
	}
	if err != nil && ctx.Err() != nil {
		return File{}, fmt.Errorf("fetching a file: %w", ctx.Err())
	}
	return file, err
}

// passing reports trouble that may be over in a moment.
func passing(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Code == Unreachable || e.Code == Status && (e.Args["status"] >= "500" || e.Args["status"] == "429")
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Client) once(ctx context.Context, u *url.URL, limit int64) (File, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return File{}, refuse(AddressInvalid, nil)
	}
	r.Header.Set("User-Agent", "SPA-Importer")
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Accept-Encoding", "identity")
	answer, err := c.http.Do(r)
	if err != nil {
		return File{}, c.failed(err)
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode != http.StatusOK:
		return File{}, refuse(Status, nil, "status", strconv.Itoa(answer.StatusCode))
	case answer.ContentLength > limit:
		return File{}, tooLarge(limit)
	case isPage(answer):
		return File{}, refuse(WebPage, nil)
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	switch {
	case err != nil:
		return File{}, c.failed(err)
	case int64(len(content)) > limit:
		return File{}, tooLarge(limit)
	case len(content) == 0:
		return File{}, refuse(Empty, nil)
	}
	return File{Name: nameOf(answer), Content: content}, nil
}

func tooLarge(limit int64) error {
	return refuse(TooLarge, nil, "max", strconv.FormatInt(limit, 10))
}

// failed says why there is no answer.
func (c *Client) failed(err error) error {
	var own *Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, bitrix.ErrAddress):
		return refuse(AddressPrivate, bitrix.ErrAddress)
	case errors.Is(err, errRedirects):
		return refuse(Redirects, nil)
	case errors.Is(err, context.DeadlineExceeded):
		return refuse(TooSlow, nil, "seconds", strconv.Itoa(int(c.timeout.Seconds())))
	}
	// A *url.Error quotes the address, which may hold a key.
	var quoting *url.Error
	if errors.As(err, &quoting) {
		err = quoting.Err
	}
	return refuse(Unreachable, err)
}
