package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
)

// array is the one container the portal's language knows: ordered keys and
// values, a list when the keys are 0, 1, 2 and so on. An empty array is
// written as [], whatever it was meant to be, which is what clients of
// Bitrix24 have to live with.
type array struct {
	keys []string
	vals map[string]any
}

func newArray(pairs ...any) *array {
	a := &array{vals: make(map[string]any, len(pairs)/2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		a.set(pairs[i].(string), pairs[i+1])
	}
	return a
}

func listOf[T any](vals []T) *array {
	a := &array{vals: make(map[string]any, len(vals))}
	for _, v := range vals {
		a.push(v)
	}
	return a
}

func (a *array) set(key string, v any) {
	if _, ok := a.vals[key]; !ok {
		a.keys = append(a.keys, key)
	}
	a.vals[key] = v
}

func (a *array) push(v any) { a.set(strconv.Itoa(len(a.keys)), v) }

func (a *array) get(key string) any {
	if a == nil {
		return nil
	}
	return a.vals[key]
}

func (a *array) has(key string) bool {
	if a == nil {
		return false
	}
	_, ok := a.vals[key]
	return ok
}

func (a *array) len() int {
	if a == nil {
		return 0
	}
	return len(a.keys)
}

// sub is the array under a key, nil if there is none.
func (a *array) sub(key string) *array {
	s, _ := a.get(key).(*array)
	return s
}

// values are the values in order.
func (a *array) values() []any {
	if a == nil {
		return nil
	}
	out := make([]any, 0, len(a.keys))
	for _, k := range a.keys {
		out = append(out, a.vals[k])
	}
	return out
}

// fold finds a key without regard to case, as user.get and placement.bind do.
func (a *array) fold(key string) any {
	if a == nil {
		return nil
	}
	if v, ok := a.vals[key]; ok {
		return v
	}
	for _, k := range a.keys {
		if strings.EqualFold(k, key) {
			return a.vals[k]
		}
	}
	return nil
}

func (a *array) isList() bool {
	for i, k := range a.keys {
		if k != strconv.Itoa(i) {
			return false
		}
	}
	return true
}

// MarshalJSON writes a list for dense keys and an object otherwise.
func (a *array) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	list := a.isList()
	b.WriteByte(pick(list, byte('['), byte('{')))
	for i, k := range a.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		if !list {
			key, err := json.Marshal(k)
			if err != nil {
				return nil, fmt.Errorf("writing key: %w", err)
			}
			b.Write(key)
			b.WriteByte(':')
		}
		v, err := json.Marshal(a.vals[k])
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", k, err)
		}
		b.Write(v)
	}
	b.WriteByte(pick(list, byte(']'), byte('}')))
	return b.Bytes(), nil
}

func pick[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}

// maxDepth bounds the nesting of what a caller may send.
const maxDepth = 64

// parseJSON reads one JSON value, keeping the order of keys. Numbers stay
// json.Number.
func parseJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := readJSON(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("reading JSON: something follows the value")
	}
	return v, nil
}

func readJSON(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("reading JSON: nested too deeply")
	}
	t, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	a := newArray()
	for d.More() {
		key := ""
		if delim == '{' {
			k, err := d.Token()
			if err != nil {
				return nil, fmt.Errorf("reading JSON: %w", err)
			}
			key = k.(string)
		}
		v, err := readJSON(d, depth+1)
		if err != nil {
			return nil, err
		}
		if delim == '{' {
			a.set(key, v)
		} else {
			a.push(v)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	return a, nil
}

// maxVars bounds the variables of one form or command, as PHP's
// max_input_vars does (a portal allows at least its default of 1,000).
const maxVars = 20_000

// parseQuery reads an application/x-www-form-urlencoded text with bracketed
// keys, a[b][]=c, the way PHP's parse_str does; what it cannot read it leaves
// out.
func parseQuery(s string) *array {
	a := newArray()
	n := 0
	for part := range strings.SplitSeq(s, "&") {
		if part == "" {
			continue
		}
		if n++; n > maxVars {
			break
		}
		key, value, _ := strings.Cut(part, "=")
		k, err := url.QueryUnescape(key)
		if err != nil {
			continue
		}
		v, err := url.QueryUnescape(value)
		if err != nil {
			v = value
		}
		a.put(splitKey(k), v)
	}
	return a
}

// splitKey turns a[b][] into "a", "b", "".
func splitKey(k string) []string {
	open := strings.IndexByte(k, '[')
	if open <= 0 {
		return []string{k}
	}
	path := []string{k[:open]}
	rest := k[open:]
	for strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 || len(path) > maxDepth {
			break
		}
		path = append(path, rest[1:end])
		rest = rest[end+1:]
	}
	return path
}

func (a *array) put(path []string, v any) {
	for len(path) > 1 {
		key := a.slot(path[0])
		next := a.sub(key)
		if next == nil {
			next = newArray()
			a.set(key, next)
		}
		a, path = next, path[1:]
	}
	a.set(a.slot(path[0]), v)
}

// slot is the key, or for an empty one the next free number.
func (a *array) slot(key string) string {
	if key != "" {
		return key
	}
	next := 0
	for _, k := range a.keys {
		if n, err := strconv.Atoi(k); err == nil && n >= next {
			next = n + 1
		}
	}
	return strconv.Itoa(next)
}
