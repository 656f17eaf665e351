package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/spa-importer/spa-importer/app/vault"
)

// serializerName is what the tag of a sealed column says:
// `gorm:"serializer:sealed"`.
const serializerName = "sealed"

// sealer is the GORM serializer of sealed columns, whose Go type is string or
// []byte. Table, column and primary key are the additional data, so that a
// value which is moved to another row or column does not open. An empty value
// is kept as NULL.
//
// The primary key must be among the columns read, and before the sealed ones;
// it is the first in every table.
type sealer struct{}

// Value seals.
func (sealer) Value(ctx context.Context, f *schema.Field, row reflect.Value, value any) (any, error) {
	var plain []byte
	switch v := value.(type) {
	case string:
		plain = []byte(v)
	case []byte:
		plain = v
	default:
		return nil, fmt.Errorf("column %s cannot be sealed: it is a %T", f.DBName, value)
	}
	if len(plain) == 0 {
		return nil, nil
	}
	v, err := vaultOf(ctx)
	if err != nil {
		return nil, err
	}
	return v.Seal(plain, place(ctx, f, row))
}

// Scan unseals.
func (sealer) Scan(ctx context.Context, f *schema.Field, row reflect.Value, value any) error {
	sealed, ok := value.([]byte)
	if !ok && value != nil {
		return fmt.Errorf("column %s holds a %T, not sealed bytes", f.DBName, value)
	}
	var plain []byte
	if len(sealed) > 0 {
		v, err := vaultOf(ctx)
		if err != nil {
			return err
		}
		if plain, err = v.Unseal(sealed, place(ctx, f, row)); err != nil {
			return fmt.Errorf("opening column %s of table %s: %w", f.DBName, f.Schema.Table, err)
		}
	}
	if dest := f.ReflectValueOf(ctx, row); dest.Kind() == reflect.String {
		dest.SetString(string(plain))
	} else {
		dest.SetBytes(plain)
	}
	return nil
}

// place names a column of a row: table.column:"key" or table.column:"a"7.
func place(ctx context.Context, f *schema.Field, row reflect.Value) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.%s:", f.Schema.Table, f.DBName)
	for _, pk := range f.Schema.PrimaryFields {
		fmt.Fprintf(&b, "%#v", pk.ReflectValueOf(ctx, row).Interface())
	}
	return b.String()
}

type vaultKey struct{}

// withVault says what the statements of a context seal with: GORM hands its
// serializers nothing else.
func withVault(ctx context.Context, v *vault.Vault) context.Context {
	return context.WithValue(ctx, vaultKey{}, v)
}

func vaultOf(ctx context.Context) (*vault.Vault, error) {
	if v, ok := ctx.Value(vaultKey{}).(*vault.Vault); ok {
		return v, nil
	}
	return nil, errors.New("no vault in the statement's context")
}

// sealedWith returns tx sealing with another vault.
func sealedWith(ctx context.Context, tx *gorm.DB, v *vault.Vault) *gorm.DB {
	return tx.WithContext(withVault(ctx, v))
}

// ErrWrongKey is returned when a database is opened with a vault that does
// not open what is sealed in it.
var ErrWrongKey = errors.New("the data was sealed with another key: set APP_KEY, or put back the key file, that was used before")

// sealRow is the one row of table seals: it exists to be opened.
type sealRow struct {
	ID    int64  `gorm:"primaryKey;autoIncrement:false"`
	Probe string `gorm:"serializer:sealed"`
}

func (sealRow) TableName() string { return "seals" }

// checkKey finds out at the start, not at the first user, that the key is not
// the one the data was sealed with.
func (s *Store) checkKey(ctx context.Context) error {
	err := s.tx(ctx, func(tx *gorm.DB) error {
		var rows []sealRow
		if err := locked(tx).Find(&rows).Error; err != nil || len(rows) > 0 {
			return err
		}
		return tx.Create(&sealRow{ID: 1, Probe: "open"}).Error
	})
	if errors.Is(err, vault.ErrUnknownKey) || errors.Is(err, vault.ErrDamaged) {
		return fmt.Errorf("%w (%w)", ErrWrongKey, err)
	}
	return err
}
