// Package doctor tries on a real portal what the app relies on and no
// document promises. It works in a smart process of its own, which it makes
// and removes, and says of each assumption whether it holds, what was seen
// and what the app does about it.
//
// It knows Bitrix24 only: package bitrix. It must not know imports, and it
// writes to nothing that it has not made.
package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spa-importer/spa-importer/bitrix"
)

// Caller calls one portal; *bitrix.Connection is one. The user behind it must
// be an administrator of the CRM.
type Caller interface {
	Call(ctx context.Context, method string, params any) (bitrix.Reply, error)
	Batch(ctx context.Context, commands []bitrix.Command) (bitrix.BatchReply, error)
}

// Status is what became of an assumption.
type Status string

// An assumption holds, does not hold, or could not be tried.
const (
	Holds   Status = "holds"
	Broken  Status = "does not hold"
	Untried Status = "not tried"
)

// Finding is the word on one assumption.
type Finding struct {
	// ID is the assumption's number, such as "5b".
	ID         string `json:"id"`
	Assumption string `json:"assumption"`
	Status     Status `json:"status"`
	// Saw is what was seen, or why nothing could be tried.
	Saw string `json:"saw"`
	// App is what the app does about it.
	App string `json:"app"`
}

// Report is the result of an examination.
type Report struct {
	// User is whose rights the calls had, Admin whether he administers the
	// portal.
	User  int64 `json:"user"`
	Admin bool  `json:"admin"`
	// Scopes are the permissions the calls had.
	Scopes []string `json:"scopes"`
	// Scratch is the title of the smart process the doctor worked in, and
	// Removed whether it is gone again.
	Scratch  string    `json:"scratch"`
	Removed  bool      `json:"removed"`
	Findings []Finding `json:"findings"`
}

// Count is how many assumptions have a status.
func (r Report) Count(s Status) int {
	n := 0
	for _, f := range r.Findings {
		if f.Status == s {
			n++
		}
	}
	return n
}

// removal is how long the removal of the scratch process may take after the
// context has ended.
const removal = 2 * time.Minute

// Examine tries all assumptions. It removes what it has made, also after an
// error and when ctx ends in the middle; an error says that it could not
// begin, was stopped, or could not remove everything. The report is valid as
// far as it goes even then.
func Examine(ctx context.Context, c Caller, now time.Time) (r Report, err error) {
	who, err := bitrix.ReadProfile(ctx, c)
	if err != nil {
		return r, fmt.Errorf("asking who calls: %w", err)
	}
	r.User, r.Admin = who.ID, who.Admin
	if r.Scopes, err = bitrix.ReadScopes(ctx, c); err != nil {
		return r, fmt.Errorf("asking for the permissions: %w", err)
	}
	if !slices.Contains(r.Scopes, "crm") {
		return r, errors.New("the permission crm is missing")
	}
	s := &scratch{Caller: patient{c}, now: now, names: map[string]string{}, report: &r}
	s.title = "SPA Importer doctor " + now.UTC().Format("2006-01-02 15:04:05") + " (can be deleted)"
	r.Scratch = s.title
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
		defer cancel()
		if left := s.remove(last); left != nil {
			err = errors.Join(err, fmt.Errorf("removing the smart process %q, please delete it by hand: %w", s.title, left))
		}
	}()
	if err := s.make(ctx); err != nil {
		return r, err
	}
	for _, a := range assumptions() {
		f := Finding{ID: a.id, Assumption: a.says, App: a.app}
		f.Status, f.Saw = s.try(ctx, a)
		if ctx.Err() != nil {
			return r, fmt.Errorf("stopped before assumption %s: %w", a.id, context.Cause(ctx))
		}
		r.Findings = append(r.Findings, f)
	}
	return r, nil
}

// try runs one trial; what went wrong otherwise is why it was not one.
func (s *scratch) try(ctx context.Context, a assumption) (Status, string) {
	if a.trial == nil {
		return Untried, a.why
	}
	if missing := s.missing(a.fields); missing != "" {
		return Untried, "the user field " + missing + " could not be made: " + s.noFields
	}
	status, saw, err := a.trial(ctx, s)
	if err != nil {
		return Untried, "the portal answered otherwise: " + err.Error()
	}
	return status, saw
}

func (s *scratch) missing(fields []string) string {
	for _, f := range fields {
		if s.names[f] == "" {
			return f
		}
	}
	return ""
}

// verdict is Holds or Broken.
func verdict(holds bool) Status {
	if holds {
		return Holds
	}
	return Broken
}

// text is a JSON value as a person reads it: text without quotes.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return strings.TrimSpace(string(raw))
}
