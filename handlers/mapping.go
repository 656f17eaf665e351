package handlers

import (
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/importer"
)

// maxColumns bounds the columns a form may speak of; files have at most as
// many (sheet.MaxColumns).
const maxColumns = 1024

// readMapping reads the form of step 3: field.<i>, was.<i>, style.<i> and
// the controls of the style per column, constant.<field> and a new constant.
func readMapping(form url.Values) (importer.Mapping, error) {
	m := importer.Mapping{Constants: map[string]string{}}
	count, err := strconv.Atoi(form.Get("count"))
	if err != nil || count < 0 || count > maxColumns {
		return m, errors.New("the number of columns is missing")
	}
	for i := range count {
		n := "." + strconv.Itoa(i)
		column := importer.ColumnMapping{Column: i, Field: form.Get("field" + n)}
		if column.Field != "" && column.Field == form.Get("was"+n) {
			column.Why = form.Get("why" + n)
			if raw := form.Get("style" + n); raw != "" {
				if err := json.Unmarshal([]byte(raw), &column.Style); err != nil {
					return m, errors.New("a style is malformed")
				}
			}
			// The controls are those of the field that was there.
			for name, to := range map[string]*string{"date": &column.Style.DateOrder, "decimal": &column.Style.Decimal, "list": &column.Style.List} {
				if form.Has(name + n) {
					*to = form.Get(name + n)
				}
			}
		}
		m.Columns = append(m.Columns, column)
	}
	for name, values := range form {
		if to, ok := strings.CutPrefix(name, "constant."); ok && values[0] != "" {
			m.Constants[to] = values[0]
		}
	}
	if name, value := form.Get("new_field"), form.Get("new_value"); name != "" && value != "" {
		m.Constants[name] = value
	}
	return m, nil
}
