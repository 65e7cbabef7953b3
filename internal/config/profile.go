package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sethvargo/go-envconfig"

	"github.com/vpsbot/vpsbot/internal/text"
)

// Profile is a file of variables that was chosen; the zero Profile is none. A variable of the environment has
// precedence.
type Profile struct {
	Name      string
	ChosenBy  string // "--profile", "VPSBOT_PROFILE" or "vpsbot profile use"
	Path      string
	Variables map[string]string
}

// Keyring is the system's store for secrets. Its methods may be called concurrently.
type Keyring interface {
	// Token returns the token of an entry. It fails with an error that is [fs.ErrNotExist] if there is none.
	Token(entry string) (string, error)
	// Seen returns the tokens that Token has returned. It asks nobody.
	Seen() []string
}

// Options is what [ReadWith] takes beside the environment. The zero value is nothing.
type Options struct {
	Profile Profile
	Keyring Keyring // nil: there is none
	Entered string  // a token that a person has just entered, which has precedence over all sources
}

// Folder returns the folder of vpsbot's configuration: $XDG_CONFIG_HOME/vpsbot, else ~/.config/vpsbot; on Windows it
// is in the user's local folder. It is empty where the environment names no home by its whole path.
func Folder(env envconfig.Lookuper, goos string) string {
	of := func(name string) string { value, _ := env.Lookup(name); return value }
	if goos == "windows" {
		if folder := windowsFolder(of("LOCALAPPDATA")); folder != "" {
			return path.Join(folder, "vpsbot")
		}
		return ""
	}
	if home := of("XDG_CONFIG_HOME"); path.IsAbs(home) {
		return path.Join(home, "vpsbot")
	}
	if home := of("HOME"); path.IsAbs(home) {
		return path.Join(home, ".config", "vpsbot")
	}
	return ""
}

// layers is an environment with a profile below it. What is set to nothing in the environment is not set there.
type layers struct {
	envconfig.Lookuper
	profile envconfig.Lookuper
}

func (l layers) Lookup(name string) (string, bool) {
	value, given := l.Lookuper.Lookup(name)
	if strings.TrimSpace(value) != "" || slices.Contains(ofSystem, name) || l.hides(name) {
		return value, given
	}
	if own, isOwn := l.profile.Lookup(name); isOwn {
		return own, true
	}
	return value, given
}

// hides reports whether the environment has a secret of the profile by another way: by its variable, its file, or
// as a credential. Only one of them may count.
func (l layers) hides(name string) bool {
	secret := strings.TrimSuffix(name, fileSuffix)
	return slices.Contains(secretNames, secret) && len(GivenBy(l.Lookuper, secret)) > 0
}

// Names implements [Lister].
func (l layers) Names() []string {
	if lister, ok := l.Lookuper.(Lister); ok {
		return lister.Names()
	}
	return nil
}

// GivenBy names what in the environment gives a secret: its variable, its _FILE variable or a credential.
func GivenBy(env envconfig.Lookuper, secret string) string {
	for _, name := range []string{secret, secret + fileSuffix} {
		if value, _ := env.Lookup(name); strings.TrimSpace(value) != "" {
			return name
		}
	}
	folder, _ := env.Lookup("CREDENTIALS_DIRECTORY")
	if credentialPath(folder, secret) != "" {
		return "the credential " + secret
	}
	return ""
}

// ofSystem are the variables that are read and are no settings: a profile has none of them.
var ofSystem = []string{"CREDENTIALS_DIRECTORY", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "HOME", "LOCALAPPDATA"}

const profileName = "VPSBOT_PROFILE"

// CheckVariable says what is wrong with a line of a profile; nil for nothing. The error has no value.
func CheckVariable(name, value string) error {
	isForEnvironment := func(n string) bool { return n == profileName || slices.Contains(ofSystem, n) }
	ours := slices.DeleteFunc(known(), isForEnvironment)
	path, isDatabase := strings.CutPrefix(strings.TrimSpace(value), "sqlite:")
	isPath := strings.HasSuffix(name, fileSuffix) || name == "VPSBOT_AUDIT_STATE" || isDatabase && !strings.HasPrefix(path, ":")
	switch {
	case isForEnvironment(name):
		return fmt.Errorf("%s is for the environment, not for a profile: remove the line", name)
	case !slices.Contains(ours, name):
		if near := nearest(name, ours); near != "" {
			return fmt.Errorf("%s is no variable of vpsbot; %s is", text.Clean(name), near)
		}
		return errors.New("what stands before = is no variable of vpsbot: vpsbot help environment lists them")
	case strings.HasSuffix(name, fileSuffix) && looksLikeSecret(path):
		return fmt.Errorf("%s holds what looks like a secret, and must name a file: for the secret itself write %s", name, strings.TrimSuffix(name, fileSuffix))
	case isPath && path != "" && !filepath.IsAbs(path):
		return fmt.Errorf("%s must name its place by the whole path, beginning with /", name)
	case unfilled(value) != "":
		return fmt.Errorf("%s %s", name, unfilled(value))
	}
	return nil
}

// IsSecret reports whether the value of a variable is never shown.
func IsSecret(name string) bool {
	return slices.Contains(secretNames, name)
}

// Profile returns the profile in force; the zero Profile if there is none.
func (c Config) Profile() Profile { return c.options.Profile }

// otherAPI names the API, if it is neither VPS.org nor the one that the profile names: each profile and each API has a kept
// token of its own, so that none is sent to another API than the one that it was entered for.
func (c Config) otherAPI() string {
	own := Config{}
	_ = own.setURL(strings.TrimSpace(c.Profile().Variables["VPS_API_URL"])) // ReadWith says what is wrong with it
	if c.URL == "" || c.URL == own.URL {
		return ""
	}
	return strings.NewReplacer("https://", "", "http://", "", ":", "-", "/", "-", "[", "-", "]", "-", "%", "-").Replace(c.URL)
}

// kept names the kept token: the entry of the keyring, and the file below the folder of the configuration.
func (c Config) kept() (entry, file string) {
	switch name, api := c.Profile().Name, c.otherAPI(); {
	case name != "" && api != "":
		name += "@" + api // which no name of a profile has
		fallthrough
	case name != "":
		return "profile " + name, "profiles/" + name + ".token"
	case api != "":
		return "token-" + api, "token-" + api
	}
	return "token", "token"
}

// KeyringEntry names the entry of the keyring for the token of this configuration. It is empty where the keyring is not used.
func (c Config) KeyringEntry() string {
	if c.options.Keyring == nil || !c.keyring || c.otherAPI() == Simulator {
		return ""
	}
	entry, _ := c.kept()
	return entry
}

// TokenFile returns the path of the file in which a token is kept that no variable names; empty: there is no folder.
func (c Config) TokenFile() string {
	if c.folder == "" {
		return ""
	}
	_, file := c.kept()
	return filepath.Join(c.folder, filepath.FromSlash(file))
}

// keptToken is where a token may be that vpsbot login has kept: in the keyring, else in a file.
type keptToken struct {
	Config
	file *secretFile // nil: there is no folder
}

func (c Config) newKeptToken() keptToken {
	k := keptToken{Config: c}
	if path := c.TokenFile(); path != "" {
		k.file = &secretFile{source: secretSource{name: apiToken, noun: "token"}, path: path, namedBy: "the kept token", private: true}
	}
	return k
}

// read returns the token and what has it.
func (k keptToken) read() (token, place string, err error) {
	locked := error(nil)
	if entry := k.KeyringEntry(); entry != "" {
		if token, locked = k.options.Keyring.Token(entry); locked == nil {
			return token, "the system's keyring", nil
		}
	}
	if k.file != nil {
		if token, err = k.file.secret(); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return token, "the file " + k.file.path, err
		}
	}
	switch {
	case k.IsSimulator():
		return demoToken, "the built-in simulator", nil
	case locked != nil && !errors.Is(locked, fs.ErrNotExist):
		return "", "", &noToken{fmt.Sprintf("the system's keyring does not give the token (%v): unlock it, or set VPS_API_TOKEN_FILE to a file that holds the token", locked)}
	case k.Profile().Name != "":
		return "", "", &noToken{fmt.Sprintf("the profile %s has no token for %s: vpsbot login --profile %[1]s keeps one for it", k.Profile().Name, k.URL)}
	}
	return "", "", ErrNoToken
}

// noToken is [ErrNoToken] with a reason of its own.
type noToken struct{ says string }

func (e *noToken) Error() string      { return e.says }
func (*noToken) Is(target error) bool { return target == ErrNoToken }

// TokenSource says in words where the token comes from: "VPS_API_TOKEN_FILE", "the system's keyring". It is empty
// where there is none.
func (c Config) TokenSource() string {
	if given := c.GivenToken(); given != "" {
		return given
	}
	_, place, _ := c.newKeptToken().read()
	return place
}

// GivenToken says in words what gives a token that counts before a kept one: a variable, its file, a credential or the
// profile. It is empty where nothing does.
func (c Config) GivenToken() string {
	s := c.secretSource(apiToken)
	if !s.isSet() {
		return ""
	}
	path, by := s.filePath()
	if by == "" {
		by = s.name
	}
	if GivenBy(c.env, apiToken) == "" {
		by += " of the profile " + c.Profile().Name
	}
	if path != "" && !s.isPasted() {
		by += " (" + path + ")"
	}
	return by
}

// Denied adds to an error, if it is that a file or folder of ours is not open to this user, what to type.
func Denied(err error, folder string) error {
	if errors.Is(err, fs.ErrPermission) {
		if info, failed := os.Stat(filepath.Dir(folder)); failed == nil && !isOwn(info) && strings.HasSuffix(folder, ".config/vpsbot") {
			folder = filepath.Dir(folder) // sudo has made that too
		}
		err = fmt.Errorf("%w: if it was made by sudo, run: sudo chown -R \"$(id -un)\" %s", err, text.ShellWord(folder))
	}
	return err
}

// CheckPrivate fails, with what to type, for a file that others can read or that is another user's.
func CheckPrivate(path string, info os.FileInfo) error {
	if !isOwn(info) {
		return fmt.Errorf("the file %s belongs to another user, who can change it: remove it, or run: chown \"$(id -un)\" %s", path, text.ShellWord(path))
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && hasModes {
		return fmt.Errorf("others can read the file %s (mode %04o): run: chmod 600 %s", path, mode, text.ShellWord(path))
	}
	return nil
}

// CheckToken says what is wrong with a token that a person has entered; nil for nothing.
func CheckToken(token string) error {
	s := secretSource{name: apiToken, noun: "token", value: Trim(token)}
	if s.value == "" {
		return errors.New("no token was given")
	}
	if _, err := meantFor(apiToken, s.checkedValue)(); err != nil {
		return errors.New(strings.Replace(err.Error(), apiToken, "the token", 1))
	}
	return nil
}
