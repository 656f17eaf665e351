package sheet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
)

// maxMerged bounds how many merged areas are remembered for filling.
const maxMerged = 100_000

// area is a merged area, counted from 0 for columns and 1 for rows.
type area struct{ left, top, right, bottom int }

// mergedAreas are the merged areas of a sheet by their top row.
type mergedAreas struct{ list []area }

// readMerged reads a sheet through to the areas, which are listed behind the
// rows.
func readMerged(ctx context.Context, a *archive, name string) (*mergedAreas, error) {
	p, err := a.open(ctx, name, maxUnpacked, nil)
	if err != nil {
		return nil, err
	}
	x, err := newXML(p)
	if err != nil {
		return nil, err
	}
	m := new(mergedAreas)
	for {
		t, err := x.next()
		if errors.Is(err, io.EOF) {
			slices.SortStableFunc(m.list, func(a, b area) int { return cmp.Compare(a.top, b.top) })
			return m, nil
		}
		if err != nil {
			return nil, err
		}
		if t == startTag && string(x.name) == "mergeCell" && len(m.list) < maxMerged {
			if ref, ok := x.attr("ref"); ok {
				if a, ok := parseArea(ref); ok {
					m.list = append(m.list, a)
				}
			}
		}
	}
}

func parseArea(ref []byte) (area, bool) {
	from, to, ok := bytes.Cut(ref, []byte(":"))
	if !ok {
		return area{}, false
	}
	a := area{refColumn(from), refRow(from), refColumn(to), refRow(to)}
	return a, a.left >= 0 && a.top > 0 && a.right >= a.left && a.bottom >= a.top
}

func refRow(ref []byte) int {
	n, err := strconv.Atoi(string(bytes.TrimLeft(ref, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz$")))
	if err != nil {
		return 0
	}
	return n
}

// mergedFill repeats the values of merged areas while rows pass in order.
type mergedFill struct {
	areas *mergedAreas
	next  int
	open  []openArea
	// taken are the columns of open areas: those do not overlap in a sound
	// workbook, and in another only the first one counts.
	taken [MaxColumns]bool
}

type openArea struct {
	area
	value cell
}

// free reports whether no open area has a column of a.
func (m *mergedFill) free(a area) bool {
	return a.left < MaxColumns && !slices.Contains(m.taken[a.left:min(a.right+1, MaxColumns)], true)
}

func (m *mergedFill) take(a area, taken bool) {
	for c := a.left; c <= min(a.right, MaxColumns-1); c++ {
		m.taken[c] = taken
	}
}

// row fills the cells of a row that belong to merged areas.
func (m *mergedFill) row(number int, cells []cell) []cell {
	if m.areas == nil {
		return cells
	}
	m.open = slices.DeleteFunc(m.open, func(a openArea) bool {
		over := a.bottom < number
		if over {
			m.take(a.area, false)
		}
		return over
	})
	for ; m.next < len(m.areas.list) && m.areas.list[m.next].top <= number; m.next++ {
		a := m.areas.list[m.next]
		if a.top == number && a.left < len(cells) && m.free(a) {
			m.take(a, true)
			v := cells[a.left]
			m.open = append(m.open, openArea{a, cell{bytes.Clone(v.text), v.special}})
		}
	}
	for _, a := range m.open {
		if len(a.value.text) == 0 {
			continue
		}
		for c := a.left; c <= min(a.right, MaxColumns-1); c++ {
			for len(cells) <= c {
				cells = append(cells, cell{})
			}
			if len(cells[c].text) == 0 {
				cells[c] = a.value
			}
		}
	}
	return cells
}
