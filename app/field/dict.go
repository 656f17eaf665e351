package field

import (
	"strings"
	"sync"
)

// dictionary finds choices by label, code or id.
type dictionary struct {
	choices []Choice
	exact   map[string]int // as written; ambiguous where two have it
	folded  map[string]int

	mu    sync.Mutex
	loose [][]rune       // labels for suggestions, made when first needed
	names []string       // the label of each
	near  map[string]int // suggestions made; at most maxSuggestions
}

// ambiguous marks an entry of a dictionary that two choices lay claim to.
const ambiguous = -2

// maxSuggestions caps the distinct values a dictionary makes suggestions
// for, so that a column of nonsense costs no more than its first thousands.
const maxSuggestions = 2000

func newDictionary(choices []Choice) *dictionary {
	d := &dictionary{
		choices: choices,
		exact:   make(map[string]int, 2*len(choices)), folded: make(map[string]int, 2*len(choices)),
		near: map[string]int{},
	}
	for i, c := range choices {
		for _, key := range [...]string{c.Label, c.Code, c.ID} {
			if key = clean(key); key != "" {
				enter(d.exact, key, i)
				enter(d.folded, fold(key), i)
			}
		}
	}
	return d
}

func enter(m map[string]int, key string, i int) {
	if have, ok := m[key]; ok && have != i {
		i = ambiguous
	}
	m[key] = i
}

// find returns the index of the choice, ambiguous, or -1.
func (d *dictionary) find(s string) int {
	if i, ok := d.exact[s]; ok {
		return i
	}
	if i, ok := d.folded[fold(s)]; ok {
		return i
	}
	return -1
}

// matches are the ids of all choices with this label, code or id.
func (d *dictionary) matches(s string) string {
	_, exact := d.exact[s]
	var ids []string
	for _, c := range d.choices {
		for _, key := range [...]string{c.Label, c.Code, c.ID} {
			if key = clean(key); exact && key == s || !exact && key != "" && fold(key) == fold(s) {
				ids = append(ids, c.ID)
				break
			}
		}
	}
	return strings.Join(ids, ", ")
}

// closest suggests the label that was probably meant, or "".
func (d *dictionary) closest(s string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, ok := d.near[s]
	if !ok {
		if len(d.near) >= maxSuggestions {
			return ""
		}
		d.prepare()
		i = nearest(s, d.loose)
		d.near[strings.Clone(s)] = i
	}
	if i < 0 {
		return ""
	}
	return d.names[i]
}

// prepare folds the labels (ids where a label is ambiguous) for comparing.
func (d *dictionary) prepare() {
	if d.loose != nil {
		return
	}
	d.loose = make([][]rune, 0, len(d.choices))
	for i, c := range d.choices {
		name := clean(c.Label)
		if d.find(name) != i {
			continue // suggesting it would not help
		}
		d.names = append(d.names, name)
		d.loose = append(d.loose, []rune(foldLoose(name)))
	}
}
