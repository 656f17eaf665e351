package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// The user fields of the scratch process, by what they are called here.
const (
	fieldNeeded  = "NEEDED"  // mandatory
	fieldYes     = "YES"     // boolean
	fieldDay     = "DAY"     // date
	fieldTime    = "TIME"    // datetime in the server's zone
	fieldZoned   = "ZONED"   // datetime that keeps the user's zone
	fieldOne     = "ONE"     // link to one kind of item
	fieldSeveral = "SEVERAL" // link to several kinds
)

// fillers are text fields that make rows as wide as people's.
const fillers = 12

// scratch is the smart process that the doctor works in.
type scratch struct {
	Caller
	now    time.Time
	title  string
	report *Report
	// id names user fields, entityTypeID goes into calls of crm.item.*.
	id, entityTypeID int64
	// pipelines are the default one and, if it could be made, another.
	pipelines []int64
	// names are the user fields by what they are called here, as the portal
	// takes them; noFields says why some could not be made.
	names    map[string]string
	noFields string
	original bool // the portal knows useOriginalUfNames
}

// looseID reads an id that is a number or text.
type looseID int64

func (n *looseID) UnmarshalJSON(raw []byte) error {
	i, err := strconv.ParseInt(text(raw), 10, 64)
	*n = looseID(i)
	return err
}

// make makes the process, its second pipeline and its fields. Only the
// process itself must succeed.
func (s *scratch) make(ctx context.Context) error {
	var made struct {
		Type struct {
			ID           looseID `json:"id"`
			EntityTypeID looseID `json:"entityTypeId"`
		} `json:"type"`
	}
	err := s.call(ctx, "crm.type.add", map[string]any{"fields": map[string]any{
		"title": s.title, "isCategoriesEnabled": "Y", "isStagesEnabled": "Y", "isUseInUserfieldEnabled": "Y",
		"isAutomationEnabled": "N", "isRecyclebinEnabled": "N", "isSetOpenPermissions": "N",
	}}, &made)
	switch {
	case bitrix.Code(err) == "ACCESS_DENIED":
		return fmt.Errorf("making a smart process to work in needs the rights of a CRM administrator: %w", err)
	case err != nil:
		return s.adopt(ctx, fmt.Errorf("making a smart process to work in: %w", err))
	}
	s.id, s.entityTypeID = int64(made.Type.ID), int64(made.Type.EntityTypeID)
	categories, err := bitrix.ReadCategories(ctx, s, s.entityTypeID)
	if err != nil {
		return fmt.Errorf("reading the pipelines of the smart process: %w", err)
	}
	for _, c := range categories {
		if c.Default {
			s.pipelines = append(s.pipelines, c.ID)
		}
	}
	if err := s.makePipeline(ctx); ctx.Err() != nil {
		return err
	}
	return s.makeFields(ctx)
}

// adopt looks for the process after a call whose outcome is not known, so
// that it can be removed.
func (s *scratch) adopt(ctx context.Context, cause error) error {
	if !bitrix.IsClass(cause, bitrix.Unknown) {
		return cause
	}
	types, err := bitrix.ReadTypes(context.WithoutCancel(ctx), s)
	for _, t := range types {
		if t.Title == s.title {
			s.id, s.entityTypeID = t.ID, t.EntityTypeID
		}
	}
	return errors.Join(cause, err)
}

func (s *scratch) makePipeline(ctx context.Context) error {
	var made struct {
		Category struct {
			ID looseID `json:"id"`
		} `json:"category"`
	}
	err := s.call(ctx, "crm.category.add", map[string]any{
		"entityTypeId": s.entityTypeID, "fields": map[string]any{"name": "Second", "isDefault": "N"},
	}, &made)
	if err == nil {
		s.pipelines = append(s.pipelines, int64(made.Category.ID))
	}
	return err
}

// wanted are the user fields to make.
func (s *scratch) wanted() map[string]map[string]any {
	self := "DYNAMIC_" + strconv.FormatInt(s.entityTypeID, 10)
	all := map[string]map[string]any{
		fieldNeeded:  {"userTypeId": "string", "mandatory": "Y"},
		fieldYes:     {"userTypeId": "boolean"},
		fieldDay:     {"userTypeId": "date"},
		fieldTime:    {"userTypeId": "datetime", "settings": map[string]any{"USE_TIMEZONE": "N"}},
		fieldZoned:   {"userTypeId": "datetime", "settings": map[string]any{"USE_TIMEZONE": "Y"}},
		fieldOne:     {"userTypeId": "crm", "settings": map[string]any{self: "Y"}},
		fieldSeveral: {"userTypeId": "crm", "settings": map[string]any{self: "Y", "COMPANY": "Y"}},
	}
	for n := range fillers {
		all[filler(n)] = map[string]any{"userTypeId": "string"}
	}
	return all
}

func filler(n int) string { return "TEXT" + strconv.Itoa(n+1) }

// makeFields makes the user fields, and finds out what they are called.
func (s *scratch) makeFields(ctx context.Context) error {
	if !slices.Contains(s.report.Scopes, "userfieldconfig") {
		s.noFields = "the permission userfieldconfig is missing"
		return nil
	}
	prefix := "UF_CRM_" + strconv.FormatInt(s.id, 10) + "_"
	for _, name := range slices.Sorted(maps.Keys(s.wanted())) {
		field := s.wanted()[name]
		field["entityId"], field["fieldName"] = "CRM_"+strconv.FormatInt(s.id, 10), prefix+name
		field["editFormLabel"] = name
		err := s.call(ctx, "userfieldconfig.add", map[string]any{"moduleId": "crm", "field": field}, nil)
		if ctx.Err() != nil {
			return fmt.Errorf("making user fields: %w", err)
		}
		if err != nil {
			s.noFields = err.Error()
		}
	}
	fields, err := bitrix.ReadFields(ctx, s, s.entityTypeID)
	if err != nil {
		return fmt.Errorf("reading the fields of the smart process: %w", err)
	}
	for _, f := range fields {
		if len(f.UpperName) > len(prefix) && f.UpperName[:len(prefix)] == prefix {
			s.names[f.UpperName[len(prefix):]] = f.Name
			s.original = s.original || f.Name == f.UpperName
		}
	}
	return nil
}

// row is a row that a portal should take: what is sent beside, by the names
// of here or by names of system fields, comes on top.
func (s *scratch) row(fields map[string]any) map[string]any {
	row := map[string]any{"title": "Doctor"}
	if name := s.names[fieldNeeded]; name != "" {
		row[name] = "x"
	}
	for name, v := range fields {
		if own := s.names[name]; own != "" {
			name = own
		}
		row[name] = v
	}
	return row
}

// write imports one row and returns its item.
func (s *scratch) write(ctx context.Context, fields map[string]any) (int64, error) {
	results, _, err := s.writeAll(ctx, []map[string]any{s.row(fields)})
	if err != nil {
		return 0, err
	}
	if results[0].Err != nil {
		return 0, results[0].Err
	}
	return results[0].ID, nil
}

// writeAll imports rows as they are, at most 20, in one request.
func (s *scratch) writeAll(ctx context.Context, rows []map[string]any) ([]bitrix.Imported, bitrix.Reply, error) {
	data, keys := map[string]any{}, make([]string, len(rows))
	for i, row := range rows {
		keys[i] = fmt.Sprintf("r%04d", i+1)
		data[keys[i]] = row
	}
	reply, err := s.Call(ctx, "crm.item.batchImport", map[string]any{
		"entityTypeId": s.entityTypeID, "data": data, "useOriginalUfNames": "Y",
	})
	if err != nil {
		return nil, reply, err
	}
	found, err := bitrix.ParseImported(reply.Result, keys)
	if err != nil {
		return nil, reply, err
	}
	results := make([]bitrix.Imported, len(rows))
	for i, key := range keys {
		one, ok := found[key]
		if !ok {
			return nil, reply, errors.New("a row has no result")
		}
		results[i] = one
	}
	return results, reply, nil
}

// read reads an item by the names of here.
func (s *scratch) read(ctx context.Context, id int64) (map[string]json.RawMessage, error) {
	var got struct {
		Item map[string]json.RawMessage `json:"item"`
	}
	err := s.call(ctx, "crm.item.get", map[string]any{
		"entityTypeId": s.entityTypeID, "id": id, "useOriginalUfNames": "Y",
	}, &got)
	if err != nil {
		return nil, err
	}
	item := maps.Clone(got.Item)
	for own, name := range s.names {
		item[own] = got.Item[name]
	}
	return item, nil
}

// writeRead imports one row and reads one field of the item back.
func (s *scratch) writeRead(ctx context.Context, field string, fields map[string]any) (string, error) {
	id, err := s.write(ctx, fields)
	if err != nil {
		return "", err
	}
	item, err := s.read(ctx, id)
	if err != nil {
		return "", err
	}
	return text(item[field]), nil
}

func (s *scratch) call(ctx context.Context, method string, params, into any) error {
	reply, err := s.Call(ctx, method, params)
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(reply.Result, into); err != nil {
		return fmt.Errorf("%s: reading the answer: %w", method, err)
	}
	return nil
}

// remove deletes the items and then the process.
func (s *scratch) remove(ctx context.Context) error {
	if s.id == 0 {
		s.report.Removed = true
		return nil
	}
	for {
		var page struct {
			Items []struct {
				ID looseID `json:"id"`
			} `json:"items"`
		}
		err := s.call(ctx, "crm.item.list", map[string]any{
			"entityTypeId": s.entityTypeID, "select": []string{"id"}, "order": map[string]any{"id": "ASC"}, "start": -1,
		}, &page)
		if err != nil {
			return err
		}
		if len(page.Items) == 0 {
			break
		}
		commands := make([]bitrix.Command, len(page.Items))
		for i, item := range page.Items {
			commands[i] = bitrix.Command{Key: fmt.Sprintf("d%d", i), Method: "crm.item.delete", Params: map[string]any{
				"entityTypeId": s.entityTypeID, "id": int64(item.ID),
			}}
		}
		reply, err := s.Batch(ctx, commands)
		if err != nil {
			return err
		}
		if len(reply.Results) == 0 {
			for _, fault := range reply.Errors {
				return fault
			}
		}
	}
	if err := s.call(ctx, "crm.type.delete", map[string]any{"id": s.id}, nil); err != nil {
		return err
	}
	s.report.Removed = true
	return nil
}
