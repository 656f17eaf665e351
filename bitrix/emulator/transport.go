package emulator

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"
)

// Transport carries requests to the World in process, by host: to the OAuth
// server or to a portal, under its old name too. Faults become the errors a
// network would give. It comes from the address 192.0.2.1.
func (w *World) Transport() http.RoundTripper { return w.TransportFrom("192.0.2.1") }

// TransportFrom is Transport from another source address, which has a rate
// limit of its own.
func (w *World) TransportFrom(ip string) http.RoundTripper { return transport{w, ip} }

type transport struct {
	w  *World
	ip string
}

// RoundTrip sends a request; the portal's work goes on when the request's
// context ends.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	local := req.Clone(ctx)
	local.RemoteAddr = net.JoinHostPort(t.ip, "50000")
	if req.Body != nil {
		defer req.Body.Close()
	}
	p, moved := t.w.byHost(req.URL.Host)
	isOAuth := t.w.isOAuth(req.URL.Host)
	if p == nil && !isOAuth {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: req.URL.Hostname(), IsNotFound: true}}
	}
	rest := isOAuth || moved || strings.HasPrefix(req.URL.Path, "/rest/")
	if !rest {
		rec := &recorder{answer{header: http.Header{}}}
		local.Host = req.URL.Host
		p.Handler().ServeHTTP(rec, local)
		return rec.a.response(req)
	}
	in, err := readInbound(local)
	if err != nil {
		return nil, err
	}
	done := make(chan answer, 1)
	go func() {
		switch {
		case isOAuth:
			done <- t.w.oauth(ctx, in)
		case moved:
			done <- answer{}.redirect(p.URL() + req.URL.RequestURI())
		default:
			done <- p.rest(ctx, in)
		}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-done:
		if a.end == silence {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return a.response(req)
	}
}

// Serve serves a portal or the OAuth server on a listener until ctx ends.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	err := s.Serve(l)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// recorder keeps what a handler writes.
type recorder struct{ a answer }

func (r *recorder) Header() http.Header { return r.a.header }

func (r *recorder) WriteHeader(status int) {
	if r.a.status == 0 {
		r.a.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.a.body = append(r.a.body, b...)
	return len(b), nil
}
