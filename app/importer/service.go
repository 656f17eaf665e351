package importer

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/spa-importer/spa-importer/app/fetch"
)

// Refusal is an error that a person must be told: nothing was changed, and
// package locale has a sentence for its code.
type Refusal struct{ Problem Problem }

func (r *Refusal) Error() string { return "refused: " + r.Problem.Code }

// Refuse makes a Refusal; args are pairs of name and value.
func Refuse(code string, args ...string) error {
	return &Refusal{Problem: problem(code, args...)}
}

func problem(code string, args ...string) Problem {
	p := Problem{Code: code}
	for i := 0; i+1 < len(args); i += 2 {
		if p.Args == nil {
			p.Args = make(map[string]string, len(args)/2)
		}
		p.Args[args[i]] = args[i+1]
	}
	return p
}

// OffsetError says that bytes came for another place than the end of what
// is kept; Have is where to go on.
type OffsetError struct{ Have int64 }

func (e *OffsetError) Error() string {
	return fmt.Sprintf("upload goes on at byte %d", e.Have)
}

// Options is what a Service needs.
type Options struct {
	Store       Store
	Journal     Journal
	Files       Files
	Connections Connections
	Bell        Bell
	Limits      Limits
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger
	// MaxUpload is the largest file in bytes.
	MaxUpload int64
	// Settle is how long a request may still be running at the portal after
	// its answer was lost; 0 is 75 s.
	Settle time.Duration
	// KeepFor is how long files and journals stay after an import has ended.
	KeepFor time.Duration
	// Holder names this process in leases.
	Holder string
	// Notice words the notification that an import is done, with Bitrix24's
	// BB codes; nil sends none.
	Notice func(ctx context.Context, imp Import) (string, error)
	// Words says, in a language, how columns without a header are called,
	// and those with the addresses of another column's links: see
	// sheet.Reading. Nil: by their letters.
	Words func(lang string) (unnamed, link string)
	// Calls is the log of REST calls; nil: there is none to show.
	Calls CallLog
	// Fetch brings in files that cells name by their address; nil is a
	// client that fetches from public addresses.
	Fetch *fetch.Client
	// ReportTitles are the titles of the row number and the reason in the file
	// of failed rows, in every language: by them it is known when it returns.
	ReportTitles [][2]string
}

// Service is everything people and the queue can ask of imports. It keeps
// nothing of an import in memory: any process can go on with any of them.
type Service struct {
	store       Store
	journal     Journal
	files       Files
	connections Connections
	bell        Bell
	limits      Limits
	now         func() time.Time
	log         *slog.Logger
	maxUpload   int64
	settle      time.Duration
	keepFor     time.Duration
	holder      string
	notice      func(context.Context, Import) (string, error)
	calls       CallLog
	fetch       *fetch.Client
	words       func(string) (unnamed, link string)
	schemas     schemaCache
	bodies      bodies
	forecasts   forecasts
	questions   questions
	// reportTitles: see Options.
	reportTitles [][2]string
}

// New makes a Service.
func New(o Options) *Service {
	s := &Service{
		store: o.Store, journal: o.Journal, files: o.Files, connections: o.Connections,
		bell: o.Bell, limits: o.Limits, now: o.Now, log: o.Log, maxUpload: o.MaxUpload,
		settle: o.Settle, keepFor: o.KeepFor, holder: o.Holder, notice: o.Notice, reportTitles: o.ReportTitles, calls: o.Calls,
		fetch: o.Fetch, words: o.Words,
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.settle == 0 {
		s.settle = 75 * time.Second
	}
	if s.keepFor == 0 {
		s.keepFor = 30 * 24 * time.Hour
	}
	if s.holder == "" {
		s.holder = newID()
	}
	if s.fetch == nil {
		s.fetch = fetch.New(fetch.Options{})
	}
	s.schemas.now = s.now
	return s
}

// newID makes an id of 80 random bits that is safe in file names, URLs and
// xmlId.
func newID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// Lanes, see Lane.
func readLane(upload string) Lane { return Lane("read:" + upload) }
func checkLane(imp string) Lane   { return Lane("check:" + imp) }
func runLane(portal string) Lane  { return Lane("run:" + portal) }

// ring wakes a lane. A ring that fails is not an error for the person: what
// he asked for is stored, and the queue's sweep finds it.
func (s *Service) ring(ctx context.Context, lane Lane) {
	if err := s.bell.Ring(ctx, lane); err != nil {
		s.log.WarnContext(ctx, "ringing a lane; the sweep will find it", "lane", string(lane), "err", err)
	}
}

// Import returns an import of the actor's portal. A draft is its owner's
// alone; from the first check on it is the portal's history.
func (s *Service) Import(ctx context.Context, a Actor, id string) (Import, error) {
	imp, err := s.store.Import(ctx, a.Portal, id)
	if err != nil {
		return Import{}, fmt.Errorf("loading import: %w", err)
	}
	if !visible(a, imp) {
		return Import{}, ErrNotFound
	}
	return imp, nil
}

// Imports lists the portal's imports, newest first, without other people's
// drafts.
func (s *Service) Imports(ctx context.Context, a Actor, limit int) ([]Import, error) {
	all, err := s.store.Imports(ctx, a.Portal, limit)
	if err != nil {
		return nil, fmt.Errorf("listing imports: %w", err)
	}
	kept := all[:0]
	for _, imp := range all {
		if visible(a, imp) {
			kept = append(kept, imp)
		}
	}
	return kept, nil
}

// visible: drafts, and what has only been checked, hold a person's own file
// and choices; what has begun to write concerns the whole portal.
func visible(a Actor, imp Import) bool {
	switch imp.State {
	case Draft, Checking, Checked:
		return imp.User == a.User
	default:
		return true
	}
}

// mayControl: the owner, and the portal's administrators.
func mayControl(a Actor, imp Import) bool { return a.Admin || imp.User == a.User }

// update changes an import that the actor may control.
func (s *Service) update(ctx context.Context, a Actor, id string, change func(*Import) error) (Import, error) {
	return s.store.UpdateImport(ctx, a.Portal, id, allowed(a, change))
}

// allowed is a change for those who may control the import.
func allowed(a Actor, change func(*Import) error) func(*Import) error {
	return func(imp *Import) error {
		if !visible(a, *imp) {
			return ErrNotFound
		}
		if !mayControl(a, *imp) {
			return Refuse("not_yours", "name", imp.UserName)
		}
		return change(imp)
	}
}

// connect opens the connection of an actor or an import.
func (s *Service) connect(ctx context.Context, portal string, c Connection) (Caller, error) {
	caller, err := s.connections.Connect(ctx, portal, c)
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			return nil, &Refusal{Problem: problem("connection_gone")}
		}
		return nil, fmt.Errorf("connecting to the portal: %w", err)
	}
	return caller, nil
}

// schemaCache keeps what portals said of their entity types for a few
// minutes, so that a page does not cost five calls. Checks and runs read
// afresh.
type schemaCache struct {
	now func() time.Time
	mu  sync.Mutex
	m   map[schemaKey]Schema
}

type schemaKey struct {
	portal, webhook string
	user            int64
	// lang and zone are part of what is kept: the portal's titles come in the
	// person's language.
	lang, zone   string
	entityTypeID int64
}

const schemaLife = 5 * time.Minute

func (c *schemaCache) get(k schemaKey) (Schema, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.m[k]
	if !ok || c.now().Sub(s.Read) > schemaLife {
		return Schema{}, false
	}
	return s, true
}

func (c *schemaCache) put(k schemaKey, s Schema) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = make(map[schemaKey]Schema)
	}
	for key, old := range c.m {
		if c.now().Sub(old.Read) > schemaLife {
			delete(c.m, key)
		}
	}
	c.m[k] = s
}

// drop forgets what was read of an entity type: it is known to be different.
func (c *schemaCache) drop(portal string, entityTypeID int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.m {
		if key.portal == portal && key.entityTypeID == entityTypeID {
			delete(c.m, key)
		}
	}
}
