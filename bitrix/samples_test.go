package bitrix_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spa-importer/spa-importer/bitrix"
)

// verdict is how an error is judged.
type verdict struct {
	class bitrix.Class
	stops bool
}

var (
	rowError  = verdict{bitrix.Final, false}
	stopRun   = verdict{bitrix.Refused, true}
	sendAgain = verdict{bitrix.Refused, false}
	lookUp    = verdict{bitrix.Unknown, false}
)

// judge sends an answer through a call and returns what the caller is told.
func judge(t *testing.T, status int, body []byte) (*bitrix.Error, verdict) {
	t.Helper()
	_, err := token(always(status, string(body))).Call(t.Context(), "crm.item.add", nil)
	var e *bitrix.Error
	if !errors.As(err, &e) {
		t.Fatalf("status %d: got error %v, want a *bitrix.Error", status, err)
	}
	if e.Status != status || e.Method != "crm.item.add" {
		t.Errorf("status %d: the error says status %d, method %q", status, e.Status, e.Method)
	}
	return e, verdict{e.Class, e.Stops()}
}

// TestErrorCatalog holds the classes to the table of crm errors.
func TestErrorCatalog(t *testing.T) {
	synctest.Test(t, testErrorCatalog)
}

func testErrorCatalog(t *testing.T) {
	want := map[string]verdict{
		"503 QUERY_LIMIT_EXCEEDED":            sendAgain,
		"429 OPERATION_TIME_LIMIT":            sendAgain,
		"503 OVERLOAD_LIMIT":                  stopRun,
		"500 INTERNAL_SERVER_ERROR":           lookUp,
		"500 ERROR_UNEXPECTED_ANSWER":         lookUp,
		"401 expired_token":                   stopRun, // a bare token cannot be refreshed
		"401 invalid_token":                   stopRun,
		"401 NO_AUTH_FOUND":                   stopRun,
		"401 authorization_error":             stopRun,
		"401 APPLICATION_NOT_FOUND":           stopRun,
		"401 ERROR_OAUTH":                     stopRun,
		"401 PAYMENT_REQUIRED":                stopRun,
		"403 insufficient_scope":              stopRun,
		"403 INVALID_CREDENTIALS":             stopRun,
		"403 user_access_error":               stopRun,
		"403 ACCESS_DENIED":                   stopRun,
		"403 allowed_only_intranet_user":      stopRun,
		"410 PORTAL_DELETED":                  stopRun,
		"500 PORTAL_DELETED":                  stopRun,
		"404 ERROR_METHOD_NOT_FOUND":          stopRun,
		"405 ERROR_BATCH_METHOD_NOT_ALLOWED":  stopRun,
		"400 ERROR_BATCH_LENGTH_EXCEEDED":     stopRun,
		"400 INVALID_REQUEST":                 stopRun,
		"400 NOT_FOUND":                       rowError,
		"400 ACCESS_DENIED":                   rowError,
		"400 CRM_FIELD_ERROR_VALUE_NOT_VALID": rowError,
		"400 CRM_FIELD_ERROR_REQUIRED":        rowError,
		"400 100":                             rowError,
		"400 CREATE_DYNAMIC_ITEM_RESTRICTED":  stopRun,
		"400 UPDATE_DYNAMIC_ITEM_RESTRICTED":  stopRun,
		"400 MAX_IMPORT_BATCH_SIZE_EXCEEDED":  stopRun,
		"400 INVALID_ARG_VALUE":               stopRun,
		"400 ENTITY_TYPE_NOT_SUPPORTED":       stopRun,
		"400 0":                               rowError,
		"400 ":                                rowError,
		"400 -":                               rowError,
		"404 ERROR_MANIFEST_IS_NOT_AVAILABLE": rowError,
	}
	type entry struct {
		Status int             `json:"http_status"`
		HTTP   int             `json:"http"`
		Body   json.RawMessage `json:"body"`
		Error  string          `json:"error"`
	}
	check := func(status int, body []byte) {
		var e struct {
			Error any `json:"error"`
		}
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatal(err)
		}
		code := strings.TrimSuffix(strings.Trim(string(mustJSON(e.Error)), `"`), ".0")
		key := string(mustJSON(status)) + " " + code
		w, ok := want[key]
		if !ok {
			t.Errorf("%q is in the samples and has no verdict here", key)
			return
		}
		got, v := judge(t, status, body)
		if v != w {
			t.Errorf("%s: %+v, want %+v", key, v, w)
		}
		if got.Code != strings.ToUpper(code) {
			t.Errorf("%s: code %q", key, got.Code)
		}
	}
	var catalog, system []entry
	mustDecode(t, sample(t, "crm/errors.catalog.json"), &catalog)
	mustDecode(t, sample(t, "embedding/rest_errors_system.json"), &system)
	for _, e := range catalog {
		check(e.Status, e.Body)
	}
	for _, e := range system {
		check(e.HTTP, mustJSON(map[string]string{"error": e.Error}))
	}
}

// TestErrorSamples: no error sample is taken for a result.
func TestErrorSamples(t *testing.T) {
	n := 0
	for _, path := range samplePaths(t) {
		name := filepath.Base(path)
		if !strings.Contains(name, "error") || strings.Contains(name, "catalog") || strings.Contains(name, "errors_system") ||
			strings.Contains(name, "partial-error") || strings.HasPrefix(name, "batch.errors") ||
			strings.HasPrefix(name, "js_") || strings.HasPrefix(name, "appsettings") {
			continue
		}
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		status := 400
		var shape struct {
			Status int             `json:"http_status"`
			Body   json.RawMessage `json:"body"`
		}
		mustDecode(t, body, &shape)
		if shape.Body != nil {
			status, body = shape.Status, shape.Body
		}
		e, _ := judge(t, status, body)
		if e.Class == bitrix.Unknown {
			t.Errorf("%s: a well-formed answer is of class unknown: %v", name, e)
		}
		n++
	}
	if n < 25 {
		t.Errorf("only %d error samples found", n)
	}
}

// TestResponseSamples: every sample of an answer decodes, with its time.
func TestResponseSamples(t *testing.T) {
	n := 0
	for _, path := range samplePaths(t) {
		name := filepath.Base(path)
		if !strings.Contains(name, "response") || strings.Contains(name, "error") ||
			strings.Contains(name, "fragment") || strings.HasPrefix(name, "oauth_") ||
			strings.HasPrefix(name, "rest-v3") || strings.Contains(name, "halt") || strings.Contains(name, "failed") {
			continue
		}
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var shape struct {
			Response json.RawMessage `json:"response"`
			Result   json.RawMessage `json:"result"`
			Time     struct {
				Start      float64  `json:"start"`
				Operating  *float64 `json:"operating"`
				Processing float64  `json:"processing"`
			} `json:"time"`
		}
		mustDecode(t, body, &shape)
		if shape.Response != nil {
			body = shape.Response
			mustDecode(t, body, &shape)
		}
		reply, err := token(always(200, string(body))).Call(t.Context(), "some.method", nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(reply.Result) != string(shape.Result) {
			t.Errorf("%s: the result differs", name)
		}
		if got := float64(reply.Time.Start.UnixNano()) / 1e9; shape.Time.Start > 0 && abs(got-shape.Time.Start) > 0.001 {
			t.Errorf("%s: start %v, want %v", name, got, shape.Time.Start)
		}
		if got := reply.Time.Processing.Seconds(); abs(got-shape.Time.Processing) > 1e-6 {
			t.Errorf("%s: processing %v, want %v", name, got, shape.Time.Processing)
		}
		if reply.Time.HasOperating != (shape.Time.Operating != nil) {
			t.Errorf("%s: HasOperating is %v", name, reply.Time.HasOperating)
		}
		n++
	}
	if n < 60 {
		t.Errorf("only %d response samples found", n)
	}
}

// TestVersion3Errors: errors that are objects are read too.
func TestVersion3Errors(t *testing.T) {
	e, v := judge(t, 400, sample(t, "crm/rest-v3.error-validation.json"))
	if e.Code != "BITRIX_REST_V3_EXCEPTION_VALIDATION_REQUESTVALIDATIONEXCEPTION" || v != rowError {
		t.Errorf("got %q, %+v", e.Code, v)
	}
	if e.Description != "Error validating request object" {
		t.Errorf("description %q", e.Description)
	}
}

// TestNotAnswers: what no REST has written leaves the outcome unknown.
func TestNotAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   verdict
	}{
		{"html", 200, "<!DOCTYPE html><html>maintenance</html>", lookUp},
		{"empty", 200, "", lookUp},
		{"truncated", 200, `{"result":{"items":[{"item":{"id":15}},{"it`, lookUp},
		{"gateway", 502, "<html>502 Bad Gateway</html>", lookUp},
		{"gateway time-out", 504, "", lookUp},
		{"503 without a code", 503, "<html>busy</html>", lookUp},
		{"429 without a code", 429, "slow down", lookUp},
		{"no result", 200, `{"time":{}}`, lookUp},
		{"null", 200, `null`, lookUp},
		{"list", 200, `[]`, lookUp},
		{"server error with result", 500, `{"result":true}`, lookUp},
		{"error of no known code", 500, `{"error":"SOMETHING"}`, lookUp},
		{"body too large for the gateway", 413, "<html>413</html>", rowError},
		{"saved, then complained", 400, `{"error":"CRM_FIELD_ERROR_PRODUCTS_NOT_FETCHED"}`, lookUp},
		{"error in a 200", 200, `{"error":"wrong_client","error_description":"..."}`, stopRun},
		{"error beside a result", 200, `{"result":[],"error":"ERROR_CORE","error_description":"x"}`, rowError},
		{"redirect on the same host", 302, "/auth/", lookUp},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, v := judge(t, c.status, []byte(c.body)); v != c.want {
				t.Errorf("got %+v, want %+v", v, c.want)
			}
		})
	}
}

// TestLenientAnswers: the answer is found behind a byte order mark, and
// numbers may be strings.
func TestLenientAnswers(t *testing.T) {
	body := "\xef\xbb\xbf\n" + `{"result":null,"next":"50","total":"120","time":{"start":"1.5","operating":"3.25","operating_reset_at":"1750153784"}}`
	reply, err := token(always(200, body)).Call(t.Context(), "some.method", nil)
	if err != nil {
		t.Fatal(err)
	}
	if string(reply.Result) != "null" || *reply.Next != 50 || *reply.Total != 120 {
		t.Errorf("got %s, next %v, total %v", reply.Result, reply.Next, reply.Total)
	}
	if tm := reply.Time; !tm.HasOperating || tm.Operating != 3.25 || tm.ResetAt.Unix() != 1750153784 {
		t.Errorf("time %+v", tm)
	}
}

func samplePaths(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, folder := range []string{"crm", "embedding"} {
		found, err := filepath.Glob(filepath.Join("testdata", "samples", folder, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	return paths
}

func mustJSON(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return body
}

func mustDecode(t testing.TB, body []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		if body[0] == '[' {
			return
		}
		t.Fatal(err)
	}
}

func abs(f float64) float64 { return max(f, -f) }
