package handlers

import (
	"context"
	"io"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
)

// fieldRepeat names in the forms of step 1 the import whose target and
// mapping the next file takes over.
const fieldRepeat = "repeat"

// Repeat is the import that the file chosen on this page repeats; empty:
// none.
func (p Page) Repeat() string {
	if p.View == "file" || p.View == "reading" {
		return p.repeat
	}
	return ""
}

// try is a trial as the receipt offers it.
//
//nolint:revive // the order is that of a method of Importer, which it stands beside
func try(i Importer, ctx context.Context, a importer.Actor, id string) (importer.Import, error) {
	return i.Try(ctx, a, id, trialRows)
}

// retry takes up the rows that failed and checks them, so that they come up
// in the table where they can be corrected.
//
//nolint:revive // the order is that of a method of Importer, which it stands beside
func retry(i Importer, ctx context.Context, a importer.Actor, id string) (importer.Import, error) {
	draft, err := i.RetryFailed(ctx, a, id)
	if err != nil || draft.State != importer.Draft {
		return draft, err
	}
	checked, err := i.Check(ctx, a, draft.ID)
	if _, told := refusal(err); told {
		return draft, nil // the page of the columns says what is missing
	}
	return checked, err
}

// repeat is step 1 for another file with the settings of an import.
func (s *Server) repeat(c *fiber.Ctx, v visit) error {
	imp, err := s.importer.Import(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	c.Locals(keyRepeat, imp)
	return s.fileStep(c, v)
}

// repeatPart takes the import that a file repeats from a multipart form.
func (s *Server) repeatPart(c *fiber.Ctx, v visit, part io.Reader) error {
	id, err := io.ReadAll(io.LimitReader(part, 64))
	if err != nil {
		return fiber.NewError(fiber.StatusBadRequest, "the form was cut off")
	}
	imp, err := s.importer.Import(c.UserContext(), v.actor(), string(id))
	if err != nil {
		return err
	}
	c.Locals(keyRepeat, imp)
	return nil
}

// repeated is the id of the import that a form of step 1 repeats.
func (s *Server) repeated(c *fiber.Ctx) string {
	if imp, ok := c.Locals(keyRepeat).(importer.Import); ok {
		return imp.ID
	}
	if form, err := s.form(c); err == nil && !isMultipart(c) {
		return form.Get(fieldRepeat)
	}
	return ""
}

// begin makes the draft of a file: a new one, or one that repeats an import.
func (s *Server) begin(c *fiber.Ctx, v visit, upload string) (importer.Import, error) {
	if id := s.repeated(c); id != "" {
		return s.importer.Repeat(c.UserContext(), v.actor(), id, upload)
	}
	return s.importer.Begin(c.UserContext(), v.actor(), upload)
}
