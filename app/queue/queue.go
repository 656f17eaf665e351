package queue

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
	_ "modernc.org/sqlite" // the driver "sqlite" of database/sql

	"github.com/spa-importer/spa-importer/app/importer"
)

// Work is what the queue wakes; *importer.Service is it.
type Work interface {
	// Slice works on a lane for a while and says when it wants to go on.
	// importer.ErrHeld means that somebody else works on it.
	Slice(ctx context.Context, lane importer.Lane) (importer.Next, error)
	// Due lists the lanes that have work nobody is doing.
	Due(ctx context.Context) ([]importer.Lane, error)
	// Tidy is the daily clearing away of what has expired.
	Tidy(ctx context.Context) error
}

// Turns tells a lane's present epoch; importer.Journal does.
type Turns interface {
	Epoch(ctx context.Context, lane importer.Lane) (int64, error)
}

// Options of a queue; Turns is required, the rest has defaults.
type Options struct {
	Turns Turns
	// Log takes what goes wrong in slices and in River itself; nil: nowhere.
	Log *slog.Logger
	// Workers is the number of lanes worked on at once in this process;
	// 16 by default.
	Workers int
	// Sweep is how often lanes are looked for that nobody rang: 30 s.
	Sweep time.Duration
	// SoftStop is how long Stop waits for slices before it ends the rest of
	// River too: 25 s.
	SoftStop time.Duration
	// HeldAgain is the pause before a lane is tried again whose holder may
	// have missed the ring: 1 s.
	HeldAgain time.Duration
}

func (o Options) withDefaults() Options {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	o.Workers = cmp.Or(o.Workers, 16)
	o.Sweep = cmp.Or(o.Sweep, 30*time.Second)
	o.SoftStop = cmp.Or(o.SoftStop, 25*time.Second)
	o.HeldAgain = cmp.Or(o.HeldAgain, time.Second)
	return o
}

// engine is what of a River client is used after it was made; it hides the
// transaction type, which differs between the two databases.
type engine interface {
	Insert(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) (*rivertype.JobInsertResult, error)
	JobRetry(ctx context.Context, id int64) (*rivertype.JobRow, error)
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Stopped() <-chan struct{}
}

// Queue wakes lanes. It implements importer.Bell; Ring works before Start
// and after Stop too, then another process, or the next start, answers.
type Queue struct {
	engine engine
	work   Work
	o      Options
	close  func() error

	// ending is over once Stop has begun; slices hang on it.
	ending context.Context
	end    context.CancelFunc
	swept  chan struct{} // nil before Start
}

// OpenSQLite opens a queue in the SQLite file at path, which may be the one
// the store uses. It has a connection of its own and a pool of one, because
// River works in parallel and SQLite does not.
func OpenSQLite(ctx context.Context, path string, w Work, o Options) (*Queue, error) {
	db, err := sql.Open("sqlite", sqliteDSN(path))
	if err != nil {
		return nil, fmt.Errorf("opening the queue's database: %w", err)
	}
	db.SetMaxOpenConns(1)
	q, err := open(ctx, riversqlite.New(db), w, o)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	q.close = db.Close
	return q, nil
}

// OpenPostgres opens a queue in the PostgreSQL database of pool. Closing the
// pool stays the caller's business.
func OpenPostgres(ctx context.Context, pool *pgxpool.Pool, w Work, o Options) (*Queue, error) {
	return open(ctx, riverpgxv5.New(pool), w, o)
}

// sqliteDSN spells the address of a database file for modernc.org/sqlite.
// busy_timeout stands first so that it holds for the other pragmas too.
func sqliteDSN(path string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()}
	u.RawQuery = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate"
	return u.String()
}

func open[T any](ctx context.Context, driver riverdriver.Driver[T], w Work, o Options) (*Queue, error) {
	if o.Turns == nil {
		return nil, errors.New("opening the queue: Options.Turns is missing")
	}
	q := &Queue{work: w, o: o.withDefaults(), close: func() error { return nil }}
	q.ending, q.end = context.WithCancel(context.WithoutCancel(ctx))
	log := slog.New(engineLog{q.o.Log.Handler(), q.ending})

	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: log})
	if err != nil {
		return nil, fmt.Errorf("preparing the queue's migrations: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("migrating the queue: %w", err)
	}

	workers := river.NewWorkers()
	river.AddWorker(workers, &laneWorker{q: q})
	river.AddWorker(workers, &tidyWorker{q: q})
	client, err := river.NewClient(driver, &river.Config{
		Logger: log,
		Queues: map[string]river.QueueConfig{
			river.QueueDefault: {MaxWorkers: q.o.Workers},
		},
		Workers:      workers,
		PeriodicJobs: []*river.PeriodicJob{tidyDaily()},
		ErrorHandler: failures{q.o.Log},
		MaxAttempts:  maxAttempts,
		// River's rescue of jobs whose process died is only a broom here:
		// lanes are taken over when their lease runs out.
		JobTimeout:           longSlice,
		RescueStuckJobsAfter: longSlice + time.Minute,
		SoftStopTimeout:      q.o.SoftStop,
	})
	if err != nil {
		return nil, fmt.Errorf("making the queue: %w", err)
	}
	q.engine = client
	return q, nil
}

// Ring makes sure that the lane is worked on from now: everything committed
// before Ring is seen by a slice that begins after it. Rings in a burst are
// one job.
func (q *Queue) Ring(ctx context.Context, lane importer.Lane) error {
	turn, err := q.o.Turns.Epoch(ctx, lane)
	if err != nil {
		return fmt.Errorf("ringing %s: reading its epoch: %w", lane, err)
	}
	for args := (laneArgs{Lane: lane, Turn: turn}); ; {
		res, err := q.engine.Insert(ctx, args, nil)
		if err != nil {
			return fmt.Errorf("ringing %s: %w", lane, err)
		}
		if !res.UniqueSkippedAsDuplicate {
			return nil
		}
		switch res.Job.State {
		case rivertype.JobStateRunning:
			// It is about to begin its slice, which would do, or its process
			// is dead, and nothing here tells which.
			args.Behind = res.Job.ID
		case rivertype.JobStateScheduled, rivertype.JobStateRetryable:
			// Asleep until some time.
			if _, err := q.engine.JobRetry(ctx, res.Job.ID); err != nil && !errors.Is(err, rivertype.ErrNotFound) {
				return fmt.Errorf("ringing %s: waking its job: %w", lane, err)
			}
			return nil
		default:
			return nil
		}
	}
}

// Start begins to work on lanes, first on those that are due already. The
// context is for starting only; Stop ends the work.
func (q *Queue) Start(ctx context.Context) error {
	if err := q.engine.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("starting the queue: %w", err)
	}
	q.swept = make(chan struct{})
	go func() {
		defer close(q.swept)
		q.sweepUntil(q.ending)
	}()
	return nil
}

// Stop takes no new work and closes the queue. The context of the running
// slices ends at once, which tells them to come to their next border; Stop
// returns when they have, or with an error when ctx is over. It may be
// called again then.
func (q *Queue) Stop(ctx context.Context) error {
	q.end()
	if q.swept != nil {
		<-q.swept
		if err := q.engine.Stop(ctx); err != nil {
			// What still runs may still write: the database stays open.
			return fmt.Errorf("stopping the queue: %w", err)
		}
		select {
		case <-q.engine.Stopped():
		case <-ctx.Done():
			return fmt.Errorf("stopping the queue: %w", ctx.Err())
		}
	}
	if err := q.close(); err != nil {
		return fmt.Errorf("closing the queue's database: %w", err)
	}
	return nil
}

func (q *Queue) sweepUntil(ctx context.Context) {
	tick := time.NewTicker(q.o.Sweep)
	defer tick.Stop()
	for {
		if err := q.sweep(ctx); err != nil && ctx.Err() == nil {
			q.o.Log.ErrorContext(ctx, "sweep failed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweep rings every lane that is due. It finds what was committed but never
// rung, and what a dead process has left behind.
func (q *Queue) sweep(ctx context.Context) error {
	lanes, err := q.work.Due(ctx)
	if err != nil {
		return fmt.Errorf("listing due lanes: %w", err)
	}
	var errs []error
	for _, lane := range lanes {
		if err := q.Ring(ctx, lane); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
