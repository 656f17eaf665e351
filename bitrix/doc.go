// Package bitrix speaks to Bitrix24: it calls REST methods over both kinds of
// connection (the OAuth grant of a user, or an inbound webhook), keeps tokens
// fresh, keeps within what a portal allows, tells by code what became of a
// request, and reads what portals send to us (opened frames and events).
//
// It follows the REST documentation at github.com/bitrix24/b24restdocs. It
// must not know what is imported, where grants are stored or who is shown
// what: it imports nothing of this module.
package bitrix
