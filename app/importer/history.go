package importer

import (
	"context"
	"fmt"
)

// History lists the portal's imports that the actor may see, newest first: n
// of them from a place on. More says that there are others behind these.
func (s *Service) History(ctx context.Context, a Actor, from, n int) (list []Import, more bool, err error) {
	// What others have not started is not seen, and may be anywhere.
	for limit := from + n + 1; ; limit *= 2 {
		all, err := s.store.Imports(ctx, a.Portal, limit)
		if err != nil {
			return nil, false, fmt.Errorf("listing imports: %w", err)
		}
		last := len(all) < limit
		seen := all[:0]
		for _, imp := range all {
			if visible(a, imp) {
				seen = append(seen, imp)
			}
		}
		if len(seen) > from+n || last {
			end := min(len(seen), from+n)
			return seen[min(from, end):end], len(seen) > end, nil
		}
	}
}
