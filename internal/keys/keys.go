// Package keys makes access keys and finds the holder of one.
//
// A key is a secret of 256 random bits that identifies a person at a terminal or an assistant's caller. It is
// shown once and stored as a hash.
package keys

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/audit"
)

// Prefix begins every secret, so that one that leaked can be recognised.
const Prefix = "vpsbot_"

// Key is an access key without its secret.
type Key struct {
	Name      string // "lead-laptop"
	Hash      string // hex SHA-256 of the secret
	CreatedAt time.Time
	ExpiresAt time.Time // from then on it is refused; zero: never
	RevokedAt time.Time // zero: it was not
}

// Store keeps keys. Each write appends its row of the audit log in the same transaction.
type Store interface {
	// Add stores a new key, or fails with ErrTaken: a name is never used twice, even after
	// its key was revoked.
	Add(ctx context.Context, k Key, row audit.Row) error
	// AddFirst stores a key where there has never been one, or fails with ErrNotFirst.
	AddFirst(ctx context.Context, k Key, row audit.Row) error
	// Revoke ends a key, or fails with ErrNotFound for a name that never was and with
	// ErrRevoked for one that has ended before.
	Revoke(ctx context.Context, name string, at time.Time, row audit.Row) error
	// Keys returns all keys, oldest first, the revoked ones too.
	Keys(ctx context.Context) ([]Key, error)
	// ByHash returns the key with that hash, or ErrNotFound; ByName the one of that name.
	ByHash(ctx context.Context, hash string) (Key, error)
	ByName(ctx context.Context, name string) (Key, error)
}

// Errors that a caller tells apart. None repeats a secret.
var (
	ErrNotFirst = errors.New("it is not the first access key of this database, so a person at a terminal makes it")
	ErrNotFound = errors.New("no such access key: vpsbot keys list shows those that exist")
	ErrTaken    = errors.New("an access key of that name exists, or existed: take another name")
	ErrRevoked  = errors.New("the access key was revoked: ask for a new one, vpsbot keys create NAME")
	ErrExpired  = errors.New("the access key has expired: ask for a new one, vpsbot keys create NAME")
)

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// New makes a secret and its hash out of 256 bits of random. Only the hash is to be stored.
func New(random io.Reader) (secret, hash string, err error) {
	bits := make([]byte, 32)
	if _, err := io.ReadFull(random, bits); err != nil {
		return "", "", fmt.Errorf("making an access key: %w", err)
	}
	secret = Prefix + strings.ToLower(encoding.EncodeToString(bits))
	return secret, Hash(secret), nil
}

// Hash returns the stored form of a secret: hex SHA-256. A slow hash would add nothing to 256 random bits.
func Hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Find returns the key of a secret. White space around the secret is ignored. It fails with ErrNotFound,
// ErrRevoked or ErrExpired, and then returns no key.
func Find(ctx context.Context, store Store, secret string, now time.Time) (Key, error) {
	hash := Hash(strings.TrimSpace(secret))
	k, err := store.ByHash(ctx, hash)
	if err != nil {
		return Key{}, err
	}
	if subtle.ConstantTimeCompare([]byte(k.Hash), []byte(hash)) != 1 {
		return Key{}, ErrNotFound
	}
	if err := k.Ended(now); err != nil {
		return Key{}, err
	}
	return k, nil
}

// Ended fails with ErrNotFound, ErrRevoked or ErrExpired for the name of a key that is no longer valid. No name is
// used twice, so that a valid name is the same key as before.
func Ended(ctx context.Context, store Store, name string, now time.Time) error {
	k, err := store.ByName(ctx, name)
	if err != nil {
		return err
	}
	return k.Ended(now)
}

// Ended fails with ErrRevoked or ErrExpired for a key that is no longer valid.
func (k Key) Ended(now time.Time) error {
	switch {
	case !k.RevokedAt.IsZero():
		return ErrRevoked
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return ErrExpired
	}
	return nil
}

// keyName is compiled when it is first used: most processes make no key.
var keyName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`) })

// ErrSecretName is for a name that is a secret, or looks like one: names stay in the log for ever.
var ErrSecretName = errors.New("that is a secret, or looks like one, and would stand in the log for ever: write a name such as lead-laptop")

// secretPrefixes begin tokens of VPS.org, access keys, tokens of Slack and those of others.
var secretPrefixes = []string{"vps_", Prefix, "xox", "xapp-", "ghp_", "gho_", "github_pat_", "glpat-", "sk-", "sk_", "eyJ", "AKIA"}

// longestWord is the greatest length of a part of a name with letters and digits in it.
const longestWord = 19

func looksSecret(name string) bool {
	if slices.ContainsFunc(secretPrefixes, func(prefix string) bool { return strings.HasPrefix(strings.ToLower(name), strings.ToLower(prefix)) }) {
		return true
	}
	words := strings.FieldsFunc(name, func(c rune) bool { return c == '-' || c == '_' || c == '.' })
	return slices.ContainsFunc(words, func(word string) bool {
		return len(word) > longestWord && strings.ContainsAny(word, "0123456789") && strings.Trim(word, "0123456789") != ""
	})
}

var errName = errors.New("an access key is named with 1 to 64 letters, digits, hyphens, underscores and dots")

// CheckName fails for a text that cannot be a key's name: policies have it as key:NAME, and so has every audit row
// of the key's holder.
func CheckName(name string) error {
	if looksSecret(name) {
		return ErrSecretName
	}
	if !keyName().MatchString(name) {
		return errName
	}
	return nil
}
