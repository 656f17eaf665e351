package handlers_test

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// watched counts how often its connections are given more time to read.
type watched struct {
	net.Listener
	given atomic.Int64
}

func (l *watched) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return watchedConn{conn, l}, nil
}

type watchedConn struct {
	net.Conn
	l *watched
}

func (c watchedConn) SetReadDeadline(t time.Time) error {
	c.l.given.Add(1)
	return c.Conn.SetReadDeadline(t)
}

// Only a person's file may take longer than the server's time-out: who has no
// session would hold a connection for as long as he likes.
func TestOnlyAPersonsFileMayTakeLong(t *testing.T) {
	w := newWizard(t, clerk)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := &watched{Listener: inner}
	go func() { _ = w.server.App().Listener(l) }()
	t.Cleanup(func() { must(t, w.server.App().Shutdown()) })
	rows := strings.Repeat("Chairs;12\n", 200_000) // more than arrives at once
	given := func(token string) int64 {
		before := l.given.Load()
		body, kind := plain(t, token, "a.csv", "Title;Amount\n"+rows)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+inner.Addr().String()+"/files", body)
		must(t, err)
		req.Host, req.Close = "app.example.com", true
		req.Header.Set("Content-Type", kind)
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		must(t, res.Body.Close())
		return l.given.Load() - before
	}
	if n := given("invented"); n > 1 {
		t.Errorf("a stranger was given more time %d times", n-1)
	}
	if n := given(w.token); n < 3 {
		t.Errorf("a person was given more time %d times", n-1)
	}
}
