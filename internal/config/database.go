package config

import (
	"errors"
	"path"
	"strings"
)

var errNoFolder = errors.New("VPSBOT_DATABASE_URL is not set, and the environment names no home folder by its whole path: write sqlite:PATH")

// Database returns the URL of the database: what VPSBOT_DATABASE_URL says, else a SQLite
// file in the user's state folder; the built-in simulator has one of its own. Whether it can be
// opened is the store's to say.
func (c Config) Database() (string, error) {
	if given := strings.TrimSpace(c.vars.DatabaseURL.Reveal()); given != "" {
		return given, nil
	}
	folder := c.stateFolder()
	if folder == "" {
		return "", errNoFolder
	}
	name := "vpsbot.db"
	if c.IsSimulator() {
		name = "simulator.db"
	}
	return "sqlite:" + path.Join(folder, "vpsbot", name), nil
}

// stateFolder is where programs of this system keep what they must remember; empty: nowhere. A home
// that is not absolute, as one that nobody expanded, is none: it would be another in each folder.
func (c Config) stateFolder() string {
	v := c.vars
	switch {
	case c.goos == "windows":
		return windowsFolder(v.LocalAppData)
	case path.IsAbs(v.StateHome):
		return v.StateHome
	case !path.IsAbs(v.Home):
		return ""
	case c.goos == "darwin":
		return path.Join(v.Home, "Library", "Application Support")
	}
	return path.Join(v.Home, ".local", "state")
}

// windowsFolder spells an absolute path, C:\Users, the way that URLs do; empty: it is none.
func windowsFolder(folder string) string {
	folder = strings.ReplaceAll(folder, `\`, "/")
	drive := len(folder) > 2 && folder[1] == ':' && folder[2] == '/'
	if drive || strings.HasPrefix(folder, "//") {
		return folder
	}
	return ""
}
