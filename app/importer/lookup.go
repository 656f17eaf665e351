package importer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// Sizes of look-ups: a page of any list is 50 (crm.md 3.7), and a batch
// holds 50 commands.
const (
	pageSize  = 50
	batchSize = 50
	// lookupMemory caps what a resolver keeps in memory; the store has all.
	lookupMemory = 100_000
)

// resolver finds what cells refer to: each distinct reference is asked for
// once per import, and remembered in the store, so that a check that was
// interrupted and the run after it ask nothing again.
type resolver struct {
	s      *Service
	imp    Import
	caller Caller
	known  memoryLookup
	users  *directory
	lists  map[string]string // kinds of information blocks by their ids
}

func (s *Service) newResolver(imp Import, caller Caller) *resolver {
	return &resolver{s: s, imp: imp, caller: s.asking(imp.Portal, caller), known: memoryLookup{}}
}

// resolve returns a lookup that knows every reference wanted.
func (r *resolver) resolve(ctx context.Context, wanted map[field.Ref]bool) (memoryLookup, error) {
	if len(r.known) > lookupMemory {
		r.known = memoryLookup{}
	}
	missing := map[string][]string{}
	for ref := range wanted {
		if _, ok := r.known[ref]; !ok {
			// What is known stays, the rows that it was read from must not.
			missing[ref.Kind] = append(missing[ref.Kind], strings.Clone(ref.Key))
		}
	}
	for kind, keys := range missing {
		slices.Sort(keys) // the same questions in the same order, whatever the map says
		stored, err := r.s.journal.Lookups(ctx, r.imp.ID, kind, keys)
		if err != nil {
			return nil, fmt.Errorf("reading look-ups: %w", err)
		}
		var ask []string
		for _, key := range keys {
			if ids, ok := stored[key]; ok {
				r.known[field.Ref{Kind: kind, Key: key}] = ids
			} else {
				ask = append(ask, key)
			}
		}
		if len(ask) == 0 {
			continue
		}
		if err := r.ask(ctx, kind, ask); err != nil {
			return nil, err
		}
	}
	return r.known, nil
}

// ask asks the portal in portions, each remembered before the next.
func (r *resolver) ask(ctx context.Context, kind string, keys []string) error {
	// Ids go fifty to a command, everything else alone: a portion is at most
	// one request, so that a limit in the middle costs one.
	var many, single []string
	for _, key := range keys {
		if kind == field.KindUser || (field.Ref{Kind: kind, Key: key}).By() == field.ByID {
			many = append(many, key)
		} else {
			single = append(single, key)
		}
	}
	portions := slices.Collect(slices.Chunk(many, pageSize*batchSize))
	portions = slices.AppendSeq(portions, slices.Chunk(single, batchSize))
	for _, portion := range portions {
		found, err := r.find(ctx, kind, portion)
		if err != nil {
			return fmt.Errorf("looking up %s: %w", kind, err)
		}
		lookups := make([]Lookup, 0, len(portion))
		for _, key := range portion {
			ids := found[key]
			if ids == nil {
				ids = []string{} // looked for, not there
			}
			r.known[field.Ref{Kind: kind, Key: key}] = ids
			if len(ids) == 1 && ids[0] == "" {
				continue // not asked: a right may be given meanwhile
			}
			lookups = append(lookups, Lookup{Kind: kind, Key: key, IDs: ids})
		}
		if err := r.s.journal.SaveLookups(ctx, r.imp.ID, lookups); err != nil {
			return fmt.Errorf("saving look-ups: %w", err)
		}
	}
	return nil
}

func (r *resolver) find(ctx context.Context, kind string, keys []string) (map[string][]string, error) {
	if kind == field.KindUser {
		return r.findUsers(ctx, keys)
	}
	if _, _, ok := listKind(kind); ok {
		return r.findInList(ctx, kind, keys)
	}
	if (field.Ref{Kind: kind}).EntityTypeID() == 0 {
		return nil, fmt.Errorf("no way to look up %q", kind)
	}
	found, err := r.findItems(ctx, kind, keys)
	if unreadable(err) {
		// Nothing is known of these; that is for the rows that name them.
		found = make(map[string][]string, len(keys))
		for _, key := range keys {
			found[key] = notAskable
		}
		return found, nil
	}
	return found, err
}

// unreadable reports that the portal does not let this person read one kind
// of items, or has none of it.
func unreadable(err error) bool {
	var e *bitrix.Error
	if !errors.As(err, &e) || e.Class != bitrix.Final || e.Status == http.StatusForbidden {
		return false
	}
	switch bitrix.Code(err) {
	case "ACCESS_DENIED", "NOT_FOUND", "ENTITY_TYPE_NOT_SUPPORTED":
		return true
	}
	return false
}

// findItems looks for contacts, companies and items of one kind.
func (r *resolver) findItems(ctx context.Context, kind string, keys []string) (map[string][]string, error) {
	by := map[field.By][]string{}
	for _, key := range keys {
		how := field.Ref{Kind: kind, Key: key}.By()
		by[how] = append(by[how], key)
	}
	found := map[string][]string{}
	if err := r.findIDs(ctx, kind, by[field.ByID], found); err != nil {
		return nil, err
	}
	if err := r.findNames(ctx, kind, by[field.ByName], found); err != nil {
		return nil, err
	}
	if kind == field.KindMyCompany {
		return found, nil // there are a handful, which nobody names by phone
	}
	for how, comm := range map[field.By]string{field.ByEmail: "EMAIL", field.ByPhone: "PHONE"} {
		if err := r.findByComm(ctx, kind, comm, by[how], found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// listOf is a command that lists ids; of companies only our own, where the
// kind says so.
func listOf(key, kind string, filter map[string]any) bitrix.Command {
	if kind == field.KindMyCompany {
		filter["=isMyCompany"] = "Y"
	}
	return bitrix.Command{Key: key, Method: "crm.item.list", Params: map[string]any{
		"entityTypeId": field.Ref{Kind: kind}.EntityTypeID(), "select": []string{"id"}, "filter": filter,
		"order": map[string]any{"id": "ASC"}, "start": -1,
	}}
}

// findIDs asks which of the ids exist for this person: 50 per command.
func (r *resolver) findIDs(ctx context.Context, kind string, ids []string, found map[string][]string) error {
	var commands []bitrix.Command
	for page := range slices.Chunk(ids, pageSize) {
		commands = append(commands, listOf("p"+strconv.Itoa(len(commands)), kind, map[string]any{"@id": page}))
	}
	return r.batch(ctx, commands, func(_ string, result json.RawMessage) error {
		items, err := itemIDs(result)
		if err != nil {
			return err
		}
		for _, id := range items {
			found[id] = []string{id}
		}
		return nil
	})
}

// findNames asks for each name on its own, because an answer does not say
// which name it belongs to. Titles match exactly, as the person wrote them;
// several hits are several ids, never the first.
func (r *resolver) findNames(ctx context.Context, kind string, names []string, found map[string][]string) error {
	byKey := make(map[string]string, len(names))
	commands := make([]bitrix.Command, 0, len(names))
	for i, name := range names {
		key := "n" + strconv.Itoa(i)
		byKey[key] = name
		commands = append(commands, listOf(key, kind, nameFilter(kind, name)))
	}
	return r.batch(ctx, commands, func(key string, result json.RawMessage) error {
		ids, err := itemIDs(result)
		if err != nil {
			return err
		}
		found[byKey[key]] = ids
		return nil
	})
}

// nameFilter is how an item is recognised by what people write: a contact by
// first and last name in either order, an item of a smart process by its
// title or its External code, everything else by its title.
func nameFilter(kind, name string) map[string]any {
	either := func(x, y map[string]any) map[string]any {
		return map[string]any{"0": map[string]any{"logic": "OR", "0": x, "1": y}}
	}
	switch words := strings.Fields(name); {
	case kind == field.KindContact && len(words) < 2:
		return map[string]any{"=lastName": name}
	case kind == field.KindContact:
		last := len(words) - 1
		return either(
			map[string]any{"=name": strings.Join(words[:last], " "), "=lastName": words[last]},
			map[string]any{"=name": strings.Join(words[1:], " "), "=lastName": words[0]})
	case field.Ref{Kind: kind}.EntityTypeID() >= firstSmartProcess:
		return either(map[string]any{"=title": name}, map[string]any{"=xmlId": name})
	default:
		return map[string]any{"=title": name}
	}
}

// firstSmartProcess is the lowest entityTypeId of a smart process (crm.md 1.4).
const firstSmartProcess = 128

// findByComm looks for contacts or companies by phone or e-mail, one value
// per command: the answer has no link from value to id (crm.md 4.1).
func (r *resolver) findByComm(ctx context.Context, kind, comm string, values []string, found map[string][]string) error {
	entity := "COMPANY"
	if kind == field.KindContact {
		entity = "CONTACT"
	}
	byKey := make(map[string]string, len(values))
	commands := make([]bitrix.Command, 0, len(values))
	for i, value := range values {
		key := "c" + strconv.Itoa(i)
		byKey[key] = value
		commands = append(commands, bitrix.Command{Key: key, Method: "crm.duplicate.findbycomm", Params: map[string]any{
			"type": comm, "values": []string{value}, "entity_type": entity,
		}})
	}
	return r.batch(ctx, commands, func(key string, result json.RawMessage) error {
		var hits map[string][]json.Number
		// Nothing found is an empty list in place of the object.
		if !bytes.HasPrefix(bytes.TrimSpace(result), []byte("[")) {
			if err := json.Unmarshal(result, &hits); err != nil {
				return fmt.Errorf("reading what was found by %s: %w", comm, err)
			}
		}
		for _, id := range hits[entity] {
			found[byKey[key]] = append(found[byKey[key]], id.String())
		}
		return nil
	})
}

func itemIDs(result json.RawMessage) ([]string, error) {
	var page struct {
		Items []struct {
			ID json.Number `json:"id"`
		} `json:"items"`
	}
	if err := json.Unmarshal(result, &page); err != nil {
		return nil, fmt.Errorf("reading a page of items: %w", err)
	}
	ids := make([]string, len(page.Items))
	for i, item := range page.Items {
		ids[i] = item.ID.String()
	}
	return ids, nil
}

// batch sends commands in batches of 50. A command that was refused is a
// question without an answer, so the whole look-up fails: to call it "not
// found" would be a guess.
func (r *resolver) batch(ctx context.Context, commands []bitrix.Command, each func(key string, result json.RawMessage) error) error {
	for portion := range slices.Chunk(commands, batchSize) {
		reply, err := r.caller.Batch(ctx, portion)
		if err != nil {
			return err
		}
		for _, c := range portion {
			if e := reply.Errors[c.Key]; e != nil {
				return e
			}
			result, ok := reply.Results[c.Key]
			if !ok {
				return noAnswer(c)
			}
			if err := each(c.Key, result); err != nil {
				return err
			}
		}
	}
	return nil
}

// directory is every user of a portal, by the ways people write them.
type directory struct {
	ids    map[string]bool
	byName map[string][]string // folded names and e-mails
	titles map[string]string   // what tells people of one name apart
}

// findUsers matches against the whole staff, read once per check: the
// portal's own filters drop what the scope does not allow without a word
// (crm.md 4.2), so it is never asked for one person.
func (r *resolver) findUsers(ctx context.Context, keys []string) (map[string][]string, error) {
	if r.users == nil {
		users, err := r.readUsers(ctx)
		if err != nil {
			return nil, err
		}
		r.users = users
	}
	found := make(map[string][]string, len(keys))
	for _, key := range keys {
		if r.users.ids[key] {
			found[key] = []string{key}
		} else if ids := r.users.byName[foldName(key)]; len(ids) > 0 {
			found[key] = ids
		}
	}
	return found, nil
}

type userRow struct {
	ID       json.Number `json:"ID"`
	Name     string      `json:"NAME"`
	LastName string      `json:"LAST_NAME"`
	Second   string      `json:"SECOND_NAME"`
	Email    string      `json:"EMAIL"`
	Post     string      `json:"WORK_POSITION"`
}

// readUsers pages by id, which costs the portal no count.
func (r *resolver) readUsers(ctx context.Context) (*directory, error) {
	d := &directory{ids: map[string]bool{}, byName: map[string][]string{}, titles: map[string]string{}}
	last := "0"
	for {
		reply, err := r.caller.Call(ctx, "user.get", map[string]any{
			"sort": "ID", "order": "ASC", "start": -1, "FILTER": map[string]any{">ID": last},
		})
		if err != nil {
			return nil, fmt.Errorf("reading users: %w", err)
		}
		var page []userRow
		if err := json.Unmarshal(reply.Result, &page); err != nil {
			return nil, fmt.Errorf("reading a page of users: %w", err)
		}
		fresh := false
		for _, u := range page {
			if id := u.ID.String(); !d.ids[id] {
				fresh, last = true, id
				d.add(id, u)
			}
		}
		// A portal that ignores the filter would repeat its first page.
		if len(page) < pageSize || !fresh {
			return d, nil
		}
	}
}

func (d *directory) add(id string, u userRow) {
	d.ids[id] = true
	d.titles[id] = strings.TrimSpace(u.Name + " " + u.LastName)
	if more := cmp.Or(u.Post, u.Email); more != "" {
		d.titles[id] += ", " + more
	}
	seen := map[string]bool{}
	for _, name := range []string{
		u.Name + " " + u.LastName, u.LastName + " " + u.Name,
		u.LastName + " " + u.Name + " " + u.Second, u.Name + " " + u.Second + " " + u.LastName, u.Email,
	} {
		if key := foldName(name); key != "" && !seen[key] {
			seen[key] = true
			d.byName[key] = append(d.byName[key], id)
		}
	}
}

// foldName makes names comparable: case, spaces and ё do not matter.
func foldName(name string) string {
	return strings.ReplaceAll(strings.ToLower(strings.Join(strings.Fields(name), " ")), "ё", "е")
}
