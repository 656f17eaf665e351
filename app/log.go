package main

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

const hidden = "[hidden]"

// newLog makes the log of the program: JSON lines, with everything that
// looks like a secret taken out, whoever wrote it. It is a second belt: code
// must not log secrets or cell values in the first place.
func newLog(w io.Writer, level slog.Level, secrets []string) *slog.Logger {
	r := newRedactor(secrets)
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: r.attr}))
}

// redactor takes secrets out of log attributes.
type redactor struct {
	known *strings.Replacer
}

func newRedactor(secrets []string) redactor {
	// The longest first, so that a whole address goes before its password.
	secrets = slices.Clone(secrets)
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(secrets))
	for _, s := range secrets {
		pairs = append(pairs, s, hidden)
	}
	return redactor{known: strings.NewReplacer(pairs...)}
}

// patterns of secrets in running text. The first group stays.
var patterns = []*regexp.Regexp{
	// Inbound webhooks: /rest/<user>/<code>/, also escaped in a query.
	regexp.MustCompile(`(?i)(/rest/\d+/)[^/\s"'?&]+`),
	regexp.MustCompile(`(?i)(%2Frest%2F\d+%2F)[^%\s"'?&]+`),
	// Tokens in queries, forms and JSON.
	regexp.MustCompile(`(?i)\b((?:auth|auth_id|refresh_id|access_token|refresh_token|application_token|app_sid|client_secret|password|_s)["']?\s*[=:]\s*["']?)[^\s&"',;}\]]{6,}`),
	// Credentials in front of a host.
	regexp.MustCompile(`(://[^\s/:@]*:)[^\s/@]+@`),
	regexp.MustCompile(`(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{6,}`),
}

func (r redactor) text(s string) string {
	s = r.known.Replace(s)
	for i, p := range patterns {
		keep := "${1}" + hidden
		if i == 3 {
			keep += "@"
		}
		s = p.ReplaceAllString(s, keep)
	}
	return s
}

// isSecret reports whether an attribute of this name is never shown.
func isSecret(key string) bool {
	key = strings.ToLower(key)
	for _, word := range []string{"token", "secret", "password", "authorization", "cookie", "webhook_url", "app_key", "refresh_id", "auth_id", "cell"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return key == "auth" || key == "key" || key == "value"
}

// attr is slog's ReplaceAttr.
func (r redactor) attr(_ []string, a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	if isSecret(a.Key) && a.Value.Kind() != slog.KindGroup {
		return slog.String(a.Key, hidden)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, r.text(a.Value.String()))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case *slog.Source, nil:
			return a
		case slog.Level:
			return a
		case error:
			return slog.String(a.Key, r.text(v.Error()))
		default:
			return slog.String(a.Key, r.text(fmt.Sprint(v)))
		}
	default:
		return a
	}
}
