package bitrix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxPages ends reading lists that never end: 50 entries a page.
const maxPages = 200

// ReadProfile reads who the connection acts as.
func ReadProfile(ctx context.Context, r Reader) (Profile, error) {
	var o struct {
		ID       looseInt  `json:"ID"`
		Admin    looseBool `json:"ADMIN"`
		Name     looseText `json:"NAME"`
		LastName looseText `json:"LAST_NAME"`
		Zone     looseText `json:"TIME_ZONE"`
	}
	if err := read(ctx, r, "profile", nil, &o); err != nil {
		return Profile{}, err
	}
	if o.ID <= 0 {
		return Profile{}, shapeError("profile", errors.New("no user id"))
	}
	name := strings.TrimSpace(string(o.Name) + " " + string(o.LastName))
	return Profile{ID: int64(o.ID), Name: name, Admin: bool(o.Admin), Zone: string(o.Zone)}, nil
}

// ReadScopes reads the scopes the connection has.
func ReadScopes(ctx context.Context, r Reader) ([]string, error) {
	var list []looseText
	if err := readList(ctx, r, "scope", nil, &list); err != nil {
		return nil, err
	}
	scopes := make([]string, 0, len(list))
	for _, s := range list {
		scopes = append(scopes, string(s))
	}
	return scopes, nil
}

// App is what the portal's own app.info says about the app and the portal's
// plan. Webhooks are refused it.
type App struct {
	// Code is for links to /marketplace/view/<code>/.
	Code, Version, Status string
	Installed             bool
	PaymentExpired        bool
	// Lang is the portal's language.
	Lang string
	// License is such as "de_ent250", Family such as "ent".
	License, Family string
}

// ReadApp calls app.info; the connection learns its request rate from it.
func ReadApp(ctx context.Context, r Reader) (App, error) {
	var o struct {
		Code      looseText `json:"CODE"`
		Version   looseText `json:"VERSION"`
		Status    looseText `json:"STATUS"`
		Installed looseBool `json:"INSTALLED"`
		Expired   looseBool `json:"PAYMENT_EXPIRED"`
		Lang      looseText `json:"LANGUAGE_ID"`
		License   looseText `json:"LICENSE"`
		Family    looseText `json:"LICENSE_FAMILY"`
	}
	if err := read(ctx, r, "app.info", nil, &o); err != nil {
		return App{}, err
	}
	return App{
		Code: string(o.Code), Version: string(o.Version), Status: string(o.Status),
		Installed: bool(o.Installed), PaymentExpired: bool(o.Expired), Lang: string(o.Lang),
		License: string(o.License), Family: string(o.Family),
	}, nil
}

// ReadCategories reads the pipelines of an entity type that the caller may
// see, in the portal's order.
func ReadCategories(ctx context.Context, r Reader, entityTypeID int64) ([]Category, error) {
	type row struct {
		ID      looseInt  `json:"id"`
		Name    looseText `json:"name"`
		Sort    looseInt  `json:"sort"`
		Default looseBool `json:"isDefault"`
	}
	var categories []Category
	err := pages(ctx, r, "crm.category.list", map[string]any{"entityTypeId": entityTypeID}, "categories", func(raw json.RawMessage) error {
		var rows []row
		if err := list(raw, &rows); err != nil {
			return err
		}
		for _, c := range rows {
			categories = append(categories, Category{ID: int64(c.ID), Name: string(c.Name), Sort: int(c.Sort), Default: bool(c.Default)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(categories, func(a, b Category) int { return a.Sort - b.Sort })
	return categories, nil
}

// ReadStatuses reads a CRM dictionary, such as "SOURCE" or
// "DYNAMIC_<entityTypeId>_STAGE_<categoryId>", in the portal's order.
func ReadStatuses(ctx context.Context, r Reader, entityID string) ([]Status, error) {
	var statuses []Status
	err := pages(ctx, r, statusMethod, statusParams(entityID), "", func(raw json.RawMessage) error {
		page, err := parseStatuses(raw)
		statuses = append(statuses, page...)
		return err
	})
	if err != nil {
		return nil, err
	}
	sortStatuses(statuses)
	return statuses, nil
}

// ReadDictionaries reads several dictionaries by their ENTITY_ID, fifty per
// request. The portal answers with a whole dictionary at a time; those that
// the caller may not read are missing in the answer.
func ReadDictionaries(ctx context.Context, r Reader, entityIDs []string) (map[string][]Status, error) {
	all := make(map[string][]Status, len(entityIDs))
	err := each(ctx, r, statusMethod, entityIDs, func(id string) any { return statusParams(id) },
		func(id string, raw json.RawMessage) (err error) {
			all[id], err = parseStatuses(raw)
			sortStatuses(all[id])
			return err
		})
	return all, err
}

// each calls a method once per key, fifty in a request, and hands over the
// results. Keys that the portal refuses for good are passed over.
func each[K any](ctx context.Context, r Reader, method string, keys []K, params func(K) any, result func(K, json.RawMessage) error) error {
	for portion := range slices.Chunk(keys, maxCommands) {
		commands := make([]Command, len(portion))
		for i, key := range portion {
			commands[i] = Command{Key: fmt.Sprintf("c%d", i), Method: method, Params: params(key)}
		}
		reply, err := r.Batch(ctx, commands)
		if err != nil {
			return fmt.Errorf("reading %s: %w", method, err)
		}
		for i, key := range portion {
			name := commands[i].Key
			raw, ok := reply.Results[name]
			fault := reply.Errors[name]
			switch {
			case fault != nil && (fault.Class == Final || fault.Stops()):
			case fault != nil:
				return fmt.Errorf("reading %s: %w", method, fault)
			case !ok:
				return shapeError(method, errors.New("a command of a batch has no answer"))
			default:
				if err := result(key, raw); err != nil {
					return shapeError(method, err)
				}
			}
		}
	}
	return nil
}

const statusMethod = "crm.status.list"

func statusParams(entityID string) map[string]any {
	return map[string]any{
		"filter": map[string]any{"ENTITY_ID": entityID},
		"order":  map[string]any{"SORT": "ASC"},
	}
}

func parseStatuses(raw json.RawMessage) ([]Status, error) {
	var rows []struct {
		ID        looseText `json:"STATUS_ID"`
		Entity    looseText `json:"ENTITY_ID"`
		Name      looseText `json:"NAME"`
		Sort      looseInt  `json:"SORT"`
		Semantics looseText `json:"SEMANTICS"`
	}
	if err := list(raw, &rows); err != nil {
		return nil, err
	}
	statuses := make([]Status, len(rows))
	for i, s := range rows {
		statuses[i] = Status{
			ID: string(s.ID), EntityID: string(s.Entity), Name: string(s.Name),
			Sort: int(s.Sort), Semantics: string(s.Semantics),
		}
	}
	return statuses, nil
}

func sortStatuses(statuses []Status) {
	slices.SortStableFunc(statuses, func(a, b Status) int { return a.Sort - b.Sort })
}

// read calls a method and decodes its result.
func read(ctx context.Context, r Reader, method string, params, into any) error {
	reply, err := r.Call(ctx, method, params)
	if err != nil {
		return fmt.Errorf("reading %s: %w", method, err)
	}
	if err := json.Unmarshal(reply.Result, into); err != nil {
		return shapeError(method, err)
	}
	return nil
}

// readList is read for a method whose result is a list.
func readList[T any](ctx context.Context, r Reader, method string, params any, into *[]T) error {
	reply, err := r.Call(ctx, method, params)
	if err != nil {
		return fmt.Errorf("reading %s: %w", method, err)
	}
	if err := list(reply.Result, into); err != nil {
		return shapeError(method, err)
	}
	return nil
}

// pages calls a list method until there is no next page. name is the key of
// the list in the result; empty: the result is the list.
func pages(ctx context.Context, r Reader, method string, params map[string]any, name string, page func(json.RawMessage) error) error {
	start := 0
	for range maxPages {
		if start > 0 {
			params["start"] = start
		}
		reply, err := r.Call(ctx, method, params)
		if err != nil {
			return fmt.Errorf("reading %s: %w", method, err)
		}
		raw := reply.Result
		if name != "" && !isEmptyList(raw) {
			var object map[string]json.RawMessage
			if err := json.Unmarshal(raw, &object); err != nil {
				return shapeError(method, err)
			}
			raw = object[name]
		}
		if err := page(raw); err != nil {
			return shapeError(method, err)
		}
		if reply.Next == nil || *reply.Next <= start {
			return nil
		}
		start = *reply.Next
	}
	return shapeError(method, errors.New("the list does not end"))
}

// list decodes a JSON list, or an object whose keys are the indexes, which
// is how PHP writes a list with holes. Null and nothing are an empty list.
func list[T any](raw json.RawMessage, into *[]T) error {
	if len(raw) == 0 || isNull(raw) {
		return nil
	}
	if raw[0] != '{' {
		return json.Unmarshal(raw, into)
	}
	_, values, err := ordered(raw)
	if err != nil {
		return err
	}
	for _, v := range values {
		var item T
		if err := json.Unmarshal(v, &item); err != nil {
			return err
		}
		*into = append(*into, item)
	}
	return nil
}

// ordered decodes a JSON object and keeps the order of its keys.
func ordered(raw json.RawMessage) (keys []string, values []json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, errors.New("not an object")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		key, ok := t.(string)
		if !ok {
			return nil, nil, errors.New("not an object")
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, nil, err
		}
		keys, values = append(keys, key), append(values, v)
	}
	return keys, values, nil
}

// shapeError is the error of an answer that is not what the method answers.
// What encoding/json says can quote the answer, so only its kind is kept.
func shapeError(method string, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		err = fmt.Errorf("%s where %s was expected", kind.Value, kind.Type)
	case errors.As(err, &syntax):
		err = errors.New("broken JSON at byte " + strconv.FormatInt(syntax.Offset, 10))
	}
	return &Error{Code: CodeNotJSON, Class: Final, Method: method, Err: err}
}

// ReadCurrencies returns the portal's currencies as ISO codes, and the base
// one [api-reference/crm/currency/crm-currency-list.md]. Who may not read the
// list gets no codes but still the base currency, which anybody may ask for.
func ReadCurrencies(ctx context.Context, r Reader) (codes []string, base string, err error) {
	var rows []struct {
		Code looseText `json:"CURRENCY"`
		Base looseBool `json:"BASE"`
	}
	err = readList(ctx, r, "crm.currency.list", nil, &rows)
	var fault *Error
	if errors.As(err, &fault) && fault.Class == Final {
		var code looseText
		err = read(ctx, r, "crm.currency.base.get", nil, &code)
		return nil, string(code), err
	}
	if err != nil {
		return nil, "", err
	}
	for _, row := range rows {
		codes = append(codes, string(row.Code))
		if row.Base {
			base = string(row.Code)
		}
	}
	return codes, base, nil
}
