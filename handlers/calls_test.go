package handlers_test

import (
	"encoding/csv"
	"strings"
	"testing"
)

// callsOf checks the log of REST calls of the import of TestFourSteps: it is
// the administrator's, names what was called and holds no cell and no token.
func (w *wizard) callsOf(id string) {
	w.t.Helper()
	w.press("/imports/"+id).assertHas(w.t, "REST log for support", `formaction="/imports/`+id+`/calls"`)
	p := w.press("/imports/" + id + "/calls")
	name := p.header.Get("Content-Disposition")
	if p.status != 200 || !strings.Contains(name, "Pasted rows - REST calls.csv") || p.header.Get("Content-Type") != "text/csv; charset=utf-8" {
		w.t.Fatalf("%d %q %q", p.status, name, p.header.Get("Content-Type"))
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(p.body, "\ufeff"))).ReadAll()
	must(w.t, err)
	want := "started,method,commands,seconds,status,code,bytes_sent,bytes_received,operating"
	if len(rows) == 0 || strings.Join(rows[0], ",") != want {
		w.t.Fatalf("the file begins with %v", rows)
	}
	methods := map[string]int{}
	for _, r := range rows[1:] {
		methods[r[1]]++
	}
	if methods["crm.item.batchImport"] == 0 || methods["crm.item.fields"] == 0 {
		w.t.Errorf("methods = %v", methods)
	}
	for _, cell := range []string{"Chairs", "Desks", "C-2", "auth"} {
		if strings.Contains(p.body, cell) {
			w.t.Errorf("%q is in the log of REST calls", cell)
		}
	}
}

// A colleague who sees the import in the history does not get its log.
func TestCallsAreTheAdministrators(t *testing.T) {
	w := newWizard(t, clerk)
	id := w.id(w.press("/files/"+w.id(w.press("/files/paste", "rows", "Title\nOne\n"), fileID)+"/next"), importID)
	if p := w.press("/imports/" + id + "/calls"); p.status != 404 {
		t.Errorf("an employee's own import: %v", p)
	}
}
