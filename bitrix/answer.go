package bitrix

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// envelope is the body of every answer. Portals and the OAuth server differ
// in what they put where a code, a number or an object belongs, so all of it
// is read leniently.
type envelope struct {
	Result      json.RawMessage `json:"result"`
	Error       json.RawMessage `json:"error"`
	Description json.RawMessage `json:"error_description"`
	Next        json.RawMessage `json:"next"`
	Total       json.RawMessage `json:"total"`
	Time        json.RawMessage `json:"time"`
}

// parseAnswer reads the body of an answer. The error is an *Error without
// Method; a time object is returned even beside it.
func parseAnswer(status int, body []byte) (Reply, *Error) {
	reply := Reply{Status: status}
	var e envelope
	if err := json.Unmarshal(trimBody(body), &e); err != nil {
		return reply, notAnswer(status, errors.New("the body is not the JSON of a portal"))
	}
	reply.Time = parseTime(e.Time)
	if fault := parseFault(e.Error, e.Description, status); fault != nil {
		return reply, fault
	}
	if status >= 400 || e.Result == nil {
		return reply, notAnswer(status, errors.New("neither result nor error in the body"))
	}
	reply.Result = e.Result
	reply.Next, reply.Total = optionalInt(e.Next), optionalInt(e.Total)
	return reply, nil
}

// notAnswer is the error of an answer that a portal's REST did not write. A
// gateway that finds the body too large does not pass it on.
func notAnswer(status int, err error) *Error {
	e := &Error{Code: CodeNotJSON, Status: status, Class: Unknown, Err: err}
	if status == http.StatusRequestEntityTooLarge {
		e.Class = Final
	}
	return e
}

// trimBody takes off what editors of on-premise portals leave before the
// first byte of PHP's output.
func trimBody(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
}

// parseFault reads error and error_description; nil if there is no error.
func parseFault(raw, description json.RawMessage, status int) *Error {
	if raw == nil || isNull(raw) {
		return nil
	}
	e := &Error{Status: status}
	var object struct {
		Code        json.RawMessage `json:"code"`
		Message     json.RawMessage `json:"message"`
		Error       json.RawMessage `json:"error"`
		Description json.RawMessage `json:"error_description"`
	}
	if raw[0] == '{' && json.Unmarshal(raw, &object) == nil {
		e.Code, e.Description = scalar(object.Code), scalar(object.Message)
		if object.Code == nil {
			e.Code, e.Description = scalar(object.Error), scalar(object.Description)
		}
	} else {
		e.Code, e.Description = scalar(raw), scalar(description)
	}
	e.Code = strings.ToUpper(strings.TrimSpace(e.Code))
	e.Class, e.stops = classify(e.Code, status)
	return e
}

// ParseError reads the {"error":…,"error_description":…} that stands in
// place of one row's result, as in the answer of crm.item.batchImport; nil
// if raw is none.
func ParseError(method string, raw json.RawMessage) *Error {
	var e envelope
	if json.Unmarshal(raw, &e) != nil {
		return nil
	}
	fault := parseFault(e.Error, e.Description, 0)
	if fault != nil {
		fault.Method = method
	}
	return fault
}

// parseTime reads a time object; whatever is missing stays zero.
func parseTime(raw json.RawMessage) Time {
	var o struct {
		Start      json.RawMessage `json:"start"`
		Finish     json.RawMessage `json:"finish"`
		Duration   json.RawMessage `json:"duration"`
		Processing json.RawMessage `json:"processing"`
		Operating  json.RawMessage `json:"operating"`
		ResetAt    json.RawMessage `json:"operating_reset_at"`
	}
	if json.Unmarshal(raw, &o) != nil {
		return Time{}
	}
	t := Time{Start: unix(o.Start), Finish: unix(o.Finish), ResetAt: unix(o.ResetAt)}
	if d, ok := number(o.Duration); ok && d >= 0 && d < 1e6 {
		t.Duration = seconds(d)
	}
	if d, ok := number(o.Processing); ok && d >= 0 && d < 1e6 {
		t.Processing = seconds(d)
	}
	if n, ok := number(o.Operating); ok && n >= 0 && n < 1e6 {
		t.Operating, t.HasOperating = n, true
	}
	return t
}

// unix reads seconds since 1970, with a fraction; zero for anything else.
func unix(raw json.RawMessage) time.Time {
	n, ok := number(raw)
	if !ok || n <= 0 || n > 1e11 {
		return time.Time{}
	}
	whole, part := math.Modf(n)
	return time.Unix(int64(whole), int64(part*1e9)).UTC()
}

// number reads a JSON number, or a string that holds one.
func number(raw json.RawMessage) (float64, bool) {
	n, err := strconv.ParseFloat(scalar(raw), 64)
	return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
}

// scalar is the text of a JSON string, number or boolean, and "" for
// anything else.
func scalar(raw json.RawMessage) string {
	if len(raw) == 0 || isNull(raw) {
		return ""
	}
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return s
	case '{', '[':
		return ""
	}
	return string(raw)
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

// isEmptyList reports whether raw is [], PHP's way to write an empty map.
func isEmptyList(raw json.RawMessage) bool {
	return len(raw) > 1 && raw[0] == '[' && len(bytes.TrimSpace(raw[1:len(raw)-1])) == 0
}

func optionalInt(raw json.RawMessage) *int {
	n, err := strconv.Atoi(scalar(raw))
	if err != nil {
		return nil
	}
	return &n
}

// looseInt is an id: a JSON number, or a string that holds one. Null, "" and
// false are 0.
type looseInt int64

func (n *looseInt) UnmarshalJSON(raw []byte) error {
	switch s := scalar(raw); s {
	case "", "false":
		*n = 0
	default:
		i, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		if err != nil {
			return fmt.Errorf("reading a whole number: %w", errNumber)
		}
		*n = looseInt(i)
	}
	return nil
}

var errNumber = errors.New("not a whole number")

// looseText is a string, or any scalar as its text; null is "".
type looseText string

func (t *looseText) UnmarshalJSON(raw []byte) error {
	*t = looseText(scalar(raw))
	return nil
}

// looseBool is true for true, "Y", "true", "1" and 1.
type looseBool bool

func (b *looseBool) UnmarshalJSON(raw []byte) error {
	switch strings.ToLower(scalar(raw)) {
	case "y", "true", "1", "yes":
		*b = true
	default:
		*b = false
	}
	return nil
}
