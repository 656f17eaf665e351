package importer

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// Methods that write items (crm.md 3.1, 3.5).
const (
	methodBatchImport = "crm.item.batchImport"
	methodImport      = "crm.item.import"
	methodAdd         = "crm.item.add"
	methodUpdate      = "crm.item.update"
	methodDelete      = "crm.item.delete"
)

// cheapRow is the cost of a row, in seconds, below which the rate of requests
// binds sooner than the work: twenty rows take less than the half second in
// which a portal lets one more request in.
const cheapRow = 0.025

// Sizes of one request.
const (
	maxBatchRows  = 1000    // 50 commands of 20 rows
	usualCommands = 25      // of one row each, in a batch
	maxVariables  = 900     // of one command: PHP reads 1000
	maxBody       = 4 << 20 // bytes, until a portal finds less too much
)

// way is how rows travel.
type way int

const (
	// directly: rows of one crm.item.batchImport as JSON.
	directly way = iota + 1
	// batched: commands of a batch, whose values are all text.
	batched
	// alone: one row in a call of its own.
	alone
)

// task is one row on its way to the portal.
type task struct {
	entry  Entry
	fields map[string]any
	// category of an item that is updated: it is sent along, since the
	// documentation says that an update without it moves the item (crm.md
	// 3.5).
	category int64
	method   string
	way      way
	vars     int
	weight   int
}

// taskOf decides how a planned row travels.
func (r *run) taskOf(e Entry, plan rowPlan) task {
	t := task{entry: e, fields: plan.Fields, category: plan.Category, method: r.method}
	if e.ItemID != 0 {
		t.method = methodUpdate
	}
	vars, weight, text := measure(plan.Fields)
	t.vars, t.weight = vars, weight
	bulk := t.method == methodBatchImport
	switch {
	case hasFiles(plan.Fields):
		t.way = alone
		if bulk {
			t.method = methodImport // an item whose file fails would be reported as failed
		}
	case bulk && (!text || t.vars > maxVariables || !r.batching()):
		t.way = directly
	case !text || t.vars > maxVariables:
		t.way = alone
	default:
		t.way = batched
	}
	return t
}

// batching reports whether rows that are imported travel in batches: where
// the rate of requests binds, or where rows of other kinds stand between.
func (r *run) batching() bool {
	return r.imp.SecondsPerRow > 0 && r.imp.SecondsPerRow < cheapRow || r.imp.Target.Mode != AddAll
}

// measure counts the variables of a row and its bytes, and says whether its
// text may travel inside a batch.
func measure(fields map[string]any) (vars, weight int, plain bool) {
	plain = true
	var one func(v any)
	one = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				one(x)
			}
			return
		case string:
			weight += len(v)
			plain = plain && harmless(v)
		}
		vars++
		weight += 16
	}
	for name, v := range fields {
		weight += len(name)
		one(v)
	}
	return vars, weight, plain
}

// filtered is what a portal's filter against attacks may change in the
// commands of a batch (crm.md 5.1): markup, calls of scripts, SQL, paths.
var filtered = regexp.MustCompile(`(?i)[<>]|\$result\[|&#|\b(javascript|vbscript|script|expression|union|select|insert|update|delete|drop|from|into|sleep|benchmark|load_file|outfile)\b|\.\./|\bon[a-z]{3,}\s*=`)

func harmless(text string) bool {
	return len(text) < 3 || !filtered.MatchString(text)
}

// command is one call of a chunk and the rows it is for.
type command struct {
	bitrix.Command
	first, rows int // places in the chunk's tasks
}

// commandsOf writes the calls of a chunk, in the order of its rows.
func commandsOf(entityTypeID int64, tasks []task) []command {
	var all []command
	vars := 0
	for i, t := range tasks {
		if t.method == methodBatchImport {
			last := len(all) - 1
			if last >= 0 && all[last].Method == methodBatchImport && all[last].rows < maxChunk && vars+t.vars <= maxVariables {
				data, _ := all[last].Params.(map[string]any)["data"].(map[string]any)
				data[chunkKey(t.entry)] = t.fields
				all[last].rows++
				vars += t.vars
				continue
			}
			vars = t.vars
		}
		params := map[string]any{"entityTypeId": entityTypeID, "useOriginalUfNames": "Y"}
		switch t.method {
		case methodBatchImport:
			params["data"] = map[string]any{chunkKey(t.entry): t.fields}
		case methodUpdate:
			params["id"] = t.entry.ItemID
			params["fields"] = withCategory(t.fields, t.category)
		default:
			params["fields"] = t.fields
		}
		all = append(all, command{
			Command: bitrix.Command{Key: fmt.Sprintf("c%d", len(all)), Method: t.method, Params: params},
			first:   i, rows: 1,
		})
	}
	return all
}

func withCategory(fields map[string]any, category int64) map[string]any {
	if _, has := fields[fieldCategory]; has || category == 0 {
		return fields
	}
	sent := make(map[string]any, len(fields)+1)
	for name, v := range fields {
		sent[name] = v
	}
	sent[fieldCategory] = category
	return sent
}

// chunkKey names a row of a batchImport, so that each verdict names its row.
// The keys sort in file order, and so do the items' ids.
func chunkKey(e Entry) string { return fmt.Sprintf("r%08d", e.Index) }

// verdict is what the portal says of one row: written, refused, or, where it
// is the zero one, no word.
type verdict struct {
	id      int64
	updated time.Time
	fault   *bitrix.Error
	// answered is when its command was through, by the portal's clock.
	answered time.Time
}

// verdictsOf reads the result of one command, a verdict for each of its rows.
func verdictsOf(c command, tasks []task, result json.RawMessage) ([]verdict, error) {
	verdicts := make([]verdict, c.rows)
	if c.Method != methodBatchImport {
		var o struct {
			Item map[string]json.RawMessage `json:"item"`
		}
		if err := json.Unmarshal(result, &o); err != nil {
			return nil, fmt.Errorf("reading the result of %s: %w", c.Method, err)
		}
		it, err := itemOf(o.Item)
		if err != nil {
			return nil, fmt.Errorf("reading the result of %s: %w", c.Method, err)
		}
		verdicts[0] = verdict{id: it.id, updated: it.updated}
		return verdicts, nil
	}
	keys := make([]string, c.rows)
	for i := range keys {
		keys[i] = chunkKey(tasks[c.first+i].entry)
	}
	rows, err := bitrix.ParseImported(result, keys)
	if err != nil {
		return nil, fmt.Errorf("reading the verdicts: %w", err)
	}
	for i, key := range keys {
		row := rows[key] // the zero one where the answer has no word
		verdicts[i] = verdict{id: row.ID, fault: row.Err}
	}
	return verdicts, nil
}

// refusedRight reports whether a verdict is about a right or the plan, which
// may hold for every row alike.
func (v verdict) refusedRight() bool {
	if v.fault == nil || v.fault.Class == bitrix.Unknown {
		return false
	}
	reason, known := reasons[strings.ToUpper(v.fault.Code)]
	return known && reason != "target_gone" && reason != "connection_gone"
}

func allRefused(verdicts []verdict) bool {
	return len(verdicts) > 0 && !slices.ContainsFunc(verdicts, func(v verdict) bool { return !v.refusedRight() })
}
