package template

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/xuri/excelize/v2"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// Words words a text about the template: the keys are type_<kind>,
// how_<kind> and example_<kind> for each of Kinds, and those of Texts.
type Words func(key string, args ...any) string

// Texts returns the other keys that a template asks its Words for.
func Texts() []string {
	return []string{"help_sheet", "intro", "column", "kind", "how", "example", "required", "allowed", "yes", "no",
		"is_required", "how_multiple", "and_more", "not_in_list", "not_a_date", "date_format"}
}

// Book says what a template is for.
type Book struct {
	// Title is the smart process's, EntityTypeID its number.
	Title        string
	EntityTypeID int64
	// Portal marks the portal; see sheet.Template.
	Portal  string
	Targets []field.Target
	Context field.Context
}

// FileName is a name for the file that every system takes.
func FileName(title string) string {
	title = strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, title), " .")
	if runes := []rune(title); len(runes) > 80 {
		title = strings.TrimSpace(string(runes[:80]))
	}
	if title = strings.Join(strings.Fields(title), " "); title == "" {
		title = "SPA"
	}
	return title + ".xlsx"
}

// Sizes of a template.
const (
	lastRow      = 1 << 20 // of a worksheet
	shownChoices = 40      // choices that the page of explanations lists
	maxSheetName = 31
)

// Write writes the workbook.
func Write(w io.Writer, b Book, say Words) (err error) {
	f := excelize.NewFile()
	defer func() {
		if e := f.Close(); err == nil && e != nil {
			err = fmt.Errorf("closing the template: %w", e)
		}
	}()
	m := &maker{f: f, say: say, columns: Columns(b.Targets, b.Context, say("yes"), say("no")), lists: map[string]string{}}
	m.name(b.Title)
	m.styles()
	m.data()
	m.help(b.Title)
	m.mark(b)
	if m.err != nil {
		return fmt.Errorf("making the template: %w", m.err)
	}
	if err := f.Write(w); err != nil {
		return fmt.Errorf("writing the template: %w", err)
	}
	return nil
}

// maker makes one workbook. Its first error stays; what follows is no use
// then, and does no harm.
type maker struct {
	f       *excelize.File
	say     Words
	columns []Column
	// dataSheet and helpSheet are the names of the visible sheets.
	dataSheet, helpSheet string
	head, must           int // styles of headers
	title, top, wrap     int
	text, whole          int // styles of cells
	date, moment         int
	// lists are the ranges of the lists on the hidden sheet, by their
	// content.
	lists map[string]string
	err   error
}

func (m *maker) do(err error) {
	if m.err == nil {
		m.err = err
	}
}

// name names the sheets.
func (m *maker) name(title string) {
	m.dataSheet = sheetName(strings.TrimSuffix(FileName(title), ".xlsx"))
	m.helpSheet = sheetName(m.say("help_sheet"))
	// A title may be made of nothing but characters that no worksheet may be
	// called by; Excel keeps the name History for itself.
	if m.dataSheet == "" || strings.EqualFold(m.dataSheet, m.helpSheet) || strings.EqualFold(m.dataSheet, sheet.MarkSheet) ||
		strings.EqualFold(m.dataSheet, "History") {
		m.dataSheet = "SPA"
	}
	m.do(m.f.SetSheetName(m.f.GetSheetName(0), m.dataSheet))
	for _, name := range []string{m.helpSheet, sheet.MarkSheet} {
		_, err := m.f.NewSheet(name)
		m.do(err)
	}
}

// sheetName is text as the name of a worksheet.
func sheetName(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:\/?*[]'`, r) {
			return ' '
		}
		return r
	}, oneLine(s))
	s = strings.Join(strings.Fields(s), " ")
	// Excel counts UTF-16 units.
	n := 0
	for i, r := range s {
		if n++; r > 0xFFFF {
			n++
		}
		if n > maxSheetName {
			return strings.TrimSpace(s[:i])
		}
	}
	return s
}

func (m *maker) style(s excelize.Style) int {
	id, err := m.f.NewStyle(&s)
	m.do(err)
	return id
}

func (m *maker) styles() {
	border := []excelize.Border{{Type: "bottom", Color: "838A93", Style: 1}, {Type: "right", Color: "E2E5E8", Style: 1}}
	top := &excelize.Alignment{Vertical: "top", WrapText: true}
	headStyle := func(fill, text string) int {
		return m.style(excelize.Style{
			Font: &excelize.Font{Bold: true, Color: text}, Border: border,
			Fill:      excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{fill}},
			Alignment: &excelize.Alignment{Vertical: "center", WrapText: true}, NumFmt: 49,
		})
	}
	m.head, m.must = headStyle("E6F4FF", "0A3F7F"), headStyle("FFE8A8", "5C3A00")
	m.title = m.style(excelize.Style{Font: &excelize.Font{Bold: true, Size: 14}})
	m.top = m.style(excelize.Style{Alignment: top, NumFmt: 49, Font: &excelize.Font{Bold: true}})
	m.wrap = m.style(excelize.Style{Alignment: top, NumFmt: 49})
	m.text = m.style(excelize.Style{NumFmt: 49}) // "@"
	m.whole = m.style(excelize.Style{NumFmt: 1}) // "0"
	day := m.say("date_format")
	withTime := day + " hh:mm"
	m.date, m.moment = m.style(excelize.Style{CustomNumFmt: &day}), m.style(excelize.Style{CustomNumFmt: &withTime})
}

// cellStyle is the style of the column's cells; 0 for none.
func (m *maker) cellStyle(c Column) int {
	switch c.Kind {
	case kindDate, kindDatetime:
		if c.Target.Multiple {
			return m.text
		}
		if c.Kind == kindDate {
			return m.date
		}
		return m.moment
	case kindInteger, kindID:
		if c.Target.Multiple {
			return m.text
		}
		return m.whole
	case kindNumber, kindMoney, kindBoolean, kindList, kindStage, kindPipeline, kindCurrency:
		return 0
	}
	return m.text // a number that is a name keeps its zeros
}

// data is the sheet that people fill in.
func (m *maker) data() {
	for i, c := range m.columns {
		letters := m.letters(i)
		if style := m.cellStyle(c); style != 0 {
			m.do(m.f.SetColStyle(m.dataSheet, letters, style))
		}
		width := min(max(float64(len([]rune(c.Header)))+3, 14), 36)
		m.do(m.f.SetColWidth(m.dataSheet, letters, letters, width))
		m.do(m.f.SetCellStr(m.dataSheet, letters+"1", c.Header))
		style, note := m.head, m.how(c)
		if c.Target.Required {
			style, note = m.must, m.say("is_required")+"\n"+note
		}
		m.do(m.f.SetCellStyle(m.dataSheet, letters+"1", letters+"1", style))
		m.do(m.f.AddComment(m.dataSheet, excelize.Comment{Cell: letters + "1", Author: "SPA Importer", Text: note, Width: 260, Height: 110}))
		m.validate(c, letters)
	}
	m.do(m.f.SetRowHeight(m.dataSheet, 1, 34))
	m.freeze(m.dataSheet, 1)
}

func (m *maker) letters(i int) string {
	name, err := excelize.ColumnNumberToName(i + 1)
	m.do(err)
	return name
}

func (m *maker) freeze(name string, rows int) {
	cell := "A" + strconv.Itoa(rows+1)
	m.do(m.f.SetPanes(name, &excelize.Panes{Freeze: true, YSplit: rows, TopLeftCell: cell, ActivePane: "bottomLeft",
		Selection: []excelize.Selection{{SQRef: cell, ActiveCell: cell, Pane: "bottomLeft"}}}))
}

// how says how to write into a column.
func (m *maker) how(c Column) string {
	text := m.say("how_" + c.Kind)
	if c.Target.Multiple {
		text += " " + m.say("how_multiple")
	}
	return text
}

// validate gives a column its drop-down, or the check of its dates. Lists are
// ranges of the hidden sheet: within a rule Excel allows 255 characters.
func (m *maker) validate(c Column, letters string) {
	rule := excelize.NewDataValidation(true)
	rule.SetSqref(fmt.Sprintf("%s2:%s%d", letters, letters, lastRow))
	switch {
	case len(c.Choices) > 0:
		rule.SetSqrefDropList(m.list(c.Choices))
		if c.Target.Multiple { // several values are no value of the list
			rule.ShowErrorMessage = false
		} else {
			rule.SetError(excelize.DataValidationErrorStyleWarning, "", m.say("not_in_list"))
		}
	case (c.Kind == kindDate || c.Kind == kindDatetime) && !c.Target.Multiple:
		// From the first day that Excel knows: anything that is a date.
		m.do(rule.SetRange(1, 1, excelize.DataValidationTypeDate, excelize.DataValidationOperatorGreaterThanOrEqual))
		rule.SetError(excelize.DataValidationErrorStyleWarning, "", m.say("not_a_date"))
	default:
		return
	}
	m.do(m.f.AddDataValidation(m.dataSheet, rule))
}

// firstList is the column of the hidden sheet where lists begin; those before
// it hold the mark.
const firstList = 4

// list writes a list to the hidden sheet, once, and returns its range.
func (m *maker) list(choices []string) string {
	key := strings.Join(choices, "\x00")
	if have, ok := m.lists[key]; ok {
		return have
	}
	letters := m.letters(firstList + len(m.lists))
	m.do(m.f.SetColStyle(sheet.MarkSheet, letters, m.text))
	for i, text := range choices {
		m.do(m.f.SetCellStr(sheet.MarkSheet, letters+strconv.Itoa(i+1), text))
	}
	m.lists[key] = fmt.Sprintf("'%s'!$%s$1:$%s$%d", sheet.MarkSheet, letters, letters, len(choices))
	return m.lists[key]
}

// help is the page of explanations.
func (m *maker) help(title string) {
	name := m.helpSheet
	m.do(m.f.SetCellStr(name, "A1", oneLine(title)))
	m.do(m.f.SetCellStyle(name, "A1", "A1", m.title))
	m.do(m.f.SetCellStr(name, "A2", m.say("intro")))
	const head = 4
	widths := []float64{30, 14, 22, 52, 26, 44}
	for i, key := range []string{"column", "required", "kind", "how", "example", "allowed"} {
		letters := m.letters(i)
		m.do(m.f.SetColWidth(name, letters, letters, widths[i]))
		m.do(m.f.SetCellStr(name, letters+strconv.Itoa(head), m.say(key)))
		m.do(m.f.SetCellStyle(name, letters+strconv.Itoa(head), letters+strconv.Itoa(head), m.head))
	}
	for i, c := range m.columns {
		row := strconv.Itoa(head + 1 + i)
		required := ""
		if c.Target.Required {
			required = m.say("yes")
		}
		for j, text := range []string{c.Header, required, m.say("type_" + c.Kind), m.how(c), m.example(c), m.allowed(c)} {
			cell := m.letters(j) + row
			m.do(m.f.SetCellStr(name, cell, text))
			style := m.wrap
			if j == 0 {
				style = m.top
			}
			m.do(m.f.SetCellStyle(name, cell, cell, style))
		}
	}
	m.freeze(name, head)
}

func (m *maker) example(c Column) string {
	switch {
	case len(c.Choices) == 0:
		return m.say("example_" + c.Kind)
	case c.Target.Multiple && len(c.Choices) > 1:
		return c.Choices[0] + "|" + c.Choices[1]
	}
	return c.Choices[0]
}

// allowed lists the values of a column that has a list of them.
func (m *maker) allowed(c Column) string {
	shown := slices.Clone(c.Explained[:min(len(c.Explained), shownChoices)])
	if more := len(c.Explained) - len(shown); more > 0 {
		shown = append(shown, m.say("and_more", "n", more))
	}
	return strings.Join(shown, "\n")
}

// mark writes what the workbook is onto the hidden sheet, and hides it from
// the lists of sheets as well.
func (m *maker) mark(b Book) {
	lines := [][]string{
		{sheet.MarkTitle, "1"}, {sheet.MarkType, strconv.FormatInt(b.EntityTypeID, 10)}, {sheet.MarkPortal, b.Portal},
		{sheet.MarkData, m.dataSheet}, {sheet.MarkHelp, m.helpSheet},
	}
	for _, c := range m.columns {
		lines = append(lines, []string{sheet.MarkField, c.Header, c.Target.Name})
	}
	for i, line := range lines {
		for j, text := range line {
			m.do(m.f.SetCellStr(sheet.MarkSheet, m.letters(j)+strconv.Itoa(i+1), text))
		}
	}
	m.do(m.f.SetSheetVisible(sheet.MarkSheet, false, true))
	m.f.SetActiveSheet(0)
}
