package field

import "strings"

// Numbers are decimal strings in canonical form: an optional "-", digits
// without superfluous leading zeros, and, where there is a fraction, a dot
// and digits that do not end in zero. Zero is "0". Such a string is also a
// JSON number. They never pass through a float64.

// canonical builds the decimal of a sign, the digits before the mark and
// those after it.
func canonical(negative bool, whole, fraction string) string {
	whole = strings.TrimLeft(whole, "0")
	fraction = strings.TrimRight(fraction, "0")
	if whole == "" {
		whole = "0"
		if fraction == "" {
			return "0"
		}
	}
	n := len(whole)
	if fraction != "" {
		n += 1 + len(fraction)
	}
	if negative {
		n++
	}
	var b strings.Builder
	b.Grow(n)
	if negative {
		b.WriteByte('-')
	}
	b.WriteString(whole)
	if fraction != "" {
		b.WriteByte('.')
		b.WriteString(fraction)
	}
	return b.String()
}

// parts takes a canonical decimal apart.
func parts(d string) (negative bool, whole, fraction string) {
	d, negative = strings.CutPrefix(d, "-")
	whole, fraction, _ = strings.Cut(d, ".")
	return negative, whole, fraction
}

// compare orders two canonical decimals: -1, 0, 1.
func compare(a, b string) int {
	an, aw, af := parts(a)
	bn, bw, bf := parts(b)
	if an != bn {
		if an {
			return -1
		}
		return 1
	}
	order := len(aw) - len(bw)
	if order == 0 {
		order = strings.Compare(aw, bw)
	}
	if order == 0 {
		order = strings.Compare(af, bf) // "5" > "45", and a prefix is less
	}
	if an {
		order = -order
	}
	return min(max(order, -1), 1)
}

// round rounds a canonical decimal half away from zero to places digits
// after the mark.
func round(d string, places int) string {
	negative, whole, fraction := parts(d)
	if len(fraction) <= places {
		return d
	}
	up := fraction[places] >= '5'
	digits := []byte("0" + whole + fraction[:places])
	for i := len(digits) - 1; up && i >= 0; i-- {
		if digits[i] == '9' {
			digits[i] = '0'
			continue
		}
		digits[i]++
		up = false
	}
	cut := len(digits) - places
	return canonical(negative, string(digits[:cut]), string(digits[cut:]))
}

// shift moves the decimal mark by n places to the right, or to the left
// where n is negative.
func shift(d string, n int) string {
	negative, whole, fraction := parts(d)
	for ; n > 0; n-- {
		if fraction == "" {
			whole += "0"
			continue
		}
		whole, fraction = whole+fraction[:1], fraction[1:]
	}
	for ; n < 0; n++ {
		if whole == "" {
			whole = "0"
		}
		whole, fraction = whole[:len(whole)-1], whole[len(whole)-1:]+fraction
	}
	return canonical(negative, whole, fraction)
}

// significant is the number of digits that matter in a canonical decimal.
func significant(d string) int {
	_, whole, fraction := parts(d)
	if fraction == "" {
		return len(strings.TrimRight(whole, "0"))
	}
	return len(strings.TrimLeft(whole+fraction, "0"))
}

// plainDecimal reports whether s is a canonical decimal already.
func plainDecimal(s string) bool {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	start := i
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == start || s[start] == '0' && i > start+1 {
		return false
	}
	if i == len(s) {
		return s != "-0"
	}
	if s[i] != '.' || s[len(s)-1] == '0' || i+1 == len(s) {
		return false
	}
	for i++; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// plainInteger reports whether s is a canonical decimal without a fraction.
func plainInteger(s string) bool {
	i := 0
	if s != "" && s[0] == '-' {
		i = 1
	}
	return digitsOnly(s[i:]) && (s[i] != '0' || s == "0")
}
