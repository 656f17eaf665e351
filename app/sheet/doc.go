// Package sheet reads files as tables: it finds out how a spreadsheet file
// is written (format, encoding, delimiter, quotes, header row, sheet), shows
// that for correction, and writes the file's rows once into a canonical form
// that everything later reads by offset.
//
// It must not know what rows are for: no fields, no portals, no storage, no
// language of an interface. A cell is text and stays as it was written,
// except that line ends inside a cell become "\n", and bytes that no text
// holds (NUL, other control characters, a byte order mark in the middle) are
// dropped and counted.
//
// Memory does not grow with the file. A [Source] is read in large blocks from
// front to back, because it may be decrypting as it goes.
//
// # Canonical form
//
// UTF-8, commas, double quotes, "\n" after each record. The first record
// holds the headers as given in the file, behind a cell of "#" and of how
// columns without a header are called; each further record is one data row
// behind its number in the file (and, if it is another, the line it begins
// on: "12:57"), with at least as many cells as there are columns, and more
// only where the row had more values than the table has columns. The index beside it holds one offset of
// 8 bytes, little-endian, per data row.
package sheet
