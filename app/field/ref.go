package field

import (
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/bitrix"
)

// Kinds of references. The others have a number behind a colon: an entity
// type ("item:2" are deals, "item:128" items of a smart process) or a list
// ("iblock_element:33", "iblock_section:33").
const (
	KindUser      = "user"
	KindContact   = "contact"
	KindCompany   = "company"
	KindMyCompany = "mycompany"
)

// Ref is something that must be looked up on the portal before a cell can
// be converted. Ids are looked up as well: Bitrix24 does not check them.
type Ref struct {
	// Kind is one of the constants above, or "item:…", "iblock_element:…",
	// "iblock_section:…".
	Kind string
	// Key is what to look for, as By says: digits of an id, an e-mail
	// address in lower case, a phone number, or a name.
	Key string
}

// By says what a Ref's Key is.
type By string

// What things are looked up by.
const (
	ByID    By = "id"
	ByEmail By = "email"
	ByPhone By = "phone"
	// ByName is a title, for users the full name in either order, for items
	// of smart processes the title or the External code.
	ByName By = "name"
)

// By says what the key is.
func (r Ref) By() By {
	client := r.Kind == KindContact || r.Kind == KindCompany || r.Kind == KindMyCompany
	switch {
	case digitsOnly(r.Key):
		if client && len(r.Key) >= phoneDigits {
			return ByPhone
		}
		return ByID
	case (client || r.Kind == KindUser) && isEmail(r.Key):
		return ByEmail
	case client && phoneShaped(r.Key):
		return ByPhone
	}
	return ByName
}

// EntityTypeID is the entity type whose items the Ref is looked up among; 0
// for users and lists.
func (r Ref) EntityTypeID() int64 {
	switch r.Kind {
	case KindContact:
		return typeContact
	case KindCompany, KindMyCompany:
		return typeCompany
	}
	n, ok := strings.CutPrefix(r.Kind, "item:")
	if !ok {
		return 0
	}
	id, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// Lookup knows what references stand for.
type Lookup interface {
	// Find returns the ids of everything a Ref fits; known is false where it
	// was not looked up, or could not be.
	Find(r Ref) (ids []string, known bool)
}

// Entity types with prefixes of their own in CRM links.
const (
	typeLead    = 1
	typeDeal    = 2
	typeContact = 3
	typeCompany = 4
	typeQuote   = 7
	typeOrder   = 14
	typeInvoice = 31
)

// prefixes of CRM links, see api-reference/crm/data-types.md.
var prefixes = map[int64]string{
	typeLead: "L", typeDeal: "D", typeContact: "C", typeCompany: "CO",
	typeQuote: "Q", typeOrder: "O", typeInvoice: "SI",
}

// typeOf is the entity type of a prefix in either case, 0 for none.
func typeOf(prefix string) int64 {
	switch prefix {
	case "C", "c":
		return typeContact
	case "CO", "co":
		return typeCompany
	case "D", "d":
		return typeDeal
	case "L", "l":
		return typeLead
	case "Q", "q":
		return typeQuote
	case "O", "o":
		return typeOrder
	case "SI", "si":
		return typeInvoice
	}
	return 0
}

func prefixOf(entityTypeID int64) string {
	if p, ok := prefixes[entityTypeID]; ok {
		return p
	}
	return bitrix.ShortCode(entityTypeID)
}

func kindOf(entityTypeID int64) string {
	switch entityTypeID {
	case typeContact:
		return KindContact
	case typeCompany:
		return KindCompany
	}
	return "item:" + strconv.FormatInt(entityTypeID, 10)
}

// readLink reads a CRM link: C_1, CO_1, L_1, D_1, Tb1_5, 177_5 (entity type
// and id), or the address of a card in the CRM.
func readLink(s string) (entityTypeID int64, id string, ok bool) {
	prefix, digits, found := strings.Cut(s, "_")
	if !found {
		return cardAddress(s)
	}
	if id, ok = readID(digits); !ok {
		return 0, "", false
	}
	if digitsOnly(prefix) {
		n, err := strconv.ParseInt(prefix, 10, 32)
		return n, id, err == nil && n > 0
	}
	if entityTypeID = typeOf(prefix); entityTypeID != 0 {
		return entityTypeID, id, true
	}
	if len(prefix) < 2 || prefix[0]|0x20 != 't' {
		return 0, "", false
	}
	n, err := strconv.ParseInt(prefix[1:], 16, 32)
	return n, id, err == nil && n > 0
}

// cardAddress reads …/crm/contact/details/12/ and …/crm/type/128/details/5/.
func cardAddress(s string) (entityTypeID int64, id string, ok bool) {
	_, path, found := strings.Cut(s, "/crm/")
	if !found {
		return 0, "", false
	}
	path, _, _ = strings.Cut(path, "?")
	steps := strings.Split(strings.Trim(path, "/"), "/")
	if len(steps) >= 4 && steps[0] == "type" && steps[2] == "details" {
		n, err := strconv.ParseInt(steps[1], 10, 32)
		id, ok = readID(steps[3])
		return n, id, ok && err == nil && n > 0
	}
	if len(steps) < 3 || steps[1] != "details" {
		return 0, "", false
	}
	entityTypeID = map[string]int64{
		"lead": typeLead, "deal": typeDeal, "contact": typeContact, "company": typeCompany,
	}[steps[0]]
	id, ok = readID(steps[2])
	return entityTypeID, id, ok && entityTypeID != 0
}

// maxID is the length of the longest id: what fits in 63 bits.
const maxID = 18

// readID reads a positive id; "#12", "12.0" and leading zeros are accepted.
func readID(s string) (string, bool) {
	s = strings.TrimPrefix(s, "#")
	s = strings.TrimSuffix(s, ".0")
	if !digitsOnly(s) {
		return "", false
	}
	s = strings.TrimLeft(s, "0")
	return s, s != "" && len(s) <= maxID
}

// bracketID reads the id of "Name [12]", as Bitrix24 shows people.
func bracketID(s string) (string, bool) {
	if s[len(s)-1] != ']' {
		return "", false
	}
	i := strings.LastIndexByte(s, '[')
	if i < 0 {
		return "", false
	}
	return readID(s[i+1 : len(s)-1])
}

func isEmail(s string) bool {
	at := strings.IndexByte(s, '@')
	return at > 0 && strings.IndexByte(s[at+1:], '.') > 0 && !strings.ContainsAny(s, " \t,;") &&
		strings.Count(s, "@") == 1 && s[len(s)-1] != '.'
}

// phoneDigits: bare digits from this length on are a phone number, not the
// id of a contact or company.
const phoneDigits = 10

// phoneShaped reports digits with the punctuation of phone numbers, at
// least seven of them.
func phoneShaped(s string) bool {
	digits := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '+' && i == 0:
		case c != ' ' && c != '-' && c != '(' && c != ')' && c != '.':
			return false
		}
	}
	return digits >= 7 && digits <= 15
}

// phoneKey is the form in which a phone number is looked up: digits, after
// a "+" if there was one, since no country is guessed. Short numbers keep
// their punctuation, which tells them from ids.
func phoneKey(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '+' || c >= '0' && c <= '9' {
			b = append(b, c)
		}
	}
	if b[0] != '+' && len(b) < phoneDigits {
		return compact(s)
	}
	return string(b)
}
