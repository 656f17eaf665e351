package handlers

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/importer"
)

// Slices of an upload: scripts send this much at a time, so that a cut
// connection costs no more than one slice and none outlasts the time-out.
const (
	uploadSlice  = 8 << 20
	offsetHeader = "Upload-Offset"
	lengthHeader = "Upload-Length"
	// formOverhead is what a multipart form may add around its file.
	formOverhead = 64 << 10
	maxPasted    = 3 << 20
	// drained is how much more than the largest file is read and thrown
	// away where a form is refused.
	drained = 1 << 30
)

// uploadAnswer is what scripts are told about an upload.
type uploadAnswer struct {
	ID     string `json:"id"`
	Offset int64  `json:"offset"`
	Slice  int    `json:"slice"`
	// Done: every byte is there and the file was looked at.
	Done bool `json:"done"`
	// Error is a sentence for the person; empty: none.
	Error string `json:"error,omitempty"`
}

func answerUpload(c *fiber.Ctx, status int, u importer.Upload) error {
	c.Set(offsetHeader, strconv.FormatInt(u.Received, 10))
	return c.Status(status).JSON(uploadAnswer{
		ID: u.ID, Offset: u.Received, Slice: uploadSlice, Done: u.State != importer.Receiving,
	})
}

// refuseUpload tells a script what a person must be told; other errors are
// returned.
func (s *Server) refuseUpload(c *fiber.Ctx, err error) error {
	problem, ok := refusal(err)
	if !ok {
		return err
	}
	status := fiber.StatusUnprocessableEntity
	if problem.Code == "file_too_large" {
		status = fiber.StatusRequestEntityTooLarge
	}
	return c.Status(status).JSON(uploadAnswer{Error: s.text(c).Problem(problem.Code, problem.Args)})
}

// createUpload begins a resumable upload: name and size in, id out.
func (s *Server) createUpload(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	size, err := strconv.ParseInt(form.Get("size"), 10, 64)
	if err != nil || size < 0 {
		return fiber.NewError(fiber.StatusBadRequest, "size is not a number")
	}
	u, err := s.importer.CreateUpload(c.UserContext(), v.actor(), form.Get("name"), size)
	if err != nil {
		return s.refuseUpload(c, err)
	}
	return answerUpload(c, fiber.StatusCreated, u)
}

// uploadOffset answers HEAD with how many bytes have arrived.
func (s *Server) uploadOffset(c *fiber.Ctx, v visit) error {
	u, err := s.importer.Upload(c.UserContext(), v.actor(), c.Params("id"))
	if err != nil {
		return err
	}
	c.Set(offsetHeader, strconv.FormatInt(u.Received, 10))
	c.Set(lengthHeader, strconv.FormatInt(u.Size, 10))
	return c.SendStatus(fiber.StatusOK)
}

// appendUpload takes one slice. What arrives is kept even if the connection
// ends in the middle; the next slice goes on from there.
func (s *Server) appendUpload(c *fiber.Ctx, v visit) error {
	offset, err := strconv.ParseInt(c.Get(offsetHeader), 10, 64)
	if err != nil || offset < 0 {
		return fiber.NewError(fiber.StatusBadRequest, "Upload-Offset is not a number")
	}
	declared := int64(c.Request().Header.ContentLength())
	switch {
	case declared < 0:
		return fiber.ErrLengthRequired
	case declared > uploadSlice:
		return fiber.ErrRequestEntityTooLarge
	}
	u, err := s.importer.Append(c.UserContext(), v.actor(), c.Params("id"), offset, &whole{r: bodyOf(c), left: declared})
	var misplaced *importer.OffsetError
	switch {
	case errors.As(err, &misplaced):
		c.Set(offsetHeader, strconv.FormatInt(misplaced.Have, 10))
		return c.Status(fiber.StatusConflict).JSON(uploadAnswer{ID: u.ID, Offset: misplaced.Have, Slice: uploadSlice, Done: u.ID != "" && u.State != importer.Receiving})
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fiber.NewError(fiber.StatusBadRequest, "the slice was cut off")
	case err != nil:
		return s.refuseUpload(c, err)
	}
	return answerUpload(c, fiber.StatusOK, u)
}

// bodyOf is the body of a request as a stream.
func bodyOf(c *fiber.Ctx) io.Reader {
	if stream := c.Context().RequestBodyStream(); stream != nil {
		return stream
	}
	return strings.NewReader(string(c.Body()))
}

// whole reads a body of a declared size. A connection that is cut off ends
// in a plain EOF here; whole makes it an io.ErrUnexpectedEOF.
type whole struct {
	r    io.Reader
	left int64
}

func (w *whole) Read(p []byte) (int, error) {
	if w.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > w.left {
		p = p[:w.left]
	}
	n, err := w.r.Read(p)
	w.left -= int64(n)
	if errors.Is(err, io.EOF) && w.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// patient reads a body as long as something comes: the server's time-out is
// for the whole of a request, and a large file may take much longer. Whoever
// has no session gets no longer than the server's time-out.
type patient struct {
	r     io.Reader
	conn  net.Conn
	known bool
}

func (p *patient) Read(b []byte) (int, error) {
	if !p.known {
		return p.r.Read(b)
	}
	if err := p.conn.SetReadDeadline(time.Now().Add(readTime)); err != nil {
		return 0, fmt.Errorf("waiting for more of a body: %w", err)
	}
	return p.r.Read(b)
}

// plainUpload takes a file from a browser without scripts: a multipart form
// whose first field is the session. The size is judged before anything is
// kept, and the file is never in memory as a whole.
func (s *Server) plainUpload(c *fiber.Ctx) error {
	return s.withParts(c, func(v visit, parts *multipart.Reader, declared int64) error {
		return s.takeFile(c, v, parts, declared)
	})
}

// withParts opens a multipart form and takes the session from its first
// part; declared is the size of the form in bytes, or -1.
func (s *Server) withParts(c *fiber.Ctx, take func(v visit, parts *multipart.Reader, declared int64) error) error {
	_, params, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || params["boundary"] == "" {
		return fiber.ErrUnsupportedMediaType
	}
	waiting := &patient{r: bodyOf(c), conn: c.Context().Conn()}
	body := io.Reader(waiting)
	declared := int64(c.Request().Header.ContentLength())
	if declared >= 0 {
		body = &whole{r: body, left: declared}
	}
	// A browser looks at the answer when it has sent everything: one that is
	// cut off before shows no reason. Beyond some size it is.
	defer func() {
		_, err := io.CopyN(io.Discard, body, s.maxUpload+drained)
		if err != nil && !errors.Is(err, io.EOF) {
			c.Context().SetConnectionClose()
		}
	}()
	parts := multipart.NewReader(body, params["boundary"])
	token, err := sessionPart(parts)
	if err != nil {
		return err
	}
	v, err := s.sessionFor(c, token)
	if err != nil {
		return err
	}
	waiting.known = true
	return take(v, parts, declared)
}

// takeFile takes the file from a form.
func (s *Server) takeFile(c *fiber.Ctx, v visit, parts *multipart.Reader, declared int64) error {
	if declared > s.maxUpload+formOverhead {
		return s.refuseFile(c, v, importer.Refuse("file_too_large",
			"size", strconv.FormatInt(declared, 10), "max", strconv.FormatInt(s.maxUpload, 10)))
	}
	file, err := parts.NextPart()
	if err == nil && file.FormName() == fieldRepeat {
		if err := s.repeatPart(c, v, file); err != nil {
			return err
		}
		file, err = parts.NextPart()
	}
	if err != nil || file.FormName() != "file" {
		return fiber.NewError(fiber.StatusBadRequest, "the form holds no file")
	}
	if file.FileName() == "" {
		return s.refuseFile(c, v, importer.Refuse("no_file"))
	}
	u, err := s.keepFile(c, v, file)
	if err != nil {
		return s.refuseFile(c, v, err)
	}
	return s.showReading(c, v, u, nil, false)
}

// sessionPart reads the token, which is the first field of the form.
func sessionPart(parts *multipart.Reader) (string, error) {
	first, err := parts.NextPart()
	if err != nil || first.FormName() != SessionField {
		return "", fiber.NewError(fiber.StatusBadRequest, "the form does not begin with the session")
	}
	token, err := io.ReadAll(io.LimitReader(first, 256))
	if err != nil {
		return "", fiber.NewError(fiber.StatusBadRequest, "the form was cut off")
	}
	return string(token), nil
}

// keepFile streams a file of unknown size into an upload. One that is cut
// off is dropped: nobody would come back to go on with it.
func (s *Server) keepFile(c *fiber.Ctx, v visit, file *multipart.Part) (importer.Upload, error) {
	ctx, a := c.UserContext(), v.actor()
	u, err := s.importer.CreateUpload(ctx, a, file.FileName(), -1)
	if err != nil {
		return u, err
	}
	return s.fillUpload(c, v, u, file)
}

func (s *Server) fillUpload(c *fiber.Ctx, v visit, u importer.Upload, file *multipart.Part) (importer.Upload, error) {
	ctx, a := c.UserContext(), v.actor()
	if _, err := s.importer.Append(ctx, a, u.ID, 0, file); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) {
			return u, errors.Join(importer.Refuse("upload_incomplete"), s.importer.DropUpload(ctx, a, u.ID))
		}
		return u, err
	}
	return s.importer.FinishUpload(ctx, a, u.ID)
}

// refuseFile shows step 1 again with the reason.
func (s *Server) refuseFile(c *fiber.Ctx, v visit, err error) error {
	failures, err := told(s.text(c), err, "file")
	if err != nil {
		return err
	}
	c.Status(fiber.StatusUnprocessableEntity)
	return s.showFile(c, v, failures, "")
}

// pasteRows makes a file of rows that were copied from a spreadsheet.
func (s *Server) pasteRows(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	t, rows := s.text(c), form.Get("rows")
	refuse := func(err error) error {
		failures, err := told(t, err, "rows")
		if err != nil {
			return err
		}
		c.Status(fiber.StatusUnprocessableEntity)
		return s.showFile(c, v, failures, rows)
	}
	if strings.TrimSpace(rows) == "" {
		return refuse(importer.Refuse("no_rows_pasted"))
	}
	if len(rows) > maxPasted {
		return refuse(importer.Refuse("pasted_too_much", "max", strconv.Itoa(maxPasted)))
	}
	ctx, a := c.UserContext(), v.actor()
	u, err := s.importer.CreateUpload(ctx, a, t.Text("file.pasted_name")+".tsv", int64(len(rows)))
	if err == nil {
		u, err = s.importer.Append(ctx, a, u.ID, 0, strings.NewReader(rows))
	}
	if err != nil {
		return refuse(err)
	}
	if u.State == importer.Refused && u.Problem != nil {
		return refuse(&importer.Refusal{Problem: *u.Problem})
	}
	return s.showReading(c, v, u, nil, false)
}
