package bitrix

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// oauthTimeout is for one request to the OAuth server.
const oauthTimeout = 20 * time.Second

// AppInfo is what the OAuth server says about an access token and the
// installation it belongs to. It is the only thing an opened frame is
// believed by; the portal's own method app.info is another one.
type AppInfo struct {
	// ClientID is the app the token was issued for.
	ClientID string
	Scopes   []string
	// Expires is when the token ends.
	Expires time.Time
	// User is whose token it is.
	User      int64
	Installed bool
	// Status is the licence status: F, D, T, P, L or S.
	Status, Version string
	// Domain is the portal's host, URI its address with scheme, Endpoint
	// the REST base URL, the only one to use.
	Domain, URI, Endpoint string
	MemberID              string
}

// AppInfo asks the OAuth server about a token. server is what the caller was
// told; it selects one of the believed servers and never adds one: an
// unknown or empty server means the default.
func (c *Client) AppInfo(ctx context.Context, server, token string) (AppInfo, error) {
	const method = "oauth:app.info"
	if token == "" {
		return AppInfo{}, badRequest(method, errors.New("no token to ask about"))
	}
	answer, fault := c.askOAuth(ctx, "", method, c.server(server)+"rest/app.info", url.Values{"auth": {token}})
	if fault != nil {
		return AppInfo{}, fault
	}
	parsed, fault := parseAnswer(answer.status, answer.body)
	if fault != nil {
		fault.Method = method
		return AppInfo{}, fault
	}
	info, err := parseAppInfo(parsed.Result)
	if err != nil {
		return AppInfo{}, &Error{Code: CodeNotJSON, Status: answer.status, Class: Unknown, Method: method, Err: err}
	}
	return info, nil
}

func parseAppInfo(result json.RawMessage) (AppInfo, error) {
	var o struct {
		ClientID looseText `json:"client_id"`
		Scope    looseText `json:"scope"`
		Expires  looseText `json:"expires"`
		User     looseInt  `json:"user_id"`
		Install  struct {
			Installed looseBool `json:"installed"`
			Version   looseText `json:"version"`
			Status    looseText `json:"status"`
			Domain    looseText `json:"domain"`
			URI       looseText `json:"uri"`
			Endpoint  looseText `json:"client_endpoint"`
			MemberID  looseText `json:"member_id"`
		} `json:"install"`
	}
	if err := json.Unmarshal(result, &o); err != nil {
		return AppInfo{}, errors.New("the answer of app.info has another shape")
	}
	i := o.Install
	info := AppInfo{
		ClientID: string(o.ClientID), Scopes: splitScopes(string(o.Scope)), User: int64(o.User),
		Installed: bool(i.Installed), Status: string(i.Status), Version: string(i.Version),
		Domain: strings.ToLower(string(i.Domain)), URI: string(i.URI),
		Endpoint: string(i.Endpoint), MemberID: string(i.MemberID),
	}
	if t, err := time.Parse(time.RFC3339, string(o.Expires)); err == nil {
		info.Expires = t
	} else if n, err := strconv.ParseInt(string(o.Expires), 10, 64); err == nil && n > 0 {
		info.Expires = time.Unix(n, 0)
	}
	if info.ClientID == "" || info.MemberID == "" || info.Endpoint == "" {
		return AppInfo{}, errors.New("the answer of app.info lacks client_id, member_id or client_endpoint")
	}
	return info, nil
}

// server picks a believed OAuth server by what somebody said.
func (c *Client) server(said string) string {
	u, err := url.Parse(said)
	if err != nil || u.Host == "" {
		return c.oauth[0]
	}
	for _, known := range c.oauth {
		if k, err := url.Parse(known); err == nil && strings.EqualFold(k.Host, u.Host) {
			return known
		}
	}
	return c.oauth[0]
}

// askOAuth posts a form, so that secrets stay out of addresses. portal is for
// the log; before a token is confirmed there is none.
func (c *Client) askOAuth(ctx context.Context, portal, method, address string, form url.Values) (httpAnswer, *Error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && !c.allowPrivate {
		return httpAnswer{}, badRequest(method, errors.New("the address of the OAuth server is not https"))
	}
	start := c.now()
	body := []byte(form.Encode())
	answer, fault := c.post(ctx, u, "application/x-www-form-urlencoded", body, oauthTimeout)
	if fault != nil {
		fault.Method = method
	}
	if c.log != nil {
		r := CallRecord{
			Portal: portal, Import: importOf(ctx), Method: method, Start: start, Duration: c.now().Sub(start),
			BytesOut: len(body), BytesIn: len(answer.body), Status: answer.status,
		}
		if fault != nil {
			r.Code = fault.Code
		}
		c.log(r)
	}
	return answer, fault
}

// tokenReply is the answer of the token endpoint. Its domain is the OAuth
// server's host, so it is not read.
type tokenReply struct {
	Access   looseText `json:"access_token"`
	Refresh  looseText `json:"refresh_token"`
	Expires  looseInt  `json:"expires_in"`
	Endpoint looseText `json:"client_endpoint"`
	Member   looseText `json:"member_id"`
	User     looseInt  `json:"user_id"`
}

// exchangeToken spends a refresh token for a new pair.
func (c *Client) exchangeToken(ctx context.Context, g Grant) (tokenReply, *Error) {
	const method = "oauth:refresh"
	keys := c.keysOf(g)
	answer, fault := c.askOAuth(ctx, g.Portal, method, c.server(g.Server)+"oauth/token/", url.Values{
		"grant_type": {"refresh_token"}, "client_id": {keys.ClientID},
		"client_secret": {keys.ClientSecret}, "refresh_token": {g.Refresh},
	})
	if fault != nil {
		return tokenReply{}, fault
	}
	var e envelope
	var t tokenReply
	body := trimBody(answer.body)
	if json.Unmarshal(body, &e) != nil || json.Unmarshal(body, &t) != nil {
		fault = notAnswer(answer.status, errors.New("not the JSON of an OAuth server"))
	} else if fault = parseFault(e.Error, e.Description, answer.status); fault == nil &&
		(answer.status != http.StatusOK || t.Access == "" || t.Refresh == "") {
		fault = notAnswer(answer.status, errors.New("no token pair in the answer"))
	}
	if fault != nil {
		fault.Method = method
		return tokenReply{}, fault
	}
	return t, nil
}

// splitScopes splits a list of scopes, which some pages of the documentation
// separate by commas and some by spaces.
func splitScopes(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
