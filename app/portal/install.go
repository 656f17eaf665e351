package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spa-importer/spa-importer/bitrix"
)

// Installation is what an installation has set up.
type Installation struct {
	// Types is the number of smart processes that have menu items now.
	Types int
	// Bound and Removed count menu items and events, Kept those that were
	// right already.
	Bound, Removed, Kept int
	// MissingScopes are permissions the app can do without.
	MissingScopes []string
}

// Install sets the app up on the session's portal: menu items for the smart
// processes there are, and events. It may be repeated at any time; what is
// right stays. Only administrators may, and only with the app's own
// authorisation. The portal is told by the page's installFinish, afterwards.
func (s *Service) Install(ctx context.Context, session Session) (Installation, error) {
	switch {
	case session.MemberID == "":
		return Installation{}, refuse(CodeNotInPortal, nil)
	case !session.Admin:
		return Installation{}, refuse(CodeNotAdmin, nil)
	}
	conn := s.client.Grant(session.MemberID, session.User, s.store)
	state, err := s.look(ctx, conn)
	if err != nil {
		return Installation{}, err
	}
	if missing := s.manifest.Missing(state.scopes); len(missing) > 0 {
		return Installation{}, &Refusal{Code: CodeScope, Args: map[string]string{"scopes": strings.Join(missing, ", ")}}
	}
	done, err := s.bind(ctx, conn, state)
	if err != nil {
		return Installation{}, err
	}
	for _, scope := range s.manifest.Scopes {
		if !scope.Required && !slices.Contains(state.scopes, scope.Name) {
			done.MissingScopes = append(done.MissingScopes, scope.Name)
		}
	}
	_, err = s.store.UpdatePortal(ctx, session.MemberID, func(p *Portal) error {
		p.Installer, p.Version, p.AppCode = session.User, s.manifest.Version, state.app.Code
		p.Scopes, p.Lang, p.Updated = state.scopes, session.Lang, s.now()
		return nil
	})
	if err != nil {
		return Installation{}, fmt.Errorf("storing the installation: %w", err)
	}
	s.log.InfoContext(ctx, "installed", "portal", session.MemberID, "types", done.Types,
		"bound", done.Bound, "removed", done.Removed, "kept", done.Kept)
	return done, nil
}

// Finished asks the portal whether it counts the app as installed, which
// the page's installFinish is to bring about: the portal can say that it
// finished without having done it.
func (s *Service) Finished(ctx context.Context, session Session) (bool, error) {
	if session.MemberID == "" {
		return false, refuse(CodeNotInPortal, nil)
	}
	conn := s.client.Grant(session.MemberID, session.User, s.store)
	reply, err := conn.Call(ctx, "app.info", nil)
	if err != nil {
		return false, refusePortal(ctx, err)
	}
	var app appInfo
	if err := json.Unmarshal(reply.Result, &app); err != nil {
		return false, refuse(CodePortalAway, fmt.Errorf("reading app.info: %w", err))
	}
	if !app.Installed {
		return false, nil
	}
	_, err = s.store.UpdatePortal(ctx, session.MemberID, func(p *Portal) error {
		p.Status, p.AppCode, p.Updated = Active, app.Code, s.now()
		return nil
	})
	return err == nil, err
}

// installedThere asks the portal when the OAuth server says that the app is
// not installed: right after installFinish the portal knows it first.
func (s *Service) installedThere(ctx context.Context, b believed, token string) bool {
	reply, err := s.client.TokenConnection(b.info.MemberID, b.endpoint, token).Call(ctx, "app.info", nil)
	if err != nil {
		s.log.InfoContext(ctx, "asking the portal whether the app is installed", "portal", b.info.MemberID, "cause", err)
		return false
	}
	var app appInfo
	return json.Unmarshal(reply.Result, &app) == nil && app.Installed
}

// appInfo is what the portal's own app.info says; the OAuth server's has
// another shape.
type appInfo struct {
	Code      string `json:"CODE"`
	Installed bool   `json:"INSTALLED"`
}

// portalState is what there is before binding.
type portalState struct {
	scopes     []string
	app        appInfo
	codes      []string
	placements []boundPlacement
	events     []boundEvent
}

// look reads everything in one request.
func (s *Service) look(ctx context.Context, conn *bitrix.Connection) (portalState, error) {
	reply, err := conn.Batch(ctx, []bitrix.Command{
		{Key: "scope", Method: "scope"},
		{Key: "app", Method: "app.info"},
		{Key: "codes", Method: "placement.list"},
		{Key: "placements", Method: "placement.get"},
		{Key: "events", Method: "event.get"},
	})
	if err != nil {
		return portalState{}, refusePortal(ctx, err)
	}
	var state portalState
	// The scopes come first: without the permission placement the portal
	// refuses two of the commands, and the reason must be said by its name.
	if err := read(reply, "scope", &state.scopes); err != nil {
		return portalState{}, err
	}
	if missing := s.manifest.Missing(state.scopes); len(missing) > 0 {
		return state, nil
	}
	for key, into := range map[string]any{
		"app": &state.app, "codes": &state.codes, "placements": &state.placements, "events": &state.events,
	} {
		if err := read(reply, key, into); err != nil {
			return portalState{}, err
		}
	}
	return state, nil
}

func read(reply bitrix.BatchReply, key string, into any) error {
	if e := reply.Errors[key]; e != nil {
		return &Refusal{Code: CodeBind, Args: map[string]string{"what": e.Method, "code": e.Code}, Err: e}
	}
	raw, ok := reply.Results[key]
	if !ok {
		return refuse(CodePortalAway, fmt.Errorf("the portal did not answer %q", key))
	}
	if s := strings.TrimSpace(string(raw)); s == "null" || s == "" {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return refuse(CodePortalAway, fmt.Errorf("reading %q: %w", key, err))
	}
	return nil
}
