package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// Where the demo is served. The portal's address is another site than the
// app's, as it is in life: the frame gets no cookies.
const (
	demoApp    = "localhost:8080"
	demoPortal = "127.0.0.1:8081"
	demoOAuth  = "127.0.0.1:8082"
)

// demo is the app beside a portal and an OAuth server of the emulator. All
// data is in a temporary folder that goes with the demo.
type demo struct {
	world   *emulator.World
	portal  *emulator.Portal
	program *program
	app     net.Listener
	dir     string

	servers []*http.Server
	sockets []net.Listener
}

// demoAddresses are where the parts of a demo listen; port 0 is any.
type demoAddresses struct{ app, portal, oauth string }

func demoCommand(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	d, err := openDemo(ctx, demoAddresses{demoApp, demoPortal, demoOAuth}, args, getenv, stderr)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, `
SPA Importer, with a Bitrix24 portal of its own to try it in.

	%s

Open it, install the app there, choose a smart process and import the sample
file that the first step offers. Everything is gone when you stop this
program (Ctrl+C).

`, d.portal.URL())
	return errors.Join(d.serve(ctx), d.close(ctx))
}

// openDemo makes the demo. Settings given are kept, but for those that make
// the demo what it is.
func openDemo(ctx context.Context, at demoAddresses, args []string, getenv func(string) string, stderr io.Writer) (_ *demo, err error) {
	log := newLog(stderr, slog.LevelWarn, nil) // the demo's secrets are none
	d := &demo{}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close(ctx))
		}
	}()
	if d.dir, err = os.MkdirTemp("", "spa-importer-demo-"); err != nil {
		return nil, fmt.Errorf("making the demo's folder: %w", err)
	}
	var listeners [3]net.Listener
	for i, address := range []string{at.app, at.portal, at.oauth} {
		var lc net.ListenConfig
		if listeners[i], err = lc.Listen(ctx, "tcp", address); err != nil {
			return nil, fmt.Errorf("the demo needs the address %s: %w", address, err)
		}
		d.sockets = append(d.sockets, listeners[i])
	}
	d.app = listeners[0]
	publicURL := "http://localhost:" + port(d.app)
	oauthURL := "http://" + listeners[2].Addr().String()

	d.world = emulator.New(emulator.Options{
		AppURL: publicURL + "/", InstallURL: publicURL + "/install", EventsURL: publicURL + "/events",
		OAuthURL: oauthURL,
	})
	profile := emulator.DemoProfile()
	profile.Domain = listeners[1].Addr().String()
	d.portal = d.world.AddPortal(profile)
	d.serveEmulator(listeners[1], d.portal.Handler(), log)
	d.serveEmulator(listeners[2], d.world.OAuth(), log)

	id, secret := d.world.Keys()
	fixed := map[string]string{
		"LISTEN": d.app.Addr().String(), "PUBLIC_URL": publicURL, "DATA_DIR": filepath.Join(d.dir, "data"),
		"BITRIX24_CLIENT_ID": id, "BITRIX24_CLIENT_SECRET": secret, "BITRIX24_OAUTH_URL": oauthURL + "/",
		"ALLOW_PRIVATE_PORTALS": "on", "DATABASE_URL": "", "S3_URL": "", "APP_KEY": "",
	}
	s, _, err := readSettings(args, func(name string) string {
		if v, ok := fixed[name]; ok {
			return v
		}
		return getenv(name)
	})
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	d.program, err = open(ctx, s, log)
	return d, err
}

func port(l net.Listener) string {
	_, p, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return ""
	}
	return p
}

// serveEmulator answers for the portal or the OAuth server until close.
func (d *demo) serveEmulator(l net.Listener, h http.Handler, log *slog.Logger) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	d.servers = append(d.servers, server)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the demo's portal has ended", "err", err)
		}
	}()
}

// serve runs the app until ctx is over.
func (d *demo) serve(ctx context.Context) error { return d.program.serve(ctx, d.app) }

// close ends what openDemo has started and deletes its data.
func (d *demo) close(ctx context.Context) error {
	var errs []error
	if d.program != nil {
		errs = append(errs, d.program.close(ctx))
	}
	for _, s := range d.servers {
		errs = append(errs, s.Close())
	}
	for _, l := range d.sockets {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, os.RemoveAll(d.dir))...)
}
