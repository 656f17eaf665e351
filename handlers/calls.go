package handlers

import (
	"bytes"
	"mime"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
)

// restCalls sends the log of an import's REST calls as a file, to
// administrators of the portal: Bitrix24's support asks for it. There is no
// value of anybody's file in it.
func (s *Server) restCalls(c *fiber.Ctx, v visit) error {
	t, a, id := s.text(c), v.actor(), c.Params("id")
	imp, err := s.importer.Import(c.UserContext(), a, id)
	if err != nil {
		return err
	}
	calls, err := s.importer.Calls(c.UserContext(), a, id)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := importer.WriteCalls(&file, calls); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	c.Set(fiber.HeaderContentDisposition, mime.FormatMediaType("attachment",
		map[string]string{"filename": failedName(t.Text("import.calls_file"), imp.FileName)}))
	return c.Send(file.Bytes())
}
