package bitrix

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// claimTime is how long a process may take to refresh before another
	// one may: longer than the request and the attempts to save can last.
	claimTime = 45 * time.Second
	// claimPoll is how often a process that waits for another one looks.
	claimPoll = 250 * time.Millisecond
	// refreshTime bounds everything, including one wait for a process that
	// has died with its claim.
	refreshTime = 2 * time.Minute
)

// refreshed is a refresh under way, shared by all who need it.
type refreshed struct {
	done  chan struct{}
	grant Grant
	err   error
}

// refresh returns a grant whose access token is not stale. Of all callers in
// this process one does the work; it goes on when that caller gives up, so
// that a new pair is never lost between the answer and the store. Errors are
// *Errors.
func (c *Client) refresh(ctx context.Context, grants Grants, id grantID, stale string) (Grant, error) {
	for {
		c.mu.Lock()
		f := c.flights[id]
		mine := f == nil
		if mine {
			f = &refreshed{done: make(chan struct{})}
			c.flights[id] = f
			go c.fly(context.WithoutCancel(ctx), f, grants, id, stale)
		}
		c.mu.Unlock()
		select {
		case <-f.done:
		case <-ctx.Done():
			return Grant{}, &Error{Code: CodeTransport, Class: Refused, Err: fmt.Errorf("refreshing the token: %w", ctx.Err())}
		}
		if mine || f.err != nil || f.grant.Access != stale {
			return f.grant, f.err
		}
	}
}

// Drain waits for the refreshes under way: a process that ends in the middle
// of one may lose a token pair. Call it after the last call, before the store
// of grants is closed.
func (c *Client) Drain(ctx context.Context) error {
	c.mu.Lock()
	flights := slices.Collect(maps.Values(c.flights))
	c.mu.Unlock()
	for _, f := range flights {
		select {
		case <-f.done:
		case <-ctx.Done():
			return fmt.Errorf("waiting for token refreshes: %w", ctx.Err())
		}
	}
	return nil
}

func (c *Client) fly(ctx context.Context, f *refreshed, grants Grants, id grantID, stale string) {
	ctx, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	f.grant, f.err = c.renewGrant(ctx, grants, id, stale)
	c.mu.Lock()
	delete(c.flights, id)
	c.mu.Unlock()
	close(f.done)
}

// renewGrant refreshes a grant unless somebody else has done so.
func (c *Client) renewGrant(ctx context.Context, grants Grants, id grantID, stale string) (Grant, error) {
	if grant, fresh, err := c.claim(ctx, grants, id, stale); err != nil || fresh {
		return grant, err
	}
	// Between the last look and the claim another process may have finished.
	grant, err := loadGrant(ctx, grants, id)
	if err != nil {
		return Grant{}, err
	}
	if grant.Access != stale {
		return grant, nil
	}
	pair, fault := c.exchangeToken(ctx, grant)
	if fault != nil {
		return c.notRenewed(ctx, grants, grant, fault)
	}
	renewed, err := c.pairOf(grant, pair)
	if err != nil {
		return Grant{}, err
	}
	if err := save(ctx, grants, stale, renewed); err != nil {
		c.slog.Error("a refreshed token could not be saved", "portal", id.portal, "user", id.user, "error", err)
		return Grant{}, storeError("saving the refreshed token", err)
	}
	c.slog.Info("token refreshed", "portal", id.portal, "user", id.user)
	// Whatever the store holds now is the pair to use: if an opened frame
	// brought another one in between, that one stayed.
	return loadGrant(ctx, grants, id)
}

// claim waits until this process may refresh, or somebody else has (fresh).
func (c *Client) claim(ctx context.Context, grants Grants, id grantID, stale string) (grant Grant, fresh bool, err error) {
	for {
		grant, err := loadGrant(ctx, grants, id)
		if err != nil {
			return Grant{}, false, err
		}
		if grant.Access != stale {
			return grant, true, nil
		}
		now := c.now()
		mine, err := grants.ClaimRefresh(ctx, id.portal, id.user, now, now.Add(claimTime))
		if err != nil {
			return Grant{}, false, storeError("claiming the refresh", err)
		}
		if mine {
			return grant, false, nil
		}
		if err := pause(ctx, claimPoll); err != nil {
			return Grant{}, false, &Error{Code: CodeGrantStore, Class: Refused, Err: fmt.Errorf("waiting for another refresh: %w", err)}
		}
	}
}

// notRenewed handles a refresh that did not give a pair.
func (c *Client) notRenewed(ctx context.Context, grants Grants, grant Grant, fault *Error) (Grant, error) {
	id := grantID{grant.Portal, grant.User}
	fault = &Error{
		Code: fault.Code, Status: fault.Status, Description: fault.Description, Class: Refused,
		Err: fmt.Errorf("refreshing the token: %w", fault), stops: fault.stops,
	}
	switch fault.Code {
	case "INVALID_GRANT", "BAD_VERIFICATION_CODE":
		now, err := loadGrant(ctx, grants, id)
		if err != nil {
			return Grant{}, err
		}
		if now.Access != grant.Access {
			return now, nil
		}
		c.slog.Warn("grant is dead", "portal", id.portal, "user", id.user, "code", fault.Code)
		if err := grants.MarkGrantDead(ctx, id.portal, id.user, grant.Access, fault.Code); err != nil {
			return Grant{}, storeError("marking the grant dead", errors.Join(err, fault))
		}
		return Grant{}, fault
	}
	// The pair stays as it is; saving it again ends the claim, so that the
	// next call need not wait until it runs out.
	if err := grants.SaveRefreshed(ctx, grant.Access, grant); err != nil {
		return Grant{}, storeError("giving the refresh back", errors.Join(err, fault))
	}
	return Grant{}, fault
}

// pairOf checks that an answer belongs to the grant, and makes the new one.
func (c *Client) pairOf(old Grant, t tokenReply) (Grant, error) {
	if t.Member != "" && string(t.Member) != old.Portal || t.User != 0 && int64(t.User) != old.User {
		return Grant{}, &Error{
			Code: CodeWrongGrant, Class: Refused, stops: true,
			Err: errors.New("the OAuth server answered for another portal or user"),
		}
	}
	g := old
	g.Access, g.Refresh, g.Expires = string(t.Access), string(t.Refresh), time.Time{}
	if t.Expires > 0 {
		g.Expires = c.now().Add(time.Duration(t.Expires) * time.Second)
	}
	if t.Endpoint != "" {
		if base, fault := c.endpoint(string(t.Endpoint)); fault == nil {
			g.Endpoint = base.String()
		}
	}
	return g, nil
}

// save tries several times: the old refresh token is spent, so the pair in
// memory is the only one.
func save(ctx context.Context, grants Grants, stale string, g Grant) error {
	wait := 100 * time.Millisecond
	for {
		err := grants.SaveRefreshed(ctx, stale, g)
		if err == nil || wait > 4*time.Second {
			return err
		}
		if pause(ctx, wait) != nil {
			return err
		}
		wait *= 3
	}
}

// pause waits, or returns why ctx ended before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
