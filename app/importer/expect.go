package importer

import (
	"context"
	"fmt"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// Expected is how long an import that has not begun would take.
type Expected struct {
	// Ordered is for one request at a time, Any for as many as go.
	Ordered, Any Range
	// Known: rows were written to this smart process before, so the speed was
	// measured; otherwise it is what portals usually take.
	Known bool
}

// Range bounds a time.
type Range struct{ Low, High time.Duration }

// usual are the seconds that portals take for a row, from quick to slow, when
// nothing was measured yet; with rules and for updates more.
var usual = map[bool][2]float64{false: {0.02, 0.1}, true: {0.06, 0.3}}

// recentRuns is how far back the speed of a smart process is looked for.
const recentRuns = 50

// Expect says how long a checked import would take: the model of the portal's
// limits run forward with the speed of the last import that went the same way.
// Without a connection it is an error, as with everything that asks a portal.
func (s *Service) Expect(ctx context.Context, a Actor, imp string) (Expected, error) {
	i, err := s.Import(ctx, a, imp)
	if err != nil {
		return Expected{}, err
	}
	caller, err := s.connect(ctx, i.Portal, i.Connection)
	if err != nil {
		return Expected{}, err
	}
	perRow, known, err := s.measured(ctx, i)
	if err != nil {
		return Expected{}, err
	}
	pace := caller.Pace()
	e := Expected{Known: known}
	e.Ordered = Range{s.forecast(pace, i, perRow[0], 1), s.forecast(pace, i, perRow[1], 1)}
	e.Any = Range{s.forecast(pace, i, perRow[0], fastStreams), s.forecast(pace, i, perRow[1], fastStreams)}
	return e, nil
}

// measured is the range of seconds per row to reckon with.
func (s *Service) measured(ctx context.Context, imp Import) (perRow [2]float64, known bool, err error) {
	slow := imp.Target.Automation || imp.Plan.Updated > imp.Plan.Created
	former, err := s.store.Imports(ctx, imp.Portal, recentRuns, Done, Stopped, Undone)
	if err != nil {
		return perRow, false, fmt.Errorf("looking for former imports: %w", err)
	}
	for _, f := range former {
		same := f.Target.EntityTypeID == imp.Target.EntityTypeID && f.Target.Automation == imp.Target.Automation &&
			(f.Counts.Updated > f.Counts.Created) == (imp.Plan.Updated > imp.Plan.Created)
		if f.Undo.Sum() > 0 {
			continue // its speed is that of taking it back
		}
		if same && f.SecondsPerRow > 0 && f.Counts.Created+f.Counts.Updated >= maxChunk {
			return [2]float64{f.SecondsPerRow * 0.85, f.SecondsPerRow * 1.3}, true, nil
		}
	}
	return usual[slow], false, nil
}

// forecast is the time that a whole import would take.
func (s *Service) forecast(pace bitrix.Pace, imp Import, perRow float64, streams int) time.Duration {
	imp.Target.Fast = streams > 1
	c := s.courseOf(imp, 0)
	c.each = perRow
	if !pace.Known {
		return c.usually()
	}
	return s.forecasts.of(s.now, fmt.Sprint(imp.ID, imp.Revision, perRow, streams), func() time.Duration { return c.ahead(pace) })
}
