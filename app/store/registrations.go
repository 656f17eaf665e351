package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/spa-importer/spa-importer/app/portal"
)

// registrationRow is a portal.Registration. It outlives the installation: it
// is a record of a contract.
type registrationRow struct {
	Portal       string `gorm:"primaryKey"`
	Company      string
	Name         string
	Email        string
	Phone        string
	Country      string
	TermsVersion string
	AcceptedAt   int64
	Mailings     bool
	UserID       int64
}

func (registrationRow) TableName() string { return "registrations" }

func (r registrationRow) unpack() portal.Registration {
	return portal.Registration{
		Portal: r.Portal, Company: r.Company, Name: r.Name, Email: r.Email, Phone: r.Phone,
		Country: r.Country, TermsVersion: r.TermsVersion, AcceptedAt: fromStamp(r.AcceptedAt),
		Mailings: r.Mailings, User: r.UserID,
	}
}

// Register keeps the registration of a portal, in the place of an older one.
func (s *Store) Register(ctx context.Context, r portal.Registration) error {
	row := registrationRow{
		Portal: r.Portal, Company: text(r.Company), Name: text(r.Name), Email: text(r.Email),
		Phone: text(r.Phone), Country: text(r.Country), TermsVersion: text(r.TermsVersion),
		AcceptedAt: stamp(r.AcceptedAt), Mailings: r.Mailings, UserID: r.User,
	}
	err := s.tx(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "portal"}},
			DoUpdates: clause.AssignmentColumns([]string{
				"company", "name", "email", "phone", "country", "terms_version", "accepted_at", "mailings", "user_id",
			}),
		}).Create(&row).Error
	})
	return wrap(err, "registering portal %s", r.Portal)
}

// Registration finds the registration of a portal.
func (s *Store) Registration(ctx context.Context, memberID string) (portal.Registration, error) {
	var row registrationRow
	err := take(s.with(ctx).Where("portal = ?", memberID), &row, portal.ErrNotFound)
	return row.unpack(), wrap(err, "reading the registration of portal %s", memberID)
}

// Unregister deletes the registration of a portal; ErrNotFound if it has none.
func (s *Store) Unregister(ctx context.Context, memberID string) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		q := tx.Where("portal = ?", memberID).Delete(&registrationRow{})
		if q.Error == nil && q.RowsAffected == 0 {
			return portal.ErrNotFound
		}
		return q.Error
	})
	if err == nil {
		err = s.scrub(ctx)
	}
	return wrap(err, "deleting the registration of portal %s", memberID)
}

// Registrations lists all registrations, by portal.
func (s *Store) Registrations(ctx context.Context) ([]portal.Registration, error) {
	var rows []registrationRow
	if err := s.with(ctx).Order("portal").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing registrations: %w", err)
	}
	all := make([]portal.Registration, len(rows))
	for i, r := range rows {
		all[i] = r.unpack()
	}
	return all, nil
}
