package importer

import (
	"cmp"
	"context"
	"errors"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// flight is a request under way. Its rows are sending in the journal.
type flight struct {
	tasks    []task
	chosen   string // the method by which it was to create
	commands []command
	weight   int
	sent     time.Time
	took     time.Duration
	direct   bitrix.Reply      // of a single command
	batch    bitrix.BatchReply // of several
	err      error
}

// What lies between the commit that says that rows are sent and the portal's
// beginning to work on them: whoever finds them so after a crash knows only
// the time of the commit, and must not look them up while they may still be
// written.
const (
	// A request leaves within this part of the settle time, or not at all:
	// the portal's own limit of a minute fits into the rest.
	departure = 8
	// lineSpeed, in bytes a second, is what a large body is given to arrive.
	lineSpeed = 4 << 20
)

// send intends a chunk and lets it fly: between this commit and the one of
// land its rows are in doubt, and whoever comes next knows it.
func (r *run) send(ctx context.Context, c *chunk) error {
	now := r.s.now()
	departs := now.Add(r.s.settle / departure)
	arrives := now.Add(time.Duration(c.weight) * time.Second / lineSpeed)
	entries := c.entries
	for i := range c.tasks {
		c.tasks[i].entry.SentAt = arrives
		entries = append(entries, c.tasks[i].entry)
	}
	if _, err := r.write(ctx, entries, c.advance); err != nil {
		return err
	}
	f := &flight{
		tasks: c.tasks, chosen: r.method, commands: commandsOf(r.imp.Target.EntityTypeID, c.tasks), weight: c.weight,
		sent: now,
	}
	r.flying++
	cost := time.Duration(r.imp.SecondsPerRow * float64(len(f.tasks)) * float64(time.Second))
	reckoned := make(chan struct{})
	told := sync.OnceFunc(func() { close(reckoned) })
	go func() {
		defer func() { r.back <- f }()
		defer told()
		// A request that is under way is not cut by a shutdown: its answer is
		// worth more than the seconds.
		sent, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.s.settle)
		defer cancel()
		sent = bitrix.WithTurn(bitrix.WithDeparture(sent, departs), told)
		if cost > 0 {
			sent = bitrix.WithCost(sent, cost)
		}
		if len(f.commands) == 1 {
			f.direct, f.err = r.caller.Call(sent, f.commands[0].Method, f.commands[0].Params)
		} else {
			commands := make([]bitrix.Command, len(f.commands))
			for i, c := range f.commands {
				commands[i] = c.Command
			}
			f.batch, f.err = r.caller.Batch(sent, commands)
		}
		f.took = r.s.now().Sub(f.sent)
	}()
	// What is sent next is decided by a pace that reckons with this one.
	<-reckoned
	return nil
}

// landOne waits for the first request under way that comes back.
func (r *run) landOne(ctx context.Context) error {
	if r.flying == 0 {
		return nil
	}
	return r.landed(ctx, <-r.back)
}

// landed takes in a request that is back.
func (r *run) landed(ctx context.Context, f *flight) error {
	r.flying--
	// From here on the process may be stopping: what the portal has told is
	// recorded all the same.
	return r.land(context.WithoutCancel(ctx), f)
}

// landAll waits for everything under way.
func (r *run) landAll(ctx context.Context) error {
	var failed error
	for r.flying > 0 {
		if err := r.landOne(ctx); err != nil && failed == nil {
			failed = err
		}
	}
	return failed
}

// land records what became of a request.
func (r *run) land(ctx context.Context, f *flight) error {
	var fault *bitrix.Error
	if f.err != nil && !errors.As(f.err, &fault) {
		fault = &bitrix.Error{Class: bitrix.Unknown, Err: f.err}
	}
	one := len(f.commands) == 1
	switch {
	case fault == nil:
		clear(r.closed)
	case fault.Code == bitrix.CodePaceWait:
		return r.turnedAway(ctx, f, fault)
	case fault.Status == http.StatusRequestEntityTooLarge:
		return r.tooLarge(ctx, f)
	case fault.Class == bitrix.Unknown:
		return r.lost(ctx, f)
	case fault.Class == bitrix.Refused || !one || !r.ofRows(f, fault):
		// Refused before execution, or for good as a whole: either way
		// nothing was written, and the rows are as they were.
		if err := r.settled(ctx, back(f.tasks), nil); err != nil {
			return err
		}
		return f.err
	}
	return r.verdicts(ctx, f, f.verdicts(fault))
}

// tooLarge sends the rows of a request that was not let in again in smaller
// ones; a row that is too large by itself fails.
func (r *run) tooLarge(ctx context.Context, f *flight) error {
	entries := back(f.tasks)
	if len(entries) == 1 {
		p := problem("row_too_large")
		entries[0].State, entries[0].Problem = EntryFailed, &p
	}
	r.s.bodies.tooLarge(r.imp.Portal, f.weight)
	return r.settled(ctx, entries, nil)
}

// ofRows reports whether a final refusal of a call is about its rows, and not
// about the call as such.
func (r *run) ofRows(f *flight, fault *bitrix.Error) bool {
	if f.commands[0].Method == methodBatchImport {
		return verdict{fault: fault}.refusedRight()
	}
	reason := reasons[strings.ToUpper(fault.Code)]
	return reason != "target_gone" || f.commands[0].Method == methodUpdate
}

// verdicts are those of all rows; fault is the refusal of a single command.
func (f *flight) verdicts(fault *bitrix.Error) []verdict {
	all := make([]verdict, len(f.tasks))
	for _, c := range f.commands {
		result, refused, answered := f.direct.Result, fault, f.direct.Time.Finish
		if len(f.commands) > 1 {
			result, refused, answered = f.batch.Results[c.Key], f.batch.Errors[c.Key], f.batch.Times[c.Key].Finish
		}
		if refused != nil {
			for i := range c.rows {
				all[c.first+i].fault = refused
			}
			continue
		}
		// An answer that cannot be read is no word: its rows are looked up.
		if some, err := verdictsOf(c, f.tasks, result); err == nil {
			for i := range some {
				some[i].answered = answered
			}
			copy(all[c.first:], some)
		}
	}
	return all
}

// time is how long the portal was at work on the request.
func (f *flight) time() time.Duration {
	return cmp.Or(f.direct.Time.Duration, f.batch.Time.Duration, f.took, time.Millisecond)
}

// verdicts records what the portal has said of each row.
func (r *run) verdicts(ctx context.Context, f *flight, verdicts []verdict) error {
	if allRefused(verdicts) {
		return r.refusedAll(ctx, f, verdicts)
	}
	var outcomes []Entry
	var stops *bitrix.Error
	written := map[bool]bool{} // whether rows went in that update, and that create
	for i, t := range f.tasks {
		if verdicts[i].id > 0 {
			written[t.entry.updates()] = true
		}
	}
	aside := 0
	for i, t := range f.tasks {
		e := t.entry
		switch v := verdicts[i]; {
		case v.id > 0:
			e.State, e.ItemID = EntryCreated, v.id
			if t.entry.ItemID != 0 {
				e.State, e.Written = EntryUpdated, v.updated
			} else {
				e.Written = r.writtenAt(e.Written, v.updated, v.answered)
			}
		case v.fault == nil || v.fault.Class == bitrix.Unknown:
			r.doubt = true // it may be there: it is looked up
			continue
		case v.fault.Class == bitrix.Refused && v.fault.Stops() && !v.refusedRight():
			stops = v.fault
			e = pendingAgain(e)
		case v.fault.Class == bitrix.Refused && !v.refusedRight():
			e = pendingAgain(e)
		case v.refusedRight() && !written[e.updates()] && r.imp.Counts.Created+r.imp.Counts.Updated+len(written) > 0:
			e = asideOf(e, v, f)
			aside++
		default:
			p := rowRefused(e, v)
			e.State, e.Problem = EntryFailed, &p
		}
		outcomes = append(outcomes, e)
	}
	perRow := f.time().Seconds() / float64(len(f.tasks))
	if f.tasks[0].way == alone && r.imp.SecondsPerRow > 0 {
		perRow = r.imp.SecondsPerRow // a row with files says nothing of the others
	}
	err := r.settled(ctx, outcomes, func(imp *Import) {
		imp.Failures = 0
		imp.SecondsPerRow = smooth(imp.SecondsPerRow, perRow)
	})
	if err == nil && len(written) > 0 {
		err = r.asideEnds(ctx, func(e Entry) bool { return written[e.updates()] && !e.SentAt.After(f.sent) })
	}
	if err == nil && aside > 0 {
		r.aside = true
		err = r.askFrom(ctx, r.imp.Target.patience())
	}
	if err == nil && stops != nil {
		return stops
	}
	return err
}

// rowRefused words the refusal of one row.
func rowRefused(e Entry, v verdict) Problem {
	code := strings.ToUpper(v.fault.Code)
	switch {
	case e.ItemID != 0 && code == "NOT_FOUND":
		return problem("item_gone", "id", strconv.FormatInt(e.ItemID, 10))
	case v.refusedRight():
		return problem("row_no_right", "code", v.fault.Code)
	}
	return problem("row_refused", "code", v.fault.Code, "text", plainText(v.fault.Description))
}

// lost leaves rows in doubt, whose answer did not come.
func (r *run) lost(ctx context.Context, f *flight) error {
	r.doubt = true
	// Before it left, the request may have waited for its turn or for a
	// token: the portal may be at work on it for a whole time-out yet.
	now := r.s.now()
	entries := make([]Entry, len(f.tasks))
	for i, t := range f.tasks {
		entries[i] = t.entry
		entries[i].SentAt = now
	}
	slow := 0.0
	if f.took > 50*time.Second {
		// It ran into the portal's own limit: it was too large.
		slow = f.took.Seconds() / float64(len(f.tasks))
	}
	err := r.settled(ctx, entries, func(imp *Import) { imp.SecondsPerRow = max(imp.SecondsPerRow, slow) })
	if err != nil {
		return err
	}
	r.s.log.WarnContext(ctx, "answer lost; its rows will be looked up", "import", r.imp.ID, "rows", len(f.tasks), "err", f.err)
	return nil
}

// back returns rows to pending: they were provably not written, and the
// attempt does not count.
func back(tasks []task) []Entry {
	entries := make([]Entry, len(tasks))
	for i, t := range tasks {
		entries[i] = pendingAgain(t.entry)
	}
	return entries
}

func pendingAgain(e Entry) Entry {
	e.State = EntryPending
	e.Attempt--
	return e
}

var tags = regexp.MustCompile(`<[^>]*>`)

// plainText makes the portal's words fit to show: no markup, no line ends,
// 300 characters.
func plainText(s string) string {
	s = html.UnescapeString(tags.ReplaceAllString(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > 300 {
		s = string(runes[:300]) + "…"
	}
	return s
}

// smooth follows the portal's speed: at once when it gets slower, slowly
// when it gets faster.
func smooth(was, is float64) float64 {
	if was == 0 || is > was {
		return is
	}
	return 0.7*was + 0.3*is
}
