package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
)

func TestMappingForgetsNoField(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		full := filled[importer.SavedMapping]()
		full.Portal, full.EntityTypeID = "p1", 128
		bare := importer.SavedMapping{ID: "bare", Portal: "p1", EntityTypeID: 128, Used: time.Unix(0, 1).UTC()}
		for range 2 { // once more changes nothing
			check(t, s.SaveMapping(ctx, full))
			check(t, s.SaveMapping(ctx, bare))
			if diff := cmp.Diff([]importer.SavedMapping{full, bare}, must(s.Mappings(ctx, "p1", 128))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		}
		if got := must(s.Mappings(ctx, "p1", 129)); len(got) != 0 {
			t.Errorf("another entity type has %v", got)
		}
		for _, stranger := range []string{"p2", ""} {
			if got := must(s.Mappings(ctx, stranger, 128)); len(got) != 0 {
				t.Errorf("portal %q has %v", stranger, got)
			}
			if err := s.DeleteMapping(ctx, stranger, full.ID); !errors.Is(err, importer.ErrNotFound) {
				t.Errorf("portal %q deletes: %v", stranger, err)
			}
		}
		check(t, s.DeleteMapping(ctx, "p1", full.ID))
		if err := s.DeleteMapping(ctx, "p1", full.ID); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("second deletion: %v", err)
		}
		if diff := cmp.Diff([]importer.SavedMapping{bare}, must(s.Mappings(ctx, "p1", 128))); diff != "" {
			t.Errorf("after a deletion (-want +got)\n%s", diff)
		}
	})
}

// Which mapping takes the place of which.
func TestSaveMappingReplaces(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		c := newClock()
		s, ctx := d.open(t, store.WithClock(c.Now)), t.Context()
		save := func(id, name, headers string, entityType int64) {
			t.Helper()
			c.Advance(time.Second)
			check(t, s.SaveMapping(ctx, importer.SavedMapping{
				ID: id, Portal: "p1", EntityTypeID: entityType, Name: name, Headers: headers, User: c.Now().Unix(),
			}))
		}
		want := func(entityType int64, want ...string) {
			t.Helper()
			got := []string{}
			for n, m := range must(s.Mappings(ctx, "p1", entityType)) {
				if m.ID == "" || !m.Used.Equal(time.Unix(m.User, 0)) {
					t.Errorf("mapping %d: %+v", n, m)
				}
				got = append(got, m.ID+" "+m.Name+" "+m.Headers)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		}
		save("a", "", "h1", 128)
		save("b", "", "h2", 128)
		save("c", "Orders", "h1", 128)
		save("d", "", "h1", 129)
		want(128, "c Orders h1", "b  h2", "a  h1")
		save("new", "", "h1", 128) // the same headers: the first id stays
		save("", "Orders", "h3", 128)
		want(128, "c Orders h3", "a  h1", "b  h2")
		save("b", "Clients", "h2", 128) // gets a name
		want(128, "b Clients h2", "c Orders h3", "a  h1")
		save("b", "Orders", "h2", 128) // and the name of another
		want(128, "b Orders h2", "a  h1")
		save("a", "", "h1", 129) // goes to another entity type, where it meets its like
		want(128, "b Orders h2")
		want(129, "a  h1")
		check(t, s.SaveMapping(ctx, importer.SavedMapping{ID: "a", Portal: "p2", EntityTypeID: 129, Headers: "h1"}))
		want(129, "a  h1")
	})
}

// Of too many mappings those without a name go first, then the oldest.
func TestMappingsAreCapped(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		save := func(name string, used int64) {
			t.Helper()
			check(t, s.SaveMapping(ctx, importer.SavedMapping{
				Portal: "p1", EntityTypeID: 128, Name: name, Headers: fmt.Sprint(used), Used: time.Unix(used, 0),
			}))
		}
		count := func() (named, all int, oldest string) {
			t.Helper()
			got := must(s.Mappings(ctx, "p1", 128))
			for _, m := range got {
				if m.Name != "" {
					named++
				}
			}
			return named, len(got), got[len(got)-1].Headers
		}
		check(t, s.SaveMapping(ctx, importer.SavedMapping{Portal: "p1", EntityTypeID: 129}))
		check(t, s.SaveMapping(ctx, importer.SavedMapping{Portal: "p2", EntityTypeID: 128}))
		save("oldest of all", 1)
		for n := range 202 {
			save("", int64(10+n))
		}
		if named, all, oldest := count(); named != 1 || all != 200 || oldest != "1" {
			t.Errorf("%d with a name of %d, the last is %s", named, all, oldest)
		}
		for n := range 201 {
			save(fmt.Sprint("name ", n), int64(500+n))
		}
		if named, all, oldest := count(); named != 200 || all != 200 || oldest != "501" {
			t.Errorf("%d with a name of %d, the last is %s", named, all, oldest)
		}
		if n := len(must(s.Mappings(ctx, "p1", 129))) + len(must(s.Mappings(ctx, "p2", 128))); n != 2 {
			t.Errorf("elsewhere %d are left of 2", n)
		}
	})
}

func TestAnswers(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		check(t, s.SaveAnswers(ctx, "p1", 128, nil))
		if got := must(s.Answers(ctx, "p1", 128)); len(got) != 0 {
			t.Errorf("none were saved: %v", got)
		}
		full := filled[importer.Answer]()
		other := importer.Answer{Field: "stage", Value: "a\x00b", Action: importer.SkipRows}
		check(t, s.SaveAnswers(ctx, "p1", 128, []importer.Answer{
			{Field: full.Field, Value: full.Value, Action: importer.LeaveEmpty}, // the last counts
			full, other, {Field: "stageI", Value: "D"}, {Field: "stage", Value: "ID"},
		}))
		want := []importer.Answer{{Field: "stage", Value: "ID"}, {Field: "stageI", Value: "D"}, other, full}
		if diff := cmp.Diff(want, must(s.Answers(ctx, "p1", 128))); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		full.Action, full.With = importer.UseValue, "else"
		check(t, s.SaveAnswers(ctx, "p1", 128, []importer.Answer{full, {Value: "\xff\xfe"}}))
		want = []importer.Answer{{Value: "\uFFFD"}, full, want[0], want[1], other}
		if diff := cmp.Diff(want, must(s.Answers(ctx, "p1", 128))); diff != "" {
			t.Errorf("after a change (-want +got)\n%s", diff)
		}
		check(t, s.SaveAnswers(ctx, "p1", 129, []importer.Answer{full}))
		check(t, s.SaveAnswers(ctx, "p2", 128, []importer.Answer{full}))
		for _, tt := range []struct {
			portal     string
			entityType int64
			want       int
		}{{"p1", 128, 5}, {"p1", 129, 1}, {"p2", 128, 1}, {"p2", 129, 0}, {"", 128, 0}} {
			if got := must(s.Answers(ctx, tt.portal, tt.entityType)); len(got) != tt.want {
				t.Errorf("portal %q, type %d: %v", tt.portal, tt.entityType, got)
			}
		}
	})
}

func TestAnswersAreCapped(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		many := make([]importer.Answer, 10_003)
		for n := range many {
			many[n] = importer.Answer{Field: "stage", Value: fmt.Sprint(n)}
		}
		check(t, s.SaveAnswers(ctx, "p1", 129, many[:3]))
		check(t, s.SaveAnswers(ctx, "p1", 128, many))
		check(t, s.SaveAnswers(ctx, "p1", 128, many[4:5])) // used again: outlives its neighbours
		check(t, s.SaveAnswers(ctx, "p1", 128, []importer.Answer{{Value: "x"}, {Value: "y"}}))
		got := must(s.Answers(ctx, "p1", 128))
		if len(got) != 10_000 || got[2].Value != "4" || got[9_999].Value != "6" {
			t.Errorf("%d are left, after the new ones %+v, at last %+v", len(got), got[2], got[len(got)-1])
		}
		if n := len(must(s.Answers(ctx, "p1", 129))); n != 3 {
			t.Errorf("another type has %d of 3", n)
		}
	})
}

func TestEdits(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		i, other := newImport(t, s, "p1", importer.Draft), newImport(t, s, "p1", importer.Draft)
		check(t, s.SaveEdits(ctx, i.ID, nil))
		check(t, s.SaveEdits(ctx, i.ID, []importer.Edit{
			{Index: 7, Column: 1, Text: "first"}, {Index: 7, Column: 0}, {Index: 3, Column: 2, Text: "a\x00b"},
			{Index: 9, Column: 0, Text: "z"}, {Index: 7, Column: 1, Text: "second"},
		}))
		check(t, s.SaveEdits(ctx, i.ID, []importer.Edit{{Index: 9, Column: 0, Text: "once more"}}))
		want := []importer.Edit{
			{Index: 3, Column: 2, Text: "a\x00b"}, {Index: 7, Column: 0}, {Index: 7, Column: 1, Text: "second"},
			{Index: 9, Column: 0, Text: "once more"},
		}
		for _, tt := range []struct {
			from, to int
			want     []importer.Edit
		}{{0, 1000, want}, {3, 9, want[:3]}, {4, 8, want[1:3]}, {9, 10, want[3:]}, {4, 7, want[:0]}, {9, 9, want[:0]}} {
			if diff := cmp.Diff(tt.want, must(s.Edits(ctx, i.ID, tt.from, tt.to))); diff != "" {
				t.Errorf("Edits(%d, %d) (-want +got)\n%s", tt.from, tt.to, diff)
			}
		}
		if n := must(s.CountEdits(ctx, i.ID)); n != 4 {
			t.Errorf("CountEdits = %d", n)
		}
		if n := must(s.CountEdits(ctx, other.ID)) + len(must(s.Edits(ctx, other.ID, 0, 1000))); n != 0 {
			t.Errorf("another import has %d", n)
		}
		for _, e := range []importer.Edit{{Index: -1}, {Column: -1}} {
			if err := s.SaveEdits(ctx, i.ID, []importer.Edit{e}); err == nil {
				t.Errorf("kept %+v", e)
			}
		}
		if err := s.SaveEdits(ctx, "nothere", want); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("SaveEdits: %v", err)
		}
		if _, err := s.Edits(ctx, "nothere", 0, 9); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("Edits: %v", err)
		}
		check(t, s.DeleteEdits(ctx, i.ID, nil))
		check(t, s.DeleteEdits(ctx, i.ID, []importer.Edit{
			{Index: 7, Column: 1, Text: "whatever"}, {Index: 3, Column: 0}, {Index: 9, Column: 0}, {Index: -1, Column: 5},
		}))
		check(t, s.DeleteEdits(ctx, other.ID, want))
		if diff := cmp.Diff(want[:2], must(s.Edits(ctx, i.ID, 0, 1000))); diff != "" {
			t.Errorf("after a deletion (-want +got)\n%s", diff)
		}
		many := make([]importer.Edit, 4_000) // more than a database takes parameters
		for n := range many {
			many[n] = importer.Edit{Index: n, Column: 5, Text: fmt.Sprint(n)}
		}
		check(t, s.SaveEdits(ctx, other.ID, many))
		if diff := cmp.Diff(many, must(s.Edits(ctx, other.ID, 0, len(many)))); diff != "" {
			t.Errorf("many (-want +got)\n%s", diff)
		}
		check(t, s.DeleteEdits(ctx, other.ID, many[1:]))
		if diff := cmp.Diff(many[:1], must(s.Edits(ctx, other.ID, 0, len(many)))); diff != "" {
			t.Errorf("after deleting many (-want +got)\n%s", diff)
		}
	})
}

func TestForgetting(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		a, b := importer.Answer{Field: "f", Value: "a"}, importer.Answer{Field: "f", Value: "b"}
		check(t, s.DeleteAnswers(ctx, "p1", 128, []importer.Answer{a})) // nothing is remembered
		for _, portal := range []string{"p1", "p2"} {
			check(t, s.SaveAnswers(ctx, portal, 128, []importer.Answer{a, b}))
		}
		check(t, s.DeleteAnswers(ctx, "p1", 128, nil))
		check(t, s.DeleteAnswers(ctx, "p1", 129, []importer.Answer{a}))
		check(t, s.DeleteAnswers(ctx, "p1", 128, []importer.Answer{a, {Field: "f", Value: "not there"}}))
		if got := must(s.Answers(ctx, "p1", 128)); len(got) != 1 || got[0] != b {
			t.Errorf("left: %v", got)
		}
		if got := must(s.Answers(ctx, "p2", 128)); len(got) != 2 {
			t.Errorf("of another portal are left: %v", got)
		}
	})
}

// Two processes begin a portal's memory at the same moment, and write to the
// same places of it.
func TestMemoryAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		one, two, ctx := d.open(t), d.open(t), t.Context()
		var wg sync.WaitGroup
		for n := range 8 {
			s := []*store.Store{one, two}[n%2]
			wg.Go(func() {
				for k := range 10 {
					a := []importer.Answer{{Field: "f", Value: "same", With: fmt.Sprint(n)}, {Field: "f", Value: fmt.Sprint(n, "/", k)}}
					if err := s.SaveAnswers(ctx, "p1", 128, a); err != nil {
						t.Error(err)
					}
					m := importer.SavedMapping{Portal: "p1", EntityTypeID: 128, Name: "same", Headers: fmt.Sprint(n)}
					if err := s.SaveMapping(ctx, m); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := len(must(one.Answers(ctx, "p1", 128))); n != 81 {
			t.Errorf("%d answers of 81", n)
		}
		if n := len(must(two.Mappings(ctx, "p1", 128))); n != 1 {
			t.Errorf("%d mappings of 1", n)
		}
	})
}
