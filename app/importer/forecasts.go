package importer

import (
	"sync"
	"time"
)

// forecasts keeps for a while how long imports will take. To run the model of
// a portal's limits over a million rows takes up to half a second of processor
// time, and each page that shows an import asks for it every second.
type forecasts struct {
	mu   sync.Mutex
	made map[string]*forecast
}

// forecast is one of them; its lock is held while it is made.
type forecast struct {
	mu   sync.Mutex
	left time.Duration
	// at is when it was made, until when it serves.
	at, until time.Time
}

// How long a forecast serves: so many times as long as it took to make, which
// bounds what all of them cost, but not for ever.
const (
	forecastTimes = 20
	forecastLife  = 10 * time.Second
)

// of is the time left under a name, made now or a moment ago.
func (f *forecasts) of(now func() time.Time, name string, anew func() time.Duration) time.Duration {
	one := f.named(now(), name)
	one.mu.Lock()
	defer one.mu.Unlock()
	began := now()
	if began.Before(one.until) {
		return max(0, one.left-began.Sub(one.at))
	}
	one.left = anew()
	one.at = now()
	one.until = one.at.Add(min(forecastTimes*one.at.Sub(began), forecastLife))
	return one.left
}

// named finds a forecast or its place; those that nobody asks for any more go.
func (f *forecasts) named(now time.Time, name string) *forecast {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one := f.made[name]; one != nil {
		return one
	}
	if f.made == nil {
		f.made = make(map[string]*forecast)
	}
	for other, one := range f.made {
		if one.mu.TryLock() {
			if now.Sub(one.until) > forecastLife {
				delete(f.made, other)
			}
			one.mu.Unlock()
		}
	}
	one := &forecast{}
	f.made[name] = one
	return one
}
