package bitrix

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// maxCommands is what a portal runs of one batch.
const maxCommands = 50

// encodeBatch writes the body of a batch. Commands are kept in their order:
// the portal runs them one after another as they stand in the object. A
// command whose values would be replaced is left out and returned with its
// error; anything else that cannot be sent is an error of the whole.
func encodeBatch(commands []Command) (body []byte, sent []Command, refused map[string]*Error, err error) {
	if len(commands) == 0 || len(commands) > maxCommands {
		return nil, nil, nil, fmt.Errorf("a batch of %d commands, 1 to %d can be sent", len(commands), maxCommands)
	}
	refused = make(map[string]*Error)
	seen := make(map[string]bool, len(commands))
	var b bytes.Buffer
	b.WriteString(`{"halt":0,"cmd":{`)
	for _, c := range commands {
		if !validKey(c.Key) || seen[c.Key] {
			return nil, nil, nil, fmt.Errorf("command key %q is empty, a number, repeated or has odd characters", c.Key)
		}
		seen[c.Key] = true
		if !validMethod(c.Method) || c.Method == batchMethod {
			return nil, nil, nil, fmt.Errorf("method %q cannot be called in a batch", c.Method)
		}
		query, err := encodeQuery(c.Params)
		if errors.Is(err, errReference) {
			refused[c.Key] = &Error{Code: CodeReference, Class: Refused, Method: c.Method, Err: err}
			continue
		}
		if err != nil {
			return nil, nil, nil, fmt.Errorf("command %s: %w", c.Key, err)
		}
		if len(sent) > 0 {
			b.WriteByte(',')
		}
		sent = append(sent, c)
		line := c.Method
		if query != "" {
			line += "?" + query
		}
		fmt.Fprintf(&b, "%q:%q", c.Key, line) // both are ASCII without quotes
	}
	b.WriteString("}}")
	return b.Bytes(), sent, refused, nil
}

// validKey takes keys that PHP keeps as they are and never takes for
// numbers, which would turn sections of the answer into lists.
func validKey(key string) bool {
	if key == "" || len(key) > 64 {
		return false
	}
	number := true
	for _, r := range key {
		switch {
		case r >= '0' && r <= '9':
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_', r == '-':
			number = false
		default:
			return false
		}
	}
	return !number
}

// validMethod keeps a method from becoming a path or a query.
func validMethod(method string) bool {
	if method == "" || len(method) > 128 {
		return false
	}
	for _, r := range method {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' {
			return false
		}
	}
	return true
}

// parseBatch reads the "result" of a batch. Each section is an object, or a
// list where PHP had dense numbers or nothing.
func parseBatch(result json.RawMessage, sent []Command) (BatchReply, error) {
	var sections struct {
		Result json.RawMessage `json:"result"`
		Errors json.RawMessage `json:"result_error"`
		Totals json.RawMessage `json:"result_total"`
		Next   json.RawMessage `json:"result_next"`
		Times  json.RawMessage `json:"result_time"`
	}
	if err := json.Unmarshal(result, &sections); err != nil {
		return BatchReply{}, errors.New("the result of a batch is not an object")
	}
	reply := BatchReply{
		Results: make(map[string]json.RawMessage), Errors: make(map[string]*Error),
		Times: make(map[string]Time), Next: make(map[string]int), Totals: make(map[string]int),
	}
	methods := make(map[string]string, len(sent))
	for _, c := range sent {
		methods[c.Key] = c.Method
	}
	faults, err1 := section(sections.Errors, sent)
	results, err2 := section(sections.Result, sent)
	if err := errors.Join(err1, err2); err != nil {
		return BatchReply{}, err
	}
	for key, raw := range faults {
		var e envelope
		fault := &Error{Class: Final}
		if json.Unmarshal(raw, &e) == nil && e.Error != nil && !isNull(e.Error) {
			fault = parseFault(e.Error, e.Description, 0)
		} else if f := parseFault(raw, nil, 0); f != nil {
			fault = f
		}
		fault.Method = methods[key]
		reply.Errors[key] = fault
	}
	for key, raw := range results {
		if reply.Errors[key] == nil {
			reply.Results[key] = raw
		}
	}
	times, err1 := section(sections.Times, sent)
	totals, err2 := section(sections.Totals, sent)
	next, err3 := section(sections.Next, sent)
	if err := errors.Join(err1, err2, err3); err != nil {
		return BatchReply{}, err
	}
	for key, raw := range times {
		reply.Times[key] = parseTime(raw)
	}
	fillInts(reply.Totals, totals)
	fillInts(reply.Next, next)
	return reply, nil
}

func fillInts(into map[string]int, from map[string]json.RawMessage) {
	for key, raw := range from {
		if n := optionalInt(raw); n != nil {
			into[key] = *n
		}
	}
}

// section reads one part of a batch's result into a map by our keys.
func section(raw json.RawMessage, sent []Command) (map[string]json.RawMessage, error) {
	if len(raw) == 0 || isNull(raw) {
		return nil, nil
	}
	if raw[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil || len(list) > len(sent) {
			return nil, errors.New("a section of a batch's result is not its list")
		}
		m := make(map[string]json.RawMessage, len(list))
		for i, item := range list {
			m[sent[i].Key] = item
		}
		return m, nil
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, errors.New("a section of a batch's result is neither object nor list")
	}
	ours := make(map[string]json.RawMessage, len(m))
	for key, item := range m {
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(sent) && !hasKey(sent, key) {
			key = sent[i].Key
		}
		ours[key] = item
	}
	return ours, nil
}

func hasKey(commands []Command, key string) bool {
	return slices.ContainsFunc(commands, func(c Command) bool { return c.Key == key })
}
