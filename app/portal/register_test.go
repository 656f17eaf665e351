package portal_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/portal"
)

func registration() portal.Registration {
	return portal.Registration{
		Company: "Example Ltd", Name: "Maria Example", Email: "maria@example.com",
		Phone: "+1 (555) 010-0000 ext. 7", Country: "Latvia", TermsVersion: "1.0",
	}
}

func TestRegisterLiftsTheLimit(t *testing.T) {
	h := newHouse(t)
	h.install()
	s := h.service()
	session := h.open(plain).Session
	if limit, err := s.RowLimit(t.Context(), session.Portal); err != nil || limit != 100 {
		t.Errorf("before: %d, %v", limit, err)
	}
	r := registration()
	r.Company, r.Portal, r.User = "  Example \t Ltd ", "somebody-else", 99
	if err := s.Register(t.Context(), session, r); err != nil {
		t.Fatal(err)
	}
	if limit, err := s.RowLimit(t.Context(), session.Portal); err != nil || limit != 0 {
		t.Errorf("after: %d, %v", limit, err)
	}
	if limit, err := s.RowLimit(t.Context(), "somebody-else"); err != nil || limit != 100 {
		t.Errorf("of another portal: %d, %v", limit, err)
	}
	got, err := s.Registration(t.Context(), session.Portal)
	if err != nil || got.Company != "Example Ltd" || got.User != plain || !got.AcceptedAt.Equal(h.clock.Now()) || got.TermsVersion != "1.0" || got.Mailings {
		t.Errorf("%+v, %v", got, err)
	}
	h.change = func(o *portal.Options) { o.FreeRows = 0 }
	if limit, err := h.service().RowLimit(t.Context(), "somebody-else"); err != nil || limit != 0 {
		t.Errorf("with the limit switched off: %d, %v", limit, err)
	}
}

func TestRegisterChecksTheForm(t *testing.T) {
	h := newHouse(t)
	session := portal.Session{Portal: "m", User: 1}
	for _, c := range []struct {
		name   string
		change func(r *portal.Registration)
		want   map[string]string
	}{
		{"empty", func(r *portal.Registration) { *r = portal.Registration{} }, map[string]string{
			"company": "missing", "name": "missing", "email": "missing", "phone": "missing", "country": "missing", "terms": "missing"}},
		{"spaces", func(r *portal.Registration) { r.Name = " \t\n" }, map[string]string{"name": "missing"}},
		{"long", func(r *portal.Registration) { r.Company = strings.Repeat("ж", 201) }, map[string]string{"company": "long"}},
		{"just not long", func(r *portal.Registration) { r.Company = strings.Repeat("ж", 200) }, nil},
		{"not an address", func(r *portal.Registration) { r.Email = "maria" }, map[string]string{"email": "malformed"}},
		{"name and address", func(r *portal.Registration) { r.Email = "Maria <maria@example.com>" }, map[string]string{"email": "malformed"}},
		{"two addresses", func(r *portal.Registration) { r.Email = "a@example.com, b@example.com" }, map[string]string{"email": "malformed"}},
		{"no dot", func(r *portal.Registration) { r.Email = "a@localhost" }, map[string]string{"email": "malformed"}},
		{"words for a number", func(r *portal.Registration) { r.Phone = "call me" }, map[string]string{"phone": "malformed"}},
		{"too few digits", func(r *portal.Registration) { r.Phone = "1234" }, map[string]string{"phone": "malformed"}},
		{"old terms", func(r *portal.Registration) { r.TermsVersion = "0.9" }, map[string]string{"terms": "missing"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := registration()
			c.change(&r)
			err := h.service().Register(t.Context(), session, r)
			var wrong *portal.FormError
			if errors.As(err, &wrong); c.want == nil && err != nil || c.want != nil && (wrong == nil || !maps.Equal(wrong.Fields, c.want)) {
				t.Errorf("%v %+v, want %v", err, wrong, c.want)
			}
		})
	}
}
