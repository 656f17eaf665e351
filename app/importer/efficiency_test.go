package importer_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

var efficiency = flag.String("efficiency", "1000", "rows of the runs of TestEfficiency, comma-separated; the README's table is 1000,10000,100000")

// bound is the shortest time in which the limits alone let so many rows in.
func bound(rows int, cost time.Duration, limits emulator.Limits, fast bool) time.Duration {
	low, high := 0.0, float64(rows)*cost.Seconds()*2
	for range 60 {
		if mid := (low + high) / 2; float64(rows) > atMost(mid, cost, limits, fast) {
			low = mid
		} else {
			high = mid
		}
	}
	return time.Duration(high * float64(time.Second))
}

// atMost is how many rows may be in after so many seconds: by streams that
// never rest, and by methods that may work so long in ten minutes each. A
// method whose calls are too short to be billed is bound by the rate of
// requests, of fifty rows each; those of the other, of a thousand, count, too.
func atMost(t float64, cost time.Duration, limits emulator.Limits, fast bool) float64 {
	const period = 600
	streams, budget := 1.0, limits.Operating.Seconds()
	if fast {
		streams, budget = 4, 2*budget
	}
	if limits.Operating == 0 {
		return streams * t / cost.Seconds()
	}
	var burst, rate float64 // seconds of work that are not billed
	if fast && cost < limits.Floor {
		budget /= 2
		burst, rate = 50*cost.Seconds()*float64(limits.Ceiling), 50*cost.Seconds()*limits.Drain
		budget -= budget * 50 / 1000
	}
	work := 0.0
	for ; t > 0; t -= period {
		span := min(t, period)
		work += min(streams*span, budget+burst+rate*span)
		burst = 0
	}
	return work / cost.Seconds()
}

// TestEfficiency runs imports in virtual time and compares them with what the
// limits allow at best. With more rows than the default it takes minutes: make
// efficiency ROWS=1000,10000,100000
func TestEfficiency(t *testing.T) {
	var table strings.Builder
	fmt.Fprintln(&table, "\n|   rows | ms/row | portal     | in order: bound |      taken |   of it | estimate at 5 %, 25 % | any order: bound |      taken |   of it | estimate at 5 %, 25 % |")
	fmt.Fprintln(&table, "|-------:|-------:|------------|----------------:|-----------:|--------:|----------------------:|-----------------:|-----------:|--------:|----------------------:|")
	for text := range strings.SplitSeq(*efficiency, ",") {
		rows, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, ms := range []int{5, 20, 100, 300} {
			for _, licence := range []string{"", "ent", "box"} {
				portal := map[string]string{"": "standard", "ent": "Enterprise", "box": "on-premise"}[licence]
				line := fmt.Sprintf("| %6d | %6d | %-10s |", rows, ms, portal)
				for _, fast := range []bool{false, true} {
					name := fmt.Sprintf("%d rows, %d ms, %q, fast %v", rows, ms, licence, fast)
					t.Run(name, func(t *testing.T) {
						e := efficiencyOf(t, rows, time.Duration(ms)*time.Millisecond, licence, fast)
						line += e.cells()
						e.judge(t)
					})
				}
				fmt.Fprintln(&table, line)
			}
		}
	}
	t.Log(table.String())
}

// measured is one run.
type measured struct {
	fast         bool
	bound, taken time.Duration
	refused      int
	// off are the errors of the estimates at 5 % and 25 % of the rows: of the
	// middle of the range, as a part of the time that was really left.
	off [2]float64
}

// cells are its part of a line of the table.
func (m measured) cells() string {
	bound := 15
	if m.fast {
		bound = 16
	}
	return fmt.Sprintf(" %*s | %10s | %5.1f %% | %21s |", bound, tenths(m.bound), tenths(m.taken), 100*m.of(), m.estimates())
}

func tenths(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }

// estimates writes how far off they were; a dash where none could be made.
func (m measured) estimates() string {
	if math.IsNaN(m.off[0]) || math.IsNaN(m.off[1]) {
		return "–"
	}
	return percent(m.off[0]) + ", " + percent(m.off[1])
}

func percent(part float64) string {
	p := math.Round(1000*part) / 10
	if p == 0 {
		return "0.0 %" // without a sign
	}
	return fmt.Sprintf("%+.1f %%", p)
}

func (m measured) of() float64 { return m.bound.Seconds() / m.taken.Seconds() }

// judge holds a run to the goals.
func (m measured) judge(t *testing.T) {
	if m.refused > 0 {
		t.Errorf("%d requests were refused", m.refused)
	}
	if m.of() < 0.97 {
		t.Errorf("%.1f %% of the bound: %s in place of %s", 100*m.of(), m.taken, m.bound)
	}
	for i, most := range []float64{0.15, 0.10} {
		if math.Abs(m.off[i]) > most {
			t.Errorf("estimate %d is off by %.1f %%", i+1, 100*m.off[i])
		}
	}
}

func efficiencyOf(t *testing.T, rows int, cost time.Duration, licence string, fast bool) measured {
	p := profile()
	p.License = licence
	m := measured{fast: fast, bound: bound(rows, cost, emulator.LimitsOf(licence), fast)}
	bubble(t, p, func(t *testing.T, b *bench) {
		b.quiet = true
		var imp importer.Import
		var guesses [2]guess
		b.svc = b.service(&followed{b.store, func(now importer.Import) {
			for i, part := range []float64{0.05, 0.25} {
				if guesses[i].at.IsZero() && float64(now.Counts.Sum()) >= part*float64(rows) && now.State != importer.Done {
					// What is to leave at this moment leaves before anybody looks.
					synctest.Wait()
					progress, err := b.svc.Progress(b.ctx(), b.actor, imp.ID)
					b.must(err)
					guesses[i] = guess{time.Now(), (progress.Low + progress.High) / 2}
				}
			}
		}})
		imp = b.aimed(titles(rows), importer.Target{Fast: fast})
		b.portal.SetCost("crm.item.batchImport", cost)
		b.portal.SetCost("crm.item.import", cost)
		b.portal.ResetCounts()
		began := time.Now()
		imp = b.run(imp.ID)
		if imp.State != importer.Done || imp.Counts.Created != rows || len(b.portal.Items(spa)) != rows {
			t.Fatalf("%s, %+v, reason %+v, %d items", imp.State, imp.Counts, imp.Reason, len(b.portal.Items(spa)))
		}
		m.taken = imp.Finished.Sub(began)
		for i, g := range guesses {
			m.off[i] = math.NaN() // nothing was left to guess at
			if left := imp.Finished.Sub(g.at); !g.at.IsZero() && left > 0 {
				m.off[i] = (g.mid - left).Seconds() / left.Seconds()
			}
		}
		for _, c := range b.portal.Calls() {
			if c.Code == "OPERATION_TIME_LIMIT" || c.Code == "QUERY_LIMIT_EXCEEDED" {
				m.refused++
			}
		}
	})
	return m
}

// guess is an estimate, and when it was made.
type guess struct {
	at  time.Time
	mid time.Duration
}

// followed is a journal that tells what each write has made of the import.
type followed struct {
	importer.Journal
	after func(importer.Import)
}

func (j *followed) Write(ctx context.Context, f importer.Fence, imp string, entries []importer.Entry, change func(*importer.Import) error) (importer.Import, error) {
	now, err := j.Journal.Write(ctx, f, imp, entries, change)
	if err == nil {
		j.after(now)
	}
	return now, err
}

// titles is a file of one column.
func titles(n int) string {
	var s strings.Builder
	s.WriteString("Title\n")
	for i := range n {
		fmt.Fprintf(&s, "Contract %d\n", i)
	}
	return s.String()
}
