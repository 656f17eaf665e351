package handlers_test

import "testing"

// TestRefusedRowKeepsWhatWasTyped: corrections of a row that are not taken
// come back in their fields, with the reason.
func TestRefusedRowKeepsWhatWasTyped(t *testing.T) {
	w := newWizard(t, clerk)
	id := w.checked("Title\tContract number\nChairs\tC-1\nDesks\tC-2\n")
	row := "/imports/" + id + "/row"
	w.press(row, "index", "1").assertHas(t, "\nDesks</textarea>")
	p := w.press(row+"/save", "index", "1", "text.0", "Desks for <everybody>", "was.0", "Desks", "text.99", "of no column", "was.99", "")
	if p.status != 422 {
		t.Error(p.status)
	}
	p.assertHas(t, "\nDesks for &lt;everybody&gt;</textarea>", `name="was.0" value="Desks"`, `id="summary"`)
	w.press(row, "index", "1").assertHas(t, "\nDesks</textarea>") // nothing of it was taken
	w.press(row+"/save", "index", "1", "text.0", "Desks for <everybody>", "was.0", "Desks")
	w.work()
	w.press(row, "index", "1").assertHas(t, "\nDesks for &lt;everybody&gt;</textarea>")
}
