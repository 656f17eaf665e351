package handlers

import (
	"net/url"

	"github.com/spa-importer/spa-importer/app/importer"
)

// modesData is the part of step 2 that says what happens with the rows.
type modesData struct {
	importer.Target
	// Keys are the fields that items can be recognised by.
	Keys []keyChoice
	// Rules: the smart process has automation rules or workflows that could
	// start.
	Rules bool
}

// keyChoice is one field to recognise items by.
type keyChoice struct{ Name, Title string }

// modes is what step 2 offers: the choice in the form, or the one saved.
func modes(form url.Values, saved importer.Target, schema importer.Schema) modesData {
	d := modesData{Target: saved, Rules: schema.Type.Automation || schema.Type.Workflows}
	if form.Has("mode") {
		readModes(form, &d.Target)
	}
	if d.Mode == "" {
		d.Mode = importer.AddAll
	}
	// No column has a target yet, so any field may turn out to be the key.
	var every importer.Mapping
	for i, f := range schema.Fields {
		every.Columns = append(every.Columns, importer.ColumnMapping{Column: i, Field: f.Name})
	}
	for _, t := range importer.KeyFields(schema, every) {
		d.Keys = append(d.Keys, keyChoice{t.Name, t.Title})
	}
	return d
}

// readModes takes the choices of the form. A key belongs to updates alone.
func readModes(form url.Values, t *importer.Target) {
	t.Mode, t.Key = importer.Mode(form.Get("mode")), form.Get("key")
	if t.Mode == "" {
		t.Mode = importer.AddAll
	}
	if t.Mode == importer.AddAll {
		t.Key = ""
	}
	t.Automation, t.Fast = form.Get("automation") == "yes", form.Get("order") == "any"
}
