package importer_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
)

// slowly is a bench whose connections take a while of its clock, as a long
// forecast does.
type slowly struct {
	*bench
	mu    sync.Mutex
	clock time.Time
	takes time.Duration
	made  int
}

func (s *slowly) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

func (s *slowly) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(d)
}

func (s *slowly) Connect(ctx context.Context, portal string, c importer.Connection) (importer.Caller, error) {
	s.pass(s.takes)
	s.mu.Lock()
	s.made++
	s.mu.Unlock()
	return s.bench.Connect(ctx, portal, c)
}

// TestForecastsServeForAWhile: ten pages that look at one import every second
// have one forecast between them, as long as it is dear; a cheap one is made
// anew each time.
func TestForecastsServeForAWhile(t *testing.T) {
	for name, c := range map[string]struct {
		takes time.Duration
		made  int
	}{"dear": {300 * time.Millisecond, 1}, "cheap": {0, 50}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, profile(), func(t *testing.T, b *bench) {
				b.portal.SetCost("crm.item.batchImport", time.Second)
				imp := b.checked(table(400))
				_, err := b.svc.Start(b.ctx(), b.actor, imp.ID)
				b.must(err)
				_, err = b.svc.Slice(b.ctx(), importer.Lane("run:"+b.actor.Portal))
				b.must(err)
				s := &slowly{bench: b, clock: time.Now(), takes: c.takes}
				svc := importer.New(importer.Options{
					Store: b.store, Journal: b.store, Files: b.depot, Connections: s, Bell: b.bell, Limits: b, Now: s.now,
				})
				first, err := svc.Progress(b.ctx(), b.actor, imp.ID)
				b.must(err)
				var last importer.Progress
				for second := range 5 {
					if second > 0 {
						s.pass(time.Second)
					}
					for page := range 10 {
						if second == 0 && page == 0 {
							continue
						}
						last, err = svc.Progress(b.ctx(), b.actor, imp.ID)
						b.must(err)
					}
				}
				if s.made != c.made {
					t.Errorf("%d forecasts were made, wanted %d", s.made, c.made)
				}
				if first.High == 0 || c.takes > 0 && first.High-last.High < 4*time.Second {
					t.Errorf("%v were left at first, and %v four seconds later", first.High, last.High)
				}
			})
		})
	}
}

// TestExpectedAfterAnUndo: how fast items were deleted says nothing of how fast
// they are made.
func TestExpectedAfterAnUndo(t *testing.T) {
	bubble(t, profile(), func(t *testing.T, b *bench) {
		b.portal.SetCost("crm.item.batchImport", 300*time.Millisecond)
		b.portal.SetCost("crm.item.delete", 10*time.Millisecond)
		b.run(b.checked(table(60)).ID)
		second := b.run(b.checked(strings.ReplaceAll(table(60), "Contract", "Other")).ID)
		if second = b.undo(second.ID); second.Undo.TakenBack != 60 {
			t.Fatalf("%+v", second.Undo)
		}
		third := b.checked(table(100))
		e, err := b.svc.Expect(b.ctx(), b.actor, third.ID)
		b.must(err)
		if !e.Known || e.Ordered.Low < 20*time.Second || e.Ordered.High > 45*time.Second {
			t.Fatalf("%+v for 100 rows of 0.3 s each", e)
		}
	})
}
