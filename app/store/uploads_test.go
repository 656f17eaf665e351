package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/sheet"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/vault"
)

// asKept leaves out what a struct has for itself alone and is not kept.
var asKept = cmpopts.IgnoreUnexported(sheet.Template{})

func fullUpload() importer.Upload {
	return importer.Upload{
		ID: vault.NewID(), Portal: "p1", User: 7, Name: "клиенты.csv", Size: 300, Received: 200,
		State: importer.Ready,
		Inspection: &sheet.Inspection{
			Columns: []sheet.Column{{Index: 1, Name: "Имя"}},
			Preview: []sheet.Row{{Number: 2, Cells: []string{"a\x00b", ""}}},
			Notes:   []sheet.Note{{Code: "ragged", Args: map[string]string{"row": "3"}}},
		},
		Table: &sheet.Table{Rows: 3, Bytes: 99}, Done: 5,
		Problem: &importer.Problem{Code: "c", Args: map[string]string{"k": "v"}},
		Hash:    "h", Revision: 2, Key: vault.NewDataKey(), Created: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC),
	}
}

func TestUploadRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		for name, u := range map[string]importer.Upload{
			"full":  fullUpload(),
			"empty": {ID: vault.NewID(), Portal: "p1"},
		} {
			if err := s.CreateUpload(ctx, u); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := s.CreateUpload(ctx, u); !errors.Is(err, store.ErrExists) {
				t.Errorf("%s: second create: %v, want ErrExists", name, err)
			}
			got, err := s.Upload(ctx, "p1", u.ID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(u, got, asKept); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", name, diff)
			}
			if portal, err := s.UploadPortal(ctx, u.ID); err != nil || portal != "p1" {
				t.Errorf("%s: UploadPortal = %q, %v", name, portal, err)
			}
		}
	})
}

// fields sets every exported field of a struct to something that is not zero,
// so that a field which the store forgets is found.
func fields(v reflect.Value, n *int64) {
	*n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(*n, 5).UTC()))
		return
	case v.Type() == reflect.TypeFor[[]byte]():
		v.SetBytes([]byte{byte(*n), 1})
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fields(v.Field(i), n)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fields(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fields(v.Index(0), n)
		fields(v.Index(1), n)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fields(key, n)
		fields(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("s" + string(rune('a'+*n%26)) + "é")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64, reflect.Float32:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		v.SetUint(uint64(*n) % 200)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(*n % 100)
	}
}

// filled is a T whose every field is set.
func filled[T any]() T {
	var v T
	var n int64
	fields(reflect.ValueOf(&v).Elem(), &n)
	return v
}

func TestUploadForgetsNoField(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, u := d.open(t), filled[importer.Upload]()
		u.ID, u.Portal = vault.NewID(), "p1"
		if err := s.CreateUpload(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(u, must(s.Upload(t.Context(), "p1", u.ID)), asKept); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		// Every field can be changed, too, and emptied.
		for _, want := range []importer.Upload{{}, u} {
			want.ID, want.Portal = u.ID, "p1"
			if _, err := s.UpdateUpload(t.Context(), "p1", u.ID, func(u *importer.Upload) error {
				*u = want
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, must(s.Upload(t.Context(), "p1", u.ID)), asKept); diff != "" {
				t.Errorf("after a change: (-want +got)\n%s", diff)
			}
		}
	})
}

func TestUploadOfAnotherPortalIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, u, ctx := d.open(t), fullUpload(), t.Context()
		if err := s.CreateUpload(ctx, u); err != nil {
			t.Fatal(err)
		}
		never := func(*importer.Upload) error { t.Error("change was called"); return nil }
		for _, at := range [][2]string{{"p2", u.ID}, {"p1", "nothere"}, {"", u.ID}, {"p1", u.ID + "\x00"}, {"p1", "\xff"}} {
			if _, err := s.Upload(ctx, at[0], at[1]); !errors.Is(err, importer.ErrNotFound) {
				t.Errorf("Upload(%q): %v", at, err)
			}
			if _, err := s.UpdateUpload(ctx, at[0], at[1], never); !errors.Is(err, importer.ErrNotFound) {
				t.Errorf("UpdateUpload(%q): %v", at, err)
			}
			if err := s.ForgetUpload(ctx, at[0], at[1]); err != nil && strings.ToValidUTF8(strings.Trim(at[1], "\x00"), "") == at[1] {
				t.Errorf("ForgetUpload(%q): %v", at, err)
			}
		}
		if _, err := s.Upload(ctx, "p1", u.ID); err != nil {
			t.Errorf("a stranger forgot it: %v", err)
		}
		if _, err := s.UploadPortal(ctx, "nothere"); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("UploadPortal: %v", err)
		}
	})
}

func TestUpdateUpload(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, u, ctx := d.open(t), fullUpload(), t.Context()
		if err := s.CreateUpload(ctx, u); err != nil {
			t.Fatal(err)
		}
		got, err := s.UpdateUpload(ctx, "p1", u.ID, func(u *importer.Upload) error {
			u.Inspection.Preview[0].Cells[1] = "changed in place"
			u.Received, u.Problem = 300, nil
			u.ID, u.Portal = "stolen", "p2" // stays what it is
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		u.Inspection.Preview[0].Cells[1] = "changed in place"
		u.Received, u.Problem = 300, nil
		if diff := cmp.Diff(u, got, asKept); diff != "" {
			t.Errorf("returned (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(u, must(s.Upload(ctx, "p1", u.ID)), asKept); diff != "" {
			t.Errorf("kept (-want +got)\n%s", diff)
		}

		own := errors.New("own error")
		_, err = s.UpdateUpload(ctx, "p1", u.ID, func(u *importer.Upload) error {
			u.Received = 1
			return own
		})
		if err != own {
			t.Errorf("change's error came back as %v", err)
		}
		if diff := cmp.Diff(u, must(s.Upload(ctx, "p1", u.ID)), asKept); diff != "" {
			t.Errorf("after a refused change (-want +got)\n%s", diff)
		}
	})
}

func TestExpiredUploads(t *testing.T) {
	day := 24 * time.Hour
	each(t, func(t *testing.T, d database) {
		c := newClock()
		s, ctx := d.open(t, store.WithClock(c.Now)), t.Context()
		start := c.Now()
		add := func(id string, states ...importer.State) {
			t.Helper()
			if err := s.CreateUpload(ctx, importer.Upload{ID: id, Portal: "p1", Created: start}); err != nil {
				t.Fatal(err)
			}
			for _, state := range states {
				i := importer.Import{ID: id + string(state), Portal: "p1", Upload: id, State: state, Created: start}
				if state.Ended() {
					i.Finished = start.Add(5 * day)
				}
				if err := s.CreateImport(ctx, i); err != nil {
					t.Fatal(err)
				}
			}
		}
		add("bare")
		add("draft", importer.Draft)
		add("checked", importer.Checked)
		add("done", importer.Done)
		add("stopped-undone", importer.Stopped, importer.Undone)
		add("running", importer.Running, importer.Done)
		add("checking", importer.Checking)
		add("paused", importer.Paused)
		add("waiting", importer.Waiting)
		c.Advance(3 * day)
		add("later")
		d.exec(t, `UPDATE uploads SET created = created + 259200000000000 WHERE id = 'later'`)
		if _, err := s.UpdateImport(ctx, "p1", "checked"+string(importer.Checked), func(i *importer.Import) error {
			i.Revision++ // somebody is at it
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			before time.Time
			want   []string
		}{
			{start, nil},
			{start.Add(day), []string{"bare", "draft"}},
			{start.Add(4 * day), []string{"bare", "checked", "draft", "later"}},
			{start.Add(6 * day), []string{"bare", "checked", "done", "draft", "stopped-undone", "later"}},
		} {
			var got []string
			for _, u := range must(s.ExpiredUploads(ctx, tt.before)) {
				got = append(got, u.ID)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("before day %v (-want +got)\n%s", tt.before.Sub(start)/day, diff)
			}
		}
	})
}

// An archive expires when the imports whose files it holds have.
func TestExpiredArchives(t *testing.T) {
	day := 24 * time.Hour
	each(t, func(t *testing.T, d database) {
		c := newClock()
		s, ctx := d.open(t, store.WithClock(c.Now)), t.Context()
		start := c.Now()
		check(t, s.CreateUpload(ctx, importer.Upload{ID: "unused", Portal: "p1", Archive: true, Created: start}))
		for _, state := range []importer.State{
			importer.Draft, importer.Checking, importer.Checked, importer.Running, importer.Paused, importer.Waiting,
			importer.Stopped, importer.Done, importer.Undone,
		} {
			id := string(state)
			check(t, s.CreateUpload(ctx, importer.Upload{ID: id, Portal: "p1", Archive: true, Created: start}))
			i := importer.Import{ID: "of " + id, Portal: "p1", Upload: "table of " + id, Archive: id, State: state, Created: start}
			if state.Ended() {
				i.Finished = start.Add(5 * day)
			}
			check(t, s.CreateImport(ctx, i))
		}
		// A second import has taken over the archive of the stopped one.
		check(t, s.CreateImport(ctx, importer.Import{ID: "again", Portal: "p1", Archive: "stopped", State: importer.Waiting, Created: start}))
		for _, tt := range []struct {
			before time.Time
			want   []string
		}{
			{start, nil},
			{start.Add(day), []string{"checked", "draft", "unused"}},
			{start.Add(5 * day), []string{"checked", "draft", "unused"}},
			{start.Add(6 * day), []string{"checked", "done", "draft", "undone", "unused"}},
		} {
			var got []string
			for _, u := range must(s.ExpiredUploads(ctx, tt.before)) {
				got = append(got, u.ID)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("before day %v (-want +got)\n%s", tt.before.Sub(start)/day, diff)
			}
		}
	})
}

// Forgetting an archive takes nothing from the imports but the archive.
func TestForgetArchive(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		check(t, s.CreateUpload(ctx, importer.Upload{ID: "zip", Portal: "p1", Archive: true, Key: vault.NewDataKey()}))
		i := importer.Import{ID: "i", Portal: "p1", Upload: "u", Archive: "zip", State: importer.Running, Key: vault.NewDataKey()}
		check(t, s.CreateImport(ctx, i))
		draft := importer.Import{ID: "draft", Portal: "p1", Upload: "u2", Archive: "zip", State: importer.Draft, Key: vault.NewDataKey()}
		check(t, s.CreateImport(ctx, draft))
		f := acquire(t, s, "run:p1", "h")
		i, err := s.Write(ctx, f, i.ID, []importer.Entry{{State: importer.EntryCreated, Key: "k"}}, nil)
		check(t, err)
		check(t, s.SaveEdits(ctx, i.ID, []importer.Edit{{Text: "t"}}))
		for _, state := range []importer.State{importer.Running, importer.Paused, importer.Waiting, importer.Done} {
			i.State = state
			check(t, second(s.UpdateImport(ctx, "p1", i.ID, func(i *importer.Import) error {
				i.State = state
				return nil
			})))
			if err := s.ForgetUpload(ctx, "p1", "zip"); (err == nil) != (state == importer.Done) {
				t.Errorf("%s: ForgetUpload: %v", state, err)
			}
		}
		if _, err := s.Upload(ctx, "p1", "zip"); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("archive: %v", err)
		}
		for _, want := range []importer.Import{i, draft} {
			if diff := cmp.Diff(want, must(s.Import(ctx, "p1", want.ID))); diff != "" {
				t.Errorf("import (-want +got)\n%s", diff)
			}
		}
		if n := len(must(s.Entries(ctx, i.ID, 0, 0))) + len(must(s.Edits(ctx, i.ID, 0, 9))); n != 2 {
			t.Errorf("%d of the entry and the edit are left", n)
		}
	})
}

// TestForgetALongJournal: it goes in portions, between which others write, and
// nothing of it is left.
func TestForgetALongJournal(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		s.SetPortion(10)
		i := newImport(t, s, "p1", importer.Done)
		entries := make([]importer.Entry, 95)
		lookups := make([]importer.Lookup, 35)
		for n := range entries {
			entries[n] = importer.Entry{Index: n, Row: n + 2, State: importer.EntryCreated, ItemID: int64(n + 1)}
		}
		for n := range lookups {
			lookups[n] = importer.Lookup{Kind: "user", Key: fmt.Sprint(n)}
		}
		must(s.Write(ctx, acquire(t, s, "run:p1", "h"), i.ID, entries, nil))
		if err := s.SaveLookups(ctx, i.ID, lookups); err != nil {
			t.Fatal(err)
		}
		left := func() (entries, lookups int) {
			const query = "SELECT (SELECT COUNT(*) FROM entries), (SELECT COUNT(*) FROM lookups)"
			if err := d.raw(t).QueryRowContext(ctx, query).Scan(&entries, &lookups); err != nil {
				t.Fatal(err)
			}
			return entries, lookups
		}
		more, err := s.ForgetRows(ctx, i.ID)
		if entries, lookups := left(); err != nil || !more || entries != 85 || lookups != 25 {
			t.Errorf("after a portion %d entries and %d look-ups are left, more %v, %v", entries, lookups, more, err)
		}
		err = s.ForgetUpload(ctx, "p1", i.Upload)
		if entries, lookups := left(); err != nil || entries+lookups != 0 {
			t.Errorf("%d entries and %d look-ups are left, %v", entries, lookups, err)
		}
		if got := must(s.Import(ctx, "p1", i.ID)); got.Key != nil || got.Counts.Created != 95 {
			t.Errorf("history line = key %x, %+v", got.Key, got.Counts)
		}
	})
}

func TestForgetUpload(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, u, ctx := d.open(t), fullUpload(), t.Context()
		if err := s.CreateUpload(ctx, u); err != nil {
			t.Fatal(err)
		}
		make := func(id string, state importer.State) importer.Import {
			t.Helper()
			i := importer.Import{ID: id, Portal: "p1", Upload: u.ID, State: state, FileName: "f.csv", Key: u.Key}
			if err := s.CreateImport(ctx, i); err != nil {
				t.Fatal(err)
			}
			return i
		}
		done, other := make("done", importer.Done), newImport(t, s, "p1", importer.Done)
		make("draft", importer.Draft)
		make("running", importer.Running)
		f := acquire(t, s, "run:p1", "h")
		for _, id := range []string{done.ID, other.ID} {
			if _, err := s.Write(ctx, f, id, []importer.Entry{{State: importer.EntryCreated, ItemID: 4, Access: "1/2"}}, nil); err != nil {
				t.Fatal(err)
			}
			if err := s.SaveEdits(ctx, id, []importer.Edit{{Text: "corrected"}}); err != nil {
				t.Fatal(err)
			}
			if err := s.SaveLookups(ctx, id, []importer.Lookup{{Kind: "user", Key: "a"}}); err != nil {
				t.Fatal(err)
			}
		}

		if err := s.ForgetUpload(ctx, "p1", u.ID); err == nil {
			t.Error("forgot an upload whose import runs")
		}
		if got := must(s.Import(ctx, "p1", done.ID)); got.Key == nil {
			t.Error("a refused ForgetUpload deleted a key")
		}
		for _, state := range []importer.State{importer.Waiting, importer.Paused, importer.Stopped} {
			if _, err := s.UpdateImport(ctx, "p1", "running", func(i *importer.Import) error {
				i.State = state
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if err := s.ForgetUpload(ctx, "p1", u.ID); (err == nil) != (state == importer.Stopped) {
				t.Errorf("%s: ForgetUpload: %v", state, err)
			}
		}
		if err := s.ForgetUpload(ctx, "p1", u.ID); err != nil {
			t.Errorf("second ForgetUpload: %v", err)
		}

		if _, err := s.Upload(ctx, "p1", u.ID); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("upload: %v", err)
		}
		if _, err := s.Import(ctx, "p1", "draft"); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("draft: %v", err)
		}
		line := must(s.Import(ctx, "p1", done.ID))
		if line.Key != nil || line.Counts.Created != 1 || line.FileName != "f.csv" {
			t.Errorf("history line = key %x, created %d, file %q", line.Key, line.Counts.Created, line.FileName)
		}
		if got, err := s.Entries(ctx, done.ID, 0, 0); err != nil || len(got) != 0 {
			t.Errorf("entries: %v, %v", got, err)
		}
		if _, err := s.Lookups(ctx, done.ID, "user", []string{"a"}); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("look-ups: %v", err)
		}
		if err := s.SaveLookups(ctx, done.ID, []importer.Lookup{{Kind: "user", Key: "b"}}); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("saving look-ups: %v", err)
		}
		if got := must(s.UndoEntries(ctx, done.ID, 0, 0)); len(got) != 0 {
			t.Errorf("entries to take back: %v", got)
		}
		if _, err := s.WriteUndo(ctx, f, done.ID, nil, nil); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("taking back: %v", err)
		}
		if n := len(must(s.Edits(ctx, done.ID, 0, 9))) + must(s.CountEdits(ctx, done.ID)); n != 0 {
			t.Errorf("edits: %d", n)
		}
		if err := s.SaveEdits(ctx, done.ID, []importer.Edit{{}}); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("saving edits: %v", err)
		}
		if _, err := s.Write(ctx, f, done.ID, nil, nil); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("write: %v", err)
		}
		// The other import has lost nothing.
		if got := must(s.Edits(ctx, other.ID, 0, 9)); len(got) != 1 {
			t.Errorf("the other import's edits: %v", got)
		}
		if got := must(s.Entries(ctx, other.ID, 0, 0)); len(got) != 1 {
			t.Errorf("the other import's entries: %v", got)
		}
		if got := must(s.Lookups(ctx, other.ID, "user", []string{"a"})); len(got) != 1 {
			t.Errorf("the other import's look-ups: %v", got)
		}
	})
}
