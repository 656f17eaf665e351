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
	say := func(p importer.Problem) string { return t.Problem(p.Code, p.Args) }
	return s.download(c, failedName(t.Text("import.failed_file"), imp.FileName), func(w io.Writer) error {
		return s.importer.WriteFailed(s.base, a, id, t.Text("import.column_row"), t.Text("import.column_why"), say, w)
	})
}

// keptRows sends the items that were not taken back as a file.
func (s *Server) keptRows(c *fiber.Ctx, v visit) error {
	t, a, id := s.text(c), v.actor(), c.Params("id")
	imp, err := s.importer.Import(c.UserContext(), a, id)
	if err != nil {
		return err
	}
	if _, err := s.importer.UndoOutcomes(c.UserContext(), a, id, 0, 1); err != nil {
		return err
	}
	titles := importer.KeptTitles{Row: t.Text("import.column_row"), Item: t.Text("import.column_item"), Why: t.Text("import.column_why")}
	say := func(p importer.Problem) string { return t.Problem(p.Code, p.Args) }
	return s.download(c, failedName(t.Text("import.kept_file"), imp.FileName), func(w io.Writer) error {
		return s.importer.WriteKept(s.base, a, id, titles, say, w)
	})
}

// download sends a CSV file as it is written.
func (s *Server) download(c *fiber.Ctx, name string, write func(io.Writer) error) error {
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	c.Set(fiber.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	id := c.Params("id")
	// A pipe, so that an error in the middle breaks the connection: a file
	// that is cut off must not look whole.
	r, w := io.Pipe()
	go func() {
		err := s.whole(func() error { return write(w) })
		if err != nil {
			s.log.Warn("writing a file of rows", "import", id, "err", err)
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
