package handlers

import (
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
)

// recentImports is how many imports step 1 shows.
const recentImports = 5

// fileData is step 1 before there is a file.
type fileData struct {
	chrome
	// Open are the person's own imports that are not finished, Recent the
	// portal's others.
	Open, Recent []importLine
	MaxUpload    int64
	RowLimit     int
	// Sample is the sample file in the language of the page.
	Sample string
	// Pasted keeps rows that could not be read.
	Pasted string
}

// fileStep is step 1 without a file.
func (s *Server) fileStep(c *fiber.Ctx, v visit) error { return s.showFile(c, v, nil, "") }

func (s *Server) showFile(c *fiber.Ctx, v visit, failures []failure, pasted string) error {
	t := s.text(c)
	all, err := s.importer.Imports(c.UserContext(), v.actor(), 30)
	if err != nil {
		return err
	}
	limit, err := s.portals.RowLimit(c.UserContext(), v.Session.Portal)
	if err != nil {
		return fmt.Errorf("asking for the row limit: %w", err)
	}
	d := fileData{chrome: stepper(t, 1, importer.Import{}), MaxUpload: s.maxUpload, RowLimit: limit, Pasted: pasted}
	d.Lead = t.Text("file.lead")
	if imp, ok := c.Locals(keyRepeat).(importer.Import); ok {
		d.Lead = t.Text("file.repeat_lead", "name", imp.FileName, "target", imp.Target.Title)
	}
	d.Scripts = []string{"upload.js"}
	d.Words = words(t, "client.uploading", "client.resuming", "client.reading", "client.cut", "client.too_large", "client.one_file", "client.ended")
	d.Failures = failures
	d.Sample = s.sample(t)
	for _, imp := range all {
		line := lineOf(imp)
		switch {
		case imp.User == v.Session.User && !imp.State.Ended():
			d.Open = append(d.Open, line)
		case len(d.Recent) < recentImports:
			d.Recent = append(d.Recent, line)
		}
	}
	return s.render(c, "file", t.Text("file.title"), d)
}

// sample is the address of the sample file in a language, or of the English
// one.
func (s *Server) sample(t locale.Catalogue) string {
	url := s.assets.URL("sample-" + t.Lang() + ".csv")
	if _, _, ok := s.assets.Open(url); !ok {
		url = s.assets.URL("sample-" + locale.Fallback + ".csv")
	}
	return url
}

// words picks texts for a script; their keys lose the area.
func words(t locale.Catalogue, keys ...string) map[string]string {
	m := make(map[string]string, len(keys))
	for _, key := range keys {
		m[key[len("client."):]] = t.Text(key)
	}
	return m
}
