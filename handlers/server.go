package handlers

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	spaimporter "github.com/spa-importer/spa-importer"
	"github.com/spa-importer/spa-importer/app/locale"
	"github.com/spa-importer/spa-importer/app/portal"
)

// Views renders templates by name, as html/v2's engine does. Layouts are
// never used: they race.
type Views interface {
	Render(w io.Writer, name string, data any, layout ...string) error
}

// Assets are the static files of the pages, addressed by content hash.
type Assets interface {
	// URL is the path of a file, such as "/static/1f3a…/app.css".
	URL(name string) string
	// Open finds a file by such a path.
	Open(path string) (body []byte, contentType string, ok bool)
}

// Options is what a Server needs.
type Options struct {
	Importer Importer
	Portals  *portal.Service
	Manifest spaimporter.Manifest
	Locales  *locale.Locales
	Views    Views
	Assets   Assets
	// PublicURL is the address the app is registered with, without a path
	// or a slash at the end.
	PublicURL string
	// TrustedProxies are addresses or networks whose X-Forwarded-For and
	// X-Forwarded-Proto are believed.
	TrustedProxies []string
	// MaxUpload is the largest file in bytes.
	MaxUpload int64
	// FreeRows is how many rows an unregistered portal may import; 0: all.
	FreeRows int
	// WebhookFallback offers the webhook where the app cannot serve.
	WebhookFallback bool
	// AllowPrivate lets portals on plain http frame the pages.
	AllowPrivate bool
	// KeepDays is how long files and journals stay, LogDays the log of REST
	// calls: the privacy page says so.
	KeepDays, LogDays int
	// Ready reports whether the app can work (database, queue); nil: yes.
	Ready func(ctx context.Context) error
	// Version is shown on the about page and by /health.
	Version string
	Log     *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Server answers requests. Make one with New.
type Server struct {
	importer  Importer
	portals   *portal.Service
	manifest  spaimporter.Manifest
	locales   *locale.Locales
	views     Views
	assets    Assets
	publicURL string
	maxUpload int64
	freeRows  int
	fallback  bool
	private   bool
	proxies   []netip.Prefix
	keepDays  int
	logDays   int
	ready     func(ctx context.Context) error
	version   string
	log       *slog.Logger
	now       func() time.Time

	// claims are events that bring a token, which is asked about.
	opens, events, claims, tries *limiter
	app                          *fiber.App
	// base ends when the server shuts down: streams and long answers hang
	// on it, since a handler is never told that the client left.
	base context.Context
	stop context.CancelFunc
}

// New makes a server. It fails if the public URL or a proxy is malformed.
func New(o Options) (*Server, error) {
	public, err := url.Parse(o.PublicURL)
	if err != nil || public.Host == "" || (public.Scheme != "https" && public.Scheme != "http") {
		return nil, fmt.Errorf("public URL %q is not an http or https address", o.PublicURL)
	}
	var proxies []netip.Prefix
	for _, proxy := range o.TrustedProxies {
		p, err := prefix(proxy)
		if err != nil {
			return nil, fmt.Errorf("trusted proxy %q is neither an address nor a network", proxy)
		}
		proxies = append(proxies, p)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Ready == nil {
		o.Ready = func(context.Context) error { return nil }
	}
	base, stop := context.WithCancel(context.Background())
	s := &Server{
		importer: o.Importer, portals: o.Portals, manifest: o.Manifest, locales: o.Locales,
		views: o.Views, assets: o.Assets, publicURL: strings.TrimSuffix(o.PublicURL, "/"),
		maxUpload: o.MaxUpload, freeRows: o.FreeRows, fallback: o.WebhookFallback, private: o.AllowPrivate,
		keepDays: o.KeepDays, logDays: o.LogDays,
		ready: o.Ready, version: o.Version, log: o.Log, now: o.Now,
		// A whole office may sit behind one address; events of all portals
		// come from a handful of Bitrix24's own.
		opens:  newLimiter(1, 60, o.Now),
		events: newLimiter(200, 2000, o.Now),
		claims: newLimiter(20, 200, o.Now),
		tries:  newLimiter(0.2, 10, o.Now),
		base:   base, stop: stop, proxies: proxies,
	}
	s.app = fiber.New(fiber.Config{
		AppName: "SPA Importer",
		// Strings of a request are kept by what we call.
		Immutable: true,
		// Uploads are streamed; each handler limits what it reads, because
		// BodyLimit is not enforced then.
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		BodyLimit:                    sliceLimit,
		ReadTimeout:                  readTime,
		WriteTimeout:                 0, // would cut progress streams and downloads
		IdleTimeout:                  60 * time.Second,
		ReadBufferSize:               16 << 10, // headers
		StrictRouting:                false,
		DisableStartupMessage:        true,
		EnableTrustedProxyCheck:      true,
		TrustedProxies:               o.TrustedProxies,
		ProxyHeader:                  fiber.HeaderXForwardedFor,
		EnableIPValidation:           true,
		ErrorHandler:                 s.fail,
	})
	s.routes()
	return s, nil
}

// sliceLimit is more than one slice of an upload, which is 8 MB.
const sliceLimit = 16 << 20

// readTime is how long a request may take to arrive, but for files.
const readTime = 60 * time.Second

// App is the Fiber application, for serving and for tests.
func (s *Server) App() *fiber.App { return s.app }

// Serve answers requests on a listener until Shutdown.
func (s *Server) Serve(l net.Listener) error { return s.app.Listener(l) }

// Shutdown ends streams, waits for running requests until ctx is over, and
// stops.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	return s.app.ShutdownWithContext(ctx)
}

func (s *Server) routes() {
	r := s.app
	r.Use(s.identify, s.survive, s.secure)

	// Addresses that are registered with Bitrix24 answer HEAD, too: the
	// vendor console probes them with it.
	r.Get("/", s.front) // Fiber answers HEAD where there is a GET
	r.Post("/", s.open)
	r.Get("/install", s.installInfo)
	r.Post("/install", s.install)
	r.Head("/events", ok)
	r.Post("/events", s.event)

	r.Get("/back", s.back)
	r.Post("/session/renew", s.renew)
	r.Post("/install/run", s.inside(s.installRun))
	r.Post("/install/done", s.inside(s.installDone))
	r.Post("/menu/sync", s.inside(s.syncMenu))
	r.Post("/webhook", s.webhook)
	r.Post("/webhook/form", s.inside(s.webhookForm))
	r.Post("/register/form", s.inside(s.registerForm))
	r.Post("/register", s.inside(s.register))
	for _, name := range docPages {
		r.Get("/"+name, s.publicPage(name))
		r.Post("/"+name, s.inside(s.framedPage(name)))
	}

	r.Get("/health", s.health)
	r.Get("/ready", s.readiness)
	r.Get("/static/*", s.static)
	r.Get("/favicon.ico", s.favicon)
	r.Get("/robots.txt", robots)

	s.wizardRoutes(r)
	r.Use(func(c *fiber.Ctx) error { return fiber.ErrNotFound })
}

func ok(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusOK) }

func robots(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	return c.SendString("User-agent: *\nDisallow: /install\nDisallow: /events\n")
}

func (s *Server) static(c *fiber.Ctx) error {
	body, contentType, found := s.assets.Open(c.Path())
	if !found {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderContentType, contentType)
	// The address changes with the content.
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	return c.Send(body)
}

func (s *Server) favicon(c *fiber.Ctx) error {
	return c.Redirect(s.assets.URL("icon.svg"), fiber.StatusFound)
}
