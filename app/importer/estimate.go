package importer

import (
	"context"
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
	expected := s.expected(ctx, i)
	// A wait for a limit is in the model; one for anything else comes before.
	if wait := i.Until.Sub(s.now()); !i.Until.IsZero() && wait > 0 && (i.Reason == nil || i.Reason.Code != "waiting_for_limit") {
		expected += wait
	}
	return expected * 9 / 10, expected * 11 / 10
}

func (s *Service) expected(ctx context.Context, i Import) time.Duration {
	left, methods, streams := i.left()
	if left == 0 {
		return 0
	}
	var pace bitrix.Pace
	if caller, err := s.connect(ctx, i.Portal, i.Connection); err == nil {
		pace = caller.Pace()
	}
	if !pace.Known {
		// Another process is at it: what it has spent is known by the rows.
		done := float64(i.Counts.Created + i.Counts.Updated)
		whole := s.ahead(pace, i.Target, left+done, 0, i.SecondsPerRow, methods, streams)
		return max(whole-s.now().Sub(i.Started), time.Duration(left*i.SecondsPerRow/float64(streams)*float64(time.Second)))
	}
	size := 0
	if i.Undoing {
		size = usualCommands
	}
	return s.ahead(pace, i.Target, left, size, i.SecondsPerRow, methods, streams)
}

// ahead runs the model of the limits forward over rows of so many seconds
// each, size of them to a request (0: as a run has it).
func (s *Service) ahead(pace bitrix.Pace, t Target, rows float64, size int, each float64, methods []string, streams int) time.Duration {
	if rows == 0 {
		return 0
	}
	if size == 0 {
		size = t.requestRows(s.aim(), methods[0], each)
	}
	requests := math.Ceil(rows / float64(size))
	if streams > 1 {
		// A run shares out what is left, so that all streams end together.
		requests = math.Max(requests, math.Min(math.Ceil(rows), float64(8*streams)))
	}
	cost := time.Duration(each * rows / requests * float64(time.Second))
	if pace.Known {
		return pace.Forecast(int(requests), cost, streams, methods...)
	}
	work, budget := each*rows, usualBudget*float64(len(methods))
	full := math.Max(0, math.Ceil(work/budget)-1)
	return time.Duration((full*usualPeriod + (work-full*budget)/float64(streams)) * float64(time.Second))
}

// left is how many rows are still to be written, or to be taken back, by
// which methods and in how many streams.
func (i Import) left() (rows float64, methods []string, streams int) {
	if i.Undoing {
		return float64(max(0, i.Counts.Created+i.Counts.Updated-i.Undo.Sum())), []string{methodDelete}, 1
	}
	end := i.Rows
	if i.Limit > 0 {
		end = min(end, i.Limit)
	}
	rows = float64(max(0, end-i.Counts.Sum()))
	// Rows that the plan leaves out cost nothing.
	if planned := i.Plan.Created + i.Plan.Updated; i.Rows > 0 && planned > 0 && end == i.Rows {
		rows *= float64(planned) / float64(i.Rows)
	}
	if i.Target.Fast {
		return rows, i.Target.creates(), fastStreams
	}
	return rows, i.Target.creates(), 1
}
