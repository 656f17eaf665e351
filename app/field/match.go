package field

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// Reasons of a Proposal, strongest first.
const (
	WhyCode    = "code"    // the header is the field's name
	WhyTitle   = "title"   // … its title
	WhySynonym = "synonym" // … another word for it
	WhyValues  = "values"  // the cells are values of this field
	WhySimilar = "similar" // the header is much like the title
)

// Whys returns every reason a Proposal can have.
func Whys() []string { return []string{WhyCode, WhyTitle, WhySynonym, WhyValues, WhySimilar} }

// Certain is the confidence from which on a proposal may be taken without
// asking.
const Certain = 0.7

// exactly is the confidence from which a header is the field's own name or
// title; namedAtLeast is what such a column keeps whatever is in its cells.
const (
	exactly      = 0.95
	namedAtLeast = 0.75
)

// maxProposals caps what Match returns.
const maxProposals = 8

// Proposal is a field that a column may go to.
type Proposal struct {
	// Field is Target.Name.
	Field string `json:"field"`
	// Why is one of Whys.
	Why string `json:"why"`
	// Confidence is between 0 and 1; see Certain.
	Confidence float64 `json:"confidence"`
}

// Match proposes fields for a column by its header and what is in it, best
// first. A header that fits several fields equally well is certain for none.
func Match(header string, p Profile, targets []Target, c Context) []Proposal {
	h := newHeading(header)
	var all []Proposal
	for i := range targets {
		t := &targets[i]
		if !t.Writable {
			continue
		}
		best := h.match(t)
		fit, known := fitness(t, p, c)
		if best.Confidence > 0 && known {
			named := best.Why != WhySimilar && best.Why != WhySynonym && best.Confidence >= exactly
			best.Confidence *= 0.4 + 0.6*min(1, fit*1.25)
			// A column that bears the field's own name goes there even if most of
			// its cells are odd: the check shows them, and they can be put right.
			if named && fit > 0 {
				best.Confidence = max(best.Confidence, namedAtLeast)
			}
		}
		if v := byValues(t, p, fit, known); v.Confidence > best.Confidence {
			best = v
		}
		if best.Confidence >= 0.3 {
			best.Field = t.Name
			all = append(all, best)
		}
	}
	slices.SortStableFunc(all, func(a, b Proposal) int { return cmp.Compare(b.Confidence, a.Confidence) })
	if len(all) > 1 && all[0].Confidence == all[1].Confidence {
		tie := all[0].Confidence
		for i := range all {
			if all[i].Confidence == tie {
				all[i].Confidence = min(tie, Certain-0.05)
			}
		}
	}
	return all[:min(len(all), maxProposals)]
}

// heading is a header prepared for comparing.
type heading struct {
	raw   string // folded
	code  string // "… [CODE]", folded
	plain string // words only
	bare  string // … without accents
	base  string // without the number of a repeated header
	loose []rune
}

func newHeading(header string) heading {
	h := heading{raw: withoutMark(fold(header))}
	if i := strings.LastIndexByte(h.raw, '['); i >= 0 && strings.HasSuffix(h.raw, "]") {
		h.code = h.raw[i+1 : len(h.raw)-1]
		h.plain = plainWords(h.raw[:i])
	} else {
		h.plain = plainWords(h.raw)
	}
	h.bare, h.base = accents.Replace(h.plain), h.plain
	if i := strings.LastIndex(h.raw, " ("); i > 0 && strings.HasSuffix(h.raw, ")") && digitsOnly(h.raw[i+2:len(h.raw)-1]) {
		h.base = plainWords(h.raw[:i])
	}
	h.loose = []rune(foldLoose(h.plain))
	return h
}

// plainWords keeps letters and digits, and one space between words.
func plainWords(s string) string {
	return strings.Join(strings.FieldsFunc(fold(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r)
	}), " ")
}

// match compares the header with one field.
func (h heading) match(t *Target) Proposal {
	name, upper := fold(t.Name), fold(t.Field.UpperName)
	if h.raw == name || h.raw == upper || h.code != "" && (h.code == name || h.code == upper) {
		return Proposal{Why: WhyCode, Confidence: 1}
	}
	if h.plain == "" {
		return Proposal{}
	}
	title := plainWords(t.Title)
	switch {
	case title == h.plain:
		return Proposal{Why: WhyTitle, Confidence: 0.98}
	case title == h.base && t.Multiple:
		return Proposal{Why: WhyTitle, Confidence: 0.9}
	case title == h.base:
		return Proposal{Why: WhyTitle, Confidence: 0.5}
	case synonymous(t.Field, title, h.bare):
		return Proposal{Why: WhySynonym, Confidence: 0.9}
	}
	return Proposal{Why: WhySimilar, Confidence: h.similarity(title)}
}

// similarity is how much a title is like the header: 0.8 at best.
func (h heading) similarity(title string) float64 {
	loose := []rune(foldLoose(title))
	long := max(len(loose), len(h.loose))
	if long < 4 {
		return 0
	}
	if string(loose) == string(h.loose) {
		return 0.95 // ё for е
	}
	var r ruler
	if d := r.distance(h.loose, loose, long/4); d <= long/4 {
		return 0.85 - float64(d)/float64(long)
	}
	a, b := strings.Fields(h.plain), strings.Fields(title)
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) == 0 || len(a[0]) < 3 {
		return 0
	}
	for _, w := range a {
		if !slices.Contains(b, w) {
			return 0
		}
	}
	return 0.35 + 0.25*float64(len(a))/float64(len(b))
}

// fitness is the share of cells that look like values of a field; known is
// false for fields that take anything, and for columns without values.
func fitness(t *Target, p Profile, c Context) (share float64, known bool) {
	if p.Filled == 0 {
		return 0, false
	}
	of := func(n int) (float64, bool) { return min(1, float64(n)/float64(p.Filled)), true }
	if t.Multiple && (p.Lists.Pipe.Count > 0 || p.Lists.Newline.Count > 0) {
		return 0, false
	}
	switch t.Type {
	case "integer", "double":
		return of(p.Numbers)
	case "money":
		return of(p.Numbers + p.Lists.Pipe.Count)
	case "date", "datetime":
		return of(p.Dates + p.ExcelDays)
	case "boolean":
		return of(p.Booleans)
	case "hlblock":
		return of(p.Integers)
	case "enumeration", "crm_status", "crm_category", "crm_currency":
		if p.Values == nil {
			return 0, false
		}
		return of(optionRows(t, p, c))
	}
	return 0, false
}

// optionRows counts the rows whose value is one of the field's options.
func optionRows(t *Target, p Profile, c Context) (rows int) {
	if t.Type == "crm_currency" {
		for _, v := range p.Values {
			if codes, _ := c.currencyCode(v.Value); len(codes) == 1 {
				rows += v.Rows
			}
		}
		return rows
	}
	d := newDictionary(t.Options)
	if !t.Multiple {
		for _, v := range p.Values {
			if d.find(v.Value) != -1 {
				rows += v.Rows
			}
		}
		return rows
	}
	mark, _, _ := listOfOptions(*t, p)
	split := newSplitter(mark, nil)
	for _, v := range p.Values {
		if allKnown(d, split, v.Value) {
			rows += v.Rows
		}
	}
	return rows
}

// allKnown reports whether every value of a cell is in the dictionary.
func allKnown(d *dictionary, split splitter, cell string) bool {
	for more := true; more; {
		var part string
		if part, cell, more = split.next(cell); part != "" && d.find(part) == -1 {
			return false
		}
	}
	return true
}

// byValues proposes a field for its values alone: words that are nearly all
// among its options.
func byValues(t *Target, p Profile, fit float64, known bool) Proposal {
	if !known || fit < 0.6 || len(p.Values) < 2 || p.Numbers*2 > p.Filled {
		return Proposal{}
	}
	switch t.Type {
	case "enumeration", "crm_status", "crm_category", "crm_currency":
		return Proposal{Why: WhyValues, Confidence: 0.55 + 0.3*fit}
	}
	return Proposal{}
}
