package field

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/bitrix"
)

// settings are the type-specific settings of a user field. Portals send
// numbers as numbers, strings or null, and lists as lists or objects.
type settings map[string]json.RawMessage

// text is a setting as text: "" where it is missing, null or no scalar.
func (s settings) text(name string) string {
	raw := bytes.TrimSpace(s[name])
	if len(raw) == 0 {
		return ""
	}
	if raw[0] == '"' {
		var v string
		if json.Unmarshal(raw, &v) != nil {
			return ""
		}
		return strings.TrimSpace(v)
	}
	if c := raw[0]; c == '-' || c >= '0' && c <= '9' || c == 't' || c == 'f' {
		return string(raw)
	}
	return ""
}

// integer is a setting as a number, 0 where it is none.
func (s settings) integer(name string) int {
	n, err := strconv.Atoi(s.text(name))
	if err != nil {
		return 0
	}
	return n
}

// limit is a canonical decimal, or "" where there is no limit: Bitrix24
// says that with 0.
func (s settings) limit(name string) string {
	a, code := readAmount(s.text(name), Style{Decimal: "."})
	if code != "" || a.text == "0" {
		return ""
	}
	return a.text
}

// list is a setting that holds words, as a list or as the keys of an object.
func (s settings) list(name string) []string {
	var list []string
	if json.Unmarshal(s[name], &list) == nil {
		return list
	}
	var object map[string]any
	if json.Unmarshal(s[name], &object) != nil {
		return splitWords(s.text(name))
	}
	for word, on := range object {
		if on != false && on != "N" {
			list = append(list, word)
		}
	}
	return list
}

func splitWords(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == ';' })
}

// pattern compiles a PHP regular expression such as "/^[A-Z]+$/iu". It is
// nil where there is none, or none that this program can check.
func (s settings) pattern(name string) *regexp.Regexp {
	p := s.text(name)
	if len(p) < 2 {
		return nil
	}
	closing := p[0]
	if i := strings.IndexByte("([{<", p[0]); i >= 0 {
		closing = ")]}>"[i]
	}
	end := strings.LastIndexByte(p, closing)
	if end <= 0 || strings.ContainsAny(p[:1], `abcdefghijklmnopqrstuvwxyz\`) {
		return nil
	}
	flags := ""
	for _, f := range p[end+1:] {
		switch f {
		case 'i', 'm', 's', 'U':
			flags += string(f)
		case 'u', 'D':
		default:
			return nil
		}
	}
	body := p[1:end]
	if flags != "" {
		body = "(?" + flags + ")" + body
	}
	re, err := regexp.Compile(body)
	if err != nil {
		return nil
	}
	return re
}

func settingsOf(f bitrix.Field) settings { return settings(f.Settings) }
