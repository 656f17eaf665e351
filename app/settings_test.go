package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestSettingsStandard(t *testing.T) {
	s, all, err := readSettings(nil, env())
	if err != nil {
		t.Fatal(err)
	}
	if s.listen != ":8080" || s.publicURL != "http://localhost:8080" || s.dataDir != "./data" || s.freeRows != 100 ||
		s.maxUpload != 256<<20 || s.undo != 30*24*time.Hour || s.restLog != 7*24*time.Hour ||
		s.settle != 75*time.Second || !s.webhookFallback || s.allowPrivate {
		t.Errorf("settings = %+v", s)
	}
	// Others rely on these names.
	var names []string
	for _, c := range all {
		names = append(names, c.name)
		if c.source != "default" {
			t.Errorf("%s comes from %s", c.name, c.source)
		}
	}
	want := "LISTEN PUBLIC_URL DATA_DIR DATABASE_URL APP_KEY BITRIX24_CLIENT_ID BITRIX24_CLIENT_SECRET BITRIX24_OAUTH_URL " +
		"ALLOW_PRIVATE_PORTALS FREE_ROW_LIMIT MAX_UPLOAD_MB UNDO_DAYS REST_LOG_DAYS METRICS_LISTEN S3_URL TRUSTED_PROXIES " +
		"WEBHOOK_FALLBACK ACME_HOSTS ACME_EMAIL ACME_URL SETTLE_SECONDS"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("names = %s", got)
	}
}

func TestSettingsSources(t *testing.T) {
	e := env("LISTEN", "127.0.0.1:9000", "FREE_ROW_LIMIT", " 0 ", "TRUSTED_PROXIES", "10.0.0.0/8, ::1", "MAX_UPLOAD_MB", "1")
	for _, args := range [][]string{
		{"-listen=:7000", "--allow-private-portals", "--UNDO_DAYS", "3"},
		{"--LISTEN", ":7000", "-allow_private_portals=yes", "-undo-days=3"},
	} {
		s, all, err := readSettings(args, e)
		if err != nil {
			t.Fatal(err)
		}
		if s.listen != ":7000" || s.publicURL != "http://localhost:7000" || !s.allowPrivate || s.freeRows != 0 ||
			s.undo != 72*time.Hour || s.maxUpload != 1<<20 || len(s.trustedProxies) != 2 {
			t.Errorf("%q: %+v", args, s)
		}
		for _, c := range all {
			want := map[string]string{"LISTEN": "flag", "ALLOW_PRIVATE_PORTALS": "flag", "UNDO_DAYS": "flag",
				"FREE_ROW_LIMIT": "environment", "TRUSTED_PROXIES": "environment", "MAX_UPLOAD_MB": "environment"}[c.name]
			if want == "" {
				want = "default"
			}
			if c.source != want {
				t.Errorf("%s comes from %s, want %s", c.name, c.source, want)
			}
		}
	}
}

func TestSettingsRefuse(t *testing.T) {
	for _, c := range []struct{ name, value, says string }{
		{"LISTEN", "8080", "host:port"},
		{"LISTEN", ":99999", "port"},
		{"PUBLIC_URL", "spa.example.com", "http or https"},
		{"PUBLIC_URL", "https://spa.example.com/app", "path"},
		{"PUBLIC_URL", "ftp://spa.example.com", "http or https"},
		{"DATABASE_URL", "mysql://user:hush-hush@db/x", "postgres://"},
		{"BITRIX24_CLIENT_ID", "app.1", "belong together"},
		{"BITRIX24_CLIENT_SECRET", "hush-hush", "belong together"},
		{"BITRIX24_OAUTH_URL", "oauth", "http or https"},
		{"ALLOW_PRIVATE_PORTALS", "maybe", "on nor off"},
		{"FREE_ROW_LIMIT", "-1", "rows"},
		{"MAX_UPLOAD_MB", "0", "1 to 4096"},
		{"UNDO_DAYS", "many", "1 to 365"},
		{"REST_LOG_DAYS", "2", "3 to 365"},
		{"METRICS_LISTEN", "nowhere", "host:port"},
		{"S3_URL", "https://key:hush-hush@/bucket", "host"},
		{"S3_URL", "https://key:hush-hush@s3.example.com/", "bucket"},
		{"TRUSTED_PROXIES", "10.0.0.0/8,proxy", "proxy"},
		{"WEBHOOK_FALLBACK", "off", "nobody could use"},
		{"SETTLE_SECONDS", "0", "1 to 3600"},
		{"SETTLE_SECONDS", "69", "below 70"},
	} {
		_, _, err := readSettings(nil, env(c.name, c.value))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
			continue
		}
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the error shows the secret: %v", c.name, err)
		}
	}
	for _, args := range [][]string{{"-no-such=1"}, {"listen=:80"}} {
		if _, _, err := readSettings(args, env()); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
	// All problems are told at once.
	_, _, err := readSettings(nil, env("LISTEN", "x", "UNDO_DAYS", "x"))
	if err == nil || !strings.Contains(err.Error(), "LISTEN") || !strings.Contains(err.Error(), "UNDO_DAYS") {
		t.Errorf("two problems: %v", err)
	}
}

func TestSettingsPrintedWithoutSecrets(t *testing.T) {
	e := env("BITRIX24_CLIENT_ID", "app.1", "BITRIX24_CLIENT_SECRET", "hush-client", "APP_KEY", "hush-key",
		"DATABASE_URL", "postgres://u:hush-db@h/d", "S3_URL", "https://k:hush-s3@h.example/b")
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"settings"}, e, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	if strings.Contains(out.String(), "hush") {
		t.Errorf("a secret is printed:\n%s", out.String())
	}
	if n := strings.Count(out.String(), "(set, secret)"); n != 4 {
		t.Errorf("%d secrets are shown as set, want 4:\n%s", n, out.String())
	}
	for _, line := range table() {
		if !strings.Contains(out.String(), line.name+" ") {
			t.Errorf("%s is not printed", line.name)
		}
	}
}

func TestCommands(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"version"}, 0, "spa-importer "},
		{[]string{"help"}, 0, "spa-importer demo"},
		{[]string{"serve", "--help"}, 0, "spa-importer demo"},
		{[]string{"-h"}, 0, "spa-importer demo"},
		{[]string{"dance"}, 2, "not a command"},
		{[]string{"serve", "-listen=x"}, 1, "LISTEN"},
		{[]string{"settings", "-listen=x"}, 1, "LISTEN"},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), c.args, env(), strings.NewReader(""), &out, &out); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%q = %d: %s", c.args, code, out.String())
		}
	}
}
