package importer

import (
	"time"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// Next says when a lane has work again: not at all, at once, or at a time.
type Next struct {
	Again bool
	At    time.Time
}

// Schema is what the portal says of one entity type, read once per check
// and again at the start of a run.
type Schema struct {
	Type    bitrix.Type
	Fields  []bitrix.Field
	Context field.Context
	// Read is when it was asked; Hash changes when a field a mapping could
	// use changes.
	Read time.Time
	Hash string
}

// Targets are what columns may go to, and what cannot be filled.
func (s Schema) Targets() []field.Target { return field.Targets(s.Fields, s.Context) }

// ColumnView is one row of step 3: a file column, what is in it, where it
// is proposed to go.
type ColumnView struct {
	Index    int
	Name     string
	Examples []string
	// Filled is the number of rows with a value, of Rows.
	Filled, Rows int
	Mapping      ColumnMapping
	// Proposals are other targets that fit, best first.
	Proposals []field.Proposal
	// Evidence says why a style was chosen; Open lists what must be asked,
	// such as "date_order".
	Evidence field.Evidence
	Open     []string
	// Undecided: nothing was certain, and nobody has said anything yet.
	Undecided bool
	// Profile is what is in the cells; Words says how a yes-or-no column's
	// words are read.
	Profile field.Profile
	Words   []Word
}

// Word is a word of a yes-or-no column and what it means.
type Word struct {
	Text       string
	Known, Yes bool
}

// ColumnsView is step 3 as a whole.
type ColumnsView struct {
	Columns []ColumnView
	Targets []field.Target
	// Missing are required fields that have neither column nor constant.
	Missing   []field.Target
	Constants map[string]string
	// Undecided counts columns for which nothing was certain.
	Undecided int
	// Memory is the mapping of a former file that is proposed, Gone what of
	// it has no field any more; Template: the columns are those of the smart
	// process's template.
	Memory   *SavedMapping
	Gone     []string
	Template bool
	// Currencies are those of the portal, BaseCurrency is meant where an
	// amount names none, Zone is that of times written without one.
	Currencies         []string
	BaseCurrency, Zone string
}

// Finding is something the check found in one column: one distinct value,
// and all the rows that have it.
type Finding struct {
	// ID is its number in this check, from 1: RowFilter finds its rows by it.
	ID int
	// Column is the file column, -1 for the row as a whole; Field the
	// target's name and FieldTitle its title.
	Column     int
	ColumnName string
	Field      string
	FieldTitle string
	Problem    Problem
	Value      string
	// Closest is a suggestion that would be understood; empty if none. Safe:
	// it is so close that it may be taken without a look at each.
	Closest string
	Safe    bool
	// Candidates are what an ambiguous name could mean.
	Candidates []Candidate
	// Rows is the number of rows; First the numbers of the first ones.
	Rows  int
	First []int
	// Blocks: these rows are left out of the import unless something is
	// decided; otherwise they are imported and this is only said.
	Blocks bool
}

// Candidate is one of several things that a name fits.
type Candidate struct {
	// Kind is that of field.Ref: "contact", "user", "item:128", …
	Kind string
	// ID is the portal's, Title its name where it could be read.
	ID    string
	Title string
	// With is the text that means this one and no other; empty: there is none.
	With string
	// Path is its card on the portal, from the root; empty: it has none.
	Path string
}

// CheckResult is what a check has found so far.
type CheckResult struct {
	Revision int
	// Checked of Rows have been read.
	Checked, Rows int
	Plan          Counts
	// Problems is the number of rows with findings.
	Problems int
	// Answers are the remembered answers that were applied; Forgotten is the
	// number of those that fit no longer.
	Answers   []Answer
	Forgotten int
	// Findings come by column, then by rows, most first. More counts the
	// distinct values beyond those kept.
	Findings []Finding
	More     int
}

// Progress is what the import page shows while something runs.
type Progress struct {
	State       State
	Rows        int
	CheckedRows int
	Plan        Counts
	Counts      Counts
	Rechecked   int
	Reason      *Problem
	Until       time.Time
	// Tried: a trial is done, and a person decides how it goes on.
	Tried bool
	// Undoing: what is under way is the taking back of the items that were
	// created and updated; Undo counts how it has ended for them so far.
	Undoing bool
	Undo    UndoCounts
	// Low and High bound the time left; both zero while unknown.
	Low, High time.Duration
}

// RowOutcome is one row in the report.
type RowOutcome struct {
	Row     int
	Index   int
	State   EntryState
	ItemID  int64
	Problem *Problem
	// Undo says how taking the row back has ended, UndoProblem why not.
	Undo        UndoState
	UndoProblem *Problem
	// Cells are the original cells, as the file has them.
	Cells []string
}
