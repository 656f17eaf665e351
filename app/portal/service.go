package portal

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	spaimporter "github.com/spa-importer/spa-importer"
	"github.com/spa-importer/spa-importer/bitrix"
)

// ErrSessionOver is returned for a token that is unknown, idle for too long
// or too old: the three are not told apart.
var ErrSessionOver = errors.New("session is over")

// ErrBusy is returned by Event when more events wait than are kept.
var ErrBusy = errors.New("too many events are waiting")

// ErrQuarantined is returned by Connection while it is not clear whether
// the app was removed from the portal: work waits, nothing is lost.
var ErrQuarantined = errors.New("portal is in quarantine: its removal is being checked")

// Files deletes what was kept of uploads and imports, by their ids.
type Files interface {
	DeleteFiles(ctx context.Context, uploads, imports []string) error
}

// Options is what a Service needs.
type Options struct {
	Store  Store
	Client *bitrix.Client
	Files  Files
	// Manifest says what to bind and which scopes to ask for.
	Manifest spaimporter.Manifest
	// PublicURL is the app's own address, without a slash at the end.
	PublicURL string
	// ClientID is the default app's id; empty: the keys are not set up.
	ClientID string
	// FreeRows is how many rows an unregistered portal may import; 0: all.
	FreeRows int
	// AllowPrivate accepts portals on plain http and private addresses.
	AllowPrivate bool
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Service decides who is believed and does the chores of an installation.
// Start it for the work in the background; Close it before the store.
type Service struct {
	store     Store
	client    *bitrix.Client
	files     Files
	manifest  spaimporter.Manifest
	publicURL string
	clientID  string
	freeRows  int
	private   bool
	now       func() time.Time
	log       *slog.Logger

	queues [standings]chan job
	alone  alone
	// mu guards what follows.
	mu      sync.Mutex
	waiting map[jobKey]bool
	claims  map[string]int // how many unproven events wait, by portal
	closed  bool
	ticks   chan struct{} // closed to end the clock
	tended  map[string]time.Time
	running sync.WaitGroup
	stop    context.CancelFunc
}

// New makes a service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		store: o.Store, client: o.Client, files: o.Files, manifest: o.Manifest,
		publicURL: o.PublicURL, clientID: o.ClientID, freeRows: o.FreeRows, private: o.AllowPrivate,
		now: o.Now, log: o.Log,
		waiting: map[jobKey]bool{},
		claims:  map[string]int{},
		tended:  map[string]time.Time{},
		stop:    func() {},
	}
	for i := range s.queues {
		s.queues[i] = make(chan job, queueSize)
	}
	return s
}

// Refusal is an error that a person must be told. Nothing was changed, and
// package locale has its sentence under "refusal.<code>".
type Refusal struct {
	Code string
	Args map[string]string
	// Err is the cause, for the log.
	Err error
}

func (r *Refusal) Error() string {
	if r.Err != nil {
		return "refused: " + r.Code + ": " + r.Err.Error()
	}
	return "refused: " + r.Code
}

func (r *Refusal) Unwrap() error { return r.Err }

func refuse(code string, cause error) error { return &Refusal{Code: code, Err: cause} }

// Codes of refusals. Opens end as the first ones, webhooks as those that say
// so, the installer and the registration as the rest.
const (
	CodeNoToken     = "no_token"      // nothing to verify came with the open
	CodeNoKeys      = "no_keys"       // the operator has not set the app's keys
	CodeExpired     = "expired"       // the posted token is over: ask the frame for another
	CodeForged      = "forged"        // the token is not for this app, portal or user
	CodeOAuthAway   = "oauth_away"    // the OAuth server does not answer
	CodeNotThere    = "not_there"     // the app is not installed on that portal
	CodePending     = "pending"       // an administrator has not finished the installation
	CodeRESTOff     = "rest_off"      // the portal's plan or rights have no REST
	CodeUserDenied  = "user_denied"   // the portal does not let this user use the app
	CodePayment     = "payment"       // the portal's subscription is over
	CodePortalAway  = "portal_away"   // the portal does not answer
	CodePortalGone  = "portal_gone"   // the portal says that it was deleted
	CodeNotAdmin    = "not_admin"     // only administrators may do this
	CodeScope       = "scope"         // permissions are missing: {scopes}
	CodeBind        = "bind"          // the portal refused menu items or events: {what}
	CodeNotInPortal = "not_in_portal" // only an installed app can do this

	CodeHookOff    = "webhook_off"    // the operator does not offer webhooks
	CodeHookEmpty  = "webhook_empty"  // nothing was typed
	CodeHookScheme = "webhook_scheme" // not https
	CodeHookPath   = "webhook_path"   // not /rest/<user>/<code>/
	// CodeHookElsewhere: another site has sent the form, which would put the
	// person into a portal of that site's choice.
	CodeHookElsewhere = "webhook_elsewhere"
	CodeHookHost      = "webhook_host"    // not a host the app may call: {host}
	CodeHookUnknown   = "webhook_unknown" // the portal does not know it: {host}
	CodeHookAway      = "webhook_away"    // the portal does not answer: {host}
	CodeHookScope     = "webhook_scope"   // permissions are missing: {scopes}, {host}
	CodeHookREST      = "webhook_rest"    // the portal refuses webhooks: {host}
)

// Codes lists the codes of all refusals, so that a test can hold the
// languages to them.
func Codes() []string {
	return []string{
		CodeNoToken, CodeNoKeys, CodeExpired, CodeForged, CodeOAuthAway, CodeNotThere, CodePending,
		CodeRESTOff, CodeUserDenied, CodePayment, CodePortalAway, CodePortalGone, CodeNotAdmin, CodeScope,
		CodeBind, CodeNotInPortal, CodeHookOff, CodeHookEmpty, CodeHookScheme, CodeHookPath, CodeHookElsewhere, CodeHookHost,
		CodeHookUnknown, CodeHookAway, CodeHookScope, CodeHookREST,
	}
}

// OffersWebhook reports whether app authorisation cannot serve here, for
// the reason of the refusal, so that a webhook is the way left.
func (r *Refusal) OffersWebhook() bool {
	return slices.Contains([]string{CodeNoToken, CodeNoKeys, CodeRESTOff, CodeUserDenied, CodeNotThere}, r.Code)
}

// Connection opens the way an import calls its portal: through the webhook
// with that id, or with the grant of the user. ErrNotFound means that it is
// gone for good, ErrQuarantined that it must wait.
func (s *Service) Connection(ctx context.Context, tenant string, user int64, webhook string) (*bitrix.Connection, error) {
	if webhook != "" {
		return s.webhookConnection(ctx, tenant, webhook)
	}
	p, err := s.store.Portal(ctx, tenant)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Status == Removed:
		return nil, ErrNotFound
	case !p.QuarantinedAt.IsZero():
		return nil, ErrQuarantined
	}
	g, err := s.store.Grant(ctx, tenant, user)
	if errors.Is(err, bitrix.ErrNoGrant) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if g.Dead != "" {
		return nil, ErrNotFound
	}
	return s.client.Grant(tenant, user, s.store), nil
}

// SetKeys gives a portal the keys of an app of its own: a local app. Only
// the operator can know them; they are not taken from any request.
func (s *Service) SetKeys(ctx context.Context, memberID string, keys bitrix.Keys) error {
	_, err := s.store.UpdatePortal(ctx, memberID, func(p *Portal) error {
		p.Keys = keys
		return nil
	})
	return err
}
