// Package template makes the workbook in which people collect rows for one
// smart process: the titles of its fields as headers, drop-downs for what has
// a list, and a page that explains each column. The workbook says on a hidden
// sheet what it is, so that package sheet recognises it when it comes back.
//
// It knows fields and the marks of package sheet; it must not know portals,
// imports or the words, which its caller passes.
package template
