package config

import (
	"errors"
	"path"
	"strings"
)

var errNoFolder = errors.New("VPSBOT_DATABASE_URL is not set, and the environment names no home folder: write sqlite:PATH")

// Database returns the URL of the database: what VPSBOT_DATABASE_URL says, else a SQLite
// file in the user's state folder. Whether it can be opened is the store's to say.
func (c Config) Database() (string, error) {
	if given := strings.TrimSpace(c.vars.DatabaseURL.Reveal()); given != "" {
		return given, nil
	}
	folder := c.stateFolder()
	if folder == "" {
		return "", errNoFolder
	}
	return "sqlite:" + path.Join(folder, "vpsbot", "vpsbot.db"), nil
}

// stateFolder is where programs of this system keep what they must remember.
func (c Config) stateFolder() string {
	v := c.vars
	switch {
	case c.goos == "windows":
		return strings.ReplaceAll(v.LocalAppData, `\`, "/")
	case path.IsAbs(v.StateHome):
		return v.StateHome
	case v.Home == "":
		return ""
	case c.goos == "darwin":
		return path.Join(v.Home, "Library", "Application Support")
	}
	return path.Join(v.Home, ".local", "state")
}
