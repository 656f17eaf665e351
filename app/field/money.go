package field

import (
	"slices"
	"strings"
)

// currencySigns are what people write for currencies, folded: all those a
// sign is used for, the most usual first.
var currencySigns = map[string][]string{
	"$":   {"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP"},
	"us$": {"USD"}, "долл": {"USD"}, "доллар": {"USD"}, "долларов": {"USD"}, "dollar": {"USD"}, "dollars": {"USD"},
	"u$s": {"USD"}, "usd$": {"USD"}, "dólar": {"USD"}, "dólares": {"USD"}, "dolares": {"USD"},
	"€": {"EUR"}, "евро": {"EUR"}, "euro": {"EUR"}, "euros": {"EUR"},
	"₽": {"RUB"}, "р": {"RUB"}, "руб": {"RUB"}, "рубль": {"RUB"}, "рублей": {"RUB"}, "рубля": {"RUB"}, "rub": {"RUB"}, "rur": {"RUB"},
	"£": {"GBP", "EGP"}, "¥": {"JPY", "CNY"}, "元": {"CNY"}, "円": {"JPY"},
	"₴": {"UAH"}, "грн": {"UAH"}, "₸": {"KZT"}, "тг": {"KZT"}, "тенге": {"KZT"}, "br": {"BYN"},
	"₺": {"TRY"}, "₹": {"INR"}, "₩": {"KRW"}, "₫": {"VND"}, "₪": {"ILS"}, "₦": {"NGN"}, "₱": {"PHP"}, "฿": {"THB"},
	"r$": {"BRL"}, "real": {"BRL"}, "reais": {"BRL"}, "s/": {"PEN"}, "franken": {"CHF"},
	"peso": {"MXN", "ARS", "CLP", "COP", "UYU", "DOP", "PHP"}, "pesos": {"MXN", "ARS", "CLP", "COP", "UYU", "DOP", "PHP"},
	"zł": {"PLN"}, "kč": {"CZK"}, "ft": {"HUF"}, "fr": {"CHF"}, "sfr": {"CHF"},
	"kr": {"SEK", "NOK", "DKK", "ISK"}, "лв": {"BGN"}, "сум": {"UZS"}, "сом": {"KGS"}, "₾": {"GEL"}, "₼": {"AZN"}, "֏": {"AMD"},
	"c$": {"CAD"}, "ca$": {"CAD"}, "a$": {"AUD"}, "au$": {"AUD"}, "mx$": {"MXN"},
}

// abbreviations are factors that people add to numbers; they are never
// guessed, only suggested.
var abbreviations = map[string]int{
	"k": 3, "к": 3, "тыс": 3, "тысяч": 3, "tsd": 3, "tausend": 3, "mil": 3,
	"mn": 6, "mio": 6, "млн": 6, "million": 6, "millionen": 6, "millions": 6, "mill": 6, "millones": 6, "milhões": 6, "mi": 6,
	"bn": 9, "mrd": 9, "млрд": 9, "billion": 9, "milliarden": 9, "milliards": 9, "bilhões": 9, "bi": 9,
}

// currencyCode finds the ISO code that a sign, name or code stands for.
// With several possible on this portal the result is all of them; known
// says whether it is a currency, even if the portal does not have it.
func (c Context) currencyCode(unit string) (codes []string, known bool) {
	if isCode(unit) && c.hasCurrency(unit) {
		return []string{unit}, true
	}
	w := strings.TrimSuffix(fold(unit), ".")
	if code := strings.ToUpper(w); isCode(code) && c.hasCurrency(code) {
		return []string{code}, true
	}
	signs, known := currencySigns[w]
	known = known || isoCodes[strings.ToUpper(w)]
	if len(c.Currencies) == 0 {
		if len(signs) > 0 {
			signs = signs[:1]
		}
		return signs, known
	}
	for _, code := range signs {
		if slices.Contains(c.Currencies, code) {
			codes = append(codes, code)
		}
	}
	// A plain "$" is the US dollar wherever the portal has it.
	if len(codes) > 1 && w == "$" && codes[0] == "USD" {
		codes = codes[:1]
	}
	if len(codes) > 1 && slices.Contains(codes, c.BaseCurrency) {
		codes = []string{c.BaseCurrency}
	}
	return codes, known
}

// hasCurrency reports whether the portal has a currency. While its list is
// unknown every ISO code passes.
func (c Context) hasCurrency(code string) bool {
	if len(c.Currencies) == 0 {
		return isoCodes[code]
	}
	return slices.Contains(c.Currencies, code)
}

// isoCodes are the currencies of ISO 4217.
var isoCodes = words("AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN " +
	"BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ " +
	"GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL " +
	"LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN " +
	"PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD " +
	"TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL")

// isCode reports three capital letters.
func isCode(s string) bool {
	return len(s) == 3 && upper(s[0]) && upper(s[1]) && upper(s[2])
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }

// currency resolves the unit of an amount, with a Problem where it is not
// one currency of the portal.
func (c Context) currency(unit string) (string, *Problem) {
	codes, _ := c.currencyCode(unit)
	switch len(codes) {
	case 1:
		return codes[0], nil
	case 0:
		p := trouble(currencyUnknown, "currency", shown(unit))
		loose := make([][]rune, len(c.Currencies))
		for i, code := range c.Currencies {
			loose[i] = []rune(foldLoose(code))
		}
		if i := nearest(unit, loose); i >= 0 {
			p.near(c.Currencies[i])
		}
		return "", p
	}
	return "", trouble(currencyAmbiguous, "currency", shown(unit), "ids", strings.Join(codes, ", "))
}

// readUnit says what the unit of an amount is: nothing, a currency, a factor
// such as "k" (with or without a currency behind it), or no unit at all.
func (c Context) readUnit(unit string) (currency string, factor int, ok bool) {
	if unit == "" {
		return "", 0, true
	}
	if _, known := c.currencyCode(unit); known {
		return unit, 0, true
	}
	w := fold(unit)
	for cut := min(len(w), 24); cut > 0; cut-- {
		if f, ok := abbreviations[strings.TrimSuffix(w[:cut], ".")]; ok {
			rest := clean(w[cut:])
			if rest == "" {
				return "", f, true
			}
			if _, known := c.currencyCode(rest); known {
				return rest, f, true
			}
		}
	}
	return "", 0, false
}
