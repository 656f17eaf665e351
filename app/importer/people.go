package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxPeople caps what a search for people returns.
const maxPeople = 20

// Person is somebody who works with the portal.
type Person struct {
	ID             int64
	Name, Position string
}

// personRow is a line of user.get and user.search (crm.md 4.2).
type personRow struct {
	userRow
	Active   bool   `json:"ACTIVE"`
	Position string `json:"WORK_POSITION"`
}

func (r personRow) plain() Person {
	id, _ := r.ID.Int64() // 0 is nobody
	name := strings.Join(strings.Fields(r.Name+" "+r.LastName), " ")
	if name == "" {
		name = "ID " + r.ID.String()
	}
	return Person{ID: id, Name: name, Position: r.Position}
}

// People finds people of the portal by their names, or one by its id, at most
// 20. What the portal answers is compared once more: it drops a filter that
// the scope does not allow without a word, and answers with everybody.
func (s *Service) People(ctx context.Context, a Actor, query string) ([]Person, error) {
	query = strings.TrimSpace(query)
	if query == "" {
		return nil, nil
	}
	method, filter := "user.search", map[string]any{"FIND": query}
	if id, err := strconv.ParseInt(query, 10, 64); err == nil {
		method, filter = "user.get", map[string]any{"ID": id}
	}
	caller, err := s.connect(ctx, a.Portal, a.Connection)
	if err != nil {
		return nil, err
	}
	reply, err := caller.Call(ctx, method, map[string]any{"FILTER": filter})
	if err != nil {
		return nil, portalError("looking for people", err)
	}
	var rows []personRow
	if err := json.Unmarshal(reply.Result, &rows); err != nil {
		return nil, fmt.Errorf("reading people: %w", err)
	}
	var found []Person
	for _, r := range rows {
		if r.meets(query) && len(found) < maxPeople {
			found = append(found, r.plain())
		}
	}
	slices.SortStableFunc(found, func(x, y Person) int { return strings.Compare(x.Name, y.Name) })
	return found, nil
}

// meets reports whether a person is the one with this id, or somebody who
// works here and whose names begin with the words.
func (r personRow) meets(query string) bool {
	if r.ID.String() == query {
		return true
	}
	names := strings.Fields(foldName(r.Name + " " + r.Second + " " + r.LastName))
	for _, word := range strings.Fields(foldName(query)) {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, word) }) {
			return false
		}
	}
	return r.Active && len(names) > 0
}
