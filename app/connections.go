package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/bitrix"
)

// unprovenWait is how long an import waits before it asks again whether the
// app is still on its portal.
const unprovenWait = time.Minute

// connections implements importer.Connections and importer.Limits over
// package portal, which does not know imports.
type connections struct {
	portals *portal.Service
	imports importLister
	now     func() time.Time
}

// importLister is what of importer.Store tells whether a webhook is in use.
type importLister interface {
	Imports(ctx context.Context, portal string, limit int, states ...importer.State) ([]importer.Import, error)
}

// Connect implements importer.Connections.
func (c connections) Connect(ctx context.Context, tenant string, by importer.Connection) (importer.Caller, error) {
	hook := ""
	if by.Kind == importer.ByWebhook {
		hook = by.Webhook
		if hook == "" {
			return nil, fmt.Errorf("connection by webhook without a webhook: %w", importer.ErrNotFound)
		}
	}
	conn, err := c.portals.Connection(ctx, tenant, by.User, hook)
	switch {
	case errors.Is(err, portal.ErrNotFound):
		return nil, fmt.Errorf("%w: %w", importer.ErrNotFound, err)
	case errors.Is(err, portal.ErrQuarantined):
		// The importer waits for refusals that pass by themselves.
		return nil, &bitrix.Error{
			Code: "REMOVAL_UNPROVEN", Class: bitrix.Refused,
			ResetAt: c.now().Add(unprovenWait), Err: err,
		}
	case err != nil:
		return nil, err
	}
	return conn, nil
}

// Release implements importer.Connections. A webhook that another import of
// the portal is at work with goes when that one ends.
func (c connections) Release(ctx context.Context, tenant string, by importer.Connection) error {
	if by.Kind != importer.ByWebhook || by.Webhook == "" {
		return nil
	}
	active, err := c.imports.Imports(ctx, tenant, allImports,
		importer.Checking, importer.Running, importer.Paused, importer.Waiting)
	if err != nil {
		return fmt.Errorf("looking for other imports of the webhook: %w", err)
	}
	for _, i := range active {
		if i.Connection.Webhook == by.Webhook {
			return nil
		}
	}
	return c.portals.ReleaseWebhook(ctx, tenant, by.Webhook)
}

// allImports is a limit above the unfinished imports any portal has.
const allImports = 10_000

// RowLimit implements importer.Limits.
func (c connections) RowLimit(ctx context.Context, tenant string) (int, error) {
	return c.portals.RowLimit(ctx, tenant)
}
