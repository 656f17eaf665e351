package field

import (
	"encoding/json"
	"strconv"
)

// choice prepares the conversion of values that are chosen from a list.
func (c *Converter) choice(choices []Choice, unknown, several string, numeric bool) {
	c.dict = newDictionary(choices)
	c.distinct = true
	boxed := make([]element, len(choices))
	for i, o := range choices {
		boxed[i] = element{choiceID(o.ID, numeric), o.Label}
	}
	c.one = func(s string, _ Lookup) (element, *Problem) {
		switch i := c.dict.find(s); i {
		case -1:
			return element{}, trouble(unknown).near(c.dict.closest(s))
		case ambiguous:
			return element{}, trouble(several, "ids", c.dict.matches(s))
		default:
			return boxed[i], nil
		}
	}
}

// choiceID is an id on the wire: a number where it is one and the type
// wants it.
func choiceID(id string, numeric bool) any {
	if numeric && plainInteger(id) {
		return json.Number(id)
	}
	return id
}

// status prepares the conversion of stages, sources and other dictionaries.
func (c *Converter) status() {
	f := c.target.Field
	choices := statusChoices(c.ctx.statuses(f))
	switch {
	case !f.Dynamic && f.Name == "stageId":
		c.stage(choices)
	case !f.Dynamic && f.Name == "sourceId":
		c.choice(choices, sourceUnknown, sourceAmbiguous, false)
	default:
		c.choice(choices, statusUnknown, statusAmbiguous, false)
	}
}

// stage finds stages of one pipeline; a stage that only another pipeline
// has is named as such.
func (c *Converter) stage(choices []Choice) {
	c.choice(choices, stageUnknown, stageAmbiguous, false)
	here := c.ctx.category()
	name := c.pipeline(here)
	elsewhere := map[int64]*dictionary{}
	for id, stages := range c.ctx.Stages {
		if id != here {
			elsewhere[id] = newDictionary(statusChoices(stages))
		}
	}
	find := c.one
	c.one = func(s string, l Lookup) (element, *Problem) {
		e, p := find(s, l)
		if p == nil {
			return e, nil
		}
		p.Args["pipeline"] = name
		if p.Code != stageUnknown {
			return e, p
		}
		for _, category := range c.ctx.Categories {
			if d := elsewhere[category.ID]; d != nil && d.find(s) >= 0 {
				p.Code, p.Args["other"] = stageElsewhere, category.Name
				break
			}
		}
		return e, p
	}
}

// pipeline is the name of a pipeline, or its id where that is unknown.
func (c *Converter) pipeline(id int64) string {
	for _, category := range c.ctx.Categories {
		if category.ID == id {
			return category.Name
		}
	}
	return strconv.FormatInt(id, 10)
}
