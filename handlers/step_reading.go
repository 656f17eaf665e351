package handlers

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// readingData is step 1 with a file: how it is read, and what can be
// corrected.
type readingData struct {
	chrome
	Upload importer.Upload
	// Name is the part of the reading that is stated in words.
	Encoding, Delimiter string
	RowLimit            int
	// Correcting keeps the corrections unfolded.
	Correcting bool
	// Widest is the number of cells of the widest first row.
	Widest int
	// Notes are about the whole file once it is read, before about its
	// beginning.
	Notes []noteLine
	// Refused: there is nothing to show before the reading is corrected.
	Refused bool
	// Same is the import of the same bytes, if Again; Mine that it was this
	// person's.
	Same        importLine
	Again, Mine bool
}

// sheetsShown is how many worksheets are offered at once.
const sheetsShown = 12

// Sheets are the worksheets to choose from at once: visible ones with values,
// where there are several. Of a template only one is meant.
func (d readingData) Sheets() []sheet.SheetChoice {
	if d.Upload.Inspection.Template != nil {
		return nil
	}
	var list []sheet.SheetChoice
	for _, one := range d.Upload.Inspection.Sheets {
		if !one.Empty && (!one.Hidden || one.Name == d.Upload.Inspection.Reading.Sheet) {
			list = append(list, one)
		}
	}
	if len(list) < 2 {
		return nil
	}
	return list
}

// FirstSheets are those in sight, the present one among them; MoreSheets the
// others.
func (d readingData) FirstSheets() []sheet.SheetChoice {
	all := d.Sheets()
	first := slices.Clone(all[:min(len(all), sheetsShown)])
	now := slices.IndexFunc(all, func(one sheet.SheetChoice) bool { return one.Name == d.Upload.Inspection.Reading.Sheet })
	if now >= sheetsShown {
		first = append(first, all[now])
	}
	return first
}

// MoreSheets are those folded away.
func (d readingData) MoreSheets() []sheet.SheetChoice {
	all := d.Sheets()
	if len(all) <= sheetsShown {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(all[sheetsShown:]), func(one sheet.SheetChoice) bool { return one.Name == d.Upload.Inspection.Reading.Sheet })
}

// likelyEncodings is how many encodings are shown at once.
const likelyEncodings = 6

// Likely are the encodings shown at once, the present one among them.
func (d readingData) Likely() []sheet.EncodingChoice {
	all := d.Upload.Inspection.Encodings
	return all[:min(len(all), likelyEncodings)]
}

// Unlikely are the others.
func (d readingData) Unlikely() []sheet.EncodingChoice {
	return d.Upload.Inspection.Encodings[len(d.Likely()):]
}

// encodingChoice is the data of the part "encoding".
type encodingChoice struct {
	sheet.EncodingChoice
	Label  string
	Chosen bool
}

// encodingName is an encoding in words.
func encodingName(t locale.Catalogue, name string) string { return t.Text("encoding." + name) }

// Encoding says whether an encoding is the present one.
func (p Page) Encoding(e sheet.EncodingChoice) encodingChoice {
	d, ok := p.Data.(readingData)
	return encodingChoice{e, encodingName(p.T, e.Name), ok && d.Upload.Inspection.Reading.Encoding == e.Name}
}

// sheetChoice is the data of the part "sheet-choice".
type sheetChoice struct {
	sheet.SheetChoice
	Label  string
	Chosen bool
}

// Sheet words a worksheet that can be chosen.
func (p Page) Sheet(one sheet.SheetChoice) sheetChoice {
	d, ok := p.Data.(readingData)
	c := sheetChoice{SheetChoice: one, Chosen: ok && d.Upload.Inspection.Reading.Sheet == one.Name}
	switch {
	case one.Rows > 0 && one.More:
		c.Label = p.T.Text("file.sheet_rows_more", "n", one.Rows)
	case one.Rows > 0:
		c.Label = p.T.Text("file.sheet_rows", "n", one.Rows)
	}
	return c
}

// previewRows is how many rows of the preview step 1 shows.
const previewRows = 8

// Preview is what step 1 shows of the rows.
func (d readingData) Preview() []sheet.Row {
	rows := d.Upload.Inspection.Preview
	return rows[:min(len(rows), previewRows)]
}

// readingStep is step 1 with a file.
func (s *Server) readingStep(c *fiber.Ctx, v visit) error {
	u, err := s.importer.Upload(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	return s.showReading(c, v, u, nil, false)
}

// importFile is step 1 of an import that has gone on to a later step.
func (s *Server) importFile(c *fiber.Ctx, v visit) error {
	imp, err := s.importer.Import(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	if !open(imp) {
		return s.showImport(c, v, imp)
	}
	u, err := s.importer.Upload(c.UserContext(), v.actor(), imp.Upload)
	if err != nil {
		return err
	}
	return s.showReading(c, v, u, nil, false)
}

func (s *Server) showReading(c *fiber.Ctx, v visit, u importer.Upload, failures []failure, correcting bool) error {
	t := s.text(c)
	if u.State == importer.Receiving {
		return s.showFile(c, v, []failure{{Field: "file", Text: t.Problem("upload_incomplete", nil)}}, "")
	}
	if u.Inspection == nil {
		return s.showRefused(c, v, u)
	}
	refused := u.State == importer.Refused
	if refused {
		c.Status(fiber.StatusUnprocessableEntity)
		if len(failures) == 0 {
			failures = []failure{{Field: "correct", Text: refusedText(t, u)}}
		}
	}
	limit, err := s.portals.RowLimit(c.UserContext(), v.Session.Portal)
	if err != nil {
		return fmt.Errorf("asking for the row limit: %w", err)
	}
	d := readingData{
		chrome: stepper(t, 1, importer.Import{FileName: u.Name, Rows: u.Inspection.Rows}),
		Upload: u, RowLimit: limit, Correcting: correcting || refused, Refused: refused,
		Delimiter: delimiterName(t, u.Inspection.Reading.Delimiter), Notes: noteLines(t, u),
	}
	d.Failures, d.Here = failures, "/files/"+u.ID
	if name := u.Inspection.Reading.Encoding; name != "" {
		d.Encoding = encodingName(t, name)
	}
	same, again, err := s.importer.SameFile(c.UserContext(), v.actor(), u)
	if err != nil {
		return err
	}
	d.Same, d.Again, d.Mine = lineOf(same), again, same.User == v.Session.User
	for _, row := range u.Inspection.Head {
		d.Widest = max(d.Widest, len(row.Cells))
	}
	return s.render(c, "reading", t.Text("file.title_read", "name", u.Name), d)
}

// showRefused is step 1 with the reason why a file cannot be read.
func (s *Server) showRefused(c *fiber.Ctx, v visit, u importer.Upload) error {
	t := s.text(c)
	c.Status(fiber.StatusUnprocessableEntity)
	return s.showFile(c, v, []failure{{Field: "file", Text: refusedText(t, u)}}, "")
}

// refusedText says why a file was refused.
func refusedText(t locale.Catalogue, u importer.Upload) string {
	if u.Problem == nil {
		return t.Text("file.refused", "name", u.Name)
	}
	return t.Text("file.refused_because", "name", u.Name, "why", t.Problem(u.Problem.Code, u.Problem.Args))
}

// noteLine is a note with the choice that belongs to it: the name of an
// option of the reading, and whether pressing switches it on.
type noteLine struct {
	Text, Option string
	On           bool
}

// noteLines words the notes about an upload.
func noteLines(t locale.Catalogue, u importer.Upload) []noteLine {
	notes := u.Inspection.Notes
	if u.Table != nil {
		notes = u.Table.Notes
	}
	options := map[string]noteLine{
		"hidden_rows": {Option: "skip_hidden", On: true}, "hidden_rows_skipped": {Option: "skip_hidden"},
		"merged_cells": {Option: "fill_merged", On: true}, "merged_filled": {Option: "fill_merged"},
		"hyperlinks": {Option: "links", On: true}, "hyperlinks_read": {Option: "links"},
	}
	lines := make([]noteLine, 0, len(notes))
	for _, n := range notes {
		line, args := options[n.Code], n.Args
		if name := args["encoding"]; name != "" {
			args = maps.Clone(args)
			args["encoding"] = encodingName(t, name)
		}
		line.Text = t.Note(n.Code, args)
		lines = append(lines, line)
	}
	return lines
}

// Button is what the choice beside a note says.
func (n noteLine) Button(t locale.Catalogue) string {
	switch {
	case n.Option == "skip_hidden" && n.On:
		return t.Text("file.do_skip_hidden")
	case n.Option == "skip_hidden":
		return t.Text("file.do_keep_hidden")
	case n.Option == "fill_merged" && n.On:
		return t.Text("file.do_fill_merged")
	case n.Option == "fill_merged":
		return t.Text("file.do_leave_merged")
	case n.On:
		return t.Text("file.do_links")
	}
	return t.Text("file.do_no_links")
}

// delimiterName is a delimiter in words.
func delimiterName(t locale.Catalogue, d string) string {
	switch d {
	case ",":
		return t.Text("file.delimiter_comma")
	case ";":
		return t.Text("file.delimiter_semicolon")
	case "\t":
		return t.Text("file.delimiter_tab")
	case "|":
		return t.Text("file.delimiter_pipe")
	}
	return d
}

// DelimiterName is delimiterName for the view.
func (d readingData) DelimiterName(t locale.Catalogue, delimiter string) string {
	return delimiterName(t, delimiter)
}

// correctReading reads the file as the person says and shows it again.
func (s *Server) correctReading(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	before, err := s.importer.Upload(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	if before.Inspection == nil {
		return s.showReading(c, v, before, nil, false)
	}
	r := before.Inspection.Reading
	other := form.Get("sheet") != r.Sheet
	if r.Format == sheet.CSV {
		r.Encoding, r.Delimiter, r.Quote = form.Get("encoding"), form.Get("delimiter"), form.Get("quote")
	} else {
		r.Sheet = form.Get("sheet")
		r.SkipHidden, r.FillMerged, r.Links = form.Has("skip_hidden"), form.Has("fill_merged"), form.Has("links")
	}
	// Where the header of another sheet is has to be found anew.
	if n, err := strconv.Atoi(form.Get("header")); err == nil && n >= 0 {
		r.HeaderRow = n
	}
	if other && r.Format != sheet.CSV {
		r.HeaderRow = -1
	}
	u, err := s.importer.Correct(c.UserContext(), v.actor(), before.ID, r)
	if err != nil {
		failures, err := told(s.text(c), err, "correct")
		if err != nil {
			return err
		}
		return s.showReading(c, v, before, failures, true)
	}
	// What was said in the corrections stays in sight.
	return s.showReading(c, v, u, nil, form.Has("header"))
}

// dropFile forgets a file and goes back to the choice of one.
func (s *Server) dropFile(c *fiber.Ctx, v visit) error {
	err := s.importer.DropUpload(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		failures, err := told(s.text(c), err, "")
		if err != nil {
			return err
		}
		return s.showFile(c, v, failures, "")
	}
	return s.fileStep(c, v)
}

// beginImport ends step 1.
func (s *Server) beginImport(c *fiber.Ctx, v visit) error {
	imp, err := s.begin(c, v, c.Params("id"))
	if err != nil {
		failures, err := told(s.text(c), err, "file")
		if err != nil {
			return err
		}
		return s.showFile(c, v, failures, "")
	}
	return s.showTarget(c, v, imp, nil)
}
