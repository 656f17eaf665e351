package queue_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/queue"
)

// world is the work of the tests and the journal's epochs at once: lanes
// that are acquired, sliced and released as the real ones are.
type world struct {
	mu    sync.Mutex
	epoch map[importer.Lane]int64
	held  map[importer.Lane]bool
	begun map[importer.Lane]int // slices that had the lane
	due   []importer.Lane
	tidy  int
	slice func(ctx context.Context, lane importer.Lane, nth int) (importer.Next, error)
	wake  chan struct{} // one signal whenever something changed
}

func newWorld() *world {
	return &world{
		epoch: map[importer.Lane]int64{},
		held:  map[importer.Lane]bool{},
		begun: map[importer.Lane]int{},
		slice: func(context.Context, importer.Lane, int) (importer.Next, error) { return importer.Next{}, nil },
		wake:  make(chan struct{}, 1),
	}
}

func (w *world) changed() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *world) Epoch(_ context.Context, lane importer.Lane) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.epoch[lane], nil
}

func (w *world) acquire(lane importer.Lane) (nth int, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.changed()
	if w.held[lane] {
		return 0, false
	}
	w.held[lane] = true
	w.epoch[lane]++
	w.begun[lane]++
	return w.begun[lane], true
}

func (w *world) release(lane importer.Lane) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held[lane] = false
	w.changed()
}

func (w *world) Slice(ctx context.Context, lane importer.Lane) (importer.Next, error) {
	nth, ok := w.acquire(lane)
	if !ok {
		return importer.Next{}, importer.ErrHeld
	}
	defer w.release(lane)
	return w.slice(ctx, lane, nth)
}

func (w *world) Due(context.Context) ([]importer.Lane, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.due), nil
}

func (w *world) Tidy(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tidy++
	w.changed()
	return nil
}

func (w *world) slices(lane importer.Lane) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.begun[lane]
}

// until waits for a condition, woken by every change of the world.
func (w *world) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	// Longer than a sweep takes to find what was not rung, on a busy machine.
	const patience = 2 * time.Minute
	limit := time.After(patience)
	for !ok() {
		select {
		case <-w.wake:
		case <-limit:
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// bed makes queues on one database.
type bed func(t *testing.T, w queue.Work, o queue.Options) *queue.Queue

func onSQLite(t *testing.T) bed {
	path := filepath.Join(t.TempDir(), "with space.db")
	return func(t *testing.T, w queue.Work, o queue.Options) *queue.Queue {
		q, err := queue.OpenSQLite(t.Context(), path, w, o)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
}

func started(t *testing.T, open bed, w *world, o queue.Options) *queue.Queue {
	t.Helper()
	o.Turns = w
	q := open(t, w, o)
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return q
}

func ring(t *testing.T, q *queue.Queue, lane importer.Lane) {
	t.Helper()
	if err := q.Ring(t.Context(), lane); err != nil {
		t.Fatal(err)
	}
}

func TestSQLite(t *testing.T)   { conformance(t, onSQLite) }
func TestPostgres(t *testing.T) { conformance(t, onPostgres) }

func conformance(t *testing.T, database func(*testing.T) bed) {
	for name, test := range map[string]func(*testing.T, bed){
		"a ring is a slice":                      ringIsSlice,
		"a burst of rings is one job":            burst,
		"a slice goes on until it is done":       goesOn,
		"a slice waits until its time":           waitsUntil,
		"a ring wakes a waiting lane":            wakesWaiting,
		"a ring during a slice is not lost":      ringDuringSlice,
		"an error is tried again":                triesAgain,
		"a panic is tried again":                 triesAgainAfterPanic,
		"the sweep finds what nobody rang":       sweepFinds,
		"a held lane is left to a later holder":  heldByLater,
		"a dead job blocks nobody":               deadJob,
		"a job dead before its slice neither":    deadBefore,
		"tidying is once a day":                  tidyOnce,
		"stop waits for the slice":               stopWaits,
		"stop gives up on a deaf slice":          stopGivesUp,
		"what was rung while stopped is done":    rungWhileStopped,
		"an interrupted slice goes on next time": interrupted,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, database(t))
		})
	}
}

func ringIsSlice(t *testing.T, open bed) {
	w := newWorld()
	q := started(t, open, w, queue.Options{})
	ring(t, q, "run:a")
	ring(t, q, "read:b")
	w.until(t, "both lanes", func() bool { return w.slices("run:a") == 1 && w.slices("read:b") == 1 })
}

func burst(t *testing.T, open bed) {
	w := newWorld()
	q := open(t, w, queue.Options{Turns: w})
	for range 20 {
		ring(t, q, "run:a")
	}
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.until(t, "the slice", func() bool { return w.slices("run:a") >= 1 })
	ring(t, q, "run:last") // by now a second job of run:a would have begun
	w.until(t, "the last lane", func() bool { return w.slices("run:last") == 1 })
	if err := q.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.slices("run:a"); n != 1 {
		t.Errorf("20 rings made %d slices, want 1", n)
	}
}

func goesOn(t *testing.T, open bed) {
	w := newWorld()
	w.slice = func(_ context.Context, _ importer.Lane, nth int) (importer.Next, error) {
		return importer.Next{Again: nth < 4}, nil
	}
	q := started(t, open, w, queue.Options{})
	ring(t, q, "run:a")
	w.until(t, "four slices", func() bool { return w.slices("run:a") == 4 })
}

func waitsUntil(t *testing.T, open bed) {
	w := newWorld()
	at := time.Now().Add(1500 * time.Millisecond)
	early := make(chan time.Time, 1)
	w.slice = func(_ context.Context, _ importer.Lane, nth int) (importer.Next, error) {
		if nth == 1 {
			return importer.Next{Again: true, At: at}, nil
		}
		early <- time.Now()
		return importer.Next{}, nil
	}
	q := started(t, open, w, queue.Options{})
	ring(t, q, "run:a")
	w.until(t, "two slices", func() bool { return w.slices("run:a") == 2 })
	// River may be a few milliseconds early; its times have no finer grain.
	if got := <-early; got.Before(at.Add(-20 * time.Millisecond)) {
		t.Errorf("second slice %v before its time", at.Sub(got))
	}
}

// A slice that did not even take the lane may ask to wait an hour; a person
// pressing a button must not wait with it.
func wakesWaiting(t *testing.T, open bed) {
	w := newWorld()
	sleepy := &withoutAcquire{world: w, wait: time.Hour}
	q := open(t, sleepy, queue.Options{Turns: w})
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer stop(t, q)
	ring(t, q, "run:a")
	w.until(t, "the first look", func() bool { return sleepy.looks() == 1 })
	// The job is asleep once a ring finds it so; until then it is running.
	w.until(t, "the second look", func() bool {
		ring(t, q, "run:a")
		w.changed()
		return sleepy.looks() >= 2
	})
}

type withoutAcquire struct {
	*world
	wait time.Duration
	n    int
}

func (s *withoutAcquire) Slice(context.Context, importer.Lane) (importer.Next, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	s.changed()
	return importer.Next{Again: true, At: time.Now().Add(s.wait)}, nil
}

func (s *withoutAcquire) looks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// The first slice has looked for work, found none and has not yet let go of
// the lane when new work comes and is rung.
func ringDuringSlice(t *testing.T, open bed) {
	w := newWorld()
	inside, goOn := make(chan struct{}), make(chan struct{})
	w.slice = func(_ context.Context, _ importer.Lane, nth int) (importer.Next, error) {
		if nth == 1 {
			close(inside)
			<-goOn
		}
		return importer.Next{}, nil
	}
	tried := &countHeld{world: w}
	q := open(t, tried, queue.Options{Turns: w, HeldAgain: 10 * time.Millisecond})
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer stop(t, q)
	ring(t, q, "run:a")
	<-inside
	ring(t, q, "run:a")
	w.until(t, "the second ring to meet the held lane", func() bool { return tried.count() > 0 })
	close(goOn)
	w.until(t, "a slice after the ring", func() bool { return w.slices("run:a") >= 2 })
}

type countHeld struct {
	*world
	n int
}

func (c *countHeld) Slice(ctx context.Context, lane importer.Lane) (importer.Next, error) {
	next, err := c.world.Slice(ctx, lane)
	if errors.Is(err, importer.ErrHeld) {
		c.mu.Lock()
		c.n++
		c.mu.Unlock()
		c.changed()
	}
	return next, err
}

func (c *countHeld) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func triesAgain(t *testing.T, open bed) {
	w := newWorld()
	w.slice = func(_ context.Context, _ importer.Lane, nth int) (importer.Next, error) {
		if nth < 3 {
			return importer.Next{}, errors.New("the database is away")
		}
		return importer.Next{}, nil
	}
	q := started(t, open, w, queue.Options{})
	ring(t, q, "run:a")
	w.until(t, "the third try", func() bool { return w.slices("run:a") == 3 })
}

func triesAgainAfterPanic(t *testing.T, open bed) {
	w := newWorld()
	w.slice = func(_ context.Context, _ importer.Lane, nth int) (importer.Next, error) {
		if nth == 1 {
			panic("a bug")
		}
		return importer.Next{}, nil
	}
	q := started(t, open, w, queue.Options{})
	ring(t, q, "run:a")
	w.until(t, "the second try", func() bool { return w.slices("run:a") == 2 })
}

func sweepFinds(t *testing.T, open bed) {
	w := newWorld()
	w.due = []importer.Lane{"check:a"}
	started(t, open, w, queue.Options{Sweep: 50 * time.Millisecond})
	w.until(t, "the lane at start", func() bool { return w.slices("check:a") > 0 })
	w.mu.Lock()
	w.due = []importer.Lane{"run:b"}
	w.mu.Unlock()
	w.until(t, "the lane that came later", func() bool { return w.slices("run:b") > 0 })
}

// A lane held by a slice that began after the ring needs no second look.
func heldByLater(t *testing.T, open bed) {
	w := newWorld()
	tried := &countHeld{world: w}
	q := open(t, tried, queue.Options{Turns: w, HeldAgain: time.Millisecond})
	ring(t, q, "run:a") // turn 0
	if _, ok := w.acquire("run:a"); !ok {
		t.Fatal("lane is held")
	}
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.until(t, "the ring to meet the held lane", func() bool { return tried.count() == 1 })
	ring(t, q, "run:b")
	w.until(t, "another lane", func() bool { return w.slices("run:b") == 1 })
	stop(t, q)
	if n := tried.count(); n != 1 {
		t.Errorf("the held lane was tried %d times, want 1", n)
	}
}

// A process has died in the middle of a slice: its job is "running" for
// ever, as far as the database knows.
func deadJob(t *testing.T, open bed) {
	w := newWorld()
	inside, dead := make(chan struct{}), make(chan struct{})
	w.slice = func(_ context.Context, _ importer.Lane, nth int) (importer.Next, error) {
		if nth == 1 {
			close(inside)
			<-dead
		}
		return importer.Next{}, nil
	}
	q1 := open(t, w, queue.Options{Turns: w})
	if err := q1.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { close(dead); stop(t, q1) }()
	ring(t, q1, "run:a")
	<-inside
	w.release("run:a") // the lease runs out
	q2 := started(t, open, w, queue.Options{})
	ring(t, q2, "run:a")
	w.until(t, "the slice of the living", func() bool { return w.slices("run:a") == 2 })
}

// A process has died after it took the job and before it had the lane: the
// turn of the job is still the lane's.
func deadBefore(t *testing.T, open bed) {
	w := newWorld()
	taken, dead := make(chan struct{}, 2), make(chan struct{})
	for range 2 { // and another at the same place
		q := open(t, early{w, taken, dead}, queue.Options{Turns: w, Workers: 1})
		if err := q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer stop(t, q)
		ring(t, q, "run:a")
		<-taken
	}
	defer close(dead)
	q := started(t, open, w, queue.Options{})
	ring(t, q, "run:a")
	ring(t, q, "run:a")
	w.until(t, "the slice of the living", func() bool { return w.slices("run:a") >= 1 })
}

// early dies before it has the lane.
type early struct {
	*world
	taken chan<- struct{}
	dead  <-chan struct{}
}

func (e early) Slice(context.Context, importer.Lane) (importer.Next, error) {
	e.taken <- struct{}{}
	<-e.dead
	return importer.Next{}, nil
}

func tidyOnce(t *testing.T, open bed) {
	w := newWorld()
	for range 2 {
		q := started(t, open, w, queue.Options{})
		w.until(t, "tidying", func() bool { return w.tidied() == 1 })
		ring(t, q, "run:a")
		n := w.slices("run:a")
		w.until(t, "a slice", func() bool { return w.slices("run:a") > n })
		stop(t, q)
	}
	if n := w.tidied(); n != 1 {
		t.Errorf("tidied %d times on one day", n)
	}
}

func (w *world) tidied() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tidy
}

// Stop tells the slice, and waits until it has come to its border.
func stopWaits(t *testing.T, open bed) {
	w := newWorld()
	inside, told, goOn := make(chan struct{}), make(chan struct{}), make(chan struct{})
	w.slice = func(ctx context.Context, _ importer.Lane, _ int) (importer.Next, error) {
		close(inside)
		<-ctx.Done()
		close(told)
		<-goOn
		return importer.Next{}, nil
	}
	q := open(t, w, queue.Options{Turns: w})
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ring(t, q, "run:a")
	<-inside
	stopped := make(chan error)
	go func() { stopped <- q.Stop(context.Background()) }()
	<-told
	select {
	case err := <-stopped:
		t.Fatalf("stopped (%v) while a slice was running", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(goOn)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
}

// A slice that hears nothing does not keep Stop longer than its context.
func stopGivesUp(t *testing.T, open bed) {
	w := newWorld()
	inside, goOn := make(chan struct{}), make(chan struct{})
	w.slice = func(context.Context, importer.Lane, int) (importer.Next, error) {
		close(inside)
		<-goOn
		return importer.Next{}, nil
	}
	q := open(t, w, queue.Options{Turns: w, SoftStop: time.Millisecond})
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ring(t, q, "run:a")
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := q.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stop = %v", err)
	}
	close(goOn)
	stop(t, q)
}

func rungWhileStopped(t *testing.T, open bed) {
	w := newWorld()
	q := open(t, w, queue.Options{Turns: w})
	ring(t, q, "run:a")
	stop(t, q)
	started(t, open, w, queue.Options{})
	w.until(t, "the slice", func() bool { return w.slices("run:a") == 1 })
}

func interrupted(t *testing.T, open bed) {
	w := newWorld()
	inside := make(chan struct{})
	w.slice = func(ctx context.Context, _ importer.Lane, nth int) (importer.Next, error) {
		if nth == 1 {
			close(inside)
			<-ctx.Done()
			return importer.Next{}, nil // says nothing of what is left
		}
		return importer.Next{}, nil
	}
	q := open(t, w, queue.Options{Turns: w})
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ring(t, q, "run:a")
	<-inside
	stop(t, q)
	started(t, open, w, queue.Options{})
	w.until(t, "the slice to go on", func() bool { return w.slices("run:a") == 2 })
}

func stop(t *testing.T, q *queue.Queue) {
	t.Helper()
	if err := q.Stop(context.Background()); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestOpenRefusesMissingTurns(t *testing.T) {
	if _, err := queue.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "q.db"), newWorld(), queue.Options{}); err == nil {
		t.Fatal("opened without Turns")
	}
}
