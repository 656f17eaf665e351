package handlers_test

import (
	"context"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/handlers"
)

// hasty does all the work there is between two looks of one page.
type hasty struct {
	handlers.Importer
	work func()
}

func (h *hasty) Progress(ctx context.Context, a importer.Actor, id string) (importer.Progress, error) {
	h.work()
	return h.Importer.Progress(ctx, a, id)
}

// closed lets nobody be looked for.
type closed struct {
	handlers.Importer
	shut bool
}

func (c *closed) People(ctx context.Context, a importer.Actor, query string) ([]importer.Person, error) {
	if c.shut {
		return nil, importer.Refuse("nobody_found", "name", query)
	}
	return c.Importer.People(ctx, a, query)
}

// TestTargetStaysWhenNobodyCanBeLookedFor: a portal that refuses the search
// for a person costs nothing of what was chosen in step 2.
func TestTargetStaysWhenNobodyCanBeLookedFor(t *testing.T) {
	shut, w := &closed{}, &wizard{t: t}
	w.site = installed(t, func(o *handlers.Options) {
		shut.Importer = o.Importer
		o.Importer = shut
	})
	w.token = w.session(boss)
	p := w.press("/files/paste", "rows", "Title\tContract no.\nChairs\tC-1\n")
	p = w.press("/files/" + w.id(p, fileID) + "/next")
	id := w.id(p, importID)
	shut.shut = true
	p = w.press("/imports/"+id+"/target/save", "type", "177", "shown", "177", "mode", "upsert", "who.responsible", "Petrova")
	if p.status != 422 {
		t.Fatal(p)
	}
	p.assertHas(t, "Petrova", `name="mode" value="upsert" checked`, `href="#who-responsible"`)
}

// TestWorkThatEndsWhileAPageIsMade: a page that waits shows the phase it
// waits for, or its script would see no change and wait for ever; a page of
// an import shows the end.
func TestWorkThatEndsWhileAPageIsMade(t *testing.T) {
	w := &wizard{t: t}
	w.site = installed(t, func(o *handlers.Options) {
		w.imports, _ = o.Importer.(*importer.Service)
		o.Importer = &hasty{o.Importer, func() { w.work() }}
	})
	w.token = w.session(boss)
	p := w.press("/files/paste", "rows", "Title\tContract no.\nChairs\tC-1\n")
	p = w.press("/files/" + w.id(p, fileID) + "/next")
	id := w.id(p, importID)
	p = w.press("/imports/"+id+"/target/save", "type", "177", "shown", "177", "responsible", "1")
	p.assertHas(t, `data-phase="reading"`)
	p = w.press("/imports/" + id)
	p = w.press("/imports/"+id+"/columns/save", append(mappedForm(p, "field.1", w.option(p, "Contract number")), "do", "check")...)
	p.assertHas(t, `data-phase="checking"`)
	p = w.press("/imports/" + id + "/start")
	p.assertHas(t, "The row was imported", "data-ended", "Import another file")
	if strings.Contains(p.body, "import.title_") {
		t.Error("the title is no sentence")
	}
}
