package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
)

// webhookRow is a portal.Webhook.
type webhookRow struct {
	Portal  string `gorm:"primaryKey"`
	ID      string `gorm:"primaryKey"`
	UserID  int64
	URL     string `gorm:"serializer:sealed"`
	Host    string
	Created int64
}

func (webhookRow) TableName() string { return "webhooks" }

func (r webhookRow) unpack() portal.Webhook {
	return portal.Webhook{
		ID: r.ID, Portal: r.Portal, User: r.UserID, URL: r.URL, Host: r.Host, Created: fromStamp(r.Created),
	}
}

// SaveWebhook inserts or replaces a webhook of a portal.
func (s *Store) SaveWebhook(ctx context.Context, w portal.Webhook) error {
	row := webhookRow{
		Portal: w.Portal, ID: w.ID, UserID: w.User, URL: w.URL, Host: text(w.Host), Created: stamp(w.Created),
	}
	err := s.tx(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "portal"}, {Name: "id"}},
			DoUpdates: clause.AssignmentColumns([]string{"user_id", "url", "host", "created"}),
		}).Create(&row).Error
	})
	return wrap(err, "saving webhook %s", w.ID)
}

// Webhook finds a webhook of a portal.
func (s *Store) Webhook(ctx context.Context, memberID, id string) (portal.Webhook, error) {
	var row webhookRow
	err := take(s.with(ctx).Where("portal = ? AND id = ?", memberID, id), &row, portal.ErrNotFound)
	return row.unpack(), wrap(err, "reading webhook %s", id)
}

// DeleteWebhook deletes a webhook, also from the files of an SQLite database.
// When that last part fails, it says so, and may be called again; a webhook
// that is not there is no error.
func (s *Store) DeleteWebhook(ctx context.Context, memberID, id string) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		return tx.Where("portal = ? AND id = ?", memberID, id).Delete(&webhookRow{}).Error
	})
	if err == nil {
		err = s.scrub(ctx)
	}
	return wrap(err, "deleting webhook %s", id)
}

// IdleWebhooks lists webhooks made before the time, which no unfinished import
// and no session uses. Sessions that are over should be dropped before.
func (s *Store) IdleWebhooks(ctx context.Context, before time.Time) ([]portal.Webhook, error) {
	var rows []webhookRow
	err := s.with(ctx).Where("created < ?", stamp(before)).
		Where(`NOT EXISTS (SELECT 1 FROM imports WHERE imports.portal = webhooks.portal
			AND imports.connection_webhook = webhooks.id AND imports.state NOT IN ?)`,
			[]importer.State{importer.Stopped, importer.Done, importer.Undone}).
		Where(`NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.webhook = webhooks.id
			AND (sessions.portal = webhooks.portal OR sessions.member_id = webhooks.portal))`).
		Order("created, id").Find(&rows).Error
	if err != nil {
		return nil, wrap(err, "listing idle webhooks")
	}
	webhooks := make([]portal.Webhook, len(rows))
	for i, r := range rows {
		webhooks[i] = r.unpack()
	}
	return webhooks, nil
}
