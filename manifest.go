// Package spaimporter holds install.json: what the app is to Bitrix24. It is
// the only place where code, version, scopes, paths, placements and events
// are said; the installer binds from it and the pages quote it. It must not
// know any other package of this module.
package spaimporter

import (
	"bytes"
	_ "embed" // for install.json
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

//go:embed install.json
var installJSON []byte

// Manifest is install.json, typed.
type Manifest struct {
	// Code is the app's code in the Bitrix24 Market; the installed app may
	// have another one (a local app), which app.info tells.
	Code    string `json:"code"`
	Version string `json:"version"`
	// Titles, Menu and Descriptions are by language: the app's name, the
	// title of its menu item, and one sentence about it.
	Titles       map[string]string `json:"titles"`
	Menu         map[string]string `json:"menu"`
	Descriptions map[string]string `json:"descriptions"`
	Scopes       []Scope           `json:"scopes"`
	// Basic are the methods called that need no scope.
	Basic      []string    `json:"basic"`
	Paths      Paths       `json:"paths"`
	Placements []Placement `json:"placements"`
	Events     []Event     `json:"events"`
	Support    Support     `json:"support"`
	Legal      Legal       `json:"legal"`
}

// Scope is one permission the app asks for.
type Scope struct {
	Name string `json:"name"`
	// Required is false where the app works without it.
	Required bool `json:"required"`
	// Methods are the prefixes of the REST methods it is needed for.
	Methods []string `json:"methods"`
	// Reasons say what for, by language.
	Reasons map[string]string `json:"reasons"`
}

// Paths are the addresses registered with Bitrix24, below the public URL.
type Paths struct {
	Application string `json:"application"`
	Installer   string `json:"installer"`
	Events      string `json:"events"`
}

// Placement is one place of the portal's interface the app shows up in.
type Placement struct {
	// Code is the placement's code; a star stands for the entityTypeId of
	// each smart process.
	Code string `json:"code"`
	// Place says where that is and Titles what the entry is called, by
	// language.
	Place  map[string]string `json:"place"`
	Titles map[string]string `json:"titles"`
}

// Matches reports whether a concrete code, such as
// CRM_DYNAMIC_128_LIST_TOOLBAR, is this placement.
func (p Placement) Matches(code string) bool {
	before, after, star := strings.Cut(p.Code, "*")
	if !star {
		return code == p.Code
	}
	id, ok := strings.CutPrefix(code, before)
	if !ok {
		return false
	}
	id, ok = strings.CutSuffix(id, after)
	return ok && id != "" && strings.Trim(id, "0123456789") == ""
}

// Event is one event of the portal the app listens to.
type Event struct {
	Name string `json:"name"`
	// Required is false for events that older portals do not have.
	Required bool `json:"required"`
}

// Support says where help is.
type Support struct {
	URL      string `json:"url"`
	Source   string `json:"source"`
	Security string `json:"security"`
}

// Legal names the legal pages, below the public URL, and the version of the
// terms that a registration accepts, with its date (yyyy-mm-dd).
type Legal struct {
	Terms   string `json:"terms"`
	Privacy string `json:"privacy"`
	Version string `json:"version"`
	Date    string `json:"date"`
	Licence string `json:"licence"`
}

// Day is the date, which Parse has checked.
func (l Legal) Day() time.Time {
	day, _ := time.Parse(time.DateOnly, l.Date)
	return day
}

// Load reads the manifest that is built in.
func Load() (Manifest, error) { return Parse(installJSON) }

// Parse reads a manifest and checks that nothing is missing.
func Parse(data []byte) (Manifest, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var m Manifest
	if err := d.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("reading install.json: %w", err)
	}
	if err := m.check(); err != nil {
		return Manifest{}, fmt.Errorf("checking install.json: %w", err)
	}
	return m, nil
}

func (m Manifest) check() error {
	if m.Code == "" || m.Version == "" || m.Legal.Version == "" {
		return errors.New("code, version and legal version are needed")
	}
	if m.Legal.Day().IsZero() {
		return fmt.Errorf("legal date %q is no date", m.Legal.Date)
	}
	for _, path := range []string{m.Paths.Application, m.Paths.Installer, m.Paths.Events, m.Legal.Terms, m.Legal.Privacy} {
		if !strings.HasPrefix(path, "/") {
			return fmt.Errorf("path %q does not begin with a slash", path)
		}
	}
	if m.Titles["en"] == "" || m.Descriptions["en"] == "" || m.Menu["en"] == "" {
		return errors.New("titles, menu and descriptions need English")
	}
	for _, s := range m.Scopes {
		if s.Name == "" || len(s.Methods) == 0 || s.Reasons["en"] == "" {
			return fmt.Errorf("scope %q needs methods and a reason in English", s.Name)
		}
	}
	for _, p := range m.Placements {
		if p.Code == "" || strings.Count(p.Code, "*") > 1 || p.Titles["en"] == "" || p.Place["en"] == "" {
			return fmt.Errorf("placement %q needs a code with at most one star, a place and a title in English", p.Code)
		}
	}
	if len(m.Events) == 0 {
		return errors.New("no events")
	}
	return nil
}

// RequiredScopes are the names of the scopes the app cannot work without.
func (m Manifest) RequiredScopes() []string {
	var names []string
	for _, s := range m.Scopes {
		if s.Required {
			names = append(names, s.Name)
		}
	}
	return names
}

// Missing returns the required scopes that are not among the granted ones.
// The wider scopes user and user_basic serve where user_brief is asked for.
func (m Manifest) Missing(granted []string) []string {
	var missing []string
	for _, name := range m.RequiredScopes() {
		if slices.Contains(granted, name) {
			continue
		}
		if name == "user_brief" && (slices.Contains(granted, "user_basic") || slices.Contains(granted, "user")) {
			continue
		}
		missing = append(missing, name)
	}
	return missing
}

// ScopeOf returns the scope a REST method needs: a name, "" for a basic
// method; false if the manifest does not cover it.
func (m Manifest) ScopeOf(method string) (string, bool) {
	if slices.Contains(m.Basic, method) {
		return "", true
	}
	for _, s := range m.Scopes {
		for _, prefix := range s.Methods {
			if strings.HasPrefix(method, prefix) {
				return s.Name, true
			}
		}
	}
	return "", false
}

// In returns the text for a language, or the English one.
func In(texts map[string]string, lang string) string {
	if t := texts[lang]; t != "" {
		return t
	}
	return texts["en"]
}
