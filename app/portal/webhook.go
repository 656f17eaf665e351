package portal

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spa-importer/spa-importer/bitrix"
)

// UseWebhook tries an inbound webhook at once and, if it serves, begins a
// session that works through it. The webhook is stored sealed until its
// import ends.
//
// Without a session (the public page) the tenant is the webhook's host and
// user; framed says that the page is shown in a frame, whose portal is then
// believed to be the webhook's. In a verified frame of the same host the
// tenant stays the portal, and only the connection changes.
func (s *Service) UseWebhook(ctx context.Context, session *Session, raw, lang string, framed bool) (string, Session, error) {
	w, err := bitrix.ParseWebhook(raw, s.private)
	if err != nil {
		return "", Session{}, refuseWebhookForm(err)
	}
	profile, err := s.tryWebhook(ctx, w)
	if err != nil {
		return "", Session{}, err
	}
	next := Session{
		Portal: "hook:" + strings.ToLower(w.Host) + ":" + strconv.FormatInt(w.User, 10),
		User:   profile.ID, UserName: profile.Name, Admin: profile.Admin, Zone: profile.Zone, Lang: lang,
		WebhookUser: profile.ID,
	}
	if framed {
		next.Origin = w.Scheme + "://" + w.Host
	}
	if session != nil {
		next.Origin, next.Lang = session.Origin, session.Lang
		next.Placement, next.EntityTypeID, next.ItemID = session.Placement, session.EntityTypeID, session.ItemID
		if session.MemberID != "" && sameHost(originHost(session.Origin), w.Host) {
			next.Portal, next.MemberID = session.Portal, session.MemberID
			next.User, next.UserName = session.User, session.UserName
			// The frame's administrator who calls with somebody else's rights
			// does not see every item: an import must not believe he does.
			next.Admin = session.Admin && profile.Admin
		}
	}
	hook := Webhook{
		ID: webhookID(next), Portal: next.Portal, User: next.User,
		URL: w.Secret(), Host: w.Host, Created: s.now(),
	}
	if err := s.store.SaveWebhook(ctx, hook); err != nil {
		return "", Session{}, fmt.Errorf("storing the webhook: %w", err)
	}
	next.Webhook = hook.ID
	return s.begin(ctx, next)
}

// webhookID is the same for whatever webhook a person enters of one owner:
// a new one takes the place of one that is gone, and what was begun with
// that, drafts and waiting imports, goes on with the new one.
func webhookID(session Session) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%d", session.Portal, session.User, session.WebhookUser))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// tryWebhook asks the portal who the webhook is and what it may do.
func (s *Service) tryWebhook(ctx context.Context, w bitrix.WebhookURL) (bitrix.Profile, error) {
	conn := s.client.Webhook(w)
	profile, err := bitrix.ReadProfile(ctx, conn)
	if err != nil {
		return bitrix.Profile{}, refuseWebhook(w, err)
	}
	if profile.ID != w.User {
		return bitrix.Profile{}, hookRefusal(CodeHookUnknown, w, fmt.Errorf("profile names user %d", profile.ID))
	}
	scopes, err := bitrix.ReadScopes(ctx, conn)
	if err != nil {
		return bitrix.Profile{}, refuseWebhook(w, err)
	}
	// A webhook has no use for the other permissions of the manifest.
	missing := slices.DeleteFunc(s.manifest.Missing(scopes), func(scope string) bool { return scope == "placement" })
	if len(missing) > 0 {
		return bitrix.Profile{}, &Refusal{Code: CodeHookScope, Args: map[string]string{
			"scopes": strings.Join(missing, ", "), "host": w.Host,
		}}
	}
	return profile, nil
}

func hookRefusal(code string, w bitrix.WebhookURL, cause error) error {
	return &Refusal{Code: code, Args: map[string]string{"host": w.Host}, Err: cause}
}

func refuseWebhookForm(err error) error {
	var bad *bitrix.WebhookError
	if !errors.As(err, &bad) {
		return fmt.Errorf("reading the webhook: %w", err)
	}
	code := map[string]string{
		"empty": CodeHookEmpty, "scheme": CodeHookScheme, "host": CodeHookHost,
	}[bad.Code]
	if code == "" {
		code = CodeHookPath
	}
	return &Refusal{Code: code, Args: map[string]string{"host": ""}}
}

// refuseWebhook words what the portal, or the way to it, said. The error is
// not passed on: it could hold the address, which is the secret.
func refuseWebhook(w bitrix.WebhookURL, err error) error {
	code := bitrix.Code(err)
	cause := errors.New("code " + code)
	switch code {
	case "NO_AUTH_FOUND", "INVALID_CREDENTIALS", "AUTHORIZATION_ERROR", "INVALID_TOKEN", "EXPIRED_TOKEN", "APPLICATION_NOT_FOUND":
		return hookRefusal(CodeHookUnknown, w, cause)
	case bitrix.CodeAddress:
		return hookRefusal(CodeHookHost, w, cause)
	case "INSUFFICIENT_SCOPE":
		return &Refusal{Code: CodeHookScope, Args: map[string]string{"scopes": "crm, user_brief", "host": w.Host}}
	case "ACCESS_DENIED", "USER_ACCESS_ERROR", "ALLOWED_ONLY_INTRANET_USER", "PAYMENT_REQUIRED", "WRONG_AUTH_TYPE", "INVALID_REQUEST":
		return hookRefusal(CodeHookREST, w, cause)
	}
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	return hookRefusal(CodeHookAway, w, cause)
}

func (s *Service) webhookConnection(ctx context.Context, tenant, id string) (*bitrix.Connection, error) {
	hook, err := s.store.Webhook(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	w, err := bitrix.ParseWebhook(hook.URL, s.private)
	if err != nil {
		return nil, fmt.Errorf("reading the stored webhook %s: %w", id, err)
	}
	return s.client.Webhook(w), nil
}

// ReleaseWebhook deletes a webhook whose import has ended. One that is gone
// already is no error.
func (s *Service) ReleaseWebhook(ctx context.Context, tenant, id string) error {
	if err := s.store.DeleteWebhook(ctx, tenant, id); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("deleting the webhook: %w", err)
	}
	return nil
}

// originHost is the host[:port] of an origin such as "https://a.example".
func originHost(origin string) string {
	_, host, _ := strings.Cut(origin, "://")
	return host
}

// sameHost compares host[:port], whatever the case; the default ports of
// http and https are the same as none.
func sameHost(a, b string) bool {
	plain := func(s string) string {
		s = strings.ToLower(strings.TrimSuffix(s, "."))
		if host, port, err := net.SplitHostPort(s); err == nil && (port == "443" || port == "80") {
			return strings.TrimSuffix(host, ".")
		}
		return s
	}
	return a != "" && plain(a) == plain(b)
}
