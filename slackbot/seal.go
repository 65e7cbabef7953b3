package slackbot

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// What Slack sends holds addresses that whoever knows them can post to, and what goes out in a
// form or behind a paging button comes back from a client. Both are sealed with a key that the
// bot's token gives: nobody reads them in the store, and nobody makes one up.

func newSealer(token string) (cipher.AEAD, error) {
	if token == "" {
		return nil, errors.New("the bot's token is empty")
	}
	key := sha256.Sum256([]byte("vpsbot: what is sealed for Slack\n" + token))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal encrypts text for one purpose: what was sealed for another does not open.
func (b *Bot) seal(purpose string, text []byte) []byte {
	nonce := make([]byte, b.sealer.NonceSize(), b.sealer.NonceSize()+len(text)+b.sealer.Overhead())
	if _, err := io.ReadFull(b.Random, nonce); err != nil {
		panic(err) // without randomness nothing is safe
	}
	return b.sealer.Seal(nonce, nonce, text, []byte(purpose))
}

var errSealed = errors.New("it was sealed by another installation, or for something else")

func (b *Bot) open(purpose string, sealed []byte) ([]byte, error) {
	size := b.sealer.NonceSize()
	if len(sealed) < size {
		return nil, errSealed
	}
	text, err := b.sealer.Open(nil, sealed[:size], sealed[size:], []byte(purpose))
	if err != nil {
		return nil, errSealed
	}
	return text, nil
}

// token seals a value for a button or for a form's metadata.
func (b *Bot) token(purpose string, value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err) // only strings and maps of strings come here
	}
	return base64.RawURLEncoding.EncodeToString(b.seal(purpose, raw))
}

func (b *Bot) untoken(purpose, token string, value any) error {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return errSealed
	}
	raw, err := b.open(purpose, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, value)
}

// broke makes an error of a panic.
func (b *Bot) broke(value any) error { return fmt.Errorf("internal error: %v", value) }
