package bitrix

import "net/http"

// Stops reports whether no other row would fare better: the run must stop,
// or wait for a person, an administrator or Bitrix24. Nothing of such a
// request was executed; look at Stops before Class, since its class Refused
// alone reads as "send again".
func (e *Error) Stops() bool { return e.stops }

// classify tells by code, and only where the code has two meanings by
// status, what became of a request that a portal answered with an error.
// Texts are never looked at: they come in the caller's language.
func classify(code string, status int) (class Class, stops bool) {
	switch code {
	case "QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT", "EXPIRED_TOKEN":
		return Refused, false
	case "INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER", "CONNECTION_ERROR":
		return Unknown, false
	case "CRM_FIELD_ERROR_PRODUCTS_NOT_FETCHED":
		return Unknown, false // the item was saved before this was noticed
	case "ACCESS_DENIED":
		// 403: the plan has no REST. Otherwise a right is missing, for this
		// item or this method.
		if status == http.StatusForbidden {
			return Refused, true
		}
		return Final, false
	}
	if stopsRun(code) {
		return Refused, true
	}
	if status >= 500 {
		return Unknown, false
	}
	return Final, false
}

// stopsRun lists the codes that hold for whatever would be sent next.
func stopsRun(code string) bool {
	switch code {
	// the token, the user or the app
	case "INVALID_TOKEN", "NO_AUTH_FOUND", "AUTHORIZATION_ERROR", "APPLICATION_NOT_FOUND",
		"ERROR_OAUTH", "NOT_INSTALLED", "INVALID_GRANT", "BAD_VERIFICATION_CODE",
		"INVALID_CLIENT", "WRONG_CLIENT", "INVALID_SCOPE", "INSUFFICIENT_SCOPE",
		"INVALID_CREDENTIALS", "USER_ACCESS_ERROR", "ALLOWED_ONLY_INTRANET_USER",
		"WRONG_AUTH_TYPE", "METHOD_CONFIRM_WAITING", "METHOD_CONFIRM_DENIED":
		return true
	// the plan, the subscription or the portal
	case "PAYMENT_REQUIRED", "RESTRICTIONS_ACCESS_DENIED", "CREATE_DYNAMIC_ITEM_RESTRICTED",
		"UPDATE_DYNAMIC_ITEM_RESTRICTED", "OVERLOAD_LIMIT", "PORTAL_DELETED",
		"ERROR_METHOD_NOT_FOUND":
		return true
	// a request that is wrong in itself
	case "INVALID_REQUEST", "INVALID_ARG_VALUE", "ENTITY_TYPE_NOT_SUPPORTED",
		"MAX_IMPORT_BATCH_SIZE_EXCEEDED", "ERROR_BATCH_LENGTH_EXCEEDED",
		"ERROR_BATCH_METHOD_NOT_ALLOWED":
		return true
	}
	return false
}

// tokenRefused reports whether a fresh token may help.
func tokenRefused(code string) bool {
	return code == "EXPIRED_TOKEN" || code == "INVALID_TOKEN" || code == "NO_AUTH_FOUND"
}
