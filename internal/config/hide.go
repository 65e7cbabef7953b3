package config

import (
	"net/url"
	"strconv"
	"strings"
)

const (
	tokenPrefix = "vps_"
	// shortestSecret is what a text must have to be hidden: a shorter one would be found, and
	// taken out, in any sentence.
	shortestSecret = 8
	// longName is what a name without a folder must exceed to look like a token.
	longName = 20
)

// Hide replaces, in a text that people or logs will see, what the environment gave as a
// token or a key, in each form that a text may have it in. It works on a Config that [Read]
// returned with an error too, and may be called concurrently.
func (c Config) Hide(text string) string {
	for _, secret := range c.secrets() {
		spelled := strconv.Quote(secret)
		for _, form := range []string{secret, spelled[1 : len(spelled)-1], url.QueryEscape(secret), url.PathEscape(secret)} {
			text = strings.ReplaceAll(text, form, redacted)
		}
	}
	return text
}

// secrets lists what must not be shown, the longest form of each first.
func (c Config) secrets() []string {
	given := []string{c.vars.Token.Reveal(), c.vars.Key.Reveal()}
	files := []string{c.vars.TokenFile, c.vars.KeyFile}
	reads := []func() (string, error){c.Token(), c.Key()}
	for _, s := range []slackSecret{c.botToken(), c.signingSecret(), c.appToken()} {
		given, files, reads = append(given, s.given.Reveal()), append(files, s.file), append(reads, s.read)
	}
	for _, file := range files {
		if c.pasted(file) {
			given = append(given, file)
		}
	}
	for _, read := range reads {
		if secret, err := read(); err == nil {
			given = append(given, secret)
		}
	}
	var secrets []string
	for _, text := range given {
		text = strings.TrimSpace(text)
		for _, word := range append([]string{text}, strings.Fields(text)...) {
			if len(word) >= shortestSecret {
				secrets = append(secrets, word)
			}
		}
	}
	return secrets
}

// pasted reports whether the name of a file may be a token that was pasted there.
func (c Config) pasted(file string) bool {
	file = strings.TrimSpace(file)
	return file != "" && looksLikeToken(file)
}

func looksLikeToken(text string) bool {
	bare := !strings.ContainsAny(text, `/\`)
	slack := strings.HasPrefix(text, botPrefix) || strings.HasPrefix(text, appPrefix)
	return strings.HasPrefix(text, tokenPrefix) || slack || hasBearer(text) || bare && len(text) > longName
}
