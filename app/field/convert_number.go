package field

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
)

// Bounds of whole numbers: what a user field's column holds, and what the
// portal can take at all.
const (
	maxColumn  = "2147483647"
	maxInteger = "9223372036854775807"
	// exactDigits is how many digits survive in the portal's floating-point
	// numbers.
	exactDigits = 15
)

// limits reads the limits of a number field.
func (s settings) limits() limits {
	l := limits{least: s.limit("MIN_VALUE"), most: s.limit("MAX_VALUE"), places: -1}
	if n, err := strconv.Atoi(s.text("PRECISION")); err == nil && n >= 0 {
		l.places = n
	}
	return l
}

// within checks the least and the greatest value.
func (l *limits) within(d string) *Problem {
	switch {
	case l.least != "" && compare(d, l.least) < 0:
		return trouble(numberTooSmall, "min", l.least)
	case l.most != "" && compare(d, l.most) > 0:
		return trouble(numberTooLarge, "max", l.most)
	}
	return nil
}

func (c *Converter) integer(s string, _ Lookup) (element, *Problem) {
	d, said := c.number(s)
	if said != nil && said.Blocks {
		return element{}, said
	}
	if strings.IndexByte(d, '.') >= 0 {
		return element{}, trouble(numberNotWhole)
	}
	if p := c.limits.within(d); p != nil {
		return element{}, p
	}
	if digits := strings.TrimPrefix(d, "-"); len(digits) >= len(maxColumn) {
		if compare(digits, maxInteger) > 0 {
			return element{}, trouble(numberTooLarge, "max", maxInteger)
		}
		if said == nil && c.target.Field.Dynamic && compare(digits, maxColumn) > 0 {
			said = note(numberTooLarge, "max", maxColumn)
		}
	}
	return element{json.Number(d), d}, said
}

func (c *Converter) double(s string, _ Lookup) (element, *Problem) {
	d, said := c.number(s)
	if said != nil && said.Blocks {
		return element{}, said
	}
	if p := c.limits.within(d); p != nil {
		return element{}, p
	}
	if c.limits.places >= 0 {
		if r := round(d, c.limits.places); r != d {
			d = r
			if said == nil {
				said = note(numberRounded, "places", strconv.Itoa(c.limits.places), "rounded", r)
			}
		}
	}
	if said == nil && len(d) > exactDigits && significant(d) > exactDigits {
		said = note(numberPrecision)
	}
	return element{json.Number(d), d}, said
}

// number reads a number without a unit. A currency is let go of, with a
// note where it is not the portal's own.
func (c *Converter) number(s string) (string, *Problem) {
	a, code := readAmount(s, c.style)
	if code != "" {
		return "", c.numberTrouble(code, s)
	}
	if p := c.spoilt(&a); p != nil {
		return "", p
	}
	if a.unit == "" {
		return a.text, nil
	}
	currency, factor, ok := c.ctx.readUnit(a.unit)
	switch {
	case !ok:
		return "", trouble(numberInvalid).near(c.write(a.text))
	case factor != 0:
		return "", trouble(numberAbbreviated).near(c.write(shift(a.text, factor)))
	}
	if codes, _ := c.ctx.currencyCode(currency); len(codes) == 1 && codes[0] == c.ctx.BaseCurrency {
		return a.text, nil
	}
	return a.text, note(numberCurrency, "currency", currency)
}

// spoilt refuses numbers that lost digits, and applies percent.
func (c *Converter) spoilt(a *amount) *Problem {
	if a.lossy {
		return trouble(numberShortened)
	}
	if a.percent && c.style.Percent == "fraction" {
		a.text = shift(a.text, -2)
	}
	return nil
}

// numberTrouble suggests the number in the column's marks where the cell
// has others.
func (c *Converter) numberTrouble(code, s string) *Problem {
	p := trouble(code)
	if code == numberInvalid {
		if a, code := readAmount(s, Style{}); code == "" && !a.lossy {
			p.near(c.write(a.text))
		}
	}
	return p
}

// write is a number in the column's style; "" where that would not be
// understood.
func (c *Converter) write(d string) string {
	if c.style.Decimal != "" {
		d = strings.Replace(d, ".", c.style.Decimal, 1)
	}
	if _, code := readAmount(d, c.style); code != "" {
		return ""
	}
	return d
}

// boolean prepares the conversion of yes and no.
func (c *Converter) boolean() {
	var own [2]string
	var labels []string
	if json.Unmarshal(c.settings["LABEL"], &labels) == nil && len(labels) == 2 {
		own = [2]string{fold(labels[0]), fold(labels[1])}
	}
	c.one = func(s string, _ Lookup) (element, *Problem) {
		yes, ok := readBoolean(s, own)
		switch {
		case !ok:
			return element{}, trouble(booleanUnknown).near(nearBoolean(s))
		case yes:
			return element{"Y", "Y"}, nil
		}
		return element{"N", "N"}, nil
	}
}

// money reads an amount with a currency: 100|USD, 1 500 ₽, $20. Without one
// it is in the column's or the portal's currency.
func (c *Converter) money(s string, _ Lookup) (element, *Problem) {
	if e, ok := c.quickMoney(s); ok {
		return e, nil
	}
	text, unit, piped := strings.Cut(s, "|")
	a, code := readAmount(text, c.style)
	if code != "" {
		if code == numberInvalid {
			code = moneyInvalid
		}
		return element{}, trouble(code)
	}
	if a.lossy {
		return element{}, trouble(numberShortened)
	}
	if unit = clean(unit); piped && a.unit != "" || a.percent {
		return element{}, trouble(moneyInvalid)
	}
	if !piped {
		var factor int
		var ok bool
		if unit, factor, ok = c.ctx.readUnit(a.unit); !ok {
			_, p := c.ctx.currency(a.unit)
			// Several words beside a number are a remark, not a currency.
			if p == nil || p.Code == currencyUnknown && strings.Contains(a.unit, " ") {
				p = trouble(moneyInvalid)
			}
			return element{}, p.asMoney(c, a.text)
		}
		if factor != 0 {
			closest := c.write(shift(a.text, factor))
			if closest != "" && unit != "" {
				closest += " " + unit
			}
			return element{}, trouble(numberAbbreviated).near(closest)
		}
	}
	return c.inCurrency(a.text, unit)
}

// quickMoney reads an amount with a currency behind it, or none.
func (c *Converter) quickMoney(s string) (element, bool) {
	number, unit := quickUnit(s)
	code, ok := c.units[unit]
	if !ok {
		return element{}, false
	}
	if !plainInteger(number) && (c.style.Decimal != "." || !plainDecimal(number)) {
		if number, ok = quickNumber(number, c.style); !ok {
			return element{}, false
		}
	}
	return element{number + "|" + code, number + " " + code}, true
}

// knownUnits are the signs and codes of the portal's currencies as they are
// usually written, and the currency of amounts without any.
func (c *Converter) knownUnits() map[string]string {
	units := map[string]string{}
	for sign := range currencySigns {
		if code, p := c.ctx.currency(sign); p == nil {
			units[sign], units[sign+"."], units["|"+sign] = code, code, code
		}
	}
	for _, code := range c.ctx.Currencies {
		units[code], units[strings.ToLower(code)], units["|"+code] = code, code, code
	}
	if code := cmp.Or(c.style.Currency, c.ctx.BaseCurrency); code != "" {
		units[""] = code
	}
	return units
}

// inCurrency completes an amount with the code of its currency.
func (c *Converter) inCurrency(amount, unit string) (element, *Problem) {
	code := cmp.Or(c.style.Currency, c.ctx.BaseCurrency)
	if unit != "" {
		var p *Problem
		if code, p = c.ctx.currency(unit); p != nil {
			return element{}, p.asMoney(c, amount)
		}
	}
	if code == "" {
		return element{amount, amount}, nil // the portal adds its base currency
	}
	return element{amount + "|" + code, amount + " " + code}, nil
}

// asMoney turns the suggestion of a currency into one of a cell.
func (p *Problem) asMoney(c *Converter, amount string) *Problem {
	if p.Closest == "" {
		return p
	}
	if number := c.write(amount); number != "" {
		return p.near(number + " " + p.Closest)
	}
	return p.near("")
}

// currency reads the code, sign or name of a currency.
func (c *Converter) currency(s string, _ Lookup) (element, *Problem) {
	code, p := c.ctx.currency(s)
	if p != nil {
		return element{}, p
	}
	return element{code, code}, nil
}
