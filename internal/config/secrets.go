package config

import "strings"

const (
	tokenPrefix = "vps_"
	// longName is what a name without a folder must exceed to look like a token.
	longName = 20
)

// Secrets lists what people and logs must not see of what the environment gave: tokens and keys, the
// longest form of each first. It works on a Config that [Read] returned with an error too, and may
// be called concurrently.
func (c Config) Secrets() []string {
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
		secrets = append(append(secrets, strings.TrimSpace(text)), strings.Fields(text)...)
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
