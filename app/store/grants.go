package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/spa-importer/spa-importer/bitrix"
)

// grantRow is a bitrix.Grant; the app's keys are in the portal's row.
type grantRow struct {
	Portal   string `gorm:"primaryKey"`
	UserID   int64  `gorm:"primaryKey;autoIncrement:false"`
	Access   string `gorm:"serializer:sealed"`
	Refresh  string `gorm:"serializer:sealed"`
	Expires  int64
	Endpoint string
	Server   string
	Dead     string
	// Claimed is until when somebody refreshes this grant.
	Claimed int64
	// Saved is when the pair came.
	Saved int64
}

func (grantRow) TableName() string { return "grants" }

func (s *Store) packGrant(g bitrix.Grant) grantRow {
	return grantRow{
		Portal: g.Portal, UserID: g.User, Access: g.Access, Refresh: g.Refresh,
		Expires: stamp(g.Expires), Endpoint: text(g.Endpoint), Server: text(g.Server), Dead: text(g.Dead),
		Saved: stamp(s.now()),
	}
}

// Grant finds the grant of a user, with the app's keys of the portal.
func (s *Store) Grant(ctx context.Context, memberID string, user int64) (bitrix.Grant, error) {
	g, err := s.grant(ctx, memberID, user)
	return g, wrap(err, "reading the grant of user %d on portal %s", user, memberID)
}

func (s *Store) grant(ctx context.Context, memberID string, user int64) (bitrix.Grant, error) {
	row, err := findGrant(s.with(ctx), memberID, user)
	if err != nil {
		return bitrix.Grant{}, err
	}
	var p portalRow
	if err := s.with(ctx).Where("member_id = ?", memberID).Limit(1).Find(&p).Error; err != nil {
		return bitrix.Grant{}, err
	}
	return bitrix.Grant{
		Portal: row.Portal, User: row.UserID, Access: row.Access, Refresh: row.Refresh,
		Expires: fromStamp(row.Expires), Endpoint: row.Endpoint, Server: row.Server,
		Keys: p.keys(), Dead: row.Dead,
	}, nil
}

func findGrant(q *gorm.DB, memberID string, user int64) (grantRow, error) {
	var row grantRow
	err := take(q.Where("portal = ? AND user_id = ?", memberID, user), &row, bitrix.ErrNoGrant)
	return row, err
}

// GrantUsers lists the users that have a grant on a portal, alive or dead,
// those whose pair came last first.
func (s *Store) GrantUsers(ctx context.Context, memberID string) ([]int64, error) {
	var users []int64
	err := s.with(ctx).Model(&grantRow{}).Where("portal = ?", memberID).
		Order("saved DESC, user_id DESC").Pluck("user_id", &users).Error
	return users, wrap(err, "listing the grants on portal %s", memberID)
}

// SaveGrant inserts or replaces a grant. A claim to refresh the old one ends.
func (s *Store) SaveGrant(ctx context.Context, g bitrix.Grant) error {
	row := s.packGrant(g)
	err := s.tx(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "portal"}, {Name: "user_id"}},
			DoUpdates: clause.AssignmentColumns([]string{
				"access", "refresh", "expires", "endpoint", "server", "dead", "claimed", "saved",
			}),
		}).Create(&row).Error
	})
	return wrap(err, "saving the grant of user %d on portal %s", g.User, g.Portal)
}

// ClaimRefresh makes the caller the only one to refresh a grant until the
// given time, unless somebody else is. ErrNoGrant if there is none.
func (s *Store) ClaimRefresh(ctx context.Context, memberID string, user int64, now, until time.Time) (bool, error) {
	claimed := false
	err := s.tx(ctx, func(tx *gorm.DB) error {
		q := tx.Model(&grantRow{}).
			Where("portal = ? AND user_id = ? AND claimed <= ?", memberID, user, stamp(now)).
			Update("claimed", stamp(until))
		if claimed = q.RowsAffected > 0; claimed || q.Error != nil {
			return q.Error
		}
		_, err := findGrant(tx, memberID, user)
		return err
	})
	return claimed && err == nil, wrap(err, "claiming the grant of user %d on portal %s", user, memberID)
}

// SaveRefreshed stores a refreshed pair in the place of the one whose access
// token is old. Another pair that is there stays; ErrNoGrant if there is none
// at all.
func (s *Store) SaveRefreshed(ctx context.Context, old string, g bitrix.Grant) error {
	err := s.changeGrant(ctx, g.Portal, g.User, old, func(row *grantRow) {
		server, endpoint := row.Server, row.Endpoint
		*row = s.packGrant(g)
		if row.Server == "" {
			row.Server = server
		}
		if row.Endpoint == "" {
			row.Endpoint = endpoint
		}
		row.Dead, row.Claimed = "", 0
	})
	return wrap(err, "saving the refreshed grant of user %d on portal %s", g.User, g.Portal)
}

// MarkGrantDead notes why the pair with this access token is of no use any
// more, and deletes the pair. Another pair that is there stays alive.
func (s *Store) MarkGrantDead(ctx context.Context, memberID string, user int64, access, code string) error {
	err := s.changeGrant(ctx, memberID, user, access, func(row *grantRow) {
		row.Access, row.Refresh, row.Expires, row.Claimed = "", "", 0, 0
		row.Dead = text(code)
	})
	return wrap(err, "ending the grant of user %d on portal %s", user, memberID)
}

// changeGrant changes a grant in one transaction, if it has this access token.
func (s *Store) changeGrant(ctx context.Context, memberID string, user int64, access string, change func(*grantRow)) error {
	return s.tx(ctx, func(tx *gorm.DB) error {
		before, err := findGrant(locked(tx), memberID, user)
		if err != nil || before.Access != access {
			return err
		}
		after := before
		change(&after)
		return update(tx.Where("portal = ? AND user_id = ?", memberID, user), &before, &after)
	})
}
