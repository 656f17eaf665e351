package emulator

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// verdict is what became of a value.
type verdict int

const (
	taken   verdict = iota
	dropped         // left out silently, the item is saved without it
	broken          // a file that is none: an error of its own on batchImport
)

var (
	moneyPattern = regexp.MustCompile(`^(-?\d+(?:\.\d*)?)(?:\|([A-Z]{3}))?$`)
	linkPattern  = regexp.MustCompile(`^(?:(?:C|CO|L|D|Q|SI|O|T[0-9a-f]+)_)?\d+$`)
)

// coerce does to a value what the portal does: it refuses next to nothing,
// and changes a lot (crm.md sections 2.3, 2.4 and 3.4 of our notes).
func (p *Portal) coerce(f *field, v any) (any, verdict, *failure) {
	if !f.multiple {
		if a, isArray := v.(*array); isArray && f.typ != "file" {
			if a.len() == 0 {
				return p.none(f), taken, nil
			}
			return nil, dropped, nil
		}
		if isEmpty(v) {
			return p.none(f), taken, nil
		}
		out, how := p.single(f, v)
		return out, how, nil
	}
	list, isArray := v.(*array)
	if !isArray {
		if isEmpty(v) {
			return newArray(), taken, nil
		}
		return nil, dropped, fails(http.StatusBadRequest, "100",
			fmt.Sprintf("Expected iterable value for multiple field, but got `%s` instead", phpType(v)))
	}
	out := newArray()
	worst := taken
	for _, e := range list.values() {
		if isEmpty(e) {
			continue
		}
		got, how := p.single(f, e)
		switch {
		case how == broken:
			worst = broken
		case how == taken && !isEmpty(got):
			out.push(got)
		}
	}
	return out, worst, nil
}

func phpType(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	}
	return "integer"
}

// none is what a cleared field reads as.
func (p *Portal) none(f *field) any {
	switch {
	case f.multiple:
		return newArray()
	case f.typ == "boolean":
		return "N"
	case f.dynamic:
		return nil
	}
	switch f.typ {
	case "string", "text", "crm_status", "crm_currency":
		return ""
	case "crm_company", "crm_contact", "user", "integer", "double":
		return 0
	}
	return nil
}

func (p *Portal) single(f *field, v any) (any, verdict) {
	switch f.typ {
	case "string", "string_formatted", "text", "url", "crm_status", "crm_currency":
		s := text(v)
		if f.name == "title" {
			s = firstRunes(s, 255)
		}
		return s, taken
	case "integer", "crm_category":
		return intval(v), taken
	case "double":
		return p.round(f, floatval(v)), taken
	case "boolean":
		return pick(truth(v), "Y", "N"), taken
	case "date":
		t, ok := p.moment(v)
		return day(t, p.p.Zone), pick(ok, taken, dropped)
	case "datetime":
		t, ok := p.moment(v)
		return stamp(t), pick(ok, taken, dropped)
	case "enumeration", "employee", "user", "crm_company", "crm_contact", "crm_entity", "hlblock", "iblock_element", "iblock_section":
		if n := intval(v); n != 0 {
			return n, taken
		}
		return p.none(&field{typ: f.typ, dynamic: f.dynamic}), taken
	case "money":
		return p.money(text(v)), taken
	case "address":
		return address(text(v)), taken
	case "crm":
		s := text(v)
		return pick(linkPattern.MatchString(s), s, ""), taken
	case "file":
		return p.file(v)
	}
	return text(v), taken
}

// moment reads a time in the server's zone; the database has no year 10000.
func (p *Portal) moment(v any) (time.Time, bool) {
	t, ok := strtotime(text(v), p.p.Zone, p.w.now())
	t = t.In(p.p.Zone)
	return t, ok && t.Year() <= 9999
}

func firstRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}

func (p *Portal) round(f *field, v float64) float64 {
	precision := int64(2)
	if s, isArray := f.settings.(*array); isArray && s.has("PRECISION") {
		precision = intval(s.get("PRECISION"))
	}
	scale := math.Pow10(int(min(max(precision, 0), 12)))
	if r := math.Round(v*scale) / scale; !math.IsInf(r, 0) && !math.IsNaN(r) {
		return r
	}
	return v
}

// money keeps "100.50|USD"; anything else becomes nothing.
func (p *Portal) money(s string) string {
	m := moneyPattern.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	return m[1] + "|" + pick(m[2] == "", p.p.Currencies[0], m[2])
}

// address keeps the text and the place; what follows was another item's.
func address(s string) string {
	parts := strings.SplitN(s, "|", 3)
	if len(parts) == 1 {
		return s
	}
	return parts[0] + "|" + parts[1]
}

// file is ["name", "base64"], or {"id": n} to keep one that is there.
func (p *Portal) file(v any) (any, verdict) {
	a, isArray := v.(*array)
	if !isArray {
		return nil, broken
	}
	if a.has("id") {
		return newArray("id", intval(a.get("id"))), taken
	}
	pair := a.values()
	if len(pair) != 2 {
		return nil, broken
	}
	content, err := base64.StdEncoding.DecodeString(text(pair[1]))
	if err != nil || text(pair[0]) == "" {
		return nil, broken
	}
	p.mu.Lock()
	p.nextFile++
	id := p.nextFile
	p.mu.Unlock()
	return newArray("id", id, "name", text(pair[0]), "size", len(content), "content", pair[1]), taken
}

// day writes a date the way it is read back: as a time whose hour equals the
// offset of the server.
func day(t time.Time, loc *time.Location) string {
	_, offset := t.In(loc).Zone()
	return fmt.Sprintf("%sT%02d:%02d:00%s", t.Format(time.DateOnly), max(offset, 0)/3600, max(offset, 0)%3600/60, t.In(loc).Format("-07:00"))
}

// toPHP turns plain Go values of a profile into the portal's.
func toPHP(v any) any {
	switch v := v.(type) {
	case map[string]any:
		a := newArray()
		for _, k := range sortedKeys(v) {
			a.set(k, toPHP(v[k]))
		}
		return a
	case []any:
		a := newArray()
		for _, e := range v {
			a.push(toPHP(e))
		}
		return a
	case []string:
		return listOf(v)
	case []int64:
		return listOf(v)
	case []int:
		return listOf(v)
	}
	return v
}

// fromPHP is the opposite, for tests that look at items.
func fromPHP(v any) any {
	a, isArray := v.(*array)
	switch {
	case !isArray:
		if n, isInt := v.(int); isInt {
			return int64(n)
		}
		return v
	case a.isList():
		out := []any{}
		for _, e := range a.values() {
			out = append(out, fromPHP(e))
		}
		return out
	}
	out := map[string]any{}
	for _, k := range a.keys {
		out[k] = fromPHP(a.vals[k])
	}
	return out
}

func idText(id int64) string { return strconv.FormatInt(id, 10) }
