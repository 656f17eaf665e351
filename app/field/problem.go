package field

import "maps"

// Problem is what is wrong, or worth saying, about one cell.
type Problem struct {
	// Code is one of Codes; package locale words it.
	Code string
	// Args are the values its sentence needs. "value" is the part of the
	// cell it is about, cut to a readable length.
	Args map[string]string
	// Value is the whole cell as it came.
	Value string
	// Closest is a cell that would be understood and is probably meant, or
	// empty. It can be converted in place of Value.
	Closest string
	// Blocks says that the row cannot be written unless a person decides.
	// Otherwise the value is used and the problem is only reported.
	Blocks bool
}

// Codes of problems. A comment names what the cell is taken for where the
// problem does not block.
const (
	textTooLong       = "text_too_long"
	textTooShort      = "text_too_short"
	textPattern       = "text_pattern"
	textControl       = "text_control_characters" // without them
	textShortened     = "text_number_shortened"   // as written
	textDigitsLost    = "text_digits_lost"        // as written
	cellError         = "cell_error"              // blank
	looksEmpty        = "looks_empty"
	numberInvalid     = "number_invalid"
	numberAmbiguous   = "number_ambiguous"
	numberNotWhole    = "number_not_whole"
	numberTooSmall    = "number_too_small"
	numberTooLarge    = "number_too_large"
	numberRounded     = "number_rounded" // rounded
	numberShortened   = "number_shortened"
	numberAbbreviated = "number_abbreviated"
	numberPrecision   = "number_precision"   // all digits are sent
	numberCurrency    = "number_currency"    // the bare number
	booleanUnknown    = "boolean_unknown"    //
	dateInvalid       = "date_invalid"       //
	dateAmbiguous     = "date_ambiguous"     //
	dateImpossible    = "date_impossible"    //
	dateOrder         = "date_order"         // fits only the other order, given as a pattern
	dateExcel         = "date_excel_number"  //
	dateZero          = "date_zero"          // blank
	dateFar           = "date_far"           // the date
	dateTimeDropped   = "date_time_dropped"  // the date alone
	dateTimeSkipped   = "date_time_skipped"  // the hour after the clock change
	optionUnknown     = "option_unknown"     //
	optionAmbiguous   = "option_ambiguous"   //
	stageUnknown      = "stage_unknown"      //
	stageAmbiguous    = "stage_ambiguous"    //
	stageElsewhere    = "stage_elsewhere"    // a stage of another pipeline
	pipelineUnknown   = "pipeline_unknown"   //
	pipelineAmbiguous = "pipeline_ambiguous" //
	sourceUnknown     = "source_unknown"     //
	sourceAmbiguous   = "source_ambiguous"   //
	statusUnknown     = "status_unknown"     //
	statusAmbiguous   = "status_ambiguous"   //
	currencyUnknown   = "currency_unknown"   //
	currencyAmbiguous = "currency_ambiguous" // "$" where there are several
	moneyInvalid      = "money_invalid"      //
	userUnknown       = "user_unknown"       //
	userAmbiguous     = "user_ambiguous"     //
	userEmail         = "user_email_scope"   // may not search by e-mail
	contactUnknown    = "contact_unknown"    //
	contactAmbiguous  = "contact_ambiguous"  //
	companyUnknown    = "company_unknown"    //
	companyAmbiguous  = "company_ambiguous"  //
	itemUnknown       = "item_unknown"       //
	itemAmbiguous     = "item_ambiguous"     //
	idExpected        = "id_expected"        //
	linkKindMissing   = "link_kind_missing"  //
	linkKindWrong     = "link_kind_wrong"    //
	linkInvalid       = "link_invalid"       //
	notLookedUp       = "not_looked_up"      //
	urlInvalid        = "url_invalid"        //
	urlScheme         = "url_scheme"         //
	addressPlace      = "address_place"      //
	addressExtra      = "address_extra"      // without the third part
	fileInvalid       = "file_invalid"       //
	fileExtension     = "file_extension"     //
	fileNoArchive     = "file_no_archive"    // names a file, and no ZIP was given
	fileMissing       = "file_missing"       // not in the ZIP
	fileAmbiguous     = "file_ambiguous"     // in several folders of the ZIP
	fileLocked        = "file_locked"        // needs a password
	fileEmpty         = "file_empty_entry"   // of no bytes
	fileTooLarge      = "file_too_large_for" // the field takes less
	historyOrder      = "history_order"      //
	historyFuture     = "history_future"     //
)

// codes holds the arguments of every code. All have "field", the title of
// the target, and "value".
var codes = map[string][]string{
	textTooLong:       {"max", "length"},
	textTooShort:      {"min", "length"},
	textPattern:       {"pattern"},
	textControl:       {},
	textShortened:     {},
	textDigitsLost:    {},
	cellError:         {},
	looksEmpty:        {},
	numberInvalid:     {},
	numberAmbiguous:   {},
	numberNotWhole:    {},
	numberTooSmall:    {"min"},
	numberTooLarge:    {"max"},
	numberRounded:     {"places", "rounded"},
	numberShortened:   {},
	numberAbbreviated: {},
	numberPrecision:   {},
	numberCurrency:    {"currency"},
	booleanUnknown:    {},
	dateInvalid:       {},
	dateAmbiguous:     {},
	dateImpossible:    {},
	dateOrder:         {"order"},
	dateExcel:         {"date"},
	dateZero:          {},
	dateFar:           {"year"},
	dateTimeDropped:   {"date"},
	dateTimeSkipped:   {"time"},
	optionUnknown:     {},
	optionAmbiguous:   {"ids"},
	stageUnknown:      {"pipeline"},
	stageAmbiguous:    {"pipeline", "ids"},
	stageElsewhere:    {"pipeline", "other"},
	pipelineUnknown:   {},
	pipelineAmbiguous: {"ids"},
	sourceUnknown:     {},
	sourceAmbiguous:   {"ids"},
	statusUnknown:     {},
	statusAmbiguous:   {"ids"},
	currencyUnknown:   {"currency"},
	currencyAmbiguous: {"currency", "ids"},
	moneyInvalid:      {},
	userUnknown:       {},
	userAmbiguous:     {"ids"},
	userEmail:         {},
	contactUnknown:    {},
	contactAmbiguous:  {"ids"},
	companyUnknown:    {},
	companyAmbiguous:  {"ids"},
	itemUnknown:       {"kind"},
	itemAmbiguous:     {"kind", "ids"},
	idExpected:        {},
	linkKindMissing:   {"example"},
	linkKindWrong:     {"allowed"},
	linkInvalid:       {"example"},
	notLookedUp:       {},
	urlInvalid:        {},
	urlScheme:         {"scheme"},
	addressPlace:      {},
	addressExtra:      {},
	fileInvalid:       {},
	fileExtension:     {"extension", "allowed"},
	fileNoArchive:     {},
	fileMissing:       {},
	fileAmbiguous:     {"names"},
	fileLocked:        {},
	fileEmpty:         {},
	fileTooLarge:      {"size", "max"},
	historyOrder:      {"before", "after"},
	historyFuture:     {},
}

// Codes returns every code a Problem can have, with the names of its
// arguments beside "field" and "value", which all have. The caller may keep
// and change the map, not the slices.
func Codes() map[string][]string { return maps.Clone(codes) }

// maxShown caps the value in a problem's arguments, in bytes.
const maxShown = 200

// trouble is a problem found by the conversion of one element. The
// Converter completes it with the field, the cell and the element.
func trouble(code string, args ...string) *Problem {
	p := &Problem{Code: code, Blocks: true, Args: make(map[string]string, len(args)/2+2)}
	for i := 0; i+1 < len(args); i += 2 {
		p.Args[args[i]] = args[i+1]
	}
	return p
}

// note is a problem that is only reported.
func note(code string, args ...string) *Problem {
	p := trouble(code, args...)
	p.Blocks = false
	return p
}

// near adds a suggestion.
func (p *Problem) near(closest string) *Problem {
	p.Closest = closest
	return p
}

// shown cuts a cell to what a sentence can hold.
func shown(s string) string {
	if len(s) <= maxShown {
		return s
	}
	cut := maxShown
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut] + "…"
}
