package handlers

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// docPages are the pages that everybody may read: at an address of their own
// outside the portal, and by a form inside it.
var docPages = []string{"docs", "about", "terms", "privacy", "support"}

// docData is one of those pages.
type docData struct {
	chrome
	Name     string
	Sections []docSection
}

// docSection is a heading with its paragraphs and lists.
type docSection struct {
	ID, Title string
	Blocks    []docBlock
}

// docBlock is a paragraph, or a list where Items is set.
type docBlock struct {
	Text  string
	Items []string
}

// docSections are the sections of each page, in order; their texts are
// page.<page>.<section>.title and .text.
var docSections = map[string][]string{
	"docs":    {"start", "file", "target", "columns", "values", "check", "import", "limits", "webhook", "rights"},
	"about":   {"what", "promises", "version"},
	"terms":   {"parties", "use", "data", "duties", "warranty", "registration", "ending", "changes"},
	"privacy": {"who", "what", "why", "where", "how_long", "removal", "rights"},
	"support": {"help", "report", "security", "logs"},
}

func (s *Server) publicPage(name string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderCacheControl, "public, max-age=300")
		c.Vary(fiber.HeaderAcceptLanguage)
		return s.showDoc(c, name)
	}
}

func (s *Server) framedPage(name string) func(*fiber.Ctx, visit) error {
	return func(c *fiber.Ctx, _ visit) error { return s.showDoc(c, name) }
}

func (s *Server) showDoc(c *fiber.Ctx, name string) error {
	t := s.text(c)
	d := docData{Name: name}
	limit := t.Text("page.rows_unlimited")
	if s.freeRows > 0 {
		limit = t.Text("page.rows_limited", "n", s.freeRows)
	}
	args := []any{
		"limit", limit, "size", t.Bytes(s.maxUpload), "keep", s.keepDays, "log", s.logDays,
		"version", s.version, "app", s.manifest.Version, "terms", s.manifest.Legal.Version, "date", s.manifest.Legal.Day(),
		"host", strings.TrimPrefix(strings.TrimPrefix(s.publicURL, "https://"), "http://"),
	}
	d.Lead = t.Text("page."+name+".lead", args...)
	for _, id := range docSections[name] {
		key := "page." + name + "." + id
		if s.omitted(name, id) {
			continue
		}
		d.Sections = append(d.Sections, docSection{
			ID: id, Title: t.Text(key + ".title"), Blocks: blocks(t.Text(key+".text", args...)),
		})
	}
	return s.render(c, "doc", t.Text("page."+name+".title"), d)
}

// omitted leaves out what is not so with the operator's settings.
func (s *Server) omitted(page, section string) bool {
	return page == "docs" && section == "webhook" && !s.fallback
}

// blocks cuts a text into paragraphs and lists: one line each, items begin
// with "- ".
func blocks(text string) []docBlock {
	var all []docBlock
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		item, isItem := strings.CutPrefix(line, "- ")
		switch {
		case line == "":
		case isItem && len(all) > 0 && all[len(all)-1].Items != nil:
			all[len(all)-1].Items = append(all[len(all)-1].Items, item)
		case isItem:
			all = append(all, docBlock{Items: []string{item}})
		default:
			all = append(all, docBlock{Text: line})
		}
	}
	return all
}
