package store_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/vault"
)

// childVariable makes the test binary a worker: kind, path, key and import of
// the database it works on, divided by "|". A worker takes a chunk for every
// line on its standard input.
const childVariable = "STORE_TEST_CHILD"

const (
	childRows  = 600
	childChunk = 5
)

// child journals the rows of an import like a run does, and says on standard
// output what was committed.
func child() int {
	if err := work(context.Background(), strings.Split(os.Getenv(childVariable), "|")); err != nil {
		if errors.Is(err, importer.ErrFenced) {
			fmt.Println("fenced")
			return 0
		}
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("done")
	return 0
}

func work(ctx context.Context, args []string) (err error) {
	key, err := hex.DecodeString(args[2])
	if err != nil {
		return err
	}
	v, err := vault.New(key)
	if err != nil {
		return err
	}
	var s *store.Store
	if args[0] == "sqlite" {
		s, err = store.OpenSQLite(ctx, args[1], v)
	} else {
		var pool *pgxpool.Pool
		if pool, err = pgxpool.New(ctx, args[1]); err != nil {
			return err
		}
		defer pool.Close()
		s, err = store.OpenPostgres(ctx, pool, v)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()

	if err := s.ReleaseHolder(ctx, "worker"); err != nil {
		return err
	}
	f, err := s.Acquire(ctx, "run:p1", "worker", time.Hour)
	if err != nil {
		return err
	}
	imp, err := s.Import(ctx, "p1", args[3])
	orders := bufio.NewScanner(os.Stdin)
	for err == nil && imp.Cursor < childRows && orders.Scan() {
		imp, err = journal(ctx, s, f, imp)
	}
	return errors.Join(err, orders.Err())
}

// journal takes one chunk through the journal.
func journal(ctx context.Context, s *store.Store, f importer.Fence, imp importer.Import) (importer.Import, error) {
	entries := make([]importer.Entry, childChunk)
	for n := range entries {
		entries[n] = importer.Entry{Index: imp.Cursor + n, Row: imp.Cursor + n + 2, State: importer.EntrySending}
	}
	if _, err := s.Write(ctx, f, imp.ID, entries, nil); err != nil {
		return imp, err
	}
	for n := range entries {
		entries[n].State = importer.EntryCreated
	}
	imp, err := s.Write(ctx, f, imp.ID, entries, func(i *importer.Import) error {
		i.Cursor += childChunk
		return nil
	})
	if err == nil {
		fmt.Println(imp.Cursor)
	}
	return imp, err
}

// worker is a child process.
type worker struct {
	cmd    *exec.Cmd
	orders io.WriteCloser
	lines  *bufio.Scanner
	last   int // what it said last
}

// order has a worker take n chunks. One that is dead hears nothing.
func (w *worker) order(n int) {
	_, _ = io.WriteString(w.orders, strings.Repeat("\n", n))
}

func (d database) startWorker(t *testing.T, imp string) *worker {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childVariable+"="+strings.Join([]string{d.kind, d.path, hex.EncodeToString(d.key), imp}, "|"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	in, err := cmd.StdinPipe()
	check(t, err)
	check(t, cmd.Start())
	return &worker{cmd: cmd, orders: in, lines: bufio.NewScanner(out)}
}

// listen reads n lines, or all, and returns the last one.
func (w *worker) listen(n int) string {
	line := ""
	for i := 0; i != n && w.lines.Scan(); i++ {
		line = w.lines.Text()
		if _, err := fmt.Sscan(line, &w.last); err != nil && !errors.Is(err, io.EOF) && line != "done" && line != "fenced" {
			return "unexpected: " + line
		}
	}
	return line
}

// verify holds counts, cursor and entries together.
func verify(t *testing.T, s *store.Store, id string, said int) importer.Import {
	t.Helper()
	i := must(s.Import(t.Context(), "p1", id))
	created := must(s.Entries(t.Context(), id, 0, childRows, importer.EntryCreated))
	if i.Counts.Created != len(created) || i.Cursor != len(created) {
		t.Fatalf("%d entries are created, %d counted, cursor %d", len(created), i.Counts.Created, i.Cursor)
	}
	if said > i.Cursor {
		t.Fatalf("%d rows were reported as committed, %d are there", said, i.Cursor)
	}
	return i
}

// A worker that is killed at any moment has lost nothing that it reported,
// and counted nothing twice.
func TestKilledWorker(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t)
		i := newImport(t, s, "p1", importer.Running)
		for kills := 0; ; kills++ {
			w := d.startWorker(t, i.ID)
			w.order(childRows)
			last := w.listen(1 + rand.IntN(12))
			if last != "done" {
				check(t, w.cmd.Process.Kill())
				if rest := w.listen(-1); rest == "done" { // it was faster
					last = rest
				}
			}
			err := w.cmd.Wait()
			got := verify(t, s, i.ID, w.last)
			if last != "done" {
				continue
			}
			if err != nil && !strings.Contains(err.Error(), "killed") {
				t.Errorf("the last worker: %v", err)
			}
			if got.Cursor != childRows {
				t.Errorf("done with %d rows of %d", got.Cursor, childRows)
			}
			t.Logf("done after %d kills", kills)
			if kills < 5 {
				t.Errorf("only %d kills", kills)
			}
			return
		}
	})
}

// A worker that has lost its lane to another process writes nothing more.
func TestFencedWorker(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		i := newImport(t, s, "p1", importer.Running)
		w := d.startWorker(t, i.ID)
		w.order(5)
		w.listen(5)
		check(t, s.ReleaseHolder(ctx, "worker"))
		f := acquire(t, s, "run:p1", "successor")
		taken := verify(t, s, i.ID, w.last)
		w.order(5)
		if last := w.listen(-1); last != "fenced" {
			t.Errorf("the worker's last word is %q", last)
		}
		check(t, w.cmd.Wait())
		if after := verify(t, s, i.ID, w.last); after.Cursor != taken.Cursor {
			t.Errorf("the worker wrote from %d to %d after it was fenced", taken.Cursor, after.Cursor)
		}
		if _, err := s.Write(ctx, f, i.ID, nil, nil); err != nil {
			t.Errorf("the successor: %v", err)
		}
	})
}
