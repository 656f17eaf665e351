package handlers

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/time/rate"
)

// limiter counts requests per address, before anything is called or looked
// up for them.
type limiter struct {
	every rate.Limit
	burst int
	now   func() time.Time

	mu    sync.Mutex
	seen  map[netip.Prefix]*bucket
	swept time.Time
}

type bucket struct {
	tokens *rate.Limiter
	last   time.Time
}

// maxAddresses is how many addresses are remembered; when there are more,
// strangers share one bucket until the oldest are forgotten.
const maxAddresses = 50_000

// newLimiter lets perSecond requests through on average, and burst at once.
func newLimiter(perSecond float64, burst int, now func() time.Time) *limiter {
	return &limiter{every: rate.Limit(perSecond), burst: burst, now: now, seen: map[netip.Prefix]*bucket{}}
}

// allow takes one request of an address. What is no address shares one
// bucket with all others that are none.
func (l *limiter) allow(ip string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if now.Sub(l.swept) > time.Minute {
		l.sweep(now)
	}
	key := network(ip)
	b := l.seen[key]
	if b == nil && len(l.seen) >= maxAddresses {
		key = netip.Prefix{}
		b = l.seen[key]
	}
	if b == nil {
		b = &bucket{tokens: rate.NewLimiter(l.every, l.burst)}
		l.seen[key] = b
	}
	b.last = now
	return b.tokens.AllowN(now, 1)
}

// sweep forgets addresses whose bucket is full again.
func (l *limiter) sweep(now time.Time) {
	l.swept = now
	full := time.Duration(float64(l.burst)/float64(l.every)) * time.Second
	for key, b := range l.seen {
		if now.Sub(b.last) > full {
			delete(l.seen, key)
		}
	}
}

// network is an IPv4 address, or the /64 that one IPv6 customer has.
func network(ip string) netip.Prefix {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return netip.Prefix{}
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return netip.PrefixFrom(a, 32)
	}
	p, _ := a.Prefix(64) // 64 bits are always there
	return p
}

// clientIP is the address that a request comes from. Of what proxies have
// noted only their own notes are believed, and those stand at the end: what
// stands before the first address that is no proxy's was sent by the client,
// who could name another one with each request.
func clientIP(c *fiber.Ctx, proxies []netip.Prefix) string {
	remote := c.Context().RemoteIP().String()
	if !c.IsProxyTrusted() {
		return remote
	}
	var noted []string
	for _, line := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
		noted = append(noted, strings.Split(string(line), ",")...)
	}
	for _, text := range slices.Backward(noted) {
		a, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			break
		}
		remote = a.String()
		if !slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) }) {
			break
		}
	}
	return remote
}

// prefix is an address, or a network, as a setting names it.
func prefix(text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// ip is the address that a request comes from.
func (s *Server) ip(c *fiber.Ctx) string { return clientIP(c, s.proxies) }

// limit refuses a request of an address that has sent too many.
func (s *Server) limit(c *fiber.Ctx, l *limiter) error {
	if !l.allow(s.ip(c)) {
		return fiber.ErrTooManyRequests
	}
	return nil
}
