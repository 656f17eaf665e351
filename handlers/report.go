package handlers

import (
	"io"
	"mime"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
)

// failedRows sends the rows that were not imported as a file: their original
// columns, the row number and the reason.
func (s *Server) failedRows(c *fiber.Ctx, v visit) error {
	t, a, id := s.text(c), v.actor(), c.Params("id")
	imp, err := s.importer.Import(c.UserContext(), a, id)
	if err != nil {
		return err
	}
	// Whether this person may have the rows is found out while a page can
	// still say so.
	if _, err := s.importer.Outcomes(c.UserContext(), a, id, 0, 1); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	c.Set(fiber.HeaderContentDisposition, mime.FormatMediaType("attachment",
		map[string]string{"filename": failedName(t.Text("import.failed_file"), imp.FileName)}))
	say := func(p importer.Problem) string { return t.Problem(p.Code, p.Args) }
	// A pipe, so that an error in the middle breaks the connection: a file
	// that is cut off must not look whole.
	r, w := io.Pipe()
	go func() {
		err := s.importer.WriteFailed(s.base, a, id, t.Text("import.column_row"), t.Text("import.column_why"), say, w)
		if err != nil {
			s.log.Warn("writing the file of failed rows", "import", id, "err", err)
		}
		w.CloseWithError(err) // always nil
	}()
	c.Context().SetBodyStream(r, -1)
	return nil
}

// failedName is the name of the file: the original's without its ending.
func failedName(suffix, name string) string {
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		name = name[:i]
	}
	return name + " - " + suffix + ".csv"
}
