package emulator

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// OAuth serves the OAuth server: POST or GET /oauth/token/ and
// /rest/app.info (settings/oauth in the documentation).
func (w *World) OAuth() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		in, err := readInbound(r)
		if err != nil {
			http.Error(rw, "cannot read the request", http.StatusBadRequest)
			return
		}
		w.oauth(r.Context(), in).write(rw, r)
	})
}

func (w *World) oauth(ctx context.Context, in inbound) answer {
	name, run := "", w.token
	switch path := strings.TrimRight(strings.TrimSuffix(in.url.Path, ".json"), "/"); path {
	case "/oauth/token":
		name = "oauth.token"
	case "/rest/app.info":
		name, run = "oauth.app.info", w.appInfo
	default:
		return page(http.StatusNotFound, "Not found")
	}
	w.mu.Lock()
	f := w.faults.take(name, false)
	w.mu.Unlock()
	entry := Call{Method: name, At: w.now()}
	a := withFault(ctx, w, f, in, func() answer {
		entry.Executed = true
		status, body := run(in)
		entry.Code = text(body.get("error"))
		return jsonAnswer(status, body)
	})
	entry.Status, entry.Duration = a.status, w.now().Sub(entry.At)
	w.mu.Lock()
	w.calls = append(w.calls, entry)
	w.mu.Unlock()
	return a
}

func oauthError(code, text string) *array {
	return newArray("error", code, "error_description", text)
}

// token renews a pair. The old refresh token is dead from then on, and so is
// its access token: a client that renews twice at the same time loses.
func (w *World) token(in inbound) (int, *array) {
	p := in.params
	if text(p.get("grant_type")) != "refresh_token" || text(p.get("refresh_token")) == "" {
		return http.StatusBadRequest, oauthError("invalid_request", "Invalid request")
	}
	w.mu.Lock()
	g, ok := w.refresh[text(p.get("refresh_token"))]
	w.mu.Unlock()
	id, secret := text(p.get("client_id")), text(p.get("client_secret"))
	if !ok {
		if !w.knows(id, secret) {
			return http.StatusBadRequest, oauthError("invalid_client", "Client not found")
		}
		return http.StatusBadRequest, oauthError("invalid_grant", "Refresh token not found")
	}
	wantID, wantSecret := g.portal.keys()
	if id != g.client || id != wantID || secret != wantSecret {
		return http.StatusBadRequest, oauthError("invalid_client", "Wrong client")
	}
	w.mu.Lock()
	revoked, spent := g.revoked, g.spent
	if !revoked && !spent {
		g.spent, g.expires = true, time.Time{}
	}
	w.mu.Unlock()
	switch {
	case revoked:
		return http.StatusBadRequest, oauthError("invalid_client", "Application is not installed")
	case spent, w.now().Sub(g.made) > refreshLife:
		return http.StatusBadRequest, oauthError("invalid_grant", "Refresh token was used")
	case g.portal.paymentRequired():
		return http.StatusUnauthorized, oauthError("PAYMENT_REQUIRED", "Payment required")
	}
	n := w.issue(g.portal, g.user, g.client)
	u, _ := url.Parse(w.o.OAuthURL)
	return http.StatusOK, newArray(
		"access_token", n.access,
		"client_endpoint", n.portal.Endpoint(),
		"domain", u.Host,
		"expires", n.expires.Unix(),
		"expires_in", int64(w.o.TokenLife.Seconds()),
		"member_id", n.portal.MemberID(),
		"refresh_token", n.refresh,
		"scope", strings.Join(n.portal.scopes(), ","),
		"server_endpoint", w.o.OAuthURL+"/rest/",
		"status", n.portal.status(),
		"user_id", n.user,
	)
}

// knows reports whether these are keys of the app, or of a local app.
func (w *World) knows(id, secret string) bool {
	if id == w.o.ClientID && secret == w.o.ClientSecret {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.portals {
		if pid, psecret := p.keys(); id == pid && secret == psecret {
			return true
		}
	}
	return false
}

// appInfo is the OAuth server's app.info: whose token this is. Its shape has
// nothing in common with the portal's method of that name.
func (w *World) appInfo(in inbound) (int, *array) {
	g, ok := w.byAccess(in.token())
	switch {
	case !ok:
		return http.StatusUnauthorized, oauthError("NO_AUTH_FOUND", "Wrong authorization data")
	case g.revoked:
		return http.StatusUnauthorized, oauthError("NOT_INSTALLED", "Application not installed")
	case !w.now().Before(g.expires):
		return http.StatusUnauthorized, oauthError("expired_token", "The access token provided has expired.")
	}
	p := g.portal
	scope := strings.Join(p.scopes(), ",")
	start := w.now()
	return http.StatusOK, newArray(
		"result", newArray(
			"client_id", g.client,
			"scope", scope,
			"expires", stamp(g.expires.UTC()),
			"install", newArray(
				"installed", p.Installed(),
				"version", p.version(),
				"status", p.status(),
				"scope", scope,
				"domain", p.host(),
				"uri", p.URL(),
				"client_endpoint", p.Endpoint(),
				"member_id", p.MemberID(),
				"member_type", "company",
			),
			"user_id", g.user,
		),
		"time", timeObject(start, w.now(), time.UTC),
	)
}

// timeObject is the part of `time` that every answer has.
func timeObject(start, finish time.Time, loc *time.Location) *array {
	return newArray(
		"start", seconds(start), "finish", seconds(finish),
		"duration", finish.Sub(start).Seconds(), "processing", finish.Sub(start).Seconds(),
		"date_start", stamp(start.In(loc)), "date_finish", stamp(finish.In(loc)),
	)
}

func seconds(t time.Time) json.Number {
	return json.Number(formatSeconds(t))
}

// stamp writes a time the way the portal does, 2006-01-02T15:04:05+00:00.
func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05-07:00") }
