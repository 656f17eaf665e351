package portal_test

import "testing"

func TestNotifies(t *testing.T) {
	h := newHouse(t)
	h.install()
	s := h.service()
	session := h.open(plain).Session
	if told, err := s.Notifies(t.Context(), session.Portal); err != nil || !told {
		t.Errorf("with the permission: %v, %v", told, err)
	}
	if told, err := s.Notifies(t.Context(), "hook:acme.example:1"); err != nil || told {
		t.Errorf("of a webhook: %v, %v", told, err)
	}
	h.portal.SetScopes("crm", "placement", "user_brief")
	h.open(plain)
	if told, err := s.Notifies(t.Context(), session.Portal); err != nil || told {
		t.Errorf("without the permission: %v, %v", told, err)
	}
}
