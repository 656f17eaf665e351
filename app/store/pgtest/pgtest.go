// Package pgtest gives tests a real PostgreSQL: databases of their own on the
// server that TEST_DATABASE_URL names, or on a private one that it starts from
// the installed binaries and throws away afterwards.
//
// It is for tests only, and fails instead of skipping: installing PostgreSQL
// is the Makefile's job. It must not know what is kept in the databases.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Variable names the environment variable with the URL of a server to use;
// its user must be allowed to create databases.
const Variable = "TEST_DATABASE_URL"

// Server is a PostgreSQL server for tests.
type Server struct {
	url  string
	stop func() error
}

// Start finds or starts a server. Stop it at the end, in TestMain for the
// tests of a package, or in Cleanup.
func Start() (*Server, error) {
	if u := os.Getenv(Variable); u != "" {
		return &Server{url: u, stop: func() error { return nil }}, nil
	}
	s, err := startPrivate()
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w (or set %s)", err, Variable)
	}
	return s, nil
}

// Lazy starts a server when it is first asked for, so that tests that need
// none do not wait for it. The zero value is ready.
type Lazy struct {
	once   sync.Once
	server *Server
	err    error
}

// Database is Server.Database.
func (l *Lazy) Database(tb testing.TB) string {
	tb.Helper()
	l.once.Do(func() { l.server, l.err = Start() })
	if l.err != nil {
		tb.Fatal(l.err)
	}
	return l.server.Database(tb)
}

// Stop stops the server if it was started, and makes later use fail.
func (l *Lazy) Stop() error {
	l.once.Do(func() { l.err = errors.New("pgtest: stopped") })
	if l.server == nil {
		return nil
	}
	return l.server.Stop()
}

// Database creates an empty database and returns its URL. It is dropped at the
// end of the test, unless that failed and the server stays.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	name := "test_" + strings.ToLower(rand.Text())[:16]
	if err := s.exec(tb.Context(), "CREATE DATABASE "+name); err != nil {
		tb.Fatalf("pgtest: creating a database: %v", err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("pgtest: database %s is kept as long as its server", name)
			return
		}
		// The test's own context has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Errorf("pgtest: dropping a database: %v", err)
		}
	})
	u, err := url.Parse(s.url)
	if err != nil {
		tb.Fatalf("pgtest: %s is no URL: %v", Variable, err)
	}
	u.Path = "/" + name
	return u.String()
}

// URL is the server's own database, for tests that change nothing.
func (s *Server) URL() string {
	return s.url
}

// Pool connects to a database and closes the pool at the end of the test.
func Pool(tb testing.TB, databaseURL string) *pgxpool.Pool {
	tb.Helper()
	pool, err := pgxpool.New(tb.Context(), databaseURL)
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

// Stop ends a private server and deletes its files; it may be called twice.
func (s *Server) Stop() error {
	return s.stop()
}

func (s *Server) exec(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// guard runs PostgreSQL as long as its standard input is open, and deletes the
// folder then: also when the test process was killed.
const guard = `dir=$1; shift
"$@" </dev/null &
pid=$!
cat >/dev/null
kill -INT $pid 2>/dev/null
wait $pid
rm -rf "$dir"`

// settings trade safety, which thrown away data does not need, for speed.
func settings(dir string) []string {
	return []string{
		"-D", filepath.Join(dir, "data"), "-k", dir, "-h", "", "-F",
		"-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		"-c", "max_connections=200", "-c", "shared_buffers=64MB", "-c", "fsync=off",
	}
}

// startPrivate makes a database cluster in a temporary folder and serves it on
// a socket there.
func startPrivate() (_ *Server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	// PostgreSQL refuses to run as root.
	run := func(_ *exec.Cmd) {}
	if os.Getuid() == 0 {
		if run, err = asOther(dir); err != nil {
			return nil, err
		}
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"),
		"-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir = dir
	run(initdb)
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	args := append([]string{"-c", guard, "sh", dir, filepath.Join(bin, "postgres")}, settings(dir)...)
	server := exec.Command("/bin/sh", args...)
	server.Dir = dir
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	server.Stdout, server.Stderr = log, log
	run(server)
	hold, err := server.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := server.Start(); err != nil {
		return nil, err
	}
	s := &Server{
		url:  "postgres://postgres@/postgres?host=" + url.QueryEscape(dir),
		stop: sync.OnceValue(func() error { return end(hold, server, dir) }),
	}
	if err := s.wait(); err != nil {
		text, _ := os.ReadFile(log.Name())
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, text), s.Stop())
	}
	return s, nil
}

func end(hold io.Closer, server *exec.Cmd, dir string) error {
	err := hold.Close()
	var exit *exec.ExitError
	if waited := server.Wait(); !errors.As(waited, &exit) {
		err = errors.Join(err, waited)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// wait returns when the server answers.
func (s *Server) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.exec(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// binaries finds the folder with PostgreSQL's programs: Debian's newest, or
// the one on the PATH.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		newest := slices.MaxFunc(found, func(a, b string) int { return release(a) - release(b) })
		return filepath.Dir(newest), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("PostgreSQL is not installed: there is no initdb in /usr/lib/postgresql/*/bin or on the PATH")
	}
	return filepath.Dir(initdb), nil
}

// release is the 15 of /usr/lib/postgresql/15/bin/initdb.
func release(initdb string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return n
}

// other is a user that PostgreSQL may run as.
func other() (uid, gid int, err error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2); err != nil {
			return 0, 0, err
		}
		return uid, gid, nil
	}
	return 0, 0, errors.New("there is neither a user postgres nor a user nobody to run PostgreSQL as")
}
