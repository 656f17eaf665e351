// Package locale holds the words of the interface: every sentence a person
// reads, in every language, with the plurals, numbers, dates and sizes of
// that language.
//
// Texts live in text/<language>/<area>.json, one flat object of key to text
// per area; every key begins with the name of its area. A text is a string
// with {name} placeholders, or an object of plural forms (see Text).
//
// A language is a folder, complete or not there at all: the tests want every
// key, its plural forms and its quotation marks (languages_test.go), its texts
// in install.json, its card in docs/market.md and its static/sample-*.csv.
//
// It must not know what is shown where: it is given keys and values.
package locale
