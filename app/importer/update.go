package importer

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/app/sheet"
)

// number reads a number of an item, such as its pipeline; 0 if it has none.
func (it *existing) number(name string) int64 {
	n, err := strconv.ParseInt(strings.Trim(string(it.fields[name]), `"`), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// match finds the item that a row updates; nil for a row that creates one,
// or that ends here.
func (w *rowWriter) match(row sheet.Row) *existing {
	p := w.p
	if !p.updates() {
		return nil
	}
	w.plan.Match = p.matchOf(row)
	adds := p.imp.Target.Mode == UpdateAndAdd
	items := p.existing[w.plan.Match]
	if w.plan.Match == "" {
		items = nil
	}
	switch {
	case len(items) == 1:
		return &items[0]
	case len(items) > 1:
		w.unmatched(EntryFailed, row, "key_several", "ids", idList(items))
	case w.plan.Match == "" && adds: // nobody's item: a new one
	case w.plan.Match == "":
		w.unmatched(EntrySkipped, row, "key_empty")
	case !adds:
		w.unmatched(EntrySkipped, row, "key_not_found")
	case p.key.target.Name == fieldID:
		w.unmatched(EntryFailed, row, "id_not_found") // a new item gets another one
	}
	return nil
}

// unmatched ends a row that has no item, or more than one.
func (w *rowWriter) unmatched(state EntryState, row sheet.Row, code string, args ...string) {
	key := w.p.key
	g := key.cell(row, true)
	if g.skip {
		return // the person has skipped the row: see column
	}
	if _, unread := key.converter.Convert(g.text, nil); w.plan.Match == "" && unread != nil && unread.Blocks {
		// A cell that is not empty but cannot be read: its own finding says so.
		w.end(EntryFailed, cellProblem(key, key.target, *unread))
		return
	}
	trouble := field.Problem{Code: code, Value: g.text, Blocks: true, Args: map[string]string{}}
	for i := 0; i+1 < len(args); i += 2 {
		trouble.Args[args[i]] = args[i+1]
	}
	w.note(cellFinding{column: key, target: key.target, problem: trouble})
	w.end(state, cellProblem(key, key.target, trouble))
}

// idList names the first items of several.
func idList(items []existing) string {
	ids := make([]string, 0, maxItemIDs)
	for i, it := range items {
		if i == maxItemIDs {
			ids = append(ids, "…")
			break
		}
		ids = append(ids, strconv.FormatInt(it.id, 10))
	}
	return strings.Join(ids, ", ")
}

// update leaves of the row's fields what the item does not have yet.
func (w *rowWriter) update(it *existing) {
	p, plan := w.p, &w.plan
	plan.ItemID, plan.Updated, plan.Category = it.id, it.updated, it.number(fieldCategory)
	if plan.State != EntryPending {
		return
	}
	changed := make(map[string]any, len(plan.Fields))
	for name, value := range plan.Fields {
		if name != fieldID && !sameValue(p.targets[name], p.schema.Context.BaseCurrency, it.fields[name], value) {
			changed[name] = value
		}
	}
	plan.Fields = changed
	if len(changed) == 0 {
		plan.State = EntryUnchanged
		return
	}
	names := make([]string, 0, len(changed)+2)
	for name, value := range changed {
		names = append(names, name)
		plan.Changes = append(plan.Changes, Change{Field: name, Old: anyOf(it.fields[name]), New: value})
	}
	slices.SortFunc(plan.Changes, func(x, y Change) int { return strings.Compare(x.Field, y.Field) })
	// An amount holds only when it is set by hand (crm.md 2.3).
	if _, has := changed[fieldAmount]; has {
		manual := p.targets[fieldManual]
		if _, mapped := changed[fieldManual]; !mapped && !sameValue(manual, "", it.fields[fieldManual], "Y") {
			changed[fieldManual] = "Y"
		}
		names = append(names, fieldManual)
	}
	// Another pipeline brings another stage, a final one another end date.
	if _, moves := changed[fieldCategory]; moves {
		names = append(names, fieldStage, fieldClose)
	} else if _, moves := changed[fieldStage]; moves {
		names = append(names, fieldClose)
	}
	plan.Before = make(map[string]json.RawMessage, len(names))
	for _, name := range names {
		if old, has := it.fields[name]; has {
			plan.Before[name] = old
		} else if _, sent := changed[name]; sent {
			plan.Before[name] = json.RawMessage("null")
		}
	}
}

// anyOf is a value of an answer as Go has it; nil if it cannot be read.
func anyOf(raw json.RawMessage) any {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil
	}
	return v
}
