package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spa-importer/spa-importer/app/depot"
)

// settings is what an operator can choose. Fields are filled from the table
// below and nowhere else.
type settings struct {
	listen          string
	publicURL       string
	dataDir         string
	databaseURL     string
	appKey          string
	clientID        string
	clientSecret    string
	oauthURL        string
	allowPrivate    bool
	freeRows        int
	maxUpload       int64 // bytes
	undo            time.Duration
	restLog         time.Duration
	metricsListen   string
	s3URL           string
	trustedProxies  []string
	webhookFallback bool
	settle          time.Duration
	acmeHosts       []string
	acmeEmail       string
	acmeURL         string
}

// setting is one line of the table.
type setting struct {
	name string
	// standard is the value when nothing is set, in the form a person writes.
	standard string
	// secret values are never printed.
	secret bool
	about  string
	// parse checks a value and puts it in its place. Its error must not
	// quote a secret.
	parse func(value string, s *settings) error
}

// table is every setting there is: `spa-importer settings` prints it, README.md
// repeats it, and each can be set by an environment variable or a flag of
// the same name.
func table() []setting {
	return []setting{
		{name: "LISTEN", standard: ":8080", about: "address to serve on",
			parse: address(func(s *settings) *string { return &s.listen })},
		{name: "PUBLIC_URL", standard: "", about: "address the portals know; empty: http://localhost and LISTEN's port",
			parse: parsePublicURL},
		{name: "DATA_DIR", standard: "./data", about: "folder for database, uploads and key file",
			parse: text(func(s *settings) *string { return &s.dataDir })},
		{name: "DATABASE_URL", standard: "", secret: true, about: "postgres://… for several instances; empty: SQLite in DATA_DIR",
			parse: parseDatabaseURL},
		{name: "APP_KEY", standard: "", secret: true, about: "32 bytes in hex or base64, the newest first, by commas; empty: a key file in DATA_DIR",
			parse: optional(func(s *settings) *string { return &s.appKey })},
		{name: "BITRIX24_CLIENT_ID", standard: "", about: "client_id of the app; empty: webhooks only",
			parse: optional(func(s *settings) *string { return &s.clientID })},
		{name: "BITRIX24_CLIENT_SECRET", standard: "", secret: true, about: "client_secret of the app",
			parse: optional(func(s *settings) *string { return &s.clientSecret })},
		{name: "BITRIX24_OAUTH_URL", standard: "", about: "an OAuth server beside Bitrix24's own, asked first",
			parse: webAddress(func(s *settings) *string { return &s.oauthURL })},
		{name: "ALLOW_PRIVATE_PORTALS", standard: "off", about: "portals on http and private addresses (own networks)",
			parse: onOff(func(s *settings) *bool { return &s.allowPrivate })},
		{name: "FREE_ROW_LIMIT", standard: "100", about: "rows per import without registration; 0: no limit",
			parse: parseFreeRows},
		{name: "MAX_UPLOAD_MB", standard: "256", about: "largest file in MB (1 to 4096)",
			parse: number(1, 4096, func(s *settings, n int) { s.maxUpload = int64(n) << 20 })},
		{name: "UNDO_DAYS", standard: "30", about: "days that files and journals are kept after an import (1 to 365)",
			parse: number(1, 365, func(s *settings, n int) { s.undo = days(n) })},
		{name: "REST_LOG_DAYS", standard: "7", about: "days that the log of REST calls is kept (3 to 365)",
			parse: number(3, 365, func(s *settings, n int) { s.restLog = days(n) })},
		{name: "METRICS_LISTEN", standard: "", about: "address for /metrics, not for the public; empty: off",
			parse: address(func(s *settings) *string { return &s.metricsListen })},
		{name: "S3_URL", standard: "", secret: true, about: "https://key:secret@host/bucket[/prefix][?region=…] for files; empty: DATA_DIR",
			parse: parseS3URL},
		{name: "TRUSTED_PROXIES", standard: "", about: "addresses or networks, by commas, whose X-Forwarded-For is believed",
			parse: parseProxies},
		{name: "WEBHOOK_FALLBACK", standard: "on", about: "offer an inbound webhook where the app cannot be installed",
			parse: onOff(func(s *settings) *bool { return &s.webhookFallback })},
		{name: "ACME_HOSTS", standard: "", about: "host names, by commas, to get certificates for; LISTEN is then :443; empty: TLS is the proxy's",
			parse: parseHosts},
		{name: "ACME_EMAIL", standard: "", about: "where the certificate authority writes to",
			parse: optional(func(s *settings) *string { return &s.acmeEmail })},
		{name: "ACME_URL", standard: letsEncrypt, about: "the certificate authority's directory",
			parse: webAddress(func(s *settings) *string { return &s.acmeURL })},
		{name: "SETTLE_SECONDS", standard: "75", about: "how long a request may still run at the portal after its answer was lost (70 to 3600; less only with ALLOW_PRIVATE_PORTALS)",
			parse: number(1, 3600, func(s *settings, n int) { s.settle = time.Duration(n) * time.Second })},
	}
}

// chosen is a setting with its value and where that came from.
type chosen struct {
	setting
	value  string
	source string // "default", "environment" or "flag"
}

// readSettings takes flags before the environment before the defaults. It
// returns all problems at once, and the choices even then.
func readSettings(args []string, getenv func(string) string) (settings, []chosen, error) {
	flags, err := readFlags(args)
	if err != nil {
		return settings{}, nil, err
	}
	var s settings
	var all []chosen
	var errs []error
	for _, line := range table() {
		c := chosen{setting: line, value: line.standard, source: "default"}
		if v := strings.TrimSpace(getenv(line.name)); v != "" {
			c.value, c.source = v, "environment"
		}
		if v, ok := flags[line.name]; ok {
			c.value, c.source = v, "flag"
			delete(flags, line.name)
		}
		if err := line.parse(c.value, &s); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", line.name, err))
		}
		all = append(all, c)
	}
	for name := range flags {
		errs = append(errs, fmt.Errorf("there is no setting %s, see `spa-importer settings`", name))
	}
	errs = append(errs, s.finish())
	return s, all, errors.Join(errs...)
}

// finish sets and checks what depends on several settings.
func (s *settings) finish() error {
	if (s.clientID == "") != (s.clientSecret == "") {
		return errors.New("BITRIX24_CLIENT_ID and BITRIX24_CLIENT_SECRET belong together: set both or none")
	}
	if s.clientID == "" && !s.webhookFallback {
		return errors.New("without BITRIX24_CLIENT_ID and with WEBHOOK_FALLBACK off nobody could use the app")
	}
	// Bitrix24 lets a request run for 60 s, and it leaves up to an eighth of
	// this time after its rows were noted as sent. Rows looked up sooner could
	// be written twice; a portal of one's own is known to its operator.
	if s.settle < 70*time.Second && !s.allowPrivate {
		return errors.New("SETTLE_SECONDS below 70 needs ALLOW_PRIVATE_PORTALS=on: Bitrix24 may work on a request for 60 s, and it takes time to get there")
	}
	if len(s.acmeHosts) > 0 {
		if s.publicURL == "" {
			s.publicURL = "https://" + s.acmeHosts[0]
		}
		u, err := url.Parse(s.publicURL)
		if err != nil || u.Scheme != "https" || !slices.Contains(s.acmeHosts, u.Hostname()) {
			return errors.New("PUBLIC_URL is not https and one of ACME_HOSTS")
		}
	}
	if s.publicURL == "" && s.listen != "" {
		_, port, err := net.SplitHostPort(s.listen)
		if err != nil {
			return fmt.Errorf("LISTEN: %w", err)
		}
		s.publicURL = "http://localhost:" + port
	}
	return nil
}

// secrets are the values that must not show up in any log.
func (s *settings) secrets() []string {
	all := []string{s.clientSecret, s.databaseURL, s.s3URL}
	all = append(all, strings.FieldsFunc(s.appKey, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })...)
	for _, address := range []string{s.databaseURL, s.s3URL} {
		if u, err := url.Parse(address); err == nil && u.User != nil {
			if password, ok := u.User.Password(); ok {
				all = append(all, password, url.QueryEscape(password))
			}
		}
	}
	return slices.DeleteFunc(all, func(v string) bool { return len(v) < 6 })
}

// readFlags reads "-public-url https://…", "--PUBLIC_URL=https://…" and the
// like; a flag without a value is "on".
func readFlags(args []string) (map[string]string, error) {
	flags := map[string]string{}
	for i := 0; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") {
			return nil, fmt.Errorf("argument %d is not a flag: settings are written -name=value", i+1)
		}
		name, value, given := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !given {
			value = "on"
			if i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
				i++
				value = args[i]
			}
		}
		flags[strings.ToUpper(strings.ReplaceAll(name, "-", "_"))] = value
	}
	return flags, nil
}

// printSettings writes the table; of secrets only whether they are set.
func printSettings(w io.Writer, all []chosen) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "NAME\tVALUE\tFROM\tDEFAULT\tMEANING")
	for _, c := range all {
		value := c.value
		switch {
		case value == "":
			value = "-"
		case c.secret:
			value = "(set, secret)"
		}
		standard := c.standard
		if standard == "" {
			standard = "-"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", c.name, value, c.source, standard, c.about)
	}
	return tw.Flush()
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func text(field func(*settings) *string) func(string, *settings) error {
	return func(v string, s *settings) error {
		if v == "" {
			return errors.New("must not be empty")
		}
		*field(s) = v
		return nil
	}
}

func optional(field func(*settings) *string) func(string, *settings) error {
	return func(v string, s *settings) error {
		*field(s) = v
		return nil
	}
}

func address(field func(*settings) *string) func(string, *settings) error {
	return func(v string, s *settings) error {
		if v != "" {
			_, port, err := net.SplitHostPort(v)
			if err != nil {
				return fmt.Errorf("%q is not host:port or :port", v)
			}
			if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
				return fmt.Errorf("%q is not a port", port)
			}
		}
		*field(s) = v
		return nil
	}
}

func webAddress(field func(*settings) *string) func(string, *settings) error {
	return func(v string, s *settings) error {
		if v != "" {
			u, err := url.Parse(v)
			if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
				return fmt.Errorf("%q is not an http or https address", v)
			}
		}
		*field(s) = v
		return nil
	}
}

func onOff(field func(*settings) *bool) func(string, *settings) error {
	return func(v string, s *settings) error {
		switch strings.ToLower(v) {
		case "on", "true", "yes", "1":
			*field(s) = true
		case "off", "false", "no", "0":
			*field(s) = false
		default:
			return fmt.Errorf("%q is neither on nor off", v)
		}
		return nil
	}
}

func number(low, high int, set func(*settings, int)) func(string, *settings) error {
	return func(v string, s *settings) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < low || n > high {
			return fmt.Errorf("%q is not a number from %d to %d", v, low, high)
		}
		set(s, n)
		return nil
	}
}

func parseFreeRows(v string, s *settings) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a number of rows", v)
	}
	s.freeRows = n
	return nil
}

func parsePublicURL(v string, s *settings) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil:
		return fmt.Errorf("%q is not an http or https address", v)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q has a path: the app needs a host name of its own", v)
	}
	s.publicURL = u.Scheme + "://" + u.Host
	return nil
}

func parseDatabaseURL(v string, s *settings) error {
	if v != "" && !strings.HasPrefix(v, "postgres://") && !strings.HasPrefix(v, "postgresql://") {
		return errors.New("must begin with postgres://")
	}
	s.databaseURL = v
	return nil
}

func parseS3URL(v string, s *settings) error {
	s.s3URL = v
	if v == "" {
		return nil
	}
	return depot.CheckBucketURL(v)
}

func parseHosts(v string, s *settings) error {
	for host := range strings.SplitSeq(v, ",") {
		if host = strings.ToLower(strings.TrimSpace(host)); host == "" {
			continue
		}
		if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || !strings.Contains(host, ".") || net.ParseIP(host) != nil {
			return fmt.Errorf("%q is not a host name: without scheme, port and path, and not an address", host)
		}
		s.acmeHosts = append(s.acmeHosts, host)
	}
	return nil
}

func parseProxies(v string, s *settings) error {
	for p := range strings.SplitSeq(v, ",") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		if _, _, err := net.ParseCIDR(p); err != nil && net.ParseIP(p) == nil {
			return fmt.Errorf("%q is neither an address nor a network", p)
		}
		s.trustedProxies = append(s.trustedProxies, p)
	}
	return nil
}
