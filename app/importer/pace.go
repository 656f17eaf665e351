package importer

import (
	"context"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
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

// course is how the rows that are left would go on.
func (r *run) course() course {
	end, _ := r.reach()
	c := course{
		mode: r.imp.Target.Mode, methods: r.imp.Target.creates(), each: r.imp.SecondsPerRow,
		left: end - r.imp.Cursor, streams: r.streams(), aim: r.s.aim(), closed: r.closed,
	}
	if r.widened {
		c.size = maxChunk
	}
	return c
}

// pace waits for a place: a short time here, a long one in the journal. It
// returns how many rows the next request may have, and sets by which method
// it creates; 0 after a wait: look again.
func (r *run) pace(ctx context.Context) (size int, err error) {
	method, size, at := r.course().next(r.caller, r.s.now)
	r.method = method
	left := at.Sub(r.s.now())
	switch {
	case left <= 0:
		return size, nil
	case r.flying == 0 && left > shortWait:
		return 0, &waitError{reason: problem("waiting_for_limit"), until: at}
	}
	timer := time.NewTimer(left)
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

// turnedAway takes back the rows of a request that found its place taken by
// another of ours. The method chosen for it is left alone until it was told to
// come again, or until another request has come back; meanwhile there may be
// another way. Rows with files, and those of items that are there, go by a
// method of their own, whichever was chosen: as long as that one is not let in
// they find no way, and nothing must be chosen over and over.
func (r *run) turnedAway(ctx context.Context, f *flight, fault *bitrix.Error) error {
	r.closed[f.chosen] = fault.ResetAt
	return r.settled(ctx, back(f.tasks), nil)
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

// aim is how long a request should take the portal: far less than after what
// time it is certain not to be running any more, since to look for its rows
// sooner is to double them.
func (s *Service) aim() time.Duration { return min(chunkTime, s.settle/5) }

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
