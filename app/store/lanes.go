package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/spa-importer/spa-importer/app/importer"
)

// laneRow says who holds a lane. The row stays when the lane is released, so
// that its epoch never goes back.
type laneRow struct {
	Lane   string `gorm:"primaryKey"`
	Epoch  int64
	Holder string // empty: nobody
	Until  int64  // 0: nobody
}

func (laneRow) TableName() string { return "lanes" }

// Acquire takes a lane that nobody holds, or whose holder's time is over.
func (s *Store) Acquire(ctx context.Context, lane importer.Lane, holder string, ttl time.Duration) (importer.Fence, error) {
	if holder == "" || ttl <= 0 {
		return importer.Fence{}, errors.New("acquiring a lane needs a holder and a time")
	}
	now := s.now()
	var epochs []int64
	err := s.tx(ctx, func(tx *gorm.DB) error {
		return tx.Raw(`INSERT INTO lanes (lane, epoch, holder, until) VALUES (?, 1, ?, ?)
ON CONFLICT (lane) DO UPDATE SET epoch = lanes.epoch + 1, holder = excluded.holder, until = excluded.until
WHERE lanes.until <= ? RETURNING epoch`, lane, holder, stamp(now.Add(ttl)), stamp(now)).Scan(&epochs).Error
	})
	if err == nil && len(epochs) == 0 {
		err = importer.ErrHeld
	}
	if err != nil {
		return importer.Fence{}, fmt.Errorf("acquiring lane %s: %w", lane, err)
	}
	return importer.Fence{Lane: lane, Epoch: epochs[0]}, nil
}

// Renew prolongs the hold by ttl from now on. A hold whose time was over is
// renewed as long as nobody else has taken the lane.
func (s *Store) Renew(ctx context.Context, f importer.Fence, ttl time.Duration) error {
	return wrap(s.setLane(ctx, f, map[string]any{"until": stamp(s.now().Add(ttl))}), "renewing lane %s", f.Lane)
}

// Release gives a lane back: from then on the fence is as good as lost.
func (s *Store) Release(ctx context.Context, f importer.Fence) error {
	return wrap(s.setLane(ctx, f, map[string]any{"holder": "", "until": 0}), "releasing lane %s", f.Lane)
}

// ReleaseHolder releases every lane of a holder.
func (s *Store) ReleaseHolder(ctx context.Context, holder string) error {
	if holder == "" {
		return errors.New("releasing the lanes of a holder needs its name")
	}
	err := s.tx(ctx, func(tx *gorm.DB) error {
		return tx.Model(&laneRow{}).Where("holder = ?", holder).
			Updates(map[string]any{"holder": "", "until": 0}).Error
	})
	return wrap(err, "releasing the lanes of %s", holder)
}

func (s *Store) setLane(ctx context.Context, f importer.Fence, values map[string]any) error {
	return s.tx(ctx, func(tx *gorm.DB) error {
		q := tx.Model(&laneRow{}).
			Where("lane = ? AND epoch = ? AND holder <> ''", f.Lane, f.Epoch).Updates(values)
		if q.Error == nil && q.RowsAffected == 0 {
			return importer.ErrFenced
		}
		return q.Error
	})
}

// Epoch is the present epoch of a lane.
func (s *Store) Epoch(ctx context.Context, lane importer.Lane) (int64, error) {
	var rows []laneRow
	err := s.with(ctx).Where("lane = ?", lane).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return 0, wrap(err, "reading lane %s", lane)
	}
	return rows[0].Epoch, nil
}

// checkFence keeps the lane from being taken by another until the transaction
// ends, or returns ErrFenced if it has been.
func checkFence(tx *gorm.DB, f importer.Fence) error {
	var row laneRow
	err := take(locked(tx).Where("lane = ?", f.Lane), &row, importer.ErrFenced)
	if err == nil && (row.Epoch != f.Epoch || row.Holder == "") {
		return importer.ErrFenced
	}
	return err
}

// onLane narrows imports to those that a lane has to do with.
func onLane(q *gorm.DB, lane importer.Lane) (*gorm.DB, error) {
	kind, id, _ := strings.Cut(string(lane), ":")
	switch kind {
	case "read":
		return q.Where("upload_id = ?", id), nil
	case "check":
		return q.Where("id = ?", id), nil
	case "run":
		return q.Where("portal = ?", id), nil
	}
	return nil, fmt.Errorf("%q is no lane", lane)
}
