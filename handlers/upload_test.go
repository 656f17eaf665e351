package handlers_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/spa-importer/spa-importer/handlers"
)

// answer is what scripts are told about an upload.
type answer struct {
	ID     string
	Offset int64
	Slice  int
	Done   bool
	Error  string
}

func (w *wizard) create(name string, size int) (page, answer) {
	w.t.Helper()
	p := w.send(http.MethodPost, "/uploads", url.Values{"name": {name}, "size": {strconv.Itoa(size)}}, "X-App-Session", w.token)
	return p, read(w.t, p)
}

func read(t *testing.T, p page) answer {
	t.Helper()
	var a answer
	if err := json.Unmarshal([]byte(p.body), &a); err != nil {
		t.Fatalf("%v: %v", err, p)
	}
	return a
}

// patch sends a slice.
func (w *wizard) patch(id, offset, body string, headers ...string) page {
	w.t.Helper()
	req := httptest.NewRequest(http.MethodPatch, "/uploads/"+id, strings.NewReader(body))
	req.Header.Set("X-App-Session", w.token)
	req.Header.Set("Upload-Offset", offset)
	req.Header.Set("Content-Type", "application/offset+octet-stream")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return w.do(req)
}

const table = "Title;Amount\nChairs;100\nDesks;200\n"

func TestUploadInSlices(t *testing.T) {
	w := newWizard(t, clerk)
	p, u := w.create("../../clients.csv", len(table))
	if p.status != 201 || u.ID == "" || u.Offset != 0 || u.Slice != 8<<20 || u.Done {
		t.Fatal(p)
	}
	if p := w.patch(u.ID, "0", table[:10]); p.status != 200 || read(t, p).Offset != 10 || read(t, p).Done {
		t.Error(p)
	}
	head := w.send(http.MethodHead, "/uploads/"+u.ID, nil, "X-App-Session", w.token)
	if head.header.Get("Upload-Offset") != "10" || head.header.Get("Upload-Length") != strconv.Itoa(len(table)) {
		t.Error(head.header)
	}
	// The same slice again, as after a lost answer.
	if p := w.patch(u.ID, "0", table[:10]); p.status != 409 || read(t, p).Offset != 10 {
		t.Error(p)
	}
	if p := w.patch(u.ID, "10", table[10:]); p.status != 200 || !read(t, p).Done {
		t.Error(p)
	}
	if p := w.patch(u.ID, strconv.Itoa(len(table)), "more"); p.status != 409 || !read(t, p).Done {
		t.Errorf("after the end: %v", p)
	}
	w.press("/files/"+u.ID).assertHas(t, "clients.csv", "2 rows", "semicolon", "Chairs")
}

func TestUploadLimits(t *testing.T) {
	w := newWizard(t, clerk)
	if p, u := w.create("big.csv", 256<<20+1); p.status != 413 || !strings.Contains(u.Error, "up to 256 MB can be imported") {
		t.Error(p)
	}
	if p, u := w.create("empty.csv", 0); p.status != 422 || !strings.Contains(u.Error, "is empty") {
		t.Error(p)
	}
	for _, size := range []string{"", "-1", "many", "99999999999999999999"} {
		p := w.send(http.MethodPost, "/uploads", url.Values{"name": {"a"}, "size": {size}}, "X-App-Session", w.token)
		if p.status != 400 {
			t.Errorf("size %q: %v", size, p)
		}
	}
	_, u := w.create("a.csv", len(table))
	for _, offset := range []string{"", "-1", "x"} {
		if p := w.patch(u.ID, offset, table); p.status != 400 {
			t.Errorf("offset %q: %v", offset, p)
		}
	}
	if p := w.patch(u.ID, "0", strings.Repeat("x", 8<<20+1)); p.status != 413 {
		t.Errorf("a slice that is too large: %d", p.status)
	}
	if p := w.patch("aaaaaaaaaaaaaaaa", "0", table); p.status != 404 {
		t.Errorf("an unknown upload: %v", p)
	}
	mine := w.token
	w.token = w.session(boss)
	if p := w.patch(u.ID, "0", table); p.status != 404 {
		t.Errorf("another person's upload: %v", p)
	}
	w.token = "invented"
	if p := w.patch(u.ID, "0", table); p.status != 401 {
		t.Errorf("without a session: %v", p)
	}
	w.token = mine
	if p := w.patch(u.ID, "0", table+"and more than was said"); p.status != 413 {
		t.Errorf("more than declared: %v", p)
	}
}

// TestUploadSurvivesCutConnections cuts the connection in the middle of a
// slice, several times: what arrived stays, and the upload goes on from it.
func TestUploadSurvivesCutConnections(t *testing.T) {
	w := newWizard(t, clerk)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go func() {
		if err := w.server.Serve(l); err != nil {
			t.Log(err)
		}
	}()
	var file strings.Builder
	file.WriteString("Title;Amount\n")
	for i := range 60_000 {
		fmt.Fprintf(&file, "Row number %d;%d\n", i, i)
	}
	body := file.String()
	_, u := w.create("rows.csv", len(body))
	offset := 0
	for cut := range 5 {
		part := body[offset:]
		conn, err := net.Dial("tcp", l.Addr().String())
		must(t, err)
		fmt.Fprintf(conn, "PATCH /uploads/%s HTTP/1.1\r\nHost: x\r\nX-App-Session: %s\r\nUpload-Offset: %d\r\nContent-Length: %d\r\n\r\n%s",
			u.ID, w.token, offset, len(part), part[:100_000+cut])
		must(t, conn.(*net.TCPConn).CloseWrite())
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			if res.StatusCode < 400 {
				t.Errorf("a slice that was cut off is answered %s", res.Status)
			}
			res.Body.Close()
		}
		conn.Close()
		head := w.send(http.MethodHead, "/uploads/"+u.ID, nil, "X-App-Session", w.token)
		have, err := strconv.Atoi(head.header.Get("Upload-Offset"))
		must(t, err)
		if have < offset || have > offset+100_000+cut {
			t.Fatalf("after cut %d: %d bytes, %d before", cut, have, offset)
		}
		offset = have
	}
	if offset == 0 {
		t.Error("nothing of what arrived was kept")
	}
	if p := w.patch(u.ID, strconv.Itoa(offset), body[offset:]); !read(t, p).Done {
		t.Fatal(p)
	}
	w.press("/files/"+u.ID).assertHas(t, "60,000 rows", "Row number 0")
}

// plain is the form of a browser without scripts.
func plain(t *testing.T, token, name, content string) (*bytes.Buffer, string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	if token != "" {
		must(t, m.WriteField("_s", token))
	}
	f, err := m.CreateFormFile("file", name)
	must(t, err)
	_, err = io.WriteString(f, content)
	must(t, err)
	must(t, m.Close())
	return &b, m.FormDataContentType()
}

func TestPlainUpload(t *testing.T) {
	w := newWizard(t, clerk)
	post := func(token, name, content string) page {
		body, kind := plain(t, token, name, content)
		req := httptest.NewRequest(http.MethodPost, "/files", body)
		req.Header.Set("Content-Type", kind)
		return w.do(req)
	}
	p := post(w.token, "clients.csv", table)
	if p.status != 200 {
		t.Fatal(p)
	}
	p.assertHas(t, "clients.csv", "2 rows", "Choose where to import")
	for name, c := range map[string]struct {
		page   page
		status int
		text   string
	}{
		"no session":    {post("", "a.csv", table), 400, ""},
		"wrong session": {post("invented", "a.csv", table), 401, "The session is over"},
		"no file":       {post(w.token, "", ""), 422, "No file was chosen"},
		"empty":         {post(w.token, "a.csv", ""), 422, "is empty"},
		"headers only":  {post(w.token, "a.csv", "Title;Name\n"), 422, "no rows under them"},
		"a picture":     {post(w.token, "a.csv", "\x89PNG\r\n\x1a\n\x00\x00"), 422, "This is not a table"},
	} {
		if c.page.status != c.status {
			t.Errorf("%s: %d, want %d", name, c.page.status, c.status)
		}
		c.page.assertHas(t, c.text)
	}
	req := httptest.NewRequest(http.MethodPost, "/files", strings.NewReader("x"))
	req.Header.Set("Content-Type", "text/plain")
	if p := w.do(req); p.status != 415 {
		t.Errorf("not a form: %d", p.status)
	}
}

// TestPlainUploadIsJudgedBeforeItIsRead declares more than is allowed.
// plainUpload sends a file as a browser without scripts does.
func (w *wizard) plainUpload(t *testing.T, name, content string) page {
	t.Helper()
	body, kind := plain(t, w.token, name, content)
	req := httptest.NewRequest(http.MethodPost, "/files", body)
	req.Header.Set("Content-Type", kind)
	return w.do(req)
}

// A text that cannot be read as it was taken is not lost: the person says how
// to read it, and what does not work leaves the question where it was.
func TestRefusedTextCanBeCorrected(t *testing.T) {
	w := newWizard(t, clerk)
	p := w.plainUpload(t, "a.csv", "a,b\n1,\"2\n3,4\n")
	if p.status != 422 || strings.Contains(p.body, "/next") {
		t.Fatalf("%d:\n%s", p.status, p.body)
	}
	p.assertHas(t, "A quotation mark opened in line 2 of the file is never closed", `id="correct"`, `name="quote"`)
	file := w.id(p, regexp.MustCompile(`/files/([a-z2-7]{16})/reading`))
	p = w.press("/files/"+file+"/reading", "delimiter", ",", "encoding", "utf-8", "quote", "backslash")
	p.assertHas(t, "never closed", `id="correct"`)
	if p := w.press("/files/" + file + "/next"); strings.Contains(p.body, "Where should the rows go") {
		t.Error("a file that cannot be read goes on")
	}
	p = w.press("/files/"+file+"/reading", "delimiter", ",", "encoding", "utf-8", "quote", "none")
	p.assertHas(t, "2 rows", "The column names are in row 1", "/next")
}

// notedBook is a workbook with all that notes give a choice about.
func notedBook(t *testing.T) string {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	must(t, f.SetSheetRow("Sheet1", "A1", &[]any{"Group", "Name", "Site"}))
	must(t, f.SetSheetRow("Sheet1", "A2", &[]any{"North", "Anna", "Homepage"}))
	must(t, f.SetSheetRow("Sheet1", "A3", &[]any{nil, "Oleg", "Page"}))
	must(t, f.SetSheetRow("Sheet1", "A4", &[]any{"South", "Vera", "-"}))
	must(t, f.MergeCell("Sheet1", "A2", "A3"))
	must(t, f.SetRowVisible("Sheet1", 4, false))
	must(t, f.SetCellHyperLink("Sheet1", "C2", "https://example.org/anna", "External"))
	var b bytes.Buffer
	must(t, f.Write(&b))
	return b.String()
}

// Beside a note stands what can be done about it.
func TestNotesCarryTheirChoice(t *testing.T) {
	w := newWizard(t, clerk)
	p := w.plainUpload(t, "book.xlsx", notedBook(t))
	p.assertHas(t, "1 merged area (A2:A3)", "Repeat the values in all their cells", "1 hidden row is included (row 4)", "Leave out hidden rows", "Add a column with the addresses", "3 rows")
	file := w.id(p, fileID)
	p = w.press("/files/"+file+"/reading", "sheet", "Sheet1", "fill_merged", "1", "skip_hidden", "1", "links", "1")
	p.assertHas(t, "Leave the other cells empty", "1 hidden row is left out", "Include hidden rows", "Read the texts alone", "2 rows", "Site (URL)", "https://example.org/anna")
	if strings.Count(p.body, ">North<") < 4 { // in the preview and among the first rows
		t.Errorf("the merged cell is not repeated:\n%s", p.body)
	}
}

func TestPlainUploadIsJudgedBeforeItIsRead(t *testing.T) {
	w := &wizard{t: t}
	w.site = installed(t, func(o *handlers.Options) { o.MaxUpload = 1 << 10 })
	w.token = w.session(clerk)
	body, kind := plain(t, w.token, "big.csv", strings.Repeat("a;b\n", 100_000))
	req := httptest.NewRequest(http.MethodPost, "/files", body)
	req.Header.Set("Content-Type", kind)
	p := w.do(req)
	if p.status != 422 {
		t.Error(p.status)
	}
	p.assertHas(t, "up to 1 KB can be imported", `href="#file"`)
}
