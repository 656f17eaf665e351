package field_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/app/field"
)

// monthNames are the months as the languages of the interface write them in
// a date.
var monthNames = map[string]string{
	"en": "January February March April May June July August September October November December",
	"ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
	"de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
	"es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
	"fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
	"pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}

// TestNamedMonthsComeBack: a date with the month's name is read in every
// language, with and without a time and a zone.
func TestNamedMonthsComeBack(t *testing.T) {
	day := converter(t, own("date"), field.Style{}, portal())
	moment := converter(t, own("datetime"), field.Style{}, portal())
	rapid.Check(t, func(rt *rapid.T) {
		d := time.Date(rapid.IntRange(1971, 2068).Draw(rt, "year"), time.Month(rapid.IntRange(1, 12).Draw(rt, "month")),
			rapid.IntRange(1, 28).Draw(rt, "day"), 0, 0, 0, 0, time.UTC)
		lang := rapid.SampledFrom([]string{"en", "ru", "de", "es", "fr", "pt"}).Draw(rt, "lang")
		name := strings.Fields(monthNames[lang])[d.Month()-1]
		if rapid.Bool().Draw(rt, "upper") {
			name = strings.ToUpper(name)
		}
		form := map[string]string{"de": "%d. %s %d", "es": "%d de %s de %d", "pt": "%d de %s de %d"}[lang]
		if form == "" {
			form = "%d %s %d"
		}
		cell := fmt.Sprintf(form, d.Day(), name, d.Year())
		if have, want := wire(t, day, cell, nil), `"`+d.Format("2006-01-02")+`"`; have != want {
			rt.Fatalf("%q: %s, want %s", cell, have, want)
		}
		cell += " 14:05"
		if have, want := wire(t, moment, cell, nil), `"`+d.Format("2006-01-02")+`T14:05:00+00:00"`; have != want {
			rt.Fatalf("%q: %s, want %s", cell, have, want)
		}
	})
}
