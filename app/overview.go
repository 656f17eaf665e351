package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/store"
)

// portalLine is a portal as `spa-importer portals` shows it. Status "webhook" is a
// tenant without an installation.
type portalLine struct {
	Portal     string     `json:"portal"`
	Domain     string     `json:"domain"`
	Status     string     `json:"status"`
	Licence    string     `json:"licence"`
	Version    string     `json:"version"`
	Installed  *time.Time `json:"installed"`
	OwnKeys    bool       `json:"ownKeys"`
	Quarantine bool       `json:"quarantine"`
	Registered bool       `json:"registered"`
	Users      int64      `json:"users"`
	DeadUsers  int64      `json:"deadUsers"`
	Imports    int64      `json:"imports"`
	Unfinished int64      `json:"unfinished"`
	LastImport *time.Time `json:"lastImport"`
}

func portalsCommand(ctx context.Context, c console) error {
	w, err := c.parse(0, []string{"json", "csv"}, nil)
	if err != nil {
		return err
	}
	db, _, end, err := c.openAside(ctx, w.settings, false)
	if err != nil {
		return err
	}
	lines, err := portalLines(ctx, db)
	if err = errors.Join(err, end()); err != nil {
		return err
	}
	g := grid{objects: lines, columns: []string{
		"portal", "domain", "status", "licence", "installed", "registered", "users", "imports", "unfinished", "last import",
	}}
	for _, l := range lines {
		status := l.Status
		if l.Quarantine {
			status += " (removal unproven)"
		}
		g.rows = append(g.rows, []string{
			l.Portal, l.Domain, status, l.Licence, whenSet(l.Installed), yesNo(l.Registered),
			strconv.FormatInt(l.Users, 10), strconv.FormatInt(l.Imports, 10), strconv.FormatInt(l.Unfinished, 10),
			whenSet(l.LastImport),
		})
	}
	return g.print(c.out, w)
}

func portalLines(ctx context.Context, db *store.Store) ([]portalLine, error) {
	portals, err := db.Portals(ctx)
	if err != nil {
		return nil, err
	}
	registrations, err := db.Registrations(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := db.CountPortals(ctx)
	if err != nil {
		return nil, err
	}
	at := make(map[string]int)
	lines := make([]portalLine, 0, len(portals))
	for _, p := range portals {
		at[p.MemberID] = len(lines)
		lines = append(lines, portalLine{
			Portal: p.MemberID, Domain: p.Domain, Status: string(p.Status), Licence: p.License, Version: p.Version,
			Installed: moment(p.Installed), OwnKeys: p.Keys.ClientID != "", Quarantine: !p.QuarantinedAt.IsZero(),
		})
	}
	line := func(name string) *portalLine {
		i, known := at[name]
		if !known {
			i = len(lines)
			at[name] = i
			l := portalLine{Portal: name}
			if rest, hook := strings.CutPrefix(name, "hook:"); hook {
				l.Status = "webhook"
				l.Domain = rest[:max(strings.LastIndexByte(rest, ':'), 0)]
			}
			lines = append(lines, l)
		}
		return &lines[i]
	}
	for _, n := range counts {
		l := line(n.Portal)
		l.Users, l.DeadUsers, l.Imports, l.Unfinished = n.Users, n.Dead, n.Imports, n.Unfinished
		l.LastImport = moment(n.Last)
	}
	for _, r := range registrations {
		line(r.Portal).Registered = true
	}
	return lines, nil
}

// deleteRegistration does what somebody has asked for who has registered.
func deleteRegistration(ctx context.Context, c console, w words, name string) error {
	db, _, end, err := c.openAside(ctx, w.settings, true)
	if err != nil {
		return err
	}
	err = db.Unregister(ctx, name)
	if err = errors.Join(err, end()); errors.Is(err, portal.ErrNotFound) {
		return fmt.Errorf("no portal %q has registered: `spa-importer registrations` lists them", name)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "The registration of %s is deleted. Its imports have the limit of rows again.\n", name)
	return err
}

func registrationsCommand(ctx context.Context, c console) error {
	w, err := c.parse(0, []string{"json", "csv"}, []string{"delete"})
	if err != nil {
		return err
	}
	if name, asked := w.values["delete"]; asked {
		return deleteRegistration(ctx, c, w, name)
	}
	db, _, end, err := c.openAside(ctx, w.settings, false)
	if err != nil {
		return err
	}
	all, err := db.Registrations(ctx)
	if err = errors.Join(err, end()); err != nil {
		return err
	}
	type line struct {
		Portal   string     `json:"portal"`
		Company  string     `json:"company"`
		Name     string     `json:"name"`
		Email    string     `json:"email"`
		Phone    string     `json:"phone"`
		Country  string     `json:"country"`
		Terms    string     `json:"terms"`
		Accepted *time.Time `json:"accepted"`
		Mailings bool       `json:"mailings"`
		User     int64      `json:"user"`
	}
	lines := make([]line, 0, len(all))
	g := grid{columns: []string{
		"portal", "company", "name", "email", "phone", "country", "terms", "accepted", "mailings", "user",
	}}
	for _, r := range all {
		lines = append(lines, line{
			r.Portal, r.Company, r.Name, r.Email, r.Phone, r.Country, r.TermsVersion, moment(r.AcceptedAt), r.Mailings, r.User,
		})
		g.rows = append(g.rows, []string{
			r.Portal, r.Company, r.Name, r.Email, r.Phone, r.Country, r.TermsVersion, when(r.AcceptedAt),
			yesNo(r.Mailings), strconv.FormatInt(r.User, 10),
		})
	}
	g.objects = lines
	return g.print(c.out, w)
}

// importsShown is how many imports are listed unless -limit says otherwise.
const importsShown = 100

// importLine is an import as `spa-importer imports` shows it: no cell of its file.
type importLine struct {
	ID       string          `json:"id"`
	Portal   string          `json:"portal"`
	User     int64           `json:"user"`
	UserName string          `json:"userName"`
	File     string          `json:"file"`
	Target   string          `json:"target"`
	State    importer.State  `json:"state"`
	Reason   string          `json:"reason"`
	Until    *time.Time      `json:"until"`
	Rows     int             `json:"rows"`
	Counts   importer.Counts `json:"counts"`
	Created  *time.Time      `json:"created"`
	Started  *time.Time      `json:"started"`
	Finished *time.Time      `json:"finished"`
}

func importsCommand(ctx context.Context, c console) error {
	w, err := c.parse(0, []string{"json", "csv"}, []string{"portal", "limit"})
	if err != nil {
		return err
	}
	limit := importsShown
	if v, given := w.values["limit"]; given {
		if limit, err = strconv.Atoi(v); err != nil || limit < 0 {
			return fmt.Errorf("-limit: %q is not a number of imports", v)
		}
	}
	db, _, end, err := c.openAside(ctx, w.settings, false)
	if err != nil {
		return err
	}
	all, err := listImports(ctx, db, w.values["portal"], limit)
	if err = errors.Join(err, end()); err != nil {
		return err
	}
	lines := make([]importLine, 0, len(all))
	g := grid{columns: []string{
		"import", "portal", "begun", "by", "file", "into", "state", "reason", "until",
		"rows", "created", "updated", "unchanged", "skipped", "failed",
	}}
	for _, i := range all {
		l := importLine{
			ID: i.ID, Portal: i.Portal, User: i.User, UserName: i.UserName, File: i.FileName, Target: i.Target.Title,
			State: i.State, Until: moment(i.Until), Rows: i.Rows, Counts: i.Counts,
			Created: moment(i.Created), Started: moment(i.Started), Finished: moment(i.Finished),
		}
		if i.Reason != nil {
			l.Reason = i.Reason.Code
		}
		lines = append(lines, l)
		row := []string{
			i.ID, i.Portal, when(i.Created), i.UserName, i.FileName, i.Target.Title, string(i.State), l.Reason, when(i.Until),
		}
		for _, n := range []int{
			i.Rows, i.Counts.Created, i.Counts.Updated, i.Counts.Unchanged, i.Counts.Skipped, i.Counts.Failed,
		} {
			row = append(row, strconv.Itoa(n))
		}
		g.rows = append(g.rows, row)
	}
	g.objects = lines
	return g.print(c.out, w)
}

// listImports lists the imports of one portal, by member id, tenant or
// domain, or of all; limit 0 is no limit.
func listImports(ctx context.Context, db *store.Store, name string, limit int) ([]importer.Import, error) {
	if name == "" {
		return db.LatestImports(ctx, limit)
	}
	portals, err := db.Portals(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range portals {
		if strings.EqualFold(p.Domain, name) && p.Status != portal.Removed {
			name = p.MemberID
		}
	}
	if limit == 0 {
		limit = allImports
	}
	return db.Imports(ctx, name, limit)
}

func restlogCommand(ctx context.Context, c console) error {
	w, err := c.parse(0, nil, []string{"import"})
	if err != nil {
		return err
	}
	id := w.values["import"]
	if id == "" {
		return errors.New("which import? -import=<id>, as `spa-importer imports` lists them")
	}
	db, _, end, err := c.openAside(ctx, w.settings, false)
	if err != nil {
		return err
	}
	return errors.Join(writeRestlog(ctx, c, db, id), end())
}

func writeRestlog(ctx context.Context, c console, db *store.Store, id string) error {
	owner, err := db.ImportPortal(ctx, id)
	if errors.Is(err, importer.ErrNotFound) {
		return fmt.Errorf("there is no import %q", id)
	}
	if err != nil {
		return err
	}
	calls, err := db.Calls(ctx, owner, id)
	if err != nil {
		return err
	}
	if len(calls) == 0 {
		fmt.Fprintln(c.err, "The log has no REST calls of this import: it has made none, or they are older than REST_LOG_DAYS.")
	}
	return importer.WriteCalls(c.out, calls)
}

func whenSet(t *time.Time) string {
	if t == nil {
		return ""
	}
	return when(*t)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
