package importer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Marks say of each row how it is planned and which findings it has, so that
// the rows of a finding are found in a file of a million without planning
// them again. They are written while the check goes over the file, and cost
// no memory: a run of rows that are alike takes two bytes, a row with
// findings one byte and a few for each finding.
//
// A mark is a byte, head, then what it announces:
//
//	head = state | markFindings
//	with markFindings: uvarint n, then n uvarints, each the number of a finding
//	otherwise:         uvarint n, the number of rows alike
const (
	markState    = 0b0111
	markFindings = 0b1000
)

// markStates are the outcomes as marks number them.
var markStates = [...]EntryState{EntryCreated, EntryUpdated, EntryUnchanged, EntrySkipped, EntryFailed}

func marksName(imp string) string { return importDir(imp) + "/marks" }

func markOf(state EntryState) byte {
	if state == EntryPending {
		state = EntryCreated
	}
	for i, s := range markStates {
		if s == state {
			return byte(i)
		}
	}
	return byte(len(markStates) - 1)
}

// markWriter writes marks row by row.
type markWriter struct {
	w     *bufio.Writer
	buf   []byte
	state byte
	run   int // rows like the last one, not written yet
}

func newMarkWriter(w io.Writer) *markWriter { return &markWriter{w: bufio.NewWriterSize(w, 32<<10)} }

// add marks the next row.
func (m *markWriter) add(state EntryState, findings []int) error {
	mark := markOf(state)
	if len(findings) == 0 {
		if m.run > 0 && m.state != mark {
			if err := m.flushRun(); err != nil {
				return err
			}
		}
		m.state = mark
		m.run++
		return nil
	}
	if err := m.flushRun(); err != nil {
		return err
	}
	m.buf = binary.AppendUvarint(append(m.buf[:0], mark|markFindings), uint64(len(findings)))
	for _, n := range findings {
		m.buf = binary.AppendUvarint(m.buf, uint64(n))
	}
	_, err := m.w.Write(m.buf)
	return err
}

func (m *markWriter) flushRun() error {
	if m.run == 0 {
		return nil
	}
	m.buf = binary.AppendUvarint(append(m.buf[:0], m.state), uint64(m.run))
	m.run = 0
	_, err := m.w.Write(m.buf)
	return err
}

func (m *markWriter) close() error {
	if err := m.flushRun(); err != nil {
		return err
	}
	return m.w.Flush()
}

// readMarks calls f with each stretch of rows that are alike: n rows from an
// index on, and their findings. The slice is used again. It ends when f
// returns false.
func readMarks(r io.Reader, f func(index, n int, state EntryState, findings []int) bool) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var findings []int
	for index := 0; ; {
		head, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading marks: %w", err)
		}
		n, err := binary.ReadUvarint(in)
		if err != nil {
			return fmt.Errorf("reading marks: %w", err)
		}
		state := int(head & markState)
		if state >= len(markStates) || n == 0 || n > 1<<31 {
			return fmt.Errorf("marks are damaged at row %d", index)
		}
		rows := int(n)
		findings = findings[:0]
		if head&markFindings != 0 {
			rows = 1
			for range n {
				one, err := binary.ReadUvarint(in)
				if err != nil {
					return fmt.Errorf("reading marks: %w", err)
				}
				findings = append(findings, int(one))
			}
		}
		if !f(index, rows, markStates[state], findings) {
			return nil
		}
		index += rows
	}
}

// RowFilter says which rows of a checked file are wanted; the zero value is
// all of them.
type RowFilter struct {
	// Problems are the rows with findings.
	Problems bool
	// States are the outcomes wanted; none: any.
	States []EntryState
	// Finding is the number of one finding, from 1; 0: any.
	Finding int
}

func (f RowFilter) all() bool { return !f.Problems && len(f.States) == 0 && f.Finding == 0 }

func (f RowFilter) takes(state EntryState, findings []int) bool {
	if f.Problems && len(findings) == 0 {
		return false
	}
	if len(f.States) > 0 {
		have := false
		for _, s := range f.States {
			have = have || s == state
		}
		if !have {
			return false
		}
	}
	if f.Finding == 0 {
		return true
	}
	for _, n := range findings {
		if n == f.Finding {
			return true
		}
	}
	return false
}

// filterRows counts the rows a filter takes, and lists the indexes of those
// from a place on, at most n.
func (s *Service) filterRows(ctx context.Context, imp Import, filter RowFilter, from, n int) (indexes []int, all int, err error) {
	if filter.all() {
		for i := from; i < min(from+n, imp.Rows); i++ {
			indexes = append(indexes, i)
		}
		return indexes, imp.Rows, nil
	}
	marks, closer, err := s.files.Open(ctx, marksName(imp.ID), imp.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("opening marks: %w", err)
	}
	defer closer.Close()
	err = readMarks(marks, func(index, rows int, state EntryState, findings []int) bool {
		if !filter.takes(state, findings) {
			return ctx.Err() == nil
		}
		for i := max(0, from-all); i < rows && len(indexes) < n; i++ {
			indexes = append(indexes, index+i)
		}
		all += rows
		return ctx.Err() == nil
	})
	if err == nil {
		err = ctx.Err()
	}
	return indexes, all, err
}
