package field

// Orders of day, month and year in dates whose parts are all numbers.
const (
	DMY = "dmy"
	MDY = "mdy"
	YMD = "ymd"
)

// What a blank cell means.
const (
	// BlankDefault leaves the field out: a new item gets the field's
	// default, an existing one keeps its value.
	BlankDefault = "default"
	// BlankClear empties the field, where Bitrix24 lets it be empty.
	BlankClear = "clear"
)

// Style says how the cells of one column are written. The zero value
// accepts whatever has one meaning only.
type Style struct {
	// DateOrder is DMY, MDY, YMD, or empty while undecided. Dates that start
	// with a four-digit year are read in every order.
	DateOrder string `json:"dateOrder,omitempty"`
	// Decimal is "." or ",", or empty while undecided. Group is the mark
	// between thousands: ".", ",", " " (any kind of space), "'", or empty
	// for any that is not the decimal mark.
	Decimal string `json:"decimal,omitempty"`
	Group   string `json:"group,omitempty"`
	// List separates the values of a cell of a multiple field; empty is "|"
	// as well as a new line. A new line always separates.
	List string `json:"list,omitempty"`
	// Excel: bare numbers in a date column are Excel day numbers of the 1900
	// system, where 45678 is 21 January 2025.
	Excel bool `json:"excel,omitempty"`
	// Percent is "fraction" to store 15 % as 0.15; otherwise 15 is stored.
	Percent string `json:"percent,omitempty"`
	// Currency is the ISO code of amounts that name none; empty is the base
	// currency of the portal.
	Currency string `json:"currency,omitempty"`
	// Blank is BlankDefault (also when empty) or BlankClear.
	Blank string `json:"blank,omitempty"`
}
