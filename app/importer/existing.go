package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/sheet"
	"github.com/spa-importer/spa-importer/bitrix"
)

// fieldID is the item's own number.
const fieldID = "id"

// fieldUpdated is when an item was last changed, by the portal's clock.
const fieldUpdated = "updatedTime"

// maxItemIDs is how many ids a finding about one key names.
const maxItemIDs = 5

// KeyFields lists the fields by which rows can find the items they update:
// the ID, and every field of its own plain value that exactly one column goes
// to. Texts that may be long, amounts, dates and lists are none: what is
// written and what is read back differ too easily.
func KeyFields(schema Schema, m Mapping) []field.Target {
	columns := map[string]int{}
	for _, c := range m.Columns {
		columns[c.Field]++
	}
	c := schema.Context
	c.Key = fieldID
	var keys []field.Target
	for _, t := range field.Targets(schema.Fields, c) {
		if mayBeKey(t) && (t.Name == fieldID || columns[t.Name] == 1) {
			keys = append(keys, t)
		}
	}
	return keys
}

// mayBeKey reports whether items can be found by a field.
func mayBeKey(t field.Target) bool {
	return !t.Multiple && t.Writable && (t.Type == "string" || t.Type == "integer" || t.Type == "url") &&
		(t.Field.Dynamic || t.Name == fieldID || t.Name == fieldKey || t.Name == "title")
}

// existing is one item that a row may update.
type existing struct {
	id      int64
	updated time.Time
	fields  map[string]json.RawMessage
}

// keyText is a key as it is compared: numbers without what does not change
// them, text exactly as it stands.
func keyText(t field.Target, v any) string {
	s, has := plainValue(t, "", v)
	if !has {
		return ""
	}
	return s
}

// matchOf is the key of a row by which it finds its item; empty if it has
// none, or none that can be read.
func (p *planner) matchOf(row sheet.Row) string {
	g := p.key.cell(row, true)
	if g.skip {
		return ""
	}
	value, trouble := p.key.converter.Convert(g.text, nil)
	if trouble != nil && trouble.Blocks || !value.Set {
		return ""
	}
	return keyText(p.key.target, value.JSON)
}

// keysOf are the keys by which rows find their items, each once.
func (p *planner) keysOf(rows []sheet.Row) []string {
	seen := make(map[string]bool, len(rows))
	var keys []string
	for _, row := range rows {
		if key := p.matchOf(row); key != "" && !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

// find reads the items that rows name by their keys, 50 keys to a command,
// and hands them to the planner. Where rows only create it does nothing.
func (s *Service) find(ctx context.Context, caller Caller, p *planner, rows []sheet.Row) error {
	if !p.updates() {
		return nil
	}
	p.existing = map[string][]existing{}
	keys := p.keysOf(rows)
	asked := make(map[string]bool, len(keys))
	for _, key := range keys {
		asked[key] = true
	}
	name := p.key.target.Name
	return readItems(ctx, s.asking(p.imp.Portal, caller), p.imp.Target.EntityTypeID, "@"+name, keys, 0, p.wanted(), func(it existing) error {
		values, ok := oldValues(it.fields[name])
		if !ok || len(values) > 1 {
			return fmt.Errorf("the key of item %d cannot be read", it.id)
		}
		for _, v := range values {
			// The portal finds texts in any case; a key is the exact one.
			if key := keyText(p.key.target, v); asked[key] {
				p.existing[key] = append(p.existing[key], it)
			}
		}
		return nil
	})
}

// wanted are the fields that an update may change or depends on.
func (p *planner) wanted() []string {
	names := []string{fieldID}
	add := func(name string) {
		if _, has := p.targets[name]; has && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range []string{fieldUpdated, p.key.target.Name, fieldCategory, fieldStage} {
		add(name)
	}
	for _, m := range p.imp.Mapping.Columns {
		add(m.Field)
	}
	for _, c := range p.constant {
		add(c.target.Name)
	}
	if slices.Contains(names, fieldAmount) {
		add(fieldManual)
	}
	if slices.Contains(names, fieldStage) {
		add(fieldClose)
	}
	return names
}

// readItems lists the items whose field is one of the values, each with the
// fields selected. Values go fifty to a command: that is a page. Only items
// with an id above after are looked at.
func readItems(ctx context.Context, caller Caller, entityTypeID int64, filter string, values []string, after int64, selected []string, each func(existing) error) error {
	type question struct {
		values []string
		after  int64 // id of the last item of the page before
	}
	var open []question
	for page := range slices.Chunk(values, pageSize) {
		open = append(open, question{page, after})
	}
	single := filter == "@"+fieldID // an id names one item at most
	for len(open) > 0 {
		asked := open[:min(len(open), batchSize)]
		open = open[len(asked):]
		commands := make([]bitrix.Command, len(asked))
		for i, q := range asked {
			commands[i] = bitrix.Command{Key: "k" + strconv.Itoa(i), Method: "crm.item.list", Params: map[string]any{
				"entityTypeId": entityTypeID, "select": selected, "useOriginalUfNames": "Y",
				"filter": map[string]any{filter: q.values, ">id": q.after},
				"order":  map[string]any{fieldID: "ASC"}, "start": -1,
			}}
		}
		pages, err := readAll(ctx, caller, commands)
		if err != nil {
			return fmt.Errorf("reading the items that are there: %w", err)
		}
		for i, page := range pages {
			items, err := itemsOf(page)
			if err != nil {
				return err
			}
			for _, it := range items {
				if err := each(it); err != nil {
					return err
				}
			}
			if len(items) >= pageSize && !single {
				open = append(open, question{asked[i].values, items[len(items)-1].id})
			}
		}
	}
	return nil
}

// readAll runs reading commands, in one request if that can be, and returns
// their results in order. One refused command fails them all: a question
// without an answer is not "nothing there".
func readAll(ctx context.Context, caller Caller, commands []bitrix.Command) ([]json.RawMessage, error) {
	results := make([]json.RawMessage, len(commands))
	alone := func(i int) error {
		reply, err := caller.Call(ctx, commands[i].Method, commands[i].Params)
		results[i] = reply.Result
		return err
	}
	if len(commands) == 1 {
		return results, alone(0)
	}
	reply, err := caller.Batch(ctx, commands)
	if err != nil {
		return nil, err
	}
	for i, c := range commands {
		fault := reply.Errors[c.Key]
		result, ran := reply.Results[c.Key]
		switch {
		case fault != nil && fault.Code == bitrix.CodeReference:
			if err := alone(i); err != nil {
				return nil, err
			}
		case fault != nil:
			return nil, fault
		case !ran:
			return nil, noAnswer(c)
		default:
			results[i] = result
		}
	}
	return results, nil
}

// noAnswer is the error of a command that a batch has not run, nor refused.
func noAnswer(c bitrix.Command) error {
	return &bitrix.Error{Code: bitrix.CodeNotJSON, Class: bitrix.Unknown, Method: c.Method, Err: errors.New("a command of a batch has no answer")}
}

// itemsOf reads a page of crm.item.list.
func itemsOf(result json.RawMessage) ([]existing, error) {
	var page struct {
		Items []map[string]json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(result, &page); err != nil {
		return nil, fmt.Errorf("reading a page of items: %w", err)
	}
	items := make([]existing, len(page.Items))
	for i, fields := range page.Items {
		it, err := itemOf(fields)
		if err != nil {
			return nil, err
		}
		items[i] = it
	}
	return items, nil
}

var errNoID = errors.New("an item without an id")

func itemOf(fields map[string]json.RawMessage) (existing, error) {
	id, err := strconv.ParseInt(strings.Trim(string(fields[fieldID]), `"`), 10, 64)
	if err != nil || id <= 0 {
		return existing{}, errNoID
	}
	return existing{id: id, updated: timeOf(fields[fieldUpdated]), fields: fields}, nil
}

// timeOf reads a time of an answer; zero if it is none.
func timeOf(raw json.RawMessage) time.Time {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
