package importer

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// repeat is a row whose key another row of the file has, too.
type repeat struct {
	index uint32
	// first and last say which of the rows with its key it is.
	first, last bool
}

// repeats are such rows by index.
type repeats []repeat

func (r repeats) at(index int) (repeat, bool) {
	i, found := slices.BinarySearchFunc(r, index, func(one repeat, index int) int { return cmp.Compare(int(one.index), index) })
	if !found {
		return repeat{}, false
	}
	return r[i], true
}

// keyOf is a row's key by its hash.
type keyOf struct {
	hash  uint64
	index uint32
}

// findRepeats reads the file once for its keys alone, before the rows are
// planned: which row of several is the last one shows only at the end. Keys
// are kept as hashes: a million rows take 16 MB.
func findRepeats(ctx context.Context, table tableReader, p *planner, rows int) (repeats, error) {
	if p.key == nil || p.key.converter == nil {
		return nil, nil
	}
	seed := maphash.MakeSeed()
	keys := make([]keyOf, 0, rows)
	err := table.Read(ctx, 0, rows, func(index int, row sheet.Row) error {
		if key := p.keyText(row); key != "" {
			keys = append(keys, keyOf{maphash.String(seed, key), uint32(index)})
		}
		if index%checkBlock == 0 {
			return ctx.Err()
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the keys of the rows: %w", err)
	}
	slices.SortFunc(keys, func(x, y keyOf) int { return cmp.Or(cmp.Compare(x.hash, y.hash), cmp.Compare(x.index, y.index)) })
	var found repeats
	for from := 0; from < len(keys); {
		to := from + 1
		for to < len(keys) && keys[to].hash == keys[from].hash {
			to++
		}
		for i := from; i < to && to-from > 1; i++ {
			found = append(found, repeat{keys[i].index, i == from, i == to-1})
		}
		from = to
	}
	slices.SortFunc(found, func(x, y repeat) int { return cmp.Compare(x.index, y.index) })
	return found, nil
}

// keyText is the key of a row as its field keeps it; empty for a row without
// one, and for one that the person skips.
func (p *planner) keyText(row sheet.Row) string {
	for _, c := range p.each() {
		if len(c.rulings) > 0 && c.cell(row, true).skip {
			return ""
		}
	}
	g := p.key.cell(row, true)
	value := p.key.converter.ConvertEach(g.text, nil, func(field.Problem) {})
	if !value.Set {
		return foldName(g.text) // it must be looked up first, or is not valid
	}
	return fmt.Sprint(value.JSON)
}

// checkRepeats says what happens with a row whose key another row has. One
// of them at most is written: the first, unless the person says otherwise.
func (w *rowWriter) checkRepeats(index int, row sheet.Row) {
	r, repeated := w.p.repeats.at(index)
	if !repeated {
		return
	}
	key := w.p.keyText(row)
	rule, decided := w.p.rules[findingValue(key)]
	if !decided {
		rule, decided = w.p.rules[""]
	}
	c := w.p.key
	if !decided {
		w.note(cellFinding{column: c, target: c.target, problem: field.Problem{Code: "keys_repeated", Value: key, Blocks: true}})
	}
	if (r.first && (rule == KeepFirst || !decided)) || (r.last && rule == KeepLast) {
		return
	}
	if !decided {
		w.end(EntryFailed, problem("key_repeated", "key", key))
		return
	}
	w.skipped = true
	w.end(EntrySkipped, problem("repeat_skipped", "key", key))
}

// pack writes repeats as differences, two bits for their place.
func (r repeats) pack() []byte {
	var b []byte
	last := uint64(0)
	for _, one := range r {
		n := (uint64(one.index) - last) << 2
		if one.first {
			n |= 1
		}
		if one.last {
			n |= 2
		}
		b = binary.AppendUvarint(b, n)
		last = uint64(one.index)
	}
	return b
}

func unpackRepeats(b []byte) (repeats, error) {
	var r repeats
	last := uint64(0)
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, errors.New("the list of repeated keys is damaged")
		}
		last += n >> 2
		r = append(r, repeat{uint32(last), n&1 != 0, n&2 != 0})
		b = b[size:]
	}
	return r, nil
}

// checkedRules is what a check has found that the plan of every row depends
// on: the run takes the same.
type checkedRules struct {
	// Repeats is what pack has written.
	Repeats []byte
	// Answers are the remembered answers that were applied.
	Answers []Answer
}

func rulesName(imp string) string { return importDir(imp) + "/rules" }

// loadRules gives a planner's rules back to it.
func (s *Service) loadRules(ctx context.Context, imp Import) (repeats, []Answer, error) {
	var rules checkedRules
	err := s.loadDocument(ctx, rulesName(imp.ID), imp.Key, &rules)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	found, err := unpackRepeats(rules.Repeats)
	return found, rules.Answers, err
}
