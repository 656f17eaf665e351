package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spa-importer/spa-importer/app/sheet"
	"github.com/spa-importer/spa-importer/bitrix"
)

// Sizes of a check.
const (
	checkBlock   = 1000 // rows whose references are looked up together
	maxFindings  = 5000 // distinct values kept; the rest is only counted
	firstNumbers = 20   // row numbers kept per finding
)

func checkName(imp string) string { return importDir(imp) + "/check" }

// Check has every row read, every name resolved and every value understood
// before the first write. It runs in the background and writes nothing to
// the portal.
func (s *Service) Check(ctx context.Context, a Actor, imp string) (Import, error) {
	limit, err := s.limits.RowLimit(ctx, a.Portal)
	if err != nil {
		return Import{}, fmt.Errorf("asking for the row limit: %w", err)
	}
	checked, err := s.update(ctx, a, imp, func(imp *Import) error {
		if changeable(*imp) == nil && imp.Limit != limit {
			imp.Limit = limit
			imp.redraft()
		}
		switch imp.State {
		case Checking, Checked:
			return nil // a double click, or a page that was left open
		case Draft:
		default:
			return Refuse("already_started")
		}
		if imp.Target.EntityTypeID == 0 {
			return Refuse("no_target")
		}
		if len(imp.Mapping.Columns) == 0 {
			return Refuse("nothing_mapped")
		}
		imp.State, imp.CheckedRows, imp.Plan, imp.Reason = Checking, 0, Counts{}, nil
		return nil
	})
	if err != nil {
		return Import{}, err
	}
	if checked.State == Checking {
		s.ring(ctx, checkLane(imp))
	}
	return checked, nil
}

// CheckResult is what the check has found so far; empty before its first
// words.
func (s *Service) CheckResult(ctx context.Context, a Actor, imp string) (CheckResult, error) {
	i, err := s.owned(ctx, a, imp) // findings quote cells
	if err != nil {
		return CheckResult{}, err
	}
	var result CheckResult
	err = s.loadDocument(ctx, checkName(imp), i.Key, &result)
	if errors.Is(err, ErrNotFound) || (err == nil && result.Revision != i.Revision) {
		return CheckResult{Revision: i.Revision, Rows: i.Rows}, nil
	}
	return result, err
}

// checkSlice checks a whole file. It starts from the first row each time:
// reading is fast, and what was asked of the portal is remembered.
func (s *Service) checkSlice(ctx context.Context, _ Fence, id string) (Next, error) {
	portal, err := s.store.ImportPortal(ctx, id)
	if err != nil {
		return Next{}, fmt.Errorf("finding the import's portal: %w", err)
	}
	imp, err := s.store.Import(ctx, portal, id)
	if err != nil {
		return Next{}, fmt.Errorf("loading import: %w", err)
	}
	if imp.State != Checking {
		return Next{}, nil
	}
	c := &check{s: s, imp: imp, findings: map[findingKey]*Finding{}, started: s.now()}
	next := Next{}
	err = c.run(bitrix.WithImport(ctx, imp.ID))
	if reason, until, ok := s.delay(err, imp.Failures); ok {
		s.log.InfoContext(ctx, "check waits", "import", imp.ID, "reason", reason.Code, "until", until, "err", err)
		next = Next{Again: true, At: until}
		err = c.change(ctx, func(imp *Import) error {
			imp.Reason = &reason
			imp.Failures++
			return nil
		})
	}
	var refused *Refusal
	switch {
	case errors.Is(err, errSuperseded):
		return Next{Again: true}, nil
	case errors.As(err, &refused):
		// The person must do something: back to the draft, with the reason.
		return Next{}, c.change(ctx, func(imp *Import) error {
			imp.State, imp.Reason = Draft, &refused.Problem
			return nil
		})
	case err != nil:
		return Next{}, err
	}
	return next, nil
}

// check is one pass over a file.
type check struct {
	s        *Service
	imp      Import
	planner  *planner
	resolver *resolver
	marks    *markWriter
	read     rowBlock
	plan     Counts
	problems int
	rows     int
	checked  int
	findings map[findingKey]*Finding
	order    []*Finding
	more     int
	// has are the numbers of the findings of the row at hand.
	has     []int
	started time.Time
}

type findingKey struct {
	column             int
	field, code, value string
}

// change alters the import only while this check is still the one wanted.
func (c *check) change(ctx context.Context, change func(*Import) error) error {
	_, err := c.s.store.UpdateImport(ctx, c.imp.Portal, c.imp.ID, func(now *Import) error {
		if now.State != Checking || now.Revision != c.imp.Revision {
			return errSuperseded
		}
		return change(now)
	})
	if errors.Is(err, errSuperseded) {
		return errSuperseded
	}
	if err != nil {
		return fmt.Errorf("noting the check's progress: %w", err)
	}
	return nil
}

func (c *check) run(ctx context.Context) error {
	u, err := c.s.store.Upload(ctx, c.imp.Portal, c.imp.Upload)
	if err != nil {
		return fmt.Errorf("loading upload: %w", err)
	}
	table, closer, err := c.s.openRows(ctx, c.imp, u)
	if err != nil {
		return err
	}
	defer closer.Close()
	if err := c.prepare(ctx, table, u.Revision); err != nil {
		return err
	}
	pulse := c.s.pulse(func() error { return c.report(ctx) })
	err = c.s.files.Write(ctx, marksName(c.imp.ID), c.imp.Key, func(w io.Writer) error {
		c.marks = newMarkWriter(w)
		for from := 0; from < c.rows; from += checkBlock {
			if err := c.block(ctx, table, from, pulse); err != nil {
				return err
			}
		}
		return c.marks.close()
	})
	if err != nil {
		return err
	}
	return c.finish(ctx)
}

// prepare asks the portal what the target looks like now, and keeps the
// answer for the run.
func (c *check) prepare(ctx context.Context, table tableReader, reading int) error {
	caller, err := c.s.connect(ctx, c.imp.Portal, c.imp.Connection)
	if err != nil {
		return err
	}
	schema, err := c.s.readSchema(ctx, caller, c.imp.Target.EntityTypeID, c.imp.Zone, c.imp.Lang, c.imp.Admin)
	if err != nil {
		return err
	}
	if err := checkTarget(schema, &c.imp.Target); err != nil {
		return err
	}
	if err := c.s.saveSchema(ctx, c.imp, schema, reading); err != nil {
		return err
	}
	if err := c.s.withArchive(ctx, c.imp, &schema); err != nil {
		return err
	}
	answers, err := c.s.store.Answers(ctx, c.imp.Portal, c.imp.Target.EntityTypeID)
	if err != nil {
		return fmt.Errorf("reading remembered answers: %w", err)
	}
	c.planner, err = newPlanner(c.imp, schema, table.Columns(), answers)
	if err != nil {
		return err
	}
	c.resolver = c.s.newResolver(c.imp, caller)
	if err := c.s.findPast(ctx, caller, c.planner); err != nil {
		return err
	}
	c.rows = table.Rows()
	limited := c.rows
	if c.imp.Limit > 0 {
		limited = min(limited, c.imp.Limit)
	}
	c.planner.repeats, err = findRepeats(ctx, table, c.planner, limited)
	return err
}

// block checks the rows from an index on.
func (c *check) block(ctx context.Context, table tableReader, from int, pulse *pulse) error {
	n := min(checkBlock, c.rows-from)
	rows, err := c.read.read(ctx, table, from, n)
	if err != nil {
		return err
	}
	// Rows beyond the limit are skipped whatever they name.
	asked := rows
	if c.imp.Limit > 0 {
		asked = rows[:max(0, min(n, c.imp.Limit-from))]
	}
	lookup, err := c.s.blockLookups(ctx, c.resolver, c.planner, asked)
	if err != nil {
		return portalError("looking up what the rows name", err)
	}
	if err := c.find(ctx, from, asked); err != nil {
		return portalError("finding the items of the rows", err)
	}
	for i, row := range rows {
		if err := c.row(from+i, row, lookup); err != nil {
			return err
		}
	}
	c.checked = from + n
	return pulse.beat(ctx)
}

func (c *check) row(index int, row sheet.Row, lookup memoryLookup) error {
	c.has = c.has[:0]
	plan, err := c.planner.plan(index, row, lookup, false, func(f cellFinding) { c.found(row.Number, f) })
	if err != nil {
		return err
	}
	if len(c.has) > 0 {
		c.problems++
	}
	c.plan.add(plan.outcome(), 1)
	return c.marks.add(plan.outcome(), c.has)
}

// add counts an outcome, as it is or as the plan says it.
func (c *Counts) add(state EntryState, n int) {
	switch state {
	case EntryCreated:
		c.Created += n
	case EntryUpdated:
		c.Updated += n
	case EntryUnchanged:
		c.Unchanged += n
	case EntrySkipped:
		c.Skipped += n
	case EntryFailed:
		c.Failed += n
	}
}

// found groups findings by column and distinct value.
func (c *check) found(number int, f cellFinding) {
	key := findingKey{column: -1, field: f.target.Name, code: f.problem.Code, value: findingValue(f.problem.Value)}
	name := ""
	if f.column != nil {
		key.column, name = f.column.index, f.column.name
	}
	have := c.findings[key]
	if have == nil {
		if len(c.findings) >= maxFindings {
			c.more++
			c.has = append(c.has, 0)
			return
		}
		// Findings stay for the length of the check, so their texts must not
		// hold on to the rows they came from.
		key.value = strings.Clone(key.value)
		have = &Finding{
			ID: len(c.findings) + 1, Column: key.column, ColumnName: name, Field: f.target.Name, FieldTitle: f.target.Title,
			Problem: cellProblem(f.column, f.target, f.problem), Value: key.value,
			Closest: strings.Clone(f.problem.Closest), Blocks: f.problem.Blocks,
		}
		for name, text := range have.Problem.Args {
			have.Problem.Args[name] = strings.Clone(text)
		}
		have.Safe = safe(f.problem)
		c.findings[key] = have
		c.order = append(c.order, have)
	}
	// A value may stand in a cell twice.
	if slices.Contains(c.has, have.ID) {
		return
	}
	c.has = append(c.has, have.ID)
	have.Rows++
	if len(have.First) < firstNumbers {
		have.First = append(have.First, number)
	}
}

// report shows how far the check is.
func (c *check) report(ctx context.Context) error {
	return c.change(ctx, func(imp *Import) error {
		imp.CheckedRows, imp.Plan, imp.Rows = c.checked, c.plan, c.rows
		imp.Reason, imp.Failures = nil, 0
		return nil
	})
}

// finish stores the findings before the state says that they are there.
func (c *check) finish(ctx context.Context) error {
	result := CheckResult{Revision: c.imp.Revision, Checked: c.rows, Rows: c.rows, Plan: c.plan, Problems: c.problems, More: c.more}
	slices.SortStableFunc(c.order, func(x, y *Finding) int {
		return cmp.Or(cmp.Compare(x.Column, y.Column), cmp.Compare(y.Rows, x.Rows))
	})
	if err := c.tellApart(ctx); err != nil {
		return portalError("reading what the ambiguous names could mean", err)
	}
	for _, f := range c.order {
		result.Findings = append(result.Findings, *f)
	}
	// A check that lost its lane long ago must not write over what a later
	// one has found.
	if err := c.report(ctx); err != nil {
		return err
	}
	var forgotten []Answer
	result.Answers, forgotten = c.planner.answers()
	result.Forgotten = len(forgotten)
	rules := checkedRules{Repeats: c.planner.repeats.pack(), Answers: result.Answers}
	if err := c.s.saveDocument(ctx, rulesName(c.imp.ID), c.imp.Key, rules); err != nil {
		return err
	}
	if err := c.s.savePast(ctx, c.imp, c.planner); err != nil {
		return err
	}
	if err := c.s.saveDocument(ctx, checkName(c.imp.ID), c.imp.Key, result); err != nil {
		return err
	}
	if err := c.s.store.DeleteAnswers(ctx, c.imp.Portal, c.imp.Target.EntityTypeID, forgotten); err != nil {
		return fmt.Errorf("forgetting answers that no longer fit: %w", err)
	}
	c.forgetFound(ctx)
	c.s.log.InfoContext(ctx, "file checked", "import", c.imp.ID, "rows", c.rows,
		"findings", len(c.order), "duration", c.s.now().Sub(c.started))
	return c.change(ctx, func(imp *Import) error {
		imp.State, imp.CheckedRows, imp.Rows, imp.Plan = Checked, c.rows, c.rows, c.plan
		imp.Target = c.imp.Target
		return nil
	})
}
