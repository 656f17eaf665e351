package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// patient repeats calls that the portal has refused for its limits: what the
// doctor asks is not worth an error for that.
type patient struct{ Caller }

// longest is the longest wait for a limit.
const longest = time.Minute

// Call implements Caller.
func (p patient) Call(ctx context.Context, method string, params any) (bitrix.Reply, error) {
	for {
		reply, err := p.Caller.Call(ctx, method, params)
		if err == nil || !wait(ctx, err) {
			return reply, err
		}
	}
}

// Batch implements Caller.
func (p patient) Batch(ctx context.Context, commands []bitrix.Command) (bitrix.BatchReply, error) {
	for {
		reply, err := p.Caller.Batch(ctx, commands)
		if err == nil || !wait(ctx, err) {
			return reply, err
		}
	}
}

// wait waits for the end of a limit, and says whether that makes sense.
func wait(ctx context.Context, err error) bool {
	var e *bitrix.Error
	if !errors.As(err, &e) || e.Class != bitrix.Refused || e.Stops() || e.ResetAt.IsZero() {
		return false
	}
	left := time.Until(e.ResetAt)
	if left > longest {
		return false
	}
	timer := time.NewTimer(max(left, 100*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
