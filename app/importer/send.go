package importer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spa-importer/spa-importer/app/sheet"
	"github.com/spa-importer/spa-importer/bitrix"
)

// chunk is the rows of one request, and the rows passed on the way to them
// whose outcome the plan knows.
type chunk struct {
	entries []Entry // everything the journal will hold: sending, skipped, failed
	sending []Entry
	fields  []map[string]any // beside sending
	// cursor is the next row not taken up; over the rows beyond the limit,
	// which are counted and not listed.
	cursor, over int
	moved        bool
}

// sentAt dates the request: from then on its rows are in doubt.
func (c *chunk) sentAt(t time.Time) {
	for i := range c.entries {
		if c.entries[i].State == EntrySending {
			c.entries[i].SentAt = t
		}
	}
	for i := range c.sending {
		c.sending[i].SentAt = t
	}
}

func (c *chunk) empty() bool { return len(c.entries) == 0 && !c.moved }

// advance moves the import over the rows of the chunk.
func (c *chunk) advance(imp *Import) error {
	if c.moved {
		imp.Cursor = c.cursor
		imp.Counts.Skipped += c.over
	}
	return nil
}

// take collects the next chunk: first rows that were refused or found not to
// have arrived, then new ones, in file order.
func (r *run) take(ctx context.Context) (*chunk, error) {
	size := r.chunkSize()
	pending, err := r.s.journal.Entries(ctx, r.imp.ID, 0, size, EntryPending)
	if err != nil {
		return nil, fmt.Errorf("listing pending rows: %w", err)
	}
	c := &chunk{cursor: r.imp.Cursor}
	if len(pending) > 0 {
		return c, r.takePending(ctx, c, pending)
	}
	end := r.imp.Rows
	if r.imp.Limit > 0 {
		end = min(end, r.imp.Limit)
	}
	scanned := 0
	for c.cursor < end && len(c.sending) < size && scanned < maxScan {
		n := min(end-c.cursor, size-len(c.sending))
		rows, err := readRows(ctx, r.table, c.cursor, n)
		if err != nil {
			return nil, err
		}
		if err := r.planRows(ctx, c, c.cursor, rows, nil); err != nil {
			return nil, err
		}
		c.cursor, c.moved = c.cursor+n, true
		scanned += n
	}
	if c.cursor == end && end < r.imp.Rows {
		c.over, c.cursor, c.moved = r.imp.Rows-end, r.imp.Rows, true
	}
	return c, nil
}

func (r *run) takePending(ctx context.Context, c *chunk, pending []Entry) error {
	for i := range pending {
		rows, err := readRows(ctx, r.table, pending[i].Index, 1)
		if err != nil {
			return err
		}
		if err := r.planRows(ctx, c, pending[i].Index, rows, &pending[i]); err != nil {
			return err
		}
	}
	return nil
}

// planRows adds rows to the chunk. known is the entry of a row that was
// taken up before.
func (r *run) planRows(ctx context.Context, c *chunk, from int, rows []sheet.Row, known *Entry) error {
	lookup, err := r.s.blockLookups(ctx, r.resolver, r.planner, rows)
	if err != nil {
		return fmt.Errorf("looking up what the rows name: %w", err)
	}
	for i, row := range rows {
		plan, err := r.planner.plan(from+i, row, lookup, true, nil)
		if err != nil {
			return err
		}
		e := Entry{Index: from + i, Row: row.Number}
		if known != nil {
			e = *known
		}
		e.State, e.Problem, e.Key, e.Access = plan.State, plan.Problem, plan.Key, plan.Access
		if plan.State == EntryPending {
			e.State = EntrySending
			e.Attempt++
			c.sending = append(c.sending, e)
			c.fields = append(c.fields, plan.Fields)
		}
		c.entries = append(c.entries, e)
	}
	return nil
}

// send is the heart: intend, send, settle. Between the first commit and the
// second the rows are in doubt, and whoever comes next knows it.
func (r *run) send(ctx context.Context, c *chunk) error {
	c.sentAt(r.s.now())
	if _, err := r.write(ctx, c.entries, c.advance); err != nil {
		return err
	}
	r.doubt = true
	started := r.s.now()
	// A request that is under way is not cut by a shutdown: its answer is
	// worth more than the seconds.
	sent, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.s.settle)
	defer cancel()
	reply, err := r.caller.Call(sent, "crm.item.batchImport", map[string]any{
		"entityTypeId": r.imp.Target.EntityTypeID, "useOriginalUfNames": "Y", "data": keyed(c),
	})
	took := r.s.now().Sub(started)
	// From here on the process may be stopping: what the portal has told is
	// recorded all the same.
	record := context.WithoutCancel(ctx)
	if err != nil {
		return r.notAnswered(record, c, took, err)
	}
	verdicts, err := verdictsOf(reply.Result, c)
	if err != nil {
		r.s.log.WarnContext(ctx, "answer cannot be read; its rows will be looked up", "import", r.imp.ID, "err", err)
		return nil // still sending, so they are rechecked
	}
	if reason, all := refusesAll(verdicts, c); all {
		if err := r.settled(record, back(c.sending), nil); err != nil {
			return err
		}
		r.doubt = false
		return &waitError{reason: reason}
	}
	var outcomes []Entry
	r.doubt = false
	for i, e := range c.sending {
		switch v := verdicts[i]; {
		case v.id > 0:
			e.State, e.ItemID = EntryCreated, v.id
		case v.saved || v.code == "" && v.text == "":
			r.doubt = true // it may exist: it is looked up
			continue
		default:
			p := problem("row_refused", "code", v.code, "text", v.text)
			e.State, e.Problem = EntryFailed, &p
		}
		outcomes = append(outcomes, e)
	}
	perRow := perRow(reply.Time, took, len(c.sending))
	return r.settled(record, outcomes, func(imp *Import) {
		imp.Failures = 0
		imp.SecondsPerRow = smooth(imp.SecondsPerRow, perRow)
	})
}

// keyed is the data of a batchImport as an object, so that each verdict
// names its row. The keys sort in file order, and so do the items' ids.
func keyed(c *chunk) map[string]any {
	data := make(map[string]any, len(c.fields))
	for i, fields := range c.fields {
		data[chunkKey(c.sending[i])] = fields
	}
	return data
}

func chunkKey(e Entry) string { return fmt.Sprintf("r%08d", e.Index) }

// notAnswered says what an error proves about the rows that were sent.
func (r *run) notAnswered(ctx context.Context, c *chunk, took time.Duration, err error) error {
	var e *bitrix.Error
	if !errors.As(err, &e) || e.Class == bitrix.Unknown {
		// Before it left, the request may have waited for its turn or for a
		// token: the portal may be at work on it for a whole time-out yet.
		c.sentAt(r.s.now())
		slow := 0.0
		if took > 50*time.Second {
			// It ran into the portal's own limit: it was too large.
			slow = took.Seconds() / float64(len(c.sending))
		}
		werr := r.settled(ctx, c.sending, func(imp *Import) { imp.SecondsPerRow = max(imp.SecondsPerRow, slow) })
		if werr != nil {
			return werr
		}
		r.s.log.WarnContext(ctx, "answer lost; its rows will be looked up", "import", r.imp.ID, "rows", len(c.sending), "err", err)
		return nil
	}
	// Refused before execution, or refused for good as a whole: either way
	// nothing was written, and the rows are as they were.
	if werr := r.settled(ctx, back(c.sending), nil); werr != nil {
		return werr
	}
	r.doubt = false
	if e.Class == bitrix.Final {
		if _, known := reasonOf(err); !known {
			return &waitError{reason: problem("portal_refused", "code", e.Code, "text", plainText(e.Description))}
		}
	}
	return err
}

// back returns rows to pending: they were provably not written, and the
// attempt does not count.
func back(sending []Entry) []Entry {
	entries := slices.Clone(sending)
	for i := range entries {
		entries[i].State = EntryPending
		entries[i].Attempt--
	}
	return entries
}

// verdict is what the portal says of one row; the zero one is no word.
type verdict struct {
	id         int64
	code, text string
	// saved: the portal reports trouble about an item that it has saved.
	saved bool
}

// verdictsOf reads the answer, a verdict for each row that was sent.
func verdictsOf(result json.RawMessage, c *chunk) ([]verdict, error) {
	keys := make([]string, len(c.sending))
	for i, e := range c.sending {
		keys[i] = chunkKey(e)
	}
	rows, err := bitrix.ParseImported(result, keys)
	if err != nil {
		return nil, fmt.Errorf("reading the verdicts: %w", err)
	}
	verdicts := make([]verdict, len(keys))
	for i, key := range keys {
		row, ok := rows[key]
		switch {
		case !ok:
		case row.Err != nil:
			verdicts[i] = verdict{
				code: row.Err.Code, text: plainText(row.Err.Description), saved: row.Err.Class == bitrix.Unknown,
			}
		default:
			verdicts[i].id = row.ID
		}
	}
	return verdicts, nil
}

// refusesAll: a right or a plan that is missing refuses each row alike; the
// rows are not to blame.
func refusesAll(verdicts []verdict, c *chunk) (Problem, bool) {
	var code string
	for _, v := range verdicts {
		reason, known := reasons[strings.ToUpper(v.code)]
		if v.id > 0 || !known || reason == "target_gone" {
			return Problem{}, false
		}
		code = v.code
	}
	if len(c.sending) == 0 {
		return Problem{}, false
	}
	return problem(reasons[strings.ToUpper(code)], "code", code), true
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

// perRow is what a row cost the portal, in seconds: as it says, or as long
// as the request took.
func perRow(t bitrix.Time, took time.Duration, rows int) float64 {
	return cmp.Or(t.Duration, took, time.Millisecond).Seconds() / float64(rows)
}

// smooth follows the portal's speed: at once when it gets slower, slowly
// when it gets faster.
func smooth(was, is float64) float64 {
	if was == 0 || is > was {
		return is
	}
	return 0.7*was + 0.3*is
}
