package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// maxSchema caps a stored schema: the largest seen are well under 1 MB.
const maxSchema = 64 << 20

// Types lists the smart processes the actor can see.
func (s *Service) Types(ctx context.Context, a Actor) ([]bitrix.Type, error) {
	caller, err := s.connect(ctx, a.Portal, a.Connection)
	if err != nil {
		return nil, err
	}
	types, err := bitrix.ReadTypes(ctx, caller)
	if err != nil {
		return nil, portalError("reading smart processes", err)
	}
	return types, nil
}

// Schema returns what the portal says of an entity type, at most five
// minutes old.
func (s *Service) Schema(ctx context.Context, a Actor, entityTypeID int64) (Schema, error) {
	key := schemaKey{portal: a.Portal, webhook: a.Connection.Webhook, user: a.User, lang: a.Lang, zone: a.Zone, entityTypeID: entityTypeID}
	if have, ok := s.schemas.get(key); ok {
		return have, nil
	}
	caller, err := s.connect(ctx, a.Portal, a.Connection)
	if err != nil {
		return Schema{}, err
	}
	schema, err := s.readSchema(ctx, caller, entityTypeID, a.Zone, a.Lang, a.Admin)
	if err != nil {
		return Schema{}, err
	}
	s.schemas.put(key, schema)
	return schema, nil
}

// readSchema asks the portal. The zone is the person's; an unknown one falls
// back to the offset that the portal's own answers carry.
func (s *Service) readSchema(ctx context.Context, caller Caller, entityTypeID int64, zone, lang string, admin bool) (Schema, error) {
	t, err := bitrix.ReadType(ctx, caller, entityTypeID)
	if err != nil {
		return Schema{}, portalError("reading the smart process", err)
	}
	fields, err := bitrix.ReadFields(ctx, caller, entityTypeID)
	if err != nil {
		return Schema{}, portalError("reading fields", err)
	}
	categories, err := bitrix.ReadCategories(ctx, caller, entityTypeID)
	if err != nil {
		return Schema{}, portalError("reading pipelines", err)
	}
	c := field.Context{
		EntityTypeID: entityTypeID, Categories: categories, Admin: admin, Lang: lang, Files: true,
		Stages: make(map[int64][]bitrix.Status, len(categories)), Statuses: map[string][]bitrix.Status{},
	}
	if err := readDictionaries(ctx, caller, &c, t, fields); err != nil {
		return Schema{}, err
	}
	if err := readSurroundings(ctx, caller, &c, t.ID, fields); err != nil {
		return Schema{}, err
	}
	c.Location = location(zone)
	schema := Schema{Type: t, Fields: fields, Context: c, Read: s.now()}
	schema.Hash, err = schemaHash(fields, categories, c.Stages)
	return schema, err
}

// readSurroundings reads what only some fields need: the currencies for
// amounts, the smart processes for links between items, and whether people
// may be found by e-mail.
func readSurroundings(ctx context.Context, caller Caller, c *field.Context, typeID int64, fields []bitrix.Field) error {
	var amounts, links bool
	for _, f := range fields {
		amounts = amounts || f.Type == "money" || f.Type == "crm_currency"
		links = links || f.Type == "crm"
	}
	scopes, err := bitrix.ReadScopes(ctx, caller)
	if err != nil {
		return portalError("reading the scopes", err)
	}
	c.HasEmailScope = slices.Contains(scopes, "user_basic") || slices.Contains(scopes, "user")
	c.HasListsScope = slices.Contains(scopes, "lists")
	if slices.Contains(scopes, "userfieldconfig") {
		if err := bitrix.AddOptionCodes(ctx, caller, typeID, fields); err != nil {
			return portalError("reading the codes of list options", err)
		}
	}
	if amounts {
		if c.Currencies, c.BaseCurrency, err = bitrix.ReadCurrencies(ctx, caller); err != nil {
			return portalError("reading the currencies", err)
		}
	}
	if links {
		if c.Types, err = bitrix.ReadTypes(ctx, caller); err != nil {
			return portalError("reading smart processes", err)
		}
	}
	return nil
}

// location is the zone for wall-clock cells. An unknown name is UTC: the
// person is shown which zone is used.
func location(zone string) *time.Location {
	if zone == "" {
		return time.UTC
	}
	if l, err := time.LoadLocation(zone); err == nil {
		return l
	}
	return time.UTC
}

// readDictionaries reads the stages of each pipeline, the sources and every
// dictionary a user field refers to.
func readDictionaries(ctx context.Context, caller Caller, c *field.Context, t bitrix.Type, fields []bitrix.Field) error {
	var names []string
	stageOf := map[string]int64{}
	if t.Stages {
		for _, category := range c.Categories {
			name := fmt.Sprintf("DYNAMIC_%d_STAGE_%d", t.EntityTypeID, category.ID)
			stageOf[name] = category.ID
			names = append(names, name)
		}
	}
	wanted := map[string]bool{}
	for _, f := range fields {
		name := f.StatusType
		if f.Type == "crm_status" && f.Dynamic {
			name = settingText(f.Settings["ENTITY_TYPE"])
		}
		if _, stage := stageOf[name]; name != "" && !stage && !wanted[name] && f.Name != "stageId" && f.Name != "previousStageId" {
			wanted[name] = true
			names = append(names, name)
		}
	}
	dictionaries, err := bitrix.ReadDictionaries(ctx, caller, names)
	if err != nil {
		return portalError("reading stages and dictionaries", err)
	}
	for name, statuses := range dictionaries {
		if category, ok := stageOf[name]; ok {
			c.Stages[category] = statuses
			continue
		}
		c.Statuses[name] = statuses
		if name == "SOURCE" {
			c.Sources = statuses
		}
	}
	return nil
}

func settingText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// schemaHash changes whenever a value that was right could be wrong now.
func schemaHash(parts ...any) (string, error) {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(parts); err != nil {
		return "", fmt.Errorf("hashing the schema: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// storedSchema is a Schema in a file: a time zone is stored by its name.
type storedSchema struct {
	Schema
	Zone string
	// Reading is the revision of the upload that was checked.
	Reading int
}

func schemaName(imp string) string { return "imports/" + imp + "/schema" }
func importDir(imp string) string  { return "imports/" + imp }

// saveSchema keeps the schema a check was made with, for its run.
func (s *Service) saveSchema(ctx context.Context, imp Import, schema Schema, reading int) error {
	stored := storedSchema{Schema: schema, Zone: imp.Zone, Reading: reading}
	stored.Context.Location = nil
	return s.saveDocument(ctx, schemaName(imp.ID), imp.Key, stored)
}

// loadSchema returns the schema of the check, and the revision of the upload
// that was checked.
func (s *Service) loadSchema(ctx context.Context, imp Import) (schema Schema, reading int, err error) {
	var stored storedSchema
	err = s.loadDocument(ctx, schemaName(imp.ID), imp.Key, &stored)
	if errors.Is(err, ErrNotFound) {
		return Schema{}, 0, Refuse("file_gone")
	}
	if err != nil {
		return Schema{}, 0, err
	}
	stored.Context.Location = location(stored.Zone)
	return stored.Schema, stored.Reading, nil
}

func (s *Service) saveDocument(ctx context.Context, name string, key []byte, doc any) error {
	err := s.files.Write(ctx, name, key, func(w io.Writer) error { return json.NewEncoder(w).Encode(doc) })
	if err != nil {
		return fmt.Errorf("saving %s: %w", name, err)
	}
	return nil
}

// loadDocument returns ErrNotFound for a document that is not there.
func (s *Service) loadDocument(ctx context.Context, name string, key []byte, doc any) error {
	r, closer, err := s.files.Open(ctx, name, key)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("opening %s: %w", name, err)
	}
	defer closer.Close()
	if err := json.NewDecoder(io.LimitReader(r, maxSchema)).Decode(doc); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}

// portalError turns an answer of the portal that a person can do something
// about into a Refusal, and leaves everything else as it is.
func portalError(doing string, err error) error {
	if _, passes := waitOf(err, time.Time{}); passes {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if p, ok := reasonOf(err); ok {
		return fmt.Errorf("%s: %w", doing, &Refusal{Problem: p})
	}
	return fmt.Errorf("%s: %w", doing, err)
}
