package field

import (
	"net/url"
	"strings"
	"testing"
)

// The short cuts understand nothing that the general readers understand
// otherwise. This looks inside, since nobody outside can tell them apart.
func FuzzShortCuts(f *testing.F) {
	for _, s := range []string{
		"31.12.2026", "01/02/2026 10:30", "2026-12-31T10:30:15", "29.02.2023", "00.00.0000", "0001-01-01", "12/25/2024", "1.02.2024 ",
		"ООО «Пример № 5»", "й и\u0306", "a  b", "http://example.org/a?b=c#d", "https://EXAMPLE.org:80", "http://a.б/%zz",
		"1 234,56", "-1.234,50", "0,5", "007", "-0", "1 23 456", "1,234", "-0,0", "12,34,567", "1'000.5", "5.", "12.50", "1,5", "0.125", "123,456", "12345.75",
		"Сентября", "ЁЛКИ", "МАЯ", "и\u0306", "Q1", "Ґ",
	} {
		for n := range uint8(12) {
			f.Add(s, n)
		}
	}
	f.Fuzz(func(t *testing.T, s string, n uint8) {
		s = clean(s)
		order := []string{DMY, MDY, YMD, ""}[n%4]
		if m, ok := quickMoment(s, order); ok {
			slow, code := readAnyMoment(s, order)
			slow.mark, slow.short = 0, false
			if code != "" || slow != m {
				t.Fatalf("%q in %q: %+v, but %+v %s", s, order, m, slow, code)
			}
		}
		var buf [32]byte
		if lower, ok := lowerWord(s, &buf); ok && wordLength(s) == len(s) && string(lower) != fold(s) {
			t.Fatalf("%q in lower case is %q, not %q", s, lower, fold(s))
		}
		if whole, fraction, mark := quickFraction(s); mark != 0 {
			slow, code := readAnyAmount(s, Style{})
			if code != "" || slow != (amount{text: canonical(false, whole, fraction)}) {
				t.Fatalf("%q: %s and %s, but %+v %s", s, whole, fraction, slow, code)
			}
			quick, known := NewProfiler(), NewProfiler()
			k := quick.number(s, 1)
			known.marks(s, 1, "")
			if quick.p.Marks != known.p.Marks || k.has(isInteger) != !strings.Contains(slow.text, ".") {
				t.Fatalf("%q: %+v, but %+v", s, quick.p.Marks, known.p.Marks)
			}
		}
		if compacted(s) && compactAny(s) != s {
			t.Fatalf("%q is not compact, but %q", s, compactAny(s))
		}
		if quickURL(s) {
			if u, err := url.Parse(s); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
				t.Fatalf("%q: %v %v", s, u, err)
			}
		}
		st := Style{Decimal: []string{".", ",", ""}[n/4%3], Group: []string{"", " ", "'"}[n/12%3]}
		if d, ok := quickNumber(s, st); ok {
			if slow, code := readAnyAmount(s, st); code != "" || slow.text != d || slow.unit != "" {
				t.Fatalf("%q in %+v: %s, but %+v %s", s, st, d, slow, code)
			}
			if !plainDecimal(d) {
				t.Fatalf("%q: %q", s, d)
			}
		}
	})
}
