package audit

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// origin is the name of every key and what every checkpoint begins with: a signature of
// one cannot pass for that of a note about something else.
const origin = "vpsbot/audit"

var (
	errNoKey      = errors.New("this is no private key of an audit log: vpsbot audit key makes one")
	errNoVerifier = errors.New("this is no verifier key of an audit log: it begins with " + origin + "+, vpsbot audit key prints it")
)

// Key signs checkpoints. Its zero value signs nothing; see [ParseKey].
type Key struct {
	signer   note.Signer
	verifier string
}

// Name tells the key from others: eight letters of hex, which its verifier has too.
func (k Key) Name() string {
	if k.signer == nil {
		return ""
	}
	return keyName(k.signer.KeyHash())
}

func keyName(hash uint32) string { return fmt.Sprintf("%08x", hash) }

// NewKey makes a key and returns its private text, for [ParseKey].
func NewKey(random io.Reader) (string, error) {
	private, _, err := note.GenerateKey(random, origin)
	if err != nil {
		return "", fmt.Errorf("audit key: %w", err)
	}
	return private, nil
}

// ParseKey reads the private text of a key, with white space around it or not. An error
// does not repeat it.
func ParseKey(private string) (Key, error) {
	private = strings.TrimSpace(private)
	signer, err := note.NewSigner(private)
	if err != nil || signer.Name() != origin {
		return Key{}, errNoKey
	}
	// The signer keeps its public half to itself. NewSigner has checked the form:
	// PRIVATE+KEY+name+hash+base64 of an algorithm's byte and the seed.
	seed, err := base64.StdEncoding.DecodeString(strings.SplitN(private, "+", 5)[4])
	if err != nil {
		return Key{}, errNoKey
	}
	public := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	verifier, err := note.NewEd25519VerifierKey(origin, public)
	return Key{signer: signer, verifier: verifier}, err
}

// Verifier is the public text of the key, for [ParseVerifiers]; empty for the zero key.
func (k Key) Verifier() string { return k.verifier }

// Verifiers are the public keys whose signature on a checkpoint counts. The zero value
// has none: see [Verifiers.Any].
type Verifiers struct{ known note.Verifiers }

// ParseVerifiers reads the public texts of keys. Several are for a log whose key was changed.
func ParseVerifiers(public ...string) (Verifiers, error) {
	var list []note.Verifier
	for _, text := range public {
		verifier, err := note.NewVerifier(strings.TrimSpace(text))
		if err != nil || verifier.Name() != origin {
			return Verifiers{}, errNoVerifier
		}
		list = append(list, verifier)
	}
	if len(list) == 0 {
		return Verifiers{}, nil
	}
	return Verifiers{note.VerifierList(list...)}, nil
}

// Any reports whether there is a key. Without one checkpoints are not looked at.
func (v Verifiers) Any() bool { return v.known != nil }
