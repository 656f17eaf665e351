package importer

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spa-importer/spa-importer/app/field"
)

// sameValue reports whether an item has already what a row says: old as
// crm.item.list answers it, new as it would be sent. The two are written
// differently (crm.md 2.4), so both are brought to one form by the field's
// type. What cannot be compared, such as a file, differs.
func sameValue(t field.Target, base string, old json.RawMessage, new any) bool {
	if t.Type == "file" {
		return isBlank(t, old) && new == nil
	}
	was, ok := oldValues(old)
	if !ok {
		return false
	}
	is := newValues(new)
	if !t.Multiple {
		// A single field never has more than one value; a list with one is
		// how some portals answer.
		if len(was) > 1 || len(is) > 1 {
			return false
		}
	}
	x, y := plainAll(t, base, was), plainAll(t, base, is)
	if t.Type == "boolean" && !t.Multiple {
		x, y = orNo(x), orNo(y)
	}
	if t.Name == "contactIds" {
		return slices.Equal(x, y) // the first contact is the main one
	}
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// isBlank reports whether an answer holds no value of a field.
func isBlank(t field.Target, old json.RawMessage) bool {
	was, ok := oldValues(old)
	return ok && len(plainAll(t, "", was)) == 0
}

// orNo: a box that was never ticked is a no.
func orNo(values []string) []string {
	if len(values) == 0 {
		return []string{"N"}
	}
	return values
}

// oldValues reads a value of an answer: a scalar, a list, or an object in
// place of a list whose numbers had gaps.
func oldValues(raw json.RawMessage) ([]any, bool) {
	if len(raw) == 0 {
		return nil, true
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, false
	}
	switch v := v.(type) {
	case nil:
		return nil, true
	case []any:
		return v, true
	case map[string]any:
		list := make([]any, 0, len(v))
		for key, one := range v {
			if _, err := strconv.Atoi(key); err != nil {
				return nil, false
			}
			list = append(list, one)
		}
		return list, true
	default:
		return []any{v}, true
	}
}

func newValues(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// plainAll brings values to their common form, without the empty ones.
func plainAll(t field.Target, base string, values []any) []string {
	plain := make([]string, 0, len(values))
	for _, v := range values {
		if s, has := plainValue(t, base, v); has {
			plain = append(plain, s)
		}
	}
	return plain
}

// plainValue is the common form of one value; has is false for nothing.
func plainValue(t field.Target, base string, v any) (s string, has bool) {
	switch v := v.(type) {
	case nil:
		return "", false
	case string:
		s = strings.ReplaceAll(v, "\r\n", "\n")
	case json.Number:
		s = v.String()
	case bool:
		s = "N"
		if v {
			s = "Y"
		}
	case int64:
		s = strconv.FormatInt(v, 10)
	case int:
		s = strconv.Itoa(v)
	case float64:
		s = strconv.FormatFloat(v, 'f', -1, 64)
	default: // an object: nothing that is sent looks like it
		raw, err := json.Marshal(v)
		return string(raw), err == nil
	}
	if s == "" {
		return "", false
	}
	switch t.Type {
	case "boolean":
		switch strings.ToLower(s) {
		case "y", "1", "true":
			return "Y", true
		}
		return "N", true
	case "integer", "double":
		s = plainNumber(s)
		// Bitrix24 keeps no empty number in its own fields: cleared is 0.
		return s, s != "0" || t.Field.Dynamic
	case "money":
		return plainMoney(s, base)
	case "date":
		// The day stands in front, whatever zone the portal writes behind it.
		return s[:min(len(s), len(time.DateOnly))], true
	case "datetime":
		if at, err := time.Parse(time.RFC3339, s); err == nil {
			return strconv.FormatInt(at.Unix(), 10), true
		}
		return s, true
	case "address":
		return plainAddress(s), true
	case "enumeration", "employee", "user", "crm_company", "crm_contact", "crm_entity", "crm_category",
		"iblock_section", "iblock_element", "hlblock":
		s = plainNumber(s)
		return s, s != "0"
	case "crm":
		return strings.ToUpper(s), s != "0"
	}
	return s, true
}

// plainNumber takes off what does not change a number: 010.50 is 10.5.
func plainNumber(s string) string {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, "eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return s
		}
		s = strconv.FormatFloat(f, 'f', -1, 64)
	}
	if len(s) > 400 {
		return s
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return s
	}
	if r.IsInt() {
		return r.Num().String()
	}
	places := len(s) - strings.IndexByte(s, '.') - 1
	return strings.TrimRight(r.FloatString(places), "0")
}

// plainMoney is amount and currency; an amount without one is in the
// portal's base currency.
func plainMoney(s, base string) (string, bool) {
	amount, currency, _ := strings.Cut(s, "|")
	if amount == "" {
		return "", false
	}
	if currency == "" {
		currency = base
	}
	return plainNumber(amount) + "|" + currency, true
}

// plainAddress leaves out the id that the portal puts behind text and place,
// and a place that is none.
func plainAddress(s string) string {
	parts := strings.SplitN(s, "|", 3)
	if len(parts) == 1 || strings.Trim(parts[1], "; ") == "" {
		return parts[0]
	}
	return parts[0] + "|" + parts[1]
}
