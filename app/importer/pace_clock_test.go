package importer_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix"
)

// going connects to callers for whom time goes on while they answer, as it
// does outside of a bubble.
type going struct{ *bench }

func (g going) Connect(ctx context.Context, portal string, c importer.Connection) (importer.Caller, error) {
	caller, err := g.bench.Connect(ctx, portal, c)
	return goingCaller{caller}, err
}

type goingCaller struct{ importer.Caller }

func (c goingCaller) Ready(method string, cost time.Duration) time.Time {
	time.Sleep(time.Microsecond)
	return c.Caller.Ready(method, cost)
}

func (c goingCaller) ReadyBatch(method string, commands int, each time.Duration) time.Time {
	time.Sleep(time.Microsecond)
	return c.Caller.ReadyBatch(method, commands, each)
}

// A place that is free now is taken, though the clock has gone on since the
// run has looked at it.
func TestClockGoesOn(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		svc := importer.New(importer.Options{
			Store: b.store, Journal: b.store, Files: b.depot, Connections: going{b}, Bell: b.bell, Limits: b,
			Log: slog.New(slog.DiscardHandler), MaxUpload: 1 << 28, Holder: "going",
		})
		imp := b.checked(table(50))
		if _, err := svc.Start(ctx, b.actor, imp.ID); err != nil {
			t.Fatal(err)
		}
		for lane := importer.Lane("run:" + imp.Portal); !imp.State.Ended(); {
			next, err := svc.Slice(ctx, lane)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Until(next.At))
			imp, err = b.store.Import(ctx, imp.Portal, imp.ID)
			b.must(err)
			if ctx.Err() != nil {
				t.Fatalf("after an hour: %s, %+v", imp.State, imp.Counts)
			}
		}
		b.exactly(50, true)
	})
}

// leisurely connects to callers that take a while before they take a place.
type leisurely struct {
	*bench
	asked, early atomic.Int64
	sent         atomic.Int64
}

func (l *leisurely) Connect(ctx context.Context, portal string, c importer.Connection) (importer.Caller, error) {
	caller, err := l.bench.Connect(ctx, portal, c)
	return leisurelyCaller{caller, l}, err
}

type leisurelyCaller struct {
	importer.Caller
	l *leisurely
}

func (c leisurelyCaller) Batch(ctx context.Context, commands []bitrix.Command) (bitrix.BatchReply, error) {
	c.l.sent.Add(1)
	time.Sleep(time.Millisecond)
	c.l.sent.Add(-1)
	return c.Caller.Batch(ctx, commands)
}

func (c leisurelyCaller) ReadyBatch(method string, commands int, each time.Duration) time.Time {
	c.l.asked.Add(1)
	if c.l.sent.Load() > 0 {
		c.l.early.Add(1)
	}
	return c.Caller.ReadyBatch(method, commands, each)
}

// What may be sent next is not asked before the pace has heard of what was
// sent last: it would be told of a place that is taken already, and a stream
// would stand in front of it.
func TestNextIsAskedAfterTheLastHasItsPlace(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		l := &leisurely{bench: b}
		b.svc = importer.New(importer.Options{
			Store: b.store, Journal: b.store, Files: b.depot, Connections: l, Bell: b.bell, Limits: b,
			Log: slog.New(slog.DiscardHandler), MaxUpload: 1 << 28, Holder: "leisurely",
		})
		imp := b.aimed(titles(2000), importer.Target{Fast: true})
		if imp = b.run(imp.ID); imp.State != importer.Done {
			t.Fatal(imp.State)
		}
		if l.asked.Load() == 0 || l.early.Load() > 0 {
			t.Errorf("%d of %d times too early", l.early.Load(), l.asked.Load())
		}
	})
}
