package handlers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

// How a stream of progress behaves: proxies and browsers see a sign of life,
// and nothing holds a connection for ever; the script comes back.
const (
	streamEvery = time.Second
	streamAlive = 15 * time.Second
	streamLife  = 10 * time.Minute
)

// progressAnswer is how far something is, in words and numbers that a page
// shows as they are.
type progressAnswer struct {
	// Phase is what goes on: when it changes, the page is another one.
	// "reading", "draft", "checking", "checked", one of the phases below, and
	// the ends.
	Phase string `json:"phase"`
	Ended bool   `json:"ended"`
	// Done of All is the bar.
	Done int64 `json:"done"`
	All  int64 `json:"all"`
	// Texts are sentences and numbers by the name of their place.
	Texts map[string]string `json:"texts"`
}

// Text is one of the texts, for the view.
func (p progressAnswer) Text(name string) string { return p.Texts[name] }

// progressOf asks how far an import is: reading its file, checking, running.
func (s *Server) progressOf(ctx context.Context, t locale.Catalogue, a importer.Actor, id string) (progressAnswer, error) {
	p, err := s.importer.Progress(ctx, a, id)
	if err != nil {
		return progressAnswer{}, err
	}
	switch p.State {
	case importer.Draft:
		return s.readingProgress(ctx, t, a, id)
	case importer.Checking, importer.Checked:
		state := t.Text("progress.checking")
		if p.Reason != nil {
			state = t.Problem(p.Reason.Code, p.Reason.Args)
		}
		return progressAnswer{
			Phase: string(p.State), Done: int64(p.CheckedRows), All: int64(p.Rows),
			Texts: map[string]string{
				"state": state,
				"done":  t.Text("progress.checked_of", "n", p.CheckedRows, "all", p.Rows),
			},
		}, nil
	}
	return runProgress(t, a, p), nil
}

func (s *Server) readingProgress(ctx context.Context, t locale.Catalogue, a importer.Actor, id string) (progressAnswer, error) {
	imp, err := s.importer.Import(ctx, a, id)
	if err != nil {
		return progressAnswer{}, err
	}
	u, err := s.importer.Upload(ctx, a, imp.Upload)
	if err != nil {
		return progressAnswer{}, err
	}
	answer := progressAnswer{Phase: "draft", Done: u.Done, All: u.Size, Texts: map[string]string{
		"state": t.Text("progress.reading"),
		"done":  t.Text("progress.read_of", "done", t.Bytes(u.Done), "all", t.Bytes(u.Size)),
	}}
	if u.State == importer.Reading {
		answer.Phase = "reading"
	}
	return answer, nil
}

// Phases of an import that has begun to write. What waits for a limit of the
// portal is running; what waits for a person is waiting.
const (
	phaseRunning     = "running"
	phaseWaiting     = "waiting"
	phasePaused      = "paused"
	phaseTried       = "tried" // a trial is done
	phaseUndoing     = "undoing"
	phaseUndoWaiting = "undo_waiting"
	phaseUndoPaused  = "undo_paused"
)

// phaseOf is the phase of an import that has begun to write.
func phaseOf(p importer.Progress) string {
	phase := string(p.State)
	if p.State == importer.Waiting && !p.Until.IsZero() {
		phase = phaseRunning
	}
	if p.Tried {
		phase = phaseTried
	}
	if p.Undoing {
		switch phase {
		case phaseRunning:
			phase = phaseUndoing
		case phaseWaiting:
			phase = phaseUndoWaiting
		case phasePaused:
			phase = phaseUndoPaused
		}
	}
	return phase
}

func runProgress(t locale.Catalogue, a importer.Actor, p importer.Progress) progressAnswer {
	c := p.Counts
	answer := progressAnswer{
		Phase: phaseOf(p), Ended: p.State.Ended(), Done: int64(c.Sum()), All: int64(p.Rows),
		Texts: map[string]string{
			"done":    t.Text("progress.rows_of", "n", c.Sum(), "all", p.Rows),
			"created": t.Number(int64(c.Created)), "updated": t.Number(int64(c.Updated)),
			"unchanged": t.Number(int64(c.Unchanged)), "skipped": t.Number(int64(c.Skipped)),
			"failed": t.Number(int64(c.Failed)), "state": t.Text("state." + string(p.State)), "left": "", "reason": "",
			"taken_back": t.Number(int64(p.Undo.TakenBack)), "kept": t.Number(int64(p.Undo.Kept)),
			"impossible": t.Number(int64(p.Undo.Impossible)),
		},
	}
	if p.Undoing || p.State == importer.Undone {
		answer.Done, answer.All = int64(p.Undo.Sum()), int64(c.Created+c.Updated)
		answer.Texts["done"] = t.Text("progress.items_of", "n", p.Undo.Sum(), "all", c.Created+c.Updated)
	}
	if p.Undoing && p.State == importer.Running {
		answer.Texts["state"] = t.Text("state.undoing")
	}
	if p.Tried {
		answer.Texts["state"] = t.Text("state.tried")
	}
	if p.High > 0 {
		answer.Texts["left"] = t.Text("progress.left", "span", t.Between(p.Low, p.High))
	}
	if p.State == importer.Waiting && !p.Until.IsZero() {
		answer.Texts["state"] = t.Text("progress.waiting_until", "time", t.Time(p.Until.In(zone(a.Zone))))
	}
	if p.Reason != nil && !p.Tried {
		answer.Texts["reason"] = t.Problem(p.Reason.Code, p.Reason.Args)
	}
	return answer
}

// zone is the person's time zone; UTC where it is unknown.
func zone(name string) *time.Location {
	if l, err := time.LoadLocation(name); err == nil {
		return l
	}
	return time.UTC
}

// progressNow answers once, for polling.
func (s *Server) progressNow(c *fiber.Ctx, v visit) error {
	p, err := s.progressOf(c.UserContext(), s.text(c), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	return c.JSON(p)
}

// progressStream answers with server-sent events as long as something goes
// on. It is read with fetch, which can send the session's header; EventSource
// could not.
func (s *Server) progressStream(c *fiber.Ctx, v visit) error {
	t, a, id := s.text(c), v.actor(), c.Params("id")
	first, err := s.progressOf(c.UserContext(), t, a, id)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set("X-Accel-Buffering", "no")
	// The context of a request does not end when the client leaves, and must
	// not be used after the handler has returned: the server's own ends the
	// stream, or the write that fails.
	ctx, cancel := context.WithTimeout(s.base, streamLife)
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer cancel()
		err := s.whole(func() error {
			return s.stream(ctx, w, first, func() (progressAnswer, error) { return s.progressOf(ctx, t, a, id) })
		})
		if err != nil {
			s.log.DebugContext(ctx, "progress stream ended", "import", id, "err", err)
		}
	})
	return nil
}

// stream writes each change of progress until its end.
func (s *Server) stream(ctx context.Context, w *bufio.Writer, p progressAnswer, ask func() (progressAnswer, error)) error {
	tick := time.NewTicker(streamEvery)
	defer tick.Stop()
	var sent []byte
	quiet := time.Duration(0)
	for {
		body, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("writing progress: %w", err)
		}
		switch {
		case !bytes.Equal(body, sent):
			fmt.Fprintf(w, "data: %s\n\n", body)
			sent, quiet = body, 0
		case quiet >= streamAlive:
			fmt.Fprint(w, ": alive\n\n")
			quiet = 0
		}
		if err := w.Flush(); err != nil {
			return fmt.Errorf("writing to the browser: %w", err)
		}
		if p.Ended {
			return nil
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil
			}
			return ctx.Err()
		case <-tick.C:
			quiet += streamEvery
		}
		if p, err = ask(); err != nil {
			return fmt.Errorf("asking for progress: %w", err)
		}
	}
}
