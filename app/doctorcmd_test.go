package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/doctor"
	"github.com/spa-importer/spa-importer/bitrix/emulator"
)

// The doctor on the command line: through a webhook on standard input or in
// the environment, or with the installation of a portal.
func TestDoctorCommand(t *testing.T) {
	s := newSite(t, "")
	imp := s.started(1)
	id, secret := s.world.Keys()
	examine := func(stdin, variable string, args ...string) told {
		var out, errs bytes.Buffer
		code := run(t.Context(), append([]string{"doctor"}, args...), env(
			"DATA_DIR", s.dir, "ALLOW_PRIVATE_PORTALS", "on", "BITRIX24_OAUTH_URL", s.oauth,
			"BITRIX24_CLIENT_ID", id, "BITRIX24_CLIENT_SECRET", secret, doctorWebhook, variable,
		), strings.NewReader(stdin), &out, &errs)
		return told{code, out.String(), errs.String()}
	}
	hook := s.portal.Webhook(1, "crm", "userfieldconfig")
	code := strings.Split(hook, "/")[5]

	// An on-premise portal has no operating.
	got := examine(hook+"\n", "")
	if got.code != exitBroken || !strings.Contains(got.out, "9b  does not hold") || !strings.Contains(got.out, "5a  holds") ||
		!strings.Contains(got.out, "15 hold, 1 do not, 2 were not tried. The smart process it worked in is removed.") ||
		!strings.Contains(got.err, "1 of the app's assumptions do not hold") {
		t.Errorf("%+v", got)
	}
	if strings.Contains(got.out+got.err, code) {
		t.Error("the webhook's secret is printed")
	}
	s.portal.SetLimits(emulator.Limits{})
	if got := examine("", hook); got.code != 0 || !strings.Contains(got.out, "16 hold, 0 do not") {
		t.Errorf("%+v", got)
	}
	got = examine("", "", "-json", s.portal.MemberID())
	var report doctor.Report
	if err := json.Unmarshal([]byte(got.out), &report); got.code != 0 || err != nil || report.User != 1 || !report.Removed || len(report.Findings) != 18 {
		t.Errorf("%v %+v", err, got)
	}
	if log := s.says("restlog", "-import="+imp.ID); strings.Contains(log, "crm.type.add") {
		t.Errorf("the doctor's calls are in the log of an import:\n%s", log)
	}
	if got := examine("", "", hook); got.code != 1 || !strings.Contains(got.err, "history of the shell") || strings.Contains(got.err, code) {
		t.Errorf("as an argument: %+v", got)
	}
	if got := examine("", "", "00000000000000000000000000000000"); got.code != 1 || !strings.Contains(got.err, "there is no portal") {
		t.Errorf("of nobody: %+v", got)
	}
	if got := examine("", ""); got.code != 1 || !strings.Contains(got.err, "the webhook is missing") {
		t.Errorf("without anything: %+v", got)
	}
	s.portal.DropWebhook(hook)
	if got := examine("", hook); got.code != 1 || strings.Contains(got.err, code) || got.out != "" {
		t.Errorf("a deleted webhook: %+v", got)
	}
	if items := s.portal.Items(siteType); len(items) != 0 {
		t.Errorf("%d items", len(items))
	}
}
