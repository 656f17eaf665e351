package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// inbound is a request as both servers read it.
type inbound struct {
	verb   string
	url    *url.URL
	header http.Header
	params *array
	ip     string
}

// maxRequest is the largest body the emulator takes.
const maxRequest = 256 << 20

// readInbound reads parameters from the query and from a form or JSON body,
// the body winning. A body that cannot be parsed counts as none, as on a
// portal, which then reports a missing parameter.
func readInbound(r *http.Request) (inbound, error) {
	in := inbound{verb: r.Method, url: r.URL, header: r.Header, params: parseQuery(r.URL.RawQuery), ip: r.RemoteAddr}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		in.ip = host
	}
	if r.Body == nil {
		return in, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return in, fmt.Errorf("reading the request: %w", err)
	}
	var sent *array
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		if v, err := parseJSON(body); err == nil {
			sent, _ = v.(*array)
		}
	} else {
		sent = parseQuery(string(body))
	}
	if sent != nil {
		for _, k := range sent.keys {
			in.params.set(k, sent.vals[k])
		}
	}
	return in, nil
}

// token is the access token, from where a portal looks for it.
func (in inbound) token() string {
	for _, key := range []string{"auth", "access_token"} {
		if s, ok := in.params.get(key).(string); ok && s != "" {
			return s
		}
	}
	if s, ok := strings.CutPrefix(in.header.Get("Authorization"), "Bearer "); ok {
		return s
	}
	return ""
}

// end is how a connection ends.
type end int

const (
	whole     end = iota
	refused       // nobody listens
	reset         // broken off without an answer
	truncated     // broken off in the middle of the body
	silence       // never answered
)

// answer is what comes back, or how it fails to.
type answer struct {
	status int
	header http.Header
	body   []byte
	end    end
}

func jsonAnswer(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		return page(http.StatusInternalServerError, "Cannot encode the answer: "+err.Error())
	}
	h := http.Header{}
	h.Set("Content-Type", "application/json; charset=utf-8")
	return answer{status: status, header: h, body: body}
}

// page is what a gateway or a broken portal shows.
func page(status int, title string) answer {
	h := http.Header{}
	h.Set("Content-Type", "text/html; charset=utf-8")
	body := fmt.Sprintf("<html>\n<head><title>%d %s</title></head>\n<body><center><h1>%[1]d %[2]s</h1></center><hr><center>nginx</center></body>\n</html>\n", status, title)
	return answer{status: status, header: h, body: []byte(body)}
}

func (a answer) redirect(to string) answer {
	a = page(http.StatusFound, "Found")
	a.header.Set("Location", to)
	return a
}

// write sends the answer over a real connection.
func (a answer) write(w http.ResponseWriter, r *http.Request) {
	switch a.end {
	case refused, reset:
		abort(w)
	case silence:
		<-r.Context().Done()
		abort(w)
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if a.end != truncated {
		// The client may be gone; there is nobody to tell.
		_, _ = w.Write(a.body)
		return
	}
	_, _ = w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(w).Flush()
	abort(w)
}

// abort breaks the connection.
func abort(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// response is the answer for an in-process client.
func (a answer) response(req *http.Request) (*http.Response, error) {
	switch a.end {
	case refused:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	case reset:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	var body io.Reader = bytes.NewReader(a.body)
	if a.end == truncated {
		body = io.MultiReader(bytes.NewReader(a.body[:len(a.body)/2]), brokenReader{})
	}
	h := a.header
	if h == nil {
		h = http.Header{}
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(body), ContentLength: int64(len(a.body)), Request: req,
	}, nil
}

// brokenReader is the end of a body that was cut.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// formatSeconds is a Unix time with microseconds, as in the time object.
func formatSeconds(t time.Time) string {
	return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000)
}

// withFault runs do with a fault around it, or by itself.
func withFault(ctx context.Context, w *World, f *Fault, in inbound, do func() answer) answer {
	if f == nil {
		return do()
	}
	switch f.Kind {
	case Refuse503:
		return jsonAnswer(http.StatusServiceUnavailable, oauthError("QUERY_LIMIT_EXCEEDED", "Too many requests"))
	case Refuse429:
		return jsonAnswer(http.StatusTooManyRequests, oauthError("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit."))
	case ConnRefused:
		return answer{end: refused}
	case DropBefore:
		return answer{end: reset}
	case BadGateway:
		return page(http.StatusBadGateway, "Bad Gateway")
	case ExpireToken:
		w.expire(in.token())
		return do()
	case Redirect302:
		return answer{}.redirect(strings.TrimRight(f.Location, "/") + in.url.RequestURI())
	case Deny:
		return jsonAnswer(f.Status, oauthError(f.Code, "Denied on demand"))
	case DelayBefore:
		// The work goes on without the caller.
		if err := w.o.Sleep(context.WithoutCancel(ctx), f.Delay); err != nil && !errors.Is(err, context.Canceled) {
			return answer{end: reset}
		}
		return do()
	}
	return afterFault(ctx, w, f, do())
}

// afterFault is what becomes of the answer to work that was done.
func afterFault(ctx context.Context, w *World, f *Fault, a answer) answer {
	switch f.Kind {
	case DropAfter, HalfThenDrop:
		return answer{end: reset}
	case BadGatewayDone:
		return page(http.StatusBadGateway, "Bad Gateway")
	case GatewayTimeout:
		return page(http.StatusGatewayTimeout, "Gateway Time-out")
	case HTML200:
		return page(http.StatusOK, "Maintenance")
	case InternalError:
		return jsonAnswer(http.StatusInternalServerError, oauthError("INTERNAL_SERVER_ERROR", "Internal server error"))
	case Truncated:
		a.end = truncated
	case Hang:
		a.end = silence
	case DelayAfter:
		if err := w.o.Sleep(ctx, f.Delay); err != nil {
			a.end = reset
		}
	}
	return a
}
