package field

import "strings"

// splitter cuts the cell of a multiple field into its values.
type splitter struct {
	mark byte // "|" where the column has no mark of its own
	text string
	// join says that a part belongs to the one before it, as in
	// "100|USD|200|EUR".
	join func(part string) bool
}

func newSplitter(list string, join func(string) bool) splitter {
	switch list {
	case "":
		list = "|"
	case "\n":
		return splitter{mark: '\n', text: "\n"}
	}
	return splitter{mark: list[0], text: list, join: join}
}

// next cuts the first value off a cell; more is false when nothing is left.
func (s splitter) next(cell string) (value, rest string, more bool) {
	i := s.cut(cell, 0)
	if s.join != nil && s.mark == '|' {
		for i < len(cell) && cell[i] == '|' {
			j := s.cut(cell, i+1)
			if !s.join(clean(cell[i+1 : j])) {
				break
			}
			i = j
		}
	}
	if i >= len(cell) {
		return clean(cell), "", false
	}
	n := len(s.text)
	if cell[i] == '\n' || cell[i] == '\r' {
		n = 1
	}
	return clean(cell[:i]), cell[i+n:], true
}

// cut is where the next mark or line end at or after from stands.
func (s splitter) cut(cell string, from int) int {
	for i := from; i < len(cell); i++ {
		switch c := cell[i]; {
		case c == '\n' || c == '\r':
			return i
		case c == s.mark && (len(s.text) == 1 || strings.HasPrefix(cell[i:], s.text)):
			return i
		}
	}
	return len(cell)
}

// replace gives the cell with every value equal to old replaced.
func (s splitter) replace(cell, old, with string) string {
	var b strings.Builder
	for more := true; more; {
		var value string
		before := cell
		value, cell, more = s.next(cell)
		if value == old {
			value = with
		}
		b.WriteString(value)
		if more {
			// The mark as it stood there.
			at := len(before) - len(cell)
			from := at - 1
			if before[from] != '\n' && before[from] != '\r' {
				from = at - len(s.text)
			}
			b.WriteString(before[from:at])
		}
	}
	return b.String()
}
