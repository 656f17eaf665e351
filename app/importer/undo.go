package importer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// sameMoment is how far two times of a portal may lie apart and still be
// those of one write: it keeps whole seconds.
const sameMoment = time.Second

// Undo takes an import back: created items are deleted, which on portals with
// a recycle bin means that they go there, updated items get their old values,
// and what was edited since is kept. It is a run like any other: in the
// background, paced, to be paused and stopped, and done with the rights of
// the person who asks for it.
func (s *Service) Undo(ctx context.Context, a Actor, imp string) (Import, error) {
	written, err := s.journal.UndoEntries(ctx, imp, 0, 1)
	if err != nil {
		return Import{}, fmt.Errorf("looking for what was written: %w", err)
	}
	undoing, err := s.update(ctx, a, imp, func(imp *Import) error {
		switch {
		case imp.Undoing && (imp.State == Running || imp.State == Waiting):
			return nil
		case imp.State == Undone:
			return Refuse("already_ended")
		case imp.Tried():
			imp.end(Stopped, s.now())
		case imp.State != Done && imp.State != Stopped:
			return Refuse("undo_not_yet")
		}
		if s.now().Sub(imp.Finished) > s.keepFor {
			return Refuse("undo_too_late", "days", strconv.Itoa(int(s.keepFor.Hours()/24)))
		}
		if imp.Counts.Created+imp.Counts.Updated == 0 {
			return Refuse("nothing_to_undo")
		}
		if len(written) == 0 {
			return Refuse("file_gone")
		}
		imp.Connection = a.Connection
		imp.Undoing, imp.State, imp.Reason, imp.Until = true, Running, nil, time.Time{}
		imp.SecondsPerRow, imp.Failures, imp.Target.UndoAnyway = 0, 0, false
		return nil
	})
	if err != nil {
		return Import{}, err
	}
	s.ring(ctx, runLane(undoing.Portal))
	return undoing, nil
}

// MayUndo says until when an import can be taken back; zero if it cannot.
func (s *Service) MayUndo(imp Import) time.Time {
	over := imp.State == Done || imp.State == Stopped || imp.Tried()
	if !over || imp.Counts.Created+imp.Counts.Updated <= imp.Undo.Sum() {
		return time.Time{}
	}
	finished := imp.Finished
	if finished.IsZero() {
		finished = s.now()
	}
	until := finished.Add(s.keepFor)
	if !until.After(s.now()) {
		return time.Time{}
	}
	return until
}

// writeUndo records how the taking back of entries stands. Where the run is
// about to send something, it must still be wanted.
func (r *run) writeUndo(ctx context.Context, entries []Entry, wanted bool, change func(*Import)) error {
	imp, err := r.s.journal.WriteUndo(ctx, r.fence, r.imp.ID, entries, func(imp *Import) error {
		if wanted && (imp.State != Running && (imp.State != Waiting || imp.Until.IsZero()) || imp.stopping() || !imp.Undoing) {
			return errNotRunning
		}
		if change != nil {
			change(imp)
		}
		return nil
	})
	if errors.Is(err, errNotRunning) {
		return errNotRunning
	}
	if err != nil {
		return fmt.Errorf("recording what was taken back: %w", err)
	}
	r.imp = imp
	return nil
}

// undoStep takes back the items of some rows. done means that it was the
// last step.
func (r *run) undoStep(ctx context.Context) (done bool, err error) {
	if r.caller == nil {
		if err := r.beginUndo(ctx); err != nil {
			return false, err
		}
	}
	size, err := r.undoPace(ctx)
	if err != nil || size == 0 {
		return false, err
	}
	entries, err := r.s.journal.UndoEntries(ctx, r.imp.ID, r.undoFrom, size, NotUndone, UndoSent)
	if err != nil {
		return false, fmt.Errorf("listing what is to be taken back: %w", err)
	}
	if len(entries) == 0 && r.undoFrom > 0 {
		r.undoFrom = 0 // what was refused on the way comes again
		return false, nil
	}
	if len(entries) == 0 {
		return true, r.finishUndo(ctx)
	}
	r.undoFrom = entries[len(entries)-1].Index + 1
	return false, r.takeBack(ctx, entries)
}

func (r *run) beginUndo(ctx context.Context) error {
	caller, err := r.s.connect(ctx, r.imp.Portal, r.imp.Connection)
	if err != nil {
		return err
	}
	schema, _, err := r.s.loadSchema(ctx, r.imp)
	if err != nil {
		return err
	}
	r.targets, r.base = targetsByName(schema), schema.Context.BaseCurrency
	r.caller = caller
	return r.writeUndo(ctx, nil, true, func(imp *Import) { imp.State, imp.Reason, imp.Until = Running, nil, time.Time{} })
}

// undoPace is pace for what deletes and updates.
func (r *run) undoPace(ctx context.Context) (size int, err error) {
	each := time.Duration(r.imp.SecondsPerRow * float64(time.Second))
	size = usualCommands
	switch {
	case each == 0:
		size = 1
	case each.Seconds() < cheapRow:
		size = min(batchSize, max(1, int(r.s.aim()/each)))
	default:
		size = min(size, max(1, int(r.s.aim()/each)))
	}
	at := r.caller.ReadyBatch(methodDelete, size, each)
	if r.imp.Counts.Updated > 0 {
		if t := r.caller.ReadyBatch(methodUpdate, size, each); t.After(at) {
			at = t
		}
	}
	return size, r.waitUntil(ctx, at)
}

// takeBack settles what needs no request, sends the rest and records what has
// come of it.
func (r *run) takeBack(ctx context.Context, entries []Entry) error {
	items, err := r.itemsByID(ctx, entries)
	if err != nil {
		return err
	}
	var settled, sent []Entry
	var commands []bitrix.Command
	var gone []Entry
	for _, e := range entries {
		it, there := items[e.ItemID]
		if !there {
			gone = append(gone, e)
			continue
		}
		c, result := r.wayBack(e, it)
		if c == nil {
			settled = append(settled, result)
			continue
		}
		e.Undo = UndoSent
		sent, commands = append(sent, e), append(commands, *c)
	}
	if len(gone) > 0 {
		missing, err := r.lookForGone(ctx, gone)
		if err != nil {
			return err
		}
		settled = append(settled, missing...)
	}
	if err := r.writeUndo(ctx, append(settled, sent...), true, nil); err != nil || len(sent) == 0 {
		return err
	}
	return r.sendBack(ctx, sent, commands)
}

// itemsByID reads the items of entries as they are now. Those that are
// missing were deleted, or the person may not see them.
func (r *run) itemsByID(ctx context.Context, entries []Entry) (map[int64]existing, error) {
	selected := []string{fieldID, fieldUpdated, fieldUpdatedBy, fieldCreated, fieldCreatedBy, fieldCategory}
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = strconv.FormatInt(e.ItemID, 10)
		for name := range e.Before {
			if !slices.Contains(selected, name) {
				selected = append(selected, name)
			}
		}
	}
	selected = slices.DeleteFunc(selected, func(name string) bool {
		_, has := r.targets[name]
		return !has
	})
	items := make(map[int64]existing, len(entries))
	err := readItems(ctx, r.s.asking(r.imp.Portal, r.caller), r.imp.Target.EntityTypeID, "@"+fieldID, ids, 0, selected, func(it existing) error {
		items[it.id] = it
		return nil
	})
	return items, err
}

// lookForGone tells items that were deleted from those that this person may
// not see: only of the former the portal says so.
func (r *run) lookForGone(ctx context.Context, entries []Entry) ([]Entry, error) {
	settled := make([]Entry, 0, len(entries))
	commands := make([]bitrix.Command, len(entries))
	for i, e := range entries {
		commands[i] = bitrix.Command{Key: fmt.Sprintf("g%d", i), Method: "crm.item.get", Params: map[string]any{
			"entityTypeId": r.imp.Target.EntityTypeID, "id": e.ItemID,
		}}
	}
	reply, err := r.s.asking(r.imp.Portal, r.caller).Batch(ctx, commands)
	if err != nil {
		return nil, fmt.Errorf("looking for deleted items: %w", err)
	}
	for i, e := range entries {
		fault := reply.Errors[commands[i].Key]
		switch {
		case fault == nil: // hidden from lists
			e.Undo, e.UndoProblem = impossible("undo_not_visible")
		case fault.Code == "NOT_FOUND" && e.State == EntryCreated:
			e.Undo = TakenBack
		case fault.Code == "NOT_FOUND":
			e.Undo, e.UndoProblem = impossible("undo_item_gone")
		case fault.Class == bitrix.Final:
			e.Undo, e.UndoProblem = impossible("undo_not_visible")
		default:
			return nil, fault
		}
		settled = append(settled, e)
	}
	return settled, nil
}

func impossible(code string, args ...string) (UndoState, *Problem) {
	p := problem(code, args...)
	return Impossible, &p
}

// wayBack is the command that takes a row back, or, where there is none to
// send, the entry with its result.
func (r *run) wayBack(e Entry, it existing) (*bitrix.Command, Entry) {
	params := map[string]any{"entityTypeId": r.imp.Target.EntityTypeID, "id": e.ItemID}
	key := "u" + strconv.Itoa(e.Index)
	if e.State == EntryCreated {
		if r.editedSince(e, it) {
			p := problem("undo_edited")
			e.Undo, e.UndoProblem = Kept, &p
			return nil, e
		}
		return &bitrix.Command{Key: key, Method: methodDelete, Params: params}, e
	}
	switch {
	case len(e.Before) == 0:
		e.Undo, e.UndoProblem = impossible("undo_unknown")
		return nil, e
	case r.isBack(e, it):
		e.Undo = TakenBack
		return nil, e
	case r.editedSince(e, it):
		p := problem("undo_edited")
		e.Undo, e.UndoProblem = Kept, &p
		return nil, e
	}
	fields := make(map[string]any, len(e.Before)+1)
	for name, old := range e.Before {
		t := r.targets[name]
		if t.Type == "file" {
			continue
		}
		values, _ := oldValues(old)
		switch {
		case t.Multiple && values == nil:
			fields[name] = []any{}
		case t.Multiple:
			fields[name] = values
		default:
			fields[name] = anyOf(old)
		}
	}
	if len(fields) == 0 {
		e.Undo, e.UndoProblem = impossible("undo_files")
		return nil, e
	}
	params["useOriginalUfNames"] = "Y"
	params["fields"] = withCategory(fields, it.number(fieldCategory))
	return &bitrix.Command{Key: key, Method: methodUpdate, Params: params}, e
}

// editedSince reports whether somebody has changed the item after us: its
// time of change is newer than that of our write, or somebody else's name
// stands beside it.
func (r *run) editedSince(e Entry, it existing) bool {
	if e.State == EntryCreated && r.editedByOther(it) {
		return true
	}
	if it.updated.IsZero() {
		return false // a portal without this time cannot tell
	}
	if !e.Written.IsZero() {
		return it.updated.Sub(e.Written) > sameMoment
	}
	if e.State == EntryUpdated {
		return true
	}
	// The answer to an import does not say when; nothing has happened to an
	// item that was changed when it was made. With a past of its own it was
	// changed when it was sent.
	if r.imp.sets(fieldCreated) {
		return it.updated.Sub(e.SentAt).Abs() > r.s.settle
	}
	return it.updated.Sub(timeOf(it.fields[fieldCreated])) > sameMoment
}

// editedByOther reports whether somebody other than its maker has changed a
// new item last. Within the second of our write, and of an item with a past of
// its own within our whole request, the time does not say so. Where automation
// rules start, the last change may be theirs.
func (r *run) editedByOther(it existing) bool {
	by, maker := it.number(fieldUpdatedBy), it.number(fieldCreatedBy)
	if by == 0 || maker == 0 || by == maker || r.imp.sets(fieldUpdatedBy) {
		return false
	}
	if t := r.imp.Target; t.Automation || t.AddOnly {
		return false
	}
	// Rows that name the maker leave us as the last who changed it.
	return !r.imp.sets(fieldCreatedBy) || by != r.imp.User && by != r.imp.Connection.User
}

// writtenAt is the time of our write of a new item, by the portal's clock, if
// the item itself will not tell: one with a creation time of the person's own
// was changed at the latest when the portal answered.
func (r *run) writtenAt(own, updated, answered time.Time) time.Time {
	switch {
	case !updated.IsZero():
		return updated
	case own.IsZero() && r.imp.sets(fieldCreated):
		return answered
	default:
		return own
	}
}

// sets reports whether rows say what a field holds, each or all alike.
func (i *Import) sets(name string) bool {
	_, constant := i.Mapping.Constants[name]
	return constant || slices.ContainsFunc(i.Mapping.Columns, func(c ColumnMapping) bool { return c.Field == name })
}

// isBack reports whether the item has its old values already. The portal
// sets the end date of items in final stages by itself.
func (r *run) isBack(e Entry, it existing) bool {
	for name, old := range e.Before {
		if name == fieldClose {
			continue
		}
		values, ok := oldValues(old)
		if !ok || !sameValue(r.targets[name], r.base, it.fields[name], values) {
			return false
		}
	}
	return true
}

// finishUndo ends the taking back.
func (r *run) finishUndo(ctx context.Context) error {
	err := r.writeUndo(ctx, nil, true, func(imp *Import) { imp.end(Undone, r.s.now()) })
	if err != nil {
		return err
	}
	r.s.log.InfoContext(ctx, "import undone", "import", r.imp.ID, "takenBack", r.imp.Undo.TakenBack,
		"kept", r.imp.Undo.Kept, "impossible", r.imp.Undo.Impossible)
	r.s.releaseConnection(ctx, r.imp)
	return nil
}

// stopUndo leaves what is not taken back yet as it is.
func (r *run) stopUndo(ctx context.Context) error {
	stopped, err := r.write(ctx, nil, func(imp *Import) error {
		imp.end(Stopped, r.s.now())
		return nil
	})
	if err == nil {
		r.s.releaseConnection(ctx, stopped)
	}
	return err
}
