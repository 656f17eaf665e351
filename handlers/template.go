package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
	"github.com/spa-importer/spa-importer/app/template"
	"github.com/spa-importer/spa-importer/bitrix"
)

// xlsxType is the media type of a workbook.
const xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// templatesData is the page on which the smart process of a template is
// chosen.
type templatesData struct {
	chrome
	Groups []typeGroup
	// Trouble says why nothing can be chosen now.
	Trouble string
}

// templates lists the smart processes that there can be a template of.
func (s *Server) templates(c *fiber.Ctx, v visit) error { return s.showTemplates(c, v, nil) }

func (s *Server) showTemplates(c *fiber.Ctx, v visit, failures []failure) error {
	t := s.text(c)
	d := templatesData{}
	d.Lead, d.Failures = t.Text("template.page_lead"), failures
	types, err := s.importer.Types(c.UserContext(), v.actor())
	var called *bitrix.Error
	if problem, ok := refusal(err); ok {
		d.Trouble = t.Problem(problem.Code, problem.Args)
	} else if errors.As(err, &called) {
		d.Trouble = describe(t, err).text
	} else if err != nil {
		return err
	}
	d.Groups = grouped(types)
	return s.render(c, "templates", t.Text("template.page_title"), d)
}

// templateFile sends the template of one smart process: "type" in the form.
func (s *Server) templateFile(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	t := s.text(c)
	refuse := func(err error) error {
		failures, err := told(t, err, "types")
		if err != nil {
			return err
		}
		c.Status(fiber.StatusUnprocessableEntity)
		return s.showTemplates(c, v, failures)
	}
	id, err := strconv.ParseInt(form.Get("type"), 10, 64)
	if err != nil || id <= 0 {
		return refuse(importer.Refuse("no_template_type"))
	}
	schema, err := s.importer.Schema(c.UserContext(), v.actor(), id)
	if err != nil {
		return refuse(err)
	}
	var file bytes.Buffer
	if err := template.Write(&file, bookOf(v, schema), templateWords(t)); err != nil {
		return fmt.Errorf("template of %d: %w", id, err)
	}
	c.Set(fiber.HeaderContentType, xlsxType)
	c.Set(fiber.HeaderContentDisposition, mime.FormatMediaType("attachment",
		map[string]string{"filename": template.FileName(schema.Type.Title)}))
	return c.Send(file.Bytes())
}

func bookOf(v visit, schema importer.Schema) template.Book {
	return template.Book{
		Title: schema.Type.Title, EntityTypeID: schema.Type.EntityTypeID, Portal: importer.PortalMark(v.Session.Portal),
		Targets: schema.Targets(), Context: schema.Context,
	}
}

// templateWords are the texts of the area "template".
func templateWords(t locale.Catalogue) template.Words {
	return func(key string, args ...any) string { return t.Text("template."+key, args...) }
}
