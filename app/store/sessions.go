package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/spa-importer/spa-importer/app/portal"
)

// seenEvery is how often a session is noted as seen at most.
const seenEvery = time.Minute

// sessionRow is a portal.Session.
type sessionRow struct {
	Hash             string `gorm:"primaryKey"`
	Portal, MemberID string
	UserID           int64
	UserName         string
	Admin            bool
	Lang, Zone       string
	Origin           string
	Placement        string
	EntityTypeID     int64
	ItemID, Child    int64
	ImportID         string
	Webhook          string
	WebhookUser      int64
	Created, Seen    int64
}

func (sessionRow) TableName() string { return "sessions" }

func packSession(s portal.Session) sessionRow {
	return sessionRow{
		Hash: s.Hash, Portal: s.Portal, MemberID: s.MemberID, UserID: s.User, UserName: text(s.UserName),
		Admin: s.Admin, Lang: text(s.Lang), Zone: text(s.Zone), Origin: text(s.Origin),
		Placement: text(s.Placement), EntityTypeID: s.EntityTypeID, ItemID: s.ItemID, Child: s.Child,
		ImportID: text(s.Import), Webhook: text(s.Webhook), WebhookUser: s.WebhookUser,
		Created: stamp(s.Created), Seen: stamp(s.Seen),
	}
}

func (r sessionRow) unpack() portal.Session {
	return portal.Session{
		Hash: r.Hash, Portal: r.Portal, MemberID: r.MemberID, User: r.UserID, UserName: r.UserName,
		Admin: r.Admin, Lang: r.Lang, Zone: r.Zone, Origin: r.Origin,
		Placement: r.Placement, EntityTypeID: r.EntityTypeID, ItemID: r.ItemID, Child: r.Child,
		Import: r.ImportID, Webhook: r.Webhook, WebhookUser: r.WebhookUser,
		Created: fromStamp(r.Created), Seen: fromStamp(r.Seen),
	}
}

// CreateSession keeps a new session; ErrExists if its hash is taken.
func (s *Store) CreateSession(ctx context.Context, session portal.Session) error {
	row := packSession(session)
	return wrap(s.create(ctx, &row), "creating session")
}

// Session finds a session. Seen in the result is when it was last noted
// before now, so that the caller can tell how long it was idle. One that was
// idle for too long is not noted again: a look must not revive it.
func (s *Store) Session(ctx context.Context, hash string, now time.Time) (portal.Session, error) {
	var row sessionRow
	if err := take(s.with(ctx).Where("hash = ?", hash), &row, portal.ErrNotFound); err != nil {
		return portal.Session{}, wrap(err, "reading session")
	}
	session := row.unpack()
	if idle := now.Sub(session.Seen); idle >= seenEvery && idle < portal.SessionIdle {
		err := s.tx(ctx, func(tx *gorm.DB) error {
			return tx.Model(&sessionRow{}).
				Where("hash = ? AND seen = ?", hash, row.Seen).Update("seen", stamp(now)).Error
		})
		if err != nil {
			return portal.Session{}, wrap(err, "noting that a session was seen")
		}
	}
	return session, nil
}

// UpdateSession changes a session in one transaction. Its hash stays what it
// is; an error of change is returned as it is.
func (s *Store) UpdateSession(ctx context.Context, hash string, change func(*portal.Session) error) (portal.Session, error) {
	var changed portal.Session
	err := s.tx(ctx, func(tx *gorm.DB) error {
		var before sessionRow
		if err := take(locked(tx).Where("hash = ?", hash), &before, portal.ErrNotFound); err != nil {
			return err
		}
		session := before.unpack()
		if err := change(&session); err != nil {
			return &stopped{err}
		}
		session.Hash = hash
		after := packSession(session)
		changed = after.unpack()
		return update(tx.Where("hash = ?", hash), &before, &after)
	})
	if err != nil {
		return portal.Session{}, changeError(err, "changing session")
	}
	return changed, nil
}

// DropSessions deletes sessions last seen before idle, or made before created.
func (s *Store) DropSessions(ctx context.Context, idle, created time.Time) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		return tx.Where("seen < ? OR created < ?", stamp(idle), stamp(created)).Delete(&sessionRow{}).Error
	})
	return wrap(err, "dropping sessions")
}
