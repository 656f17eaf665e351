package bitrix

import (
	"context"
	"encoding/json"
	"fmt"
)

// AddOptionCodes gives the options of list fields their external codes, which
// crm.item.fields leaves out (userfieldconfig.list and .get, scope
// userfieldconfig). typeID is Type.ID. What the caller may not read stays
// without.
func AddOptionCodes(ctx context.Context, r Reader, typeID int64, fields []Field) error {
	byName := make(map[string]*Field, len(fields))
	for i := range fields {
		if fields[i].Type == "enumeration" && fields[i].Dynamic {
			byName[fields[i].UpperName] = &fields[i]
		}
	}
	if len(byName) == 0 {
		return nil
	}
	var ids []string
	err := pages(ctx, r, "userfieldconfig.list", map[string]any{
		"moduleId": "crm", "filter": map[string]any{"entityId": fmt.Sprintf("CRM_%d", typeID), "userTypeId": "enumeration"},
		"select": map[string]any{"0": "id", "1": "fieldName"},
	}, "fields", func(raw json.RawMessage) error {
		var rows []struct {
			ID   looseText `json:"id"`
			Name looseText `json:"fieldName"`
		}
		if err := list(raw, &rows); err != nil {
			return err
		}
		for _, row := range rows {
			if byName[string(row.Name)] != nil {
				ids = append(ids, string(row.ID))
			}
		}
		return nil
	})
	if IsClass(err, Final) {
		return nil // a courtesy: labels and ids are understood without it
	}
	if err != nil {
		return err
	}
	return each(ctx, r, "userfieldconfig.get", ids, func(id string) any {
		return map[string]any{"moduleId": "crm", "id": id}
	}, func(_ string, raw json.RawMessage) error {
		var o struct {
			Field struct {
				Name looseText       `json:"fieldName"`
				Enum json.RawMessage `json:"enum"`
			} `json:"field"`
		}
		if err := json.Unmarshal(raw, &o); err != nil {
			return err
		}
		var options []struct {
			ID   looseText `json:"id"`
			Code looseText `json:"xmlId"`
		}
		if err := list(o.Field.Enum, &options); err != nil {
			return err
		}
		f := byName[string(o.Field.Name)]
		if f == nil {
			return nil
		}
		for _, option := range options {
			for i := range f.Items {
				if f.Items[i].ID == string(option.ID) {
					f.Items[i].Code = string(option.Code)
				}
			}
		}
		return nil
	})
}
