package sheet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// workbook is an XLSX file, opened at one of its worksheets.
type workbook struct {
	src      Source
	archive  *archive
	sheets   []worksheet
	current  worksheet
	styles   []format
	general  format // of cells without a style
	date1904 bool
	macros   bool
	skip     bool // hidden rows
	fill     bool // merged areas
	merged   *mergedAreas
	follow   bool // hyperlinks
	links    *linkColumns
	strings  *sharedStrings
	header   int // the header's row, once it is known
	// others is how many more sheets have values; -1: not looked yet.
	others int
	// template is what the workbook says of itself; nil: it is no template.
	template *Template
	extras   sheetExtras
}

// worksheet is one sheet as the workbook lists it.
type worksheet struct {
	name, part string
	hidden     bool
}

// sheetExtras is what a worksheet has beside its cells.
type sheetExtras struct {
	merges     int
	firstMerge string
	links      int
	hiddenCols []string
}

func openWorkbook(ctx context.Context, src Source, r Reading, _ string) (w *workbook, _ Reading, err error) {
	r.Encoding, r.Delimiter, r.Quote = "", "", ""
	w = &workbook{src: src, skip: r.SkipHidden, fill: r.FillMerged, follow: r.Links, others: -1}
	if w.archive, err = openArchive(src); err != nil {
		return nil, r, err
	}
	main, err := w.mainPart(ctx)
	if err != nil {
		return nil, r, err
	}
	w.macros = w.archive.has("xl/vbaProject.bin")
	related, err := w.relations(ctx, main)
	if err != nil {
		return nil, r, err
	}
	if err := w.readWorkbook(ctx, main, related); err != nil {
		return nil, r, fmt.Errorf("reading the workbook: %w", err)
	}
	stylesPart, stringsPart := "", ""
	for _, rel := range related {
		switch rel.kind {
		case "styles":
			stylesPart = rel.target
		case "sharedStrings":
			stringsPart = rel.target
		}
	}
	if w.styles, err = readStyles(ctx, w.archive, stylesPart); err != nil {
		return nil, r, fmt.Errorf("reading styles: %w", err)
	}
	if w.strings, err = openStrings(ctx, w.archive, stringsPart); err != nil {
		return nil, r, fmt.Errorf("opening shared strings: %w", err)
	}
	if w.template, err = w.readTemplate(ctx); err != nil {
		return nil, r, errors.Join(err, w.close())
	}
	if err := w.choose(ctx, &r); err != nil {
		return nil, r, errors.Join(err, w.close())
	}
	return w, r, nil
}

// mainPart finds the workbook in the archive, or says what the archive is.
func (w *workbook) mainPart(ctx context.Context) (string, error) {
	a := w.archive
	if a.has("_rels/.rels") {
		related, err := w.relations(ctx, "")
		if err != nil {
			return "", err
		}
		for _, rel := range related {
			if rel.kind == "officeDocument" && strings.HasSuffix(partName(rel.target), ".xml") && a.has(rel.target) &&
				!a.has("word/document.xml") && !a.has("ppt/presentation.xml") {
				return rel.target, nil
			}
		}
	}
	switch {
	case a.has("xl/workbook.xml"):
		return "xl/workbook.xml", nil
	case a.has("xl/workbook.bin"):
		return "", refuse("xlsb")
	case a.has("content.xml"):
		return "", refuse("ods")
	case a.has("Index/Document.iwa"), a.has("Index.zip"):
		return "", refuse("numbers")
	case a.has("[Content_Types].xml"):
		return "", refuse("office")
	}
	return "", refuse("zip")
}

// relation is a line of a relationship part: kind is the last segment of
// its type, which is the same in transitional and strict files.
type relation struct{ id, kind, target string }

// relations reads the relationships of a part; "" is the archive's.
func (w *workbook) relations(ctx context.Context, of string) ([]relation, error) {
	dir, base := path.Split(of)
	var list []relation
	err := w.each(ctx, dir+"_rels/"+base+".rels", func(x *xmlScanner) error {
		if string(x.name) != "Relationship" || x.attrText("TargetMode") == "External" {
			return nil
		}
		kind, target := x.attrText("Type"), strings.ReplaceAll(x.attrText("Target"), `\`, "/")
		if !strings.HasPrefix(target, "/") {
			target = path.Join("/", dir, target)
		}
		list = append(list, relation{x.attrText("Id"), kind[strings.LastIndexByte(kind, '/')+1:], path.Clean(target)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading relationships: %w", err)
	}
	return list, nil
}

// each calls f at every start tag of a small part; a missing part has none.
func (w *workbook) each(ctx context.Context, name string, f func(x *xmlScanner) error) error {
	return eachTag(ctx, w.archive, name, func(x *xmlScanner, start bool) error {
		if !start {
			return nil
		}
		return f(x)
	})
}

// eachTag calls f at every tag of a small part, start or end.
func eachTag(ctx context.Context, a *archive, name string, f func(x *xmlScanner, start bool) error) error {
	if !a.has(name) {
		return nil
	}
	p, err := a.open(ctx, name, maxSmall, nil)
	if err != nil {
		return err
	}
	x, err := newXML(p)
	if err != nil {
		return err
	}
	for {
		switch t, err := x.next(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case t == textRun:
			continue
		default:
			if err := f(x, t == startTag); err != nil {
				return err
			}
		}
	}
}

// readWorkbook lists the sheets that are worksheets.
func (w *workbook) readWorkbook(ctx context.Context, main string, related []relation) error {
	byID := make(map[string]relation)
	for _, rel := range related {
		byID[rel.id] = rel
	}
	err := w.each(ctx, main, func(x *xmlScanner) error {
		switch string(x.name) {
		case "workbookPr":
			w.date1904 = x.attrTrue("date1904")
		case "sheet":
			rel := byID[x.relationID()]
			if rel.kind != "worksheet" || !w.archive.has(rel.target) {
				return nil
			}
			state := x.attrText("state")
			w.sheets = append(w.sheets, worksheet{x.attrText("name"), rel.target, state == "hidden" || state == "veryHidden"})
		}
		return nil
	})
	if err == nil && len(w.sheets) == 0 {
		err = refuse("chart_only")
	}
	return err
}

// relationID is the attribute r:id, which must not be taken for another
// attribute whose name ends in id.
func (x *xmlScanner) relationID() string {
	rest := string(x.attrs)
	for {
		i := strings.Index(rest, ":id")
		if i < 0 {
			return ""
		}
		if rest = strings.TrimLeft(rest[i+3:], " \t\r\n"); strings.HasPrefix(rest, "=") {
			value := strings.TrimLeft(rest[1:], " \t\r\n")
			if len(value) > 1 {
				if end := strings.IndexByte(value[1:], value[0]); end >= 0 {
					return value[1 : 1+end]
				}
			}
		}
	}
}

// choose takes the sheet of the reading, or the first with a value, a
// visible one if there is any.
func (w *workbook) choose(ctx context.Context, r *Reading) error {
	if r.Sheet != "" {
		for _, s := range w.sheets {
			if s.name == r.Sheet {
				w.current = s
				return nil
			}
		}
		return refuse("no_sheet", "sheet", r.Sheet)
	}
	if s, ok, err := w.chooseFilled(ctx); ok || err != nil {
		w.current, r.Sheet = s, s.name
		return err
	}
	found := -1
	for i, s := range w.sheets {
		if w.explains(s) || found >= 0 && (s.hidden || !w.sheets[found].hidden) {
			continue
		}
		empty, err := w.empty(ctx, s)
		if err != nil {
			return err
		}
		if !empty {
			found = i
		}
	}
	if found < 0 {
		return refuse("empty")
	}
	w.current = w.sheets[found]
	r.Sheet = w.current.name
	return nil
}

// choices lists the sheets, and counts those with values that are not read.
func (w *workbook) choices(ctx context.Context) ([]SheetChoice, error) {
	var list []SheetChoice
	w.others = 0
	left := int64(countLook)
	for _, s := range w.sheets {
		empty, err := w.empty(ctx, s)
		if err != nil {
			return nil, err
		}
		one := SheetChoice{Name: s.name, Hidden: s.hidden, Empty: empty}
		if !empty && left > 0 {
			var used int64
			one.Rows, one.More, used = w.filled(ctx, s, min(left, emptyLook))
			left -= used
		}
		list = append(list, one)
		if !empty && s != w.current && !w.explains(s) {
			w.others++
		}
	}
	return list, nil
}

// emptyLook is how many bytes of a worksheet are searched for a first value,
// and for the number of its rows; countLook is how many all are for the latter.
const (
	emptyLook = 4 << 20
	countLook = 16 << 20
)

// filled counts the rows with values; more: there may be others beyond what
// was looked at. It only helps to choose a sheet, so one that is damaged
// further on is no error before it is chosen.
func (w *workbook) filled(ctx context.Context, s worksheet, look int64) (rows int, more bool, used int64) {
	p, err := w.archive.open(ctx, s.part, maxUnpacked, nil)
	if err != nil {
		return 0, true, 0
	}
	x, err := newXML(p)
	if err != nil {
		return 0, true, 0
	}
	counted := false // the row at hand
	for int64(x.used) < look {
		t, err := x.next()
		if err != nil {
			return rows, !errors.Is(err, io.EOF), int64(x.used)
		}
		switch {
		case t == startTag && string(x.name) == "row":
			counted = false
		case t == startTag && !counted && (string(x.name) == "v" || string(x.name) == "is"):
			counted = true
			rows++
		case t == endTag && string(x.name) == "sheetData":
			return rows, false, int64(x.used)
		}
	}
	return rows, true, int64(x.used)
}

// empty reports whether a sheet has no value, as far as a look at its
// beginning shows.
func (w *workbook) empty(ctx context.Context, s worksheet) (bool, error) {
	p, err := w.archive.open(ctx, s.part, maxUnpacked, nil)
	if err != nil {
		return false, err
	}
	x, err := newXML(p)
	if err != nil {
		return false, err
	}
	for x.used < emptyLook {
		t, err := x.next()
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("looking for values in a sheet: %w", err)
		}
		if t == startTag && (string(x.name) == "v" || string(x.name) == "is" || string(x.name) == "f") {
			return false, nil
		}
		if t == endTag && string(x.name) == "sheetData" {
			return true, nil
		}
	}
	return true, nil
}

func (w *workbook) records(ctx context.Context, marks *tally, progress func(int64)) (records, error) {
	if w.fill && w.merged == nil {
		areas, err := readMerged(ctx, w.archive, w.current.part)
		if err != nil {
			return nil, fmt.Errorf("reading merged areas: %w", err)
		}
		w.merged = areas
	}
	if w.follow && w.links == nil {
		links, err := readLinks(ctx, w)
		if err != nil {
			return nil, fmt.Errorf("reading hyperlinks: %w", err)
		}
		w.links = links
	}
	return newRows(ctx, w, marks, progress)
}

func (w *workbook) grid() bool { return true }

func (w *workbook) extent(r records) (done, total int64) {
	total = int64(min(w.archive.parts[partName(w.current.part)].UncompressedSize64, maxUnpacked))
	if s, ok := r.(*rows); ok {
		done = s.xml.used
	}
	return done, total
}

func (w *workbook) emptySheet() error {
	return refuse("sheet_empty", "sheet", w.current.name)
}

func (w *workbook) notes(after bool) []Note {
	var notes []Note
	if w.macros {
		notes = append(notes, note("macros"))
	}
	if w.others > 0 {
		notes = append(notes, note("other_sheets", "count", strconv.Itoa(w.others)))
	}
	if !after {
		return notes
	}
	e := w.extras
	if len(e.hiddenCols) > 0 {
		notes = append(notes, note("hidden_columns", "columns", strings.Join(e.hiddenCols, ", ")))
	}
	if e.merges > 0 && w.fill {
		notes = append(notes, note("merged_filled", "count", strconv.Itoa(e.merges)))
	} else if e.merges > 0 {
		notes = append(notes, note("merged_cells", "count", strconv.Itoa(e.merges), "range", e.firstMerge))
	}
	switch {
	case e.links > 0 && w.follow:
		notes = append(notes, note("hyperlinks_read", "count", strconv.Itoa(e.links)))
	case e.links > 0:
		notes = append(notes, note("hyperlinks", "count", strconv.Itoa(e.links)))
	}
	return notes
}

func (w *workbook) close() error {
	if w.strings == nil {
		return nil
	}
	return w.strings.close()
}
