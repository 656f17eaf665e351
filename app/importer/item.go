package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// maxTraces is how many rows are shown that have made or changed one item.
const maxTraces = 100

// ItemEntry is the row of an import that has created or updated an item.
type ItemEntry struct {
	Import string
	Entry
}

// ItemView is what imports have done with one item of the portal, and what
// can be imported below it.
type ItemView struct {
	ID          int64
	Type, Title string
	// Traces are the rows that have made or changed it, the last ones first.
	Traces []Trace
	// Children are the smart processes whose items can have it as parent.
	Children []bitrix.Type
}

// Trace is one row of an import that has created or updated an item.
type Trace struct {
	Import Import
	Row    int
	State  EntryState
	Undo   UndoState
	When   time.Time
}

// Item says what became of an item by imports. Whoever may not read it on
// the portal learns nothing of it here.
func (s *Service) Item(ctx context.Context, a Actor, entityTypeID, id int64) (ItemView, error) {
	caller, err := s.connect(ctx, a.Portal, a.Connection)
	if err != nil {
		return ItemView{}, err
	}
	view, children, err := readItem(ctx, caller, entityTypeID, id)
	if err != nil {
		return ItemView{}, err
	}
	if len(children) > 0 {
		if view.Children, err = bitrix.ReadSomeTypes(ctx, caller, children); err != nil {
			return ItemView{}, portalError("reading the smart processes below an item", err)
		}
	}
	view.Traces, err = s.traces(ctx, a, entityTypeID, id)
	return view, err
}

// readItem asks the portal for the name of an item, as the person sees it,
// and for the types below it.
func readItem(ctx context.Context, caller Caller, entityTypeID, id int64) (ItemView, []int64, error) {
	reply, err := caller.Batch(ctx, []bitrix.Command{
		{Key: "item", Method: "crm.item.get", Params: map[string]any{"entityTypeId": entityTypeID, "id": id}},
		{Key: "type", Method: "crm.type.getByEntityTypeId", Params: map[string]any{"entityTypeId": entityTypeID}},
	})
	if err != nil {
		return ItemView{}, nil, portalError("reading an item", err)
	}
	for _, key := range []string{"item", "type"} {
		if fault := reply.Errors[key]; fault != nil && fault.Class == bitrix.Final && !fault.Stops() {
			return ItemView{}, nil, ErrNotFound // not there, or not for this person
		} else if fault != nil {
			return ItemView{}, nil, portalError("reading an item", fault)
		}
	}
	var item struct {
		Item struct {
			Title string `json:"title"`
		} `json:"item"`
	}
	t, err := bitrix.ParseType(reply.Results["type"])
	if err = errors.Join(err, json.Unmarshal(reply.Results["item"], &item)); err != nil {
		return ItemView{}, nil, fmt.Errorf("reading an item: %w", err)
	}
	return ItemView{ID: id, Type: t.Title, Title: item.Item.Title}, t.Children, nil
}

// traces finds the rows that have made or changed an item. Ids are unique
// within their type alone, so the import says which type it was.
func (s *Service) traces(ctx context.Context, a Actor, entityTypeID, id int64) ([]Trace, error) {
	entries, err := s.store.ItemEntries(ctx, a.Portal, id, maxTraces)
	if err != nil {
		return nil, fmt.Errorf("reading the journals of an item: %w", err)
	}
	var list []Trace
	imports := map[string]Import{}
	for _, e := range entries {
		imp, known := imports[e.Import]
		if !known {
			if imp, err = s.store.Import(ctx, a.Portal, e.Import); err != nil {
				return nil, fmt.Errorf("reading an import of an item: %w", err)
			}
			imports[e.Import] = imp
		}
		if imp.Target.EntityTypeID != entityTypeID || !visible(a, imp) {
			continue
		}
		list = append(list, Trace{Import: imp, Row: e.Row, State: e.State, Undo: e.Undo, When: e.SentAt})
	}
	return list, nil
}

// bind adds the parent to the constants of a mapping that nobody has touched;
// no column goes there then.
func (t Target) bind(columns map[int]ColumnMapping, constants map[string]string) map[string]string {
	if t.Parent.ID == 0 {
		return constants
	}
	name := t.Parent.field()
	for i, m := range columns {
		if m.Field == name {
			columns[i] = ColumnMapping{Column: i}
		}
	}
	if constants == nil {
		constants = map[string]string{}
	}
	constants[name] = strconv.FormatInt(t.Parent.ID, 10)
	return constants
}

// unbound are the constants of a mapping without the parent of this import:
// the next file belongs to another one.
func (t Target) unbound(constants map[string]string) map[string]string {
	if t.Parent.ID == 0 || constants[t.Parent.field()] != strconv.FormatInt(t.Parent.ID, 10) {
		return constants
	}
	rest := map[string]string{}
	for name, text := range constants {
		if name != t.Parent.field() {
			rest[name] = text
		}
	}
	return rest
}
