package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/bitrix"
)

// portalRow is a portal.Portal.
type portalRow struct {
	MemberID                 string `gorm:"primaryKey"`
	Domain, Endpoint, Server string
	Status                   string
	License                  string
	Scopes                   []byte // a JSON list
	AppCode                  string
	Version                  string
	Lang                     string
	AppToken                 string `gorm:"serializer:sealed"`
	ClientID                 string
	ClientSecret             string `gorm:"serializer:sealed"`
	Installer                int64
	QuarantinedAt            int64
	Installed, Updated       int64
}

func (portalRow) TableName() string { return "portals" }

func packPortal(p portal.Portal) (portalRow, error) {
	var d documents
	r := portalRow{
		MemberID: p.MemberID, Domain: text(p.Domain), Endpoint: text(p.Endpoint), Server: text(p.Server),
		Status: string(p.Status), License: text(p.License), Scopes: d.encode(p.Scopes),
		AppCode: text(p.AppCode), Version: text(p.Version), Lang: text(p.Lang), AppToken: p.AppToken,
		ClientID: text(p.Keys.ClientID), ClientSecret: p.Keys.ClientSecret, Installer: p.Installer,
		QuarantinedAt: stamp(p.QuarantinedAt), Installed: stamp(p.Installed), Updated: stamp(p.Updated),
	}
	return r, d.err
}

func (r portalRow) unpack() (portal.Portal, error) {
	var d documents
	p := portal.Portal{
		MemberID: r.MemberID, Domain: r.Domain, Endpoint: r.Endpoint, Server: r.Server,
		Status: portal.Status(r.Status), License: r.License,
		AppCode: r.AppCode, Version: r.Version, Lang: r.Lang, AppToken: r.AppToken,
		Keys: r.keys(), Installer: r.Installer, QuarantinedAt: fromStamp(r.QuarantinedAt),
		Installed: fromStamp(r.Installed), Updated: fromStamp(r.Updated),
	}
	d.decode(r.Scopes, &p.Scopes)
	return p, d.err
}

func (r portalRow) keys() bitrix.Keys {
	return bitrix.Keys{ClientID: r.ClientID, ClientSecret: r.ClientSecret}
}

// Portal finds a portal.
func (s *Store) Portal(ctx context.Context, memberID string) (portal.Portal, error) {
	var row portalRow
	err := take(s.with(ctx).Where("member_id = ?", memberID), &row, portal.ErrNotFound)
	if err != nil {
		return portal.Portal{}, wrap(err, "reading portal %s", memberID)
	}
	p, err := row.unpack()
	return p, wrap(err, "reading portal %s", memberID)
}

// UpdatePortal creates or changes a portal in one transaction. Its member id
// stays what it is; an error of change is returned as it is, and nothing is
// created or changed then.
func (s *Store) UpdatePortal(ctx context.Context, memberID string, change func(*portal.Portal) error) (portal.Portal, error) {
	var changed portal.Portal
	err := s.tx(ctx, func(tx *gorm.DB) error {
		// Made first, so that there is a row to lock.
		err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&portalRow{MemberID: memberID}).Error
		if err != nil {
			return err
		}
		var before portalRow
		q := locked(tx).Where("member_id = ?", memberID)
		if err := take(q, &before, portal.ErrNotFound); err != nil {
			return err
		}
		p, err := before.unpack()
		if err != nil {
			return err
		}
		if err := change(&p); err != nil {
			return &stopped{err}
		}
		p.MemberID = memberID
		after, err := packPortal(p)
		if err != nil {
			return err
		}
		if err := update(tx.Where("member_id = ?", memberID), &before, &after); err != nil {
			return err
		}
		changed, err = after.unpack()
		return err
	})
	if err != nil {
		return portal.Portal{}, changeError(err, "changing portal %s", memberID)
	}
	return changed, nil
}

// Portals lists all portals, by member id.
func (s *Store) Portals(ctx context.Context) ([]portal.Portal, error) {
	var rows []portalRow
	if err := s.with(ctx).Order("member_id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing portals: %w", err)
	}
	portals := make([]portal.Portal, len(rows))
	for i, r := range rows {
		var err error
		if portals[i], err = r.unpack(); err != nil {
			return nil, fmt.Errorf("reading portal %s: %w", r.MemberID, err)
		}
	}
	return portals, nil
}

// RemovePortal deletes what is known of a portal and its people, takes the
// lanes from whoever works for it, and returns what else must go. For a
// portal that is not there, or removed before, it does the same with what it
// finds, which is nothing.
func (s *Store) RemovePortal(ctx context.Context, memberID string) (uploads, imports []string, err error) {
	err = s.tx(ctx, func(tx *gorm.DB) error {
		// The lane first, as Write does: a write that is under way ends
		// before, and none comes after.
		err := tx.Model(&laneRow{}).Where("lane = ?", "run:"+memberID).
			Updates(map[string]any{"holder": "", "until": 0}).Error
		if err != nil {
			return err
		}
		// Then the portal itself, as the log of its calls does.
		if err := locked(tx).Select("member_id").Where("member_id = ?", memberID).Limit(1).Find(&portalRow{}).Error; err != nil {
			return err
		}
		if uploads, err = lockIDs(tx.Model(&uploadRow{}), memberID); err != nil {
			return err
		}
		if imports, err = lockIDs(tx.Model(&importRow{}), memberID); err != nil {
			return err
		}
		if err := deletePortal(tx, memberID); err != nil {
			return err
		}
		return emptyPortal(tx, memberID)
	})
	if err == nil {
		err = s.scrub(ctx)
	}
	if err != nil {
		return nil, nil, wrap(err, "removing portal %s", memberID)
	}
	return uploads, imports, nil
}

func lockIDs(q *gorm.DB, memberID string) ([]string, error) {
	var ids []string
	err := locked(q).Where("portal = ?", memberID).Order("id").Pluck("id", &ids).Error
	return ids, err
}

// deletePortal deletes all rows of a portal but its own and its registration.
func deletePortal(tx *gorm.DB, memberID string) error {
	const ofUploads = "IN (SELECT 'read:' || id FROM uploads WHERE portal = ?)"
	const ofChecks = "IN (SELECT 'check:' || id FROM imports WHERE portal = ?)"
	const ofImports = "import_id IN (SELECT id FROM imports WHERE portal = ?)"
	for _, d := range []struct {
		table any
		where string
	}{
		{&laneRow{}, "lane " + ofUploads},
		{&laneRow{}, "lane " + ofChecks},
		{&entryRow{}, ofImports},
		{&lookupRow{}, ofImports},
		{&editRow{}, ofImports},
		{&importRow{}, "portal = ?"},
		{&uploadRow{}, "portal = ?"},
		{&grantRow{}, "portal = ?"},
		{&webhookRow{}, "portal = ?"},
		{&callRow{}, "portal = ?"},
		// The memory first, as every write to it does.
		{&memoryRow{}, "portal = ?"},
		{&mappingRow{}, "portal = ?"},
		{&answerRow{}, "portal = ?"},
		{&sessionRow{}, "portal = ?"},
		{&sessionRow{}, "member_id = ?"},
	} {
		if err := tx.Where(d.where, memberID).Delete(d.table).Error; err != nil {
			return err
		}
	}
	return nil
}

// emptyPortal marks a portal removed and leaves nothing in its row but the
// member id and when it was installed and changed.
func emptyPortal(tx *gorm.DB, memberID string) error {
	var before portalRow
	err := tx.Where("member_id = ?", memberID).Limit(1).Find(&before).Error
	if err != nil || before.MemberID == "" {
		return err
	}
	after := portalRow{
		MemberID: memberID, Status: string(portal.Removed),
		Installed: before.Installed, Updated: before.Updated,
	}
	return update(tx.Where("member_id = ?", memberID), &before, &after)
}
