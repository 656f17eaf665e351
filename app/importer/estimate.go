package importer

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// What is assumed of a portal's limits where this process has not called it
// yet: a method may work so long in ten minutes (crm.md 6).
const (
	usualBudget = 480.0
	usualPeriod = 600.0
)

// timeLeft is a range: the model of the portal's limits run forward over the
// rows that are left, at the speed that was measured.
func (s *Service) timeLeft(ctx context.Context, i Import) (low, high time.Duration) {
	if i.SecondsPerRow == 0 || (i.State != Running && i.State != Waiting) {
		return 0, 0
	}
	expected := s.forecasts.of(s.now, fmt.Sprint(i.ID, i.Undoing), func() time.Duration { return s.expected(ctx, i) })
	// A wait for a limit is in the model; one for anything else comes before.
	if wait := i.Until.Sub(s.now()); !i.Until.IsZero() && wait > 0 && (i.Reason == nil || i.Reason.Code != "waiting_for_limit") {
		expected += wait
	}
	return expected * 9 / 10, expected * 11 / 10
}

func (s *Service) expected(ctx context.Context, i Import) time.Duration {
	var pace bitrix.Pace
	if caller, err := s.connect(ctx, i.Portal, i.Connection); err == nil {
		pace = caller.Pace()
	}
	// What is under way is in the model; what has come back to be sent again
	// is before us.
	again, err := s.journal.Entries(ctx, i.ID, 0, maxScan, EntryPending, EntryAside)
	if err != nil {
		s.log.WarnContext(ctx, "listing pending rows for an estimate", "import", i.ID, "err", err)
	}
	c := s.courseOf(i, i.Cursor-len(again))
	if pace.Known {
		return c.ahead(pace)
	}
	if c.left == 0 {
		return 0
	}
	// Another process is at it: what it has spent is known by the rows.
	least := c.work() / float64(c.streams)
	c.left += i.Counts.Created + i.Counts.Updated
	return max(c.usually()-s.now().Sub(i.Started), time.Duration(least*float64(time.Second)))
}

// work is the seconds that what is left takes the portal.
func (c course) work() float64 { return float64(c.left) * c.each }

// usually is how long a portal takes that this process has not called yet.
func (c course) usually() time.Duration {
	budget := usualBudget * float64(len(c.methods))
	full := math.Max(0, math.Ceil(c.work()/budget)-1)
	return time.Duration((full*usualPeriod + (c.work()-full*budget)/float64(c.streams)) * float64(time.Second))
}

// courseOf is the course of what follows the rows that are written, or of what
// is to be taken back.
func (s *Service) courseOf(i Import, written int) course {
	c := course{mode: i.Target.Mode, methods: i.Target.creates(), each: i.SecondsPerRow, streams: 1, aim: s.aim()}
	if i.Undoing {
		c.mode, c.methods, c.left = AddAll, []string{methodDelete}, max(0, i.Counts.Created+i.Counts.Updated-i.Undo.Sum())
		return c
	}
	if i.Target.Fast {
		c.streams = fastStreams
	}
	end := i.Rows
	if i.Limit > 0 {
		end = min(end, i.Limit)
	}
	c.left = max(0, end-written)
	// Rows that the plan leaves out cost nothing.
	if planned := i.Plan.Created + i.Plan.Updated; i.Rows > 0 && planned > 0 && end == i.Rows {
		c.left = int(math.Ceil(float64(c.left) * float64(planned) / float64(i.Rows)))
	}
	return c
}
