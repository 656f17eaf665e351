package importer

import (
	"github.com/spa-importer/spa-importer/app/sheet"
)

// ruling is what is done wherever a column holds a value: as a person has
// decided for this file, or as the portal remembers from another one.
type ruling struct {
	Decision
	// remembered: an answer to an earlier file, which must still fit.
	remembered bool
	// used and failed count how often a remembered answer fitted, or did not.
	used, failed int
}

// rulings are those of one column, by findingValue of the text.
type rulings map[string]*ruling

// rulingsOf brings the decisions and the remembered answers to their columns.
// What was decided for this file comes before what is remembered.
func rulingsOf(imp Import, answers []Answer) map[int]rulings {
	by := map[int]rulings{}
	add := func(column int, r ruling) {
		if by[column] == nil {
			by[column] = rulings{}
		}
		by[column][r.Value] = &r
	}
	if len(answers) > 0 {
		columns := map[string][]int{}
		for _, m := range imp.Mapping.Columns {
			columns[m.Field] = append(columns[m.Field], m.Column)
		}
		for _, a := range answers {
			for _, column := range columns[a.Field] {
				add(column, ruling{remembered: true, Decision: Decision{
					Column: column, Value: a.Value, Action: a.Action, With: a.With,
				}})
			}
		}
	}
	for _, d := range imp.Decisions {
		if !d.Action.aboutRepeats() {
			add(d.Column, ruling{Decision: d})
		}
	}
	return by
}

// given is what a cell says once the person's word on its value counts.
type given struct {
	// raw is the cell, text what is read in its place.
	raw, text string
	skip      bool
	// by are the rulings that changed something.
	by []*ruling
	// remembered: at least one of them is an answer to an earlier file.
	remembered bool
}

func (g *given) rule(r *ruling) (with string, change bool) {
	g.by = append(g.by, r)
	g.remembered = g.remembered || r.remembered
	switch r.Action {
	case SkipRows:
		g.skip = true
		return "", false
	case LeaveEmpty:
		return "", true
	case UseValue:
		return r.With, true
	}
	return "", false
}

// count notes whether the answers to earlier files that were used have
// fitted.
func (g *given) count(fits bool) {
	for _, r := range g.by {
		if fits {
			r.used++
		} else if r.remembered {
			r.failed++
		}
	}
}

// cell is the text of a row's cell after the rulings: on the cell as a whole,
// or on each of its values. remembered says whether answers to earlier files
// count.
func (c *plannedColumn) cell(row sheet.Row, remembered bool) given {
	raw := ""
	if c.index < len(row.Cells) {
		raw = row.Cells[c.index]
	}
	if len(c.rulings) == 0 {
		return given{raw: raw, text: raw}
	}
	return c.ruled(raw, remembered)
}

func (c *plannedColumn) ruled(raw string, remembered bool) given {
	g := given{raw: raw, text: raw}
	find := func(value string) *ruling {
		r := c.rulings[findingValue(value)]
		if r == nil || (r.remembered && !remembered) {
			return nil
		}
		return r
	}
	if r := find(g.raw); r != nil {
		if with, change := g.rule(r); change {
			g.text = with
		}
		return g
	}
	if !c.target.Multiple || g.raw == "" {
		return g
	}
	g.text = c.converter.Rewrite(g.raw, func(value string) (string, bool) {
		if r := find(value); r != nil {
			return g.rule(r)
		}
		return "", false
	})
	return g
}
