package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestLogHidesSecrets(t *testing.T) {
	var out bytes.Buffer
	log := newLog(&out, slog.LevelInfo, []string{"s3cret-of-settings", "postgres://u:s3cret-of-db@h/d", "s3cret-of-db"})
	hook := "https://portal.example/rest/7/s3crethook0/crm.item.list"
	for _, line := range []func(){
		func() { log.Info("calling " + hook) },
		func() { log.Info("x", "url", hook) },
		func() { log.Info("x", "err", errors.New("Post \""+hook+"\": timeout")) },
		func() { log.Info("x", "err", fmt.Errorf("dsn postgres://u:s3cret-of-db@h/d: %w", errors.New("no"))) },
		func() { log.Info("x", "query", "a=1&auth=s3cret-token&b=2") },
		func() { log.Info("x", "body", `{"access_token":"s3cret-token","x":1}`) },
		func() { log.Info("x", "form", "AUTH_ID=s3cret-token&REFRESH_ID=s3cret-refresh") },
		func() { log.Info("x", "header", "Authorization: Bearer s3cret-token") },
		func() { log.Info("x", "access_token", "s3cret") },
		func() { log.Info("x", "token", 5) },
		func() { log.Info("x", "s3", "https://key:s3cret@s3.example.com/bucket") },
		func() { log.Info("x", "settings", "s3cret-of-settings") },
		func() { log.Info("x", "all", []string{"s3cret-of-settings"}) },
		func() { log.Info("x", slog.Group("g", "client_secret", "s3cret", "url", hook)) },
		func() { log.With("cell", "s3cret of a customer").Info("x") },
		func() { log.WithGroup("g").Info("x", "webhook", "https%3A%2F%2Fp.example%2Frest%2F1%2Fs3crethook0%2F") },
	} {
		out.Reset()
		line()
		if strings.Contains(out.String(), "s3cret") {
			t.Errorf("shown: %s", out.String())
		}
		if !strings.Contains(out.String(), hidden) {
			t.Errorf("nothing hidden: %s", out.String())
		}
	}
}

func TestLogKeepsTheRest(t *testing.T) {
	var out bytes.Buffer
	log := newLog(&out, slog.LevelInfo, nil)
	log.Info("import done", "import", "abcdefgh", "created", 12, "code", "QUERY_LIMIT_EXCEEDED",
		"err", errors.New("crm.item.list at https://portal.example/rest/crm.item.list: 503"), "lane", "run:5b1f")
	for _, want := range []string{`"import":"abcdefgh"`, `"created":12`, `"code":"QUERY_LIMIT_EXCEEDED"`, "rest/crm.item.list: 503", `"lane":"run:5b1f"`, `"level":"INFO"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing in %s", want, out.String())
		}
	}
	if log.Enabled(t.Context(), slog.LevelDebug) {
		t.Error("debug is on")
	}
}
