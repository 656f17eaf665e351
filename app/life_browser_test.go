//go:build browser

package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/proto"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// addPortal puts another portal beside the demo's.
func (d *demo) addPortal(t *testing.T, change func(*emulator.Profile)) *emulator.Portal {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	profile := emulator.DemoProfile()
	profile.Domain = l.Addr().String()
	change(&profile)
	p := d.world.AddPortal(profile)
	server := &http.Server{Handler: p.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return p
}

// as opens the app in the portal as somebody else.
func (p *person) as(portal *emulator.Portal, user int) {
	p.t.Helper()
	p.must(p.page.SetCookies([]*proto.NetworkCookieParam{{
		Name: "emulated_user", Value: fmt.Sprint(user), Domain: "127.0.0.1", Path: "/",
	}}))
	p.goTo(portal.URL() + "/")
	p.press("#app-link")
}

// locked waits for the portal's own word that the app is not installed.
func (p *person) locked() {
	p.t.Helper()
	_, err := p.page.Timeout(10 * time.Second).Element("#not-installed")
	p.must(err)
}

// until waits for something that is done in the background.
func (p *person) until(what string, done func() bool) {
	p.t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); pause(p.t, 50*time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("waited for: %s", what)
		}
	}
}

// bound are the placements and events of a portal that are ours.
func bound(portal *emulator.Portal) (n int) { return len(portal.Placements()) }

// TestLifeInTheFrame: installed, used, updated, removed and installed again,
// by an administrator and a plain user, on a portal in the cloud and on an
// old one of one's own: on http, with a port, with the form of former years,
// and without methods that came later.
func TestLifeInTheFrame(t *testing.T) {
	d := unlimited(t)
	browser := startBrowser(t)
	for name, change := range map[string]func(*emulator.Profile){
		"cloud": func(*emulator.Profile) {},
		"on-premise": func(p *emulator.Profile) {
			p.License, p.OldForm, p.NoMethods = "box", true, []string{"crm.automatedsolution.list"}
			p.Scopes = []string{"crm", "placement", "user_brief"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			portal := d.addPortal(t, func(p *emulator.Profile) {
				p.MemberID = fmt.Sprintf("%032x", len(name))
				change(p)
			})
			if name == "on-premise" {
				portal.SetQuirks(emulator.Quirks{NoOriginalNames: true})
			}
			const admin, plain = 1, 3
			portal.EditUser(admin, func(u *emulator.User) { u.Lang = "en" })
			p := &person{t: t, began: time.Now(), page: browser.MustPage(portal.URL() + "/")}
			ctx := context.WithoutCancel(t.Context())

			p.as(portal, plain)
			p.locked()
			p.as(portal, admin)
			p.wait("label.primary[for=file]")
			if !portal.Installed() || bound(portal) != 7 {
				t.Fatalf("installed %v, %d placements", portal.Installed(), bound(portal))
			}
			p.until("ONAPPINSTALL", func() bool { return d.keeps(t, "portals", portal.MemberID()+"%active") })
			p.as(portal, plain)
			p.wait("label.primary[for=file]")
			p.ready(contractsFile(t, 5))
			p.click("[formaction$='/start'].primary")
			p.wait("#progress[data-ended]")
			p.shows("All 5 rows were imported")
			traces := d.traces(t, d.names(t, portal.MemberID()))
			if traces["entries"] < 5 || traces["grants"] != 2 || traces["sessions"] == 0 || traces["calls"] == 0 || d.files(t) == 0 {
				t.Errorf("it leaves %v and %d files: the test looks in the wrong place", traces, d.files(t))
			}

			p.must(portal.UpdateApp(ctx, admin))
			p.as(portal, plain)
			p.locked()
			portal.ResetCounts()
			p.as(portal, admin)
			p.wait("label.primary[for=file]")
			if !portal.Installed() || bound(portal) != 7 {
				t.Errorf("after the update: installed %v, %d placements", portal.Installed(), bound(portal))
			}

			p.as(portal, plain)
			p.wait("label.primary[for=file]")
			names := d.names(t, portal.MemberID())
			p.must(portal.RemoveApp(ctx, name == "cloud"))
			p.until("the removal", func() bool { return d.keeps(t, "portals", portal.MemberID()+"%removed") })
			p.until("the files", func() bool { return d.files(t) == 0 })
			if left := d.traces(t, names); len(left) != 1 || left["portals"] != 1 {
				t.Errorf("after the removal there are rows in %v", left)
			}
			d.nothingOf(t, "Chairs 3", "contracts.csv", "Ivan Testov", portal.URL(), strings.TrimPrefix(portal.URL(), "http://"))
			p.click(".links [formaction='/history']") // the page is still open
			p.shows("The session is over")
			p.as(portal, plain)
			p.locked()

			portal.AddApp()
			p.as(portal, plain)
			p.locked()
			p.as(portal, admin)
			p.wait("label.primary[for=file]")
			if !portal.Installed() || bound(portal) != 7 {
				t.Errorf("a second time: installed %v, %d placements", portal.Installed(), bound(portal))
			}
			p.as(portal, plain)
			p.wait("label.primary[for=file]")
			p.shows("No imports yet.")
			p.must(portal.RemoveApp(ctx, true))
			p.until("the second removal", func() bool { return d.keeps(t, "portals", portal.MemberID()+"%removed") })
			for _, e := range portal.Deliveries() {
				if e.Err != nil || e.Status != http.StatusOK {
					t.Errorf("%s was answered with %d, %v", e.Event, e.Status, e.Err)
				}
			}
		})
	}
}

// database opens the demo's database beside the program, to look at.
func (d *demo) database(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+d.program.databaseFile()+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// eachRow calls f with every row of every table, as text.
func (d *demo) eachRow(t *testing.T, f func(table, row string)) {
	t.Helper()
	db := d.database(t)
	defer db.Close()
	for _, table := range column(t, db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
		rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, into := make([][]byte, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			f(table, string(bytes.Join(values, []byte(" "))))
		}
		if err := errorsOf(rows); err != nil {
			t.Fatal(err)
		}
	}
}

func errorsOf(rows *sql.Rows) error {
	if err := rows.Err(); err != nil {
		return err
	}
	return rows.Close()
}

func column(t *testing.T, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := errorsOf(rows); err != nil {
		t.Fatal(err)
	}
	return list
}

// keeps reports whether a table has a row that holds both parts of a pattern.
func (d *demo) keeps(t *testing.T, table, pattern string) (found bool) {
	t.Helper()
	one, other, _ := strings.Cut(pattern, "%")
	d.eachRow(t, func(in, row string) {
		found = found || in == table && strings.Contains(row, one) && strings.Contains(row, other)
	})
	return found
}

// names are what rows can be known by as a portal's: its own name first, then
// those of its imports and uploads.
func (d *demo) names(t *testing.T, member string) []string {
	t.Helper()
	db := d.database(t)
	return slices.Concat([]string{member}, column(t, db, "SELECT id FROM imports WHERE portal = '"+member+"'"),
		column(t, db, "SELECT id FROM uploads WHERE portal = '"+member+"'"))
}

// traces counts the rows of every table that hold one of a portal's names.
// The queue's own are left out: they name lanes, and go within a day. So is
// the number of the portal's lane, without which a request that was under way
// could be taken for a later one.
func (d *demo) traces(t *testing.T, names []string) map[string]int {
	t.Helper()
	found := map[string]int{}
	d.eachRow(t, func(table, row string) {
		if strings.HasPrefix(table, "river_") || table == "lanes" && strings.Contains(row, "run:"+names[0]) {
			return
		}
		if slices.ContainsFunc(names, func(name string) bool { return strings.Contains(row, name) }) {
			found[table]++
		}
	})
	return found
}

// nothingOf fails where a row of any table holds a word in clear.
func (d *demo) nothingOf(t *testing.T, words ...string) {
	t.Helper()
	d.eachRow(t, func(table, row string) {
		for _, w := range words {
			if strings.Contains(row, w) {
				t.Errorf("%q is in %s", w, table)
			}
		}
	})
}

// files counts the files in the depot.
func (d *demo) files(t *testing.T) (n int) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(d.program.settings.dataDir, filesName), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return nil // it may go while we look
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
