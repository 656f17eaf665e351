package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/gofiber/template/html/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	spaimporter "github.com/spa-importer/spa-importer"
	"github.com/spa-importer/spa-importer/app/depot"
	"github.com/spa-importer/spa-importer/app/fetch"
	"github.com/spa-importer/spa-importer/app/importer"
	"github.com/spa-importer/spa-importer/app/locale"
	"github.com/spa-importer/spa-importer/app/portal"
	"github.com/spa-importer/spa-importer/app/queue"
	"github.com/spa-importer/spa-importer/app/store"
	"github.com/spa-importer/spa-importer/app/vault"
	"github.com/spa-importer/spa-importer/bitrix"
	"github.com/spa-importer/spa-importer/handlers"
	"github.com/spa-importer/spa-importer/static"
	"github.com/spa-importer/spa-importer/views"
)

// How long the parts of a shutdown may take. A chunk that is under way at a
// portal is waited for; one that is not answered by then is looked up after
// the next start.
const (
	endRequests = 10 * time.Second
	endSlices   = 90 * time.Second
	endEvents   = 10 * time.Second
)

// program is everything that runs, put together. Make it with open, run it
// with serve, and close it in any case.
type program struct {
	settings settings
	log      *slog.Logger
	now      func() time.Time
	manifest spaimporter.Manifest

	store    *store.Store
	files    importer.Files
	rest     *restLog
	meters   *meters
	client   *bitrix.Client
	portals  *portal.Service
	imports  *importer.Service
	queue    *queue.Queue
	handlers *handlers.Server

	// closers are run by close, the last first.
	closers []func(context.Context) error
	// holder is this process's name in leases, if its former bearer is known
	// to be dead; empty: a name of its own.
	holder string
}

// open puts the program together. Nothing runs yet but the writing of the
// log of REST calls.
func open(ctx context.Context, s settings, log *slog.Logger) (_ *program, err error) {
	p := &program{settings: s, log: log, now: time.Now}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close(context.WithoutCancel(ctx)))
		}
	}()
	if p.manifest, err = spaimporter.Load(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	keys, err := vault.Load(s.appKey, s.dataDir)
	if err != nil {
		return nil, err
	}
	pool, err := p.openStore(ctx, keys)
	if err != nil {
		return nil, err
	}
	if err := p.openFiles(ctx); err != nil {
		return nil, err
	}
	p.rest = newRestLog(p.store, log) //nolint:contextcheck // it writes on after ctx is over, until close
	p.closers = append(p.closers, p.rest.close)
	p.meters = newMeters(version(), p.rest)
	p.meters.gauges = &gauges{read: p.store.Gauges, now: p.now, log: log}
	texts, err := locale.Load()
	if err != nil {
		return nil, err
	}
	p.wire(texts)
	if err := p.openQueue(ctx, pool); err != nil {
		return nil, err
	}
	return p, p.openHandlers(texts) //nolint:contextcheck // requests bring a context of their own
}

// databaseFile is SQLite's file, which store and queue share.
func (p *program) databaseFile() string { return filepath.Join(p.settings.dataDir, databaseName) }

// databaseName is SQLite's file in the data folder, filesName the folder of
// the depot.
const (
	databaseName = "importer.db"
	filesName    = "files"
)

// openStore opens the database; the pool is nil on SQLite.
func (p *program) openStore(ctx context.Context, keys *vault.Vault) (*pgxpool.Pool, error) {
	if p.settings.databaseURL != "" {
		return p.openPostgres(ctx, keys)
	}
	release, alone, err := lockFolder(p.settings.dataDir)
	if err != nil {
		return nil, err
	}
	if alone {
		p.holder = "the process of this data folder"
	}
	p.closers = append(p.closers, func(context.Context) error { return release() })
	if p.store, err = store.OpenSQLite(ctx, p.databaseFile(), keys); err != nil {
		return nil, err
	}
	p.closers = append(p.closers, func(context.Context) error { return p.store.Close() })
	return nil, nil
}

func (p *program) openPostgres(ctx context.Context, keys *vault.Vault) (*pgxpool.Pool, error) {
	holder, release, err := lockInstance(p.settings.dataDir)
	if err != nil {
		return nil, err
	}
	p.holder = holder
	p.closers = append(p.closers, func(context.Context) error { return release() })
	pool, err := pgxpool.New(ctx, p.settings.databaseURL)
	if err != nil {
		// The error would quote the address, password included.
		return nil, errors.New("DATABASE_URL is not an address that can be used")
	}
	p.closers = append(p.closers, func(context.Context) error { pool.Close(); return nil })
	if p.store, err = store.OpenPostgres(ctx, pool, keys); err != nil {
		return nil, err
	}
	p.closers = append(p.closers, func(context.Context) error { return p.store.Close() })
	return pool, nil
}

// openFiles opens the depot: a bucket, or a folder beside the database.
func (p *program) openFiles(ctx context.Context) error {
	if p.settings.s3URL != "" {
		bucket, err := depot.OpenBucket(ctx, p.settings.s3URL)
		p.files = bucket
		return err
	}
	folder, err := depot.OpenFolder(filepath.Join(p.settings.dataDir, filesName))
	if err != nil {
		return err
	}
	p.files = folder
	p.closers = append(p.closers, func(context.Context) error { return folder.Close() })
	return nil
}

// newClient makes the client that the settings ask for.
func newClient(s settings, o bitrix.Options) *bitrix.Client {
	if s.oauthURL != "" {
		o.OAuth = []string{s.oauthURL, "https://oauth.bitrix.info/", "https://oauth.bitrix24.tech/"}
	}
	o.Keys = bitrix.Keys{ClientID: s.clientID, ClientSecret: s.clientSecret}
	o.AllowPrivate = s.allowPrivate
	return bitrix.New(o)
}

// wire makes the services, which know each other only by interfaces.
func (p *program) wire(texts *locale.Locales) {
	s := p.settings
	p.client = newClient(s, bitrix.Options{
		Log:  func(c bitrix.CallRecord) { p.rest.add(c); p.meters.call(c) },
		Slog: p.log,
	})
	p.portals = portal.New(portal.Options{
		Store: p.store, Client: p.client, Files: removedFiles{p}, Manifest: p.manifest,
		PublicURL: s.publicURL, ClientID: s.clientID, FreeRows: s.freeRows, AllowPrivate: s.allowPrivate,
		Log: p.log,
	})
	conns := connections{portals: p.portals, imports: p.store, now: p.now}
	o := importer.Options{
		Store: p.store, Journal: p.store, Files: p.files, Connections: conns, Bell: bell{p}, Limits: conns,
		Log: p.log, MaxUpload: s.maxUpload, Settle: s.settle, KeepFor: s.undo,
		Notice: notices{texts: texts, portals: p.store}.done, Calls: p.store,
		Fetch: fetch.New(fetch.Options{AllowPrivate: s.allowPrivate}),
	}
	o.Words = func(lang string) (unnamed, link string) {
		t := texts.For(lang)
		return t.Text("file.column_unnamed", "column", "{column}"), t.Text("file.column_link", "column", "{column}")
	}
	for _, lang := range texts.Languages() {
		t := texts.For(lang)
		o.ReportTitles = append(o.ReportTitles, [2]string{t.Text("import.column_row"), t.Text("import.column_why")})
	}
	// The same name at every start, so that lanes of a process that was
	// killed need not wait for the end of their lease.
	o.Holder = p.holder
	p.imports = importer.New(o)
}

func (p *program) openQueue(ctx context.Context, pool *pgxpool.Pool) (err error) {
	o := queue.Options{Turns: p.store, Log: p.log}
	if pool != nil {
		p.queue, err = queue.OpenPostgres(ctx, pool, work{p}, o)
	} else {
		p.queue, err = queue.OpenSQLite(ctx, p.databaseFile(), work{p}, o)
	}
	if err != nil {
		return err
	}
	p.closers = append(p.closers, p.stopQueue)
	return nil
}

func (p *program) stopQueue(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endSlices)
	defer cancel()
	return p.queue.Stop(ctx)
}

func (p *program) openHandlers(texts *locale.Locales) error {
	s := p.settings
	pages := html.NewFileSystem(http.FS(fs.FS(views.FS)), ".html")
	if err := pages.Load(); err != nil {
		return fmt.Errorf("reading page templates: %w", err)
	}
	assets, err := static.Load()
	if err != nil {
		return err
	}
	p.handlers, err = handlers.New(handlers.Options{
		Importer: p.imports, Portals: p.portals, Manifest: p.manifest, Locales: texts,
		Views: pages, Assets: assets, PublicURL: s.publicURL, TrustedProxies: s.trustedProxies,
		MaxUpload: s.maxUpload, FreeRows: s.freeRows, WebhookFallback: s.webhookFallback,
		AllowPrivate: s.allowPrivate, KeepDays: int(s.undo.Hours() / 24), LogDays: int(s.restLog.Hours() / 24),
		Ready: p.store.Ping, Version: version(), Log: p.log,
	})
	return err
}

// serve runs the program on a listener until ctx is over, then ends it in
// order: no new requests, streams end, slices come to a border, events are
// worked off. The rest is close's.
func (p *program) serve(ctx context.Context, l net.Listener) error {
	if p.holder != "" {
		if err := p.imports.Recover(ctx); err != nil {
			return errors.Join(err, l.Close())
		}
	}
	p.portals.Start(ctx)
	if err := p.queue.Start(ctx); err != nil {
		return errors.Join(err, l.Close(), p.endEvents(ctx))
	}
	failed := make(chan error, 2)
	l = withTLS(l, p.settings)
	go func() { failed <- p.handlers.Serve(l) }()
	stopMetrics, err := p.serveMetrics(ctx, failed)
	if err == nil {
		p.log.InfoContext(ctx, "serving", "listen", l.Addr().String(), "public_url", p.settings.publicURL, "version", version())
		select {
		case <-ctx.Done():
			p.log.InfoContext(ctx, "stopping")
		case err = <-failed:
			err = fmt.Errorf("serving: %w", err)
		}
	}
	ending := context.WithoutCancel(ctx)
	requests, cancel := context.WithTimeout(ending, endRequests)
	defer cancel()
	errs := []error{err}
	if err := p.handlers.Shutdown(requests); err != nil {
		errs = append(errs, fmt.Errorf("ending requests: %w", err))
	}
	errs = append(errs, p.stopQueue(ending), p.endEvents(ending))
	stopMetrics()
	return errors.Join(errs...)
}

func (p *program) endEvents(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endEvents)
	defer cancel()
	return p.portals.Close(ctx)
}

// serveMetrics answers on METRICS_LISTEN, where that is set, until stop.
func (p *program) serveMetrics(ctx context.Context, failed chan<- error) (stop func(), err error) {
	if p.settings.metricsListen == "" {
		return func() {}, nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", p.settings.metricsListen)
	if err != nil {
		return func() {}, fmt.Errorf("listening for metrics: %w", err)
	}
	until, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.meters.serve(until, l); err != nil {
			failed <- fmt.Errorf("metrics: %w", err)
		}
	}()
	return func() { cancel(); <-done }, nil
}

// close releases what open has opened, whether or not it was served.
func (p *program) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	var errs []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		errs = append(errs, p.closers[i](ctx))
	}
	p.closers = nil
	return errors.Join(errs...)
}

// bell implements importer.Bell with the queue, which is made after the
// importer because it calls it.
type bell struct{ p *program }

// Ring implements importer.Bell.
func (b bell) Ring(ctx context.Context, lane importer.Lane) error { return b.p.queue.Ring(ctx, lane) }

// removedFiles implements portal.Files with the importer, which is made
// after package portal's service because it asks that for connections.
type removedFiles struct{ p *program }

// DeleteFiles implements portal.Files.
func (f removedFiles) DeleteFiles(ctx context.Context, uploads, imports []string) error {
	return f.p.imports.DeleteFiles(ctx, uploads, imports)
}

// work implements queue.Work with the importer, and counts.
type work struct{ p *program }

// Slice implements queue.Work.
func (w work) Slice(ctx context.Context, lane importer.Lane) (importer.Next, error) {
	began := w.p.now()
	next, err := w.p.imports.Slice(ctx, lane)
	w.p.meters.slice(lane, w.p.now().Sub(began), err)
	return next, err
}

// Due implements queue.Work.
func (w work) Due(ctx context.Context) ([]importer.Lane, error) {
	lanes, err := w.p.imports.Due(ctx)
	w.p.meters.due(len(lanes))
	return lanes, err
}

// Tidy implements queue.Work: what has expired of imports, and of the log of
// REST calls.
func (w work) Tidy(ctx context.Context) error {
	err := w.p.imports.Tidy(ctx)
	purged, purgeErr := w.p.store.PurgeCalls(ctx, w.p.now().Add(-w.p.settings.restLog))
	if purgeErr == nil && purged > 0 {
		w.p.log.InfoContext(ctx, "purged the log of REST calls", "records", purged)
	}
	return errors.Join(err, purgeErr)
}
