package portal

import (
	"context"
	"errors"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// ErrNotFound is returned for what does not exist or is not this portal's.
var ErrNotFound = errors.New("not found")

// Status is where our installation on a portal stands.
type Status string

const (
	// Installing is an installation that an admin has begun and not finished.
	Installing Status = "installing"
	// Active is a finished installation.
	Active Status = "active"
	// Removed is an uninstalled app; tokens and personal data are gone.
	Removed Status = "removed"
)

// Portal is one Bitrix24 account and our installation on it.
type Portal struct {
	// MemberID is the portal's stable id and the key of all its data.
	MemberID string
	// Domain is host[:port] as last verified; Endpoint the REST base URL,
	// ending in a slash; Server the OAuth server's base URL.
	Domain, Endpoint, Server string
	Status                   Status
	// License is the status letter of the OAuth server (F, D, T, P, L, S…).
	License string
	Scopes  []string
	// AppCode is for links to /marketplace/view/<code>/.
	AppCode string
	Version string
	Lang    string
	// AppToken verifies events; stored sealed.
	AppToken string
	// Keys are the app's own keys on this portal; empty for the keys from
	// the settings (only local apps have their own). Secret stored sealed.
	Keys bitrix.Keys
	// Installer is the user whose grant does the admin chores.
	Installer int64
	// QuarantinedAt is set while an unproven removal is being checked.
	QuarantinedAt time.Time
	// Updated is when something verified was last learnt of the portal: it
	// disproves a removal that claims to be older.
	Installed, Updated time.Time
}

// Session is one verified open of the app: what a request inside the app is
// allowed to be.
type Session struct {
	// Hash is SHA-256 of the token, in hex; the token itself is not kept.
	Hash string
	// Portal is the tenant (see importer.Actor), MemberID the verified
	// portal, empty on the public page.
	Portal, MemberID string
	User             int64
	UserName         string
	Admin            bool
	Lang, Zone       string
	// Origin is the verified origin that may frame the pages; empty: none.
	Origin string
	// Placement is the code the app was opened from; EntityTypeID, ItemID
	// and Import what it named, already checked for form, not for rights.
	Placement            string
	EntityTypeID, ItemID int64
	Import               string
	// Child is the smart process that is imported below ItemID; 0: none.
	Child int64
	// Webhook is the id of the webhook this session works through; empty:
	// the user's grant. WebhookUser is the webhook's owner, whose rights
	// its calls have.
	Webhook       string
	WebhookUser   int64
	Created, Seen time.Time
}

// Registration is what lifts the row limit of a portal.
type Registration struct {
	Portal                               string
	Company, Name, Email, Phone, Country string
	// TermsVersion and AcceptedAt prove acceptance; Mailings is a separate
	// consent.
	TermsVersion string
	AcceptedAt   time.Time
	Mailings     bool
	User         int64
}

// Webhook is a stored inbound webhook.
type Webhook struct {
	ID, Portal string
	User       int64
	// URL holds the secret; stored sealed, never shown.
	URL     string
	Host    string
	Created time.Time
}

// Store keeps what this package knows. All secrets are sealed at rest.
type Store interface {
	Portal(ctx context.Context, memberID string) (Portal, error)
	// UpdatePortal creates or changes a portal in one transaction: change
	// gets the row as it is, or one with only MemberID set.
	UpdatePortal(ctx context.Context, memberID string, change func(*Portal) error) (Portal, error)
	Portals(ctx context.Context) ([]Portal, error)
	// RemovePortal deletes grants, sessions, webhooks, uploads, imports,
	// journal, mappings, REST log and look-ups of a portal, and marks it Removed
	// with nothing but MemberID and times left. The registration stays.
	// It returns the ids of the uploads and imports whose files must go.
	RemovePortal(ctx context.Context, memberID string) (uploads, imports []string, err error)

	CreateSession(ctx context.Context, s Session) error
	// Session finds a session and notes that it was seen, at most once a
	// minute.
	Session(ctx context.Context, hash string, now time.Time) (Session, error)
	UpdateSession(ctx context.Context, hash string, change func(*Session) error) (Session, error)
	// DropSessions deletes sessions idle since, or created before, the times.
	DropSessions(ctx context.Context, idle, created time.Time) error

	SaveWebhook(ctx context.Context, w Webhook) error
	Webhook(ctx context.Context, portal, id string) (Webhook, error)
	// DeleteWebhook removes the row and leaves no trace of the secret in the
	// database file.
	DeleteWebhook(ctx context.Context, portal, id string) error
	// IdleWebhooks lists webhooks older than the time which no unfinished
	// import and no living session uses.
	IdleWebhooks(ctx context.Context, before time.Time) ([]Webhook, error)

	Register(ctx context.Context, r Registration) error
	Registration(ctx context.Context, portal string) (Registration, error)
	Registrations(ctx context.Context) ([]Registration, error)

	bitrix.Grants
	// GrantUsers lists the users that have a grant on a portal, newest
	// first: when the installer's grant proves nothing, the others are
	// asked.
	GrantUsers(ctx context.Context, portal string) ([]int64, error)
}
