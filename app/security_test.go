package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Each line of the tables of docs/security.md names tests that there are.
func TestSecurityPromises(t *testing.T) {
	text, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testsOfTheRepository(t)
	name := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	lines := 0
	for part := range strings.SplitSeq(string(text), "\n## ") {
		title, table, _ := strings.Cut(part, "\n")
		rows := rowsOf(table)
		if lines += len(rows); len(rows) == 0 && !strings.HasPrefix(title, "# ") {
			t.Errorf("%q has no table", title)
		}
		for _, row := range rows {
			if len(row) != 3 || row[0] == "" || row[1] == "" {
				t.Errorf("%q: %q is not promise, limit and proof", title, row)
				continue
			}
			proofs := name.FindAllStringSubmatch(row[2], -1)
			if len(proofs) == 0 {
				t.Errorf("%q has no proof", row[0])
			}
			for _, p := range proofs {
				if !tests[p[1]] {
					t.Errorf("%q: there is no %s", row[0], p[1])
				}
			}
		}
	}
	if lines < 50 {
		t.Errorf("%d promises", lines)
	}
}
