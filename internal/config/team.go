package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// PolicyFile returns the path of the policy; empty: there is none.
func (c Config) PolicyFile() string { return strings.TrimSpace(c.vars.PolicyFile) }

// IsShared reports whether the database is one that other machines reach too, where the name of
// a user of this one proves nothing.
func (c Config) IsShared() bool {
	url, err := c.Database()
	return err == nil && strings.HasPrefix(strings.ToLower(url), "postgres")
}

// Key returns a function that returns the access key, or nothing where none is set: of the file of
// VPSBOT_KEY_FILE or of VPSBOT_KEY, else of systemd's credentials. A file is read each time; one
// that cannot be read is an error, and never no key. It may be called concurrently.
func (c Config) Key() func() (string, error) {
	if path := strings.TrimSpace(c.vars.KeyFile); path != "" {
		return func() (string, error) { return readKey("VPSBOT_KEY_FILE", path) }
	}
	key := strings.TrimSpace(c.vars.Key.Reveal())
	if path, ok := c.credential("VPSBOT_KEY"); ok && key == "" {
		return func() (string, error) { return readKey("the credential VPSBOT_KEY", path) }
	}
	if why := unfilledSecret(key); why != "" {
		return func() (string, error) { return "", errors.New("VPSBOT_KEY " + why) }
	}
	return func() (string, error) { return key, nil }
}

// keyPrefix begins every access key.
const keyPrefix = "vpsbot_"

// readKey reads a file that holds an access key. No error repeats a key that was given in the
// place of its file.
func readKey(of, path string) (string, error) {
	named := "the file " + path
	if strings.HasPrefix(path, keyPrefix) {
		named = "the file it names"
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxToken {
		return "", fmt.Errorf("%s: %s holds more than a key: write the key alone into it", of, named)
	}
	raw, err := os.ReadFile(path)
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		return "", fmt.Errorf("%s: %s cannot be read (%w): name a file that holds the key", of, named, failed.Err)
	}
	key := strings.TrimSpace(string(raw))
	switch {
	case key == "":
		return "", fmt.Errorf("%s: %s is empty: write the key into it", of, named)
	case unfilledSecret(key) != "":
		return "", fmt.Errorf("%s: what %s holds %s", of, named, unfilledSecret(key))
	case strings.ContainsAny(key, " \t\r\n"):
		return "", fmt.Errorf("%s: %s holds more than a key: write the key alone into it", of, named)
	}
	return key, err
}
