package handlers

import (
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

// chrome is what the data of a view may say about the page around it: embed
// it in a view's data and the parts in views/parts.html show it.
type chrome struct {
	// Lead is the sentence under the title.
	Lead string
	// Scripts are modules to load beside frame.js; Words the texts they
	// need, keyed as in the catalogue without the area.
	Scripts []string
	Words   map[string]string
	// Step is the number of the step shown, Steps the stepper; none on
	// pages beside the four steps.
	Step  int
	Steps []step
	// Here is the address that shows this page again; empty: step 1.
	Here string
	// Instead is the address that shows a page without a session again, where
	// its own would send a form once more.
	Instead string
	// Failures are what must be put right before going on.
	Failures []failure
}

func (c chrome) around() chrome { return c }

// Around is what the view's data says about the page around it.
func (p Page) Around() chrome {
	if a, ok := p.Data.(interface{ around() chrome }); ok {
		return a.around()
	}
	return chrome{}
}

// step is one of the four steps as the stepper shows it.
type step struct {
	Number int
	// State is "done", "current" or "upcoming".
	State string
	// Label is a text key, Chosen what was chosen there.
	Label, Chosen string
	// Action is where a form goes that opens the step again; empty: nowhere.
	Action string
}

// failure is one line of the error summary: a sentence, and the id of the
// form field it speaks of (empty: the page as a whole).
type failure struct {
	Field, Text string
}

// alert is the data of the part "alert"; Kind is "info", "good", "warn" or
// "bad".
type alert struct {
	Kind, Title, Text string
}

// fieldError is the data of the part "field-error"; ID is what
// aria-describedby of the field names.
type fieldError struct {
	ID, Text string
}

// planData is the data of the part "plan"; Over of the skipped rows lie
// beyond Limit.
type planData struct {
	T           locale.Catalogue
	Counts      importer.Counts
	Over, Limit int
}

// Plan is what the part "plan" needs.
func (p Page) Plan(c importer.Counts, imp importer.Import) planData {
	return planData{p.T, c, min(imp.Beyond(), c.Skipped), imp.Limit}
}

// Share writes a part of a whole in percent.
func (p Page) Share(part, whole int) string { return p.T.Percent(int64(part), int64(whole)) }

// Numbers lists row numbers; all is how many there are, of which these are
// the first.
func (p Page) Numbers(first []int, all int) string { return rowNumbers(p.T, first, all) }

func rowNumbers(t locale.Catalogue, first []int, all int) string {
	list := make([]string, len(first))
	for i, n := range first {
		list[i] = strconv.Itoa(n)
	}
	text := strings.Join(list, ", ")
	if len(first) < all {
		return t.Text("check.rows_and_more", "rows", text)
	}
	return text
}
