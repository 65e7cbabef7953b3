package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/zalando/go-keyring"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/text"
)

const (
	service     = "vpsbot"         // what the keyring calls us
	readAgain   = 30 * time.Second // how long a token of the keyring is kept: another terminal may have changed it
	askingLimit = time.Minute      // for a keyring that is locked and asks for its password
)

// Keyring is the system's keyring: Secret Service on Linux, Keychain, Credential Manager.
type Keyring struct {
	asking sync.Mutex // one question at a time
	read   map[string]answer

	mu   sync.Mutex
	seen []string
}

type answer struct {
	token string
	err   error
	at    time.Time
}

// NewKeyring returns the keyring of the system, or nil where there is none. On Linux that is where there is no session
// bus: none is started. It asks nobody.
func NewKeyring(env envconfig.Lookuper, goos string) *Keyring {
	if goos != "darwin" && goos != "windows" && !hasBus(env) {
		return nil
	}
	return &Keyring{read: map[string]answer{}}
}

// hasBus reports whether there is a session bus: by the variable of a session, or where systemd puts its socket, for a client
// of MCP passes on little but HOME. The library looks nowhere else, and would start a bus.
func hasBus(env envconfig.Lookuper) bool {
	of := func(name string) string { value, _ := env.Lookup(name); return value }
	if address := of("DBUS_SESSION_BUS_ADDRESS"); address != "" && address != "autolaunch:" {
		return true
	}
	_, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid()))
	return of("HOME") != "" && err == nil
}

// Token implements [config.Keyring]. What it returned counts for half a minute.
func (k *Keyring) Token(entry string) (string, error) {
	k.asking.Lock()
	defer k.asking.Unlock()
	if last, ok := k.read[entry]; ok && time.Since(last.at) < readAgain {
		return last.token, last.err
	}
	a := answer{}
	a.token, a.err = within(func() (string, error) { return keyring.Get(service, entry) })
	if errors.Is(a.err, keyring.ErrNotFound) {
		a.err = fs.ErrNotExist
	}
	k.mu.Lock()
	if a.err == nil && !slices.Contains(k.seen, a.token) {
		k.seen = append(k.seen, a.token)
	}
	k.mu.Unlock()
	a.at = time.Now()
	k.read[entry] = a
	return a.token, a.err
}

// Seen implements [config.Keyring].
func (k *Keyring) Seen() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.seen)
}

// change sets or removes an entry.
func (k *Keyring) change(entry string, call func() error) error {
	k.asking.Lock()
	defer k.asking.Unlock()
	delete(k.read, entry)
	_, err := within(func() (string, error) { return "", call() })
	return err
}

var errSilent = fmt.Errorf("it does not answer within %s", askingLimit)

// without is what dbus-daemon and dbus-broker say of a bus without a keyring, as a server has one.
var without = regexp.MustCompile(`not provided by any \.service files|not activatable`)

// within bounds a call of the keyring, which may wait for a person. A call that hangs is left to itself. No keyring is one
// without the entry.
func within(call func() (string, error)) (string, error) {
	done := make(chan answer, 1)
	go func() {
		token, err := call()
		done <- answer{token: token, err: err}
	}()
	select {
	case a := <-done:
		if a.err != nil && without.MatchString(a.err.Error()) {
			a.err = keyring.ErrNotFound
		}
		return a.token, a.err
	case <-time.After(askingLimit):
		return "", errSilent
	}
}

// Keep keeps the token of a configuration: in the keyring, and where there is none in a file for this user alone. It says
// where, and why not in the keyring if that failed.
func Keep(cfg config.Config, k *Keyring, token string) (place string, failed error, err error) {
	if entry := cfg.KeyringEntry(); entry != "" {
		if failed = k.change(entry, func() error { return keyring.Set(service, entry, token) }); failed == nil {
			return "the system's keyring", nil, nil
		}
		if errors.Is(failed, keyring.ErrNotFound) {
			failed = nil
		}
	}
	path := cfg.TokenFile()
	if path == "" {
		return "", failed, Dir("").Check()
	}
	return "the file " + path, failed, config.Denied(text.WriteFile(path, token+"\n"), filepath.Dir(path))
}

// Forget removes the token of a configuration from where [Keep] may have put it, and says from where it did.
func Forget(cfg config.Config, k *Keyring) (places []string, err error) {
	if entry := cfg.KeyringEntry(); entry != "" {
		switch failed := k.change(entry, func() error { return keyring.Delete(service, entry) }); {
		case failed == nil:
			places = append(places, "the system's keyring")
		case !errors.Is(failed, keyring.ErrNotFound):
			err = fmt.Errorf("the system's keyring: %w", failed)
		}
	}
	if path := cfg.TokenFile(); path != "" {
		switch failed := os.Remove(path); {
		case failed == nil:
			places = append(places, "the file "+path)
		case !errors.Is(failed, fs.ErrNotExist):
			err = errors.Join(err, failed)
		}
	}
	return places, err
}
