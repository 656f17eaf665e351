package bitrix

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
)

// tokenAuthority calls with what it was given: one token, or the code in a
// webhook's address. It renews nothing and follows nothing.
type tokenAuthority struct {
	c        *Client
	endpoint string
	token    string
	hook     bool
}

func (t *tokenAuthority) access(context.Context) (access, error) { return t.fixed() }

func (t *tokenAuthority) fixed() (access, error) {
	base, err := t.c.endpoint(t.endpoint)
	if err != nil {
		return access{}, err
	}
	a := access{base: base, token: t.token, credential: "app:" + t.c.keys.ClientID}
	if t.hook {
		sum := sha256.Sum256([]byte(base.Path)) // the path holds the secret
		a.credential = "hook:" + hex.EncodeToString(sum[:8])
	}
	return a, nil
}

func (t *tokenAuthority) renew(context.Context, access) (*access, error) { return nil, nil }

func (t *tokenAuthority) follow(context.Context, access, *url.URL) (*access, error) {
	return nil, nil
}

// grantAuthority calls with a stored grant.
type grantAuthority struct {
	c      *Client
	id     grantID
	grants Grants
}

func (g *grantAuthority) access(ctx context.Context) (access, error) {
	grant, err := loadGrant(ctx, g.grants, g.id)
	if err != nil {
		return access{}, err
	}
	if !grant.Expires.IsZero() && !g.c.now().Before(grant.Expires) {
		if grant, err = g.c.refresh(ctx, g.grants, g.id, grant.Access); err != nil {
			return access{}, err
		}
	}
	return g.accessOf(grant)
}

func (g *grantAuthority) accessOf(grant Grant) (access, error) {
	base, fault := g.c.endpoint(grant.Endpoint)
	if fault != nil {
		return access{}, fault
	}
	return access{base: base, token: grant.Access, credential: "app:" + g.c.keysOf(grant).ClientID}, nil
}

func (g *grantAuthority) renew(ctx context.Context, old access) (*access, error) {
	grant, err := g.c.refresh(ctx, g.grants, g.id, old.token)
	if err != nil {
		return nil, err
	}
	a, err := g.accessOf(grant)
	return &a, err
}

// follow asks the OAuth server where the portal is. Only if it names the
// host of the redirect for this portal, the grant gets the new address: a
// portal must not be able to send tokens anywhere else.
func (g *grantAuthority) follow(ctx context.Context, old access, to *url.URL) (*access, error) {
	unconfirmed := func(err error) error {
		return &Error{Code: CodeMoved, Class: Refused, Err: err, stops: true}
	}
	grant, err := loadGrant(ctx, g.grants, g.id)
	if err != nil {
		return nil, err
	}
	info, err := g.c.AppInfo(ctx, grant.Server, grant.Access)
	if Code(err) == "EXPIRED_TOKEN" {
		if grant, err = g.c.refresh(ctx, g.grants, g.id, grant.Access); err != nil {
			return nil, err
		}
		info, err = g.c.AppInfo(ctx, grant.Server, grant.Access)
	}
	if err != nil {
		var e *Error
		if errors.As(err, &e) && !e.stops {
			// The OAuth server is away: the portal may be asked again later.
			return nil, &Error{Code: CodeMoved, Class: Refused, Err: fmt.Errorf("confirming the new address: %w", err)}
		}
		return nil, unconfirmed(fmt.Errorf("confirming the new address: %w", err))
	}
	base, fault := g.c.endpoint(info.Endpoint)
	switch {
	case fault != nil:
		return nil, unconfirmed(fault)
	case info.MemberID != g.id.portal || base.Host != to.Host || base.Scheme != to.Scheme:
		return nil, unconfirmed(errors.New("the OAuth server names another address"))
	}
	grant.Endpoint = base.String()
	if err := g.grants.SaveRefreshed(ctx, grant.Access, grant); err != nil {
		return nil, storeError("saving the new address", err)
	}
	g.c.moved(old.base.Host, base.Host)
	g.c.slog.Info("portal has moved", "portal", g.id.portal, "from", old.base.Host, "to", base.Host)
	a, err := g.accessOf(grant)
	return &a, err
}

// loadGrant reads a grant that can be used.
func loadGrant(ctx context.Context, grants Grants, id grantID) (Grant, error) {
	grant, err := grants.Grant(ctx, id.portal, id.user)
	switch {
	case errors.Is(err, ErrNoGrant):
		return Grant{}, &Error{Code: CodeNoGrant, Class: Refused, Err: ErrNoGrant, stops: true}
	case err != nil:
		return Grant{}, storeError("reading the grant", err)
	case grant.Dead != "":
		return Grant{}, &Error{Code: grant.Dead, Class: Refused, Err: errors.New("the grant is dead"), stops: true}
	}
	return grant, nil
}

func storeError(doing string, err error) *Error {
	return &Error{Code: CodeGrantStore, Class: Refused, Err: fmt.Errorf("%s: %w", doing, err)}
}

// keysOf are the app's keys on the grant's portal.
func (c *Client) keysOf(g Grant) Keys {
	if g.Keys.ClientID != "" {
		return g.Keys
	}
	return c.keys
}
