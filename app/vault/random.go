package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
)

// NewDataKey returns KeySize random bytes: a key for the data of one import.
func NewDataKey() []byte {
	return random(KeySize)
}

// NewToken returns a token of 256 random bits, fit for headers and forms, and
// the hash under which it is kept.
func NewToken() (token, hash string) {
	token = base64.RawURLEncoding.EncodeToString(random(32))
	return token, HashToken(token)
}

// HashToken is the SHA-256 of a token in hex: enough to find it again, no use
// to whoever reads it in a database.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// NewID returns 16 characters of [a-z2-7], 80 random bits: a name that is not
// met twice and cannot be guessed.
func NewID() string {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").EncodeToString(random(10))
}

// random never fails: crypto/rand ends the process when the system has no
// randomness to give.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func newAEAD(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
