package sheet

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Error is a refusal: why a file cannot be read, for a person. Codes lists
// the codes and their arguments.
type Error struct {
	Code string
	Args map[string]string
	// Err is the cause, if another library gave one.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("file refused: ")
	b.WriteString(e.Code)
	for _, k := range slices.Sorted(maps.Keys(e.Args)) {
		fmt.Fprintf(&b, " %s=%s", k, e.Args[k])
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// refuse makes an Error; args are names and values in turn.
func refuse(code string, args ...string) *Error {
	return &Error{Code: code, Args: pairs(args)}
}

func pairs(args []string) map[string]string {
	if len(args) == 0 {
		return nil
	}
	m := make(map[string]string, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		m[args[i]] = args[i+1]
	}
	return m
}

func note(code string, args ...string) Note {
	return Note{Code: code, Args: pairs(args)}
}

// Code is one code that an Error or a Note of this package can carry.
type Code struct {
	Code string
	// Refusal is true for an Error, false for a Note.
	Refusal bool
	// Args are the names of its arguments, all of which are always set.
	Args []string
}

// Codes lists every code of this package with its arguments, so that a test
// can hold the languages to it. Numbers are plain digits; "row" is a Row's
// number, "line" a line of text; "encoding" is a name of Encodings; "column" and "columns" name columns as Excel does (A, B, …).
func Codes() []Code {
	return []Code{
		// Nothing to read.
		{"empty", true, nil},
		{"headers_only", true, nil},
		{"sheet_empty", true, []string{"sheet"}},

		// Not a file we read; each wants other advice.
		{"password", true, nil},    // encrypted workbook
		{"xls", true, nil},         // old binary workbook
		{"xlsb", true, nil},        // binary workbook of today
		{"ods", true, nil},         // OpenDocument
		{"numbers", true, nil},     // Apple Numbers
		{"office", true, nil},      // another Office document (Word, PowerPoint, a mail)
		{"zip", true, nil},         // an archive of something else
		{"html", true, nil},        // a web page, often named .xls
		{"xml", true, nil},         // XML, often named .xls
		{"pdf", true, nil},         // PDF
		{"not_a_table", true, nil}, // pictures, programs, other binary data
		{"chart_only", true, nil},  // a workbook without any worksheet

		// Broken or hostile.
		{"damaged", true, nil},                               // incomplete or inconsistent archive, broken XML
		{"bomb", true, []string{"limit"}},                    // unpacks to more than limit MB, or far too well packed
		{"doctype", true, nil},                               // XML that declares entities
		{"too_many_parts", true, []string{"limit"}},          // archive entries
		{"too_many_columns", true, []string{"row", "limit"}}, // a value beyond the limit
		{"too_many_rows", true, []string{"limit"}},
		{"too_many_cells", true, []string{"limit"}}, // formatted but empty cells
		{"cell_too_long", true, []string{"row", "limit"}},
		{"row_too_long", true, []string{"row", "limit"}},
		{"quote_open", true, []string{"line"}}, // a quotation mark opened there is never closed

		// A reading that does not fit this file.
		{"unknown_encoding", true, []string{"encoding"}},
		{"bad_delimiter", true, []string{"delimiter"}},
		{"bad_quote", true, []string{"quote"}},
		{"header_row", true, []string{"row"}}, // not among the first rows
		{"no_sheet", true, []string{"sheet"}},

		// Notes of text files.
		{"encoding_unsure", false, []string{"encoding"}},     // little evidence: look at the preview
		{"bad_chars", false, []string{"count", "row"}},       // not valid in the encoding; shown as U+FFFD
		{"control_chars", false, []string{"count", "row"}},   // dropped
		{"invisible_chars", false, []string{"count", "row"}}, // zero width, soft hyphen, direction marks; kept
		{"stray_quotes", false, []string{"count", "row"}},    // text after a closing quotation mark; kept as text
		{"backslash_quotes", false, nil},                     // the dialect was needed
		{"sep_line", false, []string{"delimiter"}},           // honoured and left out

		// Notes of all tables.
		{"rows_above_header", false, []string{"count"}},
		{"no_header", false, nil},
		{"blank_headers", false, []string{"columns"}},
		{"repeated_headers", false, []string{"names"}},
		{"empty_columns", false, []string{"columns"}},
		{"blank_rows", false, []string{"count", "row"}},         // skipped
		{"long_rows", false, []string{"count", "row", "cells"}}, // more values than columns; row: the first, cells: how many more there
		{"short_rows", false, []string{"count", "row"}},         // fewer cells than columns; read as blanks
		{"totals_row", false, []string{"row", "text"}},          // the last row looks like totals
		// 7.9E+10: Excel shows and saves long numbers of narrow columns so.
		{"shortened_numbers", false, []string{"count", "row", "column"}},

		// Notes of workbooks.
		{"macros", false, nil},
		{"other_sheets", false, []string{"count"}},       // sheets with values that are not read
		{"hidden_rows", false, []string{"count", "row"}}, // included unless SkipHidden
		{"hidden_rows_skipped", false, []string{"count", "row"}},
		{"hidden_columns", false, []string{"columns"}},      // included
		{"merged_cells", false, []string{"count", "range"}}, // range: the first
		{"merged_filled", false, []string{"count"}},
		{"formula_unsaved", false, []string{"count", "row", "column"}}, // formulas without a saved result
		{"error_values", false, []string{"count", "row", "column"}},    // #REF! and the like
		{"long_numbers", false, []string{"count", "row", "column"}},    // over 15 digits: Excel keeps 15
		{"hyperlinks", false, []string{"count"}},                       // their addresses are not read
		{"hyperlinks_read", false, []string{"count"}},                  // they are, in columns of their own
	}
}

// MergeNotes adds to the notes about a whole file those that only a look at
// its beginning gives, such as that the encoding is uncertain.
func MergeNotes(look, whole []Note) []Note {
	merged := slices.Clone(whole)
	for _, n := range slices.Backward(look) {
		if n.Code == "encoding_unsure" || n.Code == "other_sheets" {
			merged = slices.Insert(merged, 0, n)
		}
	}
	return merged
}

// spot counts something and remembers the row of the first.
type spot struct {
	count, row, column int
}

func (s *spot) add(n, row, column int) {
	if s.count == 0 {
		s.row, s.column = row, column
	}
	s.count += n
}

// tally collects what notes are made of while a file is read.
type tally struct {
	bad, control, invisible, stray spot
	blank, long, short             spot
	longBy                         int
	hidden, skipped                spot
	unsaved, errors, longNumber    spot
	shortened                      spot
}

func (t *tally) notes() []Note {
	var list []Note
	add := func(code string, s spot, more ...string) {
		if s.count > 0 {
			list = append(list, note(code, append([]string{
				"count", strconv.Itoa(s.count), "row", strconv.Itoa(s.row)}, more...)...))
		}
	}
	add("bad_chars", t.bad)
	add("control_chars", t.control)
	add("invisible_chars", t.invisible)
	add("stray_quotes", t.stray)
	add("blank_rows", t.blank)
	add("long_rows", t.long, "cells", strconv.Itoa(t.longBy))
	add("short_rows", t.short)
	add("hidden_rows", t.hidden)
	add("hidden_rows_skipped", t.skipped)
	add("formula_unsaved", t.unsaved, "column", columnLetters(t.unsaved.column))
	add("error_values", t.errors, "column", columnLetters(t.errors.column))
	add("long_numbers", t.longNumber, "column", columnLetters(t.longNumber.column))
	add("shortened_numbers", t.shortened, "column", columnLetters(t.shortened.column))
	return list
}

// columnLetters is the name Excel gives a column, counted from 0: A, Z, AA.
func columnLetters(i int) string {
	var b [8]byte
	at := len(b)
	for i++; i > 0; i = (i - 1) / 26 {
		at--
		b[at] = byte('A' + (i-1)%26)
	}
	return string(b[at:])
}
