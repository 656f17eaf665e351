package importer

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/spa-importer/spa-importer/app/sheet"
)

// chunk is the rows of one request, and the rows passed on the way to them
// whose outcome the plan knows.
type chunk struct {
	entries []Entry // rows with their outcome
	tasks   []task
	// size is how many tasks it takes, body how many bytes.
	size, body int
	weight     int
	// cursor is the next row not taken up; over the rows beyond the limit,
	// which are counted and not listed.
	cursor, over int
	moved        bool
}

func (c *chunk) empty() bool { return len(c.entries) == 0 && len(c.tasks) == 0 && !c.moved }

// advance moves the import over the rows of the chunk.
func (c *chunk) advance(imp *Import) error {
	if c.moved {
		imp.Cursor = c.cursor
		imp.Counts.Skipped += c.over
	}
	return nil
}

// full reports whether nothing more fits.
func (c *chunk) full() bool {
	if len(c.tasks) == 0 {
		return false
	}
	size := c.size
	switch c.tasks[0].way {
	case alone:
		size = 1
	case directly:
		size = min(size, maxChunk)
	}
	return len(c.tasks) >= size
}

// add takes a task, unless it must travel in another way than the others, or
// there is no room.
func (c *chunk) add(t task) bool {
	if len(c.tasks) > 0 {
		if c.full() || t.way != c.tasks[0].way || c.weight+t.weight > c.body {
			return false
		}
		if t.way == batched && commandsAfter(c.tasks, t) > batchSize {
			return false
		}
	}
	c.tasks = append(c.tasks, t)
	c.weight += t.weight
	return true
}

// commandsAfter counts the commands of a batch that one more row makes.
func commandsAfter(tasks []task, t task) int {
	n, rows, vars := 0, 0, 0
	for i := range len(tasks) + 1 {
		one := t
		if i < len(tasks) {
			one = tasks[i]
		}
		if one.method != methodBatchImport {
			n, rows = n+1, 0
			continue
		}
		if rows == 0 || rows == maxChunk || vars+one.vars > maxVariables {
			n, rows, vars = n+1, 0, 0
		}
		rows, vars = rows+1, vars+one.vars
	}
	return n
}

// take collects the next chunk: first rows that were refused or found not to
// have arrived, then new ones, in file order.
func (r *run) take(ctx context.Context, size int) (*chunk, error) {
	c := &chunk{cursor: r.imp.Cursor, size: size, body: r.s.bodies.limit(r.imp.Portal)}
	pending, err := r.s.journal.Entries(ctx, r.imp.ID, 0, size, EntryPending)
	if err != nil {
		return nil, fmt.Errorf("listing pending rows: %w", err)
	}
	if len(pending) > 0 {
		if whole, err := r.takePending(ctx, c, pending); err != nil || !whole {
			return c, err
		}
	}
	end, last := r.reach()
	scanned, block := 0, size
	if r.planner.updates() {
		block = max(block, pageSize) // as many keys as a question takes
	}
	for c.cursor < end && !c.full() && scanned < maxScan {
		n := min(end-c.cursor, block)
		if !r.planner.updates() {
			n = min(n, c.size-len(c.tasks))
		}
		rows, err := readRows(ctx, r.table, c.cursor, n)
		if err != nil {
			return nil, err
		}
		known := make([]Entry, n)
		for i, row := range rows {
			known[i] = Entry{Index: c.cursor + i, Row: row.Number}
		}
		taken, err := r.planRows(ctx, c, rows, known)
		if err != nil {
			return nil, err
		}
		c.cursor, c.moved = c.cursor+taken, c.moved || taken > 0
		if taken < n {
			return c, nil
		}
		scanned += n
		block = min(2*block, maxScan)
	}
	if c.cursor == end && last && end < r.imp.Rows {
		c.over, c.cursor, c.moved = r.imp.Rows-end, r.imp.Rows, true
	}
	return c, nil
}

// reach is the row before which the run stops for now; last says that it is
// the last one that may be imported.
func (r *run) reach() (end int, last bool) {
	end = r.imp.Rows
	if r.imp.Limit > 0 {
		end = min(end, r.imp.Limit)
	}
	if r.imp.TrialUntil > 0 && r.imp.TrialUntil < end {
		return r.imp.TrialUntil, false
	}
	return end, true
}

// takePending takes rows that were taken up before. whole is false if some
// did not fit.
func (r *run) takePending(ctx context.Context, c *chunk, pending []Entry) (whole bool, err error) {
	rows := make([]sheet.Row, 0, len(pending))
	for i := range pending {
		one, err := readRows(ctx, r.table, pending[i].Index, 1)
		if err != nil {
			return false, err
		}
		rows = append(rows, one...)
	}
	taken, err := r.planRows(ctx, c, rows, pending)
	return taken == len(pending), err
}

// planRows adds rows to the chunk until one does not fit; known are their
// entries so far.
func (r *run) planRows(ctx context.Context, c *chunk, rows []sheet.Row, known []Entry) (taken int, err error) {
	plans, err := r.plan(ctx, rows, known, true)
	if err != nil {
		return 0, err
	}
	for i, plan := range plans {
		e := r.entryOf(known[i], plan)
		if e.State != EntrySending {
			c.entries = append(c.entries, e)
			taken++
			continue
		}
		t := r.taskOf(e, plan)
		if len(c.tasks) > 0 && t.way == alone {
			return taken, nil
		}
		if t.way == alone && hasFiles(plan.Fields) {
			trouble, err := r.fetch(ctx, &t)
			if err != nil {
				return taken, err
			}
			if trouble != nil {
				e.State, e.Problem, e.Attempt, e.Before = EntryFailed, trouble, e.Attempt-1, nil
				c.entries = append(c.entries, e)
				taken++
				continue
			}
		}
		if !c.add(t) {
			return taken, nil
		}
		taken++
	}
	return taken, nil
}

// fetch puts the files of a row into its fields.
func (r *run) fetch(ctx context.Context, t *task) (*Problem, error) {
	size, trouble, err := r.s.attach(ctx, r.imp, t.fields)
	if err != nil {
		return nil, fmt.Errorf("fetching the files of row %d: %w", t.entry.Row, err)
	}
	t.weight += int(size)
	return trouble, nil
}

// plan decides about rows with what the portal has now; without updates as if
// it had no items.
func (r *run) plan(ctx context.Context, rows []sheet.Row, known []Entry, updates bool) ([]rowPlan, error) {
	lookup, err := r.s.blockLookups(ctx, r.resolver, r.planner, rows)
	if err != nil {
		return nil, fmt.Errorf("looking up what the rows name: %w", err)
	}
	r.planner.existing = nil
	if updates {
		if err := r.s.find(ctx, r.caller, r.planner, rows); err != nil {
			return nil, err
		}
	}
	plans := make([]rowPlan, len(rows))
	for i, row := range rows {
		plans[i], err = r.planner.plan(known[i].Index, row, lookup, true, nil)
		if err != nil {
			return nil, err
		}
	}
	return plans, nil
}

// entryOf is what the journal will hold of a planned row.
func (r *run) entryOf(e Entry, plan rowPlan) Entry {
	before := e.Before
	e.State, e.Problem, e.Key, e.Access = plan.State, plan.Problem, plan.Key, plan.Access
	e.ItemID, e.Before = plan.ItemID, nil
	switch {
	case plan.State == EntryUnchanged && e.Attempt > 0 && len(before) > 0:
		// It is as the row says because an attempt of ours, whose answer was
		// lost, has made it so.
		e.State, e.Before, e.Written = EntryUpdated, before, plan.Updated
	case plan.State != EntryPending && e.Attempt > 0 && len(before) > 0:
		// It finds its item no longer, but that may have been written.
		p := problem("unknown_outcome")
		e.State, e.Problem = EntryFailed, &p
	case plan.State != EntryPending:
	case plan.ItemID != 0:
		e.State, e.Before = EntrySending, plan.Before
		if e.Attempt > 0 {
			e.Before = joined(before, plan.Before)
		}
		e.Key, e.Access = "", ""
		e.Attempt++
	default:
		e.State = EntrySending
		e.Attempt++
		if text, ok := plan.Fields[fieldUpdated].(string); ok {
			e.Written, _ = time.Parse(time.RFC3339, text) // a past of its own
		}
	}
	return e
}

// joined is what undo must know of an item that is written once more after a
// lost answer: of every field the value from before the first attempt. What
// it has now may be our own value as the portal has made it.
func joined[V any](before, now map[string]V) map[string]V {
	all := make(map[string]V, len(before)+len(now))
	maps.Copy(all, now)
	maps.Copy(all, before)
	return all
}

// bodies remembers how large a request each portal takes; others than those
// that have refused one take maxBody.
type bodies struct{ learned }

func (b *bodies) limit(portal string) int { return b.get(portal, maxBody) }

// tooLarge learns that a portal refuses bodies of this weight.
func (b *bodies) tooLarge(portal string, weight int) {
	// One row with large files says nothing of requests below the usual bound.
	b.set(portal, max(min(weight/2, maxBody), 1))
}

// learned are numbers that some portals have taught us.
type learned struct {
	mu sync.Mutex
	of map[string]int // by portal
}

// get is the number of a portal, or the usual one.
func (l *learned) get(portal string, usual int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n, ok := l.of[portal]; ok {
		return n
	}
	return usual
}

func (l *learned) set(portal string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[string]int{}
	}
	l.of[portal] = n
}
