package bitrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// typeRow is a smart process as crm.type.* answer it.
type typeRow struct {
	ID           looseInt  `json:"id"`
	EntityTypeID looseInt  `json:"entityTypeId"`
	Title        looseText `json:"title"`
	Code         looseText `json:"code"`
	Categories   looseBool `json:"isCategoriesEnabled"`
	Stages       looseBool `json:"isStagesEnabled"`
	BeginClose   looseBool `json:"isBeginCloseDatesEnabled"`
	Client       looseBool `json:"isClientEnabled"`
	Products     looseBool `json:"isLinkWithProductsEnabled"`
	MyCompany    looseBool `json:"isMycompanyEnabled"`
	Observers    looseBool `json:"isObserversEnabled"`
	Source       looseBool `json:"isSourceEnabled"`
	RecycleBin   looseBool `json:"isRecyclebinEnabled"`
	Automation   looseBool `json:"isAutomationEnabled"`
	Workflows    looseBool `json:"isBizProcEnabled"`
	Relations    relations `json:"relations"`
}

// relations is {"parent":[…],"child":[…]}, or [] for none.
type relations struct{ parents, children []int64 }

func (r *relations) UnmarshalJSON(raw []byte) error {
	if isEmptyList(raw) || isNull(raw) {
		return nil
	}
	var o struct {
		Parent json.RawMessage `json:"parent"`
		Child  json.RawMessage `json:"child"`
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return err
	}
	type relation struct {
		EntityTypeID looseInt  `json:"entityTypeId"`
		Predefined   looseBool `json:"isPredefined"`
	}
	var parents, children []relation
	if err := list(o.Parent, &parents); err != nil {
		return err
	}
	if err := list(o.Child, &children); err != nil {
		return err
	}
	for _, c := range children {
		r.children = append(r.children, int64(c.EntityTypeID))
	}
	for _, p := range parents {
		// Predefined contacts and companies are the client fields, not
		// parentId fields.
		if !bool(p.Predefined) {
			r.parents = append(r.parents, int64(p.EntityTypeID))
		}
	}
	return nil
}

func (t typeRow) plain() Type {
	return Type{
		ID: int64(t.ID), EntityTypeID: int64(t.EntityTypeID), Title: string(t.Title), Code: string(t.Code),
		Categories: bool(t.Categories), Stages: bool(t.Stages), BeginClose: bool(t.BeginClose),
		Client: bool(t.Client), Products: bool(t.Products), MyCompany: bool(t.MyCompany),
		Observers: bool(t.Observers), Source: bool(t.Source), RecycleBin: bool(t.RecycleBin),
		Automation: bool(t.Automation), Workflows: bool(t.Workflows),
		Parents: t.Relations.parents, Children: t.Relations.children,
	}
}

// ReadTypes reads the smart processes the caller may see: from
// crm.type.list, which only CRM administrators may call, or else by asking
// for each type that the portal has. Workplaces are filled in where the
// caller may know them.
func ReadTypes(ctx context.Context, r Reader) ([]Type, error) {
	var types []Type
	err := pages(ctx, r, "crm.type.list", map[string]any{"order": map[string]any{"id": "ASC"}}, "types", func(raw json.RawMessage) error {
		var rows []typeRow
		if err := list(raw, &rows); err != nil {
			return err
		}
		for _, row := range rows {
			types = append(types, row.plain())
		}
		return nil
	})
	if missingRight(err) {
		return readTypesOneByOne(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	return types, addWorkplaces(ctx, r, types)
}

// missingRight reports whether a method was refused to this caller. Where
// all of REST is refused by the same code, the next call says so.
func missingRight(err error) bool { return Code(err) == "ACCESS_DENIED" }

// ReadType reads one smart process with its parents.
func ReadType(ctx context.Context, r Reader, entityTypeID int64) (Type, error) {
	var o struct {
		Type typeRow `json:"type"`
	}
	const method = "crm.type.getByEntityTypeId"
	if err := read(ctx, r, method, map[string]any{"entityTypeId": entityTypeID}, &o); err != nil {
		return Type{}, err
	}
	if o.Type.EntityTypeID == 0 {
		return Type{}, shapeError(method, errors.New("no type in the result"))
	}
	return o.Type.plain(), nil
}

// ParseType reads the answer of crm.type.getByEntityTypeId inside a batch.
func ParseType(raw json.RawMessage) (Type, error) {
	var o struct {
		Type typeRow `json:"type"`
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return Type{}, shapeError("crm.type.getByEntityTypeId", err)
	}
	return o.Type.plain(), nil
}

// readTypesOneByOne is the way of users who are no CRM administrators:
// crm.enum.ownertype names all types, readable or not, and asking for one
// tells.
func readTypesOneByOne(ctx context.Context, r Reader) ([]Type, error) {
	var owners []struct {
		ID looseInt `json:"ID"`
	}
	if err := readList(ctx, r, "crm.enum.ownertype", nil, &owners); err != nil {
		return nil, err
	}
	ids := make([]int64, len(owners))
	for i, o := range owners {
		ids[i] = int64(o.ID)
	}
	return ReadSomeTypes(ctx, r, ids)
}

// ReadSomeTypes reads those of the entity types that are smart processes
// which the caller may see, with their relations.
func ReadSomeTypes(ctx context.Context, r Reader, ids []int64) ([]Type, error) {
	var commands []Command
	for _, id := range ids {
		if !isSmartProcess(id) {
			continue
		}
		commands = append(commands, Command{
			Key: fmt.Sprintf("t%d", id), Method: "crm.type.getByEntityTypeId",
			Params: map[string]any{"entityTypeId": id},
		})
	}
	var types []Type
	for len(commands) > 0 {
		n := min(len(commands), maxCommands)
		some, err := readTypeBatch(ctx, r, commands[:n])
		if err != nil {
			return nil, err
		}
		types = append(types, some...)
		commands = commands[n:]
	}
	return types, nil
}

func readTypeBatch(ctx context.Context, r Reader, commands []Command) ([]Type, error) {
	reply, err := r.Batch(ctx, commands)
	if err != nil {
		return nil, fmt.Errorf("reading smart processes: %w", err)
	}
	var types []Type
	for _, c := range commands {
		fault := reply.Errors[c.Key]
		switch {
		case fault != nil && fault.Class == Final && !fault.Stops():
			continue // not for this user, or gone since
		case fault != nil:
			return nil, fmt.Errorf("reading smart processes: %w", fault)
		}
		var o struct {
			Type typeRow `json:"type"`
		}
		raw, ran := reply.Results[c.Key]
		if !ran {
			return nil, shapeError(c.Method, errors.New("a command was not run"))
		}
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, shapeError(c.Method, err)
		}
		if o.Type.EntityTypeID != 0 {
			types = append(types, o.Type.plain())
		}
	}
	return types, nil
}

// isSmartProcess tells smart processes from the CRM's own types by the
// ranges that crm.type.add allows.
func isSmartProcess(entityTypeID int64) bool {
	return entityTypeID >= 128 && entityTypeID <= 192 || entityTypeID >= 1030 && entityTypeID%2 == 0
}

// addWorkplaces names the digital workplace of each type. Portals without
// the method, or callers without the right, have none to show.
func addWorkplaces(ctx context.Context, r Reader, types []Type) error {
	titles := make(map[int64]string)
	err := pages(ctx, r, "crm.automatedsolution.list", map[string]any{}, "automatedSolutions", func(raw json.RawMessage) error {
		var rows []struct {
			Title looseText       `json:"title"`
			Types json.RawMessage `json:"typeIds"`
		}
		if err := list(raw, &rows); err != nil {
			return err
		}
		for _, row := range rows {
			var ids []looseInt
			if err := list(row.Types, &ids); err != nil {
				return err
			}
			for _, id := range ids {
				titles[int64(id)] = string(row.Title)
			}
		}
		return nil
	})
	if Code(err) == "ERROR_METHOD_NOT_FOUND" || missingRight(err) {
		return nil
	}
	for i := range types {
		types[i].Workplace = titles[types[i].ID]
	}
	return err
}
