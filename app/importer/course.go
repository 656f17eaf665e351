package importer

import (
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// limits tells when requests may go: a portal's connection, or a forecast.
type limits interface {
	Ready(method string, cost time.Duration) time.Time
	ReadyBatch(method string, commands int, each time.Duration) time.Time
	Pace() bitrix.Pace
}

// course is what is left to write and how it travels. A run decides by it
// what it sends next, and a forecast decides by it alike.
type course struct {
	mode Mode
	// methods write the rows, the best first.
	methods []string
	// each is the seconds that a row takes; 0: not known yet.
	each float64
	left int
	// streams is how many requests are under way at a time.
	streams int
	// aim is how long a request should take the portal.
	aim time.Duration
	// size, unless it is 0, is how many rows every request has.
	size int
	// closed are methods whose request was turned away, and until when.
	closed map[string]time.Time
}

// next is by which method and with how many rows the next request goes, and
// when it may.
func (c course) next(l limits, now func() time.Time) (method string, size int, at time.Time) {
	p := l.Pace()
	for _, m := range c.order(p) {
		n, ready := c.ready(l, p, m, now)
		if until := c.closed[m]; until.After(ready) {
			ready = until
		}
		// The clock goes on while the portal's pace is asked: what was ready
		// at that moment is not in the future of this one.
		if !ready.After(now()) {
			return m, n, ready
		}
		if method == "" || ready.Before(at) {
			method, size, at = m, n, ready
		}
	}
	return method, size, at
}

// order is in which order methods are tried.
func (c course) order(p bitrix.Pace) []string {
	if c.each == 0 {
		return c.methods[:1] // the first row shows whether it goes by the best
	}
	if len(c.methods) < 2 || c.each >= cheapRow {
		return c.methods
	}
	// Where the time of the best will not do for all rows, the other must
	// help. It takes more requests for as many cheap rows, so it goes first
	// while half of the portal's bucket is free: places in it that nobody
	// uses are lost.
	left, counted := p.Left(c.methods[0])
	if counted && p.Requests > p.Size/2 && float64(c.left)*c.each > left.Seconds() {
		return []string{c.methods[1], c.methods[0]}
	}
	return c.methods
}

// ready is when a request by a method may go, and how many rows it may have:
// fewer, if that lets it go now, or lets the other streams go on sooner.
func (c course) ready(l limits, p bitrix.Pace, method string, now func() time.Time) (size int, at time.Time) {
	size = c.rows(p, method)
	for {
		at = c.readyFor(l, method, size)
		if size <= maxChunk || !at.After(now()) && !c.holds(p, method, size) {
			return size, at
		}
		size = max(maxChunk, size/2/maxChunk*maxChunk)
	}
}

// holds reports whether other streams would have to wait for what a request of
// so many rows finds out about the portal's limits.
func (c course) holds(p bitrix.Pace, method string, size int) bool {
	commands, rows := shape(method, size)
	return c.streams > 1 && p.Unsure(method, commands, time.Duration(c.each*float64(rows)*float64(time.Second)))
}

// readyFor is when a request of so many rows may go.
func (c course) readyFor(l limits, method string, size int) time.Time {
	each := time.Duration(c.each * float64(time.Second))
	commands, rows := shape(method, size)
	cost := each * time.Duration(rows)
	if commands == 0 {
		return l.Ready(method, cost)
	}
	at := l.ReadyBatch(method, commands, cost)
	if c.mode == UpdateAndAdd {
		if update := l.ReadyBatch(methodUpdate, size, each); update.After(at) {
			at = update
		}
	}
	return at
}

// shape is in how many commands of how many rows a request travels; 0
// commands: as a call of its own.
func shape(method string, size int) (commands, rows int) {
	switch {
	case method != methodBatchImport:
		return size, 1
	case size <= maxChunk:
		return 0, size
	default:
		return (size + maxChunk - 1) / maxChunk, maxChunk
	}
}

// rows is how many rows a request may have, so that it takes the portal as
// long as it should. The first one is a single row: it shows what a row costs,
// and whether the person may write at all.
func (c course) rows(p bitrix.Pace, method string) int {
	switch {
	case c.size > 0:
		return c.size
	case c.each == 0:
		return 1
	}
	size := requestRows(c.mode, c.aim, method, c.each)
	if n := c.streams; n > 1 {
		// What is left is shared out, so that all streams end together.
		size = min(size, max(1, int(c.least(p)/c.each), (c.left+2*n-1)/(2*n)))
	}
	return size
}

// least is how many seconds a share should take: where requests have become
// rare, so long that the streams need no more of them than there are.
func (c course) least(p bitrix.Pace) float64 {
	const rare = 10
	if p.Size > 0 && p.Requests < rare {
		return float64(c.streams) / p.Rate
	}
	return cheapRow
}

// requestRows is how many rows of so many seconds each one request may have,
// so that it takes as long as it should.
func requestRows(mode Mode, aim time.Duration, method string, each float64) int {
	size := max(1, int(aim.Seconds()/each))
	switch {
	case method == methodBatchImport && mode == AddAll && each < cheapRow:
		return min(size, maxBatchRows)
	case method == methodBatchImport && mode == AddAll:
		return min(size, maxChunk)
	case each < cheapRow:
		return min(size, batchSize)
	default:
		return min(size, usualCommands)
	}
}

// maxForecast is how many requests are run through the model. What remains
// then goes on as fast as the second half of them did: in ten minutes a
// portal lets about a thousand through, so that half holds several times ten
// minutes.
const maxForecast = 8000

// ahead runs the model of the limits forward over what is left.
func (c course) ahead(pace bitrix.Pace) time.Duration {
	f := pace.Forecast()
	half, halfLeft := f.Now(), c.left
	for sent := 0; c.left > 0 && sent < maxForecast; {
		if f.Flying() >= c.streams {
			f.Wait(time.Time{})
			continue
		}
		method, size, at := c.next(f, f.Now)
		if at.After(f.Now()) {
			f.Wait(at)
			continue
		}
		size = min(size, c.left)
		commands, _ := shape(method, size)
		each := c.each * float64(size) / float64(max(1, commands))
		f.Send(method, commands, time.Duration(each*float64(time.Second)))
		c.left -= size
		if sent++; sent == maxForecast/2 {
			half, halfLeft = f.Now(), c.left
		}
	}
	for f.Flying() > 0 {
		f.Wait(time.Time{})
	}
	took := f.Now().Sub(pace.Now)
	if c.left > 0 {
		took += time.Duration(float64(f.Now().Sub(half)) * float64(c.left) / float64(halfLeft-c.left))
	}
	return took
}
