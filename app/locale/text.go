package locale

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// text is one entry: one form, or one per plural category.
type text struct {
	// by is the argument that chooses the form; empty if there is only one.
	by    string
	forms map[string][]piece // "other" is always there
}

// piece is literal words or a placeholder.
type piece struct {
	words        string
	name, format string
}

// The categories of plural forms that languages distinguish (CLDR).
var categories = map[string]bool{"zero": true, "one": true, "two": true, "few": true, "many": true, "other": true}

// parse reads a JSON string, or an object of plural forms in which "by" names
// the argument that counts ("n" when left out).
func parse(raw json.RawMessage) (text, error) {
	var single string
	if err := json.Unmarshal(raw, &single); err == nil {
		pieces, err := split(single)
		return text{forms: map[string][]piece{"other": pieces}}, err
	}
	var forms map[string]string
	if err := json.Unmarshal(raw, &forms); err != nil {
		return text{}, errors.New("neither a text nor an object of plural forms")
	}
	t := text{by: "n", forms: map[string][]piece{}}
	for category, form := range forms {
		if category == "by" {
			t.by = form
			continue
		}
		if !categories[category] {
			return text{}, fmt.Errorf("%q is not a plural form", category)
		}
		pieces, err := split(form)
		if err != nil {
			return text{}, err
		}
		t.forms[category] = pieces
	}
	if t.forms["other"] == nil {
		return text{}, errors.New(`plural form "other" is missing`)
	}
	return t, nil
}

// formats are what may stand after the colon of a placeholder.
var formats = map[string]bool{"": true, "number": true, "bytes": true, "date": true, "time": true, "moment": true}

// split cuts a text at its {name} and {name:format} placeholders.
func split(s string) ([]piece, error) {
	if strings.TrimSpace(s) == "" {
		return nil, errors.New("empty text")
	}
	var pieces []piece
	for s != "" {
		open := strings.IndexByte(s, '{')
		if open < 0 {
			return append(pieces, piece{words: s}), nil
		}
		end := strings.IndexByte(s[open:], '}')
		if end < 0 {
			return nil, errors.New("a placeholder is not closed")
		}
		if open > 0 {
			pieces = append(pieces, piece{words: s[:open]})
		}
		name, format, _ := strings.Cut(s[open+1:open+end], ":")
		if name == "" || strings.ContainsAny(name, " {") || !formats[format] {
			return nil, fmt.Errorf("%q is not a placeholder", s[open:open+end+1])
		}
		pieces = append(pieces, piece{name: name, format: format})
		s = s[open+end+1:]
	}
	return pieces, nil
}
