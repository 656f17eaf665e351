package queue

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/spa-importer/spa-importer/app/importer"
)

const (
	// runSlice bounds a slice of a run: about 20 s of work, one request
	// that may last 75 s, and air.
	runSlice = 3 * time.Minute
	// longSlice bounds reading and checking a file, which is one slice.
	longSlice = 12 * time.Minute
	// retryAfter is flat: a slice that failed knows nothing that waiting
	// longer would improve, and what must wait says so by Next.At.
	retryAfter = time.Second
	// maxAttempts ends a job whose slices keep failing, because River keeps
	// every error in its row; the sweep rings the lane again.
	maxAttempts = 100
)

// errSlice stands for any error in River's tables, where texts would be
// kept that only our redacting log may have.
var errSlice = errors.New("slice failed, see the log")

// laneArgs is the job "this lane may have work". Turn is the lane's epoch
// when it was rung: a slice that begins raises the epoch, so a ring that
// comes later is another job, and one stuck in a dead process blocks nobody.
// One that died before its slice began has left the epoch as it was: a ring
// that finds it running stands Behind it, as a job of its own.
type laneArgs struct {
	Lane   importer.Lane `json:"lane"`
	Turn   int64         `json:"turn"`
	Behind int64         `json:"behind,omitempty"` // a job's id
}

// Kind names the job in River's tables.
func (laneArgs) Kind() string { return "lane" }

// InsertOpts makes a burst of rings one job. Completed jobs do not count:
// the next ring is a new one.
func (laneArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: river.UniqueOpts{
		ByArgs: true,
		ByState: []rivertype.JobState{
			rivertype.JobStateAvailable,
			rivertype.JobStatePending,
			rivertype.JobStateRetryable,
			rivertype.JobStateRunning,
			rivertype.JobStateScheduled,
		},
	}}
}

type laneWorker struct {
	river.WorkerDefaults[laneArgs]
	q *Queue
}

func (w *laneWorker) NextRetry(*river.Job[laneArgs]) time.Time {
	return time.Now().Add(retryAfter)
}

func (w *laneWorker) Timeout(job *river.Job[laneArgs]) time.Duration {
	if strings.HasPrefix(string(job.Args.Lane), "run:") {
		return runSlice
	}
	return longSlice
}

func (w *laneWorker) Work(ctx context.Context, job *river.Job[laneArgs]) error {
	lane, log := job.Args.Lane, w.q.o.Log.With("lane", string(job.Args.Lane))
	slice, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.q.ending, cancel)() //nolint:contextcheck // Stop ends slices before River does
	next, err := w.q.work.Slice(slice, lane)
	switch {
	case errors.Is(err, importer.ErrHeld):
		return w.held(ctx, job.Args)
	case errors.Is(err, importer.ErrFenced):
		// Somebody has taken the lane over and carries on with it.
		log.InfoContext(ctx, "slice lost its lane")
		return nil
	case slice.Err() != nil:
		// Stopped in the middle, whatever the slice says: the next start
		// goes on at once.
		log.InfoContext(ctx, "slice interrupted", "err", err)
		return river.JobSnooze(0)
	case err != nil:
		log.ErrorContext(ctx, "slice failed", "err", err, "attempt", job.Attempt)
		return errSlice
	case next.Again:
		return river.JobSnooze(max(0, time.Until(next.At)))
	}
	return nil
}

// held decides about a ring that found its lane taken. A holder that began
// after the ring sees all that the ring was for; one that began before may
// be past looking, so the lane is tried again until that one is gone.
func (w *laneWorker) held(ctx context.Context, a laneArgs) error {
	epoch, err := w.q.o.Turns.Epoch(ctx, a.Lane)
	if err != nil {
		w.q.o.Log.ErrorContext(ctx, "reading the epoch of a held lane failed", "lane", string(a.Lane), "err", err)
		return errSlice
	}
	if epoch > a.Turn {
		return nil
	}
	return river.JobSnooze(w.q.o.HeldAgain)
}

// tidyArgs is the daily clearing away.
type tidyArgs struct{}

// Kind names the job in River's tables.
func (tidyArgs) Kind() string { return "tidy" }

// InsertOpts makes it once a day (UTC), however often and wherever the
// program starts.
func (tidyArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: river.UniqueOpts{ByPeriod: 24 * time.Hour}}
}

// tidyDaily asks every hour, the unique job makes it a day.
func tidyDaily() *river.PeriodicJob {
	return river.NewPeriodicJob(
		river.PeriodicInterval(time.Hour),
		func() (river.JobArgs, *river.InsertOpts) { return tidyArgs{}, nil },
		&river.PeriodicJobOpts{RunOnStart: true},
	)
}

type tidyWorker struct {
	river.WorkerDefaults[tidyArgs]
	q *Queue
}

func (w *tidyWorker) NextRetry(*river.Job[tidyArgs]) time.Time {
	return time.Now().Add(time.Minute)
}

func (w *tidyWorker) Work(ctx context.Context, _ *river.Job[tidyArgs]) error {
	if err := w.q.work.Tidy(ctx); err != nil {
		w.q.o.Log.ErrorContext(ctx, "tidying failed", "err", err)
		return errors.New("tidying failed, see the log")
	}
	return nil
}

// failures logs what River alone sees: panics, with their stack. Errors
// are logged where they come up.
type failures struct{ log *slog.Logger }

// HandleError does nothing more: see laneWorker.Work.
func (failures) HandleError(context.Context, *rivertype.JobRow, error) *river.ErrorHandlerResult {
	return nil
}

// HandlePanic logs a panic; the job is tried again like any other error.
func (f failures) HandlePanic(ctx context.Context, job *rivertype.JobRow, v any, trace string) *river.ErrorHandlerResult {
	f.log.ErrorContext(ctx, "panic in a job", "kind", job.Kind, "job", job.ID, "panic", v, "stack", trace)
	return nil
}

// engineLog is what of River's log is passed on: River tells of every
// breath, and while it stops it complains that it is being stopped.
type engineLog struct {
	slog.Handler
	ending context.Context
}

// Enabled implements slog.Handler.
func (h engineLog) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.ending.Err() == nil && h.Handler.Enabled(ctx, l)
}

// WithAttrs implements slog.Handler.
func (h engineLog) WithAttrs(a []slog.Attr) slog.Handler {
	return engineLog{h.Handler.WithAttrs(a), h.ending}
}

// WithGroup implements slog.Handler.
func (h engineLog) WithGroup(name string) slog.Handler {
	return engineLog{h.Handler.WithGroup(name), h.ending}
}
