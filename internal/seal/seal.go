// Package seal encrypts and authenticates texts that leave the process and come back: deliveries
// in the store, response_urls, the metadata of a form, the value of a paging button.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync/atomic"
)

// ErrInvalid is returned for a text that was sealed with another secret, for another purpose, or
// not at all.
var ErrInvalid = errors.New("it was sealed by another installation, or for something else")

// Sealer seals with a key that is derived from a secret: nobody without the secret can read a
// sealed text or make one.
type Sealer struct {
	keys   atomic.Pointer[[]cipher.AEAD] // the first one seals, each of them opens
	random io.Reader
}

// New returns a sealer for a secret, which must not be empty.
func New(secret string, random io.Reader) (*Sealer, error) {
	s := &Sealer{random: random}
	s.keys.Store(&[]cipher.AEAD{})
	return s, s.Renew(secret)
}

// Renew goes on with another secret. What was sealed with those before is opened as long as the process runs.
func (s *Sealer) Renew(secret string) error {
	if secret == "" {
		return errors.New("the secret to seal with is empty")
	}
	key := sha256.Sum256([]byte("vpsbot: what is sealed for Slack\n" + secret))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	keys := slices.Concat([]cipher.AEAD{aead}, *s.keys.Load())
	s.keys.Store(&keys)
	return nil
}

// Seal encrypts text for one purpose. Open with another purpose fails.
func (s *Sealer) Seal(purpose string, text []byte) []byte {
	aead := (*s.keys.Load())[0]
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(text)+aead.Overhead())
	if _, err := io.ReadFull(s.random, nonce); err != nil {
		panic(err) // without randomness nothing is safe
	}
	return aead.Seal(nonce, nonce, text, []byte(purpose))
}

// Open decrypts what Seal made for the same purpose, or fails with ErrInvalid.
func (s *Sealer) Open(purpose string, sealed []byte) ([]byte, error) {
	for _, aead := range *s.keys.Load() {
		size := aead.NonceSize()
		if len(sealed) < size {
			return nil, ErrInvalid
		}
		if text, err := aead.Open(nil, sealed[:size], sealed[size:], []byte(purpose)); err == nil {
			return text, nil
		}
	}
	return nil, ErrInvalid
}

// Token seals a value as text that fits a button or a form's metadata.
func (s *Sealer) Token(purpose string, value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err) // only strings, numbers and maps of strings come here
	}
	return base64.RawURLEncoding.EncodeToString(s.Seal(purpose, raw))
}

// OpenToken decodes into value what Token sealed for the same purpose.
func (s *Sealer) OpenToken(purpose, token string, value any) error {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return ErrInvalid
	}
	raw, err := s.Open(purpose, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, value)
}
