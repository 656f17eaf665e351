package portal

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode/utf8"
)

// Field names of a registration that can be refused.
const (
	FieldCompany = "company"
	FieldName    = "name"
	FieldEmail   = "email"
	FieldPhone   = "phone"
	FieldCountry = "country"
	FieldTerms   = "terms"
)

// FormError says which fields of a form must be filled in differently: field
// name to "missing", "long" or "malformed".
type FormError struct{ Fields map[string]string }

func (e *FormError) Error() string {
	return fmt.Sprintf("registration: %d fields are not acceptable", len(e.Fields))
}

// maxFieldRunes is the longest field of a registration, in characters.
const maxFieldRunes = 200

// Register lifts the row limit of the session's portal. The terms accepted
// must be the version in force, which the form carries, so that nobody
// accepts by an old page what changed since.
func (s *Service) Register(ctx context.Context, session Session, r Registration) error {
	for _, field := range []*string{&r.Company, &r.Name, &r.Email, &r.Phone, &r.Country} {
		*field = strings.Join(strings.Fields(*field), " ")
	}
	if fields := s.checkRegistration(r); len(fields) > 0 {
		return &FormError{Fields: fields}
	}
	r.Portal = session.Portal
	r.User = session.User
	r.AcceptedAt = s.now()
	if err := s.store.Register(ctx, r); err != nil {
		return fmt.Errorf("storing the registration: %w", err)
	}
	s.log.InfoContext(ctx, "portal registered", "portal", r.Portal, "terms", r.TermsVersion, "mailings", r.Mailings)
	return nil
}

func (s *Service) checkRegistration(r Registration) map[string]string {
	bad := map[string]string{}
	for name, value := range map[string]string{
		FieldCompany: r.Company, FieldName: r.Name, FieldEmail: r.Email, FieldPhone: r.Phone, FieldCountry: r.Country,
	} {
		switch {
		case value == "":
			bad[name] = "missing"
		case utf8.RuneCountInString(value) > maxFieldRunes || !utf8.ValidString(value):
			bad[name] = "long"
		}
	}
	if bad[FieldEmail] == "" {
		address, err := mail.ParseAddress(r.Email)
		if err != nil || address.Address != r.Email || !strings.Contains(r.Email[strings.LastIndexByte(r.Email, '@'):], ".") {
			bad[FieldEmail] = "malformed"
		}
	}
	if bad[FieldPhone] == "" && !isPhone(r.Phone) {
		bad[FieldPhone] = "malformed"
	}
	if r.TermsVersion != s.manifest.Legal.Version {
		bad[FieldTerms] = "missing"
	}
	return bad
}

// isPhone accepts what people write: at least five digits, and besides only
// the usual marks and an extension.
func isPhone(s string) bool {
	digits := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case !strings.ContainsRune("+-()./ #xext,;доб", r):
			return false
		}
	}
	return digits >= 5 && digits <= 25
}

// Registration returns what the portal registered with, or ErrNotFound.
func (s *Service) Registration(ctx context.Context, tenant string) (Registration, error) {
	return s.store.Registration(ctx, tenant)
}

// RowLimit is how many rows a portal may import at a time; 0: no limit.
func (s *Service) RowLimit(ctx context.Context, tenant string) (int, error) {
	if s.freeRows <= 0 {
		return 0, nil
	}
	_, err := s.store.Registration(ctx, tenant)
	switch {
	case err == nil:
		return 0, nil
	case errors.Is(err, ErrNotFound):
		return s.freeRows, nil
	}
	return 0, fmt.Errorf("reading the registration: %w", err)
}
