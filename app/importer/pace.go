package importer

import (
	"context"
	"time"
)

// streams is how many requests are under way at a time: one keeps the file's
// order.
func (r *run) streams() int {
	// The first requests show what a row costs, and what the person may do.
	// History is taken in its own order alone: see past.
	if r.imp.Target.Fast && r.imp.SecondsPerRow > 0 && !r.widened && r.planner.past == nil {
		return fastStreams
	}
	return 1
}

// fastStreams is how many requests of one import a portal is asked to run
// side by side where order does not matter.
const fastStreams = 4

// creates lists the methods by which rows may be created now, the best first.
func (r *run) creates() []string {
	methods := r.imp.Target.creates()
	if r.imp.SecondsPerRow == 0 {
		return methods[:1]
	}
	return methods
}

// pace waits for a place: a short time here, a long one in the journal. It
// returns how many rows the next request may have, and sets by which method
// it creates; 0 after a wait: look again.
func (r *run) pace(ctx context.Context) (size int, err error) {
	var soonest, now time.Time
	for _, method := range r.creates() {
		n, at := r.ready(method)
		// The clock goes on while the portal's pace is asked: what was ready
		// at that moment is not in the future of this one.
		if now = r.s.now(); !at.After(now) {
			r.method = method
			return n, nil
		}
		if soonest.IsZero() || at.Before(soonest) {
			soonest, r.method, size = at, method, n
		}
	}
	if r.flying == 0 && soonest.Sub(now) > shortWait {
		return 0, &waitError{reason: problem("waiting_for_limit"), until: soonest}
	}
	timer := time.NewTimer(soonest.Sub(now))
	defer timer.Stop()
	select {
	case f := <-r.back:
		// What comes back may change the picture.
		return 0, r.landed(ctx, f)
	case <-timer.C:
		return 0, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// waitUntil waits for a time that is near, and asks for a wait in the journal
// where it is not.
func (r *run) waitUntil(ctx context.Context, at time.Time) error {
	left := at.Sub(r.s.now())
	if left <= 0 {
		return nil
	}
	if left > shortWait {
		return &waitError{reason: problem("waiting_for_limit"), until: at}
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ready is when a request that creates by a method may go, and how many rows
// it may have: fewer, if that lets it go now.
func (r *run) ready(method string) (size int, at time.Time) {
	size = r.size(method)
	for {
		at = r.readyFor(method, size)
		if !at.After(r.s.now()) || size <= maxChunk {
			return size, at
		}
		size = max(maxChunk, size/2/maxChunk*maxChunk)
	}
}

// readyFor is when a request of so many rows may go.
func (r *run) readyFor(method string, size int) time.Time {
	each := time.Duration(r.imp.SecondsPerRow * float64(time.Second))
	var at time.Time
	later := func(t time.Time) {
		if t.After(at) {
			at = t
		}
	}
	switch {
	case method != methodBatchImport:
		later(r.caller.ReadyBatch(method, size, each))
	case size <= maxChunk:
		later(r.caller.Ready(method, each*time.Duration(size)))
	default:
		later(r.caller.ReadyBatch(method, (size+maxChunk-1)/maxChunk, each*maxChunk))
	}
	if r.imp.Target.Mode == UpdateAndAdd {
		later(r.caller.ReadyBatch(methodUpdate, size, each))
	}
	return at
}

// size is how many rows a request may have, so that it takes the portal as
// long as it should. The first one is a single row: it shows what a row costs, and
// whether the person may write at all.
func (r *run) size(method string) int {
	if r.widened {
		return maxChunk
	}
	if r.imp.SecondsPerRow == 0 {
		return 1
	}
	size := r.imp.Target.requestRows(r.s.aim(), method, r.imp.SecondsPerRow)
	if n := r.streams(); n > 1 {
		// What is left is shared out, so that all streams end together.
		end, _ := r.reach()
		share := (end - r.imp.Cursor + 2*n - 1) / (2 * n)
		size = min(size, max(1, share))
	}
	return size
}

// aim is how long a request should take the portal: far less than after what
// time it is certain not to be running any more, since to look for its rows
// sooner is to double them.
func (s *Service) aim() time.Duration { return min(chunkTime, s.settle/5) }

// requestRows is how many rows of so many seconds each one request may have,
// so that it takes as long as it should.
func (t Target) requestRows(aim time.Duration, method string, each float64) int {
	size := max(1, int(aim.Seconds()/each))
	switch {
	case method == methodBatchImport && t.Mode == AddAll && each < cheapRow:
		return min(size, maxBatchRows)
	case method == methodBatchImport && t.Mode == AddAll:
		return min(size, maxChunk)
	case each < cheapRow:
		return min(size, batchSize)
	default:
		return min(size, usualCommands)
	}
}

// creates lists the methods by which rows may be created, the best first.
func (t Target) creates() []string {
	switch {
	case t.Mode == UpdateExisting:
		return []string{methodUpdate}
	case t.Automation || t.AddOnly:
		return []string{methodAdd}
	case t.Fast:
		// The same effect, with a time of its own (clients.md).
		return []string{methodBatchImport, methodImport}
	default:
		return []string{methodBatchImport}
	}
}
