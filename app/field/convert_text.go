package field

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// limits are what a field's settings ask of its values.
type limits struct {
	shortest, longest int // characters; 0 is no limit
	pattern           *regexp.Regexp
	least, most       string // canonical decimals; "" is no limit
	places            int    // digits after the decimal mark; -1 is no limit
}

// maxTextBytes is what the column of a user field holds (MySQL TEXT).
const maxTextBytes = 65535

// text prepares the conversion of text.
func (c *Converter) text() {
	c.textLimits()
	c.limits.pattern = c.settings.pattern("REGEXP")
	c.free = true
	c.one = c.plainText
	if f := c.target.Field; !f.Dynamic && (f.Name == "title" || f.Name == "xmlId") {
		c.limits.longest = 255
	}
}

func (c *Converter) textLimits() {
	c.limits.shortest, c.limits.longest = c.settings.integer("MIN_LENGTH"), c.settings.integer("MAX_LENGTH")
}

// plainText keeps text as it is, but for control characters.
func (c *Converter) plainText(s string, _ Lookup) (element, *Problem) {
	var said *Problem
	if hasControl(s) {
		if s = clean(dropControl(s)); s == "" {
			return element{}, note(textControl)
		}
		said = note(textControl)
	}
	if p := c.limits.length(s); p != nil {
		return element{}, p
	}
	if re := c.limits.pattern; re != nil && !re.MatchString(s) {
		return element{}, trouble(textPattern, "pattern", c.settings.text("REGEXP"))
	}
	if said == nil {
		said = spoiltNumber(s)
	}
	return element{s, s}, said
}

// length checks the number of characters, which is at most that of bytes.
func (l *limits) length(s string) *Problem {
	if len(s) > maxTextBytes {
		return trouble(textTooLong, "max", strconv.Itoa(maxTextBytes), "length", strconv.Itoa(len(s)))
	}
	if l.shortest == 0 && (l.longest == 0 || len(s) <= l.longest) {
		return nil
	}
	n := utf8.RuneCountInString(s)
	if n < l.shortest {
		return trouble(textTooShort, "min", strconv.Itoa(l.shortest), "length", strconv.Itoa(n))
	}
	if l.longest > 0 && n > l.longest {
		return trouble(textTooLong, "max", strconv.Itoa(l.longest), "length", strconv.Itoa(n))
	}
	return nil
}

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7F {
			return true
		}
	}
	return false
}

func dropControl(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7F {
			return -1
		}
		return r
	}, s)
}

// spoiltNumber notices long numbers that a spreadsheet program shortened
// (7.91612E+10) or whose digits beyond the fifteenth it made zeros.
func spoiltNumber(s string) *Problem {
	if len(s) < 6 || len(s) > 40 || s[0] < '0' || s[0] > '9' {
		return nil
	}
	if digitsOnly(s) {
		if len(s) > 15 && strings.Trim(s[15:], "0") == "" && s[0] != '0' {
			return note(textDigitsLost)
		}
		return nil
	}
	mantissa, exponent, ok := strings.Cut(s, "E+")
	if !ok || !digitsOnly(exponent) || len(exponent) < 2 {
		return nil
	}
	if i := strings.IndexAny(mantissa, ".,"); i == 1 {
		mantissa = mantissa[:1] + mantissa[2:]
	}
	if digitsOnly(mantissa) {
		return note(textShortened)
	}
	return nil
}

// url checks what a URL field gets: an address with or without scheme.
func (c *Converter) url(s string, _ Lookup) (element, *Problem) {
	if p := c.limits.length(s); p != nil {
		return element{}, p
	}
	if strings.ContainsAny(s, " \t\r\n<>\"\\") || hasControl(s) {
		return element{}, trouble(urlInvalid)
	}
	if quickURL(s) {
		return element{s, s}, nil
	}
	u, err := url.Parse(s)
	if err != nil {
		// "example.com:8080/x" has a colon in its first segment.
		if u, err = url.Parse("//" + s); err != nil {
			return element{}, trouble(urlInvalid)
		}
	}
	switch strings.ToLower(u.Scheme) {
	case "javascript", "data", "vbscript":
		return element{}, trouble(urlScheme, "scheme", u.Scheme)
	case "":
		host, _, _ := strings.Cut(strings.TrimPrefix(s, "//"), "/")
		if !strings.Contains(strings.Trim(host, "."), ".") {
			return element{}, trouble(urlInvalid)
		}
	case "http", "https", "ftp":
		if u.Host == "" {
			return element{}, trouble(urlInvalid)
		}
	}
	return element{s, s}, nil
}

// isPlace reports coordinates as they stand in addresses: "52.1;13.4".
func isPlace(s string) bool {
	lat, lng, ok := strings.Cut(s, ";")
	return ok && degrees(lat, 90) && degrees(lng, 180)
}

func degrees(s string, most int) bool {
	f, err := strconv.ParseFloat(clean(s), 64)
	return err == nil && f >= -float64(most) && f <= float64(most)
}

// address takes "text" or "text|lat;lng". A third part is the id of another
// item's address, which Bitrix24 would drop.
func (c *Converter) address(s string, _ Lookup) (element, *Problem) {
	var said *Problem
	if hasControl(s) {
		s, said = clean(dropControl(s)), note(textControl)
	}
	text, place, found := strings.Cut(s, "|")
	if text = clean(text); text == "" {
		return element{}, trouble(addressPlace)
	}
	if p := c.limits.length(s); p != nil {
		return element{}, p
	}
	if !found {
		return element{text, text}, said
	}
	place, extra, found := strings.Cut(place, "|")
	if place = strings.ReplaceAll(clean(place), " ", ""); place != "" && !isPlace(place) {
		return element{}, trouble(addressPlace)
	}
	if found && clean(extra) != "" {
		said = note(addressExtra)
	}
	if place == "" {
		return element{text, text}, said
	}
	return element{text + "|" + place, text}, said
}
