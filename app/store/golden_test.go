package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/store"
)

// releases are the steps of the schema whose databases are kept: every
// release but the present one is opened by it.
var releases = []string{"0001", "0002"}

// goldenKey seals the golden databases.
var goldenKey = bytes.Repeat([]byte("golden databases"), 2)

// The databases of every release, kept as they were, open in this one with
// everything in them. Those of the newest release are made by
//
//	go test ./app/store -run Golden -update
func TestGoldenDatabases(t *testing.T) {
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			each(t, func(t *testing.T, d database) {
				d.key = goldenKey
				file := filepath.Join("testdata", "release-"+release+"."+d.kind+".sql")
				if _, err := os.Stat(file); *update && errors.Is(err, os.ErrNotExist) {
					secrets(t, d.open(t))
					dump(t, d, file)
					return
				}
				restore(t, d, file)
				d.checkGolden(t, release)
			})
		})
	}
}

func (d database) checkGolden(t *testing.T, release string) {
	t.Helper()
	s, ctx := d.open(t), t.Context()
	counts := importer.Counts{Failed: 1}
	if release > "0001" { // which kept no more than that
		counts.Updated = 1
		checkSecrets(t, s, "i1")
	}
	if got := must(s.Portal(ctx, "p1")); got.AppToken != "Secret-AppToken" || got.Keys.ClientSecret != "Secret-Client" {
		t.Errorf("portal %+v", got)
	}
	if got := must(s.Grant(ctx, "p1", 1)); got.Refresh != "Secret-Refresh" {
		t.Errorf("grant %+v", got)
	}
	if got := must(s.Webhook(ctx, "p1", "hook")); !strings.Contains(got.URL, "Secret-Hook") {
		t.Errorf("webhook %+v", got)
	}
	if got := must(s.Upload(ctx, "p1", "u1")); got.Inspection.Preview[0].Cells[0] != cell {
		t.Errorf("upload %+v", got)
	}
	if got := must(s.Import(ctx, "p1", "i1")); got.Counts != counts || got.Mapping.Constants["f"] != cell {
		t.Errorf("import %+v", got)
	}
	if got := must(s.Entries(ctx, "i1", 0, 0)); len(got) != counts.Sum() || got[0].Key != cell || got[0].Problem == nil {
		t.Errorf("entries %+v", got)
	}
	if got := must(s.Lookups(ctx, "i1", "user", []string{cell})); len(got[cell]) != 1 {
		t.Errorf("look-ups %v", got)
	}
	if got := must(s.Epoch(ctx, "run:p1")); got != 1 {
		t.Errorf("epoch %d", got)
	}
	i := newImport(t, s, "p1", importer.Running) // and new rows fit in
	if _, err := s.Import(ctx, "p1", i.ID); err != nil {
		t.Error(err)
	}
}

// kept is what a release reads from its own database.
type kept struct {
	Uploads []importer.Upload
	Imports []importer.Import
	Entries map[string][]importer.Entry
	Lookups map[string][]string
	// What the second release has brought.
	Edits    map[string][]importer.Edit `json:",omitempty"`
	Mappings []importer.SavedMapping    `json:",omitempty"`
	Answers  []importer.Answer          `json:",omitempty"`
}

// What a release has written, imports in every state, rows in every state,
// uploads in every state, reads back as it read then, and what came later is
// not there.
//
// The databases are made by the code of that release (-update, where there is
// none yet), and the JSON beside them is what it read from them.
func TestDataOfReleasesSurvives(t *testing.T) {
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			each(t, func(t *testing.T, d database) {
				d.key = goldenKey
				name := filepath.Join("testdata", "release-"+release+"-states")
				file := name + "." + d.kind + ".sql"
				if _, err := os.Stat(file); *update && errors.Is(err, os.ErrNotExist) {
					fill(t, d.open(t))
					dump(t, d, file)
					read(t, d.open(t)).write(t, name+".json")
					return
				}
				restore(t, d, file)
				var want kept
				check(t, json.Unmarshal(must(os.ReadFile(name+".json")), &want))
				if len(want.Uploads) != 5 || len(want.Imports) != 9 {
					t.Fatalf("%d uploads, %d imports", len(want.Uploads), len(want.Imports))
				}
				s := d.open(t)
				if diff := cmp.Diff(want, read(t, s), asKept); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				works(t, s)
			})
		})
	}
}

// states are all states of an upload and of an import.
var (
	uploadStates = []importer.UploadState{importer.Receiving, importer.Received, importer.Reading, importer.Ready, importer.Refused}
	importStates = []importer.State{
		importer.Draft, importer.Checking, importer.Checked, importer.Running, importer.Paused, importer.Waiting,
		importer.Stopped, importer.Done, importer.Undone,
	}
)

// fill writes everything that a portal keeps, in every state, with every
// field set.
func fill(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	_, err := s.UpdatePortal(ctx, "p1", func(*portal.Portal) error { return nil })
	check(t, err)
	var n int64
	for _, state := range uploadStates {
		var u importer.Upload
		fields(reflect.ValueOf(&u).Elem(), &n)
		u.ID, u.Portal, u.State = "upload-"+string(state), "p1", state
		check(t, s.CreateUpload(ctx, u))
	}
	f := acquire(t, s, "run:p1", "h")
	for k, state := range importStates {
		var i importer.Import
		fields(reflect.ValueOf(&i).Elem(), &n)
		i.ID, i.Portal, i.State = "import-"+string(state), "p1", state
		i.Created = time.Date(2026, 11, 1+k, 0, 0, 0, 0, time.UTC)
		i.Undoing, i.Undo = state == importer.Waiting, importer.UndoCounts{}
		i.Target.Mode = importer.UpdateAndAdd
		check(t, s.CreateImport(ctx, i))
		rows(t, s, f, i, &n)
		check(t, s.SaveLookups(ctx, i.ID, []importer.Lookup{{Kind: "user", Key: "Имя", IDs: []string{"1", "2"}}}))
		check(t, s.SaveEdits(ctx, i.ID, []importer.Edit{{Index: 1, Column: 2, Text: cell}, {Index: 4, Column: 0}}))
	}
	for k, name := range []string{"", cell} {
		var m importer.SavedMapping
		fields(reflect.ValueOf(&m).Elem(), &n)
		m.ID, m.Portal, m.EntityTypeID, m.Name = fmt.Sprint("m", k), "p1", 128, name
		check(t, s.SaveMapping(ctx, m))
	}
	check(t, s.SaveAnswers(ctx, "p1", 128, []importer.Answer{
		{Field: "f", Value: cell, Action: importer.UseValue, With: cell}, {Field: "f", Action: importer.SkipRows},
	}))
}

// rows writes a row in every state, and of an import that was taken back one
// with every result.
func rows(t *testing.T, s *store.Store, f importer.Fence, i importer.Import, n *int64) {
	t.Helper()
	var entries, undone []importer.Entry
	add := func(state importer.EntryState) {
		var e importer.Entry
		fields(reflect.ValueOf(&e).Elem(), n)
		e.Index, e.Row, e.State = len(entries), len(entries)+2, state
		e.Before = map[string]json.RawMessage{"title": json.RawMessage(`"` + cell + `"`)}
		e.Undo, e.UndoProblem = importer.NotUndone, nil
		entries = append(entries, e)
	}
	for _, state := range entryStates {
		add(state)
	}
	if i.State == importer.Undone {
		for _, undo := range undoStates {
			add(importer.EntryCreated)
			e := entries[len(entries)-1]
			if e.Undo = undo; undo == importer.Kept || undo == importer.Impossible {
				e.UndoProblem = &importer.Problem{Code: "x", Args: map[string]string{"value": cell}}
			}
			undone = append(undone, e)
		}
	}
	_, err := s.Write(t.Context(), f, i.ID, entries, nil)
	check(t, err)
	if len(undone) > 0 {
		_, err = s.WriteUndo(t.Context(), f, i.ID, undone, nil)
		check(t, err)
	}
}

// read reads everything that fill writes.
func read(t *testing.T, s *store.Store) kept {
	t.Helper()
	ctx := t.Context()
	k := kept{Entries: map[string][]importer.Entry{}, Lookups: map[string][]string{}, Edits: map[string][]importer.Edit{}}
	for _, state := range uploadStates {
		k.Uploads = append(k.Uploads, must(s.Upload(ctx, "p1", "upload-"+string(state))))
	}
	k.Imports = must(s.Imports(ctx, "p1", 0))
	slices.Reverse(k.Imports) // the history is newest first
	for _, i := range k.Imports {
		if diff := cmp.Diff(i, must(s.Import(ctx, "p1", i.ID)), asKept); diff != "" {
			t.Errorf("import %s, in the history and alone:\n%s", i.ID, diff)
		}
		k.Entries[i.ID] = must(s.Entries(ctx, i.ID, 0, 0))
		k.Lookups[i.ID] = must(s.Lookups(ctx, i.ID, "user", []string{"Имя"}))["Имя"]
		if edits := must(s.Edits(ctx, i.ID, 0, 100)); len(edits) > 0 {
			k.Edits[i.ID] = edits
		}
	}
	k.Mappings = must(s.Mappings(ctx, "p1", 128))
	k.Answers = must(s.Answers(ctx, "p1", 128))
	if len(k.Edits)+len(k.Mappings)+len(k.Answers) == 0 { // as of the first release
		k.Edits, k.Mappings, k.Answers = nil, nil, nil
	}
	return k
}

func (k kept) write(t *testing.T, file string) {
	t.Helper()
	var out bytes.Buffer
	check(t, json.Indent(&out, must(json.Marshal(k)), "", " "))
	check(t, os.WriteFile(file, out.Bytes(), 0o644))
}

// works goes on with what was restored: it is run on, corrected, taken back.
func works(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, id := t.Context(), "import-"+string(importer.Done)
	check(t, s.ReleaseHolder(ctx, "h"))
	f := acquire(t, s, "run:p1", "h2")
	written := must(s.UndoEntries(ctx, id, 0, 0))
	if len(written) != 2 || f.Epoch != 2 {
		t.Fatalf("%d entries to take back in epoch %d", len(written), f.Epoch)
	}
	for n := range written {
		written[n].Undo = importer.TakenBack
	}
	i, err := s.WriteUndo(ctx, f, id, written, nil)
	if err != nil || i.Undo.TakenBack != 2 {
		t.Errorf("taking back: %+v, %v", i.Undo, err)
	}
	if diff := cmp.Diff(written, must(s.UndoEntries(ctx, id, 0, 0, importer.TakenBack)), asKept); diff != "" {
		t.Errorf("taken back (-want +got)\n%s", diff)
	}
	writtenSecrets(t, s, f, newImport(t, s, "p1", importer.Running).ID)
}

// dump writes a database to a file of SQL.
func dump(t *testing.T, d database, file string) {
	t.Helper()
	command := exec.Command("sqlite3", d.path, ".dump")
	if d.kind == "postgres" {
		command = exec.Command("pg_dump", "--inserts", "--no-owner", "--no-privileges", d.path)
	}
	out, err := command.Output()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", command.Path, err))
	}
	if d.kind == "postgres" {
		out = regexp.MustCompile(`(?m)^(SET|SELECT pg_catalog|\\|--).*\n`).ReplaceAll(out, nil)
		out = regexp.MustCompile(`\n{2,}`).ReplaceAll(out, []byte("\n"))
	}
	check(t, os.WriteFile(file, out, 0o644))
}

func restore(t *testing.T, d database, file string) {
	t.Helper()
	script, err := os.ReadFile(file)
	check(t, err)
	d.exec(t, string(script))
}
