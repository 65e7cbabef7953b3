package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// maxToken bounds a token file: what is longer is some other file.
const maxToken = 16 << 10

// ErrNoToken says that no token is set anywhere.
var ErrNoToken = errors.New("no VPS.org token is set: make one at https://admin.vps.org/account/developers/ and set " +
	"VPS_API_TOKEN to it (or VPS_API_TOKEN_FILE to a file that holds it); VPS_API_URL=simulator needs none")

// Token returns a function that returns the API token: of the file of VPS_API_TOKEN_FILE or of
// VPS_API_TOKEN, else of systemd's credentials. It fails with [ErrNoToken] where there is none. A
// file is read again when it has changed. It may be called concurrently.
func (c Config) Token() func() (string, error) {
	if file := strings.TrimSpace(c.vars.TokenFile); file != "" {
		return (&tokenFile{path: file, of: "VPS_API_TOKEN_FILE", what: "token", mute: c.pasted(file)}).token
	}
	if path, ok := c.credential("VPS_API_TOKEN"); ok && strings.TrimSpace(c.vars.Token.Reveal()) == "" {
		return (&tokenFile{path: path, of: "the credential VPS_API_TOKEN", what: "token"}).token
	}
	token, err := c.given()
	return func() (string, error) { return token, err }
}

// given is the token of VPS_API_TOKEN itself.
func (c Config) given() (string, error) {
	token := strings.TrimSpace(c.vars.Token.Reveal())
	switch {
	case token == "" && c.IsSimulator():
		return demoToken, nil
	case token == "":
		return "", ErrNoToken
	case hasBearer(token):
		return "", fmt.Errorf("VPS_API_TOKEN: %w", errBearer)
	case unfilledSecret(token) != "":
		return "", errors.New("VPS_API_TOKEN " + unfilledSecret(token))
	case strings.ContainsAny(token, " \t\r\n"):
		return "", errors.New("VPS_API_TOKEN holds more than a token: set it to the token alone")
	}
	return token, nil
}

var errBearer = errors.New("leave out the word Bearer: write the token alone")

// hasBearer reports whether a token was copied together with the scheme of its header.
func hasBearer(text string) bool {
	scheme, _, more := strings.Cut(text, " ")
	return more && strings.EqualFold(scheme, "bearer")
}

// credential finds a secret among systemd's credentials.
func (c Config) credential(name string) (path string, ok bool) {
	if c.vars.CredentialsDirectory == "" {
		return "", false
	}
	path = filepath.Join(c.vars.CredentialsDirectory, name)
	_, err := os.Stat(path)
	return path, !errors.Is(err, fs.ErrNotExist)
}

// tokenFile is a file that holds a token or another secret, and what was last read of it.
type tokenFile struct {
	path, of string
	what     string // a word for what is in it: token, secret
	mute     bool   // the path may be a token that was pasted there: never print it

	mu   sync.Mutex
	seen os.FileInfo
	text string
}

func (f *tokenFile) token() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, err := os.Stat(f.path)
	if err != nil {
		return "", f.unreadable(err)
	}
	if f.seen != nil && same(f.seen, now) {
		return f.text, nil
	}
	return f.read()
}

// same reports whether nothing hints at a change: time, size, and which file it is.
func same(a, b os.FileInfo) bool {
	return a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && os.SameFile(a, b)
}

// read takes file and facts from one open file: it may be replaced at any time.
func (f *tokenFile) read() (string, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return "", f.unreadable(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", f.unreadable(err)
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxToken+1))
	if err != nil {
		return "", f.unreadable(err)
	}
	text := strings.TrimSpace(string(raw))
	switch {
	case hasBearer(text):
		return "", fmt.Errorf("%s: %s: %w", f.of, f.name(), errBearer)
	case unfilledSecret(text) != "":
		return "", fmt.Errorf("%s: what %s holds %s", f.of, f.name(), unfilledSecret(text))
	case len(raw) > maxToken || strings.ContainsAny(text, " \t\r\n"):
		return "", fmt.Errorf("%s: %s holds more than a %s: write the %[3]s alone into it", f.of, f.name(), f.what)
	case text == "":
		return "", fmt.Errorf("%s: %s is empty: write the %s into it", f.of, f.name(), f.what)
	}
	f.seen, f.text = info, text
	return text, nil
}

func (f *tokenFile) unreadable(err error) error {
	reason := err
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		reason = failed.Err
	}
	if f.mute {
		return fmt.Errorf("%s holds what looks like a %s, and must name a file (%w): to give the %[2]s itself set %[4]s",
			f.of, f.what, reason, strings.TrimSuffix(f.of, "_FILE"))
	}
	return fmt.Errorf("%s: %s cannot be read (%w): name a file that holds the %s", f.of, f.name(), reason, f.what)
}

// name is the file as an error may name it.
func (f *tokenFile) name() string {
	if f.mute {
		return "the file it names"
	}
	return "the file " + f.path
}
