package importer_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
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
