package field

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// yes and no in the languages of the interface, and what tables use.
var (
	yesWords = words("y yes true t 1 on + ✓ ✔ ☑ ✅ x х v да д истина вкл есть ja j wahr oui o vrai " +
		"sí si s verdadero sim verdadeiro 是")
	noWords = words("n no false f 0 off - − – ✗ ✘ ☐ ❌ нет н ложь выкл nein falsch non faux " +
		"falso não nao 否")
)

// booleanWords are all words for yes and no in the cases they are usually
// written in.
var booleanWords = func() map[string]bool {
	all := map[string]bool{}
	for yes, set := range map[bool]map[string]bool{true: yesWords, false: noWords} {
		for w := range set {
			r, n := utf8.DecodeRuneInString(w)
			for _, form := range [...]string{w, strings.ToUpper(w), string(unicode.ToUpper(r)) + w[n:]} {
				all[form] = yes
			}
		}
	}
	return all
}()

// readBoolean reads a word for yes or no; own holds the field's own labels
// of no and yes, folded, which go first.
func readBoolean(s string, own [2]string) (yes, ok bool) {
	if own == [2]string{} {
		if yes, ok = booleanWords[s]; ok {
			return yes, true
		}
	}
	if len(s) > 100 {
		return false, false
	}
	w := fold(s)
	switch w {
	case "":
		return false, false
	case own[1]:
		return true, true
	case own[0]:
		return false, true
	}
	yes, ok = booleanWords[w]
	return yes, ok
}

// nearBoolean suggests a word for one that was probably mistyped.
func nearBoolean(s string) string {
	if len(s) > 20 {
		return ""
	}
	candidates := strings.Fields("yes no true false да нет истина ложь ja nein wahr falsch oui non vrai faux verdadero sim não verdadeiro")
	loose := make([][]rune, len(candidates))
	for i, c := range candidates {
		loose[i] = []rune(foldLoose(c))
	}
	if i := nearest(s, loose); i >= 0 {
		return candidates[i]
	}
	return ""
}
