package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/spa-importer/spa-importer/app/importer"
)

// uploadRow is an importer.Upload. What was read from the file is sealed.
type uploadRow struct {
	ID             string `gorm:"primaryKey"`
	Portal         string
	UserID         int64
	Name           string
	Size, Received int64
	State          string
	Inspection     []byte `gorm:"serializer:sealed"`
	Shape          []byte `gorm:"serializer:sealed"` // Upload.Table
	Profiles       []byte `gorm:"serializer:sealed"`
	Done           int64
	Problem        []byte `gorm:"serializer:sealed"`
	Revision       int64
	DataKey        []byte `gorm:"serializer:sealed"`
	Created        int64
	Archive        bool
	Derived        bool
	Hash           string
}

func (uploadRow) TableName() string { return "uploads" }

func packUpload(u importer.Upload) (uploadRow, error) {
	var d documents
	r := uploadRow{
		ID: u.ID, Portal: u.Portal, UserID: u.User, Name: text(u.Name),
		Size: u.Size, Received: u.Received, State: string(u.State),
		Inspection: d.encode(u.Inspection), Shape: d.encode(u.Table), Profiles: d.encode(u.Profiles),
		Done: u.Done, Problem: d.encode(u.Problem), Revision: int64(u.Revision),
		DataKey: u.Key, Created: stamp(u.Created), Archive: u.Archive, Derived: u.Derived, Hash: u.Hash,
	}
	return r, d.err
}

func (r uploadRow) unpack() (importer.Upload, error) {
	var d documents
	u := importer.Upload{
		ID: r.ID, Portal: r.Portal, User: r.UserID, Name: r.Name,
		Size: r.Size, Received: r.Received, State: importer.UploadState(r.State),
		Done: r.Done, Revision: int(r.Revision), Key: r.DataKey, Created: fromStamp(r.Created),
		Archive: r.Archive, Derived: r.Derived, Hash: r.Hash,
	}
	d.decode(r.Inspection, &u.Inspection)
	d.decode(r.Shape, &u.Table)
	d.decode(r.Profiles, &u.Profiles)
	d.decode(r.Problem, &u.Problem)
	return u, d.err
}

// CreateUpload keeps a new upload; ErrExists if its id is taken.
func (s *Store) CreateUpload(ctx context.Context, u importer.Upload) error {
	row, err := packUpload(u)
	if err == nil {
		err = s.create(ctx, &row)
	}
	return wrap(err, "creating upload %s", u.ID)
}

// Upload finds an upload of a portal.
func (s *Store) Upload(ctx context.Context, portal, id string) (importer.Upload, error) {
	u, _, err := findUpload(s.with(ctx), portal, id)
	return u, wrap(err, "reading upload %s", id)
}

// UpdateUpload changes an upload in one transaction. Its id and portal stay
// what they are.
func (s *Store) UpdateUpload(ctx context.Context, portal, id string, change func(*importer.Upload) error) (importer.Upload, error) {
	var changed importer.Upload
	err := s.tx(ctx, func(tx *gorm.DB) error {
		u, before, err := findUpload(locked(tx), portal, id)
		if err != nil {
			return err
		}
		if err := change(&u); err != nil {
			return &stopped{err}
		}
		u.ID, u.Portal = id, portal
		after, err := packUpload(u)
		if err != nil {
			return err
		}
		if err := update(tx.Where("portal = ? AND id = ?", portal, id), &before, &after); err != nil {
			return err
		}
		changed, err = after.unpack()
		return err
	})
	return changed, changeError(err, "changing upload %s", id)
}

func findUpload(q *gorm.DB, portal, id string) (importer.Upload, uploadRow, error) {
	var row uploadRow
	err := take(q.Where("portal = ? AND id = ?", portal, id), &row, importer.ErrNotFound)
	if err != nil {
		return importer.Upload{}, row, err
	}
	u, err := row.unpack()
	return u, row, err
}

// UploadPortal is the portal of an upload.
func (s *Store) UploadPortal(ctx context.Context, upload string) (string, error) {
	portal, err := portalOf(s.with(ctx).Model(&uploadRow{}), upload)
	return portal, wrap(err, "finding upload %s", upload)
}

func portalOf(q *gorm.DB, id string) (string, error) {
	var portals []string
	err := q.Where("id = ?", id).Limit(1).Pluck("portal", &portals).Error
	if err == nil && len(portals) == 0 {
		err = importer.ErrNotFound
	}
	if err != nil {
		return "", err
	}
	return portals[0], nil
}

// usingUpload selects the imports that keep an upload from expiring at a time.
const usingUpload = `SELECT 1 FROM imports
WHERE (imports.upload_id = uploads.id OR imports.archive = uploads.id AND imports.archive <> '')
AND (imports.state NOT IN @idle OR imports.finished >= @at OR (imports.finished = 0 AND imports.touched >= @at))`

// idle are the states in which an import needs its files no more, or waits
// for a person who has not started it yet.
var idle = []importer.State{importer.Draft, importer.Checked, importer.Stopped, importer.Done, importer.Undone}

// ExpiredUploads lists uploads that came before the time, oldest first, and
// of which no import is at work, ended since, or was changed since by a
// person who has not started it yet.
func (s *Store) ExpiredUploads(ctx context.Context, before time.Time) ([]importer.Upload, error) {
	at := stamp(before)
	var rows []uploadRow
	err := s.with(ctx).
		Where("created < ?", at).
		Where("NOT EXISTS ("+usingUpload+")", map[string]any{"idle": idle, "at": at}).
		Order("created, id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("listing expired uploads: %w", err)
	}
	uploads := make([]importer.Upload, len(rows))
	for i, r := range rows {
		if uploads[i], err = r.unpack(); err != nil {
			return nil, fmt.Errorf("reading upload %s: %w", r.ID, err)
		}
	}
	return uploads, nil
}

// errAtWork is why an upload cannot be forgotten.
var errAtWork = errors.New("an import that has begun to write still needs it")

// ForgetUpload deletes an upload, and of its imports the keys, the journal
// the look-ups and the edits, which makes their files unreadable for good.
// Imports that were started stay as lines of the history; drafts and checked
// ones, which have none, are deleted. Imports of which it is only the archive
// lose nothing else. It refuses while an import of either kind runs, pauses or
// waits. An upload that is not there is no error.
//
// The keys go first. A long journal then goes in portions, so that nobody
// waits long for his turn to write; what an interruption leaves is found by the
// next call.
func (s *Store) ForgetUpload(ctx context.Context, portal, id string) error {
	var ended []string
	err := s.tx(ctx, func(tx *gorm.DB) error {
		imports, err := importsOf(tx, portal, id)
		for _, r := range imports {
			if err == nil && r.UploadID == id && !unstarted(importer.State(r.State)) {
				ended = append(ended, r.ID)
				err = forgetKeys(tx, portal, r.ID)
			}
		}
		return err
	})
	for _, imp := range ended {
		for more := err == nil; more && err == nil; {
			more, err = s.forgetRows(ctx, imp)
		}
	}
	if err == nil {
		err = s.forgetUpload(ctx, portal, id)
	}
	if err == nil {
		err = s.scrub(ctx)
	}
	return wrap(err, "forgetting upload %s", id)
}

// importsOf locks the imports of an upload, or refuses if one of them needs it.
func importsOf(tx *gorm.DB, portal, upload string) ([]importRow, error) {
	var imports []importRow
	err := locked(tx).Select("id", "state", "upload_id").
		Where("portal = ? AND (upload_id = ? OR archive = ? AND archive <> '')", portal, upload, upload).Find(&imports).Error
	for _, r := range imports {
		if state := importer.State(r.State); err == nil && !state.Ended() && !unstarted(state) {
			err = errAtWork
		}
	}
	return imports, err
}

// forgetRows deletes a portion of an import's journal and look-ups; more says
// that something is left.
func (s *Store) forgetRows(ctx context.Context, imp string) (more bool, err error) {
	err = s.tx(ctx, func(tx *gorm.DB) error {
		for _, statement := range []string{
			"DELETE FROM entries WHERE import_id = @imp AND idx IN (SELECT idx FROM entries WHERE import_id = @imp ORDER BY idx LIMIT @n)",
			"DELETE FROM lookups WHERE import_id = @imp AND hash IN (SELECT hash FROM lookups WHERE import_id = @imp ORDER BY hash LIMIT @n)",
		} {
			q := tx.Exec(statement, map[string]any{"imp": imp, "n": s.portion})
			if q.Error != nil {
				return q.Error
			}
			more = more || q.RowsAffected == int64(s.portion)
		}
		return nil
	})
	return more, err
}

// forgetUpload deletes an upload and what is left of its imports' files.
func (s *Store) forgetUpload(ctx context.Context, portal, id string) error {
	return s.tx(ctx, func(tx *gorm.DB) error {
		imports, err := importsOf(tx, portal, id)
		if err != nil {
			return err
		}
		for _, r := range imports {
			if r.UploadID != id {
				continue
			}
			if err := forgetImport(tx, portal, r); err != nil {
				return err
			}
		}
		if err := tx.Where("portal = ? AND id = ?", portal, id).Delete(&uploadRow{}).Error; err != nil {
			return err
		}
		return tx.Where("lane = ?", "read:"+id).Delete(&laneRow{}).Error
	})
}

// unstarted reports whether an import in this state has never written.
func unstarted(s importer.State) bool {
	return s == importer.Draft || s == importer.Checking || s == importer.Checked
}

// forgetImport deletes what is left of an import's file.
func forgetImport(tx *gorm.DB, portal string, r importRow) error {
	for _, table := range []any{&entryRow{}, &lookupRow{}, &editRow{}} {
		if err := tx.Where("import_id = ?", r.ID).Delete(table).Error; err != nil {
			return err
		}
	}
	if err := tx.Where("lane = ?", "check:"+r.ID).Delete(&laneRow{}).Error; err != nil {
		return err
	}
	if unstarted(importer.State(r.State)) {
		return tx.Where("portal = ? AND id = ?", portal, r.ID).Delete(&importRow{}).Error
	}
	return forgetKeys(tx, portal, r.ID)
}

// forgetKeys makes what is kept of an import unreadable.
func forgetKeys(tx *gorm.DB, portal, imp string) error {
	return tx.Model(&importRow{}).Where("portal = ? AND id = ?", portal, imp).
		Updates(map[string]any{"data_key": nil, "journal_key": nil}).Error
}

// wrap says what was being done when an error came; nil stays nil.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}
