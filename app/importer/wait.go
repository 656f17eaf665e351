package importer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// end says what an error means for the import.
func (r *run) end(ctx context.Context, err error) (Next, error) {
	if err == nil {
		return Next{Again: true}, nil
	}
	if errors.Is(err, errNotRunning) {
		// Somebody who stops the import wants the word on what was under way.
		now, err := r.s.store.Import(ctx, r.imp.Portal, r.imp.ID)
		return Next{Again: err == nil && now.stopping()}, nil
	}
	if errors.Is(err, ErrFenced) || ctx.Err() != nil {
		return Next{Again: true}, err
	}
	var wait *waitError
	if errors.As(err, &wait) {
		return r.wait(ctx, wait.reason, wait.until)
	}
	if delay, until, ok := r.s.delay(err, r.imp.Failures); ok {
		if delay.Code == unreachable {
			r.imp.Failures++
			r.s.log.WarnContext(ctx, "portal does not answer", "import", r.imp.ID, "err", err)
		}
		return r.wait(ctx, delay, until)
	}
	if reason, ok := reasonOf(err); ok {
		return r.wait(ctx, reason, time.Time{})
	}
	// The trouble is ours; the person learns that, and that nothing is lost.
	until := r.s.now().Add(5 * time.Second << min(r.imp.Failures, 6))
	r.imp.Failures++
	n, werr := r.wait(ctx, problem("app_trouble"), until)
	return n, errors.Join(err, werr)
}

// waitError asks for a wait with a reason and an end.
type waitError struct {
	reason Problem
	until  time.Time
}

func (e *waitError) Error() string { return "waiting: " + e.reason.Code }

// wait puts the import aside: until a time, or, without one, until a person
// comes.
func (r *run) wait(ctx context.Context, reason Problem, until time.Time) (Next, error) {
	if r.stops {
		reason = problem(stopping)
		if until.IsZero() {
			until = r.s.now().Add(time.Minute)
		}
	}
	_, err := r.write(ctx, nil, func(imp *Import) error {
		imp.State, imp.Reason, imp.Until = Waiting, &reason, until
		return nil
	})
	if errors.Is(err, errNotRunning) {
		return Next{}, nil
	}
	if err != nil {
		return Next{}, fmt.Errorf("noting a wait: %w", err)
	}
	r.s.log.InfoContext(ctx, "import waits", "import", r.imp.ID, "reason", reason.Code, "until", until)
	if until.IsZero() {
		return Next{}, nil
	}
	return Next{Again: true, At: until}, nil
}

// stop settles what is in doubt and ends the import. Where the portal cannot
// be asked any more, the rows end as unknown.
func (r *run) stop(ctx context.Context) error {
	r.stops = true
	if r.imp.Undoing {
		return r.stopUndo(ctx)
	}
	caller, err := r.s.connect(ctx, r.imp.Portal, r.imp.Connection)
	if err == nil {
		r.caller = caller
		err = r.recheck(ctx)
	}
	_, known := reasonOf(err)
	_, passes := waitOf(err, r.s.now())
	if err != nil && (known && !passes || r.tooLate(ctx)) {
		err = r.giveUp(ctx)
	}
	if err != nil {
		return err
	}
	stopped, err := r.write(ctx, nil, func(imp *Import) error {
		imp.end(Stopped, r.s.now())
		return nil
	})
	if err == nil {
		r.s.releaseConnection(ctx, stopped)
	}
	return err
}

// patience is how long a stopped import waits for a portal that does not
// answer.
const patience = time.Hour

// tooLate reports whether the rows in doubt have been so for too long.
func (r *run) tooLate(ctx context.Context) bool {
	oldest, err := r.s.journal.Entries(ctx, r.imp.ID, 0, 1, EntrySending)
	return err == nil && len(oldest) > 0 && r.s.now().Sub(oldest[0].SentAt) > patience
}

// giveUp ends rows in doubt that nobody can look up.
func (r *run) giveUp(ctx context.Context) error {
	for {
		doubtful, err := r.s.journal.Entries(ctx, r.imp.ID, 0, maxScan, EntrySending)
		if err != nil || len(doubtful) == 0 {
			return err
		}
		for i := range doubtful {
			p := problem("unknown_outcome")
			doubtful[i].State, doubtful[i].Problem = EntryFailed, &p
		}
		if err := r.settled(ctx, doubtful, nil); err != nil {
			return err
		}
	}
}
