package bitrix

import (
	"encoding/json"
	"time"
)

// Command is one call inside a batch.
type Command struct {
	// Key names the command in the answer: letters, digits, "_" and "-",
	// not digits only, unique in its batch.
	Key, Method string
	// Params is a map or struct, nested as needed. On the wire everything is
	// text in PHP's query form: true is "Y", false "N", nil and empty lists
	// an empty value.
	Params any
}

// Reply is the answer to a call.
type Reply struct {
	// Result is the "result" of the answer, any JSON.
	Result json.RawMessage
	// Next and Total are set where the method pages.
	Next, Total *int
	Time        Time
	Status      int
}

// BatchReply is the answer to a batch. A key in neither Results nor Errors
// was not run.
type BatchReply struct {
	Results      map[string]json.RawMessage
	Errors       map[string]*Error
	Times        map[string]Time
	Next, Totals map[string]int
	Time         Time
}

// Time is the "time" object of an answer, by the portal's clock.
type Time struct {
	Start, Finish time.Time
	// Duration and Processing are how long the portal took, with and without
	// the surroundings of the method.
	Duration, Processing time.Duration
	// Operating is the method's time in the last ten minutes, in seconds,
	// valid if HasOperating.
	Operating    float64
	HasOperating bool
	// ResetAt is when the oldest of these minutes is forgotten.
	ResetAt time.Time
}
