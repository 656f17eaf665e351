package main

import (
	"archive/tar"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/vault"
	"github.com/spa-importer/spa-importer/bitrix"
)

// told is what a command has said.
type told struct {
	code     int
	out, err string
}

// onBothDatabases runs a test with a site on SQLite, and with one on PostgreSQL.
func onBothDatabases(t *testing.T, f func(t *testing.T, s *site)) {
	t.Run("SQLite", func(t *testing.T) { f(t, newSite(t, "")) })
	t.Run("PostgreSQL", func(t *testing.T) { f(t, newSite(t, postgres.Database(t))) })
}

// operator runs a command beside the program, with its settings.
func (s *site) operator(stdin string, args ...string) told {
	s.t.Helper()
	var out, errs bytes.Buffer
	code := run(s.t.Context(), args, env("DATA_DIR", s.dir, "DATABASE_URL", s.database), strings.NewReader(stdin), &out, &errs)
	return told{code, out.String(), errs.String()}
}

func (s *site) says(args ...string) string {
	s.t.Helper()
	got := s.operator("", args...)
	if got.code != 0 {
		s.t.Fatalf("%q: %d %s", args, got.code, got.err)
	}
	return got.out
}

// The operator looks at what there is while the program works.
func TestOperatorLooks(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *site) {
		imp := s.started(45)
		db, files := s.open()
		s.must(db.Register(t.Context(), portal.Registration{
			Portal: s.portal.MemberID(), Company: "=cmd|' /C calc'!A0", Name: "Alma \x1b[31mAdmin", Email: "alma@example.com",
			Phone: "+1 555 0100", Country: "US", TermsVersion: "1.0", AcceptedAt: time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC),
		}))
		s.must(db.Close())
		s.must(files.Close())
		p := s.start()
		s.waitFor(func() bool { return strings.Contains(s.says("imports"), "  done  ") })

		if got := s.says("portals"); !strings.Contains(got, s.portal.MemberID()) || !strings.Contains(got, "active") {
			t.Errorf("portals:\n%s", got)
		}
		var portals []portalLine
		s.must(json.Unmarshal([]byte(s.says("portals", "-json")), &portals))
		if len(portals) != 1 || portals[0].Users != 1 || portals[0].Imports != 1 || portals[0].Unfinished != 0 || !portals[0].Registered {
			t.Errorf("portals = %+v", portals)
		}
		if got := s.says("registrations"); strings.Contains(got, "\x1b") || !strings.Contains(got, "alma@example.com") {
			t.Errorf("registrations:\n%q", got)
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(s.says("registrations", "--csv"), "\ufeff"))).ReadAll()
		s.must(err)
		if len(rows) != 2 || rows[1][1] != "'=cmd|' /C calc'!A0" || rows[1][4] != "+1 555 0100" || rows[1][7] != "2026-11-02 10:00" {
			t.Errorf("registrations: %q", rows)
		}
		if got := s.says("registrations", "-delete="+s.portal.MemberID()); !strings.Contains(got, "is deleted") || strings.Contains(s.says("registrations"), "alma") {
			t.Errorf("deleting the registration: %s", got)
		}
		for _, of := range []string{s.portal.MemberID(), strings.TrimPrefix(s.portal.URL(), "http://")} {
			if got := s.says("imports", "-portal", of); !strings.Contains(got, imp.ID) || !strings.Contains(got, "contracts.csv") ||
				strings.Contains(got, "Contract 1") {
				t.Errorf("imports of %s:\n%s", of, got)
			}
		}
		var imports []importLine
		s.must(json.Unmarshal([]byte(s.says("imports", "--json")), &imports))
		if len(imports) != 1 || imports[0].Counts.Created != 45 || imports[0].State != importer.Done || imports[0].Target != "Contracts" {
			t.Errorf("imports = %+v", imports)
		}
		if got := s.says("imports", "-portal=nobody.example.com", "-json"); strings.TrimSpace(got) != "[]" {
			t.Errorf("imports of nobody: %s", got)
		}
		// The log is written a second behind the calls.
		s.waitFor(func() bool { return strings.Contains(s.says("restlog", "-import="+imp.ID), "crm.item.batchImport") })
		if got := s.says("restlog", "-import", imp.ID); strings.Contains(got, "Contract ") || strings.Contains(got, "N-1") {
			t.Errorf("cells are in the log of REST calls:\n%s", got)
		}
		p.stop()
	})
}

func TestOperatorsMistakes(t *testing.T) {
	s := newSite(t, "")
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"portals"}, "there is no key in " + s.dir},
		{[]string{"imports", "-limit", "many"}, `"many" is not a number`},
		{[]string{"imports", "-portal"}, "-portal needs a value"},
		{[]string{"imports", "abc"}, "one too many"},
		{[]string{"restlog"}, "which import?"},
		{[]string{"backup"}, "usage: spa-importer backup"},
		{[]string{"keys"}, "usage: spa-importer keys rotate"},
		{[]string{"keys", "new"}, "usage: spa-importer keys rotate"},
		{[]string{"keys", "rotate"}, "there is no key in " + s.dir},
		{[]string{"local-app", "x"}, "usage: spa-importer local-app"},
		{[]string{"local-app", "x", "local.1"}, "not a member_id"},
		{[]string{"local-app", s.portal.MemberID(), "1"}, "not a client_id"},
		{[]string{"local-app", s.portal.MemberID(), "local.1"}, "client_secret is missing"},
		{[]string{"portals", "-no-such-setting=1"}, "there is no setting NO_SUCH_SETTING"},
	} {
		if got := s.operator("", c.args...); got.code != 1 || !strings.Contains(got.err, c.says) {
			t.Errorf("%q: %d %s", c.args, got.code, got.err)
		}
	}
	if found, err := os.ReadDir(s.dir); err != nil || len(found) > 0 {
		t.Errorf("commands have made %v, %v", found, err)
	}
	s.must(os.WriteFile(filepath.Join(s.dir, vault.KeyFile), []byte(strings.Repeat("0f1e", 16)), 0o600))
	if got := s.operator("", "imports"); got.code != 1 || !strings.Contains(got.err, "there is no database in "+s.dir) {
		t.Errorf("without a database: %d %s", got.code, got.err)
	}
}

// The keys of a local app are set while the program serves, reach its calls,
// and stand nowhere in clear.
func TestLocalApp(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *site) {
		p := s.start()
		const secret = "a secret of the local app"
		got := s.operator(secret+"\n", "local-app", s.portal.MemberID(), "local.0123456789abcd.01234567")
		if got.code != 0 || strings.Contains(got.out+got.err, secret) || !strings.Contains(got.out, "Open the app there as an administrator") {
			t.Fatalf("%+v", got)
		}
		keys := func() bitrix.Keys {
			db, files := s.open()
			defer db.Close()
			defer files.Close()
			found, err := db.Portal(t.Context(), s.portal.MemberID())
			s.must(err)
			return found.Keys
		}
		if k := keys(); k.ClientID != "local.0123456789abcd.01234567" || k.ClientSecret != secret {
			t.Errorf("keys = %v", k)
		}
		var portals []portalLine
		s.must(json.Unmarshal([]byte(s.says("portals", "-json")), &portals))
		if len(portals) != 1 || !portals[0].OwnKeys {
			t.Errorf("portals = %+v", portals)
		}
		s.says("local-app", s.portal.MemberID(), "-remove")
		if k := keys(); k != (bitrix.Keys{}) {
			t.Errorf("keys after removal = %v", k)
		}
		p.stop()
		for _, name := range []string{databaseName, databaseName + "-wal"} {
			if content, err := os.ReadFile(filepath.Join(s.dir, name)); err == nil && bytes.Contains(content, []byte(secret)) {
				t.Errorf("the secret is in %s", name)
			}
		}
	})
}

// patience lies above what a request of these imports takes: a request that
// is given up while the portal works on it would be sent twice.
const patience = "SETTLE_SECONDS=8"

// A backup that is made in the middle of an import is put into an empty
// folder. A program that starts there writes nothing by itself, since it does
// not know what was written after the backup; once a person has looked and
// goes on, the rest arrives.
func TestBackupAndRestore(t *testing.T) {
	s := newSite(t, "")
	imp := s.started(400)
	s.portal.SetCost("crm.item.batchImport", 3*time.Millisecond)
	p := s.start(patience)
	s.waitFor(func() bool { return len(s.portal.Items(siteType)) >= 40 })
	into := filepath.Join(t.TempDir(), "backup.tar")
	got := s.operator("", "backup", into)
	if got.code != 0 || !strings.Contains(got.err, "The key is not in the backup") {
		t.Fatalf("%+v", got)
	}
	s.waitFor(func() bool { return s.state(imp.ID).State == importer.Done })
	p.stop()
	if again := s.operator("", "backup", into); again.code != 1 || !strings.Contains(again.err, "exists") {
		t.Errorf("over a backup: %+v", again)
	}
	if info, err := os.Stat(into); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v %v", info, err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(into), ".spa-importer*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}

	restored := t.TempDir()
	s.unpack(into, restored)
	if _, err := os.Stat(filepath.Join(restored, vault.KeyFile)); err == nil {
		t.Fatal("the key is in the backup")
	}
	key, err := os.ReadFile(filepath.Join(s.dir, vault.KeyFile))
	s.must(err)
	old := s.dir
	s.dir = restored
	if without := s.operator("", "imports"); without.code != 1 || !strings.Contains(without.err, "there is no key") {
		t.Errorf("without the key: %+v", without)
	}
	s.must(os.WriteFile(filepath.Join(restored, vault.KeyFile), key, 0o600))
	s.heldUntilResumed(imp)

	// With the key, and through a pipe.
	s.dir = old
	piped := s.operator("", "backup", "-", "-with-key")
	if piped.code != 0 || piped.err != "" {
		t.Fatalf("%d %s", piped.code, piped.err)
	}
	names := map[string]bool{}
	for r := tar.NewReader(strings.NewReader(piped.out)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		s.must(err)
		names[strings.Split(h.Name, "/")[0]] = true
	}
	if len(names) != 3 || !names[databaseName] || !names[vault.KeyFile] || !names[filesName] {
		t.Errorf("in the tar: %v", names)
	}
}

// unpack is tar -xf.
func (s *site) unpack(name, into string) {
	s.t.Helper()
	f, err := os.Open(name)
	s.must(err)
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		s.must(err)
		path := filepath.Join(into, h.Name)
		s.must(os.MkdirAll(filepath.Dir(path), 0o700))
		content, err := io.ReadAll(r)
		s.must(err)
		s.must(os.WriteFile(path, content, 0o600))
	}
}

// heldUntilResumed starts the program on what was restored. The portal has
// all rows from before; that an import which was held would add some of them
// again is why it is held.
func (s *site) heldUntilResumed(imp importer.Import) {
	s.t.Helper()
	before := s.portal.Writes()
	p := s.start(patience)
	held := s.state(imp.ID)
	if held.State != importer.Paused || held.Reason == nil || held.Reason.Code != "restored" || held.Counts.Created == 0 ||
		held.Counts.Created == imp.Rows {
		s.t.Fatalf("restored: %s %+v %+v", held.State, held.Reason, held.Counts)
	}
	pause(s.t, 300*time.Millisecond)
	if s.portal.Writes() != before {
		s.t.Error("a restored import was continued by itself")
	}
	p.stop()
	// The person has looked: here, what came later is taken away first.
	hook := s.portal.Webhook(1)
	for _, item := range s.portal.Items(siteType)[held.Counts.Created:] {
		answer, err := http.PostForm(hook+"crm.item.delete", url.Values{
			"entityTypeId": {strconv.Itoa(siteType)}, "id": {strconv.FormatInt(item.ID, 10)},
		})
		s.must(err)
		s.must(answer.Body.Close())
		if answer.StatusCode != http.StatusOK {
			s.t.Fatalf("deleting item %d: %s", item.ID, answer.Status)
		}
	}
	if left := len(s.portal.Items(siteType)); left != held.Counts.Created {
		s.t.Fatalf("%d items are left of %d", left, held.Counts.Created)
	}
	db, files := s.open()
	_, err := db.UpdateImport(s.t.Context(), imp.Portal, imp.ID, func(i *importer.Import) error {
		i.State, i.Reason, i.Verify = importer.Running, nil, true // as Resume does
		return nil
	})
	s.must(err)
	s.must(db.Close())
	s.must(files.Close())
	p = s.start(patience)
	s.waitFor(func() bool { return len(s.portal.Items(siteType)) >= imp.Rows })
	p.stop()
	s.everyRowOnce(imp.Rows)
}
