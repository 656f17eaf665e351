package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The examples below docs/deploy name settings that there are, and say what
// a person must know.
func TestDeployExamples(t *testing.T) {
	known := map[string]bool{}
	for _, s := range table() {
		known[s.name] = true
	}
	// What others call settings.
	others := map[string]bool{"CAP_NET_BIND_SERVICE": true, "VERSION": true, "APP": true, "CGO_ENABLED": true, "NAME": true,
		"AF_INET": true, "AF_INET6": true, "AF_UNIX": true}
	must := map[string][]string{
		"spa-importer.service": {"DATA_DIR", "DynamicUser=yes", "StateDirectory=", "TimeoutStopSec=120", "ProtectSystem=strict"},
		"Dockerfile":           {"DATA_DIR", "CGO_ENABLED=0", "nonroot", "VOLUME /data", "main.stamped"},
		"compose.yml":          {"TRUSTED_PROXIES", "dockerfile: docs/deploy/Dockerfile", "stop_grace_period: 2m"},
		"Caddyfile":            {"MAX_UPLOAD_MB", "TRUSTED_PROXIES", "flush_interval -1", "max_size 260MB"},
		"nginx.conf":           {"MAX_UPLOAD_MB", "TRUSTED_PROXIES", "client_max_body_size 260m", "proxy_buffering off", "proxy_request_buffering off"},
	}
	files, err := filepath.Glob("../docs/deploy/*")
	if err != nil || len(files) != len(must) {
		t.Fatalf("%v, %v", files, err)
	}
	name := regexp.MustCompile(`\b[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\b|\b[A-Z]+(?:=)`)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(content)
		for _, m := range name.FindAllString(text, -1) {
			if m = strings.TrimSuffix(m, "="); !known[m] && !others[m] {
				t.Errorf("%s speaks of %s, which is no setting", file, m)
			}
		}
		for _, part := range must[filepath.Base(file)] {
			if !strings.Contains(text, part) {
				t.Errorf("%s has no %s", file, part)
			}
		}
	}
}

// Every command that the documents name is one, and so is every file they
// link to.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	files, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range append(files, "../README.md") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?m)(?:^\t(?:[A-Z_]+=\\S+ )*|`)spa-importer ([a-z-]+)\\b").FindAllStringSubmatch(string(content), -1) {
			seen[m[1]] = true
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(string(content), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			}
		}
	}
	for _, name := range []string{"serve", "settings", "portals", "imports", "registrations", "restlog", "local-app", "doctor", "backup", "restored"} {
		if !seen[name] {
			t.Errorf("no document shows `spa-importer %s`", name)
		}
		if !strings.Contains(usage, "spa-importer "+name) && name != "serve" {
			t.Errorf("`spa-importer help` lacks %s", name)
		}
	}
	for name := range seen {
		var out bytes.Buffer
		if code := run(t.Context(), []string{name, "-no-such-setting=1"}, env("DATA_DIR", t.TempDir()), strings.NewReader(""), &out, &out); code != 1 {
			t.Errorf("`spa-importer %s` of the documents ends with %d: %s", name, code, out.String())
		}
	}
}
