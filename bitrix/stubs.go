package bitrix

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

var errStub = errors.New("not yet")

type pace struct{}
type refreshed struct{}

func newPace(func() time.Time) *pace { return &pace{} }

func GuardedTransport(allowPrivate bool) *http.Transport { return &http.Transport{} }

func (e *Error) Stops() bool { return e.stops }

type Connection struct{}

func (c *Client) Grant(portal string, user int64, grants Grants) *Connection { return nil }
func (c *Client) Webhook(w WebhookURL) *Connection                           { return nil }
func (c *Client) TokenConnection(portal, endpoint, token string) *Connection { return nil }
func (x *Connection) Call(ctx context.Context, method string, params any) (Reply, error) {
	return Reply{}, errStub
}
func (x *Connection) Batch(ctx context.Context, commands []Command) (BatchReply, error) {
	return BatchReply{}, errStub
}
func (x *Connection) Ready(method string, cost time.Duration) time.Time { return time.Time{} }
func (x *Connection) Pace() Pace                                        { return Pace{} }

type Pace struct{}
type WebhookURL struct {
	Scheme, Host string
	User         int64
	code         string
}
type WebhookError struct{ Code string }

func (e *WebhookError) Error() string                              { return "webhook address: " + e.Code }
func (w WebhookURL) Secret() string                                { return "" }
func (w WebhookURL) String() string                                { return "" }
func ParseWebhook(s string, allowPrivate bool) (WebhookURL, error) { return WebhookURL{}, errStub }

type Open struct {
	Domain                          string
	Secure                          bool
	Lang, AppSID, AuthID, RefreshID string
	AuthExpires                     time.Duration
	Server, AppToken                string
	Scopes                          []string
	MemberID, Status, Placement     string
	Options                         map[string]string
}

func ParseOpen(query, form url.Values) (Open, error) { return Open{}, errStub }
func (o Open) EntityTypeID() int64                   { return 0 }
func (o Open) ItemID() int64                         { return 0 }

type Event struct {
	Name string
	Data map[string]any
	TS   time.Time
	Auth EventAuth
}
type EventAuth struct {
	AccessToken, RefreshToken, AppToken, Domain, MemberID, ClientEndpoint, ServerEndpoint, Status string
	Scopes                                                                                        []string
	ExpiresIn                                                                                     time.Duration
	UserID                                                                                        int64
}

func ParseEvent(body []byte) (Event, error)    { return Event{}, errStub }
func Form(body []byte) (map[string]any, error) { return nil, errStub }

type AppInfo struct {
	ClientID                                         string
	Scopes                                           []string
	Expires                                          time.Time
	User                                             int64
	Installed                                        bool
	Status, Version, Domain, URI, Endpoint, MemberID string
}

func (c *Client) AppInfo(ctx context.Context, server, token string) (AppInfo, error) {
	return AppInfo{}, errStub
}
func ReadProfile(ctx context.Context, r Reader) (Profile, error) { return Profile{}, errStub }
func ReadScopes(ctx context.Context, r Reader) ([]string, error) { return nil, errStub }
func ReadTypes(ctx context.Context, r Reader) ([]Type, error)    { return nil, errStub }
func ReadType(ctx context.Context, r Reader, entityTypeID int64) (Type, error) {
	return Type{}, errStub
}
func ReadFields(ctx context.Context, r Reader, entityTypeID int64) ([]Field, error) {
	return nil, errStub
}
func ReadCategories(ctx context.Context, r Reader, entityTypeID int64) ([]Category, error) {
	return nil, errStub
}
func ReadStatuses(ctx context.Context, r Reader, entityID string) ([]Status, error) {
	return nil, errStub
}
