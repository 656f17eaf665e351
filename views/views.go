// Package views holds the page templates, built into the program. Every page
// is one file; parts.html and icons.html define what they share. There are no
// layouts: a page begins with {{template "top" .}} and ends with
// {{template "bottom" .}}, and its data embeds handlers.Page.
//
// It must not know Go types, the server or the words: texts come from the
// catalogue in the data (.T.Text "key").
package views

import "embed"

// FS holds the templates.
//
//go:embed *.html
var FS embed.FS
