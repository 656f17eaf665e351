package importer_test

import (
	"fmt"
	"testing"

	"github.com/spa-importer/spa-importer/app/importer"
)

// TestNamesAreLookedUp: contacts, companies and people as the file names
// them, by id, name, phone and e-mail; what fits nothing or several is said.
func TestNamesAreLookedUp(t *testing.T) {
	p := profile()
	p.Contacts = []map[string]any{
		{"name": "Carla", "lastName": "Contact", "phone": "+1 555 0100", "email": "carla@example.com"},
		{"name": "Twin", "lastName": "Person"}, {"name": "Twin", "lastName": "Person"},
	}
	bubble(t, p, func(t *testing.T, b *bench) {
		imp := b.checked("Title;Contacts;Company;Responsible\n" +
			"by name;Carla Contact;Acme;Uma User\n" +
			"by name, turned;Contact Carla;acme;User Uma\n" +
			"by phone;+15550100;1;7\n" +
			"by e-mail;Carla@example.com;1;7\n" +
			"by id;1;1;7\n" +
			"nobody;Nemo Nobody;Acme;Uma User\n" +
			"two of them;Twin Person;Acme;Uma User\n" +
			"unknown user;1;1;99\n")
		result, err := b.svc.CheckResult(b.ctx(), b.actor, imp.ID)
		b.must(err)
		if imp.Plan != (importer.Counts{Created: 5, Failed: 3}) {
			t.Fatalf("plan %+v, reason %+v, findings %+v", imp.Plan, imp.Reason, result.Findings)
		}
		var calls int
		for _, c := range b.portal.Calls() {
			if c.Method == "user.get" {
				calls++
			}
		}
		imp = b.run(imp.ID)
		if imp.Counts != imp.Plan {
			t.Fatalf("%s %+v %+v", imp.State, imp.Counts, imp.Reason)
		}
		for _, item := range b.portal.Items(spa) {
			got := fmt.Sprint(item.Fields["contactIds"], item.Fields["companyId"], item.Fields["assignedById"])
			if got != "[1] 1 7" {
				t.Errorf("%v: %s", item.Fields["title"], got)
			}
		}
		var again int
		for _, c := range b.portal.Calls() {
			if c.Method == "user.get" {
				again++
			}
		}
		if again != calls {
			t.Errorf("the run asked for users again: %d calls after %d", again, calls)
		}
	})
}
