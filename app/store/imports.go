package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/vault"
)

// importRow is an importer.Import. Mapping, constants and decisions quote the
// file and are sealed.
type importRow struct {
	ID                 string `gorm:"primaryKey"`
	Portal             string
	UserID             int64
	UserName           string
	Admin              bool
	ConnectionKind     string
	ConnectionUser     int64
	ConnectionWebhook  string
	Zone, Lang         string
	UploadID           string
	FileName           string
	State              string
	Revision           int64
	Target             []byte `gorm:"serializer:sealed"`
	Mapping            []byte `gorm:"serializer:sealed"`
	Decisions          []byte `gorm:"serializer:sealed"`
	Verify             bool
	RowCount, RowLimit int64
	CheckedRows        int64
	Plan               counts `gorm:"embedded;embeddedPrefix:plan_"`
	Cursor             int64
	Counts             counts `gorm:"embedded;embeddedPrefix:done_"`
	Rechecked          int64
	StartID            int64
	Failures           int64
	Reason             []byte `gorm:"serializer:sealed"`
	Until              int64
	SecondsPerRow      float64
	DataKey            []byte `gorm:"serializer:sealed"`
	// JournalKey seals the journal and look-ups of this import; without it
	// they cannot be read.
	JournalKey                 []byte `gorm:"serializer:sealed"`
	Created, Started, Finished int64
	// Touched is when the import was last changed.
	Touched         int64
	Archive, Origin string
	Hash            string
	TrialUntil      int64
	Undoing         bool
	Undo            undoCounts `gorm:"embedded;embeddedPrefix:undo_"`
}

type counts struct {
	Created, Updated, Unchanged, Skipped, Failed int64
}

type undoCounts struct {
	TakenBack, Kept, Impossible int64
}

func (importRow) TableName() string { return "imports" }

// packImport makes a row of an import; JournalKey and Touched are left out.
func packImport(i importer.Import) (importRow, error) {
	var d documents
	r := importRow{
		ID: i.ID, Portal: i.Portal, UserID: i.User, UserName: text(i.UserName), Admin: i.Admin,
		ConnectionKind: string(i.Connection.Kind), ConnectionUser: i.Connection.User,
		ConnectionWebhook: i.Connection.Webhook,
		Zone:              text(i.Zone), Lang: text(i.Lang),
		UploadID: i.Upload, FileName: text(i.FileName),
		State: string(i.State), Revision: int64(i.Revision),
		Target: d.encode(i.Target), Mapping: d.encode(i.Mapping), Decisions: d.encode(i.Decisions),
		Verify:   i.Verify,
		RowCount: int64(i.Rows), RowLimit: int64(i.Limit),
		CheckedRows: int64(i.CheckedRows), Plan: packCounts(i.Plan),
		Cursor: int64(i.Cursor), Counts: packCounts(i.Counts), Rechecked: int64(i.Rechecked),
		StartID: i.StartID, Failures: int64(i.Failures),
		Reason: d.encode(i.Reason), Until: stamp(i.Until),
		SecondsPerRow: i.SecondsPerRow, DataKey: i.Key,
		Created: stamp(i.Created), Started: stamp(i.Started), Finished: stamp(i.Finished),
		Archive: i.Archive, Hash: i.Hash, Origin: i.Origin, TrialUntil: int64(i.TrialUntil), Undoing: i.Undoing,
		Undo: undoCounts{
			TakenBack: int64(i.Undo.TakenBack), Kept: int64(i.Undo.Kept), Impossible: int64(i.Undo.Impossible),
		},
	}
	return r, d.err
}

func (r importRow) unpack() (importer.Import, error) {
	var d documents
	i := importer.Import{
		ID: r.ID, Portal: r.Portal, User: r.UserID, UserName: r.UserName, Admin: r.Admin,
		Connection: importer.Connection{
			Kind: importer.ConnectionKind(r.ConnectionKind), User: r.ConnectionUser,
			Webhook: r.ConnectionWebhook,
		},
		Zone: r.Zone, Lang: r.Lang, Upload: r.UploadID, FileName: r.FileName,
		State: importer.State(r.State), Revision: int(r.Revision), Verify: r.Verify,
		Rows: int(r.RowCount), Limit: int(r.RowLimit),
		CheckedRows: int(r.CheckedRows), Plan: r.Plan.unpack(),
		Cursor: int(r.Cursor), Counts: r.Counts.unpack(), Rechecked: int(r.Rechecked),
		StartID: r.StartID, Failures: int(r.Failures), Until: fromStamp(r.Until),
		SecondsPerRow: r.SecondsPerRow, Key: r.DataKey,
		Created: fromStamp(r.Created), Started: fromStamp(r.Started), Finished: fromStamp(r.Finished),
		Archive: r.Archive, Hash: r.Hash, Origin: r.Origin, TrialUntil: int(r.TrialUntil), Undoing: r.Undoing,
		Undo: importer.UndoCounts{
			TakenBack: int(r.Undo.TakenBack), Kept: int(r.Undo.Kept), Impossible: int(r.Undo.Impossible),
		},
	}
	d.decode(r.Target, &i.Target)
	d.decode(r.Mapping, &i.Mapping)
	d.decode(r.Decisions, &i.Decisions)
	d.decode(r.Reason, &i.Reason)
	return i, d.err
}

func packCounts(c importer.Counts) counts {
	return counts{
		Created: int64(c.Created), Updated: int64(c.Updated), Unchanged: int64(c.Unchanged),
		Skipped: int64(c.Skipped), Failed: int64(c.Failed),
	}
}

func (c counts) unpack() importer.Counts {
	return importer.Counts{
		Created: int(c.Created), Updated: int(c.Updated), Unchanged: int(c.Unchanged),
		Skipped: int(c.Skipped), Failed: int(c.Failed),
	}
}

// CreateImport keeps a new import; ErrExists if its id is taken.
func (s *Store) CreateImport(ctx context.Context, i importer.Import) error {
	row, err := packImport(i)
	if err == nil {
		row.JournalKey, row.Touched = vault.NewDataKey(), stamp(s.now())
		err = s.create(ctx, &row)
	}
	return wrap(err, "creating import %s", i.ID)
}

// Import finds an import of a portal.
func (s *Store) Import(ctx context.Context, portal, id string) (importer.Import, error) {
	row, err := findImport(s.with(ctx), portal, id)
	if err != nil {
		return importer.Import{}, wrap(err, "reading import %s", id)
	}
	i, err := row.unpack()
	return i, wrap(err, "reading import %s", id)
}

// UpdateImport changes an import in one transaction. Its id and portal stay
// what they are.
func (s *Store) UpdateImport(ctx context.Context, portal, id string, change func(*importer.Import) error) (importer.Import, error) {
	var changed importer.Import
	err := s.tx(ctx, func(tx *gorm.DB) error {
		before, err := findImport(locked(tx), portal, id)
		if err != nil {
			return err
		}
		changed, err = s.changeImport(tx, before, results{}, change)
		return err
	})
	return changed, changeError(err, "changing import %s", id)
}

// results are outcomes and results of taking back that entries have reached.
type results struct {
	importer.Counts
	undo importer.UndoCounts
}

func (r results) addTo(i *importer.Import) {
	i.Counts.Created += r.Created
	i.Counts.Updated += r.Updated
	i.Counts.Unchanged += r.Unchanged
	i.Counts.Skipped += r.Skipped
	i.Counts.Failed += r.Failed
	i.Undo.TakenBack += r.undo.TakenBack
	i.Undo.Kept += r.undo.Kept
	i.Undo.Impossible += r.undo.Impossible
}

// changeImport adds to the counts of a locked import, lets change alter it,
// and writes the difference. An error of change comes back as a *stopped.
func (s *Store) changeImport(tx *gorm.DB, before importRow, add results, change func(*importer.Import) error) (importer.Import, error) {
	i, err := before.unpack()
	if err != nil {
		return i, err
	}
	add.addTo(&i)
	if change != nil {
		if err := change(&i); err != nil {
			return importer.Import{}, &stopped{err}
		}
	}
	i.ID, i.Portal = before.ID, before.Portal
	after, err := packImport(i)
	if err != nil {
		return importer.Import{}, err
	}
	after.JournalKey, after.Touched = before.JournalKey, stamp(s.now())
	if err := update(tx.Where("portal = ? AND id = ?", before.Portal, before.ID), &before, &after); err != nil {
		return importer.Import{}, err
	}
	return after.unpack()
}

// stopped is an error of the caller's own function, which ends a transaction
// and is returned as it is.
type stopped struct{ error }

func (e *stopped) Unwrap() error { return e.error }

func changeError(err error, format string, args ...any) error {
	var own *stopped
	if errors.As(err, &own) {
		return own.error
	}
	return wrap(err, format, args...)
}

func findImport(q *gorm.DB, portal, id string) (importRow, error) {
	var row importRow
	err := take(q.Where("portal = ? AND id = ?", portal, id), &row, importer.ErrNotFound)
	return row, err
}

// Imports lists the imports of a portal, newest first.
func (s *Store) Imports(ctx context.Context, portal string, limit int, states ...importer.State) ([]importer.Import, error) {
	if limit <= 0 {
		limit = 100
	}
	q := s.with(ctx).Where("portal = ?", portal).Limit(limit)
	if len(states) > 0 {
		q = q.Where("state IN ?", states)
	}
	return listImports(q)
}

// UploadImports lists the imports of one upload, newest first.
func (s *Store) UploadImports(ctx context.Context, portal, upload string) ([]importer.Import, error) {
	return listImports(s.with(ctx).Where("portal = ? AND upload_id = ?", portal, upload))
}

// HashImports lists the imports of files with a hash, newest first; none has
// an empty one.
func (s *Store) HashImports(ctx context.Context, portal, hash string) ([]importer.Import, error) {
	return listImports(s.with(ctx).Where("hash = ? AND hash <> '' AND portal = ?", hash, portal))
}

func listImports(q *gorm.DB) ([]importer.Import, error) {
	var rows []importRow
	if err := q.Order("created DESC, id DESC").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing imports: %w", err)
	}
	imports := make([]importer.Import, len(rows))
	for n, r := range rows {
		var err error
		if imports[n], err = r.unpack(); err != nil {
			return nil, fmt.Errorf("reading import %s: %w", r.ID, err)
		}
	}
	return imports, nil
}

// ImportPortal is the portal of an import.
func (s *Store) ImportPortal(ctx context.Context, id string) (string, error) {
	portal, err := portalOf(s.with(ctx).Model(&importRow{}), id)
	return portal, wrap(err, "finding import %s", id)
}

const dueLanes = `SELECT lane FROM (
	SELECT 'read:' || id AS lane FROM uploads WHERE state = @reading
	UNION
	SELECT 'check:' || id FROM imports WHERE state = @checking
	UNION
	SELECT 'run:' || portal FROM imports WHERE state = @running
	UNION
	SELECT 'run:' || portal FROM imports WHERE state = @waiting AND until > 0 AND until <= @now
) AS due
WHERE NOT EXISTS (SELECT 1 FROM lanes WHERE lanes.lane = due.lane AND lanes.until > @now)
ORDER BY lane`

// DueLanes lists the lanes with work that nobody holds at that time. Each
// part reads one index and costs no more than there is unfinished work.
func (s *Store) DueLanes(ctx context.Context, now time.Time) ([]importer.Lane, error) {
	var lanes []importer.Lane
	err := s.with(ctx).Raw(dueLanes, map[string]any{
		"reading": importer.Reading, "checking": importer.Checking,
		"running": importer.Running, "waiting": importer.Waiting, "now": stamp(now),
	}).Scan(&lanes).Error
	return lanes, wrap(err, "listing lanes with work")
}
