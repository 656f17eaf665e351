package field

import "strings"

// Evidence says why a style was chosen: a code (see Evidences), and the
// first row that shows it.
type Evidence struct {
	Code  string `json:"code,omitempty"`
	Row   int    `json:"row,omitempty"`
	Value string `json:"value,omitempty"`
}

// Codes of evidence.
const (
	evidenceDMY      = "date_dmy"      // this value has a day above 12 first
	evidenceMDY      = "date_mdy"      // … second
	evidenceYMD      = "date_ymd"      // … last
	evidenceYear     = "date_year"     // all start with the year
	evidenceNamed    = "date_named"    // all name the month
	evidenceDots     = "date_dots"     // dates with dots start with the day
	evidenceMixed    = "date_mixed"    // this value contradicts the others
	evidenceExcel    = "date_excel"    // Excel day numbers
	evidenceDot      = "decimal_dot"   // this value has a decimal dot
	evidenceComma    = "decimal_comma" // … comma
	evidenceWhole    = "decimal_whole" // whole numbers: the mark can only group
	evidenceDecimals = "decimal_mixed" // this value contradicts the others
	evidenceList     = "list_mark"     // this value has several values
)

// Questions that Infer may leave open.
const (
	// OpenDateOrder: does 03/04/2024 start with the day or the month?
	OpenDateOrder = "date_order"
	// OpenDecimal: is 1,234 a thousand or one and a bit?
	OpenDecimal = "decimal"
	// OpenList: does a mark in the cells separate values?
	OpenList = "list"
)

// Evidences returns every code Evidence can have.
func Evidences() []string {
	return []string{evidenceDMY, evidenceMDY, evidenceYMD, evidenceYear, evidenceNamed, evidenceDots, evidenceMixed,
		evidenceExcel, evidenceDot, evidenceComma, evidenceWhole, evidenceDecimals, evidenceList}
}

// Questions returns every code Infer can leave open.
func Questions() []string { return []string{OpenDateOrder, OpenDecimal, OpenList} }

// Infer decides from all values of a column how its cells are to be read
// for a target. What the values do not decide stays open: it must be asked,
// and the style holds a proposal at most.
func Infer(t Target, p Profile) (s Style, e Evidence, open []string) {
	if t.Multiple {
		var ask bool
		if s.List, e, ask = inferList(t, p); ask {
			open = append(open, OpenList)
		}
	}
	switch t.Type {
	case "date", "datetime":
		order, why, ask := inferOrder(p.Order)
		if s.Excel = excelColumn(p); s.Excel {
			why = p.Order.Excel.as(evidenceExcel)
		}
		if s.DateOrder = order; why.Code != "" {
			e = why
		}
		if ask {
			open = append(open, OpenDateOrder)
		}
	case "integer", "double", "money":
		decimal, group, why, ask := inferDecimal(p.Marks, t.Type == "integer")
		if s.Decimal, s.Group = decimal, group; why.Code != "" {
			e = why
		}
		if ask {
			open = append(open, OpenDecimal)
		}
	}
	return s, e, open
}

func (p Proof) as(code string) Evidence { return Evidence{code, p.Row, p.Value} }

// excelColumn reports a date column of Excel day numbers: nearly all cells
// that are no dates are plausible ones.
func excelColumn(p Profile) bool {
	return p.ExcelDays > 0 && (p.ExcelDays+p.Dates)*10 >= p.Filled*9
}

// inferOrder decides the order of day, month and year.
func inferOrder(o Order) (order string, why Evidence, ask bool) {
	kinds := []struct {
		order, code string
		proof       Proof
	}{{DMY, evidenceDMY, o.DMY}, {MDY, evidenceMDY, o.MDY}, {YMD, evidenceYMD, o.YMD}}
	best, least, orders := kinds[0], Proof{}, 0
	for _, k := range kinds {
		if k.proof.Count == 0 {
			continue
		}
		orders++
		if k.proof.Count > best.proof.Count {
			best = k
		}
	}
	for _, k := range kinds {
		if k.proof.Count > 0 && k.order != best.order && (least.Count == 0 || k.proof.Count < least.Count) {
			least = k.proof
		}
	}
	switch {
	case orders > 1:
		return best.order, least.as(evidenceMixed), true
	case orders == 1:
		return best.order, best.proof.as(best.code), false
	case o.Either.Count > 0:
		// Hyphens with the year last are the notation of SPA-I, day first.
		if o.Dots.Count > 0 || strings.Count(o.Either.Value, "-") >= 2 {
			order = DMY
		}
		return order, Evidence{}, true
	case o.Dots.Count > 0:
		return DMY, o.Dots.as(evidenceDots), false
	case o.Year.Count > 0:
		return "", o.Year.as(evidenceYear), false
	case o.Named.Count > 0:
		return "", o.Named.as(evidenceNamed), false
	}
	return "", Evidence{}, false
}

// inferDecimal decides which mark is the decimal one and which groups.
func inferDecimal(m Marks, whole bool) (decimal, group string, why Evidence, ask bool) {
	dot, comma := m.Dot, m.Comma
	if dot.Count == 0 {
		dot = m.CommaGroup
	}
	if comma.Count == 0 {
		comma = m.DotGroup
	}
	switch {
	case dot.Count > 0 && comma.Count > 0:
		if dot.Count >= comma.Count {
			return ".", "", comma.as(evidenceDecimals), true
		}
		return ",", "", dot.as(evidenceDecimals), true
	case dot.Count > 0:
		return ".", m.grouping("."), dot.as(evidenceDot), false
	case comma.Count > 0:
		return ",", m.grouping(","), comma.as(evidenceComma), false
	case m.DotEither.Count > 0 && m.CommaEither.Count > 0:
		return "", "", Evidence{}, true
	case m.DotEither.Count == 0 && m.CommaEither.Count == 0:
		return "", m.grouping(""), Evidence{}, false
	}
	either, mark, other := m.DotEither, ".", ","
	if either.Count == 0 {
		either, mark, other = m.CommaEither, ",", "."
	}
	if whole {
		return other, mark, either.as(evidenceWhole), false
	}
	return "", "", Evidence{}, true
}

// grouping is the one mark seen between thousands; "" if none or several.
func (m Marks) grouping(decimal string) string {
	group, n := "", 0
	for _, k := range []struct {
		mark  string
		proof int
	}{
		{".", m.DotGroup.Count + m.DotEither.Count}, {",", m.CommaGroup.Count + m.CommaEither.Count},
		{" ", m.Space.Count}, {"'", m.Apostrophe.Count},
	} {
		if k.proof > 0 && k.mark != decimal {
			group = k.mark
			n++
		}
	}
	if n != 1 {
		return ""
	}
	return group
}

// inferList decides what separates the values of a multiple field. The
// default, "|" and new lines, stays wherever a pipe was seen.
func inferList(t Target, p Profile) (mark string, why Evidence, ask bool) {
	l := p.Lists
	if len(t.Options) > 0 && p.Values != nil {
		return listOfOptions(t, p)
	}
	switch {
	case l.Pipe.Count > 0:
		return "", l.Pipe.as(evidenceList), false
	case t.Type == "address" && l.Newline.Count == 0:
		return "", Evidence{}, l.Semicolon.Count > 0 // commas belong to addresses
	case l.Semicolon.Count > 0:
		return ";", l.Semicolon.as(evidenceList), t.Type == "string" || t.Type == "url"
	case l.Newline.Count > 0:
		return "", l.Newline.as(evidenceList), false
	case l.Comma.Count == 0:
		return "", Evidence{}, false
	}
	switch t.Type {
	case "user", "employee", "crm", "crm_contact", "crm_company", "iblock_element", "iblock_section", "hlblock", "file":
		return ",", l.Comma.as(evidenceList), false
	case "integer", "double", "money":
		return "", Evidence{}, false // decimal or group marks, until somebody says otherwise
	case "date", "datetime", "enumeration", "crm_status":
		return ",", l.Comma.as(evidenceList), false
	}
	return "", Evidence{}, true
}

// listOfOptions chooses the mark that leaves the fewest unknown values.
func listOfOptions(t Target, p Profile) (mark string, why Evidence, ask bool) {
	d := newDictionary(t.Options)
	best := -1
	for _, m := range []struct {
		mark  string
		proof Proof
	}{{"", p.Lists.Pipe}, {";", p.Lists.Semicolon}, {",", p.Lists.Comma}, {"/", p.Lists.Slash}} {
		if m.mark != "" && m.proof.Count == 0 {
			continue
		}
		right, split := 0, newSplitter(m.mark, nil)
		for _, v := range p.Values {
			if allKnown(d, split, v.Value) {
				right += v.Rows
			}
		}
		if right > best {
			best, mark, why = right, m.mark, Evidence{}
			if m.proof.Count > 0 {
				why = m.proof.as(evidenceList)
			}
		}
	}
	return mark, why, false
}
