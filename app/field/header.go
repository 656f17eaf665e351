package field

import "strings"

// HeaderKey is a header in the form in which two files' headers are the same:
// case, spaces and the sign of a required column do not matter.
func HeaderKey(header string) string { return withoutMark(fold(header)) }

// withoutMark takes away the "*" by which tables mark required columns.
func withoutMark(folded string) string {
	if bare := strings.Trim(folded, " *"); bare != "" {
		return bare
	}
	return folded
}

// Options finds choices by label, code or id, as converting a cell does.
type Options struct{ d *dictionary }

// NewOptions prepares the choices.
func NewOptions(choices []Choice) Options { return Options{newDictionary(choices)} }

// ID is the choice that a text means; empty where it means none or several.
func (o Options) ID(text string) string {
	if i := o.d.find(clean(text)); i >= 0 {
		return o.d.choices[i].ID
	}
	return ""
}

// Fits is the share of a column's cells, from 0 to 1, that look like values
// of a field; known is false for fields that take anything and for columns
// without values.
func Fits(t Target, p Profile, c Context) (share float64, known bool) { return fitness(&t, p, c) }
