package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// notAskable stands for a reference that the portal answers nothing about:
// neither there nor missing.
var notAskable = []string{""}

// listKind reads "iblock_element:33" and "iblock_section:33".
func listKind(kind string) (method, iblock string, ok bool) {
	name, iblock, _ := strings.Cut(kind, ":")
	switch name {
	case "iblock_element":
		return "lists.element.get", iblock, true
	case "iblock_section":
		return "lists.section.get", iblock, true
	}
	return "", "", false
}

// findInList looks for elements or sections of an information block, by id or
// by exact name (api-reference/lists). Catalogues and others that the module
// "lists" does not serve cannot be asked: ids are then taken as they are.
func (r *resolver) findInList(ctx context.Context, kind string, keys []string) (map[string][]string, error) {
	method, iblock, _ := listKind(kind)
	found := make(map[string][]string, len(keys))
	listType, err := r.listType(ctx, iblock)
	if err != nil {
		return nil, err
	}
	if listType == "" {
		for _, key := range keys {
			found[key] = notAskable
			if (field.Ref{Kind: kind, Key: key}).By() == field.ByID {
				found[key] = []string{key}
			}
		}
		return found, nil
	}
	ask := listQuestions{method: method, iblock: iblock, listType: listType, byKey: map[string]string{}}
	for _, key := range keys {
		if (field.Ref{Kind: kind, Key: key}).By() == field.ByID {
			ask.ids = append(ask.ids, key)
		} else {
			ask.names = append(ask.names, key)
		}
	}
	err = r.batch(ctx, ask.commands(), func(key string, result json.RawMessage) error {
		rows, err := listRows(result)
		if err != nil {
			return err
		}
		name, named := ask.byKey[key]
		for _, row := range rows {
			switch id := row.ID.String(); {
			case !named:
				found[id] = []string{id}
			case foldName(row.Name) == foldName(name): // a filter may take % and _ for anything
				found[name] = append(found[name], id)
			}
		}
		return nil
	})
	return found, err
}

// listType is the kind of an information block, asked once per check; empty
// where the person may not read it or the module does not serve it.
func (r *resolver) listType(ctx context.Context, iblock string) (string, error) {
	if t, known := r.lists[iblock]; known {
		return t, nil
	}
	var t string
	if n, err := strconv.ParseInt(iblock, 10, 64); err == nil && n > 0 {
		reply, err := r.caller.Call(ctx, "lists.get.iblock.type.id", map[string]any{"IBLOCK_ID": n})
		switch {
		case bitrix.IsClass(err, bitrix.Final) && !stopsAll(err):
		case err != nil:
			return "", fmt.Errorf("asking for the kind of a list: %w", err)
		default:
			if json.Unmarshal(reply.Result, &t) != nil {
				t = "" // false: there is no such list
			}
		}
	}
	if r.lists == nil {
		r.lists = map[string]string{}
	}
	r.lists[iblock] = t
	return t, nil
}

// stopsAll reports refusals that concern more than one list.
func stopsAll(err error) bool {
	switch strings.ToUpper(bitrix.Code(err)) {
	case "ACCESS_DENIED", "ERROR_IBLOCK_NOT_FOUND", "ERROR_REQUIRED_PARAMETERS_MISSING", "ERROR_METHOD_NOT_FOUND", "INSUFFICIENT_SCOPE":
		return false
	}
	return true
}

// listQuestions are the commands of one look-up: fifty ids in one, a name in
// each of the others.
type listQuestions struct {
	method, iblock, listType string
	ids, names               []string
	byKey                    map[string]string // name by command
}

func (q *listQuestions) commands() []bitrix.Command {
	var commands []bitrix.Command
	add := func(filter map[string]any) string {
		key := "l" + strconv.Itoa(len(commands))
		commands = append(commands, bitrix.Command{Key: key, Method: q.method, Params: map[string]any{
			"IBLOCK_TYPE_ID": q.listType, "IBLOCK_ID": q.iblock, "FILTER": filter, "SELECT": []string{"ID", "NAME"},
		}})
		return key
	}
	exact := "=" // sections know no such prefix
	if q.method == "lists.section.get" {
		exact = ""
	}
	for from := 0; from < len(q.ids); from += pageSize {
		add(map[string]any{exact + "ID": q.ids[from:min(from+pageSize, len(q.ids))]})
	}
	for _, name := range q.names {
		q.byKey[add(map[string]any{exact + "NAME": name})] = name
	}
	return commands
}

type listRow struct {
	ID   json.Number `json:"ID"`
	Name string      `json:"NAME"`
}

func listRows(result json.RawMessage) ([]listRow, error) {
	var rows []listRow
	if err := json.Unmarshal(result, &rows); err != nil {
		return nil, fmt.Errorf("reading a page of a list: %w", err)
	}
	return rows, nil
}
