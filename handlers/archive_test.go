package handlers_test

import (
	"archive/zip"
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// zipped is a ZIP of one file.
func zipped(t *testing.T, name string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create(name)
	must(t, err)
	_, err = f.Write([]byte("content"))
	must(t, err)
	must(t, z.Close())
	return b.String()
}

// zip sends a ZIP as a browser without scripts does.
func (w *wizard) zip(t *testing.T, id, content string) page {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	must(t, form.WriteField("_s", w.token))
	part, err := form.CreateFormFile("file", "files.zip")
	must(t, err)
	_, err = part.Write([]byte(content))
	must(t, err)
	must(t, form.Close())
	r := httptest.NewRequest(http.MethodPost, "/imports/"+id+"/archive/file", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return w.do(r)
}

// TestArchivePage: the ZIP comes with and without scripts, is shown, can be
// removed, and what is no ZIP is refused with a sentence.
func TestArchivePage(t *testing.T) {
	w := newWizard(t, boss)
	p := w.press("/files/paste", "rows", "Title\tScan\nA\ta.pdf\n")
	p = w.press("/files/" + w.id(p, fileID) + "/next")
	id := w.id(p, importID)
	if p = w.press("/imports/" + id + "/archive"); p.status != 200 || !strings.Contains(p.body, `data-take="/imports/`+id+`/archive/take"`) {
		t.Fatalf("the page: %v", p)
	}
	plain := func(content string) (int, string) {
		answer := w.zip(t, id, content)
		return answer.status, answer.body
	}
	if status, body := plain(zipped(t, "deep/a.pdf")); status != 200 || !strings.Contains(body, "files.zip") || !strings.Contains(body, "1 file") {
		t.Errorf("without scripts: %d %.300s", status, body)
	}
	if status, body := plain("no archive"); status != 422 || !strings.Contains(body, "not a ZIP") {
		t.Errorf("what is no ZIP: %d %.300s", status, body)
	}
	if p = w.press("/imports/" + id + "/archive"); !strings.Contains(p.body, "files.zip") {
		t.Error("a refused ZIP took the place of the good one")
	}
	if p = w.press("/imports/" + id + "/archive/drop"); p.status != 200 || strings.Contains(p.body, "files.zip") {
		t.Errorf("after removing: %v", p)
	}
	// From step 3 one comes here where a column goes to files, and what was
	// chosen there is kept.
	const scanField = "UF_CRM_7_1747309718"
	w.work()
	w.press("/imports/"+id+"/target/save", "type", strconv.Itoa(emulator.DemoContracts))
	p = w.press("/imports/"+id+"/columns/save", "count", "2", "field.0", "title", "field.1", "", "do", "refresh")
	if strings.Contains(p.body, `value="archive"`) {
		t.Error("step 3 offers files where no column goes to them")
	}
	p = w.press("/imports/"+id+"/columns/save", "count", "2", "field.0", "title", "field.1", scanField, "do", "refresh")
	if !strings.Contains(p.body, `value="archive"`) {
		t.Error("step 3 has no way to the files")
	}
	p = w.press("/imports/"+id+"/columns/save", "count", "2", "field.0", "title", "field.1", scanField, "do", "archive")
	if !strings.Contains(p.body, `data-take="/imports/`+id+`/archive/take"`) {
		t.Errorf("from step 3: %v", p)
	}
	if p = w.press("/imports/" + id + "/columns"); !strings.Contains(p.body, `<option value="`+scanField+`" selected`) {
		t.Error("step 3 has forgotten the field")
	}
	if p = w.press("/imports/"+id+"/archive/uploads", "name", "x.zip", "size", "9"); p.status != 201 {
		t.Errorf("with scripts: %v", p)
	}
	if p = w.press("/imports/"+id+"/archive/take", "upload", "aaaaaaaaaaaaaaaa"); p.status != 404 {
		t.Errorf("somebody else's upload: %v", p)
	}
}
