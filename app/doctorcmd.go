package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spa-importer/spa-importer/app/doctor"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/bitrix"
)

// doctorWebhook is the environment variable with the webhook's address.
const doctorWebhook = "DOCTOR_WEBHOOK"

// exitBroken is the exit status of a doctor who found an assumption that
// does not hold; 1 is one who could not do his work.
const exitBroken = 3

// brokenError says that assumptions do not hold.
type brokenError struct{ n int }

func (e brokenError) Error() string {
	return fmt.Sprintf("%d of the app's assumptions do not hold on this portal; the list says what the app does about each", e.n)
}

// doctorCommand tries on a portal what the app relies on.
func doctorCommand(ctx context.Context, c console, transport http.RoundTripper) error {
	w, err := c.parse(1, []string{"json"}, nil)
	if err != nil {
		return err
	}
	var r doctor.Report
	if len(w.places) == 1 {
		if strings.Contains(w.places[0], "/") {
			return errors.New("an argument stays in the history of the shell and in the list of processes: give the webhook on standard input or in " + doctorWebhook + ", and make a new one now if this was a real one")
		}
		r, err = c.examinePortal(ctx, w, transport)
	} else {
		r, err = c.examineWebhook(ctx, w, transport)
	}
	if len(r.Findings) > 0 {
		err = errors.Join(err, printReport(c.out, r, w.switches["json"]))
	}
	if n := r.Count(doctor.Broken); err == nil && n > 0 {
		return brokenError{n}
	}
	return err
}

// examineWebhook calls through an inbound webhook.
func (c console) examineWebhook(ctx context.Context, w words, transport http.RoundTripper) (doctor.Report, error) {
	s, _, err := readSettings(w.settings, c.getenv)
	if err != nil {
		return doctor.Report{}, fmt.Errorf("settings: %w", err)
	}
	address := c.getenv(doctorWebhook)
	if address == "" {
		fmt.Fprintln(c.err, "Address of an inbound webhook of a CRM administrator, with the permissions crm and userfieldconfig:")
		if address, err = c.secret("the webhook"); err != nil {
			return doctor.Report{}, err
		}
	}
	hook, err := bitrix.ParseWebhook(address, s.allowPrivate)
	if err != nil {
		return doctor.Report{}, err
	}
	client := bitrix.New(bitrix.Options{AllowPrivate: s.allowPrivate, Transport: transport})
	return doctor.Examine(ctx, client.Webhook(hook), time.Now())
}

// examinePortal calls with the grant of the person who has installed the app
// on a portal, and keeps the calls in the log.
func (c console) examinePortal(ctx context.Context, w words, transport http.RoundTripper) (doctor.Report, error) {
	db, s, end, err := c.openAside(ctx, w.settings, true)
	if err != nil {
		return doctor.Report{}, err
	}
	var mu sync.Mutex
	var calls []bitrix.CallRecord
	client := newClient(s, bitrix.Options{Transport: transport, Log: func(r bitrix.CallRecord) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, r)
	}})
	r, err := c.examineAs(ctx, db, client, w.places[0])
	mu.Lock()
	defer mu.Unlock()
	logged := db.LogCalls(context.WithoutCancel(ctx), calls)
	return r, errors.Join(err, logged, end())
}

func (c console) examineAs(ctx context.Context, db *store.Store, client *bitrix.Client, memberID string) (doctor.Report, error) {
	p, err := db.Portal(ctx, memberID)
	if errors.Is(err, portal.ErrNotFound) {
		return doctor.Report{}, fmt.Errorf("there is no portal %q: `spa-importer portals` lists them", memberID)
	}
	if err != nil {
		return doctor.Report{}, err
	}
	user := p.Installer
	if user == 0 {
		users, err := db.GrantUsers(ctx, memberID)
		if err != nil || len(users) == 0 {
			return doctor.Report{}, errors.Join(fmt.Errorf("nobody on portal %s has opened the app", memberID), err)
		}
		user = users[0]
	}
	return doctor.Examine(ctx, client.Grant(memberID, user, db), time.Now())
}

// printReport writes a report for people, or as JSON.
func printReport(out io.Writer, r doctor.Report, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	fmt.Fprintf(out, "Called as user %d with the permissions %s.\n", r.User, strings.Join(r.Scopes, ", "))
	for _, f := range r.Findings {
		fmt.Fprintf(out, "\n%-4s%-15s%s\n", f.ID, f.Status, f.Assumption)
		fmt.Fprintf(out, "    seen: %s\n    app:  %s\n", printableLong(f.Saw), f.App)
	}
	removed := "The smart process it worked in is removed."
	if !r.Removed {
		removed = "The smart process " + r.Scratch + " could not be removed."
	}
	_, err := fmt.Fprintf(out, "\n%d hold, %d do not, %d were not tried. %s\n",
		r.Count(doctor.Holds), r.Count(doctor.Broken), r.Count(doctor.Untried), removed)
	return err
}
