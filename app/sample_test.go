package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// startDemo is `spa-importer demo` on free ports.
func startDemo(t *testing.T) *demo {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d, err := openDemo(ctx, demoAddresses{"localhost:0", "127.0.0.1:0", "127.0.0.1:0"}, nil, os.Getenv, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- d.serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := d.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d
}

// portalCodes are the portals' names of languages that we call otherwise.
var portalCodes = map[string]string{"es": "la", "pt": "br"}

// TestEverySampleIsUnderstood imports the sample of each language as the one
// who downloads it would: in a portal of that language, by the buttons that
// lead on and nothing else. Then every item is compared with its row.
func TestEverySampleIsUnderstood(t *testing.T) {
	t.Parallel()
	for _, lang := range languages(t) {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t)
			d.portal.EditUser(1, func(u *emulator.User) { u.Lang = cmp.Or(portalCodes[lang], lang) })
			before := len(d.portal.Items(emulator.DemoContracts))
			sample := filepath.Join("..", "static", "sample-"+lang+".csv")
			text, err := os.ReadFile(sample)
			if err != nil {
				t.Fatal(err)
			}
			g := &guest{
				t: t, origin: "http://" + d.app.Addr().String(), files: map[string]chosenFile{},
				header: http.Header{"Accept-Language": {lang + ";q=0.9"}, "Sec-Fetch-Dest": {"document"}},
			}
			g.get("/")
			g.connect(d.portal.Webhook(1, "crm", "user_brief"))
			if !strings.Contains(g.page.body, "/sample-"+lang+".csv\"") {
				t.Error("the first page does not offer the sample")
			}
			g.upload("sample.csv", string(text))
			g.toReceipt(nil)
			g.next() // start
			g.wait()
			compareWithSample(t, d, sample, d.portal.Items(emulator.DemoContracts)[before:])
		})
	}
}

// compareWithSample holds items to the rows they came from.
func compareWithSample(t *testing.T, d *demo, sample string, items []emulator.Item) {
	t.Helper()
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(strings.NewReader(string(text)))
	if !strings.HasSuffix(sample, "-en.csv") {
		r.Comma = ';'
	}
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows = rows[1:]
	if len(items) != len(rows) {
		t.Fatalf("%d items for %d rows", len(items), len(rows))
	}
	users := map[string]int64{}
	for _, u := range d.portal.Users() {
		users[u.Name+" "+u.LastName] = u.ID
	}
	zone, err := time.LoadLocation(d.portal.Users()[0].Zone)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		for name, want := range expected(t, row, users, zone) {
			if got := readBack(items[i].Fields[name]); got != want {
				t.Errorf("row %d, %s: the portal has %q, the file means %q", i+2, name, got, want)
			}
		}
	}
}

// expected says what the portal must hold for a row of the sample, written
// apart from the code that is tested.
func expected(t *testing.T, row []string, users map[string]int64, zone *time.Location) map[string]string {
	t.Helper()
	const uf = "UF_CRM_7_17473097"
	parse := func(layout, s string) time.Time {
		at, err := time.ParseInLocation(layout, s, zone)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	amount, ok := strings.CutSuffix(row[2], " EUR")
	if !ok {
		t.Fatalf("amount %q", row[2])
	}
	if decimal := strings.LastIndexAny(amount, ".,"); decimal >= 0 {
		whole := strings.NewReplacer(",", "", " ", "", "\u00a0", "", ".", "").Replace(amount[:decimal])
		amount = whole + "." + amount[decimal+1:]
		// What a portal keeps of an amount is its value, not how it was
		// written.
		amount = strings.TrimRight(strings.TrimRight(amount, "0"), ".")
	}
	kinds := map[string]string{"Supply": "79", "Service": "80", "Lease": "81", "Framework": "82"}
	labels := map[string]string{"Urgent": "91", "VIP": "92", "Archive": "93"}
	stages := map[string]string{"New": "NEW", "In preparation": "PREPARATION", "With the client": "CLIENT", "Signed": "SUCCESS"}
	var chosen []string
	for _, label := range strings.Split(row[7], "|") {
		if label != "" {
			chosen = append(chosen, labels[label])
		}
	}
	return map[string]string{
		"title": row[0], uf + "01": row[1], uf + "05": amount + "|EUR",
		uf + "06": parse("02.01.2006", dots(row[3])).Format(time.DateOnly),
		uf + "07": parse("02.01.2006 15:04", dots(row[4])).UTC().Format(time.RFC3339),
		uf + "08": map[string]string{"yes": "true", "да": "true", "ja": "true", "oui": "true", "sí": "true", "sim": "true", "no": "false", "нет": "false", "nein": "false", "non": "false", "não": "false"}[row[5]],
		uf + "09": kinds[row[6]], uf + "10": strings.Join(chosen, ","),
		"stageId": "DT177_9:" + stages[row[8]], "assignedById": fmt.Sprint(users[row[9]]), uf + "03": row[10],
	}
}

// dots are a date's slashes as dots.
func dots(date string) string { return strings.ReplaceAll(date, "/", ".") }

// readBack is a value of the portal as text: a list by commas, a time in
// UTC, a date without the hour that portals add.
func readBack(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		return fmt.Sprint(v)
	case []any:
		parts := make([]string, len(v))
		for i, one := range v {
			parts[i] = readBack(one)
		}
		return strings.Join(parts, ",")
	}
	s := fmt.Sprint(v)
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		if at.Hour() == 2 || at.Hour() == 3 {
			if _, offset := at.Zone(); at.Minute() == 0 && offset == at.Hour()*3600 {
				return at.Format(time.DateOnly)
			}
		}
		return at.UTC().Format(time.RFC3339)
	}
	switch s {
	case "Y":
		return "true"
	case "N":
		return "false"
	}
	return s
}
