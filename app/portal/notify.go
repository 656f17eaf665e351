package portal

import (
	"context"
	"errors"
	"slices"
)

// scopeNotify is the permission to write to people in Bitrix24.
const scopeNotify = "im"

// Notifies reports whether a tenant's people get messages in Bitrix24 from
// the app: it is installed there, with the permission for them.
func (s *Service) Notifies(ctx context.Context, tenant string) (bool, error) {
	p, err := s.store.Portal(ctx, tenant)
	if errors.Is(err, ErrNotFound) {
		return false, nil // a webhook on the public page
	}
	return slices.Contains(p.Scopes, scopeNotify), err
}
