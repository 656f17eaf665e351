package sheet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// How a workbook says that it is a template of ours: on a hidden sheet, in
// plain cells, because those are what Excel, LibreOffice and Google Sheets
// all keep when they save. Its rows are a word in column A and values beside.
const (
	// MarkSheet is the name of the hidden sheet.
	MarkSheet = "spa-importer"
	// MarkTitle stands in A1; B1 is the version, 1.
	MarkTitle = "SPA Importer template"
	// MarkType is the row of the entity type id, MarkPortal that of the mark
	// of the portal, MarkData and MarkHelp those of the names of the sheets
	// for rows and for explanations.
	MarkType   = "entityTypeId"
	MarkPortal = "portal"
	MarkData   = "data"
	MarkHelp   = "help"
	// MarkField is a row for each column: header, field code.
	MarkField = "field"
)

// maxMarkRows bounds the hidden sheet: it has one row per column.
const maxMarkRows = MaxColumns + 16

// Template is what a workbook says about itself that began as a template.
type Template struct {
	// EntityTypeID is the smart process it was made for, Portal the mark of
	// the portal that made it.
	EntityTypeID int64  `json:"entityTypeId"`
	Portal       string `json:"portal"`
	// Fields are the columns as they were when the template was made.
	Fields []TemplateField `json:"fields"`
	// data and help are the names of its sheets.
	data, help string
}

// TemplateField says which field a header stands for.
type TemplateField struct {
	Header string `json:"header"`
	Field  string `json:"field"`
}

// Field is the field of the column with this header; empty: none.
func (t *Template) Field(header string) string {
	if t == nil {
		return ""
	}
	header = markHeader(header)
	for _, f := range t.Fields {
		if markHeader(f.Header) == header {
			return f.Field
		}
	}
	return ""
}

// headerRow is the number of the row with the headers of a template: at least
// half of its filled cells are among them; -1: there is none.
func (t *Template) headerRow(s sample) int {
	if t == nil {
		return -1
	}
	headers := make(map[string]bool, len(t.Fields))
	for _, f := range t.Fields {
		headers[markHeader(f.Header)] = true
	}
	for _, r := range s.rows[:min(len(s.rows), headRows)] {
		filled, known := 0, 0
		for _, text := range r.Cells {
			if text = markHeader(text); text != "" {
				filled++
				if headers[text] {
					known++
				}
			}
		}
		if known > 0 && known*2 >= filled {
			return r.Number
		}
	}
	return -1
}

// markHeader is a header as it is compared: programs change spaces, people
// take away the sign of what is required.
func markHeader(s string) string {
	return strings.ToLower(strings.TrimRight(headerText(s), " *"))
}

// readTemplate reads the mark of a template; nil: the workbook is none. The
// sheet with the mark is not among the worksheets from then on.
func (w *workbook) readTemplate(ctx context.Context) (*Template, error) {
	for i, s := range w.sheets {
		if !strings.EqualFold(s.name, MarkSheet) || len(w.sheets) == 1 {
			continue
		}
		t, err := w.readMark(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("reading the mark of a template: %w", err)
		}
		if t != nil {
			w.sheets = append(w.sheets[:i:i], w.sheets[i+1:]...)
		}
		return t, nil
	}
	return nil, nil
}

func (w *workbook) readMark(ctx context.Context, s worksheet) (*Template, error) {
	other := *w
	other.current, other.skip, other.fill, other.merged = s, false, false, nil
	list, err := newRows(ctx, &other, new(tally), nil)
	if err != nil {
		return nil, err
	}
	var t Template
	var text rowText
	for n := range maxMarkRows {
		r, err := list.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		cells := text.of(r, 3).Cells
		if n == 0 && (cells[0] != MarkTitle || cells[1] != "1") {
			return nil, nil
		}
		t.line(cells)
	}
	if t.EntityTypeID <= 0 || len(t.Fields) == 0 {
		return nil, nil
	}
	return &t, nil
}

// line takes one row of the mark; words of later versions are nothing to it.
func (t *Template) line(cells []string) {
	switch cells[0] {
	case MarkType:
		t.EntityTypeID, _ = strconv.ParseInt(cells[1], 10, 64) // 0 is no template
	case MarkPortal:
		t.Portal = strings.Clone(cells[1])
	case MarkData:
		t.data = strings.Clone(cells[1])
	case MarkHelp:
		t.help = strings.Clone(cells[1])
	case MarkField:
		if cells[1] != "" && cells[2] != "" {
			t.Fields = append(t.Fields, TemplateField{Header: strings.Clone(cells[1]), Field: strings.Clone(cells[2])})
		}
	}
}

// chooseFilled takes the sheet of a template where its rows belong, if there
// is something in it.
func (w *workbook) chooseFilled(ctx context.Context) (worksheet, bool, error) {
	if w.template == nil {
		return worksheet{}, false, nil
	}
	for _, s := range w.sheets {
		if s.name != w.template.data || s.hidden {
			continue
		}
		empty, err := w.empty(ctx, s)
		return s, err == nil && !empty, err
	}
	return worksheet{}, false, nil
}

// explains reports whether a sheet is the page of explanations, which is
// never proposed.
func (w *workbook) explains(s worksheet) bool {
	return w.template != nil && w.template.help != "" && s.name == w.template.help
}
