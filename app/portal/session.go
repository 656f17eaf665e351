package portal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// How long a session lives without a request, and at most.
const (
	SessionIdle = time.Hour
	SessionLife = 12 * time.Hour
)

// tokenLength is the length of a token: 32 random bytes in base64.
const tokenLength = 43

func newToken() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// hashToken is what is kept of a token; "" for what cannot be one.
func hashToken(token string) string {
	if len(token) != tokenLength {
		return ""
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != 32 {
		return ""
	}
	return hashText(token)
}

// Session finds the session of a token, or returns ErrSessionOver.
func (s *Service) Session(ctx context.Context, token string) (Session, error) {
	hash := hashToken(token)
	if hash == "" {
		return Session{}, ErrSessionOver
	}
	now := s.now()
	// Seen is as it was before this look.
	found, err := s.store.Session(ctx, hash, now)
	switch {
	case errors.Is(err, ErrNotFound):
		return Session{}, ErrSessionOver
	case err != nil:
		return Session{}, fmt.Errorf("reading the session: %w", err)
	}
	if now.Sub(found.Seen) >= SessionIdle || now.Sub(found.Created) >= SessionLife {
		return Session{}, ErrSessionOver
	}
	return found, nil
}

// begin stores a new session and returns its token.
func (s *Service) begin(ctx context.Context, session Session) (string, Session, error) {
	token := newToken()
	session.Hash = hashToken(token)
	session.Created = s.now()
	session.Seen = session.Created
	if err := s.store.CreateSession(ctx, session); err != nil {
		return "", Session{}, fmt.Errorf("storing the session: %w", err)
	}
	return token, session, nil
}

// hashText is SHA-256 in hex, for telling secrets apart without keeping them.
func hashText(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
