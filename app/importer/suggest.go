package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// certain is the confidence from which a column is matched by itself; below
// it the person decides.
const certain = field.Certain

// Suggestion is the smart process that a file seems to be meant for.
type Suggestion struct {
	// EntityTypeID is 0 where there is no clear winner.
	EntityTypeID int64
	// Matched of Of columns have a field there. Template: the file is a
	// template of this smart process, which needs no counting.
	Matched, Of int
	Template    bool
}

// PortalMark marks a portal in a template without naming it.
func PortalMark(portal string) string {
	sum := sha256.Sum256([]byte("spa-importer template\x00" + portal))
	return hex.EncodeToString(sum[:8])
}

// Suggest says which of the entity types a file is meant for: the one whose
// template it is, or the one whose field names fit the headers best.
func (s *Service) Suggest(ctx context.Context, a Actor, imp string, types []bitrix.Type) (Suggestion, error) {
	draft, err := s.Import(ctx, a, imp)
	if err != nil {
		return Suggestion{}, err
	}
	u, err := s.store.Upload(ctx, a.Portal, draft.Upload)
	if err != nil {
		return Suggestion{}, fmt.Errorf("loading upload: %w", err)
	}
	if u.Inspection == nil {
		return Suggestion{}, Refuse("upload_incomplete")
	}
	best := Suggestion{Of: len(u.Inspection.Columns)}
	ids := make([]int64, len(types))
	for i, t := range types {
		ids[i] = t.EntityTypeID
		if templateOf(a.Portal, t.EntityTypeID, u) != nil {
			return Suggestion{EntityTypeID: t.EntityTypeID, Of: best.Of, Template: true}, nil
		}
	}
	caller, err := s.connect(ctx, a.Portal, a.Connection)
	if err != nil {
		return Suggestion{}, err
	}
	fields, err := bitrix.ReadFieldsOf(ctx, caller, ids)
	if err != nil {
		return Suggestion{}, portalError("reading the fields of all smart processes", err)
	}
	second := 0
	for _, id := range ids {
		n := headersIn(fields[id], field.Context{EntityTypeID: id, Lang: a.Lang}, u)
		if n > best.Matched {
			best.EntityTypeID, best.Matched, second = id, n, best.Matched
		} else if n > second {
			second = n
		}
	}
	// One column with a common name, such as "Title", is no reason.
	if best.Matched == second || best.Matched == 1 && best.Of > 2 {
		best.EntityTypeID = 0
	}
	return best, nil
}

// headersIn counts the columns that surely have a field here.
func headersIn(fields []bitrix.Field, c field.Context, u Upload) int {
	targets := field.Targets(fields, c)
	n := 0
	for _, column := range u.Inspection.Columns {
		if p := field.Match(column.Name, field.Profile{}, targets, c); len(p) > 0 && p[0].Confidence >= certain {
			n++
		}
	}
	return n
}
