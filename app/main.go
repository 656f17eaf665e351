// The program SPA Importer: it reads the settings, puts the parts together,
// starts them and stops them in order. Everything it does is done by the
// packages below and beside it; it is the only one that knows all of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"
)

// stamped is set by the linker: -X main.stamped=v1.2.3.
var stamped string

const usage = `SPA Importer brings spreadsheets into Bitrix24 Smart Processes.

	spa-importer [serve] [settings]   serve the app
	spa-importer demo                 the app with a portal of its own, to try it
	spa-importer settings [settings]  print all settings and check them
	spa-importer version              print the version

For the operator, beside the app that serves, with its settings:
	spa-importer portals [-json|-csv]
	    portals, their users and imports
	spa-importer registrations [-json|-csv]
	    who has registered; -delete=member_id deletes what somebody asks to
	spa-importer imports [-portal=member_id|domain] [-limit=100] [-json|-csv]
	    imports, the newest first
	spa-importer restlog -import=id
	    the REST calls of an import as CSV, for Bitrix24's support
	spa-importer local-app member_id client_id
	    keys of a portal's own local app; the client_secret on standard input
	spa-importer backup file
	    database and files into a new tar file, without the key
	spa-importer restored
	    after a backup was put back and before the start: holds imports
	spa-importer keys rotate
	    seal everything with the first key, so that the others can go
	spa-importer doctor [member_id]
	    try on a portal what the app relies on; without member_id through
	    the webhook on standard input, or in DOCTOR_WEBHOOK

Settings are environment variables, or flags of the same name:
	PUBLIC_URL=https://spa.example.com   or   -public-url=https://spa.example.com
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// run is the program without its process: arguments without the program's
// name, and the exit code as result.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	command := "serve"
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		command, args = args[0], args[1:]
	}
	if slices.ContainsFunc(args, func(a string) bool { return a == "-h" || a == "-help" || a == "--help" }) {
		command = "help"
	}
	var err error
	beside := console{args: args, getenv: getenv, in: stdin, out: stdout, err: stderr}
	switch command {
	case "serve":
		err = serveCommand(ctx, args, getenv, stderr)
	case "demo":
		err = demoCommand(ctx, args, getenv, stdout, stderr)
	case "settings":
		err = settingsCommand(args, getenv, stdout)
	case "portals":
		err = portalsCommand(ctx, beside)
	case "registrations":
		err = registrationsCommand(ctx, beside)
	case "imports":
		err = importsCommand(ctx, beside)
	case "restlog":
		err = restlogCommand(ctx, beside)
	case "local-app":
		err = localAppCommand(ctx, beside)
	case "backup":
		err = backupCommand(ctx, beside)
	case "restored":
		err = restoredCommand(ctx, beside)
	case "keys":
		err = keysCommand(ctx, beside)
	case "doctor":
		err = doctorCommand(ctx, beside, nil)
	case "version":
		_, err = fmt.Fprintln(stdout, "spa-importer", version())
	case "help":
		_, err = io.WriteString(stdout, usage)
	default:
		fmt.Fprintf(stderr, "%q is not a command.\n\n%s", command, usage)
		return 2
	}
	if err != nil {
		fmt.Fprintln(stderr, "spa-importer:", err)
		var broken brokenError
		if errors.As(err, &broken) {
			return exitBroken
		}
		return 1
	}
	return 0
}

// version is what the linker stamped, or what Go knows of the source.
func version() string {
	if stamped != "" {
		return stamped
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return info.Main.Version
}

func settingsCommand(args []string, getenv func(string) string, stdout io.Writer) error {
	_, all, wrong := readSettings(args, getenv)
	if err := printSettings(stdout, all); err != nil {
		return err
	}
	return wrong
}

func serveCommand(ctx context.Context, args []string, getenv func(string) string, stderr io.Writer) error {
	s, _, err := readSettings(args, getenv)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	log := newLog(stderr, slog.LevelInfo, s.secrets())
	p, err := open(ctx, s, log)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.listen)
	if err == nil {
		err = p.serve(ctx, l)
	}
	if closed := p.close(ctx); err == nil {
		err = closed
	}
	if err == nil {
		log.InfoContext(ctx, "stopped")
	}
	return err
}
