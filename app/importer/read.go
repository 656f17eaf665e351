package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// leaseLife is how long a lane stays held without a sign of life: a dead
// process is followed by another after this time. heartbeat is how often a
// long piece of work shows how far it is.
const (
	leaseLife = 30 * time.Second
	heartbeat = 2 * time.Second
)

// Slice does a piece of a lane's work and says when there is more. It is
// what the queue calls; ErrHeld means that another process is at it.
func (s *Service) Slice(ctx context.Context, lane Lane) (Next, error) {
	kind, id, ok := strings.Cut(string(lane), ":")
	if !ok {
		return Next{}, fmt.Errorf("lane %q has no id", lane)
	}
	work, ok := map[string]func(context.Context, Fence, string) (Next, error){
		"read": s.readSlice, "check": s.checkSlice, "run": s.runSlice,
	}[kind]
	if !ok {
		return Next{}, fmt.Errorf("lane %q is of no known kind", lane)
	}
	fence, err := s.journal.Acquire(ctx, lane, s.holder, leaseLife)
	if err != nil {
		return Next{}, fmt.Errorf("taking lane %s: %w", lane, err)
	}
	held, drop := s.hold(ctx, fence)
	next, err := work(held, fence, id)
	drop()
	if errors.Is(context.Cause(held), ErrFenced) {
		return Next{}, nil // another process goes on
	}
	// The lane is given back even when the process is being stopped: who
	// comes next should not have to wait for the lease to run out.
	release := context.WithoutCancel(ctx)
	if e := s.journal.Release(release, fence); e != nil && !errors.Is(e, ErrFenced) {
		s.log.WarnContext(ctx, "giving a lane back; it runs out by itself", "lane", string(lane), "err", e)
	}
	if errors.Is(err, ErrFenced) || errors.Is(err, ErrNotFound) {
		// Another process has the lane, or what it was about is gone.
		return Next{}, nil
	}
	return next, err
}

// hold renews a lane for as long as its work takes, also while a request is
// under way. Losing the lane cancels the work.
func (s *Service) hold(ctx context.Context, f Fence) (held context.Context, drop func()) {
	held, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(leaseLife / 3)
		defer ticker.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-ticker.C:
			}
			if err := s.journal.Renew(held, f, leaseLife); errors.Is(err, ErrFenced) {
				cancel(ErrFenced)
			} else if err != nil && held.Err() == nil {
				s.log.WarnContext(held, "renewing a lane", "lane", string(f.Lane), "err", err)
			}
		}
	}()
	return held, func() { cancel(context.Canceled); <-done }
}

// Due lists the lanes that have work and nobody at it.
func (s *Service) Due(ctx context.Context) ([]Lane, error) {
	lanes, err := s.store.DueLanes(ctx, s.now())
	if err != nil {
		return nil, fmt.Errorf("listing due lanes: %w", err)
	}
	return lanes, nil
}

// pulse shows progress, at most every heartbeat.
type pulse struct {
	s    *Service
	last time.Time
	show func() error
}

func (s *Service) pulse(show func() error) *pulse {
	return &pulse{s: s, last: s.now(), show: show}
}

// beat is cheap to call often. Its error must stop the work.
func (p *pulse) beat(ctx context.Context) error {
	now := p.s.now()
	if now.Sub(p.last) < heartbeat {
		return ctx.Err()
	}
	p.last = now
	return p.show()
}

// errSuperseded ends work whose question was changed meanwhile.
var errSuperseded = errors.New("superseded")

// readSlice writes the canonical form of an upload and its columns'
// profiles. It does not resume: a file is read in seconds, and what a dead
// process left is written over.
func (s *Service) readSlice(ctx context.Context, _ Fence, id string) (Next, error) {
	portal, err := s.store.UploadPortal(ctx, id)
	if err != nil {
		return Next{}, fmt.Errorf("finding the upload's portal: %w", err)
	}
	u, err := s.store.Upload(ctx, portal, id)
	if err != nil {
		return Next{}, fmt.Errorf("loading upload: %w", err)
	}
	if u.State != Reading {
		return Next{}, nil
	}
	table, profiles, err := s.normalise(ctx, u)
	var refused *sheet.Error
	done := func(u *Upload) error {
		u.State, u.Done, u.Table, u.Profiles = Ready, u.Size, &table, profiles
		return nil
	}
	switch {
	case errors.As(err, &refused):
		done = func(u *Upload) error {
			u.State, u.Problem = Refused, &Problem{Code: refused.Code, Args: refused.Args}
			return nil
		}
	case errors.Is(err, errSuperseded):
		return Next{Again: true}, nil
	case err != nil:
		return Next{}, err
	}
	_, err = s.changeReading(ctx, u, done)
	if errors.Is(err, errSuperseded) {
		return Next{Again: true}, nil
	}
	if err != nil {
		return Next{}, fmt.Errorf("noting that the upload is read: %w", err)
	}
	return Next{}, nil
}

// changeReading changes an upload only while the reading this work began
// with is still the one the person wants.
func (s *Service) changeReading(ctx context.Context, u Upload, change func(*Upload) error) (Upload, error) {
	return s.store.UpdateUpload(ctx, u.Portal, u.ID, func(now *Upload) error {
		if now.Revision != u.Revision || now.State != Reading {
			return errSuperseded
		}
		return change(now)
	})
}

// normalise reads the whole upload once.
func (s *Service) normalise(ctx context.Context, u Upload) (sheet.Table, []field.Profile, error) {
	var table sheet.Table
	src, closer, err := s.files.Open(ctx, sourceName(u.ID), u.Key)
	if err != nil {
		return table, nil, fmt.Errorf("opening the upload: %w", err)
	}
	defer closer.Close()

	var done int64
	pulse := s.pulse(func() error {
		_, err := s.changeReading(ctx, u, func(u *Upload) error { u.Done = done; return nil })
		return err
	})
	profilers := make([]*field.Profiler, len(u.Inspection.Columns))
	for i := range profilers {
		profilers[i] = field.NewProfiler()
	}
	report := s.ofReport(u.Inspection.Columns)
	row := func(r sheet.Row) error {
		for i, p := range profilers {
			if i < len(r.Cells) && report {
				p.Add(original(r.Cells[i]), r.Number)
			} else if i < len(r.Cells) {
				p.Add(r.Cells[i], r.Number)
			} else {
				p.Add("", r.Number)
			}
		}
		return pulse.beat(ctx)
	}
	// The index is complete before the canonical form appears, so that a
	// table that can be opened can be read.
	err = s.files.Write(ctx, canonName(u.ID, u.Revision), u.Key, func(canon io.Writer) error {
		return s.files.Write(ctx, indexName(u.ID, u.Revision), u.Key, func(index io.Writer) error {
			table, err = sheet.Normalise(ctx, src, u.Inspection.Reading, canon, index, row, func(n int64) { done = n })
			return err
		})
	})
	if err != nil {
		return table, nil, fmt.Errorf("writing the canonical form: %w", err)
	}
	if report {
		table.Columns = restored(table.Columns)
	}
	table.Notes = sheet.MergeNotes(u.Inspection.Notes, table.Notes)
	profiles := make([]field.Profile, len(profilers))
	for i, p := range profilers {
		profiles[i] = p.Profile()
	}
	return table, profiles, nil
}

// openTable opens the canonical form of an upload.
func (s *Service) openTable(ctx context.Context, u Upload) (*sheet.Reader, io.Closer, error) {
	if u.State != Ready {
		return nil, nil, Refuse("still_reading")
	}
	canon, closeCanon, err := s.files.Open(ctx, canonName(u.ID, u.Revision), u.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, Refuse("file_gone")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("opening the canonical form: %w", err)
	}
	index, closeIndex, err := s.files.Open(ctx, indexName(u.ID, u.Revision), u.Key)
	if err != nil {
		closeCanon.Close()
		return nil, nil, fmt.Errorf("opening the row index: %w", err)
	}
	both := closers{closeCanon, closeIndex}
	table, err := sheet.OpenTable(ctx, canon, index)
	if err != nil {
		both.Close()
		return nil, nil, fmt.Errorf("opening the table: %w", err)
	}
	return table, both, nil
}

type closers []io.Closer

func (c closers) Close() error {
	var err error
	for _, one := range c {
		err = errors.Join(err, one.Close())
	}
	return err
}
