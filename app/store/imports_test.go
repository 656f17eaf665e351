package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/vault"
)

func TestImportForgetsNoField(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, i, ctx := d.open(t), filled[importer.Import](), t.Context()
		i.ID, i.Portal = vault.NewID(), "p1"
		if err := s.CreateImport(ctx, i); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateImport(ctx, i); !errors.Is(err, store.ErrExists) {
			t.Errorf("second create: %v, want ErrExists", err)
		}
		if diff := cmp.Diff(i, must(s.Import(ctx, "p1", i.ID))); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		for _, want := range []importer.Import{{}, i} {
			want.ID, want.Portal = i.ID, "p1"
			got, err := s.UpdateImport(ctx, "p1", i.ID, func(i *importer.Import) error {
				*i = want
				i.ID, i.Portal = "stolen", "p2" // stay what they are
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("returned (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(want, must(s.Import(ctx, "p1", i.ID))); diff != "" {
				t.Errorf("after a change (-want +got)\n%s", diff)
			}
		}
	})
}

func TestTextIsTheSameOnBothDatabases(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		i := importer.Import{ID: "i", Portal: "p", FileName: "a\x00b\xff.csv", UserName: "Ñandú 🙂", Until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
		if err := s.CreateImport(ctx, i); err != nil {
			t.Fatal(err)
		}
		got := must(s.Import(ctx, "p", "i"))
		if got.FileName != "a\uFFFDb\uFFFD.csv" || got.UserName != i.UserName {
			t.Errorf("FileName %q, UserName %q", got.FileName, got.UserName)
		}
		if got.Until.Year() != 2262 {
			t.Errorf("a time beyond all times became %v", got.Until)
		}
	})
}

func TestImportOfAnotherPortalIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		i := newImport(t, s, "p1", importer.Draft)
		never := func(*importer.Import) error { t.Error("change was called"); return nil }
		for _, at := range [][2]string{{"p2", i.ID}, {"p1", "nothere"}, {"", i.ID}, {"p1", i.ID + "\x00"}, {"p1", "\xff"}} {
			if _, err := s.Import(ctx, at[0], at[1]); !errors.Is(err, importer.ErrNotFound) {
				t.Errorf("Import(%q): %v", at, err)
			}
			if _, err := s.UpdateImport(ctx, at[0], at[1], never); !errors.Is(err, importer.ErrNotFound) {
				t.Errorf("UpdateImport(%q): %v", at, err)
			}
		}
		if got := must(s.Imports(ctx, "p2", 0)); len(got) != 0 {
			t.Errorf("another portal lists %v", got)
		}
		if got := must(s.UploadImports(ctx, "p2", i.Upload)); len(got) != 0 {
			t.Errorf("another portal lists %v", got)
		}
		if portal := must(s.ImportPortal(ctx, i.ID)); portal != "p1" {
			t.Errorf("ImportPortal = %q", portal)
		}
		if _, err := s.ImportPortal(ctx, "nothere"); !errors.Is(err, importer.ErrNotFound) {
			t.Errorf("ImportPortal: %v", err)
		}
	})
}

func TestUpdateImportRefused(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx, own := d.open(t), t.Context(), errors.New("own error")
		i := newImport(t, s, "p1", importer.Draft)
		_, err := s.UpdateImport(ctx, "p1", i.ID, func(i *importer.Import) error {
			i.State = importer.Running
			return own
		})
		if err != own {
			t.Errorf("change's error came back as %v", err)
		}
		if diff := cmp.Diff(i, must(s.Import(ctx, "p1", i.ID))); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestImportsAreListedNewestFirst(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx := d.open(t), t.Context()
		states := []importer.State{importer.Draft, importer.Running, importer.Done}
		for n := range 105 {
			i := importer.Import{
				ID: fmt.Sprintf("i%03d", n), Portal: "p1", Upload: fmt.Sprint("u", n%2), Hash: fmt.Sprint("h", n%2)[:2*(n%2)],
				State: states[n%3], Created: time.Unix(int64(n/2), 0),
			}
			if err := s.CreateImport(ctx, i); err != nil {
				t.Fatal(err)
			}
		}
		ids := func(all []importer.Import, err error) (ids []string) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range all {
				ids = append(ids, i.ID)
			}
			return ids
		}
		if diff := cmp.Diff([]string{"i104", "i103", "i102"}, ids(s.Imports(ctx, "p1", 3))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"i104", "i102"}, ids(s.Imports(ctx, "p1", 2, importer.Done, importer.Draft))); diff != "" {
			t.Error(diff)
		}
		if n := len(ids(s.Imports(ctx, "p1", 0))); n != 100 {
			t.Errorf("limit 0 lists %d", n)
		}
		if got := ids(s.HashImports(ctx, "p1", "h1")); len(got) != 52 || got[0] != "i103" {
			t.Errorf("HashImports = %v", got)
		}
		if got := append(ids(s.HashImports(ctx, "p1", "")), ids(s.HashImports(ctx, "p2", "h1"))...); len(got) != 0 {
			t.Errorf("HashImports of no hash, and of another portal = %v", got)
		}
		if got := ids(s.UploadImports(ctx, "p1", "u1")); len(got) != 52 || got[0] != "i103" {
			t.Errorf("UploadImports = %v", got)
		}
	})
}

func TestUpdateImportAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		one, two := d.open(t), d.open(t)
		i := newImport(t, one, "p1", importer.Running)
		var wg sync.WaitGroup
		for n := range 8 {
			s := []*store.Store{one, two}[n%2]
			wg.Go(func() {
				for range 20 {
					if _, err := s.UpdateImport(t.Context(), "p1", i.ID, func(i *importer.Import) error {
						i.Rechecked++
						return nil
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if got := must(one.Import(t.Context(), "p1", i.ID)).Rechecked; got != 160 {
			t.Errorf("160 increments made %d", got)
		}
	})
}

func TestDueLanes(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		c := newClock()
		s, ctx, now := d.open(t, store.WithClock(c.Now)), t.Context(), c.Now()
		for _, u := range []importer.Upload{
			{ID: "u1", State: importer.Reading}, {ID: "u2", State: importer.Received},
			{ID: "u3", State: importer.Receiving}, {ID: "u4", State: importer.Ready},
			{ID: "u5", State: importer.Refused}, {ID: "u6", State: importer.Reading},
		} {
			u.Portal = "p"
			if err := s.CreateUpload(ctx, u); err != nil {
				t.Fatal(err)
			}
		}
		for n, i := range []importer.Import{
			{Portal: "running", State: importer.Running},
			{Portal: "running", State: importer.Running},
			{Portal: "checking", State: importer.Checking, ID: "c1"},
			{Portal: "waited", State: importer.Waiting, Until: now},
			{Portal: "waits", State: importer.Waiting, Until: now.Add(time.Second)},
			{Portal: "waits for a person", State: importer.Waiting},
			{Portal: "paused", State: importer.Paused, Until: now.Add(-time.Hour)},
			{Portal: "done", State: importer.Done},
			{Portal: "draft", State: importer.Draft},
			{Portal: "checked", State: importer.Checked},
			{Portal: "held", State: importer.Running},
			{Portal: "let go", State: importer.Running},
			{Portal: "left", State: importer.Running},
		} {
			if i.ID == "" {
				i.ID = fmt.Sprint("i", n)
			}
			if err := s.CreateImport(ctx, i); err != nil {
				t.Fatal(err)
			}
		}
		acquire(t, s, "run:held", "h")
		acquire(t, s, "read:u6", "h")
		if err := s.Release(ctx, acquire(t, s, "run:let go", "h")); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Acquire(ctx, "run:left", "h", time.Second); err != nil {
			t.Fatal(err)
		}
		want := []importer.Lane{"check:c1", "read:u1", "run:let go", "run:running", "run:waited"}
		if diff := cmp.Diff(want, must(s.DueLanes(ctx, now))); diff != "" {
			t.Errorf("now (-want +got)\n%s", diff)
		}
		want = []importer.Lane{"check:c1", "read:u1", "run:left", "run:let go", "run:running", "run:waited", "run:waits"}
		if diff := cmp.Diff(want, must(s.DueLanes(ctx, now.Add(time.Second)))); diff != "" {
			t.Errorf("a second later (-want +got)\n%s", diff)
		}
	})
}
