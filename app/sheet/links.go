package sheet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// maxLinks bounds how many addresses of a worksheet are remembered; Excel
// itself allows 65,530.
const maxLinks = 100_000

// link is the address behind one cell.
type link struct {
	row, column int // counted from 1 and from 0
	address     string
}

// linkColumns are the addresses of a worksheet, as columns behind those it
// has: one for each column with a link.
type linkColumns struct {
	// base is the number of columns the worksheet has itself.
	base   int
	source []int
	list   []link
}

// readLinks reads a sheet through to its links, which are listed behind the
// rows, and finds out how wide it is.
func readLinks(ctx context.Context, w *workbook) (*linkColumns, error) {
	addresses, err := w.addresses(ctx)
	if err != nil {
		return nil, err
	}
	p, err := w.archive.open(ctx, w.current.part, maxUnpacked, nil)
	if err != nil {
		return nil, err
	}
	x, err := newXML(p)
	if err != nil {
		return nil, err
	}
	l := new(linkColumns)
	column, next := -1, 0
	for {
		t, err := x.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if t != startTag {
			continue
		}
		switch string(x.name) {
		case "row":
			next = 0
		case "c":
			column = next
			if ref, ok := x.attr("r"); ok {
				column = refColumn(ref)
			}
			next = column + 1
		case "v", "is":
			l.base = max(l.base, column+1)
		case "mergeCell":
			if ref, ok := x.attr("ref"); ok && w.fill {
				if a, ok := parseArea(ref); ok {
					l.base = max(l.base, a.right+1)
				}
			}
		case "hyperlink":
			l.add(x, addresses)
		}
	}
	l.base = min(l.base, MaxColumns)
	l.arrange()
	return l, nil
}

// addresses are the targets of the sheet's links by their relation, without
// those that only repeat what the cell says: mail and telephone.
func (w *workbook) addresses(ctx context.Context) (map[string]string, error) {
	found := make(map[string]string)
	dir, base := path.Split(w.current.part)
	err := w.each(ctx, dir+"_rels/"+base+".rels", func(x *xmlScanner) error {
		if string(x.name) != "Relationship" || !strings.HasSuffix(x.attrText("Type"), "/hyperlink") {
			return nil
		}
		target := x.attrText("Target")
		lower := strings.ToLower(target)
		if !strings.HasPrefix(lower, "mailto:") && !strings.HasPrefix(lower, "tel:") && len(found) < maxLinks {
			found[x.attrText("Id")] = target
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the addresses of links: %w", err)
	}
	return found, nil
}

// add takes in the link whose tag was read last.
func (l *linkColumns) add(x *xmlScanner, addresses map[string]string) {
	address := addresses[x.relationID()]
	if address == "" {
		return
	}
	if place := strings.TrimPrefix(x.attrText("location"), "#"); place != "" && !strings.Contains(address, "#") {
		address += "#" + place
	}
	ref, _ := x.attr("ref")
	a, ok := parseArea(ref)
	if !ok {
		a = area{refColumn(ref), refRow(ref), refColumn(ref), refRow(ref)}
	}
	for row := max(1, a.top); row <= min(a.bottom, MaxRows); row++ {
		for c := max(0, a.left); c <= min(a.right, MaxColumns-1); c++ {
			if len(l.list) == maxLinks {
				return
			}
			l.list = append(l.list, link{row, c, address})
		}
	}
}

// arrange sorts the links and gives each column with one a column behind the
// last, as far as there is room.
func (l *linkColumns) arrange() {
	slices.SortStableFunc(l.list, func(a, b link) int {
		return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(a.column, b.column))
	})
	for _, one := range l.list {
		if !slices.Contains(l.source, one.column) && l.base+len(l.source) < MaxColumns {
			l.source = append(l.source, one.column)
		}
	}
	slices.Sort(l.source)
}

// name gives the columns of addresses their headers, after those of the
// columns they belong to.
func (l *linkColumns) name(given []string, unnamed, pattern string) []string {
	for len(given) < l.base+len(l.source) {
		given = append(given, "")
	}
	for i, c := range l.source {
		of := headerText(given[c])
		if of == "" {
			of = unnamedColumn(unnamed, c)
		}
		given[l.base+i] = strings.ReplaceAll(cmp.Or(pattern, "{column} (URL)"), "{column}", of)
	}
	return given
}

// linkFill adds the addresses while rows pass in order.
type linkFill struct {
	links *linkColumns
	next  int
}

// row adds the addresses of a row behind its cells.
func (f *linkFill) row(s *rows, cells []cell) []cell {
	if f.links == nil {
		return cells
	}
	l := f.links
	for f.next < len(l.list) && l.list[f.next].row < s.number {
		f.next++
	}
	for ; f.next < len(l.list) && l.list[f.next].row == s.number; f.next++ {
		one := l.list[f.next]
		i := slices.Index(l.source, one.column)
		if i < 0 {
			continue
		}
		for len(cells) <= l.base+i {
			cells = append(cells, cell{})
		}
		text := unescapeX([]byte(one.address))
		flags := textFlags(text)
		if flags&suspect != 0 {
			text = bytes.Clone(s.marks.clean(text, &s.text, s.number, l.base+i))
		}
		cells[l.base+i] = cell{text, flags&special != 0}
	}
	return cells
}
