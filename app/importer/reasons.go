package importer

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/spa-importer/spa-importer/app/fetch"
	"github.com/spa-importer/spa-importer/bitrix"
)

// reasonOf words what a portal's answer means for the person: a code of its
// own for everything he or his administrator can do something about.
func reasonOf(err error) (Problem, bool) {
	var refused *Refusal
	if errors.As(err, &refused) {
		return refused.Problem, true
	}
	if errors.Is(err, bitrix.ErrNoGrant) || errors.Is(err, ErrNotFound) {
		return problem("connection_gone"), true
	}
	var e *bitrix.Error
	if !errors.As(err, &e) {
		return Problem{}, false
	}
	if code, ok := reasons[bitrix.Code(err)]; ok {
		if bitrix.Code(err) == "ACCESS_DENIED" && e.Status == 403 {
			code = "rest_not_in_plan" // crm.md 7: the same code, told apart by the status
		}
		return problem(code, "code", e.Code), true
	}
	if e.Stops() || e.Class == bitrix.Final {
		return problem("portal_refused", "code", e.Code, "text", plainText(e.Description)), true
	}
	return Problem{}, false
}

// reasons maps the portal's codes (crm.md 7, embedding.md 5.7) to ours.
var reasons = map[string]string{
	"ACCESS_DENIED":                  "no_right",
	"CRM_ITEM_ADD_ACCESS_DENIED":     "no_right",
	"CRM_ITEM_IMPORT_ACCESS_DENIED":  "no_import_right",
	"RESTRICTIONS_ACCESS_DENIED":     "not_in_plan",
	"CREATE_DYNAMIC_ITEM_RESTRICTED": "not_in_plan",
	"UPDATE_DYNAMIC_ITEM_RESTRICTED": "not_in_plan",
	"INSUFFICIENT_SCOPE":             "scope_missing",
	"INVALID_GRANT":                  "connection_gone",
	"INVALID_TOKEN":                  "connection_gone",
	"NO_AUTH_FOUND":                  "connection_gone",
	"AUTHORIZATION_ERROR":            "connection_gone",
	"NOT_INSTALLED":                  "app_removed",
	"APPLICATION_NOT_FOUND":          "app_removed",
	"ERROR_OAUTH":                    "app_removed",
	"INVALID_CLIENT":                 "app_removed",
	"WRONG_CLIENT":                   "app_removed",
	"PAYMENT_REQUIRED":               "subscription_ended",
	"USER_ACCESS_ERROR":              "app_closed_for_you",
	"INVALID_CREDENTIALS":            "app_closed_for_you",
	"ALLOWED_ONLY_INTRANET_USER":     "not_an_employee",
	"OVERLOAD_LIMIT":                 "portal_overloaded",
	"PORTAL_DELETED":                 "portal_closed",
	"ERROR_METHOD_NOT_FOUND":         "portal_too_old",
	"NOT_FOUND":                      "target_gone",
}

// waitOf reads a refusal that passes by itself: the limit's end as the
// portal told it, or a few seconds. A token that is over although it has
// just been renewed is such a refusal, too: clocks differ for a moment.
func waitOf(err error, now time.Time) (time.Time, bool) {
	var e *bitrix.Error
	if !errors.As(err, &e) || e.Class != bitrix.Refused {
		return time.Time{}, false
	}
	if e.Stops() && bitrix.Code(err) != "EXPIRED_TOKEN" {
		return time.Time{}, false
	}
	if e.ResetAt.After(now) {
		return e.ResetAt, true
	}
	return now.Add(5 * time.Second), true
}

// unreachable is the reason of work that waits for a portal to answer.
const unreachable = "portal_unreachable"

// delay is for how long an error holds up work that goes on by itself then,
// and why: a limit until its end, and where nobody answers, longer each time.
// What reaches it of class Unknown are questions, which may be asked again.
func (s *Service) delay(err error, failures int) (reason Problem, until time.Time, ok bool) {
	at, passes := waitOf(err, s.now())
	switch bitrix.Code(err) {
	case "QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT", bitrix.CodePaceWait:
		return problem("waiting_for_limit"), at, passes
	}
	if !passes && !bitrix.IsClass(err, bitrix.Unknown) {
		return Problem{}, time.Time{}, false
	}
	return problem(unreachable), s.now().Add(5 * time.Second << min(failures, 6)), true
}

// Codes lists every problem code of this package with the names of its
// arguments, for the languages' test. Codes of field and sheet come beside.
func Codes() map[string][]string {
	c := map[string][]string{
		"file_too_large":     {"size", "max"},
		"not_yours":          {"name"},
		"field_gone":         {"field"},
		"column_gone":        {"column"},
		"field_twice":        {"field", "column", "other"},
		"style_open":         {"column", "question"},
		"required_missing":   {"fields"},
		"required_empty":     {"field", "column"},
		"constant_wrong":     {"field", "value"},
		"marks_same":         {"column"},
		"mapping_name_taken": {"name", "owner"},
		"mapping_not_yours":  {"name", "owner"},
		"over_row_limit":     {"limit"},
		"skipped_by_you":     {"column"},
		"key_repeated":       {"key"},
		"keys_repeated":      {"field", "value"},
		"repeat_skipped":     {"key"},
		"row_too_long_cells": {"cells"},
		"too_many_edits":     {"max"},
		"too_many_decisions": {"max"},
		"portal_refused":     {"code", "text"},
		"row_refused":        {"code", "text"},
		"waiting_for_limit":  nil,
		"rechecking":         {"rows"},
		"schema_changed":     {"field"},
		"schema_column":      {"field", "column"},
		"schema_moved":       {"field"},
		"column_field_gone":  {"field", "column"},
		unreachable:          nil,
		"unknown_outcome":    nil,
		"restored":           {"time"},
		"gave_up":            {"attempts"},
		"file_came_as":       {"value", "name", "allowed"},
		"files_too_large":    {"value", "max"},
		"archive_gone":       {"value"},
		"key_unsuitable":     {"field"},
		"key_not_mapped":     {"field"},
		"key_empty":          {"column", "field", "value"},
		"key_several":        {"column", "field", "value", "ids"},
		"key_not_found":      {"column", "field", "value"},
		"id_not_found":       {"column", "field", "value"},
		"item_gone":          {"id"},
		"row_no_right":       {"code"},
		"no_update_right":    {"code"},
		rightLost:            {"rows", "code"},
		undoRight:            {"code"},
		"trial_done":         {"rows"},
		"undo_too_late":      {"days"},
		"undo_no_right":      {"code"},
		"undo_refused":       {"code", "text"},
		"key_beside_code":    {"field", "code"},
		// Of history: see past.
		"history_newer_exists": {"field", "value", "column", "time"},
		"history_only_new":     {"field"},
		"history_unsorted":     {"field", "value", "column"},
	}
	// A file has the name the cell gives it, an archive as a whole none.
	for code, args := range fetch.Codes() {
		if fetch.OfFile(code) {
			args = append(slices.Clone(args), "value")
		}
		c[code] = args
	}
	for _, code := range []string{
		"file_empty", "upload_incomplete", "upload_in_use", "still_reading", "file_not_confirmed",
		"mode_unknown", "edit_unknown", "pipeline_unknown", "stage_not_in_pipeline", "already_started", "no_target",
		"nothing_mapped", "mapping_gone", "mapping_name_empty", "mapping_name_long", "decision_unknown", "not_checked", "nothing_to_import", "not_running",
		"already_ended", "connection_gone", "file_gone", stopping, "stopped_by_you",
		"key_missing", "row_too_large", askRules, "nothing_to_undo", "undo_not_yet", "undo_edited",
		"undo_item_gone", "app_trouble", "undo_not_visible", "undo_files", "undo_unknown", "nothing_failed", "upload_derived",
	} {
		c[code] = nil
	}
	for _, code := range reasons {
		c[code] = []string{"code"}
	}
	c["connection_gone"], c["rest_not_in_plan"] = nil, []string{"code"}
	return c
}

func rowsArg(n int) string { return strconv.Itoa(n) }
