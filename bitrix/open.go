package bitrix

import (
	"encoding/json"
	"log/slog"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Open is the form with which a portal opens the app in a frame. The user's
// browser sends it: nothing in it is proven until Client.AppInfo has
// confirmed the token. Printing it shows no secrets.
type Open struct {
	// Domain is host[:port] in lower case; Secure: https.
	Domain string
	Secure bool
	// Lang is the interface language, in lower case; AppSID ties the
	// portal's script to the frame and is no session.
	Lang, AppSID string
	// AuthID and RefreshID are the token pair of the person who looks; empty
	// if the portal gave none.
	AuthID, RefreshID string
	AuthExpires       time.Duration
	// Server is the OAuth server as the form names it.
	Server   string
	AppToken string
	Scopes   []string
	MemberID string
	Status   string
	// Placement is in upper case, "DEFAULT" for the main page.
	Placement string
	// Options are the PLACEMENT_OPTIONS: scalars as text, anything nested as
	// JSON; never nil.
	Options map[string]string
}

// FieldError names the field of an open or an event that is missing or has a
// form it never has. The value is not in it.
type FieldError struct{ Field string }

func (e *FieldError) Error() string { return "the field " + e.Field + " is missing or malformed" }

// String names portal and placement, and no token.
func (o Open) String() string { return "open of " + o.Placement + " at " + o.Domain }

// GoString keeps the tokens out of %#v.
func (o Open) GoString() string { return o.String() }

// LogValue keeps the tokens out of logs.
func (o Open) LogValue() slog.Value { return slog.StringValue(o.String()) }

// ParseOpen reads an open: DOMAIN, PROTOCOL, LANG and APP_SID from the query,
// everything else from the body. Errors are *FieldErrors. A missing AUTH_ID
// is no error: portals leave it out for people without rights to the app.
func ParseOpen(query, form url.Values) (Open, error) {
	o := Open{
		Domain: strings.ToLower(query.Get("DOMAIN")), Secure: query.Get("PROTOCOL") != "0",
		Lang: strings.ToLower(query.Get("LANG")), AppSID: query.Get("APP_SID"),
		AuthID: form.Get("AUTH_ID"), RefreshID: form.Get("REFRESH_ID"),
		Server: form.Get("SERVER_ENDPOINT"), AppToken: form.Get("APPLICATION_TOKEN"),
		Scopes: splitScopes(form.Get("APPLICATION_SCOPE")), MemberID: form.Get("member_id"),
		Status: form.Get("status"), Placement: strings.ToUpper(form.Get("PLACEMENT")),
		Options: parseOptions(form.Get("PLACEMENT_OPTIONS")),
	}
	if o.Placement == "" {
		o.Placement = "DEFAULT"
	}
	checks := []struct {
		name string
		ok   bool
	}{
		{"DOMAIN", validHost(o.Domain)},
		{"PROTOCOL", len(query.Get("PROTOCOL")) <= 1},
		{"LANG", o.Lang == "" || wordOf(o.Lang, 8, "_-")},
		{"APP_SID", o.AppSID == "" || wordOf(o.AppSID, 64, "")},
		{"AUTH_ID", o.AuthID == "" || validToken(o.AuthID)},
		{"REFRESH_ID", o.RefreshID == "" || validToken(o.RefreshID)},
		{"SERVER_ENDPOINT", len(o.Server) <= 512},
		{"APPLICATION_TOKEN", o.AppToken == "" || validToken(o.AppToken)},
		{"APPLICATION_SCOPE", len(o.Scopes) <= 200},
		{"member_id", wordOf(o.MemberID, 64, "")},
		{"status", o.Status == "" || wordOf(o.Status, 16, "")},
		{"PLACEMENT", wordOf(o.Placement, 128, "_")},
	}
	for _, c := range checks {
		if !c.ok {
			return Open{}, &FieldError{c.name}
		}
	}
	if n, err := strconv.Atoi(form.Get("AUTH_EXPIRES")); err == nil && n > 0 && n < 1e9 {
		o.AuthExpires = time.Duration(n) * time.Second
	}
	return o, nil
}

// parseOptions reads PLACEMENT_OPTIONS, which may be missing, empty, the
// word "undefined", an empty list, or an object.
func parseOptions(raw string) map[string]string {
	options := make(map[string]string)
	var object map[string]json.RawMessage
	if len(raw) > 64<<10 || json.Unmarshal([]byte(raw), &object) != nil {
		return options
	}
	for key, value := range object {
		if len(key) > 128 || len(options) == 200 {
			continue
		}
		if s := scalar(value); s != "" || value[0] == '"' || isNull(value) {
			options[key] = s
		} else {
			options[key] = string(value)
		}
	}
	return options
}

// EntityTypeID is the smart process that the app was opened from: named by
// the placement, or else by the option entityTypeId of our own links, or
// else by the page it was opened on; 0 if none is.
func (o Open) EntityTypeID() int64 {
	for _, candidate := range []struct{ pattern, text string }{
		{`^CRM_DYNAMIC_([0-9]{1,9})_`, o.Placement},
		{`^([0-9]{1,9})$`, o.Options["entityTypeId"]},
		{`^/crm/type/([0-9]{1,9})/`, o.Options["URI"]},
	} {
		if m := regexp.MustCompile(candidate.pattern).FindStringSubmatch(candidate.text); m != nil {
			n, err := strconv.ParseInt(m[1], 10, 64)
			if err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}

// ItemID is the item whose card or menu the app was opened from: option ID,
// or ENTITY_ID as toolbars of smart processes name it; 0 if there is none.
func (o Open) ItemID() int64 {
	for _, key := range []string{"ID", "ENTITY_ID"} {
		if n, err := strconv.ParseInt(o.Options[key], 10, 64); err == nil && n > 0 {
			return n
		}
	}
	return 0
}

// wordOf takes 1 to limit ASCII letters and digits, and the other characters
// given.
func wordOf(s string, limit int, others string) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(others, r) {
			return false
		}
	}
	return true
}

// validToken takes any printable ASCII without spaces: tokens are opaque,
// and their length is not promised.
func validToken(s string) bool {
	if s == "" || len(s) > 1024 {
		return false
	}
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return true
}
