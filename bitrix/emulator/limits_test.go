package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// code is a call's status and error code.
func (c caller) code(method string, params body) string {
	c.t.Helper()
	status, out := c.do(method, params)
	return fmt.Sprint(status, " ", out["error"])
}

func rows(n int) body {
	data := make([]body, n)
	for i := range data {
		data[i] = body{"title": fmt.Sprint("row ", i), "xmlId": fmt.Sprint("k:", i)}
	}
	return body{"entityTypeId": 177, "data": data}
}

func TestBucket(t *testing.T) {
	for license, want := range map[string]struct{ burst, perSecond int }{"": {50, 2}, "ent": {250, 5}} {
		synctest.Test(t, func(t *testing.T) {
			w, p := demo(t, func(prof *emulator.Profile) { prof.License = license })
			c := as(t, w, p, 1)
			burst := func() int {
				for n := 0; ; n++ {
					if c.code("profile", nil) == "503 QUERY_LIMIT_EXCEEDED" {
						return n
					}
				}
			}
			if n := burst(); n != want.burst {
				t.Errorf("%q: %d requests at once, want %d", license, n, want.burst)
			}
			time.Sleep(10 * time.Second)
			if n := burst(); n != 10*want.perSecond {
				t.Errorf("%q: %d requests after ten seconds, want %d", license, n, 10*want.perSecond)
			}
			other := c
			other.rt = w.TransportFrom("192.0.2.2")
			if got := other.code("profile", nil); got != "200 <nil>" {
				t.Errorf("another address was answered %s", got)
			}
		})
	}
}

func TestNoLimitsOnPremise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := demo(t, func(prof *emulator.Profile) { prof.License = "box" })
		p.SetCost("profile", time.Second)
		c := as(t, w, p, 1)
		for range 600 {
			_, out := c.do("profile", nil)
			if out["error"] != nil || dig(out, "time", "operating") != nil {
				t.Fatalf("answered %v", out)
			}
		}
	})
}

func TestOperating(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := demo(t)
		p.SetCost("crm.item.batchImport", 500*time.Millisecond)
		c := as(t, w, p, 1)
		start := time.Now()
		var last body
		n := 0
		for ; ; n++ {
			status, out := c.do("crm.item.batchImport", rows(20))
			if status == 429 {
				break
			}
			last = out
		}
		if n != 48 || dig(last, "time", "operating") != 480.0 {
			t.Fatalf("%d calls of 10 s, operating %v", n, dig(last, "time", "operating"))
		}
		reset := dig(last, "time", "operating_reset_at").(float64)
		if want := float64(start.Add(10*time.Minute + 10*time.Second).Unix()); reset != want {
			t.Errorf("reset at %v, want %v", reset, want)
		}
		// Another method and another credential have budgets of their own.
		if got := c.code("crm.item.import", body{"entityTypeId": 177, "fields": body{}}); got != "200 <nil>" {
			t.Errorf("another method: %s", got)
		}
		if status, _ := form(t, w.Transport(), p.Webhook(1)+"crm.item.batchImport", nil); status == 429 {
			t.Error("a webhook shares the app's budget")
		}
		time.Sleep(time.Until(time.Unix(int64(reset), 0)) - time.Second)
		if got := c.code("crm.item.batchImport", rows(1)); got != "429 OPERATION_TIME_LIMIT" {
			t.Errorf("before the reset: %s", got)
		}
		time.Sleep(time.Second)
		if got := c.code("crm.item.batchImport", rows(1)); got != "200 <nil>" {
			t.Errorf("after the reset: %s", got)
		}
	})
}

func TestFloorAndBilling(t *testing.T) {
	cmd := func(n int) body {
		cmds := body{}
		for i := range n {
			cmds[fmt.Sprint("c", i)] = "crm.item.add?entityTypeId=177&fields[title]=x"
		}
		return body{"cmd": cmds}
	}
	for _, tt := range []struct {
		name        string
		cost        time.Duration
		limits      func(*emulator.Limits)
		outer, item any
	}{
		{"below the floor", 50 * time.Millisecond, func(*emulator.Limits) {}, nil, 0.0},
		{"no floor", 50 * time.Millisecond, func(l *emulator.Limits) { l.Floor = 0 }, nil, 0.05},
		{"each method", time.Second, func(*emulator.Limits) {}, nil, 1.0},
		{"the batch", time.Second, func(l *emulator.Limits) { l.BillBatch = true }, 4.0, 4.0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, p := demo(t)
			l := p.Limits()
			tt.limits(&l)
			p.SetLimits(l)
			p.SetCost("crm.item.add", tt.cost)
			_, out := as(t, w, p, 1).do("batch", cmd(4))
			if got := dig(out, "time", "operating"); got != tt.outer {
				t.Errorf("%s: the batch says %v, want %v", tt.name, got, tt.outer)
			}
			if got := dig(out, "result", "result_time", "c0", "operating"); got != tt.item {
				t.Errorf("%s: the first command says %v, want %v", tt.name, got, tt.item)
			}
		})
	}
}

func TestBatchCommandsAreRefusedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := demo(t)
		l := p.Limits()
		l.Operating = 3 * time.Second
		p.SetLimits(l)
		p.SetCost("crm.item.add", time.Second)
		_, out := as(t, w, p, 1).do("batch", body{"cmd": body{
			"a": "crm.item.add?entityTypeId=177", "b": "crm.item.add?entityTypeId=177", "c": "crm.item.add?entityTypeId=177",
			"d": "crm.item.add?entityTypeId=177", "e": "profile"}})
		if dig(out, "result", "result_error", "d", "error") != "OPERATION_TIME_LIMIT" || dig(out, "result", "result", "e") == nil || len(p.Items(177)) != 5 {
			t.Errorf("answered %v with %d items", out, len(p.Items(177)))
		}
	})
}

func TestCutAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := demo(t)
		p.SetCost("crm.item.batchImport", 7*time.Second)
		c := as(t, w, p, 1)
		start := time.Now()
		status, raw, err := c.raw(p.Endpoint()+"crm.item.batchImport", withAuth(rows(20), c.token))
		if err != nil || status != 504 || !strings.Contains(string(raw), "<html>") || time.Since(start) != time.Minute {
			t.Errorf("after %v: %d %s %v", time.Since(start), status, raw, err)
		}
		time.Sleep(2 * time.Minute)
		if n := len(p.Items(177)) - 2; n != 8 {
			t.Errorf("%d rows exist, want the 8 that fit into a minute", n)
		}
		l := p.Limits()
		l.Overrun = 10 * time.Second
		p.SetLimits(l)
		if status, _, _ := c.raw(p.Endpoint()+"crm.item.batchImport", withAuth(rows(20), c.token)); status != 504 {
			t.Errorf("status %d", status)
		}
		at := len(p.Items(177))
		time.Sleep(15 * time.Second)
		if n := len(p.Items(177)); n != at+2 {
			t.Errorf("%d rows were written after the answer, want 2", n-at)
		}
	})
}

func withAuth(b body, token string) body {
	b["auth"] = token
	return b
}

// TestFaults: what each fault does to an import of four rows.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		fault   emulator.Fault
		rows    int // rows that exist afterwards
		answer  string
		network error
	}{
		{emulator.Fault{Kind: emulator.Refuse503}, 0, "503 QUERY_LIMIT_EXCEEDED", nil},
		{emulator.Fault{Kind: emulator.Refuse429}, 0, "429 OPERATION_TIME_LIMIT", nil},
		{emulator.Fault{Kind: emulator.ConnRefused}, 0, "", syscall.ECONNREFUSED},
		{emulator.Fault{Kind: emulator.DropBefore}, 0, "", syscall.ECONNRESET},
		{emulator.Fault{Kind: emulator.DropAfter}, 4, "", syscall.ECONNRESET},
		{emulator.Fault{Kind: emulator.HalfThenDrop}, 2, "", syscall.ECONNRESET},
		{emulator.Fault{Kind: emulator.BadGateway}, 0, "502 <html>", nil},
		{emulator.Fault{Kind: emulator.BadGatewayDone}, 4, "502 <html>", nil},
		{emulator.Fault{Kind: emulator.GatewayTimeout}, 4, "504 <html>", nil},
		{emulator.Fault{Kind: emulator.HTML200}, 4, "200 <html>", nil},
		{emulator.Fault{Kind: emulator.Truncated}, 4, "", errUnexpectedEOF},
		{emulator.Fault{Kind: emulator.InternalError}, 4, "500 INTERNAL_SERVER_ERROR", nil},
		{emulator.Fault{Kind: emulator.ExpireToken}, 0, "401 expired_token", nil},
		{emulator.Fault{Kind: emulator.Redirect302, Location: "https://new.example.com"}, 0, "302 <html>", nil},
		{emulator.Fault{Kind: emulator.DelayBefore, Delay: 80 * time.Second}, 4, "", context.DeadlineExceeded},
		{emulator.Fault{Kind: emulator.DelayAfter, Delay: 80 * time.Second}, 4, "", context.DeadlineExceeded},
		{emulator.Fault{Kind: emulator.Hang}, 4, "", context.DeadlineExceeded},
		{emulator.Fault{Kind: emulator.Deny, Status: 403, Code: "user_access_error"}, 0, "403 user_access_error", nil},
	} {
		for _, inner := range []bool{false, true} {
			name := fmt.Sprintf("kind %d, inner %v", tt.fault.Kind, inner)
			synctest.Test(t, func(t *testing.T) {
				w, p := demo(t)
				c := as(t, w, p, 1)
				f := tt.fault
				f.Method = "crm.item.batchImport"
				p.Fault(f)
				method, params := "crm.item.batchImport", rows(4)
				if inner {
					method = "batch"
					params = body{"cmd": body{"c": "crm.item.batchImport?entityTypeId=177&data[a][title]=1&data[b][title]=2&data[c][title]=3&data[d][title]=4"}}
				}
				ctx, cancel := context.WithTimeout(t.Context(), 75*time.Second)
				defer cancel()
				status, raw, err := c.rawIn(ctx, p.Endpoint()+method, withAuth(params, c.token))
				time.Sleep(2 * time.Minute)
				want := tt.rows
				if inner && f.Kind == emulator.DelayBefore {
					want = 0 // the batch was ended before the command began
				}
				if n := len(p.Items(177)) - 2; n != want {
					t.Errorf("%s: %d rows exist, want %d", name, n, want)
				}
				checkFault(t, name, inner, tt.answer, tt.network, status, string(raw), err)
				if got := c.code("crm.item.batchImport", rows(4)); got != "200 <nil>" && tt.fault.Kind != emulator.ExpireToken {
					t.Errorf("%s: the next call is answered %s", name, got)
				}
			})
		}
	}
}

func checkFault(t *testing.T, name string, inner bool, answer string, network error, status int, raw string, err error) {
	t.Helper()
	wantStatus, text, _ := strings.Cut(answer, " ")
	switch {
	case inner && network == context.DeadlineExceeded && err == nil:
		// A command that waits makes the batch run into the gateway.
		if status != 504 {
			t.Errorf("%s: status %d", name, status)
		}
	case inner && (network == syscall.ECONNREFUSED || wantStatus == "302"):
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: error %v", name, err)
		}
	case network != nil:
		if !errors.Is(err, network) {
			t.Errorf("%s: error %v, want %v", name, err, network)
		}
	case err != nil:
		t.Errorf("%s: %v", name, err)
	case !strings.Contains(raw, text):
		t.Errorf("%s: answered %d %s, want %s", name, status, raw, answer)
	case !inner && fmt.Sprint(status) != wantStatus:
		t.Errorf("%s: status %d, want %s", name, status, wantStatus)
	}
}

func TestFaultSkipAndTimes(t *testing.T) {
	w, p := demo(t)
	c := as(t, w, p, 1)
	p.Fault(emulator.Fault{Method: "profile", Skip: 1, Times: 2, Kind: emulator.Refuse503})
	var got []string
	for range 4 {
		got = append(got, c.code("profile", nil)[:3])
	}
	if want := "[200 503 503 200]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if calls := p.Calls(); calls[1].Executed || calls[1].Status != 503 || !calls[3].Executed {
		t.Errorf("calls are %+v", calls)
	}
}
