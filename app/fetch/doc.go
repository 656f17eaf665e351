// Package fetch brings in files from elsewhere: from addresses that cells
// name, and from a ZIP archive given beside the table.
//
// Neither is trusted. Addresses are dialled only where they are public after
// the name is resolved, redirects included; sizes and times are counted and
// not believed; an archive's directory is judged before it is read, and an
// entry's name is a name and never a path on a disk.
//
// The package must not know imports, fields or storage. Its errors that a
// person can do something about are *Errors with a code.
package fetch

import (
	"fmt"
	"strings"
)

// Error says why a file or an archive cannot be had, by a code that package
// locale words.
type Error struct {
	// Code is one of Codes, Args the values its sentence needs.
	Code string
	Args map[string]string
	// Err is what was behind it; it may name addresses and is not shown.
	Err error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Code, e.Err)
	}
	return e.Code
}

func (e *Error) Unwrap() error { return e.Err }

// Codes of Errors.
const (
	AddressInvalid = "fetch_address"     // not http or https, or with a password in it
	AddressPrivate = "fetch_private"     // leads into a private or reserved network
	Unreachable    = "fetch_unreachable" // nobody answers, or the answer breaks off
	TooSlow        = "fetch_too_slow"    // args: seconds
	Status         = "fetch_status"      // args: status
	Redirects      = "fetch_redirects"   // too many of them
	WebPage        = "fetch_web_page"    // a page for people in place of the file
	Empty          = "fetch_empty"       // a file of no bytes
	TooLarge       = "fetch_too_large"   // args: max, in bytes

	ArchiveDamaged = "archive_damaged"   // no ZIP, or cut off
	ArchiveMany    = "archive_too_many"  // args: max, entries
	ArchiveBomb    = "archive_bomb"      // unpacks to far more than any file should
	ArchiveEmpty   = "archive_empty"     // no file in it
	ArchiveLocked  = "archive_encrypted" // every file needs a password
	EntryDamaged   = "archive_entry"     // one file cannot be unpacked
)

// Codes returns every code an Error can have, with the names of its
// arguments.
func Codes() map[string][]string {
	return map[string][]string{
		AddressInvalid: {}, AddressPrivate: {}, Unreachable: {}, TooSlow: {"seconds"}, Status: {"status"},
		Redirects: {}, WebPage: {}, Empty: {}, TooLarge: {"max"},
		ArchiveDamaged: {}, ArchiveMany: {"max"}, ArchiveBomb: {}, ArchiveEmpty: {}, ArchiveLocked: {},
		EntryDamaged: {},
	}
}

// OfFile reports whether a code speaks of one file, and not of an archive.
func OfFile(code string) bool {
	return strings.HasPrefix(code, "fetch_") || code == EntryDamaged
}

func refuse(code string, err error, args ...string) *Error {
	e := &Error{Code: code, Err: err}
	for i := 0; i+1 < len(args); i += 2 {
		if e.Args == nil {
			e.Args = map[string]string{}
		}
		e.Args[args[i]] = args[i+1]
	}
	return e
}
