package importer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// StartRules goes on with an import that waits because its person may not
// import: rows are added one by one, and the portal's automation rules and
// workflows start with each, as if it were added by hand.
func (s *Service) StartRules(ctx context.Context, a Actor, imp string) (Import, error) {
	resumed, err := s.update(ctx, a, imp, func(imp *Import) error {
		if imp.State != Waiting || imp.Reason == nil || imp.Reason.Code != askRules {
			return Refuse("not_running")
		}
		imp.Target.Automation, imp.Target.AddOnly = true, true
		imp.resume()
		return nil
	})
	if err != nil {
		return Import{}, err
	}
	s.ring(ctx, runLane(resumed.Portal))
	return resumed, nil
}

// trialRows is how many rows a trial has where nobody says.
const trialRows = 5

// Try begins to write a checked import and pauses after its first rows, so
// that a person can look at what comes of them: then the rest follows by
// Resume, or Undo takes them back. Only rows that are written count: there is
// nothing to look at in others.
func (s *Service) Try(ctx context.Context, a Actor, imp string, rows int) (Import, error) {
	if rows <= 0 {
		rows = trialRows
	}
	i, err := s.Import(ctx, a, imp)
	if err != nil {
		return Import{}, err
	}
	until := 0 // all of them, if they are no more than that
	if i.State == Checked {
		last, _, err := s.filterRows(ctx, i, RowFilter{States: []EntryState{EntryCreated, EntryUpdated}}, rows-1, 1)
		if err != nil {
			return Import{}, fmt.Errorf("finding the rows to try: %w", err)
		}
		for _, index := range last {
			until = index + 1
		}
	}
	return s.start(ctx, a, imp, until)
}

// RetryFailed makes a draft of the rows of an ended import that failed: with
// their numbers, their corrected cells, its target, mapping and decisions.
// Asked for twice, it is the same draft. Rows of which nobody knows whether
// they arrived are not in it: to write them again might double them.
func (s *Service) RetryFailed(ctx context.Context, a Actor, imp string) (Import, error) {
	from, err := s.owned(ctx, a, imp)
	if err != nil {
		return Import{}, err
	}
	if !from.State.Ended() {
		return Import{}, Refuse("undo_not_yet")
	}
	for n := range maxRetries {
		id := draftID("retry:"+from.ID, n)
		have, err := s.store.Import(ctx, a.Portal, id)
		if errors.Is(err, ErrNotFound) {
			return s.retry(ctx, a, from, id)
		}
		if err != nil {
			return Import{}, fmt.Errorf("loading import: %w", err)
		}
		if _, err := s.store.Upload(ctx, a.Portal, have.Upload); !errors.Is(err, ErrNotFound) {
			return have, err
		}
		// That draft was thrown away.
	}
	return Import{}, Refuse("nothing_failed")
}

const maxRetries = 100

func (s *Service) retry(ctx context.Context, a Actor, from Import, id string) (Import, error) {
	u, err := s.deriveFailed(ctx, a, from)
	if err != nil {
		return Import{}, err
	}
	limit, err := s.limits.RowLimit(ctx, a.Portal)
	if err != nil {
		return Import{}, fmt.Errorf("asking for the row limit: %w", err)
	}
	draft := Import{
		ID: id, Portal: a.Portal, User: a.User, UserName: a.Name, Admin: a.Admin, Connection: a.Connection,
		Zone: a.Zone, Lang: a.Lang, Upload: u.ID, FileName: from.FileName, State: Draft, Limit: limit,
		StartID: -1, Key: u.Key, Created: s.now(), Rows: u.Table.Rows,
		Target: from.Target.anew(), Mapping: from.Mapping, Decisions: from.Decisions, Archive: from.Archive, Origin: from.ID,
	}
	if err := s.store.CreateImport(ctx, draft); err != nil {
		// A double click has made the same draft.
		if have, e := s.store.Import(ctx, a.Portal, id); e == nil {
			return have, s.forgetUpload(ctx, u)
		}
		return Import{}, fmt.Errorf("creating import: %w", err)
	}
	return draft, nil
}

// deriveFailed makes an upload of the rows that failed.
func (s *Service) deriveFailed(ctx context.Context, a Actor, from Import) (Upload, error) {
	whole, err := s.store.Upload(ctx, from.Portal, from.Upload)
	if err != nil {
		return Upload{}, fmt.Errorf("loading upload: %w", err)
	}
	if whole.State != Ready {
		return Upload{}, Refuse("file_gone")
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails, see crypto/rand
	u := Upload{
		ID: newID(), Portal: a.Portal, User: a.User, Name: whole.Name, State: Ready, Derived: true,
		Inspection: whole.Inspection, Revision: 1, Key: key, Created: s.now(),
	}
	profilers := make([]*field.Profiler, len(whole.Table.Columns))
	for i := range profilers {
		profilers[i] = field.NewProfiler()
	}
	var table sheet.Table
	err = s.files.Write(ctx, canonName(u.ID, u.Revision), key, func(canon io.Writer) error {
		return s.files.Write(ctx, indexName(u.ID, u.Revision), key, func(index io.Writer) error {
			w, err := sheet.NewTableWriter(canon, index, whole.Table.Columns)
			if err != nil {
				return err
			}
			err = s.eachOutcome(ctx, from, 0, []EntryState{EntryFailed}, func(_ []sheet.Column, o RowOutcome) (bool, error) {
				if o.Problem != nil && o.Problem.Code == "unknown_outcome" {
					return true, nil
				}
				for i, p := range profilers {
					if i < len(o.Cells) {
						p.Add(o.Cells[i], o.Row)
					}
				}
				return true, w.Row(sheet.Row{Number: o.Row, Cells: o.Cells})
			})
			if err != nil {
				return err
			}
			if table, err = w.Close(); err == nil && table.Rows == 0 {
				return Refuse("nothing_failed")
			}
			return err
		})
	})
	if err != nil {
		return Upload{}, errors.Join(err, s.files.Delete(ctx, uploadDir(u.ID)))
	}
	u.Table, u.Size, u.Received = &table, table.Bytes, table.Bytes
	for _, p := range profilers {
		u.Profiles = append(u.Profiles, p.Profile())
	}
	if err := s.store.CreateUpload(ctx, u); err != nil {
		return Upload{}, fmt.Errorf("creating upload: %w", err)
	}
	return u, nil
}

// Anew makes a draft of the same file after all that an import has written was
// taken back, as after a trial that did not look right: with its target,
// mapping, decisions, corrected cells and ZIP, for the person to change.
func (s *Service) Anew(ctx context.Context, a Actor, imp string) (Import, error) {
	from, err := s.Import(ctx, a, imp)
	if err != nil {
		return Import{}, err
	}
	if !from.MayAnew() {
		return Import{}, Refuse("already_ended")
	}
	edits, err := s.store.Edits(ctx, imp, 0, sheet.MaxRows)
	if err != nil {
		return Import{}, fmt.Errorf("reading corrected cells: %w", err)
	}
	draft, err := s.Repeat(ctx, a, imp, from.Upload)
	if errors.Is(err, ErrNotFound) {
		return Import{}, Refuse("file_gone")
	}
	if err != nil {
		return Import{}, err
	}
	return s.store.CorrectCells(ctx, a.Portal, draft.ID, edits, nil, allowed(a, func(imp *Import) error {
		if err := changeable(*imp); err != nil {
			return err
		}
		imp.Archive = from.Archive
		return nil
	}))
}

// MayAnew reports whether nothing is left of an import, so that its rows can
// be imported once more without doubling any.
func (i Import) MayAnew() bool {
	return i.State == Undone && i.Undo.Kept+i.Undo.Impossible == 0
}

// Repeat makes the draft of an upload into one with the target, the mapping
// and the decisions of another import. Columns are known by their names:
// another file may have them elsewhere, or not at all.
func (s *Service) Repeat(ctx context.Context, a Actor, imp, upload string) (Import, error) {
	from, err := s.owned(ctx, a, imp)
	if err != nil {
		return Import{}, err
	}
	before, err := s.store.Upload(ctx, from.Portal, from.Upload)
	if err != nil {
		return Import{}, fmt.Errorf("loading upload: %w", err)
	}
	draft, err := s.Begin(ctx, a, upload)
	if err != nil {
		return Import{}, err
	}
	u, err := s.Upload(ctx, a, upload)
	if err != nil {
		return Import{}, err
	}
	place := placesByName(before.Inspection.Columns, u.Inspection.Columns)
	return s.update(ctx, a, draft.ID, func(imp *Import) error {
		if err := changeable(*imp); err != nil {
			return err
		}
		imp.Target, imp.Origin = from.Target.anew(), from.ID
		imp.Mapping = Mapping{Constants: maps.Clone(from.Mapping.Constants)}
		imp.Decisions = nil
		mapped := make(map[int]ColumnMapping, len(from.Mapping.Columns))
		for _, m := range from.Mapping.Columns {
			if column, has := place[m.Column]; has {
				m.Column = column
				mapped[column] = m
			}
		}
		for column := range u.Inspection.Columns {
			m := mapped[column]
			m.Column = column
			imp.Mapping.Columns = append(imp.Mapping.Columns, m)
		}
		for _, d := range from.Decisions {
			if column, has := place[d.Column]; has {
				d.Column = column
				imp.Decisions = append(imp.Decisions, d)
			}
		}
		imp.redraft()
		return nil
	})
}

// placesByName says where the columns of one file are in another; of several
// with one name the first is the first.
func placesByName(was, is []sheet.Column) map[int]int {
	places := map[string][]int{}
	for i, c := range is {
		places[c.Name] = append(places[c.Name], i)
	}
	found := map[int]int{}
	for i, c := range was {
		if list := places[c.Name]; len(list) > 0 {
			found[i] = list[0]
			places[c.Name] = list[1:]
		}
	}
	return found
}
