// Package handlers is what portals and browsers ask for over HTTP: the open
// of the app, its installer, events, the four steps of an import, and the
// public pages. One file per use case.
//
// It is the only package that knows Fiber. It must not know how things are
// stored or how Bitrix24 is called: it translates requests into calls of
// packages portal and importer, and their answers into pages.
//
// No cookies, no tokens in addresses: a session's token travels in the
// header X-App-Session or in the hidden form field _s, and nowhere else.
package handlers
