package field

import (
	"fmt"
	"strings"

	"github.com/spa-importer/spa-importer/bitrix"
)

// Value is what a cell became.
type Value struct {
	// Set is false where the field is left out of the request.
	Set bool
	// JSON is what goes on the wire: string, json.Number, nil to empty the
	// field, FileSource for files; []any of these for multiple fields.
	JSON any
	// Text is the value for people: what was understood.
	Text string
}

// element is one value of a cell; a nil json is no value.
type element struct {
	json any
	text string
}

// Converter turns the cells of one column into values of one field. It may
// be used by several goroutines.
type Converter struct {
	target   Target
	style    Style
	ctx      Context
	settings settings
	split    splitter
	// one converts a single non-blank value; it says in its Problem what is
	// wrong, and leaves field, cell and value to its caller.
	one func(s string, l Lookup) (element, *Problem)
	// refs names what one must look up; nil where it never does.
	refs func(s string, add func(Ref))
	// distinct: repeated values in a cell are one.
	distinct bool
	// free text keeps "-" and "n/a" as they are.
	free bool
	// clearable fields can be emptied.
	clearable bool
	dict      *dictionary
	limits    limits
	units     map[string]string // see knownUnits
}

// NewConverter prepares the conversion of a column. It fails for targets
// that are not writable and styles that do not exist.
func NewConverter(t Target, s Style, c Context) (*Converter, error) {
	if !t.Writable {
		return nil, fmt.Errorf("field %s cannot be written: %s", t.Name, t.Reason)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("field %s: %w", t.Name, err)
	}
	conv := &Converter{
		target: t, style: s, ctx: c, settings: settingsOf(t.Field),
		split: newSplitter(s.List, nil), clearable: clearable(t.Field),
	}
	if !conv.prepare() {
		return nil, fmt.Errorf("field %s: type %s has no converter", t.Name, t.Type)
	}
	return conv, nil
}

func (s Style) check() error {
	switch {
	case s.DateOrder != "" && s.DateOrder != DMY && s.DateOrder != MDY && s.DateOrder != YMD:
		return fmt.Errorf("unknown date order %q", s.DateOrder)
	case s.Decimal != "" && s.Decimal != "." && s.Decimal != ",":
		return fmt.Errorf("unknown decimal mark %q", s.Decimal)
	case s.Group != "" && s.Group != "." && s.Group != "," && s.Group != " " && s.Group != "'":
		return fmt.Errorf("unknown group mark %q", s.Group)
	case s.Group != "" && s.Group == s.Decimal:
		return fmt.Errorf("%q cannot be both decimal and group mark", s.Group)
	case s.Percent != "" && s.Percent != "fraction":
		return fmt.Errorf("unknown treatment of percent %q", s.Percent)
	case s.Blank != "" && s.Blank != BlankDefault && s.Blank != BlankClear:
		return fmt.Errorf("unknown treatment of blank cells %q", s.Blank)
	case s.Currency != "" && !isCode(s.Currency):
		return fmt.Errorf("%q is no currency code", s.Currency)
	}
	return nil
}

// clearable reports whether Bitrix24 lets the field be emptied.
func clearable(f bitrix.Field) bool {
	if f.Type == "boolean" {
		return false
	}
	if f.Dynamic {
		return true
	}
	switch f.Name {
	case "id", "title", "assignedById", "begindate", "closedate", "currencyId", "stageId", "categoryId":
		return false
	}
	return !history[f.Name]
}

// prepare chooses the conversion for the field's type.
func (c *Converter) prepare() bool {
	switch t := c.target.Type; t {
	case "string", "string_formatted", "text":
		c.text()
	case "integer":
		c.limits = c.settings.limits()
		c.one = c.integer
	case "double":
		c.limits = c.settings.limits()
		if c.target.Name == "opportunity" && !c.target.Field.Dynamic {
			c.limits.places = 2
		}
		c.one = c.double
	case "boolean":
		c.boolean()
	case "date":
		c.one = c.date
	case "datetime":
		c.one = c.datetime
	case "enumeration":
		c.choice(c.target.Options, optionUnknown, optionAmbiguous, true)
	case "crm_status":
		c.status()
	case "crm_category":
		c.choice(c.ctx.options(c.target.Field), pipelineUnknown, pipelineAmbiguous, true)
	case "crm_currency":
		c.one = c.currency
	case "money":
		c.split.join = isCode
		c.units = c.knownUnits()
		c.one = c.money
	case "url":
		c.textLimits()
		c.one = c.url
	case "address":
		c.split.join = isPlace
		c.one, c.free = c.address, true
	case "file":
		c.files()
	default:
		return c.links() || c.foreign()
	}
	return true
}

// foreign passes text through to types that other apps define.
func (c *Converter) foreign() bool {
	if !strings.HasPrefix(c.target.Type, "rest_") {
		return false
	}
	c.text()
	return true
}

// Refs returns what must be looked up before the cell can be converted.
func (c *Converter) Refs(cell string) []Ref {
	if c.refs == nil {
		return nil
	}
	var refs []Ref
	c.EachRef(cell, func(r Ref) { refs = append(refs, r) })
	return refs
}

// Refers reports whether cells of the column may have to be looked up.
func (c *Converter) Refers() bool { return c.refs != nil }

// EachRef is Refs without the slice.
func (c *Converter) EachRef(cell string, f func(Ref)) {
	if c.refs == nil {
		return
	}
	s := clean(cell)
	if s == "" || cellErrors[s] {
		return
	}
	if !c.target.Multiple {
		c.refs(s, f)
		return
	}
	for more := true; more; {
		var value string
		if value, s, more = c.split.next(s); value != "" {
			c.refs(value, f)
		}
	}
}

// Convert turns a cell into a value. Without a Problem the value is right;
// with one that Blocks there is none; with another the value is used and
// the Problem is reported. Equal arguments give equal results.
func (c *Converter) Convert(cell string, l Lookup) (Value, *Problem) {
	var first *Problem
	v := c.convert(cell, l, func(part string, p *Problem) bool {
		if part != "" && p.Closest != "" {
			p.Closest = c.split.replace(clean(cell), part, p.Closest)
		}
		if first == nil || p.Blocks {
			first = p
		}
		first.Value = cell
		return !p.Blocks
	})
	return v, first
}

// ConvertEach is Convert that says all problems of a cell at once: of a cell
// with several values, each value that has one, with that value alone as the
// Problem's Value and its Closest in place of that value. Without a problem
// that Blocks the value is right.
func (c *Converter) ConvertEach(cell string, l Lookup, say func(Problem)) Value {
	return c.convert(cell, l, func(_ string, p *Problem) bool {
		say(*p)
		return true
	})
}

// convert tells say of each problem, with the part of the cell that has it
// where the cell has parts; it ends early when say returns false.
func (c *Converter) convert(cell string, l Lookup, say func(part string, p *Problem) bool) Value {
	s := clean(cell)
	if s == "" {
		return c.blank()
	}
	if s[0] == '#' && cellErrors[s] {
		say("", c.complete(note(cellError), cell, s))
		return c.blank()
	}
	if c.target.Multiple {
		return c.many(s, l, say)
	}
	e, p := c.one(s, l)
	if p != nil {
		p = c.complete(c.emptyWord(p, s), cell, s)
		say("", p)
		if p.Blocks {
			return Value{}
		}
	}
	if e.json == nil {
		return c.blank()
	}
	return Value{Set: true, JSON: e.json, Text: e.text}
}

// many converts the cell of a multiple field.
func (c *Converter) many(s string, l Lookup, say func(part string, p *Problem) bool) Value {
	values := make([]any, 0, 2)
	text, blocked := "", false
	for rest, more := s, true; more; {
		var value string
		if value, rest, more = c.split.next(rest); value == "" {
			continue
		}
		e, p := c.one(value, l)
		if p != nil {
			p = c.complete(c.emptyWord(p, value), value, value)
			blocked = blocked || p.Blocks
			if !say(value, p) {
				break
			}
		}
		if e.json == nil || blocked || c.distinct && contains(values, e.json) {
			continue
		}
		values = append(values, e.json)
		if text == "" {
			text = e.text
		} else {
			text += ", " + e.text
		}
	}
	if blocked {
		return Value{}
	}
	if len(values) == 0 {
		return c.blank()
	}
	return Value{Set: true, JSON: values, Text: text}
}

// Rewrite puts other texts in place of the values of a cell: f says what
// stands for one, or that it stays. A value that becomes empty is left out.
// Cells of fields that take one value have one.
func (c *Converter) Rewrite(cell string, f func(value string) (with string, change bool)) string {
	if !c.target.Multiple {
		if with, change := f(cell); change {
			return with
		}
		return cell
	}
	var parts []string
	changed := false
	for rest, more := clean(cell), true; more; {
		var value string
		if value, rest, more = c.split.next(rest); value == "" {
			continue
		}
		with, change := f(value)
		changed = changed || change
		if !change {
			with = value
		}
		if with != "" {
			parts = append(parts, with)
		}
	}
	if !changed {
		return cell
	}
	return strings.Join(parts, c.split.text)
}

func contains(values []any, v any) bool {
	for _, have := range values {
		if have == v {
			return true
		}
	}
	return false
}

// blank is the value of a cell without one.
func (c *Converter) blank() Value {
	if c.style.Blank != BlankClear || !c.clearable {
		return Value{}
	}
	if c.target.Multiple {
		return Value{Set: true, JSON: []any{}}
	}
	return Value{Set: true}
}

// complete fills in what every problem says.
func (c *Converter) complete(p *Problem, cell, value string) *Problem {
	p.Value = cell
	p.Args["field"] = c.target.Title
	p.Args["value"] = shown(value)
	return p
}

// cellErrors are what spreadsheet programs leave where a formula failed.
var cellErrors = words("#N/A #REF! #VALUE! #DIV/0! #NAME? #NUM! #NULL! #SPILL! #CALC! #GETTING_DATA " +
	"#Н/Д #ССЫЛКА! #ЗНАЧ! #ДЕЛ/0! #ИМЯ? #ЧИСЛО! #ПУСТО! #ПЕРЕНОС! #ВЫЧИСЛ! " +
	"#NV #BEZUG! #WERT! #ZAHL! #ÜBERLAUF! #KALK! #VALEUR! #NOM? #NOMBRE! #NUL! #PROPAGATION! " +
	"#N/D #¡REF! #¡VALOR! #¿NOMBRE? #¡NUM! #¡NULO! #¡DIV/0! #¡DESBORDAMIENTO! #¡CALC! " +
	"#VALOR! #NOME? #NÚM! #NULO! #DESPEJAR! #CÁLC! #########")

// emptyWords are what people write for nothing, folded.
var emptyWords = words("- -- --- — – − . n/a na n.a. null nil none nan (null) (empty) (пусто) н/д нд пусто " +
	"k.a. n.v. leer (leer) keine n/d n.d. nd s/o vide (vide) néant aucun aucune s/d vacío (vacío) ninguno ninguna " +
	"vazio (vazio) nenhum nenhuma ? ??")

// emptyWord replaces what is wrong with a cell that only says that there is
// nothing; in free text such words stay.
func (c *Converter) emptyWord(p *Problem, s string) *Problem {
	if c.free || !p.Blocks || len(s) > 16 || !emptyWords[fold(s)] {
		return p
	}
	return trouble(looksEmpty)
}
