package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/spa-importer/spa-importer/app/importer"
)

// lookupRow is an importer.Lookup. What was looked for is a cell of the file:
// only its HMAC is kept, under a key of the import.
type lookupRow struct {
	ImportID string `gorm:"primaryKey"`
	Hash     string `gorm:"primaryKey"`
	Found    []byte `gorm:"serializer:sealed"`
}

func (lookupRow) TableName() string { return "lookups" }

// lookupHash stands for a kind and a key of an import.
func lookupHash(secret []byte, kind, key string) string {
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%d:%s%s", len(kind), kind, key)
	return hex.EncodeToString(mac.Sum(nil))
}

// SaveLookups remembers what was found for an import; what was known before
// is replaced.
func (s *Store) SaveLookups(ctx context.Context, imp string, found []importer.Lookup) error {
	if len(found) == 0 {
		return nil
	}
	err := s.tx(ctx, func(tx *gorm.DB) error {
		// Locked, so that the import is not forgotten meanwhile.
		row, err := journalOf(locked(tx), imp)
		if err != nil {
			return err
		}
		secret, err := lookupKey(row)
		if err != nil {
			return err
		}
		own, err := journalVault(row)
		if err != nil {
			return err
		}
		rows, err := packLookups(imp, secret, found)
		if err != nil {
			return err
		}
		return sealedWith(ctx, tx, own).Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "import_id"}, {Name: "hash"}},
			DoUpdates: clause.AssignmentColumns([]string{"found"}),
		}).CreateInBatches(rows, chunk).Error
	})
	return wrap(err, "saving look-ups of import %s", imp)
}

// packLookups makes one row per reference; of two for the same one the last
// counts.
func packLookups(imp string, secret []byte, found []importer.Lookup) ([]lookupRow, error) {
	rows := make([]lookupRow, 0, len(found))
	at := make(map[string]int, len(found))
	for _, l := range found {
		ids, err := packIDs(l.IDs)
		if err != nil {
			return nil, err
		}
		hash := lookupHash(secret, l.Kind, l.Key)
		if n, ok := at[hash]; ok {
			rows[n].Found = ids
			continue
		}
		at[hash] = len(rows)
		rows = append(rows, lookupRow{ImportID: imp, Hash: hash, Found: ids})
	}
	return rows, nil
}

// Lookups is what is known of these keys; a key that was never looked for is
// not in the result.
func (s *Store) Lookups(ctx context.Context, imp, kind string, keys []string) (map[string][]string, error) {
	found, err := s.lookups(ctx, imp, kind, keys)
	return found, wrap(err, "reading look-ups of import %s", imp)
}

func (s *Store) lookups(ctx context.Context, imp, kind string, keys []string) (map[string][]string, error) {
	row, err := journalOf(s.with(ctx), imp)
	if err != nil {
		return nil, err
	}
	secret, err := lookupKey(row)
	if err != nil {
		return nil, err
	}
	own, err := journalVault(row)
	if err != nil {
		return nil, err
	}
	keyOf := make(map[string]string, len(keys))
	hashes := make([]string, len(keys))
	for n, key := range keys {
		hashes[n] = lookupHash(secret, kind, key)
		keyOf[hashes[n]] = key
	}
	found := make(map[string][]string)
	for from := 0; from < len(hashes); from += chunk {
		var rows []lookupRow
		part := hashes[from:min(from+chunk, len(hashes))]
		err := sealedWith(ctx, s.db, own).Where("import_id = ? AND hash IN ?", imp, part).Find(&rows).Error
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			var ids []string
			if err := decode(r.Found, &ids); err != nil {
				return nil, err
			}
			found[keyOf[r.Hash]] = ids
		}
	}
	return found, nil
}

// packIDs is the document of what was found: an empty list is one too.
func packIDs(ids []string) ([]byte, error) {
	if ids == nil {
		ids = []string{}
	}
	return json.Marshal(ids)
}
