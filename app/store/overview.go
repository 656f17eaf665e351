package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/spa-importer/spa-importer/app/importer"
)

// unfinished are the states of imports that have begun and not ended.
var unfinished = []importer.State{importer.Checking, importer.Running, importer.Paused, importer.Waiting}

// PortalCounts is how much there is of a portal. Portal is a member_id, or
// the tenant of a webhook.
type PortalCounts struct {
	Portal string
	// Users have a grant that works, Dead ones a grant that does not.
	Users, Dead int64
	// Imports of all times that are kept, and those of them that have begun
	// and not ended.
	Imports, Unfinished int64
	// Last is when the newest import was begun; zero for none.
	Last time.Time
}

// CountPortals counts grants and imports of every portal and tenant that has
// any, by portal.
func (s *Store) CountPortals(ctx context.Context) ([]PortalCounts, error) {
	var rows []struct {
		Portal                           string
		Users, Dead, Imports, Unfinished int64
		Last                             int64
	}
	err := s.with(ctx).Raw(countPortals, map[string]any{"unfinished": unfinished}).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("counting what portals have: %w", err)
	}
	all := make([]PortalCounts, len(rows))
	for i, r := range rows {
		all[i] = PortalCounts{r.Portal, r.Users, r.Dead, r.Imports, r.Unfinished, fromStamp(r.Last)}
	}
	return all, nil
}

const countPortals = `SELECT portal, SUM(users) AS users, SUM(dead) AS dead,
	SUM(imports) AS imports, SUM(unfinished) AS unfinished, MAX(last) AS last
FROM (
	SELECT portal, CASE WHEN dead = '' THEN 1 ELSE 0 END AS users, CASE WHEN dead = '' THEN 0 ELSE 1 END AS dead,
		0 AS imports, 0 AS unfinished, 0 AS last
	FROM grants
	UNION ALL
	SELECT portal, 0, 0, 1, CASE WHEN state IN @unfinished THEN 1 ELSE 0 END, created
	FROM imports
) AS each_one
GROUP BY portal ORDER BY portal`

// LatestImports lists imports of all portals, newest first; limit 0 means
// all of them.
func (s *Store) LatestImports(ctx context.Context, limit int) ([]importer.Import, error) {
	q := s.with(ctx)
	if limit > 0 {
		q = q.Limit(limit)
	}
	return listImports(q)
}

// Standing is how many imports stand where: at a state, and for one that
// waits or was paused by trouble, with the code of the reason.
type Standing struct {
	State  importer.State
	Reason string
	Count  int
}

// Unfinished counts the imports that have begun and not ended. Its cost is
// that of the imports it counts.
func (s *Store) Unfinished(ctx context.Context) ([]Standing, error) {
	var rows []importRow
	err := s.with(ctx).Select("id", "state", "reason").
		Where("state IN ?", unfinished).
		Order("state, id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("counting unfinished imports: %w", err)
	}
	var all []Standing
	at := make(map[Standing]int)
	for _, r := range rows {
		var reason importer.Problem
		if err := decode(r.Reason, &reason); err != nil {
			return nil, fmt.Errorf("reading the reason of import %s: %w", r.ID, err)
		}
		key := Standing{State: importer.State(r.State), Reason: reason.Code}
		if _, seen := at[key]; !seen {
			at[key] = len(all)
			all = append(all, key)
		}
		all[at[key]].Count++
	}
	return all, nil
}

// Size is how many bytes the database takes.
func (s *Store) Size(ctx context.Context) (int64, error) {
	query := "SELECT pg_database_size(current_database())"
	if s.db.Name() == "sqlite" {
		query = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
	}
	var size int64
	err := s.sql.QueryRowContext(ctx, query).Scan(&size)
	return size, wrap(err, "measuring the database")
}

// Snapshot writes the database as it is at one moment into a new file, on
// SQLite; what is written meanwhile is not held up.
func (s *Store) Snapshot(ctx context.Context, path string) error {
	if s.db.Name() != "sqlite" {
		return wrap(gorm.ErrNotImplemented, "copying the database")
	}
	_, err := s.sql.ExecContext(ctx, "VACUUM INTO ?", path)
	return wrap(err, "copying the database")
}

// Gauges is what an operator watches, at one moment.
type Gauges struct {
	// Imports that have begun and not ended, by state and reason.
	Imports []Standing
	// Lanes with work that is due and nobody does: above zero for longer
	// than a sweep, the app does not keep up.
	Lanes int
	// UploadBytes are kept of files that people have sent.
	UploadBytes int64
	// Portals by status.
	Portals map[string]int64
	// Size of the database in bytes.
	Size int64
}

// Gauges reads what an operator watches.
func (s *Store) Gauges(ctx context.Context, now time.Time) (g Gauges, err error) {
	if g.Imports, err = s.Unfinished(ctx); err != nil {
		return g, err
	}
	lanes, err := s.DueLanes(ctx, now)
	if err != nil {
		return g, err
	}
	g.Lanes = len(lanes)
	err = s.with(ctx).Model(&uploadRow{}).Where("data_key IS NOT NULL").
		Select("COALESCE(SUM(received), 0)").Scan(&g.UploadBytes).Error
	if err != nil {
		return g, fmt.Errorf("adding up uploads: %w", err)
	}
	var portals []struct {
		Status string
		N      int64
	}
	err = s.with(ctx).Model(&portalRow{}).Select("status, COUNT(*) AS n").Group("status").Order("status").Scan(&portals).Error
	if err != nil {
		return g, fmt.Errorf("counting portals: %w", err)
	}
	g.Portals = make(map[string]int64, len(portals))
	for _, p := range portals {
		g.Portals[p.Status] = p.N
	}
	g.Size, err = s.Size(ctx)
	return g, err
}
