package bitrix_test

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/bitrix"
)

// foretell runs a forecast as drive runs a connection.
func foretell(f *bitrix.Forecast, method string, n, streams int, cost time.Duration) time.Duration {
	began := f.Now()
	for n > 0 {
		at := f.Ready(method, cost)
		switch {
		case f.Flying() >= streams:
			f.Wait(time.Time{})
		case at.After(f.Now()):
			f.Wait(at)
		default:
			f.Send(method, 0, cost)
			n--
		}
	}
	for f.Flying() > 0 {
		f.Wait(time.Time{})
	}
	return f.Now().Sub(began)
}

// forecastCase is an import, and after which part of its calls it is asked
// how long the rest takes.
type forecastCase struct {
	portal  *limited
	family  string
	calls   int
	cost    time.Duration
	streams int
	part    float64
}

// run lets the portal decide who was right: it returns the forecast and the
// time that then passed.
func (c forecastCase) run(t *testing.T) (said, took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		c.portal.cost = fixed(c.cost)
		x := token(&portal{answer: c.portal.answer})
		x.SetFamily(c.family)
		var asked time.Time
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			for {
				wait(500*time.Millisecond + time.Microsecond)
				c.portal.mu.Lock()
				ran := c.portal.ran
				c.portal.mu.Unlock()
				if float64(ran) >= c.part*float64(c.calls) {
					pace := x.Pace()
					asked = time.Now()
					said = foretell(pace.Forecast(), "crm.item.batchImport", c.calls-ran-pace.Flying, c.streams, c.cost)
					return
				}
			}
		}()
		drive(t, x, "crm.item.batchImport", c.calls, c.streams, c.cost)
		end := time.Now()
		<-answered
		took = end.Sub(asked)
		wait(time.Minute)
	})
	return said, took
}

// TestForecast: the model run forward agrees with what then happens, with
// whatever is under way when it is asked.
func TestForecast(t *testing.T) {
	standard := func() *limited { return &limited{size: 50, rate: 2, limit: 480} }
	for name, c := range map[string]forecastCase{
		"the rate binds":                {standard(), "", 300, 20 * time.Millisecond, 1, 0.05},
		"the rate binds, Enterprise":    {&limited{size: 250, rate: 5, limit: 480}, "ent", 1500, 20 * time.Millisecond, 4, 0.05},
		"time binds":                    {standard(), "", 150, 12 * time.Second, 1, 0.05},
		"time binds, later":             {standard(), "", 150, 12 * time.Second, 1, 0.25},
		"time binds, four streams":      {standard(), "", 300, 9 * time.Second, 4, 0.05},
		"between two budgets":           {standard(), "", 110, 12 * time.Second, 4, 0.5},
		"a little over a budget":        {standard(), "", 42, 12 * time.Second, 4, 0.25},
		"a little under a budget":       {standard(), "", 39, 12 * time.Second, 4, 0.25},
		"minutes from a call on":        {&limited{size: 50, rate: 2, limit: 480, spans: true}, "", 150, 12 * time.Second, 4, 0.25},
		"whole minutes":                 {&limited{size: 50, rate: 2, limit: 480, aligned: true}, "", 150, 12 * time.Second, 4, 0.25},
		"another clock":                 {&limited{size: 50, rate: 2, limit: 480, skew: 7 * time.Minute}, "", 150, 12 * time.Second, 4, 0.25},
		"a lower limit, once it showed": {&limited{size: 50, rate: 2, limit: 420}, "", 150, 12 * time.Second, 4, 0.3},
		"short calls are free":          {&limited{size: 50, rate: 2, limit: 480, floor: 100 * time.Millisecond}, "", 500, 90 * time.Millisecond, 2, 0.05},
		"nothing binds":                 {&limited{size: 50, rate: 2}, "", 40, 15 * time.Second, 1, 0.05},
		"an own server, four streams":   {&limited{}, "box", 400, 3 * time.Second, 4, 0.05},
	} {
		t.Run(name, func(t *testing.T) {
			said, took := c.run(t)
			if off := abs(said.Seconds()/took.Seconds() - 1); off > 0.03 {
				t.Errorf("said %v, took %v: %.1f %% off", said, took, 100*off)
			}
		})
	}
}

// TestForecastAtRandom: whatever the limits, the costs, the streams and the
// moment, the forecast is within a tenth of what then happens.
func TestForecastAtRandom(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := forecastCase{
			portal: &limited{
				size: 50, rate: 2,
				limit:   rapid.SampledFrom([]float64{0, 480, 480}).Draw(r, "limit"),
				aligned: rapid.Bool().Draw(r, "aligned"),
				spans:   rapid.Bool().Draw(r, "spans"),
				skew:    time.Duration(rapid.IntRange(-600, 600).Draw(r, "skew")) * time.Second,
			},
			calls:   rapid.IntRange(60, 300).Draw(r, "calls"),
			cost:    time.Duration(rapid.IntRange(100, 15000).Draw(r, "cost")) * time.Millisecond,
			streams: rapid.IntRange(1, 4).Draw(r, "streams"),
			part:    float64(rapid.IntRange(5, 60).Draw(r, "part")) / 100,
		}
		c.portal.aligned = c.portal.aligned && !c.portal.spans
		said, took := c.run(t)
		off := (said - took).Abs()
		if off.Seconds() > took.Seconds()/10 {
			r.Fatalf("said %v, took %v", said, took)
		}
	})
}
