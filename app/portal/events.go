package portal

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// queueSize is how many events of a standing wait at most, workers how many
// of them are worked on at a time, jobTime how long one may take; claimSize is
// how many claims wait that name the same portal.
const (
	queueSize = 256
	workers   = 2
	jobTime   = 2 * time.Minute
	claimSize = 16
)

// standing is how much of an event is known before it is worked on. Each has
// a queue of its own, so that a flood of inventions keeps nobody out.
type standing int

const (
	proven  standing = iota // it has the portal's application token
	claimed                 // it names a portal that we know, and brings a token to check
	strange                 // it names one that we do not
	standings
)

// job is work in the background that an event, or the clock, has asked for.
type job struct {
	key      jobKey
	standing standing
	event    bitrix.Event
}

// jobKey names work: the same work waits only once.
type jobKey struct {
	portal string
	kind   jobKind
	// token tells installs apart: a forged one must not keep out the true
	// one that comes after it.
	token string
}

type jobKind string

const (
	jobTrust   jobKind = "trust"   // an install or update with a token to check
	jobRemoval jobKind = "removal" // a removal to prove
	jobReread  jobKind = "reread"  // the licence status to read again
	jobSync    jobKind = "sync"    // menu items to bring up to date
)

// Event takes an event of a portal. What can be checked without a call is
// checked here, in constant time; the rest is done in the background, so
// that the answer is quick. A nil error does not say that the event was
// believed: its sender learns nothing. ErrBusy means that it was not taken.
func (s *Service) Event(ctx context.Context, e bitrix.Event) error {
	kind, ok := kindOf(e.Name)
	if !ok {
		s.log.InfoContext(ctx, "event of no use", "event", cleanName(e.Name), "claimed", e.Auth.MemberID)
		return nil
	}
	if e.Auth.MemberID == "" {
		return nil
	}
	p, err := s.store.Portal(ctx, e.Auth.MemberID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("reading the portal: %w", err)
	}
	known := err == nil && p.Status != Removed
	switch {
	case kind == jobTrust && e.Auth.AccessToken == "":
		s.log.WarnContext(ctx, "event without a token to check", "event", e.Name, "claimed", e.Auth.MemberID)
		return nil
	case kind == jobTrust:
		j := job{key: jobKey{e.Auth.MemberID, kind, hashText(e.Auth.AccessToken)}, standing: strange, event: e}
		if known {
			j.standing = claimed
		}
		return s.enqueue(j)
	case !known:
		s.log.InfoContext(ctx, "event of an unknown portal", "event", e.Name, "claimed", e.Auth.MemberID)
		return nil
	}
	// ONAPPPAYMENT may come without a token; it is only a hint to look.
	if (e.Name != "ONAPPPAYMENT" || e.Auth.AppToken != "") && !tokenMatches(p, e) {
		s.log.WarnContext(ctx, "event with a wrong application token", "event", e.Name, "claimed", e.Auth.MemberID)
		return nil
	}
	return s.enqueue(job{key: jobKey{portal: p.MemberID, kind: kind}, event: e})
}

// Asks reports whether taking an event costs a call to the OAuth server even
// if nothing else speaks for it: such events are let through more slowly.
func Asks(e bitrix.Event) bool {
	kind, ok := kindOf(e.Name)
	return ok && kind == jobTrust && e.Auth.AccessToken != ""
}

func kindOf(name string) (jobKind, bool) {
	switch name {
	case "ONAPPINSTALL", "ONAPPUPDATE":
		return jobTrust, true
	case "ONAPPUNINSTALL":
		return jobRemoval, true
	case "ONAPPPAYMENT":
		return jobReread, true
	case "ONCRMTYPEADD", "ONCRMTYPEUPDATE", "ONCRMTYPEDELETE":
		return jobSync, true
	}
	return "", false
}

// tokenMatches compares the application token. Nothing matches a portal
// whose token is not known yet.
func tokenMatches(p Portal, e bitrix.Event) bool {
	return p.AppToken != "" && subtle.ConstantTimeCompare([]byte(p.AppToken), []byte(e.Auth.AppToken)) == 1
}

// cleanName is an event's name as far as it can be one, for the log.
func cleanName(name string) string {
	if len(name) > 64 || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789:\\") != "" {
		return "malformed"
	}
	return name
}

func (s *Service) enqueue(j job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting[j.key] && !s.closed {
		return nil
	}
	if s.closed || j.standing != proven && s.claims[j.key.portal] >= claimSize {
		return ErrBusy
	}
	select {
	case s.queues[j.standing] <- j:
		s.waiting[j.key] = true
		if j.standing != proven {
			s.claims[j.key.portal]++
		}
		return nil
	default:
		return ErrBusy
	}
}

// begun notes that a job waits no more: the same may be asked for again.
func (s *Service) begun(j job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, j.key)
	if j.standing == proven {
		return
	}
	if s.claims[j.key.portal]--; s.claims[j.key.portal] == 0 {
		delete(s.claims, j.key.portal)
	}
}

// Start begins the work in the background: events as they come, and once a
// minute what the clock asks for (Tend). It ends with Close, not with ctx,
// whose values it keeps.
func (s *Service) Start(ctx context.Context) {
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, queue := range s.queues {
		for range workers {
			s.running.Go(func() {
				for j := range queue {
					leave := s.alone.enter(j.key.portal)
					s.begun(j)
					s.work(ctx, j)
					leave()
				}
			})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.ticks = make(chan struct{})
	s.running.Go(func() { s.tick(ctx, s.ticks) })
}

func (s *Service) tick(ctx context.Context, end <-chan struct{}) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-end:
			return
		case <-ticker.C:
			if err := s.Tend(ctx); err != nil {
				s.log.ErrorContext(ctx, "tending portals", "error", err)
			}
		}
	}
}

// Close takes no more events, works off those that wait, and returns; when
// ctx ends first, what is running is cut off and its error returned. An
// unproven removal goes on after the next start: the quarantine is stored.
func (s *Service) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		for _, queue := range s.queues {
			close(queue)
		}
		if s.ticks != nil {
			close(s.ticks)
		}
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		s.stop()
		return nil
	case <-ctx.Done():
		s.stop()
		<-done
		return fmt.Errorf("working off events: %w", ctx.Err())
	}
}

// work does one job. A panic costs nobody else anything.
func (s *Service) work(ctx context.Context, j job) {
	ctx, cancel := context.WithTimeout(ctx, jobTime)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			s.logPanic(ctx, j, cause)
		}
	}()
	var err error
	switch j.key.kind {
	case jobTrust:
		err = s.trust(ctx, j.event)
	case jobRemoval:
		err = s.removal(ctx, j.key.portal, j.event.TS)
	case jobReread:
		err = s.reread(ctx, j.key.portal)
	case jobSync:
		err = s.sync(ctx, j.key.portal)
	}
	if err != nil {
		s.log.WarnContext(ctx, "event could not be carried out", "portal", j.key.portal, "work", string(j.key.kind), "error", err)
	}
}

// trust carries out ONAPPINSTALL and ONAPPUPDATE, the anchors of trust: the
// application token of later events is learnt here. Every user of the portal
// has a token of ours and could send this event; only an administrator's, or
// that of the person the installer page has seen, is believed.
func (s *Service) trust(ctx context.Context, e bitrix.Event) error {
	info, err := s.verify(ctx, e.Auth.ServerEndpoint, e.Auth.AccessToken, e.Auth.MemberID)
	if err != nil {
		return err
	}
	b := believed{info: info, server: e.Auth.ServerEndpoint}
	if b.endpoint, b.origin, err = s.address(info); err != nil {
		return err
	}
	b.profile, err = bitrix.ReadProfile(ctx, s.client.TokenConnection(info.MemberID, b.endpoint, e.Auth.AccessToken))
	if err != nil {
		return fmt.Errorf("asking whose token it is: %w", err)
	}
	if b.profile.ID != info.User || !b.profile.Admin {
		return errors.New("the token is not an administrator's: nothing is believed")
	}
	update := e.Name == "ONAPPUPDATE"
	p, err := s.store.UpdatePortal(ctx, info.MemberID, func(p *Portal) error {
		now := s.now()
		s.settle(p, b)
		if p.Status == "" || p.Status == Removed {
			p.Installed, p.Version, p.Installer = now, "", 0
		}
		p.Status, p.Updated, p.QuarantinedAt = Installing, now, time.Time{}
		if info.Installed || e.Data["INSTALLED"] == "Y" {
			p.Status = Active
		}
		if e.Auth.AppToken != "" {
			p.AppToken = e.Auth.AppToken
		}
		if p.Installer == 0 || e.Auth.RefreshToken != "" {
			p.Installer = info.User
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("storing the portal: %w", err)
	}
	o := bitrix.Open{
		AuthID: e.Auth.AccessToken, RefreshID: e.Auth.RefreshToken,
		AuthExpires: e.Auth.ExpiresIn, Server: e.Auth.ServerEndpoint,
	}
	if err := s.keepGrant(ctx, o, b); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "installation confirmed", "portal", p.MemberID, "event", e.Name)
	if update {
		// An update takes the event bindings with it.
		return s.sync(ctx, p.MemberID)
	}
	return nil
}

// sync brings menu items and events up to date with the installer's grant,
// also in quarantine: otherwise whoever invents a removal keeps them away.
func (s *Service) sync(ctx context.Context, memberID string) error {
	p, err := s.store.Portal(ctx, memberID)
	if err != nil {
		return fmt.Errorf("reading the portal: %w", err)
	}
	if p.Installer == 0 || p.Status == Removed {
		return nil
	}
	_, err = s.Install(ctx, Session{MemberID: memberID, Portal: memberID, User: p.Installer, Admin: true, Lang: p.Lang})
	if err == nil || !lostInstaller[bitrix.Code(err)] {
		return err
	}
	_, forgot := s.store.UpdatePortal(ctx, memberID, func(now *Portal) error {
		if now.Installer == p.Installer {
			now.Installer = 0
		}
		return nil
	})
	return errors.Join(err, forgot)
}

// lostInstaller are the codes that mean that whoever has installed the app
// was dismissed, is an administrator no more or may not use it: the next
// administrator who opens it takes the place.
var lostInstaller = map[string]bool{
	bitrix.CodeNoGrant: true, "INVALID_GRANT": true, "INVALID_TOKEN": true, "NO_AUTH_FOUND": true,
	"BAD_VERIFICATION_CODE": true, "AUTHORIZATION_ERROR": true, "USER_ACCESS_ERROR": true,
	"ALLOWED_ONLY_INTRANET_USER": true, "INVALID_CREDENTIALS": true, "ACCESS_DENIED": true,
}

// reread asks the OAuth server for the licence status.
func (s *Service) reread(ctx context.Context, memberID string) error {
	p, err := s.store.Portal(ctx, memberID)
	if err != nil {
		return fmt.Errorf("reading the portal: %w", err)
	}
	info, err := s.vouch(ctx, p, p.Installer)
	if err != nil {
		return fmt.Errorf("asking for the status: %w", err)
	}
	_, err = s.store.UpdatePortal(ctx, memberID, func(p *Portal) error {
		p.License, p.Updated = info.Status, s.now()
		return nil
	})
	return err
}
