package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// Sizes of a run (engine page: "How rows are written", "Pace").
const (
	sliceLength = 20 * time.Second
	maxChunk    = 20               // rows of one crm.item.batchImport
	maxScan     = 500              // rows looked at for one request
	chunkTime   = 12 * time.Second // what one request should take at the portal: see aim
	shortWait   = 2 * time.Second
	maxAttempts = 10     // requests without an answer that a row survives
	maxActive   = 10_000 // imports of one portal that have not ended
)

// runSlice writes rows of a portal's imports for about sliceLength. Imports
// of one portal share its limits, so they take turns.
func (s *Service) runSlice(ctx context.Context, fence Fence, portal string) (Next, error) {
	imports, err := s.store.Imports(ctx, portal, maxActive, Running, Waiting)
	if err != nil {
		return Next{}, fmt.Errorf("listing running imports: %w", err)
	}
	now := s.now()
	var next Next
	var active []Import
	for _, imp := range imports {
		switch {
		case imp.State == Running, !imp.Until.IsZero() && !imp.Until.After(now):
			active = append(active, imp)
		case !imp.Until.IsZero():
			next = next.sooner(Next{Again: true, At: imp.Until})
		}
	}
	slices.Reverse(active) // the oldest first
	share := sliceLength / time.Duration(max(1, len(active)))
	var failed error
	for _, imp := range active {
		n, err := s.runImport(bitrix.WithImport(ctx, imp.ID), fence, imp, s.now().Add(share))
		if errors.Is(err, ErrFenced) || ctx.Err() != nil {
			return next, err
		}
		failed = errors.Join(failed, err)
		next = next.sooner(n)
	}
	return next, failed
}

// sooner joins two answers to "when again".
func (n Next) sooner(m Next) Next {
	switch {
	case !m.Again:
		return n
	case !n.Again || m.At.Before(n.At):
		return m
	default:
		return n
	}
}

// run is one import being written by one process.
type run struct {
	s        *Service
	imp      Import
	fence    Fence
	caller   Caller
	planner  *planner
	resolver *resolver
	table    *rowSource
	closer   io.Closer
	// doubt: there may be rows whose request may have been executed.
	doubt bool
	// stops: the run only settles what is in doubt.
	stops bool
	// flying are the requests under way; they come back through back.
	flying int
	back   chan *flight
	// undoFrom is the row from which on the next items are taken back;
	// targets and base are what comparing their values needs.
	undoFrom int
	targets  map[string]field.Target
	base     string
	// method is by which rows are created in the next request; closed are
	// those chosen for one that was turned away, and until when.
	method string
	closed map[string]time.Time
	// aside: rows may have been set aside, see refused.go.
	aside bool
	// widened: a few rows were refused for a right, so more are tried before
	// anybody is asked.
	widened bool
}

// errNotRunning ends a run because a person paused or stopped the import.
var errNotRunning = errors.New("import is not running")

// runImport writes rows until the time is over, the import waits, or it is
// done. It returns errors that are nobody's but ours.
func (s *Service) runImport(ctx context.Context, fence Fence, imp Import, until time.Time) (Next, error) {
	r := &run{s: s, imp: imp, fence: fence, doubt: true, aside: true, back: make(chan *flight, fastStreams), closed: map[string]time.Time{}}
	defer func() {
		if r.closer != nil {
			r.closer.Close()
		}
	}()
	if imp.stopping() {
		return r.end(ctx, r.stop(ctx))
	}
	step := r.step
	var err error
	if imp.Undoing {
		step = r.undoStep
	} else {
		err = r.prepare(ctx)
	}
	done := false
	for err == nil && !done && s.now().Before(until) && ctx.Err() == nil {
		done, err = step(ctx)
	}
	// Nobody leaves before what he has sent is back.
	if landed := r.landAll(ctx); err == nil || errors.Is(landed, ErrFenced) {
		err = cmp.Or(landed, err)
	}
	if done && err == nil {
		return Next{}, nil
	}
	return r.end(ctx, err)
}

// write is a journal write of a running import. Whatever the journal says
// becomes the run's own view.
func (r *run) write(ctx context.Context, entries []Entry, change func(*Import) error) (Import, error) {
	failures := r.imp.Failures
	imp, err := r.s.journal.Write(ctx, r.fence, r.imp.ID, entries, func(imp *Import) error {
		if imp.State != Running && (imp.State != Waiting || imp.Until.IsZero()) || imp.stopping() != r.stops {
			return errNotRunning
		}
		imp.Failures = failures
		return change(imp)
	})
	if err == nil {
		r.imp = imp
	}
	return imp, err
}

// settled is write for outcomes of requests that were sent: those are kept
// whatever a person has decided meanwhile.
func (r *run) settled(ctx context.Context, entries []Entry, change func(*Import)) error {
	imp, err := r.s.journal.Write(ctx, r.fence, r.imp.ID, entries, func(imp *Import) error {
		if change != nil {
			change(imp)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording outcomes: %w", err)
	}
	r.imp = imp
	return nil
}

// prepare opens what the run needs, and verifies the target where a person
// has just started or resumed.
func (r *run) prepare(ctx context.Context) error {
	if err := r.open(ctx); err != nil {
		return err
	}
	return r.begin(ctx)
}

func (r *run) open(ctx context.Context) error {
	caller, err := r.s.connect(ctx, r.imp.Portal, r.imp.Connection)
	if err != nil {
		return err
	}
	r.caller = caller
	schema, reading, err := r.schema(ctx)
	if err != nil {
		return err
	}
	u, err := r.s.store.Upload(ctx, r.imp.Portal, r.imp.Upload)
	if err != nil {
		return fmt.Errorf("loading upload: %w", err)
	}
	if u.Revision != reading {
		return Refuse("not_checked") // the rows of another table were checked
	}
	r.table, r.closer, err = r.s.openRows(ctx, r.imp, u)
	if err != nil {
		return err
	}
	if err := r.s.withArchive(ctx, r.imp, &schema); err != nil {
		return err
	}
	repeats, answers, err := r.s.loadRules(ctx, r.imp)
	if err != nil {
		return err
	}
	r.planner, err = newPlanner(r.imp, schema, r.table.Columns(), answers)
	if err != nil {
		return err
	}
	r.planner.repeats = repeats
	if err := r.s.loadPast(ctx, r.imp, r.planner); err != nil {
		return err
	}
	r.resolver = r.s.newResolver(r.imp, caller)
	return nil
}

// schema is the one of the check; after a start or a resume the portal is
// asked whether it still holds.
func (r *run) schema(ctx context.Context) (_ Schema, reading int, err error) {
	checked, reading, err := r.s.loadSchema(ctx, r.imp)
	if err != nil {
		return Schema{}, 0, fmt.Errorf("loading the schema of the check: %w", err)
	}
	if !r.imp.Verify {
		return checked, reading, nil
	}
	now, err := r.s.readSchema(ctx, r.caller, r.imp.Target.EntityTypeID, r.imp.Zone, r.imp.Lang, r.imp.Admin)
	if err != nil {
		return Schema{}, 0, err
	}
	changed := changedField(checked, now, r.imp)
	if changed == "" {
		return now, reading, r.s.saveSchema(ctx, r.imp, now, reading)
	}
	return Schema{}, 0, r.schemaChanged(ctx, changed, now, reading)
}

func cmpOr(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// begin marks the import as running again and remembers, before the first
// write ever, which items were there already.
func (r *run) begin(ctx context.Context) error {
	if r.imp.Verify && r.imp.Connection.Kind == ByGrant {
		// The answer tells the connection how many requests the portal's plan
		// allows. Without one the usual rate is kept to.
		if _, err := r.caller.Call(ctx, "app.info", nil); err != nil {
			r.s.log.InfoContext(ctx, "the portal's plan is not known", "import", r.imp.ID, "code", bitrix.Code(err))
		}
	}
	start := r.imp.StartID
	if start < 0 {
		reply, err := r.caller.Call(ctx, "crm.item.list", map[string]any{
			"entityTypeId": r.imp.Target.EntityTypeID, "select": []string{"id"},
			"order": map[string]any{"id": "DESC"}, "start": -1,
		})
		if err != nil {
			return fmt.Errorf("asking for the highest item id: %w", err)
		}
		ids, err := itemIDs(reply.Result)
		if err != nil {
			return err
		}
		start = 0
		if len(ids) > 0 {
			start = asInt64(ids[0])
		}
	}
	if r.imp.Verify {
		if err := r.asideAgain(ctx); err != nil {
			return err
		}
	}
	_, err := r.write(ctx, nil, func(imp *Import) error {
		imp.State, imp.Reason, imp.Until, imp.Verify = Running, nil, time.Time{}, false
		imp.StartID = start
		return nil
	})
	return err
}

// step settles doubts or sends one chunk. done means that the import ended,
// or that its trial did.
func (r *run) step(ctx context.Context) (done bool, err error) {
	if r.doubt {
		if err := r.landAll(ctx); err != nil {
			return false, err
		}
		if err := r.recheck(ctx); err != nil {
			return false, err
		}
		r.doubt = false
	}
	if r.flying >= r.streams() {
		return false, r.landOne(ctx)
	}
	size, err := r.pace(ctx)
	if err != nil || size == 0 {
		return false, err
	}
	c, err := r.take(ctx, size)
	if err != nil {
		return false, err
	}
	switch {
	case len(c.tasks) > 0:
		if err := r.send(ctx, c); err != nil {
			return false, err
		}
		if r.flying >= r.streams() {
			return false, r.landOne(ctx)
		}
		return false, nil
	case !c.empty():
		_, err := r.write(ctx, c.entries, c.advance)
		return false, err
	case r.flying > 0:
		return false, r.landOne(ctx)
	}
	if err := r.lastAside(ctx); err != nil {
		return false, err
	}
	if end, last := r.reach(); !last && r.imp.Cursor >= end {
		return true, r.tried(ctx)
	}
	return true, r.finish(ctx)
}

// tried ends a trial: the person looks at what has come of it.
func (r *run) tried(ctx context.Context) error {
	reason := problem("trial_done", "rows", rowsArg(r.imp.TrialUntil))
	_, err := r.write(ctx, nil, func(imp *Import) error {
		imp.State, imp.Reason, imp.Until = Paused, &reason, time.Time{}
		return nil
	})
	return err
}

// finish ends the import. The webhook it came through is of no use any more.
func (r *run) finish(ctx context.Context) error {
	_, err := r.write(ctx, nil, func(imp *Import) error {
		imp.end(Done, r.s.now())
		return nil
	})
	if err != nil {
		return err
	}
	r.s.log.InfoContext(ctx, "import done", "import", r.imp.ID, "created", r.imp.Counts.Created,
		"skipped", r.imp.Counts.Skipped, "failed", r.imp.Counts.Failed)
	r.s.tell(ctx, r.caller, r.imp)
	r.lookAround(ctx)
	r.s.releaseConnection(ctx, r.imp)
	return nil
}

// tell sends the person a notification that his import has ended. It is a
// courtesy: the app may lack the right, and the import is done all the same.
func (s *Service) tell(ctx context.Context, caller Caller, imp Import) {
	if s.notice == nil || imp.Connection.Kind != ByGrant {
		return
	}
	text, err := s.notice(ctx, imp)
	if err != nil {
		s.log.WarnContext(ctx, "writing the notification", "import", imp.ID, "err", err)
		return
	}
	_, err = caller.Call(ctx, "im.notify.system.add", map[string]any{
		"USER_ID": imp.User, "MESSAGE": text, "TAG": "SPAIMPORT|IMPORT|" + imp.ID,
	})
	if err != nil {
		s.log.InfoContext(ctx, "the notification was not sent", "import", imp.ID, "code", bitrix.Code(err))
	}
}

// releaseConnection deletes the webhook of an ended import. What fails here
// is found again by the daily tidying.
func (s *Service) releaseConnection(ctx context.Context, imp Import) {
	if err := s.connections.Release(ctx, imp.Portal, imp.Connection); err != nil {
		s.log.ErrorContext(ctx, "deleting the webhook of an ended import", "import", imp.ID, "err", err)
	}
}
