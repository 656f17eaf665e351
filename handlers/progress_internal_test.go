package handlers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

// TestStream: a change is sent once, silence is broken by a sign of life,
// and the stream ends with the import.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		asked := 0
		ask := func() (progressAnswer, error) {
			asked++
			switch {
			case asked < 40:
				return progressAnswer{Phase: "running", Done: 1}, nil
			case asked < 42:
				return progressAnswer{Phase: "running", Done: 2}, nil
			}
			return progressAnswer{Phase: "done", Done: 3, Ended: true}, nil
		}
		start := time.Now()
		err := (&Server{}).stream(t.Context(), bufio.NewWriter(&b), progressAnswer{Phase: "running", Done: 1}, ask)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 42*time.Second {
			t.Errorf("it took %v", took)
		}
		text := b.String()
		if n := strings.Count(text, "data: "); n != 3 {
			t.Errorf("%d events in %q", n, text)
		}
		if n := strings.Count(text, ": alive\n\n"); n != 2 {
			t.Errorf("%d signs of life in %q", n, text)
		}
		if !strings.HasSuffix(text, "\"ended\":true,\"done\":3,\"all\":0,\"texts\":null}\n\n") {
			t.Errorf("the end is %q", text)
		}
	})
}

// TestStreamEnds with the server, with its time, and with the client.
func TestStreamEnds(t *testing.T) {
	running := progressAnswer{Phase: "running"}
	same := func() (progressAnswer, error) { return running, nil }
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		if err := (&Server{}).stream(ctx, bufio.NewWriter(&bytes.Buffer{}), running, same); !errors.Is(err, context.Canceled) {
			t.Errorf("shutdown: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), streamLife)
		defer cancel()
		if err := (&Server{}).stream(ctx, bufio.NewWriter(&bytes.Buffer{}), running, same); err != nil {
			t.Errorf("after its time: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if err := (&Server{}).stream(t.Context(), bufio.NewWriter(closed{}), running, same); !errors.Is(err, errGone) {
			t.Errorf("the client left: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ask := func() (progressAnswer, error) { return progressAnswer{}, importer.ErrNotFound }
		if err := (&Server{}).stream(t.Context(), bufio.NewWriter(&bytes.Buffer{}), running, ask); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("the import is gone: %v", err)
		}
	})
}

var errGone = errors.New("gone")

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errGone }

// TestRunProgress words the states.
func TestRunProgress(t *testing.T) {
	texts, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	en := texts.For("en")
	until := time.Date(2026, 1, 2, 12, 32, 0, 0, time.UTC)
	riga := importer.Actor{Zone: "Europe/Riga"}
	counts := importer.Counts{Created: 1180, Failed: 8}
	for name, c := range map[string]struct {
		p           importer.Progress
		phase       string
		state, left string
		ended       bool
	}{
		"running":        {importer.Progress{State: importer.Running, Low: 8 * time.Minute, High: 12 * time.Minute}, "running", "Importing", "8 minutes to 12 minutes left", false},
		"waits":          {importer.Progress{State: importer.Waiting, Until: until}, "running", "Waiting for Bitrix24 until 14:32, nothing is lost", "", false},
		"for the person": {importer.Progress{State: importer.Waiting, Reason: &importer.Problem{Code: "connection_gone"}}, "waiting", "Waiting", "", false},
		"paused":         {importer.Progress{State: importer.Paused}, "paused", "Paused", "", false},
		"done":           {importer.Progress{State: importer.Done}, "done", "Done", "", true},
	} {
		c.p.Rows, c.p.Counts = 1492, counts
		got := runProgress(en, riga, c.p)
		if got.Phase != c.phase || got.Ended != c.ended || got.Text("state") != c.state || got.Text("left") != c.left {
			t.Errorf("%s: %+v", name, got)
		}
		if got.Done != 1188 || got.All != 1492 || got.Text("created") != "1,180" || got.Text("done") != "1,188 of 1,492 rows" {
			t.Errorf("%s: %+v", name, got)
		}
		if reason := got.Text("reason"); (c.p.Reason != nil) != strings.Contains(reason, "Open it again in Bitrix24") {
			t.Errorf("%s: reason %q", name, reason)
		}
	}
}
