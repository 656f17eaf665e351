package handlers

import (
	"errors"
	"mime/multipart"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
)

// archiveData is the page beside step 3 for the ZIP with the files that
// cells name.
type archiveData struct {
	chrome
	Import  importer.Import
	Archive importer.ArchiveView
	// Has: there is an archive.
	Has       bool
	MaxUpload int64
}

// archivePage shows the archive of a draft and takes another one.
func (s *Server) archivePage(c *fiber.Ctx, v visit) error {
	imp, err := s.importer.Import(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	if !open(imp) {
		return s.showImport(c, v, imp)
	}
	return s.showArchive(c, v, imp, nil)
}

func (s *Server) showArchive(c *fiber.Ctx, v visit, imp importer.Import, failures []failure) error {
	t := s.text(c)
	d := archiveData{chrome: stepper(t, 3, imp), Import: imp, MaxUpload: s.maxUpload}
	d.Lead = t.Text("archive.lead")
	d.Scripts = []string{"upload.js"}
	d.Words = words(t, "client.uploading", "client.resuming", "client.reading", "client.cut", "client.too_large", "client.one_file", "client.ended")
	d.Failures = failures
	var err error
	if d.Archive, d.Has, err = s.importer.Archive(c.UserContext(), v.actor(), imp.ID); err != nil {
		refused, e := told(t, err, "file")
		if e != nil {
			return e
		}
		d.Failures = append(d.Failures, refused...)
	}
	return s.render(c, "archive", t.Text("archive.title"), d)
}

// createArchive begins the resumable upload of an archive.
func (s *Server) createArchive(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	size, err := strconv.ParseInt(form.Get("size"), 10, 64)
	if err != nil || size < 0 {
		return fiber.NewError(fiber.StatusBadRequest, "size is not a number")
	}
	u, err := s.importer.CreateArchive(c.UserContext(), v.actor(), c.Params("id"), form.Get("name"), size)
	if err != nil {
		return s.refuseUpload(c, err)
	}
	return answerUpload(c, fiber.StatusCreated, u)
}

// takeArchive gives the draft an archive that has arrived.
func (s *Server) takeArchive(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	return s.archiveArrived(c, v, c.Params("id"), form.Get("upload"))
}

func (s *Server) archiveArrived(c *fiber.Ctx, v visit, id, upload string) error {
	imp, err := s.importer.TakeArchive(c.UserContext(), v.actor(), id, upload)
	if err != nil {
		return s.refuseArchive(c, v, err)
	}
	return s.showArchive(c, v, imp, nil)
}

// refuseArchive shows the page again with the reason.
func (s *Server) refuseArchive(c *fiber.Ctx, v visit, err error) error {
	failures, err := told(s.text(c), err, "file")
	if err != nil {
		return err
	}
	imp, err := s.importer.Import(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	if !open(imp) {
		return s.showImport(c, v, imp)
	}
	c.Status(fiber.StatusUnprocessableEntity)
	return s.showArchive(c, v, imp, failures)
}

// dropArchive takes the archive away.
func (s *Server) dropArchive(c *fiber.Ctx, v visit) error {
	imp, err := s.importer.DropArchive(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return s.refuseArchive(c, v, err)
	}
	return s.showArchive(c, v, imp, nil)
}

// plainArchive takes an archive from a browser without scripts, as
// plainUpload takes a table.
func (s *Server) plainArchive(c *fiber.Ctx) error {
	return s.withParts(c, func(v visit, parts *multipart.Reader, declared int64) error {
		if declared > s.maxUpload+formOverhead {
			return s.refuseArchive(c, v, importer.Refuse("file_too_large",
				"size", strconv.FormatInt(declared, 10), "max", strconv.FormatInt(s.maxUpload, 10)))
		}
		file, err := parts.NextPart()
		if err != nil || file.FormName() != "file" {
			return fiber.NewError(fiber.StatusBadRequest, "the form holds no file")
		}
		if file.FileName() == "" {
			return s.refuseArchive(c, v, importer.Refuse("no_file"))
		}
		ctx, a, id := c.UserContext(), v.actor(), c.Params("id")
		u, err := s.importer.CreateArchive(ctx, a, id, file.FileName(), -1)
		if err == nil {
			u, err = s.fillUpload(c, v, u, file)
		}
		if err != nil {
			return s.refuseArchive(c, v, err)
		}
		err = s.archiveArrived(c, v, id, u.ID)
		if u.State == importer.Refused {
			return errors.Join(err, s.importer.DropUpload(ctx, a, u.ID))
		}
		return err
	})
}
