package sheet_test

import (
	"errors"

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

// cmpEmpty takes nil and empty slices for the same.
func cmpEmpty() cmp.Option { return cmpopts.EquateEmpty() }
