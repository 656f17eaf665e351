package bitrix

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ErrNoGrant is what Grants.Grant wraps when there is none.
var ErrNoGrant = errors.New("no grant")

// Grant is the OAuth token pair of one user on one portal.
type Grant struct {
	// Portal is the member_id.
	Portal string
	User   int64
	// Access lives about an hour; Refresh 180 days and is replaced by every
	// refresh.
	Access, Refresh string
	// Expires is when Access ends by our clock; zero: not known.
	Expires time.Time
	// Endpoint is the REST base URL of the portal, Server the base URL of
	// the OAuth server.
	Endpoint, Server string
	// Keys come from the portal; the zero value means the Client's.
	Keys Keys
	// Dead is the code why the grant can no longer be used; empty: alive.
	Dead string
}

// String names the grant and shows no token.
func (g Grant) String() string { return fmt.Sprintf("grant of user %d on %s", g.User, g.Portal) }

// GoString keeps the tokens out of %#v.
func (g Grant) GoString() string { return g.String() }

// LogValue keeps the tokens out of logs.
func (g Grant) LogValue() slog.Value { return slog.StringValue(g.String()) }

// Grants stores token pairs. A pair is stored before it is used.
type Grants interface {
	// Grant finds a grant; the error wraps ErrNoGrant if there is none.
	Grant(ctx context.Context, portal string, user int64) (Grant, error)
	// SaveGrant inserts or replaces a grant, and revives a dead one.
	SaveGrant(ctx context.Context, g Grant) error
	// ClaimRefresh makes the caller the only one, of all processes, to
	// refresh this grant until the given time; false: somebody else is.
	ClaimRefresh(ctx context.Context, portal string, user int64, now, until time.Time) (bool, error)
	// SaveRefreshed stores the pair of g if the stored access token is still
	// old, adopts a changed endpoint, and ends the claim. If the stored pair
	// is another one it stays, and that is no error.
	SaveRefreshed(ctx context.Context, old string, g Grant) error
	// MarkGrantDead notes why the grant can no longer be used, if the stored
	// access token is still access.
	MarkGrantDead(ctx context.Context, portal string, user int64, access, code string) error
}

// grantID is whose grant it is.
type grantID struct {
	portal string
	user   int64
}
