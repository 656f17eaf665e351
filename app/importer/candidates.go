package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// How many ambiguous names are told apart, and how many candidates are shown
// for each: beyond that a list helps nobody.
const (
	maxAmbiguous  = 200
	maxCandidates = 20
)

// ambiguous are the problems of names that fit several things which must be
// looked up.
var ambiguous = map[string]bool{"user_ambiguous": true, "contact_ambiguous": true, "company_ambiguous": true, "item_ambiguous": true}

// tellApart gives findings about names that fit several contacts, companies,
// items or users what tells those apart. The file never gets the first hit.
func (c *check) tellApart(ctx context.Context) error {
	type place struct {
		kind, id string
	}
	titles := map[place]string{}
	var asked []*Finding
	refs := map[field.Ref]bool{}
	for _, f := range c.order {
		if f.Problem.Code == "key_several" && len(asked) < maxAmbiguous {
			asked = append(asked, f)
			continue
		}
		column := c.planner.columnOf(f.Field)
		if ambiguous[f.Problem.Code] && len(asked) < maxAmbiguous && column != nil && column.converter != nil {
			asked = append(asked, f)
			column.converter.EachRef(f.Value, func(r field.Ref) { refs[r] = true })
		}
	}
	known, err := c.resolver.resolve(ctx, refs)
	if err != nil {
		return err
	}
	wanted := map[string][]string{}
	for _, f := range asked {
		if f.Problem.Code == "key_several" {
			f.Candidates = itemsNamed(c.imp.Target.EntityTypeID, f.Problem.Args["ids"])
		} else {
			f.Candidates = candidatesOf(f.Value, c.planner.columnOf(f.Field), known)
		}
		for _, one := range f.Candidates {
			wanted[one.Kind] = append(wanted[one.Kind], one.ID)
		}
	}
	for kind, ids := range wanted {
		slices.Sort(ids)
		found, err := c.resolver.titles(ctx, kind, slices.Compact(ids))
		if err != nil {
			return err
		}
		for id, title := range found {
			titles[place{kind, id}] = title
		}
	}
	for _, f := range asked {
		for i := range f.Candidates {
			f.Candidates[i].Title = titles[place{f.Candidates[i].Kind, f.Candidates[i].ID}]
		}
	}
	return nil
}

// candidatesOf lists what a value could mean.
func candidatesOf(value string, column *plannedColumn, known memoryLookup) (list []Candidate) {
	column.converter.EachRef(value, func(ref field.Ref) {
		for _, id := range known[ref] {
			if len(list) == maxCandidates {
				return
			}
			one := Candidate{Kind: ref.Kind, ID: id, With: id, Path: cardPath(ref.Kind, id)}
			if t := ref.EntityTypeID(); t != 0 && column.target.Type == "crm" {
				one.With = strconv.FormatInt(t, 10) + "_" + id
			}
			list = append(list, one)
		}
	})
	return list
}

// itemsNamed are the items that share a key, by an idList. Nothing that a cell
// can say means one of them and not the others.
func itemsNamed(entityTypeID int64, ids string) (list []Candidate) {
	kind := "item:" + strconv.FormatInt(entityTypeID, 10)
	for id := range strings.SplitSeq(ids, ", ") {
		if id != "…" {
			list = append(list, Candidate{Kind: kind, ID: id, Path: cardPath(kind, id)})
		}
	}
	return list
}

// cardPath is where a portal shows something.
func cardPath(kind, id string) string {
	switch t := (field.Ref{Kind: kind}).EntityTypeID(); {
	case kind == field.KindUser:
		return "/company/personal/user/" + id + "/"
	case t == 1:
		return "/crm/lead/details/" + id + "/"
	case t == 2:
		return "/crm/deal/details/" + id + "/"
	case t == 3:
		return "/crm/contact/details/" + id + "/"
	case t == 4:
		return "/crm/company/details/" + id + "/"
	case t == 7:
		return "/crm/type/7/details/" + id + "/"
	case t != 0:
		return "/crm/type/" + strconv.FormatInt(t, 10) + "/details/" + id + "/"
	}
	return ""
}

// titles reads what items are called, fifty to a command.
func (r *resolver) titles(ctx context.Context, kind string, ids []string) (map[string]string, error) {
	found := map[string]string{}
	if kind == field.KindUser {
		if r.users == nil {
			users, err := r.readUsers(ctx)
			if err != nil {
				return nil, err
			}
			r.users = users
		}
		for _, id := range ids {
			found[id] = r.users.titles[id]
		}
		return found, nil
	}
	entityTypeID := field.Ref{Kind: kind}.EntityTypeID()
	if entityTypeID == 0 {
		return found, nil
	}
	fields := []string{"id", "title"}
	if kind == field.KindContact {
		fields = []string{"id", "name", "lastName", "post"}
	}
	var commands []bitrix.Command
	for page := range slices.Chunk(ids, pageSize) {
		commands = append(commands, bitrix.Command{
			Key: "t" + strconv.Itoa(len(commands)), Method: "crm.item.list", Params: map[string]any{
				"entityTypeId": entityTypeID, "select": fields, "filter": map[string]any{"@id": page},
				"order": map[string]any{"id": "ASC"}, "start": -1,
			},
		})
	}
	return found, r.batch(ctx, commands, func(_ string, result json.RawMessage) error {
		var page struct {
			Items []struct {
				ID       json.Number `json:"id"`
				Title    string      `json:"title"`
				Name     string      `json:"name"`
				LastName string      `json:"lastName"`
				Post     string      `json:"post"`
			} `json:"items"`
		}
		if err := json.Unmarshal(result, &page); err != nil {
			return fmt.Errorf("reading the names of items: %w", err)
		}
		for _, item := range page.Items {
			title := item.Title
			if title == "" {
				title = strings.TrimSpace(item.Name + " " + item.LastName)
			}
			if item.Post != "" {
				title += ", " + item.Post
			}
			found[item.ID.String()] = title
		}
		return nil
	})
}
