package handlers

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

// personField is the data of the part "person": somebody of the portal, found
// by name. Scripts are not needed for it: a button asks the server.
type personField struct {
	// Name is the name of the form field whose value is the person's id, ID
	// its id in the page; what is searched for is in the form field "who." and
	// the ID.
	Name, ID string
	// Find is the value of the button that searches.
	Find string
	// Chosen is the id; People are those to choose from.
	Chosen int64
	People []importer.Person
	// Me is the id of the person in front of the page; None offers nobody.
	Me   int64
	None bool
	// Query was searched for; Error says that it found nobody.
	Query, Error string
	T            locale.Catalogue
}

// Ask reports whether somebody must be chosen: the search has found several.
func (f personField) Ask() bool { return f.Chosen == 0 }

// Problem is the error as the part "field-error" takes it.
func (f personField) Problem() fieldError { return fieldError{ID: "err-" + f.ID, Text: f.Error} }

// personOf prepares the choice of a person. A query is looked for; whom it
// finds alone is chosen.
func (s *Server) personOf(ctx context.Context, v visit, t locale.Catalogue, f personField) (personField, error) {
	f.T, f.Me, f.Query = t, v.Session.User, strings.TrimSpace(f.Query)
	if !f.None {
		f.People = append(f.People, importer.Person{ID: f.Me, Name: t.Text("target.me", "name", v.Session.UserName)})
	}
	if f.Chosen != 0 && (f.None || f.Chosen != f.Me) {
		found, err := s.importer.People(ctx, v.actor(), strconv.FormatInt(f.Chosen, 10))
		if _, told := refusal(err); err != nil && !told {
			return f, err
		}
		if len(found) == 0 {
			found = []importer.Person{{ID: f.Chosen, Name: t.Text("target.type_id", "id", strconv.FormatInt(f.Chosen, 10))}}
		}
		f.People = append(f.People, found...)
	}
	if f.Query == "" {
		return f, nil
	}
	found, err := s.importer.People(ctx, v.actor(), f.Query)
	if problem, ok := refusal(err); ok {
		f.Error = t.Problem(problem.Code, problem.Args)
		return f, nil
	}
	switch {
	case err != nil:
		return f, err
	case len(found) == 0:
		f.Error = t.Problem("nobody_found", map[string]string{"name": f.Query})
	case len(found) == 1:
		f.Chosen = found[0].ID
	default:
		f.Chosen = 0 // somebody must say which of them
	}
	for _, p := range found {
		if !slices.ContainsFunc(f.People, func(have importer.Person) bool { return have.ID == p.ID }) {
			f.People = append(f.People, p)
		}
	}
	return f, nil
}
