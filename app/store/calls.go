package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/bitrix"
)

// callRow is a bitrix.CallRecord: what was called, never with what.
type callRow struct {
	ID                int64 `gorm:"primaryKey"`
	Portal            string
	ImportID          string
	Method            string
	Started           int64
	Duration          int64 // nanoseconds
	BytesOut, BytesIn int64
	Status            int64
	Code              string
	Operating         float64
	Commands          int64
}

func (callRow) TableName() string { return "calls" }

// LogCalls adds to the log of REST calls. Calls of a portal that was removed
// in the meantime are left out: they come a little later than they were made.
func (s *Store) LogCalls(ctx context.Context, calls []bitrix.CallRecord) error {
	if len(calls) == 0 {
		return nil
	}
	rows := make([]callRow, len(calls))
	for i, c := range calls {
		rows[i] = callRow{
			Portal: c.Portal, ImportID: c.Import, Method: text(c.Method),
			Started: stamp(c.Start), Duration: int64(c.Duration),
			BytesOut: int64(c.BytesOut), BytesIn: int64(c.BytesIn),
			Status: int64(c.Status), Code: text(c.Code), Operating: c.Operating, Commands: int64(c.Commands),
		}
	}
	err := s.tx(ctx, func(tx *gorm.DB) error {
		rows, err := withoutRemoved(tx, rows)
		if err != nil || len(rows) == 0 {
			return err
		}
		return tx.CreateInBatches(rows, chunk).Error
	})
	return wrap(err, "logging REST calls")
}

// withoutRemoved leaves the calls of portals that have the app, and of those
// that are known by a webhook alone. The portals stay locked, so that none is
// removed before the calls are there to be deleted.
func withoutRemoved(tx *gorm.DB, rows []callRow) ([]callRow, error) {
	portals := map[string]bool{}
	for _, r := range rows {
		portals[r.Portal] = true
	}
	var known []portalRow
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(portals)), chunk) {
		var some []portalRow
		if err := locked(tx).Select("member_id", "status").Where("member_id IN ?", ids).Order("member_id").Find(&some).Error; err != nil {
			return nil, err
		}
		known = append(known, some...)
	}
	removed := map[string]bool{}
	for _, p := range known {
		removed[p.MemberID] = p.Status == string(portal.Removed)
	}
	return slices.DeleteFunc(rows, func(r callRow) bool { return removed[r.Portal] }), nil
}

// PurgeCalls deletes calls started before the time, and returns how many.
func (s *Store) PurgeCalls(ctx context.Context, before time.Time) (int64, error) {
	var purged int64
	err := s.tx(ctx, func(tx *gorm.DB) error {
		q := tx.Where("started < ?", stamp(before)).Delete(&callRow{})
		purged = q.RowsAffected
		return q.Error
	})
	return purged, wrap(err, "purging the log of REST calls")
}

// Calls lists the calls of one import of a portal, in the order they began.
func (s *Store) Calls(ctx context.Context, memberID, imp string) ([]bitrix.CallRecord, error) {
	var rows []callRow
	err := s.with(ctx).Where("portal = ? AND import_id = ?", memberID, imp).
		Order("started, id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading the log of REST calls: %w", err)
	}
	calls := make([]bitrix.CallRecord, len(rows))
	for i, r := range rows {
		calls[i] = bitrix.CallRecord{
			Portal: r.Portal, Import: r.ImportID, Method: r.Method,
			Start: fromStamp(r.Started), Duration: time.Duration(r.Duration),
			BytesOut: int(r.BytesOut), BytesIn: int(r.BytesIn),
			Status: int(r.Status), Code: r.Code, Operating: r.Operating, Commands: int(r.Commands),
		}
	}
	return calls, nil
}
