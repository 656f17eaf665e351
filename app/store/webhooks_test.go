package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/vault"
)

func TestWebhooks(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx, now := d.open(t), t.Context(), newClock().Now()
		w := filled[portal.Webhook]()
		w.ID, w.Portal, w.Created = "w", "p1", now
		check(t, s.SaveWebhook(ctx, w))
		w.URL = "https://other.example/rest/2/code/"
		check(t, s.SaveWebhook(ctx, w))
		theirs := w
		theirs.Portal, theirs.URL = "p2", "https://theirs.example/rest/3/code/"
		check(t, s.SaveWebhook(ctx, theirs)) // the same id elsewhere
		if diff := cmp.Diff(w, must(s.Webhook(ctx, "p1", "w"))); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		for range 2 {
			check(t, s.DeleteWebhook(ctx, "p1", "w"))
		}
		if _, err := s.Webhook(ctx, "p1", "w"); !errors.Is(err, portal.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
		if diff := cmp.Diff(theirs, must(s.Webhook(ctx, "p2", "w"))); diff != "" {
			t.Errorf("another portal's (-want +got)\n%s", diff)
		}
	})
}

func TestIdleWebhooks(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s, ctx, now := d.open(t), t.Context(), newClock().Now()
		for _, id := range []string{"idle", "session", "member", "running", "draft", "done", "stranger", "new"} {
			w := portal.Webhook{ID: id, Portal: "p1", Created: now.Add(-time.Hour)}
			if id == "new" {
				w.Created = now
			}
			check(t, s.SaveWebhook(ctx, w))
		}
		check(t, s.CreateSession(ctx, portal.Session{Hash: "1", Portal: "p1", Webhook: "session"}))
		check(t, s.CreateSession(ctx, portal.Session{Hash: "2", Portal: "p3", MemberID: "p1", Webhook: "member"}))
		check(t, s.CreateSession(ctx, portal.Session{Hash: "3", Portal: "p2", Webhook: "stranger"}))
		for hook, state := range map[string]importer.State{"running": importer.Running, "draft": importer.Draft, "done": importer.Done} {
			check(t, s.CreateImport(ctx, importer.Import{
				ID: vault.NewID(), Portal: "p1", State: state, Connection: importer.Connection{Kind: importer.ByWebhook, Webhook: hook},
			}))
		}
		check(t, s.CreateImport(ctx, importer.Import{
			ID: vault.NewID(), Portal: "p2", State: importer.Running, Connection: importer.Connection{Webhook: "stranger"},
		}))
		var got []string
		for _, w := range must(s.IdleWebhooks(ctx, now)) {
			got = append(got, w.ID)
		}
		if diff := cmp.Diff([]string{"done", "idle", "stranger"}, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
