package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// Reseal seals anew whatever is not sealed with the vault's first key, and
// returns how many rows that were. When it has returned without an error, the
// older keys can be taken out of APP_KEY. It may run while the app works, and
// may be stopped and called again.
//
// Journals, look-ups and edits are left as they are: each is sealed with the
// journal key of its import, and that key is sealed anew. So it is with what a
// portal remembers, which is sealed with the key of its memory.
func (s *Store) Reseal(ctx context.Context) (int, error) {
	total := 0
	for _, table := range []func(context.Context, *Store) (int, error){
		reseal[sealRow], reseal[portalRow], reseal[grantRow], reseal[webhookRow],
		reseal[uploadRow], reseal[importRow], reseal[memoryRow],
	} {
		n, err := table(ctx, s)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, wrap(s.scrub(ctx), "resealing")
}

// reseal does it for one table, row by row, each in a transaction of its own:
// nobody waits for long.
func reseal[R any](ctx context.Context, s *Store) (int, error) {
	stmt := &gorm.Statement{DB: s.db}
	if err := stmt.Parse(new(R)); err != nil {
		return 0, err
	}
	var rows []R
	if err := s.with(ctx).Select(stmt.Schema.PrimaryFieldDBNames).Find(&rows).Error; err != nil {
		return 0, fmt.Errorf("resealing %s: %w", stmt.Table, err)
	}
	n := 0
	for i := range rows {
		var changed bool
		err := s.tx(ctx, func(tx *gorm.DB) (err error) {
			changed, err = s.resealRow(tx, stmt.Schema, reflect.ValueOf(&rows[i]).Elem())
			return err
		})
		if err != nil {
			return n, fmt.Errorf("resealing %s: %w", stmt.Table, err)
		}
		if changed {
			n++
		}
	}
	return n, nil
}

// resealRow reads the sealed columns of one row as they are, past GORM's
// serializer, and writes those that were sealed with an older key.
func (s *Store) resealRow(tx *gorm.DB, table *schema.Schema, row reflect.Value) (bool, error) {
	ctx := tx.Statement.Context
	q := tx.Table(table.Table)
	for _, pk := range table.PrimaryFields {
		q = q.Where(pk.DBName+" = ?", pk.ReflectValueOf(ctx, row).Interface())
	}
	q = q.Session(&gorm.Session{})
	var fields []*schema.Field
	var columns []string
	for _, f := range table.Fields {
		if _, ok := f.Serializer.(sealer); ok {
			fields, columns = append(fields, f), append(columns, f.DBName)
		}
	}
	sealed, into := make([][]byte, len(columns)), make([]any, len(columns))
	for i := range sealed {
		into[i] = &sealed[i]
	}
	err := locked(q).Select(columns).Row().Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil // deleted meanwhile
	}
	if err != nil {
		return false, err
	}
	values := make(map[string]any)
	for i, f := range fields {
		if len(sealed[i]) == 0 {
			continue
		}
		anew, changed, err := s.vault.Reseal(sealed[i], place(ctx, f, row))
		if err != nil {
			return false, fmt.Errorf("opening column %s: %w", f.DBName, err)
		}
		if changed {
			values[f.DBName] = anew
		}
	}
	if len(values) == 0 {
		return false, nil
	}
	return true, q.Updates(values).Error
}
