package bitrix

import (
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Event is what a portal posts to an event handler ("events"). Nothing in it
// is proven: see how the caller checks AppToken and the tokens.
type Event struct {
	// Name is in upper case, such as "ONAPPINSTALL".
	Name string
	// Data has strings as leaves, see Form; nil if there is none.
	Data map[string]any
	// TS is when the portal made the event; zero if it does not say.
	TS   time.Time
	Auth EventAuth
}

// EventAuth is the auth part of an event. Printing it shows no secrets.
type EventAuth struct {
	// AccessToken and RefreshToken are there for some events only.
	AccessToken, RefreshToken string
	// AppToken is the application_token.
	AppToken string
	// Domain is host[:port] in lower case.
	Domain, MemberID               string
	ClientEndpoint, ServerEndpoint string
	Status                         string
	Scopes                         []string
	ExpiresIn                      time.Duration
	UserID                         int64
}

// String names the portal and no token.
func (a EventAuth) String() string { return "auth of " + a.Domain + " (" + a.MemberID + ")" }

// GoString keeps the tokens out of %#v.
func (a EventAuth) GoString() string { return a.String() }

// LogValue keeps the tokens out of logs.
func (a EventAuth) LogValue() slog.Value { return slog.StringValue(a.String()) }

// ParseEvent reads the body of an event. Errors are *FieldErrors and those
// of Form.
func ParseEvent(body []byte) (Event, error) {
	form, err := Form(body)
	if err != nil {
		return Event{}, err
	}
	e := Event{Name: strings.ToUpper(text(form["event"]))}
	if !wordOf(e.Name, 128, "_.:") {
		return Event{}, &FieldError{"event"}
	}
	e.Data, _ = form["data"].(map[string]any)
	if n, err := strconv.ParseInt(text(form["ts"]), 10, 64); err == nil && n > 0 && n < 1e11 {
		e.TS = time.Unix(n, 0).UTC()
	}
	auth, _ := form["auth"].(map[string]any)
	e.Auth, err = parseAuth(auth)
	return e, err
}

func parseAuth(m map[string]any) (EventAuth, error) {
	a := EventAuth{
		AccessToken: text(m["access_token"]), RefreshToken: text(m["refresh_token"]),
		AppToken: text(m["application_token"]), Domain: strings.ToLower(text(m["domain"])),
		MemberID: text(m["member_id"]), ClientEndpoint: text(m["client_endpoint"]),
		ServerEndpoint: text(m["server_endpoint"]), Status: text(m["status"]),
		Scopes: splitScopes(text(m["scope"])),
	}
	checks := []struct {
		name string
		ok   bool
	}{
		{"auth[access_token]", a.AccessToken == "" || validToken(a.AccessToken)},
		{"auth[refresh_token]", a.RefreshToken == "" || validToken(a.RefreshToken)},
		{"auth[application_token]", a.AppToken == "" || validToken(a.AppToken)},
		{"auth[domain]", a.Domain == "" || validHost(a.Domain)},
		{"auth[member_id]", wordOf(a.MemberID, 64, "")},
		{"auth[client_endpoint]", len(a.ClientEndpoint) <= 512},
		{"auth[server_endpoint]", len(a.ServerEndpoint) <= 512},
		{"auth[status]", len(a.Status) <= 16},
		{"auth[scope]", len(a.Scopes) <= 200},
	}
	for _, c := range checks {
		if !c.ok {
			return EventAuth{}, &FieldError{c.name}
		}
	}
	if n, err := strconv.Atoi(text(m["expires_in"])); err == nil && n > 0 && n < 1e9 {
		a.ExpiresIn = time.Duration(n) * time.Second
	}
	if n, err := strconv.ParseInt(text(m["user_id"]), 10, 64); err == nil && n > 0 {
		a.UserID = n
	}
	return a, nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
