package sheet_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// code is the code of a refusal, or "".
func code(err error) string {
	var refused *sheet.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}

// refusal is the code and the arguments of a refusal on one line.
func refusal(err error) string {
	var refused *sheet.Error
	if !errors.As(err, &refused) {
		return ""
	}
	return line(refused.Code, refused.Args)
}

func line(code string, args map[string]string) string {
	for _, k := range slices.Sorted(maps.Keys(args)) {
		code += " " + k + "=" + args[k]
	}
	return code
}

// checkCode holds a code and its arguments to the list of them.
func checkCode(t testing.TB, code string, args map[string]string, refusal bool) {
	t.Helper()
	for _, c := range sheet.Codes() {
		if c.Code == code && c.Refusal == refusal {
			if want, got := slices.Sorted(slices.Values(c.Args)), slices.Sorted(maps.Keys(args)); !slices.Equal(want, got) {
				t.Errorf("code %s has arguments %v, listed are %v", code, got, want)
			}
			return
		}
	}
	t.Errorf("code %s is not listed", code)
}

// rowLines writes rows as "number: cell|cell".
func rowLines(rows []sheet.Row) []string {
	var lines []string
	for _, r := range rows {
		lines = append(lines, fmt.Sprintf("%d: %s", r.Number, strings.Join(r.Cells, "|")))
	}
	return lines
}

// cmpEmpty takes nil and empty slices for the same.
func cmpEmpty() cmp.Option { return cmpopts.EquateEmpty() }
