package bitrix

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// errReference is the refusal of a value that the portal would replace.
var errReference = errors.New(`a value contains "$result["`)

const (
	// maxVariables is PHP's default for the variables of one query string;
	// what is beyond is dropped without a word.
	maxVariables = 1000
	// maxNesting is PHP's limit of brackets in one name.
	maxNesting = 60
)

// encodeQuery writes params as a PHP query string, percent-encoded once, as
// the commands of a batch carry them. Everything becomes text: true is "Y",
// false "N"; nil, an empty list and an empty map are an empty value, which
// clears a field. Maps are written in the order of their keys.
func encodeQuery(params any) (string, error) {
	if params == nil {
		return "", nil
	}
	plain, err := plainJSON(params)
	if err != nil {
		return "", err
	}
	root, ok := plain.(map[string]any)
	if !ok {
		return "", errors.New("parameters are not a map")
	}
	var q query
	for _, key := range sortedKeys(root) {
		if err := q.add(key, 1, root[key], true); err != nil {
			return "", err
		}
	}
	if q.count > maxVariables {
		return "", fmt.Errorf("%d variables in one command, a portal reads %d", q.count, maxVariables)
	}
	return q.b.String(), nil
}

// plainJSON turns anything into maps, slices, strings, json.Numbers, bools
// and nil.
func plainJSON(v any) (any, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding parameters: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var plain any
	if err := d.Decode(&plain); err != nil {
		return nil, fmt.Errorf("encoding parameters: %w", err)
	}
	return plain, nil
}

type query struct {
	b     strings.Builder
	count int
}

// add writes one value under the name so far; top says that the name is a
// whole variable, where PHP changes dots and spaces.
func (q *query) add(name string, depth int, v any, top bool) error {
	if depth > maxNesting {
		return errors.New("parameters are nested too deep")
	}
	if top && (name == "" || strings.ContainsAny(name, ". []\x00")) {
		return errors.New("a parameter name that PHP would change")
	}
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			return q.pair(name, "")
		}
		for _, key := range sortedKeys(v) {
			if strings.ContainsAny(key, "[]\x00") || key == "" {
				return errors.New("a key that PHP would change")
			}
			if err := q.add(name+"["+key+"]", depth+1, v[key], false); err != nil {
				return err
			}
		}
		return nil
	case []any:
		if len(v) == 0 {
			return q.pair(name, "")
		}
		for i, item := range v {
			if err := q.add(name+"["+strconv.Itoa(i)+"]", depth+1, item, false); err != nil {
				return err
			}
		}
		return nil
	case nil:
		return q.pair(name, "")
	case bool:
		if v {
			return q.pair(name, "Y")
		}
		return q.pair(name, "N")
	case json.Number:
		return q.pair(name, v.String())
	case string:
		return q.pair(name, v)
	default:
		return fmt.Errorf("a parameter of type %T", v)
	}
}

func (q *query) pair(name, value string) error {
	if strings.Contains(name, "$result[") || strings.Contains(value, "$result[") {
		return errReference
	}
	if q.count++; q.count > 1 {
		q.b.WriteByte('&')
	}
	q.b.WriteString(escape(name))
	q.b.WriteByte('=')
	q.b.WriteString(escape(value))
	return nil
}

// escape percent-encodes everything that could mean something in a query.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
