package importer

import (
	"context"
)

// StartRules goes on with an import that waits because its person may not
// import: rows are added one by one, and the portal's automation rules and
// workflows start with each, as if it were added by hand.
func (s *Service) StartRules(ctx context.Context, a Actor, imp string) (Import, error) {
	resumed, err := s.update(ctx, a, imp, func(imp *Import) error {
		if imp.State != Waiting || imp.Reason == nil || imp.Reason.Code != askRules {
			return Refuse("not_running")
		}
		imp.Target.Automation, imp.Target.AddOnly = true, true
		imp.resume()
		return nil
	})
	if err != nil {
		return Import{}, err
	}
	s.ring(ctx, runLane(resumed.Portal))
	return resumed, nil
}
