package bitrix

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// Limits of a bracketed form: what a portal sends is far smaller.
const (
	maxFormDepth = 8
	maxFormKeys  = 2000
)

// Errors of Form.
var (
	ErrFormSize  = errors.New("the form has too many keys or too deep ones")
	ErrFormShape = errors.New("the form has a key or value that cannot be read")
)

// Form decodes a form body whose keys are PHP's bracketed paths:
// a[b][c]=1 becomes {"a":{"b":{"c":"1"}}}. Leaves are strings; a list
// (a[]=x&a[]=y) becomes a map with the keys "0", "1"; the last of repeated
// keys wins. Keys may be 8 deep, and 2000 in number. Errors are ErrFormSize
// and ErrFormShape: hostile input, not worth more words.
func Form(body []byte) (map[string]any, error) {
	root := make(map[string]any)
	count := 0
	for pair := range strings.SplitSeq(string(body), "&") {
		if pair == "" {
			continue
		}
		if count++; count > maxFormKeys {
			return nil, ErrFormSize
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, ErrFormShape
		}
		path, err := bracketPath(name)
		if err != nil {
			return nil, err
		}
		if err := put(root, path, value); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// bracketPath splits a[b][c] into its parts; [] is an empty part.
func bracketPath(name string) ([]string, error) {
	first, rest, nested := strings.Cut(name, "[")
	if first == "" || strings.Contains(first, "]") {
		return nil, ErrFormShape
	}
	path := []string{first}
	for nested {
		part, after, closed := strings.Cut(rest, "]")
		if !closed || strings.Contains(part, "[") {
			return nil, ErrFormShape
		}
		if path = append(path, part); len(path) > maxFormDepth {
			return nil, ErrFormSize
		}
		if after == "" {
			return path, nil
		}
		if after[0] != '[' {
			return nil, ErrFormShape
		}
		rest = after[1:]
	}
	return path, nil
}

// put stores a value under a path. A key cannot be a value and a map.
func put(m map[string]any, path []string, value string) error {
	for i, part := range path {
		if part == "" {
			part = nextIndex(m)
		}
		old, exists := m[part]
		child, isMap := old.(map[string]any)
		if i == len(path)-1 {
			if exists && isMap {
				return ErrFormShape
			}
			m[part] = value
			return nil
		}
		switch {
		case !exists:
			child = make(map[string]any)
			m[part] = child
		case !isMap:
			return ErrFormShape
		}
		m = child
	}
	return nil
}

// nextIndex is the key that a[] stands for.
func nextIndex(m map[string]any) string {
	for n := len(m); ; n++ {
		key := strconv.Itoa(n)
		if _, taken := m[key]; !taken {
			return key
		}
	}
}
