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

// origin is the name of every key and the beginning of every checkpoint: a signature on a checkpoint cannot
// pass for one on a note about something else.
const origin = "vpsbot/audit"

var (
	errNoKey      = errors.New("this is no private key of an audit log: vpsbot audit key makes one")
	errNoVerifier = errors.New("this is no verifier key of an audit log: it begins with " + origin + "+, vpsbot audit key prints it")
)

// Key signs checkpoints. Its zero value signs nothing; see [ParseKey].
type Key struct {
	signer   note.Signer
	verifier string
	earlier  []string // public texts of the keys before it
}

// Name is eight letters of hex, which the verifier of the key has too; empty for the zero key.
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

// ParseKey parses the private text of a key, and the public texts of the keys before it, a line each; white space around
// them is ignored. An error does not have the text in it.
func ParseKey(text string) (Key, error) {
	private, earlier, _ := strings.Cut(strings.TrimSpace(text), "\n")
	private = strings.TrimSpace(private)
	signer, err := note.NewSigner(private)
	if err != nil || signer.Name() != origin {
		return Key{}, errNoKey
	}
	// The signer does not return its public half. NewSigner has checked the form:
	// PRIVATE+KEY+name+hash+base64 of an algorithm's byte and the seed.
	seed, _ := base64.StdEncoding.DecodeString(strings.SplitN(private, "+", 5)[4])
	public := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	verifier, err := note.NewEd25519VerifierKey(origin, public)
	if _, wrong := ParseVerifiers(strings.Fields(earlier)...); wrong != nil {
		err = fmt.Errorf("after the first line: %w", wrong)
	}
	return Key{signer: signer, verifier: verifier, earlier: strings.Fields(earlier)}, err
}

// Verifier is the public text of the key, for [ParseVerifiers]; empty for the zero key.
func (k Key) Verifier() string { return k.verifier }

// Verifiers are the public texts of the key and of those before it: what each of them signed is right.
func (k Key) Verifiers() []string { return append([]string{k.verifier}, k.earlier...) }

// Verifiers are the public keys whose signature on a checkpoint counts. The zero value has none.
type Verifiers struct{ known note.Verifiers }

// ParseVerifiers parses the public texts of keys: several for a log whose key was changed.
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

// Any reports whether there is a key. Without one no checkpoint is verified.
func (v Verifiers) Any() bool { return v.known != nil }
