package bitrix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// fieldRow is a descriptor as crm.item.fields answers it.
type fieldRow struct {
	Type       looseText       `json:"type"`
	Title      looseText       `json:"title"`
	FormLabel  looseText       `json:"formLabel"`
	ListLabel  looseText       `json:"listLabel"`
	UpperName  looseText       `json:"upperName"`
	StatusType looseText       `json:"statusType"`
	Required   looseBool       `json:"isRequired"`
	ReadOnly   looseBool       `json:"isReadOnly"`
	Immutable  looseBool       `json:"isImmutable"`
	Multiple   looseBool       `json:"isMultiple"`
	Dynamic    looseBool       `json:"isDynamic"`
	Items      json.RawMessage `json:"items"`
	Settings   json.RawMessage `json:"settings"`
}

// ReadFields reads the fields of an entity type in the portal's order, user
// fields under their original names (UF_CRM_…). Portals older than CRM 25.0.0
// do not know the parameter and list names of their own making; those are
// then the names to write to, and UpperName stays what is the same on both.
func ReadFields(ctx context.Context, r Reader, entityTypeID int64) ([]Field, error) {
	var raw json.RawMessage
	if err := read(ctx, r, fieldsMethod, fieldsParams(entityTypeID), &raw); err != nil {
		return nil, err
	}
	return parseFields(raw)
}

// ReadFieldsOf reads the fields of many entity types, fifty per request.
// Types that the caller may not read are missing in the answer.
func ReadFieldsOf(ctx context.Context, r Reader, entityTypeIDs []int64) (map[int64][]Field, error) {
	all := make(map[int64][]Field, len(entityTypeIDs))
	err := each(ctx, r, fieldsMethod, entityTypeIDs, func(id int64) any { return fieldsParams(id) },
		func(id int64, raw json.RawMessage) (err error) {
			all[id], err = parseFields(raw)
			return err
		})
	return all, err
}

const fieldsMethod = "crm.item.fields"

func fieldsParams(entityTypeID int64) map[string]any {
	return map[string]any{"entityTypeId": entityTypeID, "useOriginalUfNames": "Y"}
}

func parseFields(raw json.RawMessage) ([]Field, error) {
	const method = fieldsMethod
	var o struct {
		Fields json.RawMessage `json:"fields"`
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, shapeError(method, err)
	}
	if len(o.Fields) == 0 || isNull(o.Fields) {
		return nil, shapeError(method, errors.New("no fields in the result"))
	}
	if isEmptyList(o.Fields) {
		return nil, nil
	}
	names, rows, err := ordered(o.Fields)
	if err != nil {
		return nil, shapeError(method, err)
	}
	fields := make([]Field, 0, len(names))
	for i, name := range names {
		f, err := parseField(name, rows[i])
		if err != nil {
			return nil, shapeError(method, err)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func parseField(name string, raw json.RawMessage) (Field, error) {
	var row fieldRow
	if err := json.Unmarshal(raw, &row); err != nil {
		return Field{}, err
	}
	f := Field{
		Name: name, UpperName: string(row.UpperName), Type: string(row.Type),
		Title: firstText(row.Title, row.FormLabel, row.ListLabel, looseText(name)), StatusType: string(row.StatusType),
		Required: bool(row.Required), ReadOnly: bool(row.ReadOnly), Immutable: bool(row.Immutable),
		Multiple: bool(row.Multiple), Dynamic: bool(row.Dynamic),
	}
	if f.UpperName == "" {
		f.UpperName = name
	}
	var items []struct {
		ID    looseText `json:"ID"`
		Value looseText `json:"VALUE"`
	}
	if err := list(row.Items, &items); err != nil {
		return Field{}, err
	}
	for _, item := range items {
		f.Items = append(f.Items, Option{ID: string(item.ID), Value: string(item.Value)})
	}
	if len(row.Settings) > 0 && row.Settings[0] == '{' {
		if err := json.Unmarshal(row.Settings, &f.Settings); err != nil {
			return Field{}, err
		}
	}
	return f, nil
}

func firstText(texts ...looseText) string {
	for _, t := range texts {
		if s := strings.TrimSpace(string(t)); s != "" {
			return s
		}
	}
	return ""
}

// Imported is one row's result of crm.item.batchImport.
type Imported struct {
	// ID is the item's; 0 with Err.
	ID  int64
	Err *Error
}

// ParseImported reads the result of crm.item.batchImport by the keys under
// which the rows were sent, in their order: portals answer with an object of
// these keys, or with a list. A row that is missing in the answer is missing
// in the map: what became of it is not known.
func ParseImported(result json.RawMessage, keys []string) (map[string]Imported, error) {
	const method = "crm.item.batchImport"
	var o struct {
		Items json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(result, &o); err != nil {
		return nil, shapeError(method, err)
	}
	sent := make([]Command, len(keys))
	for i, key := range keys {
		sent[i].Key = key
	}
	items, err := section(o.Items, sent)
	if err != nil {
		return nil, shapeError(method, err)
	}
	// Places name rows only where there is one for each.
	if bytes.HasPrefix(o.Items, []byte("[")) && len(items) != len(keys) && len(items) > 0 {
		return nil, shapeError(method, fmt.Errorf("%d results for %d rows", len(items), len(keys)))
	}
	rows := make(map[string]Imported, len(items))
	for key, raw := range items {
		if fault := ParseError(method, raw); fault != nil {
			rows[key] = Imported{Err: fault}
			continue
		}
		var row struct {
			Item struct {
				ID looseInt `json:"id"`
			} `json:"item"`
		}
		if err := json.Unmarshal(raw, &row); err != nil || row.Item.ID <= 0 {
			continue
		}
		rows[key] = Imported{ID: int64(row.Item.ID)}
	}
	return rows, nil
}
