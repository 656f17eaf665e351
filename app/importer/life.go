package importer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Start begins to write a checked import. A second start is the same import.
func (s *Service) Start(ctx context.Context, a Actor, imp string) (Import, error) {
	return s.start(ctx, a, imp, 0)
}

// start begins to write; trial is the row before which a trial ends, 0 for
// none.
func (s *Service) start(ctx context.Context, a Actor, imp string, trial int) (Import, error) {
	limit, err := s.limits.RowLimit(ctx, a.Portal)
	if err != nil {
		return Import{}, fmt.Errorf("asking for the row limit: %w", err)
	}
	// A limit that has come back since the check makes the check worthless.
	_, err = s.update(ctx, a, imp, func(imp *Import) error {
		if imp.State == Checked && limit > 0 && (imp.Limit == 0 || imp.Limit > limit) {
			imp.Limit = limit
			imp.redraft()
		}
		return nil
	})
	if err != nil {
		return Import{}, err
	}
	first := false
	started, err := s.update(ctx, a, imp, func(imp *Import) error {
		switch imp.State {
		case Running, Waiting:
			return nil
		case Checked:
			first = true
		case Draft, Checking:
			return Refuse("not_checked")
		default:
			return Refuse("already_ended")
		}
		if imp.Plan.Created+imp.Plan.Updated == 0 {
			return Refuse("nothing_to_import")
		}
		imp.State, imp.Started, imp.Verify, imp.Reason = Running, s.now(), true, nil
		imp.refreshed(a)
		imp.TrialUntil = trial
		return nil
	})
	if err != nil {
		return Import{}, err
	}
	if first {
		s.remember(ctx, a, started)
	}
	s.ring(ctx, runLane(started.Portal))
	return started, nil
}

// LiftLimit takes the row limit from what the actor has not started yet,
// after his portal has registered: the rows it left out are checked as well.
func (s *Service) LiftLimit(ctx context.Context, a Actor) error {
	limit, err := s.limits.RowLimit(ctx, a.Portal)
	if err != nil {
		return fmt.Errorf("asking for the row limit: %w", err)
	}
	drafts, err := s.store.Imports(ctx, a.Portal, 0, Draft, Checking, Checked)
	if err != nil {
		return fmt.Errorf("listing drafts: %w", err)
	}
	for _, draft := range drafts {
		if draft.User != a.User || draft.Limit == limit {
			continue
		}
		_, err := s.update(ctx, a, draft.ID, func(imp *Import) error {
			if changeable(*imp) == nil {
				imp.Limit = limit
				imp.redraft()
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("lifting the limit of a draft: %w", err)
		}
	}
	return nil
}

// Pause holds an import after the request that is under way.
func (s *Service) Pause(ctx context.Context, a Actor, imp string) (Import, error) {
	return s.update(ctx, a, imp, func(imp *Import) error {
		switch imp.State {
		case Paused:
			return nil
		case Running, Waiting:
			if imp.stopping() {
				return Refuse("already_ended")
			}
			imp.State, imp.Until = Paused, time.Time{}
			return nil
		default:
			return Refuse("not_running")
		}
	})
}

// Resume goes on with a paused or waiting import, after the portal's fields
// were compared with those of the check.
func (s *Service) Resume(ctx context.Context, a Actor, imp string) (Import, error) {
	return s.goOn(ctx, a, imp, func(imp *Import) {
		if imp.Reason != nil && imp.Reason.Code == rightLost {
			imp.Target.Patience = morePatience * imp.Target.patience()
		}
		if imp.Reason != nil && imp.Reason.Code == undoRight {
			imp.Target.UndoAnyway = true
		}
	})
}

func (s *Service) goOn(ctx context.Context, a Actor, imp string, said func(*Import)) (Import, error) {
	resumed, err := s.update(ctx, a, imp, func(imp *Import) error {
		switch imp.State {
		case Running:
			return nil
		case Paused, Waiting:
			if imp.stopping() {
				return Refuse("already_ended")
			}
			said(imp)
			if imp.Undoing {
				imp.Connection = a.Connection // with the rights of who asks for it
			}
			imp.resume()
			imp.refreshed(a)
			return nil
		default:
			return Refuse("already_ended")
		}
	})
	if err != nil {
		return Import{}, err
	}
	s.ring(ctx, runLane(resumed.Portal))
	return resumed, nil
}

// refreshed takes what is known of the person now: he may have become an
// administrator since the draft, or ceased to be one.
func (i *Import) refreshed(a Actor) {
	if a.User == i.User {
		i.Admin = a.Admin
	}
}

// resume goes on; a trial that is done is over with it.
func (i *Import) resume() {
	if i.Tried() {
		i.TrialUntil = 0
	}
	i.State, i.Reason, i.Until, i.Verify = Running, nil, time.Time{}, !i.Undoing
}

// stopping is the reason of an import that waits only for the word on its
// last request: nothing new is sent, and then it is stopped.
const stopping = "stopping"

func (i *Import) stopping() bool {
	return i.State == Waiting && i.Reason != nil && i.Reason.Code == stopping
}

// Stop ends an import for good. What is in stays in. Rows whose request is
// under way still get their outcome: until then the import is stopping.
func (s *Service) Stop(ctx context.Context, a Actor, imp string) (Import, error) {
	stopped, err := s.update(ctx, a, imp, func(imp *Import) error {
		switch imp.State {
		case Stopped:
			return nil
		case Running, Paused, Waiting:
			p := problem(stopping)
			imp.State, imp.Reason, imp.Until = Waiting, &p, s.now()
			return nil
		default:
			return Refuse("not_running")
		}
	})
	if err != nil || stopped.State == Stopped {
		return stopped, err
	}
	// From here on no request is begun, so what is not under way now never
	// will be.
	doubtful, err := s.journal.Entries(ctx, imp, 0, 1, EntrySending)
	if err != nil {
		return stopped, fmt.Errorf("looking for rows under way: %w", err)
	}
	if len(doubtful) > 0 {
		s.ring(ctx, runLane(stopped.Portal))
		return stopped, nil
	}
	stopped, err = s.update(ctx, a, imp, func(imp *Import) error {
		imp.end(Stopped, s.now())
		return nil
	})
	if err == nil {
		s.releaseConnection(ctx, stopped)
	}
	return stopped, err
}

// end gives an import its last state. Rows that were never sent because a
// person stopped it are skipped: every row has an outcome.
func (i *Import) end(state State, now time.Time) {
	i.State, i.Finished, i.Reason, i.Until = state, now, nil, time.Time{}
	i.Undoing = false
	if state == Stopped {
		i.Counts.Skipped += i.Rows - i.Counts.Sum()
	}
}

// cured are reasons to wait that may be over when the person opens the app:
// there is a fresh grant, or somebody has paid, or given him the right. What is
// not over makes the import wait again, after one request.
func cured(reason *Problem) bool {
	if reason == nil {
		return false
	}
	switch reason.Code {
	case "connection_gone", "app_removed", "app_closed_for_you", "subscription_ended", "portal_closed", "portal_overloaded",
		"no_right", "no_update_right", rightLost, undoRight, "no_import_right", "not_in_plan", "rest_not_in_plan", "scope_missing", "not_an_employee":
		return true
	}
	return false
}

// Reopened goes on with imports that waited for their person: he has opened
// the app, so there is a fresh grant, and perhaps what was missing is there.
func (s *Service) Reopened(ctx context.Context, a Actor) error {
	waiting, err := s.store.Imports(ctx, a.Portal, 0, Waiting)
	if err != nil {
		return fmt.Errorf("listing waiting imports: %w", err)
	}
	ring := false
	for _, imp := range waiting {
		if imp.User != a.User || !imp.Until.IsZero() || !cured(imp.Reason) {
			continue
		}
		if _, err := s.goOn(ctx, a, imp.ID, func(*Import) {}); err != nil {
			var refused *Refusal
			if errors.As(err, &refused) {
				continue // ended meanwhile
			}
			return err
		}
		ring = true
	}
	if ring {
		s.ring(ctx, runLane(a.Portal))
	}
	return nil
}

// Progress is what the pages show while a check or a run goes on.
func (s *Service) Progress(ctx context.Context, a Actor, imp string) (Progress, error) {
	i, err := s.Import(ctx, a, imp)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{
		State: i.State, Rows: i.Rows, CheckedRows: i.CheckedRows, Plan: i.Plan, Counts: i.Counts,
		Rechecked: i.Rechecked, Reason: i.Reason, Until: i.Until,
		Tried: i.Tried(), Undoing: i.Undoing, Undo: i.Undo,
	}
	p.Low, p.High = s.timeLeft(ctx, i)
	return p, nil
}

// Recover is called once at start: it gives back the lanes that the former
// process under the same Holder left behind. The caller makes sure that it
// is dead.
func (s *Service) Recover(ctx context.Context) error {
	if err := s.journal.ReleaseHolder(ctx, s.holder); err != nil {
		return fmt.Errorf("giving back the lanes of the former process: %w", err)
	}
	return nil
}

// Tidy deletes files, journals and keys whose time is over. It is called
// once a day and goes on where it stopped.
func (s *Service) Tidy(ctx context.Context) error {
	old, err := s.store.ExpiredUploads(ctx, s.now().Add(-s.keepFor))
	if err != nil {
		return fmt.Errorf("listing expired uploads: %w", err)
	}
	var failed error
	for _, u := range old {
		if err := s.tidyUpload(ctx, u); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

func (s *Service) tidyUpload(ctx context.Context, u Upload) error {
	if u.Archive {
		if used, err := s.archiveInUse(ctx, u.Portal, u.ID); err != nil || used {
			return err
		}
	}
	imports, err := s.store.UploadImports(ctx, u.Portal, u.ID)
	if err != nil {
		return fmt.Errorf("listing the upload's imports: %w", err)
	}
	for _, imp := range imports {
		if err := s.files.Delete(ctx, importDir(imp.ID)); err != nil {
			return fmt.Errorf("deleting an import's files: %w", err)
		}
	}
	return s.forgetUpload(ctx, u)
}

// DeleteFiles deletes everything kept for uploads and imports of a portal
// that removed the app.
func (s *Service) DeleteFiles(ctx context.Context, uploads, imports []string) error {
	var failed error
	for _, id := range uploads {
		failed = errors.Join(failed, s.files.Delete(ctx, uploadDir(id)))
	}
	for _, id := range imports {
		failed = errors.Join(failed, s.files.Delete(ctx, importDir(id)))
	}
	return failed
}
