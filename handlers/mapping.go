package handlers

import (
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/importer"
)

// maxColumns bounds the columns a form may speak of; files have at most as
// many (sheet.MaxColumns).
const maxColumns = 1024

// undecided is the value of a column's select while nothing is said.
const undecided = "?"

// readMapping reads the form of step 3: field.<i>, was.<i>, style.<i> and
// the controls of the style per column, and constant.<field>. Columns that
// are undecided are left out. Asked are fields that are to get a constant and
// have none yet.
func readMapping(form url.Values) (m importer.Mapping, asked []string, err error) {
	m = importer.Mapping{Constants: map[string]string{}}
	count, err := strconv.Atoi(form.Get("count"))
	if err != nil || count < 0 || count > maxColumns {
		return m, nil, errors.New("the number of columns is missing")
	}
	for i := range count {
		n := "." + strconv.Itoa(i)
		column := importer.ColumnMapping{Column: i, Field: form.Get("field" + n)}
		if column.Field == anotherField {
			if column.Field = form.Get("was" + n); column.Field == "" {
				continue
			}
		}
		if column.Field == undecided {
			continue
		}
		if column.Field == form.Get("was"+n) {
			column.Why = form.Get("why" + n)
			// The controls are those of the field that was there.
			if column.Field != "" {
				if column.Style, err = readStyle(form, n); err != nil {
					return m, nil, err
				}
			}
		}
		m.Columns = append(m.Columns, column)
	}
	for name, values := range form {
		to, ok := strings.CutPrefix(name, "constant.")
		switch {
		case !ok || to == "":
		case strings.TrimSpace(values[0]) != "":
			m.Constants[to] = values[0]
		default:
			asked = append(asked, to)
		}
	}
	if name := form.Get("new_field"); name != "" && m.Constants[name] == "" {
		asked = append(asked, name)
	}
	return m, asked, nil
}

// readStyle reads how the cells of a column are written: what the page knew,
// changed by its controls.
func readStyle(form url.Values, n string) (field.Style, error) {
	var style field.Style
	if raw := form.Get("style" + n); raw != "" {
		if err := json.Unmarshal([]byte(raw), &style); err != nil {
			return style, errors.New("a style is malformed")
		}
	}
	said := false
	for name, to := range map[string]*string{
		"date": &style.DateOrder, "decimal": &style.Decimal, "group": &style.Group, "currency": &style.Currency,
		"percent": &style.Percent, "list": &style.List, "blank": &style.Blank,
	} {
		if form.Has(name + n) {
			*to, said = form.Get(name+n), true
		}
	}
	if form.Has("excel" + n) {
		style.Excel, said = form.Get("excel"+n) == "1", true
	}
	// A style that says nothing would be inferred anew.
	if said && style == (field.Style{}) {
		style.Blank = field.BlankDefault
	}
	return style, nil
}
