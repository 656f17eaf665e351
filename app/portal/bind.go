package portal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	spaimporter "github.com/spa-importer/spa-importer"
	"github.com/spa-importer/spa-importer/bitrix"
)

// boundPlacement is one entry of placement.get, boundEvent one of event.get.
type boundPlacement struct {
	Placement string          `json:"placement"`
	Handler   string          `json:"handler"`
	Title     string          `json:"title"`
	LangAll   json.RawMessage `json:"langAll"`
}

type boundEvent struct {
	Event   string          `json:"event"`
	Handler string          `json:"handler"`
	Offline json.RawMessage `json:"offline"`
}

// binding is what an unbind names: a placement or event, and its handler.
type binding struct{ name, handler string }

func (b binding) compare(o binding) int {
	return cmp.Or(strings.Compare(b.name, o.name), strings.Compare(b.handler, o.handler))
}

// change is one command of the plan; an optional one may be refused.
type change struct {
	command  bitrix.Command
	optional bool
}

// maxCommands is how many commands one batch takes.
const maxCommands = 50

// bind brings menu items and events to what the manifest wants: first what
// is stale goes, then what is missing comes, so that nothing is bound twice.
func (s *Service) bind(ctx context.Context, conn *bitrix.Connection, state portalState) (Installation, error) {
	var done Installation
	gone, come := s.planPlacements(state, &done)
	goneEvents, comeEvents := s.planEvents(state, &done)
	removals := slices.Concat(gone, goneEvents)
	additions := slices.Concat(come, comeEvents)
	if _, err := s.run(ctx, conn, removals); err != nil {
		return Installation{}, err
	}
	failed, err := s.run(ctx, conn, additions)
	if err != nil {
		return Installation{}, err
	}
	done.Removed, done.Bound = len(removals), len(additions)-failed
	return done, nil
}

func (s *Service) planPlacements(state portalState, done *Installation) (gone, come []change) {
	handler := s.publicURL + s.manifest.Paths.Application
	types := map[string]bool{}
	kept := map[string]bool{}
	wanted := map[string]spaimporter.Placement{}
	for _, p := range s.manifest.Placements {
		// Not every portal lists the places that are outside of the CRM.
		if !strings.Contains(p.Code, "*") {
			wanted[p.Code] = p
		}
	}
	for _, code := range state.codes {
		for _, p := range s.manifest.Placements {
			if p.Matches(code) {
				wanted[code] = p
				if id := typeOf(code); id != "" {
					types[id] = true
				}
			}
		}
	}
	// Unbinding takes all bindings of a code with that handler: one that is
	// right cannot be kept beside one that is not.
	stale := map[binding]bool{}
	seen := map[string]bool{}
	for _, have := range state.placements {
		p, ok := wanted[have.Placement]
		if ok && have.Handler == handler && !seen[have.Placement] && titled(have, p) {
			seen[have.Placement] = true
			continue
		}
		stale[binding{have.Placement, have.Handler}] = true
	}
	for _, b := range slices.SortedFunc(maps.Keys(stale), binding.compare) {
		gone = append(gone, change{optional: true, command: bitrix.Command{Method: "placement.unbind", Params: map[string]any{
			"PLACEMENT": b.name, "HANDLER": b.handler,
		}}})
	}
	for code := range seen {
		if !stale[binding{code, handler}] {
			kept[code] = true
			done.Kept++
		}
	}
	for _, code := range slices.Sorted(maps.Keys(wanted)) {
		if kept[code] {
			continue
		}
		come = append(come, change{optional: typeOf(code) == "", command: bitrix.Command{Method: "placement.bind", Params: map[string]any{
			"PLACEMENT": code, "HANDLER": handler,
			"TITLE": spaimporter.In(wanted[code].Titles, "en"), "LANG_ALL": langAll(wanted[code].Titles),
		}}})
	}
	done.Types = len(types)
	return gone, come
}

func (s *Service) planEvents(state portalState, done *Installation) (gone, come []change) {
	handler := s.publicURL + s.manifest.Paths.Events
	stale := map[binding]bool{}
	seen := map[string]bool{}
	for _, have := range state.events {
		name := strings.ToUpper(have.Event)
		if offline := string(have.Offline); offline == "1" || offline == `"1"` || have.Handler == "" {
			continue // we bind no offline events
		}
		wanted := slices.ContainsFunc(s.manifest.Events, func(e spaimporter.Event) bool { return e.Name == name })
		if wanted && have.Handler == handler && !seen[name] {
			seen[name] = true
			continue
		}
		stale[binding{name, have.Handler}] = true
	}
	for _, b := range slices.SortedFunc(maps.Keys(stale), binding.compare) {
		gone = append(gone, change{optional: true, command: bitrix.Command{Method: "event.unbind", Params: map[string]any{
			"event": b.name, "handler": b.handler,
		}}})
	}
	kept := map[string]bool{}
	for name := range seen {
		if !stale[binding{name, handler}] {
			kept[name] = true
			done.Kept++
		}
	}
	for _, e := range s.manifest.Events {
		if !kept[e.Name] {
			come = append(come, change{optional: !e.Required, command: bitrix.Command{Method: "event.bind", Params: map[string]any{
				"event": e.Name, "handler": handler,
			}}})
		}
	}
	return gone, come
}

// run sends changes in batches. A change that fails ends it with a Refusal
// that names it, unless it is optional; failed counts those.
func (s *Service) run(ctx context.Context, conn *bitrix.Connection, changes []change) (failed int, err error) {
	for part := range slices.Chunk(changes, maxCommands) {
		commands := make([]bitrix.Command, len(part))
		for i, c := range part {
			commands[i] = c.command
			commands[i].Key = "c" + strconv.Itoa(i)
		}
		reply, err := conn.Batch(ctx, commands)
		if err != nil {
			return failed, refusePortal(ctx, err)
		}
		for i, c := range part {
			key := commands[i].Key
			if _, ok := reply.Results[key]; ok {
				continue
			}
			e := reply.Errors[key]
			if e != nil && alreadyBound(e) {
				continue
			}
			failed++
			if c.optional {
				s.log.InfoContext(ctx, "optional binding refused", "method", c.command.Method, "what", what(c.command), "code", errorCode(e))
				continue
			}
			return failed, &Refusal{Code: CodeBind, Err: causeOf(e), Args: map[string]string{
				"what": what(c.command), "code": errorCode(e),
			}}
		}
	}
	return failed, nil
}

// alreadyBound reports whether an error says that the binding is there: two
// installers ran at once.
func alreadyBound(e *bitrix.Error) bool {
	return e.Code == "ERROR_EVENT_BINDING_EXISTS" || strings.Contains(strings.ToLower(e.Description), "already bind")
}

func errorCode(e *bitrix.Error) string {
	if e == nil {
		return "no answer"
	}
	return e.Code
}

func causeOf(e *bitrix.Error) error {
	if e == nil {
		return errors.New("the portal did not run the command")
	}
	return e
}

// what names the placement or event of a command.
func what(c bitrix.Command) string {
	params, _ := c.Params.(map[string]any)
	for _, name := range []string{"PLACEMENT", "event"} {
		if value, ok := params[name].(string); ok {
			return value
		}
	}
	return c.Method
}

// portalCodes are the names that Bitrix24 has for languages which we call
// as the standards do.
var portalCodes = map[string][]string{"es": {"la", "es"}, "pt": {"br"}}

// byPortalCode are titles keyed as portals call the languages.
func byPortalCode(titles map[string]string) map[string]string {
	all := map[string]string{}
	for lang, title := range titles {
		codes, ok := portalCodes[lang]
		if !ok {
			codes = []string{lang}
		}
		for _, code := range codes {
			all[code] = title
		}
	}
	return all
}

// langAll is the LANG_ALL parameter: with it the portal shows each user the
// title in that user's language.
func langAll(titles map[string]string) map[string]any {
	all := map[string]any{}
	for code, title := range byPortalCode(titles) {
		all[code] = map[string]any{"TITLE": title}
	}
	return all
}

// titled reports whether a bound placement has today's titles. Portals drop
// languages that they do not know, and old ones have only the one title.
func titled(have boundPlacement, p spaimporter.Placement) bool {
	var langs map[string]struct{ TITLE string }
	if json.Unmarshal(have.LangAll, &langs) != nil || len(langs) == 0 {
		for _, title := range p.Titles {
			if have.Title == title {
				return true
			}
		}
		return false
	}
	titles := byPortalCode(p.Titles)
	for code, text := range langs {
		if text.TITLE != titles[code] {
			return false
		}
	}
	return true
}

var dynamicCode = regexp.MustCompile(`^CRM_DYNAMIC_(\d+)_`)

// typeOf is the entityTypeId in a placement's code; "" if there is none.
func typeOf(code string) string {
	if m := dynamicCode.FindStringSubmatch(code); m != nil {
		return m[1]
	}
	return ""
}
