package emulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// TestFaultsOverTCP: the same faults on a real connection.
func TestFaultsOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, p := demo(t, func(prof *emulator.Profile) { prof.Domain, prof.Scheme = l.Addr().String(), "http" })
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- emulator.Serve(ctx, l, p.Handler()) }()
	access, _ := p.Token(1)
	rt := &http.Transport{}
	defer rt.CloseIdleConnections()
	c := caller{t, p, rt, access}
	for _, tt := range []struct {
		kind   emulator.Kind
		rows   int
		status int // 0: a network error
	}{
		{emulator.Refuse503, 0, 503}, {emulator.ConnRefused, 0, 0}, {emulator.DropBefore, 0, 0}, {emulator.DropAfter, 1, 0},
		{emulator.Truncated, 1, 0}, {emulator.BadGatewayDone, 1, 502}, {emulator.Redirect302, 0, 302}, {emulator.Hang, 1, 0},
	} {
		before := len(p.Items(177))
		p.Fault(emulator.Fault{Method: "crm.item.import", Kind: tt.kind, Location: "http://other.example.com"})
		short, stop := context.WithTimeout(t.Context(), 5*time.Second)
		if tt.kind == emulator.Hang {
			short, stop = context.WithTimeout(t.Context(), 200*time.Millisecond)
		}
		status, raw, err := c.rawIn(short, p.Endpoint()+"crm.item.import", body{"auth": access, "entityTypeId": 177, "fields": body{}})
		stop()
		if (err != nil) != (tt.status == 0) || err == nil && status != tt.status {
			t.Errorf("kind %d: %d %s %v", tt.kind, status, raw, err)
		}
		if n := len(p.Items(177)) - before; n != tt.rows {
			t.Errorf("kind %d: %d rows exist, want %d", tt.kind, n, tt.rows)
		}
	}
	status, raw, err := c.raw(p.Endpoint()+"profile", body{"auth": access})
	if err != nil || status != 200 || !json.Valid(raw) {
		t.Errorf("afterwards: %d %s %v", status, raw, err)
	}
	cancel()
	if err := <-served; err != nil && !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("serving: %v", err)
	}
}
