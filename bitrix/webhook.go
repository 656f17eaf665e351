package bitrix

import (
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// WebhookURL is the address of an inbound webhook. Its code is a password:
// printing the value shows everything but it.
type WebhookURL struct {
	// Scheme is "https", or "http" where private addresses are allowed.
	Scheme string
	// Host is in lower case, with a port if one was given.
	Host string
	// User is whose rights the calls have.
	User int64
	code string
}

// Secret is the whole address, ending in a slash; a method follows it.
func (w WebhookURL) Secret() string {
	return fmt.Sprintf("%s://%s/rest/%d/%s/", w.Scheme, w.Host, w.User, w.code)
}

// String is the address without its secret.
func (w WebhookURL) String() string {
	return fmt.Sprintf("%s://%s/rest/%d/***/", w.Scheme, w.Host, w.User)
}

// GoString keeps the secret out of %#v.
func (w WebhookURL) GoString() string { return w.String() }

// LogValue keeps the secret out of logs.
func (w WebhookURL) LogValue() slog.Value { return slog.StringValue(w.String()) }

// WebhookError says what is wrong with a pasted webhook address: Code is
// "empty", "scheme" (not https), "host" (not a public host name) or "path"
// (not /rest/<user>/<code>/). It never quotes the address.
type WebhookError struct{ Code string }

func (e *WebhookError) Error() string { return "not the address of an inbound webhook: " + e.Code }

// ParseWebhook reads an address as people paste it: with spaces or quotes
// around, a method behind, or no scheme before. Errors are *WebhookErrors.
func ParseWebhook(s string, allowPrivate bool) (WebhookURL, error) {
	s = strings.TrimFunc(s, func(r rune) bool {
		return r <= ' ' || strings.ContainsRune("\"'`<>()«»“”„‘’\u00a0\u200b\ufeff", r)
	})
	if s == "" {
		return WebhookURL{}, &WebhookError{"empty"}
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return WebhookURL{}, &WebhookError{"path"}
	}
	scheme := strings.ToLower(u.Scheme)
	if scheme != "https" && (scheme != "http" || !allowPrivate) {
		return WebhookURL{}, &WebhookError{"scheme"}
	}
	host := strings.ToLower(u.Host)
	if u.User != nil || !validHost(host) || !allowPrivate && !publicName(u.Hostname()) {
		return WebhookURL{}, &WebhookError{"host"}
	}
	// /rest/<user>/<code>/, and whatever method was copied with it.
	parts := regexp.MustCompile(`^/+rest/([0-9]{1,18})/([0-9A-Za-z_-]{1,128})(?:/[0-9A-Za-z_.]*)?/*$`).FindStringSubmatch(u.EscapedPath())
	if parts == nil {
		return WebhookURL{}, &WebhookError{"path"}
	}
	user, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || user == 0 {
		return WebhookURL{}, &WebhookError{"path"}
	}
	return WebhookURL{Scheme: scheme, Host: host, User: user, code: parts[2]}, nil
}

// validHost takes host[:port] of ASCII names, as they stand in addresses of
// portals.
func validHost(host string) bool {
	return len(host) <= 260 &&
		regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`).MatchString(host) &&
		!strings.Contains(host, "..")
}

// publicName refuses what is not public by its name alone; where names lead
// is checked when they are dialled.
func publicName(name string) bool {
	if a, err := netip.ParseAddr(name); err == nil {
		return public(a)
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch strings.ToLower(last) {
	case "localhost", "local", "internal", "lan", "home", "arpa":
		return false
	}
	return strings.Contains(name, ".") && !regexp.MustCompile(`^[0-9]+$`).MatchString(last)
}
