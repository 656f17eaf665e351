// Package emulator is a Bitrix24 portal of our own, and the OAuth server
// that belongs to it: a REST server that behaves as the documents say,
// including what it silently does to values it does not like, the limits a
// real portal enforces, and the faults a network adds on demand.
//
// It serves two purposes. In process, through World.Transport, it is what
// tests and benchmarks import into: it counts everything it is asked, so that
// a test can say that nothing was written, or that each row exists exactly
// once. Served on an address it is the demo: a portal to look at, with pages
// that open the app in a frame and speak the frame protocol.
//
// Time is whatever Options.Now and Options.Sleep say, by default the time
// package, so it runs in virtual time inside testing/synctest. No lock is
// held while it sleeps.
//
// It must not import package bitrix: it would repeat the client's mistakes.
package emulator
