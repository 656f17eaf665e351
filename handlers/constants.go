package handlers

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

// constantsOf lists the constants, those just asked for among them, and the
// fields that could become one.
func (s *Server) constantsOf(c *fiber.Ctx, v visit, view importer.ColumnsView, form *submitted) (rows []constantRow, free []field.Target, err error) {
	used := map[string]bool{}
	for _, column := range view.Columns {
		used[column.Mapping.Field] = true
	}
	for _, t := range view.Targets {
		value, constant := view.Constants[t.Name]
		switch {
		case !t.Writable:
		case constant || slices.Contains(form.asked, t.Name):
			row := constantRow{Target: t, Value: value}
			if t.Type == "user" || t.Type == "employee" {
				chosen, _ := strconv.ParseInt(value, 10, 64) // a name is no id: it is searched for
				who := form.who[t.Name]
				if chosen == 0 && who == "" {
					who = value
				}
				f, err := s.personOf(c.UserContext(), v, s.text(c), personField{
					Name: "constant." + t.Name, ID: "constant-" + t.Name, Find: "find", Chosen: chosen, Query: who,
				})
				if err != nil {
					return nil, nil, err
				}
				row.Person = &f
			}
			rows = append(rows, row)
		case !used[t.Name]:
			free = append(free, t)
		}
	}
	slices.SortStableFunc(rows, func(a, b constantRow) int { return strings.Compare(a.Target.Title, b.Target.Title) })
	return rows, free, nil
}

// labelOf is a constant as people read it.
func labelOf(t field.Target, value string) string {
	for _, o := range t.Options {
		if o.ID == value {
			return o.Label
		}
	}
	return value
}

// namePeople words those required fields that a constant fills with a person.
func (d *columnsData) namePeople(t locale.Catalogue) {
	for _, row := range d.Constants {
		if row.Person == nil || row.Person.Chosen == 0 {
			continue
		}
		i := slices.IndexFunc(d.Needs, func(n need) bool { return n.Target.Name == row.Target.Name })
		for _, p := range row.Person.People {
			if i >= 0 && p.ID == row.Person.Chosen && d.Needs[i].By != "" {
				d.Needs[i].By = t.Text("columns.by_constant", "value", p.Name)
			}
		}
	}
}

// needsOf is the checklist of required fields: what fills each.
func needsOf(t locale.Catalogue, view importer.ColumnsView) []need {
	by := map[string]string{"categoryId": t.Text("columns.by_step2"), "stageId": t.Text("columns.by_step2"), "assignedById": t.Text("columns.by_step2")}
	for _, f := range view.Targets {
		if value, ok := view.Constants[f.Name]; ok {
			by[f.Name] = t.Text("columns.by_constant", "value", labelOf(f, value))
		}
	}
	for _, c := range view.Columns {
		if c.Mapping.Field != "" {
			by[c.Mapping.Field] = c.Name
		}
	}
	var needs []need
	for _, f := range view.Targets {
		if f.Required && f.Writable {
			needs = append(needs, need{Target: f, By: by[f.Name]})
		}
	}
	return needs
}
