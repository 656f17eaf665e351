// Package vault keeps secrets secret: it seals what is stored, and makes the
// random values that must not be guessed.
//
// It must not know what it seals, nor where that is stored.
package vault

import (
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
)

// KeySize is the length of every key in bytes: AES-256.
const KeySize = 32

// ErrUnknownKey is returned for bytes sealed with a key that this vault does
// not have: APP_KEY was changed, or the key file lost.
var ErrUnknownKey = errors.New("sealed with a key that is not known here")

// ErrDamaged is returned for bytes that are not what Seal made for the same
// additional data: altered, cut off, or moved here from another row.
var ErrDamaged = errors.New("sealed bytes are damaged or belong elsewhere")

// The sealed form: a version byte, the id of the key, and what AES-256-GCM
// with a random nonce makes of the rest (12 bytes nonce, ciphertext, 16 bytes
// tag). Version and key id are authenticated together with the caller's
// additional data.
const (
	version    = 1
	idSize     = 4
	headerSize = 1 + idSize
)

// Overhead is the number of bytes by which Seal makes things longer.
const Overhead = headerSize + 12 + 16

// Vault seals and unseals. It is safe for use by several goroutines.
type Vault struct {
	keys []key
}

type key struct {
	id   [idSize]byte
	aead cipher.AEAD
}

// New returns a vault whose first key seals and whose keys all open, so that
// a key is changed by putting the new one in front of the old. A key is
// KeySize random bytes; giving the same one twice is an error.
func New(keys ...[]byte) (*Vault, error) {
	if len(keys) == 0 {
		return nil, errors.New("vault: no key given")
	}
	v := new(Vault)
	for i, k := range keys {
		made, err := newKey(k)
		if err != nil {
			return nil, fmt.Errorf("vault: key %d: %w", i+1, err)
		}
		if v.find(made.id[:]) != nil {
			return nil, fmt.Errorf("vault: key %d is given twice", i+1)
		}
		v.keys = append(v.keys, made)
	}
	return v, nil
}

// Seal encrypts plain so that only a vault with the same key opens it, and
// only when it is given the same additional data: say with ad where the
// result will be kept, and it cannot be moved to another place.
func (v *Vault) Seal(plain []byte, ad string) ([]byte, error) {
	k := v.keys[0]
	out := make([]byte, headerSize, len(plain)+Overhead)
	out[0] = version
	copy(out[1:], k.id[:])
	return k.aead.Seal(out, nil, plain, bound(out[:headerSize], ad)), nil
}

// Unseal opens what Seal has made for the same ad. Its error wraps
// ErrUnknownKey or ErrDamaged.
func (v *Vault) Unseal(sealed []byte, ad string) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != version {
		return nil, ErrDamaged
	}
	k := v.find(sealed[1:headerSize])
	if k == nil {
		return nil, ErrUnknownKey
	}
	plain, err := k.aead.Open(nil, nil, sealed[headerSize:], bound(sealed[:headerSize], ad))
	if err != nil {
		return nil, ErrDamaged // says nothing about why, as GCM itself
	}
	return plain, nil
}

// Reseal seals with the first key what an older one has sealed. Bytes that
// the first key has sealed are returned as they are, with changed false.
func (v *Vault) Reseal(sealed []byte, ad string) (resealed []byte, changed bool, err error) {
	plain, err := v.Unseal(sealed, ad)
	if err != nil {
		return nil, false, err
	}
	if [idSize]byte(sealed[1:headerSize]) == v.keys[0].id {
		return sealed, false, nil
	}
	resealed, err = v.Seal(plain, ad)
	return resealed, err == nil, err
}

func (v *Vault) find(id []byte) *key {
	for i := range v.keys {
		if v.keys[i].id == [idSize]byte(id) {
			return &v.keys[i]
		}
	}
	return nil
}

func newKey(secret []byte) (key, error) {
	if len(secret) != KeySize {
		return key{}, fmt.Errorf("is %d bytes long, not %d", len(secret), KeySize)
	}
	aead, err := newAEAD(secret)
	if err != nil {
		return key{}, err
	}
	// The id only tells keys apart; it is a hash, which gives nothing away.
	sum := sha256.Sum256(append([]byte("spa-importer key id\x00"), secret...))
	return key{id: [idSize]byte(sum[:idSize]), aead: aead}, nil
}

func bound(header []byte, ad string) []byte {
	return append(append(make([]byte, 0, len(header)+len(ad)), header...), ad...)
}
