package importer_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// web answers requests for files by their address, in process.
type web struct {
	mu      sync.Mutex
	answers map[string]http.HandlerFunc
	asked   int
}

func (w *web) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asked++
	answer := w.answers[r.URL.String()]
	w.mu.Unlock()
	if answer == nil {
		answer = http.NotFound
	}
	rec := httptest.NewRecorder()
	answer(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response := rec.Result()
	response.Request = r
	return response, nil
}

func (w *web) serve(address, content string) {
	w.answers[address] = func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, content) }
}

// filed is a portal whose smart process takes files.
func filed() emulator.Profile {
	p := profile()
	p.Types[0].Fields = append(p.Types[0].Fields,
		emulator.Field{Name: "UF_CRM_7_FILE", Type: "file", Title: "Scan", Settings: map[string]any{"MAX_ALLOWED_SIZE": 100}},
		emulator.Field{Name: "UF_CRM_7_FILES", Type: "file", Title: "Attachments", Multiple: true, Settings: map[string]any{"EXTENSIONS": map[string]any{"pdf": true, "txt": true}}})
	return p
}

var filedFields = []string{"title", "UF_CRM_7_FILE", "UF_CRM_7_FILES"}

func zipOf(t testing.TB, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		f, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(f, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// archive gives a draft a ZIP, in two slices.
func (b *bench) archive(imp, content string) (importer.Upload, error) {
	b.t.Helper()
	u, err := b.svc.CreateArchive(b.ctx(), b.actor, imp, "files.zip", int64(len(content)))
	b.must(err)
	half := len(content) / 2
	_, err = b.svc.Append(b.ctx(), b.actor, u.ID, 0, strings.NewReader(content[:half]))
	b.must(err)
	u, err = b.svc.Append(b.ctx(), b.actor, u.ID, int64(half), strings.NewReader(content[half:]))
	b.must(err)
	_, err = b.svc.TakeArchive(b.ctx(), b.actor, imp, u.ID)
	return u, err
}

// recheck checks a draft again.
func (b *bench) recheck(imp string) importer.Import {
	b.t.Helper()
	_, err := b.svc.Check(b.ctx(), b.actor, imp)
	b.must(err)
	b.must(b.pump(b.svc))
	return b.reload(imp)
}

// stored is what a file field holds: name and content of each file.
func stored(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	type file struct {
		Name    string
		Content []byte
	}
	var one file
	var many []file
	if json.Unmarshal(raw, &many) != nil {
		if json.Unmarshal(raw, &one) != nil || one.Name == "" {
			return string(raw)
		}
		many = []file{one}
	}
	var out []string
	for _, f := range many {
		out = append(out, f.Name+"="+string(f.Content))
	}
	return strings.Join(out, " ")
}

// findings are the codes of the check with the cells they are about.
func (b *bench) findings(imp string) []string {
	b.t.Helper()
	result, err := b.svc.CheckResult(b.ctx(), b.actor, imp)
	b.must(err)
	var all []string
	for _, f := range result.Findings {
		all = append(all, f.Problem.Code+" "+f.Value+" "+f.Closest)
	}
	slices.Sort(all)
	return all
}

// TestFilesArrive: from addresses and from the ZIP, one and several, beside
// rows that cannot have theirs: those fail before anything of them is sent.
func TestFilesArrive(t *testing.T) {
	bubble(t, filed(), func(t *testing.T, b *bench) {
		b.web.serve("https://files.example/a.pdf", "content of a")
		b.web.serve("https://files.example/b.txt?key=1", "content of b")
		b.web.serve("https://files.example/long.txt", strings.Repeat("x", 101))
		b.web.answers["https://files.example/get"] = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Disposition", "attachment; filename=setup.exe")
			fmt.Fprint(w, "MZ")
		}
		imp := b.mapped("Title;Scan;Attachments\n"+
			"plain;;\n"+
			"both;https://files.example/a.pdf;SCAN.TXT|https://files.example/b.txt?key=1\n"+
			"gone;https://files.example/gone.pdf;\n"+
			"long;https://files.example/long.txt;\n"+
			"wrong kind;;https://files.example/get\n"+
			"missing;scam.txt;\n"+
			"zipped;deep/more.txt;\n"+
			"plain too;;\n", filedFields)
		// Without the ZIP its files are findings, with it one is, with what
		// was probably meant.
		if got := strings.Join(b.findings(imp.ID), "|"); strings.Count(got, "file_no_archive") != 3 {
			t.Errorf("findings without the ZIP: %s", got)
		}
		_, err := b.archive(imp.ID, zipOf(t, map[string]string{"scan.txt": "a scan", "deep/more.txt": "more", "deep/more2.txt": "x"}))
		b.must(err)
		if now := b.reload(imp.ID); now.State != importer.Draft || now.Archive == "" {
			t.Fatalf("the draft is %s with archive %q", now.State, now.Archive)
		}
		imp = b.recheck(imp.ID)
		if got := b.findings(imp.ID); !slices.Equal(got, []string{"file_missing scam.txt scan.txt"}) {
			t.Errorf("findings with the ZIP: %q", got)
		}
		view, has, err := b.svc.Archive(b.ctx(), b.actor, imp.ID)
		if b.must(err); !has || view.Files != 3 || view.Name != "files.zip" {
			t.Errorf("the archive is %+v", view)
		}
		if b.portal.Writes() != 0 || b.web.asked != 0 {
			t.Fatalf("the check wrote %d times and fetched %d files", b.portal.Writes(), b.web.asked)
		}
		imp = b.run(imp.ID)
		if imp.State != importer.Done || imp.Counts != (importer.Counts{Created: 4, Failed: 4}) {
			t.Fatalf("%s %+v %+v", imp.State, imp.Counts, imp.Reason)
		}
		if got := strings.Join(b.titles(), ","); got != "plain,both,zipped,plain too" {
			t.Errorf("written were %s", got)
		}
		items := b.portal.Items(spa)
		for i, want := range []string{"", "a.pdf=content of a scan.txt=a scan b.txt=content of b", "more.txt=more", ""} {
			got := strings.TrimSpace(stored(t, items[i].Fields["UF_CRM_7_FILE"]) + " " + stored(t, items[i].Fields["UF_CRM_7_FILES"]))
			if got != want {
				t.Errorf("item %d holds %q, want %q", i, got, want)
			}
		}
		outcomes, err := b.svc.Outcomes(b.ctx(), b.actor, imp.ID, 0, 100, importer.EntryFailed)
		b.must(err)
		var why []string
		for _, o := range outcomes {
			why = append(why, o.Problem.Code)
		}
		if got := strings.Join(why, " "); got != "fetch_status fetch_too_large file_came_as file_missing" {
			t.Errorf("rows failed by %s", got)
		}
		// Rows with files never travel in a batchImport.
		for _, c := range b.portal.Calls() {
			if c.Method == "crm.item.import" && c.Rows != 1 {
				t.Errorf("%+v", c)
			}
		}
	})
}

// TestFilesExactlyOnce: a lost answer to a row with files is looked up.
func TestFilesExactlyOnce(t *testing.T) {
	for name, fault := range map[string]emulator.Fault{
		"executed": {Kind: emulator.DropAfter}, "not executed": {Kind: emulator.DropBefore}, "refused": {Kind: emulator.Refuse503},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, filed(), func(t *testing.T, b *bench) {
				b.web.serve("https://files.example/a.pdf", "content of a")
				imp := b.mapped("Title;Scan;Attachments\nContract 0;https://files.example/a.pdf;\nContract 1;https://files.example/a.pdf;\nContract 2;;\n", filedFields)
				fault.Method = "crm.item.import"
				b.portal.Fault(fault)
				imp = b.run(imp.ID)
				if imp.State != importer.Done || imp.Counts.Created != 3 {
					t.Fatalf("%s %+v %+v", imp.State, imp.Counts, imp.Reason)
				}
				b.exactly(3, true)
				for _, item := range b.portal.Items(spa)[:2] {
					if got := stored(t, item.Fields["UF_CRM_7_FILE"]); got != "a.pdf=content of a" {
						t.Errorf("an item holds %s", got)
					}
				}
			})
		})
	}
}

// TestArchives: what is no ZIP is refused with a sentence, another one takes
// the place of the first, and what nobody needs is deleted.
func TestArchives(t *testing.T) {
	bubble(t, filed(), func(t *testing.T, b *bench) {
		imp := b.mapped("Title;Scan\nA;a.txt\n", filedFields[:2])
		u, err := b.archive(imp.ID, "Title;Scan\nno ZIP\n")
		var refused *importer.Refusal
		if !errors.As(err, &refused) || refused.Problem.Code != "archive_damaged" || u.State != importer.Refused {
			t.Errorf("a text as ZIP: %v", err)
		}
		first, err := b.archive(imp.ID, zipOf(t, map[string]string{"b.txt": "b"}))
		b.must(err)
		second, err := b.archive(imp.ID, zipOf(t, map[string]string{"a.txt": "a"}))
		b.must(err)
		if _, err := b.svc.Upload(b.ctx(), b.actor, first.ID); err == nil {
			t.Error("the first archive is still there")
		}
		if imp = b.recheck(imp.ID); imp.Plan.Created != 1 {
			t.Errorf("%+v %q", imp.Plan, b.findings(imp.ID))
		}
		// It is no table, and no other person's.
		if _, err := b.svc.Begin(b.ctx(), b.actor, second.ID); err == nil {
			t.Error("an import began with a ZIP of files")
		}
		other := b.actor
		other.User = 7
		if _, err := b.svc.TakeArchive(b.ctx(), other, imp.ID, second.ID); err == nil {
			t.Error("somebody else's archive was taken")
		}
		if _, err := b.svc.TakeArchive(b.ctx(), b.actor, imp.ID, imp.Upload); err == nil {
			t.Error("a table was taken for an archive")
		}
		if imp, err = b.svc.DropArchive(b.ctx(), b.actor, imp.ID); err != nil || imp.Archive != "" {
			t.Errorf("after dropping: %q %v", imp.Archive, err)
		}
		if _, err := b.svc.Upload(b.ctx(), b.actor, second.ID); err == nil {
			t.Error("the second archive is still there")
		}
		third, err := b.archive(imp.ID, zipOf(t, map[string]string{"a.txt": "a"}))
		b.must(err)
		b.must(b.svc.DropUpload(b.ctx(), b.actor, imp.Upload))
		if _, err := b.svc.Upload(b.ctx(), b.actor, third.ID); err == nil {
			t.Error("the archive outlived its table")
		}
	})
}
