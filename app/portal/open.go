package portal

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// Opened is a verified open.
type Opened struct {
	// Token is the new session's token, known only to this answer.
	Token   string
	Session Session
	Portal  Portal
	// NeedsInstall is true for an administrator while menu items and events
	// of this version are not bound; Finish is true while the portal waits
	// for installFinish.
	NeedsInstall, Finish bool
}

// believed is what a verified token says.
type believed struct {
	info    bitrix.AppInfo
	profile bitrix.Profile
	// endpoint ends in a slash; origin is its scheme and host; server is the
	// OAuth server's address as it was named, which package bitrix holds
	// against its list at every use.
	endpoint, origin, server string
}

// Open verifies the POST that opens the app and begins a session. The form
// is believed in nothing: the OAuth server says whose the token is, for
// which app and which portal, and where that portal is; the portal there
// says who the user is. No other address is called, least of all one that
// the form names. Errors are a *Refusal for everything that a person must
// be told. The ip is for the log.
func (s *Service) Open(ctx context.Context, o bitrix.Open, ip string) (Opened, error) {
	b, err := s.believe(ctx, o)
	if err != nil {
		var r *Refusal
		if errors.As(err, &r) {
			s.log.WarnContext(ctx, "open refused", "code", r.Code, "claimed", o.MemberID, "ip", ip, "cause", r.Err)
		}
		return Opened{}, err
	}
	finish := !b.info.Installed && !s.installedThere(ctx, b, o.AuthID)
	if finish && !b.profile.Admin {
		return Opened{}, refuse(CodePending, nil)
	}
	p, err := s.adopt(ctx, o, b, !finish)
	if err != nil {
		return Opened{}, err
	}
	if err := s.keepGrant(ctx, o, b); err != nil {
		return Opened{}, err
	}
	session := Session{
		Portal: p.MemberID, MemberID: p.MemberID,
		User: b.info.User, UserName: b.profile.Name, Admin: b.profile.Admin, Zone: b.profile.Zone,
		Lang: o.Lang, Origin: b.origin,
		Placement: o.Placement, EntityTypeID: o.EntityTypeID(), ItemID: o.ItemID(),
		Import: importOption(o.Options["import"]), Child: childOption(o.Options["children"]),
	}
	token, session, err := s.begin(ctx, session)
	if err != nil {
		return Opened{}, err
	}
	return Opened{
		Token: token, Session: session, Portal: p, Finish: finish,
		NeedsInstall: b.profile.Admin && (finish || p.Installer == 0 || p.Version != s.manifest.Version),
	}, nil
}

// believe asks the OAuth server about the posted token, then the portal that
// the OAuth server names who its user is.
func (s *Service) believe(ctx context.Context, o bitrix.Open) (believed, error) {
	switch keys, err := s.anyKeys(ctx, o.MemberID); {
	case err != nil:
		return believed{}, err
	case !keys:
		return believed{}, refuse(CodeNoKeys, nil)
	}
	if o.AuthID == "" {
		return believed{}, refuse(CodeNoToken, nil)
	}
	info, err := s.verify(ctx, o.Server, o.AuthID, o.MemberID)
	if err != nil {
		return believed{}, err
	}
	if !sameHost(info.Domain, o.Domain) {
		return believed{}, refuse(CodeForged, errors.New("the token is of another domain"))
	}
	b := believed{info: info, server: o.Server}
	if b.endpoint, b.origin, err = s.address(info); err != nil {
		return believed{}, refuse(CodeForged, err)
	}
	conn := s.client.TokenConnection(info.MemberID, b.endpoint, o.AuthID)
	b.profile, err = bitrix.ReadProfile(ctx, conn)
	if err != nil {
		return believed{}, refusePortal(ctx, err)
	}
	if b.profile.ID != info.User {
		return believed{}, refuse(CodeForged, errors.New("profile and token name different users"))
	}
	return b, nil
}

// verify is check A of the contract: the OAuth server's word on a token. It
// must be of our app and of the portal that the message claims to come from.
func (s *Service) verify(ctx context.Context, server, token, memberID string) (bitrix.AppInfo, error) {
	info, err := s.client.AppInfo(ctx, server, token)
	if err != nil {
		return bitrix.AppInfo{}, refuseToken(ctx, err)
	}
	ours, err := s.ourClient(ctx, info.ClientID, info.MemberID)
	switch {
	case err != nil:
		return bitrix.AppInfo{}, err
	case !ours:
		return bitrix.AppInfo{}, refuse(CodeForged, errors.New("the token is of another app"))
	case memberID == "" || info.MemberID != memberID:
		return bitrix.AppInfo{}, refuse(CodeForged, errors.New("the token is of another portal"))
	case info.User <= 0:
		return bitrix.AppInfo{}, refuse(CodeForged, errors.New("the token is of no user"))
	}
	return info, nil
}

// ourClient reports whether an app's id is ours: the default one, or that of
// the portal's own local app.
func (s *Service) ourClient(ctx context.Context, id, memberID string) (bool, error) {
	if id == "" {
		return false, nil
	}
	p, err := s.store.Portal(ctx, memberID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, fmt.Errorf("reading the portal: %w", err)
	}
	if p.Keys.ClientID != "" {
		return id == p.Keys.ClientID, nil
	}
	return id == s.clientID, nil
}

// anyKeys reports whether there are keys of an app that a portal could have
// installed: the common ones, or its local app's. Whether the message is of
// that portal shows later.
func (s *Service) anyKeys(ctx context.Context, memberID string) (bool, error) {
	if s.clientID != "" {
		return true, nil
	}
	p, err := s.store.Portal(ctx, memberID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, fmt.Errorf("reading the portal: %w", err)
	}
	return p.Keys.ClientID != "", nil
}

// address takes the REST address from the OAuth server's answer.
func (s *Service) address(info bitrix.AppInfo) (endpoint, origin string, err error) {
	u, err := url.Parse(info.Endpoint)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", "", errors.New("the OAuth server names no usable address")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !s.private) {
		return "", "", errors.New("the portal's address is not https")
	}
	return strings.TrimSuffix(u.String(), "/") + "/", u.Scheme + "://" + u.Host, nil
}

// adopt brings the portal's row up to what was verified.
func (s *Service) adopt(ctx context.Context, o bitrix.Open, b believed, installed bool) (Portal, error) {
	p, err := s.store.UpdatePortal(ctx, b.info.MemberID, func(p *Portal) error {
		now := s.now()
		s.settle(p, b)
		if p.Status == "" || p.Status == Removed {
			p.Status, p.Installed = Installing, now
			p.Installer, p.AppToken, p.Version = 0, "", ""
		}
		if installed {
			p.Status = Active
		}
		p.Updated = now
		p.QuarantinedAt = time.Time{} // a token that lives disproves a removal
		if b.profile.Admin && p.Lang == "" {
			p.Lang = o.Lang
		}
		switch {
		case o.AppToken == "":
		case p.AppToken == "" && b.profile.Admin:
			// ONAPPINSTALL may never come; without a token no removal could
			// be believed.
			p.AppToken = o.AppToken
		case p.AppToken != "" && subtle.ConstantTimeCompare([]byte(p.AppToken), []byte(o.AppToken)) == 0:
			s.log.WarnContext(ctx, "open with another application token; it is not stored", "portal", p.MemberID)
		}
		return nil
	})
	if err != nil {
		return Portal{}, fmt.Errorf("storing the portal: %w", err)
	}
	return p, nil
}

// settle copies what the OAuth server says of the portal.
func (s *Service) settle(p *Portal, b believed) {
	if p.Domain != "" && !sameHost(p.Domain, b.info.Domain) {
		s.log.Info("portal has moved", "portal", p.MemberID, "from", p.Domain, "to", b.info.Domain)
	}
	p.Domain, p.Endpoint = b.info.Domain, b.endpoint
	if b.server != "" {
		p.Server = b.server
	}
	p.License, p.Scopes = b.info.Status, b.info.Scopes
}

// keepGrant stores the viewer's pair for imports of that person. A reload of
// the frame posts the same pair again: a stored one that lives longer is
// newer and stays.
func (s *Service) keepGrant(ctx context.Context, o bitrix.Open, b believed) error {
	expires := b.info.Expires
	if expires.IsZero() {
		expires = s.now().Add(o.AuthExpires)
	}
	have, err := s.store.Grant(ctx, b.info.MemberID, b.info.User)
	switch {
	case errors.Is(err, bitrix.ErrNoGrant):
	case err != nil:
		return fmt.Errorf("reading the grant: %w", err)
	case have.Dead == "" && have.Refresh != "" && (have.Expires.After(expires) || o.RefreshID == ""):
		return nil
	}
	g := bitrix.Grant{
		Portal: b.info.MemberID, User: b.info.User, Access: o.AuthID, Refresh: o.RefreshID,
		Expires: expires, Endpoint: b.endpoint, Server: o.Server,
	}
	if err := s.store.SaveGrant(ctx, g); err != nil {
		return fmt.Errorf("storing the grant: %w", err)
	}
	return nil
}

// Fresh is a token pair that the frame got from the portal for a session
// that is about to end, or has just ended.
type Fresh struct {
	AuthID, RefreshID string
	AuthExpires       time.Duration
}

// Renew begins a new session in the place of an old one, by a fresh token of
// the same person on the same portal: verified like an open. What the old
// session was about is kept. ErrSessionOver means that the old one is not
// known any more, and the app must be opened again.
func (s *Service) Renew(ctx context.Context, token string, f Fresh, ip string) (Opened, error) {
	old, err := s.store.Session(ctx, hashToken(token), s.now())
	if errors.Is(err, ErrNotFound) || err == nil && old.MemberID == "" {
		return Opened{}, ErrSessionOver
	}
	if err != nil {
		return Opened{}, fmt.Errorf("reading the old session: %w", err)
	}
	p, err := s.store.Portal(ctx, old.MemberID)
	if errors.Is(err, ErrNotFound) || err == nil && p.Status == Removed {
		return Opened{}, ErrSessionOver
	}
	if err != nil {
		return Opened{}, fmt.Errorf("reading the portal: %w", err)
	}
	opened, err := s.Open(ctx, bitrix.Open{
		Domain: p.Domain, MemberID: old.MemberID, Server: p.Server, Lang: old.Lang, Placement: old.Placement,
		AuthID: f.AuthID, RefreshID: f.RefreshID, AuthExpires: f.AuthExpires,
	}, ip)
	if err != nil {
		return Opened{}, err
	}
	if old.User != opened.Session.User {
		return Opened{}, refuse(CodeForged, errors.New("the token is another user's"))
	}
	opened.Session, err = s.store.UpdateSession(ctx, opened.Session.Hash, func(n *Session) error {
		n.EntityTypeID, n.ItemID, n.Child, n.Import = old.EntityTypeID, old.ItemID, old.Child, old.Import
		n.Webhook, n.WebhookUser = old.Webhook, old.WebhookUser
		if old.Webhook != "" {
			n.Admin = n.Admin && old.Admin // see UseWebhook
		}
		return nil
	})
	if err != nil {
		return Opened{}, fmt.Errorf("continuing the session: %w", err)
	}
	return opened, nil
}

// importOption is the id of an import in the options of a placement, if it
// has the form of one.
func importOption(id string) string {
	if len(id) > 32 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return ""
	}
	return id
}

// childOption is the smart process whose items are to be imported below an
// item; 0 for what is none. The rights are the portal's to judge.
func childOption(id string) int64 {
	n, err := strconv.ParseInt(id, 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Below makes a session import items of a smart process below the item it
// was opened from.
func (s *Service) Below(ctx context.Context, session Session, child int64) (Session, error) {
	changed, err := s.store.UpdateSession(ctx, session.Hash, func(n *Session) error {
		n.Child = child
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return Session{}, ErrSessionOver
	}
	if err != nil {
		return Session{}, fmt.Errorf("choosing what is imported below an item: %w", err)
	}
	return changed, nil
}

// refuseToken words the OAuth server's answer to a token.
func refuseToken(ctx context.Context, err error) error {
	switch code := bitrix.Code(err); code {
	case "EXPIRED_TOKEN":
		return refuse(CodeExpired, err)
	case "NOT_INSTALLED", "APPLICATION_NOT_FOUND":
		return refuse(CodeNotThere, err)
	case "INVALID_TOKEN", "NO_AUTH_FOUND", "INVALID_GRANT", "INVALID_REQUEST", "INVALID_CLIENT", "WRONG_CLIENT", "INVALID_CREDENTIALS":
		return refuse(CodeForged, err)
	case "PAYMENT_REQUIRED":
		return refuse(CodePayment, err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return refuse(CodeOAuthAway, err)
}

// refusePortal words a portal's answer to a verified token.
func refusePortal(ctx context.Context, err error) error {
	switch bitrix.Code(err) {
	case "EXPIRED_TOKEN", "INVALID_TOKEN":
		return refuse(CodeExpired, err)
	case "ACCESS_DENIED", "INVALID_REQUEST":
		return refuse(CodeRESTOff, err)
	case "USER_ACCESS_ERROR", "ALLOWED_ONLY_INTRANET_USER", "AUTHORIZATION_ERROR", "INVALID_CREDENTIALS":
		return refuse(CodeUserDenied, err)
	case "PAYMENT_REQUIRED":
		return refuse(CodePayment, err)
	case "NOT_INSTALLED", "APPLICATION_NOT_FOUND":
		return refuse(CodeNotThere, err)
	case "PORTAL_DELETED":
		return refuse(CodePortalGone, err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return refuse(CodePortalAway, err)
}
