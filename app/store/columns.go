package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"
)

// stamp is a time as it is kept: nanoseconds since 1970, 0 for the zero time.
// Times beyond the years 1678 to 2262 become the ends of that span.
func stamp(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

func fromStamp(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// text is s without what PostgreSQL does not keep in a text column.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// encode is the document of v; none for what is nil or empty by itself.
func encode(v any) ([]byte, error) {
	if r := reflect.ValueOf(v); r.IsZero() {
		return nil, nil
	}
	return json.Marshal(v)
}

// decode reads a document that encode has made; none leaves v as it is.
func decode(document []byte, v any) error {
	if len(document) == 0 {
		return nil
	}
	return json.Unmarshal(document, v)
}

// documents encodes several values; the first error wins.
type documents struct{ err error }

func (d *documents) encode(v any) []byte {
	doc, err := encode(v)
	d.err = errors.Join(d.err, err)
	return doc
}

// encodeAsIs is encode for JSON that somebody else has written: it is not
// escaped anew, only set without white space.
func (d *documents) encodeAsIs(v map[string]json.RawMessage) []byte {
	if v == nil {
		return nil
	}
	var doc bytes.Buffer
	e := json.NewEncoder(&doc)
	e.SetEscapeHTML(false)
	d.err = errors.Join(d.err, e.Encode(v))
	return bytes.TrimSpace(doc.Bytes())
}

func (d *documents) decode(document []byte, v any) {
	d.err = errors.Join(d.err, decode(document, v))
}

// changed lists the columns in which two rows of one table differ. Rows are
// pointers to the same struct type.
func changed(tx *gorm.DB, before, after any) ([]string, error) {
	stmt := &gorm.Statement{DB: tx}
	if err := stmt.Parse(before); err != nil {
		return nil, err
	}
	ctx := tx.Statement.Context
	a, b := reflect.ValueOf(before).Elem(), reflect.ValueOf(after).Elem()
	var columns []string
	for _, f := range stmt.Schema.Fields {
		x, y := f.ReflectValueOf(ctx, a).Interface(), f.ReflectValueOf(ctx, b).Interface()
		if !reflect.DeepEqual(x, y) {
			columns = append(columns, f.DBName)
		}
	}
	return columns, nil
}

// update writes the columns in which after differs from before into the rows
// of q, and only those: a document that stays is not sealed again.
func update(q *gorm.DB, before, after any) error {
	columns, err := changed(q, before, after)
	if err != nil || len(columns) == 0 {
		return err
	}
	return q.Model(after).Select(columns).Updates(after).Error
}
