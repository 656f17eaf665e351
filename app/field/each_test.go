package field

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/spa-importer/spa-importer/bitrix"
)

func colours(t testing.TB, multiple bool) *Converter {
	t.Helper()
	f := bitrix.Field{Name: "UF_COLOUR", Title: "Colour", Type: "enumeration", Dynamic: true, Multiple: multiple}
	conv, err := NewConverter(Target{
		Name: f.Name, Title: f.Title, Type: f.Type, Multiple: multiple, Writable: true, Field: f,
		Options: []Choice{{ID: "81", Label: "Red"}, {ID: "82", Label: "Green"}, {ID: "83", Label: "Yellow"}},
	}, Style{}, Context{})
	if err != nil {
		t.Fatal(err)
	}
	return conv
}

// TestConvertEach: all values of a cell that have a problem are said, each
// with what probably is meant.
func TestConvertEach(t *testing.T) {
	var said []string
	conv := colours(t, true)
	v := conv.ConvertEach("Red|Gren|Pink|Yelow", nil, func(p Problem) {
		said = append(said, fmt.Sprint(p.Code, " ", p.Value, " → ", p.Closest))
	})
	want := []string{"option_unknown Gren → Green", "option_unknown Pink → ", "option_unknown Yelow → Yellow"}
	if v.Set || !slices.Equal(said, want) {
		t.Errorf("%+v, said %q", v, said)
	}
}

func TestRewrite(t *testing.T) {
	change := func(v string) (string, bool) {
		with, ok := map[string]string{"Gren": "Green", "Pink": ""}[v]
		return with, ok
	}
	for _, c := range []struct {
		cell, want string
		multiple   bool
	}{
		{"Red|Gren|Pink", "Red|Green", true},
		{"Red|Green", "Red|Green", true},
		{"Pink", "", true},
		{" Gren \nRed", "Green|Red", true},
		{"Red|Gren", "Red|Gren", false},
		{"Gren", "Green", false},
	} {
		if got := colours(t, c.multiple).Rewrite(c.cell, change); got != c.want {
			t.Errorf("%q (multiple %v) becomes %q, want %q", c.cell, c.multiple, got, c.want)
		}
	}
}

// TestConvertAndConvertEachAgree: both give the same value, and one has a
// problem exactly where the other has.
func TestConvertAndConvertEachAgree(t *testing.T) {
	conv := colours(t, true)
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`((Red|Green|Gren|#N/A|-|x{0,3}| )(\||\n)?){0,5}`).Draw(t, "cell")
		var blocks, any bool
		each := conv.ConvertEach(cell, nil, func(p Problem) { blocks, any = blocks || p.Blocks, true })
		v, p := conv.Convert(cell, nil)
		if fmt.Sprint(v) != fmt.Sprint(each) || (p != nil) != any || (p != nil && p.Blocks) != blocks {
			t.Fatalf("Convert: %+v %+v; ConvertEach: %+v, blocks %v, any %v", v, p, each, blocks, any)
		}
	})
}
