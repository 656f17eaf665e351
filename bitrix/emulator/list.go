package emulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// pageSize is how many items a list answers; it cannot be changed.
const pageSize = 50

// test says whether an item passes a filter.
type test func(*Item) bool

// operators of a filter key, longest first.
var operators = []string{"!%=", "!=%", ">=", "<=", "!@", "%=", "=%", "!%", "!=", ">", "<", "@", "%", "=", "!"}

// filter compiles a filter: conditions that must all hold, {"logic": "OR"}
// groups under numeric keys, operators as prefixes.
func (p *Portal) filter(e *entity, a *array, original bool) (test, *failure) {
	any := strings.EqualFold(text(a.get("logic")), "OR")
	var tests []test
	for _, key := range a.keysOf() {
		if key == "logic" {
			continue
		}
		if digits(key) {
			sub, isArray := a.vals[key].(*array)
			if !isArray {
				return nil, badFilter(key)
			}
			t, fail := p.filter(e, sub, original)
			if fail != nil {
				return nil, fail
			}
			tests = append(tests, t)
			continue
		}
		t, fail := p.condition(e, key, a.vals[key], original)
		if fail != nil {
			return nil, fail
		}
		tests = append(tests, t)
	}
	return func(it *Item) bool {
		for _, t := range tests {
			if t(it) == any {
				return any
			}
		}
		return !any || len(tests) == 0
	}, nil
}

func badFilter(name string) *failure {
	return fails(http.StatusBadRequest, "INVALID_ARG_VALUE", fmt.Sprintf("Invalid filter: field '%s' is not allowed in filter", name))
}

func splitOperator(key string) (op, name string) {
	for _, op := range operators {
		if name, found := strings.CutPrefix(key, op); found {
			return op, name
		}
	}
	return "=", key
}

func (p *Portal) condition(e *entity, key string, v any, original bool) (test, *failure) {
	op, name := splitOperator(key)
	f := e.named(name, original)
	if f == nil || f.name == "xmlId" && op == "@" && p.quirk().NoKeyFilter || f.typ == "file" || f.typ == "crm_multifield" || f.name == "phone" || f.name == "email" {
		return nil, badFilter(name)
	}
	not := strings.HasPrefix(op, "!")
	op = strings.TrimPrefix(op, "!")
	want := []any{v}
	if list, isArray := v.(*array); isArray {
		want = list.values()
	}
	match := p.matcher(f, op, want)
	return func(it *Item) bool {
		have := []any{it.get(f.name)}
		if list, isArray := have[0].(*array); isArray {
			have = list.values()
			if len(have) == 0 {
				have = []any{nil}
			}
		}
		return slices.ContainsFunc(have, match) != not
	}, nil
}

func (p *Portal) matcher(f *field, op string, want []any) func(any) bool {
	keys := make([]any, len(want))
	for i, v := range want {
		keys[i] = p.key(f, v)
	}
	return func(have any) bool {
		h := p.key(f, have)
		for _, k := range keys {
			if compare(op, h, k) {
				return true
			}
		}
		return false
	}
}

// key turns a value into what the database compares: a number, a time as
// seconds, or text without regard to case.
func (p *Portal) key(f *field, v any) any {
	if isEmpty(v) {
		return nil
	}
	switch f.typ {
	case "integer", "double", "enumeration", "employee", "user", "crm_company", "crm_contact", "crm_entity", "crm_category", "hlblock", "iblock_element", "iblock_section":
		if n := floatval(v); n != 0 || f.typ == "integer" || f.typ == "double" || f.typ == "crm_category" {
			return n
		}
		return nil
	case "date", "datetime":
		t, ok := strtotime(text(v), p.p.Zone, p.w.now())
		if !ok {
			return nil
		}
		if f.typ == "date" {
			return t.In(p.p.Zone).Format(time.DateOnly)
		}
		return float64(t.Unix())
	case "boolean":
		// User fields are filtered by 1 and 0, system fields by Y and N.
		s := strings.ToUpper(text(v))
		return pick(s == "1" || s == "Y", "y", "n")
	}
	return strings.ToLower(text(v))
}

func compare(op string, have, want any) bool {
	switch op {
	case "=", "@":
		return have == want
	case "%":
		return have != nil && want != nil && strings.Contains(text(have), text(want))
	case "%=", "=%":
		return have != nil && like(text(have), text(want))
	}
	if have == nil || want == nil {
		return false
	}
	c := order(have, want)
	switch op {
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	case "<":
		return c < 0
	}
	return c <= 0
}

func order(a, b any) int {
	x, xok := a.(float64)
	y, yok := b.(float64)
	if xok && yok {
		return cmp.Compare(x, y)
	}
	return strings.Compare(text(a), text(b))
}

// like matches % as any text.
func like(s, pattern string) bool {
	parts := strings.Split(pattern, "%")
	if len(parts) == 1 {
		return s == pattern
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}

// sorting is one key of an order.
type sorting struct {
	f    *field
	desc bool
}

func (p *Portal) sortings(e *entity, a *array, original bool) ([]sorting, *failure) {
	var out []sorting
	for _, name := range a.keysOf() {
		f := e.named(name, original)
		if f == nil {
			return nil, fails(http.StatusBadRequest, "INVALID_ARG_VALUE", fmt.Sprintf("Invalid order: field '%s' is not allowed in order", name))
		}
		out = append(out, sorting{f, strings.HasPrefix(strings.ToUpper(text(a.vals[name])), "DESC")})
	}
	return out, nil
}

// listing is what crm.item.list was asked.
type listing struct {
	pass  test
	order []sorting
	// start of the page; negative: no count, only the first page.
	start int
	// from and to bound the id, for what ">id" and "<id" allow.
	from int64
}

// plan reads the parameters of a list.
func (c *call) plan(e *entity) (listing, *failure) {
	original := c.original()
	l := listing{start: int(intval(c.params.get("start")))}
	filter := c.params.sub("filter")
	pass, fail := c.p.filter(e, filter, original)
	if fail != nil {
		return l, fail
	}
	l.pass = pass
	if l.order, fail = c.p.sortings(e, c.params.sub("order"), original); fail != nil {
		return l, fail
	}
	if v := filter.get(">id"); v != nil && !strings.EqualFold(text(filter.get("logic")), "OR") {
		l.from = intval(v) + 1
	}
	return l, nil
}

// select finds the page and, unless start is negative, how many there are.
func (c *call) choose(e *entity, l listing) (items []*Item, total int) {
	p := c.p
	p.mu.Lock()
	defer p.mu.Unlock()
	read := c.user.on(e.id).Read
	byID := len(l.order) == 0 || l.order[0].f.name == "id"
	desc := len(l.order) > 0 && l.order[0].desc
	all := e.items[e.position(l.from):]
	var found []*Item
	for i := range all {
		it := all[i]
		if byID && desc {
			it = all[len(all)-1-i]
		}
		if c.user.may(read, it) && l.pass(it) {
			found = append(found, it)
			if byID && l.start < 0 && len(found) == pageSize {
				break
			}
		}
	}
	if !byID {
		slices.SortStableFunc(found, func(a, b *Item) int {
			for _, s := range l.order {
				n := order(p.key(s.f, a.get(s.f.name)), p.key(s.f, b.get(s.f.name)))
				if n != 0 {
					return pick(s.desc, -n, n)
				}
			}
			return 0
		})
	}
	total = len(found)
	start := min(max(l.start, 0), total)
	return found[start:min(start+pageSize, total)], total
}

// list answers crm.item.list.
func (c *call) list(e *entity) (reply, *failure) {
	l, fail := c.plan(e)
	if fail != nil {
		return reply{}, fail
	}
	original := c.original()
	var names []string
	if sel := c.params.sub("select"); sel.len() > 0 && !slices.Contains(sel.values(), any("*")) {
		names = []string{}
		for _, v := range sel.values() {
			if f := e.named(text(v), original); f != nil {
				names = append(names, f.name)
			}
		}
	}
	found, total := c.choose(e, l)
	items := newArray()
	for _, it := range found {
		one := c.shape(e, it, names, original)
		items.push(one)
	}
	r := reply{newArray("items", items), -1, -1}
	if l.start >= 0 {
		r.total = total
		if next := l.start + len(found); next < total && len(found) > 0 {
			r.next = next
		}
	}
	return r, nil
}
