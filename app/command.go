package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/vault"
)

// console is how a command talks to whoever has started it. Secrets are read
// from in, never from args: arguments are in the list of processes and in the
// history of the shell.
type console struct {
	args   []string
	getenv func(string) string
	in     io.Reader
	out    io.Writer
	err    io.Writer
}

// words are a command line taken apart: what belongs to the command itself,
// and what is a setting.
type words struct {
	// places are the arguments that are no flags, switches the flags of the
	// command that stand alone, values those that bring one.
	places   []string
	switches map[string]bool
	values   map[string]string
	settings []string
}

// parse takes a command line apart. switches and values name the command's
// own flags; most is how many places it has.
func (c console) parse(most int, switches, values []string) (words, error) {
	w := words{switches: map[string]bool{}, values: map[string]string{}}
	for i := 0; i < len(c.args); i++ {
		arg := c.args[i]
		name, value, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			if len(w.places) == most {
				return w, fmt.Errorf("argument %d is one too many, see `spa-importer help`", i+1)
			}
			w.places = append(w.places, arg)
		case slices.Contains(switches, name) && !given:
			w.switches[name] = true
		case slices.Contains(values, name):
			if !given {
				if i++; i == len(c.args) {
					return w, fmt.Errorf("-%s needs a value", name)
				}
				value = c.args[i]
			}
			w.values[name] = value
		default:
			w.settings = append(w.settings, arg)
			// "-data-dir /var/lib/x": the value follows.
			if !given && i+1 < len(c.args) && !strings.HasPrefix(c.args[i+1], "-") {
				i++
				w.settings = append(w.settings, c.args[i])
			}
		}
	}
	return w, nil
}

// openAside opens the database beside the app that serves from it: for
// reading, or for a change that can be made while the app works. It changes
// no schema and makes no file.
func (c console) openAside(ctx context.Context, flags []string, write bool) (*store.Store, settings, func() error, error) {
	s, _, err := readSettings(flags, c.getenv)
	if err != nil {
		return nil, s, nil, fmt.Errorf("settings: %w", err)
	}
	keys, err := c.keys(s)
	if err != nil {
		return nil, s, nil, err
	}
	if s.databaseURL != "" {
		db, end, err := openPostgresAside(ctx, s, keys, write)
		return db, s, end, err
	}
	open, path := store.ReadSQLite, filepath.Join(s.dataDir, databaseName)
	if write {
		open = store.OpenSQLite
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, s, nil, fmt.Errorf("there is no database in %s: set DATA_DIR as the app has it", s.dataDir)
	}
	db, err := open(ctx, path, keys, store.Aside())
	if err != nil {
		return nil, s, nil, err
	}
	return db, s, db.Close, nil
}

// keys loads the vault, and refuses to make a key where the app has none.
func (c console) keys(s settings) (*vault.Vault, error) {
	if _, err := os.Stat(filepath.Join(s.dataDir, vault.KeyFile)); errors.Is(err, os.ErrNotExist) && s.appKey == "" {
		return nil, fmt.Errorf("there is no key in %s: set DATA_DIR or APP_KEY as the app has them", s.dataDir)
	}
	return vault.Load(s.appKey, s.dataDir)
}

func openPostgresAside(ctx context.Context, s settings, keys *vault.Vault, write bool) (*store.Store, func() error, error) {
	config, err := pgxpool.ParseConfig(s.databaseURL)
	if err != nil {
		// The error would quote the address, password included.
		return nil, nil, errors.New("DATABASE_URL is not an address that can be used")
	}
	if !write {
		config.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, nil, errors.New("DATABASE_URL is not an address that can be used")
	}
	db, err := store.OpenPostgres(ctx, pool, keys, store.Aside())
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return db, func() error { err := db.Close(); pool.Close(); return err }, nil
}

// grid is what a command shows: as a table for people, as CSV or as JSON.
type grid struct {
	columns []string
	rows    [][]string
	// objects are the rows for programs.
	objects any
}

// print writes the grid as the flags say: "csv", "json", or neither.
func (g grid) print(out io.Writer, w words) error {
	switch {
	case w.switches["json"]:
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(g.objects)
	case w.switches["csv"]:
		return g.csv(out)
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.ToUpper(strings.Join(g.columns, "\t")))
	for _, r := range g.rows {
		shown := make([]string, len(r))
		for i, cell := range r {
			shown[i] = printable(cell)
		}
		fmt.Fprintln(tw, strings.Join(shown, "\t"))
	}
	return tw.Flush()
}

// csv writes the grid so that a spreadsheet program reads it right and runs
// nothing of it.
func (g grid) csv(out io.Writer) error {
	_, err := io.WriteString(out, "\ufeff")
	w := csv.NewWriter(out)
	w.UseCRLF = true
	for _, r := range append([][]string{g.columns}, g.rows...) {
		safe := make([]string, len(r))
		for i, cell := range r {
			safe[i] = importer.Neutral(cell)
		}
		err = errors.Join(err, w.Write(safe))
	}
	w.Flush()
	return errors.Join(err, w.Error())
}

// shownRunes is how much of a long text a table shows.
const shownRunes = 48

// printable is a text for a cell of a table.
func printable(s string) string {
	out := []rune(printableLong(s))
	if len(out) == 0 {
		return "-"
	}
	if len(out) > shownRunes {
		out = append(out[:shownRunes-1], '…')
	}
	return string(out)
}

// printableLong is a text for a terminal: in one line, and without what would
// steer the terminal.
func printableLong(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// when is a time as commands show it, in UTC; nothing for the zero time.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// moment is a time for programs; null for the zero time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}
