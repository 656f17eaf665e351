package handlers

import (
	"fmt"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	l := newLimiter(1, 3, func() time.Time { return now })
	for i := range 3 {
		if !l.allow("192.0.2.1") {
			t.Errorf("request %d is refused", i)
		}
	}
	if l.allow("192.0.2.1") {
		t.Error("a fourth at once is allowed")
	}
	if !l.allow("192.0.2.2") || !l.allow("::ffff:192.0.2.3") {
		t.Error("another address is refused")
	}
	now = now.Add(time.Second)
	if !l.allow("192.0.2.1") || l.allow("192.0.2.1") {
		t.Error("one a second is the average")
	}

	// A customer has a whole /64.
	for i := range 3 {
		l.allow(fmt.Sprintf("2001:db8::%d", i+1))
	}
	if l.allow("2001:db8::ffff") || !l.allow("2001:db8:0:1::1") {
		t.Error("IPv6 is not counted by network")
	}
	for range 3 {
		l.allow("not an address")
	}
	if l.allow("neither") {
		t.Error("what is no address does not share a bucket")
	}

	now = now.Add(time.Hour)
	l.allow("192.0.2.9")
	if len(l.seen) != 1 {
		t.Errorf("%d addresses are remembered", len(l.seen))
	}
	for i := range maxAddresses + 10 {
		l.allow(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
	}
	if len(l.seen) > maxAddresses+1 {
		t.Errorf("%d addresses are remembered", len(l.seen))
	}
}

func TestPolicyHoldsOnlyOrigins(t *testing.T) {
	for text, want := range map[string]bool{
		"https://acme.bitrix24.example": true, "http://127.0.0.1:8081": true, "https://[2001:db8::1]:8443": true,
		"https://acme.example; script-src *": false, "https://acme.example/": false, "https://*.example": false,
		"https://a b": false, "javascript:alert(1)": false, "": false, "https://acme.example\nX: y": false, "https://": false,
	} {
		if origin.MatchString(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
