// Package queue rings the work of a lane: it is the one place where River,
// the job engine, is known.
//
// A job only says "this lane may have work". What the work is, how far it
// has come and who may do it stand in the journal of package importer, so a
// job that is lost, doubled or late costs time and never a row. The same
// code runs on SQLite and on PostgreSQL.
//
// It must not know what an import is, nor read or write any table of ours.
package queue
