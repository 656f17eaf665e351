package store

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/vault"
)

// How much of one kind a portal remembers per entity type.
const (
	maxMappings = 200
	maxAnswers  = 10_000
)

// memoryRow is what opens a portal's memory: its mappings and answers are
// sealed with the key, and found by hashes under it. It is made with the first
// of them. Who writes to the memory locks this row first.
type memoryRow struct {
	Portal    string `gorm:"primaryKey"`
	MemoryKey []byte `gorm:"serializer:sealed"`
	Serial    int64  // of the answer that was saved last
}

func (memoryRow) TableName() string { return "memories" }

// mappingRow is an importer.SavedMapping. Slot is the HMAC of its name or its
// headers: what another one must have to take its place.
type mappingRow struct {
	Portal       string `gorm:"primaryKey"`
	ID           string `gorm:"primaryKey"`
	EntityTypeID int64
	Slot         string
	Named        bool
	Content      []byte `gorm:"serializer:sealed"`
	Used         int64
}

func (mappingRow) TableName() string { return "mappings" }

// mappingContent is what of a mapping is sealed.
type mappingContent struct {
	Name      string                 `json:"n,omitempty"`
	Headers   string                 `json:"h,omitempty"`
	Columns   []importer.SavedColumn `json:"c,omitempty"`
	Constants map[string]string      `json:"k,omitempty"`
	User      int64                  `json:"u,omitempty"`
	UserName  string                 `json:"un,omitempty"`
}

// answerRow is an importer.Answer. Field and value, which is a cell of some
// file, are found by their HMAC.
type answerRow struct {
	Portal       string `gorm:"primaryKey"`
	EntityTypeID int64  `gorm:"primaryKey;autoIncrement:false"`
	Hash         string `gorm:"primaryKey"`
	Content      []byte `gorm:"serializer:sealed"`
	Serial       int64  // grows with each answer that is saved
}

func (answerRow) TableName() string { return "answers" }

// answerContent is an importer.Answer as it is sealed.
type answerContent struct {
	Field  string          `json:"f,omitempty"`
	Value  string          `json:"v,omitempty"`
	Action importer.Action `json:"a,omitempty"`
	With   string          `json:"w,omitempty"`
}

// memory is a portal's memory, opened.
type memory struct {
	row   memoryRow
	vault *vault.Vault
}

func openMemory(q *gorm.DB, portal string) (memory, error) {
	var m memory
	err := take(q.Where("portal = ?", portal), &m.row, importer.ErrNotFound)
	if err == nil {
		m.vault, err = vault.New(m.row.MemoryKey)
	}
	return m, err
}

// lockMemory opens a portal's memory for the rest of a transaction, and makes
// it before where there is none.
func lockMemory(tx *gorm.DB, portal string) (memory, error) {
	err := tx.Clauses(clause.OnConflict{DoNothing: true}).
		Create(&memoryRow{Portal: portal, MemoryKey: vault.NewDataKey()}).Error
	if err != nil {
		return memory{}, err
	}
	return openMemory(locked(tx), portal)
}

// hash stands for a kind and a key in tables of the memory.
func (m memory) hash(table, kind, key string) (string, error) {
	secret, err := hkdf.Key(sha256.New, m.row.MemoryKey, nil, table, sha256.Size)
	if err != nil {
		return "", err
	}
	return lookupHash(secret, kind, key), nil
}

// slot is the place of a mapping: see mappingRow.
func (m memory) slot(c mappingContent) (string, error) {
	if c.Name != "" {
		return m.hash("mappings", "name", c.Name)
	}
	return m.hash("mappings", "headers", c.Headers)
}

// SaveMapping keeps a mapping and lets those fall out that are too many: see
// importer.Store.
func (s *Store) SaveMapping(ctx context.Context, m importer.SavedMapping) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		own, err := lockMemory(tx, m.Portal)
		if err != nil {
			return err
		}
		row, err := own.packMapping(m)
		if err != nil {
			return err
		}
		if row.Used == 0 {
			row.Used = stamp(s.now())
		}
		if err := replaceMapping(ctx, tx, own, row); err != nil {
			return err
		}
		return tx.Exec(`DELETE FROM mappings WHERE portal = @portal AND id IN (
	SELECT id FROM mappings WHERE portal = @portal AND entity_type_id = @type
	ORDER BY named DESC, used DESC, id DESC LIMIT 1000 OFFSET @max)`,
			map[string]any{"portal": m.Portal, "type": m.EntityTypeID, "max": maxMappings}).Error
	})
	return wrap(err, "saving a mapping of portal %s", m.Portal)
}

// replaceMapping writes a row in place of the one with its id and the one in
// its slot. Where it has only the slot in common with another one, it takes
// over that one's id, which pages may still name.
func replaceMapping(ctx context.Context, tx *gorm.DB, own memory, row mappingRow) error {
	var old []mappingRow
	q := tx.Where("portal = ? AND (id = ? OR entity_type_id = ? AND slot = ?)", row.Portal, row.ID, row.EntityTypeID, row.Slot)
	if err := q.Session(&gorm.Session{}).Omit("content").Find(&old).Error; err != nil {
		return err
	}
	if err := q.Session(&gorm.Session{}).Delete(&mappingRow{}).Error; err != nil {
		return err
	}
	if len(old) == 1 {
		row.ID = old[0].ID
	}
	if row.ID == "" {
		row.ID = vault.NewID()
	}
	return sealedWith(ctx, tx, own.vault).Create(&row).Error
}

func (m memory) packMapping(s importer.SavedMapping) (mappingRow, error) {
	content := mappingContent{
		Name: text(s.Name), Headers: text(s.Headers), Columns: s.Columns, Constants: s.Constants,
		User: s.User, UserName: text(s.UserName),
	}
	slot, err := m.slot(content)
	if err != nil {
		return mappingRow{}, err
	}
	doc, err := encode(content)
	return mappingRow{
		Portal: s.Portal, ID: s.ID, EntityTypeID: s.EntityTypeID, Slot: slot, Named: content.Name != "",
		Content: doc, Used: stamp(s.Used),
	}, err
}

func (r mappingRow) unpack() (importer.SavedMapping, error) {
	var c mappingContent
	err := decode(r.Content, &c)
	return importer.SavedMapping{
		ID: r.ID, Portal: r.Portal, EntityTypeID: r.EntityTypeID, Name: c.Name, Headers: c.Headers,
		Columns: c.Columns, Constants: c.Constants, User: c.User, UserName: c.UserName, Used: fromStamp(r.Used),
	}, err
}

// Mappings lists what a portal remembers for an entity type, last used first.
func (s *Store) Mappings(ctx context.Context, portal string, entityTypeID int64) ([]importer.SavedMapping, error) {
	var rows []mappingRow
	err := s.remembered(ctx, portal, entityTypeID, &rows, "used DESC, id DESC", maxMappings)
	if err != nil {
		return nil, wrap(err, "reading mappings of portal %s", portal)
	}
	mappings := make([]importer.SavedMapping, len(rows))
	for n, r := range rows {
		if mappings[n], err = r.unpack(); err != nil {
			return nil, fmt.Errorf("reading mapping %s: %w", r.ID, err)
		}
	}
	return mappings, nil
}

// remembered reads rows of a portal's memory; a portal without one has none.
func (s *Store) remembered(ctx context.Context, portal string, entityTypeID int64, rows any, order string, limit int) error {
	own, err := openMemory(s.with(ctx), portal)
	if errors.Is(err, importer.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return sealedWith(ctx, s.db, own.vault).Where("portal = ? AND entity_type_id = ?", portal, entityTypeID).
		Order(order).Limit(limit).Find(rows).Error
}

// DeleteMapping deletes a mapping of a portal; ErrNotFound if it has none with
// this id.
func (s *Store) DeleteMapping(ctx context.Context, portal, id string) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		q := tx.Where("portal = ? AND id = ?", portal, id).Delete(&mappingRow{})
		if q.Error == nil && q.RowsAffected == 0 {
			return importer.ErrNotFound
		}
		return q.Error
	})
	return wrap(err, "deleting mapping %s", id)
}

// SaveAnswers remembers decisions and lets the oldest fall out that are too
// many; of two for the same field and value the last counts.
func (s *Store) SaveAnswers(ctx context.Context, portal string, entityTypeID int64, answers []importer.Answer) error {
	if len(answers) == 0 {
		return nil
	}
	err := s.tx(ctx, func(tx *gorm.DB) error {
		own, err := lockMemory(tx, portal)
		if err != nil {
			return err
		}
		rows, err := own.packAnswers(portal, entityTypeID, answers)
		if err != nil {
			return err
		}
		err = tx.Model(&memoryRow{}).Where("portal = ?", portal).
			Update("serial", own.row.Serial+int64(len(answers))).Error
		if err != nil {
			return err
		}
		err = sealedWith(ctx, tx, own.vault).Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "portal"}, {Name: "entity_type_id"}, {Name: "hash"}},
			DoUpdates: clause.AssignmentColumns([]string{"content", "serial"}),
		}).CreateInBatches(rows, chunk).Error
		if err != nil {
			return err
		}
		return tx.Exec(`DELETE FROM answers WHERE portal = @portal AND entity_type_id = @type AND serial <= (
	SELECT serial FROM answers WHERE portal = @portal AND entity_type_id = @type
	ORDER BY serial DESC LIMIT 1 OFFSET @max)`,
			map[string]any{"portal": portal, "type": entityTypeID, "max": maxAnswers}).Error
	})
	return wrap(err, "saving answers of portal %s", portal)
}

// packAnswers makes one row per field and value, numbered on from the memory's
// serial.
func (m memory) packAnswers(portal string, entityTypeID int64, answers []importer.Answer) ([]answerRow, error) {
	secret, err := hkdf.Key(sha256.New, m.row.MemoryKey, nil, "answers", sha256.Size)
	if err != nil {
		return nil, err
	}
	rows := make([]answerRow, 0, len(answers))
	at := make(map[string]int, len(answers))
	for n, a := range answers {
		// What JSON would make of it, so that it is found under what is read.
		a.Field, a.Value = strings.ToValidUTF8(a.Field, "\uFFFD"), strings.ToValidUTF8(a.Value, "\uFFFD")
		doc, err := json.Marshal(answerContent(a))
		if err != nil {
			return nil, err
		}
		row := answerRow{
			Portal: portal, EntityTypeID: entityTypeID, Hash: lookupHash(secret, a.Field, a.Value),
			Content: doc, Serial: m.row.Serial + int64(n) + 1,
		}
		if k, ok := at[row.Hash]; ok {
			rows[k] = row
			continue
		}
		at[row.Hash] = len(rows)
		rows = append(rows, row)
	}
	return rows, nil
}

// Answers lists the decisions a portal remembers for an entity type, last
// saved first.
func (s *Store) Answers(ctx context.Context, portal string, entityTypeID int64) ([]importer.Answer, error) {
	var rows []answerRow
	err := s.remembered(ctx, portal, entityTypeID, &rows, "serial DESC", maxAnswers)
	if err != nil {
		return nil, wrap(err, "reading answers of portal %s", portal)
	}
	answers := make([]importer.Answer, len(rows))
	for n, r := range rows {
		var c answerContent
		if err := decode(r.Content, &c); err != nil {
			return nil, fmt.Errorf("reading answers of portal %s: %w", portal, err)
		}
		answers[n] = importer.Answer(c)
	}
	return answers, nil
}
