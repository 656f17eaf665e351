package importer

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// sendBack sends deletes and updates and records what has come of them. To
// repeat one is harmless, so rows without a word simply come again.
func (r *run) sendBack(ctx context.Context, sent []Entry, commands []bitrix.Command) error {
	started := r.s.now()
	under, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.s.settle)
	defer cancel()
	reply, err := r.batchOrCall(under, commands)
	record := context.WithoutCancel(ctx)
	if err != nil {
		return r.undoFailed(record, err)
	}
	if fault := r.undoRefused(reply, commands); fault != nil {
		return &waitError{reason: problem(undoRight, "code", fault.Code)}
	}
	perRow := (r.s.now().Sub(started)).Seconds() / float64(len(sent))
	if reply.Time.Duration > 0 {
		perRow = reply.Time.Duration.Seconds() / float64(len(sent))
	}
	var settled []Entry
	var again, lost *bitrix.Error
	for i, e := range sent {
		fault := reply.Errors[commands[i].Key]
		_, ran := reply.Results[commands[i].Key]
		switch {
		case fault == nil && !ran, fault != nil && fault.Class == bitrix.Unknown:
			lost = &bitrix.Error{Class: bitrix.Unknown}
			continue
		case fault == nil:
			e.Undo = TakenBack
			if e.State == EntryUpdated && r.hasFile(e) {
				e.Undo, e.UndoProblem = impossible("undo_files")
			}
		case fault.Code == "NOT_FOUND" && e.State == EntryCreated:
			e.Undo = TakenBack
		case fault.Code == "NOT_FOUND":
			e.Undo, e.UndoProblem = impossible("undo_item_gone")
		case verdict{fault: fault}.refusedRight():
			e.Undo, e.UndoProblem = impossible("undo_no_right", "code", fault.Code)
		case fault.Class == bitrix.Refused:
			again = fault
			continue
		default:
			e.Undo, e.UndoProblem = impossible("undo_refused", "code", fault.Code, "text", plainText(fault.Description))
		}
		settled = append(settled, e)
	}
	err = r.writeUndo(record, settled, false, func(imp *Import) {
		if lost == nil {
			imp.Failures = 0
		}
		imp.SecondsPerRow = smooth(imp.SecondsPerRow, max(perRow, 1e-3))
	})
	switch {
	case err != nil:
		return err
	case again != nil:
		return again
	case lost != nil:
		return r.undoFailed(record, lost) // not at once and for ever
	}
	return nil
}

// undoRight is the reason of a taking back that waits because the person lacks
// the right to it.
const undoRight = "undo_right"

// undoRefused is the refusal of a request, all of which was refused for a right
// before any item was taken back: to go on would make an end of every item that
// somebody else, or this person with the right, can still take back.
func (r *run) undoRefused(reply bitrix.BatchReply, commands []bitrix.Command) *bitrix.Error {
	if r.imp.Undo.TakenBack > 0 || r.imp.Target.UndoAnyway {
		return nil
	}
	var last *bitrix.Error
	for _, c := range commands {
		fault := reply.Errors[c.Key]
		if !(verdict{fault: fault}).refusedRight() {
			return nil
		}
		last = fault
	}
	return last
}

func (r *run) hasFile(e Entry) bool {
	for name := range e.Before {
		if r.targets[name].Type == "file" {
			return true
		}
	}
	return false
}

// undoFailed waits for a portal whose answer was lost.
func (r *run) undoFailed(ctx context.Context, err error) error {
	var fault *bitrix.Error
	if errors.As(err, &fault) && fault.Class != bitrix.Unknown {
		return err
	}
	failures := min(r.imp.Failures, 6)
	if werr := r.writeUndo(ctx, nil, false, func(imp *Import) { imp.Failures++ }); werr != nil {
		return werr
	}
	return &waitError{reason: problem(unreachable), until: r.s.now().Add(5 * time.Second << failures)}
}

// batchOrCall sends commands in a batch; those with text that a batch would
// change go in calls of their own.
func (r *run) batchOrCall(ctx context.Context, commands []bitrix.Command) (bitrix.BatchReply, error) {
	var together, apart []bitrix.Command
	for _, c := range commands {
		params, _ := c.Params.(map[string]any)
		fields, _ := params["fields"].(map[string]any)
		if _, _, plain := measure(fields); plain {
			together = append(together, c)
		} else {
			apart = append(apart, c)
		}
	}
	var reply bitrix.BatchReply
	if len(together) > 0 {
		var err error
		if reply, err = r.caller.Batch(ctx, together); err != nil {
			return reply, err
		}
	}
	if reply.Results == nil {
		reply.Results = map[string]json.RawMessage{}
	}
	if reply.Errors == nil {
		reply.Errors = map[string]*bitrix.Error{}
	}
	for _, c := range apart {
		one, err := r.caller.Call(ctx, c.Method, c.Params)
		var fault *bitrix.Error
		switch {
		case err == nil:
			reply.Results[c.Key] = one.Result
			reply.Time.Duration += one.Time.Duration
		case errors.As(err, &fault):
			reply.Errors[c.Key] = fault
		default:
			return reply, err
		}
	}
	return reply, nil
}
