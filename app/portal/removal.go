package portal

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// After these times an unproven removal is probed again; after the last one
// it is either proven or forgotten.
var probes = []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute}

// silence is after which time without an open, an event or a word of the
// OAuth server a portal is asked about. It is half the life of a refresh
// token, which the question renews.
const silence = 90 * 24 * time.Hour

// maxProbed is how many grants are asked at most about one removal.
const maxProbed = 10

// WebhookIdle is how long a webhook stays that no import has used.
const WebhookIdle = SessionLife

// verdict is what is known of an app's presence on a portal.
type verdict string

const (
	alive        verdict = "alive"        // a grant works: the app is there
	gone         verdict = "gone"         // the OAuth server says: not installed
	inconclusive verdict = "inconclusive" // grants are refused, which has other causes, too
	silent       verdict = "silent"       // no answer
)

// removal carries out ONAPPUNINSTALL. The application token alone proves
// nothing, since every user of the portal can read it: the OAuth server is
// asked, and until it says that the app is gone the portal is in quarantine.
func (s *Service) removal(ctx context.Context, memberID string, claimed time.Time) error {
	p, err := s.store.Portal(ctx, memberID)
	if errors.Is(err, ErrNotFound) || err == nil && p.Status == Removed {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the portal: %w", err)
	}
	v := s.probe(ctx, p)
	switch {
	case v == gone, v == inconclusive && !p.Updated.After(claimed):
		return s.Remove(ctx, memberID)
	case v == alive && p.Updated.After(claimed):
		// It was installed again before the event arrived.
		s.log.WarnContext(ctx, "a removal that is over arrives late and is discarded", "portal", memberID)
		return nil
	}
	s.log.WarnContext(ctx, "removal is not proven, portal goes into quarantine", "portal", memberID, "verdict", string(v))
	_, err = s.store.UpdatePortal(ctx, memberID, func(p *Portal) error {
		if p.QuarantinedAt.IsZero() {
			p.QuarantinedAt = s.now()
		}
		return nil
	})
	return err
}

// probe asks the OAuth server whether the app is still on the portal: by the
// installer's grant, and when that proves nothing, by the others.
func (s *Service) probe(ctx context.Context, p Portal) verdict {
	users, err := s.store.GrantUsers(ctx, p.MemberID)
	if err != nil {
		s.log.ErrorContext(ctx, "listing grants", "portal", p.MemberID, "error", err)
		return silent
	}
	answer := inconclusive
	for _, user := range installerFirst(p.Installer, users) {
		_, err := s.vouch(ctx, p, user)
		if err == nil {
			return alive
		}
		switch bitrix.Code(err) {
		case "NOT_INSTALLED", "APPLICATION_NOT_FOUND", "INVALID_CLIENT":
			return gone
		case "INVALID_GRANT", "NO_AUTH_FOUND", "INVALID_TOKEN", "EXPIRED_TOKEN", "BAD_VERIFICATION_CODE", bitrix.CodeNoGrant:
		case "PAYMENT_REQUIRED", "USER_ACCESS_ERROR", "AUTHORIZATION_ERROR":
			return alive // it is there, or there would be nothing to pay or to refuse
		default:
			if !errors.Is(err, bitrix.ErrNoGrant) {
				answer = silent
			}
		}
	}
	return answer
}

func installerFirst(installer int64, users []int64) []int64 {
	ordered := []int64{installer}
	for _, user := range users {
		if user != installer {
			ordered = append(ordered, user)
		}
		if len(ordered) == maxProbed {
			break
		}
	}
	return ordered
}

// vouch asks the OAuth server about the app with a stored grant. A token
// that is over is refreshed first, by the call that finds out.
func (s *Service) vouch(ctx context.Context, p Portal, user int64) (bitrix.AppInfo, error) {
	g, err := s.store.Grant(ctx, p.MemberID, user)
	if err != nil {
		return bitrix.AppInfo{}, fmt.Errorf("reading the grant: %w", err)
	}
	if g.Dead != "" {
		return bitrix.AppInfo{}, &bitrix.Error{Code: g.Dead, Class: bitrix.Refused, Method: "app.info"}
	}
	info, err := s.client.AppInfo(ctx, g.Server, g.Access)
	if code := bitrix.Code(err); code != "EXPIRED_TOKEN" && code != "INVALID_TOKEN" && code != "NO_AUTH_FOUND" {
		return info, err
	}
	before := g.Access
	if _, err := s.client.Grant(p.MemberID, user, s.store).Call(ctx, "app.info", nil); err != nil {
		return bitrix.AppInfo{}, err
	}
	g, err = s.store.Grant(ctx, p.MemberID, user)
	if err != nil {
		return bitrix.AppInfo{}, fmt.Errorf("reading the grant: %w", err)
	}
	if g.Access == before {
		// The portal took a token that the OAuth server does not know: its
		// own word is no proof.
		return bitrix.AppInfo{}, &bitrix.Error{Code: "INVALID_TOKEN", Class: bitrix.Refused, Method: "app.info"}
	}
	return s.client.AppInfo(ctx, g.Server, g.Access)
}

// Remove deletes everything of a portal: tokens, personal data, imports and
// files. Work on its imports stops by itself, because their connection and
// rows are gone. An unknown or removed portal is no error.
func (s *Service) Remove(ctx context.Context, memberID string) error {
	uploads, imports, err := s.store.RemovePortal(ctx, memberID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("removing the portal: %w", err)
	}
	s.log.InfoContext(ctx, "portal removed", "portal", memberID, "uploads", len(uploads), "imports", len(imports))
	if len(uploads)+len(imports) == 0 {
		return nil
	}
	// The keys went with the rows: what stays of a file cannot be read.
	if err := s.files.DeleteFiles(ctx, uploads, imports); err != nil {
		return fmt.Errorf("deleting the files of a removed portal (uploads %v, imports %v): %w", uploads, imports, err)
	}
	return nil
}

// Tend does what the clock asks for: it probes portals in quarantine, and
// deletes sessions that are over and webhooks that nothing uses.
func (s *Service) Tend(ctx context.Context) error {
	now := s.now()
	// A session that was idle for too long is not found any more, but the
	// frame may renew it (Renew) as long as it is there.
	errs := []error{s.store.DropSessions(ctx, now.Add(-SessionLife), now.Add(-SessionLife))}
	hooks, err := s.store.IdleWebhooks(ctx, now.Add(-WebhookIdle))
	errs = append(errs, err)
	for _, hook := range hooks {
		errs = append(errs, s.ReleaseWebhook(ctx, hook.Portal, hook.ID))
	}
	portals, err := s.store.Portals(ctx)
	errs = append(errs, err)
	for _, p := range portals {
		switch {
		case p.Status == Removed:
		case !p.QuarantinedAt.IsZero() && s.probeDue(p, now):
			errs = append(errs, s.reprobe(ctx, p, now))
		case p.QuarantinedAt.IsZero() && now.Sub(p.Updated) >= silence && s.askDue(p, now):
			errs = append(errs, s.askSilent(ctx, p, now))
		}
	}
	return errors.Join(errs...)
}

// askDue lets a portal of which nothing was heard be asked about once a day.
func (s *Service) askDue(p Portal, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.tended[p.MemberID]) < 24*time.Hour {
		return false
	}
	s.tended[p.MemberID] = now
	return true
}

// askSilent asks the OAuth server about a portal of which nothing was heard
// for long: the event of its removal may have been lost, and is never sent
// twice. If the app is not there, the portal goes into quarantine, and is
// removed when that is said again.
func (s *Service) askSilent(ctx context.Context, p Portal, now time.Time) error {
	_, err := s.vouch(ctx, p, p.Installer)
	code := bitrix.Code(err)
	if err != nil && code != "NOT_INSTALLED" && code != "APPLICATION_NOT_FOUND" {
		s.log.InfoContext(ctx, "a silent portal could not be asked about", "portal", p.MemberID, "code", code)
		return nil
	}
	_, failed := s.store.UpdatePortal(ctx, p.MemberID, func(p *Portal) error {
		switch {
		case err == nil:
			p.Updated = now
		case p.QuarantinedAt.IsZero():
			p.QuarantinedAt = now
		}
		return nil
	})
	return failed
}

// probeDue reports whether one of the probe times has passed since the last
// look; after the last of them it is every half hour, until there is an
// answer.
func (s *Service) probeDue(p Portal, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.tended[p.MemberID]
	if last.Before(p.QuarantinedAt) {
		last = p.QuarantinedAt
	}
	due := last.Add(probes[len(probes)-1])
	for _, after := range probes {
		if at := p.QuarantinedAt.Add(after); at.After(last) {
			due = at
			break
		}
	}
	if now.Before(due) {
		return false
	}
	s.tended[p.MemberID] = now
	return true
}

func (s *Service) reprobe(ctx context.Context, p Portal, now time.Time) error {
	v := s.probe(ctx, p)
	s.log.InfoContext(ctx, "portal in quarantine probed", "portal", p.MemberID, "verdict", string(v))
	// Nothing but this clears a quarantine here; an open clears it at once.
	over := now.Sub(p.QuarantinedAt) >= probes[len(probes)-1]
	switch {
	case v == gone, v == inconclusive && over && !p.Updated.After(p.QuarantinedAt):
		return s.Remove(ctx, p.MemberID)
	case v == alive && over:
		s.log.WarnContext(ctx, "removal was not true: the event is discarded", "portal", p.MemberID)
		_, err := s.store.UpdatePortal(ctx, p.MemberID, func(p *Portal) error {
			p.QuarantinedAt = time.Time{}
			return nil
		})
		return err
	}
	return nil
}

func (s *Service) logPanic(ctx context.Context, j job, cause any) {
	s.log.ErrorContext(ctx, "panic in the background", "portal", j.key.portal, "work", string(j.key.kind),
		"panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
}
