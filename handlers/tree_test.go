//go:build browser

package handlers_test

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/go-rod/rod/lib/proto"
)

// nameless are roles that mean nothing to a listener without a name.
var nameless = regexp.MustCompile(`(?m)^(button|link|textbox|searchbox|combobox|checkbox|radio|progressbar|dialog|table|grid|region|navigation|spinbutton|RootWebArea): *$`)

// heard is what a listener must come across on some pages in English: roles,
// names and, behind a bar, descriptions and states.
var heard = map[string][]string{
	"file":                {`button: Choose a file | CSV, TSV, TXT or XLSX`, `textbox: Paste the rows here`},
	"file-refused":        {`alert: `, `RootWebArea: Error: Step 1 of 4`, `link: `},
	"reading-refused":     {`radio: UTF-8.* checked=true`, `region: Which row holds the column names`},
	"target":              {`radio: Contracts ID 177 .*checked=true`, `combobox: Pipeline \| .* value=Sales`, `radio: Add all rows as new items`},
	"reading-wait":        {`progressbar: Reading`},
	"columns":             {`combobox: Stage 100% filled Goes to .*value=Stage`, `button: All .*pressed=true`, `button: File , completed`, `status: .*live=polite`},
	"columns-refused":     {`alert: .*live=assertive`, `link: Required fields without a column or value: Contract number`},
	"mapping-refused":     {`combobox: Begin date 100% filled Goes to \| The dates of .* invalid=true`},
	"checking":            {`progressbar: Checking the rows`},
	"check":               {`list: Findings of the check`, `combobox: .*value=Leave`},
	"check-rows":          {`grid: Rows of the file`, `columnheader: Contract no\.`, `rowheader: 2`, `gridcell: nowhere 0.*invalid=true`},
	"check-row":           {`textbox: Stage .*\| “nowhere 3” is not a stage .* invalid=true`},
	"receipt":             {`button: Import 100 items`},
	"running":             {`progressbar: Importing .*valuemax=130 .*value=0`, `button: Pause`, `button: Stop`},
	"paused":              {`progressbar: Paused`, `button: Go on`},
	"step4-receipt-risky": {`checkbox: Yes, change 1,320 existing items .*checked=false`},
	"step4-done-mixed":    {`region: 11 rows were not imported`, `table: 11 rows were not imported`, `link: No\. 1400`},
	"history":             {`table: Imports of this portal`, `button: Take back , Pasted rows\.tsv, until `},
	"in-register-refused": {`textbox: E-mail \| This is not an e-mail address.* invalid=true`, `checkbox: I accept the terms .*checked=false`},
}

// reads goes through the page as a screen reader does: by the roles, names
// and states of the browser's accessibility tree.
func (s *studio) reads() {
	s.t.Helper()
	tree, err := proto.AccessibilityGetFullAXTree{}.Call(s.tab)
	must(s.t, err)
	var b strings.Builder
	first := 0
	for _, n := range tree.Nodes {
		if n.Ignored || n.Role == nil || strings.HasSuffix(n.Role.Value.Str(), "Text") || strings.HasSuffix(n.Role.Value.Str(), "TextBox") {
			continue
		}
		spoken := spokenOf(n)
		if strings.HasPrefix(spoken, "heading: ") && strings.Contains(spoken, " level=1") {
			first++
		}
		b.WriteString(spoken + "\n")
	}
	page := b.String()
	if first != 1 {
		s.errorf("%d headings of the first level", first)
	}
	for _, landmark := range []string{"banner", "navigation", "main", "contentinfo"} {
		if !strings.Contains(page, "\n"+landmark+": ") {
			s.errorf("there is no landmark %s", landmark)
		}
	}
	for _, found := range nameless.FindAllString(page, -1) {
		s.errorf("something has a role and no name: %s", found)
	}
	_, _, at := s.now()
	for _, want := range heard[at] {
		if s.lang == "en" && !regexp.MustCompile("(?m)^("+want+")").MatchString(page) {
			s.errorf("nobody hears %q in\n%s", want, page)
		}
	}
	steps := s.tab.MustEval(`() => [document.querySelectorAll('.steps li').length, document.querySelectorAll('.steps [aria-current=step]').length]`)
	if n, current := steps.Get("0").Int(), steps.Get("1").Int(); n != 0 && (n != 4 || current != 1) {
		s.errorf("%d steps, of which %d are the current one", n, current)
	}
}

// spokenOf is a node as a line: role, name, description, states, value.
func spokenOf(n *proto.AccessibilityAXNode) string {
	line := n.Role.Value.Str() + ": "
	if n.Name != nil {
		line += n.Name.Value.Str()
	}
	if n.Description != nil && n.Description.Value.Str() != "" {
		line += " | " + n.Description.Value.Str()
	}
	if n.Name != nil && n.Name.Value.Str() == "" {
		switch n.Role.Value.Str() {
		case "alert", "status", "heading": // these are known by their states
		default:
			return line
		}
	}
	for _, p := range n.Properties {
		if p.Value != nil && !p.Value.Value.Nil() {
			line += fmt.Sprintf(" %s=%v", p.Name, p.Value.Value)
		}
	}
	if n.Value != nil {
		line += fmt.Sprintf(" value=%v", n.Value.Value)
	}
	return line
}
