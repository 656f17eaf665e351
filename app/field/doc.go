// Package field turns cells of a table into values of Bitrix24 fields.
//
// It says which fields of a smart process can be filled (Targets), learns
// from all cells of a column how that column is written (Profiler, Infer),
// proposes where a column goes (Match) and converts cell by cell
// (Converter). Bitrix24 accepts almost anything and silently stores
// something else, so everything that is wrong must be found here: a cell
// either becomes exactly one value, or a Problem with a code.
//
// Converting is pure. What must be asked of the portal is named by
// Converter.Refs beforehand and handed in as a Lookup. The package must not
// know files, HTTP, storage or the words of the interface: it speaks in
// codes (see Codes), which package locale puts into sentences.
package field
