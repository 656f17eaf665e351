// Package importer is the product: what an import is, how a file is checked
// against a smart process before the first write, and how its rows are
// written exactly once.
//
// It knows tables (sheet), values (field) and the portal's calls (bitrix),
// and declares the interfaces of everything else it needs. It must not know
// how things are stored, woken or shown.
package importer
