package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vpsbot/vpsbot/internal/redact"
)

// Secret is a text that prints as "[redacted]" in every form: through fmt by Format,
// and through slog and both sorts of JSON by MarshalText. Its zero value is the empty secret. It is not comparable.
type Secret struct {
	// A function, so that fmt finds no text even in a field whose methods it may not call.
	reveal func() string
}

// Reveal returns the text itself. The caller must not show it.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// EnvDecode stores the value of a variable unchanged.
func (s *Secret) EnvDecode(_ context.Context, value string) error {
	s.reveal = func() string { return value }
	return nil
}

// Format writes "[redacted]", whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redact.Mark) }

// MarshalText returns "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redact.Mark), nil }

const (
	fileSuffix     = "_FILE"
	maxSecretBytes = 16 << 10 // of a file; a larger one is some other file
	maxBareName    = 20       // letters of the name of a file without a folder; a longer one may be a secret
)

// The secrets, by their variables.
const (
	apiToken      = "VPS_API_TOKEN"
	accessKey     = "VPSBOT_KEY"
	botToken      = "SLACK_BOT_TOKEN"
	signingSecret = "SLACK_SIGNING_SECRET"
	appToken      = "SLACK_APP_TOKEN"
	databaseURL   = "VPSBOT_DATABASE_URL"
	auditKey      = "VPSBOT_AUDIT_KEY" // as a credential alone
)

var secretNames = []string{apiToken, accessKey, botToken, signingSecret, appToken, databaseURL}

// secretSource is where one secret may come from: its variable, the file that its _FILE variable names, or a
// credential of systemd's. [Read] refuses a variable beside its file; both count before a credential.
type secretSource struct {
	name       string // of the variable: "VPSBOT_KEY"
	noun       string // token, secret, key or URL
	value      string // of the variable
	file       string // of the _FILE variable
	credential string // path of the credential; empty: there is none
}

func (c Config) secretSources() []secretSource {
	v := c.vars
	return []secretSource{
		c.newSource(apiToken, "token", v.Token, v.TokenFile),
		c.newSource(accessKey, "key", v.Key, v.KeyFile),
		c.newSource(botToken, "token", v.BotToken, v.BotTokenFile),
		c.newSource(signingSecret, "secret", v.SigningSecret, v.SigningSecretFile),
		c.newSource(appToken, "token", v.AppToken, v.AppTokenFile),
		c.newSource(databaseURL, "URL", v.DatabaseURL, v.DatabaseURLFile),
	}
}

func (c Config) newSource(name, noun string, value Secret, file string) secretSource {
	return secretSource{
		name: name, noun: noun, value: strings.TrimSpace(value.Reveal()), file: strings.TrimSpace(file),
		credential: c.credential(name),
	}
}

// credential returns the path of a credential of systemd's; empty: there is none of that name.
func (c Config) credential(name string) string {
	return credentialPath(c.vars.CredentialsDirectory, name)
}

func credentialPath(folder, name string) string {
	if folder == "" {
		return ""
	}
	path := filepath.Join(folder, name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return path
}

func (c Config) secretSource(name string) secretSource {
	sources := c.secretSources()
	return sources[slices.IndexFunc(sources, func(s secretSource) bool { return s.name == name })]
}

// isSet reports whether the secret is given somewhere, readable or not.
func (s secretSource) isSet() bool { return s.value != "" || s.file != "" || s.credential != "" }

// filePath returns the file that holds the secret, and what names the file; empty: no file does.
func (s secretSource) filePath() (path, namedBy string) {
	switch {
	case s.file != "":
		return s.file, s.name + fileSuffix
	case s.value == "" && s.credential != "":
		return s.credential, "the credential " + s.name
	}
	return "", ""
}

// isPasted reports whether the secret itself may stand in the place of its file's name.
func (s secretSource) isPasted() bool { return s.file != "" && looksLikeSecret(s.file) }

func looksLikeSecret(text string) bool {
	hasPrefix := slices.ContainsFunc([]string{tokenPrefix, keyPrefix, botPrefix, appPrefix, "postgres:", "postgresql:"}, func(p string) bool { return strings.HasPrefix(text, p) })
	return hasPrefix || hasBearer(text) || !strings.ContainsAny(text, `/\`) && len(text) > maxBareName
}

// hasBearer reports whether a token was copied together with the scheme of its header.
func hasBearer(text string) bool {
	scheme, _, more := strings.Cut(text, " ")
	return more && strings.EqualFold(scheme, "bearer")
}

// reader returns a function that returns the secret, and may be called concurrently. It reads a file again
// when the file has changed.
func (s secretSource) reader() func() (string, error) {
	if path, namedBy := s.filePath(); path != "" {
		return (&secretFile{source: s, path: path, namedBy: namedBy}).secret
	}
	value, err := s.checkedValue()
	return func() (string, error) { return value, err }
}

// Trim returns a secret as it was read or entered, without the white space around it and the byte order mark before it.
func Trim(text string) string { return strings.TrimSpace(strings.TrimPrefix(text, "\ufeff")) }

func (s secretSource) checkedValue() (string, error) {
	switch {
	case s.value == "":
		return "", errors.New(s.name + " is not set")
	case hasBearer(s.value):
		return "", fmt.Errorf("%s: %w", s.name, errBearer)
	case unfilledSecret(s.value) != "":
		return "", errors.New(s.name + " " + unfilledSecret(s.value))
	case strings.ContainsAny(s.value, " \t\r\n"):
		return "", fmt.Errorf("%s holds more than a %s: set it to the %[2]s alone", s.name, s.noun)
	}
	return s.value, nil
}

var errBearer = errors.New("leave out the word Bearer: write the token alone")

// secretFile is a file that holds a secret, and what was last read of it.
type secretFile struct {
	source        secretSource
	path, namedBy string
	private       bool // it must be this user's, and unreadable to others

	mu   sync.Mutex
	seen os.FileInfo
	text string
}

func (f *secretFile) secret() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	// The text and the facts are of one open file: the path may name another file at any time.
	file, err := os.Open(f.path)
	if err != nil {
		return "", f.unreadable(err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	info, err := file.Stat()
	if err != nil {
		return "", f.unreadable(err)
	}
	if f.private {
		if err := CheckPrivate(f.path, info); err != nil {
			return "", err
		}
	}
	if f.seen != nil && f.seen.ModTime().Equal(info.ModTime()) && f.seen.Size() == info.Size() && os.SameFile(f.seen, info) {
		return f.text, nil
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxSecretBytes+1))
	if err != nil {
		return "", f.unreadable(err)
	}
	text, noun, name := Trim(string(raw)), f.source.noun, "the file "+f.path
	if f.source.isPasted() {
		name = "the file it names"
	}
	switch {
	case hasBearer(text):
		return "", fmt.Errorf("%s: %s: %w", f.namedBy, name, errBearer)
	case unfilledSecret(text) != "":
		return "", fmt.Errorf("%s: what %s holds %s", f.namedBy, name, unfilledSecret(text))
	case len(raw) > maxSecretBytes || strings.ContainsAny(text, " \t\r\n"):
		return "", fmt.Errorf("%s: %s holds more than a %s: write the %[3]s alone into it", f.namedBy, name, noun)
	case text == "":
		return "", fmt.Errorf("%s: %s is empty: write the %s into it", f.namedBy, name, noun)
	}
	f.seen, f.text = info, text
	return text, nil
}

func (f *secretFile) unreadable(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err // without the path
	}
	if f.private {
		return Denied(fmt.Errorf("%s: the file %s cannot be read (%w)", f.namedBy, f.path, err), filepath.Dir(f.path))
	}
	if f.source.isPasted() {
		return fmt.Errorf("%s holds what looks like a %s, and must name a file (%w): to give the %[2]s itself set %[4]s", f.namedBy, f.source.noun, err, f.source.name)
	}
	return fmt.Errorf("%s: the file %s cannot be read (%w): name a file that holds the %s", f.namedBy, f.path, err, f.source.noun)
}

// ErrNoToken is for an environment without a VPS.org token.
var ErrNoToken = errors.New("no VPS.org token is set: make one at https://admin.vps.org/account/developers/ and run vpsbot login, or set " +
	"VPS_API_TOKEN_FILE to a file that holds it (or VPS_API_TOKEN to it); VPS_API_URL=simulator needs none")

// Token returns a function that returns the API token, or fails with [ErrNoToken] where there is none. It may be
// called concurrently. A file is read again when it has changed. The keyring is asked only where neither the environment
// nor the profile gives a token.
func (c Config) Token() func() (string, error) {
	if c.options.Entered != "" {
		return func() (string, error) { return c.options.Entered, nil }
	}
	if source := c.secretSource(apiToken); source.isSet() {
		return meantFor(apiToken, source.reader())
	}
	kept := c.newKeptToken()
	return meantFor(apiToken, func() (string, error) {
		token, _, err := kept.read()
		return token, err
	})
}

// meantFor reads a secret that is sent, but not one in the place of another: it would be sent to whom it is not for.
func meantFor(name string, read func() (string, error)) func() (string, error) {
	return func() (string, error) {
		secret, err := read()
		for of, begins := range map[string]string{apiToken: tokenPrefix, accessKey: keyPrefix, botToken: botPrefix, appToken: appPrefix} {
			if of != name && strings.HasPrefix(secret, begins) {
				return "", fmt.Errorf("%s begins with %s: it is a secret for %s, and is not sent", name, begins, of)
			}
		}
		return secret, err
	}
}

// Key is [Config.Token] for the access key: "" where none is set. A key that cannot be read is an error.
func (c Config) Key() func() (string, error) {
	source := c.secretSource(accessKey)
	if !source.isSet() {
		return func() (string, error) { return "", nil }
	}
	return source.reader()
}

// SlackBotToken is [Config.Token] for the bot's token; where none is set, that is an error.
func (c Config) SlackBotToken() func() (string, error) {
	return meantFor(botToken, c.secretSource(botToken).reader())
}

// SlackSigningSecret is [Config.SlackBotToken] for the secret with which Slack signs its requests.
func (c Config) SlackSigningSecret() func() (string, error) {
	return c.secretSource(signingSecret).reader()
}

// SlackAppToken is [Config.SlackBotToken] for the app-level token of Socket Mode.
func (c Config) SlackAppToken() func() (string, error) {
	return meantFor(appToken, c.secretSource(appToken).reader())
}

// Secrets lists the tokens and keys of the environment, which nobody may see. It works on a Config that
// [Read] returned with an error too, and may be called concurrently. It asks no keyring.
func (c Config) Secrets() (secrets []string) {
	add := func(text string) { secrets = append(append(secrets, text), strings.Fields(text)...) }
	add(c.options.Entered)
	if c.options.Keyring != nil {
		for _, token := range c.options.Keyring.Seen() {
			add(token)
		}
	}
	for _, s := range c.secretSources() {
		if s.isPasted() {
			add(s.file)
		}
		if s.name == databaseURL {
			add(c.databasePassword()) // the rest of the URL may be shown
			continue
		}
		add(s.value)
		read := s.reader()
		if kept := c.newKeptToken(); s.name == apiToken && !s.isSet() && kept.file != nil {
			read = kept.file.secret
		}
		if secret, err := read(); err == nil {
			add(secret)
		}
	}
	return append(secrets, c.traceSecrets()...)
}

// File is a file that a variable or a credential of systemd's names.
type File struct {
	Of   string // "VPS_API_TOKEN_FILE", "the credential VPSBOT_KEY"
	Path string
}

// SecretFiles returns the files that hold the secrets. A secret that stands in the place of a file's name is
// left out.
func (c Config) SecretFiles() (files []File) {
	for _, s := range c.secretSources() {
		if path, namedBy := s.filePath(); path != "" && !s.isPasted() {
			files = append(files, File{namedBy, path})
		}
	}
	return files
}
