package importer

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// questions remembers how many questions each portal has time for in one
// request: most for a full batch of them. Where a smart process holds very many
// items, and a field has no index, one may take seconds, and a portal cuts a
// request after a minute.
type questions struct{ learned }

// Times of a request that only asks: one that takes longer than slow is made
// smaller, and one that was quick may be larger the next time.
const (
	slowQuestions  = 2 * chunkTime
	quickQuestions = chunkTime / 2
)

func (q *questions) size(portal string) int { return q.get(portal, batchSize) }

// took learns from a request with n commands.
func (q *questions) took(portal string, n int, time time.Duration, answered bool) {
	size := q.size(portal)
	switch {
	case time > slowQuestions:
		q.set(portal, max(1, n/2))
	case answered && n >= size && time <= quickQuestions:
		q.set(portal, min(2*size, batchSize))
	}
}

// asking is a caller whose batches only ask: they go in as many requests as
// the portal has time for.
type asking struct {
	Caller
	s      *Service
	portal string
}

func (s *Service) asking(portal string, caller Caller) Caller {
	if have, ok := caller.(asking); ok {
		return have
	}
	return asking{caller, s, portal}
}

// Batch is that of Connection, for any number of commands.
func (a asking) Batch(ctx context.Context, commands []bitrix.Command) (bitrix.BatchReply, error) {
	all := bitrix.BatchReply{
		Results: map[string]json.RawMessage{}, Errors: map[string]*bitrix.Error{}, Times: map[string]bitrix.Time{},
		Next: map[string]int{}, Totals: map[string]int{},
	}
	for len(commands) > 0 {
		n := min(len(commands), a.s.questions.size(a.portal))
		began := a.s.now()
		reply, err := a.Caller.Batch(ctx, commands[:n])
		a.s.questions.took(a.portal, n, a.s.now().Sub(began), err == nil && len(reply.Errors) == 0)
		if err != nil {
			return bitrix.BatchReply{}, err
		}
		maps.Copy(all.Results, reply.Results)
		maps.Copy(all.Errors, reply.Errors)
		maps.Copy(all.Times, reply.Times)
		maps.Copy(all.Next, reply.Next)
		maps.Copy(all.Totals, reply.Totals)
		all.Time = reply.Time
		commands = commands[n:]
	}
	return all, nil
}
