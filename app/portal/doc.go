// Package portal holds what the app knows of a Bitrix24 account and the
// people who use it: the installation, sessions, registrations and webhooks,
// and decides who is believed (docs: embedding contract, sections 2 to 6).
//
// It must not know what an import is, how things are stored or how pages
// look.
package portal
