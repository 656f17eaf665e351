package field

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// Profile is what is known of a column after all its cells were seen. Its
// size does not depend on the number of rows.
type Profile struct {
	// Filled and Blank count cells; together they are the rows seen.
	Filled int `json:"filled"`
	Blank  int `json:"blank"`
	// Distinct counts different values, up to MaxDistinct.
	Distinct int `json:"distinct"`
	// Examples are the first different values, shortened.
	Examples []string `json:"examples,omitempty"`
	// Values are all values with their numbers of rows, most first; nil when
	// there are more than 64, or very long ones.
	Values []ValueCount `json:"values,omitempty"`
	// Longest is the length of the longest cell in bytes.
	Longest int `json:"longest"`

	// Numbers counts cells that are numbers in some style (with a unit too),
	// Integers those without fraction and unit, Units those with a unit,
	// Percents those with "%".
	Numbers  int `json:"numbers,omitempty"`
	Integers int `json:"integers,omitempty"`
	Units    int `json:"units,omitempty"`
	Percents int `json:"percents,omitempty"`
	// Dates counts cells that are dates in some order, Times those of them
	// with a time of day, ExcelDays whole numbers that could be day numbers.
	Dates     int `json:"dates,omitempty"`
	Times     int `json:"times,omitempty"`
	ExcelDays int `json:"excelDays,omitempty"`
	Booleans  int `json:"booleans,omitempty"`
	Emails    int `json:"emails,omitempty"`
	Phones    int `json:"phones,omitempty"`
	URLs      int `json:"urls,omitempty"`
	Links     int `json:"links,omitempty"`

	Marks Marks `json:"marks"`
	Order Order `json:"order"`
	Lists Lists `json:"lists"`
}

// ValueCount is one value of a column and the number of its rows.
type ValueCount struct {
	Value string `json:"value"`
	Rows  int    `json:"rows"`
}

// Proof counts the cells that show something; Row and Value are the first.
type Proof struct {
	Count int    `json:"count,omitempty"`
	Row   int    `json:"row,omitempty"`
	Value string `json:"value,omitempty"`
}

func (p *Proof) add(value string, row int) {
	if p.Count == 0 {
		p.Row, p.Value = row, strings.Clone(shown(value))
	}
	p.Count++
}

// Marks is the evidence for decimal and group marks.
type Marks struct {
	// Dot and Comma: numbers in which it can only be the decimal mark.
	Dot   Proof `json:"dot"`
	Comma Proof `json:"comma"`
	// DotGroup and CommaGroup: numbers in which it can only group.
	DotGroup   Proof `json:"dotGroup"`
	CommaGroup Proof `json:"commaGroup"`
	// DotEither and CommaEither: 1.234 and 1,234.
	DotEither   Proof `json:"dotEither"`
	CommaEither Proof `json:"commaEither"`
	Space       Proof `json:"space"`
	Apostrophe  Proof `json:"apostrophe"`
}

// Order is the evidence for the order of day, month and year.
type Order struct {
	// DMY, MDY and YMD: dates that exist in that order only.
	DMY Proof `json:"dmy"`
	MDY Proof `json:"mdy"`
	YMD Proof `json:"ymd"`
	// Dots: dates such as 03.04.2024 that fit several orders, where dots mean
	// that the day comes first; Either: other dates that fit several.
	Dots   Proof `json:"dots"`
	Either Proof `json:"either"`
	// Year: dates that start with a year of four digits; Named: dates with
	// the name of the month. No order needs to be known for them.
	Year  Proof `json:"year"`
	Named Proof `json:"named"`
	// Excel: numbers that could be Excel's day numbers.
	Excel Proof `json:"excel"`
}

// Lists is the evidence for several values in a cell.
type Lists struct {
	Pipe      Proof `json:"pipe"`
	Newline   Proof `json:"newline"`
	Semicolon Proof `json:"semicolon"`
	Comma     Proof `json:"comma"`
	Slash     Proof `json:"slash"`
}

// Caps that keep a profile small.
const (
	// MaxDistinct is where counting different values ends.
	MaxDistinct = 1000
	maxValues   = 64
	maxExamples = 5
	maxValue    = 120 // bytes of a kept value
)

// Profiler watches the cells of one column as they pass. It is for one
// goroutine.
type Profiler struct {
	p        Profile
	counts   [traitCount]int
	seed     maphash.Seed
	seen     map[uint64]struct{} // nil once MaxDistinct is reached
	values   map[string]*known   // nil once there are too many
	lastCell string
	last     *known
}

// known is a value met before: how often, and what it is.
type known struct {
	rows int
	kind traits
}

// traits says what one cell can be taken for: a set of bits.
type traits uint16

const (
	isNumber traits = 1 << iota
	isInteger
	isUnit
	isPercent
	isDate
	isTime
	isExcel
	isBoolean
	isMail
	isPhone
	isAddress
	isLink
	traitCount = iota
)

func (k traits) has(t traits) bool { return k&t != 0 }

// NewProfiler starts a profile.
func NewProfiler() *Profiler {
	return &Profiler{seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, values: map[string]*known{}}
}

// Add takes the cell of a row; row is its number in the file, for evidence.
// It does not keep the cell.
func (r *Profiler) Add(cell string, row int) {
	s := clean(cell)
	if s == "" {
		r.p.Blank++
		return
	}
	r.p.Filled++
	r.p.Longest = max(r.p.Longest, len(s))
	if r.values == nil {
		r.distinct(s)
		k := r.examine(s, row)
		r.count(k)
		return
	}
	if r.last != nil && s == r.lastCell {
		r.last.rows++
		r.count(r.last.kind)
		return
	}
	k := r.values[s]
	if k == nil {
		r.distinct(s)
		k = &known{kind: r.examine(s, row)}
		if len(r.values) == maxValues || len(s) > maxValue {
			r.values, r.last = nil, nil
			r.count(k.kind)
			return
		}
		s = strings.Clone(s)
		r.values[s] = k
	}
	k.rows++
	r.last, r.lastCell = k, s
	r.count(k.kind)
}

// distinct counts a value unless it was met.
func (r *Profiler) distinct(s string) {
	if r.seen == nil {
		return
	}
	h := maphash.String(r.seed, s)
	if _, ok := r.seen[h]; ok {
		return
	}
	r.seen[h] = struct{}{}
	r.p.Distinct++
	if len(r.p.Examples) < maxExamples {
		r.p.Examples = append(r.p.Examples, strings.Clone(cutText(s, maxValue)))
	}
	if r.p.Distinct == MaxDistinct {
		r.seen = nil
	}
}

// cutText shortens text to at most n bytes at a rune, marking the cut.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

func (r *Profiler) count(k traits) {
	for ; k != 0; k &= k - 1 {
		r.counts[bits.TrailingZeros16(uint16(k))]++
	}
}

// Profile returns what was learned so far.
func (r *Profiler) Profile() Profile {
	p := r.p
	p.Examples = slices.Clone(p.Examples)
	for i, n := range [traitCount]*int{
		&p.Numbers, &p.Integers, &p.Units, &p.Percents, &p.Dates, &p.Times, &p.ExcelDays, &p.Booleans,
		&p.Emails, &p.Phones, &p.URLs, &p.Links,
	} {
		*n = r.counts[i]
	}
	if r.values != nil {
		p.Values = make([]ValueCount, 0, len(r.values))
		for v, k := range r.values {
			p.Values = append(p.Values, ValueCount{v, k.rows})
		}
		sortCounts(p.Values)
	}
	return p
}
