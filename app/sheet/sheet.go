package sheet

import "io"

// The limits a file must keep. They are far above what a person has, and low
// enough that a hostile file costs little.
const (
	// MaxColumns is how many columns may hold a value.
	MaxColumns = 1024
	// MaxCell is the size of the longest cell, in bytes of UTF-8.
	MaxCell = 1 << 20
	// MaxCellLines is how many line ends a quoted cell may hold before its
	// quotation mark counts as never closed.
	MaxCellLines = 1000
	// MaxRows is how many rows a worksheet may have, as in Excel.
	MaxRows = 1 << 20
	// maxRecord is the size of the longest record, in bytes of UTF-8.
	maxRecord = 8 << 20
)

// The formats of a Reading.
const (
	// CSV is text in lines: commas, semicolons, tabs, pasted rows.
	CSV = "csv"
	// XLSX is an Office Open XML workbook, transitional or strict.
	XLSX = "xlsx"
	// Canonical is what Normalise writes; it can be read again as a file,
	// and its canonical form is itself. Inspect never detects it.
	Canonical = "canonical"
)

// The quote dialects of a Reading.
const (
	// QuoteDouble: "he said ""yes""", as RFC 4180 and Excel write.
	QuoteDouble = "double"
	// QuoteBackslash: "he said \"yes\"", as MySQL and some programs write.
	QuoteBackslash = "backslash"
	// QuoteNone: quotation marks are text.
	QuoteNone = "none"
)

// Reading says how a file is to be read. The zero value of a string field
// means: detect it.
type Reading struct {
	// Format is CSV, XLSX or Canonical.
	Format string `json:"format"`
	// Encoding is a name of Encodings; CSV only.
	Encoding string `json:"encoding,omitempty"`
	// Delimiter is one character: "," ";" "\t" "|", or what a sep= line
	// names; CSV only.
	Delimiter string `json:"delimiter,omitempty"`
	// Quote is QuoteDouble, QuoteBackslash or QuoteNone; CSV only.
	Quote string `json:"quote,omitempty"`
	// Sheet is the name of the worksheet; XLSX only.
	Sheet string `json:"sheet,omitempty"`
	// HeaderRow is the number in the file of the row with the headers,
	// from 1; 0 when there is none, -1 to detect it. Rows above it are left
	// out.
	HeaderRow int `json:"headerRow"`
	// SkipHidden leaves out rows that are hidden or filtered away; XLSX only.
	SkipHidden bool `json:"skipHidden,omitempty"`
	// FillMerged repeats the value of a merged area in all its cells; XLSX
	// only.
	FillMerged bool `json:"fillMerged,omitempty"`
	// Links adds a column with the addresses for every column with
	// hyperlinks; XLSX only.
	Links bool `json:"links,omitempty"`
	// Unnamed is how columns without a header are called in the person's
	// language, such as "Column {column}"; empty: by their letters alone.
	// LinkName is how the columns of Links are called: "{column} (URL)".
	Unnamed  string `json:"unnamed,omitempty"`
	LinkName string `json:"linkName,omitempty"`
}

// Source is a file as it came. *io.SectionReader is one.
type Source interface {
	io.ReaderAt
	// Size is the length in bytes.
	Size() int64
}

// Inspection is what a look at the beginning of a file shows: how it would
// be read, and what else is possible.
type Inspection struct {
	// Reading is complete: every field that matters is filled in.
	Reading Reading  `json:"reading"`
	Columns []Column `json:"columns"`
	// Preview holds the first data rows, at most 20. Here and in Head, cells
	// of more than 1,000 bytes are cut off with "…".
	Preview []Row `json:"preview"`
	// Encodings are the possible encodings, the present one first, each
	// with the same lines of this file; CSV only.
	Encodings []EncodingChoice `json:"encodings,omitempty"`
	// Delimiters are the usual delimiters; CSV only.
	Delimiters []DelimiterChoice `json:"delimiters,omitempty"`
	// Sheets are the worksheets in their order; XLSX only.
	Sheets []SheetChoice `json:"sheets,omitempty"`
	// Template is set where the workbook began as a template; XLSX only.
	Template *Template `json:"template,omitempty"`
	// Head holds the first rows that are not blank, at most 10, as they are
	// in the file: one of them may be the header.
	Head []Row `json:"head"`
	// Rows is the number of data rows: counted if Exact, else estimated.
	Rows  int  `json:"rows"`
	Exact bool `json:"exact"`
	// Notes say what is odd about the part that was read.
	Notes []Note `json:"notes,omitempty"`
}

// EncodingChoice is an encoding and what the file looks like in it.
type EncodingChoice struct {
	// Name goes into Reading.Encoding.
	Name string `json:"name"`
	// Lines are the same (at most two) lines of the file in each choice,
	// where possible lines with letters beyond ASCII.
	Lines []string `json:"lines"`
}

// DelimiterChoice is a delimiter and the number of columns it would give.
type DelimiterChoice struct {
	Delimiter string `json:"delimiter"`
	Columns   int    `json:"columns"`
}

// SheetChoice is a worksheet of a workbook.
type SheetChoice struct {
	Name   string `json:"name"`
	Hidden bool   `json:"hidden,omitempty"`
	// Empty sheets hold no value, as far as a look at their beginning shows.
	Empty bool `json:"empty,omitempty"`
	// Rows is how many rows have values, headers among them, as far as a look
	// at the beginning shows: at least so many where More is set.
	Rows int  `json:"rows,omitempty"`
	More bool `json:"more,omitempty"`
}

// Column is one column of the table.
type Column struct {
	// Index counts from 0.
	Index int `json:"index"`
	// Name is never empty and differs from every other column's name, also
	// in another case.
	Name string `json:"name"`
	// Given is the header as the file has it, possibly empty.
	Given string `json:"given"`
}

// Row is one row of the file.
type Row struct {
	// Number is the row's number as a spreadsheet program shows it, the
	// first row being 1: blank rows count, line ends inside cells do not.
	Number int `json:"number"`
	// Line is the line of text on which the row begins, the first being 1;
	// in workbooks it is Number.
	Line  int      `json:"line"`
	Cells []string `json:"cells"`
}

// Note is something about a file that a person should know and that does
// not keep it from being read. Codes lists the codes and their arguments.
type Note struct {
	Code string            `json:"code"`
	Args map[string]string `json:"args,omitempty"`
}

// Table describes a canonical form.
type Table struct {
	Columns []Column `json:"columns"`
	// Rows is the number of data rows, exactly.
	Rows int `json:"rows"`
	// Notes are about the whole file.
	Notes []Note `json:"notes,omitempty"`
	// Bytes is the size of the canonical form.
	Bytes int64 `json:"bytes"`
}
